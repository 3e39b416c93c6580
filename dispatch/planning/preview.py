"""What publishing would do, before anybody hears of it: each change, who is told, and what changed since the run."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.orm import Session

from dispatch.accounts.models import User
from dispatch.core.errors import NotFound
from dispatch.core.models import AuditEvent
from dispatch.jobs.models import Customer, Job, Promise, PromiseState, Visit
from dispatch.planning.changing import Placement, SlotChange, placement_of
from dispatch.planning.customer_terms import apart, disturbed_by
from dispatch.planning.drafts import Believed, believed_of
from dispatch.planning.models import Plan, PlanRequest, PlanScope, PlanState
from dispatch.planning.publishing import PublishReport, would_change
from dispatch.workforce.models import Technician, Territory


class Kind(StrEnum):
    """What becomes of a visit; slight is what nobody notices, as the run's page counts it too."""

    DROPPED = "dropped"
    REASSIGNED = "reassigned"
    RETIMED = "retimed"
    NEW = "new"
    SLIGHT = "slight"


class Only(StrEnum):
    """Which changes are looked at."""

    ALL = ""
    CUSTOMERS = "customers"
    PROMISES = "promises"


@dataclass(frozen=True, kw_only=True)
class PlannedChange:
    """What becomes of one visit: who had it when, and who gets it when."""

    kind: Kind
    visit_id: int
    job_id: int
    title: str
    customer: str
    zone: str
    promise: Any
    before: tuple[tuple[str, datetime], ...]
    after: tuple[tuple[str, datetime], ...]
    customer_hears: bool
    breaks_promise: bool
    to_call: bool


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Who has a visit as far as people know, and who gets it."""

    before: tuple[Placement, ...]
    after: tuple[Placement, ...]

    @property
    def differ(self) -> bool:
        """Whether anybody hears of it."""
        return _said(self.before) != _said(self.after)


@dataclass(frozen=True, kw_only=True)
class Hears:
    """A technician who gets one message, and what of it is about."""

    technician_id: int
    name: str
    new: int
    changed: int
    slightly: int
    taken_off: int


@dataclass(frozen=True, kw_only=True)
class Meanwhile:
    """A visit that somebody changed since the run read it; it stays as it is."""

    visit_id: int
    job_id: int
    title: str
    zone: str
    who: str | None
    action: str | None
    at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What publishing would do now."""

    changes: tuple[PlannedChange, ...]
    hears: tuple[Hears, ...]
    meanwhile: tuple[Meanwhile, ...]
    report: PublishReport

    @property
    def calls(self) -> list[PlannedChange]:
        """Changes that start after the promise ends: somebody calls the customer before anything is written."""
        return [each for each in self.changes if each.to_call]

    def shown(self, only: Only, kind: Kind | None = None) -> list[PlannedChange]:
        """Return the changes that are asked for."""
        return [
            each
            for each in self.changes
            if kind in (None, each.kind)
            and (only is not Only.CUSTOMERS or each.customer_hears)
            and (only is not Only.PROMISES or each.breaks_promise)
        ]


def preview(session: Session, plan_id: int) -> Preview:
    """Work out what publishing would do; a constant number of statements, and nothing is locked."""
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise NotFound("There is no such plan.")
    wanted, report, standing = would_change(session, plan)
    by_visit: dict[int, list[SlotChange]] = defaultdict(list)
    for item in wanted:
        by_visit[item.visit_id].append(item)
    sides = {
        visit_id: Sides(
            before=tuple(placement_of(standing[each.crew_slot_id]) for each in items if each.crew_slot_id in standing),
            after=tuple(each.to for each in items if each.to is not None),
        )
        for visit_id, items in by_visit.items()
    }
    sides |= _from_the_draft(session, by_visit, report.kept, standing)
    changes, hears = changes_of(session, {visit_id: pair for visit_id, pair in sides.items() if pair.differ})
    left = (*report.changed, *report.taken)
    return Preview(
        changes=changes, hears=hears, meanwhile=_meanwhile(session, plan, left, _about(session, left)), report=report
    )


