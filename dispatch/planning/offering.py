"""Times to offer to a customer: really free, different for a reason, and held while they choose.

A hold covers the work with the way there and on, so that what was offered can be booked. The database refuses anybody
else's booking in it (migration 0023), and a hold where somebody is booked.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.core.clock import day_bounds, local_day
from dispatch.core.errors import Conflict, NotFound
from dispatch.jobs.models import CrewSlot, VisitWindow
from dispatch.jobs.service import Window as Promised
from dispatch.matching.explain import Candidate, Merit, Option
from dispatch.matching.problem import Visit as Asked
from dispatch.matching.problem import Window
from dispatch.planning import rows
from dispatch.planning.assigning import place_visit
from dispatch.planning.changing import SlotChange, live_slots, lock_visits
from dispatch.planning.desks import PreparedDay, day_for
from dispatch.planning.draft_publishing import publish_overlapped
from dispatch.planning.models import Assignment, Offer, OfferState
from dispatch.planning.musts import WayFinder
from dispatch.planning.promise_state import late_arrival
from dispatch.planning.retries import sqlstate
from dispatch.planning.snapshot import active_policy, read_snapshot
from dispatch.workforce.models import Shift, Territory

HOLD = timedelta(minutes=10)
BUFFER = timedelta(minutes=20)
HALF_HOUR = timedelta(minutes=30)
LEAD = timedelta(minutes=10)
COUNT = 3
MOST_DAYS = 4
LOOK_AHEAD = 21  # days in which a day with shifts is looked for
EACH_DAY = 6
Aside = dict[tuple[int, date], PreparedDay]
NOT_HELD = "This time is not held any more. Look for new times."


@dataclass(frozen=True, kw_only=True)
class Free:
    """A time that could be had: who, when, what is held for it, the window to promise, and what speaks for it."""

    technician_id: int
    start: datetime
    end: datetime
    hold: tuple[datetime, datetime]
    window: tuple[datetime, datetime]
    merits: tuple[str, ...]
    cost: int
    known: bool

    def overlaps(self, other: "Free") -> bool:
        """Tell whether both cannot be held, or say the same to the customer."""
        same_person = self.technician_id == other.technician_id
        return self.window == other.window or (same_person and _meet(self.hold, other.hold))


def window_around(start: datetime, travel_s: int, source: str) -> tuple[datetime, datetime]:
    """Return a window fit to be promised: from before the start to a buffer after the late arrival, in half hours."""
    late = late_arrival(start, travel_s, source) + BUFFER
    epoch = datetime.min.replace(tzinfo=start.tzinfo)
    return start - (start - epoch) % HALF_HOUR, late + (epoch - late) % HALF_HOUR


def days_ahead(
    session: Session, *, territory_id: int, now: datetime, not_before: datetime | None = None, first: date | None = None
) -> list[PreparedDay]:
    """Return the next days with shifts in a territory, ready for questions; ``first`` is left out where it is given."""
    zone = session.scalars(select(Territory.zone).where(Territory.id == territory_id)).one()
    begin = local_day(max(now, not_before or now), zone)
    days = session.scalars(
        select(Shift.on_date)
        .where(
            Shift.territory_id == territory_id,
            ~Shift.cancelled,
            Shift.on_date >= begin,
            Shift.on_date <= begin + timedelta(days=LOOK_AHEAD),
            *([] if first is None else [Shift.on_date > first]),
        )
        .distinct()
        .order_by(Shift.on_date)
        .limit(MOST_DAYS)
    ).all()
    return [day_for(session, territory_id=territory_id, day=day, now=now, visit_id=None) for day in days]


def find_free(
    session: Session,
    *,
    visit_id: int,
    days: Sequence[PreparedDay],
    now: datetime,
    prefers: int | None = None,
    spare: Collection[int] = (),
    freed: Collection[int] = (),
    aside: Aside | None = None,
) -> list[Free]:
    """Return up to three times that differ for a reason, soonest first; a constant number of statements.

    ``prefers`` is who knows the case, ``spare`` are shifts that are meant for others; what is held for the visits
    ``freed`` is let go of. With ``aside`` several visits are asked about one after the other: what is found for one is
    served on copies of the days, on which the next is asked about.
    Of work for several people nobody can say so quickly when all of them are free: nothing is returned.
    """
    if not days:
        return []
    question = _Question(session, visit_id, days[0], now, prefers)
    if len(question.visit.crew) != 1:
        return []
    held = _held(session, now, besides={visit_id, *freed})
    found: list[Free] = []
    days = [(aside or {}).get((each.territory_id, each.day), each) for each in days]
    for prepared in days:
        for option in question.options(prepared):
            candidate = option.candidate
            if int(candidate.shift) in spare or any(
                each.start_after_s > each.start_before_s for each in candidate.knock_on
            ):
                continue
            free = question.free(prepared, option)
            if not any(who == free.technician_id and _meet(free.hold, span) for who, span in held):
                found.append(free)
    chosen = _three(found)
    if aside is not None:
        for each in chosen:
            question.set_aside(each, days, aside)
    return chosen


class _Question:
    """One visit asked about on several days: with no promise any more, since another time is being agreed."""

    def __init__(self, session: Session, visit_id: int, first: PreparedDay, now: datetime, prefers: int | None) -> None:
        snapshot = read_snapshot(
            session,
            scope=[(first.territory_id, first.day)],
            policy=active_policy(session),
            now=now,
            technicians=(),
            visits=[visit_id],
        )
        if not snapshot.problem.visits:
            raise Conflict("This visit waits for another one that nobody serves yet. Plan that one first.")
        self.now, self.prefers = now, prefers
        self.clock = snapshot.clock
        known = {*snapshot.problem.visits[0].known_faces, *([] if prefers is None else [str(prefers)])}
        self.visit: Asked = replace(
            snapshot.problem.visits[0],
            id=f"offer-{visit_id}",
            windows=(),
            due_s=None,
            published=(),
            predecessors=(),
            release_s=None,  # the spans say from when; the same visit is asked about once for each day
            age_s=0,
            known_faces=tuple(sorted(known)),
        )
        row = rows.named_visits(session, [visit_id])[0]
        release = [each for each in (row.release_at, row.job_release_at) if each is not None]
        self.release = max(release, default=None)
        self.windows = [
            (each.during.lower, each.during.upper)
            for each in rows.windows(session, [visit_id])
            if each.hard and each.during.upper > now
        ]

    def options(self, prepared: PreparedDay) -> Sequence[Option]:
        clock = prepared.snapshot.clock
        start, end = day_bounds(prepared.day, prepared.zone)
        earliest = max(start, self.now + LEAD, *([] if self.release is None else [self.release]))
        spans = [(max(low, earliest), min(high, end)) for low, high in self.windows or [(start, end)]]
        asked = [(clock.seconds(low), clock.seconds(high) - 1) for low, high in spans if low < high]
        try:
            return prepared.desk.options(self.visit, asked, count=EACH_DAY) if asked else ()
        except ValueError:
            return ()  # a place that the travel times of that day do not know

    def free(self, prepared: PreparedDay, option: Option) -> Free:
        clock, found = prepared.snapshot.clock, option.candidate
        travel = prepared.snapshot.problem.travel.matrix
        source = travel.source if travel else "great_circle"
        start, end = clock.instant(found.start_s), clock.instant(found.end_s)
        low, high = self._held(prepared, found)
        return Free(
            technician_id=int(found.technician),
            start=start,
            end=end,
            hold=(clock.instant(low), clock.instant(high)),
            window=window_around(start, found.travel_s, source),
            merits=tuple(each.value for each in option.merits),
            cost=found.cost.total,
            known=found.technician in self.visit.known_faces,
        )

    def set_aside(self, free: Free, days: Sequence[PreparedDay], aside: Aside) -> None:
        """Serve the visit at a time that was found, on a copy of its day."""
        for each in days:
            low, high = day_bounds(each.day, each.zone)
            if low <= free.start < high:
                own = aside.setdefault((each.territory_id, each.day), replace(each))
                at = own.snapshot.clock.seconds(free.start)
                fixed = Window(start_s=at, end_s=at)
                asked = replace(self.visit, id=f"{self.visit.id}-{at}-{free.technician_id}", windows=(fixed,))
                own.desk.seat(asked, str(free.technician_id))
                return

    def _held(self, prepared: PreparedDay, found: Candidate) -> tuple[int, int]:
        """Return the time that the work takes with the way there and the way on, up to what comes before and after."""
        stops = sorted(
            (stop for route in prepared.plan.routes if route.shift == found.shift for stop in route.stops),
            key=lambda stop: stop.start_s,
        )
        before = max((stop.end_s for stop in stops if stop.start_s < found.start_s), default=None)
        after = next((stop for stop in stops if stop.start_s >= found.start_s), None)
        low, high = found.start_s - found.travel_s, found.end_s
        if before is not None:
            low = max(low, min(before, found.start_s))
        if after is not None:
            there = prepared.snapshot.problem.visit_by_id[after.visit].point
            ways = WayFinder(
                prepared.snapshot.problem, [each for each in (self.visit.point, there) if each is not None]
            )
            high = max(high, min(after.start_s, high + max(0, ways.way(self.visit.point, there).seconds)))
        return low, high


def _three(found: Sequence[Free]) -> list[Free]:
    """Choose what differs: the soonest, the one by who knows the case, then another day, then the cheapest."""
    order = sorted(found, key=lambda each: (each.start, each.cost))
    chosen: list[Free] = []

    def take(wanted: Iterable[Free], merit: str | None = None) -> None:
        for each in wanted:
            if len(chosen) < COUNT and not any(each.overlaps(other) for other in chosen):
                merits = (merit,) if merit else each.merits
                chosen.append(replace(each, merits=merits))
                return

    take(order, Merit.SOONEST.value)
    take([each for each in order if each.known], Merit.KNOWN_FACE.value)
    days = {each.start.date() for each in chosen}
    take([each for each in order if each.start.date() not in days])
    for each in sorted(order, key=lambda one: one.cost):
        take([each])
    return _told_together(sorted(chosen, key=lambda each: each.start))


def _told_together(chosen: Sequence[Free]) -> list[Free]:
    """Take back what was said of a time within its own day where it does not hold among those offered together."""
    cheapest = min((each.cost for each in chosen), default=0)

    def holds(each: Free, merit: str) -> bool:
        if merit == Merit.SOONEST:
            return each is chosen[0]
        return merit != Merit.CHEAPEST or each.cost == cheapest

    return [replace(each, merits=tuple(merit for merit in each.merits if holds(each, merit))) for each in chosen]


def hold_times(
    session: Session, *, visit_id: int, free: Sequence[Free], made_by_id: int | None, now: datetime
) -> list[Offer]:
    """Hold times for ten minutes in place of those held before; what somebody else has got is left out."""
    slot = session.scalar(select(CrewSlot.id).where(CrewSlot.visit_id == visit_id).order_by(CrewSlot.position).limit(1))
    if slot is None:
        raise NotFound("There is no such visit.")
    release_times(session, [visit_id])
    session.execute(
        update(Offer)
        .where(
            Offer.technician_id.in_({each.technician_id for each in free}),
            Offer.state == OfferState.HELD,
            Offer.held_until <= now,
        )
        .values(state=OfferState.RELEASED, version=Offer.version + 1)
        .execution_options(synchronize_session=False)
    )
    made = []
    for each in sorted(free, key=lambda one: one.technician_id):  # the database locks people in one order
        offer = Offer(
            visit_id=visit_id,
            crew_slot_id=slot,
            technician_id=each.technician_id,
            during=Range(*each.hold),
            start_at=each.start,
            end_at=each.end,
            promised=Range(*each.window),
            merits=list(each.merits),
            held_until=now + HOLD,
            made_by_id=made_by_id,
            made_at=now,
        )
        try:
            with session.begin_nested():
                session.add(offer)
        except DBAPIError as error:
            if sqlstate(error) != "23P01":
                raise
        else:
            made.append(offer)
    return made


def look_for_times(session: Session, *, visit_id: int, actor: Actor, now: datetime) -> list[Offer]:
    """Look for three times anew and hold them, on today's and the next days as they are now."""
    visit = lock_visits(session, [visit_id], lock=False)[visit_id]
    actor.require(Right.ASSIGNMENT_EDIT, visit.territory_id, what="visit")
    release_times(session, [visit_id])
    row = rows.named_visits(session, [visit_id])[0]
    waits = max((each for each in (row.release_at, row.job_release_at) if each is not None), default=None)
    days = days_ahead(session, territory_id=visit.territory_id, now=now, not_before=waits)
    free = find_free(session, visit_id=visit_id, days=days, now=now, prefers=last_person(session, visit_id))
    return hold_times(session, visit_id=visit_id, free=free, made_by_id=actor.user_id, now=now)


