"""How long coverage takes and what it holds in memory: ``python -m benchmarks.coverage_flow`` prints a line a part.

The parts are those that the worker solves, each in a process of its own. Seconds are of the processor, so that other
work on the machine does not count; one thread works, so on an idle machine they are the seconds on the clock.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from itertools import product

from dispatch.coverage.counting import part_of
from dispatch.coverage.flow import Cell, build_weeks, solve_flow
from dispatch.coverage.outlook import HOUR_S, DemandClass, Need, Outlook, Person, SkillLevel
from dispatch.coverage.remedies import MOST_CELLS, remedies
from dispatch.coverage.result import NEAR_WEEKS, cell_in, cell_out
from dispatch.coverage.risk import absence_risks, pair_risks, stress_test
from dispatch.coverage.what_if import WhatIf, ask_weeks

MONDAY = date(2026, 3, 2)
SIZES = ((60, 60, 3, 4, 100), (500, 120, 12, 4, 500), (2000, 500, 30, 13, 2000), (2000, 500, 30, 13, 15_000))
BUDGET_S, BUDGET_MB = 60, 2048
AWAY = 0.08
BREADTHS = (6, 25)
"""Skills tried for each person: with few a week falls into many small parts, with many it hangs together."""


def make_outlook(
    people: int, skills: int, territories: int, weeks: int, classes: int, seed: int = 1, breadth: int = 6
) -> Outlook:
    """Build people with a trade of their own, in one home and often one neighbouring territory, at 85 % load."""
    dice = random.Random(seed)
    mondays = [MONDAY + timedelta(weeks=number) for number in range(weeks)]

    def levels() -> dict[int, int]:
        trade = dice.randrange(skills)
        near = {(trade + dice.randrange(breadth + 2)) % skills for _ in range(breadth)}
        return {skill: dice.randint(2, 5) for skill in near}

    def reach() -> dict[int, int]:
        home = dice.randrange(territories)
        return {home: dice.randint(600, 1500), (home + 1) % territories: dice.randint(1200, 3000)}

    staff = tuple(
        Person(
            id=number,
            levels=levels(),
            travel_s=reach(),
            hours_s={monday: dice.randint(28, 40) * HOUR_S for monday in mondays},
        )
        for number in range(people)
    )
    keys: set[tuple[tuple[tuple[int, int], ...], int]] = set()
    while len(keys) < classes:
        count = dice.choice((1, 1, 1, 2))
        trade = dice.randrange(skills)
        needs = {(trade + dice.randrange(8)) % skills: dice.randint(2, 4) for _ in range(count)}
        keys.add((tuple(sorted(needs.items())), dice.randrange(territories)))
    each_s = round(people * 34 * HOUR_S * 0.85 / 1.3 / classes)
    demand = tuple(
        DemandClass(
            needs=tuple(Need(any_of=(SkillLevel(skill=s, level=at),)) for s, at in needs),
            territory=territory,
            week=monday,
            booked_s=dice.randint(0, 2 * each_s),
            visit_s=dice.choice((2700, 3600, 5400, 7200)),
        )
        for monday in mondays
        for needs, territory in sorted(keys)
    )
    return Outlook(people=staff, demand=demand)


def main() -> None:
    """Measure every part of every size in a process of its own and print it."""
    if sys.argv[1:]:
        size, breadth, part = json.loads(sys.argv[1])
        _measure(tuple(size), breadth, part)
        return
    print(f"budget of all parts of a size together: {BUDGET_S} s and {BUDGET_MB:,} MB on two cores", flush=True)
    for size, breadth in product(SIZES, BREADTHS):
        print(f"{size}, {breadth} skills each", flush=True)
        for part in PARTS:
            # Apart from the others, so that the peak of memory is the part's own.
            command = [sys.executable, "-m", "benchmarks.coverage_flow", json.dumps([size, breadth, part])]
            subprocess.run(command, check=True)


def _measure(size: tuple[int, int, int, int, int], breadth: int, part: str) -> None:
    build_weeks(make_outlook(1, 8, 1, 1, 1))
    outlook = make_outlook(*size, breadth=breadth)
    held_mb = _peak_mb()
    seconds, said = PARTS[part](outlook)
    print(
        f"  {part}: {seconds:.1f} s of the processor, peak {_peak_mb():.0f} MB ({held_mb:.0f} facts); {said}",
        flush=True,
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _flows(outlook: Outlook) -> tuple[float, str]:
    """Solve weeks, prices and cells, one week after the other as the worker does."""
    nodes = edges = 0
    cells: list[Cell] = []
    unmet_s = 0
    start = time.process_time()
    for week in outlook.weeks:
        models = build_weeks(part_of(outlook, [week]))
        flow = solve_flow(outlook, models=models)
        nodes += sum(len(model.people) + len(model.demand) for model in models)
        edges += sum(len(reach) for model in models for reach in model.reach)
        cells += flow.cells
        unmet_s += flow.total_unmet_s
    seconds = time.process_time() - start
    said = f"{nodes} nodes, {edges} edges, {len(cells)} cells, unmet {unmet_s / HOUR_S:.0f} h"
    return seconds, f"{said}; a page reads its territories in {1000 * _reading(cells):.0f} ms"


def _remedies(outlook: Outlook) -> tuple[float, str]:
    """Try what would help in the worst cells of every week; the flows it starts from are not counted."""
    seconds, found = 0.0, 0
    places = sorted({work.territory for work in outlook.demand})
    for week in outlook.weeks:
        here = part_of(outlook, [week])
        models = build_weeks(here)
        flow = solve_flow(here, models=models)
        asking = [WhatIf(model, solved) for model, solved in zip(models, flow.weeks, strict=True)]
        start = time.process_time()
        ways = dict.fromkeys(places, 2400)
        helping = remedies(here, flow.cells, asking, partners=range(0, len(here.people), 9), travel_s=_way(ways))
        seconds += time.process_time() - start
        found += len(helping)
    return seconds, f"{found} remedies of up to {MOST_CELLS} cells in each of {len(outlook.weeks)} weeks"


def _way(ways: dict[int, int]) -> Callable[[int, int], int | None]:
    return lambda _person, place: ways.get(place)


def _absences(outlook: Outlook) -> tuple[float, str]:
    near = part_of(outlook, outlook.weeks[:NEAR_WEEKS])
    start = time.process_time()
    risks = absence_risks(near, ask_weeks(near))
    return time.process_time() - start, f"{sum(risk.lost_s > 0 for risk in risks)} of {len(risks)} people are missed"


def _pairs(outlook: Outlook) -> tuple[float, str]:
    near = part_of(outlook, outlook.weeks[:NEAR_WEEKS])
    asking = ask_weeks(near)
    risks = absence_risks(near, asking)
    start = time.process_time()
    found = pair_risks(near, risks, asking)
    return time.process_time() - start, f"{len(found)} pairs worth telling, after everybody's absence"


def _stress(outlook: Outlook) -> tuple[float, str]:
    near = part_of(outlook, outlook.weeks[:NEAR_WEEKS])
    asking = ask_weeks(near)
    start = time.process_time()
    found = stress_test(near, AWAY, asking)
    return time.process_time() - start, f"{found.draws} draws in each of {len(found.weeks)} weeks"


PARTS: dict[str, Callable[[Outlook], tuple[float, str]]] = {
    "flows, prices and cells of all weeks": _flows,
    "remedies of all weeks": _remedies,
    "everybody's absence of four weeks": _absences,
    "pairs of four weeks": _pairs,
    "stress test of two weeks": _stress,
}


def _reading(cells: list[Cell]) -> float:
    """Seconds it takes to read the stored cells of five territories, without the database."""
    chosen = sorted({cell.territory for cell in cells})[:5]
    stored = json.dumps([cell_out(cell) for cell in cells if cell.territory in chosen])
    start = time.perf_counter()
    for line in json.loads(stored):
        cell_in(line)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
