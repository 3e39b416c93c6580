"""The first plan: insert by regret, so that what will soon have no place left goes first.

Regret insertion after Potvin and Rousseau (1993, doi 10.1016/0377-2217(93)90221-8); leaving a visit out counts as its
second best place, which is how priorities enter.
"""

from typing import NamedTuple

import numpy as np

from dispatch.matching.constraint import FAR, Flags, Whole
from dispatch.matching.solvers.clock import NEVER, NOT_LEFT, drive, reach, work_after
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.kernels import best_place, put
from dispatch.matching.solvers.laying import IMPOSSIBLE
from dispatch.matching.solvers.layout import (
    BREAK_FROM,
    HOME,
    LEAVE,
    ORIGIN,
    PAUSE,
    PENALTY,
    PLACE,
    ROUTE,
    SHIFT_START,
    SIZE,
    SLOT,
    Data,
    State,
)


class Ranking(NamedTuple):
    """Scratch space of `insert_by_regret`; one line for each slot to insert."""

    price: Whole  # [line, shift] cheapest insertion
    best: Whole  # [line] cheapest shift, -1 = none
    regret: Whole  # [line] what is lost if it goes elsewhere
    waiting: Flags  # [line]


def ranking(count: int, shifts: int) -> Ranking:
    """Give scratch space for ``count`` slots."""
    return Ranking(
        price=np.full((count, shifts), IMPOSSIBLE, dtype=np.int64),
        best=np.full(count, -1, dtype=np.int64),
        regret=np.zeros(count, dtype=np.int64),
        waiting=np.zeros(count, dtype=np.bool_),
    )


@kernel
def rank(K: Ranking, line: int, penalty: int) -> None:
    """Find the cheapest shift of one line, and how much is lost if it goes to another one or is left out."""
    first, second = IMPOSSIBLE, IMPOSSIBLE
    K.best[line] = -1
    for r in range(K.price.shape[1]):
        if K.price[line, r] < first:
            first, second = K.price[line, r], first
            K.best[line] = r
        elif K.price[line, r] < second:
            second = K.price[line, r]
    K.regret[line] = max(0, min(second, max(penalty, first)) - first)


@kernel
def insert_by_regret(D: Data, S: State, K: Ranking, todo: Whole, forced: Flags) -> None:
    """Insert the slots ``todo`` where that costs less than leaving them out, or wherever possible if ``forced``.

    Every insertion changes one route, so only the prices for that route are worked out again.
    """
    for j in range(len(todo)):
        s = todo[j]
        if S.slots[s, ROUTE] >= 0:
            continue
        K.waiting[j] = True
        for r in range(len(S.routes)):
            K.price[j, r] = best_place(D, S, r, s, IMPOSSIBLE if forced[s] else D.slot[s, PENALTY])[0]
        rank(K, j, D.slot[s, PENALTY])
    while True:
        chosen, most = -1, -1
        for j in range(len(todo)):
            if K.waiting[j] and K.best[j] >= 0 and K.regret[j] > most:
                chosen, most = j, K.regret[j]
        if chosen < 0:
            return
        K.waiting[chosen] = False
        changed = K.best[chosen]
        at = best_place(D, S, changed, todo[chosen], IMPOSSIBLE)[1]
        if at < 0 or not put(D, S, changed, at, todo[chosen]):
            continue
        for j in range(len(todo)):
            s = todo[j]
            if K.waiting[j] and D.allowed[s, changed]:
                anew = best_place(D, S, changed, s, IMPOSSIBLE if forced[s] else D.slot[s, PENALTY])[0]
                if anew != K.price[j, changed]:
                    K.price[j, changed] = anew
                    rank(K, j, D.slot[s, PENALTY])


@kernel
def insert_in_order(D: Data, S: State, todo: Whole, forced: Flags) -> int:
    """Insert the slots one after the other, each at its best place; gives how many found one."""
    inserted = 0
    for j in range(len(todo)):
        s = todo[j]
        if S.slots[s, ROUTE] >= 0:
            continue
        limit = IMPOSSIBLE if forced[s] else D.slot[s, PENALTY]
        best, place = -1, -1
        for r in range(len(S.routes)):
            price, at = best_place(D, S, r, s, limit)
            if price < limit:
                best, place, limit = r, at, price
        if best >= 0 and put(D, S, best, place, s):
            inserted += 1
    return inserted


@kernel
def price_alone(D: Data, S: State, prices: Whole) -> None:
    """Price each slot as the only stop of each shift into ``prices``  # [slot, shift]; ``S`` must be empty."""
    for s in range(len(S.slots)):
        for r in range(len(S.routes)):
            prices[s, r] = best_place(D, S, r, s, IMPOSSIBLE)[0]


@kernel
def price_everywhere(D: Data, S: State, s: int, prices: Whole, places: Whole) -> None:
    """Price slot ``s`` at its best place of every route  # prices [shift], places [shift]."""
    for r in range(len(S.routes)):
        prices[r], places[r] = best_place(D, S, r, s, IMPOSSIBLE)


@kernel
def earliest_starts(D: Data, S: State, s: int, starts: Whole) -> int:
    """Write the first possible start of slot ``s`` at each place of each route; gives how many there are."""
    count = 0
    for r in range(len(S.routes)):
        if not D.allowed[s, r]:
            continue
        t, pause, place = D.shift[r, SHIFT_START], D.shift[r, BREAK_FROM], D.shift[r, HOME]
        left, before = NOT_LEFT, -1
        for i in range(S.routes[r, SIZE] + 1):
            if i > 0:
                t, pause = S.stops[r, i - 1, LEAVE], S.stops[r, i - 1, PAUSE]
                left, before = S.routes[r, ORIGIN], S.stops[r, i - 1, SLOT]
                place = D.slot[before, PLACE]
            way = drive(D, place, D.slot[s, PLACE])
            start = NEVER
            if way < FAR:
                start = reach(D, S, r, t, way, s, work_after(D, r, s, before), pause, left)[0]
            if start != NEVER:
                starts[count] = start
                count += 1
    return count
