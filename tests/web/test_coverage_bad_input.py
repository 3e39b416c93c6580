"""Coverage of organisations that lack something: each page says what is missing and what to do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from dispatch.accounts.access import SYSTEM
from dispatch.core import clock
from dispatch.coverage.counting import solve_coverage
from dispatch.coverage.outlook import HOUR_S
from dispatch.skills.models import Skill
from dispatch.workforce.models import Shift, Territory
from tests.factories import (
    make_job,
    make_proficiency,
    make_shift,
    make_site,
    make_skill,
    make_technician,
    make_visit,
)
from tests.web.browser import Browser
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]
PAGES = ("/coverage", "/coverage?view=table", "/forecast", "/risks", "/certificates", "/promises")
START = datetime.combine(clock.now().date() + timedelta(weeks=1), datetime.min.time(), tzinfo=UTC) + timedelta(hours=8)
MONDAY = START.date() - timedelta(days=START.weekday())


def counted(site: Site) -> None:
    with site.session() as session:
        solve_coverage(session, actor=SYSTEM, now=clock.now())


def test_an_organisation_with_nothing_in_it(client_for: SignIn, site: Site) -> None:
    manager = client_for("manager")
    for path in PAGES:
        manager.get(path)
    assert "Nothing has been counted yet" in manager.get("/coverage").text
    counted(site)
    words = {path: manager.get(path).text for path in PAGES}
    assert "No work is booked or expected here" in words["/coverage"]
    assert "Book work, enter recurring work" in words["/coverage"]
    assert "It takes eight before anything is expected" in words["/forecast"]
    assert "others have the hours" in words["/risks"]
    assert "It takes visits that are reported as done" in words["/risks"]
    assert "added on the page of a person, or by import" in words["/certificates"]
    assert "A promise is made when a window is agreed" in words["/promises"]


def test_work_without_a_shift_or_a_person(client_for: SignIn, site: Site) -> None:
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        skill = make_skill(session, name="Lifts")
        make_visit(
            session, job=make_job(session, site=make_site(session, territory=north), due_at=START), needs={skill: 3}
        )
    counted(site)
    manager = client_for("manager")
    text = manager.get("/coverage").text
    assert "There is work in North, but nobody has a shift there. Add shifts, or let people of another" in text
    assert "all 60 min in the week of" in text
    cell = manager.get(f"/coverage/skill/{skill.id}/{site.north_id}/{MONDAY}").text
    assert "Nobody with hours here in this week has all that this work asks for. Let somebody learn it" in cell
    assert "Nobody is one step away from helping" in cell


def test_a_skill_nobody_has(client_for: SignIn, site: Site) -> None:
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        who = make_technician(session, territory=north, name="Ana Ruiz")
        during = Range(START, START + timedelta(hours=8))
        make_shift(session, technician=who, territory=north, on_date=START.date(), during=during)
        skill_id = session.scalars(select(Skill.id).where(Skill.name == "Lifts")).one()
    counted(site)
    manager = client_for("manager")
    text = manager.get("/coverage").text
    assert "nobody has a shift there" not in text
    assert "Nobody with hours there is qualified for it." in text
    cell = manager.get(f"/coverage/skill/{skill_id}/{site.north_id}/{MONDAY}").text
    assert "Ana Ruiz : learns Lifts up to level 3; 60 min more can be served." in cell


def test_absurd_demand_is_named_and_does_no_harm(client_for: SignIn, site: Site) -> None:
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        job = make_job(session, site=make_site(session, territory=north), due_at=START)
        for number in range(60):
            make_visit(session, job=job, sequence=number + 1, duration_s=24 * HOUR_S)
        assert session.scalars(select(Shift.id)).all()
    counted(site)
    manager = client_for("manager")
    text = manager.get("/coverage").text
    assert "In North 1,441 h of work fall into the week of" in text
    assert "more than ten times what everybody there has together (8 h)" in text
    assert "mistyped" in text
    for path in PAGES:
        manager.get(path)
    assert "60 of them are at risk" in manager.get(f"/coverage/anybody/0/{site.north_id}/{MONDAY}").text


def test_what_is_held_back_by_something_else_is_said_apart(client_for: SignIn, site: Site) -> None:
    """Ana has doors but no lifts: of work that asks for both only lifts are short, and both pages say why."""
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        who = make_technician(session, territory=north, name="Ana Both")
        during = Range(START, START + timedelta(hours=8))
        make_shift(session, technician=who, territory=north, on_date=START.date(), during=during)
        lifts = session.scalars(select(Skill).where(Skill.name == "Lifts")).one()
        doors = make_skill(session, name="Doors")
        make_proficiency(session, technician=who, skill=doors, mean=4.5)
        make_visit(
            session,
            job=make_job(session, site=make_site(session, territory=north), due_at=START),
            needs={lifts: 3, doors: 3},
        )
        numbers = lifts.id, doors.id
    counted(site)
    manager = client_for("manager")
    short, held = (manager.get(f"/coverage/skill/{each}/{site.north_id}/{MONDAY}").text for each in numbers)
    assert "Nobody with hours there is qualified for it." in short
    assert "Unmet for something else it asks for" not in short
    assert "Nobody with hours there has all that this work asks for." in held
    assert "Unmet for something else it asks for at least 60 min" in held
