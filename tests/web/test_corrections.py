"""Proposals on their pages: made where the field is shown, answered with one click, the outcome is seen by both."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.dialects.postgresql import Range

from dispatch.core import clock
from dispatch.jobs.models import Customer
from dispatch.skills.recompute import recompute_proficiency
from dispatch.workforce.models import Technician, Territory
from tests.factories import (
    make_assignment,
    make_customer,
    make_evidence,
    make_job,
    make_site,
    make_skill,
    make_technician,
    make_visit,
)
from tests.web.browser import Browser
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]


@pytest.fixture
def made(site: Site) -> dict[str, int]:
    """A job in the North, the technician of the North is there, the dispatcher answers for the place."""
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        north.owner_id = site.people["dispatcher"]
        person = session.get_one(Technician, site.technician_id)
        place = make_site(session, customer=make_customer(session, name="Hale Dental"), territory=north)
        job = make_job(session, site=place, title="Boiler leaks", owner_id=site.people["dispatcher"])
        visit = make_visit(session, job=job)
        days = site.app.extensions.setdefault("tests_correction_days", [])
        days.append(job.id)
        start = clock.now() + timedelta(minutes=30 * len(days))
        make_assignment(session, visit=visit, technician=person, during=Range(start, start + timedelta(minutes=20)))
        return {"customer": place.customer_id, "visit": visit.id, "job": job.id}


def name_of(site: Site, customer_id: int) -> str:
    with site.session() as session:
        return session.get_one(Customer, customer_id).name


def propose(technician: Browser, made: dict[str, int], value: str) -> None:
    home = f"/my/jobs/{made['visit']}"
    link = next(each for each in technician.get(home).links if f"/fix/customer/{made['customer']}/name" in each)
    technician.get(link)
    assert technician.send({"value": value, "why": "On the door"}, button="Propose") == home
    assert "Dispatcher North answers by" in technician.get(home).text


def test_proposed_on_the_phone_accepted_with_one_click(client_for: SignIn, site: Site, made: dict[str, int]) -> None:
    technician, dispatcher = client_for("technician"), client_for("dispatcher")
    propose(technician, made, "Hale & Daughters")
    assert name_of(site, made["customer"]) == "Hale Dental"
    page = dispatcher.get("/loose-ends")
    assert "Proposed by Technician North: name" in page.text
    dispatcher.send({}, button="Accept")
    assert name_of(site, made["customer"]) == "Hale & Daughters"
    assert "Answered: name" in technician.get("/loose-ends").text
    answer = next(each for each in technician.get("/loose-ends").links if "/corrections/" in each)
    assert "Accepted" in technician.get(answer).text
    technician.send({}, button="Seen")
    assert "Answered: name" not in technician.get("/loose-ends").text


def test_returned_with_a_reason_in_one_click(client_for: SignIn, site: Site, made: dict[str, int]) -> None:
    technician, dispatcher = client_for("technician"), client_for("dispatcher")
    propose(technician, made, "Somebody")
    path = next(each for each in dispatcher.get("/loose-ends").links if "/corrections/" in each)
    page = dispatcher.get(path)
    for words in ("Hale Dental", "Somebody", "On the door", "Technician North"):
        assert words in page.text
    page = dispatcher.send({"reason": ""}, button="Return", status=422)
    assert "Say why it stays as it is." in page.text
    dispatcher.get(path)
    dispatcher.send({}, button="It is right as it stands.")
    assert name_of(site, made["customer"]) == "Hale Dental"
    assert "Returned: “It is right as it stands.”" in technician.get(path).text
    technician.send({}, button="Seen")


def test_what_changed_meanwhile_is_shown_before_it_is_answered(
    client_for: SignIn, site: Site, made: dict[str, int]
) -> None:
    technician, dispatcher = client_for("technician"), client_for("dispatcher")
    propose(technician, made, "Mine")
    dispatcher.get(f"/fix/customer/{made['customer']}/name")
    dispatcher.send({"value": "Theirs"}, button="Save")
    dispatcher.get("/loose-ends")
    path = str(dispatcher.send({}, button="Accept"))
    page = dispatcher.get(path)
    assert "It was changed since this was proposed" in page.text
    assert "Nothing was changed." in page.text
    assert name_of(site, made["customer"]) == "Theirs"
    dispatcher.send({}, button="Accept")
    assert name_of(site, made["customer"]) == "Mine"


def test_taken_back_it_is_nobodys(client_for: SignIn, site: Site, made: dict[str, int]) -> None:
    technician, dispatcher = client_for("technician"), client_for("dispatcher")
    propose(technician, made, "Too fast")
    path = next(each for each in dispatcher.get("/loose-ends").links if "/corrections/" in each)
    technician.get(path)
    technician.send({}, button="Take it back")
    assert "Proposed by" not in dispatcher.get("/loose-ends").text


def test_a_level_is_proposed_where_it_is_seen(client_for: SignIn, site: Site) -> None:
    with site.session() as session:
        person = make_technician(session, territory=session.get_one(Territory, site.north_id), name="Ben Oduya")
        skill = make_skill(session, name="Gas boilers")
        make_evidence(session, technician=person, skill=skill, facts={"level": 4})
        recompute_proficiency(session, person.id, now=clock.now())
        asked, path = f"/people/{person.id}", f"/fix/technician/{person.id}/level:{skill.id}"
    dispatcher = client_for("dispatcher")
    link = next(each for each in dispatcher.get(asked).links if path in each)
    page = dispatcher.get(link)
    assert "Level in Gas boilers" in page.text
    dispatcher.send({"value": "2", "why": "Needed help twice"}, button="Propose")
    assert "Manager North answers by" in dispatcher.get(asked).text
    manager = client_for("manager")
    page = manager.get(next(each for each in manager.get("/loose-ends?whose=all").links if "/corrections/" in each))
    assert "Needed help twice" in page.text
    for other in (f"{path}9", path.partition(":")[0], f"{path}x"):
        dispatcher.get(other, 404)
    client_for("technician").get(path, 404)
