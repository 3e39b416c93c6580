"""Repair a standing plan: keep what can stay, place the rest beside it, move others only when nothing else helps.

First every loose visit goes where it moves nobody. One that finds no such place pushes a single visit out, which in
turn goes where it moves nobody or pushes out another one (ejection chains, after Glover 1996,
doi 10.1016/0166-218X(94)00037-E). What still has no place may push out visits of a lower penalty. Then some of the
changed visits are taken out and put back in another order for a while, and small cases are searched exhaustively
(`small_repairs`). Everything compares by (penalty left out, customers moved, routes touched, cost).
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

import numpy as np

from dispatch.matching.constraint import FAR, Flags, Scope, Whole
from dispatch.matching.plan import Plan, Stats
from dispatch.matching.problem import Problem, Visit
from dispatch.matching.replan import Repair
from dispatch.matching.solvers.crews import ordered_units, place_unit, slots_of
from dispatch.matching.solvers.forced import close_shifts
from dispatch.matching.solvers.improve import total_cost
from dispatch.matching.solvers.kernels import put, refresh, take
from dispatch.matching.solvers.laying import IMPOSSIBLE
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.openings import Openings
from dispatch.matching.solvers.pushing import price_loosened, price_pushes
from dispatch.matching.solvers.repairs import written
from dispatch.matching.solvers.small_repairs import best_repair, small
from dispatch.matching.solvers.standing import Standing
from dispatch.matching.solvers.tables import Tables, build

TRIES = 12
"""Most promising pushes that are followed up; fewer in attempts to do better."""

FEW_TRIES = 4
PUSHING_SHARE = 0.5
"""Of the attempts to do better, those in which visits may push others out."""

DEPTH = 2
"""Most visits pushed out one after the other."""

PATIENCE = 120
"""Attempts without success after which the search ends by itself."""

MOST_TAKEN = 6
"""Most changed visits taken out in one attempt."""

RESERVE_SHARE = 0.35
"""Of the time limit, at most, set aside for writing."""

Key: TypeAlias = tuple[int, int, int, int]


class Push(NamedTuple):
    """A visit that another one could push out of a route; smaller is better."""

    extra: int
    fresh: bool
    price: int
    shift: int
    at: int
    row: int


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Everything needed to come back to a moment of the search."""

    routes: dict[int, list[int]]
    slots: Whole
    loose: Flags
    wide: frozenset[int]


