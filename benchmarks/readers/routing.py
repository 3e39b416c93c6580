"""Vehicle routing files with time windows: how they are read, asked as a problem, and recounted.

Two layouts: Solomon's columns (.txt) and VRPLIB sections (.vrp, in PyVRP's dialect). The families built on them differ
in their `Rule`, the arithmetic in which a distance counts.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.readers.instance import (
    PLAIN,
    START,
    TOLERANCE,
    Instance,
    Trip,
    finest_scale,
    given_travel,
    place,
    recounted,
    unknown_or_twice,
)
from dispatch.matching.problem import Certification, CrewSlot, Problem, Shift, Technician, Visit, Window

LOAD = "load"
PEER_UNIT, ROUNDED_UP = 1_000, 1.0 - 1e-9
"""Peers count whole thousandths where the rule is in doubles, ways rounded up as for us."""

MUST_SERVE = 100_000_000
"""Cost of a customer left out who has to be served: dearer than all else in any of these files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """How a family counts: in whole ``1 / unit`` with ``rounding`` added before cutting, or in doubles (None)."""

    unit: int
    rounding: float | None

    def way(self, straight: float) -> float:
        """Length of a straight line, in ``1 / unit``."""
        if self.rounding is None:
            return straight * self.unit
        return math.floor(straight * self.unit + self.rounding)


