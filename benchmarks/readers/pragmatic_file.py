"""What a file of the pragmatic format says, field by field; what can not be held is refused by name."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from dispatch.matching.faults import Fault, Refused
from dispatch.matching.formats.entry import Entry, document

LEFT_OUT = 1_000.0
RADIUS_M = 6_378_137.0
USUAL_SPEED = 10.0
DAY_S = 86_400
LIMIT = 1_000_000_000
NONE_BEFORE_OR_AFTER = "none: a job is one delivery, pickup or service"

Spot = tuple[float, float]
"""Latitude and longitude in degrees."""


class Fields(TypedDict):
    """Fields of an object of the format: those that are read, and those that can not be held with the reason."""

    taken: Collection[str]
    refused: Mapping[str, str]


PROBLEM: Fields = {
    "taken": ("plan", "fleet"),
    "refused": {"objectives": "none: value, then number, then cost is minimised"},
}
PLAN: Fields = {"taken": ("jobs", "relations"), "refused": {"clustering": "none: jobs are served one by one"}}
JOB: Fields = {
    "taken": ("id", "deliveries", "pickups", "services", "skills", "value"),
    "refused": {
        "replacements": NONE_BEFORE_OR_AFTER,
        "group": "none: jobs are chosen one by one",
        "compatibility": "none: any two jobs may share a tour",
    },
}
TASK: Fields = {"taken": ("places", "demand"), "refused": {"order": "none: stops have no ranks"}}
PLACE: Fields = {"taken": ("location", "duration", "times", "tag"), "refused": {}}
SKILLS: Fields = {"taken": ("allOf", "oneOf", "noneOf"), "refused": {}}
RELATION: Fields = {"taken": ("type", "jobs", "vehicleId", "shiftIndex"), "refused": {}}
FLEET: Fields = {"taken": ("vehicles", "profiles"), "refused": {"resources": "none: tours share nothing"}}
PROFILE: Fields = {"taken": ("name", "speed"), "refused": {}}
VEHICLE: Fields = {
    "taken": ("typeId", "vehicleIds", "profile", "costs", "shifts", "capacity", "skills", "limits"),
    "refused": {},
}
OWN_PROFILE: Fields = {"taken": ("matrix",), "refused": {"scale": "none: ways take everybody the same time"}}
COSTS: Fields = {"taken": ("fixed", "distance", "time"), "refused": {}}
LIMITS: Fields = {
    "taken": ("maxDuration", "tourSize"),
    "refused": {"maxDistance": "none: metres are not limited"},
}
SHIFT: Fields = {
    "taken": ("start", "end", "breaks"),
    "refused": {
        "reloads": "none: what is on board at the start is all",
        "recharges": "none: nothing is recharged",
        "dispatch": "none: tours begin where shifts begin",
    },
}
START: Fields = {"taken": ("earliest", "location"), "refused": {"latest": "none: tours leave when they like"}}
END: Fields = {"taken": ("latest", "location"), "refused": {"earliest": "none: tours end when they like"}}
BREAK: Fields = {"taken": ("time", "places", "duration"), "refused": {"policy": "none: owed where the tour still runs"}}
BREAK_PLACE: Fields = {
    "taken": ("duration",),
    "refused": {"location": "none: a break is taken anywhere", "tag": "none"},
}
SPOT: Fields = {"taken": ("lat", "lng"), "refused": {"index": "lat and lng: there is no matrix"}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A job; instants are seconds since 1970, ``out`` and ``back`` what it delivers and collects, kind by kind."""

    name: str
    spot: Spot
    duration_s: int
    windows: tuple[tuple[int, int], ...]
    out: tuple[int, ...]
    back: tuple[int, ...]
    all_of: frozenset[str]
    one_of: frozenset[str]
    none_of: frozenset[str]
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """A break; ``from_departure`` = its times count from leaving."""

    earliest_s: int
    latest_s: int
    duration_s: int
    from_departure: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Tour:
    """One shift of one vehicle; ``end`` None = it ends at the last job."""

    name: str
    vehicle: str
    start: Spot
    end: Spot | None
    earliest_s: int
    latest_s: int
    capacity: tuple[int, ...]
    skills: frozenset[str]
    pauses: tuple[Pause, ...]
    fixed: float
    max_duration_s: int | None
    max_jobs: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tie:
    """A relation: jobs of one vehicle, with ``first`` = in this order before all others."""

    vehicle: str
    jobs: tuple[str, ...]
    first: bool


