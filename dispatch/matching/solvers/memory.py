"""What one search remembers: the routes it touched in this step, the best plan, and where its dials stand."""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dispatch.matching.constraint import Flags, Whole
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.layout import AT, ROUTE, SIZE, SLOT, State

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
    rows: Whole  # [r, n] the stops of the state, those of a route end to end: one stretch is copied faster than rows
    old_rows: Whole  # [r, n] the same of `old_stops`
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
    for n in range(S.routes[r, SIZE] * S.stops.shape[2]):
        W.old_rows[r, n] = W.rows[r, n]
    return count + 1


@kernel
def renew(W: Work, r: int) -> None:
    """Note that route ``r`` is another one now."""
    W.counter[0] += 1
    W.version[r] = W.counter[0]


@kernel
def restore(S: State, W: Work, r: int) -> None:
    """Bring one touched route back to what it was."""
    W.version[r] = W.old_version[r]
    for column in range(S.routes.shape[1]):
        S.routes[r, column] = W.old_routes[r, column]
    for n in range(S.routes[r, SIZE] * S.stops.shape[2]):
        W.rows[r, n] = W.old_rows[r, n]
    for i in range(S.routes[r, SIZE]):
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
