"""The change log as pages ask for it: lines by person, thing and time, with the names of what they speak of."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, false, func, or_, select
from sqlalchemy.orm import Session, aliased

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.models import User
from dispatch.core.like import containing
from dispatch.core.models import AuditEvent
from dispatch.jobs.models import Asset, Customer, Job, JobSeries, Site, Visit
from dispatch.jobs.queries import PAGE_SIZE, HistoryRow, Listing
from dispatch.planning.models import Disruption, Plan, PlanScope
from dispatch.skills.models import Certification, CertificationKind, Evidence, EvidenceContest, Skill
from dispatch.workforce.models import Absence, Partner, Technician, Territory, TerritoryMembership

Thing = tuple[str, str]  # entity and its id, as the log holds them
# What a line tells is as protected as the thing itself: these values and kinds need a right of their own.
KEPT_VALUES = {"gate_code": Right.SITE_ACCESS, "home_lat": Right.HOME_ADDRESS, "home_lon": Right.HOME_ADDRESS}
KEPT_KINDS = {
    "evidence": Right.EVIDENCE_READ,
    "evidence_contest": Right.EVIDENCE_READ,
    "user": Right.USER_READ,
}
PARTS: Mapping[str, tuple[str, ...]] = {
    "job": ("visit",),
    "customer": ("site", "asset"),
    "technician": ("absence", "certification", "evidence", "evidence_contest"),
    "plan_request": ("plan",),
}
MOST_NAMED = 50  # people and things named of one line: a published plan may touch hundreds


@dataclass(frozen=True, kw_only=True)
class LogRow(HistoryRow):
    """One line of the log; ``undoes`` is the action that it took back, and ``parts`` how many one undo takes back."""

    entity: str
    entity_id: str
    channel: str
    undoable: bool
    undoes: str | None
    taken_back: bool
    parts: int


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which lines are wanted: about one kind of thing or one thing with its parts, by whom, from when to when."""

    entity: str = ""
    entity_id: int | None = None
    who: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the ids in some lines stand for."""

    things: Mapping[Thing, str] = field(default_factory=dict)
    people: Mapping[int, str] = field(default_factory=dict)
    users: Mapping[int, str] = field(default_factory=dict)
    territories: Mapping[int, str] = field(default_factory=dict)


def log_lines() -> Select[*tuple[Any, ...]]:
    """Select lines of the log with who did it and what they took back, the latest first."""
    undone, later = aliased(AuditEvent), aliased(AuditEvent)
    return (
        select(
            AuditEvent.seq,
            AuditEvent.at,
            func.coalesce(User.name, "Extramile").label("who"),
            AuditEvent.action,
            AuditEvent.before,
            AuditEvent.after,
            AuditEvent.reason,
            AuditEvent.entity,
            AuditEvent.entity_id,
            AuditEvent.channel,
            AuditEvent.inverse.is_not(None).label("undoable"),
            undone.action.label("undoes"),
            exists().where(later.undoes_seq == AuditEvent.seq).label("taken_back"),
            func.coalesce(func.jsonb_array_length(AuditEvent.inverse["parts"]), 1).label("parts"),
        )
        .outerjoin(User, User.id == AuditEvent.actor_id)
        .outerjoin(undone, undone.seq == AuditEvent.undoes_seq)
        .order_by(AuditEvent.seq.desc())
    )


def own_steps(session: Session, *, actor: Actor, page: int = 1) -> Listing[LogRow]:
    """Return what the actor did and can or could take back, the latest first."""
    mine = (AuditEvent.actor_id == actor.user_id, AuditEvent.inverse.is_not(None))
    total = session.scalar(select(func.count()).select_from(AuditEvent).where(*mine)) or 0
    rows = session.execute(log_lines().where(*mine).limit(PAGE_SIZE).offset((max(page, 1) - 1) * PAGE_SIZE)).mappings()
    return Listing(rows=[LogRow(**row) for row in rows], total=total, page=page)


def audit_lines(
    session: Session, asked: Asked, *, actor: Actor, page: int = 1, size: int = PAGE_SIZE
) -> Listing[LogRow]:
    """Return lines that the actor may read, the latest first; values that need a right they lack read as hidden."""
    wanted = [_readable(actor), *_conditions(asked)]
    counted = select(func.count()).select_from(AuditEvent).outerjoin(User, User.id == AuditEvent.actor_id)
    total = session.scalar(counted.where(*wanted)) or 0
    rows = session.execute(log_lines().where(*wanted).limit(size).offset((max(page, 1) - 1) * size)).mappings()
    hidden = {key for key, right in KEPT_VALUES.items() if not actor.reaches_others(right)}
    return Listing(
        rows=[LogRow(**{**row, **{side: _masked(row[side], hidden) for side in ("before", "after")}}) for row in rows],
        total=total,
        page=page,
        size=size,
    )


def _masked(values: dict[str, Any] | None, hidden: Collection[str]) -> dict[str, Any] | None:
    return values and {key: "•••" if key in hidden and value else value for key, value in values.items()}


def _conditions(asked: Asked) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.entity and asked.entity_id is None:
        found.append(AuditEvent.entity == asked.entity)
    elif asked.entity:
        found.append(_about(asked.entity, asked.entity_id or 0))
    if asked.who.strip():
        found.append(User.name.ilike(containing(asked.who)))
    if asked.since is not None:
        found.append(AuditEvent.at >= asked.since)
    if asked.until is not None:
        found.append(AuditEvent.at < asked.until)
    return found


def _about(entity: str, entity_id: int) -> ColumnElement[bool]:
    """Select lines about one thing and what belongs to it: a job's visits, a customer's sites, a person's papers."""
    found = [and_(AuditEvent.entity == entity, AuditEvent.entity_id == str(entity_id))]
    owner = {"job": Visit.job_id, "customer": Site.customer_id, "plan_request": Plan.plan_request_id}.get(entity)
    for part in PARTS.get(entity, ()):
        ids = _ids(part).where((Technician.id if owner is None else owner) == entity_id)
        found.append(and_(AuditEvent.entity == part, AuditEvent.entity_id.in_(ids)))
    return or_(*found)


