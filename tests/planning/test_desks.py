"""A prepared day is kept as long as the change log says it is true, and tells nobody what is not committed."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from dispatch.accounts.access import SYSTEM
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict
from dispatch.jobs.models import Visit
from dispatch.jobs.service import change_visit
from dispatch.planning import desks
from dispatch.planning.candidates import candidates_for
from dispatch.planning.desks import PreparedDay, day_for
from dispatch.planning.service import assign_visit, unassign_visit
from dispatch.skills.models import Skill
from dispatch.workforce.models import TerritoryMembership
from tests import factories as make
from tests.planning.world import EIGHT, make_world

NOW = make.MORNING


@pytest.fixture
def sessions(database_url: str) -> Iterator[sessionmaker[Session]]:
    engine: Engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()
    desks.forget()


def made(sessions: sessionmaker[Session]) -> dict[str, int]:
    with sessions() as session:
        world = make_world(session)
        ids = {
            "territory": world.territory.id,
            "ana": world.ana.id,
            "ben": world.ben.id,
            "first": world.visit().id,
            "second": world.visit().id,
        }
        session.commit()
    return ids


def ask(session: Session, ids: dict[str, int], **changes: Any) -> PreparedDay:
    values = {"territory_id": ids["territory"], "day": make.DAY, "now": NOW, "visit_id": ids["first"]}
    return day_for(session, **(values | changes))


def book(session: Session, ids: dict[str, int]) -> None:
    assign_visit(session, visit_id=ids["first"], technician_id=ids["ana"], start=EIGHT, actor=SYSTEM, now=NOW)


def test_a_day_is_read_once_until_something_is_logged(sessions: sessionmaker[Session]) -> None:
    ids = made(sessions)
    with sessions() as session:
        before = ask(session, ids)
    with sessions() as other:
        assert ask(other, ids) is before
        assert ask(other, ids, now=NOW + timedelta(minutes=1)) is before
        assert ask(other, ids, now=NOW + timedelta(minutes=5)) is not before
    with sessions() as session:
        book(session, ids)
        session.commit()
    with sessions() as other:
        assert [route.shift for route in ask(other, ids).plan.routes]


def test_what_others_book_elsewhere_leaves_a_day_as_it_was_read(sessions: sessionmaker[Session]) -> None:
    """Not read anew for a visit of another territory; but for one that somebody of this day has, or that is changed."""
    ids = made(sessions)
    with sessions() as session:
        south = make.make_territory(session, name="South")
        cem = make.make_technician(session, territory=south, name="Cem Arslan")
        skill = session.scalars(select(Skill)).first()
        assert skill is not None
        make.make_proficiency(session, technician=cem, skill=skill, mean=4.0)
        make.make_shift(session, technician=cem, territory=south)
        theirs = make.make_visit(
            session, job=make.make_job(session, site=make.make_site(session, territory=south)), needs={skill: 3}
        )
        session.commit()
        visit, person = theirs.id, cem.id
    with sessions() as session:
        before = ask(session, ids)
    with sessions() as session:
        assign_visit(session, visit_id=visit, technician_id=person, start=EIGHT, actor=SYSTEM, now=NOW)
        session.commit()
    with sessions() as session:
        assert ask(session, ids) is before
        assert ask(session, ids) is before, "what was looked through once is not looked through again"
    with sessions() as session:
        unassign_visit(session, visit_id=visit, actor=SYSTEM, now=NOW)
        session.commit()
    with sessions() as session:
        assert ask(session, ids) is before
        theirs = session.get_one(Visit, visit)
        change_visit(
            session,
            visit_id=visit,
            version=theirs.version,
            changes={"duration_s": 5400},
            actor=SYSTEM,
            now=NOW,
        )
        session.commit()
    with sessions() as session:
        changed = ask(session, ids)
        assert changed is not before, "what is no booking is read anew, wherever it is"
        book(session, ids)
        session.commit()
    with sessions() as session:
        assert ask(session, ids) is not changed


def test_a_person_of_this_day_booked_for_another_territory_is_read_anew(sessions: sessionmaker[Session]) -> None:
    ids = made(sessions)
    with sessions() as session:
        south = make.make_territory(session, name="South")
        session.add(TerritoryMembership(technician_id=ids["ana"], territory_id=south.id, during=make.ALWAYS))
        site = make.make_site(session, territory=south)
        visit = make.make_visit(session, job=make.make_job(session, site=site)).id
        session.commit()
    with sessions() as session:
        before = ask(session, ids)
    with sessions() as session:
        assign_visit(session, visit_id=visit, technician_id=ids["ana"], start=EIGHT, actor=SYSTEM, now=NOW)
        session.commit()
    with sessions() as session:
        assert ask(session, ids) is not before


def test_what_is_not_committed_is_told_to_nobody_else(sessions: sessionmaker[Session]) -> None:
    ids = made(sessions)
    with sessions() as session:
        book(session, ids)
        assert ask(session, ids).plan.routes  # whoever changed it sees it
        with sessions() as other:
            assert not ask(other, ids).plan.routes
        session.rollback()
    with sessions() as session:
        assert not ask(session, ids).plan.routes


def test_two_who_ask_at_once_wait_for_one_reading(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = made(sessions)
    with sessions() as session:
        ask(session, ids)  # the policy is written
        session.commit()
    desks.forget()
    reads, real = [], desks.read_snapshot
    monkeypatch.setattr(desks, "read_snapshot", lambda *args, **more: (reads.append(1), real(*args, **more))[1])
    found: list[PreparedDay] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        with sessions() as session:
            barrier.wait()
            found.append(ask(session, ids))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(reads) == 1
    assert len({id(each) for each in found}) == 1


def test_only_so_much_is_kept_and_one_day_for_each_date(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = made(sessions)
    with sessions() as session:
        monkeypatch.setattr(desks, "MOST_PAIRS", 3 * ask(session, ids).pairs)
        for days in range(6):
            ask(session, ids, day=make.DAY + timedelta(days=days))
        assert sum(each.made.pairs for each in desks._kept.values()) <= desks.MOST_PAIRS
        last = make.DAY + timedelta(days=5)
        assert last in [key[4] for key in desks._kept]
        book(session, ids)
        session.commit()
        ask(session, ids, day=last)
        assert [key[4] for key in desks._kept].count(last) == 1


def test_a_visit_of_another_day_is_read_in_addition(sessions: sessionmaker[Session]) -> None:
    ids = made(sessions)
    with sessions() as session:
        book(session, ids)
        session.commit()
        tomorrow = ask(session, ids, day=make.DAY + timedelta(days=1))
        assert str(ids["first"]) in tomorrow.snapshot.problem.visit_by_id
        assert not tomorrow.plan.routes
        with pytest.raises(Conflict, match="waits for another one"):
            tomorrow.require(10**6)


def test_who_belongs_here_and_works_elsewhere_that_day_is_a_candidate(session: Session) -> None:
    world = make_world(session)
    south = make.make_territory(session, name="South")
    guest = make.make_technician(session, territory=south, name="Cem Arslan")
    make.make_proficiency(session, technician=guest, skill=world.skill, mean=4.0)
    make.make_shift(session, technician=guest, territory=south)
    stranger = make.make_technician(session, territory=south, name="Dora Klein")
    make.make_shift(session, technician=stranger, territory=south)
    job = make.make_job(session, site=make.make_site(session, territory=south), owner=world.user)
    theirs = make.make_visit(session, job=job)
    visit = world.visit()

    def names() -> set[str]:
        found = candidates_for(session, visit_id=visit.id, territory_id=world.territory.id, day=make.DAY, now=NOW)
        return {row.name for row in found.ranked}

    assert names() == {"Ana Ruiz", "Ben Oduya"}
    session.add(TerritoryMembership(technician_id=guest.id, territory_id=world.territory.id, during=make.ALWAYS))
    session.flush()
    assert names() == {"Ana Ruiz", "Ben Oduya", "Cem Arslan"}
    prepared = day_for(session, territory_id=world.territory.id, day=make.DAY, now=NOW, visit_id=visit.id)
    assert str(theirs.id) not in prepared.snapshot.problem.visit_by_id  # what waits there is no concern of ours


def test_a_trial_with_changed_facts_keeps_the_told_times(session: Session) -> None:
    world = make_world(session)
    booked = world.visit()
    make.make_assignment(session, visit=booked, technician=world.ana, during=make.hours(4, 5), shift_id=world.shift.id)
    other = world.visit()
    prepared = day_for(session, territory_id=world.territory.id, day=make.DAY, now=NOW, visit_id=other.id)
    told = prepared.snapshot.clock.seconds(make.hours(4, 5).lower)
    assert prepared.problem_for(other.id).visit_by_id[str(booked.id)].windows[0].start_s == told
    assert prepared.problem_for(booked.id) == prepared.snapshot.problem
