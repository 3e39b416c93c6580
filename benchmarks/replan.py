"""How fast and how gently one sick technician is replaced in a large plan; one JSON line a seed.

    python -m benchmarks.replan --technicians 500 --visits 5000 --solve 20 --seed 1 --seed 2

The standing plan comes from ``solve`` with that time limit (0 = its first plan only). Then one technician with a full
day is sick: the shift is missing from the question. ``to_anew`` compares with throwing the plan away and solving the
changed question for as long as the first time: the cost without changes, and how many customers would hear of it.
"""

import argparse
import json
import random
import time
from dataclasses import replace
from datetime import UTC, datetime

from dispatch.matching import Plan, Problem, check, solve, warm
from dispatch.matching.problem import (
    CrewSlot,
    Point,
    Policy,
    Proficiency,
    Shift,
    SkillLevel,
    SkillNeed,
    Technician,
    Visit,
    Window,
)
from dispatch.matching.replan import replan

HOUR = 3_600
SKILLS = ("gas", "electric", "lift", "water", "heating", "network")
BUDGET_S = 1.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--technicians", type=int, default=500)
    parser.add_argument("--visits", type=int, default=5_000)
    parser.add_argument("--solve", type=float, default=20.0, help="seconds for the standing plan; 0 = first plan only")
    parser.add_argument("--time-limit", type=float, default=BUDGET_S)
    parser.add_argument("--seed", type=int, action="append")
    options = parser.parse_args()
    warm()
    for seed in options.seed or [1]:
        problem = generated(options.technicians, options.visits, seed)
        standing = solved(problem, options.solve, seed)
        print(json.dumps(measure(problem, standing, options.time_limit, options.solve, seed)), flush=True)


def generated(technicians: int, visits: int, seed: int) -> Problem:
    """Make a seeded day in a region of 80 x 80 km: two or three skills a person, half the visits with a window."""
    draw = random.Random(seed)
    people, shifts, asked = [], [], []
    for number in range(technicians):
        name = f"t{number:04d}"
        held = draw.sample(SKILLS, draw.randint(2, 3))
        people.append(
            Technician(id=name, proficiencies={skill: Proficiency(mean=draw.uniform(3, 5), sd=0.3) for skill in held})
        )
        home = _place(draw)
        start = draw.choice((7, 8, 8, 9)) * HOUR
        shifts.append(
            Shift(
                id=f"{name}-day",
                technician=name,
                start_s=start,
                end_s=start + 8 * HOUR,
                start=home,
                end=home,
                overtime_limit_s=HOUR,
            )
        )
    for number in range(visits):
        opening = draw.randint(7, 14) * HOUR
        windows = (Window(start_s=opening, end_s=opening + draw.choice((2, 4)) * HOUR),) if draw.random() < 0.5 else ()
        wanted = SkillLevel(skill=draw.choice(SKILLS), level=draw.randint(2, 3))
        asked.append(
            Visit(
                id=f"v{number:05d}",
                point=_place(draw),
                duration_s=draw.choice((1_500, 2_400, 3_000, 3_900)),
                windows=windows,
                priority=draw.randint(1, 5),
                crew=(CrewSlot(needs=(SkillNeed(any_of=(wanted,)),)),),
            )
        )
    return Problem(
        name=f"replan-{technicians}x{visits}-{seed}",
        start=datetime(2030, 1, 7, tzinfo=UTC),
        technicians=tuple(people),
        shifts=tuple(shifts),
        visits=tuple(asked),
        policy=Policy(),
    )


def _place(draw: random.Random) -> Point:
    return Point(lat=51.0 + draw.uniform(0, 0.72), lon=7.0 + draw.uniform(0, 1.14))


def solved(problem: Problem, seconds: float, seed: int) -> Plan:
    """Give the standing plan, or one after a change."""
    if seconds <= 0.0:
        return solve(problem, time_limit_s=None, step_limit=0, seed=seed)
    return solve(problem, time_limit_s=seconds, seed=seed)


def sick(problem: Problem, standing: Plan, seed: int) -> Problem:
    """Leave out the shift of somebody with a full day."""
    busiest = sorted(standing.routes, key=lambda route: (-len(route.stops), route.shift))
    gone = random.Random(seed).choice(busiest[: max(1, len(busiest) // 4)]).shift
    return replace(problem, shifts=tuple(shift for shift in problem.shifts if shift.id != gone))


def measure(problem: Problem, standing: Plan, limit_s: float, anew_s: float, seed: int) -> dict[str, object]:
    """Repair once, check it, and compare with solving anew."""
    changed = sick(problem, standing, seed)
    gone = next(route for route in standing.routes if route.shift not in changed.shift_by_id)
    begun, used = time.perf_counter(), time.process_time()
    repair = replan(changed, standing, time_limit_s=limit_s, seed=seed)
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - used
    same = sum(1 for route in repair.plan.routes if route is standing.route_by_shift.get(route.shift))
    anew = solved(changed, anew_s, seed)
    return {
        "problem": problem.name,
        "seed": seed,
        "seconds": round(seconds, 3),
        "cpu_s": round(cpu_s, 3),
        "budget_s": BUDGET_S,
        "tables_s": round(repair.phases_s["tables"], 3),
        "load_s": round(repair.phases_s["load"], 3),
        "search_s": round(repair.phases_s["search"], 3),
        "write_s": round(repair.phases_s["write"], 3),
        "visits_of_the_sick": len(gone.stops),
        "moved": len(repair.moved),
        "lost": len(repair.lost),
        "routes_touched": len(repair.touched),
        "routes_same_object": same,
        "routes": len(repair.plan.routes),
        "proven": repair.proven,
        "broken_rules": len(check(changed, repair.plan)),
        "moved_anew": told_anew(changed, standing, anew),
        "to_anew": round(repair.plan.cost.total / max(1, anew.cost.total), 4),
        "unserved": len(repair.plan.unassigned),
        "unserved_anew": len(anew.unassigned),
    }


def told_anew(problem: Problem, standing: Plan, anew: Plan) -> int:
    """Count the customers who would get another person or another time from a plan made anew."""
    tolerance = problem.policy.retime_tolerance_s
    count = 0
    for visit, before in standing.stops_by_visit.items():
        after = anew.stops_by_visit.get(visit)
        count += after is None or any(
            one.technician != other.technician or abs(first.start_s - second.start_s) > tolerance
            for (one, first), (other, second) in zip(before, after, strict=True)
        )
    return count


if __name__ == "__main__":
    main()
