"""Cancelling a job: whoever is booked is free again and hears of it, and the customer hears it from a person first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Job, Promise, PromiseState, Visit
from dispatch.jobs.service import ASSIGN_WITHIN, cancel_job, reopen_job
from dispatch.messages.calls import BadNews, call_first, withdraw_calls
from dispatch.messages.models import CallKind
from dispatch.messages.promising import withdraw_window
from dispatch.messages.service import span
from dispatch.planning.changing import Entry, SlotChange, change_slots
from dispatch.planning.draft_publishing import publish_of
from dispatch.planning.models import Assignment
from dispatch.planning.rows import live

BOOKABLE = (VisitState.OPEN, VisitState.PLANNED)


def call_off_job(
    session: Session, *, job_id: int, reason: str, actor: Actor, now: datetime, customer_knows: bool = False
) -> Job:
    """Cancel a job and its open visits with all bookings of them, or nothing; see `dispatch.jobs.service.cancel_job`.

    Unless the customer knows already, whoever owns the job gets a call to make, and nothing is written before it.
    It is not undone but opened again, with a new visit: the time may belong to somebody else by then.
    """
    with session.begin_nested():
        booked = session.execute(
            select(Assignment.visit_id, Assignment.crew_slot_id, Assignment.id, Assignment.version)
            .join(Visit, Visit.id == Assignment.visit_id)
            .where(Visit.job_id == job_id, Visit.state.in_(BOOKABLE), live())
            .order_by(Assignment.id)
        ).all()
        changes = [
            SlotChange(visit_id=row.visit_id, crew_slot_id=row.crew_slot_id, to=None, expect=(row.id, row.version))
            for row in booked
        ]
        entry = Entry(action="unassign", actor=actor, now=now, reason=reason.strip() or None, undoable=False)
        if changes:
            change_slots(session, changes, entry)
        expected = _expected(session, job_id)
        # whoever was taken off and not told yet still believes to go there
        publish_of(session, [row.id for row in expected], entry)
        job = cancel_job(session, job_id=job_id, reason=reason, actor=actor, now=now)
        withdraw_calls(session, [row.id for row in expected], why="The job was called off", now=now, kind=None)
        for row in expected:
            during = None if row.during is None else span(row.during)
            withdraw_window(session, visit_id=row.id, during=during, said=customer_knows, actor=actor, now=now)
        if expected and not customer_knows:
            call_first(session, [_bad_news(expected[0], reason)], now=now)
        return job


def open_again(session: Session, *, job_id: int, actor: Actor, now: datetime) -> Job:
    """Open a closed job with a new visit; nobody has to be told any more that it is called off."""
    job = reopen_job(
        session, job_id=job_id, next_step="Assign a technician", due_at=now + ASSIGN_WITHIN, actor=actor, now=now
    )
    visits = session.scalars(select(Visit.id).where(Visit.job_id == job_id)).all()
    withdraw_calls(session, visits, why="The job is open again", now=now, kind=CallKind.CANCELLED)
    for visit_id in visits:
        withdraw_window(session, visit_id=visit_id, during=None, said=False, actor=actor, now=now)
    return job


def _expected(session: Session, job_id: int) -> Sequence[Any]:
    """Return the open visits of a job with what the customer counts on, the next one first."""
    return session.execute(
        select(Visit.id, Promise.during)
        .outerjoin(Promise, (Promise.visit_id == Visit.id) & (Promise.state == PromiseState.STANDING))
        .where(Visit.job_id == job_id, Visit.state.in_(BOOKABLE))
        .order_by(func.lower(Promise.during).nulls_last(), Visit.sequence)
    ).all()


def _bad_news(row: Any, reason: str) -> BadNews:
    """One call says all of it, whatever number of visits there was."""
    facts = {"reason": reason.strip()} | ({} if row.during is None else {"promise": span(row.during)})
    return BadNews(
        visit_id=row.id, kind=CallKind.CANCELLED, facts=facts, by=None if row.during is None else row.during.lower
    )
