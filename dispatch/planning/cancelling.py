"""Cancelling a job that people are booked for: they are free again, and hear of it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Job, Visit
from dispatch.jobs.service import cancel_job
from dispatch.planning.changing import Entry, SlotChange, change_slots
from dispatch.planning.models import Assignment
from dispatch.planning.rows import live

BOOKABLE = (VisitState.OPEN, VisitState.PLANNED)


def call_off_job(session: Session, *, job_id: int, reason: str, actor: Actor, now: datetime) -> Job:
    """Cancel a job and its open visits with all bookings of them, or nothing; see `dispatch.jobs.service.cancel_job`.

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
        if changes:
            entry = Entry(action="unassign", actor=actor, now=now, reason=reason.strip() or None, undoable=False)
            change_slots(session, changes, entry)
        return cancel_job(session, job_id=job_id, reason=reason, actor=actor, now=now)
