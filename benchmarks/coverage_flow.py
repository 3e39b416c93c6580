"""How long coverage takes at several sizes: ``python -m benchmarks.coverage_flow`` prints one line per size."""

from __future__ import annotations

import json
import random
import resource
import time
from datetime import date, timedelta
from itertools import product

from dispatch.coverage.counting import part_of
from dispatch.coverage.flow import Cell, build_weeks, solve_flow
from dispatch.coverage.outlook import HOUR_S, DemandClass, Need, Outlook, Person, SkillLevel
from dispatch.coverage.result import NEAR_WEEKS, cell_in, cell_out
from dispatch.coverage.risk import absence_risks

MONDAY = date(2026, 3, 2)
SIZES = ((60, 60, 3, 4, 100), (500, 120, 12, 4, 500), (2000, 500, 30, 13, 2000))
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
    """Measure every size once and print it."""
    build_weeks(make_outlook(1, 8, 1, 1, 1))
    for size, breadth in product(SIZES, BREADTHS):
        outlook = make_outlook(*size, breadth=breadth)
        nodes = edges = 0
        cells: list[Cell] = []
        unmet_s = 0
        start = time.perf_counter()
        # One week after the other, as the worker counts: only one programme is in memory at a time.
        for week in outlook.weeks:
            models = build_weeks(part_of(outlook, [week]))
            flow = solve_flow(outlook, models=models)
            nodes += sum(len(model.people) + len(model.demand) for model in models)
            edges += sum(len(reach) for model in models for reach in model.reach)
            cells += flow.cells
            unmet_s += flow.total_unmet_s
        flows = time.perf_counter() - start
        near = part_of(outlook, outlook.weeks[:NEAR_WEEKS])
        models = build_weeks(near)
        start = time.perf_counter()
        absence_risks(near, models)
        absences = time.perf_counter() - start
        line = f"{size}, {breadth} skills each: {nodes} nodes, {edges} edges"
        line += f", flows, prices and {len(cells)} cells {flows:.1f} s"
        line += f", everybody's absence of four weeks {absences:.1f} s, unmet {unmet_s / HOUR_S:.0f} h"
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{line}, peak {peak_mb:.0f} MB; a page reads its territories in {1000 * _reading(cells):.0f} ms",
            flush=True,
        )


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
