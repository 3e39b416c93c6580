"""Accepting what a repair proposes: one step, checked against the day as it is now, taken back as one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from dispatch.accounts.access import Actor, Right
from dispatch.core.errors import Conflict, NotFound
from dispatch.jobs.models import Customer, Job, Promise, PromiseState, Visit
from dispatch.jobs.service import Window
from dispatch.messages.calls import BadNews, call_again, call_first, note_told
from dispatch.messages.lifecycle import Topic
from dispatch.messages.models import CallKind, CallState, CallTask
from dispatch.messages.promising import promise_window
from dispatch.messages.service import News, span, tell
from dispatch.planning.assigning import assign_visit, move_assignment
from dispatch.planning.changing import (
    Entry,
    Placement,
    SlotChange,
    change_slots,
    live_slots,
    lock_visits,
    placement_of,
)
from dispatch.planning.choices import look_for_times, put_choice
from dispatch.planning.draft_publishing import publish_overlapped
from dispatch.planning.models import (
    DELAYS,
    FREES_TIME,
    Disruption,
    DisruptionKind,
    DisruptionState,
    RepairItem,
    RepairPart,
)
from dispatch.planning.offering import give_way, held_offer, promised_by, release_times, take_time, window_around
from dispatch.planning.proposals import bookings_now, held_back, people_of

CALL_WITHIN = timedelta(minutes=30)
CALL_BEFORE = timedelta(minutes=30)
SOONEST_CALL = timedelta(minutes=15)
WATCHED_FOR = timedelta(minutes=15)
AGREED = "Agreed on the new time"
CHANGED_MEANWHILE = "Some days changed after this was worked out; what concerns them was left as it is."


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What accepting did: visits that got their new place, that wait for a call, and that changed meanwhile."""

    booked: tuple[int, ...]
    to_call: tuple[int, ...]
    changed: tuple[int, ...]


def accept_repair(
    session: Session,
    *,
    disruption_id: int,
    attempt: int,
    late_too: bool,
    actor: Actor,
    now: datetime,
    choice: int | None = None,
) -> Accepted:
    """Accept what keeps the promises, with ``late_too`` also what does not; the rest becomes a list of calls.

    With ``choice`` it is all that belongs to that one of several people who could come.
    """
    disruption = steered(session, disruption_id, actor)
    if disruption.state is DisruptionState.ACCEPTED:
        raise Conflict("This is repaired already. What is left to do stands below.")
    if disruption.state is not DisruptionState.PROPOSED or disruption.attempt != attempt:
        raise Conflict("There is a newer proposal, or one is being made. Look at it before you accept.")
    _require_turn(session, disruption, actor, now)
    parts = (RepairPart.KEPT, RepairPart.CUSTOMER) if late_too or choice is not None else (RepairPart.KEPT,)
    if choice is None:
        return apply_items(session, disruption, parts=parts, actor=actor, now=now)
    put_choice(session, disruption, choice)
    done = apply_items(session, disruption, parts=parts, actor=actor, now=now)
    if disruption.visit_id not in done.booked:
        raise Conflict("The day of that person changed meanwhile. Ask for a new proposal.")
    look_for_times(session, disruption)
    return done


