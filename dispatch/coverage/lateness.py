"""Why a promise was missed, as far as recorded facts tell; never a guess, and never by person.

What is looked at, in this order; the first that says something is the cause:

1. A disruption about this visit, or about the person that day, reported before the arrival: an emergency between,
   trouble with the vehicle, no access, a part missing, a visit that takes longer, somebody who could not work. One
   about this visit comes before others, then the earliest. A visit that fell out only frees time, so it is no cause.
2. The plan: the visit was given to a time after the window, by a person after the promise was made (moved), or
   otherwise (planned later than promised). Not where running late had been reported: moving it was the answer to that.
3. The day, from the reports. Three amounts are compared and the largest of five minutes or more is the cause:
   earlier visits of the day took longer on site, all together, than was planned for them; travel, from setting out to
   arriving, took longer than planned; setting out was later than it had to be and than the end of the visit before, or
   the begin of the shift. It had to be at the planned start, else at the end of the window, less the planned travel.
   Where nobody reported setting out, the last two are one amount (time between), which says that much and no more.
4. Running late was reported, and nothing says why.

Otherwise nothing is known. What the visit's own report says about the outcome is not asked: why something was not
fixed is not why somebody came late. A plan that equals the arrival to the microsecond is a record of what happened, as
imports write it, and says nothing about what was planned.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import ARRAY, DateTime, Integer, and_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from dispatch.core import clock
from dispatch.jobs.models import Promise, Visit
from dispatch.planning.models import Assignment, AssignmentState, Disruption, DisruptionKind, ReportKind, VisitReport
from dispatch.workforce.models import Shift, Territory

LEAST = timedelta(minutes=5)
MOVED = "moved"
PLANNED_LATE = "planned_late"
EARLIER_LONGER = DisruptionKind.LONGER.value
TRAVEL = "travel"
SET_OUT = "set_out_late"
BETWEEN = "between"
RUNNING_LATE = DisruptionKind.RUNNING_LATE.value
NO_CAUSE = "none"
SAYS_WHY = (
    DisruptionKind.EMERGENCY,
    DisruptionKind.VEHICLE,
    DisruptionKind.NO_ACCESS,
    DisruptionKind.PART_MISSING,
    DisruptionKind.LONGER,
    DisruptionKind.CANNOT_WORK,
)


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """A visit the person made before on that day: when it began and ended, and how long it was planned to take."""

    arrived_at: datetime | None
    left_at: datetime
    planned: timedelta


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A disruption that was reported, and whether it was about this very visit."""

    kind: DisruptionKind
    at: datetime
    this_visit: bool


@dataclass(frozen=True, kw_only=True)
class Late:
    """What is recorded about one visit that came after its window.

    ``planned_at`` is None where the plan is not known, ``set_out_at`` where it was not reported, ``on_duty_at`` where
    there was no shift; ``by_person`` says that somebody gave the visit that time by hand, at ``decided_at``.
    """

    window_ends: datetime
    promised_at: datetime
    arrived_at: datetime
    travel: timedelta
    planned_at: datetime | None = None
    decided_at: datetime | None = None
    by_person: bool = False
    on_duty_at: datetime | None = None
    set_out_at: datetime | None = None
    earlier: tuple[Earlier, ...] = ()
    heard: tuple[Heard, ...] = ()


def cause_of(late: Late) -> str:
    """Return the cause as the table of this module finds it; ``NO_CAUSE`` where nothing is known."""
    heard = [each for each in late.heard if each.at <= late.arrived_at]
    why = [each for each in heard if each.kind in SAYS_WHY]
    if why:
        return min(why, key=lambda each: (not each.this_visit, each.at)).kind.value
    running_late = any(each.kind is DisruptionKind.RUNNING_LATE for each in heard)
    if late.planned_at is not None and late.planned_at > late.window_ends and not running_late:
        after = late.decided_at is not None and late.decided_at > late.promised_at
        return MOVED if late.by_person and after else PLANNED_LATE
    amounts = _amounts(late)
    most = max(amounts, key=lambda cause: amounts[cause], default=None)
    if most is not None and amounts[most] >= LEAST:
        return most
    return RUNNING_LATE if running_late else NO_CAUSE


def _amounts(late: Late) -> dict[str, timedelta]:
    """Return by how much each part of the day went beyond its plan, as far as that is recorded."""
    longer = [each.left_at - each.arrived_at - each.planned for each in late.earlier if each.arrived_at is not None]
    found: dict[str, timedelta] = {}
    if longer:
        found[EARLIER_LONGER] = sum(longer, timedelta())
    due = (late.planned_at or late.window_ends) - late.travel
    free = max((each.left_at for each in late.earlier), default=late.on_duty_at)
    if late.set_out_at is not None:
        found[TRAVEL] = late.arrived_at - late.set_out_at - late.travel
        found[SET_OUT] = late.set_out_at - (due if free is None else max(due, free))
    elif free is not None:
        found[BETWEEN] = late.arrived_at - late.travel - max(due, free)
    return found


# ---- from the database ---------------------------------------------------------------------------------------------


