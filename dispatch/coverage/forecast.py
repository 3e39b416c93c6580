"""Pure: work that history lets one expect in a week, and how far off such an expectation has been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key")
LEAST_WEEKS = 8
"""With fewer complete weeks of history nothing is expected beyond what is booked, and the page says so."""
RECENT_WEEKS = 8
TESTED_WEEKS = 8
LEAD_WEEKS = (1, 2, 3, 4)


@dataclass(frozen=True, kw_only=True)
class TrackRecord:
    """How this way of expecting work has done on weeks that are over.

    Attributes
    ----------
    weeks
        Weeks that were tested, each from one to four weeks before it.
    off_percent
        Absolute error of all series together, in percent of the work that really came.
    bias_percent
        Expected less real, in percent of the real: above zero means too much was expected.
    """

    weeks: int
    off_percent: float
    bias_percent: float


def expected_s(history: Sequence[int]) -> int | None:
    """Seconds of work of a usual week: the mean of the last eight complete weeks, oldest first; None if too few."""
    if len(history) < LEAST_WEEKS:
        return None
    recent = history[-RECENT_WEEKS:]
    return round(sum(recent) / len(recent))


def track_record(histories: Mapping[Key, Sequence[int]]) -> TrackRecord | None:
    """Replay the last eight weeks: expect each from one to four weeks before and compare with what came.

    Each expectation uses only what was known then. Weeks for which too little was known are left out; None when
    nothing is left, or nothing came.
    """
    tested: set[int] = set()
    error = bias = real = 0.0
    for history in histories.values():
        for back in range(1, min(TESTED_WEEKS, len(history)) + 1):
            came = history[-back]
            for lead in LEAD_WEEKS:
                known = history[: len(history) - back + 1 - lead]
                expected = expected_s(known)
                if expected is None:
                    continue
                tested.add(back)
                error += abs(expected - came)
                bias += expected - came
                real += came
    if not tested or real <= 0:
        return None
    return TrackRecord(weeks=len(tested), off_percent=100 * error / real, bias_percent=100 * bias / real)
