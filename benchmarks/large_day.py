"""A seeded day of a large organisation, to measure what a dispatcher asks of a plan already made."""

import random
from datetime import UTC, datetime

from dispatch.matching import Problem
from dispatch.matching.problem import (
    Break,
    CrewSlot,
    Point,
    Proficiency,
    Shift,
    SkillLevel,
    SkillNeed,
    Technician,
    Visit,
    Window,
)

DISTRICTS = 8
SKILLS = ("gas", "lift", "heat pump", "wiring", "network", "pump", "boiler", "solar")
HOUR = 3_600


def generated(technicians: int, visits: int, seed: int) -> Problem:
    """Give a day of a large organisation: districts of a region, each person with two or three trades."""
    chosen = random.Random(seed)
    people, shifts = [], []
    for number in range(technicians):
        home, name = _point(chosen), f"t{number:04}"
        levels = {skill: chosen.uniform(2.0, 5.0) for skill in chosen.sample(SKILLS, chosen.choice((2, 2, 3)))}
        people.append(
            Technician(
                id=name,
                proficiencies={skill: Proficiency(mean=level, sd=0.5) for skill, level in levels.items()},
                pace_percent=chosen.choice((90, 100, 100, 110)),
            )
        )
        start = chosen.choice((7, 8, 9)) * HOUR
        shifts.append(
            Shift(
                id=f"{name}-day",
                technician=name,
                start_s=start,
                end_s=start + 9 * HOUR,
                start=home,
                end=home,
                overtime_limit_s=1_800,
                breaks=(Break(id="lunch", earliest_s=11 * HOUR, latest_s=13 * HOUR, duration_s=1_800),),
            )
        )
    return Problem(
        name=f"generated {technicians} x {visits} seed {seed}",
        start=datetime(2030, 1, 7, tzinfo=UTC),
        technicians=tuple(people),
        shifts=tuple(shifts),
        visits=tuple(visit(f"v{number:05}", chosen) for number in range(visits)),
    )


def visit(name: str, chosen: random.Random) -> Visit:
    """Give one visit of such a day: one skill, half of them in a window."""
    need = SkillNeed(any_of=(SkillLevel(skill=chosen.choice(SKILLS), level=chosen.choice((1, 2, 2, 3, 3, 4))),))
    opening = chosen.choice((7, 8, 10, 12, 14)) * HOUR
    windows = (Window(start_s=opening, end_s=opening + 4 * HOUR),) if chosen.random() < 0.5 else ()
    return Visit(
        id=name,
        point=_point(chosen),
        duration_s=chosen.choice((900, 1_800, 1_800, 2_700, 3_600)),
        windows=windows,
        due_s=17 * HOUR,
        priority=chosen.choice((1, 2, 3, 3, 4, 5)),
        crew=(CrewSlot(needs=(need,)),),
    )


def _point(chosen: random.Random) -> Point:
    district = chosen.randrange(DISTRICTS)
    lat = 51.0 + 0.25 * (district // 4) + chosen.gauss(0.0, 0.05)
    return Point(lat=lat, lon=7.0 + 0.35 * (district % 4) + chosen.gauss(0.0, 0.07))