def causes(session: Session, promise_ids: Collection[int]) -> dict[int, str]:
    """Give the cause of missed promises by their id; three statements."""
    missed = _missed(session, promise_ids) if promise_ids else []
    if not missed:
        return {}
    reports = _reports(session, missed)
    told = _disruptions(session, missed)
    found = {}
    for each in missed:
        arrived_at = _arrived_at(each)
        mine = reports.get(each.id, [])
        set_out = [row.happened_at for row in mine if row.visit_id == each.visit_id]
        day = clock.local_day(arrived_at, each.zone)
        found[each.id] = cause_of(
            Late(
                window_ends=each.window_ends,
                promised_at=each.made_at,
                arrived_at=arrived_at,
                travel=timedelta(seconds=each.travel_s),
                planned_at=None if each.starts_at == arrived_at else each.starts_at,
                decided_at=each.decided_at,
                by_person=each.by_person,
                on_duty_at=each.on_duty_at,
                set_out_at=max(set_out, default=None),
                earlier=_earlier([row for row in mine if row.visit_id != each.visit_id]),
                heard=(*told.get(("visit", each.visit_id), ()), *told.get((each.person, day), ())),
            )
        )
    return found


def _missed(session: Session, promise_ids: Collection[int]) -> Sequence[Any]:
    """Read missed promises with who made the visit and how it was planned; of a crew the first."""
    return session.execute(
        select(
            Promise.id,
            Promise.visit_id,
            Promise.missed_by_s,
            Promise.made_at,
            func.upper(Promise.during).label("window_ends"),
            Territory.zone,
            Assignment.technician_id.label("person"),
            func.lower(Assignment.during).label("starts_at"),
            Assignment.travel_s,
            Assignment.decided_at,
            and_(Assignment.decided_by_id.is_not(None), Assignment.plan_id.is_(None)).label("by_person"),
            func.lower(Shift.during).label("on_duty_at"),
        )
        .join(Visit, Visit.id == Promise.visit_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .outerjoin(Shift, Shift.id == Assignment.shift_id)
        .where(Promise.id.in_(promise_ids), Assignment.state.in_((AssignmentState.DONE, AssignmentState.NOT_DONE)))
        .ext(distinct_on(Promise.id))
        .order_by(Promise.id, Assignment.technician_id, Assignment.id.desc())
    ).all()


def _arrived_at(missed: Any) -> datetime:
    """Return when somebody came, as the promise was judged."""
    came: datetime = missed.window_ends + timedelta(seconds=missed.missed_by_s)
    return came


def _reports(session: Session, missed: Sequence[Any]) -> dict[int, list[Any]]:
    """Give by promise what its person reported that day up to the arrival: begins and ends, and setting out to it."""
    ends = [_arrived_at(each) for each in missed]
    begins = [
        clock.instant(clock.local_day(end, each.zone), time(0), each.zone)
        for each, end in zip(missed, ends, strict=True)
    ]
    columns = (
        (Integer, [each.id for each in missed]),
        (Integer, [each.visit_id for each in missed]),
        (Integer, [each.person for each in missed]),
        (DateTime(timezone=True), begins),
        (DateTime(timezone=True), ends),
    )
    day = (
        func.unnest(*(cast(values, ARRAY(kind)) for kind, values in columns))
        .table_valued("promise_id", "visit_id", "person", "begins", "ends")
        .render_derived(name="day")
    )
    rows = session.execute(
        select(
            day.c.promise_id,
            VisitReport.visit_id,
            VisitReport.kind,
            VisitReport.happened_at,
            (Visit.duration_s + Visit.setup_s).label("planned_s"),
        )
        .join(
            VisitReport,
            and_(
                VisitReport.technician_id == day.c.person,
                VisitReport.happened_at.between(day.c.begins, day.c.ends),
                or_(
                    and_(
                        VisitReport.visit_id != day.c.visit_id,
                        VisitReport.kind.in_((ReportKind.ARRIVED, ReportKind.DONE, ReportKind.COULD_NOT_DO)),
                    ),
                    and_(VisitReport.visit_id == day.c.visit_id, VisitReport.kind == ReportKind.ON_THE_WAY),
                ),
            ),
        )
        .join(Visit, Visit.id == VisitReport.visit_id)
        .order_by(day.c.promise_id, VisitReport.happened_at)
    )
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.promise_id, []).append(row)
    return found


def _earlier(rows: Sequence[Any]) -> tuple[Earlier, ...]:
    """Put the reports of other visits together; one that was not ended before is none."""
    arrived = {row.visit_id: row.happened_at for row in reversed(rows) if row.kind is ReportKind.ARRIVED}
    left = {row.visit_id: row for row in rows if row.kind in (ReportKind.DONE, ReportKind.COULD_NOT_DO)}
    return tuple(
        Earlier(
            arrived_at=arrived.get(visit_id),
            left_at=row.happened_at,
            planned=timedelta(seconds=row.planned_s),
        )
        for visit_id, row in left.items()
    )


def _disruptions(session: Session, missed: Sequence[Any]) -> dict[tuple[Any, Any], list[Heard]]:
    """Give what was reported, by visit where it was about one of these, and by person and day."""
    asked = {each.visit_id for each in missed}
    days = [clock.local_day(_arrived_at(each), each.zone) for each in missed]
    people = {each.person for each in missed}
    rows = session.execute(
        select(
            Disruption.kind, Disruption.visit_id, Disruption.technician_id, Disruption.day, Disruption.reported_at
        ).where(
            or_(
                Disruption.visit_id.in_(asked),
                and_(Disruption.technician_id.in_(people), Disruption.day.between(min(days), max(days))),
            )
        )
    )
    found: dict[tuple[Any, Any], list[Heard]] = {}
    for row in rows:
        mine = row.visit_id in asked
        key = ("visit", row.visit_id) if mine else (row.technician_id, row.day)
        found.setdefault(key, []).append(Heard(kind=row.kind, at=row.reported_at, this_visit=mine))
    return found
