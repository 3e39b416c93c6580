"""Recurring work on pages: begun at a site, found at the customer, changed, paused, ended, and in loose ends."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from dispatch.core import clock
from dispatch.jobs.models import Asset, JobSeries
from dispatch.workforce.models import Territory
from tests.factories import make_customer, make_job_type, make_site
from tests.web.browser import Browser, Page
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]


@pytest.fixture(scope="module")
def place(site: Site) -> dict[str, int]:
    """A customer with a boiler in the North, and one in the South."""
    with site.session() as session:
        north, south = session.get_one(Territory, site.north_id), session.get_one(Territory, site.south_id)
        customer = make_customer(session, name="Hale Dental")
        here = make_site(session, customer=customer, territory=north, name="Surgery")
        boiler = Asset(site_id=here.id, name="Boiler")
        session.add(boiler)
        session.flush()
        far = make_site(session, customer=make_customer(session, name="Far Away"), territory=south)
        return {
            "customer": customer.id,
            "site": here.id,
            "asset": boiler.id,
            "far": far.id,
            "kind": make_job_type(session, name="Yearly service").id,
        }


def begin(
    client_for: SignIn, place: dict[str, int], title: str = "Service the boiler", status: int = 303, **changes: str
) -> tuple[Browser, Page]:
    """Begin recurring work; gives the browser and the page that it leads to."""
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/series/new?site_id={place['site']}")
    values = {
        "title": title,
        "job_type_id": str(place["kind"]),
        "asset_id": str(place["asset"]),
        "every": "6",
        "unit": "month",
        "next_on": (clock.now().date() + timedelta(days=10)).isoformat(),
    }
    return dispatcher, follow(dispatcher, values | changes, "Begin", status)


def follow(browser: Browser, values: dict[str, str], button: str, status: int = 303) -> Page:
    """Send a form and go where it leads."""
    answer = browser.send(values, button=button, status=status)
    return browser.get(answer) if isinstance(answer, str) else answer


def test_it_is_begun_at_a_site_and_its_first_job_is_there_at_once(client_for: SignIn, place: dict[str, int]) -> None:
    browser, page = begin(client_for, place)
    assert "Every 6 months" in page.text
    assert "Boiler" in page.text
    job = next(link for link in page.links if re.fullmatch(r"/jobs/\d+", link))
    assert "Recurring work" in browser.get(job).text
    customer = browser.get(f"/customers/{place['customer']}")
    assert "Service the boiler" in customer.text
    assert "Every 6 months" in customer.text


def test_a_wrong_field_is_named_and_what_was_typed_stays(client_for: SignIn, place: dict[str, int]) -> None:
    long_ago = (clock.now().date() - timedelta(days=2)).isoformat()
    _, page = begin(client_for, place, title="Clean the gutters", next_on=long_ago, status=422)
    assert "lies in the past" in page.text
    assert "Clean the gutters" in page.html


def test_it_is_paused_goes_on_changes_and_ends(client_for: SignIn, place: dict[str, int], site: Site) -> None:
    browser, _ = begin(client_for, place, title="Check the lift")
    assert "paused" in follow(browser, {}, "Pause").text
    assert "paused" not in follow(browser, {}, "Go on").text
    assert "Every 3 months" in follow(browser, {"every": "3"}, "Save").text
    ended = follow(browser, {}, "End")
    assert "ended" in ended.text
    assert not [form for form in ended.forms if "/series/" in form.action]
    assert "Every 3 months" not in browser.get(f"/customers/{place['customer']}").text


def test_two_who_change_it_at_once_learn_of_each_other(client_for: SignIn, place: dict[str, int], site: Site) -> None:
    browser, _ = begin(client_for, place, title="Sweep the chimney")
    with site.session() as session:
        session.query(JobSeries).filter_by(title="Sweep the chimney").one().description = "bring the long ladder"
    assert "Somebody was first" in follow(browser, {"every": "2"}, "Save", 409).text
    assert "Every 2 months" in follow(browser, {"every": "2"}, "Use mine").text


def test_elsewhere_it_does_not_exist(client_for: SignIn, place: dict[str, int]) -> None:
    client = client_for("dispatcher").client
    assert client.get(f"/series/new?site_id={place['far']}").status_code == 404
    assert client.get("/series/new").status_code == 404
    assert client.get("/series/999999").status_code == 404
    assert client_for("technician").client.get(f"/series/new?site_id={place['site']}").status_code == 403


def test_what_cannot_be_made_is_a_loose_end(client_for: SignIn, place: dict[str, int], site: Site) -> None:
    begin(client_for, place, title="Flush the pipes")
    with site.session() as session:
        series = session.query(JobSeries).filter_by(title="Flush the pipes").one()
        series.problem, series.problem_due_at = "Choose a kind of work from the list.", clock.now()
        number = series.id
    page = client_for("dispatcher").get("/loose-ends?whose=all")
    assert "Recurring: Flush the pipes" in page.text
    assert f"/series/{number}" in page.links
