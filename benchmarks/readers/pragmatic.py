"""The pragmatic format of reinterpretcat/vrp: jobs of one task, skills, values, breaks and relations.

Ways are the format's own estimate, the great circle on a globe of 6,378,137 m at the speed of the profile. Minimised is
the cost of the tours (fixed, by metre and by second, waiting and work included). A job left out adds ``LEFT_OUT`` and
as much for each point of its value, as values come before numbers and numbers before cost. Files that ask what the
matcher can not hold are refused by name.

The best known value is that of the routes published beside the file (``NAME.solution.json``), counted on our ways: two
of the published files were solved on a road network that is not published with them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from benchmarks.readers.instance import PLAIN, Instance, given_travel, place
from benchmarks.readers.pragmatic_file import LEFT_OUT, Job, PragmaticFile, Spot, Tour, of_kind, parse
from dispatch.matching.faults import Fault, Refused
from dispatch.matching.formats.entry import Entry
from dispatch.matching.plan import Plan, Route
from dispatch.matching.problem import (
    MAX_COST,
    Break,
    Certification,
    CrewSlot,
    Pin,
    Problem,
    Shift,
    Technician,
    Travel,
    Visit,
    Window,
)


def read(path: Path) -> Instance:
    """Read a problem file; raises `Refused` with everything in it that can not be held."""
    file = parse(path.read_bytes())
    return Instance(
        name=path.name.removesuffix(".json").removesuffix(".problem"),
        problem=problem_of(file),
        best_known=_beside(path, file),
        objective=lambda plan: objective(file, plan),
        faults=lambda plan: faults(file, plan),
        details=lambda plan: {"vehicles": len(plan.routes), "left_out": len(file.jobs) - len(plan.stops_by_visit)},
        cost_unit=1.0 / file.price,
        cost_offset=file.per_second * sum(job.duration_s for job in file.jobs.values()),
    )


# The problem


def problem_of(file: PragmaticFile) -> Problem:
    """Ask the file as a problem."""
    zero = file.midnight_s
    spots = list(dict.fromkeys([*(job.spot for job in file.jobs.values()), *_ends(file)]))
    number = {spot: index for index, spot in enumerate(spots)}
    metres = tuple(tuple(file.way_m(start, end) for end in spots) for start in spots)
    seconds = given_travel([[file.way_s(start, end) for end in spots] for start in spots]).matrix
    if seconds is None:
        raise ValueError("ways are given as a matrix")
    kinds = _kinds(file)
    return Problem(
        start=datetime.fromtimestamp(zero, tz=UTC),
        horizon_s=max(tour.latest_s for tour in file.tours.values()) - zero,
        technicians=tuple(_technician(file, vehicle) for vehicle in _vehicles(file)),
        shifts=tuple(_shift(tour, zero, number, kinds) for tour in file.tours.values()),
        visits=tuple(_visit(file, job, number, kinds) for job in file.jobs.values()),
        pins=tuple(
            Pin(visit=name, technician=tie.vehicle, order=order if tie.first else None)
            for tie in file.ties
            for order, name in enumerate(tie.jobs)
        ),
        policy=replace(PLAIN, waiting_percent=round(100 * file.per_second / file.price)),
        travel=Travel(matrix=replace(seconds, travel_m=metres)),
    )


def _visit(file: PragmaticFile, job: Job, number: Mapping[Spot, int], kinds: Mapping[int, int]) -> Visit:
    zero = file.midnight_s
    return Visit(
        id=job.name,
        point=place(number[job.spot]),
        duration_s=job.duration_s,
        windows=tuple(Window(start_s=since - zero, end_s=until - zero) for since, until in job.windows),
        unserved_penalty=min(MAX_COST, round(LEFT_OUT * (1.0 + job.value) / file.price)),
        crew=(CrewSlot(certifications=tuple(sorted(job.all_of))),),
        excluded=tuple(sorted({tour.vehicle for tour in file.tours.values() if not _may(tour, job)})),
        parts={str(kind): of_kind(job.out, kind) + of_kind(job.back, kind) for kind in kinds},
    )


def _may(tour: Tour, job: Job) -> bool:
    """Whether the skills that are a choice, or unwanted, let the vehicle do the job."""
    return not job.none_of & tour.skills and (not job.one_of or bool(job.one_of & tour.skills))


def _technician(file: PragmaticFile, vehicle: str) -> Technician:
    tour = next(tour for tour in file.tours.values() if tour.vehicle == vehicle)
    return Technician(
        id=vehicle,
        certifications=tuple(Certification(id=skill) for skill in sorted(tour.skills)),
        call_out_cost=round(tour.fixed / file.price),
    )


def _shift(tour: Tour, zero: int, number: Mapping[Spot, int], kinds: Mapping[int, int]) -> Shift:
    return Shift(
        id=tour.name,
        technician=tour.vehicle,
        start_s=tour.earliest_s - zero,
        end_s=tour.latest_s - zero,
        start=place(number[tour.start]),
        end=None if tour.end is None else place(number[tour.end]),
        breaks=tuple(
            Break(
                id=f"break {index}",
                earliest_s=pause.earliest_s - (0 if pause.from_departure else zero),
                latest_s=pause.latest_s - (0 if pause.from_departure else zero),
                duration_s=pause.duration_s,
                from_departure=pause.from_departure,
            )
            for index, pause in enumerate(tour.pauses)
        ),
        max_length_s=tour.max_duration_s,
        max_visits=tour.max_jobs,
        parts={str(kind): min(total, of_kind(tour.capacity, kind)) for kind, total in kinds.items()},
    )


def _kinds(file: PragmaticFile) -> dict[int, int]:
    """Give the kinds of goods with how much of them there is; one that goes out and comes back is refused."""
    found: list[Fault] = []
    totals: dict[int, int] = {}
    for kind in range(max((len(job.out or job.back) for job in file.jobs.values()), default=0)):
        out = sum(of_kind(job.out, kind) for job in file.jobs.values())
        back = sum(of_kind(job.back, kind) for job in file.jobs.values())
        if out and back:
            entry = Entry("plan", {}, found, taken=(), refused={})
            entry.fault(f"demand[{kind}]", [out, back], "deliveries or pickups: only one of both can be counted")
        totals[kind] = out + back
    if found:
        raise Refused(found)
    return totals


def _vehicles(file: PragmaticFile) -> list[str]:
    return list(dict.fromkeys(tour.vehicle for tour in file.tours.values()))


def _ends(file: PragmaticFile) -> list[Spot]:
    return [spot for tour in file.tours.values() for spot in (tour.start, tour.end) if spot is not None]


# Plans, counted again


def objective(file: PragmaticFile, plan: Plan) -> float:
    """Give the cost of the tours, and what is left out."""
    tours = sum(
        _cost(file, file.tours[route.shift], [stop.visit for stop in route.stops], route.finish_s - route.depart_s)
        for route in plan.routes
    )
    return tours + file.left_out({stop.visit for route in plan.routes for stop in route.stops})


def _cost(file: PragmaticFile, tour: Tour, jobs: Sequence[str], duration_s: int) -> float:
    metres = sum(file.way_m(*pair) for pair in pairwise(file.spots(tour, jobs)))
    return tour.fixed + file.per_metre * metres + file.per_second * duration_s


def faults(file: PragmaticFile, plan: Plan) -> list[str]:
    """Say what the plan breaks of the file."""
    served = [stop.visit for route in plan.routes for stop in route.stops]
    found = [f"there is no job {name}" for name in served if name not in file.jobs]
    found += [f"there is no tour {route.shift}" for route in plan.routes if route.shift not in file.tours]
    if found:
        return found
    found += [f"job {name} is served twice" for name in sorted({name for name in served if served.count(name) > 1})]
    for route in plan.routes:
        found += [f"{route.shift} {words}" for words in _tour_faults(file, file.tours[route.shift], route)]
    for tie in file.ties:
        own = [
            stop.visit
            for route in plan.routes
            if file.tours[route.shift].vehicle == tie.vehicle
            for stop in route.stops
        ]
        wanted = [name for name in tie.jobs if name in served]
        if not set(own).issuperset(wanted) or (tie.first and own[: len(wanted)] != wanted):
            found.append(f"{tie.vehicle} breaks its relation")
    return found


def _tour_faults(file: PragmaticFile, tour: Tour, route: Route) -> list[str]:
    zero = file.midnight_s
    jobs = [file.jobs[stop.visit] for stop in route.stops]
    found = [f"may not do job {job.name}" for job in jobs if not job.all_of <= tour.skills or not _may(tour, job)]
    ways = [file.way_s(*pair) for pair in pairwise(file.spots(tour, [job.name for job in jobs]))]
    left_s = route.depart_s
    for job, stop, way in zip(jobs, route.stops, ways, strict=False):
        rest_s = sum(rest.end_s - rest.start_s for rest in route.breaks if left_s <= rest.start_s < stop.start_s)
        if stop.start_s < left_s + way + rest_s:
            found.append(f"begins job {job.name} before it can be there")
        if job.windows and not any(since <= stop.start_s + zero <= until for since, until in job.windows):
            found.append(f"begins job {job.name} outside of its times")
        if stop.end_s - stop.start_s != job.duration_s:
            found.append(f"works too long or too short on job {job.name}")
        left_s = stop.end_s
    rest_s = sum(rest.end_s - rest.start_s for rest in route.breaks if left_s <= rest.start_s < route.finish_s)
    if route.finish_s < left_s + sum(ways[len(jobs) :]) + rest_s:
        found.append("is home before it can be")
    if route.depart_s + zero < tour.earliest_s or route.finish_s + zero > tour.latest_s:
        found.append("is out outside of its shift")
    if tour.max_duration_s is not None and route.finish_s - route.depart_s > tour.max_duration_s:
        found.append("is out too long")
    if tour.max_jobs is not None and len(jobs) > tour.max_jobs:
        found.append("has too many jobs")
    for kind in range(max((len(job.out or job.back) for job in jobs), default=0)):
        if sum(of_kind(job.out, kind) + of_kind(job.back, kind) for job in jobs) > of_kind(tour.capacity, kind):
            found.append(f"carries too much of kind {kind}")
    for index, pause in enumerate(tour.pauses):
        since = route.depart_s if pause.from_departure else -zero
        rest = next((one for one in route.breaks if one.id == f"break {index}"), None)
        if rest is None and route.finish_s > pause.latest_s + since:
            found.append(f"misses break {index}")
        elif rest is not None and not (
            pause.earliest_s <= rest.start_s - since <= pause.latest_s and rest.end_s - rest.start_s == pause.duration_s
        ):
            found.append(f"takes break {index} at another time or length")
    return found


def _beside(path: Path, file: PragmaticFile) -> float | None:
    """Objective of the routes published beside the file on our ways; None where there are none, or with a wait."""
    beside = path.with_name(path.name.replace(".problem.json", ".solution.json"))
    if beside == path or not beside.exists():
        return None
    total, served = 0.0, set()
    for given in json.loads(beside.read_text(encoding="utf-8"))["tours"]:
        shift = given.get("shiftIndex", 0)
        tour = file.tours[given["vehicleId"] if shift == 0 else f"{given['vehicleId']}/{shift}"]
        names = [activity["jobId"] for stop in given["stops"] for activity in stop["activities"]]
        jobs = [name for name in names if name in file.jobs]
        if any(file.jobs[name].windows for name in jobs) or tour.pauses:
            return None
        driven_s = sum(file.way_s(*pair) for pair in pairwise(file.spots(tour, jobs)))
        total += _cost(file, tour, jobs, driven_s + sum(file.jobs[name].duration_s for name in jobs))
        served |= set(jobs)
    return total + file.left_out(served)
