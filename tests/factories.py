"""Rows for database tests: ``make_visit(session, job=job, duration_s=1800)``.

Each function adds one valid row (and what it cannot be without), flushes and returns it. ``changes`` are columns.
Everything happens around ``MORNING``, a Tuesday, in a territory on Berlin time.
"""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.models import Role, RoleGrant, RoleName, User
from dispatch.core.db import Base
from dispatch.jobs.models import (
    CertificationNeed,
    CrewSlot,
    Customer,
    Job,
    JobSeries,
    JobType,
    NeedOrigin,
    Promise,
    Site,
    SkillNeed,
    Visit,
    VisitWindow,
)
from dispatch.jobs.recurrence import Unit
from dispatch.planning.models import Assignment, Policy
from dispatch.skills.models import Certification, CertificationKind, DocumentState, Evidence, Proficiency, Skill
from dispatch.workforce.models import Absence, Partner, Shift, Technician, Territory, TerritoryMembership

MORNING = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
DAY = MORNING.date()
ZONE = "Europe/Berlin"
CENTRE = (52.52, 13.40)
ALWAYS = Range(date(2020, 1, 1), date(2040, 1, 1))

Row = TypeVar("Row", bound=Base)
_numbers = itertools.count(1)


def hours(start: float, end: float, *, day: date = DAY) -> Range[datetime]:
    """Return the time between two hours after ``MORNING`` (or the same moment of another day)."""
    first = MORNING + (day - DAY)
    return Range(first + timedelta(hours=start), first + timedelta(hours=end))


def make_user(session: Session, *roles: RoleName, territory: Territory | None = None, **changes: Any) -> User:
    """Add a user with these roles, for one territory or all."""
    number = next(_numbers)
    user = _add(
        session,
        User,
        {"email": f"person{number}@example.test", "name": f"Person {number}", "fs_uniquifier": f"u{number}"},
        changes,
    )
    for name in roles:
        role = session.scalars(select(Role).where(Role.name == name.value)).one()
        where = territory.id if territory else None
        grant = {"user_id": user.id, "role_id": role.id, "territory_id": where, "starts_on": date(2020, 1, 1)}
        _add(session, RoleGrant, grant, {})
    return user


def make_territory(session: Session, **changes: Any) -> Territory:
    """Add a territory on Berlin time."""
    return _add(session, Territory, {"name": f"Territory {next(_numbers)}", "zone": ZONE}, changes)


def make_partner(session: Session, **changes: Any) -> Partner:
    """Add a partner company."""
    return _add(session, Partner, {"name": f"Partner {next(_numbers)}"}, changes)


def make_technician(session: Session, *, territory: Territory | None = None, **changes: Any) -> Technician:
    """Add a technician at home in the centre, a member of the territory where one is given."""
    lat, lon = CENTRE
    defaults = {"name": f"Technician {next(_numbers)}", "home_lat": lat, "home_lon": lon}
    technician = _add(session, Technician, defaults, changes)
    if territory is not None:
        member = {"technician_id": technician.id, "territory_id": territory.id, "during": ALWAYS}
        _add(session, TerritoryMembership, member, {})
    return technician


def make_shift(
    session: Session, *, technician: Technician | None = None, territory: Territory | None = None, **changes: Any
) -> Shift:
    """Add a shift of eight hours from ``MORNING`` on, from home to home."""
    territory = territory or make_territory(session)
    technician = technician or make_technician(session, territory=territory)
    lat, lon = technician.home_lat or CENTRE[0], technician.home_lon or CENTRE[1]
    defaults = {
        "technician_id": technician.id,
        "territory_id": territory.id,
        "on_date": DAY,
        "during": hours(0, 8),
        "start_lat": lat,
        "start_lon": lon,
        "end_lat": lat,
        "end_lon": lon,
    }
    return _add(session, Shift, defaults, changes)


def make_absence(session: Session, *, technician: Technician, **changes: Any) -> Absence:
    """Add an absence over the whole of the day."""
    return _add(session, Absence, {"technician_id": technician.id, "during": hours(-2, 12)}, changes)


def make_skill(session: Session, **changes: Any) -> Skill:
    """Add a skill to the catalogue."""
    number = next(_numbers)
    return _add(session, Skill, {"code": f"skill-{number}", "name": f"Skill {number}"}, changes)


def make_certification_kind(session: Session, **changes: Any) -> CertificationKind:
    """Add a kind of certification."""
    number = next(_numbers)
    return _add(session, CertificationKind, {"code": f"permit-{number}", "name": f"Permit {number}"}, changes)


def make_certification(
    session: Session, *, technician: Technician, kind: CertificationKind, **changes: Any
) -> Certification:
    """Add a confirmed certificate that is valid for years."""
    defaults = {
        "technician_id": technician.id,
        "kind_id": kind.id,
        "valid": ALWAYS,
        "state": DocumentState.CONFIRMED,
        "imported": True,
    }
    return _add(session, Certification, defaults, changes)


def make_evidence(session: Session, *, technician: Technician, skill: Skill, **changes: Any) -> Evidence:
    """Add a supervisor's word for level 3, given a month before ``MORNING``."""
    defaults = {
        "technician_id": technician.id,
        "skill_id": skill.id,
        "source": "supervisor",
        "at": MORNING - timedelta(days=30),
        "facts": {"level": 3},
    }
    return _add(session, Evidence, defaults, changes)


