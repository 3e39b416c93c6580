"""Everything that is still open, in one list: each with who sees to it, the next step and a due time.

Jobs, contested facts, certificates to confirm, certificates that end, papers that partners owe, calls to make and
messages that could not be sent. An entry leaves the list only when the thing itself is done, handed on or closed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, cast, func, literal, or_, select, union_all
from sqlalchemy.orm import Session
from sqlalchemy.types import DateTime, Integer, Interval, Text

from dispatch.accounts.access import SYSTEM, Actor, Right
from dispatch.accounts.models import Role, RoleGrant, RoleName, User
from dispatch.core.db import Instant
from dispatch.core.errors import NotFound
from dispatch.jobs.lifecycle import CLOSED_STATES
from dispatch.jobs.models import Customer, Job, JobSeries, Site, Visit
from dispatch.jobs.queries import PAGE_SIZE, Listing
from dispatch.messages.models import CallKind, CallState, CallTask, Message, MessageState
from dispatch.planning.models import UNSETTLED, Disruption, LooseEndCare
from dispatch.skills.models import (
    Certification,
    CertificationKind,
    DocumentState,
    Evidence,
    EvidenceContest,
    Skill,
)
from dispatch.workforce.models import (
    Partner,
    PartnerDocument,
    ReportingLine,
    Technician,
    Territory,
    TerritoryMembership,
)

ENDS_WITHIN = timedelta(days=60)
STILL_NAMED = timedelta(days=60)
CONFIRM_WITHIN = timedelta(days=3)
Territories = Collection[int] | None


@dataclass(frozen=True, kw_only=True)
class LooseEnd:
    """One open thing. ``kind`` and ``target_id`` say what to open to do it, with ``key_id`` it is named."""

    kind: str
    target_id: int
    title: str
    about: str
    owner_id: int | None
    owner: str
    next_step: str
    due_at: datetime
    zone: str
    key_id: int
    territory_id: int | None
    put_off: int
    overdue: bool


def loose_ends(
    session: Session,
    *,
    actor: Actor,
    now: datetime,
    owner_id: int | None = None,
    by_person: bool = False,
    page: int = 1,
) -> Listing[LooseEnd]:
    """Return what is open in the actor's reach, overdue first; with ``owner_id`` only what that person sees to."""
    entries = _open(actor, now)
    wanted: list[ColumnElement[bool]] = [] if owner_id is None else [entries.c.owner_id == owner_id]
    total = session.scalar(select(func.count()).select_from(entries).where(*wanted)) or 0
    order = (entries.c.due_at, entries.c.kind, entries.c.target_id)
    rows = session.execute(
        _with_owner(entries)
        .where(*wanted)
        .order_by(*((func.lower(User.name), *order) if by_person else order))
        .limit(PAGE_SIZE)
        .offset((max(page, 1) - 1) * PAGE_SIZE)
    ).mappings()
    return Listing(
        rows=[LooseEnd(**row, overdue=row["due_at"] < now) for row in rows],
        total=total,
        page=page,
    )


def get_loose_end(session: Session, *, kind: str, key_id: int, actor: Actor, now: datetime) -> LooseEnd:
    """Return one open thing in the actor's reach; raises NotFound when it is not open, or not theirs to see."""
    entries = _open(actor, now)
    row = session.execute(_with_owner(entries).where(entries.c.kind == kind, entries.c.key_id == key_id)).first()
    if row is None:
        raise NotFound("This is not open any more, or it is not within your reach.")
    return LooseEnd(**row._mapping, overdue=row.due_at < now)


def oldest_closed_today(session: Session, *, owner_id: int, since: datetime, now: datetime) -> timedelta | None:
    """Return how long the oldest of one's jobs had been open that was closed today; None when none was."""
    row = session.execute(
        select(Job.created_at, Job.closed_at)
        .where(Job.owner_id == owner_id, Job.closed_at >= since, Job.closed_at <= now)
        .order_by((Job.closed_at - Job.created_at).desc())
        .limit(1)
    ).first()
    return None if row is None else row.closed_at - row.created_at


def _open(actor: Actor, now: datetime) -> Subquery:
    """Select what is open, with the owner and due time that people decided on where the thing keeps none itself."""
    found = union_all(*_parts(actor, now)).subquery("found")
    care = and_(LooseEndCare.kind == found.c.kind, LooseEndCare.key_id == found.c.key_id)
    decided = ("owner_id", "due_at")
    return (
        select(
            *(column for column in found.c if column.key not in decided),
            *(func.coalesce(getattr(LooseEndCare, name), found.c[name]).label(name) for name in decided),
            func.coalesce(LooseEndCare.put_off, 0).label("put_off"),
        )
        .outerjoin(LooseEndCare, care)
        .where(LooseEndCare.closed_at.is_(None))
        .subquery("entries")
    )


