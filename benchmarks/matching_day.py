"""How good a day's plan is: first plan, plan after a while, against a nearest-qualified greedy; one JSON line a seed.

    python -m benchmarks.matching_day REQUESTS.csv MAPPING.csv --time-limit 30 --technicians 120 --seed 1 --seed 2

Read the ratios, not the seconds: ``to_first`` and ``to_greedy`` are costs divided by the cost of the first plan and of
the greedy one, the part that no plan can avoid (visits nobody is qualified for) taken off both.
"""

import argparse
import json
import time
from pathlib import Path

from benchmarks.readers import city_day
from dispatch.matching import Plan, Problem, ProgressUpdate, baseline, check, solve, warm
from dispatch.matching.check import feasible_insertions
from dispatch.matching.plan import ReasonCode


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("requests", type=Path)
    parser.add_argument("mapping", type=Path)
    parser.add_argument("--time-limit", type=float, default=30.0)
    parser.add_argument("--technicians", type=int, default=120)
    parser.add_argument("--seed", type=int, action="append")
    options = parser.parse_args()
    problem = city_day.read(options.requests, options.mapping, technicians=options.technicians, seed=1)
    begun = time.perf_counter()
    warm()
    warm_s = time.perf_counter() - begun
    greedy = baseline(problem)
    for seed in options.seed or [1]:
        print(json.dumps({"warm_s": round(warm_s, 1)} | measure(problem, greedy, options.time_limit, seed)))


def measure(problem: Problem, greedy: Plan, time_limit_s: float, seed: int) -> dict[str, object]:
    """Solve once and compare."""
    told: list[ProgressUpdate] = []
    begun = time.perf_counter()
    plan = solve(problem, time_limit_s=time_limit_s, seed=seed, progress=told.append)
    seconds = time.perf_counter() - begun
    fixed = unavoidable(problem, plan)
    first = told[0].cost - fixed
    return {
        "problem": problem.name,
        "visits": len(problem.visits),
        "shifts": len(problem.shifts),
        "seed": seed,
        "first_plan_s": round(told[0].elapsed_s, 2),
        "seconds": round(seconds, 2),
        "over_limit_s": round(seconds - time_limit_s, 2),
        "steps": plan.stats.steps,
        "cost": plan.cost.total,
        "unserved": len(plan.unassigned),
        "unserved_greedy": len(greedy.unassigned),
        "to_first": round((plan.cost.total - fixed) / first, 4),
        "to_greedy": round((plan.cost.total - fixed) / (greedy.cost.total - fixed), 4),
        "broken_rules": len(check(problem, plan)),
        "feasible_insertions": sum(1 for _ in feasible_insertions(problem, plan)),
    }


def unavoidable(problem: Problem, plan: Plan) -> int:
    """Penalties of visits that nobody is qualified for."""
    return sum(
        problem.penalty(problem.visit_by_id[item.visit])
        for item in plan.unassigned
        if item.reasons[0].code is ReasonCode.NOBODY_QUALIFIED
    )


if __name__ == "__main__":
    main()
