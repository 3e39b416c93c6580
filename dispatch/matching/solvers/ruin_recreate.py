"""Ruin and recreate: take out strings of stops near each other, put them back in a random order, keep what pays.

Slack induction by string removals (Christiaens and Vanden Berghe 2020, doi 10.1287/trsc.2019.0914) with simulated
annealing. Changes here: unserved neighbours join the stops to be put back; a stop may go back at a loss of a few
temperatures above its penalty, or begin a route at any loss, or a route whose first visit does not pay alone would
never be opened; long routes also swap their rests (`tails`); and what a stop costs in a route is remembered until that
route changes, so that nearly every price is looked up instead of worked out.
"""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

import math

from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.kernels import cheapest_place, may_serve, put, refresh
from dispatch.matching.solvers.laying import NOT_TOLD
from dispatch.matching.solvers.layout import AT, CHANGED, COST, PENALTY, ROUTE, SIZE, SLOT, TOLD, Data, State
from dispatch.matching.solvers.memory import (
    BEST,
    BLINK,
    CHANGES,
    CURRENT,
    MARGIN,
    MOST_CHANGES,
    POSITION,
    PRICE,
    REMOVED,
    STRING,
    VERSION,
    Work,
    draw,
    remember,
    renew,
    restore,
    touch,
    undo,
)
from dispatch.matching.solvers.relaying import is_plain, lay_stretch, move_up, without
from dispatch.matching.solvers.tails import swap_tails

UNSERVED_JOINING = 6
SPARE_MORE = 0.01

EVERYTHING = 1e9
"""Length of a string that is the whole route."""

WHOLE_ROUTES = 0.04
"""Share of the steps that may empty whole routes, which no string of mean length does; less the longer routes are."""

OPENINGS = 0.02
"""Of the steps around a slot left out, the share that begins an empty route, whatever that costs, and fills it."""

MOST_OPENING = 80
"""Slots left out that may fill a route begun so."""

LOSS_ALLOWED = 3.0
ORDERS = 8
SURVEY_EVERY = 100


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
    end, kept, plain = begin + span, begin, is_plain(D, S, r)
    driven, worked, paired = without(D, S, r, begin, end)
    for i in range(begin, end):
        s = S.stops[r, i, SLOT]
        if W.can_move[s] and not keep_from <= i < keep_from + spared:
            S.slots[s, ROUTE] = -1
            W.absent[absent] = s
            W.was_served[s] = True
            W.listed[s] = True
            absent += 1
        else:
            S.stops[r, kept, SLOT] = s
            kept += 1
    move_up(S, r, end, kept)
    if plain and S.routes[r, SIZE] > 0:
        laid = lay_stretch(D, S, r, begin, kept, driven, worked, paired)
    else:
        laid = refresh(D, S, r)
    if not laid:
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
def ruin(D: Data, S: State, W: Work, mean: float, seed: int, absent: int) -> tuple[int, int, int]:
    """Empty the neighbourhood of slot ``seed``.

    Gives how many slots are absent then, those before included, how many routes were touched, and how many of these
    were emptied as a whole.
    """
    longest = max(1.0, min(W.dials[STRING], mean))
    strings = int(draw(W) * (4.0 * W.dials[REMOVED] / (1.0 + longest) - 1.0) + 1.0)
    if draw(W) < WHOLE_ROUTES * longest / max(1.0, mean):
        longest, strings = EVERYTHING, 1 + int(draw(W) * 2.0)
    touched = 0
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
    return absent, touched, touched if longest == EVERYTHING else 0


@kernel
def cheapest_empty(D: Data, S: State, W: Work, s: int) -> int:
    """Find the empty route that serves slot ``s`` alone most cheaply, whatever that costs; -1 if there is none."""
    for i in range(W.able.shape[1]):
        kind = W.able[s, i]
        if kind < 0:
            break
        for j in range(W.twin_at[kind], W.twin_at[kind + 1]):
            r = W.twin[j]
            if S.routes[r, SIZE] == 0 and W.mine[r] and may_serve(D, S, r, s):
                return r
    return -1


@kernel
def left_out_around(S: State, W: Work, seed: int) -> int:
    """List slot ``seed``, which is left out, others left out near it, and near those, in that order; gives how many."""
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
def recreate(
    D: Data, S: State, W: Work, count: int, touched: int, loss: int, everywhere: bool, mark: int, openings: int
) -> int:
    """Put the absent slots back, each at its best place among the candidate routes; gives the routes touched.

    ``openings`` of those that find none begin an empty route, whatever that costs: a route whose first stop is far pays
    only once it is full, which no single insertion sees.

    What is remembered is looked at first, so that the rest need only be worked out as far as it could matter.
    """
    ruined = touched
    for j in range(count):
        s = W.absent[j]
        mark += 1
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
        elif openings > 0:
            empty = cheapest_empty(D, S, W, s)
            if empty >= 0:
                touched = touch(S, W, empty, touched)
                if put(D, S, empty, 0, s):
                    renew(W, empty)
                    openings -= 1
    return touched


@kernel
def ruin_and_recreate(
    D: Data, S: State, W: Work, mean: float, seed: int, loss: int, everywhere: bool, mark: int
) -> tuple[int, int]:
    """Take stops around slot ``seed`` out and put them back; gives how many slots and routes that were.

    Half of the times that a route is to be begun nothing is taken out of others.
    """
    absent, touched, openings = 0, 0, 0
    begin = S.slots[seed, ROUTE] < 0 and draw(W) < OPENINGS
    if begin:
        absent = left_out_around(S, W, seed)
    if not begin or draw(W) < 0.5:
        absent, touched, openings = ruin(D, S, W, mean, seed, absent)
        shuffle(W, absent)
    if begin:
        openings += 1
    return absent, recreate(D, S, W, absent, touched, loss, everywhere, mark, openings)


@kernel
def search(D: Data, S: State, W: Work, steps: int, hot: float, cold: float, everywhere: bool) -> None:
    """Do ``steps`` steps while cooling from ``hot`` to ``cold`` (search cost, hundredths).

    A step swaps the rests of two routes if that is bearable at the temperature, else it ruins and recreates.
    """
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
        dearest = -temperature * math.log(max(1e-12, draw(W)))
        seed = W.movable[int(draw(W) * len(W.movable))]
        absent, touched = 0, 0
        if S.slots[seed, ROUTE] >= 0:
            touched = swap_tails(D, S, W, seed, dearest)
        if touched == 0:
            loss = int(LOSS_ALLOWED * temperature)
            absent, touched = ruin_and_recreate(D, S, W, mean, seed, loss, everywhere, mark)
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
        if bearable and change < dearest:
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
