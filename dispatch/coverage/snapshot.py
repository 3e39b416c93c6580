"""From the database to an outlook: the border between rows and the pure model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.orm import Session

from dispatch.core.clock import local_day
from dispatch.coverage import rows
from dispatch.coverage.classes import add_up, merge_rare, monday
from dispatch.coverage.demand import read_booked, read_expected
from dispatch.coverage.expectation import Expectation
from dispatch.coverage.outlook import Outlook
from dispatch.coverage.promised import PromisedPlace
from dispatch.coverage.result import NEAR_WEEKS, Known
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


def read_snapshot(session: Session, *, now: datetime, weeks: int = WEEKS) -> Snapshot:
    """Read the rest of this week and the weeks after it; what is booked later is only counted."""
    seq = rows.log_position(session)
    places = rows.territories(session)
    zones = {place.id: place.zone for place in places}
    today = min((local_day(now, zone) for zone in zones.values()), default=now.astimezone(UTC).date())
    mondays = tuple(monday(today) + timedelta(weeks=number) for number in range(weeks))
    last = mondays[-1] + timedelta(days=6)
    rules = read_rules(rows.active_rules(session))

    booked, later_s = read_booked(session, zones, mondays, now)
    expected, expectation = read_expected(session, zones, mondays, today, booked)
    demand, merged_s = merge_rare(add_up([*(place.piece for place in booked), *expected]))
    staff = read_staff(session, places, rules, today, last, now)
    people = staff.people
    staffed = {territory for person in people if any(person.hours_s.values()) for territory in person.travel_s}
    return Snapshot(
        outlook=Outlook(people=people, demand=demand),
        weeks=mondays,
        today=today,
        based_on_seq=seq,
        staff=staff,
        away=rows.away_share(session, mondays[0] - timedelta(weeks=AWAY_WEEKS), mondays[0]),
        expectation=expectation,
        booked_s=sum(work.booked_s for work in demand),
        later_s=later_s,
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
        known=_known(session, now),
        territories_without_hours=tuple(sorted({work.territory for work in demand} - staffed)),
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
