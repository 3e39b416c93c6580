"""What one placement would mean: the one rulebook that drag, keyboard, form, numbered places and candidates ask.

The rules about people and promises are asked one by one, so that each has its words. Whether the day works out is asked
of the same desk that names candidates, on the person's own day, so that what one offers the other never refuses.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, aliased

from dispatch.core.clock import local_day
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.models import Job, Site, Visit
from dispatch.matching.explain import Candidate, held_desk
from dispatch.matching.plan import ReasonCode
from dispatch.matching.problem import Problem
from dispatch.planning import rows
from dispatch.planning.changing import Placement, SlotChange, live_slots, placement_of
from dispatch.planning.desks import committed_plan, not_of
from dispatch.planning.models import Assignment, AssignmentState
from dispatch.planning.musts import (
    Neighbour,
    Objection,
    Question,
    WayFinder,
    Weight,
    broken_promises,
    objections,
    way_there,
)
from dispatch.planning.objection_words import sentences
from dispatch.planning.readings import point
from dispatch.planning.rows import live
from dispatch.planning.snapshot import Committed, Snapshot, active_policy, read_snapshot
from dispatch.planning.terms import stop_terms
from dispatch.skills.models import CertificationKind
from dispatch.workforce.models import Partner, Shift, Technician, Territory

PAST_GRACE = timedelta(minutes=15)

# What the desk has settled where it finds a place; else these say what is too tight.
TIMING = frozenset({"cannot_arrive", "delays_next", "late_home", "no_break"})
# What somebody overrode before must not keep others from working on the same day.
SOFT_REASONS = frozenset({ReasonCode.ROUTE_BROKEN})


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """A later visit of the same person that makes room: it starts later than was told."""

    booking: Committed
    start: datetime
    late_s: int

    @property
    def end(self) -> datetime:
        """When it ends then."""
        return self.booking.end + (self.start - self.booking.start)

    @property
    def delay_s(self) -> int:
        """By how much it moves."""
        return round((self.start - self.booking.start).total_seconds())


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a placement would mean: the rows it would become, and everything that speaks against it in words."""

    placement: Placement
    objections: tuple[Objection, ...]
    reasons: tuple[str, ...]
    pushed: tuple[Pushed, ...] = ()
    makes_room: tuple[SlotChange, ...] = ()

    @property
    def weight(self) -> Weight | None:
        """The gravest objection's weight; None when nothing speaks against it."""
        return self.objections[0].weight if self.objections else None


def judge(
    session: Session,
    *,
    visit: Any,
    crew_slot_id: int,
    technician_id: int,
    start: datetime,
    now: datetime,
    pushing: Collection[int] = (),
    days: Mapping[int, Snapshot] = MappingProxyType({}),
) -> Verdict:
    """Ask every rule about one placement; nothing is written.

    ``pushing`` are the bookings that whoever asks has seen move to make room. Where the place needs others to move than
    these, it is judged against the times that were told. Whoever asks about many bookings that stand reads their
    ``days`` before, see `read_days`.
    """
    if start < now - PAST_GRACE:
        raise Invalid("That time has passed. Choose a later one.", field="start")
    shift = _shift_for(session, technician_id, start)
    snapshot = days.get(shift.id)
    if snapshot is None or str(visit.id) not in snapshot.problem.visit_by_id:
        cell = (shift.territory_id, shift.on_date)
        snapshot = _day_of(session, cell, [technician_id], [visit.id], min(now, start))
    question = _question(session, snapshot, shift, visit.id, crew_slot_id, technician_id, start)
    place, pushed, reason = _on_the_desk(snapshot, question, visit)
    moves = {each.booking.id for each in pushed}
    if not moves <= set(pushing):
        reason = reason or _delayed(pushed[0])
        place, pushed = None, ()
    if place is not None:
        question = _as_placed(question, snapshot, place, pushed)
    places = {question.shift.start, question.shift.end, question.visit.point, *(n.point for n in question.neighbours)}
    ways = WayFinder(snapshot.problem, [each for each in places if each is not None])
    found = objections(question, ways)
    if place is not None:
        late = {str(each.booking.visit_id): each.late_s for each in pushed if each.late_s}
        found = [*(item for item in found if item.code not in TIMING), *broken_promises(late)]
    elif not found and reason is not None:
        found = [reason]
    return _verdict(session, snapshot, question, shift, visit.id, ways, found, pushed)


