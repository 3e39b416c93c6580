"""Drives the ruin and recreate kernel: neighbour lists, temperatures, cycles, and the pool of good routes.

Temperatures are scaled to the penalty of leaving a visit out, not to travel: with a temperature near the length of a
trip the search never trades one visit against another. Cooling runs in short cycles, hot once and then warm, so that a
good plan is at hand at any time.
"""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dispatch.matching.check.changes import could_stay
from dispatch.matching.constraint import FAR, Flags, Whole
from dispatch.matching.objective import UNIT
from dispatch.matching.solvers.insertion import price_alone
from dispatch.matching.solvers.kernels import refresh
from dispatch.matching.solvers.laying import IMPOSSIBLE, NOT_TOLD
from dispatch.matching.solvers.layout import (
    CALL_OUT,
    COST,
    DEPOT_STAYS,
    DUE,
    DURATION,
    HOME,
    ORDER,
    PAIRED,
    SHIFT_LAST,
    SHIFT_START,
    SIZE,
    TOLD,
    WINDOW_END,
    WINDOW_FROM,
    WINDOW_START,
    WINDOW_TO,
    WORKER,
    Data,
    State,
)
from dispatch.matching.solvers.memory import BEST, CHANGES, CURRENT, MARGIN, MOST_CHANGES, Work
from dispatch.matching.solvers.near import find_near, people_words
from dispatch.matching.solvers.ruin_recreate import ORDERS, search
from dispatch.matching.solvers.tables import NEAR_SHIFTS, NEIGHBOURS, Tables, copy_state, empty_state

EVERYWHERE_PAIRS = 10_000
"""Up to this many pairs of slot and shift every route is tried for every insertion."""

HOT_SHARE = 0.3
"""Of the mean penalty, while visits are left out: one is traded for another only at temperatures of that order."""

HOT_STOPS = 12.0
"""Highest temperature in costs of a stop, while visits are left out."""

FEW_SLOTS = 12
"""Up to this many slots the search starts as hot as the penalties and overlooks the best route often, so that a few
steps try nearly everything."""

FEW_BLINK = 0.2
BLINK = 0.01
"""Share of the times that a route is overlooked although it is the best so far."""

WARM_STOPS = 4.0
"""First temperature in costs of a stop, while nothing is left out."""

COLD_STOPS = 0.01
"""Last temperature in costs of a stop."""

MEAN_REMOVED = 10.0
LONGEST_STRING = 10.0

DIVIDED_SLOTS = 2_000
"""From this many slots on several threads work on one plan, each on a strip of it."""

CUT_EVERY_S = 1.5

MARGIN_STOPS = 1.0
"""Prices are worked out up to so many costs of a stop above the best one known."""

POOL = 15_000


