"""The technician's day and the run of a visit."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from dispatch.accounts.access import SYSTEM
from dispatch.accounts.models import RoleName
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import Customer, Job, Promise, PromiseState, Site, Visit
from dispatch.planning.models import Assignment, AssignmentState, ReportKind, VisitReport
from dispatch.planning.service import move_assignment
from dispatch.workforce.models import Technician, Territory
from tests.conftest import statements
from tests.factories import (
    MORNING,
    hours,
    make_assignment,
    make_job,
    make_promise,
    make_shift,
    make_site,
    make_skill,
    make_technician,
    make_user,
    make_visit,
)
from tests.web.browser import Browser
from tests.web.conftest import PASSWORD, STORED
from tests.web.conftest import Site as Web

STATEMENTS_OF_A_DAY = 15


@pytest.fixture(autouse=True)
def morning() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


class Own:
    """A technician of their own for one test, with visits from nine o'clock on."""

    def __init__(self, site: Web, name: str, visits: int = 2) -> None:
        self.site = site
        self.visit_ids: list[int] = []
        self.assignment_ids: list[int] = []
        with site.session() as session:
            north = session.get_one(Territory, site.north_id)
            user = make_user(
                session, RoleName.TECHNICIAN, territory=north, name=name, email=f"{name}@example.test", password=STORED
            )
            technician = make_technician(session, territory=north, name=name, user_id=user.id)
            self.technician_id, self.email = technician.id, user.email
            make_shift(session, technician=technician, territory=north)
            self.skill = make_skill(session)
            self.skill_id = self.skill.id
            for number in range(visits):
                self._visit(session, technician, number)

    def _visit(self, session: Any, technician: Technician, number: int) -> None:
        place = make_site(
            session,
            territory_id=self.site.north_id,
            gate_code=f"CODE-{number}",
            hazards="Dog in the yard" if number == 0 else None,
            lat=52.5,
            lon=13.4,
        )
        session.get_one(Customer, place.customer_id).phone = "+49 30 77"
        job = make_job(
            session, site=place, title=f"Boiler {number}", purpose="Warm rooms by noon", state=JobState.PLANNED
        )
        visit = make_visit(session, job=job, needs={self.skill: 3}, state=VisitState.PLANNED)
        make_promise(session, visit=visit, during=hours(2 + number * 2, 4 + number * 2))
        assignment = make_assignment(
            session,
            visit=visit,
            technician=technician,
            during=hours(2 + number * 2, 3 + number * 2),
            travel_s=540,
            travel_m=6200,
            why={"p_fix": 0.87, "known_face": True},
        )
        self.visit_ids.append(visit.id)
        self.assignment_ids.append(assignment.id)

    def browser(self) -> Browser:
        browser = self.site.browser()
        browser.sign_in(self.email, PASSWORD)
        return browser


def test_the_next_visit_comes_first_with_all_one_needs(site: Web) -> None:
    page = Own(site, "ada").browser().get("/my/day")
    for words in (
        "Boiler 0",
        "10:00",
        "Promised 10:00–12:00",
        "9 min on the way, 6.2 km",
        "Warm rooms by noon",
        "Dog in the yard",
        "87 %",
        "knows you",
        "The rest of the day",
        "Boiler 1",
    ):
        assert words in page.text, words
    assert "geo:52.5,13.4" in page.html
    assert "tel:" in page.html
    assert "CODE-0" not in page.text, "the code stands on the visit's page only"


def test_a_day_takes_a_constant_number_of_statements(site: Web) -> None:
    counts = []
    for name, visits in (("few", 1), ("many", 4)):
        browser = Own(site, name, visits).browser()
        browser.get("/my/day")
        with statements(site.engine) as sent:
            browser.client.get("/my/day")
        counts.append(sent.count)
    assert counts[0] == counts[1] <= STATEMENTS_OF_A_DAY


