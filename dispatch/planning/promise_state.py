"""Will a promise be kept? (pure) From the planned or reported arrival and how far arrivals spread.

Margin is the window's end less the 80th percentile of the arrival. *On track*: margin of zero or more; *at risk*: the
median still arrives inside; *will miss*: it does not. Until arrivals are learned, the spread is a default for each
source of travel times: the 80th percentile lies a base plus a share of the travel time after the median.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

BASE_SPREAD_S = 300
TRAVEL_SPREAD: Mapping[str, float] = {"great_circle": 0.35, "matrix": 0.15}
UNKNOWN_SPREAD = 0.35


class PromiseOutlook(StrEnum):
    """How a promise stands, in the words that every screen uses."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    WILL_MISS = "will_miss"
    KEPT = "kept"
    MISSED = "missed"


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """How a promise stands, and by how many seconds (negative: too late)."""

    state: PromiseOutlook
    margin_s: int
    expected_at: datetime


def late_arrival(median: datetime, travel_s: int, source: str) -> datetime:
    """Return the 80th percentile of an arrival."""
    return median + timedelta(seconds=BASE_SPREAD_S + round(travel_s * TRAVEL_SPREAD.get(source, UNKNOWN_SPREAD)))


def outlook(
    window_end: datetime,
    *,
    planned_at: datetime,
    travel_s: int,
    source: str,
    arrived_at: datetime | None,
    now: datetime,
) -> Outlook:
    """Judge a promise by the arrival that was reported, or by the one planned; nobody arrives in the past."""
    if arrived_at is not None:
        margin = _seconds(window_end, arrived_at)
        state = PromiseOutlook.KEPT if margin >= 0 else PromiseOutlook.MISSED
        return Outlook(state=state, margin_s=margin, expected_at=arrived_at)
    median = max(planned_at, now)
    margin = _seconds(window_end, late_arrival(median, travel_s, source))
    if margin >= 0:
        state = PromiseOutlook.ON_TRACK
    else:
        state = PromiseOutlook.AT_RISK if median <= window_end else PromiseOutlook.WILL_MISS
    return Outlook(state=state, margin_s=margin, expected_at=median)


def _seconds(end: datetime, start: datetime) -> int:
    return round((end - start).total_seconds())