def make_proficiency(session: Session, *, technician: Technician, skill: Skill, **changes: Any) -> Proficiency:
    """Add a cached estimate: confirmed, and sure enough of level 3."""
    defaults = {
        "technician_id": technician.id,
        "skill_id": skill.id,
        "mean": 3.4,
        "sd": 0.5,
        "confirmed": True,
        "fact_count": 1,
        "as_of": MORNING,
    }
    return _add(session, Proficiency, defaults, changes)


def make_customer(session: Session, **changes: Any) -> Customer:
    """Add a customer."""
    return _add(session, Customer, {"name": f"Customer {next(_numbers)}"}, changes)


def make_site(
    session: Session, *, customer: Customer | None = None, territory: Territory | None = None, **changes: Any
) -> Site:
    """Add a site a few kilometres from the centre."""
    defaults = {
        "customer_id": (customer or make_customer(session)).id,
        "territory_id": (territory or make_territory(session)).id,
        "name": "Main site",
        "address": "1 Example Street",
        "lat": CENTRE[0] + 0.03,
        "lon": CENTRE[1] + 0.03,
    }
    return _add(session, Site, defaults, changes)


def make_job_type(session: Session, **changes: Any) -> JobType:
    """Add a job type of one hour for one person."""
    number = next(_numbers)
    return _add(session, JobType, {"code": f"type-{number}", "name": f"Type {number}", "duration_s": 3600}, changes)


def make_series(
    session: Session, *, site: Site | None = None, job_type: JobType | None = None, **changes: Any
) -> JobSeries:
    """Add work that comes again every week from the day after ``DAY`` on."""
    defaults = {
        "site_id": (site or make_site(session)).id,
        "job_type_id": (job_type or make_job_type(session)).id,
        "owner_id": make_user(session, RoleName.DISPATCHER).id,
        "title": f"Series {next(_numbers)}",
        "every": 1,
        "unit": Unit.WEEK,
        "first_on": DAY + timedelta(days=1),
        "next_on": DAY + timedelta(days=1),
        "tolerance_days": 3,
        "ahead_days": 28,
    }
    if "next_on" in changes:
        defaults["first_on"] = changes["next_on"]
    return _add(session, JobSeries, defaults, changes)


def make_job(
    session: Session,
    *,
    site: Site | None = None,
    job_type: JobType | None = None,
    owner: User | None = None,
    **changes: Any,
) -> Job:
    """Add an open job with owner, next step and due time."""
    site = site or make_site(session)
    defaults = {
        "customer_id": site.customer_id,
        "site_id": site.id,
        "job_type_id": (job_type or make_job_type(session)).id,
        "title": f"Job {next(_numbers)}",
        "purpose": "Keep the place running",
        "priority": 3,
        "owner_id": (owner or make_user(session, RoleName.DISPATCHER)).id,
        "next_step": "Find a time",
        "next_step_due_at": MORNING + timedelta(days=1),
        "created_at": MORNING - timedelta(days=1),
    }
    return _add(session, Job, defaults, changes)


def make_visit(
    session: Session,
    *,
    job: Job | None = None,
    needs: dict[Skill, int] | None = None,
    certifications: tuple[CertificationKind, ...] = (),
    window: Range[datetime] | None = None,
    crew: int = 1,
    **changes: Any,
) -> Visit:
    """Add a visit of one hour; every member of the crew must have ``needs`` (skill: level) and the certifications."""
    job = job or make_job(session)
    site = session.get_one(Site, job.site_id)
    visit = _add(session, Visit, {"job_id": job.id, "territory_id": site.territory_id, "duration_s": 3600}, changes)
    for position in range(1, crew + 1):
        slot = _add(session, CrewSlot, {"visit_id": visit.id, "position": position}, {})
        for skill, level in (needs or {}).items():
            need = {"crew_slot_id": slot.id, "skill_id": skill.id, "must_level": level, "origin": NeedOrigin.PERSON}
            _add(session, SkillNeed, need, {})
        for kind in certifications:
            need = {"crew_slot_id": slot.id, "kind_id": kind.id, "origin": NeedOrigin.PERSON}
            _add(session, CertificationNeed, need, {})
    if window is not None:
        _add(session, VisitWindow, {"visit_id": visit.id, "during": window, "hard": True}, {})
    return visit


def make_promise(session: Session, *, visit: Visit, **changes: Any) -> Promise:
    """Add the first promise of a visit: two to four hours after ``MORNING``."""
    defaults = {"visit_id": visit.id, "number": 1, "during": hours(2, 4), "made_at": MORNING - timedelta(days=1)}
    return _add(session, Promise, defaults, changes)


def make_assignment(
    session: Session, *, visit: Visit | None = None, technician: Technician | None = None, **changes: Any
) -> Assignment:
    """Commit a technician to the first place in a visit's crew, two to three hours after ``MORNING``."""
    visit = visit or make_visit(session)
    technician = technician or make_technician(session)
    slot = session.scalars(select(CrewSlot).where(CrewSlot.visit_id == visit.id).order_by(CrewSlot.position)).first()
    assert slot is not None
    defaults = {
        "visit_id": visit.id,
        "crew_slot_id": slot.id,
        "technician_id": technician.id,
        "during": hours(2, 3),
        "decided_at": MORNING - timedelta(days=1),
    }
    return _add(session, Assignment, defaults, changes)


def make_policy(session: Session, **changes: Any) -> Policy:
    """Add a policy without weights and rules of its own: the defaults hold."""
    number = next(_numbers)
    return _add(session, Policy, {"name": f"policy-{number}", "number": 1, "weights": {}, "rules": {}}, changes)


def _add(session: Session, kind: type[Row], defaults: dict[str, Any], changes: dict[str, Any]) -> Row:
    row = kind(**{**defaults, **changes})
    session.add(row)
    session.flush()
    return row
