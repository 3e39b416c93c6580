"""Ruin and recreate: take out strings of stops near each other, put them back in a random order, keep what pays.

Slack induction by string removals (Christiaens and Vanden Berghe 2020, doi 10.1287/trsc.2019.0914) with simulated
annealing. Changes here: unserved neighbours join the stops to be put back; a stop may go back at a loss of a few
temperatures above its penalty, or a route whose first visit does not pay alone would never be opened; and what a stop
costs in a route is remembered until that route changes, so that nearly every price is looked up instead of worked out.
"""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dispatch.matching.constraint import Flags, Whole
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.kernels import cheapest_place, may_serve, put, refresh
from dispatch.matching.solvers.laying import NOT_TOLD
from dispatch.matching.solvers.layout import (
    AT,
    CHANGED,
    COST,
    PENALTY,
    ROUTE,
    SIZE,
    SLOT,
    TOLD,
    Data,
    State,
)

UNSERVED_JOINING = 6
SPARE_MORE = 0.01

EVERYTHING = 1e9
"""Length of a string that is the whole route."""

WHOLE_ROUTES = 0.04
"""Share of the steps that may empty whole routes, which no string of mean length does."""

OPENINGS = 0.02
"""Share of the steps that begin an empty route with a slot left out, whatever that costs, and fill it."""

MOST_OPENING = 80
"""Slots left out that may fill a route begun so."""

LOSS_ALLOWED = 3.0
ORDERS = 8
SURVEY_EVERY = 100

# Work.totals
CURRENT, BEST, CHANGES, MOST_CHANGES = range(4)
# Work.dials
REMOVED, STRING, MARGIN, BLINK = range(4)
# Work.known
PRICE, POSITION, VERSION = range(3)


class Work(NamedTuple):
    """Scratch space and memory of one search."""

    random: Whole  # [1] state of the generator
    movable: Whole  # slots that may be moved
    can_move: Flags  # [s]
    mine: Flags  # [r] routes that this search may touch
    neighbours: Whole  # [kind, s, n] nearest slots that share a shift, in space and in space and time; -1 = no more
    able: Whole  # [s, m] kinds of shifts to try for a slot, cheapest alone first, -1 = no more
    twin_at: Whole  # [kind + 1] where the shifts of a kind begin in `twin`
    twin: Whole  # [r] shifts by kind: those of a kind differ in nothing, so one empty route stands for all
    order_keys: npt.NDArray[np.float64]  # [order, s] smaller goes first
    dials: npt.NDArray[np.float64]  # [4] stops removed, longest string, margin of prices worked out, share of blinks
    absent: Whole  # [s] slots to be put back
    was_served: Flags  # [s]
    listed: Flags  # [s]
    keys: npt.NDArray[np.float64]  # [s]
    routes: Whole  # [r] routes to try
    touched: Whole  # [r]
    is_touched: Flags  # [r]
    old_stops: Whole  # [r, i, column]
    old_routes: Whole  # [r, column]
    old_version: Whole  # [r]
    version: Whole  # [r] another number whenever the route is another one
    counter: Whole  # [1] the last number given
    known: Whole  # [s, r, column] cheapest place, as of a version of the route
    stamp: Whole  # [r]
    best_sequence: Whole  # [r, i]
    best_size: Whole  # [r]
    dirty: Flags  # [r] differs from the best plan
    totals: Whole  # [4]


@kernel
def draw(W: Work) -> float:
    """Uniform number in [0, 1): xorshift on 32 bits (Marsaglia 2003), the same compiled and in plain Python."""
    x = W.random[0]
    x ^= (x << 13) & 0xFFFFFFFF
    x ^= x >> 17
    x ^= (x << 5) & 0xFFFFFFFF
    W.random[0] = x
    return x / 4294967296.0


@kernel
def touch(S: State, W: Work, r: int, count: int) -> int:
    """Remember route ``r`` as it is, once; gives how many routes are remembered."""
    if W.is_touched[r]:
        return count
    W.is_touched[r] = True
    W.touched[count] = r
    W.old_version[r] = W.version[r]
    for column in range(S.routes.shape[1]):
        W.old_routes[r, column] = S.routes[r, column]
    for i in range(S.routes[r, SIZE]):
        for column in range(S.stops.shape[2]):
            W.old_stops[r, i, column] = S.stops[r, i, column]
    return count + 1


@kernel
def renew(W: Work, r: int) -> None:
    """Note that route ``r`` is another one now."""
    W.counter[0] += 1
    W.version[r] = W.counter[0]


