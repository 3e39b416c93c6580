"""What it costs to serve one more stop in a day that passes the depot.

Exact is the cheapest of all places of the depot, each laid out anew. A search asks a hundred thousand times a second,
and is told the price with the depot passed where it is now (`DEPOT_STAYS`): never less than the exact one, and for
plain stops found in O(1) by the sums of `kernels`. The depot finds its best place when the route is laid
(`kernels.refresh`).
"""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

from dispatch.matching.constraint import FAR
from dispatch.matching.solvers.clock import drive, work_s
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.laying import (
    IMPOSSIBLE,
    first_need,
    joined,
    last_start,
    lay,
    lay_by_depot,
    whole_cost,
)
from dispatch.matching.solvers.layout import (
    BREAK_FROM,
    BREAK_TO,
    COST,
    COST_PERCENT,
    DEPART_FIRST,
    DEPART_LAST,
    DEPOT,
    DEPOT_AT,
    DEPOT_TIME,
    DRIVEN,
    GOAL,
    HOME,
    HOMEWARD,
    INTRICATE,
    LATE,
    LATEST,
    LENGTH_SO_FAR,
    LOW,
    MAX_DRIVE,
    MAX_LEG,
    MAX_LENGTH,
    NEED,
    PAIRED,
    PARTS,
    PLACE,
    PLAIN,
    REST_EARLIEST,
    REST_LENGTH,
    SHIFT_LAST,
    SHIFT_START,
    SIZE,
    SLOT,
    STOCK,
    THERE,
    TOOLS,
    USED,
    WAY,
    WORKED,
    WORKER,
    Data,
    State,
)


@kernel
def lacking(D: Data, S: State, r: int, s: int, before: int) -> bool:
    """Whether route ``r`` can not serve slot ``s`` from the van besides its stops up to number ``before``."""
    parts, tools, last = D.policy[PARTS], D.policy[TOOLS], before - 1
    for k in range(parts):
        used = S.stops[r, last, USED + k] if last >= 0 else 0
        if D.slot[s, NEED + k] > 0 and used + D.slot[s, NEED + k] > D.shift[r, STOCK + k]:
            return True
    missing = 0
    for k in range(parts, parts + tools):
        if D.slot[s, NEED + k] > D.shift[r, STOCK + k]:
            missing += 1
    return missing > 0


@kernel
def leaving_out_depot(D: Data, S: State, r: int) -> int:
    """Price of the detour by the depot as it is: the most that another place of it could save."""
    i = S.routes[r, DEPOT_AT]
    if i < 0:
        return 0
    place = D.shift[r, HOME] if i == 0 else D.slot[S.stops[r, i - 1, SLOT], PLACE]
    here = D.slot[S.stops[r, i, SLOT], PLACE]
    detour = drive(D, place, D.shift[r, DEPOT]) + drive(D, D.shift[r, DEPOT], here) - drive(D, place, here)
    return max(0, detour) * D.shift[r, COST_PERCENT]


@kernel
def try_stop(S: State, r: int, at: int, s: int) -> int:
    """Write route ``r`` with slot ``s`` before stop ``at`` into ``S.trial``; gives how many stops that are."""
    count = S.routes[r, SIZE]
    for i in range(at):
        S.trial[0, i, SLOT] = S.stops[r, i, SLOT]
    S.trial[0, at, SLOT] = s
    for i in range(at, count):
        S.trial[0, i + 1, SLOT] = S.stops[r, i, SLOT]
    return count + 1


@kernel
def insertion_by_depot(D: Data, S: State, r: int, at: int, s: int, limit: int) -> int:
    """Price slot ``s`` before stop ``at`` of a route that must pass the depot then, at the best place of the depot."""
    count = try_stop(S, r, at, s)
    need = first_need(D, S.trial, 0, r, count)
    old = S.routes[r, COST]
    price = lay_by_depot(D, S, r, count, need, min(IMPOSSIBLE, limit + old))[0]
    return IMPOSSIBLE if price >= IMPOSSIBLE or price - old >= limit else price - old


