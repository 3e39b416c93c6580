import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import CustomerPerson, Job, Promise, PromiseState, Visit
from dispatch.planning.models import Assignment, AssignmentState, Pin, ReportKind, VisitReport
from dispatch.planning.service import (
    Reported,
    assign_visit,
    move_assignment,
    pin_visit,
    report_absence,
    report_visit,
    undo_last,
)
from dispatch.skills.models import Evidence
from dispatch.workforce.models import Absence
from tests import factories as make
from tests.planning.world import EIGHT, actor_of, make_world

NOW = make.MORNING


class Day:
    """Ana with one visit at eight, and her phone."""

    def __init__(self, session: Session) -> None:
        self.world = make_world(session)
        self.session = session
        user = make.make_user(session)
        self.world.ana.user_id = user.id
        self.ana: Actor = actor_of(user, "technician", technician=self.world.ana)
        self.visit: Visit = self.world.visit()
        self.book()

    def book(self, **changes: Any) -> Assignment:
        values = {"technician_id": self.world.ana.id, "start": EIGHT, "actor": self.world.dispatcher, "now": NOW}
        return assign_visit(self.session, visit_id=self.visit.id, **{**values, **changes})

    def say(self, kind: str, **changes: Any) -> Reported:
        values: dict[str, Any] = {
            "report_id": uuid.uuid4(),
            "technician_id": self.world.ana.id,
            "happened_at": EIGHT,
            "actor": self.ana,
            "now": EIGHT,
        }
        return report_visit(self.session, visit_id=self.visit.id, kind=ReportKind(kind), **{**values, **changes})

    def states(self) -> tuple[AssignmentState, VisitState, JobState]:
        self.session.expire_all()
        latest = self.session.scalars(
            select(Assignment)
            .where(Assignment.visit_id == self.visit.id, Assignment.technician_id == self.world.ana.id)
            .order_by(Assignment.id.desc())
        ).first()
        assert latest is not None
        return latest.state, self.session.get_one(Visit, self.visit.id).state, self.job().state

    def job(self) -> Job:
        return self.session.get_one(Job, self.visit.job_id, populate_existing=True)


@pytest.fixture
def day(session: Session) -> Day:
    return Day(session)


def test_a_day_as_it_should_be(day: Day) -> None:
    make.make_promise(day.session, visit=day.visit, during=make.hours(0, 2))
    day.say("accepted")
    assert day.states() == (AssignmentState.ACCEPTED, VisitState.PLANNED, JobState.PLANNED)
    day.say("on_the_way")
    assert day.states() == (AssignmentState.ON_THE_WAY, VisitState.UNDER_WAY, JobState.UNDER_WAY)
    day.say("arrived")
    assert day.states()[0] is AssignmentState.ON_SITE
    assert day.session.scalars(select(Promise.state)).one() is PromiseState.KEPT
    done = day.say("done", fixed_first_time=True, skill_id=day.world.skill.id)
    assert day.states() == (AssignmentState.DONE, VisitState.DONE, JobState.DONE)
    assert day.job().closed_at is not None
    assert not done.overtaken
    fact = day.session.scalars(select(Evidence).where(Evidence.source == "job_outcome")).one()
    assert (fact.technician_id, fact.skill_id, fact.facts["fixed"]) == (day.world.ana.id, day.world.skill.id, True)
    assert "nth" not in fact.facts
    assert (fact.facts.get("taken_s"), fact.facts.get("expected_s")) == (None, None), "arrived and done at once"
    face = day.session.scalars(select(CustomerPerson)).one()
    assert (face.technician_id, face.visits) == (day.world.ana.id, 1)


def test_the_time_on_site_and_earlier_tries_go_with_the_outcome(session: Session) -> None:
    world = make_world(session)
    user = make.make_user(session)
    world.ana.user_id = user.id
    visit = world.visit()
    before = make.make_visit(session, job=session.get_one(Job, visit.job_id), sequence=2)
    make.make_assignment(session, visit=visit, technician=world.ana, during=make.hours(1, 2), shift_id=world.shift.id)
    session.add(
        VisitReport(
            visit_id=before.id, technician_id=world.ben.id, kind="done", happened_at=EIGHT - timedelta(days=2),
            received_at=EIGHT - timedelta(days=2), fixed_first_time=False,
        )
    )  # fmt: skip
    for kind, minutes, more in (("arrived", 0, {}), ("done", 40, {"fixed_first_time": True})):
        report_visit(
            session, visit_id=visit.id, kind=ReportKind(kind), report_id=uuid.uuid4(), technician_id=world.ana.id,
            happened_at=EIGHT + timedelta(minutes=minutes), now=EIGHT + timedelta(minutes=minutes),
            actor=actor_of(user, "technician", technician=world.ana), **more,
        )  # fmt: skip
    facts = session.scalars(select(Evidence.facts).where(Evidence.source == "job_outcome")).one()
    assert facts["nth"] == 2
    assert (facts["taken_s"], facts["expected_s"]) == (2400, 3600)


