"""The weeks ahead: today is full, tomorrow nearly, later days less; part is with somebody already, the rest waits."""

from datetime import date, datetime, time, timedelta

from dispatch.core.clock import instant
from dispatch.demo.days import Run, asked_at, begin, crews, kinds_for, new_case, serve
from dispatch.demo.record import write
from dispatch.demo.world import DAYS_AHEAD, ZONE, Area, Case, Kind, World

# Visits asked for per working person and day, and how many of them already have a person, by days from today.
DEMAND = (4.7, 4.6, 3.6, 3.1, 2.7, 2.3, 2.1, 1.9, 1.8, 1.6, 1.5, 1.4, 1.3, 1.2)
PLANNED = (3.6, 1.6, 0.6, 0.3)
LEAST_DEMAND = 1.0
BEYOND_SHARE = 0.2  # of the kinds of work that nobody of a territory can do that day, how many are asked for
PROMISED_SHARE = 0.6
NOTICE = timedelta(minutes=30)
DECLINED = (
    "My van is in the workshop until noon",
    "I was there last week and the customer asked for somebody else",
    "The pump for this job is at the other depot",
)
WAITING = (
    "Part ordered: call when it arrives",
    "Customer wants to ask the landlord; ring on the due date",
    "Key at the caretaker from Monday",
    "Quote sent, waiting for the signature",
)


def write_ahead(world: World) -> None:
    """Write what is booked, promised or due from today on."""
    for offset in range(DAYS_AHEAD + 1):
        day = world.today + timedelta(days=offset)
        demand = DEMAND[offset] if offset < len(DEMAND) else LEAST_DEMAND
        planned = PLANNED[offset] if offset < len(PLANNED) else 0.0
        for area in world.areas:
            runs = [run for person in area.people if (run := begin(person, day))]
            if runs:
                done = _plan(world, area, runs, day, planned)
                _ask(world, area, day, round(len(runs) * demand) - done)
    _write_urgent(world)
    _write_waiting(world)
    _write_impossible(world)


def _plan(world: World, area: Area, runs: list[Run], day: date, a_person: float) -> int:
    """Give people work that was agreed before; the past of today has happened as planned."""
    if a_person == 0:
        return 0
    cases = crews(world, runs, area, day, certain=False) if day == world.today else []
    for run in runs:
        kinds, weights = kinds_for(world, area, (run.person,), day)
        wanted = int(a_person + world.rng.random())
        for _ in range(wanted if kinds else 0):
            case = new_case(world, world.rng.choices(kinds, weights)[0], area, run.at, (run.person,))
            if case is not None and serve(world, (run,), case, certain=False):
                case.created = asked_at(world, case)
                cases.append(case)
    if day == world.today:
        _decline(world, cases)
    for case in cases:
        # Told on the phone while it was booked, so not in the future.
        case.created = min(case.created, world.now - timedelta(hours=1))
        case.due = world.day_start(day) + timedelta(hours=22)
        write(world, case)
    return len(cases)


def _decline(world: World, cases: list[Case]) -> None:
    """Let one person of a territory give back a visit of this afternoon, with a reason."""
    later = [case for case in cases if len(case.trips[0].people) == 1 and case.trips[0].leaves > world.now + NOTICE]
    if later:
        world.rng.choice(later).trips[0].declined = world.rng.choice(DECLINED)


