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
from dispatch.matching.objective import UNIT
from dispatch.matching.solvers.clock import (
    drive,
    late_s,
    moved,
    overtime_cost,
    setup_credit,
    waiting_cost,
    work_s,
)
from dispatch.matching.solvers.depot import lacking
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.kernels import best_place, put, refresh, take
from dispatch.matching.solvers.laying import IMPOSSIBLE, last_start, uneven_cost
from dispatch.matching.solvers.layout import (
    BOND,
    BREAK_EARLIEST,
    BREAK_FROM,
    BREAK_LENGTH,
    BREAK_RELATIVE,
    BREAK_TO,
    CALL_OUT,
    COST,
    COST_PERCENT,
    DEPOT,
    DEPOT_AT,
    DEPOT_TIME,
    FINISH,
    GOAL,
    GROUP_FROM,
    GROUP_TO,
    HIGH,
    HOME,
    LATE_RATE,
    LEAVE,
    LENGTH,
    LINK_FROM,
    LINK_TO,
    LONG_OVERTIME,
    LOW,
    MAX_DRIVE,
    MAX_LEG,
    MAX_LENGTH,
    MAX_VISITS,
    ORIGIN,
    OTHER,
    OVERTIME_PERCENT,
    PARTS,
    PAUSE,
    PLACE,
    PLAIN,
    RETIME_COST,
    ROUTE,
    SHIFT_END,
    SIZE,
    SLOT,
    START,
    TOOLS,
    UNEVEN,
    WAITING_PERCENT,
    WORKER,
    Data,
    State,
)
from dispatch.matching.solvers.layout import LATE as LEAVES_LATE

(
    FREE,
    BARRED,
    BROKEN,
    FULL,
    THEN,
    FAR_OFF,
    CUT_OFF,
    ABSENT,
    COLLEAGUE,
    TIED,
    SOLD_OUT,
    ENOUGH,
    USED_UP,
    MUCH_DRIVING,
    LONG_DAY,
) = range(15)
"""What stands between a person and a visit: nothing, a must, a route without a timetable, other visits, the time of
day, a leg that is too long, no way at all, no shift, another place in the same crew; then a visit that asks for the
same or for another person, the partner's agreed number, the day's number of visits, parts that other visits use up,
and the most driving and the longest time of the day."""

# Columns of what `trial` writes about the visit and its route
AT, BEFORE, WAY, ARRIVE, BEGIN, END, LATE, EXACT, MOVED = range(9)
DRIVEN, TRAVEL, WAITED, OVER, AT_DEPOT, FAIRNESS, LATENESS, RETIMED, CREDIT, OVER_S = range(9, 19)
DETAILS = 19
# Columns of what `trial` writes about other stops
WHO, START_BEFORE, START_AFTER, LATE_BEFORE, LATE_AFTER = range(5)
MOVES = 5
# Columns of an account
DRIVING, WAIT, OVERTIME, IN_DEPOT, WORK, LATE_COST, RETIMES, SHARING = range(8)
ACCOUNT = 8


@kernel
def withdraw(D: Data, S: State, s: int) -> tuple[int, int, bool]:
    """Take slot ``s`` out of its route; gives the route and the position it had, -1 if it had none.

    And whether the rest of that route still has a timetable: without this stop a way may be too long.
    """
    r = S.slots[s, ROUTE]
    if r < 0:
        return -1, -1, True
    for at in range(S.routes[r, SIZE]):
        if S.stops[r, at, SLOT] == s:
            take(S, r, at)
            return r, at, refresh(D, S, r)
    return -1, -1, True


@kernel
def starts_of(D: Data, S: State, r: int, scratch: Whole, column: int) -> bool:
    """Write when the stops of route ``r`` start into a column of ``scratch``, behind its first two lines.

    False if only writing the route out can tell: a day that leaves late and passes the depot.
    """
    count = S.routes[r, SIZE]
    plain = D.shift[r, LEAVES_LATE] == 1 and D.shift[r, BREAK_FROM] == D.shift[r, BREAK_TO]
    for i in range(count):
        scratch[2 + i, column] = S.stops[r, i, START]
        if D.slot[S.stops[r, i, SLOT], PLAIN] == 0:
            plain = False
    if not plain:
        return True
    if S.routes[r, DEPOT_AT] >= 0:
        return False
    for i in range(count - 2, -1, -1):
        s, after = S.stops[r, i, SLOT], S.stops[r, i + 1, SLOT]
        way = drive(D, D.slot[s, PLACE], D.slot[after, PLACE])
        start = min(scratch[3 + i, column] - way - work_s(D, r, s), last_start(D, S, r, s))
        scratch[2 + i, column] = max(scratch[2 + i, column], start)
    return True


