"""Plans that meet a draft: made before it, published over it, and taken back."""

import pytest
from sqlalchemy.orm import Session

from dispatch.planning.service import publish_plan, undo_last
from tests.planning.test_draft_attacks import told
from tests.planning.test_drafts import HOUR, LATER, drafts, held, place, published, row, shown
from tests.planning.test_publishing import propose
from tests.planning.world import EIGHT, World, make_reachable_world


@pytest.fixture
def world(session: Session) -> World:
    return make_reachable_world(session)


def test_a_plan_over_a_draft_that_is_taken_back_leaves_the_draft(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    place(world, visit, who=world.ben)
    plan = propose(world, {visit: (world.ana, EIGHT + 3 * HOUR)})
    world.session.commit()
    publish_plan(world.session, plan_id=plan.id, actor=world.dispatcher, now=LATER)
    world.session.commit()
    assert shown(world, world.ana) == [(visit.id, EIGHT + 3 * HOUR)]
    undo_last(world.session, actor=world.dispatcher, now=LATER)
    world.session.commit()
    assert row(world, visit).technician_id == world.ben.id
    assert told(world, visit) == [(world.ana.id, EIGHT + HOUR)]
    assert (shown(world, world.ana), shown(world, world.ben)) == ([(visit.id, EIGHT + HOUR)], [])
    assert held(world) == {}, "what was not sent is recalled, and Ben never knew"


def test_a_plan_made_before_the_draft_leaves_it_alone(world: World) -> None:
    visit, other = world.visit(), world.visit()
    published(world, visit)
    plan = propose(world, {visit: (world.ben, EIGHT + 3 * HOUR), other: (world.ben, EIGHT + 5 * HOUR)})
    place(world, visit, start=EIGHT + 2 * HOUR)
    done = publish_plan(world.session, plan_id=plan.id, actor=world.dispatcher, now=LATER)
    assert (done.changed, done.assigned) == ((visit.id,), (other.id,))
    assert told(world, visit) == [(world.ana.id, EIGHT + HOUR)]
    assert set(held(world)) == {world.ben.id}


def test_what_a_plan_tells_takes_the_draft_with_it_that_made_room(world: World) -> None:
    """Ana was moved away after the run, and nobody told her: the plan gives her hour to another visit."""
    first, second = world.visit(), world.visit()
    published(world, first)
    plan = propose(world, {first: (world.ben, EIGHT + HOUR), second: (world.ana, EIGHT + HOUR)})
    place(world, first, start=EIGHT + 4 * HOUR)
    world.session.commit()
    done = publish_plan(world.session, plan_id=plan.id, actor=world.dispatcher, now=LATER)
    world.session.commit()
    assert (done.changed, done.assigned) == ((first.id,), (second.id,))
    assert shown(world, world.ana) == [(second.id, EIGHT + HOUR), (first.id, EIGHT + 4 * HOUR)]
    assert drafts(world) == 0
    undo_last(world.session, actor=world.dispatcher, now=LATER)
    world.session.commit()
    assert shown(world, world.ana) == [(first.id, EIGHT + HOUR)]
    assert (drafts(world), held(world)) == (1, {})
