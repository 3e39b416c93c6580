"""The log's hash is kept outside the database: a log that was written anew from its beginning does not pass."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from dispatch.core.audit import Change, record, verify_chain
from dispatch.core.db import make_engine
from dispatch.core.witness import FILE, check_copies, keep_copy
from tests.factories import MORNING

LINES = 3


def change(session: Session, number: int) -> None:
    record(session, Change(at=MORNING, actor_id=None, action=f"do {number}", entity="thing", entity_id="1"))
    session.commit()


@pytest.fixture
def owner(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """Give the owner's engine on a log of three lines, each copied on its day."""
    engine = make_engine(database_url)
    with Session(engine) as session:
        for number in range(LINES):
            change(session, number)
            keep_copy(session, tmp_path, now=MORNING + timedelta(days=number))
    yield engine
    engine.dispose()


def test_what_is_as_it_was_agrees(owner: Engine, tmp_path: Path) -> None:
    with Session(owner) as session:
        found = check_copies(session, tmp_path)
        nowhere = check_copies(session, tmp_path / "elsewhere")
    assert (found.copies, found.broken, found.unreadable) == (LINES, None, 0)
    assert not found.is_late(MORNING + timedelta(days=3))
    assert found.is_late(MORNING + timedelta(days=5))
    assert nowhere.is_late(MORNING), "no copy at all is late"


def test_a_log_written_anew_is_whole_but_not_what_it_was(owner: Engine, tmp_path: Path) -> None:
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("DELETE FROM audit_event"))
        connection.execute(text("UPDATE audit_head SET seq = 0, hash = ''"))
    with Session(owner) as session:
        for number in range(LINES):
            change(session, number + 100)
        assert verify_chain(session) is None, "the chain agrees with itself"
        assert check_copies(session, tmp_path).broken == 1


def test_a_line_cut_short_hides_no_other(owner: Engine, tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text(path.read_text() + '{"seq": 4, "ha')
    with Session(owner) as session:
        found = check_copies(session, tmp_path)
    assert (found.copies, found.unreadable, found.broken) == (LINES, 1, None)
