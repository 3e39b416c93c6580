"""Service technicians who may outsource tasks."""

from pathlib import Path

import pytest

from benchmarks.readers import kovacs, kovacs_reduced
from benchmarks.readers.instance import Instance, Recount, Trip
from tests.benchmarks import files


def recount(instance: Instance) -> Recount:
    assert instance.contest is not None
    return instance.contest.recount


@pytest.mark.parametrize(
    "trips, objective, said",
    [
        ([], 400 + 2 * 2**1.5, []),
        ([Trip(shift="vehicle 1", visits=("2",))], 10 + 200 + 2**1.5, []),
        ([Trip(shift="vehicle 1", visits=("2",)), Trip(shift="vehicle 2", visits=("3",))], 30, []),
        ([Trip(shift="vehicle 1", visits=("2", "3"))], 20, ["vehicle 1 may not serve customer 3"]),
        ([Trip(shift="vehicle 2", visits=("2", "3"))], 20, ["vehicle 2 may not serve customer 2"]),
    ],
)
def test_distance_and_outsourcing(tmp_path: Path, trips: list[Trip], objective: float, said: list[str]) -> None:
    judge = recount(kovacs.read(files.kovacs(tmp_path)))
    assert judge.objective(trips) == pytest.approx(objective)
    assert judge.faults(trips) == said
    assert judge.details(trips)["outsourced"] == 2 - sum(len(trip.visits) for trip in trips)


def test_problem_asks_levels(tmp_path: Path) -> None:
    problem = kovacs.read(files.kovacs(tmp_path)).problem
    first, second = problem.visits
    asked = [
        [(need.any_of[0].skill, need.any_of[0].level) for need in visit.crew[0].needs] for visit in (first, second)
    ]
    assert asked == [[("skill 1", 2)], [("skill 1", 1), ("skill 2", 1)]]
    assert [person.proficiencies["skill 1"].mean for person in problem.technicians] == [2, 1]
    assert (first.optional, first.unserved_penalty) == (True, round(1_000 * (200 + 2**1.5)))


def test_reduced_has_fewer_people(tmp_path: Path) -> None:
    path = files.kovacs(tmp_path)
    assert [len(kovacs.read(path).problem.shifts), len(kovacs_reduced.read(path).problem.shifts)] == [2, 1]


def test_teams_are_refused(tmp_path: Path) -> None:
    path = files.kovacs(tmp_path)
    path.write_text(files.TASKS.replace("100 1 1 0 0", "100 2 1 0 0"), encoding="utf-8")
    with pytest.raises(ValueError, match="more than one person"):
        kovacs.read(path)


@pytest.mark.parametrize("path", files.published("kovacs/tasks_noTeam/*.txt"))
def test_published_tasks_can_all_be_done_by_the_full_staff(path: Path) -> None:
    instance = kovacs.read(path)
    assert instance.contest is not None
    assert len(instance.problem.visits) == 100
    assert all(instance.contest.model["classes"])
