"""The answer about a selected visit: who else is on the board, which booking is meant, what a place means in words."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from dispatch.planning.assigning import assign_visit
from dispatch.planning.offering import Free, hold_times
from dispatch.planning.places import Answer, Fit, answer_for
from tests import factories as make
from tests.planning.world import EIGHT, World, make_world

NOW = make.MORNING


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def asked(world: World, visit_id: int, **changes: object) -> Answer:
    values = {"visit_id": visit_id, "territory_id": world.territory.id, "day": make.DAY, "now": NOW}
    return answer_for(world.session, **{**values, **changes})  # type: ignore[arg-type]  # test shorthand


def test_rows_of_other_territories_are_told_too(world: World) -> None:
    south = make.make_territory(world.session)
    stranger = make.make_technician(world.session, territory=south, name="Dora Klein")
    make.make_shift(world.session, technician=stranger, territory=south)
    found = asked(world, world.visit().id, shown_in=[world.territory.id, south.id])
    told = {row.technician_id: row for row in found.rows}
    assert set(told) == {world.ana.id, world.ben.id, stranger.id}
    assert (told[stranger.id].fit, told[stranger.id].words) == (Fit.BLOCKED, "Dora Klein works in another territory.")


def test_a_place_says_when_how_near_and_how_much_is_to_spare(world: World) -> None:
    visit = world.visit()
    make.make_promise(world.session, visit=visit, during=make.hours(1, 3))
    found = asked(world, visit.id)
    (row,) = [row for row in found.rows if row.technician_id == world.ana.id]
    assert row.fit is Fit.FITS
    assert row.words.startswith("arrives 09:00, ")
    assert "from where the day starts" in row.words
    assert "to spare" in row.words


def test_where_the_visit_is_now_has_no_number(world: World) -> None:
    visit = world.visit()
    before = asked(world, visit.id)
    best = before.numbered[0]
    assign_visit(
        world.session,
        visit_id=visit.id,
        technician_id=best.technician_id,
        start=best.start_at,
        actor=world.dispatcher,
        now=NOW,
    )
    after = asked(world, visit.id)
    assert after.crew.assignment_id is not None
    assert [row.technician_id for row in after.numbered] == [
        row.technician_id for row in before.numbered if row.technician_id != best.technician_id
    ]
    assert {row.technician_id for row in after.rows} == {world.ana.id, world.ben.id}


def test_the_free_place_in_a_crew_is_asked_about_and_a_booking_where_it_is_named(world: World) -> None:
    visit = world.visit(crew=2)
    made = assign_visit(
        world.session, visit_id=visit.id, technician_id=world.ana.id, start=EIGHT, actor=world.dispatcher, now=NOW
    )
    free = asked(world, visit.id)
    assert (free.crew.position, free.crew.size, free.crew.assignment_id) == (2, 2, None)
    assert [(row.technician_id, row.start_at) for row in free.numbered] == [(world.ben.id, EIGHT)]
    assert asked(world, visit.id, assignment_id=made.id).crew.position == 1


def test_a_time_that_is_being_offered_to_another_customer_has_no_number_until_it_is_free_again(world: World) -> None:
    visit, other = world.visit(), world.visit()
    before = asked(world, visit.id)
    best = before.numbered[0]
    free = Free(
        technician_id=best.technician_id,
        start=best.start_at,
        end=best.end_at,
        hold=(best.start_at, best.end_at),
        window=(best.start_at, best.end_at),
        merits=(),
        cost=0,
        known=False,
    )
    hold_times(world.session, visit_id=other.id, free=[free], made_by_id=None, now=NOW)
    after = asked(world, visit.id)
    assert best.technician_id not in [row.technician_id for row in after.numbered]
    (row,) = [row for row in after.rows if row.technician_id == best.technician_id]
    assert (row.fit, row.place) == (Fit.COSTS, None)
    assert "is being offered to" in row.words
    assert asked(world, other.id).numbered[0].technician_id == best.technician_id, "whose hold it is may have it"
    later = asked(world, visit.id, now=NOW + timedelta(minutes=11))
    assert best.technician_id in [row.technician_id for row in later.numbered]
