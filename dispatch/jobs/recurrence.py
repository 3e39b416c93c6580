"""When work comes again (pure): the days of a rule, counted from its first day."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

MONTHS_A_YEAR = 12


class Unit(StrEnum):
    """What a rule counts in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """Every so many days, weeks, months or years from a first day on.

    Months are counted from the first day, never from the last one made: what begins on the 31st is on the last day of
    shorter months and on the 31st again after them.
    """

    every: int
    unit: Unit

    def nth(self, first: date, number: int) -> date:
        """Return the day of occurrence ``number``, counted from 0."""
        count = number * self.every
        match self.unit:
            case Unit.DAY:
                return first + timedelta(days=count)
            case Unit.WEEK:
                return first + timedelta(weeks=count)
            case Unit.MONTH:
                return _months_later(first, count)
            case Unit.YEAR:
                return _months_later(first, count * MONTHS_A_YEAR)

    def after(self, first: date, day: date) -> date:
        """Return the first occurrence later than ``day``."""
        if day < first:
            return first
        number = self._at_least(first, day)
        while self.nth(first, number) <= day:
            number += 1
        return self.nth(first, number)

    def _at_least(self, first: date, day: date) -> int:
        """Return an occurrence that is not later than the next one, and close to it."""
        days = (day - first).days
        longest = {Unit.DAY: 1, Unit.WEEK: 7, Unit.MONTH: 31, Unit.YEAR: 366}[self.unit]
        return days // (longest * self.every)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * MONTHS_A_YEAR + day.month - 1 + months, MONTHS_A_YEAR)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
