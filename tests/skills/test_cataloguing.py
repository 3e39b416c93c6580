"""The catalogue changes: renamed, merged, retired, related; every change taken back, no circle from either side."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dispatch.accounts.models import RoleName
from dispatch.core.audit import write_pending
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict, Forbidden, Invalid
from dispatch.core.models import AuditEvent
from dispatch.jobs.skill_use import use_of_skill
from dispatch.planning.service import redo_last, undo_last
from dispatch.skills import cataloguing, certification_kinds, service
from dispatch.skills.models import RelationKind, Skill
from dispatch.skills.queries import proficiencies, who_holds
from dispatch.skills.recompute import recompute_all
from dispatch.skills.taxonomy import load_taxonomy
from tests.factories import (
    make_certification_kind,
    make_evidence,
    make_job,
    make_skill,
    make_user,
    make_visit,
)
from tests.skills.people import NOW, Crew, actor_of, make_crew


@pytest.fixture
def crew(session: Session) -> Crew:
    return make_crew(session)


@pytest.fixture
def admin(session: Session) -> Any:
    return actor_of(make_user(session, RoleName.ADMINISTRATOR), "administrator")


def change(session: Session, admin: Any, skill: Skill, **changes: Any) -> Skill:
    found = cataloguing.change_skill(
        session, skill_id=skill.id, version=skill.version, changes=changes, actor=admin, now=NOW
    )
    write_pending(session)
    return found


def words_of(session: Session, skill: Skill) -> set[str]:
    return set(load_taxonomy(session).nodes[skill.id].aliases)


def test_a_renamed_skill_is_still_found_by_its_old_name(session: Session, crew: Crew, admin: Any) -> None:
    old = crew.boiler.name
    change(session, admin, crew.boiler, name="Burners", aliases=["furnace"])
    assert load_taxonomy(session).named(old) == (crew.boiler.id,)
    assert words_of(session, crew.boiler) == {old, "furnace"}
    undo_last(session, actor=admin, now=NOW)
    write_pending(session)
    assert (crew.boiler.name, words_of(session, crew.boiler)) == (old, set())
    redo_last(session, actor=admin, now=NOW)
    assert (crew.boiler.name, words_of(session, crew.boiler)) == ("Burners", {old, "furnace"})


def test_a_change_is_refused_to_whoever_saw_an_older_row(session: Session, crew: Crew, admin: Any) -> None:
    seen = crew.boiler.version
    change(session, admin, crew.boiler, aliases=["furnace"])
    assert crew.boiler.version == seen + 1
    with pytest.raises(Conflict, match="while you had it open"):
        cataloguing.change_skill(
            session, skill_id=crew.boiler.id, version=seen, changes={"critical": False}, actor=admin, now=NOW
        )
    assert change(session, admin, crew.boiler, aliases=["FURNACE "]).version == seen + 2
    assert change(session, admin, crew.boiler, aliases=["FURNACE"]).version == seen + 2, "nothing new, no step"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "  "}, "needs a name"),
        ({"name": "x" * 121}, "at most 120"),
        ({"parent_id": 10**6}, "no skill 1000000"),
        ({"half_life_days": 0}, "at least one day"),
        ({"aliases": ["y" * 101]}, "is too long"),
        ({"aliases": [f"word {n}" for n in range(101)]}, "at most 100"),
        ({"level_anchors": {"6": "flies"}}, "from 1 to 5"),
        ({"prerequisites": [10**6]}, "in use"),
        ({"colour": "red"}, "has no colour"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_be_right(
    session: Session, crew: Crew, admin: Any, wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        change(session, admin, crew.boiler, **wrong)


def test_two_of_one_name_in_one_place_are_refused(session: Session, crew: Crew, admin: Any) -> None:
    with pytest.raises(Invalid, match="merge the two"):
        change(session, admin, crew.boiler, name=crew.meter.name.upper())
    with pytest.raises(Invalid, match="merge the two"):
        service.add_skill(session, name=crew.meter.name, parent_id=crew.trade.id, actor=admin, now=NOW)


def test_a_skill_without_a_code_gets_one_below_its_trade(session: Session, crew: Crew, admin: Any) -> None:
    first = service.add_skill(session, name="Heat pumps!", parent_id=crew.trade.id, actor=admin, now=NOW)
    other = service.add_skill(session, name="Heat-pumps", parent_id=crew.trade.id, actor=admin, now=NOW)
    assert (first.code, other.code) == (f"{crew.trade.code}.heat_pumps", f"{crew.trade.code}.heat_pumps_2")


def test_only_who_may_changes_the_catalogue(session: Session, crew: Crew) -> None:
    for act in (
        lambda: change(session, crew.manager, crew.boiler, name="Mine"),
        lambda: cataloguing.merge_skill(
            session, skill_id=crew.boiler.id, into_id=crew.meter.id, actor=crew.manager, now=NOW
        ),
        lambda: cataloguing.retire_skill(session, skill_id=crew.meter.id, reason="no", actor=crew.manager, now=NOW),
    ):
        with pytest.raises(Forbidden):
            act()


def test_a_merged_skill_lives_on_with_its_facts_words_and_history(session: Session, crew: Crew, admin: Any) -> None:
    change(session, admin, crew.meter, aliases=["gas clock"])
    fact = make_evidence(session, technician=crew.technician, skill=crew.meter, facts={"level": 4})
    needs = [[crew.meter.id, 3], [crew.boiler.id, 2]]
    fixed = {"needs": needs, "fixed": True}
    make_evidence(session, technician=crew.technician, skill=crew.meter, source="job_outcome", facts=fixed)
    recompute_all(session, now=NOW)
    assert who_holds(session, crew.boiler.id, 3, on=NOW.date()) == []

    cataloguing.merge_skill(session, skill_id=crew.meter.id, into_id=crew.boiler.id, actor=admin, now=NOW)
    write_pending(session)
    assert recompute_waits(session), "levels rest on it, so they are estimated again"
    recompute_all(session, now=NOW)
    (holder,) = who_holds(session, crew.boiler.id, 3, on=NOW.date())
    assert holder.qualified
    assert set(proficiencies(session, [crew.technician.id])[crew.technician.id]) == {crew.boiler.id}
    assert {"gas clock", crew.meter.name} <= words_of(session, crew.boiler)
    assert fact.skill_id == crew.meter.id, "nothing of the past is rewritten"
    used = use_of_skill(session, crew.boiler.id, territories=None, on=NOW.date())
    assert used.facts == 2

    undo_last(session, actor=admin, now=NOW)
    recompute_all(session, now=NOW)
    assert who_holds(session, crew.boiler.id, 3, on=NOW.date()) == []
    assert (crew.meter.merged_into_id, crew.meter.retired_at) == (None, None)
    assert words_of(session, crew.boiler) == set()
    assert words_of(session, crew.meter) == {"gas clock"}


def recompute_waits(session: Session) -> bool:
    query = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'skills.recompute' AND status = 'todo'"
    return session.scalar(text(query)) == 1


def test_who_merges_on_leads_everything_to_the_last(session: Session, crew: Crew, admin: Any) -> None:
    last = make_skill(session, parent_id=crew.trade.id)
    for skill, into in ((crew.meter, crew.boiler), (crew.boiler, last)):
        cataloguing.merge_skill(session, skill_id=skill.id, into_id=into.id, actor=admin, now=NOW)
        write_pending(session)
    assert load_taxonomy(session).current(crew.meter.id) == last.id
    assert crew.meter.merged_into_id == last.id
    with pytest.raises(Invalid, match="not a skill in use"):
        cataloguing.merge_skill(session, skill_id=last.id, into_id=crew.meter.id, actor=admin, now=NOW)
    with pytest.raises(Invalid, match="into itself"):
        cataloguing.merge_skill(session, skill_id=last.id, into_id=last.id, actor=admin, now=NOW)
    undo_last(session, actor=admin, now=NOW)
    assert load_taxonomy(session).current(crew.meter.id) == crew.boiler.id


def test_a_retired_skill_comes_back(session: Session, crew: Crew, admin: Any) -> None:
    with pytest.raises(Conflict, match="below it"):
        cataloguing.retire_skill(session, skill_id=crew.trade.id, reason="old", actor=admin, now=NOW)
    for skill in (crew.boiler, crew.meter, crew.trade):
        cataloguing.retire_skill(session, skill_id=skill.id, reason="old", actor=admin, now=NOW)
    with pytest.raises(Conflict, match="bring that back first"):
        cataloguing.bring_back_skill(session, skill_id=crew.meter.id, version=crew.meter.version, actor=admin, now=NOW)
    cataloguing.bring_back_skill(session, skill_id=crew.trade.id, version=crew.trade.version, actor=admin, now=NOW)
    cataloguing.bring_back_skill(session, skill_id=crew.meter.id, version=crew.meter.version, actor=admin, now=NOW)
    assert crew.meter.retired_at is None


def test_taking_back_is_refused_once_somebody_went_on(session: Session, crew: Crew, admin: Any) -> None:
    other = actor_of(make_user(session, RoleName.ADMINISTRATOR, name="Olu"), "administrator")
    change(session, admin, crew.boiler, name="Burners")
    change(session, other, crew.boiler, name="Heaters")
    with pytest.raises(Conflict, match="Olu changed the same skill"):
        undo_last(session, actor=admin, now=NOW + timedelta(minutes=1))


def test_where_a_skill_is_used(session: Session, crew: Crew) -> None:
    make_evidence(session, technician=crew.technician, skill=crew.boiler, facts={"level": 4})
    make_evidence(session, technician=crew.colleague, skill=crew.boiler, source="self_claim", facts={"level": 3})
    recompute_all(session, now=NOW)
    for state in ("open", "done"):
        make_visit(session, job=make_job(session), state=state, needs={crew.boiler: 3})
    found = use_of_skill(session, crew.boiler.id, territories=None, on=NOW.date())
    assert (found.people_total, found.people[0], found.open_jobs, found.facts) == (2, 1, 1, 2)
    assert sum(count for level, count in found.people.items() if level >= 3) == 1
    elsewhere = use_of_skill(session, crew.boiler.id, territories=[10**6], on=NOW.date())
    assert (elsewhere.people_total, elsewhere.open_jobs) == (0, 0)


@pytest.mark.parametrize("kind", list(RelationKind))
def test_no_circle_gets_past_the_database(session: Session, crew: Crew, kind: RelationKind) -> None:
    third = make_skill(session)
    pair = "INSERT INTO skill_relation (kind, skill_id, other_id) VALUES (:kind, :one, :two)"
    for one, two in ((crew.boiler, crew.meter), (crew.meter, third)):
        session.execute(text(pair), {"kind": kind.value, "one": one.id, "two": two.id})
    for closing in (crew.boiler, crew.meter):
        with pytest.raises(DBAPIError, match="need or include itself"), session.begin_nested():
            session.execute(text(pair), {"kind": kind.value, "one": third.id, "two": closing.id})
    for column in ("parent_id", "merged_into_id"):
        step = f"UPDATE skill SET {column} = :up, retired_at = now(), version = version + 1 WHERE id = :id"
        session.execute(text(step), {"up": crew.meter.id, "id": crew.boiler.id})
        with pytest.raises(DBAPIError, match="itself"), session.begin_nested():
            session.execute(text(step), {"up": crew.boiler.id, "id": crew.meter.id})


def test_two_who_close_a_circle_at_once_do_not_both_succeed(database_url: str) -> None:
    engine = make_engine(database_url)
    with make_sessions(engine)() as session, session.begin():
        one, two = make_skill(session).id, make_skill(session).id
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def relate(skill: int, other: int) -> None:
        with engine.connect() as connection:
            together.wait()
            try:
                with connection.begin():
                    values = {"one": skill, "two": other}
                    connection.execute(
                        text("INSERT INTO skill_relation (kind, skill_id, other_id) VALUES ('implies', :one, :two)"),
                        values,
                    )
                    connection.execute(text("SELECT pg_sleep(0.2)"))
                outcomes.append("kept")
            except DBAPIError:
                outcomes.append("refused")

    pairs: list[tuple[Callable[[int, int], None], tuple[int, int]]] = [(relate, (one, two)), (relate, (two, one))]
    threads = [threading.Thread(target=call, args=ids) for call, ids in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    assert sorted(outcomes) == ["kept", "refused"]


def test_a_kind_of_certificate_says_what_it_proves(session: Session, crew: Crew, admin: Any) -> None:
    kind = make_certification_kind(session, usual_validity_months=12)
    changes = {"name": "Gas ticket", "proves": [(crew.boiler.id, 3)], "usual_validity_months": 24}
    certification_kinds.change_certification_kind(
        session, kind_id=kind.id, version=kind.version, changes=changes, actor=admin, now=NOW
    )
    write_pending(session)
    assert certification_kinds.proofs_of(session, kind.id) == [(crew.boiler.id, 3)]
    with pytest.raises(Conflict, match="while you had it open"):
        certification_kinds.change_certification_kind(
            session, kind_id=kind.id, version=1, changes={"name": "Other"}, actor=admin, now=NOW
        )
    for wrong in ({"proves": [(crew.boiler.id, 6)]}, {"proves": [(crew.trade.id, 3)]}, {"usual_validity_months": 0}):
        with pytest.raises(Invalid):
            certification_kinds.change_certification_kind(
                session, kind_id=kind.id, version=kind.version, changes=wrong, actor=admin, now=NOW
            )
    undo_last(session, actor=admin, now=NOW)
    assert (kind.usual_validity_months, certification_kinds.proofs_of(session, kind.id)) == (12, [])


def test_every_change_of_the_catalogue_is_in_the_log(session: Session, crew: Crew, admin: Any) -> None:
    change(session, admin, crew.boiler, critical=False)
    cataloguing.retire_skill(session, skill_id=crew.meter.id, reason="nobody does this", actor=admin, now=NOW)
    write_pending(session)
    lines = session.execute(
        select(AuditEvent.action, AuditEvent.reason, AuditEvent.before, AuditEvent.after)
        .where(AuditEvent.entity == "skill")
        .order_by(AuditEvent.seq)
    ).all()
    assert [(line.action, line.reason) for line in lines] == [("change", None), ("retire", "nobody does this")]
    assert (lines[0].before, lines[0].after) == ({"critical": True}, {"critical": False})
    assert session.scalar(select(func.count()).select_from(AuditEvent)) == 2
