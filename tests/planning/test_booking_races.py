"""Two people book at the same moment: nobody is told to try again for nothing, and no stale move wins."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session, sessionmaker

from dispatch.accounts.access import SYSTEM
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict
from dispatch.jobs.models import CrewSlot
from dispatch.messages.models import Message
from dispatch.planning.assigning import assign_visit, move_assignment, place_visit, unassign_visit
from dispatch.planning.candidates import candidates_for
from dispatch.planning.draft_publishing import DraftChanged, drafted, publish_draft, publish_due, take_draft_back
from dispatch.planning.drafts import believed_of
from dispatch.planning.models import Assignment
from tests import factories as make
from tests.planning.world import EIGHT, make_world

NOW = make.MORNING


@pytest.fixture
def sessions(database_url: str) -> Iterator[sessionmaker[Session]]:
    engine: Engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


def lock_visit(session: Session, visit_id: int) -> None:
    session.execute(text("SELECT id FROM visit WHERE id = :id FOR UPDATE"), {"id": visit_id})


def test_a_deadlock_is_tried_again_once_and_nobody_hears_of_it(sessions: sessionmaker[Session]) -> None:
    """The booking locks its visit, then the one that makes room; somebody else locks them the other way round."""
    with sessions() as session:
        world = make_world(session)
        later = world.visit(window=make.hours(2, 8))
        booked = make.make_assignment(
            session,
            visit=later,
            technician=world.ana,
            during=make.hours(2, 3),
            shift_id=world.shift.id,
        )
        visit = world.visit(window=make.hours(1.1, 1.2))
        row = next(
            each
            for each in candidates_for(
                session, visit_id=visit.id, territory_id=world.territory.id, day=make.DAY, now=NOW
            ).ranked
            if each.technician_id == world.ana.id
        )
        ids = (later.id, visit.id, world.ana.id, booked.id)
        session.commit()
    assert [each.assignment_id for each in row.knock_on] == [ids[3]]
    raised: list[Exception] = []

    def book() -> None:
        try:
            with sessions() as session:
                place_visit(
                    session,
                    visit_id=ids[1],
                    technician_id=ids[2],
                    start=row.start_at,
                    pushing=[ids[3]],
                    actor=SYSTEM,
                    now=NOW,
                )
                session.commit()
        except Exception as error:  # whatever it is, the test looks at it in its own thread
            raised.append(error)

    with sessions() as other:
        lock_visit(other, ids[0])
        thread = threading.Thread(target=book)
        thread.start()
        _until_waiting(sessions)
        lock_visit(other, ids[1])  # closes the circle: the booking, which waits longer, is the one that gives way
        other.commit()
    thread.join(30)
    assert raised == []
    with sessions() as session:
        assert session.get_one(Assignment, ids[3]).during.lower == row.knock_on[0].start_at


def test_a_move_of_a_booking_that_is_taken_away_meanwhile_is_refused_with_a_sentence(
    sessions: sessionmaker[Session],
) -> None:
    ids = _booked(sessions)
    with sessions() as other:
        unassign_visit(other, visit_id=ids["visit"], actor=SYSTEM, now=NOW)
        raised, thread = _moving(sessions, ids, None)
        _until_waiting(sessions)
        other.commit()
    thread.join(30)
    assert [type(error) for error in raised] == [Conflict]
    assert "took this booking away" in str(raised[0])


def test_a_stale_move_does_not_win(sessions: sessionmaker[Session]) -> None:
    ids = _booked(sessions)
    with sessions() as other:
        first = move_assignment(
            other, assignment_id=ids["booking"], start=make.hours(4, 5).lower, actor=SYSTEM, now=NOW
        )
        raised, thread = _moving(sessions, ids, ids["version"])
        _until_waiting(sessions)
        other.commit()
        kept = first.during.lower
    thread.join(30)
    assert len(raised) == 1
    assert "changed this booking in the meantime" in str(raised[0])
    with sessions() as session:
        assert session.get_one(Assignment, ids["booking"]).during.lower == kept


def _booked(sessions: sessionmaker[Session]) -> dict[str, int]:
    with sessions() as session:
        world = make_world(session)
        visit = world.visit()
        made = assign_visit(session, visit_id=visit.id, technician_id=world.ana.id, start=EIGHT, actor=SYSTEM, now=NOW)
        ids = {"visit": visit.id, "booking": made.id, "version": made.version, "ben": world.ben.id}
        session.commit()
    return ids


def _moving(
    sessions: sessionmaker[Session], ids: dict[str, int], version: int | None
) -> tuple[list[Exception], threading.Thread]:
    raised: list[Exception] = []

    def move() -> None:
        try:
            with sessions() as session:
                move_assignment(
                    session,
                    assignment_id=ids["booking"],
                    technician_id=ids["ben"],
                    version=version,
                    actor=SYSTEM,
                    now=NOW,
                )
                session.commit()
        except Exception as error:  # whatever it is, the test looks at it in its own thread
            raised.append(error)

    thread = threading.Thread(target=move)
    thread.start()
    return raised, thread


def _until_waiting(sessions: sessionmaker[Session]) -> None:
    """Wait until somebody waits for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with sessions() as session:
            if session.scalar(waiting):
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def test_a_draft_is_published_once_however_many_press_at_the_same_moment(sessions: sessionmaker[Session]) -> None:
    before = NOW - timedelta(days=1)
    seen, ana, _ben = _drafted(sessions)
    together, ends = threading.Barrier(4), []

    def publish() -> None:
        with sessions() as session:
            together.wait(30)
            try:
                publish_draft(session, seen=seen, actor=SYSTEM, now=before)
                session.commit()
                ends.append("published")
            except DraftChanged:
                ends.append("told")

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ends) == ["published", "told", "told", "told"]
    with sessions() as session:
        assert session.scalars(select(Message.technician_id)).all() == [ana]


