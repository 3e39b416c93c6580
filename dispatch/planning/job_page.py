"""What a job's page shows beside the job: its promise, who is committed, who knows the place, what was reported."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from dispatch.core.models import AuditEvent
from dispatch.jobs.models import CrewSlot, Job, Promise, Visit
from dispatch.planning.models import RELEASED_STATES, Assignment, AssignmentState, Pin, ReportKind, VisitReport
from dispatch.planning.promise_state import Outlook
from dispatch.planning.told import arrival, latest_promise, outlook_of
from dispatch.workforce.models import Partner, Technician

FACES = 3


@dataclass(frozen=True, kw_only=True)
class Commitment:
    """One person committed to one place in the crew of a visit."""

    assignment_id: int
    version: int
    visit_id: int
    position: int
    technician_id: int
    technician: str
    partner: str | None
    phone: str | None
    start_at: datetime
    end_at: datetime
    state: AssignmentState
    travel_s: int
    travel_source: str


def commitments(session: Session, visit_ids: Collection[int]) -> list[Commitment]:
    """Return the live assignments of some visits by time and place in the crew."""
    rows = session.execute(
        select(
            Assignment.id.label("assignment_id"),
            Assignment.version,
            Assignment.visit_id,
            CrewSlot.position,
            Technician.id.label("technician_id"),
            Technician.name.label("technician"),
            Partner.name.label("partner"),
            Technician.phone,
            func.lower(Assignment.during).label("start_at"),
            func.upper(Assignment.during).label("end_at"),
            Assignment.state,
            Assignment.travel_s,
            Assignment.travel_source,
        )
        .join(CrewSlot, CrewSlot.id == Assignment.crew_slot_id)
        .join(Technician, Technician.id == Assignment.technician_id)
        .outerjoin(Partner, Partner.id == Technician.partner_id)
        .where(Assignment.visit_id.in_(visit_ids), Assignment.state.not_in(RELEASED_STATES))
        .order_by(func.lower(Assignment.during), CrewSlot.position)
    ).mappings()
    return [Commitment(**row) for row in rows]


def is_pinned(session: Session, visit_id: int) -> bool:
    """Tell whether planning must leave a visit as it is booked."""
    return session.scalar(select(Pin.id).where(Pin.visit_id == visit_id).limit(1)) is not None


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    """Something a technician reported about a visit."""

    at: datetime
    kind: ReportKind
    who: str
    reason: str | None
    fixed_first_time: bool | None
    cause: str | None
    note: str | None


def reports(session: Session, visit_ids: Collection[int]) -> list[ReportRow]:
    """Return what was reported from some visits, newest first."""
    rows = session.execute(
        select(
            VisitReport.happened_at.label("at"),
            VisitReport.kind,
            Technician.name.label("who"),
            VisitReport.reason,
            VisitReport.fixed_first_time,
            VisitReport.cause,
            VisitReport.note,
        )
        .join(Technician, Technician.id == VisitReport.technician_id)
        .where(VisitReport.visit_id.in_(visit_ids))
        .order_by(VisitReport.happened_at.desc(), VisitReport.id)
    ).mappings()
    return [ReportRow(**row) for row in rows]


@dataclass(frozen=True, kw_only=True)
class Told:
    """The window a customer was told last for a visit, and how it stands."""

    start_at: datetime
    end_at: datetime
    outlook: Outlook | None


def told_for(session: Session, visit_id: int, *, now: datetime) -> Told | None:
    """Return what was promised for a visit and what is expected; None when nothing was promised."""
    row = session.execute(
        select(
            Promise.during.label("promise"),
            Assignment.during,
            Assignment.travel_s,
            Assignment.travel_source,
            arrival().label("arrived_at"),
        )
        .select_from(Visit)
        .join(Promise, Promise.id == latest_promise())
        .outerjoin(Assignment, and_(Assignment.visit_id == Visit.id, Assignment.state.not_in(RELEASED_STATES)))
        .where(Visit.id == visit_id)
        .order_by(func.lower(Assignment.during))
        .limit(1)
    ).first()
    if row is None:
        return None
    return Told(
        start_at=row.promise.lower,
        end_at=row.promise.upper,
        outlook=None if row.during is None else outlook_of(row, now),
    )


@dataclass(frozen=True, kw_only=True)
class Face:
    """Somebody who was at a site before: how often, how often for the same kind of work, and when last."""

    technician_id: int
    name: str
    phone: str | None
    visits: int
    same_work: int
    last_at: datetime


def faces_at(session: Session, site_id: int, job_type_id: int) -> list[Face]:
    """Return the three people who did most at a site, those first who did this kind of work there."""
    same = func.count(case((Job.job_type_id == job_type_id, Visit.id)).distinct())
    visits = func.count(Visit.id.distinct())
    last_at = func.max(func.upper(Assignment.during))
    rows = session.execute(
        select(
            Technician.id.label("technician_id"),
            Technician.name,
            Technician.phone,
            visits.label("visits"),
            same.label("same_work"),
            last_at.label("last_at"),
        )
        .join(Assignment, Assignment.technician_id == Technician.id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .where(Job.site_id == site_id, Assignment.state == AssignmentState.DONE, Technician.retired_at.is_(None))
        .group_by(Technician.id)
        .order_by(same.desc(), visits.desc(), last_at.desc(), Technician.id)
        .limit(FACES)
    ).mappings()
    return [Face(**row) for row in rows]


def last_change(session: Session, job: Job) -> int:
    """Return the number of the latest line of the log about a job or what its page shows besides; 0 for none."""
    things = [
        ("job", [job.id]),
        ("visit", [visit.id for visit in job.visits]),
        ("customer", [job.customer_id]),
        ("site", [job.site_id]),
        ("asset", [] if job.asset_id is None else [job.asset_id]),
    ]
    about = [
        and_(AuditEvent.entity == entity, AuditEvent.entity_id.in_([str(each) for each in ids]))
        for entity, ids in things
    ]
    return session.scalar(select(func.max(AuditEvent.seq)).where(or_(*about))) or 0
