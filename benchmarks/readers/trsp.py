"""Technician routing with skills, tools and parts (Pillac, Gueret & Medaglia 2013, doi 10.1007/s11590-012-0567-4).

Site 0 is the depot, then come the technicians' homes, then the requests. Every request must be served; who lacks a tool
or a part passes by the depot once before. Minimised is the time between leaving home as late as possible and coming
back, over all technicians used. Ways take their straight length, in doubles.

The matcher counts whole seconds: a unit of time of the file is stretched by the finest scale it takes (1,000 where a
shift may be that long), and ways are rounded up, so that every plan stays feasible in doubles.
"""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
from benchmarks.readers.routing import MUST_SERVE
from dispatch.matching.problem import (
    CrewSlot,
    Problem,
    Proficiency,
    Shift,
    SkillLevel,
    SkillNeed,
    Technician,
    Visit,
    Window,
)

BEST_KNOWN = "bks.csv"
SOLUTIONS = "best_known_solutions.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Depot, home or request; ``skills``, ``tools`` and ``parts`` (pieces by kind) are held or asked for."""

    x: float
    y: float
    ready: float
    due: float
    service: float
    skills: frozenset[int]
    tools: frozenset[int]
    parts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class TrspFile:
    """A file in its own numbers: sites by number, of which 1..``people`` are homes."""

    name: str
    people: int
    sites: tuple[Site, ...]

    @property
    def homes(self) -> dict[str, int]:
        """Numbers of the homes, by the name of the technician's shift."""
        return {str(number): number for number in range(1, self.people + 1)}

    @property
    def requests(self) -> dict[str, int]:
        """Numbers of the requests by name."""
        return {str(number): number for number in range(self.people + 1, len(self.sites))}

    def way(self, start: int, end: int) -> float:
        """Time and distance between two sites."""
        one, other = self.sites[start], self.sites[end]
        return math.hypot(one.x - other.x, one.y - other.y)


def read_file(path: Path) -> TrspFile:
    """Read the text form."""
    people: int | None = None
    sites: list[Site] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or not words[0].isdigit():
            continue
        if people is None:
            people = int(words[0])
            continue
        _, x, y, ready, due, service = (float(word) for word in words[:6])
        skills, tools, parts = (json.loads(word) for word in words[6:9])
        sites.append(
            Site(
                x=x,
                y=y,
                ready=ready,
                due=due,
                service=service,
                skills=frozenset(skills),
                tools=frozenset(tools),
                parts=tuple(parts),
            )
        )
    if people is None or len(sites) <= people + 1:
        raise ValueError(f"{path} has no technicians or no requests")
    return TrspFile(name=path.stem, people=people, sites=tuple(sites))


def read(path: Path) -> Instance:
    """Read a file; the best known duration stands in the table beside it."""
    file = read_file(path)
    scale = finest_scale(max(site.due for site in file.sites))
    size = len(file.sites)
    ways = [[math.ceil(file.way(start, end) * scale) for end in range(size)] for start in range(size)]
    problem = Problem(
        name=file.name,
        start=START,
        horizon_s=math.ceil(file.sites[0].due * scale),
        technicians=tuple(
            Technician(
                id=name,
                proficiencies={_skill(skill): Proficiency(mean=1.0, sd=0.0) for skill in file.sites[number].skills},
            )
            for name, number in file.homes.items()
        ),
        shifts=tuple(_shift(name, number, file.sites[number], scale) for name, number in file.homes.items()),
        visits=tuple(_visit(name, number, file.sites[number], scale) for name, number in file.requests.items()),
        policy=replace(PLAIN, leave_late=True, waiting_percent=100),
        travel=given_travel(ways),
    )
    return recounted(
        name=file.name,
        problem=problem,
        best_known=_best_known(path),
        recount=TrspRecount(file=file),
        cost_unit=scale,
        cost_offset=sum(file.sites[number].service for number in file.requests.values()),
    )


def _skill(number: int) -> str:
    return f"skill {number}"


def _pieces(site: Site) -> dict[str, int]:
    return {f"part {kind}": pieces for kind, pieces in enumerate(site.parts) if pieces}


def _tools(site: Site) -> tuple[str, ...]:
    return tuple(f"tool {number}" for number in sorted(site.tools))


def _shift(name: str, number: int, site: Site, scale: int) -> Shift:
    return Shift(
        id=name,
        technician=name,
        start_s=math.ceil(site.ready * scale),
        end_s=math.floor(site.due * scale),
        start=place(number),
        end=place(number),
        parts=_pieces(site),
        tools=_tools(site),
        depot=place(0),
    )


