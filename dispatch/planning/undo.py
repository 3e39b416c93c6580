"""Taking back what one did: the change log keeps the way back of each step, here it is walked.

A step is what one person changed in one transaction; it is taken back as a whole or refused with a sentence. An undo
is a step of its own in the log, and taking an undo back is a redo.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.changes import put_back
from dispatch.accounts.models import User
from dispatch.core.db import Base
from dispatch.core.errors import Conflict, NotFound
from dispatch.core.models import AuditEvent
from dispatch.jobs.models import Asset, Customer, Job, JobSeries, Promise, PromiseState, Site, Visit
from dispatch.jobs.needs import put_needs_back
from dispatch.messages.models import CallState, CallTask
from dispatch.messages.queries import corrected
from dispatch.planning.changing import (
    Entry,
    Placement,
    SlotChange,
    change_slots,
    live_slots,
    lock_visits,
    placement_of,
    shown,
)
from dispatch.planning.disruptions import reopen_disruption
from dispatch.planning.draft_publishing import MovedOn, turn_draft
from dispatch.planning.drafts import Believed
from dispatch.planning.fixing import may_mend_needs, may_write_fields
from dispatch.planning.models import Assignment, Plan, PlanState
from dispatch.planning.pins import note_pins, pins_of, put_pins
from dispatch.planning.retries import sqlstate
from dispatch.planning.rows import live
from dispatch.planning.snapshot import FINISHED
from dispatch.planning.stacks import MOST_STEPS, Stacks, Step, stacks_of
from dispatch.planning.unfit import look_again
from dispatch.skills.cataloguing import put_skill_back
from dispatch.skills.certification_kinds import put_kind_back
from dispatch.workforce.models import Absence, Technician, TerritoryMembership

LOOKED_AT = 200  # of one person's latest lines; more than anybody takes back by key
FURTHER_BACK = f"{MOST_STEPS} steps are taken back. Older ones can be taken back one by one under “My last steps”."


@dataclass(frozen=True, kw_only=True)
class Undone:
    """What was taken back: the event, its action, how many bookings changed, and who had heard of it already.

    What was sent stays sent: those people get a correction.
    """

    seq: int
    action: str
    slots: int
    visit_ids: tuple[int, ...]
    corrected: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Walk:
    """One walk back: which line of the log, under which name, by whom."""

    event: AuditEvent
    action: str
    actor: Actor
    now: datetime


def undo_last(session: Session, *, actor: Actor, now: datetime) -> Undone:
    """Take back the actor's latest step that stands; raises Conflict when it cannot be, or after ten in a row."""
    stacks = _stacks(session, actor)
    if not stacks.done:
        raise Conflict("There is nothing of yours to undo.")
    if not stacks.may_undo:
        raise Conflict(FURTHER_BACK)
    return _walk_back(session, stacks.done[-1], actor, now)


def redo_last(session: Session, *, actor: Actor, now: datetime) -> Undone:
    """Take the actor's latest undo back, as long as they have done nothing else since."""
    stacks = _stacks(session, actor)
    if not stacks.undone:
        raise Conflict("There is nothing to do again.")
    return _walk_back(session, stacks.undone[-1], actor, now)


def undo_step(session: Session, *, seq: int, actor: Actor, now: datetime) -> Undone:
    """Take back one step of one's own, however long ago; of an undo this makes it done again."""
    _one_at_a_time(session, actor)
    mine = session.scalar(_lines(actor).where(AuditEvent.seq == seq).with_only_columns(AuditEvent.seq))
    if mine is None:
        raise NotFound("There is no such step of yours.")
    later = aliased(AuditEvent)
    if session.scalar(select(exists().where(later.undoes_seq == seq))):
        raise Conflict("This step is taken back already.")
    return _walk_back(session, seq, actor, now)


def _stacks(session: Session, actor: Actor) -> Stacks:
    _one_at_a_time(session, actor)
    rows = session.execute(
        _lines(actor)
        .with_only_columns(AuditEvent.seq, AuditEvent.action, AuditEvent.undoes_seq)
        .order_by(AuditEvent.seq.desc())
        .limit(LOOKED_AT)
    ).all()
    return stacks_of(Step(seq=row.seq, action=row.action, undoes_seq=row.undoes_seq) for row in reversed(rows))


