"""Supply from the database: what each person can give, where, and at what travel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Any

from sqlalchemy.orm import Session

from dispatch.coverage import rows
from dispatch.coverage.classes import monday
from dispatch.coverage.outlook import Person
from dispatch.coverage.rows import Record, Rows, grouped
from dispatch.planning.policy import Rules, read_rules
from dispatch.skills.estimate import Estimate, qualified_level
from dispatch.units import Point, great_circle_m
from dispatch.workforce.service import shifts_to_come

TRAVEL_WEEKS = 8
LEAST_LEGS = 50
USUAL_LEG_S = 900
"""Travel to a visit where fewer than fifty assignments of the last eight weeks tell better."""
TRAVEL_STEP_S = 60
"""A learnt leg is told in whole minutes: finer would count every week anew after each single visit."""
USUAL_SHIFT_S = 8 * 3600
USUAL_VISIT_S = 3600


@dataclass(frozen=True, kw_only=True)
class Staff:
    """Everybody who can be sent.

    Attributes
    ----------
    partners
        Those of partner companies.
    ways_s
        (person, territory) to the seconds of travel that a visit would cost there, also where they do not work now.
    """

    people: tuple[Person, ...]
    partners: frozenset[int]
    ways_s: Mapping[tuple[int, int], int]


def read_staff(session: Session, places: Rows, rules: Rules, today: date, last: date, now: datetime) -> Staff:
    """Give everybody who can be sent, with the hours, levels, certificates and travel of the days."""
    hours, days, seen = _hours(session, today, last, now)
    levels = _levels(session, rules, today)
    held = _held(session, days, today, last)
    for row in rows.memberships(session, today, last):
        seen.setdefault(row.technician_id, set()).add(row.territory_id)
    travel = _Travel(session, places, rules, now)
    found = rows.people(session)
    ways_s = {(row.id, place): travel.per_visit_s(row, place) for row in found for place in travel.known}
    people = tuple(
        Person(
            id=row.id,
            levels=levels.get(row.id, {}),
            held=held.get(row.id, {}),
            travel_s={place: ways_s[row.id, place] for place in seen.get(row.id, ()) if place in travel.known},
            hours_s=hours.get(row.id, {}),
        )
        for row in found
    )
    return Staff(
        people=people, partners=frozenset(row.id for row in found if row.partner_id is not None), ways_s=ways_s
    )


def _hours(
    session: Session, today: date, last: date, now: datetime
) -> tuple[dict[int, dict[date, int]], dict[int, set[date]], dict[int, set[int]]]:
    """Seconds each person can give per week, the days they work, and the territories their shifts are in.

    Shifts are made some weeks ahead; beyond them weekly hours say what they will be. Absences and what is already over
    are taken off. The break is taken off whatever remains of the shift in proportion, so that half a day of absence
    leaves half a break.
    """
    start = datetime.combine(today, time(0), tzinfo=UTC) - timedelta(days=2)
    away = grouped(rows.absences(session, start, start + timedelta(days=(last - today).days + 5)), lambda r: r[0])
    hours: dict[int, dict[date, int]] = {}
    days: dict[int, set[date]] = {}
    seen: dict[int, set[int]] = {}
    made = (
        (row.technician_id, row.territory_id, row.on_date, row.during.lower, row.during.upper, row.break_s)
        for row in rows.shifts(session, today, last)
    )
    usual = (
        (person, territory, times.day, times.start, times.end, times.break_s)
        for person, territory, times in shifts_to_come(session, first=today, until=last + timedelta(days=1))
    )
    for person, territory, day, lower, upper, break_s in chain(made, usual):
        left = _left(max(lower, now), upper, [row.during for row in away.get(person, ())])
        seconds = round(left * max(0.0, 1 - break_s / (upper - lower).total_seconds()))
        seen.setdefault(person, set()).add(territory)
        if seconds > 0:
            mine = hours.setdefault(person, {})
            mine[monday(day)] = mine.get(monday(day), 0) + seconds
            days.setdefault(person, set()).add(day)
    return hours, days, seen


def _left(start: datetime, end: datetime, away: Iterable[Any]) -> float:
    """Seconds between two instants without absences; those of one person never overlap each other."""
    left = max(0.0, (end - start).total_seconds())
    for absence in away:
        left -= max(0.0, (min(end, absence.upper) - max(start, absence.lower)).total_seconds())
    return max(0.0, left)


def qualified_levels(session: Session, today: date) -> dict[int, dict[int, int]]:
    """Give person to skill to the level they count as qualified for under the active policy."""
    return _levels(session, read_rules(rows.active_rules(session)), today)


def _levels(session: Session, rules: Rules, today: date) -> dict[int, dict[int, int]]:
    """Highest level each person counts as qualified for, by the rule every part uses."""
    asked = rules.qualification
    levels: dict[int, dict[int, int]] = {}
    for row in rows.proficiencies(session):
        estimate = Estimate(
            skill=row.skill_id,
            on=today,
            mean=row.mean,
            sd=row.sd,
            confirmed=row.confirmed,
            claimed=not row.confirmed,
            critical=row.critical,
            facts=row.fact_count,
            last_used=None,
            last_fact=None,
        )
        level = qualified_level(estimate, asked)
        if level:
            levels.setdefault(row.technician_id, {})[row.skill_id] = level
    return levels


def _held(
    session: Session, days: Mapping[int, set[date]], today: date, last: date
) -> dict[int, dict[int, frozenset[date]]]:
    """Weeks in which a certificate is valid on every day its holder works."""
    covered: dict[tuple[int, int], set[date]] = {}
    for row in rows.certifications(session, today, last):
        valid = {day for day in days.get(row.technician_id, ()) if day in row.valid}
        covered.setdefault((row.technician_id, row.kind_id), set()).update(valid)
    held: dict[int, dict[int, frozenset[date]]] = {}
    for (person, kind), valid in covered.items():
        lapsed = {monday(day) for day in days.get(person, set()) - valid}
        weeks = frozenset(monday(day) for day in valid) - lapsed
        if weeks:
            held.setdefault(person, {})[kind] = weeks
    return held


class _Travel:
    """Travel a visit costs a person: the usual leg of the territory, and a share of the way back home.

    Legs are what recent assignments took, ways out included. The way home is a straight line from the middle of the
    territory's sites, driven as the policy says, shared by the visits of a usual day.
    """

    def __init__(self, session: Session, places: Rows, rules: Rules, now: datetime) -> None:
        self.known = frozenset(place.id for place in places)
        self._middle = {place.id: _point(place.lat, place.lon) for place in places}
        self._metres_per_s: float = rules.speed_kmh / 3.6 / (rules.detour_percent / 100)
        recent = rows.travel_means(session, now - timedelta(weeks=TRAVEL_WEEKS), now + timedelta(days=1))
        self._leg_s: dict[int, int] = {
            row.territory_id: TRAVEL_STEP_S * round(row.travel_s / TRAVEL_STEP_S)
            for row in recent
            if row.legs >= LEAST_LEGS
        }

    def per_visit_s(self, person: Record, territory: int) -> int:
        """Seconds of travel for one visit of this person in a territory."""
        leg_s = self._leg_s.get(territory, USUAL_LEG_S)
        home = _point(person.home_lat, person.home_lon) or _point(person.yard_lat, person.yard_lon)
        middle = self._middle[territory]
        if home is None or middle is None:
            return leg_s
        visits_a_day = max(1.0, USUAL_SHIFT_S / (USUAL_VISIT_S + leg_s))
        return round(leg_s + great_circle_m(middle, home) / self._metres_per_s / visits_a_day)


def _point(lat: float | None, lon: float | None) -> Point | None:
    return None if lat is None or lon is None else Point(lat=lat, lon=lon)