@dataclass(kw_only=True)
class Improver:
    """A plan being improved; ``state`` wanders, ``best`` is what counts.

    With several ``threads`` a large problem is cut into that many strips, each with its own routes and slots, and cut
    anew in another direction again and again. Strips share all arrays and touch none of each other's rows.
    """

    tables: Tables
    state: State
    seed: int
    threads: int = 1
    work: Work = field(init=False)
    data: Data = field(init=False)
    steps: int = field(init=False, default=0)
    pool: dict[tuple[int, tuple[int, ...]], tuple[int, tuple[int, ...]]] = field(init=False, default_factory=dict)
    strips: list[tuple[State, Work]] = field(init=False, default_factory=list)
    cut_at: float = field(init=False, default=0.0)
    kept: tuple[Whole, Whole] = field(init=False)
    obliged: int = field(init=False)

    def __post_init__(self) -> None:
        self.work = _work(self.tables, self.state, self.seed)
        self.data = searched(self.tables)
        self.obliged = obliged(self.tables)
        self._remember()

    @property
    def everywhere(self) -> bool:
        """Whether every route is tried for every insertion."""
        return everywhere(self.tables)

    @property
    def divided(self) -> bool:
        """Whether the search runs in strips: worth it for large problems whose routes are not tied to each other."""
        free = len(self.tables.data.relation) == 0 and self.tables.scope.problem.policy.max_changes is None
        return self.threads > 1 and free and len(self.work.movable) >= DIVIDED_SLOTS

    @property
    def movable(self) -> bool:
        """Whether there is anything to search."""
        return len(self.work.movable) > 0

    @property
    def serves_all(self) -> bool:
        """Whether nothing that the search may move is left out, visits pinned to people aside."""
        return bool((self.state.route_of[self._unpinned()] >= 0).all())

    def _unpinned(self) -> Whole:
        return self.work.movable[~self.tables.pinned[self.work.movable]]

    @property
    def best_cost(self) -> int:
        """Search cost of the best plan: hundredths of a unit."""
        return int(self.work.totals[BEST])

    def hot(self) -> float:
        """Give the temperature to start from: by what is left out, or by what a stop costs where nothing is."""
        rows = self._unpinned()
        stop = self.stop_cost()
        if 0 < len(rows) <= FEW_SLOTS:
            return max(WARM_STOPS * stop, HOT_SHARE * float(self.tables.penalty[rows].mean()))
        if self.serves_all:
            return WARM_STOPS * stop
        return min(HOT_STOPS * stop, max(stop, HOT_SHARE * float(self.tables.penalty[rows].mean())))

    def cold(self) -> float:
        """Give the temperature to end at."""
        return COLD_STOPS * self.stop_cost()

    def stop_cost(self) -> float:
        """Give what a stop costs on the average, who comes not counted: the scale of small changes."""
        routes = self.state.routes
        return max(float(UNIT), float((routes[:, COST] - routes[:, PAIRED]).sum()) / max(1, int(routes[:, SIZE].sum())))

    def run(self, steps: int, hot: float, cold: float) -> None:
        """Search for ``steps`` steps, in strips each of them, while cooling."""
        if self.divided:
            self._run_strips(steps, hot, cold)
            return
        search(self.data, self.state, self.work, steps, hot, cold, self.everywhere)
        self.steps += steps

    def _run_strips(self, steps: int, hot: float, cold: float) -> None:
        now = time.monotonic()
        if not self.strips or now - self.cut_at > CUT_EVERY_S:
            self.cut_at = now
            self._cut()
        tasks = [
            threading.Thread(target=search, args=(self.data, *strip, steps, hot, cold, self.everywhere))
            for strip in self.strips
        ]
        for task in tasks:
            task.start()
        for task in tasks:
            task.join()
        self.steps += steps * len(tasks)
        found = sum(int(work.totals[BEST]) for _, work in self.strips)
        if found < self.best_cost:
            self.work.totals[BEST] = found
            self.kept = (self.work.best_sequence.copy(), self.work.best_size.copy())

    def _cut(self) -> None:
        """Cut the plan as it is into strips; what was best so far is kept apart."""
        tables, state, whole = self.tables, self.state, self.work
        whole.best_sequence[:], whole.best_size[:] = state.sequence, state.size
        whole.dirty[:] = False
        rng = np.random.default_rng([self.seed, self.steps])
        direction = rng.normal(size=3)
        homes = tables.ways.vectors[tables.data.shift[:, HOME]] @ direction
        sites = tables.ways.vectors[tables.place] @ direction
        bounds = np.quantile(homes, np.linspace(0.0, 1.0, self.threads + 1)[1:-1])
        route_in = np.searchsorted(bounds, homes)
        served = state.route_of >= 0
        slot_in = np.where(served, route_in[state.route_of], np.searchsorted(bounds, sites))
        self.strips = []
        for number in range(self.threads):
            mine, can_move = route_in == number, whole.can_move & (slot_in == number)
            cost = state.cost[mine].sum() + tables.penalty[~served & (slot_in == number)].sum()
            scratch = _scratch(tables, state)
            work = whole._replace(
                **scratch,
                random=np.array([rng.integers(1, 2**32 - 1)], dtype=np.int64),
                movable=np.flatnonzero(can_move).astype(np.int64),
                can_move=can_move,
                mine=mine,
                counter=whole.counter + (number + 1) * 10**9,
                totals=np.array([cost, cost, 0, IMPOSSIBLE], dtype=np.int64),
            )
            self.strips.append((state._replace(trial=np.zeros_like(state.trial)), work))
        whole.counter[0] += (self.threads + 1) * 10**9

    def collect(self) -> None:
        """Keep the routes of the current plan for recombination."""
        state = self.state
        for shift in np.flatnonzero(state.size):
            row = tuple(state.sequence[shift, : state.size[shift]].tolist())
            key = (int(shift), tuple(sorted(row)))
            known = self.pool.pop(key, None)
            cost = int(state.cost[shift])
            self.pool[key] = (cost, row) if known is None or cost < known[0] else known
        while len(self.pool) > POOL:
            self.pool.pop(next(iter(self.pool)))

    def best_state(self) -> State:
        """Give a copy of the best plan with its timetable."""
        state = copy_state(self.state)
        state.route_of[:] = -1
        state.sequence[:], state.size[:] = self.kept if self.divided else (self.work.best_sequence, self.work.best_size)
        for shift in range(len(state.size)):
            state.route_of[state.sequence[shift, : state.size[shift]]] = shift
            refresh(self.tables.data, state, shift)
        return state

    def adopt(self, state: State) -> None:
        """Go on from ``state``; it becomes the best plan if it is cheaper."""
        for mine, theirs in zip(self.state, state, strict=True):
            mine[:] = theirs
        self.work.dirty[:] = True
        self.work.counter[0] += 1
        self.work.version[:] = self.work.counter[0]
        self.strips = []
        self.work.can_move[:] = _can_move(self.tables) & (state.fixed == 0)
        self._count()
        if self.work.totals[CURRENT] < self.work.totals[BEST]:
            self._remember()

    def toll(self, more: int) -> None:
        """Let every route that is used cost so many units more than it does; the plan as it is becomes the best."""
        self.data.shift[:, CALL_OUT] = self.tables.data.shift[:, CALL_OUT] + more
        for shift in range(len(self.state.size)):
            refresh(self.data, self.state, shift)
        self.work.counter[0] += 1
        self.work.version[:] = self.work.counter[0]
        self.strips = []
        self._remember()

    def restart(self, state: State) -> None:
        """Go on from ``state`` as the best plan, whatever was best before: its crews start at other times."""
        self.work.totals[BEST] = IMPOSSIBLE
        self.pool.clear()
        self.adopt(state)

    def _remember(self) -> None:
        self.work.best_sequence[:] = self.state.sequence
        self.work.best_size[:] = self.state.size
        self.work.dirty[:] = False
        self.kept = (self.state.sequence.copy(), self.state.size.copy())
        self._count()
        self.work.dials[MARGIN] = MARGIN_STOPS * self.stop_cost()
        self.work.totals[BEST] = self.work.totals[CURRENT]

    def _count(self) -> None:
        cap = self.tables.scope.problem.policy.max_changes
        changes = count_changes(self.tables, self.state)
        self.work.totals[CURRENT] = total_cost(self.tables, self.state)
        self.work.totals[CHANGES] = changes
        self.work.totals[MOST_CHANGES] = IMPOSSIBLE if cap is None else max(cap + self.obliged, changes)


