"""Promises and first-time fixes of a whole month, by territory, time of day and cause; never by person.

Each table has one dimension, covers everything the reader may see, and shares nothing but its total with the others,
so that protecting each protects all. Months do not overlap, so one minus the other tells nothing. Fixes are outcomes
and are read for the days only on which the agreement about them holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Date, Integer, cast, func, select
from sqlalchemy.orm import Session

from dispatch.accounts.models import Agreement, AgreementKind
from dispatch.coverage.lateness import NO_CAUSE, causes
from dispatch.coverage.suppression import Group, Shown, enough, shown
from dispatch.jobs.models import Promise, PromiseState, Visit
from dispatch.planning.models import Assignment, AssignmentState, ReportKind, VisitReport
from dispatch.workforce.models import Territory

MONTHS = 6
BANDS = ((0, 8), (8, 10), (10, 12), (12, 14), (14, 16), (16, 18), (18, 24))
"""Hours of the day in the zone of the territory: from, up to and not including."""
DRAWN = (AssignmentState.DONE, AssignmentState.NOT_DONE)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Visits alike in all that the tables ask."""

    territory: int
    hour: int
    wrong: bool
    cause: str
    person: int
    visits: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """One measure of a month. ``too_few`` means that even its total is about fewer than five people."""

    visits: int
    wrong: int
    too_few: bool
    by_territory: Shown[int]
    by_time: Shown[int]
    by_cause: Shown[str]


@dataclass(frozen=True, kw_only=True)
class Month:
    """What a reader sees of a month; ``agreed`` is the day from which fixes may be counted, None without agreement."""

    first: date
    months: tuple[date, ...]
    territories: tuple[tuple[int, str], ...]
    promises: Report
    fixes: Report
    agreed: date | None


def month_of(session: Session, *, reach: Collection[int] | None, today: date, chosen: date | None) -> Month | None:
    """Report a complete month, the last one unless another of the last six is chosen; None when it is none of these."""
    first = today.replace(day=1)
    months = []
    for _ in range(MONTHS):
        first = (first - timedelta(days=1)).replace(day=1)
        months.append(first)
    month = chosen or months[0]
    if month not in months:
        return None
    until = (month + timedelta(days=32)).replace(day=1)
    places = tuple(
        (number, name)
        for number, name in session.execute(select(Territory.id, Territory.name).order_by(Territory.name))
        if reach is None or number in reach
    )
    here = [number for number, _name in places]
    agreed = _agreed_from(session, month, until)
    return Month(
        first=month,
        months=tuple(months),
        territories=places,
        promises=report(_promises(session, here, month, until)),
        fixes=report(_fixes(session, here, month, until)),
        agreed=agreed,
    )


def report(lines: Iterable[Line]) -> Report:
    """Add lines up to the three tables, each protected."""
    every = tuple(lines)
    by_territory = _groups(every, lambda line: line.territory)
    bands = _groups(every, lambda line: next(n for n, (start, end) in enumerate(BANDS) if start <= line.hour < end))
    causes = _groups((line for line in every if line.wrong), lambda line: line.cause)
    return Report(
        visits=sum(line.visits for line in every),
        wrong=sum(line.visits for line in every if line.wrong),
        too_few=not enough(by_territory),
        by_territory=shown(by_territory),
        by_time=shown(bands),
        by_cause=shown(causes),
    )


def _groups(lines: Iterable[Line], key: Callable[[Line], Any]) -> list[Group[Any]]:
    found: dict[Any, list[Line]] = {}
    for line in lines:
        found.setdefault(key(line), []).append(line)
    return [
        Group(
            key=name,
            visits=sum(line.visits for line in group),
            wrong=sum(line.visits for line in group if line.wrong),
            people=frozenset(line.person for line in group),
        )
        for name, group in sorted(found.items())
    ]


def _agreed_from(session: Session, month: date, until: date) -> date | None:
    """Return the first day of the month on which an agreement about outcomes holds."""
    found = session.scalars(
        select(Agreement.valid).where(
            Agreement.kind == AgreementKind.OUTCOME_EVIDENCE,
            func.coalesce(func.upper(Agreement.valid) > month, True),
            func.lower(Agreement.valid) < until,
        )
    ).all()
    return min((max(month, valid.lower) for valid in found if valid.lower is not None), default=None)


