"""The 30-second fix on its pages: in place with script, on a page of its own without, never a silent overwrite."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.dialects.postgresql import Range

from dispatch.core import clock
from dispatch.jobs.models import Site as Place
from dispatch.workforce.models import Technician, Territory
from tests.factories import make_assignment, make_customer, make_job, make_site, make_visit
from tests.web.browser import Browser
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]


@pytest.fixture
def made(site: Site) -> dict[str, int]:
    """A job in the North that the technician of the North does now."""
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        person = session.get_one(Technician, site.technician_id)
        place = make_site(
            session, customer=make_customer(session, name="Hale Dental", phone="1"), territory=north, gate_code="GATE-1"
        )
        job = make_job(session, site=place, title="Boiler leaks", owner_id=site.people["dispatcher"])
        visit = make_visit(session, job=job)
        number = len(site.app.extensions.setdefault("tests_fix_days", [])) + 1
        site.app.extensions["tests_fix_days"].append(number)
        start = clock.now() + timedelta(minutes=30 * number)
        during = Range(start, start + timedelta(minutes=20))
        make_assignment(session, visit=visit, technician=person, during=during)
        return {"customer": place.customer_id, "site": place.id, "job": job.id, "visit": visit.id}


def gate_code(site: Site, site_id: int) -> str | None:
    with site.session() as session:
        return session.get_one(Place, site_id).gate_code


def test_without_script_a_page_of_its_own(client_for: SignIn, site: Site, made: dict[str, int]) -> None:
    dispatcher = client_for("dispatcher")
    home = f"/jobs/{made['job']}"
    link = next(link for link in dispatcher.get(home).links if "gate_code" in link)
    dispatcher.get(link)
    assert dispatcher.send({"value": "GATE-2"}, button="Save") == home
    page = dispatcher.get(home)
    assert "GATE-2" in page.text
    assert "Saved." in page.text
    dispatcher.send({}, button="Undo")
    assert gate_code(site, made["site"]) == "GATE-1"


def test_in_place_only_the_field_is_answered(client_for: SignIn, made: dict[str, int]) -> None:
    dispatcher = client_for("dispatcher")
    path = f"/fix/customer/{made['customer']}/phone"
    part = dispatcher.get(path, part=True)
    assert "<html" not in part.html
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "X-CSRFToken": dispatcher.token()}
    answer = dispatcher.client.post(path, data={"was": "1", "value": "no number"}, headers=headers)
    assert answer.status_code == 422
    assert "Write the number with its digits" in answer.text
    answer = dispatcher.client.post(path, data={"was": "1", "value": "+49 30 555"}, headers=headers)
    assert answer.status_code == 200
    assert "+49 30 555" in answer.text
    assert "/steps/undo" in answer.text, "the way back comes with it"
    assert "<html" not in answer.text


def test_what_is_saved_unchanged_offers_no_way_back(client_for: SignIn, made: dict[str, int]) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/fix/customer/{made['customer']}/phone")
    page = dispatcher.get(str(dispatcher.send({"value": "1"}, button="Save")), follow=True)
    assert "Saved." not in page.text, "its Undo would take back the step before"


def test_two_mend_the_same_and_choose(client_for: SignIn, site: Site, made: dict[str, int]) -> None:
    first, second = client_for("dispatcher"), client_for("dispatcher")
    path = f"/fix/site/{made['site']}/gate_code?back=/customers/{made['customer']}"
    for each in (first, second):
        each.get(path)
    first.send({"value": "THEIRS"}, button="Save")
    page = second.send({"value": "MINE"}, button="Save", status=409)
    for words in ("Dispatcher North changed this just now", "Yours: MINE", "Theirs: THEIRS", "Use mine", "Edit"):
        assert words in page.text
    assert gate_code(site, made["site"]) == "THEIRS"
    assert second.send({}, button="Use theirs") == f"/customers/{made['customer']}"
    assert gate_code(site, made["site"]) == "THEIRS"
    second.get(path)
    first.get(path)
    first.send({"value": "AGAIN"}, button="Save")
    second.send({"value": "MINE"}, button="Save", status=409)
    second.send({"resolution": "mine"}, button="Use mine")
    assert gate_code(site, made["site"]) == "MINE"


def test_technicians_mend_on_their_phone(client_for: SignIn, site: Site, made: dict[str, int]) -> None:
    technician = client_for("technician")
    home = f"/my/jobs/{made['visit']}"
    links = technician.get(home).links
    for name in (
        "gate_code",
        "parking",
        "place",
        "contact_name",
        "phone",
        "preferred_channel",
        "care_note",
        "title",
        "duration",
    ):
        assert any(f"/{name}" in link for link in links), f"{name} cannot be mended on the phone"
    technician.get(next(link for link in links if "gate_code" in link))
    assert technician.send({"value": "GATE-9"}, button="Save") == home
    assert "GATE-9" in technician.get(home).text


@pytest.mark.parametrize("name, seen", [("gate_code", False), ("parking", True)])
def test_who_may_not_see_a_field_has_no_way_to_it(
    client_for: SignIn, made: dict[str, int], name: str, seen: bool
) -> None:
    manager = client_for("manager")
    page = manager.get(f"/customers/{made['customer']}")
    assert any(f"/{name}" in link for link in page.links) == seen
    manager.get(f"/fix/site/{made['site']}/{name}", 200 if seen else 404)


def test_what_is_no_field_is_not_there(client_for: SignIn, made: dict[str, int]) -> None:
    client = client_for("dispatcher").client
    for path in (f"/fix/site/{made['site']}/territory_id", "/fix/user/1/name", "/fix/site/999999/parking"):
        assert client.get(path).status_code == 404, path
