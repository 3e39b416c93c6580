"""What the brute force adds to a plan breaks no rule, whatever ties visits, days and people to each other."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from dispatch.matching import Problem
from dispatch.matching.check import check, feasible_insertions
from dispatch.matching.check.insertions import Day, timetable
from dispatch.matching.check.promise_windows import lateness
from dispatch.matching.check.shifts import own_s, shares_setup
from dispatch.matching.check.travel import source, way
from dispatch.matching.plan import DepotStop, Plan, Reason, ReasonCode, Route, Stop, Unassigned
from dispatch.matching.problem import Pin, Point, Published, Visit, Window
from dispatch.units import Seconds
from tests.matching.check.test_depot import asked as asked_by_depot
from tests.matching.check.test_depot import planned as planned_by_depot
from tests.matching.check.test_rules import good_plan, good_problem, with_partner, with_person, with_shift, with_visit
from tests.matching.strategies import problems

EMPTY = (Reason(code=ReasonCode.DISPLACED),)


def nothing(problem: Problem) -> Plan:
    return Plan(unassigned=tuple(Unassigned(visit=item.id, reasons=EMPTY) for item in problem.visits))


def written(problem: Problem, day: Day, starts: Sequence[Seconds]) -> Route:
    """The route of a day without breaks; its costs are left at 0."""
    shift, person = day.shift, problem.technician_by_id[day.shift.technician]
    places: list[Point] = [shift.start]
    stops: list[Stop] = []
    depot, earlier, left_s, depart_s = None, None, 0, 0
    for number, (visit, slot, start_s) in enumerate(zip(day.visits, day.slots, starts, strict=True)):
        assert visit.point is not None
        seconds, metres = way(problem.travel, places[-1], visit.point)
        via_s = 0
        if number == day.depot_before:
            assert shift.depot is not None
            to_s, to_m = way(problem.travel, places[-1], shift.depot)
            seconds, metres = way(problem.travel, shift.depot, visit.point)
            via_s, earlier = to_s + shift.depot_s, None
        if number == 0:
            left_s = depart_s = start_s - seconds - via_s
        if number == day.depot_before:
            depot = DepotStop(
                before=number,
                arrive_s=left_s + to_s,
                leave_s=left_s + via_s,
                travel_s=to_s,
                travel_m=to_m,
                travel_source=source(problem.travel),
            )
        end_s = start_s + own_s(person, visit, shared=shares_setup(earlier, visit))
        stops.append(
            Stop(
                visit=visit.id,
                slot=slot,
                arrive_s=left_s + via_s + seconds,
                start_s=start_s,
                end_s=end_s,
                travel_s=seconds,
                travel_m=metres,
                travel_source=source(problem.travel),
                waiting_s=start_s - left_s - via_s - seconds,
                late_s=lateness(visit, start_s, end_s) or 0,
            )
        )
        places.append(visit.point)
        left_s, earlier = end_s, visit
    home_s, home_m = (0, 0) if shift.end is None else way(problem.travel, places[-1], shift.end)
    return Route(
        shift=shift.id,
        technician=person.id,
        depart_s=depart_s,
        finish_s=left_s + home_s,
        stops=tuple(stops),
        depot=depot,
        home_travel_s=home_s,
        home_travel_m=home_m,
        home_source=source(problem.travel),
    )


def added(problem: Problem, plan: Plan, visit: str, shift: str, position: int) -> Plan:
    """The plan with one more visit at a place the brute force found."""
    route = plan.route_by_shift.get(shift)
    served = () if route is None else tuple(problem.visit_by_id[stop.visit] for stop in route.stops)
    order = (*served[:position], problem.visit_by_id[visit], *served[position:])
    day = Day(shift=problem.shift_by_id[shift], visits=order, slots=[0] * len(order))
    starts = timetable(problem, day, {}, plan)
    assert starts is not None
    others = tuple(each for each in plan.routes if each.shift != shift)
    left = tuple(item for item in plan.unassigned if item.visit != visit)
    return replace(plan, routes=(*others, written(problem, day, starts)), unassigned=left)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problems(extras=True, breaks=False, crews=False), st.randoms(use_true_random=False))
def test_adding_one_visit_after_the_other_keeps_every_rule(problem: Problem, random: Any) -> None:
    plan = nothing(problem)
    before = {found.rule for found in check(problem, plan)} - {"costs"}
    assert before <= {"changes"}  # everything published is still left out
    while found := list(feasible_insertions(problem, plan)):
        place = random.choice(found)
        plan = added(problem, plan, place.visit, place.shift, place.position)
        broken = [item for item in check(problem, plan) if item.rule not in ("costs", "changes")]
        assert broken == []
    event(f"{sum(len(route.stops) for route in plan.routes)} visits added")


def places(problem: Problem, plan: Plan, visit: str) -> set[tuple[str, int]]:
    """Where a visit of a plan without breaks and depots could go."""
    return {(item.shift, item.position) for item in feasible_insertions(problem, plan) if item.visit == visit}


def alone(problem: Problem) -> tuple[Problem, Plan]:
    """The good plan without breaks, and with ``left`` open to everybody."""
    problem = replace(
        with_visit(problem, "left", crew=problem.visits[1].crew[1:]),
        shifts=tuple(replace(item, breaks=()) for item in problem.shifts),
    )
    plan = good_plan(good_problem())
    routes = tuple(replace(route, breaks=(), finish_s=route.finish_s - 1_800) for route in plan.routes)
    return problem, replace(plan, routes=routes)


ANA, BEN = {("shift-ana", 0), ("shift-ana", 2)}, {("shift-ben", 0), ("shift-ben", 1)}
# The crew's start is fixed, so ana has room before lone (3,600 s of work from 600 on) and after the crew only.
CASES: dict[str, tuple[set[tuple[str, int]], Callable[[Problem], Problem]]] = {
    "free": (ANA | BEN, lambda p: p),
    "as many visits as allowed": (BEN, lambda p: with_shift(p, "shift-ana", max_visits=2)),
    "room for one more": (ANA | BEN, lambda p: with_shift(p, "shift-ana", max_visits=3)),
    "partner full": (set(), lambda p: with_partner(p, "ana", "ben", visits_a_day=3)),
    "one partner of two full": (BEN, lambda p: with_partner(p, "ana", visits_a_day=2)),
    "room at the partner": (ANA | BEN, lambda p: with_partner(p, "ana", "ben", visits_a_day=4)),
    "same person": (ANA, lambda p: with_visit(p, "left", same_person_as=("lone",))),
    "named by the other": (ANA, lambda p: with_visit(p, "lone", same_person_as=("left",))),
    "another person": (BEN, lambda p: with_visit(p, "left", other_person_than=("lone",))),
    "another person than any of a crew": (set(), lambda p: with_visit(p, "crew", other_person_than=("left",))),
    "too much driving": (ANA, lambda p: with_shift(p, "shift-ben", max_drive_s=2_399)),
    "a tool that nobody has": (set(), lambda p: with_visit(p, "left", tools=("pump",))),
    "a tool on one van": (
        BEN,
        lambda p: with_shift(with_visit(p, "left", tools=("pump",)), "shift-ben", tools=("pump",)),
    ),
    "a part used up before": (
        BEN,
        lambda p: with_shift(
            with_shift(
                with_visit(with_visit(p, "left", parts={"valve": 1}), "lone", parts={"valve": 2}),
                "shift-ana",
                parts={"valve": 2},
            ),
            "shift-ben",
            parts={"valve": 1},
        ),
    ),
    "after a pinned start of the day": (
        {("shift-ana", 2)} | BEN,
        lambda p: replace(p, pins=(Pin(visit="lone", technician="ana", order=0),)),
    ),
    "rest before the next day": (
        {("shift-ana", 0)} | BEN,
        lambda p: replace(
            with_person(p, "ana", min_rest_s=12_600),
            shifts=(*p.shifts, replace(p.shifts[0], id="next", start_s=28_800, end_s=28_800)),
        ),
    ),
    # Ana would be away for 14,400 s or 15,600 s, Ben for 16,200 s or 13,200 s.
    "a long day": ({("shift-ana", 0), ("shift-ben", 1)}, lambda p: limited(p, 15_000)),
    "a day just long enough": ({("shift-ana", 0), ("shift-ben", 1)}, lambda p: limited(p, 14_400)),
    "a day too long by a second": ({("shift-ben", 1)}, lambda p: limited(p, 14_399)),
}


def limited(problem: Problem, longest_s: int) -> Problem:
    return replace(problem, shifts=tuple(replace(item, max_length_s=longest_s) for item in problem.shifts))


@pytest.mark.parametrize("case", CASES)
def test_places_that_the_rules_of_days_and_people_leave(case: str) -> None:
    expected, change = CASES[case]
    problem, plan = alone(good_problem())
    assert places(change(problem), plan, "left") == expected


@pytest.mark.parametrize(
    ("told", "most", "expected"),
    [
        ((), 0, True),
        ((Published(technician="ana", start_s=3_000),), None, True),
        ((Published(technician="ana", start_s=3_000),), 0, False),
        ((Published(technician="ana", start_s=3_000),), 1, True),
        ((Published(technician="ana", start_s=4_000),), 0, True),  # moves from 1,000 s early to 200 s late
    ],
)
def test_others_are_not_moved_where_too_much_changes(
    told: tuple[Published, ...], most: int | None, expected: bool
) -> None:
    problem, plan = alone(good_problem())
    problem = with_visit(with_visit(problem, "lone", published=told, windows=(Window(start_s=0, end_s=7_200),)), "crew")
    problem = replace(problem, policy=replace(problem.policy, max_changes=most))
    assert (("shift-ana", 0) in places(problem, plan, "left")) is expected


def test_a_depot_stop_stays_between_the_same_stops() -> None:
    problem = asked_by_depot()
    extra = Visit(id="extra", point=problem.visits[0].point, duration_s=60, parts={"filter": 1})
    problem = replace(problem, visits=(*problem.visits, extra))
    plan = replace(planned_by_depot(problem), unassigned=(Unassigned(visit="extra", reasons=EMPTY),))
    # Before the depot there is no filter left; beside it, the new visit comes right after it.
    assert places(problem, plan, "extra") == {("day", 1), ("day", 2), ("day", 3)}
    nothing_needed = with_visit(problem, "extra", parts={})
    assert places(nothing_needed, plan, "extra") == {("day", number) for number in range(4)}
