"""Malformed problems are refused with every fault, and the documents are described by their schema."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dispatch.matching import Plan, Problem, Refused, solve
from dispatch.matching.codec import schema
from dispatch.matching.policy import Policy
from dispatch.matching.problem import (
    Break,
    CrewSlot,
    Matrix,
    Pin,
    Point,
    Predecessor,
    Proficiency,
    SkillLevel,
    SkillNeed,
    Travel,
)
from tests.matching.build import BASE, HOUR, START, at, crew, lunch, need, problem, shift, technician, visit, window

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
RICH = problem(
    technician("t1", skills={"gas": 3.5}, territories=("north",)),
    shift("t1", breaks=(lunch(12),)),
    visit("v1", windows=(window(9, 10, hard=False),), crew=crew((need("gas"),), ()), predecessors=()),
    visit("v2", place=None),
    pins=(Pin(visit="v1", technician="t1"),),
    policy=Policy(scarcity_per_hour={"gas": 100}),
)


@pytest.mark.parametrize("coordinates", [(math.nan, 0), (math.inf, 0), (91, 0), (0, 181), (0, 0), (-91, 5)])
def test_no_such_place(coordinates: tuple[float, float]) -> None:
    with pytest.raises(ValueError):
        Point(lat=coordinates[0], lon=coordinates[1])


def test_swapped_coordinates_are_suspected() -> None:
    with pytest.raises(ValueError, match="swapped"):
        Point(lat=151.2, lon=-33.9)


def test_the_ends_of_the_earth_are_places() -> None:
    for lat, lon in ((90, 0), (-90, 180), (0, -180), (0, 180)):
        assert Point(lat=lat, lon=lon).lat == lat


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: visit(minutes=-1), "duration_s"),
        (lambda: replace(visit(), duration_s=math.nan), "duration_s"),
        (lambda: replace(visit(), duration_s=1.5), "duration_s"),
        (lambda: visit(priority=0), "priority"),
        (lambda: visit(unserved_penalty=-1), "unserved_penalty"),
        (lambda: visit(unserved_penalty=10**9 + 1), "unserved_penalty"),
        (lambda: visit(crew=()), "crew"),
        (lambda: visit(crew=(CrewSlot(),) * 13), "crew"),
        (lambda: visit(name=" "), "id"),
        (lambda: visit(required=("a",), excluded=("a",)), "excluded"),
        (lambda: window(10, 9), "end_s"),
        (lambda: window(9, 10, hard=False, whole_visit=True), "whole_visit"),
        (lambda: shift(since=9, until=8), "end_s"),
        (lambda: shift(breaks=(lunch(17),)), "breaks"),
        (lambda: shift(breaks=(lunch(12), lunch(13))), "breaks"),
        (lambda: shift(breaks=(lunch(12), replace(lunch(12), id="tea"))), "breaks"),
        (lambda: shift(overtime_limit_s=-1), "overtime_limit_s"),
        (lambda: technician(pace_percent=0), "pace_percent"),
        (lambda: technician(cost_percent=10_001), "cost_percent"),
        (lambda: Proficiency(mean=math.nan, sd=1.0), "mean"),
        (lambda: Proficiency(mean=3.0, sd=-1.0), "sd"),
        (lambda: Proficiency(mean=3.0, sd=1.0, at_least=(1.0, 0.5)), "at_least"),
        (lambda: SkillLevel(skill="gas", level=6), "level"),
        (lambda: SkillNeed(any_of=()), "any_of"),
        (lambda: Policy(min_confidence=1.1), "min_confidence"),
        (lambda: Policy(priority_penalty=(1, 2)), "priority_penalty"),
        (lambda: Pin(visit="v1"), "technician"),
        (lambda: Travel(speed_kmh=0.0), "speed_kmh"),
        (lambda: Matrix(points=(BASE,), travel_s=((0, 1),), travel_m=((0,),)), "travel_s"),
        (lambda: Matrix(points=(BASE,), travel_s=((-2,),), travel_m=((0,),)), "travel_s[0]"),
        (lambda: Break(id="b", earliest_s=5, latest_s=4, duration_s=0), "latest_s"),
        (lambda: problem(visit(), visit()), "visits.id"),
        (lambda: problem(technician(), technician()), "technicians.id"),
        (lambda: problem(technician(), shift("t1"), shift("t1", id="other", since=15, until=20)), "start_s"),
        (lambda: problem(shift("nobody")), "technician"),
        (lambda: problem(visit(predecessors=(Predecessor(visit="none"),))), "predecessors"),
        (lambda: problem(visit(predecessors=(Predecessor(visit="v1"),))), "predecessors"),
        (lambda: problem(visit(), pins=(Pin(visit="none", start_s=0),)), "visit"),
        (lambda: problem(visit(), pins=(Pin(visit="v1", slot=1, start_s=0),)), "slot"),
        (lambda: problem(visit(), pins=(Pin(visit="v1", technician="none"),)), "technician"),
        (lambda: replace(problem(), start=START.replace(tzinfo=None)), "start"),
        (lambda: replace(problem(), schema_version=2), "schema_version"),
        (
            lambda: problem(
                visit(place=at(1)),
                travel=Travel(matrix=Matrix(points=(BASE,), travel_s=((0,),), travel_m=((0,),))),
            ),
            "point",
        ),
    ],
)
def test_each_fault_is_named(make: Callable[[], object], field: str) -> None:
    with pytest.raises(Refused) as refused:
        make()
    assert field in {fault.field for fault in refused.value.faults}


def test_a_document_is_refused_with_all_faults_of_all_elements() -> None:
    text = json.dumps(
        {
            "start": "yesterday",
            "colour": 1,
            "visits": [
                {"id": "a", "point": {"lat": 95, "lon": 7}, "duration_s": 60},
                {"id": "b", "point": None, "duration_s": -5, "priority": 9},
                {"id": "c", "point": None, "duration_s": "long"},
                {"id": "d"},
            ],
        }
    )
    with pytest.raises(Refused) as refused:
        Problem.from_json(text)
    found = {(fault.element, fault.field) for fault in refused.value.faults}
    assert found >= {
        ("problem", "start"),
        ("problem", "colour"),
        ("visit a point", "point"),
        ("visit b", "duration_s"),
        ("visit b", "priority"),
        ("visit c", "duration_s"),
        ("visit d", "point"),
        ("visit d", "duration_s"),
    }


@pytest.mark.parametrize("text", ["", "[]", "{", '{"start": 5}', "[" * 100_000])
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        Problem.from_json(text)


@pytest.mark.parametrize(("cls", "name"), [(Problem, "problem"), (Plan, "plan")])
def test_the_published_schema_is_the_one_in_use(cls: type, name: str) -> None:
    published = json.loads((REFERENCE / f"{name}.schema.json").read_text())
    assert published == json.loads(json.dumps(schema(cls)))


def test_real_documents_satisfy_the_schema() -> None:
    plan = solve(RICH, time_limit_s=None, step_limit=5)
    for value in (RICH, plan):
        jsonschema.validate(json.loads(value.to_json()), schema(type(value)))
    broken: dict[str, Any] = json.loads(RICH.to_json())
    del broken["visits"][0]["duration_s"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema(Problem))


def test_a_penalty_grows_with_priority_and_whole_days_of_age() -> None:
    policy = Policy(priority_penalty=(5, 4, 3, 2, 1), age_penalty_per_day=10)
    asked = problem(policy=policy)
    ages = ((1, 0, 5), (5, 0, 1), (5, 23 * HOUR, 1), (5, 49 * HOUR, 21))
    for priority, age_s, cost in ages:
        assert asked.penalty(visit(priority=priority, age_s=age_s)) == cost
    assert asked.penalty(visit(unserved_penalty=7, age_s=49 * HOUR)) == 7
