"""Kernels of the bounds: least driving of a visit, prices of capacity, orders of a few stops.

Arrays as in `relaxed.Relaxed`. Costs are search costs as floats: they are sums of whole and half hundredths below 1e15,
so that nothing is lost where it matters; who uses a value as a bound rounds it down.
"""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

import numpy as np

from dispatch.matching.constraint import FAR
from dispatch.matching.constraints.promise_windows import HARD, PRICED
from dispatch.matching.solvers.clock import drive
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.kernels import refresh
from dispatch.matching.solvers.layout import COST, SIZE, SLOT, Data, State

# Relaxed.when
DURATION, SHARED, OPENS, FIRST_WINDOW, LAST_WINDOW, DUE, LATE_RATE, TOLD, TOLD_COST, VISIT = range(10)
# Relaxed.site
HOME, GOAL, DEPOT, START, END, LAST, WORKER, PACE, PRICE, LOOSE, MAX_LEG = range(11)
# near
IN_A, IN_A_VISIT, IN_B, OUT_A, OUT_A_VISIT, OUT_B = range(6)


@kernel
def soonest(when: np.ndarray, windows: np.ndarray, s: int, t: int, work: int) -> int:
    """First possible start of slot ``s`` at or after ``t``; FAR if there is none."""
    t = max(t, when[s, OPENS])
    if when[s, FIRST_WINDOW] == when[s, LAST_WINDOW]:
        return t
    best = FAR
    for w in range(when[s, FIRST_WINDOW], when[s, LAST_WINDOW]):
        begin = max(t, windows[w, 0])
        kind = windows[w, 2]
        if kind == PRICED or (begin if kind == HARD else begin + work) <= windows[w, 1]:
            best = min(best, begin)
    return best


@kernel
def late_price(when: np.ndarray, windows: np.ndarray, s: int, t: int, work: int) -> float:
    """Least price of lateness and of a moved start if work starts at ``t`` or later; never falls with ``t``."""
    price = 0.0
    if when[s, LATE_RATE] > 0:
        late = FAR
        for w in range(when[s, FIRST_WINDOW], when[s, LAST_WINDOW]):
            kind = windows[w, 2]
            if (t if kind in (PRICED, HARD) else t + work) <= windows[w, 1]:
                late = 0
            elif kind == PRICED:
                late = min(late, t - windows[w, 1])
        if late == FAR:
            late = 0
        price += max(late, t - when[s, DUE]) * float(when[s, LATE_RATE])
    if t > when[s, TOLD]:
        price += when[s, TOLD_COST]
    return price


