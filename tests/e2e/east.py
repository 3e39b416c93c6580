"""A territory beside the demo where it is always early: a day with people, customers and visits that wait.

The demo's clock is that of its city, so in the evening or on a Sunday there is little left to plan. Here the time
zone is chosen so that the day has just begun, whenever the tests run.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.models import RoleName, User
from dispatch.core import clock
from dispatch.jobs.models import Site
from dispatch.skills.models import DocumentState, EvidenceContest, Skill
from dispatch.skills.recompute import recompute_proficiency
from dispatch.workforce.models import Technician, Territory
from tests import factories as make

BEGIN = time(7)
HOUR_NOW = 8
CUSTOMERS = ("Hale Dental", "Harbour Offices", "Mill Lane School", "Corner Bakery", "North Library", "St Mary Clinic")
TITLES = ("Boiler out", "Radiator cold", "Pilot light fails", "Gas smell checked", "Thermostat stuck", "Pump is loud")


@dataclass(frozen=True, kw_only=True)
class East:
    """Ids of what was made, and the local day."""

    territory: int
    zone: str
    today: date
    ana: int
    ben: int
    skill: int
    waiting: tuple[int, ...]
    tomorrow: tuple[int, ...]
    people: tuple[tuple[str, str], ...] = (("ana", "Ana Ruiz"), ("ben", "Ben Oduya"))
    """Who works there: under which name they sign in, and how they are called."""

    def at(self, hour: int, minute: int = 0, *, days: int = 0) -> str:
        """Return a local time as the fields of forms hold it."""
        return f"{(self.today + timedelta(days=days)).isoformat()}T{hour:02}:{minute:02}"


def early_zone(now: datetime) -> str:
    """Return a time zone without summer time in which it is between eight and nine in the morning."""
    ahead = HOUR_NOW - now.hour
    ahead += 24 if ahead < -12 else 0
    # The names of these zones count westwards.
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def make_east(session: Session, *, now: datetime, password: str) -> East:
    """Make the territory, its office and two technicians, six visits for today and two for tomorrow."""
    zone = early_zone(now)
    today = clock.local_day(now, zone)
    east = make.make_territory(session, name="East", zone=zone)
    owner = _user(session, "Ines Weber", "ines", password, RoleName.DISPATCHER, east)
    _user(session, "Omar Haddad", "omar", password, RoleName.DISPATCHER, east)
    manager = _user(session, "Mira Sand", "mira", password, RoleName.MANAGER, east)
    east.owner_id = owner.id
    skill = make.make_skill(session, name="Gas boilers of the East", code="east.gas_boilers")
    people = [
        _technician(session, name, east, skill, password, now=now, today=today) for name in ("Ana Ruiz", "Ben Oduya")
    ]
    _waits_for_the_manager(session, people[0], skill, manager, now=now)
    sites = [
        make.make_site(
            session,
            territory=east,
            customer=make.make_customer(session, name=name),
            lat=make.CENTRE[0] + 0.01 * number,
            lon=make.CENTRE[1] + 0.008 * (number % 3),
            gate_code="4711",
            parking="In the yard",
        )
        for number, name in enumerate(CUSTOMERS)
    ]
    return East(
        territory=east.id,
        zone=zone,
        today=today,
        ana=people[0].id,
        ben=people[1].id,
        skill=skill.id,
        waiting=tuple(
            _visit(session, title, site, skill, owner, today, zone=zone, now=now)
            for title, site in zip(TITLES, sites, strict=True)
        ),
        tomorrow=tuple(
            _visit(session, title, site, skill, owner, today + timedelta(days=1), zone=zone, now=now)
            for title, site in zip(("Yearly service", "Filter change"), sites, strict=False)
        ),
    )


def address_of(box: str) -> str:
    """Return the mail address somebody of the East signs in with."""
    return f"{box}@east.example"


def _user(
    session: Session, name: str, box: str, password: str, role: RoleName, territory: Territory | None = None
) -> User:
    return make.make_user(session, role, territory=territory, name=name, email=address_of(box), password=password)


def _technician(
    session: Session, name: str, east: Territory, skill: Skill, password: str, *, now: datetime, today: date
) -> Technician:
    box = name.split()[0].lower()
    user = _user(session, name, box, password, RoleName.TECHNICIAN)
    person = make.make_technician(session, territory=east, name=name, user_id=user.id, phone="+49 30 5550100")
    make.make_evidence(
        session, technician=person, skill=skill, at=now - timedelta(days=60), facts={"level": 4}, recorded_at=now
    )
    recompute_proficiency(session, person.id, now=now)
    for number in range(2):
        day = today + timedelta(days=number)
        hours = Range(clock.instant(day, BEGIN, east.zone), clock.instant(day, time(18), east.zone))
        make.make_shift(session, technician=person, territory=east, on_date=day, during=hours)
    return person


def _waits_for_the_manager(session: Session, person: Technician, skill: Skill, manager: User, *, now: datetime) -> None:
    """Add what a manager answers: a certificate that was handed in, and a fact somebody sees differently."""
    make.make_certification(
        session,
        technician=person,
        kind=make.make_certification_kind(session, name="Gas permit of the East"),
        state=DocumentState.CLAIMED,
        imported=False,
    )
    fact = make.make_evidence(
        session, technician=person, skill=skill, at=now - timedelta(days=90), facts={"level": 2}, recorded_at=now
    )
    assert person.user_id is not None
    contest = EvidenceContest(
        evidence_id=fact.id,
        reason="That was before the course",
        opened_by_id=person.user_id,
        opened_at=now,
        owner_id=manager.id,
        due_at=now + timedelta(days=3),
    )
    session.add(contest)
    session.flush()


def _visit(
    session: Session, title: str, site: Site, skill: Skill, owner: User, day: date, *, zone: str, now: datetime
) -> int:
    job = make.make_job(
        session,
        site=site,
        title=title,
        purpose="Warm rooms before the day begins",
        owner=owner,
        created_at=now - timedelta(hours=20),
        next_step_due_at=now + timedelta(hours=2),
    )
    window = Range(clock.instant(day, time(9, 30), zone), clock.instant(day, time(16), zone))
    visit = make.make_visit(session, job=job, needs={skill: 3}, window=window)
    make.make_promise(session, visit=visit, during=window, made_at=now - timedelta(hours=19))
    return visit.id
