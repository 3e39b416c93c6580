"""The timetable of a route and the price of an insertion, on flat arrays.

A route is driven as early as possible: leave the start place just in time for the first stop, start each visit as soon
as its windows allow. A break is taken in the gap where it costs no time, else as late as its window allows, and may
interrupt a drive. Inserting a stop re-times the rest of the route until nothing changes any more (about O(1) where
there is slack); an upper bound on each start (``latest``) ends hopeless trials early. Method: forward time slack after
Savelsbergh (1992, doi 10.1287/ijoc.4.2.146), with breaks, several windows and priced lateness evaluated exactly.
"""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

import math

import numpy as np

from dispatch.matching.constraint import FAR
from dispatch.matching.constraints.promise_windows import HARD, PRICED, WHOLE_VISIT
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.layout import (
    BREAK_EARLIEST,
    BREAK_FROM,
    BREAK_LATEST,
    BREAK_LENGTH,
    BREAK_TO,
    CALL_OUT,
    COST,
    COST_PERCENT,
    DUE,
    DURATION,
    FIXED,
    GOAL,
    HIGH,
    HOME,
    LATE_RATE,
    LATEST,
    LEAVE,
    LOW,
    MAX_LEG,
    OVERTIME_PERCENT,
    PACE,
    PAUSE,
    PINNED_START,
    PLACE,
    PUBLISHED_START,
    RETIME_COST,
    RETIME_TOLERANCE,
    ROUTE,
    SHIFT_END,
    SHIFT_LAST,
    SHIFT_START,
    SIZE,
    SLOT,
    START,
    TIME_COST,
    TIME_SUM,
    WAITING_PERCENT,
    WINDOW_END,
    WINDOW_FROM,
    WINDOW_KIND,
    WINDOW_START,
    WINDOW_TO,
    WORKER,
    Data,
    State,
)
from dispatch.units import EARTH_RADIUS_M

NEVER = -(1 << 50)
"""No possible start."""

IMPOSSIBLE = 1 << 60
"""Price of an insertion that no timetable allows."""


@kernel
def drive(D: Data, start: int, end: int) -> int:
    """Seconds between two places, FAR if unreachable."""
    if D.seconds.shape[0] > 0:
        given = np.int64(D.seconds[start, end])
        return given if given >= 0 else np.int64(FAR)
    square = 0.0
    for axis in range(3):
        square += (D.vectors[start, axis] - D.vectors[end, axis]) ** 2
    direct = 2.0 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(square) / 2.0))
    return np.int64(math.floor(direct * D.seconds_per_m + 0.5))


@kernel
def work_s(D: Data, r: int, s: int) -> int:
    """Seconds the technician of shift ``r`` needs for slot ``s``."""
    return (D.slot[s, DURATION] * D.shift[r, PACE] + 50) // 100


@kernel
def earliest(D: Data, S: State, s: int, t: int, work: int) -> int:
    """First possible start of slot ``s`` at or after ``t``; NEVER if there is none."""
    t = max(t, S.slots[s, LOW])
    if t > S.slots[s, HIGH]:
        return NEVER
    first, last = D.slot[s, WINDOW_FROM], D.slot[s, WINDOW_TO]
    if first == last or D.slot[s, PINNED_START] != FAR:
        return t
    best = FAR
    for w in range(first, last):
        begin = max(t, D.window[w, WINDOW_START])
        kind = D.window[w, WINDOW_KIND]
        if kind == PRICED or (begin if kind == HARD else begin + work) <= D.window[w, WINDOW_END]:
            best = min(best, begin)
    return best if best <= S.slots[s, HIGH] else NEVER