@kernel
def is_known(W: Work, r: int, s: int, limit: int) -> bool:
    """Whether it is remembered what slot ``s`` costs in route ``r``, or that it costs at least ``limit``."""
    if W.known[s, r, VERSION] != W.version[r]:
        return False
    return W.known[s, r, POSITION] >= 0 or limit <= W.known[s, r, PRICE]


@kernel
def find_out(D: Data, S: State, W: Work, r: int, s: int, limit: int) -> None:
    """Work out what slot ``s`` costs in route ``r``, or that it costs at least ``limit``."""
    price, at = cheapest_place(D, S, r, s, limit)
    W.known[s, r, VERSION] = W.version[r]
    W.known[s, r, PRICE] = price if at >= 0 else limit
    W.known[s, r, POSITION] = at


@kernel
def remove_string(D: Data, S: State, W: Work, r: int, around: int, longest: float, absent: int) -> int:
    """Take a string of stops around slot ``around`` out of route ``r``, half the time sparing some in its middle."""
    size, begun = S.routes[r, SIZE], absent
    length = int(draw(W) * min(float(size), longest) + 1.0)
    length = min(length, size) if longest < EVERYTHING else size
    spared = 0
    if draw(W) < 0.5 and length > 1 and length < size:
        spared = 1
        while length + spared < size and draw(W) < SPARE_MORE:
            spared += 1
    at = S.slots[around, AT]
    span = length + spared
    low = max(0, at - span + 1)
    high = min(at, size - span)
    begin = low + int(draw(W) * (high - low + 1))
    keep_from = begin + 1 + int(draw(W) * (length - 1)) if spared > 0 else begin + span
    kept = 0
    for i in range(size):
        s = S.stops[r, i, SLOT]
        inside = begin <= i < begin + span and not keep_from <= i < keep_from + spared
        if inside and W.can_move[s]:
            S.slots[s, ROUTE] = -1
            W.absent[absent] = s
            W.was_served[s] = True
            W.listed[s] = True
            absent += 1
        else:
            S.stops[r, kept, SLOT] = s
            kept += 1
    S.routes[r, SIZE] = kept
    if not refresh(D, S, r):
        # Without a stop between them two others may be too far apart: then nothing is taken out.
        for j in range(begun, absent):
            W.listed[W.absent[j]] = False
        restore(S, W, r)
        return begun
    renew(W, r)
    return absent


@kernel
def mean_size(S: State, W: Work) -> float:
    """Mean number of stops of the routes in use."""
    used, stops = 0, 0
    for r in range(len(S.routes)):
        if W.mine[r] and S.routes[r, SIZE] > 0:
            used += 1
            stops += S.routes[r, SIZE]
    return stops / used if used > 0 else 1.0


@kernel
def ruin(D: Data, S: State, W: Work, mean: float, seed: int, absent: int, touched: int) -> tuple[int, int]:
    """Empty the neighbourhood of slot ``seed``, besides what is absent and touched already; gives how many are then."""
    longest = max(1.0, min(W.dials[STRING], mean))
    strings = int(draw(W) * (4.0 * W.dials[REMOVED] / (1.0 + longest) - 1.0) + 1.0)
    if draw(W) < WHOLE_ROUTES:
        longest, strings = EVERYTHING, 1 + int(draw(W) * 2.0)
    strings += touched
    kind = int(draw(W) * W.neighbours.shape[0])
    for j in range(W.neighbours.shape[2]):
        s = W.neighbours[kind, seed, j]
        if s < 0 or touched >= strings:
            break
        r = S.slots[s, ROUTE]
        if r < 0 or not W.mine[r] or W.is_touched[r] or not W.can_move[s]:
            continue
        touched = touch(S, W, r, touched)
        absent = remove_string(D, S, W, r, s, longest, absent)
    joined = 0
    for j in range(W.neighbours.shape[2]):
        s = W.neighbours[kind, seed, j]
        if s < 0 or joined >= UNSERVED_JOINING:
            break
        if S.slots[s, ROUTE] < 0 and W.can_move[s] and not W.listed[s]:
            W.absent[absent] = s
            W.was_served[s] = False
            W.listed[s] = True
            absent += 1
            joined += 1
    return absent, touched


