"""Working time: start and end places, overtime, longest leg, breaks; one person, driving 126 s a kilometre."""

from typing import Any

import pytest

from dispatch.matching import check, solve
from dispatch.matching.problem import Break
from tests.matching.build import HOUR, at, codes, lunch, problem, shift, technician, visit, window


@pytest.mark.parametrize(
    ("changes", "minutes", "served", "overtime"),
    [
        ({}, 8 * 60 - 1, False, 0),
        ({}, 8 * 60 - 43, True, 0),
        ({"end": None}, 8 * 60 - 22, True, 0),
        ({"overtime_limit_s": HOUR}, 8 * 60, True, 2_520),
        ({"overtime_limit_s": 2_519}, 8 * 60, False, 0),
        ({"max_leg_s": 1_260}, 60, True, 0),
        ({"max_leg_s": 1_259}, 60, False, 0),
    ],
)
def test_the_day_is_long_enough(changes: dict[str, Any], minutes: int, served: bool, overtime: int) -> None:
    asked = problem(technician(), shift(**changes), visit(place=at(10), minutes=minutes))
    plan = solve(asked, time_limit_s=None, step_limit=0)
    assert bool(plan.routes) is served
    assert plan.cost.overtime == overtime * 150 // 100
    assert check(asked, plan) == ()


def test_nobody_pays_for_an_unused_day() -> None:
    plan = solve(problem(technician(call_out_cost=5_000), shift(end=at(30))), time_limit_s=None, step_limit=0)
    assert (plan.routes, plan.cost.total) == ((), 0)


def test_a_partner_costs_the_call_out_once() -> None:
    asked = problem(technician(call_out_cost=5_000), visit("v1"), visit("v2"))
    assert solve(asked, time_limit_s=None, step_limit=20).cost.call_out == 5_000


def test_pace_and_price_of_a_person() -> None:
    plan = solve(
        problem(technician(pace_percent=150, cost_percent=200), visit(place=at(10), minutes=60)),
        time_limit_s=None,
        step_limit=0,
    )
    stop = plan.routes[0].stops[0]
    assert stop.end_s - stop.start_s == 90 * 60
    assert plan.cost.duration == 2 * 90 * 60 - 60 * 60
    assert plan.cost.travel == 2 * (stop.travel_s + plan.routes[0].home_travel_s)


@pytest.mark.parametrize(
    ("rest", "minutes", "starts", "taken"),
    [
        (lunch(12), (60,), (8,), None),
        (lunch(12, 14), (300,), (8,), None),
        (lunch(12, 14), (240, 150), (8, 12.5), 12),
        (lunch(12), (120, 120, 60), (8, 10, 12.5), 12),
        (lunch(11, 12), (120, 90, 120), (8, 10, 12), 11.5),
        (lunch(8), (60,), (8.5,), 8),
    ],
)
def test_breaks(rest: Break, minutes: tuple[int, ...], starts: tuple[float, ...], taken: float | None) -> None:
    # Everything happens at one place and windows fix the order, so only the break moves the starts.
    asked = problem(
        technician(),
        shift(breaks=(rest,)),
        *(
            visit(f"v{number}", minutes=length, windows=(window(8 + number * 0.01, 16, hard=False),))
            for number, length in enumerate(minutes)
        ),
    )
    plan = solve(asked, time_limit_s=None, step_limit=200)
    assert check(asked, plan) == ()
    assert len(plan.routes[0].stops) == len(minutes)
    assert [pause.start_s / HOUR for pause in plan.routes[0].breaks] == pytest.approx(
        [] if taken is None else [taken], abs=0.03
    )
    assert plan.routes[0].stops[-1].start_s / HOUR == pytest.approx(starts[-1], abs=0.03)


def test_a_break_may_interrupt_a_drive_but_not_a_visit() -> None:
    asked = problem(
        technician(),
        shift(breaks=(lunch(12),), start_s=11 * HOUR + 1_800),
        visit(place=at(20), windows=(window(12, 16),)),
    )
    plan = solve(asked, time_limit_s=None, step_limit=0)
    route = plan.routes[0]
    assert route.breaks[0].start_s == 12 * HOUR
    assert route.stops[0].start_s == 11 * HOUR + 1_800 + route.stops[0].travel_s + 1_800
    assert check(asked, plan) == ()


def test_a_day_blocked_by_its_break_has_no_room() -> None:
    asked = problem(technician(), shift(breaks=(lunch(12),)), visit(minutes=7 * 60))
    assert codes(solve(asked, time_limit_s=None, step_limit=0)) == {"v1": ["nobody_then"]}
