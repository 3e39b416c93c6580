"""The pages of customers, sites and equipment."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from dispatch.accounts.access import SYSTEM
from dispatch.accounts.models import RoleName
from dispatch.accounts.service import grant_role
from dispatch.core import clock
from dispatch.jobs.models import Visit
from dispatch.workforce.models import Territory
from tests.factories import (
    make_customer,
    make_job,
    make_promise,
    make_site,
    make_technician,
    make_user,
    make_visit,
)
from tests.web.browser import Browser
from tests.web.conftest import PASSWORD, STORED, Site

SignIn = Callable[[str], Browser]


@pytest.fixture(scope="module")
def hale(site: Site) -> dict[str, int]:
    """A customer with a site in the North, and one in the South."""
    with site.session() as session:
        north, south = session.get_one(Territory, site.north_id), session.get_one(Territory, site.south_id)
        customer = make_customer(session, name="Hale Dental", phone="+49 30 555 0123")
        place = make_site(session, customer=customer, territory=north, name="Surgery", gate_code="GATE-99")
        far = make_customer(session, name="Far Away Ltd")
        make_site(session, customer=far, territory=south)
        return {"customer": customer.id, "site": place.id, "far": far.id}


def test_find_by_the_number_that_calls(client_for: SignIn, hale: dict[str, int]) -> None:
    page = client_for("dispatcher").get("/customers?q=305550123")
    assert "Hale Dental" in page.text
    assert "Far Away" not in client_for("dispatcher").get("/customers").text


def test_a_gate_code_is_mended_where_it_is_seen(client_for: SignIn, hale: dict[str, int]) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/customers/sites/{hale['site']}/edit")
    dispatcher.send({"gate_code": "GATE-100"}, button="Save")
    assert "GATE-100" in dispatcher.get(f"/customers/{hale['customer']}").text
    assert "GATE-100" not in client_for("manager").get(f"/customers/{hale['customer']}").html


def test_who_dispatches_elsewhere_reads_no_gate_code_here(site: Site) -> None:
    with site.session() as session:
        north, south = session.get_one(Territory, site.north_id), session.get_one(Territory, site.south_id)
        both = make_user(session, RoleName.DISPATCHER, territory=north, password=STORED)
        grant_role(session, user_id=both.id, role="manager", territory_id=south.id, actor=SYSTEM, now=clock.now())
        customer = make_customer(session, name="Two Towns")
        make_site(session, customer=customer, territory=south, gate_code="GATE-SOUTH")
        email, where = both.email, customer.id
    browser = site.browser()
    browser.sign_in(email, PASSWORD)
    page = browser.get(f"/customers/{where}")
    assert "Two Towns" in page.text
    assert "GATE-SOUTH" not in page.html


def test_a_new_customer_leads_to_a_job(client_for: SignIn, site: Site) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get("/customers/new")
    dispatcher.send({"name": "Bakery", "address": "", "lat": "0", "lon": "0"}, button="Add customer", status=422)
    page = dispatcher.send({"address": "1 Mill Lane", "email": "nonsense"}, button="Add customer", status=422)
    assert "does not look like a mail address" in page.text
    page = dispatcher.send({"email": "", "lat": "0", "lon": "0"}, button="Add customer", status=422)
    assert "Atlantic" in page.text
    where = dispatcher.send({"lat": "52.5", "lon": "13.4"}, button="Add customer")
    assert "New job at Main site" in dispatcher.get(where).text


def test_wishes_equipment_and_sites(client_for: SignIn, site: Site, hale: dict[str, int]) -> None:
    dispatcher = client_for("dispatcher")
    base = f"/customers/{hale['customer']}"
    dispatcher.get(f"{base}/people")
    who = str(site.technician_id)
    dispatcher.send({"kind": "preferred", "technician_id": who}, button="Save")
    dispatcher.get(f"{base}/people")
    page = dispatcher.send({"kind": "excluded", "technician_id": who}, button="Save", status=422)
    assert "already marked as preferred" in page.text
    dispatcher.get(f"/customers/sites/{hale['site']}/equipment/new")
    dispatcher.send({"name": "Steriliser", "purpose": "Keeps three rooms open"}, button="Add equipment")
    dispatcher.get(f"{base}/sites/new")
    dispatcher.send({"name": "Branch", "address": "2 Mill Lane"}, button="Save")
    page = dispatcher.get(base)
    for words in ("Technician North", "preferred", "Steriliser", "Branch"):
        assert words in page.text
    dispatcher.send({}, button="Remove")
    assert "Technician North" not in dispatcher.get(base).text


def test_two_people_change_a_customer(client_for: SignIn, hale: dict[str, int]) -> None:
    first, second = client_for("dispatcher"), client_for("dispatcher")
    for each in (first, second):
        each.get(f"/customers/{hale['customer']}/edit")
    first.send({"care_note": "Prefers mornings"}, button="Save")
    page = second.send({"care_note": "Prefers evenings"}, button="Save", status=409)
    assert "Somebody was first" in page.text


def test_out_of_reach_is_not_there(client_for: SignIn, hale: dict[str, int]) -> None:
    assert "Far Away" not in client_for("dispatcher").get(f"/customers/{hale['far']}", 404).html
    assert "Far Away" in client_for("administrator").get(f"/customers/{hale['far']}").html
    assert "You need permission" in client_for("technician").get("/customers/new", 403).text


def test_a_name_not_quite_spelled_so_leads_to_those_like_it(client_for: SignIn, site: Site) -> None:
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        made = make_site(session, customer=make_customer(session, name="Brackwater Foods"), territory=north)
        person = make_technician(session, territory=north, name="Ludmila Grabowski")
        ids = made.customer_id, person.id
    dispatcher = client_for("dispatcher")
    asked = {"/customers?q=Brakwater": f"/customers/{ids[0]}", "/people?q=Grabovski": f"/people/{ids[1]}"}
    for path, target in asked.items():
        page = dispatcher.get(path)
        assert "Names like this:" in page.text
        assert target in page.links


def test_when_somebody_was_last_in_touch(client_for: SignIn, site: Site) -> None:
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        place = make_site(session, customer=make_customer(session, name="Quiet Mill"), territory=north)
        job = make_job(session, site=place, owner_id=site.people["dispatcher"])
        visit = make_visit(session, job=job)
        path, visit_id = f"/customers/{place.customer_id}", visit.id
    dispatcher = client_for("dispatcher")
    assert "never" in dispatcher.get(path).text
    with site.session() as session:
        make_promise(session, visit=session.get_one(Visit, visit_id), made_at=clock.now() - timedelta(days=3))
    assert "3 days ago, a time was agreed" in dispatcher.get(path).text