@kernel
def begin_route(D: Data, S: State, W: Work, seed: int) -> tuple[int, int]:
    """Put slot ``seed`` into the cheapest empty route, whatever that costs, and list others near it.

    A route whose first stop is far pays only once it is full, which no single insertion sees. Gives the number of
    absent slots, that one the first of them, and of routes touched; both 0 if there is nothing to begin.
    """
    for i in range(W.able.shape[1]):
        kind = W.able[seed, i]
        if kind < 0:
            break
        for j in range(W.twin_at[kind], W.twin_at[kind + 1]):
            r = W.twin[j]
            if S.routes[r, SIZE] > 0 or not W.mine[r] or not may_serve(D, S, r, seed):
                continue
            touched = touch(S, W, r, 0)
            if not put(D, S, r, 0, seed):
                W.is_touched[r] = False
                break
            renew(W, r)
            return left_out_around(S, W, seed), touched
    return 0, 0


@kernel
def left_out_around(S: State, W: Work, seed: int) -> int:
    """List ``seed`` and the slots left out near it, and near those, in that order; gives how many."""
    W.absent[0], W.was_served[seed], W.listed[seed] = seed, False, True
    count, looked = 1, 0
    while looked < count:
        around = W.absent[looked]
        looked += 1
        for j in range(W.neighbours.shape[2]):
            s = W.neighbours[0, around, j]
            if s < 0 or count >= MOST_OPENING:
                break
            if S.slots[s, ROUTE] < 0 and W.can_move[s] and not W.listed[s]:
                W.absent[count], W.was_served[s], W.listed[s] = s, False, True
                count += 1
    return count


@kernel
def shuffle(W: Work, count: int) -> None:
    """Bring the absent slots into one of the orders, drawn at random; ties and the first order are random too."""
    order = int(draw(W) * ORDERS)
    for j in range(count):
        s = W.absent[j]
        W.keys[j] = draw(W) if order == 0 else W.order_keys[order, s] + 1e-6 * draw(W)
    for j in range(1, count):
        key, s, i = W.keys[j], W.absent[j], j
        while i > 0 and W.keys[i - 1] > key:
            W.keys[i] = W.keys[i - 1]
            W.absent[i] = W.absent[i - 1]
            i -= 1
        W.keys[i] = key
        W.absent[i] = s


@kernel
def candidates(D: Data, S: State, W: Work, s: int, ruined: int, everywhere: bool, mark: int) -> int:
    """List the routes to try for slot ``s`` in ``W.routes``; gives how many there are.

    ``everywhere`` these are all; else those of near slots, those just ruined, and near shifts that are one of a kind or
    still empty.
    """
    count = 0
    for i in range(W.able.shape[1]):
        kind = W.able[s, i]
        if kind < 0:
            break
        first, last = W.twin_at[kind], W.twin_at[kind + 1]
        spare = True
        for j in range(first, last):
            r = W.twin[j]
            if not W.mine[r]:
                continue
            if S.routes[r, SIZE] == 0:
                if not spare:
                    continue
                spare = False
            elif not everywhere and last - first > 1:
                continue
            count = listed(D, W, s, r, count, mark)
    if everywhere:
        return count
    for i in range(W.neighbours.shape[2]):
        other = W.neighbours[0, s, i]
        if other < 0:
            break
        if S.slots[other, ROUTE] >= 0:
            count = listed(D, W, s, S.slots[other, ROUTE], count, mark)
    for i in range(ruined):
        count = listed(D, W, s, W.touched[i], count, mark)
    return count


@kernel
def listed(D: Data, W: Work, s: int, r: int, count: int, mark: int) -> int:
    """Add route ``r`` to those to try, once; gives how many there are."""
    if W.stamp[r] == mark or not W.mine[r] or not D.allowed[s, r]:
        return count
    W.stamp[r] = mark
    W.routes[count] = r
    return count + 1


@kernel
def better(D: Data, S: State, W: Work, r: int, s: int, limit: int) -> bool:
    """Whether slot ``s`` is known to cost less than ``limit`` in route ``r`` and may go there, a blink aside."""
    if W.known[s, r, POSITION] < 0 or W.known[s, r, PRICE] >= limit:
        return False
    return draw(W) >= W.dials[BLINK] and may_serve(D, S, r, s)