def changes_of(session: Session, sides: Mapping[int, Sides]) -> tuple[tuple[PlannedChange, ...], tuple[Hears, ...]]:
    """Return what becomes of visits, the gravest first, and who hears of it; two statements."""
    people = {each.technician_id for pair in sides.values() for side in (pair.before, pair.after) for each in side}
    names = dict(session.execute(select(Technician.id, Technician.name).where(Technician.id.in_(people))).all())
    about = _about(session, sides)
    changes = [_change(about[visit_id], pair.before, pair.after, names) for visit_id, pair in sides.items()]
    return tuple(sorted(changes, key=_by_weight)), _hears(sides, names)


def _from_the_draft(
    session: Session, by_visit: Mapping[int, Sequence[SlotChange]], kept: Collection[int], standing: Mapping[int, Any]
) -> dict[int, Sides]:
    """Return from what to what people hear of visits that hands changed before: they believe what was told last."""
    found: dict[int, Sides] = {}
    beliefs: dict[int, list[Believed]] = defaultdict(list)
    for each in believed_of(session, {*by_visit, *kept}).values():
        beliefs[each.visit_id].append(each)
    crews: dict[int, list[int]] = defaultdict(list)
    for slot, row in standing.items():
        crews[row.visit_id].append(slot)
    for visit_id, each_of in beliefs.items():
        drafted = {each.crew_slot_id: each.told for each in each_of}
        to = {item.crew_slot_id: item.to for item in by_visit.get(visit_id, ())}
        crew = sorted({*drafted, *to, *crews[visit_id]})
        now = {slot: placement_of(standing[slot]) for slot in crew if slot in standing}
        before = [drafted[slot] if slot in drafted else now.get(slot) for slot in crew]
        after = [to[slot] if slot in to else now.get(slot) for slot in crew]
        found[visit_id] = Sides(
            before=tuple(each for each in before if each is not None),
            after=tuple(each for each in after if each is not None),
        )
    return found


def published_over(session: Session, request_id: int, since: datetime) -> Any:
    """Return the other run whose plan was published last for one of the same days, by whom and when; None without."""
    mine, theirs = PlanScope.__table__.alias("mine"), PlanScope.__table__.alias("theirs")
    same_cell = (mine.c.territory_id == theirs.c.territory_id) & (mine.c.day == theirs.c.day)
    return session.execute(
        select(Plan.plan_request_id.label("request_id"), Plan.published_at, User.name.label("who"))
        .join(theirs, theirs.c.plan_request_id == Plan.plan_request_id)
        .join(mine, same_cell)
        .outerjoin(User, User.id == Plan.published_by_id)
        .where(mine.c.plan_request_id == request_id, Plan.plan_request_id != request_id)
        .where(Plan.state == PlanState.PUBLISHED, Plan.published_at > since)
        .order_by(Plan.published_at.desc())
        .limit(1)
    ).first()


def _about(session: Session, ids: Collection[int]) -> dict[int, Any]:
    rows = session.execute(
        select(
            Visit.id,
            Visit.job_id,
            Job.title,
            Customer.name.label("customer"),
            Territory.zone,
            Promise.during.label("promise"),
        )
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .outerjoin(Promise, (Promise.visit_id == Visit.id) & (Promise.state == PromiseState.STANDING))
        .where(Visit.id.in_(ids))
    )
    return {row.id: row for row in rows}


def _said(side: Sequence[Placement]) -> set[tuple[int, datetime, datetime]]:
    return {(each.technician_id, each.start, each.end) for each in side}


