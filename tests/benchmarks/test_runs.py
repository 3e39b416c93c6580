"""Runs in processes of their own: what a line says, and what happens when a run fails."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import contest
from benchmarks.__main__ import main
from benchmarks.readers import FAMILIES, read, solomon
from benchmarks.readers.instance import Instance
from benchmarks.runs import Run, falling, isolated, judged, measure, scored
from dispatch.matching import Plan, solve
from tests.benchmarks import files

LINE = {"instance", "family", "objective", "served", "seconds", "feasible", "best_known", "gap_percent", "peak_mb"}


def tiny(family: str, folder: Path) -> Path:
    match family:
        case "rich" | "rich-core":
            return files.rich(folder)
        case "trsp":
            return files.trsp(folder)
        case "kovacs" | "kovacs-reduced":
            return files.kovacs(folder)
        case "solomon" | "homberger":
            return files.solomon(folder)
        case "pcvrptw":
            return files.vrplib(folder, files.PRIZES)
        case "sdvrptw":
            return files.vrplib(folder, files.SITE_DEPENDENT)
        case "mdvrptw":
            return files.vrplib(folder, files.TWO_DEPOTS)
    return files.vrplib(folder)


OWN_FAMILIES = sorted(set(FAMILIES) - {"vroom", "pragmatic"})


@pytest.mark.parametrize("family", OWN_FAMILIES)
def test_every_family_is_read(family: str, tmp_path: Path) -> None:
    instance = read(family, tiny(family, tmp_path))
    assert instance.problem.visits
    assert instance.best_known is None


BEST = {
    "solomon": 22.8,
    "vrptw": 22.8,
    "homberger": 20 + 2 * 2**0.5,
    "pcvrptw": 220.0,  # customer 3 is worth less than its way
    "sdvrptw": 22_828.0,
    "mdvrptw": 10_020.0,
    "rich": 1_177 + 130 + 130 + 600,
    "rich-core": 1_177 + 130 + 130,
    "kovacs": 30.0,
    "kovacs-reduced": 10 + 200 + 2**1.5,
    "trsp": 13 + 10 + 5 + 10 + 6,  # technician 1 by the depot to request 3, then 4
}
"""Best objective of the tiny files, found by hand."""


@pytest.mark.parametrize("family", OWN_FAMILIES)
def test_every_family_is_solved_to_the_end(family: str, tmp_path: Path) -> None:
    instance = read(family, tiny(family, tmp_path))
    line = judged(instance, solve(instance.problem, step_limit=300))
    assert "faults" not in line
    assert line["objective"] == pytest.approx(BEST[family], abs=1e-3)


def test_command_prints_one_line_for_each_file_and_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "isolated", measure)  # without a process for each
    path = files.solomon(tmp_path)
    failed = main(["solomon", str(path), "--time-limit", "0.3", "--seed", "3", "--seed", "4", "--trace"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert not failed
    assert [(line["instance"], line["family"], line["seed"]) for line in lines] == [
        ("TINY", "solomon", 3),
        ("TINY", "solomon", 4),
    ]
    assert all(line.keys() >= LINE for line in lines)
    assert all(line["served"] == 3 and line["peak_mb"] > 20 and line["trace"] for line in lines)


def test_a_run_has_a_process_of_its_own(tmp_path: Path) -> None:
    blocks = b"x" * 600_000_000  # a peak of this process, not of the run's
    told = isolated(Run(family="solomon", path=files.solomon(tmp_path), time_limit_s=0.3))
    assert told["served"] == 3
    assert 20 < told["peak_mb"] < len(blocks) / 1e6


def test_plans_are_kept(tmp_path: Path) -> None:
    measure(Run(family="solomon", path=files.solomon(tmp_path), time_limit_s=0.2, keep=tmp_path / "kept"))
    kept = Plan.from_json((tmp_path / "kept" / "solomon-TINY-1.plan.json").read_text(encoding="utf-8"))
    assert set(kept.stops_by_visit) == {"1", "2", "3"}


def test_a_file_that_can_not_be_read_gives_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solomon", str(tmp_path / "none.txt")]) == 1
    assert "FileNotFoundError" in json.loads(capsys.readouterr().out)["error"]


def _crash(run: Run) -> dict[str, Any]:
    raise SystemExit(7)


def test_a_crash_ends_only_its_own_run(tmp_path: Path) -> None:
    told = isolated(Run(family="solomon", path=tmp_path / "TINY.txt", time_limit_s=1.0), _crash)
    assert told["error"] == "the process ended with code 7"


def test_a_broken_plan_is_not_feasible(tmp_path: Path) -> None:
    instance = solomon.read(files.solomon(tmp_path))
    plan = solve(instance.problem, step_limit=20)
    good = judged(instance, plan)
    assert good["served"] == 3
    smaller = files.SOLOMON.replace("9         20", "9         4")
    (tmp_path / "SMALL.txt").write_text(smaller, encoding="utf-8")
    bad = judged(solomon.read(tmp_path / "SMALL.txt"), plan)
    assert not bad["feasible"]
    assert "carries" in bad["faults"][0]


@pytest.mark.parametrize(
    "best, objective, faults, details, gap",
    [
        (100.0, 102.5, [], {}, 2.5),
        (100.0, 99.0, [], {"vehicles": 3}, -1.0),
        (100.0, 102.5, ["late"], {}, None),
        (None, 102.5, [], {}, None),
        (100.0, 90.0, [], {"vehicles": 4, "best_known_vehicles": 3}, None),
        (100.0, 110.0, [], {"vehicles": 3, "best_known_vehicles": 3}, 10.0),
    ],
)
def test_gap_is_told_where_it_means_something(
    tmp_path: Path, best: float | None, objective: float, faults: list[str], details: dict[str, Any], gap: float | None
) -> None:
    problem = solomon.read(files.solomon(tmp_path)).problem
    instance = Instance(
        name="x", problem=problem, best_known=best, objective=lambda _: objective, faults=lambda _: faults
    )
    assert scored(instance, objective, faults, details)["gap_percent"] == gap


@pytest.mark.parametrize(
    "points, kept",
    [
        ([], []),
        ([(1.0, 5.0), (2.0, 6.0), (3.0, 4.0)], [[1.0, 5.0], [3.0, 4.0]]),
        ([(1.0, 5.0), (9.0, 7.0)], [[1.0, 5.0], [9.0, 5.0]]),
    ],
)
def test_trace_keeps_what_is_better(points: list[tuple[float, float]], kept: list[list[float]]) -> None:
    assert falling(points) == kept


def test_trace_is_short() -> None:
    points = [(0.01 * step, 10_000.0 - step) for step in range(5_000)]
    kept = falling(points)
    assert 100 < len(kept) < 220
    assert (kept[0], kept[-1]) == ([0.0, 10_000.0], [49.99, 5_001.0])


def test_ratio_needs_two_feasible_plans() -> None:
    ours = {"objective": 90.0, "feasible": True}
    assert contest.with_ratio({"objective": 100.0, "feasible": True}, ours)["ours_to_peer"] == 0.9
    assert contest.with_ratio({"objective": 100.0, "feasible": False}, ours)["ours_to_peer"] is None
    assert contest.with_ratio({"objective": 100.0, "feasible": True}, {"error": "x"})["ours_to_peer"] is None


@pytest.mark.parametrize("vehicles, ratio", [(3, 0.9), (4, None)])
def test_ratio_needs_as_many_vehicles_where_they_count_first(vehicles: int, ratio: float | None) -> None:
    ours = {"objective": 90.0, "feasible": True, "vehicles": 3, "best_known_vehicles": None}
    peer = {"objective": 100.0, "feasible": True, "vehicles": vehicles}
    assert contest.with_ratio(peer, ours)["ours_to_peer"] == ratio