@dataclass(frozen=True, kw_only=True)
class PragmaticFile:
    """A file in whole seconds since 1970; prices are per metre and per second, the same for every tour."""

    jobs: Mapping[str, Job]
    tours: Mapping[str, Tour]
    ties: tuple[Tie, ...]
    per_metre: float
    per_second: float
    speed: float

    @property
    def midnight_s(self) -> int:
        """The midnight (UTC) before the first tour may begin."""
        return min(tour.earliest_s for tour in self.tours.values()) // DAY_S * DAY_S

    @property
    def price(self) -> float:
        """Cost of a second of driving."""
        return self.per_second + self.per_metre * self.speed

    def way_m(self, start: Spot, end: Spot) -> int:
        """Metres between two places, as the format estimates them."""
        lat_a, lat_b = math.radians(start[0]), math.radians(end[0])
        half_lat, half_lng = (lat_b - lat_a) / 2.0, math.radians(end[1] - start[1]) / 2.0
        inner = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lng) ** 2
        return round(2.0 * RADIUS_M * math.asin(min(1.0, math.sqrt(inner))))

    def way_s(self, start: Spot, end: Spot) -> int:
        """Seconds between two places."""
        return round(self.way_m(start, end) / self.speed)

    def spots(self, tour: Tour, jobs: Sequence[str]) -> list[Spot]:
        """Places of a tour in order."""
        return [tour.start, *(self.jobs[name].spot for name in jobs), *([] if tour.end is None else [tour.end])]

    def left_out(self, served: set[str]) -> float:
        """Give what the jobs left out add to the objective."""
        return LEFT_OUT * sum(1.0 + job.value for name, job in self.jobs.items() if name not in served)


def parse(text: bytes) -> PragmaticFile:
    """Take a file apart; raises `Refused` with everything in it that is wrong or can not be held."""
    found: list[Fault] = []
    top = Entry("problem", document(text), found, **PROBLEM)
    plan = Entry("plan", top.raw.get("plan"), found, **PLAN)
    fleet = Entry("fleet", top.raw.get("fleet"), found, **FLEET)
    jobs = [_job(f"plan.jobs[{number}]", raw, found) for number, raw in enumerate(plan.list_of("jobs"))]
    vehicles = [Entry(f"fleet.vehicles[{n}]", raw, found, **VEHICLE) for n, raw in enumerate(fleet.list_of("vehicles"))]
    tours = [tour for vehicle in vehicles for tour in _tours(vehicle, found)]
    prices = [Entry(f"{vehicle.path}.costs", vehicle.raw.get("costs"), found, **COSTS) for vehicle in vehicles]
    pairs = {(_number(costs, "distance"), _number(costs, "time")) for costs in prices}
    if len(pairs) != 1 or min(pairs)[1] <= 0:
        fleet.fault("costs", sorted(pairs), "the same distance and time, above 0, for every vehicle")
    ties = [_tie(f"plan.relations[{n}]", raw, tours, found) for n, raw in enumerate(plan.list_of("relations"))]
    speed = _speed(fleet, found)
    if not tours:
        fleet.fault("vehicles", len(vehicles), "a vehicle with a shift at least")
    known = {job.name for job in jobs}
    for tie in ties:
        if not known.issuperset(tie.jobs):
            plan.fault("relations", tie.jobs, "jobs of the file")
    if found:
        raise Refused(found)
    per_metre, per_second = min(pairs)
    return PragmaticFile(
        jobs={job.name: job for job in jobs},
        tours={tour.name: tour for tour in tours},
        ties=tuple(ties),
        per_metre=per_metre,
        per_second=per_second,
        speed=speed,
    )


