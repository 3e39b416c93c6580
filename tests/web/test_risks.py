"""The page of what rests on one person, and a cover plan in two clicks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from dispatch.accounts.access import SYSTEM
from dispatch.core import clock
from dispatch.coverage.counting import solve_coverage
from dispatch.jobs.lifecycle import VisitState
from dispatch.planning.cover_models import CoverKind, CoverTask
from dispatch.planning.models import AssignmentState
from dispatch.workforce.models import Territory
from tests.factories import (
    make_assignment,
    make_job,
    make_proficiency,
    make_promise,
    make_shift,
    make_site,
    make_skill,
    make_technician,
    make_visit,
)
from tests.web.browser import Browser
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]


@pytest.fixture(scope="module")
def ana(site: Site) -> int:
    """Ana alone can do gas in the North, has a promised visit for it, and made all visits of one site."""
    day = clock.local_day(clock.now(), "Europe/Berlin") + timedelta(weeks=1)
    start = datetime.combine(day, datetime.min.time(), tzinfo=UTC) + timedelta(hours=8)
    with site.session() as session:
        north, south = session.get_one(Territory, site.north_id), session.get_one(Territory, site.south_id)
        gas = make_skill(session, name="Gas boilers")
        who = make_technician(session, territory=north, name="Ana Ruiz")
        ben = make_technician(session, territory=north, name="Ben Okafor")
        for person, level in ((who, 4.0), (ben, 2.0)):
            make_proficiency(session, technician=person, skill=gas, mean=level)
            make_shift(
                session,
                technician=person,
                territory=north,
                on_date=day,
                during=Range(start, start + timedelta(hours=8)),
            )
        place = make_site(session, territory=north, name="Mill Lane 4")
        visit = make_visit(session, job=make_job(session, site=place, due_at=start), needs={gas: 3})
        make_assignment(session, visit=visit, technician=who, during=Range(start, start + timedelta(hours=1)))
        make_promise(session, visit=visit, during=Range(start, start + timedelta(hours=2)))
        for number, there in enumerate((place, place, place, make_site(session, territory=south, name="Far Mill"))):
            past = start - timedelta(weeks=3 + number)
            done = make_visit(session, job=make_job(session, site=there), state=VisitState.DONE)
            during = Range(past, past + timedelta(hours=1))
            make_assignment(session, visit=done, technician=who, during=during, state=AssignmentState.DONE)
    return who.id


def test_before_a_count_the_page_says_what_is_missing(client_for: SignIn, ana: int) -> None:
    page = client_for("manager").get("/risks")
    assert "Nothing has been counted yet" in page.text
    assert "Press Count now" in page.text
    client_for("manager").get(f"/risks/cover/site-1/{ana}", 404)


@pytest.fixture
def counted(site: Site, ana: int) -> int:
    with site.session() as session:
        solve_coverage(session, actor=SYSTEM, now=clock.now())
    return ana


def test_it_names_who_is_missed_and_what_rests_on_them(client_for: SignIn, counted: int) -> None:
    page = client_for("manager").get("/risks")
    for part in ("Ana Ruiz 60 min Gas boilers, North 1 1 none entered", "Gas boilers level 3", "Mill Lane 4"):
        assert part in page.text
    assert "Far Mill" not in page.text
    for role in ("dispatcher", "technician"):
        client_for(role).get("/risks", 403)


def test_two_clicks_make_a_cover_plan(client_for: SignIn, counted: int, site: Site) -> None:
    manager = client_for("manager")
    page = manager.get("/risks")
    links = [href for href in page.links if "/risks/cover/" in href]
    assert len(links) == 2
    asked = manager.get(links[0])
    assert "Ben Okafor: level 2 now, shares 1 skill with Ana Ruiz" in asked.text
    where = manager.send({}, button="Plan it")
    assert isinstance(where, str)
    done = manager.get(where)
    assert "It is a loose end now" in done.text
    assert "under way since" in done.text
    with site.session() as session:
        task = session.scalars(select(CoverTask)).one()
    assert (task.kind, task.technician_id, task.owner_id) == (CoverKind.LEARN, counted, site.people["manager"])
    assert "Ben Okafor learns Gas boilers level 3" in manager.get("/loose-ends").text


def test_bad_requests_are_answered_in_words(client_for: SignIn, counted: int) -> None:
    manager = client_for("manager")
    for path in (
        f"/risks/cover/skill-999999-3/{counted}",
        f"/risks/cover/nothing/{counted}",
        "/risks/cover/site-1/999999",
    ):
        manager.get(path, 404)
    (link,) = [href for href in manager.get("/risks").links if "/risks/cover/site" in href]
    manager.get(link)
    page = manager.send({"due_on": "2020-01-01"}, button="Plan it", status=422)
    assert not isinstance(page, str)
    assert "still to come" in page.text
    page = manager.send({"due_on": "soon"}, button="Plan it", status=422)
    manager.post(link, {"helper_id": "999999", "owner_id": "1", "due_on": "2030-01-01"}, 422)
    client_for("technician").get(link, 403)
    client_for("dispatcher").get(link, 403)
