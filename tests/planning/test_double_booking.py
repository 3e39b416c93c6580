"""Nobody is in two places: what the database refuses whoever asks, and what two people at once are told."""

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict
from dispatch.jobs.models import CrewSlot
from dispatch.planning.assigning import CannotPlace
from dispatch.planning.lifecycle import ASSIGNMENT_MOVES
from dispatch.planning.models import Assignment, VisitReport
from dispatch.planning.retries import constraint, sqlstate, with_retries
from dispatch.planning.service import assign_visit, move_assignment
from tests import factories as make
from tests.planning.world import EIGHT, World, make_world

NOW = make.MORNING
OVERLAPS = text("""
    SELECT count(*) FROM assignment a JOIN assignment b ON a.technician_id = b.technician_id AND a.id < b.id
    WHERE a.during && b.during AND a.state NOT IN ('declined', 'cancelled', 'not_done')
        AND b.state NOT IN ('declined', 'cancelled', 'not_done')
""")


@pytest.fixture
def world(session: Session) -> World:
    made = make_world(session)
    make.make_assignment(session, visit=made.visit(), technician=made.ana, during=make.hours(2, 3))
    return made


def add(world: World, **changes: Any) -> None:
    """Insert an assignment of Ana beside all services, in a savepoint."""
    visit = world.visit()
    slot = world.session.scalars(
        CrewSlot.__table__.select().with_only_columns(CrewSlot.id).where(CrewSlot.visit_id == visit.id)
    ).one()
    values = {
        "visit": visit.id,
        "slot": slot,
        "person": world.ana.id,
        "during": "[2026-03-03 09:30+00, 2026-03-03 10:30+00)",
        "state": "planned",
        **changes,
    }
    with world.session.begin_nested():
        world.session.execute(
            text(
                "INSERT INTO assignment (visit_id, crew_slot_id, technician_id, during, state, decided_at)"
                " VALUES (:visit, :slot, :person, CAST(:during AS tstzrange), :state, now())"
            ),
            values,
        )
        world.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


