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

from benchmarks.large_day import generated
from dispatch.matching import Plan, Problem, check, solve, warm
from dispatch.matching.replan import replan

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
