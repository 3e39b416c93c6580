"""The queue with real workers: tasks saved with their data, and work of the dead taken up again."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text

from dispatch.core import queue
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.queue import defer, worker_name

# A worker process of its own, with a task that notes its runs in the database and takes its time on the first one.
WORKER = textwrap.dedent("""
    import asyncio, sys
    import psycopg
    from dispatch.core import queue

    URL = sys.argv[1]

    @queue.app.task(name="test.slow")
    async def slow(number):
        with psycopg.connect(URL, autocommit=True) as connection:
            connection.execute("INSERT INTO queue_test VALUES (%s)", (number,))
            first = connection.execute("SELECT count(*) = 1 FROM queue_test WHERE number = %s", (number,)).fetchone()
        if first[0]:
            await asyncio.sleep(600)

    queue.app.worker_defaults["update_heartbeat_interval"] = 0.3
    queue.app.worker_defaults["stalled_worker_timeout"] = 60
    queue.run(URL)
""")


@pytest.fixture
def target(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE queue_test (number integer)"))
    yield engine
    engine.dispose()


def count(target: Engine, query: str) -> int:
    with target.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def until(question: Callable[[], bool], seconds: float = 30.0) -> None:
    give_up = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < give_up, "nothing happened in time"
        time.sleep(0.1)  # waits for another process; the condition above decides


def plain(target: Engine) -> str:
    return target.url.set(drivername="postgresql").render_as_string(hide_password=False)


def test_a_task_is_saved_with_the_transaction_or_not_at_all(target: Engine) -> None:
    sessions = make_sessions(target)
    with sessions() as session:
        assert defer(session, "test.slow", number=1)
        session.rollback()
    assert count(target, "SELECT count(*) FROM procrastinate_jobs") == 0
    with sessions() as session:
        assert defer(session, "test.slow", number=1, delay_s=60)
        session.commit()
    assert count(target, "SELECT count(*) FROM procrastinate_jobs WHERE scheduled_at > now()") == 1


def test_a_task_wanted_once_does_not_break_the_transaction_of_the_second(target: Engine) -> None:
    with make_sessions(target)() as session:
        assert defer(session, "test.slow", once="only", number=1)
        assert not defer(session, "test.slow", once="only", number=2)
        session.execute(text("INSERT INTO queue_test VALUES (7)"))
        session.commit()
    assert count(target, "SELECT count(*) FROM procrastinate_jobs") == 1
    assert count(target, "SELECT count(*) FROM queue_test") == 1


def test_every_start_of_a_worker_has_a_name_of_its_own() -> None:
    assert worker_name() != worker_name()


def test_work_of_a_killed_worker_is_taken_up_by_a_fresh_one(target: Engine) -> None:
    url = plain(target)
    with make_sessions(target)() as session:
        defer(session, "test.slow", number=1)
        session.commit()
    killed = subprocess.Popen([sys.executable, "-c", WORKER, url])
    try:
        until(lambda: count(target, "SELECT count(*) FROM queue_test") == 1)
    finally:
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    assert count(target, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'") == 1
    until(lambda: sweep(url, stalled_after_s=1.0) == 1)
    fresh = subprocess.Popen([sys.executable, "-c", WORKER, url])
    try:
        until(lambda: count(target, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'") == 1)
    finally:
        fresh.terminate()
        fresh.wait(30)
    assert count(target, "SELECT count(*) FROM queue_test") == 2


def test_a_task_that_keeps_falling_over_is_parked(target: Engine) -> None:
    with make_sessions(target)() as session:
        defer(session, "test.slow", number=1)
        session.execute(text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')"))
        session.execute(
            text(
                "UPDATE procrastinate_jobs SET status = 'doing', attempts = :tries,"
                " worker_id = (SELECT max(id) FROM procrastinate_workers)"
            ),
            {"tries": queue.TRIES},
        )
        session.commit()
    assert sweep(plain(target), stalled_after_s=5.0) == 1
    assert count(target, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'") == 1


def sweep(url: str, *, stalled_after_s: float) -> int:
    """Run one sweep as a fresh worker would at its start."""
    from procrastinate import PsycopgConnector

    async def once() -> int:
        with queue.app.replace_connector(PsycopgConnector(conninfo=url)) as here:
            async with here.open_async():
                return await queue.rescue(here, stalled_after_s=stalled_after_s)

    return asyncio.run(once())
