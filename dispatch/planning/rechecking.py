"""Looking again at who is booked when what a visit needs is said anew: who no longer fits is named and seen to.

Only what a person can do and holds is asked here; where a time has become too tight, the board and planning tell.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Actor, Right
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.models import Job, Visit
from dispatch.jobs.service import set_next_step
from dispatch.planning.judging import judge
from dispatch.planning.models import Assignment, AssignmentState
from dispatch.workforce.models import Technician

ABLE = frozenset({"not_qualified", "not_confirmed", "not_certified"})
WITHIN = timedelta(hours=4)
MOST = 8


@dataclass(frozen=True, kw_only=True)
class Unfit:
    """Somebody booked for a visit that they do not fit any more, and why in words."""

    visit_id: int
    job_id: int
    technician: str
    start_at: datetime
    reasons: tuple[str, ...]


def unfit(session: Session, visit_ids: Collection[int], *, now: datetime) -> list[Unfit]:
    """Return who is booked for visits yet to come and lacks what they need, by time; eight bookings at most."""
    booked = session.execute(
        select(Assignment, Visit, Technician.name, func.lower(Assignment.during).label("start_at"))
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Technician, Technician.id == Assignment.technician_id)
        .where(
            Assignment.visit_id.in_(visit_ids),
            Assignment.state.in_((AssignmentState.PLANNED, AssignmentState.ACCEPTED)),
            func.lower(Assignment.during) > now,
        )
        .order_by(func.lower(Assignment.during), Assignment.id)
        .limit(MOST)
    ).all()
    found = []
    for assignment, visit, name, start_at in booked:
        reasons = _why_not(session, assignment, visit, start_at, now)
        if reasons:
            found.append(
                Unfit(visit_id=visit.id, job_id=visit.job_id, technician=name, start_at=start_at, reasons=reasons)
            )
    return found


def look_again(session: Session, visit_ids: Collection[int], *, actor: Actor, now: datetime) -> list[Unfit]:
    """Judge the bookings of visits anew; where somebody no longer fits, that is the job's next step from now on."""
    found = unfit(session, visit_ids, now=now)
    first = {each.job_id: each for each in reversed(found)}
    for job_id, each in first.items():
        job = session.get_one(Job, job_id)
        territory_id = session.scalar(select(Visit.territory_id).where(Visit.id == each.visit_id))
        set_next_step(
            session,
            job_id=job_id,
            next_step=f"Find somebody else, or say why {each.technician} can go: {each.reasons[0]}",
            due_at=min(now + WITHIN, each.start_at),
            waiting=job.state == "waiting",
            # whoever may not take the step back does not get it among theirs: their undo would be refused
            actor=actor if actor.may(Right.JOB_EDIT, territory_id) else SYSTEM,
            now=now,
        )
    return found


def _why_not(
    session: Session, assignment: Assignment, visit: Visit, start_at: datetime, now: datetime
) -> tuple[str, ...]:
    try:
        verdict = judge(
            session,
            visit=visit,
            crew_slot_id=assignment.crew_slot_id,
            technician_id=assignment.technician_id,
            start=start_at,
            now=now,
        )
    except (Conflict, Invalid):
        return ()  # no shift, or away: that has its own alert
    pairs = zip(verdict.objections, verdict.reasons, strict=True)
    return tuple(words for objection, words in pairs if objection.code in ABLE)
