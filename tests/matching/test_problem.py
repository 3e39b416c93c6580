"""Malformed problems are refused with every fault, and the documents are described by their schema."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from dispatch.matching import Plan, Problem, Refused, solve
from dispatch.matching.codec import schema
from dispatch.matching.plan import Cost, DepotStop, Route, Stop
from dispatch.matching.policy import Policy
from dispatch.matching.problem import (
    MAX_TIME_S,
    MAX_VISITS,
    Break,
    CrewSlot,
    Matrix,
    Partner,
    Pin,
    Point,
    Predecessor,
    Proficiency,
    Published,
    SkillLevel,
    SkillNeed,
    Travel,
)
from tests.matching.build import (
    BASE,
    HOUR,
    START,
    at,
    crew,
    lunch,
    need,
    problem,
    shift,
    table,
    technician,
    visit,
    window,
)
from tests.matching.strategies import problems

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


WHOLE = "a whole number between {} and {}"
LATE = Policy(leave_late=True)
AT_DEPOT: dict[str, Any] = {"arrive_s": 0, "leave_s": 0, "travel_s": 0, "travel_m": 0, "travel_source": "table"}
# Every field of the later rules: what makes it wrong, and the fault with element, field, value and what would be right.
FAULTS: dict[str, tuple[Callable[[], object], tuple[str, str, str, str]]] = {
    "rest": (
        lambda: technician(min_rest_s=-1),
        ("technician t1", "min_rest_s", "-1", "a whole number between 0 and 604800"),
    ),
    "rest of a fraction": (
        lambda: technician(min_rest_s=1.5),
        ("technician t1", "min_rest_s", "1.5", "a whole number between 0 and 604800"),
    ),
    "break before departure": (
        lambda: Break(id="b", earliest_s=-1, latest_s=60, duration_s=60, from_departure=True),
        ("break b", "earliest_s", "-1", "0 or more seconds after departure"),
    ),
    "partner without a name": (lambda: Partner(id=" "), ("partner  ", "id", "' '", "a text that is not empty")),
    "partner's visits": (
        lambda: Partner(id="p", visits_a_day=-1),
        ("partner p", "visits_a_day", "-1", "a whole number between 0 and 100000"),
    ),
    "partner twice": (
        lambda: problem(partners=(Partner(id="p"), Partner(id="p", visits_a_day=1))),
        ("problem", "partners.id", "'p'", "each of these only once"),
    ),
    "driving": (lambda: shift(max_drive_s=-1), ("shift t1-day", "max_drive_s", "-1", WHOLE.format(0, MAX_TIME_S))),
    "driving for ever": (
        lambda: shift(max_drive_s=math.inf),
        ("shift t1-day", "max_drive_s", "inf", WHOLE.format(0, MAX_TIME_S)),
    ),
    "length": (
        lambda: shift(max_length_s=math.nan),
        ("shift t1-day", "max_length_s", "nan", WHOLE.format(0, MAX_TIME_S)),
    ),
    "visits": (lambda: shift(max_visits=True), ("shift t1-day", "max_visits", "True", WHOLE.format(0, MAX_VISITS))),
    "time at the depot": (lambda: shift(depot_s=86_401), ("shift t1-day", "depot_s", "86401", WHOLE.format(0, 86_400))),
    "pieces on the van": (
        lambda: shift(parts={"valve": -1}),
        ("shift t1-day", "parts.valve", "-1", WHOLE.format(0, 1_000_000)),
    ),
    "tool on the van twice": (
        lambda: shift(tools=("saw", "saw")),
        ("shift t1-day", "tools", "'saw'", "each of these only once"),
    ),
    "depot the matrix does not know": (
        lambda: problem(shift(depot=at(1)), travel=table([BASE])),
        ("shift t1-day", "depot", repr(at(1)), "a point of the travel matrix"),
    ),
    "set-up longer than the work": (
        lambda: visit(minutes=1, setup_s=61, site="s"),
        ("visit v1", "setup_s", "61", WHOLE.format(0, 60)),
    ),
    "set-up nowhere": (lambda: visit(setup_s=60), ("visit v1", "setup_s", "60", "0 for a visit without a site")),
    "price of a person": (
        lambda: visit(person_cost={"t1": 10**9 + 1}),
        ("visit v1", "person_cost.t1", "1000000001", WHOLE.format(-(10**9), 10**9)),
    ),
    "pieces needed": (
        lambda: visit(parts={"valve": 1_000_001}),
        ("visit v1", "parts.valve", "1000001", WHOLE.format(0, 1_000_000)),
    ),
    "tool needed twice": (
        lambda: visit(tools=("saw", "saw")),
        ("visit v1", "tools", "'saw'", "each of these only once"),
    ),
    "same person as nobody's": (
        lambda: problem(visit(same_person_as=("none",))),
        ("visit v1", "same_person_as", "'none'", "the id of another visit of the problem"),
    ),
    "another person than oneself": (
        lambda: problem(visit(other_person_than=("v1",))),
        ("visit v1", "other_person_than", "'v1'", "the id of another visit of the problem"),
    ),
    "same and another person": (
        lambda: visit(same_person_as=("v2",), other_person_than=("v2",)),
        ("visit v1", "other_person_than", "'v2'", "a visit that does not also need the same person"),
    ),
    "longest gap below the shortest": (
        lambda: visit(predecessors=(Predecessor(visit="v2", gap_s=60, max_gap_s=59),)),
        ("visit v1", "predecessors.max_gap_s", "59", WHOLE.format(60, MAX_TIME_S)),
    ),
    "order below 0": (
        lambda: Pin(visit="v1", technician="t1", order=-1),
        ("pin of visit v1", "order", "-1", WHOLE.format(0, MAX_VISITS)),
    ),
    "order of nobody": (
        lambda: Pin(visit="v1", start_s=0, order=1),
        ("pin of visit v1", "order", "1", "a pin to a technician"),
    ),
    "changes": (lambda: Policy(max_changes=-1), ("policy", "max_changes", "-1", WHOLE.format(0, MAX_VISITS))),
    "uneven load": (
        lambda: Policy(uneven_load_percent=10_001),
        ("policy", "uneven_load_percent", "10001", WHOLE.format(0, 10_000)),
    ),
    "long overtime": (
        lambda: Policy(long_overtime_percent=0.5),
        ("policy", "long_overtime_percent", "0.5", WHOLE.format(0, 10_000)),
    ),
    "a plane and a matrix": (
        lambda: replace(table([BASE]), plane=True),
        ("travel", "plane", "True", "either a plane or a matrix"),
    ),
    "leaving late with two windows": (
        lambda: problem(visit(windows=(window(9, 10), window(11, 12))), policy=LATE),
        ("visit v1", "windows", "2", "one hard window at most while the policy leaves late"),
    ),
    "leaving late with a priced window": (
        lambda: problem(visit(windows=(window(9, 10, hard=False),)), policy=LATE),
        ("visit v1", "windows", "1", "one hard window at most while the policy leaves late"),
    ),
    "leaving late with a due time": (
        lambda: problem(visit(due_s=5), policy=LATE),
        ("visit v1", "due_s", "5", "none while the policy leaves late"),
    ),
    "leaving late with breaks": (
        lambda: problem(shift(breaks=(lunch(12),)), policy=LATE),
        ("shift t1-day", "breaks", "1", "none while the policy leaves late"),
    ),
    "depot stop after the end": (
        lambda: routed(depot=DepotStop(before=1, **AT_DEPOT)),
        ("route of shift t1-day", "depot", "1", "a stop number below 1"),
    ),
    "depot stop before the start": (
        lambda: DepotStop(before=-1, **AT_DEPOT),
        ("depot stop", "before", "-1", "0 or more"),
    ),
    "depot left before it is reached": (
        lambda: DepotStop(before=0, **AT_DEPOT | {"leave_s": -1}),
        ("depot stop", "leave_s", "-1", "not before arrive_s 0"),
    ),
}


def routed(**changes: Any) -> Route:
    stop = Stop(visit="v1", arrive_s=0, start_s=0, end_s=0, travel_s=0, travel_m=0, travel_source="table")
    return Route(shift="t1-day", technician="t1", depart_s=0, finish_s=0, stops=(stop,), **changes)


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_says_what_is_wrong_where_and_what_would_be_right(case: str) -> None:
    make, (element, field, value, expected) = FAULTS[case]
    with pytest.raises(Refused) as refused:
        make()
    (fault,) = refused.value.faults
    assert (fault.element, fault.field, fault.value, fault.expected) == (element, field, value, expected)


@pytest.mark.parametrize("field", ["published", "crew", "predecessors"])
def test_leaving_late_needs_visits_that_wait_for_nobody(field: str) -> None:
    changes: dict[str, Any] = {
        "published": (Published(technician="t1", start_s=0),),
        "crew": crew((), ()),
        "predecessors": (Predecessor(visit="v2"),),
    }
    with pytest.raises(Refused) as refused:
        problem(visit(**{field: changes[field]}), visit("v2"), policy=LATE)
    assert {fault.element for fault in refused.value.faults} == {"visit v1"}
    assert {fault.expected for fault in refused.value.faults} == {"none while the policy leaves late"}
    assert problem(visit(), visit("v2", windows=(window(9, 10),)), policy=LATE).policy.leave_late


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("visits", 0, "parts"), {"valve": "two"}, "parts"),
        (("visits", 0, "parts"), ["valve"], "parts"),
        (("visits", 0, "person_cost"), {"t1": None}, "person_cost"),
        (("visits", 0, "tools"), "saw", "tools"),
        (("visits", 0, "setup_s"), True, "setup_s"),
        (("visits", 0, "same_person_as"), [5], "same_person_as"),
        (("shifts", 0, "depot"), {"lat": 0, "lon": 0}, "depot"),
        (("shifts", 0, "depot"), {"lat": math.nan, "lon": 7}, "lat"),
        (("shifts", 0, "max_drive_s"), "far", "max_drive_s"),
        (("technicians", 0, "min_rest_s"), None, "min_rest_s"),
        (("policy", "leave_late"), "yes", "leave_late"),
        (("policy", "max_changes"), 1.5, "max_changes"),
        (("travel",), {"plane": 1}, "plane"),
        (("partners",), [{"visits_a_day": 4}], "id"),
        (("partners",), [{"id": "p", "visits": 4}], "visits"),
        (("pins", 0, "order"), "first", "order"),
    ],
)
def test_a_document_with_a_value_of_another_kind_is_refused(
    path: tuple[str | int, ...], value: object, field: str
) -> None:
    document = json.loads(RICH.to_json())
    target: Any = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    with pytest.raises(Refused) as refused:
        Problem.from_json(json.dumps(document))
    assert any(fault.field.startswith(field) for fault in refused.value.faults), refused.value.faults


@settings(max_examples=60, deadline=None)
@given(problems(extras=True))
def test_problems_with_every_rule_come_back_equal_and_satisfy_the_schema(asked: Problem) -> None:
    assert Problem.from_json(asked.to_json()) == asked
    jsonschema.validate(json.loads(asked.to_json()), schema(Problem))


def test_routes_by_the_depot_come_back_equal() -> None:
    plan = Plan(routes=(routed(depot=DepotStop(before=0, **AT_DEPOT), cost=Cost(depot=5, fairness=7)),))
    assert Plan.from_json(plan.to_json()) == plan
    jsonschema.validate(json.loads(plan.to_json()), schema(Plan))


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
