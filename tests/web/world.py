"""A small day for page tests: two people who can do gas work in the North, one of them busy, and work that waits."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.core import clock
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.workforce.models import Territory
from tests.factories import (
    ZONE,
    make_assignment,
    make_customer,
    make_job,
    make_proficiency,
    make_promise,
    make_shift,
    make_site,
    make_skill,
    make_technician,
    make_visit,
)


@dataclass(frozen=True, kw_only=True)
class Day:
    """Ids of what was made, and the local day it lies on."""

    on: date
    ana: int
    ben: int
    skill: int
    booked_visit: int
    booked_job: int
    assignment: int
    waiting_visit: int
    waiting_job: int

    def at(self, hour: int, minute: int = 0) -> datetime:
        """Return a local time of the day as an instant."""
        return clock.instant(self.on, time(hour, minute), ZONE)

    def local(self, hour: int, minute: int = 0) -> str:
        """Return a local time of the day as a form field holds it."""
        return f"{self.on.isoformat()}T{hour:02}:{minute:02}"


def make_day(session: Session, territory: Territory) -> Day:
    """Make the day after tomorrow: Ana has a promised visit at ten, another visit waits with a promise."""
    on = clock.local_day(clock.now(), ZONE) + timedelta(days=2)
    begin, end = clock.instant(on, time(8), ZONE), clock.instant(on, time(16), ZONE)
    skill = make_skill(session, name="Gas boilers")
    people, shifts = [], []
    for name in ("Ana Ruiz", "Ben Cole"):
        person = make_technician(session, territory=territory, name=name, phone="+49 30 77 00")
        during = Range(begin, end)
        shifts.append(make_shift(session, technician=person, territory=territory, on_date=on, during=during))
        make_proficiency(session, technician=person, skill=skill, mean=3.6)
        people.append(person)
    place = make_site(session, customer=make_customer(session, name="Hale Dental"), territory=territory)
    booked = make_job(session, site=place, title="Boiler leaks", state=JobState.PLANNED)
    booked_visit = make_visit(session, job=booked, needs={skill: 3}, state=VisitState.PLANNED)
    ten = clock.instant(on, time(10), ZONE)
    make_promise(session, visit=booked_visit, during=Range(ten, ten + timedelta(hours=2)))
    assignment = make_assignment(
        session,
        visit=booked_visit,
        technician=people[0],
        during=Range(ten, ten + timedelta(hours=1)),
        travel_s=600,
        shift_id=shifts[0].id,
    )
    waiting = make_job(session, site=place, title="Radiator cold", priority=1)
    waiting_visit = make_visit(session, job=waiting, needs={skill: 3})
    make_promise(session, visit=waiting_visit, during=Range(ten, ten + timedelta(hours=4)))
    return Day(
        on=on,
        ana=people[0].id,
        ben=people[1].id,
        skill=skill.id,
        booked_visit=booked_visit.id,
        booked_job=booked.id,
        assignment=assignment.id,
        waiting_visit=waiting_visit.id,
        waiting_job=waiting.id,
    )