@kernel
def recreate(D: Data, S: State, W: Work, count: int, touched: int, loss: int, everywhere: bool, mark: int) -> int:
    """Put the absent slots without a route back, each at its best place among the candidate routes.

    Gives the routes touched.

    What is remembered is looked at first, so that the rest need only be worked out as far as it could matter.
    """
    ruined = touched
    for j in range(count):
        s = W.absent[j]
        mark += 1
        if S.slots[s, ROUTE] >= 0:
            continue
        widest = D.slot[s, PENALTY] + loss
        routes = candidates(D, S, W, s, ruined, everywhere, mark)
        best, limit, unknown = -1, widest, 0
        for i in range(routes):
            r = W.routes[i]
            if not is_known(W, r, s, limit):
                W.routes[unknown] = r
                unknown += 1
            elif better(D, S, W, r, s, limit):
                best, limit = r, W.known[s, r, PRICE]
        for i in range(unknown):
            r = W.routes[i]
            find_out(D, S, W, r, s, min(widest, limit + int(W.dials[MARGIN])))
            if better(D, S, W, r, s, limit):
                best, limit = r, W.known[s, r, PRICE]
        if best >= 0:
            touched = touch(S, W, best, touched)
            put(D, S, best, W.known[s, best, POSITION], s)
            renew(W, best)
    return touched


@kernel
def restore(S: State, W: Work, r: int) -> None:
    """Bring one touched route back to what it was."""
    W.version[r] = W.old_version[r]
    for column in range(S.routes.shape[1]):
        S.routes[r, column] = W.old_routes[r, column]
    for i in range(S.routes[r, SIZE]):
        for column in range(S.stops.shape[2]):
            S.stops[r, i, column] = W.old_stops[r, i, column]
        S.slots[S.stops[r, i, SLOT], ROUTE] = r
        S.slots[S.stops[r, i, SLOT], AT] = i


@kernel
def undo(S: State, W: Work, count: int, touched: int) -> None:
    """Bring the touched routes back to what they were."""
    for j in range(count):
        S.slots[W.absent[j], ROUTE] = -1
    for j in range(touched):
        restore(S, W, W.touched[j])


@kernel
def remember(S: State, W: Work) -> None:
    """Make the current plan the best one; only routes that differ are copied."""
    for r in range(len(S.routes)):
        if W.dirty[r] and W.mine[r]:
            W.dirty[r] = False
            W.best_size[r] = S.routes[r, SIZE]
            for i in range(S.routes[r, SIZE]):
                W.best_sequence[r, i] = S.stops[r, i, SLOT]
    W.totals[BEST] = W.totals[CURRENT]


@kernel
def search(D: Data, S: State, W: Work, steps: int, hot: float, cold: float, everywhere: bool) -> None:
    """Do ``steps`` ruin and recreate steps while cooling from ``hot`` to ``cold`` (search cost, hundredths)."""
    if len(W.movable) == 0:
        return
    ratio = math.log(cold / hot)
    for r in range(len(W.stamp)):
        W.stamp[r] = -1
    mark, mean = 0, 1.0
    for step in range(steps):
        if step % SURVEY_EVERY == 0:
            mean = mean_size(S, W)
        temperature = hot * math.exp(ratio * step / steps)
        seed = W.movable[int(draw(W) * len(W.movable))]
        absent, touched = 0, 0
        if S.slots[seed, ROUTE] < 0 and draw(W) < OPENINGS:
            absent, touched = begin_route(D, S, W, seed)
        if absent == 0 or draw(W) < 0.5:
            absent, touched = ruin(D, S, W, mean, seed, absent, touched)
            shuffle(W, absent)
        loss = int(LOSS_ALLOWED * temperature)
        touched = recreate(D, S, W, absent, touched, loss, everywhere, mark)
        mark += absent
        change, changes = 0, 0
        for j in range(touched):
            r = W.touched[j]
            change += S.routes[r, COST] - W.old_routes[r, COST]
            changes += S.routes[r, CHANGED] - W.old_routes[r, CHANGED]
        for j in range(absent):
            s = W.absent[j]
            served = S.slots[s, ROUTE] >= 0
            if served != W.was_served[s]:
                change += -D.slot[s, PENALTY] if served else D.slot[s, PENALTY]
                if D.slot[s, TOLD] != NOT_TOLD:
                    changes += -1 if served else 1
        bearable = changes <= 0 or W.totals[CHANGES] + changes <= W.totals[MOST_CHANGES]
        if bearable and change < -temperature * math.log(max(1e-12, draw(W))):
            W.totals[CURRENT] += change
            W.totals[CHANGES] += changes
            for j in range(touched):
                W.dirty[W.touched[j]] = True
            if W.totals[CURRENT] < W.totals[BEST]:
                remember(S, W)
        else:
            undo(S, W, absent, touched)
        for j in range(touched):
            W.is_touched[W.touched[j]] = False
        for j in range(absent):
            W.listed[W.absent[j]] = False
