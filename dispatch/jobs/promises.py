"""Promise arithmetic (pure): was a promise kept, and which window can be told for a planned arrival.

A window offered ends at or after the target quantile of the arrival. Until arrivals are learned the spread is a
documented default: the margin grows with the travel before the visit, because that is what is least sure.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW_STEP = timedelta(minutes=30)
SHORTEST_WINDOW = timedelta(hours=2)
LEAST_MARGIN_S = 1200
MARGIN_PER_TRAVEL_SECOND = 0.5


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a promise ended: kept, or missed by so many seconds."""

    kept: bool
    missed_by_s: int | None


def judge(window_end: datetime, arrived_at: datetime) -> Verdict:
    """Judge a promise by the arrival. Being early is kept; late counts in whole seconds, at least one."""
    late = (arrived_at - window_end).total_seconds()
    return Verdict(kept=True, missed_by_s=None) if late <= 0 else Verdict(kept=False, missed_by_s=max(1, round(late)))


def window_to_tell(planned_arrival: datetime, travel_s: int, *, zone_day_start: datetime) -> tuple[datetime, datetime]:
    """Return a window that underpromises: it contains the planned arrival and ends a margin after it.

    The bounds lie on half hours counted from the local day's start, the length is at least two hours, and the end is
    at least ``max(20 min, half of the travel time)`` after the planned arrival.
    """
    margin = timedelta(seconds=max(LEAST_MARGIN_S, round(travel_s * MARGIN_PER_TRAVEL_SECOND)))
    since = planned_arrival - zone_day_start
    start = zone_day_start + (since // WINDOW_STEP) * WINDOW_STEP
    steps = -((zone_day_start - (planned_arrival + margin)) // WINDOW_STEP)
    return start, max(start + SHORTEST_WINDOW, zone_day_start + steps * WINDOW_STEP)
