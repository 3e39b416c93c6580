"""Generated technician days: skill levels, own homes, windows, priorities and more work than time; whole seconds.

Minimised are the penalties of jobs left out, by priority, plus travel, plus (in the full objective) a price for people
below or above the level a job prefers. Places lie on a plane in metres.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.readers.instance import (
    PLAIN,
    START,
    Instance,
    Trip,
    recounted,
    unknown_or_twice,
)
from dispatch.matching.problem import (
    CrewSlot,
    Point,
    Problem,
    Proficiency,
    Shift,
    SkillLevel,
    SkillNeed,
    Technician,
    Travel,
    Visit,
    Window,
)

METRES_PER_DEGREE = 100_000.0
LARGEST_FULL = 1_000_000
"""Most pairs of a technician and a job for which the full objective is asked: one price a pair."""

PRIORITIES = {3: 1, 2: 2, 1: 3}
"""The matcher's priorities by those of the file, where 3 is urgent."""

File = Mapping[str, Any]


def read(path: Path, *, core: bool = False) -> Instance:
    """Read a file; with ``core`` the price for levels other than preferred is left out."""
    file = json.loads(path.read_text(encoding="utf-8"))
    people, jobs = file["technicians"], file["jobs"]
    if not core and len(people) * len(jobs) > LARGEST_FULL:
        raise ValueError(f"{path} is too large for the full objective, read it as rich-core")
    problem = Problem(
        name=file["name"],
        start=START,
        technicians=tuple(
            Technician(
                id=person["id"],
                proficiencies={skill: Proficiency(mean=level, sd=0.0) for skill, level in person["skills"].items()},
            )
            for person in people
        ),
        shifts=tuple(
            Shift(
                id=person["id"],
                technician=person["id"],
                start_s=person["shift"][0],
                end_s=person["shift"][1],
                start=_point(person["start"]),
                end=_point(person["end"]),
            )
            for person in people
        ),
        visits=tuple(_visit(file, job, core=core) for job in jobs),
        policy=PLAIN,
        travel=Travel(
            speed_kmh=round(file["travel"]["speed"] * 3.6, 9),
            detour_percent=round(file["travel"]["detour"] * 100),
            plane=True,
        ),
    )
    return recounted(
        name=file["name"],
        problem=problem,
        best_known=None,
        recount=RichRecount(file=file, core=core),
        ask=lambda: _model(file, core=core),
    )


def _point(place: Sequence[float]) -> Point:
    """Put a place on the plane, a degree from its corner: latitude and longitude 0/0 would mean a missing place."""
    return Point(lat=1.0 + place[1] / METRES_PER_DEGREE, lon=1.0 + place[0] / METRES_PER_DEGREE)


def _visit(file: File, job: File, *, core: bool) -> Visit:
    needs = tuple(
        SkillNeed(any_of=(SkillLevel(skill=skill, level=asked["min"]),)) for skill, asked in job["skills"].items()
    )
    prices = {} if core else {person["id"]: qualification(file, person, job) for person in file["technicians"]}
    return Visit(
        id=job["id"],
        point=_point(job["loc"]),
        duration_s=job["duration"],
        windows=(Window(start_s=job["tw"][0], end_s=job["tw"][1]),),
        priority=PRIORITIES[job["priority"]],
        unserved_penalty=file["objective"]["unserved"][str(job["priority"])],
        optional=True,
        crew=(CrewSlot(needs=needs),),
        person_cost={person: price for person, price in prices.items() if price},
    )


def qualification(file: File, person: File, job: File) -> int | None:
    """Price of a person's levels against the preferred ones; None = a level is below the least one."""
    price = 0
    for skill, asked in job["skills"].items():
        level = person["skills"].get(skill, 0)
        if level < asked["min"]:
            return None
        above = level - asked["preferred"]
        price += above * file["objective"]["over_cost"] if above > 0 else -above * file["objective"]["under_cost"]
    return price


