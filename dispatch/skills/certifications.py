"""Pure: whether a dated permission is valid, expiring or lapsed on a day; it is never estimated.

Days are days in the zone of the territory where the work is. The last day counts as valid from its first to its last
minute there.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

REMINDER_DAYS = (60, 30, 7)


class Standing(StrEnum):
    """Where a held certification stands on a day."""

    NOT_YET = "not_yet"
    VALID = "valid"
    EXPIRING = "expiring"
    LAPSED = "lapsed"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, kw_only=True)
class Held:
    """A certification as held: first and last valid day, `None` at the end for one without expiry.

    Dates typed by the holder or read off a photo do not count before somebody has confirmed them.
    """

    kind: int
    valid_from: date
    valid_to: date | None
    confirmed: bool = True

    def __post_init__(self) -> None:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError(f"a certification cannot end on {self.valid_to}, before it starts on {self.valid_from}")


def standing(held: Held, on: date, *, notice_days: int = REMINDER_DAYS[0]) -> Standing:
    """Return where a certification stands on a day; `EXPIRING` is still valid, with at most `notice_days` left."""
    if not held.confirmed:
        return Standing.UNCONFIRMED
    if on < held.valid_from:
        return Standing.NOT_YET
    if held.valid_to is None:
        return Standing.VALID
    if on > held.valid_to:
        return Standing.LAPSED
    # Counted by subtraction, because adding days near the end of the calendar overflows.
    return Standing.EXPIRING if (held.valid_to - on).days <= notice_days else Standing.VALID


def is_valid(held: Held, on: date) -> bool:
    """Say whether the permission may be relied on that day."""
    return standing(held, on) in (Standing.VALID, Standing.EXPIRING)


def holds(held: Iterable[Held], kind: int, on: date) -> bool:
    """Say whether any of a person's documents of this kind is valid that day."""
    return any(one.kind == kind and is_valid(one, on) for one in held)


def holds_throughout(held: Iterable[Held], kind: int, start: datetime, end: datetime, zone: ZoneInfo) -> bool:
    """Say whether the permission is valid on every local day a visit touches; several documents may take turns."""
    documents = tuple(held)
    return all(holds(documents, kind, on) for on in local_days(start, end, zone))


def local_days(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[date, ...]:
    """Return the days a span of time touches in a zone; an end at midnight does not touch the next day."""
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("a span needs instants with a time zone")
    if end < start:
        raise ValueError("a span cannot end before it starts")
    first = start.astimezone(zone).date()
    last = max(first, (end - timedelta(microseconds=1)).astimezone(zone).date()) if end > start else first
    return tuple(first + timedelta(days=number) for number in range((last - first).days + 1))


def last_valid_day(valid_from: date, months: int) -> date:
    """Return the last day of a validity of whole months: the same day of the month, or that month's last day.

    One year from 29 February runs to and including 28 February.
    """
    if months < 1:
        raise ValueError(f"a validity lasts at least one month, not {months}")
    year, month = divmod(valid_from.year * 12 + valid_from.month - 1 + months, 12)
    day = min(valid_from.day, calendar.monthrange(year, month + 1)[1])
    return date(year, month + 1, day)


def reminder_due(held: Held, on: date) -> int | None:
    """Return the reminder (60, 30 or 7 days before the end) that falls on this very day, if one does."""
    if held.valid_to is None or not held.confirmed:
        return None
    left = (held.valid_to - on).days
    return left if left in REMINDER_DAYS else None


def passed_mark(days_left: int | None) -> int | None:
    """Return the tightest of the 60, 30 and 7 day marks that has been passed."""
    return None if days_left is None else min((mark for mark in REMINDER_DAYS if days_left <= mark), default=None)
