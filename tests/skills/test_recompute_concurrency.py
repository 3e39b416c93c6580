"""Two people record facts about the same person at the same moment; the stored level must know both."""

import threading
from datetime import timedelta

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from dispatch.core.db import make_engine
from dispatch.skills import service
from dispatch.skills.models import Proficiency
from tests.factories import make_skill, make_technician, make_user
from tests.skills.people import NOW, actor_of


def wait_until_blocked(engine: Engine, give_up: threading.Event) -> None:
    """Return when some connection of this database waits for an advisory lock."""
    with engine.connect() as connection:
        while not give_up.wait(0.01):
            waiting = connection.scalar(
                text(
                    "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
                    " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
                )
            )
            if waiting:
                return
    raise AssertionError("the second recording did not wait for the first")


def test_the_one_that_commits_last_has_seen_all_facts(database_url: str) -> None:
    engine = make_engine(database_url)
    with Session(engine) as session:
        technician, skill = make_technician(session), make_skill(session)
        bosses = [actor_of(make_user(session), "manager") for _ in range(2)]
        person, skill_id = technician.id, skill.id
        session.commit()

    def assess(session: Session, number: int) -> None:
        service.assess_skill(
            session, technician_id=person, skill_id=skill_id, level=3 + number, actor=bosses[number],
            now=NOW + timedelta(minutes=number),
        )  # fmt: skip

    ended = threading.Event()
    problems: list[BaseException] = []

    def second() -> None:
        try:
            with Session(engine) as session:
                assess(session, 1)
                session.commit()
        except BaseException as error:
            problems.append(error)
        finally:
            ended.set()

    with Session(engine) as first:
        assess(first, 0)
        thread = threading.Thread(target=second)
        thread.start()
        wait_until_blocked(engine, ended)
        first.commit()
    thread.join(timeout=20)
    assert not problems
    with Session(engine) as session:
        assert session.get_one(Proficiency, (person, skill_id)).fact_count == 2
    engine.dispose()
