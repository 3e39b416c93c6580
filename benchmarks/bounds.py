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
from pathlib import Path

from benchmarks.readers import rich
from dispatch.matching import Problem, solve, warm
from dispatch.matching.bounds import gap_percent
from dispatch.matching.constraint import Scope
from dispatch.matching.solvers.bound import lower_bound
from dispatch.matching.solvers.tables import build


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
    if "jobs" in json.loads(path.read_bytes()):
        return rich.read(path, core=core).problem
    return Problem.from_json(path.read_bytes())


if __name__ == "__main__":
    main()