def _job(path: str, raw: object, found: list[Fault]) -> Job:
    entry = Entry(path, raw, found, **JOB)
    kinds = [name for name in ("deliveries", "pickups", "services") for _ in entry.list_of(name)]
    if len(kinds) != 1:
        entry.fault("tasks", kinds, "one delivery, pickup or service: several with a link can not be held")
        kinds = kinds[:1] or ["services"]
    task = Entry(f"{path}.{kinds[0]}[0]", (entry.list_of(kinds[0]) or [{}])[0], found, **TASK)
    places = task.list_of("places")
    if len(places) != 1:
        task.fault("places", len(places), "one place: a choice between several can not be held")
    where = Entry(f"{task.path}.places[0]", places[0] if places else {}, found, **PLACE)
    demand = task.wholes("demand", 0, LIMIT)
    skills = Entry(f"{path}.skills", entry.raw.get("skills") or {}, found, **SKILLS)
    return Job(
        name=entry.text("id", path),
        spot=_spot(where, "location"),
        duration_s=_seconds(where, "duration"),
        windows=tuple(_times(where, f"times[{n}]", pair) for n, pair in enumerate(where.list_of("times"))),
        out=demand if kinds[0] == "deliveries" else (),
        back=demand if kinds[0] == "pickups" else (),
        all_of=frozenset(map(str, skills.list_of("allOf"))),
        one_of=frozenset(map(str, skills.list_of("oneOf"))),
        none_of=frozenset(map(str, skills.list_of("noneOf"))),
        value=_number(entry, "value"),
    )


def _tours(vehicle: Entry, found: list[Fault]) -> list[Tour]:
    """Give the shifts of all vehicles of a type."""
    Entry(f"{vehicle.path}.profile", vehicle.raw.get("profile"), found, **OWN_PROFILE)
    costs = Entry(f"{vehicle.path}.costs", vehicle.raw.get("costs"), found, **COSTS)
    limits = Entry(f"{vehicle.path}.limits", vehicle.raw.get("limits") or {}, found, **LIMITS)
    tours: list[Tour] = []
    for number, raw in enumerate(vehicle.list_of("shifts")):
        shift = Entry(f"{vehicle.path}.shifts[{number}]", raw, found, **SHIFT)
        start = Entry(f"{shift.path}.start", shift.raw.get("start"), found, **START)
        end = Entry(f"{shift.path}.end", shift.raw["end"], found, **END) if "end" in shift else None
        earliest_s = _instant(start, "earliest", start.raw.get("earliest"))
        # Without an end a tour may be as long as it likes; the matcher takes shifts of two days.
        latest_s = earliest_s + 2 * DAY_S if end is None else _instant(end, "latest", end.raw.get("latest"))
        pauses = [_pause(f"{shift.path}.breaks[{n}]", one, found) for n, one in enumerate(shift.list_of("breaks"))]
        for name in vehicle.list_of("vehicleIds"):
            tours.append(
                Tour(
                    name=str(name) if number == 0 else f"{name}/{number}",
                    vehicle=str(name),
                    start=_spot(start, "location"),
                    end=None if end is None else _spot(end, "location"),
                    earliest_s=earliest_s,
                    latest_s=latest_s,
                    capacity=vehicle.wholes("capacity", 0, LIMIT),
                    skills=frozenset(map(str, vehicle.list_of("skills"))),
                    pauses=tuple(pauses),
                    fixed=_number(costs, "fixed"),
                    max_duration_s=_seconds(limits, "maxDuration") if "maxDuration" in limits else None,
                    max_jobs=limits.whole("tourSize", 0, 0, LIMIT) if "tourSize" in limits else None,
                )
            )
    return tours


