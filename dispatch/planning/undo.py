"""Taking back what one did: the change log keeps the way back of each action, here it is walked.

An undo puts the rows back exactly as they were or refuses with a sentence; it is an action of its own in the log, and
taking an undo back is a redo.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from dispatch.accounts.access import Actor, Right
from dispatch.core.errors import Conflict
from dispatch.core.models import AuditEvent
from dispatch.jobs.models import Visit
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
from dispatch.planning.models import Plan, PlanState
from dispatch.planning.pins import note_pins, pins_of, put_pins
from dispatch.workforce.models import Absence


@dataclass(frozen=True, kw_only=True)
class Undone:
    """What was taken back: the event, its action, and how many bookings changed."""

    seq: int
    action: str
    slots: int
    visit_ids: tuple[int, ...]


def undo_last(session: Session, *, actor: Actor, now: datetime) -> Undone:
    """Take back the actor's latest action that has not been taken back; raises Conflict when it cannot be."""
    event = session.scalars(
        _mine(actor).where(or_(AuditEvent.undoes_seq.is_(None), AuditEvent.action == "redo")).limit(1)
    ).first()
    if event is None:
        raise Conflict("There is nothing of yours to undo.")
    return _walk_back(session, event, "undo", actor, now)


def redo_last(session: Session, *, actor: Actor, now: datetime) -> Undone:
    """Take the actor's latest undo back, as long as they have done nothing else since."""
    event = session.scalars(_mine(actor).limit(1)).first()
    if event is None or event.action != "undo":
        raise Conflict("There is nothing to do again.")
    return _walk_back(session, event, "redo", actor, now)


def _mine(actor: Actor) -> Any:
    """Select the actor's events that can be taken back and have not been, the latest first."""
    later = aliased(AuditEvent)
    return (
        select(AuditEvent)
        .where(
            AuditEvent.actor_id == actor.user_id,
            AuditEvent.inverse.is_not(None),
            ~exists().where(and_(later.undoes_seq == AuditEvent.seq)),
        )
        .order_by(AuditEvent.seq.desc())
    )


def _walk_back(session: Session, event: AuditEvent, action: str, actor: Actor, now: datetime) -> Undone:
    inverse: Mapping[str, Any] = event.inverse or {}
    if inverse.get("command") == "pins":
        return _pins_back(session, event, inverse, action, actor, now)
    if inverse.get("command") != "restore":
        raise Conflict("This cannot be undone.")
    slots = inverse["slots"]
    visit_ids = tuple(sorted({slot["visit_id"] for slot in slots}))
    for territory_id in session.scalars(select(Visit.territory_id).where(Visit.id.in_(visit_ids)).distinct()):
        actor.require(Right.ASSIGNMENT_EDIT, territory_id, what="visit")
    current = live_slots(session, [slot["crew_slot_id"] for slot in slots], lock=True)
    changes = [_restored(slot, current.get(slot["crew_slot_id"])) for slot in slots]
    note = {"undoes": event.action}
    change_slots(
        session,
        changes,
        Entry(
            action=action,
            actor=actor,
            now=now,
            entity=event.entity,
            entity_id=None if event.entity == "visit" else event.entity_id,
            undoes_seq=event.seq,
            note=note,
        ),
    )
    if event.entity == "plan":
        _turn_plan(session, int(event.entity_id), back=action == "undo")
    elif event.entity == "absence":
        session.get_one(Absence, int(event.entity_id), with_for_update=True).cancelled = action == "undo"
        session.flush()
    return Undone(seq=event.seq, action=event.action, slots=len(slots), visit_ids=visit_ids)


def _pins_back(
    session: Session, event: AuditEvent, inverse: Mapping[str, Any], action: str, actor: Actor, now: datetime
) -> Undone:
    visit_id = inverse["visit_id"]
    visit = lock_visits(session, [visit_id])[visit_id]
    actor.require(Right.ASSIGNMENT_EDIT, visit.territory_id, what="visit")
    before = pins_of(session, visit_id)
    if before != inverse["expect"]:
        raise Conflict("This cannot be undone any more: somebody changed the same pin since.")
    put_pins(session, visit_id, inverse["restore"], actor=actor, now=now)
    note_pins(session, action, visit_id, before, actor=actor, now=now, undoes_seq=event.seq)
    return Undone(seq=event.seq, action=event.action, slots=0, visit_ids=(visit_id,))


def _restored(slot: Mapping[str, Any], row: Any) -> SlotChange:
    """Return the change that restores one crew slot; refuses when it is not as the action left it."""
    if shown(None if row is None else placement_of(row)) != slot["expect"]:
        raise Conflict("This cannot be undone any more: somebody changed the same booking since.")
    restore = slot["restore"]
    return SlotChange(
        visit_id=slot["visit_id"],
        crew_slot_id=slot["crew_slot_id"],
        to=None if restore is None else Placement.from_dict(restore),
        expect=None if row is None else (row.id, row.version),
    )


def _turn_plan(session: Session, plan_id: int, *, back: bool) -> None:
    """Make a published plan that is taken back a proposal again."""
    plan = session.get_one(Plan, plan_id, with_for_update=True)
    plan.state = PlanState.PROPOSED if back else PlanState.PUBLISHED
    session.flush()
