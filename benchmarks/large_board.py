"""One day of a large organisation in a database: 500 people, 5,000 visits, eight territories, every state of a visit.

An empty database becomes a board to measure and to look at::

    export DISPATCH_DATA_DIR=/somewhere/large
    python -m dispatch migrate
    python -m benchmarks.large_board
    python -m dispatch run --no-demo

The clock of its territories is chosen so that it is late in the morning there whenever it is loaded: some visits are
done, some people are on their way or on site, most of the day is still to come. The same seed and the same moment give
the same day.
"""

import argparse
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as wall_time

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.models import Role, User
from dispatch.accounts.passwords import hash_password
from dispatch.cli.database import transaction
from dispatch.core.clock import local_day
from dispatch.core.clock import now as present
from dispatch.core.errors import Conflict
from dispatch.demo.catalogue import load_catalogue, load_job_types
from dispatch.demo.city import WORKS, make_areas, make_customers, random_spot
from dispatch.demo.days import new_case
from dispatch.demo.people import MAIL, PASSWORD, SIGN_INS, write_shift
from dispatch.demo.record import write
from dispatch.demo.rows import Book
from dispatch.demo.words import FIRST_NAMES, LAST_NAMES
from dispatch.demo.world import Area, Case, Grasp, Kind, Person, Trip, World, travel
from dispatch.jobs.promises import window_to_tell
from dispatch.skills.recompute import recompute_all
from dispatch.workforce.calendar import Pattern, working_times

