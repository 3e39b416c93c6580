"""Booking by hand: assign, move, unassign, pin. One service for form, keyboard, drag and candidate list.

The rules are asked for each placement; whoever may overrule one gives a reason. Nobody overrules a double booking or a
missing safety certification.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.clock import local_day
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import CrewSlot, Job, Site, Visit
from dispatch.matching.problem import Problem
from dispatch.planning.changing import Busy, Changed, Entry, Placement, SlotChange, change_slots, lock_visits
from dispatch.planning.models import Assignment, Pin
from dispatch.planning.musts import Neighbour, Objection, Question, WayFinder, Weight, objections, way_there
from dispatch.planning.next_best import next_best
from dispatch.planning.objection_words import sentences
from dispatch.planning.pins import note_pins, pins_of, put_pins
from dispatch.planning.readings import point
from dispatch.planning.rows import live
from dispatch.planning.snapshot import Snapshot, active_policy, read_snapshot
from dispatch.planning.terms import stop_terms
from dispatch.skills.models import CertificationKind
from dispatch.workforce.models import Shift, Territory, TerritoryMembership

PAST_GRACE = timedelta(minutes=15)
PLANNABLE = (VisitState.OPEN, VisitState.PLANNED)


class CannotPlace(Conflict):
    """A placement that breaks rules: the sentences, and whether this actor may go ahead with a reason."""

    def __init__(self, reasons: Sequence[str], found: Sequence[Objection], *, may_override: bool) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = tuple(reasons)
        self.objections = tuple(found)
        self.may_override = may_override


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a placement would mean: the row it would become, and everything that speaks against it in words."""

    placement: Placement
    objections: tuple[Objection, ...]
    reasons: tuple[str, ...]

    @property
    def weight(self) -> Weight | None:
        """The gravest objection's weight; None when nothing speaks against it."""
        return self.objections[0].weight if self.objections else None


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
    visit = _visit(session, visit_id, actor, visit_version)
    _require_person(session, actor, technician_id, start)
    slots = _slots(session, visit_id)
    slot = crew_slot_id or next((row.id for row in slots if row.assignment_id is None), None)
    if slot is None or slot not in {row.id for row in slots}:
        raise Conflict("Everybody this visit needs is booked already. Move somebody instead.")
    together = next((row for row in slots if row.assignment_id is not None and row.id != slot), None)
    if together is not None and together.during.lower != start:
        raise Conflict("The crew starts together. Use the time of the others, or move them first.")
    verdict = judge(session, visit=visit, crew_slot_id=slot, technician_id=technician_id, start=start, now=now)
    change = SlotChange(visit_id=visit_id, crew_slot_id=slot, to=verdict.placement)
    with _next_best_told(session, visit, slot, start, now):
        reason = _permitted([verdict], visit, actor, override_reason)
        changed = change_slots(session, [change], Entry(action="assign", actor=actor, now=now, reason=reason))
    return _assignment(session, changed[0])


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
    row = session.execute(
        select(Assignment.visit_id, Assignment.crew_slot_id, Assignment.version).where(
            Assignment.id == assignment_id, live()
        )
    ).first()
    if row is None:
        raise NotFound("There is no such booking any more.")
    if version is not None and version != row.version:
        raise Conflict("Somebody else changed this booking in the meantime. Look at it again before you move it.")
    visit = _visit(session, row.visit_id, actor, None)
    verdicts: list[Verdict] = []
    changes: list[SlotChange] = []
    for slot in _slots(session, row.visit_id):
        mine = slot.id == row.crew_slot_id
        if slot.assignment_id is None or (not mine and (start is None or start == slot.during.lower)):
            continue
        if mine and technician_id is not None and technician_id != slot.technician_id:
            _require_person(session, actor, technician_id, start or slot.during.lower)
        verdict = judge(
            session,
            visit=visit,
            crew_slot_id=slot.id,
            technician_id=technician_id if mine and technician_id is not None else slot.technician_id,
            start=start or slot.during.lower,
            now=now,
        )
        verdicts.append(verdict)
        expect = (slot.assignment_id, slot.version)
        changes.append(SlotChange(visit_id=visit.id, crew_slot_id=slot.id, to=verdict.placement, expect=expect))
    with _next_best_told(session, visit, row.crew_slot_id, verdicts[0].placement.start, now):
        reason = _permitted(verdicts, visit, actor, override_reason)
        changed = change_slots(session, changes, Entry(action="move", actor=actor, now=now, reason=reason))
    return _assignment(session, next(item for item in changed if item.crew_slot_id == row.crew_slot_id))


