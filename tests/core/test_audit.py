"""The change log only grows, and whoever gets around that is found out."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dispatch.core.audit import Change, as_steps, record, verify_chain
from dispatch.core.db import APP_ROLE, make_engine, make_sessions
from dispatch.core.models import AuditEvent
from tests.factories import MORNING, make_user

LINES = 12


def change(number: int, actor_id: int | None = None, **values: object) -> Change:
    return Change(
        at=MORNING + timedelta(minutes=number),
        actor_id=actor_id,
        action="change",
        entity="site",
        entity_id=str(number),
        after={"name": f"Süd {number}"},
        **values,  # type: ignore[arg-type]  # test shorthand
    )


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Give the owner's engine on a log of some lines."""
    made = make_engine(database_url)
    with make_sessions(made)() as session:
        for number in range(LINES):
            record(session, change(number))
            session.commit()
    yield made
    made.dispose()


def verdict(engine: Engine, after: int = 0) -> int | None:
    with make_sessions(engine)() as session:
        return verify_chain(session, after=after)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_event SET reason = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"]
)
@pytest.mark.parametrize("role", [APP_ROLE, None], ids=["application", "owner"])
def test_nobody_changes_or_removes_a_line(database_url: str, engine: Engine, role: str | None, statement: str) -> None:
    other = make_engine(database_url, role=role)
    with pytest.raises(DBAPIError, match=r"permission denied|append-only"), other.begin() as connection:
        connection.execute(text(statement))
    other.dispose()
    assert verdict(engine) is None


@pytest.mark.parametrize(
    "tampering, found",
    [
        ('UPDATE audit_event SET after = \'{"name": "Nord"}\' WHERE seq = 5', 5),
        ("UPDATE audit_event SET actor_id = NULL, at = at - interval '1 day' WHERE seq = 3", 3),
        ("DELETE FROM audit_event WHERE seq = 7", 7),
        ("DELETE FROM audit_event WHERE seq = 12", 12),
        ("UPDATE audit_event SET seq = 40 WHERE seq = 12", 12),
        ("UPDATE audit_head SET seq = 11", 13),
        ("UPDATE audit_head SET hash = ''", 13),
    ],
)
def test_who_gets_around_the_triggers_is_found_out(engine: Engine, tampering: str, found: int) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(tampering))
    assert verdict(engine) == found
    assert verdict(engine, after=LINES // 2) == (found if found > LINES // 2 else None), "only what comes later is read"


def test_lines_of_many_at_once_have_no_hole_and_no_break(engine: Engine) -> None:
    sessions = make_sessions(engine)

    def write(first: int) -> None:
        for number in range(first, first + 20):
            with sessions() as session:
                record(session, change(number))
                if number % 3:
                    session.commit()  # every third one is given up

    writers = [Thread(target=write, args=(100 * index,)) for index in range(1, 5)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert verdict(engine) is None
    with sessions() as session:
        assert session.query(AuditEvent).count() > LINES + 4 * 12


def test_one_persons_changes_in_one_go_are_one_step() -> None:
    back = [{"command": "fields", "id": number} for number in range(4)]
    steps = as_steps(
        [
            change(0, actor_id=1, inverse=back[0]),
            change(1, actor_id=2, inverse=back[1], undoes_seq=9),
            change(2, actor_id=1),
            change(3, actor_id=1, inverse=back[2], undoes_seq=7),
            change(4, inverse=back[3]),
        ]
    )
    assert [each.inverse for each in steps] == [
        {"command": "group", "parts": [back[0], back[2]]},
        back[1],
        None,
        None,
        back[3],
    ]
    assert [each.undoes_seq for each in steps] == [7, 9, None, None, None]


@pytest.mark.parametrize("by_error", [True, False])
def test_what_a_savepoint_gave_up_is_not_written_and_what_came_before_is(session: Session, by_error: bool) -> None:
    user = make_user(session)
    session.commit()
    record(session, change(1, actor_id=user.id))
    with contextlib.suppress(ValueError), session.begin_nested() as inner:
        record(session, change(2, actor_id=user.id))
        if by_error:
            raise ValueError
        inner.rollback()
    with session.begin_nested():
        record(session, change(3, actor_id=user.id))
    session.commit()
    session.connection()
    record(session, change(4, actor_id=user.id))
    session.rollback()
    record(session, change(5, actor_id=user.id))
    session.commit()
    written = session.query(AuditEvent).filter_by(actor_id=user.id).order_by(AuditEvent.seq)
    assert [event.entity_id for event in written] == ["1", "3", "5"]
