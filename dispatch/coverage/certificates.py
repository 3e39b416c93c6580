"""Which certificates end soon, and what that would stop; read live, because a renewal must show at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, func, not_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, aliased

from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import CertificationNeed, CrewSlot, Visit
from dispatch.planning.models import RELEASED_STATES, Assignment
from dispatch.skills.models import Certification, CertificationKind, DocumentState
from dispatch.workforce.models import Partner, Technician, TerritoryMembership

NOTICE_DAYS = (7, 30, 60)
LAPSED_SHOWN_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class Expiry:
    """A certificate that ends soon or ended lately without a successor.

    Attributes
    ----------
    blocked
        Visits already given to this person after its last day that need it.
    open_there
        All open visits in this person's territories that need it.
    others
        People of the same territories who still hold one the day after.
    """

    id: int
    technician_id: int
    technician: str
    kind_id: int
    kind: str
    number: str | None
    last_day: date
    days_left: int
    blocked: int
    open_there: int
    others: int


def expiring_certificates(
    session: Session, *, reach: Collection[int] | None, today: date, within_days: int = NOTICE_DAYS[-1]
) -> tuple[Expiry, ...]:
    """List confirmed certificates that end within sixty days, or ended in the last thirty, and have no successor.

    One statement. Only people who still work for us, in the territories of the reader (None stands for all).
    """
    last_day = func.upper(Certification.valid) - 1
    after = func.greatest(func.upper(Certification.valid), today)
    query = (
        select(
            Certification.id,
            Certification.technician_id,
            Technician.name,
            Certification.kind_id,
            CertificationKind.name,
            Certification.number.label("document"),
            last_day.label("last_day"),
            _blocked(after).label("blocked"),
            _open_there(today).label("open_there"),
            _others(after, today).label("others"),
        )
        .join(Technician, Technician.id == Certification.technician_id)
        .outerjoin(Partner, Partner.id == Technician.partner_id)
        .join(CertificationKind, CertificationKind.id == Certification.kind_id)
        .where(
            Certification.state == DocumentState.CONFIRMED,
            Technician.retired_at.is_(None),
            Partner.retired_at.is_(None),
            last_day.between(today - timedelta(days=LAPSED_SHOWN_DAYS), today + timedelta(days=within_days)),
            not_(_renewed()),
        )
        .order_by(last_day, Technician.name, Certification.id)
    )
    if reach is not None:
        member = exists().where(
            TerritoryMembership.technician_id == Certification.technician_id,
            TerritoryMembership.territory_id.in_(reach),
            TerritoryMembership.during.op("&&")(Range(today, None)),
        )
        query = query.where(member)
    return tuple(
        Expiry(
            id=number,
            technician_id=technician,
            technician=name,
            kind_id=kind_id,
            kind=kind,
            number=document,
            last_day=last,
            days_left=(last - today).days,
            blocked=blocked,
            open_there=open_there,
            others=others,
        )
        for number, technician, name, kind_id, kind, document, last, blocked, open_there, others in session.execute(
            query
        )
    )


def _renewed() -> ColumnElement[bool]:
    later = aliased(Certification)
    return exists().where(
        later.technician_id == Certification.technician_id,
        later.kind_id == Certification.kind_id,
        later.state == DocumentState.CONFIRMED,
        func.coalesce(func.upper(later.valid), date.max) > func.upper(Certification.valid),
    )


def _blocked(after: ColumnElement[date]) -> ScalarSelect[int]:
    return (
        select(func.count(Assignment.visit_id.distinct()))
        .join(CertificationNeed, CertificationNeed.crew_slot_id == Assignment.crew_slot_id)
        .where(
            Assignment.technician_id == Certification.technician_id,
            CertificationNeed.kind_id == Certification.kind_id,
            Assignment.state.not_in(RELEASED_STATES),
            func.lower(Assignment.during) >= after,
        )
        .scalar_subquery()
    )


def _open_there(today: date) -> ScalarSelect[int]:
    here = aliased(TerritoryMembership)
    return (
        select(func.count(Visit.id.distinct()))
        .join(CrewSlot, CrewSlot.visit_id == Visit.id)
        .join(CertificationNeed, CertificationNeed.crew_slot_id == CrewSlot.id)
        .join(here, and_(here.territory_id == Visit.territory_id, here.during.contains(today)))
        .where(
            here.technician_id == Certification.technician_id,
            CertificationNeed.kind_id == Certification.kind_id,
            Visit.state.in_((VisitState.OPEN, VisitState.PLANNED)),
        )
        .scalar_subquery()
    )


def _others(after: ColumnElement[date], today: date) -> ScalarSelect[int]:
    other, working = aliased(Certification), aliased(Technician)
    mine, theirs = aliased(TerritoryMembership), aliased(TerritoryMembership)
    return (
        select(func.count(other.technician_id.distinct()))
        .join(working, and_(working.id == other.technician_id, working.retired_at.is_(None)))
        .join(theirs, and_(theirs.technician_id == other.technician_id, theirs.during.contains(today)))
        .join(mine, and_(mine.territory_id == theirs.territory_id, mine.during.contains(today)))
        .where(
            mine.technician_id == Certification.technician_id,
            other.kind_id == Certification.kind_id,
            other.technician_id != Certification.technician_id,
            other.state == DocumentState.CONFIRMED,
            other.valid.contains(after),
        )
        .scalar_subquery()
    )
