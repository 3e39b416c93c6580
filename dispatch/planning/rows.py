"""What planning reads: one statement for each kind of row, whatever the size of the scope."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    and_,
    any_,
    case,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from dispatch.core.clock import day_bounds
from dispatch.core.errors import NotFound
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import (
    CertificationNeed,
    CrewSlot,
    CustomerPerson,
    Job,
    JobType,
    Promise,
    PromiseState,
    Site,
    SkillNeed,
    Visit,
    VisitWindow,
)
from dispatch.planning.models import RELEASED_STATES, Assignment, Pin
from dispatch.skills.models import Certification, DocumentState, Proficiency, Skill
from dispatch.workforce.models import (
    Absence,
    Partner,
    PartnerDocument,
    Shift,
    Technician,
    Territory,
    TerritoryMembership,
)

Cell = tuple[int, date]
"""A territory and a day: the unit that plans cover, leases protect and shifts belong to."""


@dataclass(frozen=True, kw_only=True)
class Period:
    """The instants a scope covers, with the time zone of each territory."""

    cells: tuple[Cell, ...]
    zones: Mapping[int, str]
    start: datetime
    end: datetime

    @property
    def territories(self) -> tuple[int, ...]:
        """The territories of the scope."""
        return tuple(sorted({territory for territory, _day in self.cells}))


def among(column: InstrumentedAttribute[Any], ids: Collection[int]) -> ColumnElement[bool]:
    """Select what has one of some ids, given as one value: thousands of them would each be looked for in the words."""
    return column == any_(literal(sorted(ids), ARRAY(Integer)))


def period_of(session: Session, scope: Collection[Cell]) -> Period:
    """Return the time a scope covers; raises NotFound for a territory that does not exist."""
    cells = tuple(sorted(set(scope)))
    wanted = {territory for territory, _day in cells}
    zones = dict(session.execute(select(Territory.id, Territory.zone).where(Territory.id.in_(wanted))).all())
    if not cells or set(zones) != wanted:
        raise NotFound("There is no such territory.")
    bounds = [day_bounds(day, zones[territory]) for territory, day in cells]
    return Period(
        cells=cells, zones=zones, start=min(start for start, _end in bounds), end=max(end for _start, end in bounds)
    )


def shifts(session: Session, period: Period, technicians: Collection[int] | None) -> Sequence[Any]:
    """Shifts of the scope with what the matcher must know of the person."""
    days_of: dict[int, list[date]] = {}
    for territory, day in period.cells:
        days_of.setdefault(territory, []).append(day)
    in_scope = _in_scope(Shift, days_of)
    later = aliased(Shift)
    next_start = (
        select(func.min(func.lower(later.during)))
        .where(
            later.technician_id == Shift.technician_id,
            not_(later.cancelled),
            later.on_date > Shift.on_date,  # a day in two parts is one day
        )
        .scalar_subquery()
    )
    query = (
        select(
            Shift.id,
            next_start.label("next_start"),
            papers_lapsed().label("papers_lapsed"),
            Partner.daily_capacity,
            case((Partner.daily_capacity.is_(None), 0), else_=_taken_elsewhere(days_of)).label("taken_elsewhere"),
            Shift.technician_id,
            Shift.territory_id,
            Shift.on_date,
            Shift.during,
            Shift.start_lat,
            Shift.start_lon,
            Shift.end_lat,
            Shift.end_lon,
            Shift.break_s,
            Shift.break_from,
            Shift.break_until,
            Shift.overtime_limit_s,
            Technician.pace,
            Technician.hourly_cost_factor,
            Technician.partner_id,
            func.coalesce(Partner.call_out_cost_s, 0).label("call_out_cost_s"),
        )
        .join(Technician, Technician.id == Shift.technician_id)
        .outerjoin(Partner, Partner.id == Technician.partner_id)
        .where(in_scope, not_(Shift.cancelled), Technician.retired_at.is_(None), Partner.retired_at.is_(None))
        .order_by(Shift.id)
    )
    if technicians is not None:
        query = query.where(among(Shift.technician_id, technicians))
    return session.execute(query).all()


def papers_lapsed() -> ColumnElement[bool]:
    """Tell whether, on the day of a shift, no paper of some kind is valid that the person's company must keep."""
    valid = aliased(PartnerDocument)
    renewed = exists().where(
        valid.partner_id == PartnerDocument.partner_id,
        valid.kind == PartnerDocument.kind,
        valid.valid.contains(Shift.on_date),
    )
    return (
        exists()
        .where(PartnerDocument.partner_id == Technician.partner_id, PartnerDocument.required, not_(renewed))
        .correlate(Technician, Shift)
    )


