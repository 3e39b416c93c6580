"""Generated technician days: what is asked, and what a recount says."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.readers import rich, rich_core
from benchmarks.readers.instance import Trip
from benchmarks.readers.rich import RichRecount
from tests.benchmarks import files

FULL = RichRecount(file=files.RICH, core=False)
CORE = RichRecount(file=files.RICH, core=True)


def trip(person: str, *jobs: str) -> Trip:
    return Trip(shift=person, visits=jobs)


@pytest.mark.parametrize(
    "trips, full, core",
    [
        ([], 7_200 + 64_800, 7_200 + 64_800),
        # out and back twice 130 s; level 5 is two above the preferred 3
        ([trip("T0", "J0")], 64_800 + 260 + 120, 64_800 + 260),
        # 9,000 m to the first, back over the second: 1170 + 130 + 184; level 2 is one below 3, level 3 one below 4
        ([trip("T1", "J0", "J1")], 1_170 + 130 + 184 + 300 + 300, 1_170 + 130 + 184),
        ([Trip(shift="T0", visits=())], 7_200 + 64_800, 7_200 + 64_800),
    ],
)
def test_objective_is_penalty_travel_and_levels(trips: Sequence[Trip], full: float, core: float) -> None:
    assert (FULL.objective(trips), CORE.objective(trips)) == (full, core)
    assert FULL.faults(trips) == []


@pytest.mark.parametrize(
    "trips, said",
    [
        ([trip("T0", "J1")], ["T0 is not qualified for J1"]),
        ([trip("T0", "J0"), trip("T1", "J0")], ["customer J0 is served twice"]),
        ([trip("T9", "J0")], ["there is no T9"]),
        ([trip("T0", "J9")], ["there is no customer J9"]),
        ([Trip(shift="T0", visits=("J0",), depot_before=0)], ["T0 calls at a depot on the way"]),
    ],
)
def test_recount_says_what_is_wrong(trips: Sequence[Trip], said: list[str]) -> None:
    assert FULL.faults(trips) == said


def test_recount_says_who_is_late() -> None:
    tight = files.RICH | {"jobs": [files.RICH["jobs"][0] | {"tw": [28_800, 28_929]}]}
    assert RichRecount(file=tight, core=True).faults([trip("T0", "J0")]) == ["T0 is 1 s late at J0"]
    short = files.RICH | {"technicians": [files.RICH["technicians"][0] | {"shift": [28_800, 36_129]}]}
    assert RichRecount(file=short, core=True).faults([trip("T0", "J0")]) == ["T0 is home 1 s late"]


def test_an_exact_half_second_makes_nobody_late() -> None:
    half = files.RICH | {"jobs": [files.RICH["jobs"][0] | {"loc": [45, 0], "tw": [28_800, 28_806]}]}  # 6.5 s
    judge = RichRecount(file=half, core=True)
    assert judge.faults([trip("T0", "J0")]) == []
    assert judge.objective([trip("T0", "J0")]) in (12.0, 14.0)


def test_problem_asks_levels_and_prices(tmp_path: Path) -> None:
    problem = rich.read(files.rich(tmp_path)).problem
    first, second = problem.visits
    assert first.person_cost == {"T0": 120, "T1": 300}
    assert second.person_cost == {"T1": 300}
    assert (first.unserved_penalty, first.optional, first.priority, second.priority) == (7_200, True, 3, 1)
    assert problem.technician_by_id["T0"].proficiencies["0"].confidence(5) == 1.0
    assert problem.technician_by_id["T1"].proficiencies["0"].confidence(3) == 0.0
    assert (problem.travel.plane, problem.travel.speed_kmh, problem.travel.detour_percent) == (True, 32.4, 130)
    assert first.point is not None
    assert (first.point.lat, first.point.lon) == (1.0, pytest.approx(1.009))


def test_core_asks_no_prices(tmp_path: Path) -> None:
    assert [visit.person_cost for visit in rich_core.read(files.rich(tmp_path)).problem.visits] == [{}, {}]


def test_full_objective_of_a_huge_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rich, "LARGEST_FULL", 3)
    with pytest.raises(ValueError, match="read it as rich-core"):
        rich.read(files.rich(tmp_path))


@pytest.mark.parametrize("path", files.published("rich/rich_25x150_s1.json"))
def test_published_day_lets_nobody_stay_at_home_for_free(path: Path) -> None:
    instance = rich.read(path)
    assert instance.contest is not None
    assert len(instance.problem.visits) == 150
    assert instance.contest.recount.objective([]) == sum(
        visit.unserved_penalty or 0 for visit in instance.problem.visits
    )