def _readable(actor: Actor) -> ColumnElement[bool]:
    """Select what the actor may read: what lies in their territories, what they did, and what is about themselves."""
    reach = actor.territories(Right.AUDIT_READ)
    kept = [kind for kind, right in KEPT_KINDS.items() if not actor.reaches_others(right)]
    own = or_(
        AuditEvent.actor_id == actor.user_id if actor.user_id is not None else false(),
        _about("technician", actor.technician_id) if actor.technician_id is not None else false(),
    )
    if reach is None:
        return or_(own, AuditEvent.entity.not_in(kept))
    near: list[ColumnElement[bool]] = [AuditEvent.territory_id.in_(reach)]
    for entity, place in _PLACES.items():
        ids = _ids(entity)
        if place is TerritoryMembership.territory_id:
            ids = ids.join(TerritoryMembership, TerritoryMembership.technician_id == Technician.id)
        near.append(and_(AuditEvent.entity == entity, AuditEvent.entity_id.in_(ids.where(place.in_(reach)))))
    return or_(own, and_(or_(*near), AuditEvent.entity.not_in(kept)))


_PLACES: Mapping[str, Any] = {
    "visit": Visit.territory_id,
    **dict.fromkeys(("job", "job_series", "customer", "site", "asset"), Site.territory_id),
    **dict.fromkeys((*PARTS["technician"], "technician", "partner"), TerritoryMembership.territory_id),
    **dict.fromkeys(("plan_request", "plan"), PlanScope.territory_id),
}


def _ids(entity: str) -> Select[Any]:
    """Select the ids of one kind of thing as the log writes them, joined to what says where and whose it is."""
    return {
        "job": select(cast(Job.id, Text)).join(Site, Site.id == Job.site_id),
        "visit": select(cast(Visit.id, Text)),
        "customer": select(cast(Site.customer_id, Text)),
        "site": select(cast(Site.id, Text)),
        "job_series": select(cast(JobSeries.id, Text)).join(Site, Site.id == JobSeries.site_id),
        "asset": select(cast(Asset.id, Text)).join(Site, Site.id == Asset.site_id),
        "technician": select(cast(Technician.id, Text)),
        "partner": select(cast(Technician.partner_id, Text)),
        "plan_request": select(cast(PlanScope.plan_request_id, Text)),
        "plan": select(cast(Plan.id, Text)).join(PlanScope, PlanScope.plan_request_id == Plan.plan_request_id),
        "absence": select(cast(Absence.id, Text)).join(Technician, Technician.id == Absence.technician_id),
        "certification": select(cast(Certification.id, Text)).join(
            Technician, Technician.id == Certification.technician_id
        ),
        "evidence": select(cast(Evidence.id, Text)).join(Technician, Technician.id == Evidence.technician_id),
        "evidence_contest": select(cast(EvidenceContest.id, Text))
        .outerjoin(Evidence, Evidence.id == EvidenceContest.evidence_id)
        .outerjoin(Certification, Certification.id == EvidenceContest.certification_id)
        .join(Technician, Technician.id == func.coalesce(Evidence.technician_id, Certification.technician_id)),
    }[entity]


