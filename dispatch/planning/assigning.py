"""Booking by hand: assign, move, unassign, pin. One service for form, keyboard, drag and candidate list.

The rules are asked for each placement; whoever may overrule one gives a reason. Nobody overrules a double booking or a
missing safety certification.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import CrewSlot
from dispatch.planning.changing import Changed, Entry, SlotChange, change_slots, lock_visits
from dispatch.planning.judging import Pushed, Verdict, judge
from dispatch.planning.models import Assignment, Pin
from dispatch.planning.musts import Objection, Weight
from dispatch.planning.next_best import NextBest, next_best
from dispatch.planning.pins import note_pins, pins_of, put_pins
from dispatch.planning.retries import Busy, again_once
from dispatch.planning.rows import live
from dispatch.planning.unfit import leave_overridden
from dispatch.planning.words import crew_sentence
from dispatch.workforce.models import Shift, TerritoryMembership

PLANNABLE = (VisitState.OPEN, VisitState.PLANNED)
UNMET = frozenset({"not_qualified", "not_confirmed", "not_certified"})


class CannotPlace(Conflict):
    """A placement that breaks rules: the sentences, and whether this actor may go ahead with a reason."""

    def __init__(
        self,
        reasons: Sequence[str],
        found: Sequence[Objection],
        *,
        may_override: bool,
        instead: NextBest | None = None,
    ) -> None:
        super().__init__(" ".join([*reasons, *([instead.words] if instead else [])]))
        self.reasons = tuple(reasons) + ((instead.words,) if instead else ())
        self.objections = tuple(found)
        self.may_override = may_override
        self.instead = instead


class Taken(Conflict):
    """A time that somebody else got first, with the next best place where there is one."""

    def __init__(self, message: str, instead: NextBest) -> None:
        super().__init__(f"{message} {instead.words}")
        self.instead = instead


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A booking, and the later visits of the same people that moved to make room."""

    assignment: Assignment
    pushed: tuple[Pushed, ...]


def place_visit(
    session: Session,
    *,
    visit_id: int,
    technician_id: int,
    start: datetime,
    actor: Actor,
    now: datetime,
    assignment_id: int | None = None,
    version: int | None = None,
    crew_slot_id: int | None = None,
    override_reason: str | None = None,
    pushing: Collection[int] = (),
    draft: bool = False,
) -> Placed:
    """Book a visit, or with ``assignment_id`` move a booking of it: what every screen that places something calls.

    ``pushing`` are the bookings that whoever asks saw move to make room; they move together with this one. With
    ``draft`` nobody is told of later days until those are published.
    """
    by = _By(actor=actor, now=now, draft=draft)
    if assignment_id is None:
        work = _assigning(session, visit_id, technician_id, start, crew_slot_id, None, override_reason, pushing, by)
    else:
        work = _moving(session, assignment_id, technician_id, start, version, override_reason, pushing, by)
    return again_once(session, work)