@kernel
def latest(D: Data, S: State, s: int, t: int, work: int) -> int:
    """Last possible start of slot ``s`` at or before ``t``; NEVER if there is none."""
    t = min(t, S.slots[s, HIGH])
    if t < S.slots[s, LOW]:
        return NEVER
    first, last = D.slot[s, WINDOW_FROM], D.slot[s, WINDOW_TO]
    if first == last or D.slot[s, PINNED_START] != FAR:
        return t
    best = NEVER
    for w in range(first, last):
        kind = D.window[w, WINDOW_KIND]
        end = t
        if kind == HARD:
            end = min(t, D.window[w, WINDOW_END])
        elif kind != PRICED:
            end = min(t, D.window[w, WINDOW_END] - work)
        if end >= D.window[w, WINDOW_START]:
            best = max(best, end)
    return best if best >= S.slots[s, LOW] else NEVER


@kernel
def late_s(D: Data, s: int, start: int, work: int) -> int:
    """Seconds by which a start misses the cheapest window, or the due time if that is more."""
    first, last = D.slot[s, WINDOW_FROM], D.slot[s, WINDOW_TO]
    late = FAR
    for w in range(first, last):
        if start < D.window[w, WINDOW_START]:
            continue
        kind = D.window[w, WINDOW_KIND]
        if (start if kind != WHOLE_VISIT else start + work) <= D.window[w, WINDOW_END]:
            late = 0
        elif kind == PRICED:
            late = min(late, start - D.window[w, WINDOW_END])
    if late == FAR:
        late = 0
    return max(late, start - D.slot[s, DUE])


@kernel
def reach(D: Data, S: State, r: int, t: int, way: int, s: int, work: int, pause: int) -> tuple[int, int, int]:
    """Start of slot ``s`` when leaving at ``t``, the next break after it, and seconds of break taken on the way.

    ``pause`` is the next break of shift ``r``. NEVER as start if it can not be reached in time.
    """
    start = earliest(D, S, s, t + way, work)
    taken = 0
    while start != NEVER and pause < D.shift[r, BREAK_TO]:
        begin = max(t, D.rest[pause, BREAK_EARLIEST])
        driven = min(way, begin - t)
        after = begin + D.rest[pause, BREAK_LENGTH]
        delayed = earliest(D, S, s, after + way - driven, work)
        in_time = begin <= D.rest[pause, BREAK_LATEST]
        if not (in_time and delayed == start):
            if start + work <= D.rest[pause, BREAK_LATEST]:
                break
            if not in_time:
                return NEVER, pause, taken
        start = delayed
        t = after
        way -= driven
        taken += D.rest[pause, BREAK_LENGTH]
        pause += 1
    return start, pause, taken


@kernel
def return_at(D: Data, r: int, t: int, way: int, pause: int) -> int:
    """Give the arrival at the end place when leaving at ``t``, owed breaks taken on the way; FAR = too late."""
    while pause < D.shift[r, BREAK_TO]:
        if t + way > D.rest[pause, BREAK_LATEST]:
            begin = max(t, D.rest[pause, BREAK_EARLIEST])
            if begin > D.rest[pause, BREAK_LATEST]:
                return FAR
            way -= min(way, begin - t)
            t = begin + D.rest[pause, BREAK_LENGTH]
        pause += 1
    return t + way


@kernel
def time_cost(D: Data, r: int, s: int, start: int, work: int, waiting: int) -> int:
    """Price of when a stop happens: waiting, lateness and a start moved against what was published."""
    cost = waiting * D.shift[r, COST_PERCENT] * D.policy[WAITING_PERCENT] // 100
    if D.slot[s, LATE_RATE] > 0:
        cost += max(0, late_s(D, s, start, work)) * D.slot[s, LATE_RATE] * 100
    if D.slot[s, PUBLISHED_START] != FAR and abs(start - D.slot[s, PUBLISHED_START]) > D.policy[RETIME_TOLERANCE]:
        cost += D.policy[RETIME_COST]
    return cost


@kernel
def overtime_cost(D: Data, r: int, finish: int) -> int:
    """Price of arriving home at ``finish``."""
    return max(0, finish - D.shift[r, SHIFT_END]) * D.shift[r, OVERTIME_PERCENT]


