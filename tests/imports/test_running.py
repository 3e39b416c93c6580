"""A large skill matrix is imported by the worker: whole or not at all, and once however often it is asked for."""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker

from dispatch.accounts.access import Actor
from dispatch.accounts.models import RoleName, User
from dispatch.accounts.queries import actor_for, get_user
from dispatch.core import clock, queue
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict
from dispatch.core.models import ImportBatch, ImportUpload
from dispatch.imports.matrix import running
from dispatch.imports.matrix.plan import Plan
from dispatch.imports.matrix.running import end_lost_imports, outcome_of, run_import_asked, start_import
from dispatch.imports.matrix.service import plan_matrix, print_of
from dispatch.imports.matrix.uploads import choose, discard_upload, keep_upload, read_upload
from dispatch.skills import recompute
from dispatch.skills.models import Evidence, Proficiency
from dispatch.skills.taxonomy import load_taxonomy
from dispatch.tasks import import_skills
from tests.factories import make_skill, make_technician, make_user

Sessions = sessionmaker[Session]
NOW = clock.now()
TWELVE = "Name,Skill A,Skill B,Skill C\n" + "".join(f"Person {letter} Q,1,3,5\n" for letter in "KLMN")


class World:
    """A database of its own with people, skills and somebody who may import."""

    def __init__(self, url: str, sessions: Sessions) -> None:
        self.url, self.sessions = url, sessions
        with sessions() as session:
            self.user_id = make_user(session, RoleName.ADMINISTRATOR, name="Importer").id
            self.people = [make_technician(session, name=f"Person {letter} Q").id for letter in "KLMN"]
            for letter in "ABC":
                make_skill(session, name=f"Skill {letter}")
            session.commit()

    def actor(self, session: Session) -> Actor:
        return actor_for(get_user(session, self.user_id), today=NOW.date(), channel="web")

    def send(self, data: str = TWELVE) -> tuple[int, str]:
        """Keep a file, as its pages do; return it and the print of what was looked at."""
        with self.sessions() as session:
            actor = self.actor(session)
            upload = keep_upload(session, file_name="matrix.csv", data=data.encode(), actor=actor, now=NOW)
            waiting = read_upload(session, upload.id, actor=actor, now=NOW)
            choose(session, waiting, waiting.match, source="skill_matrix", taxonomy=load_taxonomy(session))
            waiting = read_upload(session, upload.id, actor=actor, now=NOW)
            plan: Plan = plan_matrix(session, waiting.table, waiting.match, source=waiting.source, actor=actor, now=NOW)
            session.commit()
            return upload.id, print_of(plan)

    def start(self, upload_id: int, seen: str) -> int | None:
        with self.sessions() as session:
            actor = self.actor(session)
            batch = start_import(session, upload_id, expected=seen, confirmed=False, actor=actor, now=NOW)
            session.commit()
            return batch

    def work(self) -> None:
        asyncio.run(queue.work(self.url, context={"sessions": self.sessions}, until_empty=True))

    def outcome(self, upload_id: int) -> running.Outcome:
        with self.sessions() as session:
            return outcome_of(session, upload_id, actor=self.actor(session), now=NOW)

    def stored(self) -> tuple[int, int, int]:
        """Return how many facts, estimates and imports there are."""
        with self.sessions() as session:
            tables = (Evidence, Proficiency, ImportBatch)
            facts, levels, batches = (session.scalar(select(func.count()).select_from(one)) or 0 for one in tables)
            return facts, levels, batches