def last_person(session: Session, visit_id: int) -> int | None:
    """Return who had the visit last, or has it: they know the case."""
    return session.scalar(
        select(Assignment.technician_id).where(Assignment.visit_id == visit_id).order_by(Assignment.id.desc()).limit(1)
    )


def release_times(session: Session, visit_ids: Collection[int]) -> None:
    """Let go of what is held for some visits."""
    session.execute(
        update(Offer)
        .where(Offer.visit_id.in_(visit_ids), Offer.state == OfferState.HELD)
        .values(state=OfferState.RELEASED, version=Offer.version + 1)
        .execution_options(synchronize_session="fetch")
    )


def give_way(session: Session, changes: Iterable[SlotChange]) -> None:
    """Let go of what is held for others where a delay takes that time: it is gone, whoever was to have it.

    Whoever is offering it hears that it is not held any more when they would book it.
    """
    taken = [
        (Offer.technician_id == each.to.technician_id)
        & (Offer.visit_id != each.visit_id)
        & Offer.during.overlaps(Range(each.to.start, each.to.end))
        for each in changes
        if each.to is not None
    ]
    if taken:
        session.execute(
            update(Offer)
            .where(or_(*taken), Offer.state == OfferState.HELD)
            .values(state=OfferState.RELEASED, version=Offer.version + 1)
            .execution_options(synchronize_session="fetch")
        )


