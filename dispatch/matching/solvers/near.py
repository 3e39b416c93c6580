"""Which slots are near each other, for ruins that empty a neighbourhood: sorted lists of a fixed length, no square."""
# mypy: disable-error-code="no-any-return"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

import math

import numpy as np
import numpy.typing as npt

from dispatch.matching.constraint import FAR, Flags, Whole
from dispatch.matching.solvers.clock import drive
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.layout import PLANE, Data
from dispatch.units import EARTH_RADIUS_M

TIME_SHARE = 0.3
"""How much a second between two windows counts against a second of driving, where both count."""

IN_SPACE, IN_SPACE_AND_TIME = range(2)

WORD = 8
"""Bytes looked at in one go when two slots are asked for a shift that may serve both."""


def people_words(allowed: Flags) -> npt.NDArray[np.uint64]:
    """Pack who may serve what into words  # [slot, word]; two slots share a shift where words have a bit in common."""
    packed = np.packbits(allowed, axis=1)
    padded = np.zeros((len(packed), -(-packed.shape[1] // WORD) * WORD), dtype=np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded.view(np.uint64)


@kernel
def find_near(
    D: Data,
    movable: Whole,
    place: Whole,
    opens: Whole,
    closes: Whole,
    people: npt.NDArray[np.uint64],
    far: npt.NDArray[np.float64],
    near: Whole,
) -> None:
    """List for each movable slot the nearest movable ones with which it shares a shift, itself first.

    ``near`` is [kind, slot, rank], filled with -1 before; ``far`` [kind, rank] is scratch. Kind 0 is near in driving
    time, both ways on the average; kind 1 adds a share of the time between the windows. Ties go to the lower slot.
    ``place``, ``opens`` and ``closes`` are by slot, ``people`` by slot too.
    """
    most = near.shape[2] - 1
    for i in range(len(movable)):
        s = movable[i]
        for kind in range(2):
            for rank in range(most + 1):
                far[kind, rank] = np.inf
            far[kind, 0], near[kind, s, 0] = -1.0, s
        reach = np.inf
        for j in range(len(movable)):
            other = movable[j]
            if other == s:
                continue
            if reach < np.inf and len(D.seconds) == 0 and _chord(D, place[s], place[other]) > reach:
                continue
            shared = False
            for word in range(people.shape[1]):
                if people[s, word] & people[other, word]:
                    shared = True
                    break
            if not shared:
                continue
            there = drive(D, place[s], place[other])
            back = drive(D, place[other], place[s]) if len(D.seconds) > 0 else there
            if there >= FAR or back >= FAR:
                continue
            seconds = (there + back) / 2.0
            apart = max(0, opens[other] - closes[s], opens[s] - closes[other])
            moved = _keep_near(near, far, 0, s, seconds, other)
            if _keep_near(near, far, 1, s, seconds + TIME_SHARE * apart, other) or moved:
                reach = _reach(D, max(far[0, most], far[1, most]))


@kernel
def _keep_near(near: Whole, far: npt.NDArray[np.float64], kind: int, s: int, measure: float, other: int) -> bool:
    """Put ``other`` where it belongs among the nearest of its kind; False if it is farther than all of them."""
    rank = near.shape[2] - 1
    if measure >= far[kind, rank]:
        return False
    while far[kind, rank - 1] > measure:
        far[kind, rank], near[kind, s, rank] = far[kind, rank - 1], near[kind, s, rank - 1]
        rank -= 1
    far[kind, rank], near[kind, s, rank] = measure, other
    return True


@kernel
def _chord(D: Data, start: int, end: int) -> float:
    """Square of the straight way between two places in units of their vectors."""
    square = 0.0
    for axis in range(3):
        square += (D.vectors[start, axis] - D.vectors[end, axis]) ** 2
    return square


@kernel
def _reach(D: Data, seconds: float) -> float:
    """Square of the straight way that nothing within ``seconds`` of driving exceeds."""
    if seconds == np.inf:
        return np.inf
    metres = (seconds + 1.0) / D.seconds_per_m
    if D.policy[PLANE] == 0:
        metres = 2.0 * math.sin(min(math.pi / 2.0, metres / (2.0 * EARTH_RADIUS_M)))
    return metres * metres