@dataclass(kw_only=True)
class Repairer:
    """One repair in the making."""

    standing: Standing
    seed: int
    step_limit: int | None
    over: Callable[[], bool]
    steps: int = field(init=False, default=0)
    altered: set[int] = field(init=False, default_factory=set)
    closed: dict[int, list[int]] = field(init=False, default_factory=dict)
    wanted: set[int] = field(init=False)
    spare: int | None = field(init=False, default=None)
    complete: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        scope = self.tables.scope
        waiting = {item.visit for item in self.standing.plan.unassigned}
        # Wanted is what was served, and what is new; a new visit that is optional only takes time that is free.
        self.wanted = {
            row
            for row, slot in enumerate(scope.slots)
            if self.standing.served_before(slot.visit)
            or self.tables.pinned[row]
            or (slot.visit.id not in waiting and not slot.visit.optional)
        }
        self.rows = np.array(sorted(self.wanted), dtype=np.int64)
        self.laid = [self.standing.stops(shift) for shift in range(len(scope.shifts))]
        self.altered = {shift for shift, rows in enumerate(self.standing.sequence) if rows != self.laid[shift]}
        if scope.problem.policy.max_changes is not None:
            self.spare = max(0, scope.problem.policy.max_changes - self._departures())
        self.openings = Openings(self.standing)

    @property
    def tables(self) -> Tables:
        """The question as arrays."""
        return self.standing.tables

    @property
    def state(self) -> State:
        """Routes as they are now."""
        return self.standing.state

    # -- the steps of a repair ------------------------------------------------------------------------------------

    def run(self) -> None:
        """Place everything that has lost its place, then try to do better."""
        self._place_pins()
        self._place_all(self.absent())
        self._mend_links()
        if not self.over():
            self._search()
        if not self.over():
            self._exhaust()
        for shift in sorted(self.altered | self.standing.wide):
            self.standing.settle(shift)

    def fill(self, rows: Iterable[int]) -> None:
        """Serve visits nobody has to serve where that moves nobody."""
        for row in sorted(rows, key=self._urgency):
            if self.over():
                return
            visit = self.tables.scope.slots[row].visit
            if self.state.route_of[row] >= 0 or self.tables.pinned[row]:
                continue
            if self.tables.linked[row]:
                if row == slots_of(self.tables, visit)[0]:
                    self._place_unit(visit)
            else:
                limit = int(self.tables.penalty[row]) if visit.optional else IMPOSSIBLE
                self._beside(row, limit)

    def absent(self) -> list[int]:
        """Wanted slots that no route serves, dearest first."""
        kept = {row for rows in self.closed.values() for row in rows}
        missing = [row for row in self.rows[self.state.route_of[self.rows] < 0].tolist() if row not in kept]
        return sorted(missing, key=self._urgency)

    def key(self) -> Key:
        """Give what is compared, most important first."""
        lost = int(self.tables.penalty[self.absent()].sum())
        moved = {self.tables.scope.slots[row].visit.id for row in self.standing.moved()}
        return lost, len(moved), len(self.touched()), total_cost(self.tables, self.state)

    def touched(self) -> set[int]:
        """Shifts with other stops, another order, or a start moved by more than the tolerance."""
        found = {shift for shift in self.altered if self.standing.stops(shift) != self.standing.sequence[shift]}
        found |= {int(self.state.route_of[row]) for row in self.standing.moved()}
        return found

    def proven(self, key: Key) -> bool:
        """Whether no repair that gives up as little moves fewer customers."""
        if self.closed or not self.standing.exact or self.tables.linked[self.standing.loose].any():
            return False
        lost = [row for row in self.absent() if self.standing.start[row] != FAR]
        if any(self.openings.can_be_served(row) for row in self.absent()):
            return False
        return key[1] + len(lost) == self.standing.least_moved

    # -- placing --------------------------------------------------------------------------------------------------

    def _place_pins(self) -> None:
        pinned = [row for row in self.absent() if self.tables.pinned[row] and not self.tables.linked[row]]
        self._place_all(pinned)
        served = self.state.route_of.copy()
        self.closed = close_shifts(self.tables, self.state)
        for row in np.flatnonzero((served >= 0) & (self.state.route_of < 0)).tolist():
            self.standing.open(row)
            self.standing.forced[row] = True
            self.altered.add(int(served[row]))

    def _place_all(self, rows: list[int]) -> None:
        """Place what is missing: first all that move nobody, then by pushing others out, deeper each time."""
        units = {self.tables.scope.slots[row].visit.id for row in rows if self.tables.linked[row]}
        for visit in ordered_units(self.tables) if units else ():
            if visit.id in units:
                self._place_unit(visit)
        single = [row for row in rows if not self.tables.linked[row]]
        left = [row for row in single if not self._beside(row)]
        left = [row for row in left if self.over() or not self._pushing(row, 1, frozenset(), tries=FEW_TRIES)]
        # What is worth less makes room at once, so that there is something to show; then it is looked for harder.
        while left and not self.over():
            left += self._displacing(left.pop(0))
        for depth in range(1, DEPTH + 1):
            for row in self.absent():
                if row in single and not self.over():
                    self._pushing(row, depth, frozenset())

    def _place_unit(self, visit: Visit) -> bool:
        """Place a linked visit: a crew keeps its time and those who can still come, else it is placed anew."""
        state = self.state
        before = state.size.copy()
        done = self._fill_up_crew(visit) or place_unit(self.tables, state, visit, forced=not visit.optional)
        rows = slots_of(self.tables, visit)
        self.altered |= set(np.flatnonzero(before != state.size).tolist())
        self.altered |= {int(state.route_of[row]) for row in rows if state.route_of[row] >= 0}
        return done

    def _fill_up_crew(self, visit: Visit) -> bool:
        """Serve a visit at its old time, each crew slot with who had it if possible; False if that fails."""
        standing, state = self.standing, self.state
        rows = slots_of(self.tables, visit)
        starts = {int(standing.start[row]) for row in rows}
        if len(starts) != 1 or FAR in starts or any(self.tables.pinned_start[row] != FAR for row in rows):
            return False
        start = starts.pop()
        if any(start < self.tables.opens[row] or start > self.tables.closes[row] for row in rows):
            return False
        state.low[rows] = state.high[rows] = start
        memory = self._remember()
        own = [row for row in rows if self.standing.can_stay(row)]
        for row in [*own, *(row for row in rows if row not in own)]:
            shift = int(standing.shift[row])
            if not (row in own and self._insert(row, shift)) and not self._cheapest(row, IMPOSSIBLE):
                break
        if all(state.route_of[row] >= 0 for row in rows) and standing.in_order(visit):
            state.fixed[rows] = 1
            return True
        self._come_back(memory)
        for row in rows:
            standing.open(row)
        return False

    def _beside(self, row: int, limit: int = IMPOSSIBLE) -> bool:
        """Place one slot without moving anybody: where it was, else in a touched route, else at the least price."""
        standing = self.standing
        if standing.can_stay(row) and not self.tables.pinned[row]:
            shift = int(standing.shift[row])
            standing.hold(row)
            if self._insert(row, shift):
                standing.loose[row] = False
                return True
            standing.open(row)
        if self._cheapest(row, limit):
            return True
        return self._loosened(row, limit)

    def _cheapest(self, row: int, limit: int) -> bool:
        """Insert into the route that costs least, touched routes first."""
        prices = self.openings.prices(row)
        touched = self.touched()
        usable = np.flatnonzero(prices < limit).tolist()
        for shift in sorted(usable, key=lambda one: (one not in touched, int(prices[one]), one)):
            if self._insert(row, shift):
                return True
        return False

    def _loosened(self, row: int, limit: int) -> bool:
        """Insert where the tolerance of those who are held makes a place."""
        if self.standing.tolerance_s == 0:
            return False
        barred = self.openings.barred(row)
        touched = self.touched()
        near = [shift for shift in self.openings.near(row) if not barred[shift] and shift not in self.standing.wide]
        plain, led = self.openings.split(row, near)
        prices = np.zeros(len(plain), dtype=np.int64)
        standing = self.standing
        price_loosened(
            self.tables.data, self.state, row, plain, standing.loose, standing.early, standing.timely, prices
        )
        priced = dict(zip(plain.tolist(), prices.tolist(), strict=True))
        for shift in led:
            priced[shift] = self.openings.price(row, shift)[0] if standing.widen(shift) else IMPOSSIBLE
            standing.widen(shift, wide=False)
        able = [shift for shift in near if priced[shift] < limit]
        if not able:
            return False
        best = min(able, key=lambda shift: (shift not in touched, priced[shift], shift))
        standing.widen(best)
        standing.wide.add(best)
        return self._insert(row, best)

    def _pushing(self, row: int, depth: int, locked: frozenset[int], tries: int = TRIES) -> bool:
        """Place one slot where another one makes room that finds a place itself; the best of a few such pushes."""
        best: tuple[Key, Memory] | None = None
        for push in self._pushes(row, locked)[:tries]:
            if self.over():
                break
            before = self._remember()
            if self._push(row, push) and (
                self._beside(push.row) or (depth > 1 and self._pushing(push.row, depth - 1, locked | {row}))
            ):
                key = self.key()
                if best is None or key < best[0]:
                    best = (key, self._remember())
            self._come_back(before)
        if best is None:
            return False
        self._come_back(best[1])
        return True

    def _displacing(self, row: int) -> list[int]:
        """Let one slot push out another one that is worth less; gives what has no place after that."""
        worth = int(self.tables.penalty[row])
        pushes = [push for push in self._pushes(row, frozenset()) if self.tables.penalty[push.row] < worth]
        for push in sorted(pushes, key=lambda one: (int(self.tables.penalty[one.row]), one)):
            before = self._remember()
            if self._push(row, push):
                return (
                    []
                    if self._beside(push.row) or self._pushing(push.row, 1, frozenset({row}), FEW_TRIES)
                    else [push.row]
                )
            self._come_back(before)
        return []

    def _push(self, row: int, push: Push) -> bool:
        """Put ``row`` into a route in the place of another slot, which is loose from then on."""
        self.standing.remove(push.row)
        self.altered.add(push.shift)
        return self._within_cap() and self._insert(row, push.shift)

    def _pushes(self, row: int, locked: frozenset[int]) -> list[Push]:
        """Single stops without which ``row`` would fit, those that move nobody else first."""
        data, state, standing = self.tables.data, self.state, self.standing
        barred, touched = self.openings.barred(row), self.touched()
        near = [shift for shift in self.openings.near(row) if not barred[shift]]
        plain, led = self.openings.split(row, near)
        stays = self.tables.pinned | self.tables.linked
        stays[list(locked)] = True
        lines = np.zeros((int(state.size[plain].sum()), 4), dtype=np.int64)
        count = price_pushes(data, state, row, plain, stays, lines)
        found = [
            Push(int(not standing.loose[other]), shift not in touched, price, shift, at, other)
            for shift, at, other, price in lines[:count].tolist()
        ]
        for shift in led:
            for at, other in enumerate(standing.stops(shift)):
                if state.fixed[other] or stays[other]:
                    continue
                take(state, shift, at)
                if refresh(data, state, shift):
                    price = self.openings.price(row, shift)[0]
                    if price < IMPOSSIBLE:
                        extra = int(not standing.loose[other])
                        found.append(Push(extra, shift not in touched, price, shift, at, other))
                put(data, state, shift, at, other)
        return sorted(found)

    def _insert(self, row: int, shift: int) -> bool:
        """Insert at the best place of one route."""
        if self.openings.barred(row)[shift]:
            return False
        price, at = self.openings.price(row, shift)
        if price >= IMPOSSIBLE or not put(self.tables.data, self.state, shift, at, row):
            return False
        self.altered.add(shift)
        return True

    def _mend_links(self) -> None:
        """Place visits anew that wait for others which moved or are left out; what has no place then goes."""
        if not self.tables.linked.any():
            return
        for _ in self.tables.scope.problem.visits:
            wrong = [
                visit
                for visit in ordered_units(self.tables)
                if self.state.route_of[slots_of(self.tables, visit)[0]] >= 0 and not self.standing.in_order(visit)
            ]
            if not wrong:
                return
            row = slots_of(self.tables, wrong[0])[0]
            self.altered |= {int(self.state.route_of[other]) for other in slots_of(self.tables, wrong[0])}
            self.standing.remove(row)
            self._place_unit(wrong[0])

    # -- doing better ---------------------------------------------------------------------------------------------

    def _search(self) -> None:
        """Take some changed visits out and put them back in another order, as long as that helps now and then."""
        draw = np.random.default_rng(self.seed)
        best = self.key()
        failed = 0
        most = PATIENCE * 100 if self.step_limit is None else self.step_limit
        while failed < PATIENCE and self.steps < most and not self.over():
            changed = [row for row in self.rows[self.standing.loose[self.rows]].tolist() if self._may_move(row)]
            if not changed:
                return
            self.steps += 1
            before = self._remember()
            taken = draw.permutation(changed)[: int(draw.integers(1, MOST_TAKEN + 1))].tolist()
            if draw.random() < 0.5:
                taken += self._one_more(draw)
            for row in taken:
                shift = int(self.state.route_of[row])
                self.standing.remove(row)
                if shift >= 0:
                    self.altered.add(shift)
            missing = set(taken) | {row for row in self.absent() if self._may_move(row)}
            order = draw.permutation(sorted(missing)).tolist()
            left = [row for row in order if not self._beside(row)]
            if draw.random() < PUSHING_SHARE:
                left = [row for row in left if not self._pushing(row, 1, frozenset(), tries=FEW_TRIES)]
            key = self.key()
            if key < best and self._within_cap():
                best, failed = key, 0
            else:
                failed += 1
                self._come_back(before)

    def _one_more(self, draw: np.random.Generator) -> list[int]:
        """Choose a held visit of a route that changed anyway."""
        held = [
            row
            for shift in sorted(self.touched())
            for row in self.standing.stops(shift)
            if not self.standing.loose[row] and self._may_move(row)
        ]
        return [held[int(draw.integers(len(held)))]] if held else []

    def _may_move(self, row: int) -> bool:
        kept = any(row in rows for rows in self.closed.values())
        return not (self.tables.linked[row] or self.tables.pinned[row] or self.state.fixed[row] or kept)

    def _exhaust(self) -> None:
        """Search small cases through; what comes out is never worse."""
        if self.closed or self.tables.linked.any() or self.openings.tied or self.spare is not None:
            return
        if not small(self.standing, len(self.wanted)):
            return
        self.altered = set(range(len(self.laid)))
        before = self._remember()
        mine = self.key()
        found = best_repair(self.standing, sorted(self.wanted), self.over)
        self._come_back(before)
        if found is None:
            return
        if found.key < mine:
            for shift, (rows, held) in enumerate(found.routes):
                for row in rows:
                    if row in held:
                        self.standing.loose[row] = False
                        self.standing.hold(row, wide=True)
                    else:
                        self.standing.open(row)
                self.altered.add(shift)
            self.state.route_of[sorted(self.wanted)] = -1
            for shift, (rows, _) in enumerate(found.routes):
                self.state.route_of[list(rows)] = shift
                self.standing.write(shift, rows)
            for row in self.absent():
                self.standing.open(row)
        self.complete = True

    # -- helpers --------------------------------------------------------------------------------------------------

    def _urgency(self, row: int) -> tuple[int, int]:
        return -int(self.tables.penalty[row]), row

    def _is_moved(self, row: int) -> bool:
        return self.state.route_of[row] >= 0 and self.standing.is_moved(row)

    def _departures(self) -> int:
        """Count published slots that the standing plan keeps otherwise than they were told."""
        tolerance = self.standing.tolerance_s
        count = 0
        for row in np.flatnonzero(self.state.route_of >= 0).tolist():
            slot = self.tables.scope.slots[row]
            for told in slot.visit.published:
                if told.slot == slot.number and not self.standing.forced[row]:
                    other = told.technician != self.standing.person[row]
                    count += other or abs(told.start_s - int(self.standing.start[row])) > tolerance
        return count

    def _within_cap(self) -> bool:
        """Whether no more published slots left their place than the policy lets go beyond what the change took."""
        if self.spare is None:
            return True
        published = self.tables.published_start != FAR
        free = np.flatnonzero(self.standing.loose & published & ~self.standing.forced).tolist()
        gone = [row for row in free if self.state.route_of[row] < 0 or self._is_moved(row)]
        return len(gone) <= self.spare

    def _remember(self) -> Memory:
        return Memory(
            routes={shift: self.standing.stops(shift) for shift in self.altered},
            slots=self.state.slots.copy(),
            loose=self.standing.loose.copy(),
            wide=frozenset(self.standing.wide),
        )

    def _come_back(self, memory: Memory) -> None:
        """Put everything back; a route that was not altered by then was as it was laid out."""
        self.state.slots[:] = memory.slots
        self.standing.loose[:] = memory.loose
        self.standing.wide = set(memory.wide)
        for shift in self.altered | memory.routes.keys():
            self.standing.write(shift, memory.routes.get(shift, self.laid[shift]))
        self.altered = set(memory.routes)