def _with_owner(entries: Subquery) -> Select[*tuple[Any, ...]]:
    return select(entries, func.coalesce(User.name, "Extramile").label("owner")).outerjoin(
        User, User.id == entries.c.owner_id
    )


def orphans(session: Session, *, now: datetime) -> int:
    """Count what is open without an owner who can sign in, a next step or a due time: it must be nothing."""
    entries = _open(SYSTEM, now)
    active = select(User.id).where(User.active)
    return (
        session.scalar(
            select(func.count())
            .select_from(entries)
            .where(
                or_(
                    entries.c.owner_id.is_(None),
                    entries.c.owner_id.not_in(active),
                    func.coalesce(func.trim(entries.c.next_step), "") == "",
                    entries.c.due_at.is_(None),
                )
            )
        )
        or 0
    )


def _parts(actor: Actor, now: datetime) -> list[Select[*tuple[Any, ...]]]:
    reach = actor.territories(Right.LOOSE_END_READ)
    today = now.date()
    return [
        _jobs(actor, reach),
        _recurring(actor, reach),
        _disruptions(actor, reach),
        _contests(actor, reach, today),
        _to_confirm(actor, reach, today),
        _ending(actor, reach, today),
        _partner_papers(actor, reach, today),
        _calls(actor, reach),
        _failed_messages(actor, reach),
    ]


def _own(actor: Actor) -> ColumnElement[bool]:
    """Select the actor's own papers, for people whose right reaches no territory."""
    return Technician.id == (actor.technician_id or 0)


def _jobs(actor: Actor, reach: Territories) -> Select[*tuple[Any, ...]]:
    near = Job.owner_id == actor.user_id if reach is not None and not reach else _in(Site.territory_id, reach)
    return (
        _entry(
            "job",
            Job.id,
            Job.title,
            Customer.name,
            Job.owner_id,
            Job.next_step,
            Job.next_step_due_at,
            Territory.zone,
            territory=Site.territory_id,
        )
        .join_from(Job, Customer, Customer.id == Job.customer_id)
        .join(Site, Site.id == Job.site_id)
        .join(Territory, Territory.id == Site.territory_id)
        .where(Job.state.not_in(CLOSED_STATES), near)
    )


def _recurring(actor: Actor, reach: Territories) -> Select[*tuple[Any, ...]]:
    """Recurring work whose next job could not be made."""
    near = JobSeries.owner_id == actor.user_id if reach is not None and not reach else _in(Site.territory_id, reach)
    return (
        _entry(
            "series",
            JobSeries.id,
            literal("Recurring: ") + JobSeries.title,
            Customer.name,
            JobSeries.owner_id,
            JobSeries.problem,
            JobSeries.problem_due_at,
            Territory.zone,
            territory=Site.territory_id,
        )
        .join_from(JobSeries, Site, Site.id == JobSeries.site_id)
        .join(Customer, Customer.id == Site.customer_id)
        .join(Territory, Territory.id == Site.territory_id)
        .where(JobSeries.problem.is_not(None), JobSeries.ended_at.is_(None), JobSeries.paused_at.is_(None), near)
    )


def _disruptions(actor: Actor, reach: Territories) -> Select[*tuple[Any, ...]]:
    """Disruptions that are not settled, for whoever sees that day and for whoever sees to it."""
    return (
        _entry(
            "disruption",
            Disruption.id,
            literal("Repair: ") + func.replace(Disruption.kind.cast(Text), "_", " "),
            func.coalesce(Technician.name, Customer.name, Territory.name),
            Disruption.owner_id,
            literal("Look at the proposal, then accept it or close this"),
            Disruption.due_at,
            Territory.zone,
            territory=Disruption.territory_id,
        )
        .join_from(Disruption, Territory, Territory.id == Disruption.territory_id)
        .outerjoin(Technician, Technician.id == Disruption.technician_id)
        .outerjoin(Visit, Visit.id == Disruption.visit_id)
        .outerjoin(Job, Job.id == Visit.job_id)
        .outerjoin(Customer, Customer.id == Job.customer_id)
        .where(
            Disruption.state.in_(UNSETTLED),
            or_(Disruption.owner_id == actor.user_id, _in(Disruption.territory_id, reach)),
        )
    )


def _contests(actor: Actor, reach: Territories, today: date) -> Select[*tuple[Any, ...]]:
    return (
        _entry(
            "contest",
            EvidenceContest.id,
            literal("Contested: ") + Skill.name,
            Technician.name,
            EvidenceContest.owner_id,
            literal("Answer what they see differently"),
            EvidenceContest.due_at,
            _zone_of_person(today),
            territory=_first_territory(Territory.id, today),
        )
        .join_from(EvidenceContest, Evidence, Evidence.id == EvidenceContest.evidence_id)
        .join(Technician, Technician.id == Evidence.technician_id)
        .join(Skill, Skill.id == Evidence.skill_id)
        .where(
            EvidenceContest.settled_at.is_(None),
            or_(EvidenceContest.owner_id == actor.user_id, _person_near(actor, reach, today)),
        )
    )