def steered(session: Session, disruption_id: int, actor: Actor) -> Disruption:
    """Lock a disruption that the actor may repair, with its lines."""
    disruption = session.scalars(
        select(Disruption)
        .where(Disruption.id == disruption_id)
        .with_for_update()
        .options(selectinload(Disruption.items))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if disruption is None:
        raise NotFound("There is no such disruption.")
    for territory_id, _day in disruption.scope:
        actor.require(Right.ASSIGNMENT_EDIT, territory_id, what="disruption")
    return disruption


def watched_by(disruption: Disruption, now: datetime) -> int | None:
    """Return who repairs this now; nobody does who has not been heard of for a while."""
    since = disruption.repairing_since
    return disruption.repairer_id if since is not None and since > now - WATCHED_FOR else None


def _require_turn(session: Session, disruption: Disruption, actor: Actor, now: datetime) -> None:
    other = watched_by(disruption, now)
    if other is not None and other != actor.user_id:
        raise Conflict("A colleague is repairing this. Take it over first, or let them finish.")
    disruption.repairer_id, disruption.repairing_since = actor.user_id, now


def apply_items(
    session: Session, disruption: Disruption, *, parts: Collection[RepairPart], actor: Actor, now: datetime
) -> Accepted:
    """Write the lines of these parts, free what cannot stay, and say whom to call; all of it is one step back."""
    items = session.scalars(
        select(RepairItem).where(RepairItem.disruption_id == disruption.id).order_by(RepairItem.position)
    ).all()
    visits = lock_visits(session, [item.visit_id for item in items])
    now_booked = bookings_now(session, disruption)
    changed_people = {int(person) for person, rows in disruption.rests_on.items() if now_booked[person] != rows}
    moved_on = {item.visit_id for item in items if visits[item.visit_id].version != item.visit_version}
    wanted = [item for item in items if item.part in parts and item.changes and not item.booked]
    back = held_back(
        [_shape(item) for item in items],
        take={item.visit_id for item in wanted} - moved_on,
        closed=changed_people,
    )
    taken = [item for item in wanted if item.visit_id not in back | moved_on]
    if RepairPart.CUSTOMER in parts:
        release_times(session, [item.visit_id for item in items])  # they get the times of the proposal instead
    current = live_slots(session, [each["crew_slot_id"] for item in items for each in item.changes], lock=True)
    freed = [
        item
        for item in items
        if item not in taken
        and not item.stays
        and not item.booked
        and item.visit_id not in moved_on
        and _is_booked(item, current)
    ]
    changes = [change for item in taken for change in _slot_changes(item)]
    changes += [change for item in freed for change in _freeing(item)]
    calls = [item for item in items if item in freed or (item in taken and item.part is RepairPart.CUSTOMER)]
    if disruption.kind in DELAYS:
        give_way(session, changes)
    if changes:
        note = {"kept": sum(item.part is RepairPart.KEPT for item in taken), "to_call": len(calls)}
        entry = Entry(
            action="repair", actor=actor, now=now, entity="disruption", entity_id=str(disruption.id), note=note
        )
        change_slots(session, changes, entry)
        publish_overlapped(session, {change.visit_id for change in changes}, actor=actor, now=now)
    for item in taken:
        item.booked = new_start(item) is not None
    _have_called(session, disruption, calls, now)
    if changes:
        wish_well(session, disruption, back=False, actor=actor, now=now)
    left = [item.visit_id for item in wanted if item not in taken]
    if left:
        disruption.message = CHANGED_MEANWHILE
    else:
        disruption.state, disruption.settled_at, disruption.message = DisruptionState.ACCEPTED, now, None
    session.flush()
    return Accepted(
        booked=tuple(item.visit_id for item in taken),
        to_call=tuple(item.visit_id for item in calls),
        changed=tuple(left),
    )


def _shape(item: RepairItem) -> dict[str, Any]:
    return {"visit_id": item.visit_id, "stays": item.stays, "people": people_of(item.changes)}


def _is_booked(item: RepairItem, current: Mapping[int, Any]) -> bool:
    """Tell whether the bookings that cannot stay are still the ones that were looked at."""
    return all(
        each["expect"] is None
        or (
            each["crew_slot_id"] in current
            and [current[each["crew_slot_id"]].id, current[each["crew_slot_id"]].version] == each["expect"]
        )
        for each in item.changes
    ) and any(each["expect"] is not None for each in item.changes)


def _slot_changes(item: RepairItem) -> Sequence[SlotChange]:
    return [
        SlotChange(
            visit_id=item.visit_id,
            crew_slot_id=each["crew_slot_id"],
            to=None if each["to"] is None else Placement.from_dict(each["to"]),
            expect=None if each["expect"] is None else (each["expect"][0], each["expect"][1]),
        )
        for each in item.changes
    ]


def _freeing(item: RepairItem) -> Sequence[SlotChange]:
    return [
        SlotChange(
            visit_id=item.visit_id,
            crew_slot_id=each["crew_slot_id"],
            to=None,
            expect=(each["expect"][0], each["expect"][1]),
        )
        for each in item.changes
        if each["expect"] is not None
    ]


def told_start(item: RepairItem) -> datetime | None:
    """Return when the customer expects somebody now, as far as it was booked."""
    starts = [datetime.fromisoformat(each["was"][1]) for each in item.changes if each["was"] is not None]
    return min(starts, default=None)


def new_start(item: RepairItem) -> datetime | None:
    """Return when somebody would come by the proposal."""
    starts = [datetime.fromisoformat(each["to"]["start"]) for each in item.changes if each["to"] is not None]
    return min(starts, default=None)


def call_by(told: datetime | None, now: datetime) -> datetime:
    """Return until when a customer must have been called: well before they expect somebody, and soon in any case."""
    due = now + CALL_WITHIN
    if told is not None:
        due = min(due, told - CALL_BEFORE)
    return max(due, now + SOONEST_CALL)


def _have_called(session: Session, disruption: Disruption, items: Sequence[RepairItem], now: datetime) -> None:
    """Have everybody called who waits for us: who was promised a time that will not be kept, whose visit fell through.

    Nobody is called because we could come sooner: that is asked where it is found, and nothing changes without it.
    """
    promised = session.execute(
        select(Promise.visit_id, Promise.during).where(
            Promise.visit_id.in_([item.visit_id for item in items]), Promise.state == PromiseState.STANDING
        )
    )
    told = {row.visit_id: row.during for row in promised}
    news = []
    for item in items:
        fell_through = disruption.kind in FREES_TIME and item.visit_id == disruption.visit_id
        if fell_through:
            by = call_by(told_start(item), now)
            news.append(BadNews(visit_id=item.visit_id, kind=CallKind.SECOND_VISIT, facts={}, by=by))
        elif item.visit_id in told:
            start = new_start(item) if item.booked else None
            facts = {"promise": span(told[item.visit_id])} | ({} if start is None else {"start": start.isoformat()})
            by = call_by(told_start(item), now)
            news.append(BadNews(visit_id=item.visit_id, kind=CallKind.PROMISE_BROKEN, facts=facts, by=by))
    call_first(session, news, now=now)


def wish_well(session: Session, disruption: Disruption, *, back: bool, actor: Actor, now: datetime) -> None:
    """Tell whoever cannot work that their jobs are looked after, instead of listing what was taken; or take it back."""
    if disruption.kind is not DisruptionKind.CANNOT_WORK or disruption.technician_id is None:
        return
    wish = News(
        topic=Topic.ABSENCE,
        number=disruption.id,
        technician_id=disruption.technician_id,
        territory_id=disruption.territory_id,
        after=None if back else {},
    )
    tell(session, [wish], actor=actor, now=now)


def book_agreed(session: Session, *, disruption_id: int, visit_id: int, actor: Actor, now: datetime) -> None:
    """Book the time that a customer agreed to, and promise a window with room around it."""
    disruption, item = _line(session, disruption_id, visit_id, actor)
    places = [Placement.from_dict(each["to"]) for each in item.changes if each["to"] is not None]
    if item.part is not RepairPart.CUSTOMER or not places:
        raise Conflict("There is no time proposed for this visit.")
    known = bookings_now(session, disruption)
    start, end = window_around(places[0].start, places[0].travel_s, places[0].travel_source)
    _agree(session, visit_id, Window(start=start, end=end), actor, now)
    if not item.booked:
        release_times(session, [visit_id])
        standing = live_slots(session, [each["crew_slot_id"] for each in item.changes])
        for each, place in zip([one for one in item.changes if one["to"] is not None], places, strict=True):
            row = standing.get(each["crew_slot_id"])
            _place(session, visit_id, each["crew_slot_id"], row, place, actor, now)
        publish_overlapped(session, [visit_id], actor=actor, now=now)
        item.booked = True
    _keep_up(session, disruption, known, actor, now)


def book_offer(
    session: Session, *, disruption_id: int, visit_id: int, offer_id: int, actor: Actor, now: datetime
) -> None:
    """Book one of the times that are held for a customer, promise its window and note that they agreed."""
    disruption, item = _line(session, disruption_id, visit_id, actor)
    known = bookings_now(session, disruption)
    offer = held_offer(session, offer_id=offer_id, visit_id=visit_id, actor=actor, now=now)
    _agree(session, visit_id, promised_by(offer), actor, now)
    taken = take_time(session, offer_id=offer_id, visit_id=visit_id, actor=actor, now=now)
    row = live_slots(session, [taken.crew_slot_id])[taken.crew_slot_id]
    was = next((each for each in item.changes if each["crew_slot_id"] == taken.crew_slot_id), None)
    change = {"crew_slot_id": taken.crew_slot_id, "expect": None, "was": None} if was is None else dict(was)
    item.changes = [change | {"to": placement_of(row).as_dict()}]
    item.booked = True
    _keep_up(session, disruption, known, actor, now)


def tell_late(session: Session, *, disruption_id: int, visit_id: int, actor: Actor, now: datetime) -> bool:
    """Tell a customer the later time of the proposal and book it; False where they want to be called instead.

    What is written waits in the outbox for a moment, so that it can be recalled.
    """
    disruption, item = _line(session, disruption_id, visit_id, actor)
    places = [Placement.from_dict(each["to"]) for each in item.changes if each["to"] is not None]
    if disruption.state is not DisruptionState.PROPOSED or item.part is not RepairPart.CUSTOMER or not places:
        raise Conflict("There is no later time to tell them. Look at the proposal.")
    wants_call = session.scalar(
        select(Customer.preferred_channel)
        .join(Job, Job.customer_id == Customer.id)
        .join(Visit, Visit.job_id == Job.id)
        .where(Visit.id == visit_id)
    )
    if wants_call == "call":
        _have_called(session, disruption, [item], now)
        return False
    known = bookings_now(session, disruption)
    start, end = window_around(places[0].start, places[0].travel_s, places[0].travel_source)
    release_times(session, [visit_id])
    promise_window(
        session,
        visit_id=visit_id,
        window=Window(start=start, end=end),
        agreed_with=None,
        channel=wants_call,
        actor=actor,
        now=now,
    )
    entry = Entry(
        action="repair",
        actor=actor,
        now=now,
        entity="disruption",
        entity_id=str(disruption.id),
        note={"told": 1},
        undoable=False,  # the customer is told; to move it again is a decision of its own
    )
    changes = list(_slot_changes(item))
    give_way(session, changes)
    change_slots(session, changes, entry)
    publish_overlapped(session, {change.visit_id for change in changes}, actor=actor, now=now)
    item.booked = True
    _keep_up(session, disruption, known, actor, now)
    return True


def none_suits(
    session: Session,
    *,
    disruption_id: int,
    visit_id: int,
    note: str,
    owner_id: int,
    due_at: datetime,
    actor: Actor,
    now: datetime,
) -> None:
    """Let the times go that do not suit a customer; who rings them again, and by when, is kept."""
    disruption, _item = _line(session, disruption_id, visit_id, actor)
    fell_through = disruption.kind in FREES_TIME and visit_id == disruption.visit_id
    kind = CallKind.SECOND_VISIT if fell_through else CallKind.PROMISE_BROKEN
    call_again(session, visit_id=visit_id, kind=kind, note=note, owner_id=owner_id, due_at=due_at, actor=actor, now=now)
    release_times(session, [visit_id])
    disruption.repairer_id, disruption.repairing_since = actor.user_id, now
    session.flush()


def _line(session: Session, disruption_id: int, visit_id: int, actor: Actor) -> tuple[Disruption, RepairItem]:
    disruption = steered(session, disruption_id, actor)
    item = session.get(RepairItem, (disruption_id, visit_id), with_for_update=True)
    if item is None:
        raise NotFound("There is no such line.")
    if item.booked:
        raise Conflict("A time is booked for this visit already. Move it on the board instead.")
    return disruption, item


def _agree(session: Session, visit_id: int, window: Window, actor: Actor, now: datetime) -> None:
    """Promise what was agreed; an open call about it has been made then."""
    call = session.scalars(
        select(CallTask).where(CallTask.visit_id == visit_id, CallTask.state == CallState.OPEN)
    ).one_or_none()
    if call is None:
        promise_window(
            session, visit_id=visit_id, window=window, agreed_with=None, channel="call", actor=actor, now=now
        )
    else:
        note_told(session, call_id=call.id, version=None, outcome=AGREED, actor=actor, now=now, window=window)


def _keep_up(session: Session, disruption: Disruption, known: Mapping[str, Any], actor: Actor, now: datetime) -> None:
    """Let the proposal know of what was booked out of itself: the rest of it stands."""
    session.flush()
    changed = bookings_now(session, disruption)
    disruption.rests_on = {
        person: changed[person] if known[person] == rows else rows for person, rows in disruption.rests_on.items()
    }
    disruption.repairer_id, disruption.repairing_since = actor.user_id, now
    session.flush()


def _place(
    session: Session, visit_id: int, crew_slot_id: int, row: Any, place: Placement, actor: Actor, now: datetime
) -> None:
    if row is None:
        assign_visit(
            session,
            visit_id=visit_id,
            crew_slot_id=crew_slot_id,
            technician_id=place.technician_id,
            start=place.start,
            actor=actor,
            now=now,
        )
    else:
        move_assignment(
            session,
            assignment_id=row.id,
            technician_id=place.technician_id,
            start=place.start,
            actor=actor,
            now=now,
        )
