"""Whatever a VROOM input asks for: the solution keeps it, counted from the input alone, and reads back the same."""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.matching import Refused, check, solve
from dispatch.matching.formats import vroom

HOUR = 3_600
PLACES = 4
NOON = 1_600_430_400


def windows(draw: st.DrawFn, since: int, until: int) -> list[list[int]]:
    start = draw(st.integers(since, until))
    return [[start, draw(st.integers(start, until))]]


@st.composite
def inputs(draw: st.DrawFn) -> dict[str, Any]:
    """Small inputs of everything that is held but amounts and limits, which have tests of their own."""
    zero = draw(st.sampled_from([0, NOON]))
    row = st.integers(0, PLACES - 1)
    skills = st.lists(st.integers(1, 2), unique=True)
    vehicles = []
    for number in range(draw(st.integers(1, 3))):
        one: dict[str, Any] = {"id": number, "skills": draw(skills)}
        ends = draw(st.sampled_from([("start_index",), ("end_index",), ("start_index", "end_index")]))
        one |= {name: draw(row) for name in ends}
        one["time_window"] = [zero, zero + draw(st.integers(0, 4 * HOUR))]
        if draw(st.booleans()):
            pauses = windows(draw, *one["time_window"])
            one["breaks"] = [{"id": 5, "service": draw(st.integers(0, HOUR)), "time_windows": pauses}]
        if draw(st.booleans()):
            one["costs"] = {
                "fixed": draw(st.integers(0, 900)),
                "per_hour": draw(st.sampled_from([1_800, 3_600, 5_400])),
            }
        vehicles.append(one)
    jobs = []
    for number in range(draw(st.integers(0, 5))):
        one = {"id": number, "location_index": draw(row), "service": draw(st.integers(0, HOUR))}
        one |= {"skills": draw(skills), "priority": draw(st.integers(0, 3))}
        if draw(st.booleans()):
            one["time_windows"] = windows(draw, zero, zero + 4 * HOUR)
        jobs.append(one)
    durations = [[0 if a == b else draw(st.integers(1, HOUR)) for b in range(PLACES)] for a in range(PLACES)]
    return {"vehicles": vehicles, "jobs": jobs, "matrices": {"car": {"durations": durations}}}


def broken(asked: dict[str, Any], answer: dict[str, Any]) -> list[str]:
    """What the routes of a solution break, counted from the input without any code of ours."""
    found: list[str] = []
    durations = asked["matrices"]["car"]["durations"]
    jobs = {job["id"]: job for job in asked["jobs"]}
    vehicles = {vehicle["id"]: vehicle for vehicle in asked["vehicles"]}
    seen = [item["id"] for item in answer["unassigned"]]
    for route in answer["routes"]:
        vehicle = vehicles[route["vehicle"]]
        here, driven, free = None, 0, vehicle["time_window"][0]
        for step in route["steps"]:
            if step["type"] != "break":
                place = step["location_index"]
                driven += 0 if here is None else durations[here][place]
                here = place
                if step["duration"] != driven:
                    found.append("duration")
            if step["arrival"] < free:
                found.append("clock")
            start = step["arrival"] + step["waiting_time"]
            free = start + step["setup"] + step["service"]
            if step["type"] == "job":
                job = jobs[step["id"]]
                seen.append(step["id"])
                if not any(since <= start <= until for since, until in job.get("time_windows", [[0, 2**32]])):
                    found.append("window")
                if not set(job["skills"]) <= set(vehicle["skills"]) or step["service"] != job["service"]:
                    found.append("job")
        whole = free - route["steps"][0]["arrival"]
        if whole != route["duration"] + route["setup"] + route["service"] + route["waiting_time"]:
            found.append("sums")
        if free > vehicle["time_window"][1]:
            found.append("working time")
    return found if sorted(seen) == sorted(jobs) else [*found, "jobs"]


@settings(max_examples=150, deadline=None)
@given(inputs())
def test_a_solution_keeps_what_its_input_asks_for_and_reads_back_the_same(asked: dict[str, Any]) -> None:
    problem, names = vroom.read(json.dumps(asked))
    plan = solve(problem, time_limit_s=None, step_limit=20)
    assert check(problem, plan) == ()
    answer = vroom.write(problem, plan, names)
    assert broken(asked, answer) == []
    again = vroom.read_solution(json.dumps(answer), problem)
    assert (again.routes, again.cost) == (plan.routes, plan.cost)


FULL: dict[str, Any] = {
    "vehicles": [
        {
            "id": 1,
            "start": [7.0, 51.0],
            "start_index": 0,
            "end_index": 0,
            "profile": "car",
            "capacity": [3, 1],
            "skills": [1],
            "time_window": [0, 9_000],
            "breaks": [{"id": 5, "service": 50, "time_windows": [[150, 900]]}],
            "costs": {"fixed": 40, "per_hour": 3_600, "per_km": 0},
            "speed_factor": 1,
            "max_tasks": 2,
            "max_travel_time": 4_600,
        }
    ],
    "jobs": [
        {
            "id": 10,
            "location_index": 1,
            "location": [7.1, 51.0],
            "setup": 9,
            "service": 60,
            "delivery": [2, 0],
            "skills": [1],
            "priority": 4,
            "time_windows": [[0, 500], [700, 900]],
        },
        {"id": 11, "location_index": 0, "pickup": [0, 1], "description": "x"},
    ],
    "matrices": {"car": {"durations": [[0, 100], [110, 0]], "distances": [[0, 1], [2, 0]]}},
    "options": {"g": False},
}
ODD = st.sampled_from(
    [
        None,
        True,
        False,
        -1,
        0,
        1,
        1.5,
        2**32,
        2**70,
        float("inf"),
        float("nan"),
        "",
        "x",
        [],
        [[]],
        [None],
        {},
        {"id": {}},
    ]
)


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each value of a document stands, the document itself first."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(spot for name, item in inside for spot in spots(item, (*path, name)))]


def holds(value: Any, name: str | int) -> bool:
    if isinstance(value, list):
        return name in range(len(value))
    return isinstance(value, dict) and name in value


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(spots(FULL)[1:]), ODD), min_size=1, max_size=3))
def test_whatever_stands_in_a_file_it_is_held_or_refused(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    document = json.loads(json.dumps(FULL))
    for path, value in changes:
        holder = document
        for name in path[:-1]:
            holder = holder[name] if holds(holder, name) else None
        if holds(holder, path[-1]):
            holder[path[-1]] = copy.deepcopy(value)
    where = ("input", "jobs[", "vehicles[", "matrices", "options")
    faults, visits = read(document)
    jobs = document["jobs"]
    assert (visits == (len(jobs) if isinstance(jobs, list) else 0)) == (not faults)
    assert [fault for fault in faults if not fault.startswith(where)] == []


def read(document: dict[str, Any]) -> tuple[list[str], int | None]:
    """What is wrong with a document, or how many visits it asks for."""
    try:
        problem, _ = vroom.read(json.dumps(document))
    except Refused as error:
        return [str(fault) for fault in error.faults], None
    return [], len(problem.visits)