def repaired(
    problem: Problem,
    plan: Plan,
    *,
    time_limit_s: float | None,
    step_limit: int | None,
    seed: int,
    improve: bool,
    should_stop: Callable[[], bool] | None,
) -> Repair:
    """Repair ``plan``; see `dispatch.matching.replan.replan`."""
    begun = time.monotonic()
    tables = build(Scope.of(problem))
    built = time.monotonic()
    standing = Standing(tables=tables, plan=plan)
    loaded = time.monotonic()
    # Writing takes about as long as building the arrays: both go once through every stop.
    reserve = 0.0 if time_limit_s is None else min(RESERVE_SHARE * time_limit_s, 0.02 + built - begun)
    stopped = False

    def over() -> bool:
        nonlocal stopped
        late = time_limit_s is not None and time.monotonic() - begun > time_limit_s - reserve
        stopped = stopped or late or (should_stop is not None and should_stop())
        return stopped

    repairer = Repairer(standing=standing, seed=seed, step_limit=step_limit, over=over)
    repairer.run()
    key = repairer.key()
    proven = repairer.complete or repairer.proven(key)
    optional = [row for row in range(len(tables.scope.slots)) if row not in repairer.wanted]
    waiting = {item.visit for item in plan.unassigned}
    repairer.fill(row for row in optional if improve or tables.scope.slots[row].visit.id not in waiting)
    searched = time.monotonic()
    repair = written(standing, repairer.closed, proven=proven)
    done = time.monotonic()
    stats = Stats(
        seconds=round(done - begun, 3),
        steps=repairer.steps,
        seed=seed,
        repeatable=time_limit_s is None and not stopped,
        solver="replan",
        ignored=standing.ignored,
    )
    phases = {"tables": built - begun, "load": loaded - built, "search": searched - loaded, "write": done - searched}
    return replace(repair, plan=replace(repair.plan, stats=stats), phases_s=phases)
