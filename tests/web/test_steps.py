"""My last steps: the list with a way back for each, and the key that takes back the latest from any page."""

from collections.abc import Callable

import pytest

from dispatch.jobs.models import Customer
from dispatch.workforce.models import Territory
from tests.conftest import statements
from tests.factories import make_customer, make_site
from tests.web.browser import Browser
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]


@pytest.fixture
def customer(site: Site) -> int:
    with site.session() as session:
        made = make_customer(session, name="Hale Dental", phone="1")
        make_site(session, customer=made, territory=session.get_one(Territory, site.north_id))
        return made.id


def dial(browser: Browser, customer: int, phone: str) -> None:
    browser.get(f"/customers/{customer}/edit")
    browser.send({"phone": phone}, button="Save")


def phone_of(site: Site, customer: int) -> str | None:
    with site.session() as session:
        return session.get_one(Customer, customer).phone


def test_any_page_takes_back_and_the_message_does_it_again(client_for: SignIn, site: Site, customer: int) -> None:
    dispatcher = client_for("dispatcher")
    for number in ("2", "3"):
        dial(dispatcher, customer, number)
    page = dispatcher.get("/jobs?q=boiler")
    where = dispatcher.send({}, action="/steps/undo")
    assert where == "/jobs?q=boiler", "one stays where one was"
    page = dispatcher.get(str(where))
    assert "Taken back: changed." in page.text
    assert phone_of(site, customer) == "2"
    dispatcher.send({}, button="Do again")
    assert phone_of(site, customer) == "3"
    for expected in ("2", "1"):
        dispatcher.get("/customers")
        dispatcher.send({}, action="/steps/undo")
        assert phone_of(site, customer) == expected


def test_the_list_names_what_became_what_and_takes_back_out_of_order(
    client_for: SignIn, site: Site, customer: int
) -> None:
    dispatcher = client_for("dispatcher")
    dial(dispatcher, customer, "+49 30 77")
    with site.session() as session:
        other = make_customer(session, name="Mill Bakery")
        make_site(session, customer=other, territory=session.get_one(Territory, site.north_id))
        other_id = other.id
    dial(dispatcher, other_id, "+49 30 88")
    page = dispatcher.get("/steps")
    assert "phone from “1” to “+49 30 77”" in page.text
    assert "Mill Bakery" in page.text
    dispatcher.send({}, button="Undo Changed, Hale Dental")
    assert phone_of(site, customer) == "1"
    assert phone_of(site, other_id) == "+49 30 88"
    page = dispatcher.get("/steps")
    assert "Taken back: Changed" in page.text
    dispatcher.send({}, button="Do again Changed, Hale Dental")
    assert phone_of(site, customer) == "+49 30 77"
    with statements(site.engine) as sent:
        dispatcher.client.get("/steps")
    assert sent.count <= 8


def test_somebody_else_changed_it_since(client_for: SignIn, site: Site, customer: int) -> None:
    first = client_for("dispatcher")
    dial(first, customer, "5")
    with site.session() as session:
        session.get_one(Customer, customer).phone = "6"
    first.get("/customers")
    page = first.get(str(first.send({}, action="/steps/undo")))
    assert "changed the same customer" in page.text
    assert phone_of(site, customer) == "6"


def test_a_step_of_somebody_else_is_not_there(client_for: SignIn, site: Site, customer: int) -> None:
    dispatcher, manager = client_for("dispatcher"), client_for("manager")
    dial(dispatcher, customer, "9")
    path = dispatcher.get("/steps").forms[-1].action
    assert path.startswith("/steps/")
    manager.get("/steps")
    answer = manager.client.post(path, headers={"X-CSRFToken": manager.token()})
    assert answer.status_code == 404
    assert phone_of(site, customer) == "9"


def test_the_way_back_leads_to_no_other_host(client_for: SignIn, customer: int) -> None:
    dispatcher = client_for("dispatcher")
    dial(dispatcher, customer, "9")
    dispatcher.get("/steps")
    assert dispatcher.send({"back": "https://elsewhere.test/"}, action="/steps/undo") == "/steps"
