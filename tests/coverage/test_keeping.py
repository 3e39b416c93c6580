"""Counts that run beside each other on a real server: what stays is the one that read last, whoever ends last."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core.audit import Change, position, record
from dispatch.core.db import APP_ROLE, make_engine, make_sessions
from dispatch.coverage import counting
from dispatch.coverage.counting import count, solve_coverage, solve_coverage_apart
from dispatch.coverage.kept import latest_run
from dispatch.coverage.models import CoverageRun
from dispatch.coverage.result import Counted
from dispatch.coverage.service import store_coverage
from dispatch.coverage.snapshot import Snapshot, read_snapshot
from tests.factories import MORNING, make_visit
from tests.planning.world import make_world

NOW = MORNING - timedelta(hours=12)
HOLDER = """
import sys, time
from dispatch.core.db import make_engine, make_sessions
from dispatch.coverage.service import _newest_alone

with make_sessions(make_engine(sys.argv[1]))() as session:
    _newest_alone(session)
    print("held", flush=True)
    time.sleep(300)  # holds the lock until it is killed
"""

Sessions = Callable[[], Session]


@pytest.fixture
def target(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, role=APP_ROLE)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(target: Engine) -> Sessions:
    make = make_sessions(target)
    with make() as session:
        make_world(session).visit()
        session.commit()
    return make


def change_something(sessions: Sessions) -> int:
    """Book another visit, so that the log goes on; returns how far it is then."""
    with sessions() as session:
        make_visit(session)
        record(session, Change(at=NOW, actor_id=None, action="book", entity="visit", entity_id="1", after={"a": 1}))
        session.commit()
        return position(session)


def kept(sessions: Sessions) -> CoverageRun:
    with sessions() as session:
        run = latest_run(session)
        assert run is not None
        return run


@pytest.mark.parametrize("anew", [True, False])
def test_a_count_that_read_earlier_and_ends_later_is_dropped(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, anew: bool
) -> None:
    solve_coverage_apart(sessions, actor=SYSTEM, now=NOW)
    change_something(sessions)
    real = counting.count
    readings: list[int] = []

    def count_while_another_does(asked: Snapshot, before: Counted | None) -> Counted:
        monkeypatch.setattr(counting, "count", real)
        readings.extend((asked.based_on_seq, change_something(sessions)))
        # Its clock was read before that of the count it overtakes: what the facts are is told by the log.
        solve_coverage_apart(sessions, actor=SYSTEM, now=NOW + timedelta(minutes=3))
        return real(asked, before)

    monkeypatch.setattr(counting, "count", count_while_another_does)
    solve_coverage_apart(sessions, actor=SYSTEM, now=NOW + timedelta(minutes=5), anew=anew)
    earlier, later = readings
    assert earlier < later
    run = kept(sessions)
    assert (run.based_on_seq, run.computed_at) == (later, NOW + timedelta(minutes=3))


def test_of_two_readings_of_the_same_log_the_later_one_stays(sessions: Sessions) -> None:
    with sessions() as session:
        counted = count(read_snapshot(session, now=NOW))
        for minutes, stays in ((5, 5), (3, 5), (9, 9), (7, 9)):
            at = NOW + timedelta(minutes=minutes)
            run = store_coverage(session, counted, based_on_seq=0, seconds=1.0, actor=SYSTEM, now=at)
            assert run.computed_at == NOW + timedelta(minutes=stays)
        kept_at = session.scalars(select(CoverageRun.computed_at).order_by(CoverageRun.computed_at)).all()
        assert kept_at == [NOW + timedelta(minutes=minutes) for minutes in (5, 9)]


def test_two_counts_are_stored_one_after_the_other(sessions: Sessions) -> None:
    with sessions() as session:
        older = count(read_snapshot(session, now=NOW))
        before = position(session)
    after = change_something(sessions)
    found: list[int] = []

    def store_older() -> None:
        with sessions() as session:
            run = store_coverage(session, older, based_on_seq=before, seconds=1.0, actor=SYSTEM, now=NOW)
            found.append(run.based_on_seq)
            session.commit()

    thread = threading.Thread(target=store_older)
    with ExitStack() as stack:
        newer = stack.enter_context(sessions())
        stack.callback(thread.join, 60)
        solve_coverage(newer, actor=SYSTEM, now=NOW)
        thread.start()
        until = time.monotonic() + 30
        waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while not newer.scalar(waits) and thread.is_alive() and time.monotonic() < until:
            time.sleep(0.05)  # nothing tells that a session waits; the table of locks is asked until it does
        assert found == []
        newer.commit()
    assert found == [after]
    assert kept(sessions).based_on_seq == after


def test_a_process_that_is_killed_while_it_stores_blocks_nobody(sessions: Sessions, database_url: str) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, database_url], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with sessions() as session:
            held = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
            assert session.scalar(held) == 1
    finally:
        holder.kill()
        holder.communicate(timeout=60)
    begun = time.monotonic()
    solve_coverage_apart(sessions, actor=SYSTEM, now=NOW)
    assert time.monotonic() - begun < 30
    assert kept(sessions).computed_at == NOW
