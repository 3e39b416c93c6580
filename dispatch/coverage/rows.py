"""What coverage reads from the other features: one statement for each kind of row, whatever the size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

from sqlalchemy import Date, Row, and_, cast, func, not_, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.core.models import AuditHead
from dispatch.jobs.lifecycle import CLOSED_STATES, VisitState
from dispatch.jobs.models import (
    Asset,
    CertificationNeed,
    CrewSlot,
    Job,
    JobSeries,
    JobType,
    JobTypeCertification,
    JobTypeNeed,
    Promise,
    PromiseState,
    Site,
    SkillNeed,
    Visit,
    VisitWindow,
)
from dispatch.planning.models import RELEASED_STATES, Assignment, AssignmentState, Policy
from dispatch.skills.models import Certification, DocumentState, Proficiency, Skill
from dispatch.workforce.models import Absence, Partner, Shift, Technician, Territory, TerritoryMembership

Record: TypeAlias = Row[*tuple[Any, ...]]
Rows: TypeAlias = Sequence[Record]
OPEN_VISITS = (VisitState.OPEN, VisitState.PLANNED)
MADE_VISITS = (VisitState.DONE, VisitState.NOT_DONE)
MADE_ASSIGNMENTS = (AssignmentState.DONE, AssignmentState.NOT_DONE)


def territories(session: Session) -> Rows:
    """Territories in use, with zone and the middle of their sites."""
    return session.execute(
        select(
            Territory.id,
            Territory.name,
            Territory.zone,
            func.avg(Site.lat).label("lat"),
            func.avg(Site.lon).label("lon"),
        )
        .outerjoin(Site, and_(Site.territory_id == Territory.id, Site.retired_at.is_(None)))
        .where(Territory.retired_at.is_(None))
        .group_by(Territory.id)
        .order_by(Territory.id)
    ).all()


def people(session: Session) -> Rows:
    """Technicians who can be sent, own and partners'."""
    return session.execute(
        select(
            Technician.id,
            Technician.partner_id,
            Technician.home_lat,
            Technician.home_lon,
            Partner.yard_lat,
            Partner.yard_lon,
        )
        .outerjoin(Partner, Partner.id == Technician.partner_id)
        .where(Technician.retired_at.is_(None), Partner.retired_at.is_(None))
        .order_by(Technician.id)
    ).all()


def memberships(session: Session, first: date, last: date) -> Rows:
    """Who may work where at some time of the days."""
    return session.execute(
        select(TerritoryMembership.technician_id, TerritoryMembership.territory_id).where(
            TerritoryMembership.during.op("&&")(Range(first, last, bounds="[]"))
        )
    ).all()


def shifts(session: Session, first: date, last: date) -> Rows:
    """Shifts of the days; public holidays and single days off are not among them, because none are made for those."""
    return session.execute(
        select(Shift.technician_id, Shift.territory_id, Shift.on_date, Shift.during, Shift.break_s)
        .where(Shift.on_date.between(first, last), not_(Shift.cancelled))
        .order_by(Shift.id)
    ).all()


def absences(session: Session, start: datetime, end: datetime) -> Rows:
    """Standing absences that touch the time."""
    return session.execute(
        select(Absence.technician_id, Absence.during).where(
            not_(Absence.cancelled), Absence.during.op("&&")(Range(start, end))
        )
    ).all()


def away_share(session: Session, first: date, before: date) -> float:
    """Return which share of the rostered time of the days people were away, between 0 and 1; 0 without shifts."""

    def seconds(span: Any) -> Any:
        return func.sum(func.extract("epoch", func.upper(span) - func.lower(span)))

    days = (Shift.on_date >= first, Shift.on_date < before, not_(Shift.cancelled))
    rostered = session.scalar(select(seconds(Shift.during)).where(*days)) or 0
    missed = session.scalar(
        select(seconds(Shift.during.op("*")(Absence.during)))
        .join(Absence, Absence.technician_id == Shift.technician_id)
        .where(*days, not_(Absence.cancelled), Absence.during.op("&&")(Shift.during))
    )
    return float(missed or 0) / float(rostered) if rostered else 0.0


def proficiencies(session: Session) -> Rows:
    """Return every cached estimate that more than the person's own word could support."""
    return session.execute(
        select(
            Proficiency.technician_id,
            Proficiency.skill_id,
            Proficiency.mean,
            Proficiency.sd,
            Proficiency.confirmed,
            Proficiency.fact_count,
            Skill.critical,
        )
        .join(Skill, Skill.id == Proficiency.skill_id)
        .where(Proficiency.fact_count > 0)
    ).all()


