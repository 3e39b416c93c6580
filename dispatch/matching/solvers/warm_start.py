"""Start from an earlier plan: what is still possible keeps its place, what vanished is listed."""

import numpy as np

from dispatch.matching.constraint import FAR, Flags, Whole
from dispatch.matching.plan import Plan, Route
from dispatch.matching.solvers.crews import ordered_units, place_unit, slots_of
from dispatch.matching.solvers.insertion import insert_by_regret, ranking
from dispatch.matching.solvers.kernels import best_place, put, refresh
from dispatch.matching.solvers.laying import IMPOSSIBLE
from dispatch.matching.solvers.layout import TOLD, State
from dispatch.matching.solvers.tables import Tables, empty_state


def restore(tables: Tables, plan: Plan | None) -> tuple[State, tuple[str, ...]]:
    """Give a state with the stops of ``plan`` that are still feasible, and the names of its parts that are not known.

    Linked visits are not taken over: they are placed anew as a unit.
    """
    state = empty_state(tables)
    if plan is None:
        return state, ()
    ignored: list[str] = []
    for route in sorted(plan.routes, key=lambda item: item.shift):
        if route.shift not in tables.scope.shift_index:
            ignored.append(f"shift {route.shift}")
            continue
        ignored += _restore_route(tables, state, route)
    ignored += [f"visit {item.visit}" for item in plan.unassigned if item.visit not in tables.scope.problem.visit_by_id]
    return state, tuple(ignored)


def load(tables: Tables, plan: Plan) -> tuple[State, set[int]]:
    """Give ``plan`` as it is, crews at their times, and the shifts whose route keeps to no timetable of ours.

    Those routes are left empty: somebody overrode a rule there, and nothing can be told about adding to them.
    """
    state = empty_state(tables)
    broken: set[int] = set()
    for route in plan.routes:
        shift = tables.scope.shift_index[route.shift]
        rows = [tables.scope.slot_index[stop.visit, stop.slot] for stop in route.stops]
        for row, stop in zip(rows, route.stops, strict=True):
            if tables.linked[row]:
                state.low[row] = state.high[row] = stop.start_s
                state.fixed[row] = 1
        fits = len(rows) <= state.sequence.shape[1]
        if fits:
            state.sequence[shift, : len(rows)] = rows
            state.size[shift] = len(rows)
        if not fits or not refresh(tables.data, state, shift):
            broken.add(shift)
            state.size[shift] = 0
            refresh(tables.data, state, shift)
        else:
            state.route_of[rows] = shift
    return state, broken


def published_state(tables: Tables) -> State:
    """Give a state with the pins and with what was published, as far as that is still possible.

    Whatever keeps its person is held at its published start (`hold`), crews and visits with an order included.
    """
    state = empty_state(tables)
    single = ~tables.linked & tables.data.allowed.any(axis=1)
    pinned = np.flatnonzero(tables.pinned & single).astype(np.int64)
    everything = np.ones(len(tables.linked), dtype=np.bool_)
    insert_by_regret(tables.data, state, ranking(len(pinned), len(state.size)), pinned, everything)
    for visit in ordered_units(tables):
        rows = slots_of(tables, visit)
        if visit.published:
            before = state.low[rows].copy(), state.high[rows].copy()
            _narrow(tables, state, np.array(rows, dtype=np.int64))
            if (state.low[rows] > state.high[rows]).any() or not place_unit(tables, state, visit, forced=True):
                state.low[rows], state.high[rows] = before
    told = np.flatnonzero((tables.published_start != FAR) & single & (state.route_of < 0))
    for row in told[np.lexsort((told, tables.published_start[told]))].tolist():
        before = state.low[[row]].copy(), state.high[[row]].copy()
        _narrow(tables, state, np.array([row], dtype=np.int64))
        own = np.flatnonzero(tables.data.allowed[row] & (tables.worker == tables.data.slot[row, TOLD])).tolist()
        found = [(*map(int, best_place(tables.data, state, shift, row, IMPOSSIBLE)), shift) for shift in own]
        price, at, shift = min(found, default=(IMPOSSIBLE, -1, -1))
        if price >= IMPOSSIBLE or not put(tables.data, state, shift, at, row):
            state.low[[row]], state.high[[row]] = before
    return state


def hold(tables: Tables, state: State) -> None:
    """Keep what is served as published at its published time, whatever is inserted beside it."""
    rows = np.flatnonzero(_kept(tables, state) & ~tables.linked)
    _narrow(tables, state, rows)
    _time_anew(tables, state, rows)


def let_go(tables: Tables, state: State) -> None:
    """Let starts move later again; those published stay as late as they are, since days start as early as possible."""
    rows = np.flatnonzero((tables.published_start != FAR) & ~tables.linked & (tables.pinned_start == FAR))
    state.high[rows] = tables.closes[rows]
    nobody = rows[state.route_of[rows] < 0]
    state.low[nobody] = tables.opens[nobody]
    _time_anew(tables, state, rows)


def _kept(tables: Tables, state: State) -> Flags:
    """Slots that are served as published  # [slot]."""
    kept = np.zeros(len(tables.linked), dtype=np.bool_)
    for row in np.flatnonzero((tables.published_start != FAR) & (state.route_of >= 0)).tolist():
        shift = int(state.route_of[row])
        at = int(np.flatnonzero(state.sequence[shift, : state.size[shift]] == row)[0])
        late = abs(int(state.start[shift, at]) - int(tables.published_start[row]))
        same = int(tables.worker[shift]) == int(tables.data.slot[row, TOLD])
        kept[row] = same and late <= tables.scope.problem.policy.retime_tolerance_s
    return kept


def _narrow(tables: Tables, state: State, rows: Whole) -> None:
    """Bound the starts of slots by what was published."""
    told, tolerance = tables.published_start[rows], tables.scope.problem.policy.retime_tolerance_s
    state.low[rows] = np.where(told == FAR, state.low[rows], np.maximum(state.low[rows], told - tolerance))
    state.high[rows] = np.where(told == FAR, state.high[rows], np.minimum(state.high[rows], told + tolerance))


def _time_anew(tables: Tables, state: State, rows: Whole) -> None:
    for shift in np.unique(state.route_of[rows]):
        if shift >= 0:
            refresh(tables.data, state, int(shift))


def _restore_route(tables: Tables, state: State, route: Route) -> list[str]:
    ignored: list[str] = []
    shift = tables.scope.shift_index[route.shift]
    for stop in route.stops:
        row = tables.scope.slot_index.get((stop.visit, stop.slot))
        if row is None:
            ignored.append(f"visit {stop.visit}")
            continue
        room = state.size[shift] < state.sequence.shape[1]
        if tables.linked[row] or state.route_of[row] >= 0 or not tables.data.allowed[row, shift] or not room:
            continue
        put(tables.data, state, shift, int(state.size[shift]), row)
    return ignored
