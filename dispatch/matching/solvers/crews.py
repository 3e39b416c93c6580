"""Visits that hang together: crews that start at the same moment, and visits that wait for another one.

They are placed as a unit: one start for all crew slots, each slot with another person, at the moment where the sum of
insertion prices is lowest. Once placed their starts are bounded (`State.low`, `State.high`), so that the search may
move everything around them without breaking them.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from dispatch.matching.constraint import FAR
from dispatch.matching.problem import Visit
from dispatch.matching.solvers.clock import work_s
from dispatch.matching.solvers.insertion import earliest_starts, price_everywhere
from dispatch.matching.solvers.kernels import IMPOSSIBLE, put, refresh, take
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.tables import Tables

MOMENTS = 60
"""Most start moments tried for one unit."""


def slots_of(tables: Tables, visit: Visit) -> list[int]:
    """Rows of the crew slots of ``visit``."""
    return [tables.scope.slot_index[visit.id, number] for number in range(len(visit.crew))]


def ordered_units(tables: Tables) -> list[Visit]:
    """Linked visits, dearest first, each after the visits it waits for."""
    scope = tables.scope
    linked = {slot.visit.id: slot.visit for row, slot in enumerate(scope.slots) if tables.linked[row]}
    first_slot = {name: slots_of(tables, visit)[0] for name, visit in linked.items()}
    by_worth = sorted(linked, key=lambda name: (-int(tables.penalty[first_slot[name]]), name))
    placed: dict[str, Visit] = {}
    pending = list(by_worth)
    while pending:
        ready = [name for name in pending if all(item.visit in placed for item in linked[name].predecessors)]
        for name in ready:
            placed[name] = linked[name]
        pending = [name for name in pending if name not in placed]
    return list(placed.values())


def place_unit(tables: Tables, state: State, visit: Visit, *, forced: bool) -> bool:
    """Place all crew slots of ``visit`` at the best common start; False, and nothing changed, if there is none.

    Without ``forced`` the visit is left out where serving it costs more than its penalty.
    """
    rows = slots_of(tables, visit)
    release = _release(tables, state, visit)
    if release is None or any(not tables.data.allowed[row].any() for row in rows):
        return False
    deadline = _deadline(tables, state, visit)
    low, high = state.low[rows].copy(), state.high[rows].copy()
    state.low[rows] = np.maximum(low, release)
    moments = _moments(tables, state, rows)
    limit = IMPOSSIBLE if forced else int(tables.penalty[rows].sum())
    best: tuple[int, int, list[tuple[int, int]]] | None = None
    for moment in moments:
        if moment > deadline or (moment < low).any() or (moment > high).any():
            continue
        state.low[rows] = moment
        state.high[rows] = moment
        found = _cheapest(tables, state, rows)
        if found is not None and found[0] < limit:
            limit = found[0]
            best = (found[0], moment, found[1])
    state.low[rows], state.high[rows] = low, high
    if best is None:
        return False
    _, moment, places = best
    state.low[rows] = moment
    state.high[rows] = moment
    for row, (shift, at) in zip(rows, places, strict=True):
        if not put(tables.data, state, shift, at, row):
            remove_unit(tables, state, visit)
            return False
    state.fixed[rows] = 1
    return True


def remove_unit(tables: Tables, state: State, visit: Visit) -> None:
    """Take all crew slots of ``visit`` out and lift the bounds on their starts."""
    for row in slots_of(tables, visit):
        shift = int(state.route_of[row])
        if shift >= 0:
            at = int(np.flatnonzero(state.sequence[shift, : state.size[shift]] == row)[0])
            take(state, shift, at)
            refresh(tables.data, state, shift)
        pinned = int(tables.pinned_start[row])
        state.low[row] = tables.opens[row] if pinned == FAR else pinned
        state.high[row] = tables.closes[row] if pinned == FAR else pinned
        state.fixed[row] = 0


def waiting_for(tables: Tables, visit: Visit) -> list[Visit]:
    """Visits that may only start when ``visit`` is finished."""
    return [
        other for other in tables.scope.problem.visits if any(before.visit == visit.id for before in other.predecessors)
    ]


def end_of(tables: Tables, state: State, visit: Visit) -> int | None:
    """When the last crew member finishes ``visit``; None while it is not served."""
    ends = []
    for row in slots_of(tables, visit):
        shift = int(state.route_of[row])
        if shift < 0:
            return None
        at = int(np.flatnonzero(state.sequence[shift, : state.size[shift]] == row)[0])
        ends.append(int(state.leave[shift, at]))
    return max(ends)


def _release(tables: Tables, state: State, visit: Visit) -> int | None:
    """Earliest start after everything it waits for; None while one of those is not served."""
    release = -FAR
    for before in visit.predecessors:
        end = end_of(tables, state, tables.scope.problem.visit_by_id[before.visit])
        if end is None:
            return None
        release = max(release, end + before.gap_s)
    return release


def _deadline(tables: Tables, state: State, visit: Visit) -> int:
    """Latest start that keeps served followers in time, whoever does the work."""
    deadline = FAR
    slowest = max((int(work_s(tables.data, r, slots_of(tables, visit)[0])) for r in range(len(state.size))), default=0)
    for after in waiting_for(tables, visit):
        row = slots_of(tables, after)[0]
        if state.route_of[row] >= 0:
            gap = next(before.gap_s for before in after.predecessors if before.visit == visit.id)
            deadline = min(deadline, int(state.low[row]) - gap - slowest)
    return deadline


def _moments(tables: Tables, state: State, rows: list[int]) -> list[int]:
    """Earliest starts of any slot at any place of any route: the best common start is one of them or close to one."""
    room = np.zeros(int(state.size.sum()) + len(state.size), dtype=np.int64)
    found: set[int] = set()
    for row in rows:
        count = earliest_starts(tables.data, state, row, room)
        found.update(room[:count].tolist())
    moments = sorted(found)
    if len(moments) <= MOMENTS:
        return moments
    return [moments[index] for index in np.linspace(0, len(moments) - 1, MOMENTS).astype(int)]


def _cheapest(tables: Tables, state: State, rows: list[int]) -> tuple[int, list[tuple[int, int]]] | None:
    """Cheapest way to give each slot another person at the fixed start: a linear assignment of slots to technicians."""
    people, shifts = len(tables.scope.technicians), len(state.size)
    price = np.full((len(rows), people), IMPOSSIBLE, dtype=np.int64)
    via = np.zeros((len(rows), people), dtype=np.int64)
    places = np.zeros((len(rows), shifts), dtype=np.int64)
    by_shift = np.zeros(shifts, dtype=np.int64)
    for line, row in enumerate(rows):
        price_everywhere(tables.data, state, row, by_shift, places[line])
        np.minimum.at(price[line], tables.worker, by_shift)
        chosen = np.flatnonzero((by_shift < IMPOSSIBLE) & (by_shift == price[line, tables.worker]))
        via[line, tables.worker[chosen]] = chosen
    real = price[price < IMPOSSIBLE]
    if len(real) == 0 or (price == IMPOSSIBLE).all(axis=1).any() or people < len(rows):
        return None
    # IMPOSSIBLE would swamp the floating point sums inside the assignment; any price far above the real ones will do.
    barred = int(np.abs(real).max()) * (len(rows) + 1) + 1
    _, crew = linear_sum_assignment(np.where(price < IMPOSSIBLE, price, barred))
    paid = price[np.arange(len(rows)), crew]
    if (paid == IMPOSSIBLE).any():
        return None
    legs = [int(via[line, person]) for line, person in enumerate(crew)]
    return int(paid.sum()), [(shift, int(places[line, shift])) for line, shift in enumerate(legs)]
