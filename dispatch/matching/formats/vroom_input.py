"""What a VROOM input file says, field by field: jobs, vehicles and the matrix, checked but not yet a problem."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dispatch.matching.faults import Fault
from dispatch.matching.formats.entry import Entry
from dispatch.matching.limits import MAX_COST, MAX_DURATION_S, MAX_TIME_S, MAX_VISITS, UNREACHABLE
from dispatch.units import SECONDS_PER_DAY, Metres, Point, Seconds

LARGEST = 2**32 - 1
"""Of instants, amounts and matrix values in VROOM."""
LARGEST_ID = 2**64 - 1
MAX_PRIORITY = 100
USUAL_PER_HOUR = 3_600
MATRIX_PLACES = 10_000

_NO_MATRIX = "location_index of a matrix that is given, or location as [longitude, latitude]"
_BY_TYPE = "one time for everybody: times by vehicle type can not be held"
TOP_TAKEN = ("vehicles", "jobs", "matrices", "options")
TOP_REFUSED = {
    "shipments": "no shipments: a pickup and its delivery by the same vehicle can not be held",
    "matrix": "the matrix under matrices, by profile: matrices.car.durations",
    "distance_matrix": "the matrix under matrices, by profile: matrices.car.durations",
}
JOB_TAKEN = (
    *("id", "description", "location", "location_index", "setup", "service", "delivery", "pickup", "amount"),
    *("skills", "priority", "time_windows"),
)
JOB_REFUSED = {"setup_per_type": _BY_TYPE, "service_per_type": _BY_TYPE}
VEHICLE_TAKEN = (
    *("id", "description", "profile", "type", "start", "start_index", "end", "end_index", "capacity", "skills"),
    *("time_window", "breaks", "costs", "speed_factor", "max_tasks", "max_travel_time"),
)
VEHICLE_REFUSED = {
    "steps": "no steps: a route cannot be given in a file; start from a solution with --warm-start",
    "max_distance": "max_travel_time in seconds: metres are not limited",
}
BREAK_TAKEN = ("id", "description", "time_windows", "service")
BREAK_REFUSED = {"max_load": "no max_load: a break does not depend on the load"}
COSTS_TAKEN = ("fixed", "per_hour", "per_km", "per_task_hour")
COSTS_NONE = {
    "per_km": "0: costs count time, not metres",
    "per_task_hour": "0: work costs the same whoever does it",
}
MATRIX_TAKEN = ("durations", "distances")
MATRIX_REFUSED = {"costs": "no costs of its own: the durations are what is paid"}
OPTIONS_TAKEN = ("t", "x", "l")
OPTIONS_REFUSED = {
    "g": "false: the geometry of roads needs a routing engine",
    "c": "false: times of given routes are not chosen, `dispatch check` counts a solution again",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where something is: a row of the matrix, or [longitude, latitude], or both."""

    index: int | None = None
    location: tuple[float, float] | None = None

    def shown(self) -> dict[str, Any]:
        """Give the fields of a step."""
        fields: dict[str, Any] = {} if self.location is None else {"location": list(self.location)}
        return fields if self.index is None else {**fields, "location_index": self.index}


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One job; instants as the file gives them."""

    path: str
    id: int
    description: str
    place: Place
    setup_s: Seconds
    service_s: Seconds
    delivery: tuple[int, ...]
    pickup: tuple[int, ...]
    skills: frozenset[int]
    priority: int
    windows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """One break; ``window`` None = at any time."""

    path: str
    id: int
    window: tuple[int, int] | None
    service_s: Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Vehicle:
    """One vehicle; ``window`` None = at any time, ``start`` or ``end`` None = wherever its route begins or ends."""

    path: str
    id: int
    description: str
    profile: str
    start: Place | None
    end: Place | None
    capacity: tuple[int, ...]
    skills: frozenset[int]
    window: tuple[int, int] | None
    pauses: tuple[Pause, ...]
    fixed: int
    per_hour: int
    max_tasks: int | None
    max_travel_s: Seconds | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """The matrix of the profile that is used; rows are from, columns are to."""

    travel_s: tuple[tuple[Seconds, ...], ...]
    travel_m: tuple[tuple[Metres, ...], ...] | None


@dataclass(kw_only=True)
class Document:
    """All of a file, with what is wrong with it."""

    jobs: list[Job] = field(default_factory=list)
    vehicles: list[Vehicle] = field(default_factory=list)
    table: Table | None = None
    found: list[Fault] = field(default_factory=list)


def parse(raw: object) -> Document:
    """Take a document apart; its faults are in ``found``."""
    result = Document()
    found = result.found
    top = Entry("input", raw, found, taken=TOP_TAKEN, refused=TOP_REFUSED)
    Entry("options", top.raw.get("options") or {}, found, taken=OPTIONS_TAKEN, refused=OPTIONS_REFUSED)
    vehicles = top.list_of("vehicles")
    if not vehicles and not found:
        top.fault("vehicles", top.raw.get("vehicles"), "a list of at least one vehicle")
    profiles = [one.get("profile") or "car" for one in vehicles if isinstance(one, dict)]
    profile = profiles[0] if profiles and isinstance(profiles[0], str) else "car"
    matrices = top.raw.get("matrices") or {}
    if not isinstance(matrices, dict):
        top.fault("matrices", matrices, "an object with a matrix for each profile")
    elif matrices.get(profile) is not None:
        result.table = _table(f"matrices.{profile}", matrices[profile], found)
    elif matrices:
        top.fault("matrices", sorted(matrices), f"a matrix for the profile {profile} that the vehicles have")
    size = None if result.table is None else len(result.table.travel_s)
    result.jobs = [_job(f"jobs[{number}]", one, size, found) for number, one in enumerate(top.list_of("jobs"))]
    result.vehicles = [_vehicle(f"vehicles[{number}]", one, size, found) for number, one in enumerate(vehicles)]
    _together(result, profile)
    return result


def _job(path: str, raw: object, size: int | None, found: list[Fault]) -> Job:
    entry = Entry(path, raw, found, taken=JOB_TAKEN, refused=JOB_REFUSED)
    delivery, pickup = entry.wholes("delivery", 0, LARGEST), entry.wholes("pickup", 0, LARGEST)
    if "amount" in entry:  # the older name of what a job delivers
        if "delivery" in entry or "pickup" in entry:
            entry.fault("amount", entry.raw["amount"], "delivery and pickup alone")
        delivery = entry.wholes("amount", 0, LARGEST)
    setup_s, service_s = (entry.whole(name, 0, 0, MAX_DURATION_S) for name in ("setup", "service"))
    if setup_s + service_s > MAX_DURATION_S:
        entry.fault("service", service_s, f"set-up and service of at most {MAX_DURATION_S} s together")
    place = _place(entry, "location", "location_index", size)
    if place is None:
        entry.fault("location", None, _NO_MATRIX if size is None else "location_index, a row of the matrix")
    return Job(
        path=path,
        id=entry.needed_whole("id", 0, LARGEST_ID),
        description=entry.text("description", ""),
        place=place or Place(),
        setup_s=setup_s,
        service_s=service_s,
        delivery=delivery,
        pickup=pickup,
        skills=frozenset(entry.wholes("skills", 0, LARGEST)),
        priority=entry.whole("priority", 0, 0, MAX_PRIORITY),
        windows=_windows(entry),
    )


def _vehicle(path: str, raw: object, size: int | None, found: list[Fault]) -> Vehicle:
    entry = Entry(path, raw, found, taken=VEHICLE_TAKEN, refused=VEHICLE_REFUSED)
    costs = Entry(f"{path}.costs", entry.raw.get("costs") or {}, found, taken=COSTS_TAKEN, refused={})
    for name, expected in COSTS_NONE.items():
        if costs.raw.get(name) not in (None, 0):
            costs.fault(name, costs.raw[name], expected)
    if entry.raw.get("speed_factor", 1) != 1:
        entry.fault("speed_factor", entry.raw["speed_factor"], "1: ways take everybody the same time")
    start, end = (_place(entry, name, f"{name}_index", size) for name in ("start", "end"))
    if start is None and end is None:
        entry.fault("start", None, "a start, an end or both")
    window = None
    if "time_window" in entry:
        window = entry.span("time_window", entry.raw["time_window"], 0, LARGEST)
        if window is not None and window[1] - window[0] > 2 * SECONDS_PER_DAY:
            entry.fault("time_window", list(window), "a working time of at most two days")
    pauses = [_pause(f"{path}.breaks[{index}]", one, found) for index, one in enumerate(entry.list_of("breaks"))]
    limits = {
        name: entry.whole(name, 0, 0, high) if name in entry else None
        for name, high in (("max_tasks", LARGEST), ("max_travel_time", LARGEST))
    }
    return Vehicle(
        path=path,
        id=entry.needed_whole("id", 0, LARGEST_ID),
        description=entry.text("description", ""),
        profile=entry.text("profile", "car"),
        start=start,
        end=end,
        capacity=entry.wholes("capacity", 0, LARGEST),
        skills=frozenset(entry.wholes("skills", 0, LARGEST)),
        window=window,
        pauses=tuple(pauses),
        fixed=costs.whole("fixed", 0, 0, MAX_COST),
        per_hour=costs.whole("per_hour", USUAL_PER_HOUR, 0, MAX_COST),
        max_tasks=None if limits["max_tasks"] is None else min(MAX_VISITS, limits["max_tasks"]),
        max_travel_s=None if limits["max_travel_time"] is None else min(MAX_TIME_S, limits["max_travel_time"]),
    )


def _pause(path: str, raw: object, found: list[Fault]) -> Pause:
    entry = Entry(path, raw, found, taken=BREAK_TAKEN, refused=BREAK_REFUSED)
    windows = _windows(entry)
    if len(windows) > 1:
        entry.fault("time_windows", entry.raw["time_windows"], "one window: a choice between several can not be held")
    return Pause(
        path=path,
        id=entry.needed_whole("id", 0, LARGEST_ID),
        window=windows[0] if windows else None,
        service_s=entry.whole("service", 0, 0, SECONDS_PER_DAY),
    )


def _windows(entry: Entry) -> tuple[tuple[int, int], ...]:
    spans = [
        entry.span(f"time_windows[{number}]", one, 0, LARGEST)
        for number, one in enumerate(entry.list_of("time_windows"))
    ]
    return tuple(one for one in spans if one is not None)


def _place(entry: Entry, name: str, index_name: str, size: int | None) -> Place | None:
    """Take a place: with a matrix its row counts and coordinates are only shown, without one coordinates count."""
    location = None
    if name in entry:
        given = entry.raw[name]
        pair = isinstance(given, list) and len(given) == 2
        if not pair or any(isinstance(one, bool) or not isinstance(one, int | float) for one in given):
            entry.fault(name, given, "two numbers [longitude, latitude]")
            return Place()
        location = (float(given[0]), float(given[1]))
    if index_name in entry:
        if size is None and location is None:
            entry.fault(index_name, entry.raw[index_name], _NO_MATRIX)
            return Place()
        index = entry.needed_whole(index_name, 0, LARGEST if size is None else size - 1)
        return Place(index=index, location=location)
    if location is None:
        return None
    if size is not None:
        entry.fault(index_name, None, "a row of the matrix that is given")
        return Place()
    try:
        Point(lat=location[1], lon=location[0])
    except ValueError as error:
        entry.fault(name, list(location), f"[longitude, latitude] of a place on earth ({error})")
    return Place(location=location)


def _table(path: str, raw: object, found: list[Fault]) -> Table | None:
    entry = Entry(path, raw, found, taken=MATRIX_TAKEN, refused=MATRIX_REFUSED)
    travel_s = _square(entry, "durations")
    travel_m = _square(entry, "distances") if "distances" in entry else None
    if travel_s is None:
        return None
    if travel_m is not None and len(travel_m) != len(travel_s):
        entry.fault("distances", f"{len(travel_m)} rows", f"as many rows as durations ({len(travel_s)})")
        return None
    # No route lasts longer than two days, so a way of more than a year is simply not there.
    far = tuple(tuple(UNREACHABLE if value > MAX_TIME_S else value for value in row) for row in travel_s)
    return Table(travel_s=far, travel_m=travel_m)


def _square(entry: Entry, name: str) -> tuple[tuple[int, ...], ...] | None:
    rows = entry.raw.get(name)
    if (
        not isinstance(rows, list)
        or not rows
        or any(not isinstance(row, list) or len(row) != len(rows) for row in rows)
    ):
        entry.fault(name, rows, "a square of whole numbers, one row per place")
        return None
    if len(rows) > MATRIX_PLACES:
        entry.fault(name, f"{len(rows)} rows", f"at most {MATRIX_PLACES} places")
        return None
    high = LARGEST if name == "durations" else MAX_TIME_S
    wrong = [
        (number, column)
        for number, row in enumerate(rows)
        for column, value in enumerate(row)
        if type(value) is not int or not 0 <= value <= high
    ]
    for number, column in wrong:
        entry.fault(f"{name}[{number}][{column}]", rows[number][column], f"a whole number between 0 and {high}")
    return None if wrong else tuple(tuple(row) for row in rows)


def _together(document: Document, profile: str) -> None:
    """Note what is wrong only when all of the file is seen: names given twice, lengths of amounts, profiles."""

    def fault(path: str, name: str, value: object, expected: str) -> None:
        Entry(path, {}, document.found, taken=(), refused={}).fault(name, value, expected)

    groups: list[Mapping[str, int]] = [
        {one.path: one.id for one in document.jobs},
        {one.path: one.id for one in document.vehicles},
        *({one.path: one.id for one in vehicle.pauses} for vehicle in document.vehicles),
    ]
    for group in groups:
        first: dict[int, str] = {}
        for path, number in group.items():
            if first.setdefault(number, path) != path:
                fault(path, "id", number, f"a number that {first[number]} does not have")
    amounts = [
        (one.path, name, value)
        for one in document.jobs
        for name, value in (("delivery", one.delivery), ("pickup", one.pickup))
    ]
    amounts += [(one.path, "capacity", one.capacity) for one in document.vehicles]
    size = next((len(value) for _, _, value in amounts if value), 0)
    for path, name, value in amounts:
        if value and len(value) != size:
            fault(path, name, list(value), f"{size} amounts, as many as everywhere in the file")
    for one in document.vehicles:
        if one.profile != profile:
            fault(one.path, "profile", one.profile, f"{profile} for every vehicle: one way of travelling can be held")
