"""Two routes swap their rests: this takes half a long day elsewhere, which no string of stops does."""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

from dispatch.matching.solvers.clock import drive
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.kernels import refresh
from dispatch.matching.solvers.layout import (
    AT,
    COST,
    COST_PERCENT,
    DEPOT_AT,
    GOAL,
    GROUP_FROM,
    GROUP_TO,
    HOME,
    HOMEWARD,
    LATEST,
    LEAVE,
    LINK_FROM,
    LINK_TO,
    LOCKED,
    MAX_VISITS,
    PARTS,
    PLACE,
    ROUTE,
    SAVING,
    SHIFT_START,
    SIZE,
    SLOT,
    STOCK,
    THERE,
    USED,
    WAY,
    Data,
    State,
)
from dispatch.matching.solvers.memory import Work, draw, renew, restore, touch


@kernel
def may_move(D: Data, S: State, W: Work, first: int, end: int, one: int, other: int) -> bool:
    """Whether the stops from ``first`` on of route ``one`` may all go to route ``other``."""
    for i in range(first, end):
        s = S.stops[one, i, SLOT]
        if not W.can_move[s] or not D.allowed[s, other] or D.slot[s, LINK_FROM] < D.slot[s, LINK_TO]:
            return False
    return True


@kernel
def tails_fit(D: Data, S: State, W: Work, r: int, i: int, q: int, j: int) -> bool:
    """Whether routes ``r`` and ``q`` may swap their stops from ``i`` and ``j`` on, the clock left aside."""
    size, length = S.routes[r, SIZE], S.routes[q, SIZE]
    most = S.stops.shape[1]
    if i + length - j > min(most, D.shift[r, MAX_VISITS]) or j + size - i > min(most, D.shift[q, MAX_VISITS]):
        return False
    for n in range(USED, USED + D.policy[PARTS]):
        mine = S.stops[r, i - 1, n]
        theirs = S.stops[q, j - 1, n] if j > 0 else 0
        if mine + S.stops[q, length - 1, n] - theirs > D.shift[r, n - USED + STOCK]:
            return False
        if theirs + S.stops[r, size - 1, n] - mine > D.shift[q, n - USED + STOCK]:
            return False
    return may_move(D, S, W, i, size, r, q) and may_move(D, S, W, j, length, q, r)


@kernel
def swap_tails(D: Data, S: State, W: Work, seed: int, bearable: float) -> int:
    """Let the route of ``seed`` go on with the rest of another one from a near stop on, and that one with its rest.

    2-opt* (Potvin and Rousseau 1995, doi 10.1057/jors.1995.204), between routes that end at one place: of the near
    stops the one that saves most driving. Gives the routes touched, 0 if the cost would grow by ``bearable``.
    """
    r, i = S.slots[seed, ROUTE], S.slots[seed, AT] + 1
    if not W.mine[r] or D.shift[r, GROUP_FROM] < D.shift[r, GROUP_TO] or i < S.routes[r, LOCKED]:
        return 0
    size, price = S.routes[r, SIZE], D.shift[r, COST_PERCENT]
    here, leave = D.slot[seed, PLACE], S.stops[r, i - 1, LEAVE]
    spared = S.routes[r, HOMEWARD] if i == size else S.stops[r, i, WAY]
    best, q, j = bearable + S.routes[r, SAVING], -1, -1
    kind = int(draw(W) * W.neighbours.shape[0])
    for k in range(W.neighbours.shape[2]):
        b = W.neighbours[kind, seed, k]
        if b < 0:
            break
        other, at = S.slots[b, ROUTE], S.slots[b, AT]
        if other < 0 or other == r or not W.mine[other] or at < S.routes[other, LOCKED]:
            continue
        if D.shift[other, GOAL] != D.shift[r, GOAL] or D.shift[other, GROUP_FROM] < D.shift[other, GROUP_TO]:
            continue
        way = drive(D, here, D.slot[b, PLACE])
        # Where the rest passes the depot its bound holds time for it, which the new day may not need.
        if leave + way > S.stops[other, at, LATEST] and S.routes[other, DEPOT_AT] <= at:
            continue
        before, free = D.shift[other, HOME], D.shift[other, SHIFT_START]
        if at > 0:
            before, free = S.stops[other, at - 1, THERE], S.stops[other, at - 1, LEAVE]
        onward = 0
        if i < size:
            onward = drive(D, before, S.stops[r, i, THERE])
            if free + onward > S.stops[r, i, LATEST] and S.routes[r, DEPOT_AT] <= i:
                continue
        elif at > 0 and D.shift[other, GOAL] >= 0:
            onward = drive(D, before, D.shift[other, GOAL])
        change = (way - spared) * price + (onward - S.stops[other, at, WAY]) * D.shift[other, COST_PERCENT]
        if change - S.routes[other, SAVING] < best and tails_fit(D, S, W, r, i, other, at):
            best, q, j = change - S.routes[other, SAVING], other, at
    if q < 0:
        return 0
    touched = touch(S, W, q, touch(S, W, r, 0))
    length = S.routes[q, SIZE]
    for n in range(j, length):
        S.stops[r, i + n - j, SLOT] = W.old_stops[q, n, SLOT]
        S.slots[W.old_stops[q, n, SLOT], ROUTE] = r
    for n in range(i, size):
        S.stops[q, j + n - i, SLOT] = W.old_stops[r, n, SLOT]
        S.slots[W.old_stops[r, n, SLOT], ROUTE] = q
    S.routes[r, SIZE], S.routes[q, SIZE] = i + length - j, j + size - i
    if refresh(D, S, r) and refresh(D, S, q):
        change = S.routes[r, COST] - W.old_routes[r, COST] + S.routes[q, COST] - W.old_routes[q, COST]
        if change < bearable:
            renew(W, r)
            renew(W, q)
            return touched
    restore(S, W, r)
    restore(S, W, q)
    W.is_touched[r], W.is_touched[q] = False, False
    return 0
