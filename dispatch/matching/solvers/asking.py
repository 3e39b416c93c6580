"""One question about one visit in microseconds: every place of everybody, and what the best few would change.

The search's own kernels decide what is possible and what it costs, so an answer can not disagree with a plan. What a
route costs is counted a second time here, cause by cause; where that count does not equal the search's to the unit,
the caller is told so and writes the route out instead.
"""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

import math
from typing import NamedTuple

import numpy as np

from dispatch.matching.constraint import FAR, Flags, Whole
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.kernels import (
    IMPOSSIBLE,
    best_place,
    drive,
    finish_of,
    late_s,
    put,
    refresh,
    take,
    work_s,
)
from dispatch.matching.solvers.layout import (
    BREAK_EARLIEST,
    BREAK_FROM,
    BREAK_LENGTH,
    CALL_OUT,
    COST,
    COST_PERCENT,
    GOAL,
    HIGH,
    HOME,
    LATE_RATE,
    LEAVE,
    LOW,
    MAX_LEG,
    OVERTIME_PERCENT,
    PAUSE,
    PLACE,
    PUBLISHED_START,
    RETIME_COST,
    RETIME_TOLERANCE,
    ROUTE,
    SHIFT_END,
    SHIFT_START,
    SIZE,
    SLOT,
    START,
    WAITING_PERCENT,
    WORKER,
    Data,
    State,
)

FREE, BARRED, BROKEN, FULL, THEN, FAR_OFF, CUT_OFF, ABSENT, COLLEAGUE = range(9)
"""What stands between a person and a visit: nothing, a must, a route without a timetable, other visits, the time of
day, a leg that is too long, no way at all, no shift, another place in the same crew."""

# Columns of what `trial` writes about the visit and its route
AT, BEFORE, WAY, ARRIVE, BEGIN, END, LATE, EXACT, MOVED = range(9)
DRIVEN, TRAVEL, WAITED, OVER, LATENESS, RETIMED, OVER_S = range(9, 16)
DETAILS = 16
# Columns of what `trial` writes about other stops
WHO, START_BEFORE, START_AFTER, LATE_BEFORE, LATE_AFTER = range(5)
MOVES = 5
ACCOUNT = 5
"""Columns of an account."""


@kernel
def withdraw(D: Data, S: State, s: int) -> tuple[int, int]:
    """Take slot ``s`` out of its route; gives the route and the position it had, -1 if it had none."""
    r = S.slots[s, ROUTE]
    if r < 0:
        return -1, -1
    for at in range(S.routes[r, SIZE]):
        if S.stops[r, at, SLOT] == s:
            take(S, r, at)
            refresh(D, S, r)
            return r, at
    return -1, -1


@kernel
def account(D: Data, S: State, r: int, told: Whole) -> int:
    """Count route ``r`` by cause into ``told``: driving, waiting and overtime in seconds, lateness and moved starts.

    Gives the whole in search units, to be compared with what the search says.
    """
    for column in range(ACCOUNT):
        told[column] = 0
    count = S.routes[r, SIZE]
    if count == 0:
        return 0
    price = D.shift[r, COST_PERCENT]
    t, place, pause = D.shift[r, SHIFT_START], D.shift[r, HOME], D.shift[r, BREAK_FROM]
    cost = D.shift[r, CALL_OUT] * 100
    for i in range(count):
        s = S.stops[r, i, SLOT]
        way = drive(D, place, D.slot[s, PLACE])
        start = S.stops[r, i, START]
        rested = 0
        for b in range(pause, S.stops[r, i, PAUSE]):
            rested += D.rest[b, BREAK_LENGTH]
        waited = 0 if i == 0 else start - t - way - rested
        late = max(0, late_s(D, s, start, work_s(D, r, s))) * D.slot[s, LATE_RATE]
        retimed = 0
        if D.slot[s, PUBLISHED_START] != FAR and abs(start - D.slot[s, PUBLISHED_START]) > D.policy[RETIME_TOLERANCE]:
            retimed = 1
        told[0] += way
        told[1] += waited
        told[3] += late
        told[4] += retimed
        cost += way * price + waited * price * D.policy[WAITING_PERCENT] // 100 + late * 100
        cost += retimed * D.policy[RETIME_COST] + D.pair[s, D.shift[r, WORKER]]
        t, place, pause = S.stops[r, i, LEAVE], D.slot[s, PLACE], S.stops[r, i, PAUSE]
    if D.shift[r, GOAL] >= 0:
        way = drive(D, place, D.shift[r, GOAL])
        told[0] += way
        cost += way * price
    told[2] = max(0, finish_of(D, S, r) - D.shift[r, SHIFT_END])
    return cost + told[2] * D.shift[r, OVERTIME_PERCENT]


