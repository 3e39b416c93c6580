"""Visits that hang together: crews that start at the same moment, and visits that wait for another one.

They are placed as a unit: one start for all crew slots, each slot with another person, at the moment where the sum of
insertion prices is lowest. Once placed their starts are bounded (`State.low`, `State.high`), so that the search may
move everything around them without breaking them.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from dispatch.matching.constraint import FAR, Flags, Whole
from dispatch.matching.problem import Visit
from dispatch.matching.solvers.insertion import earliest_starts, price_everywhere
from dispatch.matching.solvers.kernels import best_place, put, refresh, take
from dispatch.matching.solvers.laying import IMPOSSIBLE
from dispatch.matching.solvers.layout import (
    BOND,
    DEPOT,
    DURATION,
    GROUP_FROM,
    GROUP_TO,
    OTHER,
    PACE,
    PARTS,
    SETUP,
    START,
    TOOLS,
    State,
)
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
    span = _span(tables, state, visit)
    if span is None or any(not tables.data.allowed[row].any() for row in rows):
        return False
    low, high = state.low[rows].copy(), state.high[rows].copy()
    limit = IMPOSSIBLE if forced else int(tables.penalty[rows].sum())
    best: tuple[int, int, list[tuple[int, int]]] | None = None
    # Not so early that followers would have to start before they can, unless that is the only way.
    for begin in sorted({max(span[0], _wanted(tables, state, visit)), span[0]}, reverse=True):
        since, until = max(begin, int(low.max())), min(span[1], int(high.min()))
        state.low[rows] = np.maximum(low, begin)
        moments = _moments(tables, state, rows, since, until) if since <= until else []
        for moment in moments:
            state.low[rows] = moment
            state.high[rows] = moment
            found = _cheapest(tables, state, rows)
            if found is not None and found[0] < limit:
                limit = found[0]
                best = (found[0], moment, found[1])
        state.low[rows], state.high[rows] = low, high
        if best is not None:
            break
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


def remove_unit(tables: Tables, state: State, visit: Visit) -> bool:
    """Take all crew slots of ``visit`` out and lift the bounds on their starts.

    False if a route can not do without them because two other stops of it are too far apart.
    """
    whole = True
    for row in slots_of(tables, visit):
        shift = int(state.route_of[row])
        if shift >= 0:
            at = int(np.flatnonzero(state.sequence[shift, : state.size[shift]] == row)[0])
            take(state, shift, at)
            whole = bool(refresh(tables.data, state, shift)) and whole
        pinned = int(tables.pinned_start[row])
        state.low[row] = tables.opens[row] if pinned == FAR else pinned
        state.high[row] = tables.closes[row] if pinned == FAR else pinned
        state.fixed[row] = 0
    return whole


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


def _span(tables: Tables, state: State, visit: Visit) -> tuple[int, int] | None:
    """First and last start that suit what is served before and after it, whoever does the work.

    None while something that it waits for is not served. A set-up is shared or not as the stops around it change, so a
    predecessor counts as finished after all its work where the least gap is concerned, and after its least work where
    the longest one is.
    """
    first, last = -FAR, FAR
    for before in visit.predecessors:
        served = _end_span(tables, state, tables.scope.problem.visit_by_id[before.visit])
        if served is None:
            return None
        first = max(first, served[1] + before.gap_s)
        if before.max_gap_s is not None:
            last = min(last, served[0] + before.max_gap_s)
    followers = [after for after in waiting_for(tables, visit) if state.route_of[slots_of(tables, after)[0]] >= 0]
    if followers:
        least, most = _work_span(tables, visit)
        for after in followers:
            start = int(state.low[slots_of(tables, after)[0]])
            gap, most_gap = _gaps(after, visit)
            last = min(last, start - gap - most)
            if most_gap is not None:
                first = max(first, start - most_gap - least)
    return first, last


def _wanted(tables: Tables, state: State, visit: Visit) -> int:
    """First start from which followers that are still to be placed can come soon enough after it; -FAR = any."""
    wanted = -FAR
    for after in waiting_for(tables, visit):
        most_gap = _gaps(after, visit)[1]
        rows = slots_of(tables, after)
        if most_gap is not None and state.route_of[rows[0]] < 0:
            opens = max(int(state.low[rows].max()), _wanted(tables, state, after))
            wanted = max(wanted, opens - most_gap - _work_span(tables, visit)[0])
    return wanted


def _gaps(after: Visit, before: Visit) -> tuple[int, int | None]:
    """Least and longest time that ``after`` waits for ``before``."""
    item = next(item for item in after.predecessors if item.visit == before.id)
    return item.gap_s, item.max_gap_s


def _works(tables: Tables, row: int, shifts: Whole) -> tuple[Whole, Whole]:
    """Time that each of the shifts needs for a crew slot, with its set-up shared and not."""
    planned, setup = (int(tables.data.slot[row, column]) for column in (DURATION, SETUP))
    pace = tables.data.shift[shifts, PACE]
    return ((planned - setup) * pace + 50) // 100, (planned * pace + 50) // 100


def _work_span(tables: Tables, visit: Visit) -> tuple[int, int]:
    """Least and most time from the start of a visit to its end, whoever of those who may does it."""
    spans = [_works(tables, row, np.flatnonzero(tables.data.allowed[row])) for row in slots_of(tables, visit)]
    # The crew is done when its slowest member is.
    least = max(int(shared.min()) if len(shared) else 0 for shared, _ in spans)
    return least, max(int(whole.max()) if len(whole) else 0 for _, whole in spans)


def _end_span(tables: Tables, state: State, visit: Visit) -> tuple[int, int] | None:
    """When the last crew member finishes ``visit`` at the earliest and at the latest; None while it is not served."""
    least = most = -FAR
    for row in slots_of(tables, visit):
        shift = int(state.route_of[row])
        if shift < 0:
            return None
        at = int(np.flatnonzero(state.sequence[shift, : state.size[shift]] == row)[0])
        start = int(state.stops[shift, at, START])
        shared, whole = _works(tables, row, np.array([shift]))
        least, most = max(least, start + int(shared[0])), max(most, start + int(whole[0]))
    return least, most


def _moments(tables: Tables, state: State, rows: list[int], since: int, until: int) -> list[int]:
    """Earliest starts of any slot at any place of any route: the best common start is one of them or close to one."""
    room = np.zeros(int(state.size.sum()) + len(state.size), dtype=np.int64)
    found: set[int] = set()
    for row in rows:
        count = earliest_starts(tables.data, state, row, room)
        found.update(room[:count].tolist())
        found.update(_starts_by_depot(tables, state, row))
    moments = sorted(moment for moment in found if since <= moment <= until)
    if len(moments) <= MOMENTS:
        return moments
    return [moments[index] for index in np.linspace(0, len(moments) - 1, MOMENTS).astype(int)]


def _starts_by_depot(tables: Tables, state: State, row: int) -> list[int]:
    """Start of a slot on each day that can pass a depot: the detour makes it later than the ways alone say."""
    data, starts = tables.data, []
    if data.policy[PARTS] + data.policy[TOOLS] == 0:
        return []
    for shift in np.flatnonzero(data.allowed[row] & (data.shift[:, DEPOT] >= 0)):
        at = int(best_place(data, state, int(shift), row, IMPOSSIBLE)[1])
        if at >= 0 and put(data, state, int(shift), at, row):
            starts.append(int(state.start[shift, at]))
            take(state, int(shift), at)
            refresh(data, state, int(shift))
    return starts


def _kept_free(tables: Tables, state: State, price: Whole, via: Whole) -> Flags:
    """Rows for the assignment that keep so many people of a partner out of the crew that its day is not too full.

    Each row takes one of the people it is true for, and so leaves as many of them as the partner still has visits to
    give that day  # [row, technician].
    """
    shifts, relation = tables.data.shift, tables.data.relation
    rows: list[Flags] = []
    groups = shifts[via, GROUP_FROM]
    limited = (price < IMPOSSIBLE) & (groups < shifts[via, GROUP_TO])
    for first in np.unique(groups[limited]).tolist():
        members = (limited & (groups == first)).any(axis=0)
        last = int(shifts[shifts[:, GROUP_FROM] == first, GROUP_TO].max())
        spare = int(relation[first, BOND]) - int(state.size[relation[first:last, OTHER]].sum())
        rows += [members] * (int(members.sum()) - spare)
    return np.array(rows, dtype=np.bool_).reshape(len(rows), price.shape[1])


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
    full = _kept_free(tables, state, price, via)
    if people < len(rows) + len(full):
        return None
    # IMPOSSIBLE would swamp the floating point sums inside the assignment; any price far above the real ones will do.
    barred = int(np.abs(real).max()) * (len(rows) + 1) + 1
    costs = np.concatenate((np.where(price < IMPOSSIBLE, price, barred), np.where(full, 0, barred)))
    _, everybody = linear_sum_assignment(costs)
    if (costs[np.arange(len(costs)), everybody] == barred).any():
        return None
    crew = everybody[: len(rows)]
    paid = price[np.arange(len(rows)), crew]
    legs = [int(via[line, person]) for line, person in enumerate(crew)]
    return int(paid.sum()), [(shift, int(places[line, shift])) for line, shift in enumerate(legs)]
