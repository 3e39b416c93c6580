"""Use cases on jobs and visits: book, change, hand over, wait, cancel, follow up, promise.

Every job that is open has an owner, a next step and a due time; each function here leaves it that way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, selectinload

from dispatch.accounts.access import Actor
from dispatch.accounts.changes import apply_changes
from dispatch.accounts.models import User
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.jobs.lifecycle import CLOSED_STATES, JobState, VisitState, may_move
from dispatch.jobs.models import (
    CertificationNeed,
    CrewSlot,
    Job,
    JobType,
    NeedOrigin,
    Promise,
    PromiseState,
    Site,
    SkillNeed,
    Visit,
    VisitWindow,
)
from dispatch.jobs.needs import Need, slot_needs
from dispatch.jobs.promises import judge
from dispatch.workforce.models import Territory

ASSIGN_WITHIN = timedelta(hours=4)
ASSIGN_AHEAD = timedelta(days=3)
SHORTEST_VISIT_S = 60
LONGEST_VISIT_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Window:
    """A time in which the service must start; with a price a later start costs that much a second instead."""

    start: datetime
    end: datetime
    lateness_cost: float | None = None

    def __post_init__(self) -> None:
        """Refuse a window that ends before it starts."""
        if self.end <= self.start:
            raise Invalid("A window must end after it starts.", field="window_end")


@dataclass(frozen=True, kw_only=True)
class JobDraft:
    """What a caller says about a new job; what is missing comes from its type."""

    site_id: int
    job_type_id: int
    title: str
    purpose: str = ""
    description: str = ""
    priority: int | None = None
    duration_s: int | None = None
    crew_size: int | None = None
    asset_id: int | None = None
    release_at: datetime | None = None
    due_at: datetime | None = None
    owner_id: int | None = None
    windows: Sequence[Window] = field(default_factory=tuple)
    needs: Sequence[Need] | None = None
    certification_ids: Sequence[int] | None = None
    promise: Window | None = None
    agreed_with: str | None = None
    channel: str | None = None
    series_id: int | None = None
    occurs_on: date | None = None


def book_job(session: Session, draft: JobDraft, *, actor: Actor, now: datetime) -> Job:
    """Book a job with one visit; the one who books owns it until it is handed over."""
    site = session.scalar(select(Site).where(Site.id == draft.site_id, Site.retired_at.is_(None)))
    if site is None:
        raise Invalid("Choose a site of this customer.", field="site_id")
    job_type = session.scalar(
        select(JobType)
        .where(JobType.id == draft.job_type_id, JobType.retired_at.is_(None))
        .options(selectinload(JobType.needs), selectinload(JobType.certifications))
    )
    if job_type is None:
        raise Invalid("Choose a kind of work from the list.", field="job_type_id")
    if not draft.title.strip():
        raise Invalid("Say in a few words what is to be done.", field="title")
    owner_id = draft.owner_id or actor.user_id or site_owner(session, site)
    due_at = draft.due_at or (
        now + timedelta(seconds=job_type.response_target_s) if job_type.response_target_s else None
    )
    release_at = draft.release_at
    if due_at is not None and due_at <= (release_at or now):
        raise Invalid("The latest time must lie after the earliest, and in the future.", field="due_at")
    job = Job(
        customer_id=site.customer_id,
        site_id=site.id,
        asset_id=draft.asset_id,
        job_type_id=job_type.id,
        title=draft.title.strip(),
        purpose=draft.purpose.strip(),
        description=draft.description.strip(),
        priority=draft.priority or job_type.priority,
        state=JobState.OPEN,
        owner_id=owner_id,
        next_step="Assign a technician",
        next_step_due_at=_assign_by(now, release_at, due_at),
        release_at=release_at,
        due_at=due_at,
        created_at=now,
        series_id=draft.series_id,
        occurs_on=draft.occurs_on,
    )
    session.add(job)
    visit = Visit(
        job=job,
        territory_id=site.territory_id,
        duration_s=_checked_duration(draft.duration_s or job_type.duration_s),
        release_at=release_at,
        due_at=due_at,
    )
    session.add(visit)
    visit.windows = [_window(each) for each in draft.windows]
    visit.slots = _crew(draft, job_type)
    session.flush()
    if draft.promise is not None:
        make_promise(
            session,
            visit_id=visit.id,
            start=draft.promise.start,
            end=draft.promise.end,
            agreed_with=draft.agreed_with,
            channel=draft.channel,
            actor=actor,
            now=now,
        )
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="book",
            entity="job",
            entity_id=str(job.id),
            entity_version=1,
            territory_id=site.territory_id,
            after={"title": job.title, "site_id": site.id, "job_type": job_type.name, "visit_id": visit.id},
        ),
    )
    return job


def change_job(
    session: Session, *, job_id: int, version: int, changes: Mapping[str, Any], actor: Actor, now: datetime
) -> Job:
    """Change what a job says or when it may be done; times go to its open visits as well."""
    allowed = {"title", "purpose", "description", "priority", "asset_id", "due_at", "release_at"}
    job = get_job(session, job_id)
    if "title" in changes and not str(changes["title"]).strip():
        raise Invalid("Say in a few words what is to be done.", field="title")
    if "priority" in changes and changes["priority"] not in (1, 2, 3, 4):
        raise Invalid("Priority goes from 1 (urgent) to 4.", field="priority")
    release_at = changes.get("release_at", job.release_at)
    due_at = changes.get("due_at", job.due_at)
    if due_at is not None and release_at is not None and due_at <= release_at:
        raise Invalid("The latest time must lie after the earliest.", field="due_at")
    apply_changes(session, job, version=version, changes=changes, allowed=allowed, actor=actor, now=now)
    times = {"due_at": due_at, "release_at": release_at}
    if times.keys() & changes.keys():
        for visit in job.visits:
            if visit.state in (VisitState.OPEN, VisitState.PLANNED):
                apply_changes(
                    session, visit, version=visit.version, changes=times, allowed=set(times), actor=actor, now=now
                )
    session.flush()
    return job


def change_visit(
    session: Session, *, visit_id: int, version: int, changes: Mapping[str, Any], actor: Actor, now: datetime
) -> Visit:
    """Change how long a visit takes or when it may start at the earliest and latest."""
    visit = get_visit(session, visit_id)
    if "duration_s" in changes:
        _checked_duration(changes["duration_s"])
    apply_changes(
        session,
        visit,
        version=version,
        changes=changes,
        allowed={"duration_s", "setup_s", "release_at", "due_at"},
        actor=actor,
        now=now,
    )
    session.flush()
    return visit


def set_next_step(
    session: Session,
    *,
    job_id: int,
    next_step: str,
    due_at: datetime,
    actor: Actor,
    now: datetime,
    owner_id: int | None = None,
    waiting: bool = False,
) -> Job:
    """Say what happens next, by when and who sees to it; ``waiting`` marks a job that waits for somebody else."""
    job = get_job(session, job_id)
    if job.state in CLOSED_STATES:
        raise Conflict("This job is closed. Open it again first.")
    if not next_step.strip():
        raise Invalid("Say what happens next.", field="next_step")
    if owner_id is not None and session.scalar(select(User.active).where(User.id == owner_id)) is not True:
        raise Invalid("Hand it to somebody who can sign in.", field="owner_id")
    changes: dict[str, Any] = {"next_step": next_step.strip(), "next_step_due_at": due_at}
    if owner_id is not None:
        changes["owner_id"] = owner_id
    if waiting != (job.state == JobState.WAITING):
        changes["state"] = JobState.WAITING if waiting else _state_from_visits(job)
    apply_changes(session, job, version=job.version, changes=changes, allowed=set(changes), actor=actor, now=now)
    session.flush()
    return job


def move_job(
    session: Session, job: Job, state: JobState, *, actor: Actor, now: datetime, reason: str | None = None
) -> None:
    """Move a job's state along the allowed moves and keep owner, next step and closing time consistent."""
    if job.state == state:
        return
    if not may_move(job.state, state):
        raise Conflict(f"A job that is {job.state.replace('_', ' ')} cannot become {state.replace('_', ' ')}.")
    closing = state in CLOSED_STATES
    changes: dict[str, Any] = {
        "state": state,
        "closed_at": now if closing else None,
        "close_reason": reason if closing else None,
    }
    if closing:
        changes |= {"next_step": None, "next_step_due_at": None}
    elif job.next_step is None:
        changes |= {"next_step": "Decide what happens next", "next_step_due_at": now + ASSIGN_WITHIN}
    if not closing and job.owner_id is None:
        changes["owner_id"] = actor.user_id
    apply_changes(
        session,
        job,
        version=job.version,
        changes=changes,
        allowed=set(changes),
        actor=actor,
        now=now,
        reason=reason,
        undoable=False,  # visits and promises follow a job that moves; opening it again is a step of its own
    )


