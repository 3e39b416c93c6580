"""Dates of permissions: inclusive ends, leap days, zones."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.skills.certifications import (
    Held,
    Standing,
    holds,
    holds_throughout,
    is_valid,
    last_valid_day,
    local_days,
    reminder_due,
    standing,
)

NEW_YORK = ZoneInfo("America/New_York")
GAS = 1
YEAR = Held(kind=GAS, valid_from=date(2025, 1, 10), valid_to=date(2026, 1, 9))


@pytest.mark.parametrize(
    "on, expected",
    [
        (date(2025, 1, 9), Standing.NOT_YET),
        (date(2025, 1, 10), Standing.VALID),
        (date(2025, 11, 9), Standing.VALID),
        (date(2025, 11, 10), Standing.EXPIRING),
        (date(2026, 1, 9), Standing.EXPIRING),
        (date(2026, 1, 10), Standing.LAPSED),
    ],
)
def test_standing_day_by_day(on: date, expected: Standing) -> None:
    assert standing(YEAR, on) is expected
    assert is_valid(YEAR, on) is (expected in (Standing.VALID, Standing.EXPIRING))


def test_without_an_end_it_never_lapses() -> None:
    forever = Held(kind=GAS, valid_from=date(2025, 1, 10), valid_to=None)
    assert standing(forever, date.max) is Standing.VALID
    assert reminder_due(forever, date(2026, 1, 1)) is None


def test_unconfirmed_documents_do_not_count() -> None:
    typed = Held(kind=GAS, valid_from=date(2025, 1, 10), valid_to=None, confirmed=False)
    assert standing(typed, date(2025, 5, 1)) is Standing.UNCONFIRMED
    assert not holds([typed], GAS, date(2025, 5, 1))


def test_a_day_ends_where_the_work_is() -> None:
    ending = Held(kind=GAS, valid_from=date(2025, 1, 1), valid_to=date(2025, 6, 30))
    evening = datetime(2025, 7, 1, 2, tzinfo=UTC), datetime(2025, 7, 1, 4, tzinfo=UTC)  # 22:00 to midnight in New York
    assert holds_throughout([ending], GAS, *evening, NEW_YORK)
    assert not holds_throughout([ending], GAS, *evening, ZoneInfo("UTC"))
    later = datetime(2025, 7, 1, 4, 0, 1, tzinfo=UTC)
    assert not holds_throughout([ending], GAS, evening[0], later, NEW_YORK)


def test_two_documents_may_take_turns() -> None:
    first = Held(kind=GAS, valid_from=date(2025, 1, 1), valid_to=date(2025, 6, 30))
    second = Held(kind=GAS, valid_from=date(2025, 7, 1), valid_to=None)
    span = datetime(2025, 6, 30, 12, tzinfo=UTC), datetime(2025, 7, 1, 12, tzinfo=UTC)
    assert holds_throughout([first, second], GAS, *span, NEW_YORK)
    assert not holds_throughout([first], GAS, *span, NEW_YORK)
    assert not holds_throughout([first, second], GAS + 1, *span, NEW_YORK)


@pytest.mark.parametrize(
    "start, months, last",
    [
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2025, 12, 15), 1, date(2026, 1, 15)),
        (date(2025, 3, 15), 24, date(2027, 3, 15)),
    ],
)
def test_validity_in_months(start: date, months: int, last: date) -> None:
    assert last_valid_day(start, months) == last


def test_one_year_from_a_leap_day_includes_28_february_only() -> None:
    held = Held(kind=GAS, valid_from=date(2024, 2, 29), valid_to=last_valid_day(date(2024, 2, 29), 12))
    assert is_valid(held, date(2025, 2, 28))
    assert not is_valid(held, date(2025, 3, 1))


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(1, 120))
def test_a_longer_validity_ends_later(start: date, months: int) -> None:
    assert start < last_valid_day(start, months) < last_valid_day(start, months + 1)


def test_reminders_fall_on_their_day_only() -> None:
    due = {date.fromordinal(n): reminder_due(YEAR, date.fromordinal(n)) for n in range(739200, 739800)}
    assert {on: days for on, days in due.items() if days} == {
        date(2025, 11, 10): 60,
        date(2025, 12, 10): 30,
        date(2026, 1, 2): 7,
    }


def test_impossible_values_are_refused() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        Held(kind=GAS, valid_from=date(2025, 2, 1), valid_to=date(2025, 1, 1))
    with pytest.raises(ValueError, match="at least one month"):
        last_valid_day(date(2025, 1, 1), 0)
    with pytest.raises(ValueError, match="cannot end before"):
        local_days(datetime(2025, 1, 2, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC), NEW_YORK)
    with pytest.raises(ValueError, match="time zone"):
        local_days(datetime(2025, 1, 2), datetime(2025, 1, 3), NEW_YORK)  # noqa: DTZ001 - naive on purpose