@dataclass(frozen=True, kw_only=True)
class _By:
    """Who changes bookings when, and whether later days stay a draft."""

    actor: Actor
    now: datetime
    draft: bool = False

    def entry(self, action: str, verdicts: Sequence[Verdict], reason: str | None) -> Entry:
        """Return how a change enters the log; what was overridden is known when it is published."""
        overridden = tuple(dict.fromkeys(item.code for verdict in verdicts for item in verdict.objections))
        return Entry(
            action=action, actor=self.actor, now=self.now, reason=reason, draft=self.draft, overridden=overridden
        )


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One booking of several that are made together."""

    visit_id: int
    technician_id: int
    start: datetime


def place_all(
    session: Session, *, wanted: Sequence[Wanted], actor: Actor, now: datetime, draft: bool = False
) -> list[Placed]:
    """Book several waiting visits, each as if it were booked alone: all or none, and one undo takes them back.

    Nobody else is moved for them. A refusal leaves everything as it was.
    """
    if not wanted:
        raise Invalid("Choose at least one visit.")
    with session.begin_nested():
        return [
            place_visit(
                session,
                visit_id=each.visit_id,
                technician_id=each.technician_id,
                start=each.start,
                actor=actor,
                now=now,
                draft=draft,
            )
            for each in sorted(wanted, key=lambda one: (one.technician_id, one.start))
        ]


def assign_visit(
    session: Session,
    *,
    visit_id: int,
    technician_id: int,
    start: datetime,
    actor: Actor,
    now: datetime,
    crew_slot_id: int | None = None,
    visit_version: int | None = None,
    override_reason: str | None = None,
) -> Assignment:
    """Book a person for a visit; without ``crew_slot_id`` for the first free place in its crew."""
    by = _By(actor=actor, now=now)
    work = _assigning(session, visit_id, technician_id, start, crew_slot_id, visit_version, override_reason, (), by)
    return again_once(session, work).assignment


def _assigning(
    session: Session,
    visit_id: int,
    technician_id: int,
    start: datetime,
    crew_slot_id: int | None,
    visit_version: int | None,
    override_reason: str | None,
    pushing: Collection[int],
    by: _By,
) -> Callable[[], Placed]:
    def work() -> Placed:
        visit = _visit(session, visit_id, by.actor, visit_version)
        _require_person(session, by.actor, technician_id, start)
        slots = _slots(session, visit_id)
        only = slots[0].id if len(slots) == 1 else None
        slot = crew_slot_id or next((row.id for row in slots if row.assignment_id is None), only)
        if slot is None or slot not in {row.id for row in slots}:
            raise Conflict("Everybody this visit needs is booked already. Move somebody instead.")
        mine = next(row for row in slots if row.id == slot)
        if (mine.technician_id, mine.during and mine.during.lower) == (technician_id, start):
            # The same was asked a moment ago, by a second click or somebody who saw the same best place.
            return Placed(assignment=session.get_one(Assignment, mine.assignment_id), pushed=())
        if mine.assignment_id is not None:
            raise Conflict(crew_sentence(session, slot))
        together = next((row for row in slots if row.assignment_id is not None and row.id != slot), None)
        if together is not None and together.during.lower != start:
            raise Conflict("The crew starts together. Use the time of the others, or move them first.")
        verdict = judge(
            session,
            visit=visit,
            crew_slot_id=slot,
            technician_id=technician_id,
            start=start,
            now=by.now,
            pushing=pushing,
        )
        with _next_best_told(session, visit, slot, verdict, by.now):
            reason = _permitted([verdict], visit, by.actor, override_reason)
            changes = [SlotChange(visit_id=visit_id, crew_slot_id=slot, to=verdict.placement), *verdict.makes_room]
            changed = change_slots(session, changes, by.entry("assign", [verdict], reason))
        placed = _assignment(session, changed[0])
        _keep_override(session, [verdict], placed, reason, by.now)
        return Placed(assignment=placed, pushed=verdict.pushed)

    return work


def move_assignment(
    session: Session,
    *,
    assignment_id: int,
    actor: Actor,
    now: datetime,
    technician_id: int | None = None,
    start: datetime | None = None,
    version: int | None = None,
    override_reason: str | None = None,
) -> Assignment:
    """Give a booking to another person, another time or both; a crew moves in time together."""
    by = _By(actor=actor, now=now)
    work = _moving(session, assignment_id, technician_id, start, version, override_reason, (), by)
    return again_once(session, work).assignment


def _moving(
    session: Session,
    assignment_id: int,
    technician_id: int | None,
    start: datetime | None,
    version: int | None,
    override_reason: str | None,
    pushing: Collection[int],
    by: _By,
) -> Callable[[], Placed]:
    def work() -> Placed:
        visit, row = _booking(session, assignment_id, by.actor, version)
        verdicts: list[Verdict] = []
        changes: list[SlotChange] = []
        for slot in _slots(session, row.visit_id):
            mine = slot.id == row.crew_slot_id
            if slot.assignment_id is None or (not mine and (start is None or start == slot.during.lower)):
                continue
            if mine and technician_id is not None and technician_id != slot.technician_id:
                _require_person(session, by.actor, technician_id, start or slot.during.lower)
            verdict = judge(
                session,
                visit=visit,
                crew_slot_id=slot.id,
                technician_id=technician_id if mine and technician_id is not None else slot.technician_id,
                start=start or slot.during.lower,
                now=by.now,
                pushing=pushing,
            )
            verdicts.insert(0 if mine else len(verdicts), verdict)
            expect = (slot.assignment_id, slot.version)
            changes.append(SlotChange(visit_id=visit.id, crew_slot_id=slot.id, to=verdict.placement, expect=expect))
        changes += [change for verdict in verdicts for change in verdict.makes_room]
        with _next_best_told(session, visit, row.crew_slot_id, verdicts[0], by.now):
            reason = _permitted(verdicts, visit, by.actor, override_reason)
            changed = change_slots(session, changes, by.entry("move", verdicts, reason))
        landed = next(item for item in changed if item.crew_slot_id == row.crew_slot_id)
        pushed = tuple(each for verdict in verdicts for each in verdict.pushed)
        placed = _assignment(session, landed)
        _keep_override(session, verdicts, placed, reason, by.now)
        return Placed(assignment=placed, pushed=pushed)

    return work


def _booking(session: Session, assignment_id: int, actor: Actor, version: int | None) -> tuple[Any, Any]:
    """Lock the visit of a booking and read the booking as it is then: before, it can still go away or move."""
    booking = select(Assignment.visit_id, Assignment.crew_slot_id, Assignment.version).where(
        Assignment.id == assignment_id, live()
    )
    seen = session.execute(booking).first()
    if seen is None:
        raise NotFound("There is no such booking any more.")
    visit = _visit(session, seen.visit_id, actor, None)
    row = session.execute(booking).first()
    if row is None:
        raise Conflict("Somebody else took this booking away or gave it to another person a moment ago.")
    if version is not None and version != row.version:
        raise Conflict("Somebody else changed this booking in the meantime. Look at it again before you move it.")
    return visit, row


def unassign_visit(
    session: Session,
    *,
    visit_id: int,
    actor: Actor,
    now: datetime,
    crew_slot_id: int | None = None,
    visit_version: int | None = None,
    reason: str | None = None,
    draft: bool = False,
) -> list[Changed]:
    """Take the crew, or one of it, off a visit; the visit is open again with its owner and a next step."""
    _visit(session, visit_id, actor, visit_version)
    booked = [
        row for row in _slots(session, visit_id) if row.assignment_id is not None and crew_slot_id in (None, row.id)
    ]
    if not booked:
        raise Conflict("Nobody is booked for this visit.")
    changes = [
        SlotChange(visit_id=visit_id, crew_slot_id=row.id, to=None, expect=(row.assignment_id, row.version))
        for row in booked
    ]
    return change_slots(session, changes, _By(actor=actor, now=now, draft=draft).entry("unassign", [], reason))


def _visit(session: Session, visit_id: int, actor: Actor, version: int | None) -> Any:
    """Lock a visit that may still be planned and that the actor may book."""
    visit = lock_visits(session, [visit_id])[visit_id]
    actor.require(Right.ASSIGNMENT_EDIT, visit.territory_id, what="visit")
    if version is not None and visit.version != version:
        raise Conflict("Somebody else changed this visit in the meantime. Look at it again before you book it.")
    if visit.state not in PLANNABLE:
        raise Conflict(f"This visit is {str(visit.state).replace('_', ' ')}; it cannot be booked any more.")
    return visit


def _require_person(session: Session, actor: Actor, technician_id: int, start: datetime) -> None:
    """Refuse people who neither belong to nor work in the actor's territories, as if there were no such person."""
    reach = actor.territories(Right.ASSIGNMENT_EDIT)
    if reach is None:
        return
    member = select(TerritoryMembership.id).where(
        TerritoryMembership.technician_id == technician_id,
        TerritoryMembership.territory_id.in_(reach),
        TerritoryMembership.during.contains(start.date()),
    )
    works = select(Shift.id).where(
        Shift.technician_id == technician_id,
        Shift.territory_id.in_(reach),
        ~Shift.cancelled,
        Shift.during.contains(start),
    )
    if not session.scalar(select(or_(member.exists(), works.exists()))):
        raise NotFound("There is no such person.")


