"""A plain route in which one stretch has changed is timed anew only as far as the change is felt.

Long routes live from it: departures stay in front of the stretch, bounds behind it, and from the first stop on that
starts as before everything does. Where a break, a price by the clock or the depot plays a part, `laying` times the
whole route anew.
"""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

from dispatch.matching.constraint import FAR
from dispatch.matching.solvers.clock import drive, waiting_cost, work_s
from dispatch.matching.solvers.depot import lacking
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.laying import go_home, joined, last_start, look_back_from, whole_cost
from dispatch.matching.solvers.layout import (
    AT,
    BREAK_FROM,
    BREAK_TO,
    COST,
    DEPART_FIRST,
    DEPART_LAST,
    DEPOT_AT,
    DRIVEN,
    FINISH,
    HOME,
    HOMEWARD,
    INTRICATE,
    LATE,
    LEAVE,
    LENGTH_SO_FAR,
    LOW,
    MAX_DRIVE,
    MAX_LEG,
    MAX_LENGTH,
    NEED,
    ORDER,
    ORIGIN,
    PAIRED,
    PARTS,
    PAUSE,
    PLACE,
    PLAIN,
    ROUTE,
    SAVING,
    SHIFT_LAST,
    SHIFT_START,
    SIZE,
    SLOT,
    START,
    THERE,
    TIME_COST,
    TOOLS,
    USED,
    WAITED,
    WAITING,
    WAY,
    WORKED,
    WORKER,
    Data,
    State,
)


@kernel
def is_plain(D: Data, S: State, r: int) -> bool:
    """Whether route ``r`` has stops, all plain, without a break or the depot between them."""
    simple = S.routes[r, INTRICATE] == 0 and S.routes[r, DEPOT_AT] < 0
    return simple and S.routes[r, SIZE] > 0 and D.shift[r, BREAK_FROM] == D.shift[r, BREAK_TO]


@kernel
def may_join(D: Data, S: State, r: int, s: int) -> bool:
    """Whether slot ``s`` leaves the plain route ``r`` a plain one."""
    if not D.slot[s, PLAIN] or D.slot[s, ORDER] != FAR:
        return False
    return D.policy[PARTS] + D.policy[TOOLS] == 0 or not lacking(D, S, r, s, S.routes[r, SIZE])


@kernel
def put_plain(D: Data, S: State, r: int, at: int, s: int) -> bool:
    """Insert slot ``s`` into a plain route that it `may_join`; False leaves the route broken: it does not fit there."""
    size = S.routes[r, SIZE]
    driven, worked, paired = without(D, S, r, at, at)
    for i in range(size, at, -1):
        for column in range(S.stops.shape[2]):
            S.stops[r, i, column] = S.stops[r, i - 1, column]
    S.stops[r, at, SLOT] = s
    S.slots[s, ROUTE] = r
    S.routes[r, SIZE] = size + 1
    return lay_stretch(D, S, r, at, at + 1, driven, worked, paired)


@kernel
def without(D: Data, S: State, r: int, first: int, end: int) -> tuple[int, int, int]:
    """Driving, work and price of who comes of route ``r`` but for stops ``first`` to ``end``, the way on and home."""
    driven, worked = S.routes[r, DRIVEN] - S.routes[r, HOMEWARD], S.routes[r, WORKED]
    paired = S.routes[r, PAIRED]
    for i in range(first, end):
        driven -= S.stops[r, i, WAY]
        worked -= S.stops[r, i, LEAVE] - S.stops[r, i, START]
        paired -= D.pair[S.stops[r, i, SLOT], D.shift[r, WORKER]]
    if end < S.routes[r, SIZE]:
        driven -= S.stops[r, end, WAY]
    return driven, worked, paired


@kernel
def move_up(S: State, r: int, end: int, to: int) -> None:
    """Let the stops of route ``r`` from ``end`` on follow from ``to`` on."""
    size = S.routes[r, SIZE]
    if to < end:
        for i in range(end, size):
            for column in range(S.stops.shape[2]):
                S.stops[r, i - end + to, column] = S.stops[r, i, column]
    S.routes[r, SIZE] = size - end + to


