"""How far a plan is from what no plan goes under, and what the bound costs; one JSON line a problem.

    python -m benchmarks.bounds PROBLEM.json... --time-limit 10 --bound 30 [--seed 1]

Files are problems as `dispatch solve` reads them, or rich technician instances (JSON with ``technicians`` and
``jobs``). Without a time limit only the bounds are measured. ``capacity`` and ``columns`` are the two bounds on their
own, each with its seconds; ``gap_percent`` belongs to the better one.
"""

import argparse
import json
import resource
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dispatch.matching import Problem, solve, warm
from dispatch.matching.bounds import gap_percent
from dispatch.matching.constraint import Scope
from dispatch.matching.problem import (
    CrewSlot,
    Point,
    Policy,
    Proficiency,
    Shift,
    SkillLevel,
    SkillNeed,
    Technician,
    Travel,
    Visit,
    Window,
)
from dispatch.matching.solvers.bound import lower_bound
from dispatch.matching.solvers.tables import build

METRES_A_DEGREE = 100_000
"""On the flat map of `Travel.plane`."""

CONFIDENT = 0.5
"""Levels of rich instances are known, so any confidence between 0 and 1 asks the same."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--time-limit", type=float)
    parser.add_argument("--bound", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--core", action="store_true", help="rich instances without the cost of who comes")
    options = parser.parse_args()
    warm()
    for path in options.files:
        problem = read(path, core=options.core)
        print(json.dumps(measure(problem, options.time_limit, options.bound, options.seed)), flush=True)


def measure(problem: Problem, time_limit_s: float | None, bound_s: float, seed: int) -> dict[str, object]:
    """Bound one problem, and solve it if there is a limit."""
    begun = time.perf_counter()
    tables = build(Scope.of(problem))
    told: dict[str, object] = {
        "problem": problem.name,
        "visits": len(problem.visits),
        "shifts": len(problem.shifts),
        "tables_s": round(time.perf_counter() - begun, 2),
    }
    before = peak_mb()
    lower_bound(tables, seconds=0.01, method="capacity")  # compiles, where nobody did before
    best = lower_bound(tables, seconds=bound_s, method="capacity")
    told |= {"capacity": best.value, "capacity_s": best.seconds, "mb_more": peak_mb() - before}
    full = lower_bound(tables, seconds=bound_s)
    if full.method != "capacity":
        told |= {full.method: full.value, f"{full.method}_s": full.seconds}
        best = full
    if time_limit_s is not None:
        plan = solve(problem, time_limit_s=time_limit_s, seed=seed)
        gap = gap_percent(plan.cost.total, best.value)
        told |= {"cost": plan.cost.total, "unserved": len(plan.unassigned), "gap_percent": round(gap, 2)}
    return told | {"peak_mb": peak_mb()}


def peak_mb() -> int:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def read(path: Path, *, core: bool = False) -> Problem:
    """Read a problem, or a rich instance as one."""
    document = json.loads(path.read_bytes())
    return rich(document, core=core) if "jobs" in document else Problem.from_json(path.read_bytes())


def rich(document: Mapping[str, Any], *, core: bool = False) -> Problem:
    """Turn a rich instance into a problem: straight lines times a detour, known levels, penalties by priority."""
    skills, goal = document["skills"], document["objective"]
    people = document["technicians"]
    technicians = [
        Technician(
            id=item["id"],
            proficiencies={skills[int(key)]: Proficiency(mean=level, sd=0.0) for key, level in item["skills"].items()},
        )
        for item in people
    ]
    shifts = [
        Shift(
            id=item["id"],
            technician=item["id"],
            start_s=item["shift"][0],
            end_s=item["shift"][1],
            start=point(item["start"]),
            end=point(item["end"]),
        )
        for item in people
    ]
    visits = [
        Visit(
            id=item["id"],
            point=point(item["loc"]),
            duration_s=item["duration"],
            windows=(Window(start_s=item["tw"][0], end_s=item["tw"][1]),),
            crew=(CrewSlot(needs=tuple(need(skills[int(key)], one["min"]) for key, one in item["skills"].items())),),
            unserved_penalty=goal["unserved"][str(item["priority"])],
            person_cost={} if core else who_comes(item, people, goal),
        )
        for item in document["jobs"]
    ]
    way = document["travel"]
    return Problem(
        start=datetime(2030, 1, 7, tzinfo=UTC),
        technicians=tuple(technicians),
        shifts=tuple(shifts),
        visits=tuple(visits),
        policy=Policy(
            min_confidence=CONFIDENT,
            waiting_percent=0,
            second_visit_cost=0,
            unknown=Proficiency(mean=0.0, sd=0.0, confirmed=False),
        ),
        travel=Travel(speed_kmh=way["speed"] * 3.6, detour_percent=round(way["detour"] * 100), plane=True),
        name=document["name"],
    )


def point(place: list[float]) -> Point:
    """Place of metres on a flat map."""
    return Point(lat=place[1] / METRES_A_DEGREE, lon=place[0] / METRES_A_DEGREE)


def need(skill: str, level: int) -> SkillNeed:
    """One skill at least at a level."""
    return SkillNeed(any_of=(SkillLevel(skill=skill, level=level),))


def who_comes(job: Mapping[str, Any], people: list[Mapping[str, Any]], goal: Mapping[str, Any]) -> dict[str, int]:
    """Cost of levels below and above the preferred ones, by technician."""
    found = {}
    for person in people:
        cost = 0
        for key, one in job["skills"].items():
            above = person["skills"].get(key, 0) - one["preferred"]
            cost += above * goal["over_cost"] if above > 0 else -above * goal["under_cost"]
        found[person["id"]] = cost
    return found


if __name__ == "__main__":
    main()