def _slots(session: Session, visit_id: int) -> Sequence[Any]:
    """Return the crew slots of a visit by position, with who is booked."""
    return session.execute(
        select(
            CrewSlot.id,
            Assignment.id.label("assignment_id"),
            Assignment.version,
            Assignment.technician_id,
            Assignment.during,
            Assignment.state,
        )
        .outerjoin(Assignment, (Assignment.crew_slot_id == CrewSlot.id) & live())
        .where(CrewSlot.visit_id == visit_id)
        .order_by(CrewSlot.position)
    ).all()


def _permitted(verdicts: Sequence[Verdict], visit: Any, actor: Actor, override_reason: str | None) -> str | None:
    """Return the reason that is kept, or refuse: with the sentences, and whether this actor may give one."""
    found = [item for verdict in verdicts for item in verdict.objections]
    if not found:
        return None
    weights = {item.weight for item in found}
    reasons = list(dict.fromkeys(sentence for verdict in verdicts for sentence in verdict.reasons))
    right = Right.OVERRIDE_HARD if Weight.RULE in weights else Right.OVERRIDE_SOFT
    never = Weight.NEVER in weights
    may = not never and (
        actor.may(right, visit.territory_id)
        or (right is Right.OVERRIDE_SOFT and actor.may(Right.OVERRIDE_HARD, visit.territory_id))
    )
    if override_reason is None or not override_reason.strip() or never:
        raise CannotPlace(reasons, found, may_override=may)
    if not may:
        raise Forbidden("This breaks a rule, not a wish. Ask somebody who may override rules, or choose another place.")
    return f"{override_reason.strip()} (in spite of: {' '.join(reasons)})"


