"""What it costs to serve one more stop, on flat arrays.

A route of plain stops (one hard window at most, no break, nothing priced by the clock) is summed up by a few numbers a
stop, so that an insertion is priced exactly in O(1): forward time slack after Savelsbergh (1992, doi
10.1287/ijoc.4.2.146), lengths joined as in Vidal et al. (2013, doi 10.1016/j.cor.2012.07.018). Elsewhere the rest of
the route is timed anew until nothing changes any more; an upper bound on each start (`LATEST`) ends hopeless trials
early. A route that passes the depot is priced in `depot`.
"""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

from dispatch.matching.constraint import FAR
from dispatch.matching.solvers.clock import (
    NEVER,
    NOT_LEFT,
    drive,
    late_s,
    overtime_cost,
    reach,
    return_at,
    setup_credit,
    time_cost,
    waiting_cost,
    work_after,
    work_s,
)
from dispatch.matching.solvers.depot import (
    insertion_beside_depot,
    insertion_by_depot,
    lacking,
    leaving_out_depot,
)
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.laying import (
    IMPOSSIBLE,
    first_need,
    joined,
    last_start,
    lay,
    lay_by_depot,
    uneven_cost,
    whole_cost,
)
from dispatch.matching.solvers.layout import (
    BARE,
    BOND,
    BREAK_FROM,
    BREAK_TO,
    CALL_OUT,
    COST_PERCENT,
    DEPART_FIRST,
    DEPART_LAST,
    DEPOT,
    DEPOT_AT,
    DEPOT_STAYS,
    DRIVEN,
    DURATION,
    FINISH,
    FIXED,
    GOAL,
    GROUP_FROM,
    GROUP_TO,
    HIGH,
    HOME,
    HOMEWARD,
    INTRICATE,
    LATE,
    LATEST,
    LEAVE,
    LENGTH_SO_FAR,
    LINK_FROM,
    LINK_TO,
    LOCKED,
    LOW,
    MAX_DRIVE,
    MAX_LEG,
    MAX_LENGTH,
    MAX_VISITS,
    ORDER,
    ORIGIN,
    OTHER,
    PACE,
    PARTS,
    PAUSE,
    PLACE,
    PLAIN,
    RELATIVE,
    REST_EARLIEST,
    REST_LENGTH,
    ROUTE,
    ROUTE_COLUMNS,
    SAVING,
    SETUP,
    SHARED,
    SHIFT_LAST,
    SHIFT_START,
    SITE,
    SIZE,
    SLOT,
    START,
    SYMMETRIC,
    THERE,
    TIME_COST,
    TOOLS,
    UNEVEN,
    WAITED,
    WAITING,
    WAY,
    WORKED,
    WORKER,
    Data,
    State,
)
from dispatch.matching.solvers.relaying import is_plain, may_join, put_plain


@kernel
def refresh(D: Data, S: State, r: int) -> bool:
    """Time and price route ``r`` anew from its sequence; False if no timetable allows it."""
    count = S.routes[r, SIZE]
    for column in range(1, ROUTE_COLUMNS):
        S.routes[r, column] = 0
    S.routes[r, DEPOT_AT] = -1
    S.routes[r, FINISH] = D.shift[r, SHIFT_START]
    if count == 0:
        return True
    S.routes[r, INTRICATE] = 1  # until the route is timed: where that fails it is not one to be timed in part
    depot_at = -1
    if D.policy[PARTS] + D.policy[TOOLS] > 0:
        need = first_need(D, S.stops, r, r, count)
        if need >= 0:
            for i in range(count):
                S.trial[0, i, SLOT] = S.stops[r, i, SLOT]
            depot_at = lay_by_depot(D, S, r, count, need, IMPOSSIBLE)[1]
            if depot_at < 0:
                return False
    return lay(D, S, S.stops, r, r, count, depot_at, True) < IMPOSSIBLE