def searched(tables: Tables) -> Data:
    """Give the question as the search asks it: a stop is priced with the depot where the route passes it now.

    What shifts cost is a copy, so that a `toll` changes no other reading of the question.
    """
    policy = tables.data.policy.copy()
    policy[DEPOT_STAYS] = 1
    return tables.data._replace(policy=policy, shift=tables.data.shift.copy())


def total_cost(tables: Tables, state: State) -> int:
    """Search cost of a state: all routes, and the penalties of all slots left out."""
    return int(state.cost.sum() + tables.penalty[state.route_of < 0].sum())


def count_changes(tables: Tables, state: State) -> int:
    """Count the published slots that are served otherwise than published, or not at all."""
    left_out = (state.route_of < 0) & (tables.data.slot[:, TOLD] != NOT_TOLD)
    return int(state.changed.sum() + left_out.sum())


def obliged(tables: Tables) -> int:
    """Count the published slots that have to change, which no cap on changes counts."""
    problem = tables.scope.problem
    if problem.policy.max_changes is None:
        return 0
    return sum(not could_stay(problem, visit, told) for visit in problem.visits for told in visit.published)


def _can_move(tables: Tables) -> Flags:
    ordered = tables.data.slot[:, ORDER] != FAR
    return np.asarray(~tables.linked & ~ordered & tables.data.allowed.any(axis=1))


def everywhere(tables: Tables) -> bool:
    """Whether every route is tried for every insertion: where all prices can be remembered in little memory."""
    return len(tables.scope.slots) * len(tables.scope.shifts) <= EVERYWHERE_PAIRS


def _work(tables: Tables, state: State, seed: int) -> Work:
    slots, shifts = len(tables.scope.slots), len(tables.scope.shifts)
    can_move = _can_move(tables) & (state.fixed == 0)
    movable = np.flatnonzero(can_move).astype(np.int64)
    alone = np.zeros((slots, shifts), dtype=np.int64)
    price_alone(tables.data, empty_state(tables), alone)
    twin_at, twin = _twins(tables)
    alone_by_kind = alone[:, twin[twin_at[:-1]]]
    tried = len(twin_at) - 1 if everywhere(tables) else NEAR_SHIFTS
    able = np.argsort(alone_by_kind, axis=1, kind="stable")[:, :tried].astype(np.int64)
    able[np.take_along_axis(alone_by_kind, able, axis=1) >= IMPOSSIBLE] = -1
    return Work(
        **_scratch(tables, state),
        # Xorshift never leaves 0, and seeds close together must not start close together.
        random=np.array([((seed + 1) * 2_654_435_761) % 4_294_967_291 + 1], dtype=np.int64),
        movable=movable,
        can_move=can_move,
        mine=np.ones(shifts, dtype=np.bool_),
        neighbours=_neighbours(tables, movable),
        able=able,
        twin_at=twin_at,
        twin=twin,
        order_keys=_order_keys(tables, alone),
        dials=np.array([MEAN_REMOVED, LONGEST_STRING, 0.0, FEW_BLINK if len(movable) <= FEW_SLOTS else BLINK]),
        version=np.zeros(shifts, dtype=np.int64),
        counter=np.zeros(1, dtype=np.int64),
        known=np.full((slots, shifts, 3), -1, dtype=np.int64),
        best_sequence=state.sequence.copy(),
        best_size=state.size.copy(),
        dirty=np.zeros(shifts, dtype=np.bool_),
        totals=np.zeros(4, dtype=np.int64),
    )


