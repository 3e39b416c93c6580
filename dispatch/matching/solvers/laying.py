"""The timetable and the price of one route, found by driving it from its first stop to its last.

What each stop needs to be priced again in one step is noted on the way: how long the day is up to it, and what the
rest of the day needs from there on.
"""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

from dispatch.matching.constraint import FAR, Whole
from dispatch.matching.solvers.clock import (
    DEPOT_STOP,
    NEVER,
    NOT_LEFT,
    drive,
    latest,
    moved,
    overtime_cost,
    reach,
    return_at,
    setup_credit,
    time_cost,
    waiting_cost,
    work_after,
    work_s,
)
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.layout import (
    AT,
    BREAK_FROM,
    BREAK_TO,
    CALL_OUT,
    CHANGED,
    COST,
    COST_PERCENT,
    DEPART_FIRST,
    DEPART_LAST,
    DEPOT,
    DEPOT_AT,
    DEPOT_TIME,
    DRIVEN,
    DURATION,
    FINISH,
    GOAL,
    HIGH,
    HOME,
    HOMEWARD,
    INTRICATE,
    LATE,
    LATEST,
    LEAVE,
    LENGTH,
    LENGTH_SO_FAR,
    LOCKED,
    LOW,
    MAX_DRIVE,
    MAX_LEG,
    MAX_LENGTH,
    NEED,
    ORDER,
    ORIGIN,
    PACE,
    PAIRED,
    PARTS,
    PAUSE,
    PLACE,
    PLAIN,
    REST_EARLIEST,
    REST_LENGTH,
    SAVING,
    SETUP,
    SHIFT_LAST,
    SHIFT_START,
    SIZE,
    SLOT,
    START,
    STOCK,
    THERE,
    TIME_COST,
    TOLD,
    TOOLS,
    UNEVEN,
    USED,
    WAITED,
    WAITING,
    WAITING_PERCENT,
    WAY,
    WHOLE,
    WINDOW_END,
    WINDOW_FROM,
    WORKED,
    WORKER,
    Data,
    State,
)

NOT_TOLD = -2
"""Nothing was published for the slot."""

IMPOSSIBLE = 1 << 60
"""Price of an insertion that no timetable allows."""


@kernel
def whole_cost(D: Data, r: int, driven: int, worked: int, waiting: int, finish: int, at_depot: bool) -> int:
    """Price of a route as a whole: driving, waiting, overtime, fairness, call-out and the time at the depot."""
    price = D.shift[r, COST_PERCENT]
    cost = D.shift[r, CALL_OUT] * 100 + driven * price + waiting_cost(D, r, waiting) + overtime_cost(D, r, finish)
    busy = driven + worked
    if at_depot:
        cost += D.shift[r, DEPOT_TIME] * price
        busy += D.shift[r, DEPOT_TIME]
    return cost + uneven_cost(D, r, busy)


@kernel
def uneven_cost(D: Data, r: int, busy: int) -> int:
    """Price of a shift's load, growing with its square, so that even loads cost least."""
    if D.policy[UNEVEN] == 0:
        return 0
    return busy * busy * D.policy[UNEVEN] // D.shift[r, LENGTH]


@kernel
def last_start(D: Data, S: State, r: int, s: int) -> int:
    """Latest start of a plain slot by its window alone."""
    high = S.slots[s, HIGH]
    if D.slot[s, WHOLE]:
        high = min(high, D.window[D.slot[s, WINDOW_FROM], WINDOW_END] - work_s(D, r, s))
    return high


@kernel
def joined(length: int, first: int, final: int, way: int, work: int, low: int, high: int) -> tuple[int, int, int]:
    """Append a stop to a way: least length, and first and last departure for it."""
    ahead = length + way
    idle = max(0, low - ahead - final)
    return ahead + idle + work, max(low - ahead, first) - idle, min(high - ahead, final)


@kernel
def call_at_depot(
    D: Data, S: State, r: int, t: int, place: int, pause: int, left: int, s: int
) -> tuple[int, int, int, int]:
    """Leave the depot before slot ``s``: when (NEVER = not in time), next break, departure, and the way there."""
    way = drive(D, place, D.shift[r, DEPOT])
    if way > D.shift[r, MAX_LEG] or way >= FAR:
        return NEVER, pause, left, way
    start, pause, taken = reach(D, S, r, t, way, DEPOT_STOP, D.shift[r, DEPOT_TIME], pause, left)
    if start == NEVER:
        return NEVER, pause, left, way
    if left == NOT_LEFT:
        # Nobody waits at the first customer if the depot can be visited later instead.
        onward = drive(D, D.shift[r, DEPOT], D.slot[s, PLACE])
        start = max(start, S.slots[s, LOW] - onward - D.shift[r, DEPOT_TIME])
        left = start - way - taken
    return start + D.shift[r, DEPOT_TIME], pause, left, way