def _ask(world: World, area: Area, day: date, count: int) -> None:
    """Add work of a day that nobody has yet; a little of it is beyond whoever works that day."""
    there = [kind for kind in world.kinds.values() if world.assets.get((area.id, kind.work.asset))]
    working = [person for person in area.people if day in person.shifts and day not in person.away]
    kinds = [
        kind
        for kind in there
        if sum(person.can(kind, day) for person in working) >= kind.work.crew or world.rng.random() < BEYOND_SHARE
    ]
    weights = [kind.work.weight * (0.4 if kind.work.crew > 1 else 1.0) for kind in kinds]
    for _ in range(count):
        case = new_case(world, world.rng.choices(kinds, weights)[0], area, None, ())
        if case is None:
            continue
        start = world.day_start(day)
        case.created = world.now - timedelta(hours=world.rng.uniform(3, 200))
        case.release = start if world.rng.random() < 0.95 else min(start, world.day_start(world.today))
        later = 0 if case.kind.work.priority == 1 else world.rng.choice((0, 0, 1, 3))
        case.due = start + timedelta(hours=22, days=later)
        if world.rng.random() < PROMISED_SHARE:
            case.promised = _promise(world, day, case)
            case.release, case.due = start, start + timedelta(hours=22)
        else:
            case.window = _opening(world, case, day)
        write(world, case)


def _promise(world: World, day: date, case: Case) -> tuple[datetime, datetime] | None:
    """Return a window of two to four hours; what is left of today if it is today."""
    hours = world.rng.choice((2, 2, 3, 4))
    latest = 17 - hours
    first = 8
    if day == world.today:
        gone = int((world.now - world.day_start(day)).total_seconds() // 3600)
        first = min(max(first, gone + 1), latest)
    start = instant(day, time(world.rng.randint(first, latest), world.rng.choice((0, 30))), ZONE)
    window = (start, start + timedelta(hours=hours))
    return window if window[0] > case.created else None


def _opening(world: World, case: Case, day: date) -> tuple[datetime, datetime, float | None] | None:
    """Return when a site lets people in: shops before the customers come, schools after lessons, care at a price."""
    rng = world.rng
    if case.place.kind == "shop" and rng.random() < 0.3:
        return instant(day, time(7, 0), ZONE), instant(day, time(11, 0), ZONE), None
    if case.place.kind == "school" and rng.random() < 0.4:
        return instant(day, time(12, 30), ZONE), instant(day, time(17, 0), ZONE), None
    if case.place.kind == "care" and rng.random() < 0.3:
        return instant(day, time(9, 0), ZONE), instant(day, time(12, 0), ZONE), 2.0
    return None


def _write_urgent(world: World) -> None:
    """Add calls of the last hours that cannot wait for tomorrow."""
    for number in range(12):
        area = world.areas[number % len(world.areas)]
        kinds = [
            kind
            for kind in world.kinds.values()
            if kind.work.priority == 1 and kind.work.crew == 1 and world.assets.get((area.id, kind.work.asset))
        ]
        case = new_case(world, world.rng.choice(kinds), area, None, ())
        if case is not None:
            case.created = world.now - timedelta(minutes=world.rng.randint(10, 150))
            case.due = world.now + timedelta(hours=max(4, case.kind.work.target_h))
            write(world, case)


def _write_waiting(world: World) -> None:
    """Add jobs that wait for somebody else; a few should have moved on already."""
    for number in range(14):
        area = world.areas[number % len(world.areas)]
        kind = _any_kind(world, area)
        case = new_case(world, kind, area, None, ())
        if case is not None:
            case.created = world.now - timedelta(days=world.rng.randint(4, 25))
            case.release = world.now + timedelta(days=world.rng.randint(6, 12))
            case.due = case.release + timedelta(days=7)
            case.waiting_for = WAITING[number % len(WAITING)]
            write(world, case)


def _any_kind(world: World, area: Area) -> Kind:
    return world.rng.choice([kind for kind in world.kinds.values() if world.assets.get((area.id, kind.work.asset))])


def _write_impossible(world: World) -> None:
    """Add one visit that nobody here can do, so that the reason is seen."""
    kind = world.impossible
    area = world.areas[1]
    if kind is None or not world.assets.get((area.id, kind.work.asset)):
        raise ValueError("the demo needs a signal in the Centre for the visit nobody can do")
    case = new_case(world, kind, area, None, ())
    if case is not None:
        case.created = world.now - timedelta(hours=20)
        case.due = world.now + timedelta(hours=76)
        write(world, case)
