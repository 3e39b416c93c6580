"""The year behind: what was asked for and served, day by day."""

from datetime import date, timedelta

from dispatch.demo.days import Run, asked_at, begin, crews, judge, kinds_for, new_case, serve
from dispatch.demo.record import write
from dispatch.demo.world import Area, Case, World

VISITS_A_DAY = 3.1
TRIES = 6


def write_past(world: World) -> None:
    """Live through the year up to yesterday and write every job; what was not fixed at its end stays open."""
    day = world.first_day
    while day < world.today:
        for area in world.areas:
            runs = [run for person in area.people if (run := begin(person, day))]
            if len(runs) > 2 and day.weekday() < 5:
                for case in crews(world, runs, area, day, certain=True):
                    _finish(world, case)
            for run in runs:
                _live(world, area, run, day)
        day += timedelta(days=1)
    for person in world.people:
        for case in person.returns:
            write(world, case)
        person.returns.clear()


def _live(world: World, area: Area, run: Run, day: date) -> None:
    """Fill one person's day: first what must be done again, then new work."""
    person = run.person
    again, person.returns = person.returns, []
    for case in again:
        # A paper may have run out since the first visit; then somebody else will have to come.
        able = case.trips[-1].actual[1].date() < day and person.can(case.kind, day)
        if able and serve(world, (run,), case, certain=True):
            _finish(world, case)
        else:
            person.returns.append(case)
    kinds, weights = kinds_for(world, area, (person,), day)
    if not kinds:
        return
    wanted = max(1, round(world.rng.gauss(VISITS_A_DAY, 0.9)))
    missed = 0
    while wanted > 0 and missed < TRIES:
        fresh = new_case(world, world.rng.choices(kinds, weights)[0], area, run.at, (person,))
        if fresh is None or not serve(world, (run,), fresh, certain=True):
            missed += 1
            continue
        wanted -= 1
        fresh.created = asked_at(world, fresh)
        _finish(world, fresh)


def _finish(world: World, case: Case) -> None:
    """Write a case that is over, or leave it with its person to come back to."""
    trip = case.trips[-1]
    if judge(world, case) or len(trip.people) > 1:
        trip.fixed, trip.cause = True, None
        write(world, case)
    else:
        trip.people[0].returns.append(case)
