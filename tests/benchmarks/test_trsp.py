"""Technician routing with tools and parts: working time, kit and depot stops."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.readers import trsp
from benchmarks.readers.instance import Trip
from benchmarks.readers.trsp import TrspRecount, published, read_file
from tests.benchmarks import files


@pytest.fixture
def judge(tmp_path: Path) -> TrspRecount:
    return TrspRecount(file=read_file(files.trsp(tmp_path)))


def trip(person: str, *requests: str, depot_before: int | None = None) -> Trip:
    return Trip(shift=person, visits=requests, depot_before=depot_before)


@pytest.mark.parametrize(
    "route, duration",
    [
        # 5 out, work 30..40, 5 back: leaves at 25
        (trip("1", "3"), 20.0),
        # request 3 may start at 40 at the latest, but then the return is later as well: 6 + 10 + 5 + 10 + 5
        (trip("1", "4", "3"), 6 + 10 + 5 + 10 + 5),
        # 8 to the depot, 10 to request 4, work, 5 to request 3
        (trip("1", "4", "3", depot_before=0), 8 + 10 + 10 + 5 + 10 + 5),
        (trip("1"), 0.0),
    ],
)
def test_working_time_starts_as_late_as_possible(judge: TrspRecount, route: Trip, duration: float) -> None:
    assert judge.duration(route) == pytest.approx(duration)


def test_waiting_between_requests_counts(tmp_path: Path) -> None:
    path = files.trsp(tmp_path)
    path.write_text(files.TRSP.replace("0      90     10", "0      5      10"), encoding="utf-8")
    judge = TrspRecount(file=read_file(path))
    # request 4 starts at 6 > 5
    assert judge.duration(trip("1", "4", "3")) == float("inf")
    path.write_text(files.TRSP.replace("0      90     10", "0      7      10"), encoding="utf-8")
    judge = TrspRecount(file=read_file(path))
    # leaves at 1, is there at 7, is done at 17, waits from 22 to 30, is home at 45
    assert judge.duration(trip("1", "4", "3")) == pytest.approx(44.0)


@pytest.mark.parametrize(
    "trips, said",
    [
        ([trip("1", "3"), trip("2", "4", depot_before=0)], []),
        ([trip("1", "3"), trip("2", "4")], ["technician 2 lacks a part for request 4"]),
        (
            [trip("1", "3", "4")],
            ["technician 1 lacks a tool for request 4", "technician 1 lacks a part for request 4"],
        ),
        ([trip("1", "3", "4", depot_before=1)], []),
        ([trip("1", "4", "3", depot_before=1)], ["technician 1 lacks a tool for request 4"]),
        (
            [trip("2", "3", "4", depot_before=0)],
            ["technician 2 lacks a skill for request 3"],
        ),
        ([trip("1", "3")], ["request 4 is left out"]),
        ([trip("1", "3", "3")], ["customer 3 is served twice"]),
        ([trip("3", "3")], ["there is no 3"]),
    ],
)
def test_recount_says_what_is_wrong(judge: TrspRecount, trips: Sequence[Trip], said: list[str]) -> None:
    assert judge.faults(trips) == said


def test_recount_says_who_is_late(tmp_path: Path) -> None:
    path = files.trsp(tmp_path)
    path.write_text(files.TRSP.replace("30     40 ", "0      4  "), encoding="utf-8")
    judge = TrspRecount(file=read_file(path))
    assert judge.faults([trip("1", "3"), trip("2", "4", depot_before=0)]) == ["technician 1 comes too late"]


def test_problem_asks_kit_and_late_departure(tmp_path: Path) -> None:
    problem = trsp.read(files.trsp(tmp_path)).problem
    assert problem.policy.leave_late
    assert problem.policy.waiting_percent == 100
    first = problem.shift_by_id["1"]
    assert (first.parts, first.tools) == ({"part 0": 1}, ("tool 0",))
    assert first.depot is not None
    assert first.depot not in (first.start, problem.shift_by_id["2"].start)
    asked = problem.visit_by_id["4"]
    assert (asked.parts, asked.tools, asked.optional) == ({"part 0": 1}, ("tool 1",), False)
    assert [option.skill for option in asked.crew[0].needs[0].any_of] == ["skill 1"]


@pytest.mark.parametrize("path", files.published("trsp/*.txt"))
def test_published_routes_take_the_time_they_say(path: Path) -> None:
    """Where the depot lies on the way is left to the reader, so the best place is no worse than the published one."""
    judge = TrspRecount(file=read_file(path))
    solution = published(path)
    if solution is None:
        pytest.skip("no solution of this file is published")
    for person, told in solution["routes"].items():
        requests = tuple(str(number) for number in told["requests"])
        direct = trip(person, *requests)
        if not any("lacks" in fault for fault in judge.faults([direct])):
            assert judge.duration(direct) == pytest.approx(told["duration"], abs=0.01)
            continue
        detours = [trip(person, *requests, depot_before=before) for before in range(len(requests))]
        fit = [judge.duration(way) for way in detours if not any("lacks" in fault for fault in judge.faults([way]))]
        assert min(fit) <= told["duration"] + 0.01


@pytest.mark.parametrize("path", files.published("trsp/R101*.txt"))
def test_published_best_known_value_is_found(path: Path) -> None:
    instance = trsp.read(path)
    assert instance.best_known == pytest.approx(3134.863)
    assert instance.cost_offset == 1_000
