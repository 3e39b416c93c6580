"""What is expected beyond bookings, and how far off that has been: as the count stores it and pages read it."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.coverage.outlook import Row

LEAST_WEEKS = 8
"""With fewer complete weeks of history nothing is expected beyond what is booked, and the page says so."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What one series is expected to bring; tuples run along the coming weeks, seconds of work.

    Attributes
    ----------
    mean_s
        Expected work.
    low80_s, low50_s, high50_s, high80_s
        Work stays between the inner two in one week of two, between the outer two in four weeks of five.
    """

    mean_s: tuple[int, ...]
    low80_s: tuple[int, ...]
    low50_s: tuple[int, ...]
    high50_s: tuple[int, ...]
    high80_s: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class TrackRecord:
    """How this way of expecting work has done on weeks that are over, each seen from one to four weeks before it.

    Attributes
    ----------
    weeks
        Weeks that were tested.
    off_percent
        Absolute error of all series together, in percent of the work that really came.
    bias_percent
        Expected less real, in percent of the real: above zero means too much was expected.
    naive_percent
        Absolute error of the plainest guess on the same weeks: the same week of last year, or the last one known.
    inside50_percent, inside80_percent
        How many of the weeks came within the bands that were drawn for them.
    """

    weeks: int
    off_percent: float
    bias_percent: float
    naive_percent: float
    inside50_percent: float
    inside80_percent: float


@dataclass(frozen=True, kw_only=True)
class Outline:
    """One row of the table in one territory, as history draws it: the past weeks and what the coming ones bring."""

    row: Row
    territory: int
    past_s: tuple[int, ...]
    forecast: Forecast


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What history and recurring work say.

    Attributes
    ----------
    history_weeks
        Complete weeks of history, three years at most.
    by_territory, by_kind, by_row
        How far off such expectations have been: of all work of a territory, by kind of work, and by row of the table.
    expected_s
        Seconds on top of what is booked or recurs.
    recurring_s
        Seconds of recurring work whose jobs are not made yet.
    outlines
        Every row and territory with history; empty while history is too short.
    """

    history_weeks: int
    by_territory: TrackRecord | None
    by_kind: TrackRecord | None
    by_row: TrackRecord | None
    expected_s: int
    recurring_s: int
    outlines: tuple[Outline, ...]