def _change(
    about: Any, before: Sequence[Placement], after: Sequence[Placement], names: Mapping[int, str]
) -> PlannedChange:
    was = frozenset((each.technician_id, each.start) for each in before)
    becomes = frozenset((each.technician_id, each.start) for each in after)
    promises = {} if about.promise is None else {about.id: (about.promise.lower, about.promise.upper)}
    hear = disturbed_by({about.id: was} if was else {}, {about.id: becomes} if becomes else {}, promises)
    return PlannedChange(
        kind=_kind(was, becomes, noticed=bool(hear.technicians)),
        visit_id=about.id,
        job_id=about.job_id,
        title=about.title,
        customer=about.customer,
        zone=about.zone,
        promise=about.promise,
        before=tuple((names[each.technician_id], each.start) for each in before),
        after=tuple((names[each.technician_id], each.start) for each in after),
        customer_hears=bool(hear.customers),
        breaks_promise=bool(hear.customers) and about.promise is not None,
        to_call=about.promise is not None
        and any(start > about.promise.upper for _person, start in becomes)
        and {start for _person, start in becomes} != {start for _person, start in was},
    )


def _kind(was: Collection[tuple[int, datetime]], becomes: Collection[tuple[int, datetime]], *, noticed: bool) -> Kind:
    if not was or not becomes:
        return Kind.DROPPED if was else Kind.NEW
    if {person for person, _start in was} != {person for person, _start in becomes}:
        return Kind.REASSIGNED
    return Kind.RETIMED if noticed else Kind.SLIGHT


def _by_weight(change: PlannedChange) -> tuple[int, bool, datetime, int]:
    """Sort by kind, what breaks a promise first, then by time."""
    first = min(start for _name, start in change.after or change.before)
    return list(Kind).index(change.kind), not change.breaks_promise, first, change.visit_id


def _hears(sides: Mapping[int, Sides], names: Mapping[int, str]) -> tuple[Hears, ...]:
    """Return whoever gets a message, by name; a message tells one person of everything."""
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for pair in sides.values():
        same = _said(pair.before) & _said(pair.after)  # nothing changes for them, and nothing is written to them
        had, gets = (
            {person: start for person, start, _end in _said(side) - same} for side in (pair.before, pair.after)
        )
        stays = gets.keys() & had.keys()
        slightly = {person for person in stays if not apart(had[person], gets[person])}
        for number, group in enumerate((gets.keys() - stays, stays - slightly, slightly, had.keys() - stays)):
            for person in group:
                counts[person][number] += 1
    found = [
        Hears(technician_id=person, name=names[person], new=new, changed=changed, slightly=slightly, taken_off=gone)
        for person, (new, changed, slightly, gone) in counts.items()
    ]
    return tuple(sorted(found, key=lambda each: (each.name, each.technician_id)))


def _meanwhile(session: Session, plan: Plan, ids: Sequence[int], about: Mapping[int, Any]) -> tuple[Meanwhile, ...]:
    """Say of each visit that stays as it is who changed it last since the run read it, what and when."""
    if not ids:
        return ()
    since = session.scalar(select(PlanRequest.based_on_seq).where(PlanRequest.id == plan.plan_request_id)) or 0
    lines = select(
        cast(AuditEvent.entity_id, Integer).label("visit_id"),
        AuditEvent.action,
        AuditEvent.at,
        func.coalesce(User.name, "Extramile").label("who"),
    ).outerjoin(User, User.id == AuditEvent.actor_id)
    named = [str(visit_id) for visit_id in ids]
    found = lines.where(AuditEvent.entity == "visit", AuditEvent.entity_id.in_(named), AuditEvent.seq > since)
    last = {row.visit_id: row for row in session.execute(found.order_by(AuditEvent.seq))}
    return tuple(
        Meanwhile(
            visit_id=visit_id,
            job_id=about[visit_id].job_id,
            title=about[visit_id].title,
            zone=about[visit_id].zone,
            who=last[visit_id].who if visit_id in last else None,
            action=last[visit_id].action if visit_id in last else None,
            at=last[visit_id].at if visit_id in last else None,
        )
        for visit_id in ids
    )
