"""How long coverage takes at several sizes: ``python -m benchmarks.coverage_flow`` prints one line per size."""

from __future__ import annotations

import random
import resource
import time
from datetime import date, timedelta

from dispatch.coverage.flow import build_weeks, solve_flow
from dispatch.coverage.outlook import HOUR_S, DemandClass, Need, Outlook, Person, SkillLevel
from dispatch.coverage.risk import absence_risks

MONDAY = date(2026, 3, 2)
SIZES = ((60, 60, 3, 4, 100), (500, 120, 12, 4, 500), (2000, 500, 30, 13, 2000))


def make_outlook(people: int, skills: int, territories: int, weeks: int, classes: int, seed: int = 1) -> Outlook:
    """Build people with a trade of their own, in one home and often one neighbouring territory, at 85 % load."""
    dice = random.Random(seed)
    mondays = [MONDAY + timedelta(weeks=number) for number in range(weeks)]

    def levels() -> dict[int, int]:
        trade = dice.randrange(skills)
        near = {(trade + dice.randrange(8)) % skills for _ in range(6)}
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
    for size in SIZES:
        outlook = make_outlook(*size)
        start = time.perf_counter()
        models = build_weeks(outlook)
        edges = sum(len(reach) for model in models for reach in model.reach)
        built = time.perf_counter()
        for model in models:
            model.solve()
        solved = time.perf_counter()
        flow = solve_flow(outlook)
        tabled = time.perf_counter()
        line = f"{size}: {edges} edges, build {built - start:.2f} s, flows and prices {solved - built:.2f} s, "
        line += f"all with table of {len(flow.cells)} cells {tabled - solved:.2f} s"
        if size[0] <= 500:
            absence_risks(outlook, models)
            line += f", everybody's absence {time.perf_counter() - tabled:.2f} s"
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{line}, unmet {flow.total_unmet_s / HOUR_S:.0f} h, peak {peak_mb:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
