"""VROOM inputs: what its solution says of our plan is recounted from the input file, step by step.

The objective is VROOM's cost, travel and fixed costs. A job left out adds ``LEFT_OUT`` and as much for each point of
its priority, as priorities come before numbers and numbers before travel. Files that ask what the matcher can not hold
are refused by name. The best known value is that of a solution beside the file (``NAME_sol.json``) for the same matrix.
"""

import json
from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.readers.instance import Instance
from dispatch.matching.formats import vroom
from dispatch.matching.plan import Plan
from dispatch.matching.problem import Point, Problem, Travel
from dispatch.units import great_circle_m

LEFT_OUT = 1_000_000
USUAL_PER_HOUR = 3_600

File = Mapping[str, Any]


def read(path: Path) -> Instance:
    """Read a file of VROOM's input."""
    text = path.read_text(encoding="utf-8")
    problem, names = vroom.read(text)
    file: File = json.loads(text)
    solution = partial(vroom.write, problem, names=names)
    return Instance(
        name=path.stem,
        problem=problem,
        best_known=_beside(path, file),
        objective=lambda plan: objective(file, solution(plan=plan)),
        faults=lambda plan: faults(file, solution(plan=plan)),
        details=lambda plan: details(problem, plan),
    )


def details(problem: Problem, plan: Plan) -> dict[str, Any]:
    """Count the vehicles and the jobs left out."""
    return {"vehicles": len(plan.routes), "left_out": len(problem.visits) - len(plan.stops_by_visit)}


def objective(file: File, solution: Mapping[str, Any]) -> float:
    """Count travel, fixed costs and what is left out again."""
    vehicles = _by_id(file["vehicles"])
    total = 0.0
    for route in solution["routes"]:
        costs = vehicles[route["vehicle"]].get("costs") or {}
        per_hour = costs.get("per_hour", USUAL_PER_HOUR)
        total += costs.get("fixed", 0) + _driven_s(file, route["steps"]) * per_hour / USUAL_PER_HOUR
    served = {step["id"] for route in solution["routes"] for step in route["steps"] if step["type"] == "job"}
    left_out = [job for job in file.get("jobs", ()) if job["id"] not in served]
    return float(total + LEFT_OUT * sum(1 + job.get("priority", 0) for job in left_out))


def faults(file: File, solution: Mapping[str, Any]) -> list[str]:
    """Say what the routes of a solution break, each route for itself, and who is served twice or nowhere."""
    jobs, vehicles = _by_id(file.get("jobs", ())), _by_id(file["vehicles"])
    found: list[str] = []
    told = [item["id"] for item in solution["unassigned"]]
    told += [step["id"] for route in solution["routes"] for step in route["steps"] if step["type"] == "job"]
    if sorted(told) != sorted(jobs):
        found.append("not every job is told once, as served or as left out")
    used = [route["vehicle"] for route in solution["routes"]]
    if len(used) != len(set(used)):
        found.append("a vehicle has two routes")
    for route in solution["routes"]:
        found += [f"vehicle {route['vehicle']} {words}" for words in _route_faults(file, route, vehicles, jobs)]
    return found


def _route_faults(file: File, route: File, vehicles: Mapping[int, File], jobs: Mapping[int, File]) -> list[str]:
    steps, vehicle = route["steps"], vehicles[route["vehicle"]]
    served = [jobs[step["id"]] for step in steps if step["type"] == "job"]
    found = _clock_faults(file, steps, vehicle, jobs) + _break_faults(steps, vehicle) + _load_faults(served, vehicle)
    for job in served:
        if not set(job.get("skills", ())) <= set(vehicle.get("skills", ())):
            found.append(f"lacks a skill for job {job['id']}")
    if len(served) > vehicle.get("max_tasks", len(served)):
        found.append("has too many jobs")
    if _driven_s(file, steps) > vehicle.get("max_travel_time", float("inf")):
        found.append("drives too long")
    if (vehicle.get("end") or vehicle.get("end_index") is not None) and steps[-1]["type"] != "end":
        found.append("does not come home")
    return found


def _load_faults(served: list[File], vehicle: File) -> list[str]:
    """Say where more is on board than there is room for: deliveries from the start, collections until the end."""
    found: list[str] = []
    room = vehicle.get("capacity") or []
    kinds = max((len(amounts) for job in served for amounts in (_delivery(job), _pickup(job))), default=0)
    for kind in range(kinds):
        most = carried = sum(_of_kind(_delivery(job), kind) for job in served)
        for job in served:
            carried += _of_kind(_pickup(job), kind) - _of_kind(_delivery(job), kind)
            most = max(most, carried)
        if most > _of_kind(room, kind):
            found.append(f"carries {most} of {_of_kind(room, kind)} of kind {kind}")
    return found


