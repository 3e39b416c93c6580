"""The directory and a person's page: what others see, change and vouch for."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from dispatch.core import clock
from dispatch.skills.models import DocumentState
from dispatch.workforce.models import Technician, Territory
from tests.factories import make_certification, make_certification_kind, make_evidence, make_skill, make_technician
from tests.web.browser import Browser
from tests.web.conftest import Site
from tests.web.world import Day, make_day

SignIn = Callable[[str], Browser]


@pytest.fixture(scope="module")
def day(site: Site) -> Day:
    """Give a day with two people in the North, and somebody in the South."""
    with site.session() as session:
        made = make_day(session, session.get_one(Territory, site.north_id))
        make_technician(session, territory=session.get_one(Territory, site.south_id), name="Sue South")
        ana = session.get_one(Technician, made.ana)
        kind = make_certification_kind(session, name="Gas licence")
        make_certification(session, technician=ana, kind=kind, state=DocumentState.CLAIMED, imported=False)
        return made


def test_the_directory_is_by_name_and_finds_by_skill(client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    page = dispatcher.get("/people")
    assert page.text.index("Ana Ruiz") < page.text.index("Ben Cole")
    assert "Sue South" not in page.text
    page = dispatcher.get(f"/people?skill={day.skill}")
    assert "dispatch relies on level" in page.text
    assert "Technician North" not in page.text
    assert "Nobody matches" in dispatcher.get("/people?q=zzz").text


def test_a_person_is_changed_where_they_are_seen(client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/people/{day.ben}/edit")
    assert "does not look like" in dispatcher.send({"email": "nope"}, button="Save", status=422).text
    dispatcher.send({"email": "ben@hale.example.com", "phone": "+49 1", "pace_percent": "120"}, button="Save")
    page = dispatcher.get(f"/people/{day.ben}")
    assert "ben@hale.example.com" in page.text
    dispatcher.get(f"/people/{day.ben}/edit")
    assert dispatcher.form(button="Save").fields["pace_percent"] == ["120"]


def test_who_cannot_work_leaves_their_visits_to_others(client_for: SignIn, site: Site) -> None:
    with site.session() as session:
        fresh = make_day(session, session.get_one(Territory, site.north_id))
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/people/{fresh.ana}/absence")
    dispatcher.send({"start": fresh.local(9), "end": fresh.local(8)}, button="Note it", status=422)
    where = dispatcher.send({"start": fresh.local(8), "end": fresh.local(16)}, button="Note it")
    page = dispatcher.get(str(where))
    assert "cannot work" in page.text
    assert "A proposal is there within ten seconds" in page.text
    assert "not available" in dispatcher.get(f"/people/{fresh.ana}").text


def test_a_manager_says_what_they_saw_and_it_counts(client_for: SignIn, day: Day) -> None:
    manager = client_for("manager")
    manager.get(f"/people/{day.ben}/assess?skill={day.skill}")
    assert "Choose a level" in manager.send({}, button="Record", status=422).text
    where = manager.send({"level": "4", "remark": "Found the leak alone"}, button="Record")
    assert "Gas boilers" in manager.get(str(where)).text
    client_for("dispatcher").get(f"/people/{day.ben}/assess", 403)


def test_a_manager_confirms_a_certificate(client_for: SignIn, day: Day) -> None:
    manager = client_for("manager")
    assert "Gas licence" in manager.get(f"/people/{day.ana}").text
    assert "Gas licence" in manager.get("/loose-ends?whose=all").text
    manager.get(f"/people/{day.ana}")
    manager.send({}, button="Confirm")
    assert "Valid" in manager.get(f"/people/{day.ana}").text


def test_dispatchers_see_levels_and_never_evidence(client_for: SignIn, site: Site, day: Day) -> None:
    with site.session() as session:
        from dispatch.skills.models import Skill

        ana, skill = session.get_one(Technician, day.ana), session.get_one(Skill, day.skill)
        make_evidence(
            session,
            technician=ana,
            skill=skill,
            at=clock.now() - timedelta(days=3),
            facts={"level": 3, "note": "CANARY-EVIDENCE"},
        )
    for path in (f"/people/{day.ana}", "/people", f"/jobs/{day.booked_job}", "/loose-ends?whose=all"):
        assert "CANARY-EVIDENCE" not in client_for("dispatcher").get(path).html


def test_out_of_reach_is_not_there(client_for: SignIn, site: Site, day: Day) -> None:
    with site.session() as session:
        far = make_technician(session, territory=session.get_one(Territory, site.south_id)).id
    for role, path in (("dispatcher", f"/people/{far}"), ("manager", f"/people/{far}/assess")):
        assert "There is nothing at this address" in client_for(role).get(path, 404).text


def test_a_level_opens_to_its_facts_for_whoever_may_read_them(client_for: SignIn, site: Site) -> None:
    with site.session() as session:
        person = make_technician(session, territory=session.get_one(Territory, site.north_id), name="Ole Facts")
        skill = make_skill(session, name="Door closers")
        make_evidence(
            session,
            technician=person,
            skill=skill,
            facts={"level": 4, "note": "seen at the school"},
            at=clock.now() - timedelta(days=9),
            recorded_by_id=site.people["manager"],
        )
    where = f"/people/{person.id}?open={skill.id}"
    manager = client_for("manager")
    closed = manager.get(f"/people/{person.id}")
    assert any(link.startswith(where) for link in closed.links)
    assert "the level by" not in closed.text
    page = manager.get(where)
    assert "Supervisor: level 4" in page.text
    assert "lifts the level by" in page.text
    assert "Manager North" in page.text
    assert "I see it differently" not in page.text
    seen = client_for("dispatcher").get(where)
    assert "the level by" not in seen.text
    assert "Supervisor: level 4" not in seen.text
    assert not any("open=" in link for link in seen.links)
