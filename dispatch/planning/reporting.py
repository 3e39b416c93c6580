"""What technicians report: kept as it is told, once, and the plan follows where it can.

A report is a fact and is never refused because the plan says otherwise. Its id comes from the device, so sending it
twice changes nothing. Where somebody else has the visit by now, both facts stay and the job's owner gets a next step.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.core.clock import in_zone
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.jobs import service as jobs
from dispatch.jobs.lifecycle import CLOSED_STATES, JobState, VisitState
from dispatch.jobs.models import CustomerPerson, Job, PersonLinkKind, Promise, PromiseState, SkillNeed, Visit
from dispatch.messages.calls import BadNews, call_first
from dispatch.messages.models import CallKind
from dispatch.planning.changing import lock_visits
from dispatch.planning.draft_models import DraftChange
from dispatch.planning.drafts import believed, leave_draft
from dispatch.planning.lifecycle import may_move
from dispatch.planning.models import Assignment, AssignmentState, Pin, ReportKind, VisitReport
from dispatch.planning.rows import live
from dispatch.planning.setting_off import may_set_off
from dispatch.planning.technician_day import ever_told
from dispatch.planning.telling import tell_on_the_way
from dispatch.skills.service import record_outcome
from dispatch.workforce.models import Technician, Territory

BECOMES = {
    ReportKind.ACCEPTED: AssignmentState.ACCEPTED,
    ReportKind.DECLINED: AssignmentState.DECLINED,
    ReportKind.ON_THE_WAY: AssignmentState.ON_THE_WAY,
    ReportKind.ARRIVED: AssignmentState.ON_SITE,
    ReportKind.DONE: AssignmentState.DONE,
    ReportKind.COULD_NOT_DO: AssignmentState.NOT_DONE,
}
NEEDS_REASON = (ReportKind.DECLINED, ReportKind.COULD_NOT_DO)
ANSWER_WITHIN = timedelta(hours=1)
DEVICE_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Reported:
    """A report as it is stored, and what followed: nothing new when it was sent before."""

    report: VisitReport
    repeated: bool
    overtaken: bool
    message: str


def report_visit(
    session: Session,
    *,
    report_id: uuid.UUID,
    visit_id: int,
    technician_id: int,
    kind: ReportKind,
    happened_at: datetime,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
    fixed_first_time: bool | None = None,
    cause: str | None = None,
    skill_id: int | None = None,
    note: str | None = None,
    based_on_version: int | None = None,
) -> Reported:
    """Keep a report and let assignment, visit, promise, job and skills follow; safe to send again."""
    visit = lock_visits(session, [visit_id])[visit_id]
    actor.require(Right.JOB_REPORT, visit.territory_id, technician_id=technician_id, what="visit")
    if kind in NEEDS_REASON and not (reason or "").strip():
        raise Invalid("Say why in a few words, so that somebody can help.", field="reason")
    mine = _my_assignment(session, visit_id, technician_id, as_told=actor.technician_id == technician_id)
    if mine is None or not (mine.is_live or ever_told(session, technician_id, visit_id)):
        raise NotFound("There is no such visit.")
    stored = session.execute(
        upsert(VisitReport)
        .values(
            id=report_id,
            visit_id=visit_id,
            technician_id=technician_id,
            assignment_id=mine.id,
            kind=kind,
            happened_at=happened_at,
            received_at=now,
            reason=reason,
            fixed_first_time=fixed_first_time if kind is ReportKind.DONE else None,
            cause=cause,
            skill_id=skill_id,
            note=note,
            based_on_version=based_on_version,
            reported_by_id=actor.user_id,
        )
        .on_conflict_do_nothing(index_elements=[VisitReport.id])
        .returning(VisitReport.id)
    ).first()
    report = session.get_one(VisitReport, report_id)
    if stored is None:
        return _repeated(report, visit_id, technician_id, kind)
    _log(session, report, visit, actor, now)
    follow = _Follow(session, report, visit, mine, actor, now)
    overtaken = follow.is_overtaken()
    message = follow.tell_owner() if overtaken else follow.apply()
    session.flush()
    session.expire_all()  # what was written beside the session's objects must be read anew
    return Reported(
        report=session.get_one(VisitReport, report_id), repeated=False, overtaken=overtaken, message=message
    )


def _repeated(report: VisitReport, visit_id: int, technician_id: int, kind: ReportKind) -> Reported:
    if (report.visit_id, report.technician_id, report.kind) != (visit_id, technician_id, kind):
        raise Conflict("This report number was used for something else already.")
    return Reported(report=report, repeated=True, overtaken=False, message="We have this report already.")


def _my_assignment(session: Session, visit_id: int, technician_id: int, *, as_told: bool) -> Any:
    """Return the person's live assignment to the visit, or else their latest one that was taken away.

    With ``as_told`` a draft that they do not know of is none.
    """
    others = or_(DraftChange.told.is_(None), DraftChange.told["technician_id"].as_integer() != technician_id)
    unknown = select(DraftChange.crew_slot_id).where(DraftChange.visit_id == visit_id, others)
    known = ~and_(live(), Assignment.crew_slot_id.in_(unknown))
    return session.execute(
        select(Assignment.__table__, live().label("is_live"))
        .where(Assignment.visit_id == visit_id, Assignment.technician_id == technician_id)
        .where(*([known] if as_told else []))
        .order_by(live().desc(), Assignment.id.desc())
        .limit(1)
        .with_for_update()
    ).first()


def _log(session: Session, report: VisitReport, visit: Any, actor: Actor, now: datetime) -> None:
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action=f"report_{report.kind.value}",
            entity="visit",
            entity_id=str(report.visit_id),
            territory_id=visit.territory_id,
            after={"technician_id": report.technician_id, "happened_at": report.happened_at.isoformat()},
            reason=report.reason,
        ),
    )


class _Follow:
    """What follows from one report."""

    def __init__(
        self, session: Session, report: VisitReport, visit: Any, mine: Any, actor: Actor, now: datetime
    ) -> None:
        self.session, self.report, self.visit, self.mine = session, report, visit, mine
        self.actor, self.now = actor, now
        self.happened_at = min(report.happened_at, now + DEVICE_AHEAD)
        self.drafted = session.get(DraftChange, mine.crew_slot_id) is not None

    def is_overtaken(self) -> bool:
        """Whether the plan went another way before this report came in."""
        if self.report.kind is ReportKind.NOTE or self._accepts_draft():
            return False
        if self.drafted and self.report.kind is ReportKind.DECLINED:
            return True
        if not self.mine.is_live and self.mine.state != AssignmentState.DONE:
            return True
        return self.other_day is not None or not may_move(self.mine.state, BECOMES[self.report.kind])

    @cached_property
    def other_day(self) -> str | None:
        """The day of the visit, where somebody sets off on another one: its customer is not to be told they come."""
        if self.report.kind not in (ReportKind.ON_THE_WAY, ReportKind.ARRIVED) or not self.mine.is_live:
            return None
        zone = self.session.scalars(select(Territory.zone).where(Territory.id == self.visit.territory_id)).one()
        start = self.mine.during.lower
        on = in_zone(start, zone)
        return None if may_set_off(start, self.happened_at, zone) else f"{on:%A} {on.day} {on:%B}"

    def _accepts_draft(self) -> bool:
        """Whether somebody accepts what is being changed without their knowing: it is not what they would accept."""
        return self.drafted and self.report.kind is ReportKind.ACCEPTED

    def tell_owner(self) -> str:
        """Keep the plan as it is and give the job's owner a next step."""
        name = self.session.scalar(select(Technician.name).where(Technician.id == self.report.technician_id))
        said = self.report.kind.value.replace("_", " ")
        job = self._job()
        if job.state not in CLOSED_STATES:
            odd = "although the plan had changed" if self.other_day is None else f"though it is for {self.other_day}"
            self._next_step(job, f"{name} reported '{said}' {odd}: call them and settle who does what")
        if self.other_day is not None:
            return f"Kept. This visit is for {self.other_day}; your dispatcher has been told and will call."
        return "Kept. The plan had changed in the meantime; your dispatcher has been told and will call."

    def apply(self) -> str:
        """Let the rows follow the fact."""
        kind = self.report.kind
        if kind is ReportKind.NOTE:
            return "Note kept."
        if self._accepts_draft():
            return "Thank you. Something about this visit may still change; you will hear of it then."
        self._move_assignment(BECOMES[kind])
        if kind is ReportKind.ACCEPTED:
            return "Thank you, accepted."
        if kind is ReportKind.DECLINED:
            return self._reopen("declined", self.report.reason)
        if kind is ReportKind.COULD_NOT_DO:
            return self._reopen("could not do this visit", self.report.reason)
        if kind is ReportKind.DONE:
            return self._done()
        self._move_visit(VisitState.UNDER_WAY)
        job = self._job()
        if job.state not in CLOSED_STATES:
            jobs.move_job(self.session, job, JobState.UNDER_WAY, actor=self.actor, now=self.now)
        if kind is ReportKind.ON_THE_WAY:
            tell_on_the_way(self.session, self.mine, setting_out_at=self.happened_at, actor=self.actor, now=self.now)
        else:
            jobs.judge_promise(self.session, visit_id=self.visit.id, arrived_at=self.happened_at)
        return "Have a safe trip." if kind is ReportKind.ON_THE_WAY else "Arrival kept."

    def _job(self) -> Job:
        return jobs.get_job(self.session, self.visit.job_id)

    def _move_assignment(self, state: AssignmentState) -> None:
        self.session.execute(
            update(Assignment)
            .where(Assignment.id == self.mine.id)
            .values(state=state, version=Assignment.version + 1)
            .execution_options(synchronize_session=False)
        )
        if self.drafted and state is not AssignmentState.DECLINED:
            self._end_draft()
        self._read_anew()

    def _end_draft(self) -> None:
        """Let what happens be no draft: who sets off at the time they were told is not told another one afterwards."""
        told = believed(self.session, [self.mine.crew_slot_id])[self.mine.crew_slot_id].told
        if told is not None and told.technician_id == self.mine.technician_id:
            leave_draft(self.session, [self.mine.crew_slot_id])

    def _move_visit(self, state: VisitState) -> None:
        self.session.execute(
            update(Visit)
            .where(Visit.id == self.visit.id)
            .values(state=state, version=Visit.version + 1)
            .execution_options(synchronize_session=False)
        )
        self._read_anew()

    def _read_anew(self) -> None:
        """Forget what the session holds of rows that were changed beside it, after saving what it changed itself."""
        self.session.flush()
        self.session.expire_all()

    def _next_step(self, job: Job, step: str) -> None:
        jobs.set_next_step(
            self.session,
            job_id=job.id,
            next_step=step,
            due_at=self.now + ANSWER_WITHIN,
            actor=self.actor,
            now=self.now,
            waiting=job.state == JobState.WAITING,
        )

    def _crew_states(self) -> Collection[AssignmentState]:
        """Return how far the rest of the crew is."""
        return self.session.scalars(
            select(Assignment.state).where(Assignment.visit_id == self.visit.id, live(), Assignment.id != self.mine.id)
        ).all()

    def _reopen(self, what: str, reason: str | None) -> str:
        """Open the visit again, unless others of the crew are at work there."""
        self.session.execute(delete(Pin).where(Pin.crew_slot_id == self.mine.crew_slot_id))
        at_work = {AssignmentState.ON_THE_WAY, AssignmentState.ON_SITE, AssignmentState.DONE}
        if not at_work & set(self._crew_states()):
            self._move_visit(VisitState.OPEN)
        name = self.session.scalar(select(Technician.name).where(Technician.id == self.report.technician_id))
        job = self._job()
        if job.state not in CLOSED_STATES:
            if not at_work & set(self._crew_states()):
                jobs.move_job(self.session, job, JobState.OPEN, actor=self.actor, now=self.now)
            self._next_step(self._job(), f"{name} {what} ({(reason or '').strip()}): find somebody, tell the customer")
            if self.report.kind is ReportKind.COULD_NOT_DO:
                self._call_for_second_visit(reason)
        return "Kept. Your dispatcher sees it now and takes over from here."

    def _done(self) -> str:
        self._judge_without_arrival()
        self._learn()
        self._remember_face()
        if any(state != AssignmentState.DONE for state in self._crew_states()):
            self._move_visit(VisitState.UNDER_WAY)
            return "Done, thank you. The rest of the crew is still at it."
        self._move_visit(VisitState.DONE)
        self._close_or_follow_up()
        return "Done, thank you."

    def _judge_without_arrival(self) -> None:
        """Where nobody reported the arrival, take the end less the planned time for it: nothing better is known."""
        standing = self.session.scalar(
            select(Promise.id).where(Promise.visit_id == self.visit.id, Promise.state == PromiseState.STANDING)
        )
        if standing is not None:
            planned: timedelta = self.mine.during.upper - self.mine.during.lower
            jobs.judge_promise(self.session, visit_id=self.visit.id, arrived_at=self.happened_at - planned)

    def _call_for_second_visit(self, reason: str | None) -> None:
        """Have the customer called before anything is written to them: somebody has to come again."""
        facts = {"reason": reason} if reason else {}
        bad = BadNews(visit_id=self.visit.id, kind=CallKind.SECOND_VISIT, facts=facts)
        call_first(self.session, [bad], now=self.now)

    def _learn(self) -> None:
        """Hand the outcome to the skills record, which counts it only under a recorded agreement."""
        if self.report.fixed_first_time is None:
            return
        needs = self.session.execute(
            select(SkillNeed.skill_id, func.max(func.coalesce(SkillNeed.must_level, SkillNeed.preferred_level)))
            .where(SkillNeed.crew_slot_id == self.mine.crew_slot_id)
            .group_by(SkillNeed.skill_id)
        ).all()
        record_outcome(
            self.session,
            technician_id=self.report.technician_id,
            needs=[(row[0], row[1]) for row in needs],
            fixed=self.report.fixed_first_time,
            visit_id=self.visit.id,
            at=min(self.happened_at, self.now),
            named_skill_id=self.report.skill_id,
            cause=self.report.cause,
            nth=1 + self._tried_before(),
            times_s=self._times_on_site(),
            actor=self.actor,
            now=self.now,
        )

    def _tried_before(self) -> int:
        """Count the visits of this job that did not fix it."""
        others = select(Visit.id).where(Visit.job_id == self.visit.job_id, Visit.id != self.visit.id)
        return (
            self.session.scalar(
                select(func.count(VisitReport.visit_id.distinct())).where(
                    VisitReport.visit_id.in_(others), VisitReport.fixed_first_time.is_(False)
                )
            )
            or 0
        )

    def _times_on_site(self) -> tuple[int, int] | None:
        """Return seconds from this person's arrival to now, and those planned; None where no arrival was reported."""
        arrived = self.session.scalar(
            select(func.max(VisitReport.happened_at)).where(
                VisitReport.visit_id == self.visit.id,
                VisitReport.technician_id == self.report.technician_id,
                VisitReport.kind == ReportKind.ARRIVED,
                VisitReport.happened_at < self.happened_at,
            )
        )
        if arrived is None:
            return None
        planned = self.session.scalars(select(Visit.duration_s).where(Visit.id == self.visit.id)).one()
        return max(1, round((self.happened_at - arrived).total_seconds())), planned

    def _remember_face(self) -> None:
        """Count one more visit of this person to the customer's site."""
        job = self._job()
        face = upsert(CustomerPerson).values(
            customer_id=job.customer_id,
            site_id=job.site_id,
            technician_id=self.report.technician_id,
            kind=PersonLinkKind.KNOWN,
            visits=1,
            since=self.happened_at.date(),
        )
        self.session.execute(
            face.on_conflict_do_update(
                index_elements=["customer_id", "technician_id", "site_id", "kind"],
                set_={"visits": CustomerPerson.visits + 1, "version": CustomerPerson.version + 1},
            )
        )

    def _close_or_follow_up(self) -> None:
        """Close the job when nothing is left of it; what was not fixed gets another visit with an owner."""
        job = self._job()
        if job.state in CLOSED_STATES:
            return
        others = [item.state for item in job.visits if item.id != self.visit.id]
        left = {VisitState.OPEN, VisitState.PLANNED, VisitState.UNDER_WAY} & set(others)
        if self.report.fixed_first_time is False:
            jobs.add_follow_up(self.session, job, actor=self.actor, now=self.now)
            jobs.move_job(self.session, job, JobState.OPEN, actor=self.actor, now=self.now)
            why = f" ({self.report.cause})" if self.report.cause else ""
            self._next_step(self._job(), f"Not fixed yet{why}: agree a second visit with the customer")
            self._call_for_second_visit(self.report.cause)
        elif left:
            state = JobState.UNDER_WAY if VisitState.UNDER_WAY in left else JobState.PLANNED
            state = state if VisitState.OPEN not in left else JobState.OPEN
            jobs.move_job(self.session, job, state, actor=self.actor, now=self.now)
        else:
            jobs.move_job(self.session, job, JobState.DONE, actor=self.actor, now=self.now, reason="Visit done")