@kernel
def insertion(D: Data, S: State, r: int, at: int, s: int, limit: int) -> int:
    """Price slot ``s`` before stop ``at`` of route ``r``; IMPOSSIBLE if infeasible or not under ``limit``.

    What holds for the route as a whole, whatever the place, is up to `may_serve`.
    """
    count = S.routes[r, SIZE]
    t, place = D.shift[r, SHIFT_START], D.shift[r, HOME]
    if at > 0:
        t, place = S.stops[r, at - 1, LEAVE], S.stops[r, at - 1, THERE]
    here = D.slot[s, PLACE]
    way = drive(D, place, here)
    onward, spared = 0, S.routes[r, HOMEWARD]
    if at < count:
        onward, spared = drive(D, here, S.stops[r, at, THERE]), S.stops[r, at, WAY]
    elif D.shift[r, GOAL] >= 0:
        onward = drive(D, here, D.shift[r, GOAL])
    if way >= FAR or onward >= FAR:
        return IMPOSSIBLE
    more = way + onward - spared
    price = D.shift[r, COST_PERCENT]
    paired = D.pair[s, D.shift[r, WORKER]]
    if at < S.routes[r, LOCKED] and D.slot[s, ORDER] == FAR:
        return IMPOSSIBLE
    if D.policy[PARTS] + D.policy[TOOLS] > 0 and (S.routes[r, DEPOT_AT] >= 0 or lacking(D, S, r, s, S.routes[r, SIZE])):
        if D.shift[r, DEPOT] < 0:
            return IMPOSSIBLE
        if D.policy[DEPOT_STAYS] and S.routes[r, DEPOT_AT] >= 0:
            return insertion_beside_depot(D, S, r, at, s, limit)
        # Passing the depot rarely saves anything: what is too dear without it is not worth laying out.
        if more * price + paired - S.routes[r, SAVING] - leaving_out_depot(D, S, r) - may_share(D, r, s) >= limit:
            return IMPOSSIBLE
        return insertion_by_depot(D, S, r, at, s, limit)
    if way > D.shift[r, MAX_LEG] or (at < count and onward > D.shift[r, MAX_LEG]):
        return IMPOSSIBLE
    fixed = paired
    if count == 0:
        fixed += D.shift[r, CALL_OUT] * 100
    if (
        more * price + fixed - S.routes[r, SAVING] - may_share(D, r, s) >= limit
        or S.routes[r, DRIVEN] + more > D.shift[r, MAX_DRIVE]
    ):
        return IMPOSSIBLE
    if not D.slot[s, PLAIN] or S.routes[r, INTRICATE] or D.shift[r, BREAK_FROM] < D.shift[r, BREAK_TO]:
        return insertion_stop_by_stop(D, S, r, at, s, limit)
    work = work_s(D, r, s)
    low, high = S.slots[s, LOW], last_start(D, S, r, s)
    start = max(t + way, low)
    if start > high:
        return IMPOSSIBLE
    finish = start + work + onward
    if at < count:
        if finish > S.stops[r, at, LATEST]:
            return IMPOSSIBLE
        finish = max(finish, S.stops[r, at, REST_EARLIEST]) + S.stops[r, at, REST_LENGTH]
    elif finish > D.shift[r, SHIFT_LAST]:
        return IMPOSSIBLE
    driven, worked = S.routes[r, DRIVEN] + more, S.routes[r, WORKED] + work
    if D.shift[r, LATE]:
        length = length_with(D, S, r, at, s, way, onward)
        if length > D.shift[r, MAX_LENGTH]:
            return IMPOSSIBLE
        waiting = length - driven - worked
    elif at > 0:
        waiting = S.routes[r, WAITING] + finish - S.routes[r, FINISH] - work - more
    else:
        waiting = finish - start - worked - (driven - way)
    delta = fixed + more * price + overtime_cost(D, r, finish) - overtime_cost(D, r, S.routes[r, FINISH])
    delta += waiting_cost(D, r, waiting) - waiting_cost(D, r, S.routes[r, WAITING])
    if D.policy[UNEVEN] > 0:
        delta += uneven_cost(D, r, driven + worked) - uneven_cost(D, r, S.routes[r, DRIVEN] + S.routes[r, WORKED])
    return delta if delta < limit else IMPOSSIBLE


@kernel
def length_with(D: Data, S: State, r: int, at: int, s: int, way: int, onward: int) -> int:
    """Least length of a plain route that does not pass the depot, with slot ``s`` before stop ``at``."""
    length, first, final = 0, D.shift[r, SHIFT_START], FAR
    if at > 0:
        length = S.stops[r, at - 1, LENGTH_SO_FAR]
        first, final = S.stops[r, at - 1, DEPART_FIRST], S.stops[r, at - 1, DEPART_LAST]
    work, high = work_s(D, r, s), last_start(D, S, r, s)
    length, first, final = joined(length, first, final, way, work, S.slots[s, LOW], high)
    length += onward
    if at < S.routes[r, SIZE]:
        length += max(0, S.stops[r, at, REST_EARLIEST] - length - final) + S.stops[r, at, REST_LENGTH]
    return length


