"""A day of city requests with a generated workforce as a matching problem."""

import csv
import random
from datetime import UTC, datetime
from pathlib import Path

from dispatch.matching.problem import (
    Break,
    Certification,
    CrewSlot,
    Point,
    Problem,
    Proficiency,
    Shift,
    SkillLevel,
    SkillNeed,
    Technician,
    Visit,
    Window,
)

HOUR = 3_600
TRADES_PER_PERSON = 3


def read(requests: Path, mapping: Path, *, technicians: int, seed: int) -> Problem:
    """Read the requests; rows whose type has no mapping are left out, homes lie near requests."""
    rules = _rules(mapping)
    rng = random.Random(seed)
    visits: list[Visit] = []
    for row in _rows(requests):
        found = rules.get((row["city"], row["request_type"], row["descriptor"])) or rules.get(
            (row["city"], row["request_type"], "")
        )
        if found is None or not row["lat"]:
            continue
        visits.append(_visit(row, found, rng))
    people, shifts = _workforce(visits, technicians, rng)
    return Problem(
        start=datetime(2030, 1, 7, tzinfo=UTC),
        technicians=people,
        shifts=shifts,
        visits=tuple(visits),
        name=requests.stem,
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _rules(path: Path) -> dict[tuple[str, str, str], dict[str, str]]:
    return {(row["city"], row["request_type"], row["descriptor"]): row for row in _rows(path)}


def _visit(row: dict[str, str], rule: dict[str, str], rng: random.Random) -> Visit:
    needs = tuple(
        SkillNeed(any_of=(SkillLevel(skill=skill, level=int(level)),))
        for skill, level in (item.split(":") for item in rule["required_skills"].split(";") if item)
    )
    certifications = tuple(item for item in rule["suggested_certifications"].split(";") if item)
    crew = [CrewSlot(needs=needs, certifications=certifications)]
    crew += [CrewSlot()] * (int(rule["crew_size"]) - 1)
    morning = Window(start_s=8 * HOUR, end_s=12 * HOUR, hard=False)
    afternoon = Window(start_s=12 * HOUR, end_s=16 * HOUR, hard=False)
    return Visit(
        id=row["request_id"],
        point=Point(lat=float(row["lat"]), lon=float(row["lon"])),
        duration_s=60 * int(rule["onsite_min_typical"]),
        priority=int(rule["priority"]),
        windows=rng.choice([(), (), (morning,), (afternoon,)]),
        crew=tuple(crew),
    )


def _workforce(visits: list[Visit], count: int, rng: random.Random) -> tuple[tuple[Technician, ...], tuple[Shift, ...]]:
    """Draw each person's trades from the work there is, so that common work finds more people."""
    people: list[Technician] = []
    shifts: list[Shift] = []
    for number in range(count):
        slots = [rng.choice(visits).crew[0] for _ in range(TRADES_PER_PERSON)]
        skills: dict[str, Proficiency] = {}
        for slot in slots:
            for need in slot.needs:
                wanted = need.any_of[0]
                skills[wanted.skill] = Proficiency(mean=wanted.level + rng.uniform(0.2, 1.2), sd=0.5)
        held = sorted({item for slot in slots for item in slot.certifications})
        name = f"T{number:03d}"
        near = rng.choice(visits).point
        assert near is not None
        home = Point(lat=near.lat + rng.uniform(-0.02, 0.02), lon=near.lon + rng.uniform(-0.02, 0.02))
        people.append(
            Technician(id=name, proficiencies=skills, certifications=tuple(Certification(id=item) for item in held))
        )
        shifts.append(
            Shift(
                id=f"{name}-1",
                technician=name,
                start_s=8 * HOUR,
                end_s=16 * HOUR + HOUR // 2,
                start=home,
                end=home,
                overtime_limit_s=HOUR,
                breaks=(Break(id="lunch", earliest_s=11 * HOUR + HOUR // 2, latest_s=13 * HOUR, duration_s=HOUR // 2),),
            )
        )
    return tuple(people), tuple(shifts)
