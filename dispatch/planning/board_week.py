"""A week of the same people, day by day: how full each day is, in a constant number of statements."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Date, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.core.clock import day_bounds
from dispatch.jobs.models import Visit
from dispatch.planning.board import BoardPerson, Scope, people_rows
from dispatch.planning.models import RELEASED_STATES, Assignment
from dispatch.workforce.models import Absence, Shift, Territory

DAYS = 7


@dataclass(frozen=True, kw_only=True)
class WeekDay:
    """One person's day: how many visits, how much of the working time they take, and what of it is an absence."""

    visits: int = 0
    load_s: int = 0
    capacity_s: int = 0
    away: bool = False

    @property
    def idle(self) -> bool:
        """Whether nobody works and nothing is booked."""
        return not self.visits and not self.capacity_s


@dataclass(frozen=True, kw_only=True)
class Week:
    """Days from the first one on, people as the board knows them with load and capacity of the week."""

    days: tuple[date, ...]
    people: tuple[BoardPerson, ...]
    of: dict[int, tuple[WeekDay, ...]]


def week_for(session: Session, scope: Scope) -> Week:
    """Return the seven days from the day of a board on, of everybody with a shift or a visit there in that time."""
    days = tuple(scope.day + timedelta(days=number) for number in range(DAYS))
    span = Range(day_bounds(days[0], scope.zone)[0], day_bounds(days[-1], scope.zone)[1])
    shifts = _shifts(session, scope, days)
    work = _work(session, scope, span, {row.technician_id for row in shifts})
    ids = {row.technician_id for row in (*shifts, *work)}
    cells: dict[tuple[int, date], WeekDay] = defaultdict(WeekDay)
    away = _away(session, ids, span)
    territory: dict[int, str] = {}
    for row in shifts:
        territory.setdefault(row.technician_id, row.territory)
        lost = sum(_overlap_s(row.during, gone) for gone in away[row.technician_id])
        cell = cells[row.technician_id, row.on_date]
        seconds = (row.during.upper - row.during.lower).total_seconds() - row.break_s - lost
        cells[row.technician_id, row.on_date] = replace(
            cell, capacity_s=cell.capacity_s + max(0, round(seconds)), away=cell.away or lost > 0
        )
    for row in work:
        cell = cells[row.technician_id, row.on_date]
        cells[row.technician_id, row.on_date] = replace(cell, visits=row.visits, load_s=round(row.load_s))
    of = {number: tuple(cells[number, day] for day in days) for number in ids}
    people = tuple(_person(row, of[row.id], territory.get(row.id)) for row in people_rows(session, ids))
    return Week(days=days, people=people, of=of)


def _shifts(session: Session, scope: Scope, days: Sequence[date]) -> Sequence[Any]:
    return session.execute(
        select(Shift.technician_id, Shift.on_date, Shift.during, Shift.break_s, Territory.name.label("territory"))
        .join(Territory, Territory.id == Shift.territory_id)
        .where(Shift.territory_id.in_(scope.territories), Shift.on_date.between(days[0], days[-1]), ~Shift.cancelled)
        .order_by(Shift.technician_id, func.lower(Shift.during))
    ).all()


def _work(session: Session, scope: Scope, span: Range[Any], here: Collection[int]) -> Sequence[Any]:
    on_date = cast(func.timezone(literal(scope.zone), func.lower(Assignment.during)), Date).label("on_date")
    seconds = func.extract("epoch", func.upper(Assignment.during) - func.lower(Assignment.during))
    return session.execute(
        select(
            Assignment.technician_id,
            on_date,
            func.count().label("visits"),
            func.sum(seconds + Assignment.travel_s).label("load_s"),
        )
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(
            func.lower(Assignment.during) >= span.lower,
            func.lower(Assignment.during) < span.upper,
            Assignment.state.not_in(RELEASED_STATES),
            or_(Visit.territory_id.in_(scope.territories), Assignment.technician_id.in_(here)),
        )
        .group_by(Assignment.technician_id, on_date)
    ).all()


def _away(session: Session, ids: Collection[int], span: Range[Any]) -> dict[int, list[Range[Any]]]:
    found: dict[int, list[Range[Any]]] = defaultdict(list)
    rows = session.execute(
        select(Absence.technician_id, Absence.during).where(
            Absence.technician_id.in_(ids), ~Absence.cancelled, Absence.during.op("&&")(span)
        )
    )
    for row in rows:
        found[row.technician_id].append(row.during)
    return found


def _overlap_s(shift: Any, away: Any) -> float:
    """Return the seconds of a shift that an absence takes; one without an end goes on."""
    start = shift.lower if away.lower is None else max(shift.lower, away.lower)
    end = shift.upper if away.upper is None else min(shift.upper, away.upper)
    return float(max(0.0, (end - start).total_seconds()))


def _person(row: Any, days: Sequence[WeekDay], territory: str | None) -> BoardPerson:
    return BoardPerson(
        id=row.id,
        name=row.name,
        partner=row.partner,
        team=row.team,
        trade=row.trade,
        territory=territory,
        phone=row.phone,
        start_place=None,
        last_contact_at=row.last_contact_at,
        shifts=(),
        breaks=(),
        absences=(),
        load_s=sum(day.load_s for day in days),
        capacity_s=sum(day.capacity_s for day in days),
    )
