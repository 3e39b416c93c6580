"""Days from a seed, as rows: people with skills, limits and absences, what is booked, and what waits for somebody."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import CustomerPerson, Job, PersonLinkKind, Site, Visit
from dispatch.planning.models import Pin
from dispatch.skills.models import CertificationKind, Skill
from dispatch.workforce.models import Shift, Technician, Territory, TerritoryMembership
from tests import factories as make

NOW = make.MORNING


@dataclass(kw_only=True)
class GeneratedDay:
    """The rows a test asks about."""

    territory: Territory
    people: list[Technician] = field(default_factory=list)
    shifts: dict[int, Shift] = field(default_factory=dict)
    waiting: list[Visit] = field(default_factory=list)
    booked: list[Visit] = field(default_factory=list)


def generated_day(session: Session, seed: int) -> GeneratedDay:
    """Make a day with a bit of everything that can keep a person from a visit."""
    chosen = random.Random(seed)
    day = GeneratedDay(territory=make.make_territory(session))
    south = make.make_territory(session)
    skills = [make.make_skill(session) for _ in range(2)]
    permit = make.make_certification_kind(session, safety=chosen.random() < 0.5)
    partner = make.make_partner(session, daily_capacity=chosen.choice((1, 2)))
    for number in range(5):
        home = south if number == 4 else day.territory
        person = make.make_technician(
            session,
            territory=home,
            partner_id=partner.id if number in (1, 2) else None,
            pace=chosen.choice((1.0, 1.0, 0.8, 1.25)),
        )
        if number == 4 and chosen.random() < 0.7:
            member = TerritoryMembership(technician_id=person.id, territory_id=day.territory.id, during=make.ALWAYS)
            session.add(member)
        for skill in skills:
            if chosen.random() < 0.8:
                confirmed = chosen.random() < 0.9
                make.make_proficiency(session, technician=person, skill=skill, mean=4.0, confirmed=confirmed)
        if chosen.random() < 0.6:
            make.make_certification(session, technician=person, kind=permit)
        noon = make.MORNING + timedelta(hours=chosen.choice((3, 4)))
        rest = {"break_s": 1_800, "break_from": noon, "break_until": noon + timedelta(hours=1, minutes=30)}
        shift = make.make_shift(
            session,
            technician=person,
            territory=home,
            overtime_limit_s=chosen.choice((0, 1_800)),
            **(rest if chosen.random() < 0.5 else {}),
        )
        if chosen.random() < 0.2:
            begin = chosen.choice((0, 3, 6))
            make.make_absence(session, technician=person, during=make.hours(begin, begin + 1.5))
        day.people.append(person)
        day.shifts[person.id] = shift
    for person in day.people:
        _book(session, day, person, south, chosen)
    for _ in range(6):
        day.waiting.append(_waiting(session, day, skills, permit, chosen))
    _links(session, day, chosen)
    session.flush()
    return day


def _site(session: Session, territory: Territory, chosen: random.Random) -> Site:
    lat, lon = make.CENTRE
    return make.make_site(
        session, territory=territory, lat=lat + chosen.uniform(-0.08, 0.08), lon=lon + chosen.uniform(-0.08, 0.08)
    )


def _book(session: Session, day: GeneratedDay, person: Technician, south: Territory, chosen: random.Random) -> None:
    """Book a few visits with room for the way between them."""
    at: datetime = make.MORNING + timedelta(minutes=chosen.choice((40, 60, 90)))
    for _ in range(chosen.choice((0, 1, 2, 3))):
        length = timedelta(minutes=chosen.choice((30, 60, 75)))
        home = south if day.shifts[person.id].territory_id == south.id else day.territory
        job = make.make_job(session, site=_site(session, home, chosen), state=JobState.PLANNED)
        planned = int(length.total_seconds()) + chosen.choice((0, 0, -300, 600))
        visit = make.make_visit(session, job=job, duration_s=planned, state=VisitState.PLANNED)
        if chosen.random() < 0.5:
            begin = at - timedelta(minutes=chosen.choice((0, 30)))
            make.make_promise(session, visit=visit, during=Range(begin, begin + timedelta(minutes=45)))
        held = make.make_assignment(
            session,
            visit=visit,
            technician=person,
            during=Range(at, at + length * person.pace),
            shift_id=day.shifts[person.id].id,
        )
        if chosen.random() < 0.15:
            session.add(
                Pin(
                    visit_id=visit.id,
                    crew_slot_id=held.crew_slot_id,
                    technician_id=person.id,
                    starts_at=at,
                    pinned_at=NOW,
                )
            )
        day.booked.append(visit)
        at += length * person.pace + timedelta(minutes=chosen.choice((45, 50, 70, 100)))


def _waiting(
    session: Session, day: GeneratedDay, skills: list[Skill], permit: CertificationKind, chosen: random.Random
) -> Visit:
    job = make.make_job(session, site=_site(session, day.territory, chosen))
    begin = chosen.choice((0, 1, 2, 4))
    visit = make.make_visit(
        session,
        job=job,
        needs={chosen.choice(skills): 3} if chosen.random() < 0.8 else {},
        duration_s=chosen.choice((1_800, 3_600, 7_200)),
        setup_s=chosen.choice((0, 0, 600)),
        window=make.hours(begin, begin + chosen.choice((1, 3, 6))) if chosen.random() < 0.6 else None,
        certifications=(permit,) if chosen.random() < 0.2 else (),
        release_at=make.hours(2, 3).lower if chosen.random() < 0.2 else None,
        crew=2 if chosen.random() < 0.15 else 1,
        predecessor_id=chosen.choice(day.booked).id if day.booked and chosen.random() < 0.15 else None,
    )
    if chosen.random() < 0.3:
        make.make_promise(session, visit=visit, during=make.hours(begin, begin + 2))
    return visit


def _links(session: Session, day: GeneratedDay, chosen: random.Random) -> None:
    for visit in day.waiting:
        if chosen.random() < 0.2:
            session.add(
                CustomerPerson(
                    customer_id=session.get_one(Job, visit.job_id).customer_id,
                    technician_id=chosen.choice(day.people).id,
                    kind=chosen.choice((PersonLinkKind.EXCLUDED, PersonLinkKind.REQUIRED)),
                )
            )