@kernel
def least_work(when: np.ndarray, s: int, pace: int) -> int:
    """Time for slot ``s`` with a shared set-up taken off, whichever way it is rounded."""
    whole = (when[s, DURATION] * pace + 50) // 100
    if when[s, SHARED] == 0:
        return whole
    saved = (when[s, SHARED] * pace + 50) // 100
    return max(0, min(whole - saved, ((when[s, DURATION] - when[s, SHARED]) * pace + 50) // 100))


@kernel
def closes(when: np.ndarray, windows: np.ndarray, s: int, work: int) -> int:
    """Last possible start of slot ``s``, FAR where lateness only has a price."""
    if when[s, FIRST_WINDOW] == when[s, LAST_WINDOW]:
        return FAR
    last = -FAR
    for w in range(when[s, FIRST_WINDOW], when[s, LAST_WINDOW]):
        kind = windows[w, 2]
        if kind == PRICED:
            return FAR
        last = max(last, windows[w, 1] if kind == HARD else windows[w, 1] - work)
    return last


@kernel
def nearest(
    D: Data,
    place: np.ndarray,
    when: np.ndarray,
    people: np.ndarray,
    pace: int,
    windows: np.ndarray,
    ways: np.ndarray,
    other: np.ndarray,
) -> None:
    """Cheapest ways into and out of each slot, from and to other visits, times and people permitting.

    ``ways`` and ``other`` are [slot, in or out, rank]: seconds, shortest first, and the other slot, -1 = no more.
    """
    count = len(place)
    most = ways.shape[2] - 1
    for j in range(count):
        if place[j] < 0:
            continue
        shut = closes(when, windows, j, least_work(when, j, pace))
        for i in range(count):
            if place[i] < 0 or when[i, VISIT] == when[j, VISIT]:
                continue
            way = drive(D, place[i], place[j])
            if way >= ways[j, 0, most] and way >= ways[i, 1, most]:
                continue
            if when[i, OPENS] + least_work(when, i, pace) + way > shut:
                continue
            shared = False
            for byte in range(people.shape[1]):
                if people[i, byte] & people[j, byte]:
                    shared = True
                    break
            if shared:
                _keep(ways, other, j, 0, way, i)
                _keep(ways, other, i, 1, way, j)


@kernel
def _keep(ways: np.ndarray, other: np.ndarray, s: int, side: int, way: int, slot: int) -> None:
    """Note a way to a neighbour, in order, if it is among the cheapest."""
    at = ways.shape[2] - 1
    if way >= ways[s, side, at]:
        return
    while at > 0 and ways[s, side, at - 1] > way:
        ways[s, side, at] = ways[s, side, at - 1]
        other[s, side, at] = other[s, side, at - 1]
        at -= 1
    ways[s, side, at] = way
    other[s, side, at] = slot


@kernel
def closest(
    allowed: np.ndarray,
    site: np.ndarray,
    when: np.ndarray,
    windows: np.ndarray,
    ways: np.ndarray,
    other: np.ndarray,
    r: int,
    s: int,
    near: np.ndarray,
) -> None:
    """Pick the two cheapest ways into and out of slot ``s`` that shift ``r`` could drive, of different visits each.

    Where the list of neighbours ends before two are found, its longest way stands for all that are not on it.
    """
    pace = site[r, PACE]
    work = least_work(when, s, pace)
    shut = closes(when, windows, s, work)
    begin = max(when[s, OPENS], site[r, START])
    for side in range(2):
        at = IN_A if side == 0 else OUT_A
        near[at], near[at + 1], near[at + 2] = FAR, -1, FAR
        for k in range(ways.shape[2]):
            n = other[s, side, k]
            if n < 0:
                break
            if not allowed[n, r] or when[n, VISIT] == near[at + 1]:
                continue
            spent = least_work(when, n, pace)
            if side == 0:
                if max(when[n, OPENS], site[r, START]) + spent + ways[s, 0, k] > shut:
                    continue
            elif begin + work + ways[s, 1, k] > closes(when, windows, n, spent):
                continue
            if near[at] >= FAR:
                near[at], near[at + 1] = ways[s, side, k], when[n, VISIT]
            else:
                near[at + 2] = ways[s, side, k]
                break
        last = ways.shape[2] - 1
        if near[at + 2] >= FAR and other[s, side, last] >= 0:
            near[at + 2] = ways[s, side, last]
            if near[at] >= FAR:
                near[at] = ways[s, side, last]


@kernel
def share_2(D: Data, site: np.ndarray, near: np.ndarray, r: int, s: int, here: int) -> int:
    """Twice the least driving that slot ``s`` adds to a route of shift ``r``; FAR if it can not be reached."""
    way_in = drive(D, site[r, HOME], here)
    if way_in > site[r, MAX_LEG]:
        way_in = FAR
    if site[r, DEPOT] >= 0:
        way_in = min(way_in, drive(D, site[r, DEPOT], here))
    if site[r, GOAL] < 0:
        least = min(way_in, near[IN_A])
        return FAR if least >= FAR else 2 * least
    way_out = drive(D, here, site[r, GOAL])
    if site[r, DEPOT] >= 0:
        way_out = min(way_out, drive(D, here, site[r, DEPOT]))
    least = min(way_in, near[IN_A]) + way_out
    least = min(least, way_in + near[OUT_A])
    if near[IN_A_VISIT] != near[OUT_A_VISIT] or near[IN_A_VISIT] < 0:
        least = min(least, near[IN_A] + near[OUT_A])
    else:
        least = min(least, near[IN_A] + near[OUT_B], near[IN_B] + near[OUT_A])
    return min(least, FAR)


@kernel
def first_start(
    D: Data,
    site: np.ndarray,
    when: np.ndarray,
    windows: np.ndarray,
    ways: np.ndarray,
    r: int,
    s: int,
    here: int,
    metric: int,
    slack: int,
) -> int:
    """Give a time before which shift ``r`` can not start slot ``s``; FAR if it never can."""
    if site[r, LOOSE]:
        return -FAR
    work = least_work(when, s, site[r, PACE])
    direct = drive(D, site[r, HOME], here)
    way_in = min(direct, ways[s, 0, 0])
    if site[r, DEPOT] >= 0:
        way_in = min(way_in, drive(D, site[r, DEPOT], here))
    if metric:
        way_in = max(way_in, direct - slack)
    if way_in >= FAR:
        return FAR
    start = soonest(when, windows, s, site[r, START] + way_in, work)
    if start >= FAR:
        return FAR
    back = 0
    if site[r, GOAL] >= 0:
        direct = drive(D, here, site[r, GOAL])
        back = min(direct, ways[s, 1, 0])
        if site[r, DEPOT] >= 0:
            back = min(back, drive(D, here, site[r, DEPOT]))
        if metric:
            back = max(back, direct - slack)
    if back >= FAR or start + work + back > site[r, LAST]:
        return FAR
    return start


@kernel
def count_pairs(
    D: Data,
    allowed: np.ndarray,
    place: np.ndarray,
    site: np.ndarray,
    when: np.ndarray,
    windows: np.ndarray,
    ways: np.ndarray,
    metric: int,
    slack: int,
    at: np.ndarray,
) -> None:
    """Count the shifts that may serve each slot in time, summed up  # at[slot + 1]; ``allowed`` keeps only those."""
    for s in range(len(place)):
        found = 0
        for r in range(len(site)):
            if not allowed[s, r]:
                continue
            if first_start(D, site, when, windows, ways, r, s, place[s], metric, slack) < FAR:
                found += 1
            else:
                allowed[s, r] = False
        at[s + 1] = at[s] + found


@kernel
def fill_pairs(
    D: Data,
    allowed: np.ndarray,
    place: np.ndarray,
    pair: np.ndarray,
    site: np.ndarray,
    when: np.ndarray,
    windows: np.ndarray,
    ways: np.ndarray,
    other: np.ndarray,
    near: np.ndarray,
    metric: int,
    slack: int,
    at: np.ndarray,
    shift: np.ndarray,
    values: np.ndarray,
    works: np.ndarray,
    ends: np.ndarray,
) -> None:
    """Price the pairs that `count_pairs` counted, and find the least way from each home and to each end place."""
    for s in range(len(place)):
        k = at[s]
        here = place[s]
        for r in range(len(site)):
            if not allowed[s, r]:
                continue
            start = first_start(D, site, when, windows, ways, r, s, here, metric, slack)
            price = float(pair[s, site[r, WORKER]])
            work = least_work(when, s, site[r, PACE])
            if when[s, SHARED] > 0:  # the price of the pair counts all work; one second more for rounding
                whole = (when[s, DURATION] * site[r, PACE] + 50) // 100
                price -= (whole - work) * site[r, PRICE] + 100
            shift[k] = r
            works[k] = work
            values[k, 2] = price
            values[k, 0] = price
            if not site[r, LOOSE]:
                closest(allowed, site, when, windows, ways, other, r, s, near)
                twice = share_2(D, site, near, r, s, here)
                values[k, 0] += late_price(when, windows, s, start, work)
                values[k, 0] += 0.5 * twice * site[r, PRICE] if twice < FAR else 1e15
                values[k, 1] = work + (0.5 * twice if twice < FAR else 0.0)
                way = drive(D, site[r, HOME], here)
                if site[r, GOAL] >= 0:
                    if site[r, DEPOT] >= 0:
                        way = min(way, drive(D, site[r, HOME], site[r, DEPOT]))
                    ends[r, 0] = min(ends[r, 0], way)
                    ends[r, 1] = min(ends[r, 1], drive(D, here, site[r, GOAL]))
                else:
                    ends[r, 0] = 0
                    ends[r, 1] = 0
            k += 1


@kernel
def copy(source: np.ndarray, target: np.ndarray) -> None:
    """Copy an array of one dimension; a slice would make an array in between, which kernels can not."""
    for i in range(len(source)):
        target[i] = source[i]


@kernel
def capacity_value(
    at: np.ndarray,
    shift: np.ndarray,
    cost: np.ndarray,
    time: np.ndarray,
    penalty: np.ndarray,
    room: np.ndarray,
    extra: np.ndarray,
    rate: np.ndarray,
    price: np.ndarray,
    used: np.ndarray,
    worth: np.ndarray,
) -> float:
    """Value of the capacity bound where time of shift ``r`` is sold at ``price[r]``.

    Fills the time each shift sells (``used``) and what each slot is worth, which is what serving it costs at these
    prices, its penalty at most.
    """
    used[:] = 0.0
    value = 0.0
    for s in range(len(penalty)):
        best, chosen = penalty[s], -1
        for k in range(at[s], at[s + 1]):
            offer = cost[k] + price[shift[k]] * time[k]
            if offer < best:
                best, chosen = offer, k
        worth[s] = best
        value += best
        if chosen >= 0:
            used[shift[chosen]] += time[chosen]
    for r in range(len(room)):
        if price[r] > 0.0:
            value -= price[r] * room[r] + max(0.0, price[r] - rate[r]) * extra[r]
    return value


@kernel
def ascend(
    at: np.ndarray,
    shift: np.ndarray,
    cost: np.ndarray,
    time: np.ndarray,
    penalty: np.ndarray,
    room: np.ndarray,
    extra: np.ndarray,
    rate: np.ndarray,
    steps: int,
    control: np.ndarray,
    price: np.ndarray,
    best_price: np.ndarray,
    slope: np.ndarray,
    used: np.ndarray,
    worth: np.ndarray,
    best_worth: np.ndarray,
) -> None:
    """Raise the capacity bound by ``steps`` sub-gradient steps with a heavy ball; keeps the best prices seen.

    ``control`` holds the best value, the step factor, the hoped-for gain (as a share) and steps since the last gain.
    """
    for _ in range(steps):
        value = capacity_value(at, shift, cost, time, penalty, room, extra, rate, price, used, worth)
        if value > control[0]:
            control[3] = 0.0 if value > control[0] + 1e-5 * abs(control[0]) else control[3] + 1.0
            control[0] = value
            copy(price, best_price)
            copy(worth, best_worth)
        else:
            control[3] += 1.0
        if control[3] >= 25.0:
            control[1] *= 0.7
            control[3] = 0.0
            copy(best_price, price)
            slope[:] = 0.0
            if control[1] < 1e-4:
                return
            continue
        length = 0.0
        for r in range(len(room)):
            given = room[r] + (extra[r] if price[r] > rate[r] else 0.0)
            over = used[r] - given
            if price[r] <= 0.0 and over < 0.0:
                over = 0.0
            slope[r] = 0.6 * slope[r] + over
            length += slope[r] * slope[r]
        if length <= 0.0:
            return
        step = control[1] * control[2] * max(1.0, abs(control[0])) / length
        for r in range(len(room)):
            price[r] = max(0.0, price[r] + step * slope[r])


@kernel
def every_order(D: Data, S: State, r: int, slots: np.ndarray, place: np.ndarray, best: np.ndarray) -> None:
    """Least cost of each set of ``slots`` on shift ``r``, over all orders  # best[bits of the set], inf = impossible.

    A longer route may be possible where its beginning alone is not (a rest may fit better), so nothing is cut off.
    """
    count = len(slots)
    depth = 0
    place[0] = -1
    bits = 0
    S.routes[r, SIZE] = 0
    best[0] = 0.0
    while depth >= 0:
        if place[depth] >= 0:
            bits ^= 1 << place[depth]
        n = place[depth] + 1
        while n < count and (bits >> n) & 1:
            n += 1
        if n >= count:
            depth -= 1
            continue
        place[depth] = n
        bits |= 1 << n
        S.stops[r, depth, SLOT] = slots[n]
        S.routes[r, SIZE] = depth + 1
        if refresh(D, S, r):
            best[bits] = min(best[bits], float(S.routes[r, COST]))
        if depth + 1 < count:
            depth += 1
            place[depth] = -1
    S.routes[r, SIZE] = 0
