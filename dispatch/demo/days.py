"""Lets people live through a day: one visit after the other, as planned and as it went."""

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dispatch.demo.world import Area, Case, Kind, Person, Spot, Trip, World, travel
from dispatch.jobs.promises import window_to_tell

ROUNDED_S = 300
EARLIEST_BEFORE_S = 1500  # nobody rings long before the time that was planned
TOLD_EARLIER_MIN = (0, 15, 45, 75, 90)
LONG_JOB_SHARE = 0.05
OTHER_CAUSES = ("parts", "access", "tools", "customer", "time")
CHANCE_OF_OTHER_CAUSE = 0.035
SLOPE, OFFSET = 1.0, 1.5  # how success depends on the true level, as the model of skills assumes it


@dataclass(kw_only=True)
class Run:
    """Where one person is in the day: place, planned and real time."""

    person: Person
    at: Spot
    planned: datetime
    actual: datetime
    end: datetime
    break_from: datetime | None
    break_s: int
    shift_id: int


def begin(person: Person, day: date) -> Run | None:
    """Start somebody's day; None when they do not work."""
    if day in person.away or day not in person.shifts:
        return None
    shift_id, times = person.shifts[day]
    return Run(
        person=person,
        at=person.start,
        planned=times.start,
        actual=times.start,
        end=times.end,
        break_from=times.break_from,
        break_s=times.break_s,
        shift_id=shift_id,
    )


def serve(world: World, runs: tuple[Run, ...], case: Case, *, certain: bool) -> bool:
    """Add a trip to the case and move everybody on; False, and nothing changed, when the day is too short.

    ``certain`` days have happened: travel and work took what they took. Days to come only have a plan.
    """
    rng = world.rng
    legs = [travel(run.at, case.place.spot) for run in runs]
    resting = [_rest(run) for run in runs]
    steps = zip(runs, resting, legs, strict=True)
    reached = max(run.planned + rest + timedelta(seconds=leg[0]) for run, rest, leg in steps)
    arrival = _round_up(reached + timedelta(seconds=rng.randint(0, 900)))
    finish = arrival + timedelta(seconds=case.duration_s)
    for run in runs:
        back_s, _ = travel(case.place.spot, run.person.start)
        if finish + timedelta(seconds=back_s) > run.end:
            return False
    real_arrival, real_finish, leaves = arrival, finish, arrival - timedelta(seconds=legs[0][0])
    if certain:
        drives = [leg[0] * math.exp(rng.gauss(0.05, 0.25)) for leg in legs]
        ready = [run.actual + rest for run, rest in zip(runs, resting, strict=True)]
        real_arrival = max(
            *(at + timedelta(seconds=round(drive)) for at, drive in zip(ready, drives, strict=True)),
            arrival - timedelta(seconds=rng.randint(0, EARLIEST_BEFORE_S)),
        )
        leaves = real_arrival - timedelta(seconds=round(drives[0]))
        pace = sum(run.person.pace for run in runs) / len(runs)
        surprise = rng.uniform(1.5, 2.5) if rng.random() < LONG_JOB_SHARE else 1.0
        took = max(300, round(case.duration_s * pace * surprise * math.exp(rng.gauss(-0.06, 0.22))))
        real_finish = real_arrival + timedelta(seconds=took)
    trip = Trip(
        people=tuple(run.person for run in runs),
        shift_ids=tuple(run.shift_id for run in runs),
        promised=None,
        planned=(arrival, finish),
        leaves=leaves,
        actual=(real_arrival, real_finish),
        legs=tuple(legs),
    )
    if rng.random() < 0.85:
        day_start = world.day_start(arrival.date())
        # The window was told before the day was planned, so the plan may come close to its end.
        told = arrival - timedelta(minutes=rng.choice(TOLD_EARLIER_MIN))
        trip.promised = window_to_tell(told, legs[0][0], zone_day_start=day_start)
    case.trips.append(trip)
    for run, rest in zip(runs, resting, strict=True):
        run.at, run.planned, run.actual = case.place.spot, finish, real_finish
        if rest:
            run.break_from = None
    return True


def judge(world: World, case: Case) -> bool:
    """Decide by the true levels whether the last trip fixed it; returns whether it did."""
    trip = case.trips[-1]
    rng = world.rng
    if rng.random() < CHANCE_OF_OTHER_CAUSE:
        trip.fixed, trip.cause = False, rng.choice(OTHER_CAUSES)
        return False
    lead = trip.people[0]
    chance = 1.0
    for skill, level in case.kind.musts:
        chance /= 1.0 + math.exp(-SLOPE * (lead.grasps[skill].true - level + OFFSET))
    trip.fixed = rng.random() < chance ** (1.0 / len(case.kind.musts))
    trip.cause = None if trip.fixed else "skill"
    return trip.fixed


def new_case(world: World, kind: Kind, area: Area, near: Spot | None, people: tuple[Person, ...]) -> Case | None:
    """Make a job of a kind at one of the nearer sites; None when nobody there wants these people."""
    options = world.assets[area.id, kind.work.asset]
    picked = [world.rng.choice(options) for _ in range(5)]
    allowed = [
        (place, asset)
        for place, asset in picked
        if not any((place.customer_id, person.id) in world.unwanted for person in people)
    ]
    if not allowed:
        return None
    place, asset = min(allowed, key=lambda each: travel(near, each[0].spot)[0]) if near else allowed[0]
    low, usual, high = kind.work.minutes
    minutes = world.rng.triangular(low, (usual + high) / 2, usual)
    return Case(
        kind=kind, place=place, asset_id=asset, created=world.now, duration_s=max(low, round(minutes / 5) * 5) * 60
    )


def kinds_for(world: World, area: Area, people: tuple[Person, ...], day: date) -> tuple[list[Kind], list[float]]:
    """Return the kinds of work these people can do together on a day, with how often each is asked for."""
    kinds = [
        kind
        for kind in world.kinds.values()
        if kind.work.crew == len(people)
        and world.assets.get((area.id, kind.work.asset))
        and all(person.can(kind, day) for person in people)
    ]
    return kinds, [kind.work.weight for kind in kinds]


def crews(world: World, runs: list[Run], area: Area, day: date, *, certain: bool) -> list[Case]:
    """Begin the day with up to two jobs that need two people."""
    made: list[Case] = []
    waiting = list(runs)
    world.rng.shuffle(waiting)
    while len(waiting) > 1 and len(made) < 2:
        first = waiting.pop()
        for second in waiting:
            kinds, weights = kinds_for(world, area, (first.person, second.person), day)
            if not kinds or world.rng.random() < 0.5:
                continue
            kind = world.rng.choices(kinds, weights)[0]
            case = new_case(world, kind, area, first.at, (first.person, second.person))
            if case is not None and serve(world, (first, second), case, certain=certain):
                case.created = asked_at(world, case)
                made.append(case)
                waiting.remove(second)
            break
    return made


def asked_at(world: World, case: Case) -> datetime:
    """Return when a job was asked for, some time before its first visit."""
    work = case.kind.work
    before_h = world.rng.uniform(1.5, max(3.0, 0.8 * min(work.target_h, 240)))
    if work.every_days:
        before_h = world.rng.uniform(240, 480)
    return case.trips[0].planned[0] - timedelta(hours=before_h)


def _rest(run: Run) -> timedelta:
    due = run.break_from is not None and run.planned >= run.break_from
    return timedelta(seconds=run.break_s if due else 0)


def _round_up(moment: datetime) -> datetime:
    return moment + timedelta(seconds=-moment.timestamp() % ROUNDED_S)