def test_the_same_report_counts_once(day: Day) -> None:
    report_id = uuid.uuid4()
    first = day.say("done", report_id=report_id, fixed_first_time=True)
    again = day.say("done", report_id=report_id, fixed_first_time=True, now=EIGHT + timedelta(days=1))
    assert (first.repeated, again.repeated) == (False, True)
    assert day.session.query(VisitReport).count() == 1
    assert day.session.query(Evidence).filter_by(source="job_outcome").count() == 1
    with pytest.raises(Conflict, match="used for something else"):
        day.say("arrived", report_id=report_id)


@pytest.mark.parametrize("kind", ["on_the_way", "arrived"])
def test_whoever_sets_off_on_another_day_is_kept_beside_the_plan(day: Day, kind: str) -> None:
    """A fact is never refused; but the customer is not told that somebody comes, and the dispatcher calls."""
    before = EIGHT - timedelta(hours=20)
    # A report that waited on the phone counts for when it was made, and a clock that runs ahead does not help.
    for said in (day.say(kind, happened_at=before, now=before), day.say(kind, happened_at=EIGHT, now=before)):
        assert said.overtaken
        assert said.message.startswith("Kept. This visit is for Tuesday 3 March; your dispatcher has been told")
    assert day.states()[:2] == (AssignmentState.PLANNED, VisitState.PLANNED)
    assert "though it is for Tuesday 3 March: call them" in (day.job().next_step or "")
    early = EIGHT - timedelta(hours=7)
    assert not day.say(kind, happened_at=early, now=early).overtaken, "early on the day itself"


def test_declining_needs_a_reason_and_gives_the_visit_back(day: Day) -> None:
    with pytest.raises(Invalid, match="Say why"):
        day.say("declined", reason="  ")
    pin_visit(day.session, visit_id=day.visit.id, actor=day.world.dispatcher, now=NOW)
    day.say("declined", reason="Car broke down")
    assert day.states() == (AssignmentState.DECLINED, VisitState.OPEN, JobState.OPEN)
    job = day.job()
    assert job.owner_id == day.world.user.id
    assert job.next_step == "Ana Ruiz declined (Car broke down): find somebody, tell the customer"
    assert job.next_step_due_at == EIGHT + timedelta(hours=1)
    assert day.session.query(Pin).count() == 0
    day.book(technician_id=day.world.ben.id)


def test_what_could_not_be_done_is_open_again(day: Day) -> None:
    day.say("arrived")
    day.say("could_not_do", reason="Nobody home")
    assert day.states() == (AssignmentState.NOT_DONE, VisitState.OPEN, JobState.OPEN)
    assert "Nobody home" in str(day.job().next_step)


def test_not_fixed_means_a_second_visit_with_an_owner(day: Day) -> None:
    day.say("arrived")
    day.say("done", fixed_first_time=False, cause="parts")
    job = day.job()
    visits = day.session.scalars(select(Visit).where(Visit.job_id == job.id).order_by(Visit.sequence)).all()
    assert [visit.state for visit in visits] == [VisitState.DONE, VisitState.OPEN]
    assert visits[1].predecessor_id == visits[0].id
    assert (job.state, job.next_step) == (
        JobState.OPEN,
        "Not fixed yet (parts): agree a second visit with the customer",
    )


def test_late_arrivals_miss_the_promise_by_their_seconds(day: Day) -> None:
    make.make_promise(day.session, visit=day.visit, during=make.hours(0, 1))
    late = EIGHT + timedelta(minutes=25)
    day.say("arrived", happened_at=late, now=late)
    promise = day.session.scalars(select(Promise)).one()
    assert (promise.state, promise.missed_by_s) == (PromiseState.MISSED, 1500)


def test_a_forgotten_arrival_is_taken_from_the_end(day: Day) -> None:
    make.make_promise(day.session, visit=day.visit, during=make.hours(0, 2))
    end = EIGHT + timedelta(hours=1, minutes=30)
    day.say("done", happened_at=end, now=end, fixed_first_time=True)
    assert day.session.scalars(select(Promise.state)).one() is PromiseState.KEPT


