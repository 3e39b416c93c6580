"""The people of the demo: who can sign in, technicians with homes, hours, skills and papers, and the two partners."""

import secrets
from collections import Counter
from datetime import date, time, timedelta

from sqlalchemy.dialects.postgresql import Range

from dispatch.accounts.passwords import hash_password
from dispatch.demo.city import WORKS, random_spot
from dispatch.demo.words import FIRST_NAMES, LAST_NAMES, PARTNERS
from dispatch.demo.world import ZONE, Area, Grasp, Person, World
from dispatch.workforce.calendar import Pattern, WorkingTime, working_times

PASSWORD = "one-mile-more"  # noqa: S105 - printed by the loader: the demo is for one's own machine
MAIL = "@extramile.example"
PEOPLE_PER_AREA = 20
PARTNER_PEOPLE = 12
ONLY_ONE = "water.quality_sampling"  # one person of the Centre holds it, so that the risk shows
OFFICE = {
    "Noor Halloway": ("dispatcher", "North"),
    "Teodor Ashby": ("dispatcher", "Centre"),
    "Imke Larkwell": ("dispatcher", "South"),
    "Dana Fairlight": ("dispatcher", None),
    "Marisol Greaves": ("manager", None),
    "Stellan Okoro": ("manager", "South"),
    "Ruth Abernay": ("administrator", None),
}
SIGN_INS = {
    "dispatcher": "dispatcher",
    "manager": "manager",
    "administrator": "admin",
    "technician": "technician",
}
STARTS = ((time(6), time(14, 30)), (time(7), time(15, 30)), (time(7, 30), time(16)), (time(8), time(16, 30)))
OVERTIME_S = 5400
WEEKEND_EVERY = 4  # each fourth person keeps the weekend going, and has two other days off
BREAK_S = 1800


def make_office(world: World, role_ids: dict[str, int]) -> tuple[dict[str, int], str]:
    """Make the people of the office; returns their numbers by name and the stored form of the demo password."""
    stored = hash_password(PASSWORD)
    users: dict[str, int] = {}
    for name, (role, area) in OFFICE.items():
        # One of each role, the one for all territories, has an address that is easy to remember.
        users[name] = _user(world, name.split()[0].lower() if area else SIGN_INS[role], name, stored)
    world.staff = {role: [users[name] for name, (held, _) in OFFICE.items() if held == role] for role in set(role_ids)}
    return users, stored


def grant_office(world: World, users: dict[str, int], role_ids: dict[str, int]) -> None:
    """Give the office its roles; a grant may name a territory, so this comes after the territories."""
    areas = {area.name: area.id for area in world.areas}
    for name, (role, area) in OFFICE.items():
        _grant(world, users[name], role_ids[role], areas[area] if area else None)
        if role == "manager":  # who looks after people also has to see their day
            _grant(world, users[name], role_ids["dispatcher"], areas[area] if area else None)


def make_partners(world: World) -> list[int]:
    """Make the two partner companies with their papers; the second let its insurance lapse last week."""
    partner_ids = []
    for number, name in enumerate(PARTNERS):
        yard = random_spot(world, world.areas[number])
        partner_id = world.book.add(
            "partner",
            name=name,
            phone=f"+44 1632 96000{number}",
            email=f"desk@partner{number + 1}.example",
            call_out_cost_s=1800,
            daily_capacity=30,
            yard_lat=yard.lat,
            yard_lon=yard.lon,
        )
        ends = world.today + timedelta(days=200 if number == 0 else -6)
        for kind, number_text, until in (
            ("Liability insurance", f"LI-{4000 + number}", ends),
            ("Trade registration", f"TR-{7100 + number}", world.today + timedelta(days=420)),
        ):
            world.book.add(
                "partner_document",
                partner_id=partner_id,
                kind=kind,
                number=number_text,
                valid=Range(until - timedelta(days=365), until),
                required=True,
            )
        partner_ids.append(partner_id)
    return partner_ids