def test_a_visit_is_run_with_one_tap_each(site: Web, morning: time_machine.Traveller) -> None:
    own = Own(site, "run")
    browser = own.browser()
    visit = own.visit_ids[0]
    browser.get("/my/day")
    assert browser.send(button="On my way to") == f"/my/jobs/{visit}"
    morning.move_to(MORNING + timedelta(hours=2, minutes=5))
    page = browser.get(f"/my/jobs/{visit}")
    assert "CODE-0" in page.text
    assert browser.send(button="Arrived") == f"/my/jobs/{visit}"
    morning.move_to(MORNING + timedelta(hours=3))
    browser.get(f"/my/jobs/{visit}")
    browser.get(f"/my/jobs/{visit}/done")
    refused = browser.send({"note": "Parking behind the house"}, button="Done", status=422)
    assert not isinstance(refused, str)
    assert "Say whether it is fixed" in refused.text
    assert "Parking behind the house" in refused.html, "what was typed stays"
    assert browser.send({"fixed": "yes", "skill_id": str(own.skill_id)}, button="Done") == "/my/day"
    assert "Done, thank you" in browser.get("/my/day").text
    with site.session() as session:
        reports = session.scalars(
            select(VisitReport).where(VisitReport.visit_id == visit).order_by(VisitReport.happened_at)
        ).all()
        assert [one.kind for one in reports] == [ReportKind.ON_THE_WAY, ReportKind.ARRIVED, ReportKind.DONE]
        assert reports[-1].fixed_first_time is True
        assert reports[-1].note == "Parking behind the house"
        assert session.get_one(Assignment, own.assignment_ids[0]).state is AssignmentState.DONE
        assert session.get_one(Visit, visit).state is VisitState.DONE
        promise = session.scalars(select(Promise).where(Promise.visit_id == visit)).one()
        assert promise.state is PromiseState.KEPT


def test_sending_twice_counts_once(site: Web) -> None:
    own = Own(site, "twice")
    browser = own.browser()
    page = browser.get("/my/day")
    fields = browser.form(button="On my way").fields
    values = {name: values[0] for name, values in fields.items()}
    for _time in range(2):
        browser.client.post(f"/my/jobs/{own.visit_ids[0]}/report", data=values)
    assert page is not None
    with site.session() as session:
        kept = session.scalars(select(VisitReport).where(VisitReport.visit_id == own.visit_ids[0])).all()
        assert len(kept) == 1


def test_what_was_not_fixed_gets_a_second_visit_with_an_owner(site: Web) -> None:
    own = Own(site, "second")
    browser = own.browser()
    browser.get(f"/my/jobs/{own.visit_ids[0]}/done")
    browser.send({"fixed": "no", "cause": "parts"}, button="Done")
    with site.session() as session:
        visit = session.get_one(Visit, own.visit_ids[0])
        job = session.get_one(Job, visit.job_id)
        assert job.state is JobState.OPEN
        assert job.next_step is not None
        assert "parts" in job.next_step


def test_a_visit_given_back_has_a_reason_and_leaves_the_day(site: Web) -> None:
    own = Own(site, "giver")
    browser = own.browser()
    browser.get(f"/my/jobs/{own.visit_ids[0]}/decline")
    refused = browser.send({}, button="Give it back", status=422)
    assert "What is in the way? Choose what fits best." in refused.text
    assert not isinstance(refused, str)
    assert "Choose what fits best" in refused.text
    browser.send({"reason": "Something else", "words": "School run"}, button="Give it back")
    assert "Boiler 0" not in browser.get("/my/day").text
    with site.session() as session:
        report = session.scalars(select(VisitReport).where(VisitReport.visit_id == own.visit_ids[0])).one()
        assert report.reason == "Something else: School run"
        job = session.get_one(Job, session.get_one(Visit, own.visit_ids[0]).job_id)
        assert "giver" in (job.next_step or "")


def test_could_not_do_goes_back_to_the_dispatcher(site: Web) -> None:
    own = Own(site, "blocked")
    browser = own.browser()
    browser.get(f"/my/jobs/{own.visit_ids[0]}/could-not-do")
    browser.send({"reason": "No way in", "words": "gate shut"}, button="Send")
    with site.session() as session:
        assert session.get_one(Assignment, own.assignment_ids[0]).state is AssignmentState.NOT_DONE
        assert session.get_one(Visit, own.visit_ids[0]).state is VisitState.OPEN


