"""Who is committed to the visits of a job, as its page shows it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.jobs.models import CrewSlot
from dispatch.planning.models import RELEASED_STATES, Assignment, AssignmentState, Pin, ReportKind, VisitReport
from dispatch.workforce.models import Partner, Technician


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