def _visit(name: str, number: int, site: Site, scale: int) -> Visit:
    return Visit(
        id=name,
        point=place(number),
        duration_s=math.ceil(site.service * scale),
        windows=(Window(start_s=math.ceil(site.ready * scale), end_s=math.floor(site.due * scale)),),
        unserved_penalty=MUST_SERVE,
        crew=(
            CrewSlot(
                needs=tuple(
                    SkillNeed(any_of=(SkillLevel(skill=_skill(skill), level=1),)) for skill in sorted(site.skills)
                )
            ),
        ),
        parts=_pieces(site),
        tools=_tools(site),
    )


@dataclass(frozen=True, kw_only=True)
class TrspRecount:
    """Counts trips again in doubles, from the file."""

    file: TrspFile

    def objective(self, trips: Sequence[Trip]) -> float:
        """Total working time."""
        return sum(self.duration(trip) for trip in trips)

    def details(self, trips: Sequence[Trip]) -> dict[str, Any]:
        """Give the distance, the technicians used and the depot stops."""
        used = [trip for trip in trips if trip.visits]
        legs = (pairwise(stops) for stops in map(self._stops, used))
        return {
            "distance": round(sum(self.file.way(*leg) for route in legs for leg in route), 3),
            "technicians": len(used),
            "depot_stops": sum(trip.depot_before is not None for trip in used),
        }

    def faults(self, trips: Sequence[Trip]) -> list[str]:
        """Say what is left out, who lacks a skill, a tool or a part, and what starts late."""
        found = unknown_or_twice(trips, self.file.homes, self.file.requests)
        if found:
            return found
        served = {visit for trip in trips for visit in trip.visits}
        found += [f"request {name} is left out" for name in self.file.requests if name not in served]
        for trip in trips:
            found += self._kit_faults(trip)
            if self._finish(trip) is None:
                found.append(f"technician {trip.shift} comes too late")
        return found

    def duration(self, trip: Trip) -> float:
        """Time between the latest departure and the earliest return that go together; infinite when late."""
        if not trip.visits:
            return 0.0
        finish = self._finish(trip)
        if finish is None:
            return math.inf
        stops = self._stops(trip)
        latest = finish
        for here, after in zip(reversed(stops[:-1]), reversed(stops[1:]), strict=True):
            site = self.file.sites[here]
            latest -= self.file.way(here, after)
            if here > self.file.people:
                latest = min(latest - site.service, site.due)
        return finish - latest

    def _stops(self, trip: Trip) -> list[int]:
        home = self.file.homes[trip.shift]
        visits = [self.file.requests[visit] for visit in trip.visits]
        if trip.depot_before is not None:
            visits.insert(trip.depot_before, 0)
        return [home, *visits, home]

    def _finish(self, trip: Trip) -> float | None:
        """Earliest return, None = a window is missed."""
        stops = self._stops(trip)
        clock = self.file.sites[stops[0]].ready
        for here, after in pairwise(stops):
            site = self.file.sites[after]
            clock = max(clock + self.file.way(here, after), site.ready)
            if clock > site.due + TOLERANCE:
                return None
            clock += site.service
        return clock

    def _kit_faults(self, trip: Trip) -> list[str]:
        found: list[str] = []
        person = self.file.sites[self.file.homes[trip.shift]]
        left = list(person.parts)
        for position, visit in enumerate(trip.visits):
            request = self.file.sites[self.file.requests[visit]]
            if not request.skills <= person.skills:
                found.append(f"technician {trip.shift} lacks a skill for request {visit}")
            if trip.depot_before is not None and position >= trip.depot_before:
                continue
            if not request.tools <= person.tools:
                found.append(f"technician {trip.shift} lacks a tool for request {visit}")
            left = [have - asked for have, asked in zip(left, request.parts, strict=True)]
            if min(left) < 0:
                found.append(f"technician {trip.shift} lacks a part for request {visit}")
                left = [max(0, pieces) for pieces in left]
        return found


def _best_known(path: Path) -> float | None:
    beside = path.with_name(BEST_KNOWN)
    if not beside.exists():
        return None
    with beside.open(newline="", encoding="utf-8") as file:
        return next((float(row["duration"]) for row in csv.DictReader(file) if row["instance"] == path.stem), None)


def published(path: Path) -> Mapping[str, Any] | None:
    """Give the published solution: ``routes`` by technician with ``duration`` and ``requests``; None = none."""
    beside = path.with_name(SOLUTIONS)
    if not beside.exists():
        return None
    found: Mapping[str, Any] | None = json.loads(beside.read_text(encoding="utf-8")).get(path.stem)
    return found
