"""Taking back: ten steps by key, any step from the list, as a whole or refused with who and what."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.core.audit import verify_chain
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict, NotFound
from dispatch.core.models import AuditEvent
from dispatch.jobs.customers import change_customer, change_site
from dispatch.jobs.models import Customer, Job, PromiseState, Site, SkillNeed, Visit
from dispatch.jobs.needs import Need, replace_needs
from dispatch.jobs.service import change_job, change_visit, make_promise, set_next_step
from dispatch.planning.service import assign_visit, move_assignment, pin_visit, redo_last, undo_last, undo_step
from tests import factories as make
from tests.planning.world import EIGHT, World, actor_of, make_world

NOW = make.MORNING


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def phone(world: World, number: str, **changes: Any) -> Customer:
    customer = world.session.get_one(Customer, world.site.customer_id, populate_existing=True)
    made = change_customer(
        world.session,
        customer_id=customer.id,
        version=customer.version,
        changes={"phone": number},
        **{"actor": world.dispatcher, "now": NOW, **changes},
    )
    world.session.commit()
    return made


def phone_now(world: World) -> str | None:
    return world.session.scalar(select(Customer.phone).where(Customer.id == world.site.customer_id))


def undo(world: World) -> str:
    action = undo_last(world.session, actor=world.dispatcher, now=NOW).action
    world.session.commit()
    return action


def redo(world: World) -> None:
    redo_last(world.session, actor=world.dispatcher, now=NOW)
    world.session.commit()


def test_ten_steps_back_and_forth_again(world: World) -> None:
    numbers = [f"+49 30 {number}" for number in range(12)]
    for number in numbers:
        phone(world, number)
    for expected in reversed(numbers[1:11]):
        undo(world)
        assert phone_now(world) == expected
    with pytest.raises(Conflict, match="10 steps are taken back"):
        undo(world)
    world.session.rollback()
    for expected in numbers[2:]:
        redo(world)
        assert phone_now(world) == expected
    with pytest.raises(Conflict, match="nothing to do again"):
        redo(world)
    assert verify_chain(world.session) is None


def test_a_new_step_forgets_what_could_be_done_again(world: World) -> None:
    for number in ("1", "2"):
        phone(world, number)
    undo(world)
    phone(world, "3")
    with pytest.raises(Conflict, match="nothing to do again"):
        redo(world)
    undo(world)
    assert phone_now(world) == "1"


def test_what_one_transaction_changed_is_one_step(world: World) -> None:
    visit = world.visit()
    world.session.commit()
    job = world.session.get_one(Job, visit.job_id)
    made = assign_visit(
        world.session,
        visit_id=visit.id,
        technician_id=world.ana.id,
        start=EIGHT,
        actor=world.dispatcher,
        now=NOW,
    )
    pin_visit(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    world.session.refresh(job)
    changes = {"title": "Another title", "due_at": NOW + timedelta(days=3)}
    change_job(world.session, job_id=job.id, version=job.version, changes=changes, actor=world.dispatcher, now=NOW)
    world.session.commit()
    before = (made.state, job.due_at, world.session.get_one(Visit, visit.id, populate_existing=True).due_at)

    undo(world)
    assert world.session.get_one(Job, job.id, populate_existing=True).title != "Another title"
    visit = world.session.get_one(Visit, visit.id, populate_existing=True)
    assert (visit.state.value, visit.due_at) == ("open", None)
    with pytest.raises(Conflict, match="nothing of yours"):
        undo(world)

    redo(world)
    job = world.session.get_one(Job, job.id, populate_existing=True)
    visit = world.session.get_one(Visit, visit.id, populate_existing=True)
    assert (job.title, visit.state.value) == ("Another title", "planned")
    assert before[1:] == (job.due_at, visit.due_at)
    undo(world)
    assert world.session.get_one(Visit, visit.id, populate_existing=True).state.value == "open"


def test_two_changes_of_one_field_in_one_step_go_back_in_turn(world: World) -> None:
    phone(world, "1")
    customer_id = world.site.customer_id
    for number in ("2", "3"):
        version = world.session.get_one(Customer, customer_id, populate_existing=True).version
        changes = {"phone": number}
        change_customer(
            world.session, customer_id=customer_id, version=version, changes=changes, actor=world.dispatcher, now=NOW
        )
    world.session.commit()
    undo(world)
    assert phone_now(world) == "1"
    redo(world)
    assert phone_now(world) == "3"


@pytest.mark.parametrize("field, first, second", [("title", "A", "B"), ("priority", 2, 1), ("due_at", None, None)])
def test_undo_restores_each_kind_of_value(world: World, field: str, first: Any, second: Any) -> None:
    if field == "due_at":
        first, second = NOW + timedelta(days=1), NOW + timedelta(days=2)
    job = make.make_job(world.session, site=world.site, owner=world.user)
    world.session.commit()
    for value in (first, second):
        version = world.session.get_one(Job, job.id, populate_existing=True).version
        change_job(
            world.session,
            job_id=job.id,
            version=version,
            changes={field: value},
            actor=world.dispatcher,
            now=NOW,
        )
        world.session.commit()
    undo(world)
    assert getattr(world.session.get_one(Job, job.id, populate_existing=True), field) == first
    redo(world)
    assert getattr(world.session.get_one(Job, job.id, populate_existing=True), field) == second


def test_a_next_step_and_a_waiting_job_come_back(world: World) -> None:
    job = make.make_job(world.session, site=world.site, owner=world.user)
    world.session.commit()
    was = (job.next_step, job.next_step_due_at, job.state)
    set_next_step(
        world.session,
        job_id=job.id,
        next_step="Wait for the part",
        due_at=NOW + timedelta(days=2),
        waiting=True,
        actor=world.dispatcher,
        now=NOW,
    )
    world.session.commit()
    undo(world)
    found = world.session.get_one(Job, job.id, populate_existing=True)
    assert (found.next_step, found.next_step_due_at, found.state) == was


def test_needs_come_back_with_where_they_came_from(world: World) -> None:
    visit, other = world.visit(), make.make_skill(world.session)
    world.session.commit()

    def needs() -> list[tuple[int, int | None, str]]:
        rows = world.session.execute(
            select(SkillNeed.skill_id, SkillNeed.must_level, SkillNeed.origin).order_by(SkillNeed.skill_id)
        )
        return [(row.skill_id, row.must_level, row.origin.value) for row in rows]

    was = needs()
    replace_needs(
        world.session,
        visit_id=visit.id,
        needs=[Need(skill_id=other.id, must_level=2)],
        certification_ids=[],
        actor=world.dispatcher,
        now=NOW,
    )
    world.session.commit()
    assert needs() == [(other.id, 2, "person")]
    undo(world)
    assert needs() == was
    redo(world)
    assert needs() == [(other.id, 2, "person")]


def test_who_changed_it_since_is_named_and_nothing_is_lost(world: World) -> None:
    phone(world, "1")
    other = actor_of(make.make_user(world.session, name="Cem Aydin"), "dispatcher")
    phone(world, "2", actor=other, now=NOW + timedelta(minutes=5))
    with pytest.raises(Conflict, match=r"Cem Aydin changed the same customer 3 minutes ago\. Nothing was taken back"):
        undo_last(world.session, actor=world.dispatcher, now=NOW + timedelta(minutes=8))
    assert phone_now(world) == "2"


def test_what_others_changed_beside_it_does_not_hinder(world: World) -> None:
    phone(world, "1")
    other = actor_of(make.make_user(world.session), "dispatcher")
    customer = world.session.get_one(Customer, world.site.customer_id, populate_existing=True)
    change_customer(
        world.session,
        customer_id=customer.id,
        version=customer.version,
        changes={"care_note": "Prefers mornings"},
        actor=other,
        now=NOW,
    )
    world.session.commit()
    undo(world)
    customer = world.session.get_one(Customer, customer.id, populate_existing=True)
    assert customer.phone != "1"
    assert customer.care_note == "Prefers mornings"


def test_a_step_from_the_list_out_of_order(world: World) -> None:
    phone(world, "1")
    first = world.session.scalar(select(func.max(AuditEvent.seq)))
    assert first is not None
    site = world.session.get_one(Site, world.site.id, populate_existing=True)
    change_site(
        world.session,
        site_id=site.id,
        version=site.version,
        changes={"gate_code": "77"},
        actor=world.dispatcher,
        now=NOW,
    )
    world.session.commit()
    undo_step(world.session, seq=first, actor=world.dispatcher, now=NOW)
    world.session.commit()
    assert phone_now(world) != "1"
    with pytest.raises(Conflict, match="taken back already"):
        undo_step(world.session, seq=first, actor=world.dispatcher, now=NOW)
    assert undo(world) == "change"
    assert world.session.get_one(Site, site.id, populate_existing=True).gate_code != "77"


def test_ones_own_later_step_comes_first(world: World) -> None:
    phone(world, "1")
    first = world.session.scalar(select(func.max(AuditEvent.seq)))
    phone(world, "2")
    assert first is not None
    with pytest.raises(Conflict, match=r"You changed the same customer just now\. Take that step back first\."):
        undo_step(world.session, seq=first, actor=world.dispatcher, now=NOW)


def test_nobody_takes_back_what_others_did(world: World) -> None:
    phone(world, "1")
    seq = world.session.scalar(select(func.max(AuditEvent.seq)))
    assert seq is not None
    other = actor_of(make.make_user(world.session), "dispatcher")
    with pytest.raises(NotFound):
        undo_step(world.session, seq=seq, actor=other, now=NOW)
    with pytest.raises(Conflict, match="nothing of yours"):
        undo_last(world.session, actor=other, now=NOW)


def test_a_right_that_is_gone_is_not_kept_by_the_history(world: World) -> None:
    phone(world, "1")
    with pytest.raises(Exception, match="need the role"):
        undo_last(world.session, actor=actor_of(world.user, "technician"), now=NOW)
    assert phone_now(world) == "1"


def test_what_a_customer_was_told_since_is_not_taken_back(world: World) -> None:
    visit = world.visit()
    made = assign_visit(
        world.session, visit_id=visit.id, technician_id=world.ana.id, start=EIGHT, actor=world.dispatcher, now=NOW
    )
    world.session.commit()
    other = actor_of(make.make_user(world.session, name="Cem Aydin"), "dispatcher")
    told = make_promise(
        world.session,
        visit_id=visit.id,
        start=EIGHT,
        end=EIGHT + timedelta(hours=2),
        agreed_with="Priya",
        channel="call",
        actor=other,
        now=NOW + timedelta(minutes=1),
    )
    world.session.commit()
    later = NOW + timedelta(minutes=4)
    with pytest.raises(Conflict, match=r"Cem Aydin told Hale Dental a time 3 minutes ago"):
        undo_last(world.session, actor=world.dispatcher, now=later)
    world.session.rollback()
    told.state = PromiseState.WITHDRAWN
    world.session.commit()
    assert undo_last(world.session, actor=world.dispatcher, now=later).visit_ids == (visit.id,)
    assert made.id


def test_a_step_done_in_vain_changes_nothing(world: World) -> None:
    """A refused part takes the whole step with it."""
    visit = world.visit()
    world.session.commit()
    made = assign_visit(
        world.session, visit_id=visit.id, technician_id=world.ana.id, start=EIGHT, actor=world.dispatcher, now=NOW
    )
    found = world.session.get_one(Visit, visit.id, populate_existing=True)
    change_visit(
        world.session,
        visit_id=visit.id,
        version=found.version,
        changes={"duration_s": 5400},
        actor=world.dispatcher,
        now=NOW,
    )
    world.session.commit()
    other = actor_of(make.make_user(world.session), "dispatcher")
    move_assignment(world.session, assignment_id=made.id, technician_id=world.ben.id, actor=other, now=NOW)
    world.session.commit()
    with pytest.raises(Conflict, match="changed the same booking"), world.session.begin_nested():
        undo_last(world.session, actor=world.dispatcher, now=NOW)
    world.session.commit()
    assert world.session.get_one(Visit, visit.id, populate_existing=True).duration_s == 5400
    assert world.session.scalar(select(func.count()).where(AuditEvent.action == "undo")) == 0


def test_two_browsers_of_one_person_never_take_the_same_step_back_twice(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=4)
    sessions = make_sessions(engine)
    with sessions() as session:
        world = make_world(session)
        session.commit()
        numbers = [f"+49 30 {number}" for number in range(9)]
        for number in numbers:
            phone(world, number)
        dispatcher, customer_id = world.dispatcher, world.site.customer_id
    barrier, told = Barrier(2), []

    def press() -> None:
        barrier.wait()
        for _ in range(4):
            with sessions() as mine, mine.begin():
                told.append(undo_last(mine, actor=dispatcher, now=NOW).seq)

    presses = [Thread(target=press) for _ in range(2)]
    for each in presses:
        each.start()
    for each in presses:
        each.join()
    assert len(set(told)) == len(told) == 8
    with sessions() as session:
        assert session.scalar(select(Customer.phone).where(Customer.id == customer_id)) == numbers[0]
        assert verify_chain(session) is None
    engine.dispose()