TECHNICIANS = 500
VISITS = 5_000
TERRITORIES = ("Abbey", "Bridge", "Castle", "Dale", "East", "Forest", "Grange", "Hill")
SPACING_KM, RADIUS_M = 9.0, 4200.0
LOCAL_HOUR = 10  # of the moment it is loaded
DISPATCHERS = 40
CUSTOMER_ROUNDS = 4
DAYS_OF_SHIFTS = 3
UNASSIGNED_SHARE = 0.03
AWAY_EVERY, PARTNER_EVERY, ELSEWHERE_EVERY, PIN_EVERY = 50, 9, 40, 25
STARTS = ((wall_time(6, 30), wall_time(15, 30)), (wall_time(7), wall_time(16)), (wall_time(8), wall_time(17)))
MINUTES = (15, 20, 20, 25, 30, 35)
PROMISED_SHARE, RISK_SHARE, MISS_SHARE = 0.85, 0.05, 0.02
BREAK_S = 1800
ROUND_S, SPARE_S = 300, 1400


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a day is wanted."""

    technicians: int = TECHNICIANS
    visits: int = VISITS


def load(session: Session, *, now: datetime, size: Size | None = None, seed: int = 1) -> dict[str, int]:
    """Fill an empty database and return the rows made by table; raises Conflict when somebody is already there."""
    if session.scalar(select(User.id).limit(1)) is not None:
        raise Conflict("This database already has people in it. The large day loads into an empty one only.")
    size = size or Size()
    zone = late_morning(now)
    today = local_day(now, zone)
    world = World(book=Book(session), rng=random.Random(seed), now=now, today=today, weeks_back=0, zone=zone)
    load_catalogue(world)
    load_job_types(world)
    roles = {role.name: role.id for role in session.scalars(select(Role))}
    _make_office(world, roles)
    for _ in range(CUSTOMER_ROUNDS):
        make_customers(world)
    _make_people(world, size.technicians)
    made = _live(world, size.visits)
    for number in range(size.visits - made):
        write(world, _waiting(world, world.areas[number % len(world.areas)]))
    counts = world.book.load()
    counts["pin"] = _pin(session, now)
    session.execute(text("ANALYZE"))
    counts["proficiency"] = recompute_all(session, now=now)
    return counts


def late_morning(now: datetime) -> str:
    """Return a time zone in which it is late in the morning; names of the ``Etc`` area count westwards."""
    ahead = (LOCAL_HOUR - now.hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/UTC"


def _make_office(world: World, roles: dict[str, int]) -> None:
    """Make who can sign in: one of each role for everything, and dispatchers of single territories."""
    stored = hash_password(PASSWORD)

    def user(box: str, name: str) -> int:
        return world.book.add(
            "user_account", email=box + MAIL, name=name, password=stored, fs_uniquifier=f"{box}-{world.now.isoformat()}"
        )

    def grant(user_id: int, role: str, territory_id: int | None = None) -> None:
        world.book.add(
            "role_grant",
            user_id=user_id,
            role_id=roles[role],
            territory_id=territory_id,
            starts_on=world.first_day - timedelta(days=1),
            ends_on=None,
        )

    office = {role: user(box, f"All {box}") for role, box in SIGN_INS.items()}
    single = [user(f"dispatcher{number}", f"Dispatcher {number}") for number in range(1, DISPATCHERS + 1)]
    world.staff = {role: [user_id] for role, user_id in office.items()}
    where = {name: (SPACING_KM * number, RADIUS_M) for number, name in enumerate(TERRITORIES)}
    make_areas(world, dict(zip(TERRITORIES, single, strict=False)), where)
    for role, user_id in office.items():
        grant(user_id, role)
    for number, user_id in enumerate(single):
        grant(user_id, "dispatcher", world.areas[number % len(world.areas)].id)


def _make_people(world: World, count: int) -> None:
    """Make people of every trade in every territory, with the skills and papers of it and shifts of some days."""
    teams = {area.id: world.book.add("team", name=f"Team {area.name}") for area in world.areas}
    partner_id = world.book.add("partner", name="Kestrel Services", phone="+44 1632 960001", call_out_cost_s=1800)
    world.book.add(
        "partner_document",
        partner_id=partner_id,
        kind="Liability insurance",
        number="LI-1",
        valid=Range(world.today - timedelta(days=100), world.today + timedelta(days=200)),
        required=True,
    )
    trades = _trades(world)
    for number in range(count):
        area = world.areas[number % len(world.areas)]
        home = random_spot(world, area)
        depot = number % 4 == 0
        person = Person(
            id=0,
            name=f"{world.rng.choice(FIRST_NAMES)} {world.rng.choice(LAST_NAMES)}",
            area=area,
            home=home,
            start=area.depot if depot else home,
            trade=trades[number // len(world.areas) % len(trades)],
            user_id=world.staff["technician"][0] if number == 0 else area.owner_id,
            manager_id=world.staff["manager"][0],
            pace=1.0,
            grasps={},
            papers={},
        )
        person.id = world.book.add(
            "technician",
            name=person.name,
            user_id=person.user_id if number == 0 else None,
            partner_id=partner_id if number % PARTNER_EVERY == 5 else None,
            team_id=None if number % PARTNER_EVERY == 5 else teams[area.id],
            phone=f"+44 1632 960{number % 1000:03d}",
            home_lat=home.lat,
            home_lon=home.lon,
            start_area=area.name,
            last_contact_at=world.now - timedelta(days=world.rng.randint(0, 40)),
        )
        _write_hours(world, person, "depot" if depot else "home")
        _write_skills(world, person)
        if number % AWAY_EVERY == 7:
            _write_absence(world, person)
        world.people.append(person)
        area.people.append(person)


def _trades(world: World) -> list[str]:
    """Return the trades with work for one person in every territory."""
    return sorted(
        {
            kind.work.trade
            for kind in world.kinds.values()
            if kind.work.crew == 1 and all(world.assets.get((area.id, kind.work.asset)) for area in world.areas)
        }
    )


def _write_hours(world: World, person: Person, kind: str) -> None:
    hired = world.today - timedelta(days=400)
    world.book.add(
        "territory_membership", technician_id=person.id, territory_id=person.area.id, during=Range(hired, None)
    )
    starts, ends = world.rng.choice(STARTS)
    patterns = [
        Pattern(weekday=weekday, starts_at=starts, ends_at=ends, break_s=BREAK_S, from_day=hired)
        for weekday in range(7)
    ]
    until = world.today + timedelta(days=DAYS_OF_SHIFTS)
    for times in working_times(world.today, until, patterns, (), world.zone):
        write_shift(world, person, times, kind)


def _write_skills(world: World, person: Person) -> None:
    """Note a supervisor's word on every skill of the trade and a valid paper of each kind it asks for."""
    seen = world.day_start(world.today - timedelta(days=30))
    for work in WORKS:
        if work.trade != person.trade:
            continue
        for code, must, _ in work.needs:
            known = person.grasps.get(world.skills[code])
            level = max(must or 1, known.level if known else 1)
            person.grasps[world.skills[code]] = Grasp(level=level, true=level, since=seen.date())
        for code in work.certificates:
            person.papers[world.papers[code]] = (
                world.today - timedelta(days=400),
                world.today + timedelta(days=world.rng.randint(31, 900)),
            )
    for skill_id, grasp in sorted(person.grasps.items()):
        world.book.add(
            "evidence",
            technician_id=person.id,
            skill_id=skill_id,
            source="supervisor",
            at=seen,
            facts={"level": min(5, grasp.level + world.rng.choice((0, 0, 1)))},
            contested=False,
            visit_id=None,
            outside_key=None,
            recorded_by_id=person.manager_id,
            recorded_at=seen,
        )
    for kind_id, (start, end) in sorted(person.papers.items()):
        world.book.add(
            "certification",
            technician_id=person.id,
            kind_id=kind_id,
            number=f"{kind_id:02d}-{person.id:04d}",
            valid=Range(start, end),
            state="confirmed",
            confirmed_by_id=person.manager_id,
            confirmed_at=seen,
        )


