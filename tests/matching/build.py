"""Small problems in one line: people, visits and days with sensible values where a test does not care."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from dispatch.matching import Plan, Problem
from dispatch.matching.problem import (
    Break,
    CrewSlot,
    Matrix,
    Point,
    Policy,
    Proficiency,
    Shift,
    SkillLevel,
    SkillNeed,
    Technician,
    Travel,
    Visit,
    Window,
)

START = datetime(2030, 1, 7, tzinfo=UTC)
HOUR = 3_600
BASE = Point(lat=51.0, lon=7.0)
FLAT = Policy(second_visit_cost=0, waiting_percent=0)
"""A policy under which only driving, lateness and leaving out cost anything."""


def at(km_north: float, km_east: float = 0.0) -> Point:
    """A point so many kilometres from `BASE`; at 40 km/h and a detour of 1.4 a kilometre takes 126 s."""
    return Point(lat=BASE.lat + km_north / 111.195, lon=BASE.lon + km_east / 69.98)


def need(skill: str, level: int = 3, *, must: bool = True) -> SkillNeed:
    return SkillNeed(any_of=(SkillLevel(skill=skill, level=level),), must=must)


def crew(*sizes: tuple[SkillNeed, ...]) -> tuple[CrewSlot, ...]:
    return tuple(CrewSlot(needs=needs) for needs in sizes)


def technician(name: str = "t1", *, skills: dict[str, float] | None = None, **changes: Any) -> Technician:
    held = {skill: Proficiency(mean=level, sd=0.4) for skill, level in (skills or {}).items()}
    return Technician(**({"id": name, "proficiencies": held} | changes))


def shift(name: str = "t1", *, since: float = 8, until: float = 16, **changes: Any) -> Shift:
    given = {"id": f"{name}-day", "technician": name, "start_s": int(since * HOUR), "end_s": int(until * HOUR)}
    return Shift(**(given | {"start": BASE, "end": BASE} | changes))


def visit(name: str = "v1", *, place: Point | None = BASE, minutes: int = 60, **changes: Any) -> Visit:
    needs = tuple(changes.pop("needs", ()))
    given: dict[str, Any] = {"id": name, "point": place, "duration_s": minutes * 60}
    if needs:
        given["crew"] = (CrewSlot(needs=needs),)
    return Visit(**(given | changes))


def window(start: float, end: float, **changes: Any) -> Window:
    return Window(start_s=int(start * HOUR), end_s=int(end * HOUR), **changes)


def lunch(start: float = 12, latest: float | None = None, minutes: int = 30) -> Break:
    last = start if latest is None else latest
    return Break(id="lunch", earliest_s=int(start * HOUR), latest_s=int(last * HOUR), duration_s=minutes * 60)


def table(points: Iterable[Point], seconds: int = 600) -> Travel:
    """A given matrix with the same time between any two different points."""
    places = tuple(dict.fromkeys(points))
    rows = tuple(tuple(0 if a == b else seconds for b in range(len(places))) for a in range(len(places)))
    return Travel(matrix=Matrix(points=places, travel_s=rows, travel_m=rows, source="table"))


def problem(*parts: Technician | Shift | Visit, **changes: Any) -> Problem:
    """A problem of these parts; people without a shift among them work from 8 to 16 at `BASE`."""
    people = tuple(part for part in parts if isinstance(part, Technician)) or (technician(),)
    shifts = tuple(part for part in parts if isinstance(part, Shift))
    shifts += tuple(shift(one.id) for one in people if not any(own.technician == one.id for own in shifts))
    visits = tuple(part for part in parts if isinstance(part, Visit))
    given: dict[str, Any] = {"start": START, "policy": FLAT, "technicians": people, "shifts": shifts, "visits": visits}
    return Problem(**(given | changes))


def who(plan: Plan) -> dict[str, list[str]]:
    """Technicians by visit, crew slots in order."""
    return {name: [route.technician for route, _ in stops] for name, stops in plan.stops_by_visit.items()}


def codes(plan: Plan) -> dict[str, list[str]]:
    """Reason codes by visit left out."""
    return {item.visit: [str(reason.code) for reason in item.reasons] for item in plan.unassigned}
