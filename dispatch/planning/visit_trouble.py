"""A visit does not go as planned: no access, a part missing, longer than planned, cancelled.

The facts change at once, whoever tells them and from where; what that means for others is a proposal of the repair.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.clock import day_bounds, local_day
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Visit
from dispatch.jobs.service import change_visit, set_next_step
from dispatch.planning.cancelling import BOOKABLE, call_off_job
from dispatch.planning.changing import lock_visits
from dispatch.planning.disruptions import MOST_DAYS, MOST_LATE, find_unsettled, open_disruption
from dispatch.planning.models import Assignment, AssignmentState, Disruption, DisruptionKind, ReportKind
from dispatch.planning.repairing import ask_repair
from dispatch.planning.reporting import Reported, report_visit
from dispatch.planning.rows import live
from dispatch.workforce.models import Shift, Territory

BEGUN = (AssignmentState.ON_THE_WAY, AssignmentState.ON_SITE)
WAITS = (VisitState.OPEN, VisitState.PLANNED, VisitState.UNDER_WAY)
NOBODY_THERE = "Nobody was there"
PART = "A part is missing"
ASK_FOR_PART = "Ask when the part comes, then agree a time with the customer"
PART_BY = "The part comes: see that it is there, and that the visit has a time"
FURTHEST = timedelta(days=365)


def report_no_access(
    session: Session, *, visit_id: int, actor: Actor, now: datetime, words: str = NOBODY_THERE
) -> Disruption:
    """Note that nobody can get in, or will be there: the visit needs another time, and somebody has time now."""
    return _falls_through(session, DisruptionKind.NO_ACCESS, visit_id, words, None, actor, now)


def report_part_missing(
    session: Session, *, visit_id: int, ready_on: date | None, actor: Actor, now: datetime, words: str = PART
) -> Disruption:
    """Let the work wait for a part: nobody goes before its day; without one not before tomorrow, and somebody asks."""
    return _falls_through(session, DisruptionKind.PART_MISSING, visit_id, words, ready_on, actor, now)


def report_could_not_do(
    session: Session,
    *,
    report_id: uuid.UUID,
    visit_id: int,
    technician_id: int,
    happened_at: datetime,
    reason: str,
    trouble: DisruptionKind | None,
    actor: Actor,
    now: datetime,
    ready_on: date | None = None,
    based_on_version: int | None = None,
) -> Reported:
    """Keep the report of whoever stood there; with ``trouble`` it is a situation that somebody repairs, too.

    Sent again, or overtaken by the plan, it stays what it is: a report.
    """
    booked = [row for row in _booked(session, visit_id) if row.technician_id == technician_id]
    told = report_visit(
        session,
        report_id=report_id,
        visit_id=visit_id,
        technician_id=technician_id,
        kind=ReportKind.COULD_NOT_DO,
        happened_at=happened_at,
        reason=reason,
        based_on_version=based_on_version,
        actor=actor,
        now=now,
    )
    visit = lock_visits(session, [visit_id])[visit_id]
    crew_stays = visit.state is not VisitState.OPEN
    if trouble is None or told.repeated or told.overtaken or crew_stays:
        return told
    standing = find_unsettled(session, trouble, visit_id=visit_id)
    if standing is None:
        _open_for(
            session, trouble, visit, booked, _wait_for_part(session, trouble, visit, ready_on, actor, now), actor, now
        )
    return told


def report_longer(session: Session, *, visit_id: int, minutes: int, actor: Actor, now: datetime) -> Disruption | None:
    """Give a visit so much more time; None where nobody is booked for it. Said again, the later word counts.

    Where every promise still holds the times just follow, and nobody is alerted.
    """
    if not 1 <= minutes <= MOST_LATE:
        raise Invalid(f"Say 1 to {MOST_LATE} minutes.", field="minutes")
    visit = lock_visits(session, [visit_id])[visit_id]
    booked = _booked(session, visit_id)
    technician_id = booked[0].technician_id if booked else None
    actor.require(Right.JOB_REPORT, visit.territory_id, technician_id=technician_id, what="visit")
    _refuse_over(visit)
    standing = find_unsettled(session, DisruptionKind.LONGER, visit_id=visit_id)
    begun = any(row.state in BEGUN for row in booked)
    facts = {} if begun else _planned_longer(session, visit, standing, minutes, actor, now)
    if standing is not None:
        standing.minutes, standing.facts = minutes, facts
        ask_repair(session, standing)
        return standing
    if not booked:
        return None
    return _open_for(session, DisruptionKind.LONGER, visit, booked, facts, actor, now, minutes=minutes)


def report_cancelled(
    session: Session, *, job_id: int, reason: str, actor: Actor, now: datetime, customer_knows: bool = False
) -> Disruption | None:
    """Cancel a job (`call_off_job`); what somebody booked for it in the next days does with the time is a situation."""
    booked = session.execute(
        _bookings()
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(
            Visit.job_id == job_id,
            Visit.state.in_(BOOKABLE),
            func.upper(Assignment.during) > now,
            func.lower(Assignment.during) < now + timedelta(days=MOST_DAYS),
        )
    ).all()
    call_off_job(session, job_id=job_id, reason=reason, actor=actor, now=now, customer_knows=customer_knows)
    if not booked:
        return None
    visit = lock_visits(session, [booked[0].visit_id])[booked[0].visit_id]
    return _open_for(session, DisruptionKind.CANCELLATION, visit, booked, {}, actor, now)


def _falls_through(
    session: Session,
    kind: DisruptionKind,
    visit_id: int,
    words: str,
    ready_on: date | None,
    actor: Actor,
    now: datetime,
) -> Disruption:
    visit = lock_visits(session, [visit_id])[visit_id]
    actor.require(Right.ASSIGNMENT_EDIT, visit.territory_id, what="visit")
    standing = find_unsettled(session, kind, visit_id=visit_id)
    booked = _booked(session, visit_id)
    if standing is not None and ready_on is None:
        return standing
    _refuse_over(visit)
    if standing is None and not booked:
        raise Conflict("Nobody is booked for this visit, so nobody stands there. Agree a time with the customer.")
    for row in booked:
        if row.state in BEGUN:
            report_visit(
                session,
                report_id=uuid.uuid4(),
                visit_id=visit_id,
                technician_id=row.technician_id,
                kind=ReportKind.COULD_NOT_DO,
                happened_at=now,
                reason=words,
                actor=actor,
                now=now,
            )
    facts = _wait_for_part(session, kind, visit, ready_on, actor, now)
    if standing is not None:
        standing.facts = _merged(standing.facts, facts)
        ask_repair(session, standing)
        return standing
    return _open_for(session, kind, visit, booked, facts, actor, now)


def _refuse_over(visit: Any) -> None:
    if visit.state not in WAITS:
        raise Conflict("This visit is over. Look at the job: a new visit can be agreed there.")


def _wait_for_part(
    session: Session,
    kind: DisruptionKind,
    visit: Any,
    ready_on: date | None,
    actor: Actor,
    now: datetime,
) -> dict[str, Any]:
    """Let nobody go before the part is there, and somebody see to the part; returns what the visit said before."""
    if kind is not DisruptionKind.PART_MISSING:
        return {}
    zone = session.scalars(select(Territory.zone).where(Territory.id == visit.territory_id)).one()
    today = local_day(now, zone)
    if ready_on is not None and not today <= ready_on <= today + FURTHEST:
        raise Invalid("Give the day on which the part comes: today or later, within a year.", field="ready_on")
    day = ready_on or today + timedelta(days=1)
    release = max(now, day_bounds(day, zone)[0])
    facts = _change(session, visit.id, release_at=release, actor=actor, now=now)
    set_next_step(
        session,
        job_id=visit.job_id,
        next_step=ASK_FOR_PART if ready_on is None else PART_BY,
        due_at=release,
        actor=actor,
        now=now,
        waiting=ready_on is None,
    )
    return facts | ({} if ready_on is None else {"ready_on": [None, ready_on.isoformat()]})


def _planned_longer(
    session: Session, visit: Any, standing: Disruption | None, minutes: int, actor: Actor, now: datetime
) -> dict[str, Any]:
    planned = session.get_one(Visit, visit.id, populate_existing=True).duration_s
    first = planned if standing is None else standing.facts.get("duration_s", [planned])[0]
    changed = _change(session, visit.id, duration_s=first + minutes * 60, actor=actor, now=now)
    return {"duration_s": [first, first + minutes * 60]} if changed or standing is not None else {}


def _change(session: Session, visit_id: int, *, actor: Actor, now: datetime, **fields: Any) -> dict[str, Any]:
    """Change fields of a visit; what must be done before it may begin is no term any more, but stays with the job."""
    row = session.get_one(Visit, visit_id, populate_existing=True)
    release = fields.get("release_at")
    if release is not None and row.due_at is not None and row.due_at <= release:
        fields["due_at"] = None
    before = {name: getattr(row, name) for name in fields}
    change_visit(session, visit_id=visit_id, version=row.version, changes=fields, actor=actor, now=now)
    return {name: [_plain(before[name]), _plain(value)] for name, value in fields.items() if before[name] != value}


def _merged(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what changed in two goes as one: what was at first, what is now."""
    return {**before, **{name: [before.get(name, values)[0], values[1]] for name, values in after.items()}}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _bookings() -> Any:
    return (
        select(
            Assignment.visit_id,
            Assignment.technician_id,
            Assignment.shift_id,
            Assignment.during,
            Assignment.state,
            Shift.territory_id,
            Shift.on_date,
        )
        .outerjoin(Shift, Shift.id == Assignment.shift_id)
        .where(live(), Assignment.state != AssignmentState.DONE)
        .order_by(func.lower(Assignment.during), Assignment.id)
    )


def _booked(session: Session, visit_id: int) -> Sequence[Any]:
    return session.execute(_bookings().where(Assignment.visit_id == visit_id)).all()


def _open_for(
    session: Session,
    kind: DisruptionKind,
    visit: Any,
    booked: Sequence[Any],
    facts: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    *,
    minutes: int | None = None,
) -> Disruption:
    cells = sorted({(row.territory_id, row.on_date) for row in booked if row.shift_id is not None})
    if not cells:
        zone = session.scalars(select(Territory.zone).where(Territory.id == visit.territory_id)).one()
        cells = [(visit.territory_id, local_day(now, zone))]
    return open_disruption(
        session,
        kind=kind,
        cells=cells,
        day=min(day for _territory, day in cells),
        technician_id=booked[0].technician_id if booked else None,
        visit_id=visit.id,
        minutes=minutes,
        freed=sorted({row.shift_id for row in booked if row.shift_id is not None}),
        facts=facts,
        actor=actor,
        now=now,
    )
