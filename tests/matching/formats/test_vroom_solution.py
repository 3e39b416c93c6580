"""What a solution in VROOM's JSON says, how it is read again, and that solved inputs keep what they ask."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from dispatch.matching import Plan, Problem, Refused, check, solve
from dispatch.matching.formats import vroom
from dispatch.matching.plan import BreakTaken, Route, Stop, Unassigned
from tests.matching.formats.build import DURATIONS, document, jobs, served, solved, text, vehicles

DAY = 86_400
NOON = 1_600_430_400  # 2020-09-18 12:00 UTC
TWO_PLACES = {"start": [7.0, 51.0], "start_index": None, "end": [7.1, 51.0], "end_index": None}


def route(*stops: Stop, **changes: Any) -> Plan:
    given = {"shift": "1", "technician": "1", "depart_s": 0, "finish_s": 0, "stops": stops}
    return Plan(routes=(Route(**(given | changes)),))


def stop(visit: str, start_s: int, end_s: int, travel_s: int, **changes: Any) -> Stop:
    given = {"visit": visit, "arrive_s": start_s, "start_s": start_s, "end_s": end_s, "travel_s": travel_s}
    return Stop(**(given | {"travel_m": 0, "travel_source": "matrix"} | changes))


def steps(given: dict[str, Any], plan: Plan, *fields: str) -> list[tuple[Any, ...]]:
    asked, names = vroom.read(json.dumps(given))
    (written,) = vroom.write(asked, plan, names)["routes"]
    return [tuple(step.get(name) for name in ("type", *fields)) for step in written["steps"]]


DAY_OF_TWO = route(
    stop("10", 150, 250, 100, arrive_s=150),
    stop("11", 500, 560, 150, arrive_s=400, waiting_s=100),
    depart_s=50,
    finish_s=770,
    home_travel_s=210,
)
TWO_JOBS = jobs({"service": 70, "setup": 30, "delivery": [2], "priority": 4}, {"service": 60, "delivery": [1]})


def test_steps_carry_times_waiting_driving_and_load() -> None:
    given = document(jobs=TWO_JOBS, vehicle={"capacity": [3], "time_window": [NOON, NOON + DAY]})
    day = route(
        *(
            stop(one.visit, one.start_s + 43_200, one.end_s + 43_200, one.travel_s, arrive_s=one.arrive_s + 43_200)
            for one in DAY_OF_TWO.routes[0].stops
        ),
        depart_s=43_250,
        finish_s=43_970,
        home_travel_s=210,
    )
    shown = steps(given, day, "id", "arrival", "duration", "setup", "service", "waiting_time", "load", "location_index")
    assert shown == [
        ("start", None, NOON + 50, 0, 0, 0, 0, [3], 0),
        ("job", 10, NOON + 150, 100, 30, 70, 0, [1], 1),
        ("job", 11, NOON + 400, 250, 0, 60, 100, [0], 2),
        ("end", None, NOON + 770, 460, 0, 0, 0, [0], 0),
    ]


def test_the_summary_adds_up() -> None:
    asked, names = vroom.read(text(jobs=[*TWO_JOBS, {"id": 12, "location_index": 1, "description": "late"}]))
    plan = Plan(routes=DAY_OF_TWO.routes, unassigned=(Unassigned(visit="12"),))
    answer = vroom.write(asked, plan, names)
    assert answer["code"] == 0
    assert answer["unassigned"] == [{"id": 12, "type": "job", "description": "late", "location_index": 1}]
    assert answer["summary"] == {
        "cost": 460,
        "routes": 1,
        "unassigned": 1,
        "setup": 30,
        "service": 130,
        "duration": 460,
        "waiting_time": 100,
        "priority": 4,
        "violations": [],
        "delivery": [3],
        "pickup": [0],
    }


def test_collections_stay_on_board() -> None:
    given = document(
        jobs=jobs({"pickup": [2], "service": 100}, {"pickup": [1], "service": 60}), vehicle={"capacity": [3]}
    )
    assert steps(given, DAY_OF_TWO, "load") == [("start", [0]), ("job", [2]), ("job", [3]), ("end", [3])]


@pytest.mark.parametrize(
    ("costs", "cost"), [({}, 460), ({"fixed": 1_000}, 1_460), ({"per_hour": 1_800}, 230), ({"per_hour": 5_404}, 691)]
)
def test_the_cost_is_what_vroom_counts(costs: dict[str, int], cost: int) -> None:
    asked, names = vroom.read(text(jobs=TWO_JOBS, vehicle={"costs": costs}))
    assert vroom.write(asked, DAY_OF_TWO, names)["routes"][0]["cost"] == cost


def test_distances_are_told_where_they_are_known() -> None:
    given = document(jobs=TWO_JOBS)
    assert steps(given, DAY_OF_TWO, "distance") == [("start", None), ("job", None), ("job", None), ("end", None)]
    given["matrices"] = {"car": {"durations": DURATIONS, "distances": DURATIONS}}
    day = route(
        stop("10", 150, 250, 100, travel_m=7), stop("11", 500, 560, 150, travel_m=8), home_travel_m=9, finish_s=770
    )
    assert steps(given, day, "distance") == [("start", 0), ("job", 7), ("job", 15), ("end", 24)]


@pytest.mark.parametrize(
    ("rest", "first_leg", "expected"),
    [
        # On the way to the second job, 30 s after leaving the first: the drive is interrupted.
        ((280, 300), 50, [("start", 50, 0, 0), ("job", 150, 100, 0), ("break", 280, 130, 0), ("job", 420, 250, 80)]),
        # After the drive, before the window opens.
        ((450, 470), 50, [("start", 50, 0, 0), ("job", 150, 100, 0), ("break", 400, 250, 50), ("job", 470, 250, 30)]),
        # Before leaving: the route begins with it.
        ((10, 30), 50, [("start", 10, 0, 0), ("break", 10, 0, 0), ("job", 130, 100, 20), ("job", 400, 250, 100)]),
        # On the way home.
        ((570, 590), 50, [("start", 50, 0, 0), ("job", 150, 100, 0), ("job", 400, 250, 100), ("break", 570, 260, 0)]),
    ],
)
def test_breaks_stand_where_they_are_taken(
    rest: tuple[int, int], first_leg: int, expected: list[tuple[Any, ...]]
) -> None:
    plan = route(
        *DAY_OF_TWO.routes[0].stops,
        depart_s=first_leg,
        finish_s=790 if rest[0] > 560 else 770,
        home_travel_s=210,
        breaks=(BreakTaken(id="3", start_s=rest[0], end_s=rest[1]),),
    )
    given = document(jobs=TWO_JOBS, vehicle={"breaks": [{"id": 3, "service": 20}]})
    shown = steps(given, plan, "arrival", "duration", "waiting_time")
    assert shown[:-1] == expected
    assert shown[-1] == ("end", plan.routes[0].finish_s, 460, 0)


def test_a_route_without_an_end_stops_at_its_last_job() -> None:
    plan = route(*DAY_OF_TWO.routes[0].stops, depart_s=50, finish_s=560)
    assert [one[0] for one in steps(document(jobs=TWO_JOBS, vehicle={"end_index": None}), plan)] == [
        "start",
        "job",
        "job",
    ]


def test_coordinates_and_descriptions_come_back_as_they_were() -> None:
    given = {
        "vehicles": [{"id": 9, "start": [7, 51.0], "description": "van"}],
        "jobs": [{"id": 4, "location": [7.05, 51.2], "description": "boiler"}],
    }
    (written,) = solved(given)["routes"]
    assert (written["vehicle"], written["description"]) == (9, "van")
    assert [step["location"] for step in written["steps"]] == [[7, 51.0], [7.05, 51.2]]
    assert written["steps"][1]["description"] == "boiler"


# There and back


@pytest.mark.parametrize(("since", "until"), [(280, 300), (450, 460), (0, 0), (700, 700)])
def test_a_solution_is_read_as_the_plan_it_was_written_from(since: int, until: int) -> None:
    """With a break on the way, at the place of the second job, before the first drive, and on the way home."""
    given = document(
        jobs=jobs({"service": 100, "time_windows": [[150, 900]]}, {"service": 60, "time_windows": [[500, 900]]}),
        vehicle={"breaks": [{"id": 3, "service": 20, "time_windows": [[since, until]]}]},
    )
    asked, names = vroom.read(json.dumps(given))
    plan = solve(asked, time_limit_s=None, step_limit=20)
    assert check(asked, plan) == ()
    assert [len(one.breaks) for one in plan.routes] == [1]
    again = vroom.read_solution(json.dumps(vroom.write(asked, plan, names)), asked)
    assert again.routes == plan.routes
    assert again.cost == plan.cost


def test_jobs_that_a_solution_leaves_out_are_left_out() -> None:
    asked, names = vroom.read(text(jobs=TWO_JOBS))
    answer = vroom.write(asked, Plan(unassigned=(Unassigned(visit="10"), Unassigned(visit="11"))), names)
    assert [item.visit for item in vroom.read_solution(json.dumps(answer), asked).unassigned] == ["10", "11"]


def changed(change: Callable[[dict[str, Any]], object]) -> tuple[Problem, str]:
    asked, names = vroom.read(text(jobs=TWO_JOBS))
    answer = vroom.write(asked, DAY_OF_TWO, names)
    change(answer)
    return asked, json.dumps(answer)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda steps: steps[1].update(arrival=10), "shifts"),  # leaves before the vehicle may
        (lambda steps: steps[1].update(service=10), "shifts"),
        (lambda steps: steps[2].update(duration=200), "travel"),
        (lambda steps: steps[3].update(arrival=600), "breaks"),  # home sooner than the way takes
    ],
)
def test_the_checker_sees_what_is_wrong_in_a_solution(
    change: Callable[[list[dict[str, Any]]], object], rule: str
) -> None:
    asked, answer = changed(lambda answer: change(answer["routes"][0]["steps"]))
    assert rule in {item.rule for item in check(asked, vroom.read_solution(answer, asked))}


@pytest.mark.parametrize(
    ("change", "element", "field"),
    [
        (lambda answer: answer.update(code=2), "solution", "code"),
        (lambda answer: answer["routes"].append(answer["routes"][0]), "solution", "routes.vehicle"),
        (lambda answer: answer["routes"][0].update(vehicle=7), "routes[0]", "vehicle"),
        (lambda answer: answer["routes"][0]["steps"][1].update(id=7), "routes[0].steps[1]", "id"),
        (lambda answer: answer["routes"][0]["steps"][2].update(id=10), "solution", "job"),
        (lambda answer: answer["routes"][0]["steps"][1].update(type="pickup"), "routes[0].steps[1]", "type"),
        (lambda answer: answer["routes"][0]["steps"][1].pop("arrival"), "routes[0].steps[1]", "arrival"),
        (lambda answer: answer["routes"][0]["steps"].pop(), "routes[0]", "steps"),
    ],
)
def test_what_is_no_solution_of_this_input_is_refused(
    change: Callable[[dict[str, Any]], object], element: str, field: str
) -> None:
    asked, answer = changed(change)
    with pytest.raises(Refused) as refused:
        vroom.read_solution(answer, asked)
    assert (element, field) in [(fault.element, fault.field) for fault in refused.value.faults]


# Solved


def test_skills_windows_and_breaks_are_kept() -> None:
    answer = solved(
        document(
            vehicles=vehicles(
                {"skills": [1]}, {"skills": [2], "breaks": [{"id": 1, "service": 60, "time_windows": [[150, 200]]}]}
            ),
            jobs=jobs({"skills": [1]}, {"skills": [2], "time_windows": [[500, 600]]}, {"skills": [1, 2]}),
        )
    )
    assert served(answer) == {1: [10], 2: [11]}
    assert [item["id"] for item in answer["unassigned"]] == [12]


def test_of_two_jobs_that_do_not_fit_together_the_higher_priority_is_served() -> None:
    given = jobs({"priority": 1, "time_windows": [[200, 200]]}, {"priority": 9, "time_windows": [[200, 200]]})
    assert served(solved(document(jobs=given))) == {1: [11]}


@pytest.mark.parametrize("kind", ["delivery", "pickup"])
def test_no_vehicle_carries_more_than_its_capacity(kind: str) -> None:
    given = document(
        vehicles=vehicles({"capacity": [3]}, {"capacity": [2]}), jobs=jobs(*({kind: [2]} for _ in range(3)))
    )
    answer = solved(given)
    assert sorted(len(each) for each in served(answer).values()) == [1, 1]
    assert len(answer["unassigned"]) == 1


def test_a_vehicle_takes_no_more_jobs_than_its_max_tasks() -> None:
    answer = solved(document(vehicles=vehicles({"max_tasks": 1}, {"max_tasks": 2}), jobs=jobs({}, {}, {}, {})))
    assert {vehicle: len(each) for vehicle, each in served(answer).items()} == {1: 1, 2: 2}


def test_a_vehicle_drives_no_longer_than_its_max_travel_time() -> None:
    assert served(solved(document(vehicle={"max_travel_time": 459}))) in ({1: [10]}, {1: [11]})
    assert served(solved(document(vehicle={"max_travel_time": 460}))) == {1: [10, 11]}


def test_a_set_up_is_shared_at_one_place() -> None:
    given = jobs({"setup": 50, "service": 10}, {"setup": 50, "service": 10, "location_index": 1})
    answer = solved(document(jobs=given))
    assert (answer["summary"]["setup"], answer["summary"]["service"]) == (50, 20)
