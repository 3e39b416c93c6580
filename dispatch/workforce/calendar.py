"""Who works when (pure): shifts from weekly patterns and exceptions.

Wall times become instants day by day, so a shift that begins at 07:00 does so on both sides of a clock change; a night
shift over the change is an hour shorter or longer, as it is for the person.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from dispatch.core.clock import instant

# A break lies in the middle of a shift: not before this share of it has passed, and over before the other has.
BREAK_FROM_SHARE = 0.35
BREAK_UNTIL_SHARE = 0.75
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """Weekly working time in wall time; an end at or before the start lies on the next day. ``until`` is excluded."""

    weekday: int
    starts_at: time
    ends_at: time
    break_s: int = 0
    from_day: date
    until: date | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6:
            raise ValueError(f"weekday must be 0 (Monday) to 6 (Sunday), not {self.weekday}")
        if self.starts_at == self.ends_at:
            raise ValueError("a shift must end at another time than it starts")
        if self.until is not None and self.until <= self.from_day:
            raise ValueError("a pattern must be valid for at least one day")

    def holds_on(self, day: date) -> bool:
        """Say whether the pattern gives a shift on a day."""
        return day.weekday() == self.weekday and self.from_day <= day and (self.until is None or day < self.until)


@dataclass(frozen=True, kw_only=True)
class OtherHours:
    """A day on which the pattern does not hold: other hours, or none at all."""

    day: date
    starts_at: time | None = None
    ends_at: time | None = None


@dataclass(frozen=True, kw_only=True)
class WorkingTime:
    """One shift as instants. The break of ``break_s`` seconds lies somewhere from ``break_from`` to ``break_until``."""

    day: date
    start: datetime
    end: datetime
    break_s: int
    break_from: datetime | None
    break_until: datetime | None


def working_time(
    day: date, patterns: Iterable[Pattern], exceptions: Iterable[OtherHours], zone: str
) -> WorkingTime | None:
    """Return the shift of a day, None when it is free; an exception wins over the pattern."""
    pattern = next((each for each in patterns if each.holds_on(day)), None)
    other = next((each for each in exceptions if each.day == day), None)
    if other is not None:
        if other.starts_at is None or other.ends_at is None:
            return None
        return _as_instants(day, other.starts_at, other.ends_at, pattern.break_s if pattern else 0, zone)
    if pattern is None:
        return None
    return _as_instants(day, pattern.starts_at, pattern.ends_at, pattern.break_s, zone)


def working_times(
    first: date, until: date, patterns: Sequence[Pattern], exceptions: Sequence[OtherHours], zone: str
) -> Iterator[WorkingTime]:
    """Give the shifts from a day up to, not including, another."""
    for offset in range((until - first).days):
        found = working_time(first + offset * _DAY, patterns, exceptions, zone)
        if found is not None:
            yield found


def _as_instants(day: date, starts_at: time, ends_at: time, break_s: int, zone: str) -> WorkingTime:
    start = instant(day, starts_at, zone)
    end = instant(day if ends_at > starts_at else day + _DAY, ends_at, zone)
    whole_s = int((end - start).total_seconds())
    from_s, until_s = round(whole_s * BREAK_FROM_SHARE), round(whole_s * BREAK_UNTIL_SHARE)
    if break_s == 0 or until_s - from_s < break_s:
        return WorkingTime(day=day, start=start, end=end, break_s=0, break_from=None, break_until=None)
    return WorkingTime(
        day=day,
        start=start,
        end=end,
        break_s=break_s,
        break_from=start + timedelta(seconds=from_s),
        break_until=start + timedelta(seconds=until_s),
    )