def cancel_job(session: Session, *, job_id: int, reason: str, actor: Actor, now: datetime) -> Job:
    """Cancel a job and its open visits; who is on the way must be called off first."""
    job = get_job(session, job_id)
    if not reason.strip():
        raise Invalid("Say why, so that the customer and the team know.", field="reason")
    if any(visit.state == VisitState.UNDER_WAY for visit in job.visits):
        raise Conflict("Somebody is on the way or on site. Call them off first, then cancel.")
    move_job(session, job, JobState.CANCELLED, actor=actor, now=now, reason=reason.strip())
    for visit in job.visits:
        if visit.state in (VisitState.OPEN, VisitState.PLANNED):
            visit.state = VisitState.CANCELLED
            _withdraw_promise(session, visit.id)
    session.flush()
    return job


def reopen_job(session: Session, *, job_id: int, next_step: str, due_at: datetime, actor: Actor, now: datetime) -> Job:
    """Open a closed job again with a follow-up visit."""
    job = get_job(session, job_id)
    if job.state not in CLOSED_STATES:
        raise Conflict("This job is open already.")
    move_job(session, job, JobState.OPEN, actor=actor, now=now)
    job.next_step, job.next_step_due_at = next_step.strip() or "Assign a technician", due_at
    add_follow_up(session, job, actor=actor, now=now)
    return job