def _write_absence(world: World, person: Person) -> None:
    person.away.add(world.today)
    start = world.day_start(world.today)
    world.book.add(
        "absence",
        technician_id=person.id,
        during=Range(start, start + timedelta(days=1)),
        reported_by_id=person.user_id,
        reported_at=world.now - timedelta(hours=6),
    )


def _live(world: World, visits: int) -> int:
    """Give everybody who works an equal share of the visits; returns how many found a place in a day."""
    working = [person for person in world.people if world.today not in person.away]
    wanted = round(visits * (1 - UNASSIGNED_SHARE))
    made = 0
    for number, person in enumerate(working):
        share = wanted * (number + 1) // len(working) - wanted * number // len(working)
        made += _day_of(world, person, share)
    return made


def _day_of(world: World, person: Person, count: int) -> int:
    """Lay a person's visits one after the other, as far as the shift goes."""
    shift_id, times = person.shifts[world.today]
    at, free, rested = person.start, times.start, False
    for number in range(count):
        case = _case(world, person, number)
        leg = travel(at, case.place.spot)
        arrive = _rounded(free + timedelta(seconds=leg[0] + world.rng.randint(0, SPARE_S)))
        if not rested and times.break_from is not None and arrive >= times.break_from:
            arrive, rested = arrive + timedelta(seconds=BREAK_S), True
        finish = arrive + timedelta(seconds=case.duration_s)
        if finish > times.end:
            return number
        case.trips.append(_trip(world, person, shift_id, leg, (arrive, finish)))
        case.created = min(arrive, world.now) - timedelta(hours=world.rng.randint(3, 90))
        case.due = times.end + timedelta(hours=4)
        write(world, case)
        at, free = case.place.spot, finish
    return count


def _case(world: World, person: Person, number: int) -> Case:
    """Make a short visit that the person can do, once in a while in another territory."""
    area = person.area
    if (person.id + number) % ELSEWHERE_EVERY == 0:
        area = world.areas[(world.areas.index(area) + 1) % len(world.areas)]
    case = None
    while case is None:
        case = new_case(world, _kind(world, area, person), area, person.start, (person,))
    case.duration_s = 60 * world.rng.choice(MINUTES)
    return case


