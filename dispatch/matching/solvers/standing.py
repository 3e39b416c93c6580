"""A standing plan laid over a changed question: who was where, what stays, what has lost its place.

A visit that stays is *held*: its start may move by no more than the policy's tolerance and only within its own route.
Held visits are held at their old start exactly (the route waits rather than comes early) until the tolerance is needed
to make a place for another one. Everything else is *loose*: it may go anywhere at any time that its own rules allow.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from dispatch.matching.constraint import FAR, Flags, Whole
from dispatch.matching.plan import Plan, Route
from dispatch.matching.problem import Visit
from dispatch.matching.solvers.crews import end_of, slots_of
from dispatch.matching.solvers.kernels import refresh, take
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.tables import Tables, empty_state

SUBSETS = 4_000
"""Most sets of stops tried to find out what a late or shortened day has to let go."""

VANISHED = -1
"""Stands in a standing sequence for a stop that the question does not know or that has lost its place."""


@dataclass(kw_only=True)
class Standing:
    """Routes in the making, and what they were; rows are those of the tables.

    Attributes
    ----------
    shift, start, person
        Where each slot was: shift of the question (-1 = none), start (FAR = not served), technician's id  # [slot].
    sequence
        The stops each shift had, in order  # [shift].
    loose
        Whether each slot may go anywhere; all other served slots are held  # [slot].
    forced
        Whether the change itself took each slot from its place  # [slot].
    early, timely, late
        First start of each slot when it is held, with and without the tolerance, and the last one  # [slot].
    stays
        Whether the person may still serve each slot, at some moment within the tolerance  # [slot].
    wide
        Shifts whose held stops have their whole tolerance.
    least_moved
        Visits that can not all stay, whatever is done: those forced one by one, and for each broken day the least
        number whose going lets the others stay.
    exact
        Whether ``least_moved`` is proven: linked visits and very long days are not searched through.
    ignored
        Names of what the question does not know.
    """

    tables: Tables
    plan: Plan
    state: State = field(init=False)
    shift: Whole = field(init=False)
    start: Whole = field(init=False)
    person: list[str] = field(init=False)
    sequence: list[list[int]] = field(init=False)
    loose: Flags = field(init=False)
    forced: Flags = field(init=False)
    early: Whole = field(init=False)
    timely: Whole = field(init=False)
    late: Whole = field(init=False)
    stays: Flags = field(init=False)
    wide: set[int] = field(init=False, default_factory=set)
    least_moved: int = field(init=False, default=0)
    exact: bool = field(init=False, default=True)
    ignored: tuple[str, ...] = field(init=False, default=())
    route_of_shift: dict[int, Route] = field(init=False, default_factory=dict)
    order: dict[int, int] = field(init=False, default_factory=dict)
    tolerance_s: int = field(init=False)

    def __post_init__(self) -> None:
        scope = self.tables.scope
        slots = len(scope.slots)
        self.state = empty_state(self.tables)
        self.shift = np.full(slots, -1, dtype=np.int64)
        self.start = np.full(slots, FAR, dtype=np.int64)
        self.person = [""] * slots
        self.sequence = [[] for _ in scope.shifts]
        self.tolerance_s = scope.problem.policy.retime_tolerance_s
        self.order = {
            scope.slot_index[pin.visit, pin.slot]: pin.order for pin in scope.problem.pins if pin.order is not None
        }
        self._read()
        self.loose = np.zeros(slots, dtype=np.bool_)
        pinned, opens = self.tables.pinned_start, self.tables.opens
        self.early = np.where(pinned != FAR, pinned, np.maximum(opens, self.start - self.tolerance_s))
        self.late = np.where(pinned != FAR, pinned, np.minimum(self.tables.closes, self.start + self.tolerance_s))
        self.timely = np.where(pinned != FAR, pinned, np.minimum(np.maximum(opens, self.start), self.late))
        may = (self.shift >= 0) & self.tables.data.allowed[np.arange(slots), self.shift] if scope.shifts else False
        self.stays = may & (self.early <= self.late) & (abs(self.early - self.start) <= self.tolerance_s)
        self._lay_out()

    def served_before(self, visit: Visit) -> bool:
        """Whether the standing plan served ``visit``."""
        return any(self.start[row] != FAR for row in slots_of(self.tables, visit))

    def can_stay(self, row: int) -> bool:
        """Whether the person may still serve the slot, at some moment within the tolerance."""
        return bool(self.stays[row])

    def hold(self, row: int, *, wide: bool = False) -> None:
        """Let the slot start no earlier than it did (``wide``: than the tolerance allows), and no later than that."""
        self.state.low[row] = self.early[row] if wide else self.timely[row]
        self.state.high[row] = self.late[row]

    def open(self, row: int) -> None:
        """Let the slot start whenever its own rules allow."""
        pinned = int(self.tables.pinned_start[row])
        self.state.low[row] = self.tables.opens[row] if pinned == FAR else pinned
        self.state.high[row] = self.tables.closes[row] if pinned == FAR else pinned
        self.loose[row] = True

    def widen(self, shift: int, *, wide: bool = True) -> bool:
        """Give all held stops of a route their tolerance (or take it back); whether a timetable allows that."""
        rows = self.state.sequence[shift, : self.state.size[shift]]
        rows = rows[~self.loose[rows] & (self.state.fixed[rows] == 0)]
        self.state.low[rows] = self.early[rows] if wide else self.timely[rows]
        return bool(refresh(self.tables.data, self.state, shift))

    def settle(self, shift: int) -> None:
        """Give back the tolerance that turned out not to be needed, last stops first."""
        for row in reversed(self.stops(shift)):
            if self.loose[row] or self.state.fixed[row]:
                continue
            self.hold(row)
            if not refresh(self.tables.data, self.state, shift):
                self.hold(row, wide=True)
        refresh(self.tables.data, self.state, shift)

    def stops(self, shift: int) -> list[int]:
        """Rows of a route in order."""
        found: list[int] = self.state.sequence[shift, : self.state.size[shift]].tolist()
        return found

    def write(self, shift: int, rows: Iterable[int]) -> bool:
        """Give a route these stops; whether a timetable allows them."""
        new = list(rows)
        self.state.sequence[shift, : len(new)] = new
        self.state.size[shift] = len(new)
        return bool(refresh(self.tables.data, self.state, shift))

    def remove(self, row: int) -> None:
        """Take a slot out of its route and let it loose; all crew slots of a linked visit go."""
        visit = self.tables.scope.slots[row].visit
        for other in slots_of(self.tables, visit) if self.tables.linked[row] else [row]:
            shift = int(self.state.route_of[other])
            if shift >= 0:
                take(self.state, shift, self.stops(shift).index(other))
                refresh(self.tables.data, self.state, shift)
            self.state.fixed[other] = 0
            self.open(other)

    def lead(self, shift: int) -> int:
        """How many stops at the head of a route are pinned in their order: nothing goes between them."""
        if not self.order:
            return 0
        return sum(row in self.order for row in self.stops(shift))

    def moved(self) -> list[int]:
        """List served rows that have another person than before, or another start by more than the tolerance."""
        rows = np.flatnonzero(self.loose & (self.start != FAR) & (self.state.route_of >= 0)).tolist()
        return [row for row in rows if self.is_moved(row)]

    def is_moved(self, row: int) -> bool:
        """Whether a served slot has another person than before, or another start by more than the tolerance."""
        if self.start[row] == FAR or not self.loose[row]:
            return False
        shift = int(self.state.route_of[row])
        if self.tables.scope.technician(shift).id != self.person[row]:
            return True
        start = int(self.state.start[shift, self.stops(shift).index(row)])
        return abs(start - int(self.start[row])) > self.tolerance_s

    def _read(self) -> None:
        """Find every stop of the standing plan in the question."""
        scope = self.tables.scope
        ignored: list[str] = []
        taken: set[int] = set()
        for route in sorted(self.plan.routes, key=lambda item: (item.shift not in scope.shift_index, item.shift)):
            shift = self._shift_for(route, taken)
            if route.shift not in scope.shift_index:
                ignored.append(f"shift {route.shift}")
            if shift is not None:
                taken.add(shift)
                self.route_of_shift[shift] = route
            for stop in route.stops:
                row = scope.slot_index.get((stop.visit, stop.slot))
                if row is None:
                    ignored.append(f"visit {stop.visit}")
                else:
                    self.start[row] = stop.start_s
                    self.person[row] = route.technician
                    self.shift[row] = -1 if shift is None else shift
                if shift is not None:
                    self.sequence[shift].append(VANISHED if row is None else row)
        known = scope.problem.visit_by_id
        ignored += [f"visit {item.visit}" for item in self.plan.unassigned if item.visit not in known]
        self.ignored = tuple(dict.fromkeys(ignored))

    def _shift_for(self, route: Route, taken: set[int]) -> int | None:
        """Find the shift of a route: by its name, else another shift of the person at that time."""
        scope = self.tables.scope
        shift = scope.shift_index.get(route.shift)
        if shift is not None and scope.shifts[shift].technician == route.technician:
            return shift
        for number, other in enumerate(scope.shifts):
            meets = other.start_s < route.finish_s and route.depart_s < other.latest_s
            if other.technician == route.technician and number not in taken and meets:
                return number
        return None

    def _lay_out(self) -> None:
        """Put every stop that can stay into its route, and let go of what can not."""
        gone = {
            self.tables.scope.slots[row].visit.id
            for row in np.flatnonzero(self.start != FAR).tolist()
            if not self.can_stay(row)
        }
        for shift, rows in enumerate(self.sequence):
            staying = [row for row in rows if row != VANISHED and (self.can_stay(row) or self._must_stay(row, shift))]
            staying.sort(key=lambda row: self.order.get(row, FAR))
            for row in staying:
                if not self.can_stay(row):
                    self.open(row)
                    continue
                self.hold(row)
                if self.tables.linked[row]:
                    pinned = int(self.tables.pinned_start[row])
                    self.state.low[row] = self.state.high[row] = self.start[row] if pinned == FAR else pinned
                    self.state.fixed[row] = 1
            staying = staying[: self.state.sequence.shape[1]]
            self.state.route_of[staying] = shift
            if not self.write(shift, staying):
                self.wide.add(shift)
                if not self.widen(shift):
                    gone |= self._break_up(shift, staying)
        for row in np.flatnonzero(self.state.route_of < 0).tolist():
            self.open(row)
            if self.start[row] != FAR:
                gone.add(self.tables.scope.slots[row].visit.id)
        self.least_moved = len(gone)
        self._break_links()
        self.forced = self.loose & (self.start != FAR)

    def _must_stay(self, row: int, shift: int) -> bool:
        """Whether a pin keeps a single visit with its person though not at its old time."""
        pinned = self.tables.pinned[row] and self.tables.data.allowed[row, shift]
        return bool(pinned) and not self.tables.linked[row]

    def _break_up(self, shift: int, rows: list[int]) -> set[str]:
        """Let go of the fewest stops without which the others can stay, the least penalty among equals."""
        free = [row for row in rows if not self.tables.pinned[row]]
        tried = 0
        chosen: tuple[int, int, tuple[int, ...]] | None = None
        for count in range(1, len(free) + 1):
            for leaving in combinations(free, count):
                tried += 1
                self.write(shift, (row for row in rows if row not in leaving))
                if not self.widen(shift):
                    continue
                worth = int(self.tables.penalty[list(leaving)].sum())
                found = (worth, int(self.state.cost[shift]), leaving)
                chosen = found if chosen is None else min(chosen, found)
            if chosen is not None or tried > SUBSETS:
                break
        if chosen is None or self.tables.linked[rows].any():
            self.exact = False
        leaving = tuple(rows) if chosen is None else chosen[2]
        if chosen is None and tried > SUBSETS:
            leaving = self._let_go_one_by_one(shift, rows)
        self.write(shift, (row for row in rows if row not in leaving))
        self.widen(shift)
        self.state.route_of[list(leaving)] = -1
        for row in leaving:
            self.remove(row)
        return {self.tables.scope.slots[row].visit.id for row in leaving}

    def _let_go_one_by_one(self, shift: int, rows: list[int]) -> tuple[int, ...]:
        """Let go of the least worth until a timetable allows the rest; pins last."""
        left = list(rows)
        for row in sorted(rows, key=lambda one: (bool(self.tables.pinned[one]), int(self.tables.penalty[one]), one)):
            left.remove(row)
            self.write(shift, left)
            if self.widen(shift):
                break
        return tuple(row for row in rows if row not in left)

    def _break_links(self) -> None:
        """Let go of visits whose crew is not whole, or that would start before those they wait for are finished."""
        again = bool(self.tables.linked.any())
        while again:
            again = False
            for visit in self.tables.scope.problem.visits:
                rows = slots_of(self.tables, visit)
                served = [row for row in rows if self.state.route_of[row] >= 0]
                if not self.tables.linked[rows[0]] or not served:
                    continue
                if len(served) < len(rows) or not self.in_order(visit):
                    self.remove(served[0])
                    self.exact = False
                    again = True

    def in_order(self, visit: Visit) -> bool:
        """Whether everything a served visit waits for is finished in time before it."""
        start = int(self.state.low[slots_of(self.tables, visit)[0]])
        for before in visit.predecessors:
            end = end_of(self.tables, self.state, self.tables.scope.problem.visit_by_id[before.visit])
            late = end is None or end + before.gap_s > start
            if late or (before.max_gap_s is not None and end is not None and end + before.max_gap_s < start):
                return False
        return True