@kernel
def go_home(D: Data, r: int, t: int, place: int, pause: int, left: int) -> tuple[int, int]:
    """Arrival at the end place when leaving at ``t`` (FAR = there is no way), and the drive there."""
    if D.shift[r, GOAL] < 0:
        return t, 0
    home = drive(D, place, D.shift[r, GOAL])
    if home >= FAR:
        return FAR, home
    return return_at(D, r, t, home, pause, left), home


@kernel
def is_changed(D: Data, r: int, s: int, start: int) -> int:
    """1 if slot ``s`` was published with another person or another start, else 0."""
    told = D.slot[s, TOLD]
    return 1 if told != NOT_TOLD and (told != D.shift[r, WORKER] or moved(D, s, start)) else 0


@kernel
def lay(D: Data, S: State, A: Whole, row: int, r: int, count: int, depot_at: int, keep: bool) -> int:
    """Time and price the stops in ``A[row]`` as shift ``r``; IMPOSSIBLE if no timetable allows them.

    ``depot_at`` is the number of the stop before which the depot is visited, -1 = not at all. With ``keep`` the stops
    are those of the route itself, and what is found out about it is remembered.
    """
    t, place, pause, left, before = D.shift[r, SHIFT_START], D.shift[r, HOME], D.shift[r, BREAK_FROM], NOT_LEFT, -1
    driven, worked, waiting, timed, saving, paired, intricate, changed = 0, 0, 0, 0, 0, 0, 0, 0
    plain, late = D.shift[r, BREAK_FROM] == D.shift[r, BREAK_TO], D.shift[r, LATE]
    length, first, final = 0, D.shift[r, SHIFT_START], FAR
    for i in range(count):
        s = A[row, i, SLOT]
        direct = drive(D, place, D.slot[s, PLACE])
        way = direct
        if i == depot_at:
            t, pause, left, way = call_at_depot(D, S, r, t, place, pause, left, s)
            if t == NEVER:
                return IMPOSSIBLE
            if late:
                length, first, final = joined(length, first, final, way, D.shift[r, DEPOT_TIME], -FAR, FAR)
            driven += way
            place, before = D.shift[r, DEPOT], -1
            way = drive(D, place, D.slot[s, PLACE])
        if way > D.shift[r, MAX_LEG] or way >= FAR:
            return IMPOSSIBLE
        work, taken, cost = work_s(D, r, s), 0, 0
        if D.slot[s, PLAIN]:
            low, high = S.slots[s, LOW], last_start(D, S, r, s)
            start = max(t + way, low)
            if start > high:
                return IMPOSSIBLE
            if late:
                length, first, final = joined(length, first, final, way, work, low, high)
        if not D.slot[s, PLAIN] or pause < D.shift[r, BREAK_TO]:
            work = work_after(D, r, s, before)
            start, pause, taken = reach(D, S, r, t, way, s, work, pause, left)
            if start == NEVER:
                return IMPOSSIBLE
        if left == NOT_LEFT:
            left, t = start - way - taken, start - way - taken
        waited = start - t - way - taken
        if not D.slot[s, PLAIN]:
            intricate += 1
            cost = time_cost(D, s, start, work)
            saving += cost
            if D.slot[s, SETUP] > 0:
                cost -= setup_credit(D, r, s, work)
            changed += is_changed(D, r, s, start)
        waiting, timed, driven, worked = waiting + waited, timed + cost, driven + way, worked + work
        paired += D.pair[s, D.shift[r, WORKER]]
        t = start + work
        place, before = D.slot[s, PLACE], s
        A[row, i, THERE], A[row, i, WAY] = place, direct
        A[row, i, START], A[row, i, LEAVE], A[row, i, PAUSE] = start, t, pause
        A[row, i, TIME_COST], A[row, i, WAITED] = cost, waited
        if late:
            A[row, i, LENGTH_SO_FAR], A[row, i, DEPART_FIRST], A[row, i, DEPART_LAST] = length, first, final
    plain = plain and intricate == 0
    finish, home = go_home(D, r, t, place, pause, left)
    driven += home
    if finish > D.shift[r, SHIFT_LAST] or driven > D.shift[r, MAX_DRIVE]:
        return IMPOSSIBLE
    if late:
        length = length + home if plain else finish - left
        if plain:
            waiting = length - driven - worked - (D.shift[r, DEPOT_TIME] if depot_at >= 0 else 0)
        if length > D.shift[r, MAX_LENGTH]:
            return IMPOSSIBLE
    total = whole_cost(D, r, driven, worked, waiting, finish, depot_at >= 0) + timed + paired
    if keep:
        S.routes[r, COST], S.routes[r, PAIRED] = total, paired
        S.routes[r, SAVING] = saving + waiting_cost(D, r, waiting)
        S.routes[r, DRIVEN], S.routes[r, HOMEWARD] = driven, home
        S.routes[r, WORKED], S.routes[r, WAITING], S.routes[r, FINISH] = worked, waiting, finish
        S.routes[r, INTRICATE], S.routes[r, ORIGIN] = 0 if plain else 1, left
        S.routes[r, DEPOT_AT], S.routes[r, CHANGED] = depot_at, changed
        look_back(D, S, r, count, home)
    return total