@kernel
def lay_stretch(D: Data, S: State, r: int, first: int, end: int, driven: int, worked: int, paired: int) -> bool:
    """Time and price a plain route whose stops from ``first`` up to ``end`` are new there; False if it is impossible.

    ``driven``, ``worked`` and ``paired`` are what the other stops amount to, without the way to stop ``end`` and home.
    """
    size, late, pause = S.routes[r, SIZE], D.shift[r, LATE], D.shift[r, BREAK_FROM]
    t, place, left = D.shift[r, SHIFT_START], D.shift[r, HOME], S.routes[r, ORIGIN]
    length, departs, final = 0, D.shift[r, SHIFT_START], FAR
    if first > 0:
        t, place = S.stops[r, first - 1, LEAVE], S.stops[r, first - 1, THERE]
        length, departs = S.stops[r, first - 1, LENGTH_SO_FAR], S.stops[r, first - 1, DEPART_FIRST]
        final = S.stops[r, first - 1, DEPART_LAST]
    felt = True
    for i in range(first, size):
        s = S.stops[r, i, SLOT]
        way, work = S.stops[r, i, WAY], work_s(D, r, s)
        if i <= end:
            way = drive(D, place, D.slot[s, PLACE])
            if way > D.shift[r, MAX_LEG] or way >= FAR:
                return False
            S.stops[r, i, WAY] = way
            driven += way
        place = D.slot[s, PLACE]
        if i < end:
            worked += work
            paired += D.pair[s, D.shift[r, WORKER]]
            S.stops[r, i, THERE], S.stops[r, i, PAUSE], S.stops[r, i, TIME_COST] = place, pause, 0
        low, high = S.slots[s, LOW], last_start(D, S, r, s)
        start = max(t + way, low)
        if start > high:
            return False
        if i == 0:
            left, t = start - way, start - way
        S.stops[r, i, WAITED] = start - t - way
        if late:
            length, departs, final = joined(length, departs, final, way, work, low, high)
            S.stops[r, i, LENGTH_SO_FAR] = length
            S.stops[r, i, DEPART_FIRST], S.stops[r, i, DEPART_LAST] = departs, final
        elif i >= end and start == S.stops[r, i, START]:
            felt = False
            break
        t = start + work
        S.stops[r, i, START], S.stops[r, i, LEAVE] = start, t
    finish, home = S.routes[r, FINISH], S.routes[r, HOMEWARD]
    if felt:
        finish, home = go_home(D, r, t, place, pause, left)
    driven += home
    if finish > D.shift[r, SHIFT_LAST] or driven > D.shift[r, MAX_DRIVE]:
        return False
    waiting = finish - left - driven - worked
    if late:
        length += home
        waiting = length - driven - worked
        if length > D.shift[r, MAX_LENGTH]:
            return False
    S.routes[r, COST] = whole_cost(D, r, driven, worked, waiting, finish, False) + paired
    S.routes[r, SAVING], S.routes[r, PAIRED] = waiting_cost(D, r, waiting), paired
    S.routes[r, DRIVEN], S.routes[r, HOMEWARD] = driven, home
    S.routes[r, WORKED], S.routes[r, WAITING] = worked, waiting
    S.routes[r, FINISH], S.routes[r, ORIGIN] = finish, left
    note_places(D, S, r, first)
    look_back_from(D, S, r, min(end, size), home)
    return True


@kernel
def note_places(D: Data, S: State, r: int, first: int) -> None:
    """Note for the stops from ``first`` on where they stand, and what is used up by then."""
    for i in range(first, S.routes[r, SIZE]):
        s = S.stops[r, i, SLOT]
        S.slots[s, AT] = i
        for k in range(D.policy[PARTS]):
            S.stops[r, i, USED + k] = D.slot[s, NEED + k] + (S.stops[r, i - 1, USED + k] if i > 0 else 0)