def certifications(session: Session, first: date, last: date) -> Rows:
    """Return confirmed certificates that are valid on some of the days."""
    return session.execute(
        select(Certification.technician_id, Certification.kind_id, Certification.valid).where(
            Certification.state == DocumentState.CONFIRMED,
            Certification.valid.op("&&")(Range(first, last, bounds="[]")),
        )
    ).all()


def open_slots(session: Session, now: datetime, places: Collection[int]) -> Rows:
    """Places in the crews of visits still to be done in these territories, with everything that says when."""
    window = (
        select(VisitWindow.visit_id, func.min(func.lower(VisitWindow.during)).label("starts_at"))
        .where(func.upper(VisitWindow.during) > now)
        .group_by(VisitWindow.visit_id)
        .subquery()
    )
    promise = and_(Promise.visit_id == Visit.id, Promise.state == PromiseState.STANDING)
    live = and_(Assignment.crew_slot_id == CrewSlot.id, Assignment.state.not_in(RELEASED_STATES))
    return session.execute(
        select(
            CrewSlot.id,
            CrewSlot.position,
            Visit.id.label("visit_id"),
            Visit.territory_id,
            (Visit.duration_s + Visit.setup_s).label("seconds"),
            Job.job_type_id,
            func.lower(Assignment.during).label("assigned_at"),
            Assignment.technician_id,
            func.lower(Promise.during).label("promised_at"),
            window.c.starts_at.label("window_at"),
            func.coalesce(Visit.due_at, Job.due_at).label("due_at"),
            func.coalesce(Visit.release_at, Job.release_at).label("release_at"),
        )
        .join(Visit, Visit.id == CrewSlot.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .outerjoin(live_assignment := Assignment, live)
        .outerjoin(Promise, promise)
        .outerjoin(window, window.c.visit_id == Visit.id)
        .where(
            Visit.state.in_(OPEN_VISITS),
            Visit.territory_id.in_(places),
            Job.state.not_in(CLOSED_STATES),
            or_(live_assignment.id.is_(None), func.upper(live_assignment.during) > now),
        )
        .order_by(CrewSlot.id)
    ).all()


def open_needs(session: Session, places: Collection[int]) -> Rows:
    """Must-have skills of the places in open visits of these territories."""
    return session.execute(
        select(SkillNeed.crew_slot_id, SkillNeed.any_of, SkillNeed.skill_id, SkillNeed.must_level)
        .join(CrewSlot, CrewSlot.id == SkillNeed.crew_slot_id)
        .join(Visit, Visit.id == CrewSlot.visit_id)
        .where(Visit.state.in_(OPEN_VISITS), Visit.territory_id.in_(places), SkillNeed.must_level.is_not(None))
        .order_by(SkillNeed.id)
    ).all()


def open_certification_needs(session: Session, places: Collection[int]) -> Rows:
    """Certifications of the places in open visits of these territories."""
    return session.execute(
        select(CertificationNeed.crew_slot_id, CertificationNeed.kind_id)
        .join(CrewSlot, CrewSlot.id == CertificationNeed.crew_slot_id)
        .join(Visit, Visit.id == CrewSlot.visit_id)
        .where(Visit.state.in_(OPEN_VISITS), Visit.territory_id.in_(places))
        .order_by(CertificationNeed.id)
    ).all()


def served(session: Session, first: date, before: date) -> Rows:
    """Seconds of visits by territory, kind of work and the local day they were made on; in vain counts too."""
    began = (
        select(Assignment.visit_id, func.min(func.lower(Assignment.during)).label("at"))
        .where(Assignment.state.in_(MADE_ASSIGNMENTS))
        .group_by(Assignment.visit_id)
        .subquery()
    )
    day = cast(func.timezone(Territory.zone, func.coalesce(began.c.at, Job.closed_at)), Date)
    return session.execute(
        select(
            Visit.territory_id,
            Job.job_type_id,
            day.label("day"),
            func.sum(Visit.duration_s + Visit.setup_s).label("seconds"),
            func.count().label("visits"),
        )
        .join(Visit, Visit.job_id == Job.id)
        .join(Territory, Territory.id == Visit.territory_id)
        .outerjoin(began, began.c.visit_id == Visit.id)
        .where(Visit.state.in_(MADE_VISITS), day >= first, day < before)
        .group_by(Visit.territory_id, Job.job_type_id, day)
    ).all()


def recurring(session: Session, last: date) -> Rows:
    """Recurring work that goes on and has its next day by then, with the usual length of a visit."""
    return session.execute(
        select(
            Site.territory_id,
            JobSeries.job_type_id,
            JobSeries.every,
            JobSeries.unit,
            JobSeries.first_on,
            JobSeries.next_on,
            JobSeries.last_on,
            JobSeries.from_completion,
            JobType.duration_s.label("seconds"),
        )
        .join(Site, Site.id == JobSeries.site_id)
        .join(JobType, JobType.id == JobSeries.job_type_id)
        .where(JobSeries.ended_at.is_(None), JobSeries.paused_at.is_(None), JobSeries.next_on <= last)
        .order_by(JobSeries.id)
    ).all()


def job_types(session: Session) -> Rows:
    """Kinds of work in use, with crew."""
    return session.execute(select(JobType.id, JobType.crew_size).where(JobType.retired_at.is_(None))).all()


def job_type_needs(session: Session) -> Rows:
    """Return the must-have skills each kind of work usually has."""
    return session.execute(
        select(
            JobTypeNeed.job_type_id,
            JobTypeNeed.crew_position,
            JobTypeNeed.any_of,
            JobTypeNeed.skill_id,
            JobTypeNeed.must_level,
        )
        .where(JobTypeNeed.must_level.is_not(None))
        .order_by(JobTypeNeed.id)
    ).all()


def job_type_certifications(session: Session) -> Rows:
    """Return the certifications each kind of work usually needs."""
    return session.execute(
        select(
            JobTypeCertification.job_type_id, JobTypeCertification.crew_position, JobTypeCertification.kind_id
        ).order_by(JobTypeCertification.id)
    ).all()


def travel_means(session: Session, start: datetime, end: datetime) -> Rows:
    """Mean travel to a visit by territory, over what was assigned in the time."""
    return session.execute(
        select(Visit.territory_id, func.avg(Assignment.travel_s).label("travel_s"), func.count().label("legs"))
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(
            Assignment.state.not_in(RELEASED_STATES),
            func.lower(Assignment.during) >= start,
            func.lower(Assignment.during) < end,
        )
        .group_by(Visit.territory_id)
    ).all()


def known_by_one(session: Session, thing: Any, least: int, since: datetime, most: int) -> Rows:
    """Things (`Job.site_id`, `Job.asset_id`) where one person alone made all visits since then, most visits first."""
    visits = func.count(Visit.id.distinct())
    asked = (
        select(thing.label("thing"), func.min(Assignment.technician_id).label("person"), visits.label("visits"))
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .where(Assignment.state == AssignmentState.DONE, func.lower(Assignment.during) >= since, thing.is_not(None))
        .group_by(thing)
        .having(func.count(Assignment.technician_id.distinct()) == 1, visits >= least)
        .subquery()
    )
    waiting = (
        select(thing.label("thing"), func.count(Visit.id.distinct()).label("visits"))
        .join(Visit, Visit.job_id == Job.id)
        .where(Visit.state.in_(OPEN_VISITS), thing.is_not(None))
        .group_by(thing)
        .subquery()
    )
    listed = select(
        asked.c.thing,
        asked.c.person,
        Site.territory_id,
        asked.c.visits,
        func.coalesce(waiting.c.visits, 0).label("open"),
    ).select_from(asked)
    if thing is Job.site_id:
        listed = listed.join(Site, Site.id == asked.c.thing)
    else:
        listed = listed.join(Asset, Asset.id == asked.c.thing).join(Site, Site.id == Asset.site_id)
    return session.execute(
        listed.join(Technician, and_(Technician.id == asked.c.person, Technician.retired_at.is_(None)))
        .outerjoin(waiting, waiting.c.thing == asked.c.thing)
        .where(Site.retired_at.is_(None))
        .order_by(asked.c.visits.desc(), asked.c.thing)
        .limit(most)
    ).all()


def active_rules(session: Session) -> dict[str, Any]:
    """Return the rules of the active policy as stored; empty when none is active and defaults hold."""
    stored: dict[str, Any] | None = session.scalar(select(Policy.rules).where(Policy.active))
    return stored or {}


def log_position(session: Session) -> int:
    """How far the change log was when this was read."""
    return int(session.scalar(select(AuditHead.seq)) or 0)


def grouped(found: Iterable[Record], key: Callable[[Record], int]) -> dict[int, list[Record]]:
    """Sort rows into lists by a number of theirs."""
    groups: dict[int, list[Record]] = {}
    for row in found:
        groups.setdefault(key(row), []).append(row)
    return groups
