"""The pages of jobs: find, book, change, promise, cancel, as a dispatcher does it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from dispatch.jobs.models import JobTypeNeed
from dispatch.messages.models import CallTask
from tests.conftest import statements
from tests.factories import (
    MORNING,
    make_customer,
    make_job,
    make_job_type,
    make_promise,
    make_site,
    make_skill,
    make_visit,
)
from tests.web.browser import Browser
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]


@pytest.fixture(scope="module")
def boiler(site: Site) -> dict[str, int]:
    """One promised job in the North, one in the South that nobody of the North may see."""
    with site.session() as session:
        from dispatch.workforce.models import Territory

        north, south = session.get_one(Territory, site.north_id), session.get_one(Territory, site.south_id)
        skill = make_skill(session, name="Boiler repair")
        kind = make_job_type(session, name="Boiler", duration_s=5400)
        session.add(JobTypeNeed(job_type_id=kind.id, skill_id=skill.id, must_level=3))
        place = make_site(
            session,
            customer=make_customer(session, name="Hale Dental", phone="+49 30 5550"),
            territory=north,
            gate_code="SECRET-4711",
        )
        job = make_job(session, site=place, job_type=kind, title="No hot water")
        make_promise(session, visit=make_visit(session, job=job, needs={skill: 3}))
        far = make_job(session, site=make_site(session, territory=south), title="Elsewhere")
        make_visit(session, job=far)
        return {"job": job.id, "far": far.id, "site": place.id, "kind": kind.id, "skill": skill.id}


def test_the_list_finds_a_job_by_words_in_few_statements(
    site: Site, client_for: SignIn, boiler: dict[str, int]
) -> None:
    dispatcher = client_for("dispatcher")
    page = dispatcher.get("/jobs?q=hale")
    with statements(site.engine) as sent:
        dispatcher.client.get("/jobs?q=hale")
    assert "No hot water" in page.text
    assert "Elsewhere" not in page.text
    assert sent.count <= 7
    assert "No job matches" in dispatcher.get("/jobs?q=nothing+like+it").text
    assert "<html" not in dispatcher.get("/jobs?q=hale", part=True).html


def test_a_job_page_shows_promise_needs_and_next_step(site: Site, client_for: SignIn, boiler: dict[str, int]) -> None:
    dispatcher = client_for("dispatcher")
    page = dispatcher.get(f"/jobs/{boiler['job']}")
    with statements(site.engine) as sent:
        dispatcher.client.get(f"/jobs/{boiler['job']}")
    for words in ("Keep the place running", "Boiler repair at level 3", "Find a time", "10:00–12:00", "SECRET-4711"):
        assert words in page.text
    assert sent.count <= 28


def test_a_job_of_another_territory_reads_like_one_that_never_was(client_for: SignIn, boiler: dict[str, int]) -> None:
    dispatcher = client_for("dispatcher")
    assert dispatcher.get(f"/jobs/{boiler['far']}", 404).text == dispatcher.get("/jobs/99999999", 404).text


def test_booking_asks_where_then_what(client_for: SignIn, boiler: dict[str, int]) -> None:
    dispatcher = client_for("dispatcher")
    assert "Hale Dental" in dispatcher.get("/jobs/new?q=hale").text
    dispatcher.get(f"/jobs/new?site_id={boiler['site']}")
    page = dispatcher.send({"title": " ", "duration_min": "0"}, button="Book the job", status=422)
    assert "There is a problem" in page.text
    assert "Say in a few words" in page.text
    dispatcher.send(
        {
            "title": "Radiator cold",
            "duration_min": "",
            "window_start": "2031-05-06T10:00",
            "window_end": "2031-05-06T09:00",
        },
        button="Book the job",
        status=422,
    )
    where = dispatcher.send({"window_end": "2031-05-06T12:00"}, button="Book the job")
    page = dispatcher.get(where)
    assert "Radiator cold" in page.text
    assert "Tue 6 May 10:00 – Tue 6 May 12:00" in page.text
    assert "1 h 30" in page.text or "90 min" in page.text


def test_two_dispatchers_change_the_same_job(client_for: SignIn, boiler: dict[str, int]) -> None:
    first, second = client_for("dispatcher"), client_for("dispatcher")
    path = f"/jobs/{boiler['job']}/edit"
    first.get(path)
    second.get(path)
    first.send({"title": "No hot water at all"}, button="Save")
    page = second.send({"title": "Cold water"}, button="Save", status=409)
    assert "Somebody was first" in page.text
    assert 'value="Cold water"' in page.html
    assert "No hot water at all" in page.text
    second.send({}, button="Use mine")
    assert "Cold water" in first.get(f"/jobs/{boiler['job']}").text


def test_next_step_promise_needs_cancel_and_open_again(site: Site, client_for: SignIn, boiler: dict[str, int]) -> None:
    with site.session() as session:
        from dispatch.jobs.models import Site as Place

        job = make_job(session, site=session.get_one(Place, boiler["site"]), title="Lamp out")
        make_visit(session, job=job)
        job_id = job.id
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/jobs/{job_id}/next-step")
    owner = str(site.people["dispatcher"])
    dispatcher.send({"next_step": "Ask for the key", "owner_id": owner, "waiting": "y"}, button="Save")
    dispatcher.get(f"/jobs/{job_id}/promise")
    assert "Say from when" in dispatcher.send({}, button="Promise", status=422).text
    dispatcher.send({"promise_start": "2031-05-06T10:00", "promise_end": "2031-05-06T12:00"}, button="Promise")
    dispatcher.get(f"/jobs/{job_id}/needs")
    dispatcher.send(
        {"skill_id": [str(boiler["skill"])], "must_level": [""], "preferred_level": [""]}, button="Save", status=422
    )
    dispatcher.get(f"/jobs/{job_id}/needs")
    dispatcher.send({"skill_id": [str(boiler["skill"])], "must_level": ["4"], "preferred_level": ["5"]}, button="Save")
    page = dispatcher.get(f"/jobs/{job_id}")
    for words in ("Ask for the key", "Waiting", "6 May 10:00–12:00", "Boiler repair at level 4, better 5"):
        assert words in page.text
    dispatcher.get(f"/jobs/{job_id}/cancel")
    dispatcher.send({"reason": ""}, button="Cancel the job", status=422)
    dispatcher.send({"reason": "Building sold"}, button="Cancel the job")
    page = dispatcher.get(f"/jobs/{job_id}")
    assert "Building sold" in page.text
    assert "Customers to call before anything is written: 1" in page.text
    with site.session() as session:
        call_id = session.scalars(select(CallTask.id)).one()
    page = dispatcher.get(f"/outbox/calls/{call_id}")
    assert "we have to call off Lamp out" in page.text
    assert "New window" not in page.text
    dispatcher.get(f"/jobs/{job_id}")
    dispatcher.send({}, button="Open again")
    assert "Visit 2" in dispatcher.get(f"/jobs/{job_id}").text


@pytest.mark.parametrize("role", ["technician", "manager"])
def test_who_may_not_change_jobs_is_told_whom_to_ask(client_for: SignIn, boiler: dict[str, int], role: str) -> None:
    page = client_for(role).get(f"/jobs/{boiler['job']}/edit", 403)
    assert "dispatcher" in page.text


def test_a_manager_reads_a_job_without_the_gate_code(client_for: SignIn, boiler: dict[str, int]) -> None:
    assert "SECRET-4711" not in client_for("manager").get(f"/jobs/{boiler['job']}").html


def test_words_from_people_stay_words(site: Site, client_for: SignIn) -> None:
    with site.session() as session:
        from dispatch.workforce.models import Territory

        place = make_site(session, territory=session.get_one(Territory, site.north_id))
        job = make_job(
            session,
            site=place,
            title="<script>alert(1)</script>{{7*7}}",
            next_step="<img src=x onerror=alert(1)>",
            next_step_due_at=MORNING + timedelta(days=1),
        )
        make_visit(session, job=job)
        job_id = job.id
    page = client_for("dispatcher").get(f"/jobs/{job_id}")
    assert "<script>alert" not in page.html
    assert "{{7*7}}" in page.text