def _twins(tables: Tables) -> tuple[Whole, Whole]:
    """Group shifts that differ in nothing but their names: where each kind begins, and the shifts by kind."""
    data = tables.data
    tied = len(data.relation) > 0
    kinds: dict[object, list[int]] = {}
    for shift, row in enumerate(data.shift):
        worker = int(row[WORKER])
        alike = np.delete(row, WORKER).tobytes(), data.allowed[:, shift].tobytes(), data.pair[:, worker].tobytes()
        kinds.setdefault((shift,) if tied else alike, []).append(shift)
    sizes = [len(members) for members in kinds.values()]
    twin_at = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    return twin_at, np.array([shift for members in kinds.values() for shift in members], dtype=np.int64)


def _scratch(tables: Tables, state: State) -> dict[str, Any]:
    """Give what every search needs for itself."""
    slots, shifts = len(tables.scope.slots), len(tables.scope.shifts)
    old_stops, flat = np.zeros_like(state.stops), (shifts, state.stops.shape[1] * state.stops.shape[2])
    return {
        "absent": np.zeros(slots + 1, dtype=np.int64),
        "was_served": np.zeros(slots, dtype=np.bool_),
        "listed": np.zeros(slots, dtype=np.bool_),
        "keys": np.zeros(slots + 1, dtype=np.float64),
        "routes": np.zeros(shifts, dtype=np.int64),
        "touched": np.zeros(shifts, dtype=np.int64),
        "is_touched": np.zeros(shifts, dtype=np.bool_),
        "old_stops": old_stops,
        "rows": state.stops.reshape(flat),
        "old_rows": old_stops.reshape(flat),
        "old_routes": np.zeros_like(state.routes),
        "old_version": np.zeros(shifts, dtype=np.int64),
        "stamp": np.zeros(shifts, dtype=np.int64),
    }


def _neighbours(tables: Tables, movable: Whole) -> Whole:
    """List for each movable slot the nearest ones; see `near.find_near`  # [kind, slot, rank], -1 = no more."""
    data = tables.data
    most = min(NEIGHBOURS + 1, len(movable))
    near = np.full((2, len(tables.scope.slots), NEIGHBOURS + 1), -1, dtype=np.int64)
    opens = np.maximum(tables.opens, data.shift[:, SHIFT_START].min(initial=FAR)).astype(np.int64)
    closes = np.minimum(tables.closes, data.shift[:, SHIFT_LAST].max(initial=-FAR)).astype(np.int64)
    if most > 1:
        found, far = near[:, :, :most].copy(), np.zeros((2, most))
        find_near(data, movable, tables.place.astype(np.int64), opens, closes, people_words(data.allowed), far, found)
        near[:, :, :most] = found
    return near


def _order_keys(tables: Tables, alone: Whole) -> npt.NDArray[np.float64]:
    """Sort keys for putting stops back  # [order, slot]; row 0 stands for a random order."""
    data = tables.data
    slots = len(tables.scope.slots)
    opens, closes = np.full(slots, -1e12), np.full(slots, 1e12)
    for slot in range(slots):
        first, last = data.slot[slot, WINDOW_FROM], data.slot[slot, WINDOW_TO]
        if last > first:
            opens[slot] = data.window[first:last, WINDOW_START].min()
            closes[slot] = data.window[first:last, WINDOW_END].max()
    closes = np.minimum(closes, data.slot[:, DUE])
    choices = (alone < IMPOSSIBLE).sum(axis=1)
    penalty, duration = tables.penalty.astype(np.float64), data.slot[:, DURATION].astype(np.float64)
    keys = [
        np.zeros(slots),
        -penalty,
        -penalty / np.maximum(1.0, duration),
        opens,
        closes,
        closes - opens,
        -duration,
        choices.astype(np.float64),
    ]
    assert len(keys) == ORDERS
    return np.stack(keys)
