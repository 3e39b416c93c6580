"""One prepared day for many questions: who could take a visit, at what price, and why the others cannot.

A day is read and laid out once and kept for a while in this process, for as long as the change log tells of nothing
that concerns it. What a transaction has not committed yet never gets into what others are told.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from dispatch.core.audit import is_pending
from dispatch.core.errors import Conflict
from dispatch.core.models import AuditEvent
from dispatch.matching.explain import held_desk
from dispatch.matching.plan import Plan, Route, Stop
from dispatch.matching.problem import Problem, Window
from dispatch.planning.models import Policy
from dispatch.planning.readings import planned_for
from dispatch.planning.rows import Cell, among
from dispatch.planning.snapshot import Committed, Snapshot, active_policy, read_snapshot
from dispatch.workforce.models import Shift, Technician, Territory, TerritoryMembership

if TYPE_CHECKING:
    from dispatch.matching.solvers.held_desk import HeldDesk

MOST_PAIRS = 3_000_000
"""Pairs of shifts and visits on all days kept in one process: one of 500 people and 5,000 visits takes some 100 MB."""

MOST_LOOKED_THROUGH = 300
"""Events of the change log that are looked through for what concerns a day; after more of them it is read anew."""

APART = frozenset({"call_task", "disruption", "loose_end_care", "message", "offer", "plan_request", "user"})
"""Kinds of things that no day is made of: what is logged of them leaves every day as it is."""

FRESH_FOR = timedelta(minutes=2)
"""How long a day counts as current though nothing was logged: the clock goes on, and estimates fade."""


@dataclass(frozen=True, kw_only=True)
class PreparedDay:
    """A (territory, day) as it is committed, ready for questions.

    On the desk nothing that is committed starts earlier than people were told, nor later by more than the policy's
    tolerance, and what lies in other territories does not move at all.
    """

    territory_id: int
    day: date
    snapshot: Snapshot
    plan: Plan
    read_at: datetime
    cells: tuple[Cell, ...] = ()

    @cached_property
    def desk(self) -> "HeldDesk":
        """The plan laid out for questions; safe between threads."""
        return held_desk(self.snapshot.problem, self.plan, rigid=not_of(self.snapshot.problem, self.territory_id))

    @property
    def pairs(self) -> int:
        """How large it is: shifts times visits, of which there is at least one."""
        return max(1, len(self.snapshot.problem.shifts) * len(self.snapshot.problem.visits))

    @property
    def zone(self) -> str:
        """The territory's clock."""
        return self.snapshot.period.zones[self.territory_id]

    def problem_for(self, visit_id: int) -> Problem:
        """Return the problem as the desk takes it for a question about one visit, for trials with changed facts."""
        problem, later = self.snapshot.problem, self.snapshot.problem.policy.retime_tolerance_s
        pace = {person.id: person.pace_percent for person in problem.technicians}
        told = {
            stop.visit: (stop.start_s, planned_for(stop.end_s - stop.start_s, pace[route.technician]))
            for route in self.plan.routes
            for stop in route.stops
            if stop.visit != str(visit_id)
        }
        visits = (
            replace(
                each,
                windows=(Window(start_s=told[each.id][0], end_s=told[each.id][0] + later),),
                duration_s=told[each.id][1],
                setup_s=0,
            )
            if each.id in told
            else each
            for each in problem.visits
        )
        return replace(problem, visits=tuple(visits))

    def require(self, visit_id: int) -> str:
        """Return the visit's name in the problem; raises Conflict where it cannot be planned yet."""
        if str(visit_id) not in self.snapshot.problem.visit_by_id:
            raise Conflict("This visit waits for another one that nobody serves yet. Plan that one first.")
        return str(visit_id)


@dataclass(kw_only=True)
class _Kept:
    """A day, and up to where the change log was looked through for what concerns it."""

    made: PreparedDay
    position: int


_Key = tuple[Any, ...]
_kept: "OrderedDict[_Key, _Kept]" = OrderedDict()
_building: dict[_Key, threading.Lock] = {}
_lock = threading.Lock()


