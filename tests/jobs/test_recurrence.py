"""Days of work that comes again: tables of cases, and properties over all rules."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.jobs.recurrence import Recurrence, Unit

DAYS = st.dates(date(2020, 1, 1), date(2032, 12, 31))
RULES = st.builds(Recurrence, every=st.integers(1, 60), unit=st.sampled_from(Unit))


@pytest.mark.parametrize(
    ("every", "unit", "first", "days"),
    [
        (10, Unit.DAY, date(2026, 2, 25), [date(2026, 3, 7), date(2026, 3, 17)]),
        (2, Unit.WEEK, date(2026, 12, 28), [date(2027, 1, 11), date(2027, 1, 25)]),
        (1, Unit.MONTH, date(2026, 1, 31), [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]),
        (6, Unit.MONTH, date(2026, 8, 31), [date(2027, 2, 28), date(2027, 8, 31)]),
        (1, Unit.YEAR, date(2028, 2, 29), [date(2029, 2, 28), date(2030, 2, 28), date(2031, 2, 28), date(2032, 2, 29)]),
    ],
)
def test_months_end_where_they_end_and_the_day_comes_back(
    every: int, unit: Unit, first: date, days: list[date]
) -> None:
    rule = Recurrence(every=every, unit=unit)
    assert [rule.nth(first, number) for number in range(1, len(days) + 1)] == days
    for before, day in zip([first, *days], days, strict=False):
        assert rule.after(first, before) == day


def test_before_the_first_day_the_next_one_is_the_first() -> None:
    assert Recurrence(every=3, unit=Unit.MONTH).after(date(2026, 5, 1), date(2026, 4, 30)) == date(2026, 5, 1)


@given(RULES, DAYS, DAYS)
def test_the_next_day_is_the_first_one_that_is_later(rule: Recurrence, first: date, day: date) -> None:
    found = rule.after(first, day)
    assert found == next(each for each in (rule.nth(first, number) for number in range(10_000)) if each > day), (
        "against trying one after the other"
    )
    assert found - max(day, first - timedelta(days=1)) <= timedelta(days=rule.every * 366)