@kernel
def insertion_beside_depot(D: Data, S: State, r: int, at: int, s: int, limit: int) -> int:
    """Price slot ``s`` before stop ``at`` of a route that passes the depot, which it goes on passing where it does now.

    Where that is before the same stop, the slot may come before the depot or after it.
    """
    depot_at = S.routes[r, DEPOT_AT]
    best = IMPOSSIBLE
    if at >= depot_at:
        best = insertion_on_one_side(D, S, r, at, s, True)
    if at <= depot_at and not lacking(D, S, r, s, depot_at):
        best = min(best, insertion_on_one_side(D, S, r, at, s, False))
    return best if best < limit else IMPOSSIBLE


@kernel
def insertion_on_one_side(D: Data, S: State, r: int, at: int, s: int, after: bool) -> int:
    """Do the same for a slot that comes after the depot, or before it."""
    count, depot_at = S.routes[r, SIZE], S.routes[r, DEPOT_AT]
    unpaused = D.shift[r, BREAK_FROM] == D.shift[r, BREAK_TO]
    if not (D.shift[r, LATE] and unpaused and D.slot[s, PLAIN] and S.routes[r, INTRICATE] == 0):
        try_stop(S, r, at, s)
        price = lay(D, S, S.trial, 0, r, count + 1, depot_at if after else depot_at + 1, False)
        return IMPOSSIBLE if price >= IMPOSSIBLE else price - S.routes[r, COST]
    depot, spent, here, work = D.shift[r, DEPOT], D.shift[r, DEPOT_TIME], D.slot[s, PLACE], work_s(D, r, s)
    length, first, final, place = 0, D.shift[r, SHIFT_START], FAR, D.shift[r, HOME]
    if at > 0:
        length, place = S.stops[r, at - 1, LENGTH_SO_FAR], S.stops[r, at - 1, THERE]
        first, final = S.stops[r, at - 1, DEPART_FIRST], S.stops[r, at - 1, DEPART_LAST]
    from_depot, to_depot = after and at == depot_at, not after and at == depot_at
    spared, onward = S.routes[r, HOMEWARD], 0
    rest, opening, closing = 0, -FAR, D.shift[r, SHIFT_LAST]
    if at < count:
        spared, onward = S.stops[r, at, WAY], drive(D, here, S.stops[r, at, THERE])
        rest, opening = S.stops[r, at, REST_LENGTH], S.stops[r, at, REST_EARLIEST]
        closing = S.stops[r, at, LATEST]
    elif D.shift[r, GOAL] >= 0:
        onward = drive(D, here, D.shift[r, GOAL])
    if from_depot:
        length, first, final = joined(length, first, final, drive(D, place, depot), spent, -FAR, FAR)
        place, spared = depot, drive(D, depot, S.stops[r, at, THERE])
    if to_depot:
        ahead = spent + drive(D, depot, S.stops[r, at, THERE])
        rest, opening, closing = rest + ahead, opening - ahead, closing - ahead
        spared, onward = drive(D, place, depot), drive(D, here, depot)
    way = drive(D, place, here)
    if way > D.shift[r, MAX_LEG] or way >= FAR or onward >= FAR or (at < count and onward > D.shift[r, MAX_LEG]):
        return IMPOSSIBLE
    length, first, final = joined(length, first, final, way, work, S.slots[s, LOW], last_start(D, S, r, s))
    length += onward
    arrival = first + length
    length += max(0, opening - length - final) + rest
    driven = S.routes[r, DRIVEN] + way + onward - spared
    if first > final or arrival > closing or length > D.shift[r, MAX_LENGTH] or driven > D.shift[r, MAX_DRIVE]:
        return IMPOSSIBLE
    worked, finish = S.routes[r, WORKED] + work, max(arrival, opening) + rest
    price = whole_cost(D, r, driven, worked, length - driven - worked - spent, finish, True)
    return price + S.routes[r, PAIRED] + D.pair[s, D.shift[r, WORKER]] - S.routes[r, COST]