def day_for(
    session: Session,
    *,
    territory_id: int,
    day: date,
    now: datetime,
    visit_id: int | None,
    scarcity: Mapping[int, int] | None = None,
) -> PreparedDay:
    """Return a day ready for questions (about a visit), from memory where nothing has changed since it was read.

    The people are those with a shift there, and those who belong to the territory and work elsewhere that day. A visit
    that the day would leave out, since it is promised for another one, is read in addition.
    """
    policy = active_policy(session)
    position, clean = session.execute(
        text("SELECT (SELECT seq FROM audit_head), pg_current_xact_id_if_assigned() IS NULL")
    ).one()
    url = session.get_bind().engine.url
    prices = tuple(sorted((scarcity or {}).items()))
    key = (url.host, url.port, url.database, territory_id, day, policy.id, prices)
    known = None if is_pending(session) else _find(session, key, position, now)
    if known is None:
        with _lock:
            turn = _building.setdefault((*key, position), threading.Lock())
        with turn:
            known = None if is_pending(session) else _find(session, key, position, now)
            if known is None:
                known = _read(session, policy, territory_id, day, now, scarcity, None)
                if clean and not is_pending(session):
                    _keep(key, known, position)
        with _lock:
            _building.pop((*key, position), None)
    if visit_id is None or str(visit_id) in known.snapshot.problem.visit_by_id or visit_id in known.snapshot.left_out:
        return known
    return _read(session, policy, territory_id, day, now, scarcity, visit_id)


def forget() -> None:
    """Drop all that is kept, for tests that change rows behind the change log's back."""
    with _lock:
        _kept.clear()


def _find(session: Session, key: _Key, position: int, now: datetime) -> PreparedDay | None:
    """Return a day that is fresh and that nothing logged since concerns."""
    with _lock:
        found = _kept.get(key)
        if found is None or not timedelta(0) <= now - found.made.read_at <= FRESH_FOR:
            return None
        made, since = found.made, found.position
    if since > position or (since < position and not _stands(session, made, since, position)):
        return None
    with _lock:
        if key in _kept and _kept[key].made is made:
            _kept[key].position = max(_kept[key].position, position)
            _kept.move_to_end(key)
    return made


def _stands(session: Session, made: PreparedDay, since: int, position: int) -> bool:
    """Tell whether nothing that was logged since concerns a day: all of it is about visits elsewhere, by other people.

    Only what services write about visits and what is done with them is known to stay where it is; whatever else was
    logged, and more than a little, is read anew.
    """
    if position - since > MOST_LOOKED_THROUGH:
        return False
    here = {place for place, _day in made.cells}
    problem = made.snapshot.problem
    people = {int(each.id) for each in problem.technicians}
    others: set[int] = set()
    rows = session.execute(
        select(AuditEvent.entity, AuditEvent.territory_id, AuditEvent.before, AuditEvent.after)
        .where(AuditEvent.seq > since, AuditEvent.seq <= position)
        .order_by(AuditEvent.seq)
    ).all()
    if len(rows) != position - since:
        return False
    for row in rows:
        if row.entity in APART:
            continue
        told = [row.before or {}, row.after or {}]
        if row.entity != "visit" or row.territory_id is None or row.territory_id in here:
            return False
        if any(set(side) != {"slots"} for side in told):
            return False  # not a booking
        others |= {each["technician_id"] for side in told for each in side["slots"] if each is not None}
    if others & people:
        return False
    firms = {int(each.id) for each in problem.partners}  # who take only so many visits a day, wherever they are
    if not firms or not others:
        return True
    theirs = select(func.count()).select_from(Technician)
    return not session.scalar(theirs.where(among(Technician.id, others), Technician.partner_id.in_(firms)))


def _keep(key: _Key, made: PreparedDay, position: int) -> None:
    """Keep a day in place of an older one of the same territory and date."""
    with _lock:
        for other in [other for other in _kept if other[:5] == key[:5] and other[-1] == key[-1]]:
            del _kept[other]
        _kept[key] = _Kept(made=made, position=position)
        while len(_kept) > 1 and sum(each.made.pairs for each in _kept.values()) > MOST_PAIRS:
            _kept.popitem(last=False)


