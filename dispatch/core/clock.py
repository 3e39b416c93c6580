"""The only reader of the wall clock, and the only conversion between local time and instants."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Return the current instant, aware, in UTC."""
    return datetime.now(UTC)


def instant(day: date, at: time, zone: str) -> datetime:
    """Turn a local wall time into an instant.

    A time that happens twice (autumn) means its first occurrence; a time that never happens (spring) moves forward by
    the length of the gap, as in ``02:30 -> 03:30``.
    """
    return datetime.combine(day, at.replace(tzinfo=None, fold=0), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def local_day(moment: datetime, zone: str) -> date:
    """Return the calendar day of an instant in a time zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """Return the instants at which a local calendar day begins and ends (23, 24 or 25 hours apart)."""
    return instant(day, time(0), zone), instant(day + timedelta(days=1), time(0), zone)


def in_zone(moment: datetime, zone: str) -> datetime:
    """Return an instant as the wall clock of a time zone shows it."""
    return moment.astimezone(ZoneInfo(zone))


def working_days_later(start: datetime, days: int) -> datetime:
    """Return the same time of day some working days later (Monday to Friday)."""
    moment = start
    while days:
        moment += timedelta(days=1)
        days -= moment.weekday() < 5
    return moment