def _clock_faults(file: File, steps: list[File], vehicle: File, jobs: Mapping[int, File]) -> list[str]:
    """Say which steps begin before they can, or outside of their time."""
    found: list[str] = []
    earliest, latest = vehicle.get("time_window", (0, float("inf")))
    free_s = earliest
    here, left_s, rested_s = None, 0, 0
    for step in steps:
        begin_s = step["arrival"] + step["waiting_time"]
        end_s = begin_s + step["setup"] + step["service"]
        if step["arrival"] < free_s:
            found.append("is in two places, or out before its time")
        free_s = end_s
        if step["type"] == "break":
            rested_s += step["service"]
            continue
        place = _place(step)
        if here is not None and step["arrival"] < left_s + _way_s(file, here, place) + rested_s:
            found.append(f"is at {step['type']} {step.get('id', '')} before it can be")
        if step["type"] == "job":
            job = jobs[step["id"]]
            windows = job.get("time_windows") or [[0, float("inf")]]
            if not any(since <= begin_s <= until for since, until in windows):
                found.append(f"starts job {job['id']} outside of its windows")
            setups = {job.get("setup", 0), 0} if here == place else {job.get("setup", 0)}
            if step["service"] != job.get("service", 0) or step["setup"] not in setups:
                found.append(f"works too long or too short on job {job['id']}")
        here, left_s, rested_s = place, end_s, 0
    return [*found, "ends too late"] if free_s > latest else found


def _break_faults(steps: list[File], vehicle: File) -> list[str]:
    """Say which breaks are missing or outside of their time; one is owed if the route still runs after its window."""
    found: list[str] = []
    taken = {step["id"]: step for step in steps if step["type"] == "break"}
    last = steps[-1]
    finish = last["arrival"] + last["waiting_time"] + last["setup"] + last["service"]
    working = vehicle.get("time_window", (0, float("inf")))
    for owed in vehicle.get("breaks", ()):
        since, until = (owed.get("time_windows") or [working])[0]
        step = taken.pop(owed["id"], None)
        if step is None:
            if finish > min(until, working[1]):
                found.append(f"misses break {owed['id']}")
        elif not since <= step["arrival"] + step["waiting_time"] <= until or step["service"] != owed.get("service", 0):
            found.append(f"takes break {owed['id']} at another time or length")
    return [*found, *(f"takes a break {name} of nobody" for name in taken)]


def _driven_s(file: File, steps: list[File]) -> int:
    places = [_place(step) for step in steps if step["type"] != "break"]
    return sum(_way_s(file, start, end) for start, end in pairwise(places))


Spot = int | tuple[float, float]


def _place(step: File) -> Spot:
    if "location_index" in step:
        return int(step["location_index"])
    lon, lat = step["location"]
    return lon, lat


def _way_s(file: File, start: Spot, end: Spot) -> int:
    if isinstance(start, int) and isinstance(end, int):
        profile = file["vehicles"][0].get("profile", "car")
        return int(file["matrices"][profile]["durations"][start][end])
    if isinstance(start, int) or isinstance(end, int):
        raise ValueError("a step has no coordinates")
    usual = Travel()
    straight_m = great_circle_m(Point(lat=start[1], lon=start[0]), Point(lat=end[1], lon=end[0]))
    return int(straight_m * usual.detour_percent / 100 * 3.6 / usual.speed_kmh + 0.5)


def _delivery(job: File) -> list[int]:
    return list(job.get("delivery") or job.get("amount") or [])


def _pickup(job: File) -> list[int]:
    return list(job.get("pickup") or [])


def _of_kind(amounts: list[int], kind: int) -> int:
    return amounts[kind] if kind < len(amounts) else 0


def _by_id(items: Any) -> dict[int, File]:
    return {item["id"]: item for item in items}


def _beside(path: Path, file: File) -> float | None:
    """Objective of the solution that lies beside the file; None without one, or where its ways are not ours."""
    beside = path.with_name(f"{path.stem}_sol.json")
    if not beside.exists() or not file.get("matrices"):
        return None
    return objective(file, json.loads(beside.read_text(encoding="utf-8")))