@kernel
def account(D: Data, S: State, r: int, scratch: Whole, line: int) -> bool:
    """Count route ``r`` by cause into a line of ``scratch``; whether the sum is what the search says it costs.

    The starts must have been written into the column of that number (see `starts_of`). Driving, waiting, overtime,
    time at the depot and work in seconds, lateness and shared set-up in units, moved starts by number.
    """
    told = scratch[line]
    for column in range(ACCOUNT):
        told[column] = 0
    count = S.routes[r, SIZE]
    if count == 0:
        return S.routes[r, COST] == 0
    price = D.shift[r, COST_PERCENT]
    place, pause = D.shift[r, HOME], D.shift[r, BREAK_FROM]
    cost, t = D.shift[r, CALL_OUT] * 100, S.routes[r, ORIGIN]
    for i in range(count):
        s = S.stops[r, i, SLOT]
        work, start = S.stops[r, i, LEAVE] - S.stops[r, i, START], scratch[2 + i, line]
        there = D.slot[s, PLACE]
        away = drive(D, place, there)
        if i == S.routes[r, DEPOT_AT]:
            away = drive(D, place, D.shift[r, DEPOT]) + drive(D, D.shift[r, DEPOT], there)
            told[IN_DEPOT] += D.shift[r, DEPOT_TIME]
            t += D.shift[r, DEPOT_TIME]
        for b in range(pause, S.stops[r, i, PAUSE]):
            t += D.rest[b, BREAK_LENGTH]
        told[DRIVING] += away
        if i > 0 or S.routes[r, DEPOT_AT] == 0:
            told[WAIT] += start - t - away
        told[WORK] += work
        told[LATE_COST] += max(0, late_s(D, s, start, work)) * D.slot[s, LATE_RATE]
        if moved(D, s, start):
            told[RETIMES] += 1
        told[SHARING] += setup_credit(D, r, s, work) // UNIT
        cost += D.pair[s, D.shift[r, WORKER]]
        t, place, pause = start + work, there, S.stops[r, i, PAUSE]
    if D.shift[r, GOAL] >= 0:
        told[DRIVING] += drive(D, place, D.shift[r, GOAL])
    told[OVERTIME] = max(0, S.routes[r, FINISH] - D.shift[r, SHIFT_END])
    cost += (told[DRIVING] + told[IN_DEPOT]) * price + waiting_cost(D, r, told[WAIT])
    cost += overtime_cost(D, r, S.routes[r, FINISH])
    cost += uneven_cost(D, r, told[DRIVING] + told[WORK] + told[IN_DEPOT])
    cost += (told[LATE_COST] - told[SHARING]) * UNIT + told[RETIMES] * D.policy[RETIME_COST]
    return cost == S.routes[r, COST]


@kernel
def fairness_of(D: Data, r: int, told: Whole) -> int:
    """Price the load and the long overtime of an account, in whole units."""
    busy = told[DRIVING] + told[WORK] + told[IN_DEPOT]
    uneven = busy * busy * D.policy[UNEVEN] // D.shift[r, LENGTH]
    long = told[OVERTIME] * told[OVERTIME] * D.policy[LONG_OVERTIME] // 3_600
    return (uneven + 50) // 100 + (long + 50) // 100


@kernel
def arrival(D: Data, S: State, r: int, at: int, left: int) -> int:
    """When the person of route ``r``, who left the stop before at ``left``, is at stop ``at`` > 0; breaks included."""
    t, pause = left, S.stops[r, at - 1, PAUSE]
    way = drive(D, D.slot[S.stops[r, at - 1, SLOT], PLACE], D.slot[S.stops[r, at, SLOT], PLACE])
    there = t + way
    for b in range(pause, S.stops[r, at, PAUSE]):
        since = S.routes[r, ORIGIN] if D.rest[b, BREAK_RELATIVE] else 0
        begin = max(t, since + D.rest[b, BREAK_EARLIEST])
        driven = min(way, begin - t)
        t = begin + D.rest[b, BREAK_LENGTH]
        if driven < way:
            there = t + way - driven
        way -= driven
    return there


@kernel
def tied(D: Data, S: State, r: int, s: int) -> int:
    """Find a served slot that asks for the same or another person than route ``r`` has; -1 if there is none."""
    for i in range(D.slot[s, LINK_FROM], D.slot[s, LINK_TO]):
        other = S.slots[D.relation[i, OTHER], ROUTE]
        if other >= 0 and (D.shift[other, WORKER] == D.shift[r, WORKER]) != (D.relation[i, BOND] == 1):
            return D.relation[i, OTHER]
    return -1


