"""From the database to an outlook: the border between rows and the pure model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.orm import Session

from dispatch.core.clock import local_day
from dispatch.coverage import rows
from dispatch.coverage.classes import add_up, monday
from dispatch.coverage.demand import Booked, Past, expected_beyond, read_booked, read_past
from dispatch.coverage.expectation import Expectation
from dispatch.coverage.merging import merge_rare
from dispatch.coverage.outlook import HOUR_S, DemandClass, Outlook, Person
from dispatch.coverage.promised import PromisedPlace
from dispatch.coverage.result import NEAR_WEEKS, Known, Overbooked
from dispatch.coverage.supply import Staff, read_staff
from dispatch.jobs.models import Job
from dispatch.planning.policy import read_rules

WEEKS = 13
"""A quarter ahead: long enough to train somebody or to hire."""
AWAY_WEEKS = 26
"""Past weeks that say how often somebody is away."""
KNOWN_WEEKS = 52
KNOWN = (("site", Job.site_id, 3), ("asset", Job.asset_id, 2))
"""Visits of a year, all by one person, from which a site or a piece of equipment counts as theirs to know."""
KNOWN_AT_MOST = 5000
ABSURD_TIMES, ABSURD_S = 10, 500 * HOUR_S
"""Work of a week beyond ten times the hours of everybody there, and beyond these, is likelier mistyped than meant."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """An outlook with what must be said beside it; `away` is the chance that a person is not there."""

    outlook: Outlook
    weeks: tuple[date, ...]
    today: date
    based_on_seq: int
    staff: Staff
    away: float
    expectation: Expectation
    booked_s: int
    later_s: int
    merged_s: int
    promised: tuple[PromisedPlace, ...]
    known: tuple[Known, ...]
    territories_without_hours: tuple[int, ...]
    overbooked: tuple[Overbooked, ...]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that was read and nothing that was made of it, so that the database is let go before that."""

    mondays: tuple[date, ...]
    today: date
    based_on_seq: int
    booked: Sequence[Booked]
    later_s: int
    past: Past
    staff: Staff
    away: float
    known: tuple[Known, ...]


def read_facts(session: Session, *, now: datetime, weeks: int = WEEKS) -> Facts:
    """Read the rest of this week and the weeks after it; what is booked later is only counted."""
    seq = rows.log_position(session)
    places = rows.territories(session)
    zones = {place.id: place.zone for place in places}
    today = min((local_day(now, zone) for zone in zones.values()), default=now.astimezone(UTC).date())
    mondays = tuple(monday(today) + timedelta(weeks=number) for number in range(weeks))
    last = mondays[-1] + timedelta(days=6)
    rules = read_rules(rows.active_rules(session))
    booked, later_s = read_booked(session, zones, mondays, now)
    return Facts(
        mondays=mondays,
        today=today,
        based_on_seq=seq,
        booked=booked,
        later_s=later_s,
        past=read_past(session, zones, mondays, today),
        staff=read_staff(session, places, rules, today, last, now),
        away=rows.away_share(session, mondays[0] - timedelta(weeks=AWAY_WEEKS), mondays[0]),
        known=_known(session, now),
    )


def read_snapshot(session: Session, *, now: datetime, weeks: int = WEEKS) -> Snapshot:
    """Read facts and say at once what they mean."""
    return snapshot_of(read_facts(session, now=now, weeks=weeks))


def snapshot_of(facts: Facts) -> Snapshot:
    """Say what the facts mean: what to expect beyond bookings, and demand in classes; needs no database."""
    mondays, booked = facts.mondays, facts.booked
    expected, expectation = expected_beyond(facts.past, mondays, booked)
    demand, merged_s = merge_rare(add_up([*(place.piece for place in booked), *expected]))
    people = facts.staff.people
    staffed = {territory for person in people if any(person.hours_s.values()) for territory in person.travel_s}
    return Snapshot(
        outlook=Outlook(people=people, demand=demand),
        weeks=mondays,
        today=facts.today,
        based_on_seq=facts.based_on_seq,
        staff=facts.staff,
        away=facts.away,
        expectation=expectation,
        booked_s=sum(work.booked_s for work in demand),
        later_s=facts.later_s,
        merged_s=merged_s,
        promised=tuple(
            PromisedPlace(
                person=place.technician,
                needs=place.piece.needs,
                territory=place.piece.territory,
                week=place.piece.week,
                visit_id=place.visit_id,
            )
            for place in booked
            if place.promised and place.technician is not None and place.piece.week in mondays[:NEAR_WEEKS]
        ),
        known=facts.known,
        overbooked=_overbooked(people, demand),
        territories_without_hours=tuple(sorted({work.territory for work in demand} - staffed)),
    )


def _overbooked(people: Iterable[Person], demand: Iterable[DemandClass]) -> tuple[Overbooked, ...]:
    """Find the weeks in which a territory is asked for many times what its people have."""
    needed: dict[tuple[int, date], int] = {}
    for work in demand:
        needed[work.territory, work.week] = needed.get((work.territory, work.week), 0) + work.seconds
    hours: dict[tuple[int, date], int] = {}
    for person in people:
        for week, seconds in person.hours_s.items():
            for place in person.travel_s:
                hours[place, week] = hours.get((place, week), 0) + seconds
    return tuple(
        Overbooked(territory=place, week=week, needed_s=seconds, hours_s=hours.get((place, week), 0))
        for (place, week), seconds in sorted(needed.items())
        if seconds > ABSURD_S and seconds > ABSURD_TIMES * hours.get((place, week), 0)
    )


def _known(session: Session, now: datetime) -> tuple[Known, ...]:
    since = now - timedelta(weeks=KNOWN_WEEKS)
    found = [
        Known(
            kind=kind,
            id=row.thing,
            person=row.person,
            territory=row.territory_id,
            visits=row.visits,
            open_visits=row.open,
        )
        for kind, thing, least in KNOWN
        for row in rows.known_by_one(session, thing, least, since, KNOWN_AT_MOST)
    ]
    return tuple(sorted(found, key=lambda one: (not one.open_visits, -one.visits, one.kind, one.id)))