def _kind(world: World, area: Area, person: Person | None) -> Kind:
    return world.rng.choice(
        [
            kind
            for kind in world.kinds.values()
            if kind.work.crew == 1
            and world.assets.get((area.id, kind.work.asset))
            and (person is None or person.can(kind, world.today))
        ]
    )


def _trip(
    world: World, person: Person, shift_id: int, leg: tuple[int, int], planned: tuple[datetime, datetime]
) -> Trip:
    """Say what was planned, what was told and what happened; the end of a visit never runs into the next one."""
    rng = world.rng
    arrive, finish = planned
    actual = (arrive + timedelta(seconds=rng.randint(0, 240)), finish - timedelta(seconds=rng.randint(0, 240)))
    trip = Trip(
        people=(person,),
        shift_ids=(shift_id,),
        legs=(leg,),
        promised=None,
        planned=planned,
        leaves=arrive - timedelta(seconds=leg[0]),
        actual=actual,
    )
    if rng.random() < PROMISED_SHARE:
        told = arrive - timedelta(minutes=rng.choice((0, 15, 45, 75)))
        trip.promised = window_to_tell(told, leg[0], zone_day_start=world.day_start(world.today))
        fate = rng.random()
        if fate < MISS_SHARE:
            trip.promised = (arrive - timedelta(hours=2), arrive - timedelta(minutes=rng.randint(5, 40)))
        elif fate < MISS_SHARE + RISK_SHARE:
            trip.promised = (arrive - timedelta(hours=2), arrive + timedelta(minutes=rng.randint(1, 4)))
    if rng.random() < 0.01:
        trip.fixed, trip.cause = False, "access"
    return trip


def _waiting(world: World, area: Area) -> Case:
    """Make a visit that nobody has yet, half of them promised for the afternoon."""
    case = None
    while case is None:
        case = new_case(world, _kind(world, area, None), area, None, ())
    case.duration_s = 60 * world.rng.choice(MINUTES)
    case.created = world.now - timedelta(hours=world.rng.randint(1, 60))
    case.release = world.day_start(world.today)
    case.due = case.release + timedelta(hours=22)
    if world.rng.random() < 0.5:
        start = case.release + timedelta(hours=world.rng.randint(12, 15))
        case.promised = (start, start + timedelta(hours=2))
    return case


def _pin(session: Session, now: datetime) -> int:
    """Pin some of what is still to come."""
    pinned = session.execute(
        text(
            "INSERT INTO pin (visit_id, crew_slot_id, technician_id, pinned_at)"
            " SELECT visit_id, crew_slot_id, technician_id, :now FROM assignment"
            " WHERE state IN ('planned', 'accepted') AND id % :every = 0 RETURNING id"
        ),
        {"now": now, "every": PIN_EVERY},
    )
    return len(pinned.all())


def _rounded(moment: datetime) -> datetime:
    return moment + timedelta(seconds=-moment.timestamp() % ROUND_S)


def main() -> None:
    """Load into the database of the settings and say what was made."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_board", description=__doc__.splitlines()[0])
    parser.add_argument("--technicians", type=int, default=TECHNICIANS)
    parser.add_argument("--visits", type=int, default=VISITS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.perf_counter()
    with transaction() as session:
        session.execute(text("RESET ROLE"))  # the planner's statistics are refreshed, which only the owner may do
        size = Size(technicians=options.technicians, visits=options.visits)
        counts = load(session, now=present(), size=size, seed=options.seed)
        states = Counter(dict(session.execute(text("SELECT state, count(*) FROM assignment GROUP BY state")).all()))
    print(f"loaded in {time.perf_counter() - begun:.1f} s: {', '.join(f'{n:,} {t}' for t, n in counts.items())}")
    print(f"assignments by state: {dict(states)}")
    print(f"sign in as dispatcher{MAIL} (all) or dispatcher1 to {DISPATCHERS}{MAIL} (one territory), {PASSWORD}")


if __name__ == "__main__":
    main()