def add_follow_up(session: Session, job: Job, *, actor: Actor, now: datetime) -> Visit:
    """Add a visit with the needs of the job's latest one."""
    last = session.scalar(
        select(Visit)
        .where(Visit.job_id == job.id)
        .order_by(Visit.sequence.desc())
        .limit(1)
        .options(
            selectinload(Visit.slots).selectinload(CrewSlot.needs),
            selectinload(Visit.slots).selectinload(CrewSlot.certifications),
        )
    )
    if last is None:
        raise NotFound("The job has no visit to follow up.")
    visit = Visit(
        job_id=job.id,
        territory_id=last.territory_id,
        sequence=last.sequence + 1,
        duration_s=last.duration_s,
        predecessor_id=last.id,
    )
    visit.slots = [_copy_slot(slot) for slot in last.slots]
    session.add(visit)
    session.flush()
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="follow_up",
            entity="visit",
            entity_id=str(visit.id),
            entity_version=1,
            territory_id=visit.territory_id,
            after={"job_id": job.id, "sequence": visit.sequence},
        ),
    )
    return visit


def make_promise(
    session: Session,
    *,
    visit_id: int,
    start: datetime,
    end: datetime,
    agreed_with: str | None,
    channel: str | None,
    actor: Actor,
    now: datetime,
) -> Promise:
    """Promise a window; a promise made before is kept as replaced."""
    if end <= start:
        raise Invalid("A window must end after it starts.", field="promise_end")
    if end <= now:
        raise Invalid("A promise must lie in the future.", field="promise_end")
    visit = get_visit(session, visit_id)
    last = session.scalar(select(Promise).where(Promise.visit_id == visit_id).order_by(Promise.number.desc()).limit(1))
    if last is not None and last.state == PromiseState.STANDING:
        last.state = PromiseState.REPLACED
        session.flush()
    promise = Promise(
        visit_id=visit_id,
        number=1 if last is None else last.number + 1,
        during=Range(start, end),
        state=PromiseState.STANDING,
        agreed_with=agreed_with,
        channel=channel,
        made_by_id=actor.user_id,
        made_at=now,
    )
    session.add(promise)
    session.flush()
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="promise",
            entity="visit",
            entity_id=str(visit_id),
            territory_id=visit.territory_id,
            before=None if last is None else {"promise": str(last.during)},
            after={"promise": str(promise.during), "agreed_with": agreed_with},
        ),
    )
    return promise


def judge_promise(session: Session, *, visit_id: int, arrived_at: datetime) -> Promise | None:
    """Close the standing promise of a visit by the arrival; None when nothing was promised."""
    promise = _standing_promise(session, visit_id)
    if promise is None or promise.during.upper is None:
        return None
    verdict = judge(promise.during.upper, arrived_at)
    promise.state = PromiseState.KEPT if verdict.kept else PromiseState.MISSED
    promise.missed_by_s = verdict.missed_by_s
    session.flush()
    return promise


