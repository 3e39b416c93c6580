"""The directory of people who can be sent, and what their page shows beside the skills profile."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, selectinload

from dispatch.core.errors import NotFound
from dispatch.core.like import containing
from dispatch.jobs.models import Customer, Job, Visit
from dispatch.jobs.queries import PAGE_SIZE, Listing, Territories
from dispatch.planning.models import RELEASED_STATES, Assignment, AssignmentState
from dispatch.skills.models import Proficiency, Skill
from dispatch.workforce.models import Absence, Partner, Shift, Technician, Territory, TerritoryMembership


@dataclass(frozen=True, kw_only=True)
class PersonRow:
    """A line of the directory."""

    id: int
    name: str
    partner: str | None
    phone: str | None
    territories: str | None
    shift_start: datetime | None
    shift_end: datetime | None
    zone: str | None
    absent: bool


@dataclass(frozen=True, kw_only=True)
class ComingShift:
    """One of a person's next shifts; what blocks it is not said."""

    on_date: date
    start_at: datetime
    end_at: datetime
    territory: str
    zone: str
    unavailable: bool
    visits: int


@dataclass(frozen=True, kw_only=True)
class ComingVisit:
    """One of a person's next visits."""

    job_id: int
    title: str
    customer: str
    start_at: datetime
    end_at: datetime
    state: AssignmentState
    zone: str


def people(
    session: Session,
    *,
    territories: Territories,
    on: date,
    text: str = "",
    skill_id: int | None = None,
    territory_id: int | None = None,
    page: int = 1,
) -> Listing[PersonRow]:
    """Return people by name, those with facts in a skill when one is asked for; nobody is ranked. Two statements."""
    member = and_(
        TerritoryMembership.technician_id == Technician.id,
        TerritoryMembership.during.contains(on),
        *([] if territories is None else [TerritoryMembership.territory_id.in_(territories)]),
        *([] if territory_id is None else [TerritoryMembership.territory_id == territory_id]),
    )
    wanted: list[ColumnElement[bool]] = [Technician.retired_at.is_(None)]
    if territories is not None or territory_id is not None:
        wanted.append(exists(select(TerritoryMembership.id).where(member)))
    if text.strip():
        like = containing(text)
        wanted.append(or_(Technician.name.ilike(like), Partner.name.ilike(like), Technician.phone.ilike(like)))
    if skill_id is not None:
        known = select(Proficiency.skill_id).where(
            Proficiency.technician_id == Technician.id, Proficiency.skill_id == skill_id, Proficiency.fact_count > 0
        )
        wanted.append(exists(known))
    base = select(Technician.id).outerjoin(Partner, Partner.id == Technician.partner_id)
    base = base.where(*wanted)
    total = session.scalar(select(func.count()).select_from(base.subquery())) or 0
    names = (
        select(func.string_agg(Territory.name, ", "))
        .join(TerritoryMembership, TerritoryMembership.territory_id == Territory.id)
        .where(TerritoryMembership.technician_id == Technician.id, TerritoryMembership.during.contains(on))
        .correlate(Technician)
        .scalar_subquery()
    )
    away = exists(
        select(Absence.id).where(
            Absence.technician_id == Technician.id, ~Absence.cancelled, Absence.during.op("&&")(Shift.during)
        )
    )
    order = (func.lower(Technician.name), Technician.id)
    rows = session.execute(
        base.with_only_columns(
            Technician.id,
            Technician.name,
            Partner.name.label("partner"),
            Technician.phone,
            names.label("territories"),
            func.lower(Shift.during).label("shift_start"),
            func.upper(Shift.during).label("shift_end"),
            Territory.zone,
            func.coalesce(away, False).label("absent"),
        )
        .outerjoin(Shift, and_(Shift.technician_id == Technician.id, Shift.on_date == on, ~Shift.cancelled))
        .outerjoin(Territory, Territory.id == Shift.territory_id)
        .order_by(*order)
        .limit(PAGE_SIZE)
        .offset((max(page, 1) - 1) * PAGE_SIZE)
    ).mappings()
    return Listing(rows=[PersonRow(**row) for row in rows], total=total, page=page)


def person_details(session: Session, technician_id: int, *, territories: Territories, on: date) -> Technician:
    """Return a technician with partner and territories, if they work in reach; raises NotFound."""
    person = session.scalar(
        select(Technician)
        .where(Technician.id == technician_id)
        .options(
            selectinload(Technician.partner),
            selectinload(Technician.memberships).selectinload(TerritoryMembership.territory),
        )
    )
    if person is None:
        raise NotFound("There is no such person.")
    current = {each.territory_id for each in person.memberships if on in each.during}
    if territories is not None and not current & set(territories):
        raise NotFound("There is no such person.")
    return person


def coming_shifts(session: Session, technician_id: int, *, since: date, until: date) -> Sequence[ComingShift]:
    """Return a person's shifts of some days with the number of visits in each."""
    visits = (
        select(func.count())
        .where(
            Assignment.technician_id == technician_id,
            Assignment.state.not_in(RELEASED_STATES),
            Assignment.during.op("&&")(Shift.during),
        )
        .correlate(Shift)
        .scalar_subquery()
    )
    away = exists(
        select(Absence.id).where(
            Absence.technician_id == technician_id, ~Absence.cancelled, Absence.during.op("&&")(Shift.during)
        )
    )
    rows = session.execute(
        select(
            Shift.on_date,
            func.lower(Shift.during).label("start_at"),
            func.upper(Shift.during).label("end_at"),
            Territory.name.label("territory"),
            Territory.zone,
            away.label("unavailable"),
            visits.label("visits"),
        )
        .join(Territory, Territory.id == Shift.territory_id)
        .where(Shift.technician_id == technician_id, ~Shift.cancelled, Shift.on_date.between(since, until))
        .order_by(Shift.on_date)
    ).mappings()
    return [ComingShift(**row) for row in rows]


def coming_visits(
    session: Session, technician_id: int, *, since: datetime, territories: Collection[int] | None, limit: int = 20
) -> Sequence[ComingVisit]:
    """Return a person's next visits in reach."""
    rows = session.execute(
        select(
            Job.id.label("job_id"),
            Job.title,
            Customer.name.label("customer"),
            func.lower(Assignment.during).label("start_at"),
            func.upper(Assignment.during).label("end_at"),
            Assignment.state,
            Territory.zone,
        )
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .where(
            Assignment.technician_id == technician_id,
            Assignment.state.not_in(RELEASED_STATES),
            func.upper(Assignment.during) > since,
            *([] if territories is None else [Visit.territory_id.in_(territories)]),
        )
        .order_by(func.lower(Assignment.during))
        .limit(limit)
    ).mappings()
    return [ComingVisit(**row) for row in rows]


def skill_name(session: Session, skill_id: int | None) -> str | None:
    """Return the name of the skill a list asks for."""
    return None if skill_id is None else session.scalar(select(Skill.name).where(Skill.id == skill_id))