def _span(month: date, until: date) -> tuple[datetime, datetime]:
    """Return a little more than the month in UTC, so that every zone's month is inside; the local day decides then."""
    day = timedelta(days=1)
    return (datetime.combine(month - day, time(0), tzinfo=UTC), datetime.combine(until + day, time(0), tzinfo=UTC))


def _promises(session: Session, places: Collection[int], month: date, until: date) -> list[Line]:
    """Count the promises of a month whose end is known; of the missed ones with the cause that is recorded."""
    start, end = _span(month, until)
    who = (
        select(Assignment.visit_id, func.min(Assignment.technician_id).label("person"))
        .where(Assignment.state.in_(DRAWN), func.lower(Assignment.during).between(start, end + timedelta(days=7)))
        .group_by(Assignment.visit_id)
        .subquery()
    )
    # Fenced off, so that zones are looked up for these promises and not these promises for each zone.
    ended = (
        select(Promise.id, Promise.during, Promise.state, Visit.territory_id, who.c.person)
        .join(Visit, Visit.id == Promise.visit_id)
        .join(who, who.c.visit_id == Promise.visit_id)
        .where(
            Promise.state.in_((PromiseState.KEPT, PromiseState.MISSED)),
            func.lower(Promise.during).between(start, end),
            Visit.territory_id.in_(places),
        )
        .cte("ended")
        .prefix_with("MATERIALIZED")
    )
    local = func.timezone(Territory.zone, func.lower(ended.c.during))
    hour = cast(func.extract("hour", local), Integer)
    missed = ended.c.state == PromiseState.MISSED
    alike = (ended.c.territory_id, hour.label("hour"), ended.c.person)
    groups = session.execute(
        select(
            *alike, func.count().filter(~missed).label("kept"), func.array_agg(ended.c.id).filter(missed).label("ids")
        )
        .join(Territory, Territory.id == ended.c.territory_id)
        .where(cast(local, Date) >= month, cast(local, Date) < until)
        .group_by(*alike)
    ).all()
    why = causes(session, [number for row in groups for number in row.ids or ()])
    lines = []
    for row in groups:
        where = {"territory": row.territory_id, "hour": row.hour, "person": row.person}
        lines.append(Line(**where, wrong=False, cause=NO_CAUSE, visits=row.kept))
        lines += [Line(**where, wrong=True, cause=why.get(number, NO_CAUSE), visits=1) for number in row.ids or ()]
    return [line for line in lines if line.visits]


def _fixes(session: Session, places: Collection[int], month: date, until: date) -> list[Line]:
    """Count the visits of a month that were reported done, on the days on which the agreement holds."""
    start, end = _span(month, until)
    made = (
        select(
            VisitReport.id,
            VisitReport.happened_at,
            VisitReport.fixed_first_time,
            VisitReport.technician_id,
            VisitReport.cause,
            Visit.territory_id,
        )
        .join(Visit, Visit.id == VisitReport.visit_id)
        .where(
            VisitReport.kind == ReportKind.DONE,
            VisitReport.fixed_first_time.is_not(None),
            VisitReport.happened_at.between(start, end),
            Visit.territory_id.in_(places),
        )
        .cte("made")
        .prefix_with("MATERIALIZED")
    )
    local = func.timezone(Territory.zone, made.c.happened_at)
    agreed = (
        select(Agreement.id)
        .where(Agreement.kind == AgreementKind.OUTCOME_EVIDENCE, Agreement.valid.contains(cast(local, Date)))
        .correlate(made, Territory)
        .exists()
    )
    asked = (
        select(
            made.c.territory_id,
            cast(func.extract("hour", local), Integer).label("hour"),
            (~made.c.fixed_first_time).label("wrong"),
            made.c.technician_id.label("person"),
            made.c.id,
            func.coalesce(made.c.cause, NO_CAUSE).label("cause"),
        )
        .join(Territory, Territory.id == made.c.territory_id)
        .where(cast(local, Date) >= month, cast(local, Date) < until, agreed)
        .subquery()
    )
    return _lines(session, asked)


def _lines(session: Session, asked: Any) -> list[Line]:
    c = asked.c
    alike = (c.territory_id, c.hour, c.wrong, c.cause, c.person)
    return [
        Line(territory=territory, hour=hour, wrong=wrong, cause=cause, person=person, visits=visits)
        for territory, hour, wrong, cause, person, visits in session.execute(
            select(*alike, func.count()).group_by(*alike)
        )
    ]
