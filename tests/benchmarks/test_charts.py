"""Charts and tables of results."""

from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.plots import Axis, charts
from benchmarks.summary import rows


def result(**changes: Any) -> dict[str, Any]:
    return {
        "instance": "a",
        "family": "rich",
        "seed": 1,
        "engine": "extramile",
        "visits": 150,
        "time_limit_s": 10.0,
        "objective": 90.0,
        "feasible": True,
        "best_known": None,
        "gap_percent": None,
        "seconds": 10.0,
        "first_plan_s": 0.1,
        "peak_mb": 200,
    } | changes


PEER = {"engine": "vroom", "objective": 100.0}


def test_cost_over_time_needs_traces() -> None:
    assert charts([result()]) == {}
    assert list(charts([result(trace=[[0.0, 100.0], [1.0, 90.0]])])) == ["rich-a-over-time.svg"]


def test_sizes_need_more_than_one_and_the_same_limit() -> None:
    larger = result(instance="b", visits=1_000, objective=500.0)
    assert charts([result(), result(**larger | {"time_limit_s": 60.0})]) == {}
    found = charts([result(), larger])
    assert list(found) == [
        "rich-10s-cost-by-size.svg",
        "rich-10s-time-by-size.svg",
        "rich-10s-first-plan-by-size.svg",
    ]


def test_a_first_plan_at_once_stands_at_the_low_end() -> None:
    lines = [result(first_plan_s=0.0), result(instance="b", visits=1_000, objective=500.0, first_plan_s=0.2)]
    picture = charts(lines)["rich-10s-first-plan-by-size.svg"].svg()
    assert ElementTree.fromstring(picture) is not None


def test_cost_by_size_is_a_ratio_of_medians() -> None:
    lines = [result(seed=seed, objective=cost) for seed, cost in enumerate((90.0, 80.0, 100.0))]
    lines += [result(**PEER), result(instance="b", visits=1_000, objective=50.0)]
    lines += [result(instance="b", visits=1_000, engine="vroom", objective=40.0)]
    ours, peer = charts(lines)["rich-10s-cost-by-size.svg"].series
    assert (ours.name, ours.points) == ("extramile", [(150.0, 1.0), (1_000.0, 1.25)])
    assert (peer.name, peer.points) == ("vroom", [(150.0, pytest.approx(100 / 90)), (1_000.0, 1.0)])


def test_median_run_is_drawn_strong_and_broken_runs_not_at_all() -> None:
    lines = [
        result(seed=seed, objective=cost, feasible=cost < 200, trace=[[0.0, 300.0], [1.0, cost]])
        for seed, cost in enumerate((90.0, 80.0, 100.0, 250.0))
    ]
    found = charts(lines)["rich-a-over-time.svg"].series
    assert [(line.points[-1][1], line.faint) for line in found] == [(80.0, True), (90.0, False), (100.0, True)]


@pytest.mark.parametrize("best", [None, 85.0])
def test_charts_are_well_formed_and_say_what_they_show(best: float | None) -> None:
    trace = [[0.0, 200.0], [1.0, 90.0]]
    lines = [
        result(trace=trace, best_known=best),
        result(**PEER, trace=trace, instance="a<b"),
        result(**PEER, trace=trace),
    ]
    for chart in charts(lines).values():
        picture = ElementTree.fromstring(chart.svg())
        texts = ["".join(item.itertext()) for item in picture.iter() if item.tag.endswith(("text", "title", "desc"))]
        assert chart.title in texts
        assert {"seconds", "cost of the best plan so far"} <= set(texts)
        assert ("best known" in texts) == (best is not None and "a<b" not in chart.title)


def test_best_known_of_fewest_vehicles_is_no_level_of_cost() -> None:
    line = result(trace=[[0.0, 9.0]], best_known=5.0, vehicles=3, best_known_vehicles=3)
    assert charts([line])["rich-a-over-time.svg"].level is None


@pytest.mark.parametrize(
    "low, high, logarithmic, marks",
    [
        (0.0, 10.0, False, [0, 2, 4, 6, 8, 10]),
        (0.9, 1.45, False, [1.0, 1.2, 1.4]),
        (1.0, 100.0, True, [1, 2, 5, 10, 20, 50, 100]),
        (200_000.0, 400_000.0, True, [200_000, 250_000, 300_000, 350_000, 400_000]),
    ],
)
def test_marks_are_round(low: float, high: float, logarithmic: bool, marks: list[float]) -> None:
    axis = Axis(label="", low=low, high=high, near=0.0, far=100.0, logarithmic=logarithmic)
    assert axis.ticks() == pytest.approx(marks)
    assert (axis.at(low), axis.at(high)) == (0.0, 100.0)


def test_table_gives_medians_and_ratios() -> None:
    lines = [result(seed=seed, objective=cost, gap_percent=cost - 80) for seed, cost in enumerate((90.0, 80.0, 100.0))]
    lines += [result(**PEER), result(**PEER, feasible=False, seed=2), {"error": "x", "instance": "a", "family": "rich"}]
    assert rows(lines) == [
        ("rich", "a", "10", "extramile", "3", "90", "10.00", "-", "10.0", "200"),
        ("rich", "a", "10", "vroom", "1 of 2 feasible", "100", "-", "0.900", "10.0", "200"),
    ]
