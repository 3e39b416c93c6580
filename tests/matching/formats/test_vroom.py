"""VROOM's JSON: what each field means for the problem and what is refused by name."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from dispatch.matching import Problem, Refused, solve
from dispatch.matching.formats import vroom, vroom_input
from dispatch.matching.problem import Break, Certification, Point, Shift, Technician, Visit, Window
from tests.matching.formats.build import DURATIONS, document, jobs, solved, text, vehicles

DAY = 86_400
NOON = 1_600_430_400  # 2020-09-18 12:00 UTC
TWO_PLACES = {"start": [7.0, 51.0], "start_index": None, "end": [7.1, 51.0], "end_index": None}


def problem(**changes: Any) -> Problem:
    return vroom.read(text(**changes))[0]


def first(**changes: Any) -> Visit:
    return problem(job=changes).visits[0]


def shift(**changes: Any) -> Shift:
    return problem(vehicle=changes).shifts[0]


def person(**changes: Any) -> Technician:
    return problem(vehicle=changes).technicians[0]


def faults(given: dict[str, Any] | str) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        vroom.read(given if isinstance(given, str) else json.dumps(given))
    assert all(fault.expected for fault in refused.value.faults)
    return [(fault.element, fault.field) for fault in refused.value.faults]


# What each field means


@pytest.mark.parametrize(
    ("given", "held", "expected"),
    [
        ({"id": 7}, lambda visit: visit.id, "7"),
        ({"description": "boiler"}, lambda visit: visit.job, "boiler"),
        ({"service": 300}, lambda visit: (visit.duration_s, visit.setup_s), (300, 0)),
        ({"service": 300, "setup": 60}, lambda visit: (visit.duration_s, visit.setup_s), (360, 60)),
        ({"skills": [14, 2]}, lambda visit: visit.crew[0].certifications, ("2", "14")),
        ({}, lambda visit: visit.crew[0].certifications, ()),
        ({"time_windows": [[5, 9]]}, lambda visit: visit.windows, (Window(start_s=5, end_s=9),)),
        (
            {"time_windows": [[5, 9], [20, 20]]},
            lambda visit: visit.windows,
            (Window(start_s=5, end_s=9), Window(start_s=20, end_s=20)),
        ),
        ({"delivery": [2, 0]}, lambda visit: visit.parts, {"0": 1}),  # in units of what all amounts share
        ({"pickup": [0, 3]}, lambda visit: visit.parts, {"1": 1}),
        ({"amount": [4]}, lambda visit: visit.parts, {"0": 1}),
        ({"shipments": None, "delivery": None}, lambda visit: visit.parts, {}),
    ],
)
def test_a_job_becomes_a_visit(given: dict[str, Any], held: Callable[[Visit], object], expected: object) -> None:
    given.pop("shipments", None)
    assert held(first(**given)) == expected
    assert all(window.hard and not window.whole_visit for window in first(**given).windows)


@pytest.mark.parametrize(
    ("given", "held", "expected"),
    [
        ({"id": 5}, lambda one: (one.id, one.technician), ("5", "5")),
        ({"time_window": [600, 900]}, lambda one: (one.start_s, one.end_s), (600, 900)),
        ({}, lambda one: (one.start_s, one.end_s), (0, 2 * DAY)),
        ({"end_index": None}, lambda one: one.end, None),
        ({"max_tasks": 3}, lambda one: one.max_visits, 3),
        ({"max_tasks": 0}, lambda one: one.max_visits, 0),
        ({"max_travel_time": 7_200}, lambda one: one.max_drive_s, 7_200),
        ({}, lambda one: (one.max_visits, one.max_drive_s), (None, None)),
        (
            {"time_window": [0, 900], "breaks": [{"id": 3, "service": 60, "time_windows": [[100, 2_000]]}]},
            lambda one: one.breaks,
            (Break(id="3", earliest_s=100, latest_s=900, duration_s=60),),
        ),
        (
            {"time_window": [600, 900], "breaks": [{"id": 3}]},
            lambda one: one.breaks,
            (Break(id="3", earliest_s=600, latest_s=900, duration_s=0),),
        ),
    ],
)
def test_a_vehicle_becomes_a_shift(given: dict[str, Any], held: Callable[[Shift], object], expected: object) -> None:
    assert held(shift(**given)) == expected
    assert shift(**given).overtime_limit_s == 0


def test_a_vehicle_becomes_a_person_with_its_skills() -> None:
    held = person(skills=[2, 14], description="van")
    assert (held.name, held.certifications) == ("van", (Certification(id="2"), Certification(id="14")))


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        (({}, {}), [(100, 0), (100, 0)]),
        (({"fixed": 500}, {}), [(100, 500), (100, 0)]),
        (({"per_hour": 7_200, "fixed": 500}, {"per_hour": 7_200}), [(100, 250), (100, 0)]),
        (({"per_hour": 5_400}, {}), [(150, 0), (100, 0)]),
        (({"per_hour": 0, "fixed": 9}, {"per_hour": 0}), [(0, 9), (0, 0)]),
        (({"per_km": 0, "per_task_hour": 0}, {}), [(100, 0), (100, 0)]),
    ],
)
def test_costs_keep_their_proportions(costs: tuple[dict[str, int], ...], expected: list[tuple[int, int]]) -> None:
    held = problem(vehicles=vehicles(*({"costs": one} for one in costs)))
    assert [(one.cost_percent, one.call_out_cost) for one in held.technicians] == expected


def test_hours_of_different_price_cost_only_on_the_way() -> None:
    asked = problem(vehicles=vehicles({"costs": {"per_hour": 5_400}}, {}), job={"service": 1_000})
    assert asked.visits[0].person_cost == {"1": -500}
    plan = solve(asked, time_limit_s=None, step_limit=0)
    assert plan.cost.total == plan.cost.travel


def test_deliveries_of_all_kinds_use_up_the_capacity() -> None:
    asked = problem(vehicles=vehicles({"capacity": [12, 9]}, {}), jobs=jobs({"delivery": [4, 3]}, {"delivery": [6, 0]}))
    assert [visit.parts for visit in asked.visits] == [{"0": 2, "1": 1}, {"0": 3}]
    # Room for more than everything never matters; without a capacity there is room for nothing.
    assert [one.parts for one in asked.shifts] == [{"0": 5, "1": 1}, {"0": 0, "1": 0}]


def test_deliveries_and_collections_of_different_kinds_do_not_meet() -> None:
    asked = problem(vehicle={"capacity": [1, 1]}, jobs=jobs({"delivery": [1, 0]}, {"pickup": [0, 1]}))
    assert [visit.parts for visit in asked.visits] == [{"0": 1}, {"1": 1}]


@pytest.mark.parametrize(("capacity", "skills", "good"), [(3, [], True), (2, [], False), (2, [8], True)])
def test_both_of_one_kind_are_held_only_where_no_vehicle_can_be_full(
    capacity: int, skills: list[int], good: bool
) -> None:
    given = document(vehicle={"capacity": [capacity]}, jobs=jobs({"delivery": [2]}, {"pickup": [1], "skills": skills}))
    if good:
        assert [visit.parts for visit in problem(**given).visits] == [{}, {}]
    else:
        assert faults(given) == [("jobs[1]", "pickup[0]")]


def test_priority_outweighs_numbers_and_numbers_outweigh_travel() -> None:
    asked = problem(jobs=jobs({"priority": 2}, {"priority": 1}, {}, {}), vehicle={"time_window": [0, 1_000]})
    two, one, none, _ = (asked.penalty(visit) for visit in asked.visits)
    assert none > 1_000
    assert one - none > 4 * none
    assert two - none == 2 * (one - none)


def test_the_highest_penalty_stays_inside_the_range_of_costs() -> None:
    many = jobs(*({"priority": 100} for _ in range(300)))
    asked = problem(jobs=many, vehicles=vehicles(*({} for _ in range(400))))
    assert 0 < asked.penalty(asked.visits[0]) <= 1_000_000_000


def test_instants_count_from_the_midnight_before_the_first_vehicle() -> None:
    asked = problem(
        vehicles=vehicles({"time_window": [NOON, NOON + 100]}, {"time_window": [NOON + DAY, NOON + DAY + 5]}),
        job={"time_windows": [[NOON - 1, NOON + 50]]},
    )
    assert asked.start == datetime(2020, 9, 18, tzinfo=UTC)
    assert [(one.start_s, one.end_s) for one in asked.shifts] == [(43_200, 43_300), (129_600, 129_605)]
    assert asked.visits[0].windows == (Window(start_s=43_199, end_s=43_250),)


def test_a_vehicle_without_working_time_has_a_day_on_both_sides_of_the_work() -> None:
    asked = problem(job={"time_windows": [[NOON, NOON + 50]]})
    zero, (held,) = int(asked.start.timestamp()), asked.shifts
    assert (zero + held.start_s, zero + held.end_s) == (NOON - DAY, NOON + DAY)


def test_of_several_windows_the_first_says_when_a_vehicle_is_needed() -> None:
    asked = problem(job={"time_windows": [[3 * DAY, 3 * DAY + 9], [0, 9]]})
    assert (int(asked.start.timestamp()), asked.shifts[0].start_s, asked.shifts[0].end_s) == (0, 0, 2 * DAY)


def test_an_open_ended_window_is_cut_where_nobody_works_any_more() -> None:
    held = first(time_windows=[[0, 2**32 - 1]])
    assert held.windows == (Window(start_s=0, end_s=400 * DAY),)


def test_rows_of_the_matrix_stay_from_and_columns_to() -> None:
    asked = problem(matrices={"car": {"durations": DURATIONS, "distances": [[0, 1, 2], [3, 0, 4], [5, 6, 0]]}})
    matrix = asked.travel.matrix
    assert matrix is not None
    assert matrix.travel_s == tuple(tuple(row) for row in DURATIONS)
    assert matrix.travel_m == ((0, 1, 2), (3, 0, 4), (5, 6, 0))
    assert [matrix.points.index(visit.point) for visit in asked.visits if visit.point] == [1, 2]
    assert asked.visits[0].site != asked.visits[1].site


def test_a_way_longer_than_any_day_is_none() -> None:
    asked = problem(matrices={"car": {"durations": [[0, 2**32 - 1, 1], [1, 0, 1], [1, 1, 0]]}})
    assert asked.travel.matrix is not None
    assert asked.travel.matrix.travel_s[0] == (0, -1, 1)


def test_the_matrix_of_the_profile_in_use_counts() -> None:
    asked = problem(
        vehicle={"profile": "bike"}, matrices={"car": {"durations": [[0]]}, "bike": {"durations": DURATIONS}}
    )
    assert asked.travel.matrix is not None
    assert len(asked.travel.matrix.points) == 3


def test_without_a_matrix_places_are_longitude_and_latitude() -> None:
    asked = problem(vehicle=TWO_PLACES, jobs=[{"id": 1, "location": [7.05, 51.2]}], matrices=None)
    assert (asked.visits[0].point, asked.travel.matrix) == (Point(lat=51.2, lon=7.05), None)
    assert (asked.shifts[0].start, asked.shifts[0].end) == (Point(lat=51.0, lon=7.0), Point(lat=51.0, lon=7.1))


@pytest.mark.parametrize("matrix", [True, False])
def test_a_vehicle_without_a_start_begins_at_its_first_job(matrix: bool) -> None:
    if matrix:
        given = document(vehicle={"start_index": None})
    else:
        vehicle = {"id": 1, "end": [7.0, 51.0]}
        given = {"vehicles": [vehicle], "jobs": [{"id": 10 + n, "location": [7.1 + n / 10, 51.0]} for n in (0, 1)]}
    answer = solved(given)
    steps = answer["routes"][0]["steps"]
    assert [(step["type"], step.get("id")) for step in steps] == [("job", 11), ("job", 10), ("end", None)]
    assert (steps[0]["duration"], steps[0]["arrival"]) == (0, 0)
    if matrix:
        assert answer["summary"]["cost"] == 160 + 110


# What is refused


REFUSED = [
    *((name, {"job": {name: {"x": 5}}}, "jobs[0]") for name in vroom_input.JOB_REFUSED),
    *((name, {"vehicle": {name: [{"x": 5}]}}, "vehicles[0]") for name in vroom_input.VEHICLE_REFUSED),
    *(
        (name, {"vehicle": {"breaks": [{"id": 1, name: [5]}]}}, "vehicles[0].breaks[0]")
        for name in vroom_input.BREAK_REFUSED
    ),
    *((name, {"vehicle": {"costs": {name: 5}}}, "vehicles[0].costs") for name in vroom_input.COSTS_NONE),
    *((name, {name: [{"x": 5}]}, "input") for name in vroom_input.TOP_REFUSED),
    *((name, {"options": {name: True}}, "options") for name in vroom_input.OPTIONS_REFUSED),
    *(
        (name, {"matrices": {"car": {"durations": DURATIONS, name: DURATIONS}}}, "matrices.car")
        for name in vroom_input.MATRIX_REFUSED
    ),
]


@pytest.mark.parametrize(("name", "changes", "element"), REFUSED, ids=[f"{case[2]}.{case[0]}" for case in REFUSED])
def test_what_can_not_be_held_is_refused_by_name(name: str, changes: dict[str, Any], element: str) -> None:
    assert faults(document(**changes)) == [(element, name)]


def test_the_names_of_what_vroom_knows_and_we_do_not() -> None:
    """The table above covers what it was written for."""
    assert {name for name, _, _ in REFUSED} >= {
        *("shipments", "max_distance", "steps", "max_load", "per_km", "per_task_hour", "setup_per_type"),
        *("service_per_type", "g", "costs"),
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"job": {"prize": 5}}, ("jobs[0]", "prize")),
        ({"job": {"id": None}}, ("jobs[0]", "id")),
        ({"job": {"id": -1}}, ("jobs[0]", "id")),
        ({"job": {"id": 11}}, ("jobs[1]", "id")),
        ({"job": {"service": 1.5}}, ("jobs[0]", "service")),
        ({"job": {"setup": -1}}, ("jobs[0]", "setup")),
        ({"job": {"priority": 101}}, ("jobs[0]", "priority")),
        ({"job": {"skills": ["gas"]}}, ("jobs[0]", "skills[0]")),
        ({"job": {"skills": 5}}, ("jobs[0]", "skills")),
        ({"job": {"time_windows": [[9, 5]]}}, ("jobs[0]", "time_windows[0]")),
        ({"job": {"time_windows": [5, 9]}}, ("jobs[0]", "time_windows[0]")),
        ({"job": {"location_index": None}}, ("jobs[0]", "location")),
        ({"job": {"location_index": 3}}, ("jobs[0]", "location_index")),
        ({"job": {"location_index": None, "location": [7.0, 51.0]}}, ("jobs[0]", "location_index")),
        ({"job": {"location": [7.0]}}, ("jobs[0]", "location")),
        ({"job": {"description": 5}}, ("jobs[0]", "description")),
        ({"job": {"amount": [1], "delivery": [1]}}, ("jobs[0]", "amount")),
        ({"job": {"delivery": [1]}, "vehicle": {"capacity": [1, 1]}}, ("vehicles[0]", "capacity")),
        ({"vehicle": {"start_index": None, "end_index": None}}, ("vehicles[0]", "start")),
        ({"vehicle": {"speed_factor": 0.5}}, ("vehicles[0]", "speed_factor")),
        ({"vehicle": {"time_window": [0, 2 * DAY + 1]}}, ("vehicles[0]", "time_window")),
        ({"vehicle": {"time_window": 5}}, ("vehicles[0]", "time_window")),
        ({"vehicle": {"max_tasks": -1}}, ("vehicles[0]", "max_tasks")),
        (
            {"vehicle": {"breaks": [{"id": 1, "time_windows": [[0, 1], [2, 3]]}]}},
            ("vehicles[0].breaks[0]", "time_windows"),
        ),
        ({"vehicle": {"breaks": [{"id": 1}, {"id": 1}]}}, ("vehicles[0].breaks[1]", "id")),
        (
            {"vehicle": {"time_window": [0, 9], "breaks": [{"id": 4, "time_windows": [[20, 30]]}]}},
            ("vehicles[0]", "break 4"),
        ),
        (
            {
                "vehicle": {
                    "breaks": [
                        {"id": 4, "service": 60, "time_windows": [[10, 20]]},
                        {"id": 5, "time_windows": [[20, 30]]},
                    ]
                }
            },
            ("vehicles[0]", "break 5"),
        ),
        ({"vehicles": []}, ("input", "vehicles")),
        ({"vehicles": vehicles({}, {"profile": "bike"})}, ("vehicles[1]", "profile")),
        ({"vehicles": vehicles({"costs": {"per_hour": 100}}, {})}, ("vehicles[0].costs", "per_hour")),
        ({"vehicle": {"profile": "bike"}}, ("input", "matrices")),
        ({"matrices": {"car": {"durations": [[0, 1]]}}, "jobs": []}, ("matrices.car", "durations")),
        ({"matrices": {"car": {"durations": [[0.5]]}}, "jobs": []}, ("matrices.car", "durations[0][0]")),
        ({"matrices": {"car": {"durations": DURATIONS, "distances": [[0]]}}}, ("matrices.car", "distances")),
        ({"jobs": {}}, ("input", "jobs")),
        ({"jobs": [5]}, ("jobs[0]", "value")),
        ({"options": {"colour": 1}}, ("options", "colour")),
    ],
)
def test_what_is_wrong_is_named_with_its_place(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in faults(document(**changes))


def test_longitude_and_latitude_swapped_are_noticed() -> None:
    given = {"vehicles": [{"id": 1, "start": [7.0, 51.0]}], "jobs": [{"id": 1, "location": [51.0, 107.0]}]}
    assert faults(given) == [("jobs[0]", "location")]


def test_a_row_of_no_matrix_says_that_one_is_missing() -> None:
    with pytest.raises(Refused, match="of a matrix that is given"):
        vroom.read(text(matrices=None))


def test_jobs_far_apart_need_vehicles_with_working_times() -> None:
    far = jobs({"time_windows": [[0, 9]]}, {"time_windows": [[3 * DAY, 4 * DAY]]})
    assert faults(document(jobs=far)) == [("vehicles[0]", "time_window")]


def test_all_faults_are_told_at_once() -> None:
    given = document(job={"priority": -1, "colour": 1}, vehicle={"max_distance": 5, "speed_factor": 2}, shipments=[{}])
    assert sorted(faults(given)) == [
        ("input", "shipments"),
        ("jobs[0]", "colour"),
        ("jobs[0]", "priority"),
        ("vehicles[0]", "max_distance"),
        ("vehicles[0]", "speed_factor"),
    ]


@pytest.mark.parametrize("given", ["", "[]", "5", "{", '{"vehicles": 5}', '{"jobs": []}', "null"])
def test_what_is_no_input_at_all_is_refused(given: str) -> None:
    assert faults(given)


@pytest.mark.parametrize(
    "changes", [{"job": {"max": None}}, {"vehicle": {"steps": []}}, {"shipments": []}, {"options": {"g": False}}]
)
def test_what_says_nothing_is_no_fault(changes: dict[str, Any]) -> None:
    changes.get("job", {}).pop("max", None)
    assert problem(**changes).visits