@kernel
def insertion_stop_by_stop(D: Data, S: State, r: int, at: int, s: int, limit: int) -> int:
    """Price an insertion by timing the rest of the route anew until nothing changes any more."""
    count = S.routes[r, SIZE]
    t, pause, place = D.shift[r, SHIFT_START], D.shift[r, BREAK_FROM], D.shift[r, HOME]
    left, before = NOT_LEFT, -1
    if at > 0:
        before = S.stops[r, at - 1, SLOT]
        t, pause, place = S.stops[r, at - 1, LEAVE], S.stops[r, at - 1, PAUSE], S.stops[r, at - 1, THERE]
        left = S.routes[r, ORIGIN]
    way = drive(D, place, D.slot[s, PLACE])
    work = work_after(D, r, s, before)
    start, pause, taken = reach(D, S, r, t, way, s, work, pause, left)
    if start == NEVER:
        return IMPOSSIBLE
    waiting = S.routes[r, WAITING]
    if left == NOT_LEFT:
        left = start - way - taken
    else:
        waiting += start - t - way - taken
    driven, worked = S.routes[r, DRIVEN] + way, S.routes[r, WORKED] + work
    delta = D.pair[s, D.shift[r, WORKER]] + time_cost(D, s, start, work) - setup_credit(D, r, s, work)
    t = start + work
    finish = FAR
    for i in range(at, count):
        q = S.stops[r, i, SLOT]
        way = drive(D, D.slot[s, PLACE], D.slot[q, PLACE]) if i == at else S.stops[r, i, WAY]
        if t + way > S.stops[r, i, LATEST]:
            return IMPOSSIBLE
        work = work_after(D, r, q, s if i == at else S.stops[r, i - 1, SLOT])
        had = S.stops[r, i, LEAVE] - S.stops[r, i, START]
        start, pause, taken = reach(D, S, r, t, way, q, work, pause, left)
        if start == NEVER or start > S.stops[r, i, LATEST]:
            return IMPOSSIBLE
        if i == at:
            driven += way - S.stops[r, i, WAY]
        worked += work - had
        waiting += start - t - way - taken - S.stops[r, i, WAITED]
        delta += time_cost(D, q, start, work) - setup_credit(D, r, q, work) - S.stops[r, i, TIME_COST]
        same = start == S.stops[r, i, START] and pause == S.stops[r, i, PAUSE] and work == had
        if same and (left == S.routes[r, ORIGIN] or not D.shift[r, RELATIVE]):
            finish = S.routes[r, FINISH]
            break
        t = start + work
    if finish == FAR:
        finish = t
        if D.shift[r, GOAL] >= 0:
            last = s if at == count else S.stops[r, count - 1, SLOT]
            home = drive(D, D.slot[last, PLACE], D.shift[r, GOAL])
            finish = return_at(D, r, t, home, pause, left)
            if at == count:
                driven += home - S.routes[r, HOMEWARD]
    if finish > D.shift[r, SHIFT_LAST] or finish - left > D.shift[r, MAX_LENGTH]:
        return IMPOSSIBLE
    new = whole_cost(D, r, driven, worked, waiting, finish, False)
    old = 0
    if count > 0:
        old = whole_cost(
            D, r, S.routes[r, DRIVEN], S.routes[r, WORKED], S.routes[r, WAITING], S.routes[r, FINISH], False
        )
    delta += new - old
    return delta if delta < limit else IMPOSSIBLE


@kernel
def may_share(D: Data, r: int, s: int) -> int:
    """Price of the set-up that slot ``s`` may save, once for itself and once for the stop after it."""
    if D.slot[s, SITE] < 0:
        return 0
    return 2 * D.slot[s, SHARED] * D.shift[r, PACE] * D.shift[r, COST_PERCENT] // 100 + 200


