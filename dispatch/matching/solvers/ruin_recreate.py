"""Ruin and recreate: take out strings of stops near each other, put them back in a random order, keep what pays.

Slack induction by string removals (Christiaens and Vanden Berghe 2020, doi 10.1287/trsc.2019.0914) with simulated
annealing. Changes here: unserved neighbours join the stops to be put back, and a stop may go back at a loss of a few
temperatures above its penalty, or a route whose first visit does not pay alone would never be opened.
"""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dispatch.matching.constraint import Flags, Whole
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.kernels import best_place, put, refresh
from dispatch.matching.solvers.layout import (
    COST,
    PENALTY,
    ROUTE,
    SIZE,
    SLOT,
    Data,
    State,
)

MEAN_REMOVED = 10.0
LONGEST_STRING = 10.0
UNSERVED_JOINING = 6
BLINK = 0.01
LOSS_ALLOWED = 3.0
ORDERS = 8


class Work(NamedTuple):
    """Scratch space and memory of one search; ``totals`` holds the current and the best cost."""

    random: Whole  # [1] state of the generator
    movable: Whole  # slots that may be moved
    can_move: Flags  # [s]
    neighbours: Whole  # [s, n] nearest slots that share a shift, -1 = no more
    near: Whole  # [s, m] shifts that serve the slot cheapest alone, -1 = no more
    order_keys: npt.NDArray[np.float64]  # [order, s] smaller goes first
    absent: Whole  # [s] slots to be put back
    was_served: Flags  # [s]
    listed: Flags  # [s]
    keys: npt.NDArray[np.float64]  # [s]
    touched: Whole  # [r]
    is_touched: Flags  # [r]
    old_sequence: Whole  # [r, i]
    old_size: Whole  # [r]
    old_cost: Whole  # [r]
    stamp: Whole  # [r]
    best_sequence: Whole  # [r, i]
    best_size: Whole  # [r]
    dirty: Flags  # [r] differs from the best plan
    totals: Whole  # [2]


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
    W.old_size[r] = S.routes[r, SIZE]
    W.old_cost[r] = S.routes[r, COST]
    for i in range(S.routes[r, SIZE]):
        W.old_sequence[r, i] = S.stops[r, i, SLOT]
    return count + 1


@kernel
def remove_string(D: Data, S: State, W: Work, r: int, around: int, longest: float, absent: int) -> int:
    """Take a string of stops around slot ``around`` out of route ``r``, half the time sparing some in its middle."""
    size = S.routes[r, SIZE]
    length = int(draw(W) * min(float(size), longest) + 1.0)
    length = min(length, size)
    spared = 0
    if draw(W) < 0.5 and length > 1 and length < size:
        spared = 1
        while length + spared < size and draw(W) < BLINK:
            spared += 1
    at = 0
    while S.stops[r, at, SLOT] != around:
        at += 1
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
    refresh(D, S, r)
    return absent


