"""Unusual questions get an answer too: a plan with reasons, or a refusal that says what is wrong; nothing else.

The numbers are those of the list of cases for solver robustness. What is not here is tested where it belongs: times of
day and calendars in ``tests/workforce`` and ``tests/skills``, running solvers as processes in ``tests/planning``,
malformed values in `test_problem`, ways, limits and warm starts in `test_solve`, windows, pins and crews in
``constraints/``, exhaustive search and explanations in `test_properties`.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from dispatch.matching import Plan, Problem, Refused, check, solve, why_unassigned
from dispatch.matching.check import feasible_insertions, unforced
from dispatch.matching.objective import UNIT
from dispatch.matching.policy import Policy
from dispatch.matching.problem import (
    MAX_COST,
    MAX_PAIRS,
    MAX_SHIFTS,
    MAX_TIME_S,
    MAX_VISITS,
    UNREACHABLE,
    Break,
    Certification,
    CrewSlot,
    Matrix,
    Pin,
    Point,
    Predecessor,
    Shift,
    Technician,
    Travel,
)
from tests.matching import naive
from tests.matching.build import (
    BASE,
    HOUR,
    at,
    codes,
    crew,
    lunch,
    need,
    problem,
    shift,
    technician,
    visit,
    who,
    window,
)
from tests.matching.strategies import problems

WEEK_S = 7 * 24 * HOUR
relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def answered(asked: Problem, steps: int = 50) -> Plan:
    """The plan of a problem, which must be complete, right and explained."""
    plan = solve(asked, time_limit_s=None, step_limit=steps)
    assert unforced(asked, plan) == ()
    assert set(plan.stops_by_visit) | {item.visit for item in plan.unassigned} == set(asked.visit_by_id)
    assert all(item.reasons for item in plan.unassigned)
    return plan


NOBODY = replace(problem(visit("a"), visit("b")), technicians=(), shifts=())
# 1 to 7, 10, 19 to 21: why each visit of a well-formed but impossible problem is left out.
REASONS: dict[str, tuple[Problem, dict[str, list[str]]]] = {
    "1 no technicians": (NOBODY, {"a": ["no_capacity"], "b": ["no_capacity"]}),
    "2 no visits": (problem(), {}),
    "3 one visit, one person": (problem(visit()), {}),
    "4 all absent": (replace(problem(visit()), shifts=()), {"v1": ["no_capacity"]}),
    "5 all windows past": (problem(visit(windows=(window(5, 7), window(2, 3)))), {"v1": ["window_past"]}),
    "7 window shorter than the work": (
        problem(visit(windows=(window(9, 9.5, whole_visit=True),))),
        {"v1": ["window_too_short"]},
    ),
    "10 place missing": (problem(visit(place=None)), {"v1": ["no_location"]}),
    "19 unknown skill": (problem(visit(needs=(need("telepathy"),))), {"v1": ["nobody_qualified", "not_qualified"]}),
    "19 nobody is good enough": (
        problem(technician(skills={"gas": 2.0}), visit(needs=(need("gas", 5),))),
        {"v1": ["nobody_qualified", "not_qualified"]},
    ),
    "19 certificate ends at noon": (
        problem(
            technician(certifications=(Certification(id="permit", valid_until_s=12 * HOUR),)),
            visit(crew=(CrewSlot(certifications=("permit",)),)),
        ),
        {"v1": ["nobody_qualified", "not_certified"]},
    ),
    "21 crew of five, three people": (
        problem(*(technician(name) for name in ("a", "b", "c")), visit(crew=crew((), (), (), (), ()))),
        {"v1": ["crew_too_small"]},
    ),
    "21 tool missing": (problem(visit(tools=("crane",))), {"v1": ["nobody_qualified", "not_equipped"]}),
    "21 waits for what nobody does": (
        problem(visit("a", place=None), visit("b", predecessors=(Predecessor(visit="a"),))),
        {"a": ["no_location"], "b": ["predecessor_unserved"]},
    ),
}


@pytest.mark.parametrize("case", REASONS)
def test_impossible_visits_are_left_out_with_their_reason(case: str) -> None:
    asked, expected = REASONS[case]
    plan = answered(asked)
    assert codes(plan) == expected
    assert check(asked, plan) == ()
    for name in expected:
        assert why_unassigned(asked, plan, name).reasons


@pytest.mark.parametrize(
    ("names", "told"),
    [(("a", "b", "c"), {"a", "b", "c"}), (("a", "b"), {"a", "b"})],
)
def test_21_a_circle_of_visits_is_refused_and_every_one_of_it_named(names: tuple[str, ...], told: set[str]) -> None:
    after = dict(zip(names, (*names[1:], names[0]), strict=True))
    circle = (visit(name, predecessors=(Predecessor(visit=after[name]),)) for name in names)
    with pytest.raises(Refused) as refused:
        problem(*circle, visit("free"))
    assert {fault.element for fault in refused.value.faults} == {f"visit {name}" for name in told}


def test_9_visits_at_one_place_and_places_listed_twice_are_no_trouble() -> None:
    plan = answered(problem(*(visit(f"v{n}", place=at(3), minutes=30) for n in range(8))))
    assert [stop.travel_s for stop in plan.routes[0].stops][1:] == [0] * 7


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (Point(lat=10, lon=179.9), Point(lat=10, lon=-179.9)),
        (Point(lat=89.9, lon=0), Point(lat=89.9, lon=180)),
        (Point(lat=-89.9, lon=-90), Point(lat=-89.9, lon=90)),
        (Point(lat=90, lon=5), Point(lat=90, lon=-120)),
    ],
)
def test_11_over_the_date_line_and_the_poles_the_way_is_short(start: Point, end: Point) -> None:
    plan = answered(problem(shift(start=start, end=start), visit(place=end)))
    assert plan.routes[0].stops[0].travel_m < 35_000


def test_15_a_shift_over_midnight_is_one_shift() -> None:
    night = shift("t1", since=22, until=30, breaks=(lunch(24, 26),))
    asked = problem(night, visit("early", windows=(window(22, 23),)), visit("late", windows=(window(28, 29),)))
    plan = answered(asked)
    assert [stop.visit for stop in plan.routes[0].stops] == ["early", "late"]


@pytest.mark.parametrize(
    "start",
    [
        datetime(2028, 2, 29, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(2026, 3, 29, tzinfo=timezone(timedelta(hours=-12))),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
)
def test_17_the_calendar_changes_nothing(start: datetime) -> None:
    asked = problem(visit("a", place=at(2)), visit("b", place=at(5), windows=(window(9, 12),)))
    plan = answered(replace(asked, start=start))
    assert plan.fingerprint() == answered(asked).fingerprint()
    assert Problem.from_json(replace(asked, start=start).to_json()).start == start


PINNED = problem(
    *(technician(name) for name in ("a", "b", "absent")),
    shift("a"),
    shift("b"),
    visit("x", needs=(need("gas"),)),
    visit("y"),
    visit("z"),
)
CONFLICTS: dict[str, tuple[tuple[Pin, ...], set[str]]] = {
    "two at once": (
        (Pin(visit="y", technician="a", start_s=9 * HOUR), Pin(visit="z", technician="a", start_s=9 * HOUR)),
        {"y", "z"},
    ),
    "not qualified": ((Pin(visit="x", technician="a"),), {"x"}),
    "absent": ((Pin(visit="y", technician="absent"),), {"y"}),
    "before the shift": ((Pin(visit="y", start_s=HOUR),), {"y"}),
    "after the end of time": ((Pin(visit="y", start_s=MAX_TIME_S),), {"y"}),
}


@pytest.mark.parametrize("case", CONFLICTS)
def test_20_pins_that_cannot_be_are_told_and_the_rest_is_solved(case: str) -> None:
    pins, told = CONFLICTS[case]
    # Shifts are only made up for people without one, so the absent person is taken out of them again.
    asked = replace(PINNED, pins=pins, shifts=PINNED.shifts[:2])
    plan = answered(asked)
    assert told <= {item.visit for item in plan.violations} | {item.visit for item in plan.unassigned}
    assert {"y", "z"} - told <= set(plan.stops_by_visit)
    for pin in pins:
        for route, stop in plan.stops_by_visit.get(pin.visit, ()):
            assert pin.technician in (None, route.technician)
            assert pin.start_s in (None, stop.start_s)


LARGEST = {
    "second_visit_cost": MAX_COST,
    "continuity_credit": MAX_COST,
    "preferred_credit": MAX_COST,
    "reassign_cost": MAX_COST,
    "retime_cost": MAX_COST,
    "lateness_rate": 10_000,
    "waiting_percent": 10_000,
    "priority_penalty": (MAX_COST,) * 5,
    "age_penalty_per_day": MAX_COST,
    "scarcity_per_hour": {"gas": MAX_COST, "lift": MAX_COST},
    "uneven_load_percent": 10_000,
    "long_overtime_percent": 10_000,
}


@pytest.mark.parametrize(
    "policy",
    [
        Policy(**LARGEST),
        Policy(**{name: (0,) * 5 if name == "priority_penalty" else 0 for name in LARGEST if "scarcity" not in name}),
    ],
    ids=["largest", "all 0"],
)
def test_22_the_largest_prices_and_prices_of_0_are_counted_exactly(policy: Policy) -> None:
    # Money that would not fit into 64 bits as a product of largest times is refused; what is accepted adds up.
    costly = technician("t1", cost_percent=10_000, pace_percent=1_000, call_out_cost=MAX_COST, skills={"gas": 5.0})
    asked = problem(
        costly,
        shift("t1", overtime_limit_s=24 * HOUR, overtime_percent=10_000, max_drive_s=MAX_TIME_S),
        visit("a", place=at(30), due_s=0, unserved_penalty=MAX_COST, age_s=MAX_TIME_S, person_cost={"t1": MAX_COST}),
        visit("b", place=at(0, 30), minutes=5, windows=(window(1, 2, hard=False),), lateness_rate=10_000),
        visit("c", minutes=5, priority=1, age_s=MAX_TIME_S, preferred=("t1",), known_faces=("t1",)),
        visit("d", place=None, unserved_penalty=MAX_COST),
        policy=policy,
    )
    plan = answered(asked)
    assert check(asked, plan) == ()
    assert len(plan.stops_by_visit) == 3
    assert all(abs(value) < 1 << 53 for value in plan.cost.terms().values())


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: visit(priority=6), "priority"),
        (lambda: visit(second_visit_cost=MAX_COST + 1), "second_visit_cost"),
        (lambda: visit(lateness_rate=10_001), "lateness_rate"),
        (lambda: visit(lateness_rate=-1), "lateness_rate"),
        (lambda: technician(call_out_cost=-1), "call_out_cost"),
        (lambda: Policy(lateness_rate=-1), "lateness_rate"),
        (lambda: Policy(retime_cost=MAX_COST + 1), "retime_cost"),
        (lambda: Policy(scarcity_per_hour={"gas": -1}), "scarcity_per_hour.gas"),
        (lambda: shift(overtime_percent=10**9), "overtime_percent"),
        (lambda: shift(max_drive_s=MAX_TIME_S + 1), "max_drive_s"),
    ],
)
def test_22_prices_outside_their_range_are_refused(make: Callable[[], object], field: str) -> None:
    with pytest.raises(Refused) as refused:
        make()
    assert [fault.field for fault in refused.value.faults] == [field]
    assert "between" in refused.value.faults[0].expected


def ways(rows: tuple[tuple[int, ...], ...]) -> Problem:
    """Base, a visit in the north and one in the east, with these seconds (and metres) between them."""
    places = (BASE, at(5), at(0, 5))
    travel = Travel(matrix=Matrix(points=places, travel_s=rows, travel_m=rows, source="table"))
    return problem(visit("north", place=places[1]), visit("east", place=places[2]), travel=travel)


@pytest.mark.parametrize(
    ("rows", "order"),
    [
        (((0, 100, 900), (900, 0, 100), (100, 900, 0)), ["north", "east"]),  # one way round is far shorter
        (((0, 900, 100), (100, 0, 900), (900, 100, 0)), ["east", "north"]),
        (((0, 100, UNREACHABLE), (900, 0, 100), (100, 900, 0)), ["north", "east"]),
        (((0, 0, 0), (0, 0, 0), (0, 0, 0)), None),
        (((0, 100, UNREACHABLE), (100, 0, UNREACHABLE), (100, 100, 0)), ["north"]),
        (((0, 100, 100), (UNREACHABLE, 0, UNREACHABLE), (100, 100, 0)), ["east"]),  # no way home from the north
        (((0, MAX_TIME_S, 100), (MAX_TIME_S, 0, MAX_TIME_S), (100, MAX_TIME_S, 0)), ["east"]),
        (((0, MAX_TIME_S, MAX_TIME_S), (0, 0, 0), (0, 0, 0)), []),
    ],
)
def test_23_ways_may_differ_by_direction_be_missing_nothing_or_huge(
    rows: tuple[tuple[int, ...], ...], order: list[str] | None
) -> None:
    asked = ways(rows)
    plan = answered(asked)
    assert check(asked, plan) == ()
    served = [stop.visit for route in plan.routes for stop in route.stops]
    assert served == order if order is not None else set(served) == {"north", "east"}


def crowd(visits: int, people: int) -> Problem:
    """A town with so much to do; places differ."""
    return problem(
        *(technician(f"t{n:03}") for n in range(people)),
        *(visit(f"v{n:05}", place=at(n % 71 - 35, n % 67 - 33), minutes=30 + n % 4 * 15) for n in range(visits)),
    )


@pytest.mark.parametrize(("visits", "people"), [(120, 12), (1_000, 40)])
def test_24_larger_problems_are_answered_too(visits: int, people: int) -> None:
    asked = crowd(visits, people)
    plan = answered(asked, steps=0)
    assert next(feasible_insertions(asked, replace(plan, unassigned=plan.unassigned[:1])), None) is None
    assert {str(item.reasons[0].code) for item in plan.unassigned} <= {"displaced"}
    assert len(plan.stops_by_visit) > visits // 5


def test_24_above_the_published_limits_a_problem_is_refused_before_any_work() -> None:
    one, day = visit(), shift()
    with pytest.raises(Refused) as refused:
        replace(problem(), visits=(one,) * (MAX_VISITS + 1), shifts=(day,) * (MAX_SHIFTS + 1))
    told = {fault.field: fault.expected for fault in refused.value.faults if fault.field.startswith("number")}
    assert told == {
        "number of visits": f"a whole number between 0 and {MAX_VISITS}",
        "number of shifts": f"a whole number between 0 and {MAX_SHIFTS}",
        "number of places in crews times shifts": f"a whole number between 0 and {MAX_PAIRS}",
    }


def test_27_twenty_runs_and_a_new_process_with_the_input_in_another_order_give_one_plan() -> None:
    asked = crowd(30, 3)
    found = {solve(asked, time_limit_s=None, step_limit=200, seed=5).fingerprint() for _ in range(20)}
    mixed = replace(asked, visits=asked.visits[::-1], shifts=asked.shifts[::-1], technicians=asked.technicians[::-1])
    script = (
        "import sys; from dispatch.matching import Problem, solve;"
        "plan = solve(Problem.from_json(sys.stdin.read()), time_limit_s=None, step_limit=200, seed=5);"
        "print(plan.fingerprint(), plan.stats.repeatable)"
    )
    fresh = subprocess.run([sys.executable, "-c", script], input=mixed.to_json(), capture_output=True, text=True)
    assert found == {fresh.stdout.split()[0]}, fresh.stderr
    assert fresh.stdout.split()[1] == "True"
    assert not solve(asked, time_limit_s=0.05).stats.repeatable


def test_32_a_warm_start_from_another_world_is_only_a_hint() -> None:
    yesterday = solve(crowd(12, 3), time_limit_s=None, step_limit=50)
    today = replace(crowd(10, 2), visits=(*crowd(10, 2).visits, visit("new", place=at(1))))
    plan = solve(today, time_limit_s=None, step_limit=0, warm_start=yesterday)
    assert check(today, plan) == ()
    # The route of a vanished person is listed as a whole, other vanished visits each by name.
    told = {f"visit {stop.visit}" for route in yesterday.routes for stop in route.stops if route.shift != "t002-day"}
    gone = {"shift t002-day"} | (told - {f"visit {name}" for name in today.visit_by_id})
    assert len(gone) > 1
    assert set(plan.stats.ignored) == gone
    assert "new" in plan.stops_by_visit
    nothing = solve(problem(), time_limit_s=None, step_limit=0, warm_start=yesterday)
    assert (nothing.routes, nothing.unassigned) == ((), ())
    assert {f"shift {route.shift}" for route in yesterday.routes} <= set(nothing.stats.ignored)


def small(asked: Problem) -> Problem:
    """At most two people, who can do everything, and visits that may all be left out: what the plain twin can solve."""
    optional = tuple(replace(item, optional=True, crew=(CrewSlot(),)) for item in asked.visits)
    return replace(asked, visits=optional, shifts=asked.shifts[:2], policy=Policy(waiting_percent=50))


def renamed(asked: Problem) -> Problem:
    """The same problem with other ids, in another order of ids."""
    people = {item.id: f"p{9 - n}" for n, item in enumerate(asked.technicians)}
    names = {item.id: f"w{99 - n}" for n, item in enumerate(asked.visits)}
    return replace(
        asked,
        technicians=tuple(replace(item, id=people[item.id]) for item in asked.technicians),
        shifts=tuple(
            replace(item, id=f"s-{people[item.technician]}", technician=people[item.technician])
            for item in asked.shifts
        ),
        visits=tuple(replace(item, id=names[item.id]) for item in asked.visits),
    )


def later(asked: Problem, seconds: int) -> Problem:
    """The same problem so much later."""

    def moved(item: Any, *names: str, **changes: Any) -> Any:
        values = {name: getattr(item, name) for name in names}
        times = {name: None if value is None else value + seconds for name, value in values.items()}
        return replace(item, **times, **changes)

    def rests(item: Shift) -> tuple[Break, ...]:
        return tuple(each if each.from_departure else moved(each, "earliest_s", "latest_s") for each in item.breaks)

    return replace(
        asked,
        shifts=tuple(moved(item, "start_s", "end_s", breaks=rests(item)) for item in asked.shifts),
        visits=tuple(
            moved(
                item,
                "release_s",
                "due_s",
                windows=tuple(moved(each, "start_s", "end_s") for each in item.windows),
                published=tuple(moved(each, "start_s") for each in item.published),
            )
            for item in asked.visits
        ),
        pins=tuple(moved(item, "start_s") for item in asked.pins),
    )


def east_is_west(asked: Problem) -> Problem:
    def mirrored(point: Point | None) -> Any:
        return None if point is None else Point(lat=point.lat, lon=2 * BASE.lon - point.lon)

    return replace(
        asked,
        shifts=tuple(
            replace(item, start=mirrored(item.start), end=mirrored(item.end), depot=mirrored(item.depot))
            for item in asked.shifts
        ),
        visits=tuple(replace(item, point=mirrored(item.point)) for item in asked.visits),
    )


@relaxed
@given(problems(most_visits=4, crews=False, links=False))
def test_33_one_more_person_never_makes_the_best_plan_dearer(asked: Problem) -> None:
    few = small(replace(asked, shifts=asked.shifts[:1]))
    more: tuple[Technician, ...] = (*few.technicians, technician("zz", skills={"gas": 5.0, "lift": 5.0}))
    many = replace(few, technicians=more, shifts=(*few.shifts, shift("zz", end=None)))
    assert naive.cheapest(many) <= naive.cheapest(few)
    plans = [solve(item, time_limit_s=None, step_limit=400) for item in (few, many)]
    assert plans[1].cost.total <= plans[0].cost.total + 2 * len(plans[1].routes) + 1  # terms are rounded by route


@relaxed
@given(problems(most_visits=4, crews=False, links=False))
def test_33_other_names_another_week_and_a_mirror_leave_the_best_plan_as_dear(asked: Problem) -> None:
    few = small(asked)
    best = naive.cheapest(few) / UNIT
    for change in (renamed, lambda item: later(item, WEEK_S), lambda item: later(item, -WEEK_S), east_is_west):
        other = change(few)
        plan = solve(other, time_limit_s=None, step_limit=600)
        assert abs(plan.cost.total - best) <= 2 * len(plan.routes) + 1 + 3 * len(plan.routes)  # a way may round
        assert check(other, plan) == ()


@relaxed
@given(problems())
def test_33_a_week_later_is_the_same_plan_a_week_later(asked: Problem) -> None:
    now, then = (solve(item, time_limit_s=None, step_limit=40) for item in (asked, later(asked, WEEK_S)))
    assert now.cost == then.cost
    assert who(now) == who(then)
    starts = [
        sorted((stop.visit, stop.slot, stop.start_s) for route in plan.routes for stop in route.stops)
        for plan in (now, then)
    ]
    assert starts[1] == [(name, slot, start_s + WEEK_S) for name, slot, start_s in starts[0]]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problems(most_visits=6, crews=False, links=False))
def test_36_small_problems_are_as_good_as_by_trying_everything(asked: Problem) -> None:
    few = small(replace(asked, visits=asked.visits[:5]))
    plan = solve(few, time_limit_s=None, step_limit=800)
    assert abs(plan.cost.total - naive.cheapest(few) / UNIT) <= 2 * len(plan.routes) + 1


def test_names_of_any_script_come_through() -> None:
    name = "\u202eRTL \x00 é \U0001f6e0" * 50
    asked = Problem.from_json(problem(visit(name)).to_json())
    assert set(answered(asked).stops_by_visit) == {name}
