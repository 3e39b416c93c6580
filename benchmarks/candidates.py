"""How long one question about one visit takes in a large plan: percentiles of process time, one JSON line a question.

    python -m benchmarks.candidates --technicians 500 --visits 5000 --questions 2000

``candidates`` asks for the five best of everybody for a visit of the plan, ``new`` for one that is in no plan yet and
was added to the desk before (``admit`` is that), ``options`` for starts to offer. The budget of ``candidates`` and
``new`` is a median of 0.3 ms and a 99th percentile of 1 ms; process time, so that other programs do not count.
"""

import argparse
import json
import random
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.large_day import generated, visit
from dispatch.matching import Plan, Problem, solve, warm
from dispatch.matching.explain import desk

BUDGET_MS = {"p50": 0.3, "p99": 1.0}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--technicians", type=int, default=500)
    parser.add_argument("--visits", type=int, default=5_000)
    parser.add_argument("--questions", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="Search steps before the plan is asked.")
    options = parser.parse_args()
    problem = generated(options.technicians, options.visits, options.seed)
    warm()
    plan = solve(problem, time_limit_s=None, step_limit=options.steps, seed=options.seed)
    for line in measured(problem, plan, options.questions, options.seed):
        print(json.dumps({"technicians": options.technicians, "visits": options.visits} | line))


def measured(problem: Problem, plan: Plan, questions: int, seed: int) -> list[dict[str, object]]:
    """Ask and count."""
    chosen = random.Random(seed)
    begun = time.process_time()
    prepared = desk(problem, plan)
    prepared_s = time.process_time() - begun
    names = [visit.id for visit in problem.visits]
    callers = [visit(f"new-{number}", chosen) for number in range(max(1, questions // 20))]
    wanted = [chosen.choice(names) for _ in range(questions)]
    asked = [chosen.choice(callers) for _ in range(questions)]
    lines = [
        _line("candidates", [partial(prepared.candidates, name) for name in wanted], BUDGET_MS),
        _line("admit", [partial(prepared.row, visit) for visit in callers], None),
        _line("new", [partial(prepared.candidates, visit) for visit in asked], BUDGET_MS),
        _line("options", [partial(prepared.options, visit) for visit in callers], None),
    ]
    return [{"prepare_s": round(prepared_s, 2)} | line for line in lines]


def _line(name: str, questions: list[Callable[[], object]], budget: dict[str, float] | None) -> dict[str, object]:
    taken = []
    for question in questions:
        begun = time.process_time_ns()
        question()
        taken.append((time.process_time_ns() - begun) / 1e6)
    told = {f"p{share}": round(float(np.percentile(taken, share)), 3) for share in (50, 95, 99)}
    line: dict[str, object] = {"question": name, "asked": len(taken), "ms": told}
    if budget is not None:
        line |= {"budget_ms": budget, "within": all(told[share] <= limit for share, limit in budget.items())}
    return line


if __name__ == "__main__":
    main()
