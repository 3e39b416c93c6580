"""Small repairs are the best there are: every other way to mend the day is tried by a slow plain twin."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations, product

import pytest

from dispatch.matching import Plan, Problem
from dispatch.matching.levels import met
from dispatch.matching.problem import Shift, Visit, Window
from tests.matching import naive
from tests.matching.build import at, need, problem, shift, technician, visit, window
from tests.matching.repairs import changed, measured, planned, repaired, starts, without


def tiny(seed: int) -> tuple[Problem, Plan, Problem]:
    """A day of two or three people, its plan, and the question after something happened."""
    draw = random.Random(seed)
    names = "abc"[: draw.choice((2, 3))]
    people = [technician(name, skills={"gas": draw.choice((1.0, 5.0))}) for name in names]
    shifts = [
        shift(name, since=8, until=draw.choice((12, 13, 14)), start=at(draw.randint(-4, 4)), breaks=())
        for name in names
    ]
    visits = []
    for number in range(draw.randint(3, 5)):
        opening = draw.randint(7, 12)
        windows = (window(opening, opening + draw.choice((1, 2, 3))),) if draw.random() < 0.6 else ()
        visits.append(
            visit(
                f"v{number}",
                place=at(draw.randint(-6, 6), draw.randint(-6, 6)),
                minutes=draw.choice((45, 60, 90, 120)),
                windows=windows,
                priority=draw.randint(1, 5),
                needs=(need("gas", 3),) if draw.random() < 0.2 else (),
            )
        )
    asked = problem(*people, *shifts, *visits)
    plan = planned(asked)
    served = sorted(plan.stops_by_visit)
    kind = draw.randint(0, 5)
    now = asked
    if kind == 0 and len(names) > 1:
        now = without(asked, shifts=(f"{draw.choice(names)}-day",))
    elif kind == 1 and served:
        longer = asked.visit_by_id[draw.choice(served)]
        now = changed(asked, longer.id, duration_s=longer.duration_s + draw.choice((1_800, 3_600)))
    elif kind == 2:
        opening = draw.randint(8, 11)
        urgent = visit("urgent", place=at(draw.randint(-6, 6)), priority=1, windows=(window(opening, opening + 1),))
        now = replace(asked, visits=(*asked.visits, urgent))
    elif kind == 3 and served:
        now = without(asked, visits=(draw.choice(served),))
    elif kind == 4 and served:
        opening = draw.randint(8, 13)
        now = changed(asked, draw.choice(served), windows=(window(opening, opening + 1),))
    else:
        ending = tuple(
            replace(one, start_s=one.start_s + draw.choice((0, 3_600)), end_s=one.end_s - draw.choice((0, 3_600)))
            for one in asked.shifts
        )
        now = replace(asked, shifts=ending)
    return asked, plan, now


def least(asked: Problem, plan: Plan) -> tuple[int, int, int, int]:
    """Penalty left out, customers moved, routes touched and cost of the best of all repairs; cost in hundredths."""
    left_out = {item.visit for item in plan.unassigned}
    wanted = [one for one in asked.visits if one.id not in left_out]
    best: tuple[int, int, int, int] | None = None
    days = {one.id: best_days(asked, plan, one, wanted) for one in asked.shifts}
    waiting = sum(asked.penalty(one) * 100 for one in asked.visits if one.id in left_out)
    for chosen in product((None, *(one.id for one in asked.shifts)), repeat=len(wanted)):
        lost = sum(asked.penalty(one) * 100 for one, where in zip(wanted, chosen, strict=True) if where is None)
        total = (lost, 0, 0, lost + waiting)
        for one in asked.shifts:
            mine = frozenset(item.id for item, where in zip(wanted, chosen, strict=True) if where == one.id)
            day = days[one.id].get(mine)
            if day is None:
                break
            total = (total[0], total[1] + day[0], total[2] + day[1], total[3] + day[2])
        else:
            best = total if best is None else min(best, total)
    assert best is not None
    return best


def best_days(
    asked: Problem, plan: Plan, day: Shift, wanted: list[Visit]
) -> dict[frozenset[str], tuple[int, int, int]]:
    """For each set of visits the best route: customers moved, whether it is touched, cost in hundredths."""
    before, tolerance = starts(plan), asked.policy.retime_tolerance_s
    route = plan.route_by_shift.get(day.id)
    old = [stop.visit for stop in route.stops] if route is not None else []
    found: dict[frozenset[str], tuple[int, int, int]] = {frozenset(): (0, int(bool(old)), 0)}
    person = asked.technician_by_id[day.technician]
    able = [one for one in wanted if naive_may(asked, person.id, one)]
    for order in orders(able):
        names = [one.id for one in order]
        own = [name in before and before[name][0][0] == person.id for name in names]
        for holding in product(*((True, False) if mine else (False,) for mine in own)):
            held = [
                near(one, before[one.id][0][1], tolerance) if hold else one
                for one, hold in zip(order, holding, strict=True)
            ]
            if any(one is None for one in held):
                continue
            cost = naive.route_cost(asked, day, [one for one in held if one is not None])
            if cost is None:
                continue
            away = sum(name in before and not hold for name, hold in zip(names, holding, strict=True))
            touched = int(names != old or away > 0)
            key = frozenset(names)
            value = (away, touched, cost)
            found[key] = min(found.get(key, value), value)
    return found


def near(one: Visit, told: int, tolerance: int) -> Visit | None:
    """The visit with windows that let it start only within the tolerance of what was told."""
    spans = [(told - tolerance, told + tolerance)]
    if one.windows:
        spans = [(max(told - tolerance, w.start_s), min(told + tolerance, w.end_s)) for w in one.windows]
    windows = tuple(Window(start_s=start, end_s=end) for start, end in spans if start <= end)
    return replace(one, windows=windows) if windows else None


def naive_may(asked: Problem, person: str, one: Visit) -> bool:
    return all(met(asked.policy, asked.technician_by_id[person], each) for each in one.crew[0].needs)


def orders(visits: list[Visit]) -> Iterator[tuple[Visit, ...]]:
    for length in range(1, len(visits) + 1):
        yield from permutations(visits, length)


@pytest.mark.parametrize("block", range(10))
def test_small_repairs_are_the_best_of_all(block: int) -> None:
    for seed in range(block * 30, block * 30 + 30):
        _, plan, now = tiny(seed)
        repair = repaired(now, plan)
        assert repair.proven
        *expected, cost = least(now, plan)
        assert measured(now, plan, repair) == tuple(expected), seed
        # The twin counts in hundredths, a plan rounds once for each route.
        assert abs(repair.plan.cost.total * 100 - cost) <= 100 * len(now.shifts), seed