def test_work_on_a_visit_given_to_somebody_else_is_kept_beside_the_plan(day: Day) -> None:
    """The job moved to Ben while Ana's phone was offline and she finished it."""
    booked = day.session.scalars(select(Assignment)).one()
    move_assignment(
        day.session, assignment_id=booked.id, technician_id=day.world.ben.id, actor=day.world.dispatcher, now=NOW
    )
    told = day.say("done", fixed_first_time=True, now=EIGHT + timedelta(hours=5))
    assert told.overtaken
    live = day.session.scalars(select(Assignment).where(Assignment.state == AssignmentState.PLANNED)).one()
    assert live.technician_id == day.world.ben.id
    assert day.session.scalars(select(VisitReport)).one().technician_id == day.world.ana.id
    assert "Ana Ruiz reported 'done' although the plan had changed" in str(day.job().next_step)


def test_reports_in_any_order_are_kept(day: Day) -> None:
    for kind, expected in (
        ("done", AssignmentState.DONE),
        ("arrived", AssignmentState.ON_SITE),
        ("on_the_way", AssignmentState.ON_THE_WAY),
    ):
        day.say(kind)
        assert day.states()[0] is expected or day.states()[0] is AssignmentState.ON_SITE
    assert day.session.query(VisitReport).count() == 3


def test_a_crew_finishes_together(session: Session) -> None:
    day = Day(session)
    day.visit = day.world.visit(crew=2)
    later = EIGHT + timedelta(hours=2)
    day.book(start=later)
    day.book(technician_id=day.world.ben.id, start=later)
    told = day.say("done", fixed_first_time=True)
    assert "rest of the crew" in told.message
    assert day.states()[1] is VisitState.UNDER_WAY
    day.say("done", technician_id=day.world.ben.id, actor=day.world.dispatcher, fixed_first_time=True)
    assert day.states()[1:] == (VisitState.DONE, JobState.DONE)


def test_one_may_only_report_for_oneself(day: Day) -> None:
    stranger = actor_of(make.make_user(day.session), "technician", technician=day.world.ben)
    with pytest.raises(NotFound):
        day.say("accepted", actor=stranger)
    with pytest.raises(NotFound):
        day.say("accepted", technician_id=day.world.ben.id, actor=stranger)


def test_a_note_changes_nothing_else(day: Day) -> None:
    before = day.states()
    day.say("note", note="The key is at the reception")
    assert day.states() == before


def absent(day: Day, start: datetime, end: datetime, **changes: Any) -> Any:
    values = {"technician_id": day.world.ana.id, "start": start, "end": end, "actor": day.ana, "now": NOW, **changes}
    return report_absence(day.session, **values)


def test_calling_in_sick_frees_the_day_with_owner_and_next_step(day: Day) -> None:
    told = absent(day, NOW, NOW + timedelta(days=1))
    assert [item.visit_id for item in told.freed] == [day.visit.id]
    assert day.states()[1:] == (VisitState.OPEN, JobState.OPEN)
    job = day.job()
    assert (job.owner_id, job.next_step) == (day.world.user.id, "Find a time and a technician")
    with pytest.raises(Conflict, match="away for part of that time"):
        absent(day, NOW, NOW + timedelta(hours=2))
    with pytest.raises(Invalid):
        absent(day, NOW, NOW)


def test_who_is_under_way_is_named_not_freed(day: Day) -> None:
    day.say("on_the_way")
    told = absent(day, NOW, NOW + timedelta(days=1))
    assert (told.freed, told.under_way) == ((), (day.visit.id,))


def test_an_absence_can_be_taken_back_with_its_bookings(day: Day) -> None:
    day.session.commit()
    told = absent(day, NOW, NOW + timedelta(days=1), actor=day.world.dispatcher)
    day.session.commit()
    undo_last(day.session, actor=day.world.dispatcher, now=NOW)
    day.session.commit()
    assert day.session.get_one(Absence, told.absence_id, populate_existing=True).cancelled
    assert day.states() == (AssignmentState.PLANNED, VisitState.PLANNED, JobState.PLANNED)


def test_nobody_reports_somebody_elses_absence_without_the_right(day: Day) -> None:
    with pytest.raises(NotFound):
        absent(day, NOW, NOW + timedelta(hours=1), technician_id=day.world.ben.id)