@kernel
def sold_out(D: Data, S: State, r: int) -> bool:
    """Whether the partner of route ``r`` serves as many visits that day as was agreed."""
    if D.shift[r, GROUP_FROM] == D.shift[r, GROUP_TO]:
        return False
    taken = 0
    for i in range(D.shift[r, GROUP_FROM], D.shift[r, GROUP_TO]):
        taken += S.routes[D.relation[i, OTHER], SIZE]
    return taken >= D.relation[D.shift[r, GROUP_FROM], BOND]


@kernel
def helps(D: Data, S: State, r: int, s: int, column: int) -> bool:
    """Whether slot ``s`` would fit into route ``r`` without the limit in a column of the shift."""
    limit = D.shift[r, column]
    D.shift[r, column] = FAR
    price = best_place(D, S, r, s, IMPOSSIBLE)[0]
    D.shift[r, column] = limit
    return price < IMPOSSIBLE


@kernel
def obstacle(D: Data, S: State, E: State, r: int, s: int) -> tuple[int, bool]:
    """Say what keeps slot ``s`` out of route ``r``, in which it has no place, and whether the empty day has one."""
    alone = best_place(D, E, r, s, IMPOSSIBLE)[0] < IMPOSSIBLE
    if tied(D, S, r, s) >= 0:
        return TIED, False
    if sold_out(D, S, r):
        return SOLD_OUT, alone
    if S.routes[r, SIZE] >= D.shift[r, MAX_VISITS]:
        return ENOUGH, alone
    if D.policy[PARTS] + D.policy[TOOLS] > 0 and D.shift[r, DEPOT] < 0 and lacking(D, S, r, s, S.routes[r, SIZE]):
        return USED_UP, alone
    if D.shift[r, MAX_DRIVE] < FAR and helps(D, S, r, s, MAX_DRIVE):
        return MUCH_DRIVING, alone
    if D.shift[r, MAX_LENGTH] < FAR and helps(D, S, r, s, MAX_LENGTH):
        return LONG_DAY, alone
    if alone:
        return FULL, True
    way = drive(D, D.shift[r, HOME], D.slot[s, PLACE])
    if way >= FAR:
        return CUT_OFF, False
    return FAR_OFF if way > D.shift[r, MAX_LEG] else THEN, False


@kernel
def look(
    D: Data, S: State, E: State, s: int, broken: Flags, price: Whole, place: Whole, verdict: Whole, alone: Flags
) -> None:
    """Find the cheapest place of slot ``s`` in each route, and what stands in the way where there is none.

    ``alone`` tells where it has none, and would have one if the day were empty.
    """
    E.slots[s, LOW] = S.slots[s, LOW]
    E.slots[s, HIGH] = S.slots[s, HIGH]
    for r in range(len(S.routes)):
        price[r] = IMPOSSIBLE
        place[r] = -1
        alone[r] = False
        if not D.allowed[s, r]:
            verdict[r] = BARRED
        elif broken[r]:
            verdict[r] = BROKEN
        else:
            price[r], place[r] = best_place(D, S, r, s, IMPOSSIBLE)
            verdict[r] = FREE
            if price[r] == IMPOSSIBLE:
                verdict[r], alone[r] = obstacle(D, S, E, r, s)