@kernel
def refresh(D: Data, S: State, r: int) -> bool:
    """Time and price route ``r`` anew from its sequence; False if no timetable allows it."""
    count = S.routes[r, SIZE]
    S.routes[r, COST] = 0
    S.routes[r, TIME_SUM] = 0
    if count == 0:
        return True
    t, place, pause = D.shift[r, SHIFT_START], D.shift[r, HOME], D.shift[r, BREAK_FROM]
    cost = D.shift[r, CALL_OUT] * 100
    for i in range(count):
        s = S.stops[r, i, SLOT]
        way = drive(D, place, D.slot[s, PLACE])
        if way > D.shift[r, MAX_LEG] or way >= FAR:
            return False
        work = work_s(D, r, s)
        start, pause, taken = reach(D, S, r, t, way, s, work, pause)
        if start == NEVER:
            return False
        timed = time_cost(D, r, s, start, work, 0 if i == 0 else start - t - way - taken)
        S.stops[r, i, START] = start
        S.stops[r, i, PAUSE] = pause
        S.stops[r, i, TIME_COST] = timed
        S.routes[r, TIME_SUM] += timed
        cost += way * D.shift[r, COST_PERCENT] + timed + D.pair[s, D.shift[r, WORKER]]
        t = start + work
        S.stops[r, i, LEAVE] = t
        place = D.slot[s, PLACE]
    bound = D.shift[r, SHIFT_LAST]
    finish = t
    if D.shift[r, GOAL] >= 0:
        way = drive(D, place, D.shift[r, GOAL])
        if way >= FAR:
            return False
        finish = return_at(D, r, t, way, pause)
        cost += way * D.shift[r, COST_PERCENT]
        bound -= way
    if finish > D.shift[r, SHIFT_LAST]:
        return False
    S.routes[r, COST] = cost + overtime_cost(D, r, finish)
    for i in range(count - 1, -1, -1):
        s = S.stops[r, i, SLOT]
        work = work_s(D, r, s)
        S.stops[r, i, LATEST] = latest(D, S, s, bound - work, work)
        if i > 0:
            bound = S.stops[r, i, LATEST] - drive(D, D.slot[S.stops[r, i - 1, SLOT], PLACE], D.slot[s, PLACE])
    return True


@kernel
def insertion(D: Data, S: State, r: int, at: int, s: int, limit: int) -> int:
    """Price slot ``s`` before stop ``at`` of route ``r``; IMPOSSIBLE if infeasible or not under ``limit``."""
    count = S.routes[r, SIZE]
    t, pause, place = D.shift[r, SHIFT_START], D.shift[r, BREAK_FROM], D.shift[r, HOME]
    if at > 0:
        t, pause, place = S.stops[r, at - 1, LEAVE], S.stops[r, at - 1, PAUSE], D.slot[S.stops[r, at - 1, SLOT], PLACE]
    here = D.slot[s, PLACE]
    way = drive(D, place, here)
    if way > D.shift[r, MAX_LEG] or way >= FAR:
        return IMPOSSIBLE
    further = D.slot[S.stops[r, at, SLOT], PLACE] if at < count else D.shift[r, GOAL]
    onward = 0 if further < 0 else drive(D, here, further)
    if onward >= FAR or (at < count and onward > D.shift[r, MAX_LEG]):
        return IMPOSSIBLE
    spared = 0 if further < 0 or count == 0 else drive(D, place, further)
    delta = (way + onward - spared) * D.shift[r, COST_PERCENT] + D.pair[s, D.shift[r, WORKER]]
    if count == 0:
        delta += D.shift[r, CALL_OUT] * 100
    if delta - S.routes[r, TIME_SUM] >= limit:
        return IMPOSSIBLE
    work = work_s(D, r, s)
    start, pause, taken = reach(D, S, r, t, way, s, work, pause)
    if start == NEVER:
        return IMPOSSIBLE
    delta += time_cost(D, r, s, start, work, 0 if at == 0 else start - t - way - taken)
    t = start + work
    for i in range(at, count):
        q = S.stops[r, i, SLOT]
        way = onward if i == at else drive(D, D.slot[S.stops[r, i - 1, SLOT], PLACE], D.slot[q, PLACE])
        if t + way > S.stops[r, i, LATEST]:
            return IMPOSSIBLE
        work = work_s(D, r, q)
        start, pause, taken = reach(D, S, r, t, way, q, work, pause)
        if start == NEVER or start > S.stops[r, i, LATEST]:
            return IMPOSSIBLE
        delta += time_cost(D, r, q, start, work, start - t - way - taken) - S.stops[r, i, TIME_COST]
        if start == S.stops[r, i, START] and pause == S.stops[r, i, PAUSE]:
            return delta if delta < limit else IMPOSSIBLE
        t = start + work
    finish = t
    if D.shift[r, GOAL] >= 0:
        home = onward if at == count else drive(D, D.slot[S.stops[r, count - 1, SLOT], PLACE], D.shift[r, GOAL])
        finish = return_at(D, r, t, home, pause)
    if finish > D.shift[r, SHIFT_LAST]:
        return IMPOSSIBLE
    delta += overtime_cost(D, r, finish) - (overtime_cost(D, r, finish_of(D, S, r)) if count > 0 else 0)
    return delta if delta < limit else IMPOSSIBLE