@kernel
def look_back(D: Data, S: State, r: int, count: int, home: int) -> None:
    """Note where each stop stands, and what the rest of the route needs from there on."""
    S.routes[r, LOCKED] = 0
    for i in range(count):
        s = S.stops[r, i, SLOT]
        S.slots[s, AT] = i
        if D.slot[s, ORDER] != FAR:
            S.routes[r, LOCKED] += 1
    look_back_from(D, S, r, count, home)


@kernel
def look_back_from(D: Data, S: State, r: int, end: int, home: int) -> None:
    """Find from stop ``end`` back what the rest of a route needs: latest starts, least length and where that begins."""
    bound = D.shift[r, SHIFT_LAST] - home
    length, first, way = 0, -FAR, home
    if end < S.routes[r, SIZE]:
        length, first = S.stops[r, end, REST_LENGTH], S.stops[r, end, REST_EARLIEST]
        way = way_to(D, S, r, end)
        bound = S.stops[r, end, LATEST] - way
    for i in range(end - 1, -1, -1):
        s = S.stops[r, i, SLOT]
        work, high = work_s(D, r, s), last_start(D, S, r, s)
        if D.slot[s, PLAIN]:
            S.stops[r, i, LATEST] = min(bound - work, high)
        else:
            # The stop before may share its set-up: the bound must hold then too.
            least = work
            if D.slot[s, SETUP] > 0:
                least = ((D.slot[s, DURATION] - D.slot[s, SETUP]) * D.shift[r, PACE] + 50) // 100
            S.stops[r, i, LATEST] = latest(D, S, s, bound - least, least)
        idle = max(0, first - work - way - high)
        first = max(first - work - way, S.slots[s, LOW]) - idle
        length += work + way + idle
        S.stops[r, i, REST_LENGTH] = length
        S.stops[r, i, REST_EARLIEST] = first
        way = way_to(D, S, r, i)
        bound = S.stops[r, i, LATEST] - way


@kernel
def way_to(D: Data, S: State, r: int, i: int) -> int:
    """Seconds between the stop before stop ``i`` and that one, with the depot where it is passed there."""
    if i != S.routes[r, DEPOT_AT]:
        return S.stops[r, i, WAY]
    place = D.shift[r, HOME] if i == 0 else S.stops[r, i - 1, THERE]
    onward = drive(D, D.shift[r, DEPOT], S.stops[r, i, THERE])
    return drive(D, place, D.shift[r, DEPOT]) + D.shift[r, DEPOT_TIME] + onward


@kernel
def first_need(D: Data, A: Whole, row: int, r: int, count: int) -> int:
    """Find the first stop that needs more than is on the van, -1 if all is there; notes what is used up."""
    parts, tools = D.policy[PARTS], D.policy[TOOLS]
    found = -1
    for i in range(count):
        s = A[row, i, SLOT]
        for k in range(parts):
            A[row, i, USED + k] = D.slot[s, NEED + k] + (A[row, i - 1, USED + k] if i > 0 else 0)
            if found < 0 and D.slot[s, NEED + k] > 0 and A[row, i, USED + k] > D.shift[r, STOCK + k]:
                found = i
        for k in range(parts, parts + tools):
            if found < 0 and D.slot[s, NEED + k] > D.shift[r, STOCK + k]:
                found = i
    return found


@kernel
def lay_by_depot(D: Data, S: State, r: int, count: int, need: int, limit: int) -> tuple[int, int]:
    """Least price of the stops in ``S.trial`` as shift ``r`` over all places of the depot, and that place."""
    best, depot_at = IMPOSSIBLE, -1
    if D.shift[r, DEPOT] < 0:
        return best, depot_at
    if D.shift[r, LATE] and D.shift[r, BREAK_FROM] == D.shift[r, BREAK_TO] and all_plain(D, S.trial, 0, count):
        return lay_plain_by_depot(D, S, r, count, need, limit)
    for i in range(need + 1):
        price = lay(D, S, S.trial, 0, r, count, i, False)
        if price < best:
            best, depot_at = price, i
    return best, depot_at


