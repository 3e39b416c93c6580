"""A second territory where it is early: a day that people are told already, for what goes wrong with it."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts import passwords
from dispatch.accounts.models import RoleName
from dispatch.core import clock
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import Site
from dispatch.skills.models import Skill
from dispatch.workforce.models import Shift, Technician, Territory
from tests import factories as make
from tests.e2e.east import address_of

if TYPE_CHECKING:
    from tests.e2e.conftest import Installation

NAMES = ("Cleo Marsh", "Dara Quinn", "Emil Brandt", "Gus Holm", "Hana Sato", "Ivo Petrov", "Fay Lowe")
DISPATCHERS = {"rita": "Rita Lund", "sven": "Sven Aalto"}


@dataclass(kw_only=True)
class Quay:
    """Ids of what was made. ``visits`` by the first letter of who has them, in the order of the day."""

    territory: int
    today: Any
    people: dict[str, int]
    visits: dict[str, list[int]]
    waiting: list[int]
    racing: list[int]


def make_quay(installation: "Installation") -> Quay:
    """Make the territory with two dispatchers and technicians; all but Fay have work only they can do."""
    now = clock.now().replace(second=0, microsecond=0)
    zone = installation.east.zone
    with installation.session() as session:
        quay = make.make_territory(session, name="Quay", zone=zone)
        owner = session.get_one(Territory, installation.east.territory).owner_id
        hashed = passwords.hash_password(installation.password)
        for box, name in DISPATCHERS.items():
            user = make.make_user(
                session, RoleName.DISPATCHER, territory=quay, name=name, email=address_of(box), password=hashed
            )
            installation.emails[box] = address_of(box)
            if box == "rita":
                owner = user.id
        quay.owner_id = owner
        shared = make.make_skill(session, name="Leaks of the Quay", code="quay.leaks")
        site = make.make_site(
            session, territory=quay, customer=make.make_customer(session, name="Quay Museum"), name="Museum hall"
        )
        found = Quay(
            territory=quay.id,
            today=installation.east.today,
            people={},
            visits={},
            waiting=[],
            racing=[],
        )
        for title, kept in (
            ("Gutter drips", found.waiting),
            ("Door of the hall jams", found.racing),
            ("Window of the hall jams", found.racing),
        ):
            job = make.make_job(session, site=site, title=title, owner_id=owner)
            kept.append(make.make_visit(session, job=job, needs={shared: 2}, duration_s=1_800).id)
        for number, name in enumerate(NAMES):
            own = make.make_skill(session, name=f"Own trade of {name}", code=f"quay.own{number}")
            person, shift = _person(session, name, quay, [shared, own], now=now, day=found.today, zone=zone)
            letter = name[0].lower()
            found.people[letter] = person.id
            found.visits[letter] = []
            for place in range(0 if name.startswith("Fay") else 3):
                begin = now + timedelta(hours=0.7 + 1.5 * place, minutes=3 * number)
                visit = _booked(session, quay, (person, shift, own), begin, f"{name.split()[0]}'s customer {place + 1}")
                found.visits[letter].append(visit)
        return found


def _person(
    session: Session, name: str, quay: Territory, skills: list[Skill], *, now: datetime, day: Any, zone: str
) -> tuple[Technician, Shift]:
    person = make.make_technician(session, territory=quay, name=name, phone="+49 30 5550199")
    for skill in skills:
        make.make_proficiency(session, technician=person, skill=skill, mean=4.2, sd=0.3)
    first = None
    for ahead in range(3):
        on = day + timedelta(days=ahead)
        during = Range(clock.instant(on, time(7), zone), clock.instant(on, time(19), zone))
        shift = make.make_shift(session, technician=person, territory=quay, on_date=on, during=during)
        first = first or shift
    assert first is not None
    return person, first


def _booked(
    session: Session, quay: Territory, who: tuple[Technician, Shift, Skill], begin: datetime, customer: str
) -> int:
    """Book an hour that only this person can do, promised narrowly to somebody who likes to be written to."""
    person, shift, skill = who
    place: Site = make.make_site(
        session,
        territory=quay,
        customer=make.make_customer(
            session,
            name=customer,
            phone="+49 30 5550111",
            email="customer@quay.example",
            preferred_channel="mail",
        ),
    )
    job = make.make_job(
        session, site=place, state=JobState.PLANNED, title=f"Work at {customer}", owner_id=quay.owner_id
    )
    visit = make.make_visit(session, job=job, needs={skill: 3}, state=VisitState.PLANNED, duration_s=3000)
    during = Range(begin, begin + timedelta(seconds=3000))
    make.make_promise(session, visit=visit, during=Range(begin - timedelta(minutes=20), begin + timedelta(minutes=20)))
    make.make_assignment(session, visit=visit, technician=person, during=during, shift_id=shift.id)
    return visit.id