def _in_scope(shift: type[Shift], days_of: Mapping[int, Sequence[date]]) -> ColumnElement[bool]:
    return or_(*(and_(shift.territory_id == place, shift.on_date.in_(days)) for place, days in days_of.items()))


def _taken_elsewhere(days_of: Mapping[int, Sequence[date]]) -> ScalarSelect[int]:
    """Count what a partner's people have on the day of a shift outside the scope; every place in a crew is a visit."""
    other, colleague = aliased(Shift), aliased(Technician)
    return (
        select(func.count())
        .select_from(Assignment)
        .join(other, other.id == Assignment.shift_id)
        .join(colleague, colleague.id == Assignment.technician_id)
        .where(
            colleague.partner_id == Technician.partner_id,
            other.on_date == Shift.on_date,
            live(),
            not_(_in_scope(other, days_of)),
        )
        .correlate(Technician, Shift)
        .scalar_subquery()
    )


def absences(session: Session, people: Collection[int], start: datetime, end: datetime) -> Sequence[Any]:
    """Standing absences that touch the time."""
    return session.execute(
        select(Absence.technician_id, Absence.during).where(
            among(Absence.technician_id, people), not_(Absence.cancelled), Absence.during.op("&&")(Range(start, end))
        )
    ).all()


def memberships(session: Session, people: Collection[int], first: date, last: date) -> Sequence[Any]:
    """In which territories people may work on these days."""
    return session.execute(
        select(TerritoryMembership.technician_id, TerritoryMembership.territory_id)
        .where(
            among(TerritoryMembership.technician_id, people),
            TerritoryMembership.during.op("&&")(Range(first, last, bounds="[]")),
        )
        .distinct()
    ).all()


def proficiencies(session: Session, people: Collection[int]) -> Sequence[Any]:
    """Return the cached estimates of people."""
    return session.execute(
        select(
            Proficiency.technician_id, Proficiency.skill_id, Proficiency.mean, Proficiency.sd, Proficiency.confirmed
        ).where(among(Proficiency.technician_id, people))
    ).all()


def certifications(session: Session, people: Collection[int]) -> Sequence[Any]:
    """Return confirmed certificates of people; only these count."""
    return session.execute(
        select(Certification.technician_id, Certification.kind_id, Certification.valid).where(
            among(Certification.technician_id, people), Certification.state == DocumentState.CONFIRMED
        )
    ).all()


def critical_skills(session: Session) -> tuple[str, ...]:
    """Skills for which a claim never counts."""
    return tuple(str(item) for item in session.scalars(select(Skill.id).where(Skill.critical).order_by(Skill.id)))


def live() -> ColumnElement[bool]:
    """Select assignments that hold a person's time."""
    return Assignment.state.not_in(RELEASED_STATES)


def visit_query() -> Select[*tuple[Any, ...]]:
    """Select the columns of a visit that become part of a problem."""
    return (
        select(
            Visit.id,
            Visit.version,
            Visit.state,
            Visit.territory_id,
            Visit.job_id,
            Visit.duration_s,
            Visit.setup_s,
            Visit.release_at,
            Visit.due_at,
            Visit.predecessor_id,
            Job.priority,
            Job.created_at,
            Job.customer_id,
            Job.site_id,
            Job.release_at.label("job_release_at"),
            Job.due_at.label("job_due_at"),
            Site.lat,
            Site.lon,
            JobType.second_visit_cost_s,
            Promise.during.label("promise"),
        )
        .join(Job, Job.id == Visit.job_id)
        .join(Site, Site.id == Job.site_id)
        .join(JobType, JobType.id == Job.job_type_id)
        .outerjoin(Promise, and_(Promise.visit_id == Visit.id, Promise.state == PromiseState.STANDING))
    )