def test_what_others_changed_is_told_until_one_has_read_it(site: Web, morning: time_machine.Traveller) -> None:
    own = Own(site, "reader")
    browser = own.browser()
    assert "Changed since" not in browser.get("/my/day").text
    morning.shift(timedelta(minutes=10))
    with site.session() as session:
        move_assignment(
            session,
            assignment_id=own.assignment_ids[1],
            technician_id=own.technician_id,
            start=MORNING + timedelta(hours=5),
            actor=SYSTEM,
            now=MORNING + timedelta(minutes=10),
            override_reason="They asked",
        )
    page = browser.get("/my/day")
    assert "Changed since you last looked" in page.text
    assert "now Tue 3 Mar 13:00, was Tue 3 Mar 12:00" in page.text
    browser.send(button="I have seen it")
    assert "Changed since" not in browser.get("/my/day").text


def test_others_visits_do_not_exist_here(site: Web) -> None:
    own, other = Own(site, "mine"), Own(site, "other")
    browser = own.browser()
    for path in ("", "/done", "/could-not-do", "/decline"):
        browser.get(f"/my/jobs/{other.visit_ids[0]}{path}", 404)

    browser.post(
        f"/my/jobs/{other.visit_ids[0]}/report", {"kind": "arrived", "report_id": str(uuid.uuid4())}, status=404
    )
    with site.session() as session:
        assert session.scalars(select(VisitReport).where(VisitReport.visit_id == other.visit_ids[0])).all() == []


def test_private_things_are_shown_around_the_visit_only(site: Web, morning: time_machine.Traveller) -> None:
    own = Own(site, "private")
    for moved, shown in (
        (timedelta(days=-3), False),
        (timedelta(hours=-20), True),
        (timedelta(hours=20), True),
        (timedelta(days=2), False),
    ):
        morning.move_to(MORNING + moved)
        browser = own.browser()
        page = browser.get(f"/my/jobs/{own.visit_ids[0]}")
        assert ("CODE-0" in page.text) is shown, moved
        assert ("tel:" in page.html) is shown, moved


def test_one_sets_off_on_the_day_itself(site: Web, morning: time_machine.Traveller) -> None:
    own = Own(site, "early")
    path = f"/my/jobs/{own.visit_ids[0]}"
    morning.move_to(MORNING - timedelta(hours=20))
    browser = own.browser()
    page = browser.get(path)
    assert "You can set off for this one on the day itself." in page.text
    assert "On my way" not in page.text
    forged = {"kind": "on_the_way", "report_id": str(uuid.uuid4())}
    assert browser.post(f"{path}/report", forged) == path
    assert "your dispatcher has been told and will call" in browser.get(path).text
    morning.move_to(MORNING)
    assert "On my way" in own.browser().get(path).text


def test_a_report_after_the_plan_changed_is_kept(site: Web) -> None:
    own, other = Own(site, "before"), Own(site, "after", visits=0)
    with site.session() as session:
        make_shift_free = session.get_one(Technician, other.technician_id)
        assert make_shift_free is not None
        move_assignment(
            session,
            assignment_id=own.assignment_ids[0],
            technician_id=other.technician_id,
            start=MORNING + timedelta(hours=2),
            actor=SYSTEM,
            now=MORNING,
            override_reason="Swap",
        )
    browser = own.browser()
    page = browser.get(f"/my/jobs/{own.visit_ids[0]}")
    assert "not yours any more" in page.text
    browser.get(f"/my/jobs/{own.visit_ids[0]}/done")
    browser.send({"fixed": "yes"}, button="Done")
    assert "your dispatcher has been told" in browser.get("/my/day").text
    with site.session() as session:
        assert session.scalars(select(VisitReport).where(VisitReport.visit_id == own.visit_ids[0])).one()


def test_user_text_is_text_wherever_it_is_shown(site: Web) -> None:
    own = Own(site, "escaped")
    payload = '<script>alert(1)</script>{{7*7}}<img src=x onerror=alert(1)>" hx-get="/x'
    with site.session() as session:
        visit = session.get_one(Visit, own.visit_ids[0])
        job = session.get_one(Job, visit.job_id)
        job.title = job.purpose = job.description = payload
        place = session.get_one(Site, job.site_id)
        place.hazards = place.parking = place.address = payload
    browser = own.browser()
    for path in ("/my/day", f"/my/jobs/{own.visit_ids[0]}", f"/my/jobs/{own.visit_ids[0]}/done"):
        page = browser.get(path)
        assert "<script>alert" not in page.html
        assert "<img src=x" not in page.html
        assert "{{7*7}}" in page.text


def test_a_person_without_a_day_is_told_so(site: Web) -> None:
    page = site.sign_in("manager").get("/my/day", 403)
    assert "technician" in page.text
