"""What is on record about people besides their work: judgements, tests, claims, certificates, absences."""

from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import Range

from dispatch.core.clock import instant
from dispatch.demo.world import ZONE, Grasp, Person, World

COURSES = ("Manufacturer's week", "Evening course", "Refresher day", "Two days with the master")
CONTEST_REASON = "I did this work for three years at my former company; two finished jobs were booked on somebody else."
ANSWER_WITHIN = timedelta(days=3)


def write_absences(world: World) -> None:
    """Give everybody holidays and a few sick days; some are away today or soon."""
    rng = world.rng
    year_ago = world.today - timedelta(weeks=52)
    for number, person in enumerate(world.people):
        blocks = [(rng.randint(5, 350), rng.randint(4, 11)) for _ in range(2)]
        blocks += [(rng.randint(5, 350), rng.randint(1, 3)) for _ in range(2)]
        spans = {year_ago + timedelta(days=start): length for start, length in blocks}
        if number % 9 == 4:
            spans[world.today + timedelta(days=rng.randint(3, 20))] = rng.randint(3, 8)
        if number % 25 == 11:
            spans[world.today - timedelta(days=1)] = rng.randint(3, 4)
        free_from = year_ago
        for start, length in sorted(spans.items()):
            start = max(start, free_from)
            end = start + timedelta(days=length)
            free_from = end + timedelta(days=1)
            reported = instant(start - timedelta(days=rng.randint(0, 30)), time(6, 40), ZONE)
            world.book.add(
                "absence",
                technician_id=person.id,
                during=Range(world.day_start(start), world.day_start(end)),
                reported_by_id=person.user_id,
                reported_at=min(reported, world.now),
            )
            person.away.update(start + timedelta(days=day) for day in range(length))


def write_facts(world: World) -> None:
    """Write judgements and certificates; one judgement is contested by the person it is about."""
    contested = next(person for person in world.people if person.area.name == "South" and len(person.grasps) > 3)
    for person in world.people:
        for number, (skill_id, grasp) in enumerate(sorted(person.grasps.items())):
            if person is contested and number == 0:
                _contested(world, person, skill_id, grasp)
            elif grasp.confirmed:
                _judged(world, person, skill_id, grasp)
            else:
                _fact(world, person, skill_id, "self_claim", grasp.since, {"level": grasp.level}, person.user_id)
        _write_papers(world, person)
        _write_wish(world, person)


def _judged(world: World, person: Person, skill_id: int, grasp: Grasp) -> None:
    """Write what others, tests, courses and the person say about a skill somebody has."""
    rng = world.rng
    _fact(world, person, skill_id, "supervisor", grasp.since, {"level": grasp.level}, person.manager_id)
    later = world.today - timedelta(days=rng.randint(10, 400))
    if rng.random() < 0.4:
        seen = min(5.0, max(1.0, round(2 * rng.gauss(grasp.true, 0.3)) / 2))
        _fact(world, person, skill_id, "practical_test", later, {"level": seen, "test": "Workshop"}, person.manager_id)
    if rng.random() < 0.45:
        said = min(5, max(1, grasp.level + rng.choice((0, 0, 1, 1, -1))))
        _fact(world, person, skill_id, "self_claim", later, {"level": said}, person.user_id)
    if rng.random() < 0.15:
        course = rng.choice(COURSES)
        _fact(world, person, skill_id, "training", later, {"level": grasp.level, "course": course}, person.manager_id)
    if rng.random() < 0.15:
        friend = rng.choice([each for each in world.people if each is not person])
        seen = min(5, max(1, round(grasp.true)))
        _fact(world, person, skill_id, "endorsement", later, {"level": seen}, friend.user_id)


def _contested(world: World, person: Person, skill_id: int, grasp: Grasp) -> None:
    _judged(world, person, skill_id, grasp)
    low = _fact(
        world,
        person,
        skill_id,
        "supervisor",
        world.today - timedelta(days=9),
        {"level": 1, "note": "Two calls came back"},
        world.staff["manager"][0],
        contested=True,
    )
    opened = world.now - timedelta(days=2)
    world.book.add(
        "evidence_contest",
        evidence_id=low,
        reason=CONTEST_REASON,
        opened_by_id=person.user_id,
        opened_at=opened,
        owner_id=person.manager_id,
        due_at=opened + ANSWER_WITHIN,
    )


def _fact(
    world: World,
    person: Person,
    skill_id: int,
    source: str,
    day: date,
    facts: dict[str, Any],
    by_id: int,
    *,
    contested: bool = False,
) -> int:
    at = _office_hour(world, day)
    return world.book.add(
        "evidence",
        technician_id=person.id,
        skill_id=skill_id,
        source=source,
        at=at,
        facts=facts,
        contested=contested,
        visit_id=None,
        outside_key=None,
        recorded_by_id=by_id,
        recorded_at=at,
    )


def _write_wish(world: World, person: Person) -> None:
    """Let some people say what they want of the work in one of their skills."""
    wish = {0: "more", 2: "less", 4: "enough"}.get(person.id % 6)
    if wish is None or not person.grasps:
        return
    skills = sorted(person.grasps)
    skill_id = skills[person.id % len(skills)]
    world.book.add(
        "skill_wish", technician_id=person.id, skill_id=skill_id, wish=wish, changed_at=world.now - timedelta(days=30)
    )


def _write_papers(world: World, person: Person) -> None:
    for number, (kind_id, (start, until)) in enumerate(sorted(person.papers.items())):
        # A renewal that was handed in and waits for somebody to look at it.
        ends_soon = world.today < until <= world.today + timedelta(days=30)
        confirmed_at = _office_hour(world, start + timedelta(days=2))
        _paper(world, person, kind_id, (start, until), f"{kind_id:02d}-{person.id:03d}-{number}", confirmed_at)
        if ends_soon and person.id % 3 == 0:
            renewed = (until, until + timedelta(days=730))
            _paper(world, person, kind_id, renewed, f"{kind_id:02d}-{person.id:03d}-R", None)


def _paper(
    world: World,
    person: Person,
    kind_id: int,
    valid: tuple[date, date],
    number: str,
    confirmed_at: datetime | None,
) -> None:
    world.book.add(
        "certification",
        technician_id=person.id,
        kind_id=kind_id,
        number=number,
        issuer=None,
        valid=Range(*valid),
        state="confirmed" if confirmed_at else "claimed",
        claimed_by_id=person.user_id,
        confirmed_by_id=person.manager_id if confirmed_at else None,
        confirmed_at=confirmed_at,
    )


def _office_hour(world: World, day: date) -> datetime:
    return min(instant(day, time(world.rng.randint(8, 16), world.rng.randrange(0, 60, 5)), ZONE), world.now)