@pytest.fixture
def world(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Five levels are many here."""
    monkeypatch.setattr(running, "LEVELS_AT_ONCE", 5)
    engine = make_engine(database_url)
    yield World(database_url, make_sessions(engine))
    engine.dispose()


def test_a_large_file_is_imported_by_the_worker_once(world: World) -> None:
    upload_id, seen = world.send()
    assert [world.start(upload_id, seen) for _ in range(3)] == [None] * 3, "asked three times"
    assert world.outcome(upload_id).running
    assert world.stored() == (0, 0, 0)
    with world.sessions() as session:
        actor = world.actor(session)
        for refused in (
            lambda: read_upload(session, upload_id, actor=actor, now=NOW),
            lambda: discard_upload(session, upload_id, actor=actor, now=NOW),
        ):
            with pytest.raises(Conflict, match="being imported"):
                refused()
    world.work()
    outcome = world.outcome(upload_id)
    assert (outcome.running, outcome.problem) == (False, None)
    assert outcome.batch_id is not None
    assert world.stored() == (12, 12, 1)
    assert world.start(upload_id, seen) == outcome.batch_id, "asked again it is the same import"
    world.work()
    assert world.stored() == (12, 12, 1)
    with world.sessions() as session:
        tried = session.execute(text("SELECT status, attempts FROM procrastinate_jobs WHERE task_name = :one"),
                                {"one": running.TASK})  # fmt: skip
        assert [tuple(row) for row in tried] == [("succeeded", 1)]
        assert session.get_one(ImportBatch, outcome.batch_id).actor_id == world.user_id


def test_a_small_file_is_imported_at_once(world: World) -> None:
    upload_id, seen = world.send("Name,Skill A\nPerson K Q,3\n")
    batch_id = world.start(upload_id, seen)
    assert batch_id is not None
    assert world.outcome(upload_id).batch_id == batch_id
    assert world.stored()[0] == 1


def test_a_change_since_it_was_looked_at_is_told_and_the_file_waits_again(world: World) -> None:
    upload_id, seen = world.send()
    world.start(upload_id, seen)
    with world.sessions() as session:
        session.execute(
            text("UPDATE technician SET name = 'Somebody Else', version = version + 1 WHERE name = 'Person K Q'")
        )
        session.commit()
    world.work()
    outcome = world.outcome(upload_id)
    assert (outcome.running, outcome.batch_id) == (False, None)
    assert "Something changed since you looked" in (outcome.problem or "")
    assert world.stored() == (0, 0, 0)
    with world.sessions() as session:
        waiting = read_upload(session, upload_id, actor=world.actor(session), now=NOW)
        assert len(waiting.table.rows) == 4


def test_who_may_not_import_any_more_imports_nothing(world: World) -> None:
    upload_id, seen = world.send()
    world.start(upload_id, seen)
    with world.sessions() as session:
        session.execute(text("UPDATE role_grant SET ends_on = :over"), {"over": NOW.date() - timedelta(days=1)})
        session.commit()
    world.work()
    with world.sessions() as session:
        assert session.get_one(ImportUpload, upload_id).choices["problem"]
        session.execute(text("UPDATE role_grant SET ends_on = NULL"))
        session.get_one(User, world.user_id).active = False
        session.commit()
    world.start(upload_id, seen)
    world.work()
    with world.sessions() as session:
        assert "cannot sign in" in session.get_one(ImportUpload, upload_id).choices["problem"]
    assert world.stored() == (0, 0, 0)


def import_in_a_process(url: str, upload_id: int) -> None:
    with make_sessions(make_engine(url))() as session:
        run_import_asked(session, upload_id, now=clock.now())
        session.commit()


def test_a_killed_process_leaves_nothing_and_the_next_one_imports_all(world: World) -> None:
    upload_id, seen = world.send()
    world.start(upload_id, seen)
    with world.sessions() as holding:
        # Facts are written before levels are estimated: whoever holds that lock stops the import in between.
        recompute._lock(holding, recompute._EVERYBODY)
        child = multiprocessing.get_context("spawn").Process(target=import_in_a_process, args=(world.url, upload_id))
        child.start()
        waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        deadline = time.monotonic() + 60
        while not holding.scalar(waits):
            assert time.monotonic() < deadline, "the import never came as far as the levels"
            assert child.is_alive()
            time.sleep(0.05)
        child.kill()
        child.join()
        holding.rollback()
    assert world.stored() == (0, 0, 0)
    assert world.outcome(upload_id).running, "it is still asked for"
    world.work()
    assert world.stored() == (12, 12, 1)


def test_an_error_of_ours_is_told_and_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_args: object, **_named: object) -> None:
        raise RuntimeError("a fault of ours")

    upload_id, seen = world.send()
    world.start(upload_id, seen)
    monkeypatch.setattr("dispatch.skills.ratings.recompute_all", breaks)
    world.work()
    assert world.outcome(upload_id).problem == running.BROKE
    assert world.stored() == (0, 0, 0)
    monkeypatch.undo()
    monkeypatch.setattr(running, "LEVELS_AT_ONCE", 5)
    assert world.start(upload_id, seen) is None, "it can be asked for again"
    world.work()
    assert world.stored() == (12, 12, 1)


def test_an_import_that_no_task_will_take_up_is_ended(world: World) -> None:
    upload_id, seen = world.send()
    world.start(upload_id, seen)
    with world.sessions() as session:
        assert end_lost_imports(session) == 0, "its task waits"
        session.execute(text("UPDATE procrastinate_jobs SET status = 'failed'"))
        assert end_lost_imports(session) == 1
        session.commit()
    assert world.outcome(upload_id).problem == running.LOST


def test_the_task_is_named_as_it_is_asked_for() -> None:
    assert import_skills.name == running.TASK