def _verdict(
    session: Session,
    snapshot: Snapshot,
    question: Question,
    shift: Any,
    visit_id: int,
    ways: WayFinder,
    found: Sequence[Objection],
    pushed: tuple[Pushed, ...],
) -> Verdict:
    way, technician_id = way_there(question, ways), int(question.technician.id)
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
        start=snapshot.clock.instant(question.start_s),
        end=snapshot.clock.instant(question.end_s),
        travel_s=max(0, way.seconds),
        travel_m=max(0, way.metres),
        travel_source=way.source,
        why=terms.as_dict(),
    )
    zone = snapshot.period.zones[shift.territory_id]
    return Verdict(
        placement=placement,
        objections=tuple(found),
        reasons=sentences(session, found, technician_id, snapshot.clock, zone, visit_id=visit_id),
        pushed=pushed,
        makes_room=_makes_room(session, question, ways, pushed),
    )


def read_days(session: Session, shift_ids: Collection[int], *, now: datetime) -> dict[int, Snapshot]:
    """Read some shifts with all that is committed on them, once for each territory and day; by shift."""
    people: dict[rows.Cell, list[Any]] = defaultdict(list)
    for row in session.execute(
        select(Shift.id, Shift.territory_id, Shift.on_date, Shift.technician_id).where(Shift.id.in_(shift_ids))
    ):
        people[row.territory_id, row.on_date].append(row)
    found: dict[int, Snapshot] = {}
    for cell, shifts in people.items():
        found |= dict.fromkeys(
            (row.id for row in shifts), _day_of(session, cell, [row.technician_id for row in shifts], (), now)
        )
    return found


def _day_of(
    session: Session, cell: rows.Cell, technicians: Collection[int], visits: Collection[int], now: datetime
) -> Snapshot:
    """Read people's shifts with what is committed on them, and those of colleagues who share a partner's limit."""
    colleague, mine = aliased(Technician), aliased(Technician)
    people = session.scalars(
        select(colleague.id)
        .join(mine, mine.partner_id == colleague.partner_id)
        .join(Partner, Partner.id == mine.partner_id)
        .where(mine.id.in_(technicians), Partner.daily_capacity.is_not(None))
    ).all()
    together = sorted({*technicians, *people})
    territory_id, on_date = cell
    committed = session.scalars(
        select(Assignment.visit_id)
        .join(Shift, Shift.id == Assignment.shift_id)
        .where(
            Shift.territory_id == territory_id,
            Shift.on_date == on_date,
            Shift.technician_id.in_(together),
            live(),
        )
    ).all()
    return read_snapshot(
        session,
        scope=[cell],
        policy=active_policy(session),
        now=now,
        technicians=together,
        visits=sorted({*committed, *visits}),
    )


def _on_the_desk(
    snapshot: Snapshot, question: Question, visit: Any
) -> tuple[Candidate | None, tuple[Pushed, ...], Objection | None]:
    """Ask the desk for exactly this start: the place with what it pushes, or what keeps the person away."""
    name, who = question.visit.id, question.technician.id
    problem = replace(snapshot.problem, pins=tuple(pin for pin in snapshot.problem.pins if pin.visit != name))
    prepared = held_desk(problem, committed_plan(snapshot, without=visit.id), rigid=not_of(problem, visit.territory_id))
    place = prepared.at(name, who, question.start_s, slot=question.slot)
    if place is not None:
        return place, _pushed(snapshot, question, place), None
    found = prepared.why(name, who, slot=question.slot)
    code = ReasonCode.NOT_THEN if found is None else found.code
    weight = Weight.SOFT if code in SOFT_REASONS else Weight.RULE
    return None, (), Objection(code=code.value, weight=weight, params={} if found is None else dict(found.params))