@kernel
def all_plain(D: Data, A: Whole, row: int, count: int) -> bool:
    """Whether all stops in ``A[row]`` are plain."""
    intricate = 0
    for i in range(count):
        if not D.slot[A[row, i, SLOT], PLAIN]:
            intricate += 1
    return intricate == 0


@kernel
def lay_plain_by_depot(D: Data, S: State, r: int, count: int, need: int, limit: int) -> tuple[int, int]:
    """Do the same for plain stops of a day that leaves late: what lies before and behind the depot is summed up once.

    Nothing is looked for where the way without the depot costs ``limit`` already.
    """
    A = S.trial
    place, driven, worked, paired = D.shift[r, HOME], 0, 0, 0
    length, first, final = 0, D.shift[r, SHIFT_START], FAR
    long_legs, long_leg = 0, -1
    for i in range(count):
        s = A[0, i, SLOT]
        way, work = drive(D, place, D.slot[s, PLACE]), work_s(D, r, s)
        if way > D.shift[r, MAX_LEG]:
            long_legs += 1
            long_leg = i
        length, first, final = joined(length, first, final, way, work, S.slots[s, LOW], last_start(D, S, r, s))
        driven += way
        worked += work
        paired += D.pair[s, D.shift[r, WORKER]]
        place = D.slot[s, PLACE]
        A[0, i, THERE], A[0, i, WAY] = place, way
        A[0, i, LENGTH_SO_FAR], A[0, i, DEPART_FIRST], A[0, i, DEPART_LAST] = length, first, final
    home = 0
    if D.shift[r, GOAL] >= 0:
        home = drive(D, place, D.shift[r, GOAL])
    if home >= FAR or driven >= FAR or long_legs > 1:
        return IMPOSSIBLE, -1
    driven += home
    spent = D.shift[r, DEPOT_TIME]
    # Time at the depot and on the way there may be time waited without it.
    idle = max(0, length + home - driven - worked - spent) if D.policy[WAITING_PERCENT] <= 100 else 0
    if whole_cost(D, r, driven, worked, idle, D.shift[r, SHIFT_START], True) + paired >= limit:
        return IMPOSSIBLE, -1
    rest, opening, closing, way = 0, -FAR, D.shift[r, SHIFT_LAST], home
    for i in range(count - 1, -1, -1):
        s = A[0, i, SLOT]
        work = work_s(D, r, s)
        high = last_start(D, S, r, s)
        idle = max(0, opening - work - way - high)
        opening = max(opening - work - way, S.slots[s, LOW]) - idle
        closing = min(closing - work - way, high)
        if S.slots[s, LOW] > closing:
            return IMPOSSIBLE, -1
        rest += work + way + idle
        A[0, i, REST_LENGTH], A[0, i, REST_EARLIEST], A[0, i, LATEST] = rest, opening, closing
        way = A[0, i, WAY]
    best, depot_at = IMPOSSIBLE, -1
    for i in range(need + 1):
        if long_legs > 0 and i != long_leg:
            # Only the depot on its way makes that drive short enough.
            continue
        place, length, first, final = D.shift[r, HOME], 0, D.shift[r, SHIFT_START], FAR
        if i > 0:
            place, length = A[0, i - 1, THERE], A[0, i - 1, LENGTH_SO_FAR]
            first, final = A[0, i - 1, DEPART_FIRST], A[0, i - 1, DEPART_LAST]
        there, back = drive(D, place, D.shift[r, DEPOT]), drive(D, D.shift[r, DEPOT], A[0, i, THERE])
        if there > D.shift[r, MAX_LEG] or back > D.shift[r, MAX_LEG] or there >= FAR or back >= FAR:
            continue
        length += there + spent + back
        arrival = first + length
        if first > final or arrival > A[0, i, LATEST]:
            continue
        whole = length + max(0, A[0, i, REST_EARLIEST] - length - final) + A[0, i, REST_LENGTH]
        detour = driven + there + back - A[0, i, WAY]
        if whole > D.shift[r, MAX_LENGTH] or detour > D.shift[r, MAX_DRIVE]:
            continue
        finish = max(arrival, A[0, i, REST_EARLIEST]) + A[0, i, REST_LENGTH]
        price = whole_cost(D, r, detour, worked, whole - detour - worked - spent, finish, True) + paired
        if price < best:
            best, depot_at = price, i
    return best, depot_at