@kernel
def may_serve(D: Data, S: State, r: int, s: int) -> bool:
    """Whether route ``r`` may take slot ``s`` at all as things stand: who is bound to whom, and how much is enough."""
    count = S.routes[r, SIZE]
    if not D.allowed[s, r] or count >= S.stops.shape[1] or count >= D.shift[r, MAX_VISITS]:
        return False
    for i in range(D.slot[s, LINK_FROM], D.slot[s, LINK_TO]):
        other = S.slots[D.relation[i, OTHER], ROUTE]
        if other >= 0 and (D.shift[other, WORKER] == D.shift[r, WORKER]) != (D.relation[i, BOND] == 1):
            return False
    if D.shift[r, GROUP_FROM] < D.shift[r, GROUP_TO]:
        taken = 0
        for i in range(D.shift[r, GROUP_FROM], D.shift[r, GROUP_TO]):
            taken += S.routes[D.relation[i, OTHER], SIZE]
        return taken < D.relation[D.shift[r, GROUP_FROM], BOND]
    return True


@kernel
def best_place(D: Data, S: State, r: int, s: int, limit: int) -> tuple[int, int]:
    """Price and position of the cheapest insertion of slot ``s`` into route ``r`` under ``limit``."""
    if not may_serve(D, S, r, s):
        return IMPOSSIBLE, -1
    return cheapest_place(D, S, r, s, limit)


@kernel
def cheapest_place(D: Data, S: State, r: int, s: int, limit: int) -> tuple[int, int]:
    """Price and position of the cheapest insertion where `may_serve` holds.

    Most places fail one of two bounds: driving alone costs too much, or the next stop would start too late even if the
    slot's windows were all open. Only the rest is worth an exact trial, and not even that where driving is all that
    changes the price (`BARE`).
    """
    best, at = IMPOSSIBLE, -1
    count = S.routes[r, SIZE]
    stocked = S.routes[r, DEPOT_AT] < 0
    if stocked and D.policy[PARTS] + D.policy[TOOLS] > 0:
        stocked = not lacking(D, S, r, s, count)
        if not stocked and D.shift[r, DEPOT] < 0:
            return best, at
    bare = D.shift[r, BARE] and D.slot[s, PLAIN] and S.routes[r, INTRICATE] == 0 and count > 0 and stocked
    if bare and (S.routes[r, LOCKED] or D.slot[s, ORDER] != FAR):
        bare = False
    here = D.slot[s, PLACE]
    work = work_s(D, r, s)
    if D.slot[s, SETUP] > 0:
        work = ((D.slot[s, DURATION] - D.slot[s, SETUP]) * D.shift[r, PACE] + 50) // 100
    low, high = S.slots[s, LOW], S.slots[s, HIGH]
    price_s = D.shift[r, COST_PERCENT]
    base = D.pair[s, D.shift[r, WORKER]] - S.routes[r, SAVING] - may_share(D, r, s)
    detour, depot_at = leaving_out_depot(D, S, r), S.routes[r, DEPOT_AT]
    begin, end = S.routes[r, LOCKED], count
    if D.slot[s, ORDER] != FAR:
        begin = 0
        while begin < S.routes[r, LOCKED] and D.slot[S.stops[r, begin, SLOT], ORDER] <= D.slot[s, ORDER]:
            begin += 1
        end = begin
    if bare:
        high = last_start(D, S, r, s)
        begin, end = in_time(S, r, begin, low + work, high)
    place, t = D.shift[r, HOME], D.shift[r, SHIFT_START]
    if begin > 0:
        place, t = S.stops[r, begin - 1, THERE], S.stops[r, begin - 1, LEAVE]
    way = drive(D, place, here)
    for i in range(begin, end + 1):
        ready, arriving = t, way
        onward, spared, bound = 0, 0, D.shift[r, SHIFT_LAST]
        if i < count:
            place, t = S.stops[r, i, THERE], S.stops[r, i, LEAVE]
            onward, spared, bound = drive(D, here, place), S.stops[r, i, WAY], S.stops[r, i, LATEST]
            way = onward if D.policy[SYMMETRIC] else drive(D, place, here)
        elif D.shift[r, GOAL] >= 0:
            onward = drive(D, here, D.shift[r, GOAL])
            spared = S.routes[r, HOMEWARD]
        delta = base + (arriving + onward - spared) * price_s
        # A depot that need not be passed before this stop may spare its detour and the time that it takes.
        firm = depot_at < 0 or (D.policy[DEPOT_STAYS] and i != depot_at)
        if delta - (0 if firm else detour) >= limit:
            continue
        start = max(ready + arriving, low)
        if firm or i < depot_at:
            if start > high:
                if ready > high:
                    break
                continue
            if firm and start + work + onward > bound:
                continue
        if not bare:
            delta = insertion(D, S, r, i, s, limit)
        elif arriving > D.shift[r, MAX_LEG] or (i < count and onward > D.shift[r, MAX_LEG]) or onward >= FAR:
            continue
        if delta < limit:
            best, at, limit = delta, i, delta
    return best, at