def _pushed(snapshot: Snapshot, question: Question, place: Candidate) -> tuple[Pushed, ...]:
    mine = {
        str(each.visit_id): each
        for each in snapshot.committed.values()
        if str(each.technician_id) == question.technician.id
    }
    moved = []
    for each in place.knock_on:
        booking, start = mine[each.visit], snapshot.clock.instant(each.start_after_s)
        if start <= booking.start:
            continue
        promise = snapshot.promises.get(booking.visit_id)
        late = 0.0 if promise is None or booking.start > promise[1] else (start - promise[1]).total_seconds()
        moved.append(Pushed(booking=booking, start=start, late_s=max(0, round(late))))
    return tuple(sorted(moved, key=lambda each: each.start))


def _delayed(first: Pushed) -> Objection:
    return Objection(
        code="delays_next",
        weight=Weight.SOFT,
        params={"late_s": first.delay_s, "visit": str(first.booking.visit_id)},
    )


def _as_placed(question: Question, snapshot: Snapshot, place: Candidate, pushed: Sequence[Pushed]) -> Question:
    """Return the question with the day as it would be: the work as long as it takes there, the others where they go."""
    seconds = snapshot.clock.seconds
    then = {str(each.booking.visit_id): (seconds(each.start), seconds(each.end)) for each in pushed}
    neighbours = tuple(
        replace(each, start_s=then[each.visit][0], end_s=then[each.visit][1]) if each.visit in then else each
        for each in question.neighbours
    )
    return replace(question, neighbours=neighbours, takes_s=place.end_s - place.start_s)


def _makes_room(
    session: Session, question: Question, ways: WayFinder, pushed: Sequence[Pushed]
) -> tuple[SlotChange, ...]:
    """Return the bookings that move as changes; the one right behind has another way there, too."""
    if not pushed:
        return ()
    standing = live_slots(session, [each.booking.crew_slot_id for each in pushed])
    after, changes = question.after, []
    for each in pushed:
        to = replace(
            placement_of(standing[each.booking.crew_slot_id]),
            start=each.start,
            end=each.end,
            state=AssignmentState.PLANNED,
            assignment_id=None,
        )
        if after is not None and after.visit == str(each.booking.visit_id):
            way = ways.way(question.visit.point, after.point)
            to = replace(to, travel_s=max(0, way.seconds), travel_m=max(0, way.metres), travel_source=way.source)
        changes.append(
            SlotChange(
                visit_id=each.booking.visit_id,
                crew_slot_id=each.booking.crew_slot_id,
                to=to,
                expect=(each.booking.id, each.booking.version),
            )
        )
    return tuple(changes)


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
        followers=_followers(session, snapshot, visit_id),
        safety=_safety(session, problem, visit_id),
        promise=None if promise is None else (clock.seconds(promise[0]), clock.seconds(promise[1])),
        in_crew=any(
            each.visit_id == visit_id and each.technician_id == technician_id and each.crew_slot_id != crew_slot_id
            for each in snapshot.committed.values()
        ),
        pinned=any(
            pin.crew_slot_id == crew_slot_id
            and (pin.technician_id not in (None, technician_id) or pin.starts_at not in (None, start))
            for pin in rows.pins(session, [visit_id])
        ),
    )


def _neighbours(
    session: Session, snapshot: Snapshot, shift: Any, visit_id: int, technician_id: int
) -> tuple[Neighbour, ...]:
    """Return what else the person has that day, whichever territory it belongs to."""
    around = Range(shift.during.lower - timedelta(hours=6), shift.during.upper + timedelta(hours=6), bounds="()")
    found = session.execute(
        select(Assignment.visit_id, Assignment.during, Site.lat, Site.lon)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Site, Site.id == Job.site_id)
        .where(
            Assignment.technician_id == technician_id,
            live(),
            Assignment.visit_id != visit_id,
            Assignment.during.op("&&")(around),
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


def _followers(session: Session, snapshot: Snapshot, visit_id: int) -> tuple[Neighbour, ...]:
    """Return the visits that wait for this one, where somebody has them, by their start."""
    found = session.execute(
        select(Visit.id, func.min(func.lower(Assignment.during)).label("start"))
        .join(Assignment, Assignment.visit_id == Visit.id)
        .where(Visit.predecessor_id == visit_id, live())
        .group_by(Visit.id)
    )
    seconds = snapshot.clock.seconds
    return tuple(
        Neighbour(visit=str(row.id), start_s=seconds(row.start), end_s=seconds(row.start), point=None) for row in found
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