@kernel
def arrival(D: Data, S: State, r: int, at: int) -> int:
    """When the person of route ``r`` is at stop ``at``, breaks on the way included; at the first stop just in time."""
    if at == 0:
        return S.stops[r, 0, START]
    t, pause = S.stops[r, at - 1, LEAVE], S.stops[r, at - 1, PAUSE]
    way = drive(D, D.slot[S.stops[r, at - 1, SLOT], PLACE], D.slot[S.stops[r, at, SLOT], PLACE])
    there = t + way
    for b in range(pause, S.stops[r, at, PAUSE]):
        begin = max(t, D.rest[b, BREAK_EARLIEST])
        driven = min(way, begin - t)
        t = begin + D.rest[b, BREAK_LENGTH]
        if driven < way:
            there = t + way - driven
        way -= driven
    return there


@kernel
def look(D: Data, S: State, E: State, s: int, broken: Flags, price: Whole, place: Whole, verdict: Whole) -> None:
    """Find the cheapest place of slot ``s`` in each route, and what stands in the way where there is none."""
    E.slots[s, LOW] = S.slots[s, LOW]
    E.slots[s, HIGH] = S.slots[s, HIGH]
    for r in range(len(S.routes)):
        price[r] = IMPOSSIBLE
        place[r] = -1
        if not D.allowed[s, r]:
            verdict[r] = BARRED
            continue
        if broken[r]:
            verdict[r] = BROKEN
            continue
        price[r], place[r] = best_place(D, S, r, s, IMPOSSIBLE)
        if price[r] < IMPOSSIBLE:
            verdict[r] = FREE
        elif best_place(D, E, r, s, IMPOSSIBLE)[0] < IMPOSSIBLE:
            verdict[r] = FULL
        else:
            way = drive(D, D.shift[r, HOME], D.slot[s, PLACE])
            verdict[r] = CUT_OFF if way >= FAR else FAR_OFF if way > D.shift[r, MAX_LEG] else THEN


@kernel
def by_person(D: Data, price: Whole, verdict: Whole, colleague: Flags, chosen: Whole, person: Whole) -> None:
    """Sum the verdicts of shifts up to one for each person, with the cheapest shift in ``chosen``."""
    for w in range(len(person)):
        person[w] = ABSENT
        chosen[w] = -1
    for r in range(len(price)):
        w = D.shift[r, WORKER]
        now, old = verdict[r], person[w]
        if now == FREE:
            if old != FREE or price[r] < price[chosen[w]]:
                chosen[w] = r
            person[w] = FREE
        elif old in (ABSENT, BARRED) or (old == BROKEN and now != BARRED) or (now == FULL and old != FREE):
            person[w] = now
    for w in range(len(person)):
        if colleague[w] and person[w] != ABSENT:
            person[w] = COLLEAGUE
            chosen[w] = -1


