"""Pure: promises that rest on one person, because nobody else with hours that week could do the work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from dispatch.coverage.outlook import HOUR_S, DemandClass, Need, Person


@dataclass(frozen=True, kw_only=True)
class PromisedPlace:
    """A place in a promised visit that somebody has: who, and what the work asks for."""

    person: int
    needs: tuple[Need, ...]
    territory: int
    week: date
    visit_id: int


@dataclass(frozen=True, kw_only=True)
class Promised:
    """Promises somebody is to keep in a territory in the next four weeks; ``alone`` of them nobody else could keep."""

    person: int
    territory: int
    visits: int
    alone: int


def promises_by_person(people: Iterable[Person], places: Iterable[PromisedPlace]) -> tuple[Promised, ...]:
    """Count the promised visits of everybody, and those that break if they are away."""
    staff = tuple(people)
    able: dict[tuple[tuple[Need, ...], int, date], frozenset[int]] = {}
    visits: dict[tuple[int, int], set[int]] = {}
    alone: dict[tuple[int, int], set[int]] = {}
    for place in places:
        key = (place.needs, place.territory, place.week)
        if key not in able:
            work = DemandClass(needs=place.needs, territory=place.territory, week=place.week, booked_s=HOUR_S)
            able[key] = frozenset(
                p.id
                for p in staff
                if p.hours_s.get(place.week, 0) > 0
                and p.overhead(work) is not None
                and all(p.meets(need, place.week) for need in place.needs)
            )
        who = (place.person, place.territory)
        visits.setdefault(who, set()).add(place.visit_id)
        if not able[key] - {place.person}:
            alone.setdefault(who, set()).add(place.visit_id)
    return tuple(
        Promised(person=who[0], territory=who[1], visits=len(found), alone=len(alone.get(who, ())))
        for who, found in sorted(visits.items())
    )
