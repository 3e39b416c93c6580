"""Vehicle routing files: what is read, what is asked, and what a recount says."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.readers import homberger, mdvrptw, pcvrptw, read, sdvrptw, solomon, vrptw
from benchmarks.readers.instance import Instance, Recount, Trip, finest_scale
from benchmarks.readers.routing import (
    DIMACS,
    DOUBLES,
    LOAD,
    THOUSANDTHS,
    RoutingRecount,
    read_solution,
    read_vrplib,
    whole_ways,
)
from tests.benchmarks import files


def trips(*routes: str) -> list[Trip]:
    """Trips of vehicles 1, 2, ... by the customers in their routes; an empty route stays at home."""
    return [
        Trip(shift=f"vehicle {number}", visits=tuple(route.split()))
        for number, route in enumerate(routes, start=1)
        if route
    ]


def recount(instance: Instance) -> Recount:
    assert instance.contest is not None
    return instance.contest.recount


def test_solomon_counts_in_cut_tenths(tmp_path: Path) -> None:
    instance = solomon.read(files.solomon(tmp_path))
    assert recount(instance).faults(trips("1 2", "3")) == []
    # 5.0 + 5.0 + 10.0, and twice 1.4142 cut to 1.4
    assert recount(instance).objective(trips("1 2", "3")) == pytest.approx(22.8)
    assert recount(instance).details(trips("1 2", "3")) == {"vehicles": 2}


def test_homberger_counts_in_doubles_after_vehicles(tmp_path: Path) -> None:
    instance = homberger.read(files.solomon(tmp_path))
    assert recount(instance).objective(trips("1 2", "3")) == pytest.approx(20 + 2 * 2**0.5)
    assert {person.call_out_cost for person in instance.problem.technicians} == {10_000 * 1_000}


def test_solomon_asks_whole_tenths(tmp_path: Path) -> None:
    problem = solomon.read(files.solomon(tmp_path)).problem
    assert len(problem.shifts) == 3  # of nine vehicles no more than there are customers
    assert {(shift.start_s, shift.end_s, shift.parts[LOAD]) for shift in problem.shifts} == {(0, 1_000, 20)}
    second = problem.visit_by_id["2"]
    assert (second.windows[0].start_s, second.windows[0].end_s, second.duration_s) == (200, 600, 100)
    assert second.parts == {LOAD: 10}
    assert not second.optional
    assert problem.travel.matrix is not None
    assert problem.travel.matrix.travel_s == ((0, 50, 100, 14), (50, 0, 50, 36), (100, 50, 0, 86), (14, 36, 86, 0))


@pytest.mark.parametrize(
    "routes, said",
    [
        (("1 2",), ["customer 3 is left out"]),
        (("1 2 3",), ["vehicle 1 carries 25 of 20"]),
        (("1 2", "3 1"), ["customer 1 is served twice"]),
        (("1 2", "3 7"), ["there is no customer 7"]),
        (("1 2", "", "", "", "3"), ["there is no vehicle 5"]),
        (("2 1", "3"), []),
        (("3 2", "1"), []),
    ],
)
def test_recount_says_what_is_wrong(tmp_path: Path, routes: Sequence[str], said: list[str]) -> None:
    instance = solomon.read(files.solomon(tmp_path))
    assert recount(instance).faults(trips(*routes)) == said


def test_recount_says_who_is_late(tmp_path: Path) -> None:
    path = files.vrplib(tmp_path, files.VRPLIB.replace("2 0 50\n", "2 0 34.9\n"))
    # 20 at 2, work until 30, 5 on the way: 35 is a tenth too late for 34.9
    assert recount(vrptw.read(path)).faults(trips("2 1", "3")) == ["vehicle 1 is 0.1 late at 1"]
    path = files.vrplib(tmp_path, files.VRPLIB.replace("1 0 100\n", "1 0 49.9\n"))
    assert recount(vrptw.read(path)).faults(trips("2 1", "3")) == ["vehicle 1 is 0.1 late at 0"]


def test_prizes_lost_are_printed_in_tenths(tmp_path: Path) -> None:
    instance = pcvrptw.read(files.vrplib(tmp_path, files.PRIZES))
    assert recount(instance).faults(trips("2")) == []
    assert recount(instance).objective(trips("2")) == 10 * (20 + 7 + 2)
    assert recount(instance).objective([]) == 10 * (7 + 100 + 2)
    asked = {visit.id: (visit.optional, visit.unserved_penalty) for visit in instance.problem.visits}
    assert asked == {"1": (True, 70), "2": (True, 1_000), "3": (True, 20)}


def test_sites_choose_their_vehicles(tmp_path: Path) -> None:
    instance = sdvrptw.read(files.vrplib(tmp_path, files.SITE_DEPENDENT))
    assert recount(instance).faults(trips("1 2", "3")) == []
    assert recount(instance).objective(trips("1 2", "3")) == 20_000 + 2 * 1_414
    assert recount(instance).faults(trips("1 3", "2")) == ["vehicle 2 may not serve customer 2"]
    able = {
        visit.id: {
            person.id
            for person in instance.problem.technicians
            if set(visit.crew[0].certifications) <= {held.id for held in person.certifications}
        }
        for visit in instance.problem.visits
    }
    assert able == {"1": {"vehicle 1"}, "2": {"vehicle 1"}, "3": {"vehicle 1", "vehicle 2"}}
    assert [shift.parts[LOAD] for shift in instance.problem.shifts] == [20, 10]
    assert [shift.max_length_s for shift in instance.problem.shifts] == [45_000, 45_000]


def test_nobody_is_out_for_too_long(tmp_path: Path) -> None:
    shorter = files.SITE_DEPENDENT.replace("DURATION: 45", "DURATION: 39")
    exact = files.SITE_DEPENDENT.replace("DURATION: 45", "DURATION: 40")
    # leaves at 5 for customer 1 and is back at 45, for customer 2 opens only at 20: 20 of driving and 20 of work
    assert recount(sdvrptw.read(files.vrplib(tmp_path, exact))).faults(trips("1 2", "3")) == []
    said = recount(sdvrptw.read(files.vrplib(tmp_path, shorter))).faults(trips("1 2", "3"))
    assert said == ["vehicle 1 is out for 40 of 39"]


@pytest.mark.parametrize("due, said", [(25, []), (8, ["vehicle 1 is out for 57 of 45"])])
def test_waiting_between_customers_is_time_out(tmp_path: Path, due: int, said: list[str]) -> None:
    # customer 2 opens at 40 and is left at 50, home at 60; customer 1 may keep them from leaving home at 20
    later = files.SITE_DEPENDENT.replace("3\t20\t60", "3\t40\t60").replace("2\t0\t50", f"2\t0\t{due}")
    assert recount(sdvrptw.read(files.vrplib(tmp_path, later))).faults(trips("1 2", "3")) == said


def test_depots_come_first_and_vehicles_have_theirs(tmp_path: Path) -> None:
    instance = mdvrptw.read(files.vrplib(tmp_path, files.TWO_DEPOTS))
    assert [visit.id for visit in instance.problem.visits] == ["2", "3"]
    # vehicle 2 starts at (6, 8)
    assert recount(instance).objective(trips("3", "2")) == 2 * 1_414 + 2 * 5_000
    assert instance.problem.shifts[0].start != instance.problem.shifts[1].start


def test_coarser_counting_rounds_to_the_safe_side(tmp_path: Path) -> None:
    file = read_vrplib(files.vrplib(tmp_path))
    assert whole_ways(file, None, 10)[3] == [15, 37, 87, 0]
    assert whole_ways(file, DIMACS, 10)[3] == [14, 36, 86, 0]
    assert whole_ways(file, THOUSANDTHS, 1_000)[3] == [1_414, 3_606, 8_602, 0]


def test_scale_is_as_fine_as_a_shift_may_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    assert finest_scale(100.0) == 1_000
    monkeypatch.setattr("benchmarks.readers.instance.SCALES", (10**9, 10**3, 10, 1))
    assert finest_scale(172.0) == 1_000
    monkeypatch.setattr("benchmarks.readers.instance.SCALES", (10**9, 10, 1))
    assert finest_scale(172.0) == 10
    with pytest.raises(ValueError, match="too long for the matcher"):
        finest_scale(1e12)


@pytest.mark.parametrize("text", ["", "1 2 3\n", files.SOLOMON.split("CUSTOMER")[0]])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="Solomon's columns"):
        solomon.read(path)


RULES = {
    "vrptw": (DIMACS, 1),
    "pcvrptw": (DIMACS, 10),
    "sdvrptw": (THOUSANDTHS, 1_000),
    "mdvrptw": (THOUSANDTHS, 1_000),
}


@pytest.mark.parametrize("path", files.published("*vrptw/*.sol"))
def test_published_solutions_cost_what_they_say(path: Path) -> None:
    rule, printed = RULES[path.parent.name]
    routes, cost = read_solution(path)
    judge = RoutingRecount(file=read_vrplib(path.with_suffix(".vrp")), rule=rule, printed=printed)
    assert judge.faults(routes) == []
    assert judge.objective(routes) == pytest.approx(cost, abs=1e-6)


@pytest.mark.parametrize("path", [*files.published("[sm]dvrptw/*.sol"), *files.published("*vrptw/R1_10_1.sol")])
def test_published_solution_is_the_best_known(path: Path) -> None:
    assert read(path.parent.name, path.with_suffix(".vrp")).best_known == read_solution(path)[1]


@pytest.mark.parametrize("path", files.published("solomon/*.txt"))
def test_published_solomon_files_have_best_known_values(path: Path) -> None:
    instance = solomon.read(path)
    assert len(instance.problem.visits) == 100
    assert instance.best_known is not None
    assert homberger.read(path).best_known == pytest.approx(instance.best_known, rel=0.15)


def test_a_cut_tenth_is_whole_where_the_way_is() -> None:
    assert [DIMACS.way(straight) for straight in (5.0, 0.3, 2**0.5)] == [50, 3, 14]
    assert DOUBLES.way(2**0.5) == 2**0.5
