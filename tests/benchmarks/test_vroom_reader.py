"""VROOM files as a benchmark: the objective and the faults of a plan are counted from the file."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.readers import vroom
from benchmarks.readers.instance import Instance
from dispatch.matching import Plan, Refused, solve

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "instances" / "vroom_docs"
ASKED: dict[str, Any] = {
    "vehicles": [
        {
            "id": 1,
            "start_index": 0,
            "end_index": 0,
            "skills": [1],
            "capacity": [3],
            "time_window": [0, 2_000],
            "max_tasks": 2,
            "max_travel_time": 460,
            "breaks": [{"id": 5, "service": 50, "time_windows": [[150, 900]]}],
            "costs": {"fixed": 40},
        }
    ],
    "jobs": [
        {"id": 10, "location_index": 1, "service": 100, "setup": 20, "delivery": [2], "skills": [1]},
        {"id": 11, "location_index": 2, "service": 60, "delivery": [1], "time_windows": [[500, 600]]},
        {"id": 12, "location_index": 2, "priority": 3, "skills": [9]},
    ],
    "matrices": {"car": {"durations": [[0, 100, 200], [110, 0, 150], [210, 160, 0]]}},
}
GOOD: dict[str, Any] = {
    "unassigned": [{"id": 12, "type": "job"}],
    "routes": [
        {
            "vehicle": 1,
            "steps": [
                {"type": "start", "location_index": 0, "arrival": 30, "waiting_time": 0, "setup": 0, "service": 0},
                {
                    "type": "job",
                    "id": 10,
                    "location_index": 1,
                    "arrival": 130,
                    "waiting_time": 0,
                    "setup": 20,
                    "service": 100,
                },
                {"type": "break", "id": 5, "arrival": 250, "waiting_time": 10, "setup": 0, "service": 50},
                {
                    "type": "job",
                    "id": 11,
                    "location_index": 2,
                    "arrival": 460,
                    "waiting_time": 40,
                    "setup": 0,
                    "service": 60,
                },
                {"type": "end", "location_index": 0, "arrival": 770, "waiting_time": 0, "setup": 0, "service": 0},
            ],
        }
    ],
}


def written(tmp_path: Path, given: dict[str, Any], name: str = "a.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(given))
    return path


def changed(step: int, **changes: Any) -> dict[str, Any]:
    """The good solution with one step changed."""
    answer: dict[str, Any] = json.loads(json.dumps(GOOD))
    answer["routes"][0]["steps"][step] |= changes
    return answer


def asking(**changes: Any) -> dict[str, Any]:
    """The file with its vehicle changed."""
    return ASKED | {"vehicles": [ASKED["vehicles"][0] | changes]}


def test_a_good_solution_has_no_faults_and_costs_travel_fixed_and_what_is_left_out() -> None:
    assert vroom.faults(ASKED, GOOD) == []
    assert vroom.objective(ASKED, GOOD) == 460 + 40 + 4 * vroom.LEFT_OUT


@pytest.mark.parametrize(
    ("file", "solution", "words"),
    [
        (ASKED, GOOD | {"unassigned": []}, "not every job"),
        (ASKED, GOOD | {"routes": GOOD["routes"] * 2}, "two routes"),
        (ASKED, changed(0, arrival=-1), "before its time"),
        (ASKED, changed(1, arrival=129), "job 10 before it can be"),
        (ASKED, changed(1, service=99), "too short on job 10"),
        (ASKED, changed(1, setup=0), "too short on job 10"),
        (ASKED, changed(2, service=40), "takes break 5"),
        (ASKED, changed(2, arrival=240), "in two places"),
        (ASKED, changed(2, id=6), "takes a break 6 of nobody"),
        (asking(breaks=[{"id": 6, "time_windows": [[150, 769]]}]), GOOD, "misses break 6"),
        (ASKED, changed(3, arrival=440, waiting_time=60), "job 11 before it can be"),
        (ASKED, changed(3, waiting_time=10), "job 11 outside of its windows"),
        (ASKED, changed(4, arrival=700), "end  before it can be"),
        (ASKED, changed(4, arrival=2_001), "ends too late"),
        (ASKED, changed(4, type="job", id=12), "lacks a skill for job 12"),
        (ASKED, changed(4, type="job", id=12), "does not come home"),
        (asking(max_tasks=1), GOOD, "too many jobs"),
        (asking(max_travel_time=459), GOOD, "drives too long"),
        (asking(capacity=[2]), GOOD, "carries 3 of 2"),
        (asking(capacity=[]), GOOD, "carries 3 of 0"),
    ],
)
def test_what_a_solution_breaks_is_said(file: dict[str, Any], solution: dict[str, Any], words: str) -> None:
    assert [fault for fault in vroom.faults(file, solution) if words in fault] != []


def test_collections_and_deliveries_share_the_room() -> None:
    file = json.loads(json.dumps(asking(capacity=[2])))
    file["jobs"][0] |= {"delivery": None, "pickup": [2]}
    assert "vehicle 1 carries 2 of 2 of kind 0" not in vroom.faults(file, GOOD)
    file["jobs"][1] |= {"delivery": None, "pickup": [1]}
    assert "vehicle 1 carries 3 of 2 of kind 0" in vroom.faults(file, GOOD)


def test_a_plan_is_counted_as_its_solution(tmp_path: Path) -> None:
    instance = vroom.read(written(tmp_path, ASKED))
    plan = solve(instance.problem, time_limit_s=None, step_limit=20)
    assert (instance.name, instance.best_known) == ("a", None)
    assert (instance.faults(plan), instance.details(plan)) == ([], {"vehicles": 1, "left_out": 1})
    assert instance.objective(plan) == 500 + 4 * vroom.LEFT_OUT
    assert instance.objective(Plan()) == (4 + 1 + 1) * vroom.LEFT_OUT


def test_the_solution_beside_a_file_is_the_value_to_beat(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "a_sol.json")
    assert vroom.read(written(tmp_path, ASKED)).best_known == 500 + 4 * vroom.LEFT_OUT


def test_without_a_matrix_ways_are_ours(tmp_path: Path) -> None:
    file = {
        "vehicles": [{"id": 1, "start": [7.0, 51.0]}],
        "jobs": [{"id": number, "location": [7.0 + number / 10, 51.1]} for number in (1, 2)],
    }
    instance: Instance = vroom.read(written(tmp_path, file))
    plan = solve(instance.problem, time_limit_s=None, step_limit=20)
    assert instance.faults(plan) == []
    assert instance.objective(plan) == plan.cost.total > 0


def test_what_can_not_be_held_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="shipments"):
        vroom.read(written(tmp_path, ASKED | {"shipments": [{}]}))


@pytest.mark.skipif(not FOLDER.exists(), reason=f"VROOM's examples are not in {FOLDER.name}")
def test_the_documentation_example_is_solved_as_well_as_published() -> None:
    instance = vroom.read(FOLDER / "example_2.json")
    plan = solve(instance.problem, time_limit_s=None, step_limit=50)
    assert (instance.faults(plan), instance.best_known) == ([], 5_461)
    assert instance.objective(plan) <= 5_461
