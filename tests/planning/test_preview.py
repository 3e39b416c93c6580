"""What publishing would do is told before it is done, and is what then happens."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.core.errors import Conflict
from dispatch.jobs.models import Visit
from dispatch.messages.models import CallTask, Message
from dispatch.planning.models import Plan, PlanState
from dispatch.planning.preview import Kind, Only, preview, published_over
from dispatch.planning.publishing import ChangedSince, publish_plan
from dispatch.planning.service import assign_visit, move_assignment
from tests import factories as make
from tests.conftest import statements
from tests.planning.test_publishing import NOW, propose, publish, where
from tests.planning.world import EIGHT, World, actor_of, make_world

HOUR = timedelta(hours=1)


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def booked(world: World, visit: Visit, hour: float = 0) -> int:
    return assign_visit(
        world.session,
        visit_id=visit.id,
        technician_id=world.ana.id,
        start=EIGHT + hour * HOUR,
        actor=world.dispatcher,
        now=NOW,
    ).id


def test_each_change_has_its_kind_and_the_filters_keep_what_they_say(world: World) -> None:
    swaps, later, gone, comes, stays = (world.visit() for _ in range(5))
    for number, visit in enumerate((swaps, later, gone, stays)):
        make.make_promise(world.session, visit=visit, during=Range(EIGHT - HOUR, EIGHT + 5 * HOUR))
        booked(world, visit, number * 1.2)
    plan = propose(
        world,
        {
            swaps: (world.ben, EIGHT),
            later: (world.ana, EIGHT + 5.5 * HOUR),
            comes: (world.ben, EIGHT + 3 * HOUR),
            stays: (world.ana, EIGHT + 3.6 * HOUR),
        },
        unserved=[gone],
    )
    looked = preview(world.session, plan.id)
    kinds = {each.visit_id: each.kind for each in looked.changes}
    assert kinds == {swaps.id: Kind.REASSIGNED, later.id: Kind.RETIMED, gone.id: Kind.DROPPED, comes.id: Kind.NEW}
    assert [each.visit_id for each in looked.shown(Only.PROMISES)] == [gone.id, later.id]
    assert {each.visit_id for each in looked.shown(Only.CUSTOMERS)} == {gone.id, later.id, comes.id}
    assert [each.visit_id for each in looked.shown(Only.ALL, Kind.NEW)] == [comes.id]
    assert [each.visit_id for each in looked.calls] == [later.id]
    swap = next(each for each in looked.changes if each.visit_id == swaps.id)
    assert (swap.before, swap.after) == ((("Ana Ruiz", EIGHT),), (("Ben Oduya", EIGHT),))


def test_who_was_named_hears_when_it_is_published_and_nobody_else(world: World) -> None:
    carl = make.make_technician(world.session, territory=world.territory, name="Carl")
    moves, late = world.visit(), world.visit()
    make.make_promise(world.session, visit=late, during=Range(EIGHT, EIGHT + HOUR))
    booked(world, moves)
    world.session.commit()
    before = set(world.session.scalars(select(Message.id)))
    plan = propose(world, {moves: (world.ben, EIGHT), late: (world.ben, EIGHT + 3 * HOUR)})
    looked = preview(world.session, plan.id)
    assert [(each.name, each.new, each.changed, each.taken_off) for each in looked.hears] == [
        ("Ana Ruiz", 0, 0, 1),
        ("Ben Oduya", 2, 0, 0),
    ]
    publish(world, plan)
    told = world.session.scalars(select(Message.technician_id).where(Message.id.not_in(before))).all()
    # Ana's message of the booking that is gone again is withdrawn or rewritten; Ben's is new.
    assert set(told) <= {each.technician_id for each in looked.hears}
    assert world.ben.id in told
    assert carl.id not in told
    calls = world.session.scalars(select(CallTask.visit_id)).all()
    assert calls == [each.visit_id for each in looked.calls] == [late.id]


def test_what_changed_since_the_run_is_named_with_who_and_blocks_until_it_was_seen(world: World) -> None:
    moved, fine = world.visit(), world.visit()
    made = booked(world, moved)
    plan = propose(world, {moved: (world.ben, EIGHT), fine: (world.ben, EIGHT + 3 * HOUR)})
    world.session.commit()
    assert preview(world.session, plan.id).meanwhile == ()

    omar = actor_of(make.make_user(world.session, name="Omar"), "dispatcher")
    move_assignment(world.session, assignment_id=made, start=EIGHT + 2 * HOUR, actor=omar, now=NOW)
    world.session.commit()
    with pytest.raises(ChangedSince, match="Nothing is published yet"):
        publish_plan(world.session, plan_id=plan.id, actor=world.dispatcher, now=NOW, agreed=())
    world.session.rollback()
    assert world.session.get_one(Plan, plan.id).state is PlanState.PROPOSED
    assert fine.id not in where(world)

    looked = preview(world.session, plan.id)
    (line,) = looked.meanwhile
    assert (line.visit_id, line.who, line.action, line.at) == (moved.id, "Omar", "move", NOW)
    publish_plan(world.session, plan_id=plan.id, actor=world.dispatcher, now=NOW, agreed=[line.visit_id])
    world.session.commit()
    assert where(world) == {moved.id: (world.ana.id, EIGHT + 2 * HOUR), fine.id: (world.ben.id, EIGHT + 3 * HOUR)}


def test_a_plan_that_somebody_else_published_is_named_and_never_overwritten(world: World) -> None:
    visit = world.visit()
    mine = propose(world, {visit: (world.ana, EIGHT)})
    theirs = propose(world, {visit: (world.ben, EIGHT)})
    assert published_over(world.session, mine.plan_request_id, NOW - HOUR) is None
    publish(world, theirs)
    found = published_over(world.session, mine.plan_request_id, NOW - HOUR)
    assert (found.request_id, found.who, found.published_at) == (theirs.plan_request_id, "Ines Weber", NOW)
    assert published_over(world.session, mine.plan_request_id, NOW) is None
    assert published_over(world.session, theirs.plan_request_id, NOW - HOUR) is None
    with pytest.raises(Conflict):
        publish(world, mine)
    assert where(world) == {visit.id: (world.ben.id, EIGHT)}


def test_looking_takes_a_constant_number_of_statements_and_no_locks(world: World, engine: Engine) -> None:
    counts = []
    for size in (1, 6):
        people = [make.make_technician(world.session, territory=world.territory) for _ in range(size)]
        for person in people:
            make.make_shift(world.session, technician=person, territory=world.territory)
        plan = propose(world, {world.visit(): (person, EIGHT) for person in people})
        world.session.commit()
        with statements(engine) as sent:
            preview(world.session, plan.id)
        counts.append(sent.count)
    assert counts[0] == counts[1]
    assert counts[1] <= 12
