"""Words find all that holds them, a number finds a job or a caller, and a slip of the pen still finds the name."""

from collections.abc import Mapping

import pytest
from sqlalchemy.orm import Session

from dispatch.jobs.models import Asset, Customer, Job
from dispatch.jobs.queries import Territories
from dispatch.planning.search import EACH, Found, Kind, search
from dispatch.skills.models import SkillAlias
from tests import factories as make
from tests.conftest import statements
from tests.planning.world import World, make_world

EVERYWHERE: Mapping[Kind, Territories] = dict.fromkeys(Kind)


@pytest.fixture
def world(session: Session) -> World:
    world = make_world(session)
    world.site.name, world.site.address = "North clinic", "12 Mill Lane"
    hale = session.get_one(Customer, world.site.customer_id)
    hale.contact_name, hale.phone = "Zoë Hale", "+31 (0)20 555-0142"
    world.skill.name = "Heat pumps"
    session.add(SkillAlias(skill=world.skill, alias="air source"))
    session.flush()
    return world


def asked(world: World, text: str, reach: Mapping[Kind, Territories] = EVERYWHERE) -> Found:
    return search(world.session, text, reach=reach, on=make.DAY)


def names(found: Found) -> list[tuple[str, str]]:
    return [(hit.kind.value, hit.title) for hit in found.hits]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hale dental", ("customer", "Hale Dental")),
        ("HALE zoë", ("customer", "Hale Dental")),
        ("mill 12", ("site", "North clinic")),
        ("ruiz", ("person", "Ana Ruiz")),
        ("heat", ("skill", "Heat pumps")),
        ("air source", ("skill", "Heat pumps")),
        ("020 5550142", ("customer", "Hale Dental")),
        ("+31205550142", ("customer", "Hale Dental")),
    ],
)
def test_words_in_any_order_and_numbers_from_anywhere(world: World, text: str, expected: tuple[str, str]) -> None:
    found = asked(world, text)
    assert expected in names(found)
    assert not found.close


def test_a_job_is_found_by_what_it_is_where_it_is_and_its_number(world: World) -> None:
    job = world.session.get_one(Job, world.visit().job_id)
    for text in (f"#{job.id}", str(job.id), f"{job.title} clinic", "hale mill"):
        assert ("job", job.title) in names(asked(world, text)), text


def test_the_job_of_a_number_comes_before_jobs_that_only_hold_it(world: World) -> None:
    job = world.session.get_one(Job, world.visit().job_id)
    for _ in range(EACH + 1):
        make.make_job(world.session, site=world.site, title=f"Pump {job.id}")
    assert asked(world, str(job.id)).of(Kind.JOB)[0].id == job.id


def test_every_word_has_to_be_there_or_it_is_said_that_the_names_are_only_like_them(world: World) -> None:
    assert not asked(world, "ana ruiz").close
    assert asked(world, "ana xylophone").close


@pytest.mark.parametrize(
    ("text", "title"), [("Hael Dentl", "Hale Dental"), ("anna ruis", "Ana Ruiz"), ("heet pumps", "Heat pumps")]
)
def test_names_like_the_words_stand_in_for_them(world: World, text: str, title: str) -> None:
    found = asked(world, text)
    assert found.close
    assert title == found.hits[0].title


def test_everything_of_a_name_like_the_words_is_shown_as_far_as_there_is_room(world: World) -> None:
    for number in range(3):
        world.session.add(Asset(site_id=world.site.id, name="Escalator", model=f"Type {number}"))
    found = [hit.detail.partition(",")[0] for hit in asked(world, "Eskalattor").hits if hit.title == "Escalator"]
    assert found == ["Type 0", "Type 1", "Type 2"]
    for number in range(3, 3 * EACH):
        world.session.add(Asset(site_id=world.site.id, name="Escalator", model=f"Type {number}"))
    with statements(world.session.get_bind()) as sent:
        assert len(asked(world, "Eskalattor").hits) == 2 * EACH
    assert sent.count < 3 * EACH, "a name is looked up once, however many things bear it"


@pytest.mark.parametrize("text", ["", "   ", "%", "_", "\\", "zzzzzzzz", "☃" * 90, "' or 1=1 --", "zz " * 500])
def test_nothing_is_found_by_nothing_and_signs_mean_themselves(world: World, text: str) -> None:
    assert asked(world, text).hits == ()


def test_what_lies_out_of_reach_is_not_found(world: World) -> None:
    world.visit()
    other = make.make_territory(world.session)
    nowhere: Mapping[Kind, Territories] = {kind: [other.id] for kind in Kind if kind is not Kind.SKILL}
    for text in ("hale", "mill", "ana ruiz", "0205550142", "Hael Dentl"):
        assert asked(world, text, nowhere).hits == (), text
    here: Mapping[Kind, Territories] = {Kind.PERSON: [world.territory.id]}
    assert names(asked(world, "ana", here)) == [("person", "Ana Ruiz")]


def test_there_are_never_more_than_can_be_looked_over(world: World) -> None:
    for number in range(EACH + 3):
        make.make_customer(world.session, name=f"Hale {number}")
    found = asked(world, "hale")
    assert len(found.of(Kind.CUSTOMER)) == EACH
    assert found.more == {Kind.CUSTOMER}
    assert asked(world, "hale 1").more == frozenset()
