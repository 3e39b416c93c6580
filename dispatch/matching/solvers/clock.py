"""When things can happen: driving, windows, breaks, lateness, and what time costs.

A route is driven as early as possible: leave the start place just in time for the first stop, start each visit as soon
as its windows allow. A break is taken in the gap where it costs no time, else as late as its window allows, and may
interrupt a drive.
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
    BREAK_LATEST,
    BREAK_LENGTH,
    BREAK_RELATIVE,
    BREAK_TO,
    COST_PERCENT,
    DUE,
    DURATION,
    HIGH,
    LATE_RATE,
    LONG_OVERTIME,
    LOW,
    OVERTIME_PERCENT,
    PACE,
    PINNED_START,
    PLANE,
    PUBLISHED_START,
    RETIME_COST,
    RETIME_TOLERANCE,
    SETUP,
    SHIFT_END,
    SITE,
    WAITING_PERCENT,
    WINDOW_END,
    WINDOW_FROM,
    WINDOW_KIND,
    WINDOW_START,
    WINDOW_TO,
    Data,
    State,
)
from dispatch.units import EARTH_RADIUS_M

NEVER = -(1 << 50)
"""No possible start."""

DEPOT_STOP = -1
"""Stands for the depot where a slot is expected: open at any time."""

NOT_LEFT = -(1 << 49)
"""Departure while it is not known yet, on the way to the first stop."""


@kernel
def drive(D: Data, start: int, end: int) -> int:
    """Seconds between two places, FAR if unreachable."""
    if D.seconds.shape[0] > 0:
        given = np.int64(D.seconds[start, end])
        return given if given >= 0 else np.int64(FAR)
    square = 0.0
    for axis in range(3):
        square += (D.vectors[start, axis] - D.vectors[end, axis]) ** 2
    direct = math.sqrt(square)
    if D.policy[PLANE] == 0:
        direct = 2.0 * EARTH_RADIUS_M * math.asin(min(1.0, direct / 2.0))
    return np.int64(math.floor(direct * D.seconds_per_m + 0.5))


@kernel
def work_s(D: Data, r: int, s: int) -> int:
    """Seconds the technician of shift ``r`` needs for slot ``s``, its set-up included."""
    return (D.slot[s, DURATION] * D.shift[r, PACE] + 50) // 100


@kernel
def work_after(D: Data, r: int, s: int, before: int) -> int:
    """Seconds the technician of shift ``r`` needs for slot ``s`` coming from slot ``before``, -1 = from elsewhere."""
    planned = D.slot[s, DURATION]
    if before >= 0 and D.slot[s, SITE] >= 0 and D.slot[s, SITE] == D.slot[before, SITE]:
        planned -= D.slot[s, SETUP]
    return (planned * D.shift[r, PACE] + 50) // 100


@kernel
def setup_credit(D: Data, r: int, s: int, work: int) -> int:
    """Price of the time by which ``work`` is shorter than the whole work: what a shared set-up saves."""
    whole = work_s(D, r, s)
    if work == whole:
        return 0
    price = D.shift[r, COST_PERCENT]
    return ((whole * price + 50) // 100 - (work * price + 50) // 100) * 100


@kernel
def earliest(D: Data, S: State, s: int, t: int, work: int) -> int:
    """First possible start of slot ``s`` at or after ``t``; NEVER if there is none."""
    if s < 0:
        return t
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
def reach(
    D: Data, S: State, r: int, t: int, way: int, s: int, work: int, pause: int, left: int
) -> tuple[int, int, int]:
    """Start of slot ``s`` when leaving at ``t``, the next break after it, and seconds of break taken on the way.

    ``pause`` is the next break of shift ``r``, ``left`` the departure from the start place (NOT_LEFT on the first leg).
    NEVER as start if it can not be reached in time.
    """
    start = earliest(D, S, s, t + way, work)
    taken = 0
    while start != NEVER and pause < D.shift[r, BREAK_TO]:
        since = 0
        if D.rest[pause, BREAK_RELATIVE]:
            if left == NOT_LEFT:
                if way + work > D.rest[pause, BREAK_LATEST]:
                    return NEVER, pause, taken
                break
            since = left
        begin = max(t, since + D.rest[pause, BREAK_EARLIEST])
        driven = min(way, begin - t)
        after = begin + D.rest[pause, BREAK_LENGTH]
        delayed = earliest(D, S, s, after + way - driven, work)
        in_time = begin <= since + D.rest[pause, BREAK_LATEST]
        if not (in_time and delayed == start):
            if start + work <= since + D.rest[pause, BREAK_LATEST]:
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
def return_at(D: Data, r: int, t: int, way: int, pause: int, left: int) -> int:
    """Give the arrival at the end place when leaving at ``t``, owed breaks taken on the way; FAR = too late."""
    while pause < D.shift[r, BREAK_TO]:
        since = left if D.rest[pause, BREAK_RELATIVE] else 0
        if t + way > since + D.rest[pause, BREAK_LATEST]:
            begin = max(t, since + D.rest[pause, BREAK_EARLIEST])
            if begin > since + D.rest[pause, BREAK_LATEST]:
                return FAR
            way -= min(way, begin - t)
            t = begin + D.rest[pause, BREAK_LENGTH]
        pause += 1
    return t + way


@kernel
def time_cost(D: Data, s: int, start: int, work: int) -> int:
    """Price of when a stop happens: lateness, and a start moved against what was published."""
    cost = 0
    if D.slot[s, LATE_RATE] > 0:
        cost = max(0, late_s(D, s, start, work)) * D.slot[s, LATE_RATE] * 100
    if moved(D, s, start):
        cost += D.policy[RETIME_COST]
    return cost


@kernel
def moved(D: Data, s: int, start: int) -> bool:
    """Whether a start is another one than published, by more than the tolerance."""
    told = D.slot[s, PUBLISHED_START]
    return told != FAR and abs(start - told) > D.policy[RETIME_TOLERANCE]


@kernel
def waiting_cost(D: Data, r: int, waiting: int) -> int:
    """Price of all waiting of a route."""
    return waiting * D.shift[r, COST_PERCENT] * D.policy[WAITING_PERCENT] // 100


@kernel
def overtime_cost(D: Data, r: int, finish: int) -> int:
    """Price of arriving home at ``finish``."""
    over = finish - D.shift[r, SHIFT_END]
    if over <= 0:
        return 0
    return over * D.shift[r, OVERTIME_PERCENT] + over * over * D.policy[LONG_OVERTIME] // 3_600