def _to_confirm(actor: Actor, reach: Territories, today: date) -> Select[*tuple[Any, ...]]:
    return (
        _entry(
            "certificate",
            Technician.id,
            literal("Certificate to confirm: ") + CertificationKind.name,
            Technician.name,
            _manager_of_person(today),
            literal("Look at it, then confirm or return it"),
            Certification.claimed_at + literal(CONFIRM_WITHIN, Interval()),
            _zone_of_person(today),
            territory=_first_territory(Territory.id, today),
            key=Certification.id,
        )
        .join_from(Certification, Technician, Technician.id == Certification.technician_id)
        .join(CertificationKind, CertificationKind.id == Certification.kind_id)
        .where(
            Certification.state == DocumentState.CLAIMED,
            Technician.retired_at.is_(None),
            _person_near(actor, reach, today),
        )
    )


def _ending(actor: Actor, reach: Territories, today: date) -> Select[*tuple[Any, ...]]:
    """Certificates in force that end soon or ended lately, unless a later one is there already."""
    later = Certification.__table__.alias("later")
    renewed = (
        select(later.c.id)
        .where(
            later.c.technician_id == Certification.technician_id,
            later.c.kind_id == Certification.kind_id,
            later.c.state == DocumentState.CONFIRMED,
            func.lower(later.c.valid) > func.lower(Certification.valid),
        )
        .correlate(Certification)
        .exists()
    )
    return (
        _entry(
            "certificate",
            Technician.id,
            literal("Certificate ends: ") + CertificationKind.name,
            Technician.name,
            _manager_of_person(today),
            literal("Renew it, or plan without it"),
            _start_of(func.upper(Certification.valid)),
            _zone_of_person(today),
            territory=_first_territory(Territory.id, today),
            key=Certification.id,
        )
        .join_from(Certification, Technician, Technician.id == Certification.technician_id)
        .join(CertificationKind, CertificationKind.id == Certification.kind_id)
        .where(
            Certification.state == DocumentState.CONFIRMED,
            Technician.retired_at.is_(None),
            func.upper(Certification.valid).between(today - STILL_NAMED, today + ENDS_WITHIN),
            ~renewed,
            _person_near(actor, reach, today),
        )
    )


def _partner_papers(actor: Actor, reach: Territories, today: date) -> Select[*tuple[Any, ...]]:
    """Papers of partners that end soon or ended, each once, for whoever answers for a territory they work in."""
    works_here = (
        select(Technician.id)
        .join(TerritoryMembership, TerritoryMembership.technician_id == Technician.id)
        .where(
            Technician.partner_id == Partner.id,
            Technician.retired_at.is_(None),
            TerritoryMembership.during.contains(today),
            _in(TerritoryMembership.territory_id, reach),
        )
        .correlate(Partner)
        .exists()
    )
    own = select(Technician.id).where(_own(actor), Technician.partner_id == Partner.id).correlate(Partner).exists()
    territory = (
        select(func.min(TerritoryMembership.territory_id))
        .join(Technician, Technician.id == TerritoryMembership.technician_id)
        .where(Technician.partner_id == Partner.id, TerritoryMembership.during.contains(today))
        .correlate(Partner)
        .scalar_subquery()
    )
    owner = select(Territory.owner_id).where(Territory.id == territory).correlate(Partner).scalar_subquery()
    zone = select(Territory.zone).where(Territory.id == territory).correlate(Partner).scalar_subquery()
    return (
        _entry(
            "partner",
            Partner.id,
            literal("Paper of a partner ends: ") + PartnerDocument.kind,
            Partner.name,
            func.coalesce(owner, _an_administrator()),
            literal("Ask for the new one"),
            _start_of(func.upper(PartnerDocument.valid)),
            func.coalesce(zone, literal("UTC")),
            territory=territory,
            key=PartnerDocument.id,
        )
        .join_from(PartnerDocument, Partner, Partner.id == PartnerDocument.partner_id)
        .where(
            PartnerDocument.required,
            Partner.retired_at.is_(None),
            func.upper(PartnerDocument.valid) <= today + ENDS_WITHIN,
            ~_replaced_paper(),
            own if reach is not None and not reach else works_here,
        )
    )


