"""`dispatch agreement`: outcomes count only while somebody has recorded that they may."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from dispatch.cli import main
from dispatch.core import clock
from dispatch.core.config import settings
from dispatch.core.db import make_engine, make_sessions
from dispatch.skills.recompute import outcomes_agreed


@pytest.fixture(autouse=True)
def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    settings.cache_clear()
    yield database_url
    settings.cache_clear()


def agreement(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["agreement", *arguments])


def counts(url: str) -> bool:
    engine = make_engine(url)
    with make_sessions(engine)() as session:
        answer = outcomes_agreed(session, clock.now())
    engine.dispose()
    return answer


def test_outcomes_count_from_the_first_day_to_the_last(url: str) -> None:
    assert "do not count" in agreement("list").output
    assert not counts(url)
    began = str(clock.now().date() - timedelta(days=30))
    made = agreement("add", "--scope", "all technicians", "--reference", "paper 7", "--from", began)
    assert made.exit_code == 0, made.output
    assert counts(url)
    again = agreement("add", "--scope", "all", "--reference", "paper 8")
    assert again.exit_code == 1
    assert "already" in again.output
    assert "cannot end before" in agreement("end", "1", "--last-day", "2001-01-01").output
    ended = agreement("end", "1")
    assert ended.exit_code == 0, ended.output
    assert not counts(url)
    assert "paper 7" in agreement("list").output
    assert "no such agreement" in agreement("end", "99").output
    assert "whom the agreement covers" in agreement("add", "--scope", " ", "--reference", "x").output