@pytest.mark.parametrize(
    "changes, code",
    [
        ({}, "23P01"),
        ({"person": None}, "23502"),
        ({"during": None}, "23502"),
        ({"during": "empty"}, "23514"),
        ({"during": "[2026-03-03 10:00+00, 2026-03-03 10:00+00)"}, "23514"),
        ({"during": "[2026-03-03 09:30+00, 2026-03-03 10:30+00]"}, "23514"),
        ({"during": "(2026-03-03 09:30+00, 2026-03-03 10:30+00)"}, "23514"),
        ({"during": "[2026-03-03 09:30+00,)"}, "23514"),
        ({"during": "[2026-03-03 09:30+00, infinity)"}, "23514"),
        ({"during": "[-infinity, 2026-03-03 09:30+00)"}, "23514"),
        ({"during": "[2026-03-03 09:30+00, 2026-03-06 09:30+00)"}, "23514"),
        ({"state": None}, "23502"),
        ({"state": "Cancelled"}, "23514"),
        ({"state": ""}, "23514"),
    ],
)
def test_every_way_around_the_exclusion_is_closed(world: World, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(DBAPIError) as refused:
        add(world, **changes)
    assert sqlstate(refused.value) == code


@pytest.mark.parametrize(
    "changes",
    [
        {"during": "[2026-03-03 10:00+00, 2026-03-03 11:00+00)"},
        {"during": "[2026-03-03 08:00+00, 2026-03-03 09:00+00)"},
        {"state": "cancelled"},
        {"state": "declined"},
        {"state": "not_done"},
    ],
)
def test_what_does_not_collide_goes_in(world: World, changes: dict[str, Any]) -> None:
    add(world, **changes)
    assert world.session.execute(text("SELECT count(*) FROM assignment")).scalar() == 2


def test_reviving_a_cancelled_booking_is_judged_too(world: World) -> None:
    add(world, state="cancelled")
    revive = "UPDATE assignment SET state = 'planned', version = version + 1 WHERE state = 'cancelled'"
    with pytest.raises(IntegrityError) as refused, world.session.begin_nested():
        world.session.execute(text(revive))
    assert constraint(refused.value) == "ex_assignment_one_place"


def test_a_crew_slot_has_one_live_booking(world: World) -> None:
    row = world.session.execute(text("SELECT visit_id, crew_slot_id FROM assignment")).one()
    with pytest.raises(IntegrityError) as refused:
        add(world, visit=row.visit_id, slot=row.crew_slot_id, person=world.ben.id)
    assert constraint(refused.value) == "uq_assignment_slot_live"


def test_a_crew_slot_of_another_visit_is_refused(world: World) -> None:
    row = world.session.execute(text("SELECT crew_slot_id FROM assignment")).one()
    with pytest.raises(IntegrityError) as refused:
        add(world, slot=row.crew_slot_id, person=world.ben.id, state="cancelled")
    assert constraint(refused.value) == "fk_assignment_slot_of_visit"


def test_a_swap_in_one_statement_is_possible(world: World) -> None:
    other = world.visit()
    make.make_assignment(world.session, visit=other, technician=world.ben, during=make.hours(2, 3))
    holders = text("SELECT technician_id FROM assignment ORDER BY id")
    before = world.session.scalars(holders).all()
    world.session.execute(text("SET CONSTRAINTS ex_assignment_one_place DEFERRED"))
    world.session.execute(
        text(
            "UPDATE assignment SET version = version + 1,"
            " technician_id = CASE technician_id WHEN :ana THEN :ben ELSE :ana END"
        ),
        {"ana": world.ana.id, "ben": world.ben.id},
    )
    world.session.execute(text("SET CONSTRAINTS ex_assignment_one_place IMMEDIATE"))
    assert world.session.scalars(holders).all() == before[::-1]


def test_a_report_of_what_happened_is_never_refused_for_the_plan(world: World) -> None:
    booked = world.session.execute(text("SELECT id, visit_id, technician_id FROM assignment")).one()
    for kind in ("arrived", "done"):
        world.session.add(
            VisitReport(
                id=uuid.uuid4(),
                visit_id=booked.visit_id,
                technician_id=booked.technician_id,
                assignment_id=booked.id,
                kind=kind,
                happened_at=NOW,
                received_at=NOW,
            )
        )
    world.session.flush()
    assert world.session.scalars(text("SELECT kind FROM visit_report ORDER BY kind")).all() == ["arrived", "done"]


def test_an_update_must_raise_the_version_by_one(world: World) -> None:
    for change in ("version = version", "version = version + 2"):
        with pytest.raises(DBAPIError) as refused, world.session.begin_nested():
            world.session.execute(text(f"UPDATE assignment SET travel_s = 1, {change}"))
        assert sqlstate(refused.value) == "40001"


def test_the_moves_of_a_state_are_those_of_the_database(session: Session) -> None:
    rows = session.execute(text("SELECT from_state, to_state FROM state_move WHERE entity = 'assignment'")).all()
    known = {(before.value, after.value) for before, afters in ASSIGNMENT_MOVES.items() for after in afters}
    assert {tuple(row) for row in rows} == known


@pytest.fixture
def target(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


def at_once(*works: Callable[[], None]) -> list[BaseException | None]:
    """Run the works in threads that start at the same moment; give what each raised."""
    barrier = threading.Barrier(len(works))
    raised: list[BaseException | None] = [None] * len(works)

    def run(number: int, work: Callable[[], None]) -> None:
        barrier.wait()
        try:
            work()
        except Exception as error:  # the loser's error is what the tests look at
            raised[number] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return raised


def test_two_dispatchers_one_gap_twenty_times(target: Engine) -> None:
    sessions = make_sessions(target)
    for _ in range(20):
        with sessions() as session:
            world = make_world(session)
            visits = [world.visit().id, world.visit().id]
            ana = world.ana.id
            session.commit()

        def book(visit_id: int, ana: int = ana) -> None:
            with sessions() as session:
                assign_visit(session, visit_id=visit_id, technician_id=ana, start=EIGHT, actor=SYSTEM, now=NOW)
                session.commit()

        raised = at_once(lambda ids=visits: book(ids[0]), lambda ids=visits: book(ids[1]))
        losers = [error for error in raised if error is not None]
        assert len(losers) == 1
        assert isinstance(losers[0], Conflict)
        assert "Ana Ruiz is booked" in losers[0].message
        assert "Next best: " in losers[0].message
    with sessions() as session:
        assert session.execute(OVERLAPS).scalar() == 0
        assert session.query(Assignment).count() == 20


def test_two_people_moved_onto_each_other_at_once_never_overlap(target: Engine) -> None:
    sessions = make_sessions(target)
    for _ in range(10):
        with sessions() as session:
            world = make_world(session)
            made = [
                assign_visit(
                    session,
                    visit_id=world.visit().id,
                    technician_id=person.id,
                    start=EIGHT,
                    actor=SYSTEM,
                    now=NOW,
                ).id
                for person in (world.ana, world.ben)
            ]
            people = [world.ben.id, world.ana.id]
            session.commit()

        def move(number: int, made: list[int] = made, people: list[int] = people) -> None:
            with sessions() as session:
                move_assignment(
                    session, assignment_id=made[number], technician_id=people[number], actor=SYSTEM, now=NOW
                )
                session.commit()

        raised = at_once(lambda: move(0), lambda: move(1))
        assert any(raised)
        assert all(error is None or isinstance(error, Conflict | CannotPlace) for error in raised)
    with sessions() as session:
        assert session.execute(OVERLAPS).scalar() == 0


def test_the_same_visit_booked_twice_at_once_has_one_winner(target: Engine) -> None:
    sessions = make_sessions(target)
    with sessions() as session:
        world = make_world(session)
        visit_id, people = world.visit().id, [world.ana.id, world.ben.id]
        session.commit()

    def book(person: int) -> None:
        with sessions() as session:
            assign_visit(session, visit_id=visit_id, technician_id=person, start=EIGHT, actor=SYSTEM, now=NOW)
            session.commit()

    raised = at_once(lambda: book(people[0]), lambda: book(people[1]))
    assert [type(error) for error in raised if error] == [Conflict]
    with sessions() as session:
        assert session.query(Assignment).count() == 1


def test_lost_races_are_tried_again_and_other_failures_are_not(target: Engine) -> None:
    tried: list[str] = []

    def failing(code: str) -> Callable[[], None]:
        def work() -> None:
            tried.append(code)
            with target.connect() as connection:
                connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"))

        return work

    for code, times in (("40001", 3), ("40P01", 3), ("53100", 1), ("23P01", 1)):
        tried.clear()
        with pytest.raises(DBAPIError):
            with_retries(failing(code), pause_s=0)
        assert len(tried) == times


def test_one_booking_may_begin_when_the_one_before_ends(session: Session) -> None:
    world = make_world(session)
    first = assign_visit(
        session, visit_id=world.visit().id, technician_id=world.ana.id, start=EIGHT, actor=SYSTEM, now=NOW
    )
    second = assign_visit(
        session,
        visit_id=world.visit().id,
        technician_id=world.ana.id,
        start=EIGHT + timedelta(hours=1),
        actor=SYSTEM,
        now=NOW,
    )
    assert first.during.upper == second.during.lower