def names_in(session: Session, rows: Iterable[HistoryRow]) -> Names:
    """Return the names of what some lines speak of; one statement for each kind of thing."""
    lines = list(rows)
    things: dict[str, set[str]] = defaultdict(set)
    ids: dict[str, set[int]] = defaultdict(set)
    for row in lines:
        if isinstance(row, LogRow):
            things[row.entity].add(row.entity_id)
        for values in (row.before or {}, row.after or {}):
            _collect(values, ids)
    return Names(
        things=things_named(session, things),
        people=_by_id(session, Technician.id, Technician.name, ids["technician_id"]),
        users=_by_id(session, User.id, User.name, ids["owner_id"]),
        territories=_by_id(session, Territory.id, Territory.name, ids["territory_id"]),
    )


def things_named(session: Session, things: Mapping[str, Collection[str]]) -> dict[Thing, str]:
    """Return what people call some things: by kind and id."""
    found: dict[Thing, str] = {}
    for entity, wanted in things.items():
        numbers = [int(each) for each in wanted if each.isascii() and each.isdigit()]
        query = _named(entity)
        if query is not None and numbers:
            rows = session.execute(query.where(query.selected_columns[0].in_(numbers)))
            found |= {(entity, str(row[0])): " · ".join(part for part in row[1:] if part) for row in rows}
    return found


def _collect(values: Mapping[str, Any], ids: Mapping[str, set[int]]) -> None:
    for key in ("technician_id", "owner_id", "territory_id"):
        if isinstance(values.get(key), int):
            ids[key].add(values[key])
    for slot in [*values.get("slots", ()), *values.get("pins", ())][:MOST_NAMED]:
        if slot:
            ids["technician_id"].add(slot["technician_id"])


def _by_id(session: Session, key: Any, name: Any, ids: Collection[int]) -> dict[int, str]:
    return {row[0]: row[1] for row in session.execute(select(key, name).where(key.in_(ids)))} if ids else {}


def _named(entity: str) -> Select[*tuple[Any, ...]] | None:
    """Return the statement that names things of one kind: id first, then the words."""
    return {
        "job": select(Job.id, Job.title, Customer.name).join(Customer, Customer.id == Job.customer_id),
        "visit": select(Visit.id, Job.title, Customer.name)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id),
        "customer": select(Customer.id, Customer.name),
        "site": select(Site.id, Site.name, Customer.name).join(Customer, Customer.id == Site.customer_id),
        "job_series": select(JobSeries.id, JobSeries.title, Customer.name)
        .join(Site, Site.id == JobSeries.site_id)
        .join(Customer, Customer.id == Site.customer_id),
        "asset": select(Asset.id, Asset.name, Site.name).join(Site, Site.id == Asset.site_id),
        "technician": select(Technician.id, Technician.name),
        "absence": select(Absence.id, Technician.name).join(Technician, Technician.id == Absence.technician_id),
        "disruption": select(Disruption.id, func.coalesce(Technician.name, Job.title))
        .outerjoin(Technician, Technician.id == Disruption.technician_id)
        .outerjoin(Visit, Visit.id == Disruption.visit_id)
        .outerjoin(Job, Job.id == Visit.job_id),
        "user": select(User.id, User.name),
        "territory": select(Territory.id, Territory.name),
        "partner": select(Partner.id, Partner.name),
        "skill": select(Skill.id, Skill.name),
        "certification_kind": select(CertificationKind.id, CertificationKind.name),
        "evidence": select(Evidence.id, Skill.name, Technician.name)
        .join(Skill, Skill.id == Evidence.skill_id)
        .join(Technician, Technician.id == Evidence.technician_id),
        "evidence_contest": select(
            EvidenceContest.id, func.coalesce(Skill.name, CertificationKind.name), Technician.name
        )
        .outerjoin(Evidence, Evidence.id == EvidenceContest.evidence_id)
        .outerjoin(Skill, Skill.id == Evidence.skill_id)
        .outerjoin(Certification, Certification.id == EvidenceContest.certification_id)
        .outerjoin(CertificationKind, CertificationKind.id == Certification.kind_id)
        .join(Technician, Technician.id == func.coalesce(Evidence.technician_id, Certification.technician_id)),
        "certification": select(Certification.id, CertificationKind.name, Technician.name)
        .join(CertificationKind, CertificationKind.id == Certification.kind_id)
        .join(Technician, Technician.id == Certification.technician_id),
    }.get(entity)