@kernel
def best_of(price: Whole, chosen: Whole, best: Whole) -> int:
    """Write the cheapest people into ``best``, cheapest first, the earlier one of equals; gives how many could come."""
    able = 0
    found = 0
    for w in range(len(chosen)):
        if chosen[w] < 0:
            continue
        able += 1
        if found == len(best) and (found == 0 or price[chosen[w]] >= price[chosen[best[found - 1]]]):
            continue
        if found < len(best):
            found += 1
        i = found - 1
        while i > 0 and price[chosen[best[i - 1]]] > price[chosen[w]]:
            best[i] = best[i - 1]
            i -= 1
        best[i] = w
    return able


@kernel
def trial(D: Data, S: State, r: int, at: int, s: int, scratch: Whole, detail: Whole, moved: Whole) -> bool:
    """Write what slot ``s`` before stop ``at`` of route ``r`` changes into ``detail`` and ``moved``; all is put back.

    ``scratch`` has a line for the account before, one for the account after, and one for each stop.
    """
    count = S.routes[r, SIZE]
    exact = account(D, S, r, scratch[0]) == S.routes[r, COST]
    for i in range(count):
        q = S.stops[r, i, SLOT]
        scratch[2 + i, 0] = S.stops[r, i, START]
        scratch[2 + i, 1] = max(0, late_s(D, q, S.stops[r, i, START], work_s(D, r, q)))
    if not put(D, S, r, at, s):
        return False
    exact = account(D, S, r, scratch[1]) == S.routes[r, COST] and exact
    start = S.stops[r, at, START]
    detail[AT] = at
    detail[BEFORE] = S.stops[r, at - 1, SLOT] if at > 0 else -1
    here = D.slot[S.stops[r, at - 1, SLOT], PLACE] if at > 0 else D.shift[r, HOME]
    detail[WAY] = drive(D, here, D.slot[s, PLACE])
    detail[ARRIVE] = arrival(D, S, r, at)
    detail[BEGIN] = start
    detail[END] = S.stops[r, at, LEAVE]
    detail[LATE] = max(0, late_s(D, s, start, work_s(D, r, s)))
    detail[EXACT] = 1 if exact else 0
    price = D.shift[r, COST_PERCENT]
    paid = price * D.policy[WAITING_PERCENT]
    over = D.shift[r, OVERTIME_PERCENT]
    detail[DRIVEN] = scratch[1, 0] - scratch[0, 0]
    # Terms are rounded once for the whole route, so they are rounded before they are subtracted.
    detail[TRAVEL] = (scratch[1, 0] * price + 50) // 100 - (scratch[0, 0] * price + 50) // 100
    detail[WAITED] = (scratch[1, 1] * paid + 5_000) // 10_000 - (scratch[0, 1] * paid + 5_000) // 10_000
    detail[OVER] = (scratch[1, 2] * over + 50) // 100 - (scratch[0, 2] * over + 50) // 100
    detail[LATENESS] = scratch[1, 3] - scratch[0, 3]
    detail[RETIMED] = scratch[1, 4] - scratch[0, 4]
    detail[OVER_S] = scratch[1, 2]
    found = 0
    for i in range(count):
        j = i if i < at else i + 1
        now = S.stops[r, j, START]
        if now != scratch[2 + i, 0]:
            q = S.stops[r, j, SLOT]
            moved[found, WHO] = q
            moved[found, START_BEFORE] = scratch[2 + i, 0]
            moved[found, START_AFTER] = now
            moved[found, LATE_BEFORE] = scratch[2 + i, 1]
            moved[found, LATE_AFTER] = max(0, late_s(D, q, now, work_s(D, r, q)))
            found += 1
    detail[MOVED] = found
    take(S, r, at)
    refresh(D, S, r)
    return True


class Sheet(NamedTuple):
    """Paper for the answers to one question; written over by the next one."""

    price: Whole  # [shift] cheapest place, in search units
    place: Whole  # [shift] where in the route that is
    verdict: Whole  # [shift]
    chosen: Whole  # [technician] cheapest shift, -1 = none
    person: Whole  # [technician] verdict
    best: Whole  # [number] the cheapest people
    detail: Whole  # [number, column]
    moved: Whole  # [number, stop, column]
    scratch: Whole  # [line, column]