def visits(
    session: Session,
    period: Period,
    shift_ids: Collection[int],
    *,
    open_in: Collection[int] | None = None,
    also: Collection[int] = (),
) -> Sequence[Any]:
    """Visits the scope decides about: what its shifts serve now, and what is open in its territories and due for it.

    With ``open_in`` only of these territories, and with ``also`` these visits too. Left out is what another day or
    territory serves already, what may not start yet, and what is promised or possible only on other days. A promise
    that has passed keeps nothing back.
    """
    here = exists().where(Assignment.visit_id == Visit.id, live(), among(Assignment.shift_id, shift_ids))
    elsewhere = exists().where(
        Assignment.visit_id == Visit.id,
        live(),
        or_(Assignment.shift_id.is_(None), not_(among(Assignment.shift_id, shift_ids))),
    )
    span = Range(period.start, period.end)
    hard = select(VisitWindow.id).where(VisitWindow.visit_id == Visit.id, VisitWindow.hard)
    possible = or_(not_(hard.exists()), hard.where(VisitWindow.during.op("&&")(span)).exists())
    unserved = and_(
        Visit.territory_id.in_(period.territories if open_in is None else open_in),
        Visit.state.in_([VisitState.OPEN, VisitState.PLANNED]),
        not_(elsewhere),
        func.coalesce(Visit.release_at, period.start) < period.end,
        func.coalesce(Job.release_at, period.start) < period.end,
        possible,
        or_(Promise.id.is_(None), func.lower(Promise.during) < period.end),
    )
    return session.execute(visit_query().where(or_(here, unserved, among(Visit.id, also))).order_by(Visit.id)).all()


def named_visits(session: Session, ids: Collection[int]) -> Sequence[Any]:
    """Exactly these visits, whatever their day."""
    return session.execute(visit_query().where(among(Visit.id, ids)).order_by(Visit.id)).all()


def windows(session: Session, ids: Collection[int]) -> Sequence[Any]:
    """Windows of visits, in order of time."""
    return session.execute(
        select(VisitWindow.visit_id, VisitWindow.during, VisitWindow.hard, VisitWindow.lateness_cost)
        .where(among(VisitWindow.visit_id, ids))
        .order_by(VisitWindow.visit_id, func.lower(VisitWindow.during))
    ).all()


def slots(session: Session, ids: Collection[int]) -> Sequence[Any]:
    """Crew slots of visits by position."""
    return session.execute(
        select(CrewSlot.visit_id, CrewSlot.id, CrewSlot.position)
        .where(among(CrewSlot.visit_id, ids))
        .order_by(CrewSlot.visit_id, CrewSlot.position)
    ).all()


def needs(session: Session, ids: Collection[int]) -> Sequence[Any]:
    """Skill needs of the crew slots of visits."""
    return session.execute(
        select(
            SkillNeed.crew_slot_id,
            SkillNeed.any_of,
            SkillNeed.skill_id,
            SkillNeed.must_level,
            SkillNeed.preferred_level,
        )
        .join(CrewSlot, CrewSlot.id == SkillNeed.crew_slot_id)
        .where(among(CrewSlot.visit_id, ids))
        .order_by(SkillNeed.id)
    ).all()


def certification_needs(session: Session, ids: Collection[int]) -> Sequence[Any]:
    """Certifications the crew slots of visits need."""
    return session.execute(
        select(CertificationNeed.crew_slot_id, CertificationNeed.kind_id)
        .join(CrewSlot, CrewSlot.id == CertificationNeed.crew_slot_id)
        .where(among(CrewSlot.visit_id, ids))
        .order_by(CertificationNeed.id)
    ).all()


def people_links(session: Session, customers: Collection[int]) -> Sequence[Any]:
    """Return what customers and technicians have to do with each other."""
    return session.execute(
        select(
            CustomerPerson.customer_id, CustomerPerson.site_id, CustomerPerson.technician_id, CustomerPerson.kind
        ).where(among(CustomerPerson.customer_id, customers))
    ).all()


def pins(session: Session, ids: Collection[int]) -> Sequence[Any]:
    """Pins on visits."""
    return session.execute(
        select(Pin.visit_id, Pin.crew_slot_id, Pin.technician_id, Pin.starts_at).where(among(Pin.visit_id, ids))
    ).all()


def assignments(session: Session, ids: Collection[int]) -> Sequence[Any]:
    """Live assignments of visits."""
    return session.execute(
        select(
            Assignment.id,
            Assignment.version,
            Assignment.visit_id,
            Assignment.crew_slot_id,
            Assignment.technician_id,
            Assignment.shift_id,
            Assignment.during,
            Assignment.state,
        ).where(among(Assignment.visit_id, ids), live())
    ).all()


def predecessors(session: Session, ids: Collection[int]) -> Sequence[Any]:
    """How far the predecessors of visits are: their state and the end of what is committed for them."""
    return session.execute(
        select(Visit.id, Visit.state, func.max(func.upper(Assignment.during)).label("ends_at"))
        .outerjoin(Assignment, and_(Assignment.visit_id == Visit.id, live()))
        .where(among(Visit.id, ids))
        .group_by(Visit.id, Visit.state)
    ).all()


def log_position(session: Session) -> int:
    """How far the change log was when this was read."""
    return int(session.execute(text("SELECT seq FROM audit_head")).scalar_one())
