from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Grant
from dispatch.core.errors import Conflict, Invalid
from dispatch.core.models import AuditEvent
from dispatch.jobs import queries, service
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import CrewSlot, JobTypeCertification, JobTypeNeed, Promise, PromiseState, SkillNeed
from dispatch.jobs.needs import Need, replace_needs
from dispatch.jobs.service import JobDraft, Window
from tests.factories import (
    MORNING,
    RoleName,
    make_certification_kind,
    make_job,
    make_job_type,
    make_site,
    make_skill,
    make_user,
    make_visit,
)

HOUR = timedelta(hours=1)


def somebody(session: Session) -> Actor:
    user = make_user(session, RoleName.DISPATCHER)
    return Actor(user_id=user.id, name=user.name, grants=(Grant(role="dispatcher"),))


def draft(session: Session, **changes: Any) -> JobDraft:
    site = make_site(session)
    job_type = changes.pop("job_type", None) or make_job_type(session, duration_s=2700)
    return JobDraft(**({"site_id": site.id, "job_type_id": job_type.id, "title": "Boiler leaks"} | changes))


def test_a_booked_job_has_what_its_type_asks_for_and_an_owner(session: Session) -> None:
    skill, permit = make_skill(session), make_certification_kind(session)
    job_type = make_job_type(session, crew_size=2, priority=2, response_target_s=7200)
    session.add(JobTypeNeed(job_type_id=job_type.id, skill_id=skill.id, must_level=3))
    session.add(JobTypeNeed(job_type_id=job_type.id, skill_id=make_skill(session).id, must_level=4, crew_position=1))
    session.add(JobTypeCertification(job_type_id=job_type.id, kind_id=permit.id))
    session.flush()
    actor = somebody(session)
    job = service.book_job(session, draft(session, job_type=job_type), actor=actor, now=MORNING)
    session.commit()
    assert (job.state, job.priority, job.owner_id) == (JobState.OPEN, 2, actor.user_id)
    assert job.due_at == MORNING + 2 * HOUR
    assert job.next_step_due_at == MORNING + 2 * HOUR
    slots = queries.job_details(session, job.id, territories=None).visits[0].slots
    assert [len(slot.needs) for slot in slots] == [2, 1]
    assert [len(slot.certifications) for slot in slots] == [1, 1]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "   "}, "title"),
        ({"site_id": 0}, "site_id"),
        ({"job_type_id": 0}, "job_type_id"),
        ({"duration_s": 30}, "duration"),
        ({"crew_size": 9}, "crew_size"),
        ({"due_at": MORNING - HOUR}, "due_at"),
        ({"promise": Window(start=MORNING - 3 * HOUR, end=MORNING - HOUR)}, "promise_end"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused_at_its_field(
    session: Session, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        service.book_job(session, draft(session, **changes), actor=somebody(session), now=MORNING)
    assert refused.value.field == field


def test_needs_said_by_a_person_replace_those_of_the_type(session: Session) -> None:
    skill = make_skill(session)
    job = service.book_job(
        session, draft(session, needs=[Need(skill_id=skill.id, must_level=2)]), actor=somebody(session), now=MORNING
    )
    visit_id = job.visits[0].id
    other = make_skill(session)
    replace_needs(
        session,
        visit_id=visit_id,
        needs=[Need(skill_id=other.id, must_level=4, preferred_level=5)],
        certification_ids=[make_certification_kind(session).id],
        actor=somebody(session),
        now=MORNING,
    )
    stored = session.scalars(select(SkillNeed).join(CrewSlot).where(CrewSlot.visit_id == visit_id)).all()
    assert [(need.skill_id, need.must_level, need.origin.value) for need in stored] == [(other.id, 4, "person")]


def test_the_second_to_save_is_told_who_was_first(session: Session) -> None:
    job = make_job(session)
    make_visit(session, job=job)
    first, second = somebody(session), somebody(session)
    read = job.version
    service.change_job(session, job_id=job.id, version=read, changes={"title": "New"}, actor=first, now=MORNING)
    session.commit()
    with pytest.raises(Conflict, match=first.name):
        service.change_job(session, job_id=job.id, version=read, changes={"title": "Mine"}, actor=second, now=MORNING)
    assert session.scalars(select(AuditEvent.after).where(AuditEvent.entity == "job")).all()[-1] == {"title": "New"}


def test_changing_nothing_writes_nothing(session: Session) -> None:
    job = make_job(session, title="Same")
    service.change_job(
        session, job_id=job.id, version=job.version, changes={"title": "Same"}, actor=somebody(session), now=MORNING
    )
    session.commit()
    assert session.scalars(select(AuditEvent).where(AuditEvent.entity == "job")).all() == []


def test_a_new_promise_keeps_the_old_one(session: Session) -> None:
    visit = make_visit(session)
    for hour in (3, 5):
        service.make_promise(
            session,
            visit_id=visit.id,
            start=MORNING + hour * HOUR,
            end=MORNING + (hour + 2) * HOUR,
            agreed_with="Priya",
            channel="call",
            actor=somebody(session),
            now=MORNING,
        )
    stored = session.scalars(select(Promise).where(Promise.visit_id == visit.id).order_by(Promise.number)).all()
    assert [(each.number, each.state) for each in stored] == [(1, PromiseState.REPLACED), (2, PromiseState.STANDING)]
    judged = service.judge_promise(session, visit_id=visit.id, arrived_at=MORNING + 7 * HOUR + timedelta(minutes=4))
    assert judged is not None
    assert (judged.state, judged.missed_by_s) == (PromiseState.MISSED, 240)
    assert service.judge_promise(session, visit_id=visit.id, arrived_at=MORNING) is None


def test_cancelling_closes_the_job_and_its_visits(session: Session) -> None:
    job = make_job(session)
    visit = make_visit(session, job=job)
    actor = somebody(session)
    with pytest.raises(Invalid):
        service.cancel_job(session, job_id=job.id, reason=" ", actor=actor, now=MORNING)
    service.cancel_job(session, job_id=job.id, reason="Sold the building", actor=actor, now=MORNING)
    assert (job.state, job.closed_at, job.next_step, visit.state) == (
        JobState.CANCELLED,
        MORNING,
        None,
        VisitState.CANCELLED,
    )
    service.reopen_job(session, job_id=job.id, next_step="", due_at=MORNING + HOUR, actor=actor, now=MORNING)
    session.expire_all()
    again = queries.job_details(session, job.id, territories=None)
    assert (again.state, [each.sequence for each in again.visits]) == (JobState.OPEN, [1, 2])


def test_a_job_under_way_is_not_cancelled(session: Session) -> None:
    job = make_job(session)
    make_visit(session, job=job, state=VisitState.UNDER_WAY)
    with pytest.raises(Conflict, match="on the way"):
        service.cancel_job(session, job_id=job.id, reason="No", actor=somebody(session), now=MORNING)


@pytest.mark.parametrize("missing", ["owner_id", "next_step", "next_step_due_at"])
def test_the_database_refuses_an_open_job_that_nobody_tends(session: Session, missing: str) -> None:
    job = make_job(session)
    setattr(job, missing, None)
    with pytest.raises(DBAPIError, match="open_has_owner_step_due"):
        session.flush()


def test_the_database_refuses_a_move_that_is_not_allowed(session: Session) -> None:
    job = make_job(session, state=JobState.DONE, closed_at=MORNING)
    job.state, job.close_reason = JobState.CANCELLED, "no"
    with pytest.raises(DBAPIError, match="cannot go from done to cancelled"):
        session.flush()


def test_waiting_and_back(session: Session) -> None:
    job = make_job(session)
    make_visit(session, job=job, state=VisitState.PLANNED)
    actor = somebody(session)
    service.set_next_step(
        session, job_id=job.id, next_step="Ask for the key", due_at=MORNING, actor=actor, now=MORNING, waiting=True
    )
    assert job.state == JobState.WAITING
    service.set_next_step(session, job_id=job.id, next_step="Go", due_at=MORNING, actor=actor, now=MORNING)
    assert job.state == JobState.PLANNED