@kernel
def in_time(S: State, r: int, begin: int, leave: int, high: int) -> tuple[int, int]:
    """First and last place of a plain route, from ``begin`` on, where a slot might fit by the clock.

    The next stop has to bear that somebody leaves at ``leave``, and the stop before has to be left by ``high``. Both
    only grow along such a route, so that halving finds them.
    """
    size = S.routes[r, SIZE]
    low, top = begin, size
    while low < top:
        middle = (low + top) // 2
        if S.stops[r, middle, LATEST] < leave:
            low = middle + 1
        else:
            top = middle
    first, top = low, size
    while low < top:
        middle = (low + top + 1) // 2
        if S.stops[r, middle - 1, LEAVE] > high:
            top = middle - 1
        else:
            low = middle
    return first, low


@kernel
def put(D: Data, S: State, r: int, at: int, s: int) -> bool:
    """Insert slot ``s``; the route is timed anew. False (and nothing changed) if that is not possible after all."""
    if is_plain(D, S, r) and may_join(D, S, r, s):
        if put_plain(D, S, r, at, s):
            return True
        take(S, r, at)
        refresh(D, S, r)
        return False
    for i in range(S.routes[r, SIZE], at, -1):
        S.stops[r, i, SLOT] = S.stops[r, i - 1, SLOT]
    S.stops[r, at, SLOT] = s
    S.routes[r, SIZE] += 1
    S.slots[s, ROUTE] = r
    if refresh(D, S, r):
        return True
    take(S, r, at)
    refresh(D, S, r)
    return False


@kernel
def take(S: State, r: int, at: int) -> None:
    """Remove the stop at position ``at``; the caller refreshes the route."""
    S.routes[r, INTRICATE] = 1
    S.slots[S.stops[r, at, SLOT], ROUTE] = -1
    for i in range(at, S.routes[r, SIZE] - 1):
        S.stops[r, i, SLOT] = S.stops[r, i + 1, SLOT]
    S.routes[r, SIZE] -= 1


@kernel
def count_late(D: Data, S: State) -> int:
    """Count the stops that start late."""
    late = 0
    for r in range(len(S.routes)):
        for i in range(S.routes[r, SIZE]):
            s = S.stops[r, i, SLOT]
            if late_s(D, s, S.stops[r, i, START], work_s(D, r, s)) > 0:
                late += 1
    return late


@kernel
def displacing(D: Data, S: State, r: int, s: int) -> int:
    """Find the stop of route ``r`` without which slot ``s`` would fit most cheaply; -1 if no single one helps."""
    count = S.routes[r, SIZE]
    best, found = IMPOSSIBLE, -1
    for out in range(count):
        q = S.stops[r, out, SLOT]
        if S.slots[q, FIXED]:
            continue
        take(S, r, out)
        if refresh(D, S, r):
            price = best_place(D, S, r, s, best)[0]
            if price < best:
                best, found = price, out
        put(D, S, r, out, q)
    return found


@kernel
def keeps_bonds(D: Data, S: State) -> bool:
    """Whether linked slots go to the same or to other people as asked, and no group serves more than it may."""
    for s in range(len(S.slots)):
        r = S.slots[s, ROUTE]
        if r < 0:
            continue
        for i in range(D.slot[s, LINK_FROM], D.slot[s, LINK_TO]):
            other = S.slots[D.relation[i, OTHER], ROUTE]
            if other >= 0 and (D.shift[other, WORKER] == D.shift[r, WORKER]) != (D.relation[i, BOND] == 1):
                return False
    for r in range(len(S.routes)):
        taken = 0
        for i in range(D.shift[r, GROUP_FROM], D.shift[r, GROUP_TO]):
            taken += S.routes[D.relation[i, OTHER], SIZE]
        if D.shift[r, GROUP_FROM] < D.shift[r, GROUP_TO] and taken > D.relation[D.shift[r, GROUP_FROM], BOND]:
            return False
    return True
