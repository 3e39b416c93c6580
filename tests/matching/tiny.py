"""Tiny problems drawn from a seed: at most six visits and two people, with a bit of everything a route can hold."""

import random
from dataclasses import replace

from dispatch.matching import Problem
from dispatch.matching.policy import Policy
from dispatch.matching.problem import Break, Shift, Technician, Visit, Window
from tests.matching.build import HOUR, at, need, problem, technician, window

MUST_BE_SERVED = 10_000_000
"""A penalty that nothing outweighs."""

POLICY = Policy(waiting_percent=50, second_visit_cost=3_600, lateness_rate=1)


def tiny(seed: int, *, legs: bool = False) -> Problem:
    """One problem; the same seed gives the same, with ``legs`` also limits on single drives."""
    rng = random.Random(seed)
    people = [_person(rng, f"t{number}") for number in range(rng.choice((1, 2, 2, 2)))]
    shifts = [_shift(rng, person.id, legs=legs) for person in people]
    visits = [_visit(rng, f"v{number}", people) for number in range(rng.randint(2, 6))]
    return problem(*people, *shifts, *visits, policy=POLICY)


def _person(rng: random.Random, name: str) -> Technician:
    return technician(
        name,
        skills={"gas": rng.choice((2.0, 3.0, 4.5))} if rng.random() < 0.7 else {},
        pace_percent=rng.choice((100, 100, 80, 125)),
        cost_percent=rng.choice((100, 100, 130)),
        call_out_cost=rng.choice((0, 0, 0, 1_500)),
    )


def _shift(rng: random.Random, name: str, *, legs: bool) -> Shift:
    start, hours = rng.randint(6, 10), rng.randint(3, 8)
    rest = Break(id="rest", earliest_s=(start + 1) * HOUR, latest_s=(start + 2) * HOUR, duration_s=1_800)
    return Shift(
        id=f"{name}-day",
        technician=name,
        start_s=start * HOUR,
        end_s=(start + hours) * HOUR,
        start=at(rng.randint(-8, 8), rng.randint(-8, 8)),
        end=rng.choice((None, at(rng.randint(-8, 8)), at(0))),
        overtime_limit_s=rng.choice((0, HOUR, 2 * HOUR)),
        overtime_percent=rng.choice((100, 150, 225)),
        breaks=(rest,) if rng.random() < 0.4 else (),
        max_leg_s=rng.choice((None, None, None, 1_800)) if legs else None,
    )


def _windows(rng: random.Random) -> tuple[Window, ...]:
    found = []
    for _ in range(rng.choice((0, 0, 1, 1, 1, 2))):
        start = rng.randint(7, 14)
        hard = rng.random() < 0.7
        whole = hard and rng.random() < 0.3
        found.append(window(start, start + rng.randint(1, 4), hard=hard, whole_visit=whole))
    return tuple(found)


def _visit(rng: random.Random, name: str, people: list[Technician]) -> Visit:
    optional = rng.random() < 0.6
    item = Visit(
        id=name,
        point=at(rng.randint(-9, 9), rng.randint(-9, 9)),
        duration_s=rng.randint(0, 8) * 900,
        windows=_windows(rng),
        release_s=rng.choice((None, None, None, 9 * HOUR)),
        due_s=rng.choice((None, None, rng.randint(8, 15) * HOUR)),
        lateness_rate=rng.choice((None, 0, 3)),
        optional=optional,
        unserved_penalty=rng.choice((500, 2_000, 6_000, 20_000)) if optional else MUST_BE_SERVED,
    )
    if rng.random() < 0.3:
        item = replace(item, crew=(replace(item.crew[0], needs=(need("gas", 2, must=rng.random() < 0.5),)),))
    if rng.random() < 0.2:
        item = replace(item, known_faces=(rng.choice(people).id,))
    if rng.random() < 0.2:
        item = replace(item, preferred=(rng.choice(people).id,))
    if rng.random() < 0.1:
        item = replace(item, excluded=(rng.choice(people).id,))
    return item