DIMACS = Rule(unit=10, rounding=1e-9)
"""Every way is cut to tenths (DIMACS challenge 2021); the tiny addend keeps exact tenths whole."""
THOUSANDTHS = Rule(unit=1_000, rounding=0.5)
DOUBLES = Rule(unit=1, rounding=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A depot or customer, in units of the file; ``prize`` is lost if a customer is left out, None = must be served."""

    x: float
    y: float
    demand: int = 0
    ready: float = 0.0
    due: float = 0.0
    service: float = 0.0
    prize: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Vehicle:
    """A vehicle with its depot, by the number of the site, and what it carries."""

    depot: int
    capacity: int


@dataclass(frozen=True, kw_only=True)
class RoutingFile:
    """A file in its own numbers.

    Attributes
    ----------
    customers
        Number of the site by the name under which published solutions list the customer.
    allowed
        Numbers of the vehicles that may serve a customer, by the customer's name; missing = all.
    max_length
        Longest time between leaving the depot and coming back.
    """

    name: str
    sites: tuple[Site, ...]
    vehicles: tuple[Vehicle, ...]
    customers: Mapping[str, int]
    allowed: Mapping[str, frozenset[int]] = field(default_factory=dict)
    max_length: float | None = None

    def straight(self, start: int, end: int) -> float:
        """Length of the straight line between two sites."""
        one, other = self.sites[start], self.sites[end]
        return math.hypot(one.x - other.x, one.y - other.y)


def vehicle_name(number: int) -> str:
    """Name of a vehicle as a shift."""
    return f"vehicle {number + 1}"


@dataclass(frozen=True, kw_only=True)
class RoutingRecount:
    """Counts trips again in the arithmetic of ``rule``; the objective is printed in ``1 / printed``."""

    file: RoutingFile
    rule: Rule
    printed: int

    def objective(self, trips: Sequence[Trip]) -> float:
        """Distance and prizes lost."""
        total = sum(self._length(trip) for trip in trips) + sum(self._lost(trips))
        return total * self.printed / self.rule.unit

    def details(self, trips: Sequence[Trip]) -> dict[str, Any]:
        """Count the vehicles."""
        return {"vehicles": sum(bool(trip.visits) for trip in trips)}

    def faults(self, trips: Sequence[Trip]) -> list[str]:
        """Say what breaks a window, a capacity, a duration limit, who may go where, or leaves a must out."""
        shifts = {vehicle_name(number): number for number in range(len(self.file.vehicles))}
        found = unknown_or_twice(trips, shifts, self.file.customers)
        if found:
            return found
        served = {visit for trip in trips for visit in trip.visits}
        found += [
            f"customer {name} is left out"
            for name, number in self.file.customers.items()
            if name not in served and self.file.sites[number].prize is None
        ]
        for trip in trips:
            found += self._trip_faults(trip, shifts[trip.shift])
        return found

    def _vehicle(self, trip: Trip) -> Vehicle:
        return self.file.vehicles[int(trip.shift.rsplit(" ", 1)[1]) - 1]

    def _sites(self, trip: Trip) -> list[int]:
        depot = self._vehicle(trip).depot
        return [depot, *(self.file.customers[visit] for visit in trip.visits), depot]

    def _length(self, trip: Trip) -> float:
        sites = self._sites(trip) if trip.visits else []
        return sum(self.rule.way(self.file.straight(*pair)) for pair in pairwise(sites))

    def _lost(self, trips: Sequence[Trip]) -> Iterable[float]:
        served = {visit for trip in trips for visit in trip.visits}
        for name, number in self.file.customers.items():
            prize = self.file.sites[number].prize
            if name not in served and prize is not None:
                yield prize * self.rule.unit

    def _trip_faults(self, trip: Trip, number: int) -> list[str]:
        found: list[str] = []
        vehicle, unit = self.file.vehicles[number], self.rule.unit
        tolerance = TOLERANCE if self.rule.rounding is None else 0.0
        if trip.depot_before is not None:
            found.append(f"{trip.shift} calls at the depot on its way")
        load = sum(self.file.sites[self.file.customers[visit]].demand for visit in trip.visits)
        if load > vehicle.capacity:
            found.append(f"{trip.shift} carries {load} of {vehicle.capacity}")
        for visit in trip.visits:
            if number not in self.file.allowed.get(visit, (number,)):
                found.append(f"{trip.shift} may not serve customer {visit}")
        sites = self._sites(trip)
        home = self.file.sites[vehicle.depot]
        clock = home.ready * unit
        ways = [self.rule.way(self.file.straight(*pair)) for pair in pairwise(sites)]
        for here, way in zip(sites[1:], ways, strict=True):
            clock += way
            if here != vehicle.depot:
                clock = max(clock, self.file.sites[here].ready * unit)
            if clock > self.file.sites[here].due * unit + tolerance:
                found.append(f"{trip.shift} is {(clock - self.file.sites[here].due * unit) / unit:g} late at {here}")
                break
            clock += self.file.sites[here].service * unit
        else:
            length = clock - self._latest_departure(sites, ways, clock)
            if self.file.max_length is not None and length > self.file.max_length * unit + tolerance:
                found.append(f"{trip.shift} is out for {length / unit:g} of {self.file.max_length:g}")
        return found

    def _latest_departure(self, sites: Sequence[int], ways: Sequence[float], finish: float) -> float:
        """Leave as late as possible and still be home at ``finish``."""
        latest = finish
        for here, way in zip(reversed(sites[:-1]), reversed(ways), strict=True):
            site = self.file.sites[here]
            latest -= way
            if here != sites[0]:
                latest = min(latest - site.service * self.rule.unit, site.due * self.rule.unit)
        return latest


def instance_of(
    file: RoutingFile,
    rule: Rule,
    *,
    printed: int = 1,
    best_known: float | None = None,
    call_out: float = 0.0,
    technicians: Sequence[Technician] | None = None,
    crews: Mapping[str, CrewSlot] | None = None,
) -> Instance:
    """Ask a file as a problem.

    Times and distances are whole ``1 / unit`` of the rule where the matcher takes shifts that long. Otherwise, and for
    rules in doubles, the finest scale it takes is used with ways and work rounded up and windows rounded inwards, so
    that every plan is feasible in the file's own arithmetic; what has less slack than the rounding may be missed.

    Parameters
    ----------
    printed
        The objective is given in ``1 / printed``.
    call_out
        Cost of a vehicle used, in units of the file.
    technicians, crews
        Who drives, by number of the vehicle, and what a customer asks of them; by default certificates say which
        vehicles may serve a customer.
    """
    span = max(site.due for site in file.sites)
    scale = finest_scale(span)
    exact = rule.rounding is not None and scale >= rule.unit
    if exact:
        scale = rule.unit
    customers = file.customers
    classes = {allowed: f"class {index}" for index, allowed in enumerate(dict.fromkeys(file.allowed.values()))}
    if technicians is None:
        technicians = [
            Technician(
                id=vehicle_name(number),
                certifications=tuple(Certification(id=name) for allowed, name in classes.items() if number in allowed),
                call_out_cost=round(call_out * scale),
            )
            for number in range(len(file.vehicles))
        ]
    if crews is None:
        crews = {name: CrewSlot(certifications=(classes[allowed],)) for name, allowed in file.allowed.items()}
    shifts = tuple(
        Shift(
            id=vehicle_name(number),
            technician=technicians[number].id,
            start_s=math.ceil(file.sites[vehicle.depot].ready * scale),
            end_s=math.floor(file.sites[vehicle.depot].due * scale),
            start=place(vehicle.depot),
            end=place(vehicle.depot),
            parts={LOAD: vehicle.capacity},
            max_length_s=None if file.max_length is None else math.floor(file.max_length * scale),
        )
        for number, vehicle in enumerate(file.vehicles)
    )
    visits = tuple(
        _visit(name, number, file.sites[number], scale, crews.get(name, CrewSlot()))
        for name, number in customers.items()
    )
    problem = Problem(
        name=file.name,
        start=START,
        horizon_s=math.ceil(span * scale),
        technicians=tuple(technicians),
        shifts=shifts,
        visits=visits,
        policy=PLAIN,
        travel=given_travel(whole_ways(file, rule if exact else None, scale)),
    )
    return recounted(
        name=file.name,
        problem=problem,
        best_known=best_known,
        recount=RoutingRecount(file=file, rule=rule, printed=printed),
        cost_unit=scale / printed,
        ask=lambda: _model(file, rule, call_out),
        peer_unit=printed / (rule.unit if rule.rounding is not None else PEER_UNIT),
    )


def whole_ways(file: RoutingFile, rule: Rule | None, scale: int) -> list[list[int]]:
    """Give whole seconds between all sites  # [from, to]; as the rule says, or rounded up without one."""
    size = len(file.sites)
    ways = [[0] * size for _ in range(size)]
    for start in range(size):
        for end in range(start):
            straight = file.straight(start, end)
            ways[start][end] = int(rule.way(straight)) if rule is not None else math.ceil(straight * scale)
            ways[end][start] = ways[start][end]
    return ways


def _visit(name: str, number: int, site: Site, scale: int, crew: CrewSlot) -> Visit:
    return Visit(
        id=name,
        point=place(number),
        duration_s=math.ceil(site.service * scale),
        windows=(Window(start_s=math.ceil(site.ready * scale), end_s=math.floor(site.due * scale)),),
        unserved_penalty=MUST_SERVE if site.prize is None else round(site.prize * scale),
        optional=site.prize is not None,
        crew=(crew,),
        parts={LOAD: site.demand} if site.demand else {},
    )


def _model(file: RoutingFile, rule: Rule, call_out: float) -> dict[str, Any]:
    """Put the question for the peers, in the rule's whole numbers."""
    unit, rounding = (rule.unit, rule.rounding) if rule.rounding is not None else (PEER_UNIT, ROUNDED_UP)
    classes = {allowed: index for index, allowed in enumerate(dict.fromkeys(file.allowed.values()))}
    return {
        "points": [[site.x, site.y] for site in file.sites],
        "factor": unit,
        "rounding": rounding,
        "unit": unit,
        "classes": [sorted(allowed) for allowed in classes],
        "vehicles": [
            {
                "id": vehicle_name(number),
                "start": vehicle.depot,
                "end": vehicle.depot,
                "open": round(file.sites[vehicle.depot].ready * unit),
                "close": round(file.sites[vehicle.depot].due * unit),
                "capacity": vehicle.capacity,
                "fixed": round(call_out * unit),
                "max_length": None if file.max_length is None else round(file.max_length * unit),
            }
            for number, vehicle in enumerate(file.vehicles)
        ],
        "jobs": [
            {
                "id": name,
                "point": number,
                "service": round(file.sites[number].service * unit),
                "ready": round(file.sites[number].ready * unit),
                "due": round(file.sites[number].due * unit),
                "demand": file.sites[number].demand,
                "prize": None if (prize := file.sites[number].prize) is None else round(prize * unit),
                "class": classes[file.allowed[name]] if name in file.allowed else None,
            }
            for name, number in file.customers.items()
        ],
        "pair_cost": None,
    }


def read_solomon(path: Path) -> RoutingFile:
    """Read Solomon's columns; no more vehicles than customers are kept, as no more can be of use."""
    fleet: tuple[int, int] | None = None
    sites: list[Site] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or not words[0].isdigit():
            continue
        if len(words) == 2 and fleet is None:
            fleet = int(words[0]), int(words[1])
        elif len(words) == 7:
            _, x, y, demand, ready, due, service = (float(word) for word in words)
            sites.append(Site(x=x, y=y, demand=int(demand), ready=ready, due=due, service=service))
    if fleet is None or len(sites) < 2:
        raise ValueError(f"{path} has no fleet or no customers in Solomon's columns")
    customers = {str(number): number for number in range(1, len(sites))}
    return RoutingFile(
        name=path.stem,
        sites=tuple(sites),
        vehicles=(Vehicle(depot=0, capacity=fleet[1]),) * min(fleet[0], len(customers)),
        customers=customers,
    )


def read_vrplib(path: Path) -> RoutingFile:
    """Read VRPLIB sections: sites numbered from 1, depots first, vehicles alike or with own capacities and depots."""
    head, sections = _sections(path)
    numbers = sorted(sections["NODE_COORD_SECTION"])
    depots = [int(number) for number in sections.get("DEPOT_SECTION", {1: []}) if number > 0]
    if numbers != list(range(1, len(numbers) + 1)) or depots != list(range(1, len(depots) + 1)):
        raise ValueError(f"{path} does not number its sites from 1 with the depots first")
    same = [float(head["SERVICE_TIME"])] if "SERVICE_TIME" in head else [0.0]
    sites = tuple(
        Site(
            x=sections["NODE_COORD_SECTION"][number][0],
            y=sections["NODE_COORD_SECTION"][number][1],
            demand=int(sections["DEMAND_SECTION"][number][0]),
            ready=sections["TIME_WINDOW_SECTION"][number][0],
            due=sections["TIME_WINDOW_SECTION"][number][1],
            service=0.0 if number in depots else sections.get("SERVICE_TIME_SECTION", {}).get(number, same)[0],
            prize=sections["PRIZE_SECTION"][number][0] if "PRIZE_SECTION" in sections else None,
        )
        for number in numbers
    )
    capacity, based = sections.get("CAPACITY_SECTION", {}), sections.get("VEHICLES_DEPOT_SECTION", {})
    vehicles = tuple(
        Vehicle(
            depot=int(based[number][0]) - 1 if based else 0,
            capacity=int(capacity[number][0] if capacity else float(head["CAPACITY"])),
        )
        for number in range(1, int(head["VEHICLES"]) + 1)
    )
    customers = {str(number - 1): number - 1 for number in numbers if number not in depots}
    goes_to = sections.get("VEHICLES_ALLOWED_CLIENTS_SECTION", {})
    allowed = {
        name: frozenset(vehicle - 1 for vehicle, clients in goes_to.items() if number + 1 in clients)
        for name, number in (customers.items() if goes_to else ())
    }
    longest = head.get("VEHICLES_MAX_DURATION")
    return RoutingFile(
        name=path.stem,
        sites=sites,
        vehicles=vehicles,
        customers=customers,
        allowed=allowed,
        max_length=None if longest is None else float(longest),
    )


def _sections(path: Path) -> tuple[dict[str, str], dict[str, dict[int, list[float]]]]:
    head: dict[str, str] = {}
    sections: dict[str, dict[int, list[float]]] = {}
    section: dict[int, list[float]] | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or words[0] == "EOF":
            continue
        if words[0].endswith("_SECTION"):
            section = sections.setdefault(words[0], {})
        elif ":" in line:
            name, value = line.split(":", 1)
            head[name.strip()] = value.strip()
        elif section is not None:
            section[int(words[0])] = [float(word) for word in words[1:]]
    return head, sections


def read_solution(path: Path) -> tuple[list[Trip], float]:
    """Read a published solution: its routes, by number of the vehicle, and its cost."""
    trips: list[Trip] = []
    cost: float | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        label, _, rest = line.partition(":")
        words = label.split()
        if words[:1] == ["Route"]:
            visits = tuple(rest.split())
            if visits:
                trips.append(Trip(shift=vehicle_name(int(words[1].lstrip("#")) - 1), visits=visits))
        elif words[:1] == ["Cost"]:
            cost = float(rest or words[1])
    if cost is None:
        raise ValueError(f"{path} names no cost")
    return trips, cost


def cost_beside(path: Path) -> float | None:
    """Cost of the published solution that lies beside a file, None = there is none."""
    beside = path.with_suffix(".sol")
    return read_solution(beside)[1] if beside.exists() else None