def unassign_visit(
    session: Session,
    *,
    visit_id: int,
    actor: Actor,
    now: datetime,
    crew_slot_id: int | None = None,
    visit_version: int | None = None,
    reason: str | None = None,
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
    return change_slots(session, changes, Entry(action="unassign", actor=actor, now=now, reason=reason))


def judge(
    session: Session, *, visit: Any, crew_slot_id: int, technician_id: int, start: datetime, now: datetime
) -> Verdict:
    """Ask every rule about one placement; nothing is written."""
    if start < now - PAST_GRACE:
        raise Invalid("That time has passed. Choose a later one.", field="start")
    shift = _shift_for(session, technician_id, start)
    snapshot = read_snapshot(
        session,
        scope=[(shift.territory_id, shift.on_date)],
        policy=active_policy(session),
        now=min(now, start),
        technicians=[technician_id],
        visits=[visit.id],
    )
    question = _question(session, snapshot, shift, visit.id, crew_slot_id, technician_id, start)
    places = {question.shift.start, question.shift.end, question.visit.point, *(n.point for n in question.neighbours)}
    ways = WayFinder(snapshot.problem, [place for place in places if place is not None])
    found = tuple(objections(question, ways))
    way = way_there(question, ways)
    terms = stop_terms(
        snapshot.problem,
        technician=question.technician.id,
        visit=question.visit.id,
        slot=question.slot,
        travel_s=max(0, way.seconds),
        late_s=max(0, question.start_s - question.promise[1]) if question.promise else 0,
    )
    placement = Placement(
        technician_id=technician_id,
        shift_id=shift.id,
        start=start,
        end=snapshot.clock.instant(question.end_s),
        travel_s=max(0, way.seconds),
        travel_m=max(0, way.metres),
        travel_source=way.source,
        why=terms.as_dict(),
    )
    zone = snapshot.period.zones[shift.territory_id]
    return Verdict(
        placement=placement,
        objections=found,
        reasons=sentences(session, found, technician_id, snapshot.clock, zone, visit_id=visit.id),
    )


def _question(
    session: Session,
    snapshot: Snapshot,
    shift: Any,
    visit_id: int,
    crew_slot_id: int,
    technician_id: int,
    start: datetime,
) -> Question:
    problem, clock = snapshot.problem, snapshot.clock
    if str(shift.id) not in problem.shift_by_id and technician_id in snapshot.without_papers:
        raise Conflict("A paper that this person's company must keep has lapsed. Record the new one first.")
    if str(shift.id) not in problem.shift_by_id or str(visit_id) not in problem.visit_by_id:
        raise Conflict("This person is away for the whole shift, or another visit must be done first.")
    promise = snapshot.promises.get(visit_id)
    return Question(
        problem=problem,
        technician=problem.technician_by_id[str(technician_id)],
        shift=problem.shift_by_id[str(shift.id)],
        visit=problem.visit_by_id[str(visit_id)],
        slot=snapshot.slots[visit_id].index(crew_slot_id),
        start_s=clock.seconds(start),
        neighbours=_neighbours(session, snapshot, shift, visit_id, technician_id),
        safety=_safety(session, problem, visit_id),
        promise=None if promise is None else (clock.seconds(promise[0]), clock.seconds(promise[1])),
    )


def _neighbours(
    session: Session, snapshot: Snapshot, shift: Any, visit_id: int, technician_id: int
) -> tuple[Neighbour, ...]:
    """Return what else the person has that day, whichever territory it belongs to."""
    found = session.execute(
        select(Assignment.visit_id, Assignment.during, Site.lat, Site.lon)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Site, Site.id == Job.site_id)
        .where(
            Assignment.technician_id == technician_id,
            live(),
            Assignment.visit_id != visit_id,
            func.upper(Assignment.during) > shift.during.lower - timedelta(hours=6),
            func.lower(Assignment.during) < shift.during.upper + timedelta(hours=6),
        )
        .order_by(func.lower(Assignment.during))
    )
    return tuple(
        Neighbour(
            visit=str(row.visit_id),
            start_s=snapshot.clock.seconds(row.during.lower),
            end_s=snapshot.clock.seconds(row.during.upper),
            point=point(row.lat, row.lon),
        )
        for row in found
    )


def _safety(session: Session, problem: Problem, visit_id: int) -> Collection[str]:
    kinds = {int(kind) for slot in problem.visit_by_id[str(visit_id)].crew for kind in slot.certifications}
    if not kinds:
        return ()
    found = session.scalars(
        select(CertificationKind.id).where(CertificationKind.id.in_(kinds), CertificationKind.safety)
    )
    return tuple(str(kind) for kind in found)


def _shift_for(session: Session, technician_id: int, start: datetime) -> Any:
    """Return the shift the time lies in, or else one of that local day; raises Conflict when there is none."""
    around = timedelta(hours=30)
    found = session.execute(
        select(Shift.id, Shift.territory_id, Shift.on_date, Shift.during, Territory.zone)
        .join(Territory, Territory.id == Shift.territory_id)
        .where(
            Shift.technician_id == technician_id,
            ~Shift.cancelled,
            func.lower(Shift.during) < start + around,
            func.upper(Shift.during) > start - around,
        )
        .order_by(Shift.id)
    ).all()
    holding = [row for row in found if row.during.lower <= start < row.during.upper]
    same_day = [row for row in found if row.on_date == local_day(start, row.zone)]
    if not holding and not same_day:
        raise Conflict("This person has no shift on that day. Add a shift first, or choose somebody else.")
    return (holding or same_day)[0]


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


def _is_taken(refused: Conflict) -> bool:
    """Tell a time that somebody else has from other objections: there another place is what helps."""
    if isinstance(refused, Busy):
        return False
    found = getattr(refused, "objections", None)
    return found is None or any(item.code == "double_booking" for item in found)


@contextmanager
def _next_best_told(session: Session, visit: Any, crew_slot_id: int, start: datetime, now: datetime) -> Iterator[None]:
    """Say together with a time that is taken where the visit could go instead."""
    try:
        yield
    except Conflict as refused:
        more = None
        if _is_taken(refused):
            more = next_best(
                session,
                visit_id=visit.id,
                territory_id=visit.territory_id,
                crew_slot_id=crew_slot_id,
                start=start,
                now=now,
            )
        if more is None:
            raise
        if isinstance(refused, CannotPlace):
            reasons = [*refused.reasons, more]
            raise CannotPlace(reasons, refused.objections, may_override=refused.may_override) from refused
        raise Conflict(f"{refused.message} {more}") from refused


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
