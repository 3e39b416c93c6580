"""How times, durations, distances and numbers read on pages. Times need the zone of the place they speak of."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask
from flask_babel import format_date, format_decimal

from dispatch.core.clock import local_day
from dispatch.jobs.recurrence import Recurrence, Unit
from dispatch.planning.words import length_words
from dispatch.web.words import _, _n


def init_app(app: Flask) -> None:
    """Make the filters known to templates under their own names."""
    for name in (
        "clock",
        "window",
        "day",
        "day_clock",
        "iso",
        "minutes",
        "apart",
        "distance",
        "number",
        "ago",
        "share",
        "local_date",
        "recurrence",
    ):
        app.jinja_env.filters[name] = globals()[name]


def clock(moment: datetime | None, zone: str) -> str:
    """Return the time of day: 14:05."""
    return "" if moment is None else f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"


def window(start: datetime | None, end: datetime | None, zone: str) -> str:
    """Return a stretch of time: 10:00–12:00, with the days where they differ."""
    if start is None or end is None:
        return clock(start or end, zone)
    if local_day(start, zone) == local_day(end, zone):
        return f"{clock(start, zone)}–{clock(end, zone)}"
    return f"{day_clock(start, zone)} – {day_clock(end, zone)}"


def day(value: date | datetime | None, zone: str = "UTC", form: str = "EEE d MMM") -> str:
    """Return a day: Tue 24 Nov."""
    if value is None:
        return ""
    on = local_day(value, zone) if isinstance(value, datetime) else value
    return str(format_date(on, form))


def local_date(moment: datetime, zone: str) -> date:
    """Return the calendar day of an instant at a place."""
    return local_day(moment, zone)


def day_clock(moment: datetime | None, zone: str) -> str:
    """Return day and time: Tue 24 Nov 14:05."""
    return "" if moment is None else f"{day(moment, zone)} {clock(moment, zone)}"


def iso(moment: datetime | date | None) -> str:
    """Return the form that machines read, for the time element."""
    return "" if moment is None else moment.isoformat()


def minutes(seconds: float | None) -> str:
    """Return a duration in whole minutes, above two hours in hours and minutes."""
    if seconds is None:
        return ""
    total = round(abs(seconds) / 60)
    sign = "-" if seconds < 0 and total else ""
    if total < 120:
        return sign + _("%(n)s min", n=total)
    hours, rest = divmod(total, 60)
    return sign + (_("%(h)s h %(m)s min", h=hours, m=rest) if rest else _("%(h)s h", h=hours))


def apart(seconds: float | None) -> str:
    """Return how far two instants lie apart as people say it: minutes up to two hours, then hours, then days."""
    return "" if seconds is None else length_words(seconds)


def distance(metres: float | None) -> str:
    """Return a distance in kilometres, below one in metres."""
    if metres is None:
        return ""
    if metres < 950:
        return _("%(n)s m", n=round(metres / 50) * 50)
    return _("%(n)s km", n=format_decimal(round(metres / 1000, 1 if metres < 9950 else 0)))


def number(value: float | None) -> str:
    """Return a number with the reader's separators."""
    return "" if value is None else str(format_decimal(value))


def share(value: float | None) -> str:
    """Return a share of one in whole per cent."""
    return "" if value is None else _("%(n)s %%", n=round(value * 100))


def recurrence(rule: Recurrence) -> str:
    """Return how often something comes again: every 6 months."""
    match rule.unit:
        case Unit.DAY:
            return _n("Every day", "Every %(num)s days", rule.every)
        case Unit.WEEK:
            return _n("Every week", "Every %(num)s weeks", rule.every)
        case Unit.MONTH:
            return _n("Every month", "Every %(num)s months", rule.every)
        case Unit.YEAR:
            return _n("Every year", "Every %(num)s years", rule.every)


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how long ago something was, in words."""
    if moment is None:
        return _("never")
    passed = now - moment
    if passed < timedelta(minutes=1):
        return _("just now")
    if passed < timedelta(hours=1):
        return _n("%(num)s minute ago", "%(num)s minutes ago", int(passed.total_seconds() // 60))
    if passed < timedelta(days=1):
        return _n("%(num)s hour ago", "%(num)s hours ago", int(passed.total_seconds() // 3600))
    if passed < timedelta(days=60):
        return _n("%(num)s day ago", "%(num)s days ago", passed.days)
    return _n("%(num)s month ago", "%(num)s months ago", passed.days // 30)
