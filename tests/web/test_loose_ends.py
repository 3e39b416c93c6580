"""Loose ends and partners: what is open has an owner, and the list leads to where it is done."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy.dialects.postgresql import Range

from dispatch.core import clock
from dispatch.planning.loose_ends import orphans
from dispatch.workforce.models import PartnerDocument, Technician, Territory
from tests.factories import (
    make_certification,
    make_certification_kind,
    make_job,
    make_partner,
    make_site,
    make_technician,
)
from tests.web.browser import Browser
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]


@pytest.fixture(scope="module")
def partner_id(site: Site) -> int:
    """Make one loose end of each kind in the North, owned by the manager or the dispatcher."""
    today = clock.now().date()
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        north.owner_id = site.people["manager"]
        partner = make_partner(session, name="Kestrel Works")
        session.add(
            PartnerDocument(
                partner_id=partner.id, kind="Insurance", valid=Range(date(2020, 1, 1), today - timedelta(days=3))
            )
        )
        person = make_technician(session, territory=north, partner_id=partner.id, name="Kim Kestrel")
        make_certification(
            session,
            technician=person,
            kind=make_certification_kind(session, name="Lift licence"),
            valid=Range(date(2020, 1, 1), today + timedelta(days=20)),
        )
        owner = site.people["dispatcher"]
        make_job(session, site=make_site(session, territory=north), title="Door stuck", owner_id=owner)
        return partner.id


def test_each_kind_stands_there_with_owner_step_and_due_time(client_for: SignIn, partner_id: int) -> None:
    page = client_for("manager").get("/loose-ends?whose=all")
    for words in ("Door stuck", "Lift licence", "Insurance", "Manager North", "Ask for the new one", "Renew it"):
        assert words in page.text
    assert "Door stuck" not in client_for("manager").get("/loose-ends").text
    assert "Door stuck" in client_for("dispatcher").get("/loose-ends").text


def test_a_new_paper_ends_a_loose_end(client_for: SignIn, partner_id: int) -> None:
    manager = client_for("manager")
    manager.get(f"/partners/{partner_id}")
    fields = {"kind": "Insurance", "first": "2026-01-01", "last": "2025-01-01"}
    assert "cannot come before" in manager.send(fields, button="Record", status=422).text
    manager.send({**fields, "last": "2039-12-31"}, button="Record")
    assert "already" in manager.send({**fields, "last": "2039-12-31"}, button="Record", status=422).text
    assert "Insurance" not in manager.get("/loose-ends?whose=all").text


def test_nothing_open_is_without_an_owner(site: Site, partner_id: int) -> None:
    with site.session() as session:
        assert orphans(session, now=clock.now()) == 0


def test_technicians_see_their_own_only(client_for: SignIn, site: Site, partner_id: int) -> None:
    with site.session() as session:
        own = session.get_one(Technician, site.technician_id)
        soon = Range(date(2020, 1, 1), clock.now().date() + timedelta(days=9))
        make_certification(
            session, technician=own, kind=make_certification_kind(session, name="Ladder card"), valid=soon
        )
    page = client_for("technician").get("/loose-ends?whose=all")
    assert "Ladder card" in page.text
    assert "Lift licence" not in page.text
    assert "Door stuck" not in page.text


def test_put_off_handed_over_and_closed_on_one_page(client_for: SignIn, site: Site, partner_id: int) -> None:
    dispatcher = client_for("dispatcher")
    page = dispatcher.get("/loose-ends")
    link = next(link for link in page.links if link.startswith("/loose-ends/job/"))
    dispatcher.get(link)
    dispatcher.send({"due_at": "2039-01-01T09:00"}, button="Put off")
    dispatcher.get(link)
    page = dispatcher.send({"due_at": "2039-01-02T09:00"}, button="Put off", status=422)
    assert "Say why it waits once more" in page.text
    assert "Put off 1 time" in page.text
    dispatcher.get(link)
    dispatcher.send({"owner_id": str(site.people["manager"])}, button="Hand over")
    assert "Handed to Manager North" in dispatcher.get("/loose-ends").text
    assert "Door stuck" in client_for("manager").get("/loose-ends").text
    dispatcher.get(link)
    dispatcher.send({"why": ""}, button="Close", status=422)
    dispatcher.send({"why": "They sold the house"}, button="Close")
    assert "Door stuck" not in dispatcher.get("/loose-ends?whose=all").text
    dispatcher.get(link, 404)


def test_one_click_puts_a_thing_off_by_a_day_once(client_for: SignIn, site: Site) -> None:
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        owner = site.people["dispatcher"]
        job_id = make_job(session, site=make_site(session, territory=north), title="Gate rattles", owner_id=owner).id
    dispatcher = client_for("dispatcher")
    assert "Gate rattles" in dispatcher.get("/loose-ends").text
    assert dispatcher.send({}, action=f"/loose-ends/job/{job_id}") == "/loose-ends"
    assert "Put off. It comes back by itself." in dispatcher.get("/loose-ends").text
    page = dispatcher.get("/loose-ends")
    assert not any(form.action.endswith(f"/job/{job_id}") for form in page.forms), "a second time needs a why"