def _read(
    session: Session,
    policy: Policy,
    territory_id: int,
    day: date,
    now: datetime,
    scarcity: Mapping[int, int] | None,
    also: int | None,
) -> PreparedDay:
    elsewhere = _members_elsewhere(session, territory_id, day)
    cells = [(territory_id, day), *sorted({(place, day) for place, _person in elsewhere})]
    here = select(Shift.technician_id).where(Shift.territory_id == territory_id, Shift.on_date == day)
    people = None if not elsewhere else [*session.scalars(here), *(person for _place, person in elsewhere)]
    snapshot = read_snapshot(
        session,
        scope=cells,
        policy=policy,
        now=now,
        technicians=people,
        open_in=(territory_id,),
        also=() if also is None else (also,),
        scarcity=scarcity,
    )
    made = PreparedDay(
        territory_id=territory_id,
        day=day,
        snapshot=snapshot,
        plan=committed_plan(snapshot),
        read_at=now,
        cells=tuple(cells),
    )
    made.desk.prepare()
    return made


def _members_elsewhere(session: Session, territory_id: int, day: date) -> list[tuple[int, int]]:
    """Return (territory, person) for shifts elsewhere of people who belong to the territory, in the same time zone."""
    zone = select(Territory.zone).where(Territory.id == territory_id).scalar_subquery()
    rows = session.execute(
        select(Shift.territory_id, Shift.technician_id)
        .join(Territory, Territory.id == Shift.territory_id)
        .join(TerritoryMembership, TerritoryMembership.technician_id == Shift.technician_id)
        .where(
            Shift.on_date == day,
            ~Shift.cancelled,
            Shift.territory_id != territory_id,
            Territory.zone == zone,
            TerritoryMembership.territory_id == territory_id,
            TerritoryMembership.during.contains(day),
        )
        .order_by(func.lower(Shift.during), Shift.id)
    )
    return [(row.territory_id, row.technician_id) for row in rows]


def not_of(problem: Problem, territory_id: int) -> frozenset[str]:
    """Visits of other territories: who places work here may not move theirs."""
    return frozenset(each.id for each in problem.visits if each.territory != str(territory_id))


def committed_plan(snapshot: Snapshot, *, without: int | None = None) -> Plan:
    """Return what is committed as a plan of the snapshot's problem, as far as it lies on shifts of the problem.

    A visit that is to be placed anew is left out by ``without``.
    """
    by_shift: dict[str, list[tuple[Committed, int]]] = {}
    for slot_id, booking in snapshot.committed.items():
        shift = str(booking.shift_id)
        known = str(booking.visit_id) in snapshot.problem.visit_by_id and shift in snapshot.problem.shift_by_id
        if known and booking.visit_id != without:
            slot = snapshot.slots[booking.visit_id].index(slot_id)
            by_shift.setdefault(shift, []).append((booking, slot))
    return Plan(routes=tuple(_route(snapshot, shift, bookings) for shift, bookings in sorted(by_shift.items())))


def _route(snapshot: Snapshot, shift: str, bookings: list[tuple[Committed, int]]) -> Route:
    clock = snapshot.clock
    stops = []
    for booking, slot in sorted(bookings, key=lambda each: (each[0].start, each[0].id)):
        start_s = clock.seconds(booking.start)
        stops.append(
            Stop(
                visit=str(booking.visit_id),
                slot=slot,
                arrive_s=start_s,
                start_s=start_s,
                end_s=max(start_s, clock.seconds(booking.end)),
                travel_s=0,
                travel_m=0,
                travel_source="",
            )
        )
    return Route(
        shift=shift,
        technician=snapshot.problem.shift_by_id[shift].technician,
        depart_s=stops[0].start_s,
        finish_s=max(stop.end_s for stop in stops),
        stops=tuple(stops),
    )