@kernel
def inquire(D: Data, S: State, E: State, s: int, broken: Flags, colleague: Flags, A: Sheet, top: int) -> int:
    """Answer one question onto ``A`` with details of the ``top`` cheapest people; gives how many could come.

    ``E`` is a state without stops. ``S`` is the same before and after.
    """
    home, at = withdraw(D, S, s)
    # Without this stop a way may be too long: then nothing can be said about the rest of that route.
    stuck = home >= 0 and not refresh(D, S, home)
    if stuck:
        broken[home] = True
    look(D, S, E, s, broken, A.price, A.place, A.verdict)
    if stuck:
        broken[home] = False
    by_person(D, A.price, A.verdict, colleague, A.chosen, A.person)
    able = best_of(A.price, A.chosen, A.best[:top])
    for i in range(min(top, able)):
        r = A.chosen[A.best[i]]
        if not trial(D, S, r, A.place[r], s, A.scratch, A.detail[i], A.moved[i]):
            A.detail[i, AT] = -1
    if home >= 0:
        put(D, S, home, at, s)
    return able


@kernel
def slack(D: Data, S: State, r: int, at: int, s: int, most: int, scratch: Whole) -> int:
    """Seconds by which slot ``s``, put before stop ``at`` of route ``r``, can start later before anything is late.

    At most ``most``. Late is a start after its window or due time that was not late before. Everything is put back.
    """
    if not put(D, S, r, at, s):
        return 0
    low = S.slots[s, LOW]
    start = S.stops[r, at, START]
    for i in range(S.routes[r, SIZE]):
        q = S.stops[r, i, SLOT]
        scratch[2 + i, 0] = max(0, late_s(D, q, S.stops[r, i, START], work_s(D, r, q)))
    good, bad = 0, most + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        S.slots[s, LOW] = start + middle
        fits = refresh(D, S, r)
        if fits:
            for i in range(S.routes[r, SIZE]):
                q = S.stops[r, i, SLOT]
                if late_s(D, q, S.stops[r, i, START], work_s(D, r, q)) > scratch[2 + i, 0]:
                    fits = False
        if fits:
            good = middle
        else:
            bad = middle
    S.slots[s, LOW] = low
    take(S, r, at)
    refresh(D, S, r)
    return good


@kernel
def spread(D: Data, S: State, r: int, at: int, s: int, percent: int) -> int:
    """Uncertainty of the start: each drive and each work before it is off by ``percent`` of itself, independently."""
    total = 0.0
    place = D.shift[r, HOME]
    for i in range(at):
        q = S.stops[r, i, SLOT]
        total += float(drive(D, place, D.slot[q, PLACE])) ** 2 + float(work_s(D, r, q)) ** 2
        place = D.slot[q, PLACE]
    total += float(drive(D, place, D.slot[s, PLACE])) ** 2
    return np.int64(math.sqrt(total) * percent / 100.0 + 0.5)


@kernel
def blocking(D: Data, S: State, r: int, s: int, kept: Flags) -> bool:
    """Thin route ``r`` out to a smallest set of stops that leaves slot ``s`` no place; they are marked in ``kept``.

    Deletion filter after Chinneck (1997, doi 10.1007/978-1-4615-6103-3_14): a stop whose absence helps nothing goes,
    so each one left is necessary. ``kept`` is by slot. False if the slot would fit.
    """
    if best_place(D, S, r, s, IMPOSSIBLE)[0] < IMPOSSIBLE:
        return False
    i = S.routes[r, SIZE] - 1
    while i >= 0:
        q = S.stops[r, i, SLOT]
        take(S, r, i)
        if not refresh(D, S, r) or best_place(D, S, r, s, IMPOSSIBLE)[0] < IMPOSSIBLE:
            put(D, S, r, i, q)
        i -= 1
    for i in range(S.routes[r, SIZE]):
        kept[S.stops[r, i, SLOT]] = True
    return True