def _drafted(sessions: sessionmaker[Session]) -> tuple[dict[int, int], int, int]:
    """Draft a visit of the next day for Ana, and return what one saw of it, Ana and Ben."""
    with sessions() as session:
        world = make_world(session)
        world.ana.phone = world.ben.phone = "+49 1"
        visit = world.visit()
        place_visit(
            session,
            visit_id=visit.id,
            technician_id=world.ana.id,
            start=EIGHT + timedelta(hours=1),
            actor=SYSTEM,
            now=NOW - timedelta(days=1),
            draft=True,
        )
        ana, ben, territory = world.ana.id, world.ben.id, world.territory.id
        session.commit()
        found = drafted(session, territories=[territory], day=make.DAY, zone=make.ZONE)
        return {each.visit_id: each.version for each in found}, ana, ben


@pytest.mark.parametrize("rival", ["take_back", "move", "begun"])
@pytest.mark.parametrize("first", ["publish", "rival"])
def test_what_happens_while_one_publishes_is_all_or_nothing(
    sessions: sessionmaker[Session], rival: str, first: str
) -> None:
    """Whoever comes second waits, then is told; nobody hears of what does not hold, and nobody is forgotten."""
    before = NOW - timedelta(days=1)
    seen, ana, ben = _drafted(sessions)
    (visit_id,) = seen
    with sessions() as session:
        booking = session.scalars(select(Assignment.id).where(Assignment.visit_id == visit_id)).one()

    def publish(session: Session) -> None:
        publish_draft(session, seen=seen, actor=SYSTEM, now=before)

    def other(session: Session) -> None:
        if rival == "take_back":
            take_draft_back(session, seen=seen, actor=SYSTEM, now=before)
        elif rival == "begun":
            publish_due(session, actor=SYSTEM, now=NOW)
        else:
            place_visit(
                session,
                visit_id=visit_id,
                technician_id=ben,
                start=EIGHT + timedelta(hours=2),
                assignment_id=booking,
                actor=SYSTEM,
                now=before,
                draft=True,
            )

    works = (publish, other) if first == "publish" else (other, publish)
    raised = _one_after_the_other(sessions, *works)
    with sessions() as session:
        booked = (
            session.execute(
                select(Assignment.technician_id).where(Assignment.visit_id == visit_id, Assignment.state == "planned")
            )
            .scalars()
            .all()
        )
        told = set(
            session.scalars(
                select(Message.technician_id).where(Message.state == "held", Message.technician_id.in_((ana, ben)))
            )
        )
        waits = {each.told is not None for each in believed_of(session, [visit_id]).values()}
    expected = {
        ("publish", "take_back"): ([DraftChanged], [ana], {ana}, set()),
        ("publish", "move"): ([], [ben], {ana}, {True}),
        ("publish", "begun"): ([], [ana], {ana}, set()),
        ("rival", "take_back"): ([DraftChanged], [], set(), set()),
        ("rival", "move"): ([DraftChanged], [ben], set(), {False}),
        ("rival", "begun"): ([DraftChanged], [ana], {ana}, set()),
    }[first, rival]
    assert ([type(each) for each in raised], booked, told, waits) == expected