def _keep_override(
    session: Session, verdicts: Sequence[Verdict], placed: Assignment, reason: str | None, now: datetime
) -> None:
    """Who gave a booking to somebody without the skill knows it: it is no loose end unless more is missing later."""
    if reason is not None and any(item.code in UNMET for verdict in verdicts for item in verdict.objections):
        leave_overridden(session, placed.id, reason=reason, now=now)


@contextmanager
def _next_best_told(session: Session, visit: Any, crew_slot_id: int, verdict: Verdict, now: datetime) -> Iterator[None]:
    """Say together with a time that is taken where the visit could go instead.

    Where it is another of the crew who is taken there, a place for this one would not help.
    """
    try:
        yield
    except Conflict as refused:
        if isinstance(refused, Busy):
            raise
        if isinstance(refused, CannotPlace) and not any(item.code == "double_booking" for item in verdict.objections):
            raise
        more = next_best(
            session,
            visit_id=visit.id,
            territory_id=visit.territory_id,
            crew_slot_id=crew_slot_id,
            start=verdict.placement.start,
            now=now,
        )
        if more is None:
            raise
        if isinstance(refused, CannotPlace):
            raise CannotPlace(
                refused.reasons, refused.objections, may_override=refused.may_override, instead=more
            ) from refused
        raise Taken(refused.message, more) from refused


def _assignment(session: Session, changed: Changed) -> Assignment:
    assert changed.after is not None
    return session.scalars(
        select(Assignment).where(Assignment.id == changed.after.assignment_id).execution_options(populate_existing=True)
    ).one()


def pin_visit(
    session: Session,
    *,
    visit_id: int,
    actor: Actor,
    now: datetime,
    crew_slot_id: int | None = None,
    reason: str | None = None,
) -> Pin:
    """Keep a booking as it is: the next plan leaves person and time alone."""
    _visit(session, visit_id, actor, None)
    slot = next(
        (row for row in _slots(session, visit_id) if row.assignment_id is not None and crew_slot_id in (None, row.id)),
        None,
    )
    if slot is None:
        raise Conflict("Book somebody first; then the booking can be kept.")
    before = pins_of(session, visit_id)
    pin = session.scalars(select(Pin).where(Pin.crew_slot_id == slot.id)).one_or_none()
    if pin is None:
        pin = Pin(visit_id=visit_id, crew_slot_id=slot.id, pinned_at=now)
        session.add(pin)
    pin.technician_id, pin.starts_at = slot.technician_id, slot.during.lower
    pin.pinned_by_id, pin.pinned_at, pin.reason = actor.user_id, now, reason
    session.flush()
    note_pins(session, "pin", visit_id, before, actor=actor, now=now, reason=reason)
    return pin


def unpin_visit(session: Session, *, visit_id: int, actor: Actor, now: datetime) -> None:
    """Let the next plan decide again."""
    _visit(session, visit_id, actor, None)
    before = pins_of(session, visit_id)
    if not before:
        raise Conflict("This booking is not pinned.")
    put_pins(session, visit_id, [])
    note_pins(session, "unpin", visit_id, before, actor=actor, now=now)
