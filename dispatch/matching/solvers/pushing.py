"""Kernels of `replanning`: who could make room for one more stop, by leaving or by a start within the tolerance."""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

from dispatch.matching.constraint import Flags, Whole
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.kernels import best_place, put, refresh, take
from dispatch.matching.solvers.laying import IMPOSSIBLE
from dispatch.matching.solvers.layout import FIXED, LOW, SIZE, SLOT, Data, State


@kernel
def _start_from(D: Data, S: State, r: int, loose: Flags, low: Whole) -> bool:
    """Let the held stops of route ``r`` start from ``low``; whether a timetable allows that."""
    for i in range(S.routes[r, SIZE]):
        q = S.stops[r, i, SLOT]
        if not loose[q] and not S.slots[q, FIXED]:
            S.slots[q, LOW] = low[q]
    return refresh(D, S, r)


@kernel
def price_pushes(D: Data, S: State, s: int, shifts: Whole, stays: Flags, found: Whole) -> int:
    """Write shift, position, slot and price of every single stop without which slot ``s`` would fit; gives how many.

    ``stays`` are the slots that may not leave  # [slot]; ``found`` is filled up to its last line  # [line, 4].
    """
    count = 0
    for r in shifts:
        for at in range(S.routes[r, SIZE]):
            q = S.stops[r, at, SLOT]
            if stays[q] or S.slots[q, FIXED] or count == len(found):
                continue
            take(S, r, at)
            if refresh(D, S, r):
                price = best_place(D, S, r, s, IMPOSSIBLE)[0]
                if price < IMPOSSIBLE:
                    found[count, 0], found[count, 1], found[count, 2], found[count, 3] = r, at, q, price
                    count += 1
            put(D, S, r, at, q)
    return count


@kernel
def price_loosened(
    D: Data, S: State, s: int, shifts: Whole, loose: Flags, early: Whole, timely: Whole, prices: Whole
) -> None:
    """Price slot ``s`` in routes whose held stops may start ``early`` instead of ``timely``  # prices [line]."""
    for line in range(len(shifts)):
        r = shifts[line]
        possible = _start_from(D, S, r, loose, early)
        prices[line] = best_place(D, S, r, s, IMPOSSIBLE)[0] if possible else IMPOSSIBLE
        _start_from(D, S, r, loose, timely)