def make_technicians(world: World, partner_ids: list[int], stored: str, role_ids: dict[str, int]) -> None:
    """Make the technicians; trades are dealt out by the hours that customers ask for."""
    names = _names(world, PEOPLE_PER_AREA * len(world.areas))
    teams = {area.name: world.book.add("team", name=f"Team {area.name}") for area in world.areas}
    partners = _spread(world, partner_ids)
    managers = world.staff["manager"]
    for area in world.areas:
        for trade in _trades_for(world, area):
            name = names.pop()
            number = len(world.people)
            partner_id = partners.get(number)
            box = SIGN_INS["technician"] if number == 0 else name.replace(" ", ".").lower()
            user_id = _user(world, box, name, stored)
            _grant(world, user_id, role_ids["technician"], None)
            home = random_spot(world, area)
            person = Person(
                id=0,
                name=name,
                area=area,
                home=home,
                start=home,
                trade=trade,
                user_id=user_id,
                manager_id=managers[-1] if area.name == "South" else managers[0],
                pace=round(min(1.3, max(0.8, world.rng.gauss(1.0, 0.09))), 2),
                grasps={},
                papers={},
            )
            _write_technician(world, person, partner_id, teams[area.name])
            person.grasps.update(_grasps(world, person))
            person.papers.update(_papers(world, person))
            world.people.append(person)
            area.people.append(person)
    _one_holder(world)


def _write_technician(world: World, person: Person, partner_id: int | None, team_id: int) -> None:
    hired = world.today - timedelta(days=world.rng.randint(400, 3600))
    person.id = world.book.add(
        "technician",
        name=person.name,
        user_id=person.user_id,
        partner_id=partner_id,
        team_id=None if partner_id else team_id,
        phone=f"+44 1632 960{world.rng.randint(0, 999):03d}",
        email=person.name.replace(" ", ".").lower() + MAIL,
        home_lat=person.home.lat,
        home_lon=person.home.lon,
        start_area=person.area.name,
        pace=person.pace,
        hourly_cost_factor=1.35 if partner_id else 1.0,
        last_contact_at=world.now - timedelta(days=world.rng.randint(0, 40)),
    )
    world.book.add(
        "territory_membership", technician_id=person.id, territory_id=person.area.id, during=Range(hired, None)
    )
    if partner_id is None:
        world.book.add(
            "reporting_line", technician_id=person.id, manager_id=person.manager_id, during=Range(hired, None)
        )
        _write_van(world, person)
    _write_shifts(world, person, hired, partner_id)


def _write_van(world: World, person: Person) -> None:
    van_id = world.book.add("vehicle", name=f"Van {person.id:03d}", territory_id=person.area.id)
    since = world.day_start(world.today - timedelta(days=200))
    world.book.add(
        "vehicle_use",
        vehicle_id=van_id,
        technician_id=person.id,
        during=Range(since, since + timedelta(days=600)),
    )


def _write_shifts(world: World, person: Person, hired: date, partner_id: int | None) -> None:
    rng = world.rng
    starts, ends = rng.choice(STARTS)
    # Most drive from home; some fetch the van at the depot, and people of a partner start at home as well.
    kind = "depot" if partner_id is None and rng.random() < 0.25 else "home"
    person.start = person.area.depot if kind == "depot" else person.home
    weekdays = set(range(5))
    if len(world.people) % WEEKEND_EVERY == 0:
        weekdays = {5, 6, *rng.sample(range(5), 3)}
    elif rng.random() < 0.15:
        weekdays.discard(rng.randrange(5))
    if not world.people:
        weekdays.add(world.today.weekday())  # who signs in as the technician of the demo has a day to look at
    patterns = []
    for weekday in sorted(weekdays):
        world.book.add(
            "shift_pattern",
            technician_id=person.id,
            territory_id=person.area.id,
            weekday=weekday,
            starts_at=starts,
            ends_at=ends,
            break_s=BREAK_S,
            overtime_limit_s=OVERTIME_S,
            start_kind=kind,
            end_kind=kind,
            valid=Range(hired, None),
        )
        patterns.append(Pattern(weekday=weekday, starts_at=starts, ends_at=ends, break_s=BREAK_S, from_day=hired))
    for times in working_times(world.first_day, world.last_day + timedelta(days=1), patterns, (), ZONE):
        write_shift(world, person, times, kind)


def write_shift(world: World, person: Person, times: WorkingTime, kind: str) -> None:
    """Note one shift that begins and ends where the person starts, and remember it with them."""
    shift_id = world.book.add(
        "shift",
        technician_id=person.id,
        territory_id=person.area.id,
        on_date=times.day,
        during=Range(times.start, times.end),
        start_kind=kind,
        start_lat=person.start.lat,
        start_lon=person.start.lon,
        end_kind=kind,
        end_lat=person.start.lat,
        end_lon=person.start.lon,
        break_s=times.break_s,
        break_from=times.break_from,
        break_until=times.break_until,
        overtime_limit_s=OVERTIME_S,
    )
    person.shifts[times.day] = (shift_id, times)


