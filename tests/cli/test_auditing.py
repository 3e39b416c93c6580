"""`dispatch audit`: the log is read again from its first line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from dispatch.cli import main
from dispatch.core.audit import Change, record
from dispatch.core.config import settings
from dispatch.core.db import make_engine, make_sessions
from tests.factories import MORNING


@pytest.fixture(autouse=True)
def url(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DISPATCH_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    yield database_url
    settings.cache_clear()


def test_a_whole_log_and_a_broken_one(url: str) -> None:
    engine = make_engine(url)
    with make_sessions(engine)() as session:
        for number in range(3):
            entity_id = str(number)
            record(session, Change(at=MORNING, actor_id=None, action="add", entity="site", entity_id=entity_id))
        session.commit()
    found = CliRunner().invoke(main, ["audit"])
    assert (found.exit_code, "whole: 3 lines" in found.output) == (0, True)
    assert "Copied: line 3." in CliRunner().invoke(main, ["audit", "--keep"]).output
    assert "agrees with 1 copies" in CliRunner().invoke(main, ["audit"]).output
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE audit_event SET action = 'nothing' WHERE seq = 2"))
    engine.dispose()
    found = CliRunner().invoke(main, ["audit"])
    assert (found.exit_code, "line 2 of 3" in found.output) == (1, True)