def _pause(path: str, raw: object, found: list[Fault]) -> Pause:
    """Read an optional break (a pair of times and places) or a required one (earliest, latest, duration)."""
    entry = Entry(path, raw, found, **BREAK)
    time = entry.raw.get("time")
    pair = [time.get("earliest"), time.get("latest")] if isinstance(time, dict) else time
    holder = entry
    if "places" in entry:
        places = entry.list_of("places")
        if len(places) != 1:
            entry.fault("places", len(places), "one place: a choice between several can not be held")
        holder = Entry(f"{path}.places[0]", places[0] if places else {}, found, **BREAK_PLACE)
    offset = isinstance(pair, list) and len(pair) == 2 and not any(isinstance(one, str | bool) for one in pair)
    if offset and isinstance(pair, list):
        times = Entry(path, {"earliest": pair[0], "latest": pair[1]}, found, taken=("earliest", "latest"), refused={})
        earliest_s, latest_s = _seconds(times, "earliest"), _seconds(times, "latest")
    else:
        earliest_s, latest_s = _times(entry, "time", pair)
    duration_s = _seconds(holder, "duration")
    return Pause(earliest_s=earliest_s, latest_s=latest_s, duration_s=duration_s, from_departure=offset)


def _tie(path: str, raw: object, tours: Sequence[Tour], found: list[Fault]) -> Tie:
    entry = Entry(path, raw, found, **RELATION)
    jobs, kind = [str(name) for name in entry.list_of("jobs")], entry.raw.get("type")
    first = kind == "strict"
    if kind not in ("any", "strict"):
        entry.fault("type", kind, "any or strict: an order with others in between can not be held")
    elif first and jobs[:1] != ["departure"]:
        entry.fault("jobs", jobs, "departure first: a block in the middle of a tour can not be held")
    elif "arrival" in jobs:
        entry.fault("jobs", jobs, "no arrival: the last jobs of a tour can not be held")
    vehicle = entry.text("vehicleId", "")
    own = [tour for tour in tours if tour.vehicle == vehicle]
    if len(own) != 1:
        entry.fault("vehicleId", vehicle, "a vehicle of the file with one shift")
    return Tie(vehicle=vehicle, jobs=tuple(name for name in jobs if name not in ("departure", "arrival")), first=first)


def _speed(fleet: Entry, found: list[Fault]) -> float:
    given = [Entry(f"fleet.profiles[{n}]", raw, found, **PROFILE) for n, raw in enumerate(fleet.list_of("profiles"))]
    speeds = {_number(entry, "speed", USUAL_SPEED) for entry in given} or {USUAL_SPEED}
    if len(speeds) > 1 or min(speeds) <= 0:
        fleet.fault("profiles", sorted(speeds), "one speed above 0 for all")
    return max(speeds)


def _spot(entry: Entry, name: str) -> Spot:
    spot = Entry(f"{entry.path}.{name}", entry.raw.get(name), entry.found, **SPOT)
    return _number(spot, "lat", None), _number(spot, "lng", None)


def _number(entry: Entry, name: str, default: float | None = 0.0) -> float:
    value = entry.raw.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        entry.fault(name, value, "a finite number")
        return 0.0
    return float(value)


def _seconds(entry: Entry, name: str) -> int:
    value = _number(entry, name, None)
    if value < 0 or value != int(value):
        entry.fault(name, value, "whole seconds, 0 or more")
    return int(value)


def _times(entry: Entry, name: str, pair: object) -> tuple[int, int]:
    if not isinstance(pair, list) or len(pair) != 2:
        entry.fault(name, pair, "two instants")
        return 0, 0
    return _instant(entry, name, pair[0]), _instant(entry, name, pair[1])


def _instant(entry: Entry, name: str, value: object) -> int:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        entry.fault(name, value, "an instant such as 2030-01-31T08:00:00Z")
        return 0
    return int(instant.timestamp())


def of_kind(amounts: tuple[int, ...], kind: int) -> int:
    """Give the amount of a kind of goods; lists that are left out count as nothing."""
    return amounts[kind] if kind < len(amounts) else 0