def _one_after_the_other(
    sessions: sessionmaker[Session], first: Callable[[Session], None], second: Callable[[Session], None]
) -> list[Exception]:
    """Let the second begin while the first is not committed, and return what was raised."""
    raised: list[Exception] = []

    def work() -> None:
        try:
            with sessions() as session:
                second(session)
                session.commit()
        except Exception as error:  # whatever it is, the test looks at it in its own thread
            raised.append(error)

    with sessions() as session:
        first(session)
        thread = threading.Thread(target=work)
        thread.start()
        _until_waiting(sessions)
        session.commit()
    thread.join(60)
    return raised


def test_a_worker_that_is_killed_half_way_leaves_the_draft_to_the_next(sessions: sessionmaker[Session]) -> None:
    seen, ana, _ben = _drafted(sessions)
    (visit_id,) = seen
    with sessions() as session:
        assert visit_id in publish_due(session, actor=SYSTEM, now=NOW)
        session.rollback()
    with sessions() as session:
        assert len(believed_of(session, [visit_id])) == 1
        assert session.scalars(select(Message.id).where(Message.technician_id == ana)).all() == []
        assert visit_id in publish_due(session, actor=SYSTEM, now=NOW)
        session.commit()
        assert visit_id not in publish_due(session, actor=SYSTEM, now=NOW)
        assert len(session.scalars(select(Message.id).where(Message.technician_id == ana)).all()) == 1


def test_of_two_who_book_one_visit_with_different_people_one_wins(sessions: sessionmaker[Session]) -> None:
    """Five times two sessions that both saw it free; the other learns who was first, and nobody is moved unasked."""
    with sessions() as session:
        world = make_world(session)
        visits = [world.visit(window=make.hours(0, 10)) for _ in range(5)]
        slots = {
            each.id: session.scalars(select(CrewSlot.id).where(CrewSlot.visit_id == each.id)).one() for each in visits
        }
        people = {"Ana": world.ana.id, "Ben": world.ben.id}
        session.commit()
    said: list[str] = []
    won: list[int] = []

    def book(visit_id: int, technician_id: int, hour: int, gate: threading.Barrier) -> None:
        with sessions() as session:
            gate.wait()
            try:
                place_visit(
                    session,
                    visit_id=visit_id,
                    crew_slot_id=slots[visit_id],
                    technician_id=technician_id,
                    start=EIGHT + timedelta(minutes=90 * hour),
                    override_reason="A test of who is first",
                    actor=SYSTEM,
                    now=NOW,
                )
                session.commit()
                won.append(visit_id)
            except Conflict as refused:
                said.append(str(refused))

    for number, visit_id in enumerate(slots):
        gate = threading.Barrier(2)
        both = [threading.Thread(target=book, args=(visit_id, who, number, gate)) for who in people.values()]
        for each in both:
            each.start()
        for each in both:
            each.join()
    assert sorted(won) == sorted(slots)
    assert all("has it" in each for each in said)
    assert len(said) == len(slots)