@kernel
def nearness(verdict: int) -> int:
    """Order verdicts: of several shifts of one person the one is told in which least is missing."""
    if verdict == FREE:
        return 5
    if verdict == FULL:
        return 4
    if verdict == ABSENT:
        return 0
    if verdict == BARRED:
        return 1
    return 2 if verdict == BROKEN else 3


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
        elif nearness(now) > nearness(old):
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
def trial(D: Data, S: State, r: int, at: int, s: int, scratch: Whole, detail: Whole, moves: Whole) -> bool:
    """Write what slot ``s`` before stop ``at`` of route ``r`` changes into ``detail`` and ``moves``; all is put back.

    Of ``scratch`` line and column 0 are the route before, 1 the route after, 2 the lateness before, 3 of use within.
    """
    count = S.routes[r, SIZE]
    exact = starts_of(D, S, r, scratch, 0)
    exact = account(D, S, r, scratch, 0) and exact
    for i in range(count):
        work = S.stops[r, i, LEAVE] - S.stops[r, i, START]
        scratch[2 + i, 2] = max(0, late_s(D, S.stops[r, i, SLOT], scratch[2 + i, 0], work))
    if not put(D, S, r, at, s):
        return False
    exact = starts_of(D, S, r, scratch, 1) and exact
    exact = account(D, S, r, scratch, 1) and exact
    if S.routes[r, DEPOT_AT] == at:
        exact = False  # how the drives to and from the depot share their breaks is not written down anywhere
    start, work = scratch[2 + at, 1], S.stops[r, at, LEAVE] - S.stops[r, at, START]
    detail[AT] = at
    detail[BEFORE] = S.stops[r, at - 1, SLOT] if at > 0 else -1
    here = D.slot[S.stops[r, at - 1, SLOT], PLACE] if at > 0 else D.shift[r, HOME]
    detail[WAY] = drive(D, here, D.slot[s, PLACE])
    detail[ARRIVE] = start
    if at > 0:
        had = S.stops[r, at - 1, LEAVE] - S.stops[r, at - 1, START]
        detail[ARRIVE] = arrival(D, S, r, at, scratch[1 + at, 1] + had)
    detail[BEGIN] = start
    detail[END] = start + work
    detail[LATE] = max(0, late_s(D, s, start, work))
    detail[EXACT] = 1 if exact else 0
    price = D.shift[r, COST_PERCENT]
    paid = price * D.policy[WAITING_PERCENT]
    over = D.shift[r, OVERTIME_PERCENT]
    old, new = scratch[0], scratch[1]
    detail[DRIVEN] = new[DRIVING] - old[DRIVING]
    # Terms are rounded once for the whole route, so they are rounded before they are subtracted.
    detail[TRAVEL] = (new[DRIVING] * price + 50) // 100 - (old[DRIVING] * price + 50) // 100
    detail[WAITED] = (new[WAIT] * paid + 5_000) // 10_000 - (old[WAIT] * paid + 5_000) // 10_000
    detail[OVER] = (new[OVERTIME] * over + 50) // 100 - (old[OVERTIME] * over + 50) // 100
    detail[AT_DEPOT] = (new[IN_DEPOT] * price + 50) // 100 - (old[IN_DEPOT] * price + 50) // 100
    detail[FAIRNESS] = fairness_of(D, r, new) - fairness_of(D, r, old)
    detail[LATENESS] = new[LATE_COST] - old[LATE_COST]
    detail[RETIMED] = new[RETIMES] - old[RETIMES]
    detail[CREDIT] = new[SHARING] - old[SHARING]
    detail[OVER_S] = new[OVERTIME]
    found = 0
    for i in range(count):
        j = i if i < at else i + 1
        now = scratch[2 + j, 1]
        if now != scratch[2 + i, 0]:
            q = S.stops[r, j, SLOT]
            moves[found, WHO] = q
            moves[found, START_BEFORE] = scratch[2 + i, 0]
            moves[found, START_AFTER] = now
            moves[found, LATE_BEFORE] = scratch[2 + i, 2]
            moves[found, LATE_AFTER] = max(0, late_s(D, q, now, S.stops[r, j, LEAVE] - S.stops[r, j, START]))
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
    alone: Flags  # [shift] no place, but one if the day were empty
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
    home, at, whole = withdraw(D, S, s)
    # Nothing can be said about the rest of a route that can not do without this stop.
    if not whole:
        broken[home] = True
    look(D, S, E, s, broken, A.price, A.place, A.verdict, A.alone)
    if not whole:
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
        work = S.stops[r, i, LEAVE] - S.stops[r, i, START]
        scratch[2 + i, 0] = max(0, late_s(D, q, S.stops[r, i, START], work))
    good, bad = 0, most + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        S.slots[s, LOW] = start + middle
        fits = refresh(D, S, r)
        if fits:
            for i in range(S.routes[r, SIZE]):
                q = S.stops[r, i, SLOT]
                work = S.stops[r, i, LEAVE] - S.stops[r, i, START]
                if late_s(D, q, S.stops[r, i, START], work) > scratch[2 + i, 0]:
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
    if not put(D, S, r, at, s):
        return 0
    total = 0.0
    place = D.shift[r, HOME]
    for i in range(at + 1):
        if i == S.routes[r, DEPOT_AT]:
            total += float(drive(D, place, D.shift[r, DEPOT])) ** 2
            place = D.shift[r, DEPOT]
        there = D.slot[S.stops[r, i, SLOT], PLACE]
        total += float(drive(D, place, there)) ** 2
        if i < at:
            total += float(S.stops[r, i, LEAVE] - S.stops[r, i, START]) ** 2
        place = there
    take(S, r, at)
    refresh(D, S, r)
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