def get_job(session: Session, job_id: int) -> Job:
    """Return a job with its visits; raises NotFound."""
    job = session.scalar(select(Job).where(Job.id == job_id).options(selectinload(Job.visits), selectinload(Job.site)))
    if job is None:
        raise NotFound("There is no such job.")
    return job


def get_visit(session: Session, visit_id: int) -> Visit:
    """Return a visit with its job; raises NotFound."""
    visit = session.scalar(select(Visit).where(Visit.id == visit_id).options(selectinload(Visit.job)))
    if visit is None:
        raise NotFound("There is no such visit.")
    return visit


def site_owner(session: Session, site: Site) -> int:
    """Return who answers for a site's territory; raises Invalid when nobody does."""
    owner = session.scalar(select(Territory.owner_id).where(Territory.id == site.territory_id))
    if owner is None:
        raise Invalid("Nobody answers for this territory. Name an owner first.", field="owner_id")
    return owner


def _assign_by(now: datetime, release_at: datetime | None, due_at: datetime | None) -> datetime:
    """Return by when somebody should be found: soon, but for work of later days not before they come near."""
    by = max(now, now if release_at is None else release_at - ASSIGN_AHEAD) + ASSIGN_WITHIN
    return by if due_at is None else min(by, due_at)


def _checked_duration(seconds: int) -> int:
    if not SHORTEST_VISIT_S <= seconds <= LONGEST_VISIT_S:
        raise Invalid("A visit takes between 1 minute and 24 hours.", field="duration")
    return seconds


def _window(window: Window) -> VisitWindow:
    return VisitWindow(
        during=Range(window.start, window.end), hard=window.lateness_cost is None, lateness_cost=window.lateness_cost
    )


def _crew(draft: JobDraft, job_type: JobType) -> list[CrewSlot]:
    size = draft.crew_size or job_type.crew_size
    if not 1 <= size <= 8:
        raise Invalid("A crew has 1 to 8 people.", field="crew_size")
    origin = NeedOrigin.JOB_TYPE if draft.needs is None else NeedOrigin.PERSON
    needs = (
        [
            Need(
                skill_id=need.skill_id,
                must_level=need.must_level,
                preferred_level=need.preferred_level,
                any_of=need.any_of,
                crew_position=need.crew_position,
            )
            for need in job_type.needs
        ]
        if draft.needs is None
        else draft.needs
    )
    certifications = (
        [(each.kind_id, each.crew_position, NeedOrigin.JOB_TYPE) for each in job_type.certifications]
        if draft.certification_ids is None
        else [(kind_id, None, NeedOrigin.PERSON) for kind_id in draft.certification_ids]
    )
    slots = []
    for position in range(1, size + 1):
        slot = CrewSlot(position=position)
        slot.needs = slot_needs(None, position, needs, origin)
        slot.certifications = [
            CertificationNeed(kind_id=kind_id, origin=where_from)
            for kind_id, only, where_from in certifications
            if only in (None, position)
        ]
        slots.append(slot)
    return slots


def _copy_slot(slot: CrewSlot) -> CrewSlot:
    copy = CrewSlot(position=slot.position)
    copy.needs = [
        SkillNeed(
            any_of=need.any_of,
            skill_id=need.skill_id,
            must_level=need.must_level,
            preferred_level=need.preferred_level,
            origin=need.origin,
        )
        for need in slot.needs
    ]
    copy.certifications = [CertificationNeed(kind_id=need.kind_id, origin=need.origin) for need in slot.certifications]
    return copy


def _state_from_visits(job: Job) -> JobState:
    states = {visit.state for visit in job.visits}
    if VisitState.UNDER_WAY in states:
        return JobState.UNDER_WAY
    return JobState.PLANNED if VisitState.PLANNED in states else JobState.OPEN


def _standing_promise(session: Session, visit_id: int) -> Promise | None:
    return session.scalar(select(Promise).where(Promise.visit_id == visit_id, Promise.state == PromiseState.STANDING))


def _withdraw_promise(session: Session, visit_id: int) -> None:
    promise = _standing_promise(session, visit_id)
    if promise is not None:
        promise.state = PromiseState.WITHDRAWN
