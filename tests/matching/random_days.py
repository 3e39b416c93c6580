"""Random days from a seed, for tests of explanations that need many problems in little time."""

import random

from dispatch.matching import Problem
from dispatch.matching.problem import (
    Certification,
    CrewSlot,
    Pin,
    Policy,
    Predecessor,
    Proficiency,
    Shift,
    Technician,
    Visit,
)
from tests.matching.build import HOUR, at, lunch, need, problem, shift, technician, visit, window

SKILLS = ("gas", "lift")
PLACES = ("north", "south")


def day(seed: int) -> Problem:
    """Give a small day with a bit of everything, in which some visits have no place."""
    chosen = random.Random(seed)
    people: list[Technician] = []
    shifts: list[Shift] = []
    for number in range(chosen.randint(2, 4)):
        name = f"t{number}"
        people.append(_person(name, chosen))
        if chosen.random() < 0.9:
            shifts.append(_shift(name, chosen))
    names = [person.id for person in people]
    visits = [_visit(f"v{number}", names, number, chosen) for number in range(chosen.randint(3, 8))]
    pins = []
    if chosen.random() < 0.2:
        pins.append(Pin(visit="v0", technician=chosen.choice(names), start_s=chosen.choice((None, 10 * HOUR))))
    policy = Policy(second_visit_cost=3_600, waiting_percent=chosen.choice((0, 50)))
    return problem(*people, *visits, shifts=tuple(shifts), policy=policy, pins=tuple(pins))


def _person(name: str, chosen: random.Random) -> Technician:
    held = {
        skill: Proficiency(mean=chosen.uniform(1, 5), sd=0.4, confirmed=chosen.random() < 0.85)
        for skill in SKILLS
        if chosen.random() < 0.7
    }
    papers = (Certification(id="permit", valid_until_s=chosen.choice((None, 12 * HOUR))),)
    return technician(
        name,
        proficiencies=held,
        territories=chosen.choice(((), (), ("north",), ("south",))),
        certifications=papers if chosen.random() < 0.5 else (),
        pace_percent=chosen.choice((100, 100, 80, 125)),
    )


def _shift(name: str, chosen: random.Random) -> Shift:
    start = chosen.randint(6, 10)
    return shift(
        name,
        since=start,
        until=start + chosen.randint(4, 8),
        start=_place(chosen),
        end=chosen.choice((None, _place(chosen))),
        overtime_limit_s=chosen.choice((0, 1_800)),
        breaks=(lunch(start + 3, start + 3.5),) if chosen.random() < 0.3 else (),
        max_leg_s=chosen.choice((None, None, None, 900)),
    )


def _visit(name: str, people: list[str], number: int, chosen: random.Random) -> Visit:
    windows = ()
    if chosen.random() < 0.5:
        start = chosen.randint(6, 14)
        windows = (window(start, start + chosen.randint(1, 3), hard=chosen.random() < 0.8),)
    needs = tuple(need(skill, chosen.randint(2, 4)) for skill in SKILLS if chosen.random() < 0.35)
    crew = (CrewSlot(needs=needs, certifications=("permit",) if chosen.random() < 0.15 else ()),)
    waits = number > 0 and chosen.random() < 0.1
    return visit(
        name,
        place=None if chosen.random() < 0.02 else _place(chosen),
        minutes=15 * chosen.randint(1, 10),
        windows=windows,
        crew=crew * (2 if chosen.random() < 0.1 else 1),
        territory=chosen.choice((None, None, None, "north")),
        excluded=(chosen.choice(people),) if chosen.random() < 0.15 else (),
        required=(),
        optional=chosen.random() < 0.1,
        priority=chosen.randint(1, 5),
        predecessors=(Predecessor(visit=f"v{chosen.randrange(number)}", gap_s=900),) if waits else (),
    )


def _place(chosen: random.Random) -> object:
    return at(chosen.randint(-8, 8), chosen.randint(-8, 8))
