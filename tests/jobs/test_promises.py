from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.jobs.promises import LEAST_MARGIN_S, MARGIN_PER_TRAVEL_SECOND, judge, window_to_tell

MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)
END = MIDNIGHT + timedelta(hours=12)


@pytest.mark.parametrize(
    ("late_by", "kept", "missed_by_s"),
    [
        (timedelta(minutes=-90), True, None),
        (timedelta(0), True, None),
        (timedelta(milliseconds=300), False, 1),
        (timedelta(minutes=5), False, 300),
    ],
)
def test_judge(late_by: timedelta, kept: bool, missed_by_s: int | None) -> None:
    verdict = judge(END, END + late_by)
    assert (verdict.kept, verdict.missed_by_s) == (kept, missed_by_s)


@given(st.integers(0, 86_400), st.integers(0, 14_400))
def test_a_window_told_is_wider_than_the_plan(arrival_s: int, travel_s: int) -> None:
    arrival = MIDNIGHT + timedelta(seconds=arrival_s)
    start, end = window_to_tell(arrival, travel_s, zone_day_start=MIDNIGHT)
    assert start <= arrival
    assert end - arrival >= timedelta(seconds=max(LEAST_MARGIN_S, travel_s * MARGIN_PER_TRAVEL_SECOND - 1))
    assert end - start >= timedelta(hours=2)
    assert (start - MIDNIGHT) % timedelta(minutes=30) == timedelta(0)
    assert (end - MIDNIGHT) % timedelta(minutes=30) == timedelta(0)


def test_an_arrival_at_ten_is_told_as_ten_to_twelve() -> None:
    start, end = window_to_tell(MIDNIGHT + timedelta(hours=10), 600, zone_day_start=MIDNIGHT)
    assert (start.hour, end.hour) == (10, 12)