@kernel
def finish_of(D: Data, S: State, r: int) -> int:
    """Arrival at the end place of a route that is not empty."""
    i = S.routes[r, SIZE] - 1
    t = S.stops[r, i, LEAVE]
    if D.shift[r, GOAL] < 0:
        return t
    return return_at(D, r, t, drive(D, D.slot[S.stops[r, i, SLOT], PLACE], D.shift[r, GOAL]), S.stops[r, i, PAUSE])


@kernel
def best_place(D: Data, S: State, r: int, s: int, limit: int) -> tuple[int, int]:
    """Price and position of the cheapest insertion of slot ``s`` into route ``r`` under ``limit``.

    Most places fail one of two bounds: driving alone costs too much, or the next stop would start too late even if the
    slot's windows were all open. Only the rest is worth an exact trial.
    """
    best, at = IMPOSSIBLE, -1
    count = S.routes[r, SIZE]
    if not D.allowed[s, r] or count >= S.stops.shape[1]:
        return best, at
    here = D.slot[s, PLACE]
    work = work_s(D, r, s)
    low, high = S.slots[s, LOW], S.slots[s, HIGH]
    price_s = D.shift[r, COST_PERCENT]
    base = D.pair[s, D.shift[r, WORKER]] - S.routes[r, TIME_SUM]
    place, t = D.shift[r, HOME], D.shift[r, SHIFT_START]
    for i in range(count + 1):
        there = place
        ready = t
        if i < count:
            place, t = D.slot[S.stops[r, i, SLOT], PLACE], S.stops[r, i, LEAVE]
            onward = drive(D, here, place)
            spared = drive(D, there, place)
            bound = S.stops[r, i, LATEST]
        else:
            end = D.shift[r, GOAL]
            onward = 0 if end < 0 else drive(D, here, end)
            spared = 0 if end < 0 or count == 0 else drive(D, there, end)
            bound = D.shift[r, SHIFT_LAST]
        way = drive(D, there, here)
        if base + (way + onward - spared) * price_s >= limit:
            continue
        start = max(ready + way, low)
        if start > high or start + work + onward > bound:
            continue
        price = insertion(D, S, r, i, s, limit)
        if price < limit:
            best, at, limit = price, i, price
    return best, at


@kernel
def put(D: Data, S: State, r: int, at: int, s: int) -> bool:
    """Insert slot ``s``; the route is timed anew. False (and nothing changed) if that is not possible after all."""
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