@kernel
def ruin(D: Data, S: State, W: Work) -> tuple[int, int]:
    """Empty some neighbourhood; gives the number of absent slots and of routes touched."""
    absent, touched = 0, 0
    used, stops = 0, 0
    for r in range(len(S.routes)):
        if S.routes[r, SIZE] > 0:
            used += 1
            stops += S.routes[r, SIZE]
    longest = max(1.0, min(LONGEST_STRING, stops / used)) if used > 0 else 1.0
    strings = int(draw(W) * (4.0 * MEAN_REMOVED / (1.0 + longest) - 1.0) + 1.0)
    seed = W.movable[int(draw(W) * len(W.movable))]
    for j in range(W.neighbours.shape[1]):
        s = W.neighbours[seed, j]
        if s < 0 or touched >= strings:
            break
        r = S.slots[s, ROUTE]
        if r < 0 or W.is_touched[r] or not W.can_move[s]:
            continue
        touched = touch(S, W, r, touched)
        absent = remove_string(D, S, W, r, s, longest, absent)
    joined = 0
    for j in range(W.neighbours.shape[1]):
        s = W.neighbours[seed, j]
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
def recreate(D: Data, S: State, W: Work, count: int, touched: int, loss: int, everywhere: bool, mark: int) -> int:
    """Put the absent slots back, each at its best place among the candidate routes; gives the routes touched."""
    ruined = touched
    for j in range(count):
        s = W.absent[j]
        limit = D.slot[s, PENALTY] + loss
        best, place = -1, -1
        mark += 1
        if everywhere:
            for r in range(len(S.routes)):
                if D.allowed[s, r] and draw(W) >= BLINK:
                    price, at = best_place(D, S, r, s, limit)
                    if price < limit:
                        best, place, limit = r, at, price
        else:
            for group in range(3):
                members = ruined
                if group == 0:
                    members = W.neighbours.shape[1]
                elif group == 1:
                    members = W.near.shape[1]
                for i in range(members):
                    if group == 0:
                        other = W.neighbours[s, i]
                        if other < 0:
                            break
                        r = S.slots[other, ROUTE]
                    elif group == 1:
                        r = W.near[s, i]
                    else:
                        r = W.touched[i]
                    if r < 0 or W.stamp[r] == mark or not D.allowed[s, r]:
                        continue
                    W.stamp[r] = mark
                    if draw(W) < BLINK:
                        continue
                    price, at = best_place(D, S, r, s, limit)
                    if price < limit:
                        best, place, limit = r, at, price
        if best >= 0:
            touched = touch(S, W, best, touched)
            put(D, S, best, place, s)
    return touched


@kernel
def undo(D: Data, S: State, W: Work, count: int, touched: int) -> None:
    """Bring the touched routes back to what they were."""
    for j in range(count):
        S.slots[W.absent[j], ROUTE] = -1
    for j in range(touched):
        r = W.touched[j]
        S.routes[r, SIZE] = W.old_size[r]
        for i in range(S.routes[r, SIZE]):
            S.stops[r, i, SLOT] = W.old_sequence[r, i]
            S.slots[S.stops[r, i, SLOT], ROUTE] = r
        refresh(D, S, r)


@kernel
def remember(S: State, W: Work) -> None:
    """Make the current plan the best one; only routes that differ are copied."""
    for r in range(len(S.routes)):
        if W.dirty[r]:
            W.dirty[r] = False
            W.best_size[r] = S.routes[r, SIZE]
            for i in range(S.routes[r, SIZE]):
                W.best_sequence[r, i] = S.stops[r, i, SLOT]
    W.totals[1] = W.totals[0]


@kernel
def search(D: Data, S: State, W: Work, steps: int, hot: float, cold: float, everywhere: bool) -> None:
    """Do ``steps`` ruin and recreate steps while cooling from ``hot`` to ``cold`` (search cost, hundredths)."""
    if len(W.movable) == 0:
        return
    ratio = math.log(cold / hot)
    for r in range(len(W.stamp)):
        W.stamp[r] = -1
    mark = 0
    for step in range(steps):
        temperature = hot * math.exp(ratio * step / steps)
        absent, touched = ruin(D, S, W)
        shuffle(W, absent)
        loss = int(LOSS_ALLOWED * temperature)
        touched = recreate(D, S, W, absent, touched, loss, everywhere, mark)
        mark += absent
        change = 0
        for j in range(touched):
            change += S.routes[W.touched[j], COST] - W.old_cost[W.touched[j]]
        for j in range(absent):
            s = W.absent[j]
            served = S.slots[s, ROUTE] >= 0
            if W.was_served[s] and not served:
                change += D.slot[s, PENALTY]
            elif served and not W.was_served[s]:
                change -= D.slot[s, PENALTY]
        if change < -temperature * math.log(max(1e-12, draw(W))):
            W.totals[0] += change
            for j in range(touched):
                W.dirty[W.touched[j]] = True
            if W.totals[0] < W.totals[1]:
                remember(S, W)
        else:
            undo(D, S, W, absent, touched)
        for j in range(touched):
            W.is_touched[W.touched[j]] = False
        for j in range(absent):
            W.listed[W.absent[j]] = False