@dataclass(frozen=True, kw_only=True)
class RichRecount:
    """Counts trips again from the file."""

    file: File
    core: bool

    def objective(self, trips: Sequence[Trip]) -> float:
        """Penalties, travel and, unless core, the price of levels."""
        return float(sum(self._terms(trips).values()))

    def details(self, trips: Sequence[Trip]) -> dict[str, Any]:
        """Split the objective, and count the jobs left out by priority."""
        left = self._left_out(trips)
        priorities = {str(priority): sum(job["priority"] == priority for job in left) for priority in (3, 2, 1)}
        return self._terms(trips) | {"left_out_by_priority": priorities}

    def faults(self, trips: Sequence[Trip]) -> list[str]:
        """Say who lacks a level, what starts outside its window, and who comes home after the shift."""
        people, jobs = self._people(), self._jobs()
        found = unknown_or_twice(trips, people, jobs)
        if found:
            return found
        for trip in trips:
            person = people[trip.shift]
            if trip.depot_before is not None:
                found.append(f"{trip.shift} calls at a depot on the way")
            clock, here = person["shift"][0], person["start"]
            for name in trip.visits:
                job = jobs[name]
                if qualification(self.file, person, job) is None:
                    found.append(f"{trip.shift} is not qualified for {name}")
                clock = max(clock + self._way(here, job["loc"], tie=-1), job["tw"][0])
                if clock > job["tw"][1]:
                    found.append(f"{trip.shift} is {clock - job['tw'][1]} s late at {name}")
                clock += job["duration"]
                here = job["loc"]
            late = clock + self._way(here, person["end"], tie=-1) - person["shift"][1]
            if late > 0:
                found.append(f"{trip.shift} is home {late} s late")
        return found

    def _people(self) -> dict[str, File]:
        return {person["id"]: person for person in self.file["technicians"]}

    def _jobs(self) -> dict[str, File]:
        return {job["id"]: job for job in self.file["jobs"]}

    def _left_out(self, trips: Sequence[Trip]) -> list[File]:
        served = {name for trip in trips for name in trip.visits}
        return [job for job in self.file["jobs"] if job["id"] not in served]

    def _terms(self, trips: Sequence[Trip]) -> dict[str, int]:
        people, jobs = self._people(), self._jobs()
        travel = price = 0
        for trip in trips:
            person = people[trip.shift]
            places = [person["start"], *(jobs[name]["loc"] for name in trip.visits), person["end"]]
            travel += sum(self._way(*pair) for pair in pairwise(places)) if trip.visits else 0
            price += sum(qualification(self.file, person, jobs[name]) or 0 for name in trip.visits)
        penalty = sum(self.file["objective"]["unserved"][str(job["priority"])] for job in self._left_out(trips))
        return {"penalty": penalty, "travel": travel} | ({} if self.core else {"qualification": price})

    def _way(self, start: Sequence[float], end: Sequence[float], *, tie: int = 0) -> int:
        """Whole seconds from place to place.

        A few ways in a million are exact halves that round by the last bit of the arithmetic; with ``tie`` -1 they are
        rounded down, so that nobody is late by one.
        """
        travel = self.file["travel"]
        exact: float = travel["detour"] / travel["speed"] * math.hypot(start[0] - end[0], start[1] - end[1])
        return math.floor(exact + 0.5 + tie * 1e-9)


def _model(file: File, *, core: bool) -> dict[str, Any]:
    """Put the question for the peers."""
    people, jobs = file["technicians"], file["jobs"]
    able: dict[str, tuple[int, ...]] = {}
    pairs: list[list[int]] = []
    prices = [[qualification(file, person, job) for job in jobs] for person in people]
    for number, job in enumerate(jobs):
        able[job["id"]] = tuple(index for index, row in enumerate(prices) if row[number] is not None)
    classes = {group: index for index, group in enumerate(dict.fromkeys(able.values()))}
    if not core:
        pairs = [[price or 0 for price in row] for row in prices]
    size = len(jobs)
    ends = [person["end"] for person in people]
    return {
        "points": [job["loc"] for job in jobs] + [person["start"] for person in people] + ends,
        "factor": file["travel"]["detour"] / file["travel"]["speed"],
        "rounding": 0.5,
        "unit": 1,
        "classes": [list(group) for group in classes],
        "vehicles": [
            {
                "id": person["id"],
                "start": size + index,
                "end": size + len(people) + index,
                "open": person["shift"][0],
                "close": person["shift"][1],
                "capacity": None,
                "fixed": 0,
                "max_length": None,
            }
            for index, person in enumerate(people)
        ],
        "jobs": [
            {
                "id": job["id"],
                "point": number,
                "service": job["duration"],
                "ready": job["tw"][0],
                "due": job["tw"][1],
                "demand": 0,
                "prize": file["objective"]["unserved"][str(job["priority"])],
                "class": classes[able[job["id"]]],
            }
            for number, job in enumerate(jobs)
        ],
        "pair_cost": None if core else pairs,
    }