def _calls(actor: Actor, reach: Territories) -> Select[*tuple[Any, ...]]:
    """Bad news that a customer must hear from a person."""
    return (
        _entry(
            "call",
            CallTask.id,
            literal("Call ") + Customer.name,
            Job.title,
            CallTask.owner_id,
            case(
                (CallTask.kind == CallKind.PROMISE_BROKEN, literal("The promise breaks: call, then agree a new time")),
                (CallTask.kind == CallKind.SECOND_VISIT, literal("It takes a second visit: call and agree when")),
                else_=literal("We cannot come: call, say why and what we can offer"),
            ),
            CallTask.due_at,
            Territory.zone,
            territory=Visit.territory_id,
        )
        .join_from(CallTask, Visit, Visit.id == CallTask.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .where(
            CallTask.state == CallState.OPEN,
            or_(CallTask.owner_id == actor.user_id, _in(Visit.territory_id, reach)),
        )
    )


def _failed_messages(actor: Actor, reach: Territories) -> Select[*tuple[Any, ...]]:
    """Messages that could not be sent."""
    return (
        _entry(
            "message",
            Message.id,
            literal("Not told yet: ") + func.coalesce(Technician.name, Customer.name),
            literal("a message that could not be sent"),
            Message.owner_id,
            Message.problem,
            Message.due_at,
            Territory.zone,
            territory=Message.territory_id,
        )
        .join_from(Message, Territory, Territory.id == Message.territory_id)
        .outerjoin(Technician, Technician.id == Message.technician_id)
        .outerjoin(Customer, Customer.id == Message.customer_id)
        .where(
            Message.state == MessageState.FAILED,
            or_(Message.owner_id == actor.user_id, _in(Message.territory_id, reach)),
        )
    )


def _replaced_paper() -> ColumnElement[bool]:
    later = PartnerDocument.__table__.alias("later_paper")
    return (
        select(later.c.id)
        .where(
            later.c.partner_id == PartnerDocument.partner_id,
            later.c.kind == PartnerDocument.kind,
            func.lower(later.c.valid) > func.lower(PartnerDocument.valid),
        )
        .correlate(PartnerDocument)
        .exists()
    )


def _entry(
    kind: str,
    target: Any,
    title: Any,
    about: Any,
    owner: Any,
    step: Any,
    due: Any,
    zone: Any,
    *,
    territory: Any,
    key: Any = None,
) -> Select[*tuple[Any, ...]]:
    return select(
        literal(kind).label("kind"),
        cast(target, Integer).label("target_id"),
        cast(title, Text).label("title"),
        cast(about, Text).label("about"),
        cast(owner, Integer).label("owner_id"),
        cast(step, Text).label("next_step"),
        cast(due, Instant()).label("due_at"),
        cast(zone, Text).label("zone"),
        cast(target if key is None else key, Integer).label("key_id"),
        cast(territory, Integer).label("territory_id"),
    )


def _in(column: Any, reach: Territories) -> ColumnElement[bool]:
    return literal(True) if reach is None else column.in_(reach)


def _person_near(actor: Actor, reach: Territories, today: date) -> ColumnElement[bool]:
    if reach is None:
        return literal(True)
    member = (
        select(TerritoryMembership.id)
        .where(
            TerritoryMembership.technician_id == Technician.id,
            TerritoryMembership.during.contains(today),
            TerritoryMembership.territory_id.in_(reach),
        )
        .correlate(Technician)
        .exists()
    )
    return or_(_own(actor), member)


def _first_territory(column: Any, today: date) -> Any:
    return (
        select(column)
        .join(TerritoryMembership, TerritoryMembership.territory_id == Territory.id)
        .where(TerritoryMembership.technician_id == Technician.id, TerritoryMembership.during.contains(today))
        .order_by(Territory.id)
        .limit(1)
        .correlate(Technician)
        .scalar_subquery()
    )


def _zone_of_person(today: date) -> Any:
    return func.coalesce(_first_territory(Territory.zone, today), literal("UTC"))


def _manager_of_person(today: date) -> Any:
    """Whom a person reports to, else who answers for their territory, else an administrator."""
    line = (
        select(ReportingLine.manager_id)
        .where(ReportingLine.technician_id == Technician.id, ReportingLine.during.contains(today))
        .limit(1)
        .correlate(Technician)
        .scalar_subquery()
    )
    return func.coalesce(line, _first_territory(Territory.owner_id, today), _an_administrator())


def _an_administrator() -> Any:
    return (
        select(func.min(RoleGrant.user_id))
        .join(Role, Role.id == RoleGrant.role_id)
        .join(User, User.id == RoleGrant.user_id)
        .where(Role.name == RoleName.ADMINISTRATOR.value, User.active)
        .scalar_subquery()
    )


def _start_of(day: Any) -> Any:
    """Return the beginning of a day as an instant, in UTC."""
    return func.timezone("UTC", cast(day, DateTime()))
