"""Shifts and absences from a file. People are named by the number they were imported with, their e-mail or name."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from dispatch.core.errors import Invalid
from dispatch.core.models import OutsideId
from dispatch.imports.cells import Cells, day, local_moment, moved, one_of, wall_time, whole
from dispatch.imports.engine import Run
from dispatch.imports.people import each_row
from dispatch.workforce.calendar import Pattern, working_time
from dispatch.workforce.models import PlaceKind, Shift, Technician, Territory, TerritoryMembership
from dispatch.workforce.service import add_absence, cancel_absence

SHIFT_COLUMNS: dict[str, tuple[str, ...]] = {
    "technician": ("id", "person", "email"),
    "date": ("day",),
    "start": ("starts_at", "from"),
    "end": ("ends_at", "until", "to"),
    "territory": (),
    "break_minutes": ("break",),
    "overtime_minutes": ("overtime",),
}
ABSENCE_COLUMNS: dict[str, tuple[str, ...]] = {
    "technician": ("id", "person", "email"),
    "from": ("start", "first_day"),
    "until": ("end", "last_day", "to"),
}
DEFAULT_BREAK_S = 1800


def import_shifts(run: Run) -> None:
    """Add or change shifts by person and day; they start and end at the person's home."""
    names = run.columns(SHIFT_COLUMNS, ("technician", "date", "start", "end"))
    people, homes = _people(run), _homes(run)
    territories = {each.name: each for each in run.session.scalars(select(Territory))}
    by_id = {each.id: each for each in territories.values()}

    def read(cells: Cells) -> Mapping[str, Any]:
        person = cells.read("technician", one_of(people, "technician"), needed=True)
        if person is not None and homes.get(person) is None:
            cells.refuse("technician", "The home of this person is not known, so a day has nowhere to start; enter it.")
        start, end = cells.read("start", wall_time, needed=True), cells.read("end", wall_time, needed=True)
        if start is not None and start == end:
            cells.refuse("end", "A shift must end at another time than it starts.")
        return {
            "person": person,
            "day": cells.read("date", day, needed=True),
            "start": start,
            "end": end,
            "territory": cells.read("territory", one_of(territories, "territory")),
            "break_s": cells.read("break_minutes", whole(0, 240)),
            "overtime_s": cells.read("overtime_minutes", whole(0, 480)),
        }

    def write(cells: Cells, values: Mapping[str, Any], here: int | None) -> int:
        territory = values["territory"] or _territory_of(run, values["person"], values["day"], by_id)
        shift = run.session.get(Shift, here) if here is not None else None
        if shift is None:
            shift = Shift(technician_id=values["person"], on_date=values["day"])
            run.session.add(shift)
        _fill(shift, territory, values, homes[values["person"]])
        run.session.flush()
        return shift.id

    each_row(run, names, "shift", ("technician", "date"), read, write)


def import_absences(run: Run) -> None:
    """Add absences by person and first day; the last day is included. A changed row replaces what it said before."""
    names = run.columns(ABSENCE_COLUMNS, ("technician", "from", "until"))
    people = _people(run)
    by_id = {each.id: each for each in run.session.scalars(select(Territory))}

    def read(cells: Cells) -> Mapping[str, Any]:
        values = {
            "person": cells.read("technician", one_of(people, "technician"), needed=True),
            "from": cells.read("from", _moment, needed=True),
            "until": cells.read("until", _moment, needed=True),
        }
        first, last = values["from"], values["until"]
        if isinstance(first, tuple) and isinstance(last, tuple) and last[0] < first[0]:
            cells.refuse("until", "An absence cannot end before it begins.")
        return values

    def write(cells: Cells, values: Mapping[str, Any], here: int | None) -> int:
        person = values["person"]
        if here is not None:
            cancel_absence(run.session, absence_id=here, actor=run.actor, now=run.now)
        zone = _territory_of(run, person, values["from"][0].date(), by_id).zone
        start = moved(values["from"][0], 0, zone)
        end_at, whole_day = values["until"]
        end = moved(end_at, 1 if whole_day else 0, zone)
        absence = add_absence(run.session, technician_id=person, start=start, end=end, actor=run.actor, now=run.now)
        return absence.id

    each_row(run, names, "absence", ("technician", "from"), read, write)


def _moment(text: str) -> tuple[datetime, bool]:
    """Read a day or a local moment; the flag says that the whole day is meant."""
    if len(text) == 10:
        return datetime.combine(day(text), time(0)), True  # noqa: DTZ - local to the person's territory
    return local_moment(text), False


def _people(run: Run) -> dict[str, int]:
    """Return technicians by imported number, e-mail and, where it is theirs alone, name."""
    found: dict[str, int] = {}
    twice: set[str] = set()
    for row in run.session.execute(select(Technician.id, Technician.name, Technician.email)):
        if row.name in found:
            twice.add(row.name)
        found[row.name] = row.id
        if row.email:
            found[row.email] = row.id
    for name in twice:
        del found[name]
    numbers = select(OutsideId.outside_id, OutsideId.entity_id).where(OutsideId.entity == "technician")
    return found | dict(run.session.execute(numbers).all())


def _homes(run: Run) -> dict[int, tuple[float, float]]:
    query = select(Technician.id, Technician.home_lat, Technician.home_lon).where(Technician.home_lat.is_not(None))
    return {row.id: (row.home_lat, row.home_lon) for row in run.session.execute(query)}


def _territory_of(run: Run, person: int, on: date, by_id: Mapping[int, Territory]) -> Territory:
    found = run.session.scalars(
        select(TerritoryMembership.territory_id)
        .where(TerritoryMembership.technician_id == person, TerritoryMembership.during.contains(on))
        .order_by(TerritoryMembership.territory_id)
    ).all()
    if len(found) != 1:
        how = "in no territory" if not found else "in several territories"
        raise Invalid(f"On {on} this person works {how}; name the territory in the row.")
    return by_id[found[0]]


def _fill(shift: Shift, territory: Territory, values: Mapping[str, Any], home: tuple[float, float]) -> None:
    """Set the times of a shift by the rules every shift follows, and its ends to the person's home."""
    rest = DEFAULT_BREAK_S if values["break_s"] is None else values["break_s"] * 60
    on: date = values["day"]
    pattern = Pattern(weekday=on.weekday(), starts_at=values["start"], ends_at=values["end"], break_s=rest, from_day=on)
    times = working_time(on, [pattern], (), territory.zone)
    if times is None:
        raise Invalid("This row gives no working time.")
    shift.territory_id = territory.id
    shift.during = Range(times.start, times.end)
    shift.start_kind = shift.end_kind = PlaceKind.HOME
    shift.start_lat, shift.start_lon = home
    shift.end_lat, shift.end_lon = home
    shift.break_s, shift.break_from, shift.break_until = times.break_s, times.break_from, times.break_until
    shift.overtime_limit_s = (values["overtime_s"] or 0) * 60