def hold_longer(session: Session, *, visit_id: int, actor: Actor, now: datetime) -> None:
    """Hold a visit's times ten minutes more, once."""
    visit = lock_visits(session, [visit_id])[visit_id]
    actor.require(Right.ASSIGNMENT_EDIT, visit.territory_id, what="visit")
    held = session.scalars(
        select(Offer)
        .where(Offer.visit_id == visit_id, Offer.state == OfferState.HELD, Offer.held_until > now, ~Offer.extended)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for offer in held:
        offer.held_until, offer.extended = offer.held_until + HOLD, True
    session.flush()
    if not held:
        raise Conflict("These times were held longer once already, or not at all. Look for new times.")


def held_offer(session: Session, *, offer_id: int, visit_id: int, actor: Actor, now: datetime) -> Offer:
    """Lock a time that is held for a visit; raises Conflict when the hold is over."""
    visit = lock_visits(session, [visit_id])[visit_id]
    actor.require(Right.ASSIGNMENT_EDIT, visit.territory_id, what="visit")
    offer = session.get(Offer, offer_id, with_for_update=True, populate_existing=True)
    if offer is None or offer.visit_id != visit_id:
        raise NotFound("There is no such offer.")
    if offer.state is not OfferState.HELD or offer.held_until <= now:
        raise Conflict(NOT_HELD)
    return offer


def take_time(session: Session, *, offer_id: int, visit_id: int, actor: Actor, now: datetime) -> Offer:
    """Book the time that a customer chose; the promise for it was made before. The others are free again."""
    offer = held_offer(session, offer_id=offer_id, visit_id=visit_id, actor=actor, now=now)
    _lift_windows(session, lock_visits(session, [visit_id])[visit_id], actor, now)
    standing = live_slots(session, [offer.crew_slot_id]).get(offer.crew_slot_id)
    place_visit(
        session,
        visit_id=visit_id,
        technician_id=offer.technician_id,
        start=offer.start_at,
        assignment_id=None if standing is None else standing.id,
        actor=actor,
        now=now,
    )
    publish_overlapped(session, [visit_id], actor=actor, now=now)
    offer = session.get_one(Offer, offer_id, populate_existing=True)
    offer.state = OfferState.TAKEN
    session.flush()
    release_times(session, [visit_id])
    return offer


def promised_by(offer: Offer) -> Promised:
    """Return the window that goes with an offer."""
    assert offer.promised.lower is not None
    assert offer.promised.upper is not None
    return Promised(start=offer.promised.lower, end=offer.promised.upper)


def _lift_windows(session: Session, visit: Any, actor: Actor, now: datetime) -> None:
    """Drop hard windows that have all passed: what the customer chose now is what counts."""
    hard = session.scalars(select(VisitWindow).where(VisitWindow.visit_id == visit.id, VisitWindow.hard)).all()
    passed = [each for each in hard if each.during.upper is not None and each.during.upper <= now]
    if not hard or len(passed) < len(hard):
        return
    session.execute(delete(VisitWindow).where(VisitWindow.id.in_([each.id for each in passed])))
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="lift_windows",
            entity="visit",
            entity_id=str(visit.id),
            territory_id=visit.territory_id,
            before={"windows": [str(each.during) for each in passed]},
            reason="The customer chose a time after all of them had passed",
        ),
    )


def _held(session: Session, now: datetime, *, besides: Collection[int]) -> list[tuple[int, tuple[datetime, datetime]]]:
    found = session.execute(
        select(Offer.technician_id, Offer.during).where(
            Offer.state == OfferState.HELD, Offer.held_until > now, Offer.visit_id.not_in(besides)
        )
    )
    return [(row.technician_id, (row.during.lower, row.during.upper)) for row in found]


def _meet(one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