def _one_at_a_time(session: Session, actor: Actor) -> None:
    """Let two browsers of one person take back one after the other, never the same step twice."""
    session.execute(select(User.id).where(User.id == actor.user_id).with_for_update(key_share=True))


def _lines(actor: Actor) -> Any:
    """Select what the actor did and could take back, whether it stands or not."""
    return select(AuditEvent).where(AuditEvent.actor_id == actor.user_id, AuditEvent.inverse.is_not(None))


def _walk_back(session: Session, seq: int, actor: Actor, now: datetime) -> Undone:
    event = session.get_one(AuditEvent, seq)
    walk = _Walk(event=event, action="redo" if event.action == "undo" else "undo", actor=actor, now=now)
    visits: list[int] = []
    slots = 0
    for part in reversed(_parts(event.inverse or {})):
        command = _COMMANDS.get(part.get("command", ""))
        if command is None:
            raise Conflict("This cannot be undone.")
        touched = command(session, part, walk)
        visits += touched
        slots += len(part.get("slots", ()))
    return Undone(
        seq=event.seq,
        action=event.action,
        slots=slots,
        visit_ids=tuple(sorted(set(visits))),
        corrected=tuple(corrected(session, now)) if slots else (),
    )


def _parts(inverse: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the ways back of a step in the order its changes were made."""
    return inverse["parts"] if inverse.get("command") == "group" else [inverse]


def _slots_back(session: Session, part: Mapping[str, Any], walk: _Walk) -> list[int]:
    slots = part["slots"]
    visit_ids = sorted({slot["visit_id"] for slot in slots})
    for territory_id in session.scalars(select(Visit.territory_id).where(Visit.id.in_(visit_ids)).distinct()):
        walk.actor.require(Right.ASSIGNMENT_EDIT, territory_id, what="visit")
    _refuse_told(session, visit_ids, walk)
    current = live_slots(session, [slot["crew_slot_id"] for slot in slots], lock=True)
    entity, entity_id = part.get("of") or (walk.event.entity, walk.event.entity_id)
    changes = [_restored(session, slot, current.get(slot["crew_slot_id"]), walk) for slot in slots]
    _refuse_over(session, {change.visit_id for change in changes if change.to is not None})
    change_slots(
        session,
        changes,
        Entry(
            action=walk.action,
            actor=walk.actor,
            now=walk.now,
            entity=entity,
            entity_id=None if entity == "visit" else entity_id,
            undoes_seq=walk.event.seq,
            note={"undoes": walk.event.action},
            draft=part.get("draft", False),
            beliefs={
                slot["crew_slot_id"]: Believed.from_dict(slot, slot["believed"]) for slot in slots if "believed" in slot
            },
        ),
    )
    _refuse_apart(session, {change.visit_id for change in changes if change.to is not None})
    if entity == "plan":
        _turn_plan(session, int(entity_id), back=walk.action == "undo")
    elif entity == "disruption":
        reopen_disruption(
            session, disruption_id=int(entity_id), back=walk.action == "undo", actor=walk.actor, now=walk.now
        )
    elif entity == "absence":
        _turn_absence(session, int(entity_id), back=walk.action == "undo")
    return visit_ids


def _turn_absence(session: Session, absence_id: int, *, back: bool) -> None:
    try:
        with session.begin_nested():
            session.get_one(Absence, absence_id, with_for_update=True).cancelled = back
    except IntegrityError as error:
        if sqlstate(error) == "23P01":
            raise Conflict(
                "This person is noted as away for part of that time by now. Nothing was changed: look at it as it is."
            ) from error
        raise


def _draft_back(session: Session, part: Mapping[str, Any], walk: _Walk) -> list[int]:
    visit_ids = sorted({slot["visit_id"] for slot in part["slots"]})
    for territory_id in session.scalars(select(Visit.territory_id).where(Visit.id.in_(visit_ids)).distinct()):
        walk.actor.require(Right.PLAN_PUBLISH, territory_id, what="visit")
    _refuse_told(session, visit_ids, walk)
    entry = Entry(action=walk.action, actor=walk.actor, now=walk.now, undoes_seq=walk.event.seq)
    try:
        return turn_draft(session, part, entry)
    except MovedOn as moved:
        raise _moved_on(session, "visit", moved.visit_id, "the same booking", walk) from moved


def _pins_back(session: Session, part: Mapping[str, Any], walk: _Walk) -> list[int]:
    visit_id = part["visit_id"]
    visit = lock_visits(session, [visit_id])[visit_id]
    walk.actor.require(Right.ASSIGNMENT_EDIT, visit.territory_id, what="visit")
    before = pins_of(session, visit_id)
    if before != part["expect"]:
        raise _moved_on(session, "visit", visit_id, "the same pin", walk)
    put_pins(session, visit_id, part["restore"], actor=walk.actor, now=walk.now)
    note_pins(session, walk.action, visit_id, before, actor=walk.actor, now=walk.now, undoes_seq=walk.event.seq)
    return [visit_id]


def _needs_back(session: Session, part: Mapping[str, Any], walk: _Walk) -> list[int]:
    visit_id = part["visit_id"]
    visit = lock_visits(session, [visit_id])[visit_id]
    if not may_mend_needs(session, visit_id, walk.actor, walk.now):
        walk.actor.require(Right.JOB_EDIT, visit.territory_id, what="visit")
    try:
        put_needs_back(session, part, action=walk.action, undoes_seq=walk.event.seq, actor=walk.actor, now=walk.now)
    except Conflict as moved:
        raise _moved_on(session, "visit", visit_id, "the same needs", walk) from moved
    look_again(session, visit_id)
    return [visit_id]


def _fields_back(session: Session, part: Mapping[str, Any], walk: _Walk) -> list[int]:
    entity, row_id = part["entity"], part["id"]
    kind = _ROWS.get(entity)
    row = None if kind is None else session.get(kind, row_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise Conflict("What was changed is not there any more.")
    if not may_write_fields(session, entity, row_id, set(part["restore"]), walk.actor, walk.now):
        _require_fields(session, row, walk.actor, walk.now)
    try:
        put_back(session, row, part, action=walk.action, undoes_seq=walk.event.seq, actor=walk.actor, now=walk.now)
    except Conflict as moved:
        raise _moved_on(session, entity, row_id, f"the same {entity}", walk) from moved
    session.flush()
    return [row_id] if entity == "visit" else []


def _catalogue_back(session: Session, part: Mapping[str, Any], walk: _Walk) -> list[int]:
    entity = part["command"]
    put, key = (put_skill_back, "skill_id") if entity == "skill" else (put_kind_back, "kind_id")
    try:
        put(session, part, action=walk.action, undoes_seq=walk.event.seq, actor=walk.actor, now=walk.now)
    except Conflict as moved:
        what = "the same skill" if entity == "skill" else "the same kind of certificate"
        raise _moved_on(session, entity, part[key], what, walk) from moved
    return []


def _require_fields(session: Session, row: Base, actor: Actor, now: datetime) -> None:
    """Refuse who may not change the row any more; who lost a right does not keep it through the history."""
    if isinstance(row, Visit):
        actor.require(Right.JOB_EDIT, row.territory_id, what="visit")
        return
    if isinstance(row, Job | JobSeries):
        place = session.scalar(select(Site.territory_id).where(Site.id == row.site_id))
        actor.require(Right.JOB_EDIT, place, what="job")
        return
    if isinstance(row, Technician):
        here = select(TerritoryMembership.territory_id).where(TerritoryMembership.technician_id == row.id)
        current = session.scalars(here.where(TerritoryMembership.during.contains(now.date()))).all()
        if not any(actor.may(Right.PERSON_EDIT, place) for place in current):
            raise NotFound("There is no such person.")
        return
    if isinstance(row, Site):
        places: Collection[int | None] = [row.territory_id]
    elif isinstance(row, Asset):
        places = session.scalars(select(Site.territory_id).where(Site.id == row.site_id)).all()
    else:
        assert isinstance(row, Customer)
        places = session.scalars(select(Site.territory_id).where(Site.customer_id == row.id)).all() or [None]
    if not any(actor.may(Right.CUSTOMER_EDIT, place) for place in places):
        actor.require(Right.CUSTOMER_EDIT, next(iter(places), None), what="entry")


def _restored(session: Session, slot: Mapping[str, Any], row: Any, walk: _Walk) -> SlotChange:
    """Return the change that restores one crew slot; refuses when it is not as the action left it."""
    if shown(None if row is None else placement_of(row)) != slot["expect"]:
        raise _moved_on(session, "visit", slot["visit_id"], "the same booking", walk)
    restore = slot["restore"]
    return SlotChange(
        visit_id=slot["visit_id"],
        crew_slot_id=slot["crew_slot_id"],
        to=None if restore is None else Placement.from_dict(restore),
        expect=None if row is None else (row.id, row.version),
    )


def _refuse_told(session: Session, visit_ids: Collection[int], walk: _Walk) -> None:
    """Refuse what a customer was told to count on since: they would wait for somebody who does not come."""
    promised = select(Promise.visit_id, Promise.made_by_id.label("by_id"), Promise.made_at.label("at")).where(
        Promise.visit_id.in_(visit_ids), Promise.state == PromiseState.STANDING, Promise.made_at > walk.event.at
    )
    called = select(CallTask.visit_id, CallTask.closed_by_id, CallTask.closed_at).where(
        CallTask.visit_id.in_(visit_ids), CallTask.state == CallState.TOLD, CallTask.closed_at > walk.event.at
    )
    since = promised.union_all(called).subquery()
    told = session.execute(
        select(Customer.name, User.name.label("who"), since.c.at)
        .join(Visit, Visit.id == since.c.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .outerjoin(User, User.id == since.c.by_id)
        .order_by(since.c.at.desc())
        .limit(1)
    ).first()
    if told is not None:
        raise Conflict(
            f"{told.who or 'Somebody'} told {told.name} a time {_ago(told.at, walk.now)}. Taking this back would"
            " leave them waiting. Nothing was changed: move the visit, or agree on another time with them."
        )


def _refuse_over(session: Session, visit_ids: Collection[int]) -> None:
    """Refuse to book people again for what was called off or is over since."""
    visits = lock_visits(session, visit_ids) if visit_ids else {}
    over = next((visit for visit in visits.values() if visit.state in FINISHED), None)
    if over is not None:
        raise Conflict(f"This visit is {over.state.value.replace('_', ' ')} by now. Nobody is booked for it again.")


def _refuse_apart(session: Session, visit_ids: Collection[int]) -> None:
    """Refuse to part a crew: others of it were booked since for the time that would be taken back."""
    apart = (
        select(Assignment.visit_id)
        .where(Assignment.visit_id.in_(visit_ids), live())
        .group_by(Assignment.visit_id)
        .having(func.count(func.lower(Assignment.during).distinct()) > 1)
    )
    if session.scalar(select(apart.exists())):
        raise Conflict(
            "Others of the crew are booked for another time by now. Nothing was taken back: move them first."
        )


def _moved_on(session: Session, entity: str, entity_id: int, what: str, walk: _Walk) -> Conflict:
    """Return who changed the thing since, what they did and when."""
    later = session.execute(
        select(User.id, User.name, AuditEvent.at)
        .outerjoin(User, User.id == AuditEvent.actor_id)
        .where(
            AuditEvent.entity == entity,
            AuditEvent.entity_id == str(entity_id),
            AuditEvent.seq > walk.event.seq,
        )
        .order_by(AuditEvent.seq.desc())
        .limit(1)
    ).first()
    if later is not None and later.id == walk.actor.user_id:
        return Conflict(f"You changed {what} {_ago(later.at, walk.now)}. Take that step back first.")
    who = "Somebody" if later is None or later.name is None else later.name
    when = "since" if later is None else _ago(later.at, walk.now)
    return Conflict(f"{who} changed {what} {when}. Nothing was taken back: look at it as it is now.")


def _ago(at: datetime, now: datetime) -> str:
    passed = max(0, int((now - at).total_seconds() // 60))
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if passed >= size:
            number = passed // size
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"


def _turn_plan(session: Session, plan_id: int, *, back: bool) -> None:
    """Make a published plan that is taken back a proposal again."""
    plan = session.get_one(Plan, plan_id, with_for_update=True)
    plan.state = PlanState.PROPOSED if back else PlanState.PUBLISHED
    session.flush()


_ROWS: Mapping[str, type[Any]] = {
    "job": Job,
    "visit": Visit,
    "customer": Customer,
    "site": Site,
    "asset": Asset,
    "job_series": JobSeries,
    "technician": Technician,
}
_COMMANDS: Mapping[str, Callable[[Session, Mapping[str, Any], _Walk], list[int]]] = {
    "restore": _slots_back,
    "draft": _draft_back,
    "pins": _pins_back,
    "needs": _needs_back,
    "fields": _fields_back,
    "skill": _catalogue_back,
    "certification_kind": _catalogue_back,
}
