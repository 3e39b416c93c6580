"""VROOM's documentation examples: the one with a matrix is solved as well as published, the other serves the same."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dispatch.matching import Refused, check, solve
from dispatch.matching.formats import vroom, vroom_input

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "instances" / "vroom_docs"

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "howto" / "exchange-vroom-files.md"

published = pytest.mark.skipif(not FOLDER.exists(), reason=f"VROOM's examples are not in {FOLDER.name}")


def example(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.json").read_text()))


def solved(given: dict[str, Any]) -> dict[str, Any]:
    asked, names = vroom.read(json.dumps(given))
    plan = solve(asked, time_limit_s=None, step_limit=500)
    assert check(asked, plan) == ()
    answer = vroom.write(asked, plan, names)
    assert check(asked, vroom.read_solution(json.dumps(answer), asked)) == ()
    return answer


def served(answer: dict[str, Any]) -> dict[int, list[int]]:
    return {
        route["vehicle"]: [step["id"] for step in route["steps"] if step["type"] == "job"] for route in answer["routes"]
    }


@published
def test_the_example_with_a_matrix_costs_no_more_than_published() -> None:
    given, published = example("example_2"), example("example_2_sol")
    answer = solved(given)
    assert answer["summary"]["cost"] <= published["summary"]["cost"]
    assert answer["unassigned"] == []
    assert served(answer) == served(published)


@published
def test_our_solution_has_every_field_of_the_published_one() -> None:
    """With the same route the published solution is even the same, the picture of the roads aside."""
    answer, published = solved(example("example_2")), example("example_2_sol")
    assert answer["summary"] == published["summary"]
    for ours, theirs in zip(answer["routes"], published["routes"], strict=True):
        assert ours == {name: value for name, value in theirs.items() if name != "geometry"}


@published
def test_the_published_solution_passes_our_checker() -> None:
    asked, _ = vroom.read(json.dumps(example("example_2")))
    plan = vroom.read_solution(json.dumps(example("example_2_sol")), asked)
    assert check(asked, plan) == ()
    assert plan.cost.total == example("example_2_sol")["summary"]["cost"]


@published
def test_the_example_on_roads_is_refused_for_its_shipment_alone() -> None:
    with pytest.raises(Refused) as refused:
        vroom.read(json.dumps(example("example_1")))
    assert [(fault.element, fault.field) for fault in refused.value.faults] == [("input", "shipments")]


@published
def test_without_its_shipment_every_job_goes_to_the_vehicle_that_is_published() -> None:
    """Ways are ours, so costs differ; who serves what, in which order, does not."""
    given, published = example("example_1"), example("example_1_sol")
    del given["shipments"]
    answer = solved(given)
    assert answer["unassigned"] == []
    assert served(answer) == served(published)
    windows = {job["id"]: job.get("time_windows", [[0, 2**32]]) for job in given["jobs"]}
    for route in answer["routes"]:
        for step in route["steps"]:
            if step["type"] == "job":
                start = step["arrival"] + step["waiting_time"]
                assert any(since <= start <= until for since, until in windows[step["id"]])


def test_the_file_in_the_guide_can_be_solved() -> None:
    shown = "".join(re.findall(r"^ {4}(\{.*| +[{\"].*)$", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert served(solved(json.loads(shown))) == {1: [11, 10]}


def test_the_guide_names_every_field_that_is_read() -> None:
    page = GUIDE.read_text(encoding="utf-8")
    taken = (*vroom_input.JOB_TAKEN, *vroom_input.VEHICLE_TAKEN, *vroom_input.MATRIX_TAKEN)
    # An id needs no words, places stand in the text, the type of a vehicle counts only where times depend on it.
    unsaid = {"id", "type", "location_index", "location", "costs", "speed_factor"}
    assert [name for name in taken if name not in unsaid and f"`{name}`" not in page] == []