def _grasps(world: World, person: Person) -> dict[int, Grasp]:
    """Give the own trade broadly and another one a little; some are still learning and only claim to know."""
    rng = world.rng
    grasps: dict[int, Grasp] = {}
    trades = sorted({work.trade for work in WORKS} - {person.trade})
    second = rng.choice(trades) if rng.random() < 0.6 else None
    learner = rng.random() < 0.08
    for code in _codes_of(person.trade):
        if rng.random() < 0.08:
            continue
        wanted = max(must or 1 for work in WORKS for need, must, _ in work.needs if need == code)
        level = min(5, max(2, rng.choices((wanted - 1, wanted, wanted + 1), (3, 10, 4))[0]))
        grasps[world.skills[code]] = _grasp(world, 2 if learner else level, confirmed=True)
    for code in _codes_of(second) if second else ():
        if rng.random() < 0.55:
            grasps.setdefault(world.skills[code], _grasp(world, rng.choice((1, 2, 2, 3)), confirmed=rng.random() < 0.7))
    return grasps


def _grasp(world: World, level: int, *, confirmed: bool) -> Grasp:
    true = min(5.2, max(0.6, world.rng.gauss(level, 0.35)))
    since = world.today - timedelta(days=world.rng.randint(60, 500))
    return Grasp(level=level, true=true if confirmed else true - 0.6, since=since, confirmed=confirmed)


def _papers(world: World, person: Person) -> dict[int, tuple[date, date]]:
    """Give the papers of the own trade; one in fifteen runs out within a month, a few have just done so."""
    rng = world.rng
    papers: dict[int, tuple[date, date]] = {}
    for work in WORKS:
        chance = 0.93 if work.trade == person.trade else 0.04
        for code in work.certificates:
            kind_id = world.papers[code]
            if kind_id in papers or rng.random() >= chance:
                continue
            months = world.paper_months[kind_id] or 60
            left = rng.choices((rng.randint(31, months * 30), rng.randint(2, 29), -rng.randint(1, 40)), (26, 2, 1))[0]
            until = world.today + timedelta(days=left)
            papers[kind_id] = (until - timedelta(days=months * 30 + 400), until)
    return papers


def _one_holder(world: World) -> None:
    """Leave one skill with a single person of the Centre."""
    skill = world.skills[ONLY_ONE]
    for person in world.people:
        person.grasps.pop(skill, None)
    holder = next(person for person in world.people if person.area.name == "Centre" and person.trade == "plumbing")
    holder.grasps[skill] = _grasp(world, 4, confirmed=True)


def _trades_for(world: World, area: Area) -> list[str]:
    """Share the places of a territory among the trades by hours asked for, the largest remainders last."""
    hours: Counter[str] = Counter()
    for work in WORKS:
        if world.assets.get((area.id, work.asset)):
            hours[work.trade] += round(work.weight * work.minutes[1] * work.crew * 100)
    total = sum(hours.values())
    shares = {trade: PEOPLE_PER_AREA * amount / total for trade, amount in hours.items()}
    places = {trade: max(2, int(share)) for trade, share in shares.items()}
    for trade in sorted(shares, key=lambda each: shares[each] - int(shares[each]), reverse=True):
        if sum(places.values()) < PEOPLE_PER_AREA:
            places[trade] += 1
    for trade in sorted(places, key=lambda each: places[each], reverse=True):
        if sum(places.values()) > PEOPLE_PER_AREA:
            places[trade] -= 1
    return [trade for trade in sorted(places) for _ in range(places[trade])]


def _spread(world: World, partner_ids: list[int]) -> dict[int, int]:
    """Say which of the technicians to come work for which partner; the first one of each territory is ours."""
    numbers = [number for number in range(PEOPLE_PER_AREA * len(world.areas)) if number % PEOPLE_PER_AREA]
    chosen = sorted(world.rng.sample(numbers, PARTNER_PEOPLE))
    return {number: partner_ids[place % len(partner_ids)] for place, number in enumerate(chosen)}


def _names(world: World, count: int) -> list[str]:
    firsts = world.rng.sample(FIRST_NAMES, len(FIRST_NAMES))
    return [f"{firsts[number % len(firsts)]} {world.rng.choice(LAST_NAMES)}" for number in range(count)]


def _codes_of(trade: str) -> list[str]:
    return sorted({code for work in WORKS if work.trade == trade for code, _, _ in work.needs})


def _user(world: World, box: str, name: str, stored: str) -> int:
    return world.book.add(
        "user_account",
        email=box + MAIL,
        name=name,
        password=stored,
        fs_uniquifier=secrets.token_hex(16),
    )


def _grant(world: World, user_id: int, role_id: int, territory_id: int | None) -> None:
    world.book.add(
        "role_grant",
        user_id=user_id,
        role_id=role_id,
        territory_id=territory_id,
        starts_on=world.first_day,
        ends_on=None,
    )
