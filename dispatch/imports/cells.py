"""Reads cells as values. Each reader raises ``ValueError`` with a sentence on what would be right."""

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dispatch.core.clock import instant
from dispatch.imports.reader import Fault, Row
from dispatch.units import Point

Value = TypeVar("Value")
EARLIEST, LATEST = date(1990, 1, 1), date(2100, 1, 1)


class Cells:
    """The cells of one row; faults are collected instead of raised, so that all of a row are found at once."""

    def __init__(self, row: Row, names: Mapping[str, str]) -> None:
        self._row = row
        self._names = names
        self.faults: list[Fault] = []

    def text(self, name: str) -> str:
        """Return a cell's text, empty where the file has no such column."""
        column = self._names.get(name)
        return self._row.cells[column] if column else ""

    def read(self, name: str, as_value: Callable[[str], Value], *, needed: bool = False) -> Value | None:
        """Return a cell as a value, None where it is empty or faulty."""
        text = self.text(name)
        if not text:
            if needed:
                self.refuse(name, "A value is needed here.")
            return None
        try:
            return as_value(text)
        except ValueError as error:
            self.refuse(name, str(error))
            return None

    def refuse(self, name: str | None, remedy: str) -> None:
        """Note a fault in a cell or, without a name, in the row."""
        self.faults.append(self._row.fault(self._names.get(name, name) if name else None, remedy))


def day(text: str) -> date:
    """Read a day as in 2026-03-14."""
    try:
        found = date.fromisoformat(text[:10]) if len(text) == 10 or text[10:11] in ("T", " ") else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError("Write the day as year-month-day, for example 2026-03-14.")
    return _plausible(found)


def wall_time(text: str) -> time:
    """Read a time of day as in 07:30."""
    match = re.fullmatch(r"(\d{1,2}):(\d{2})(?::\d{2})?", text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise ValueError("Write the time as hours and minutes, for example 07:30.")
    return time(int(match[1]), int(match[2]))


def local_moment(text: str) -> datetime:
    """Read a local date and time without a zone, as in 2012-11-20T13:10:00."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("Write date and time as 2012-11-20T13:10:00.") from error
    if found.tzinfo is not None:
        raise ValueError("Leave out the time zone: times are local to the place.")
    _plausible(found.date())
    return found


def moved(moment: datetime, days: int, zone: str) -> datetime:
    """Return the instant of a local moment so many days later, at the same time of day."""
    return instant(moment.date() + timedelta(days=days), moment.time().replace(microsecond=0), zone)


def number(low: float, high: float) -> Callable[[str], float]:
    """Return a reader of numbers between two bounds."""

    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not (math.isfinite(found) and low <= found <= high):
            raise ValueError(f"Write a number from {low:g} to {high:g}, with a point before decimals.")
        return found

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return a reader of whole numbers between two bounds."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"Write a whole number from {low} to {high}.")
        return int(text)

    return read


def yes_no(text: str) -> bool:
    """Read yes or no."""
    folded = text.casefold()
    if folded in ("yes", "y", "true", "1"):
        return True
    if folded in ("no", "n", "false", "0"):
        return False
    raise ValueError("Write yes or no.")


def zone(text: str) -> str:
    """Read the name of a time zone."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("Write the name of a time zone, for example Europe/Berlin or America/New_York.") from error
    return text


def one_of(known: Mapping[str, Value], what: str) -> Callable[[str], Value]:
    """Return a reader of known names (case aside); a wrong one is answered with the nearest."""
    folded = {name.casefold(): value for name, value in known.items()}

    def read(text: str) -> Value:
        if text.casefold() in folded:
            return folded[text.casefold()]
        raise ValueError(f"There is no such {what}.{nearest(text, known)}")

    return read


def nearest(text: str, known: Collection[str]) -> str:
    """Return a hint with the known name most like a text, or nothing."""
    from rapidfuzz import fuzz, process

    found = process.extractOne(text, list(known), scorer=fuzz.WRatio, processor=str.casefold, score_cutoff=60)
    return f" Did you mean {found[0]}?" if found else ""


def point(cells: Cells, lat_name: str, lon_name: str, *, needed: bool) -> Point | None:
    """Read two cells as a place; both or neither must be given."""
    lat = cells.read(lat_name, number(-90, 90), needed=needed)
    lon = cells.read(lon_name, number(-180, 180), needed=needed)
    if (lat is None) != (lon is None):
        if not cells.faults:
            cells.refuse(lat_name if lat is None else lon_name, "Give both latitude and longitude, or neither.")
        return None
    if lat is None or lon is None:
        return None
    try:
        return Point(lat=lat, lon=lon)
    except ValueError as error:
        cells.refuse(lat_name, str(error))
        return None


def _plausible(found: date) -> date:
    if not EARLIEST <= found <= LATEST:
        raise ValueError(f"The year {found.year} cannot be right; write one from {EARLIEST.year} to {LATEST.year}.")
    return found
