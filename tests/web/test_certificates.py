"""The page of certificates that end, as a manager works with it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from dispatch.core import clock
from dispatch.planning.cover_models import CoverTask
from dispatch.workforce.models import Technician, Territory
from tests.factories import (
    make_assignment,
    make_certification,
    make_certification_kind,
    make_job,
    make_site,
    make_technician,
    make_visit,
)
from tests.web.browser import Browser
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]
PRESS = {"remind": "Remind", "renew": "Plan renewal", "cover": "Arrange cover"}


@pytest.fixture(scope="module")
def cards(site: Site) -> dict[str, int]:
    """One card that ended last week, one that ends in five days and blocks a visit, one in seventy; one elsewhere."""
    today = clock.now().date()
    with site.session() as session:
        north, south = session.get_one(Territory, site.north_id), session.get_one(Territory, site.south_id)
        kind = make_certification_kind(session, name="Gas card")
        found = {}
        for name, days, place in (("Lea", -7, north), ("Ana", 5, north), ("Ben", 70, north), ("Far", 5, south)):
            who = make_technician(session, territory=place, name=name)
            valid = Range(date(2020, 1, 1), today + timedelta(days=days + 1))
            found[name] = make_certification(session, technician=who, kind=kind, valid=valid).id
            if name == "Ana":
                start = datetime.combine(today + timedelta(days=8), datetime.min.time(), tzinfo=UTC)
                job = make_job(session, site=make_site(session, territory=north), title="Gas meter")
                visit = make_visit(session, job=job, certifications=(kind,))
                during = Range(start + timedelta(hours=9), start + timedelta(hours=10))
                make_assignment(session, visit=visit, technician=who, during=during)
        session.scalars(select(Technician).where(Technician.name == "Ana")).one().phone = "1"
    return found


def test_they_stand_in_order_of_the_days_left_with_what_they_block(client_for: SignIn, cards: dict[str, int]) -> None:
    page = client_for("manager").get("/certificates")
    heads = ("Lapsed", "In 0 to 30 days", "In 61 to 90 days")
    assert [page.text.index(head) for head in heads] == sorted(page.text.index(head) for head in heads)
    assert "In 31 to 60 days" not in page.text.split("Tick")[-1]
    assert "1 lapsed; 1 in 0 to 30 days; 1 in 61 to 90 days. 1 booked visit would be blocked." in page.text
    assert "5 days left" in page.text
    assert "Gas meter" in page.text
    assert "nobody else there holds it that day" in page.text
    assert "Far" not in page.text
    assert page.html.count('class="mark-heavy"') == 1
    client_for("technician").get("/certificates", 403)
    client_for("dispatcher").get("/certificates", 403)


def test_two_clicks_act_on_a_whole_group(client_for: SignIn, cards: dict[str, int], site: Site) -> None:
    manager = client_for("manager")
    ticked = manager.get("/certificates?ticked=1")
    assert ticked.html.count(" checked") == 1
    said = {}
    for what in PRESS:
        where = manager.post("/certificates/act", {"what": what, "certificate": [cards["Ana"], cards["Lea"]]})
        assert isinstance(where, str)
        said[what] = manager.get(where).text
    assert "1 person is reminded. No way to write to them, so call: Lea." in said["remind"]
    assert "reminded" in said["remind"]
    assert "Ana" in client_for("dispatcher").get("/outbox").text
    assert "2 renewals wait in your loose ends." in said["renew"]
    assert "1 visit is a loose end now. Nothing booked is blocked for Lea." in said["cover"]
    assert "renewal planned" in said["cover"]
    with site.session() as session:
        assert len(session.scalars(select(CoverTask)).all()) == 3
    assert "Give to somebody else: Gas meter" in manager.get("/loose-ends?whose=all").text


def test_bad_requests_are_answered_in_words(client_for: SignIn, cards: dict[str, int]) -> None:
    manager = client_for("manager")
    where = manager.post("/certificates/act", {"what": "renew"})
    assert isinstance(where, str)
    assert "Nothing is ticked" in manager.get(where).text
    manager.post("/certificates/act", {"what": "burn", "certificate": [cards["Ana"]]}, 409)
    manager.post("/certificates/act", {"what": "renew", "certificate": [cards["Far"]]}, 404)
    manager.post("/certificates/act", {"what": "renew", "certificate": list(range(1, 600))}, 409)
    client_for("technician").post("/certificates/act", {"what": "renew", "certificate": [cards["Ana"]]}, 403)
    manager.get("/certificates?ticked=abc")


def test_without_any_the_page_says_where_they_come_from(client_for: SignIn, cards: dict[str, int], site: Site) -> None:
    with site.session() as session:
        for task in session.scalars(select(CoverTask)):
            session.delete(task)
        for who in session.scalars(select(Technician).where(Technician.name.in_(("Ana", "Ben", "Lea")))):
            who.retired_at = clock.now()
    text = client_for("manager").get("/certificates").text
    assert "No certificate ends within ninety days" in text
    assert "by import" in text
