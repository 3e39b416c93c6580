"""What every repair of a standing plan must be true to, whatever happened."""

from dataclasses import replace
from typing import Any

from dispatch.matching import Plan, Problem, solve
from dispatch.matching.check import unforced
from dispatch.matching.plan import Route
from dispatch.matching.replan import Repair, replan


def planned(asked: Problem) -> Plan:
    return solve(asked, time_limit_s=None, step_limit=200)


def repaired(asked: Problem, plan: Plan, **changes: Any) -> Repair:
    """The repair, with everything that must be true of any repair."""
    repair = replan(asked, plan, **({"time_limit_s": None} | changes))
    assert unforced(asked, repair.plan) == ()
    assert_account(asked, plan, repair)
    return repair


def assert_account(asked: Problem, plan: Plan, repair: Repair) -> None:
    """Every visit of the question is told once, and untouched routes are the very objects of before."""
    before, after = starts(plan), starts(repair.plan)
    told = [*repair.kept, *(item.visit for item in (*repair.moved, *repair.lost, *repair.new))]
    known = {item.id for item in asked.visits}
    assert sorted(told) == sorted((before.keys() | after.keys()) & known)
    tolerance = asked.policy.retime_tolerance_s
    for name in told:
        same = name in before and name in after and alike(before[name], after[name], tolerance)
        assert same == (name in repair.kept), name
    assert {item.visit for item in repair.lost} == (before.keys() & known) - after.keys()
    assert {item.visit for item in repair.new} == after.keys() - before.keys()
    assert all(item.reasons for item in repair.lost)
    for route in repair.plan.routes:
        if route.shift not in (*repair.touched, *repair.repriced):
            assert route is plan.route_by_shift[route.shift]


def starts(plan: Plan) -> dict[str, list[tuple[str, int]]]:
    return {
        name: [(route.technician, stop.start_s) for route, stop in stops] for name, stops in plan.stops_by_visit.items()
    }


def alike(one: list[tuple[str, int]], other: list[tuple[str, int]], tolerance: int) -> bool:
    return len(one) == len(other) and all(
        a[0] == b[0] and abs(a[1] - b[1]) <= tolerance for a, b in zip(one, other, strict=True)
    )


def moved(repair: Repair) -> set[str]:
    return {item.visit for item in repair.moved}


def without(asked: Problem, *, shifts: tuple[str, ...] = (), visits: tuple[str, ...] = ()) -> Problem:
    return replace(
        asked,
        shifts=tuple(item for item in asked.shifts if item.id not in shifts),
        visits=tuple(item for item in asked.visits if item.id not in visits),
    )


def changed(asked: Problem, name: str, **changes: Any) -> Problem:
    return replace(asked, visits=tuple(replace(one, **changes) if one.id == name else one for one in asked.visits))


def stops_of(route: Route | None) -> list[str]:
    return [] if route is None else [stop.visit for stop in route.stops]


def measured(asked: Problem, plan: Plan, repair: Repair) -> tuple[int, int, int]:
    left_out = {item.visit for item in plan.unassigned}
    lost = sum(
        asked.penalty(asked.visit_by_id[item.visit]) * 100
        for item in repair.plan.unassigned
        if item.visit not in left_out
    )
    touched = 0
    for day in asked.shifts:
        old, new = (one.route_by_shift.get(day.id) for one in (plan, repair.plan))
        touched += stops_of(old) != stops_of(new) or any(
            stop.visit in moved(repair) for stop in (new.stops if new is not None else ())
        )
    return lost, len(repair.moved), touched
