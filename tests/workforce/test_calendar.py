from datetime import UTC, date, datetime, time, timedelta

import pytest

from dispatch.workforce.calendar import (
    OtherHours,
    Pattern,
    working_time,
    working_times,
)

BERLIN = "Europe/Berlin"
MONDAY = date(2026, 3, 2)
DAY_SHIFT = Pattern(weekday=0, starts_at=time(7), ends_at=time(15, 30), break_s=1800, from_day=MONDAY)
BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def at(hours: float) -> datetime:
    return BEGIN + timedelta(hours=hours)


def test_a_weekly_pattern_gives_the_shift_of_its_day() -> None:
    found = working_time(MONDAY, [DAY_SHIFT], [], BERLIN)
    assert found is not None
    assert (found.start, found.end) == (at(0), at(8.5))
    assert working_time(MONDAY + timedelta(days=1), [DAY_SHIFT], [], BERLIN) is None


def test_a_pattern_holds_from_its_first_day_until_its_end() -> None:
    ending = Pattern(weekday=0, starts_at=time(7), ends_at=time(15), from_day=MONDAY, until=MONDAY + timedelta(days=14))
    days = [
        each.day
        for each in working_times(MONDAY - timedelta(days=7), MONDAY + timedelta(days=30), [ending], [], BERLIN)
    ]
    assert days == [MONDAY, MONDAY + timedelta(days=7)]


def test_an_exception_wins_over_the_pattern() -> None:
    off = OtherHours(day=MONDAY)
    short = OtherHours(day=MONDAY, starts_at=time(10), ends_at=time(12))
    assert working_time(MONDAY, [DAY_SHIFT], [off], BERLIN) is None
    found = working_time(MONDAY, [DAY_SHIFT], [short], BERLIN)
    assert found is not None
    assert (found.start, found.end) == (at(3), at(5))


def test_a_break_lies_inside_the_shift_and_short_shifts_have_none() -> None:
    found = working_time(MONDAY, [DAY_SHIFT], [], BERLIN)
    assert found is not None
    assert found.break_from is not None
    assert found.break_until is not None
    assert found.start < found.break_from
    assert found.break_until < found.end
    assert found.break_until - found.break_from >= timedelta(seconds=found.break_s)
    tiny = Pattern(weekday=0, starts_at=time(7), ends_at=time(8), break_s=1800, from_day=MONDAY)
    short = working_time(MONDAY, [tiny], [], BERLIN)
    assert short is not None
    assert (short.break_s, short.break_from) == (0, None)


@pytest.mark.parametrize(
    ("night", "hours"),
    [(date(2026, 3, 28), 7), (date(2026, 10, 24), 9), (date(2026, 6, 6), 8)],
)
def test_a_night_shift_over_a_clock_change_is_as_long_as_the_night_is(night: date, hours: int) -> None:
    pattern = Pattern(weekday=5, starts_at=time(22), ends_at=time(6), from_day=night)
    found = working_time(night, [pattern], [], BERLIN)
    assert found is not None
    assert found.end - found.start == timedelta(hours=hours)


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_morning_shift_begins_at_its_wall_time_on_the_day_of_a_clock_change(day: date) -> None:
    pattern = Pattern(weekday=6, starts_at=time(7), ends_at=time(15), from_day=day)
    found = working_time(day, [pattern], [], BERLIN)
    assert found is not None
    assert found.start == datetime(day.year, day.month, day.day, 5 if day.month == 3 else 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"weekday": 7},
        {"ends_at": time(7)},
        {"until": MONDAY},
    ],
)
def test_a_pattern_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    values = {"weekday": 0, "starts_at": time(7), "ends_at": time(15), "from_day": MONDAY} | wrong
    with pytest.raises(ValueError):
        Pattern(**values)  # type: ignore[arg-type]  # the wrong values are the point
