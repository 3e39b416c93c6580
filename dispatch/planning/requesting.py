"""Asking for a plan, and changing one's mind about it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, selectinload

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.changes import note
from dispatch.core.audit import Change, record
from dispatch.core.config import settings
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.core.queue import defer
from dispatch.planning.models import PlanRequest, PlanScope, RequestState
from dispatch.planning.rows import Cell, period_of
from dispatch.planning.snapshot import active_policy
from dispatch.planning.solving import CHANNEL, TASK

LONGEST_S = 3600.0
SHORTEST_S = 0.1
MOST_CELLS = 200
MOST_WAITING = 10
ACTIVE = (RequestState.QUEUED, RequestState.RUNNING)


def request_plan(
    session: Session,
    *,
    scope: Collection[Cell],
    actor: Actor,
    now: datetime,
    time_limit_s: float | None = None,
    step_limit: int | None = None,
    seed: int = 1,
) -> PlanRequest:
    """Ask for a plan of these (territory, day); the request and its task are saved together or not at all."""
    cells = sorted(set(scope))
    if not cells:
        raise Invalid("Choose at least one territory and day.", field="scope")
    if len(cells) > MOST_CELLS:
        raise Invalid(f"A run covers at most {MOST_CELLS} territories and days; split it.", field="scope")
    limit = settings().plan_time_limit_s if time_limit_s is None else time_limit_s
    if not SHORTEST_S <= limit <= LONGEST_S:
        raise Invalid(f"The time limit is {SHORTEST_S:g} to {LONGEST_S:g} seconds.", field="time_limit_s")
    for territory_id, _day in cells:
        actor.require(Right.PLAN_RUN, territory_id, what="territory")
    period_of(session, cells)
    request = PlanRequest(
        policy_id=active_policy(session).id,
        state=RequestState.QUEUED,
        time_limit_s=limit,
        step_limit=step_limit,
        seed=seed,
        requested_by_id=actor.user_id,
        requested_at=now,
        progress=[],
    )
    request.scope = [PlanScope(territory_id=territory_id, day=day) for territory_id, day in cells]
    session.add(request)
    session.flush()
    _replace_own(session, request, actor, now)
    _refuse_too_many(session, actor)
    defer(session, TASK, request_id=request.id)
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="request_plan",
            entity="plan_request",
            entity_id=str(request.id),
            territory_id=cells[0][0],
            after={"scope": [[territory_id, day.isoformat()] for territory_id, day in cells], "time_limit_s": limit},
        ),
    )
    return request


def _replace_own(session: Session, request: PlanRequest, actor: Actor, now: datetime) -> None:
    """Call off the same person's unfinished runs over no more than these days: asking again means the new one."""
    mine = {(item.territory_id, item.day) for item in request.scope}
    active = session.scalars(
        select(PlanRequest)
        .where(
            PlanRequest.state.in_(ACTIVE),
            PlanRequest.requested_by_id == actor.user_id,
            PlanRequest.id != request.id,
        )
        .options(selectinload(PlanRequest.scope))
        .order_by(PlanRequest.id)
        .with_for_update(of=PlanRequest)
        .execution_options(populate_existing=True)
    )
    for older in active:
        if {(item.territory_id, item.day) for item in older.scope} <= mine:
            older.state, older.finished_at = RequestState.CANCELLED, now
            older.message = "Replaced by a newer run of yours."
    session.flush()


def _refuse_too_many(session: Session, actor: Actor) -> None:
    """Keep one person from filling the planner: everybody else's runs would wait behind theirs."""
    unfinished = session.scalar(
        select(func.count()).where(PlanRequest.state.in_(ACTIVE), PlanRequest.requested_by_id == actor.user_id)
    )
    if actor.user_id is not None and (unfinished or 0) > MOST_WAITING:
        raise Conflict(f"{MOST_WAITING} runs of yours are not finished yet. Wait for one, or call one off.")


def stop_plan(session: Session, *, request_id: int, actor: Actor, now: datetime) -> PlanRequest:
    """Stop a run and keep the best plan it has; the answer is there within two seconds."""
    request = _requested(session, request_id, actor)
    if request.state not in ACTIVE:
        raise Conflict("This run has ended already.")
    request.stop_asked = True
    session.flush()
    note(session, request, "stop_plan", actor=actor, now=now)
    return request


def cancel_plan(session: Session, *, request_id: int, actor: Actor, now: datetime) -> PlanRequest:
    """Call a run off; nothing of it is kept."""
    request = _requested(session, request_id, actor)
    if request.state not in ACTIVE:
        raise Conflict("This run has ended already.")
    request.state, request.finished_at, request.message = RequestState.CANCELLED, now, f"Called off by {actor.name}."
    session.flush()
    session.execute(text("SELECT pg_notify(:channel, :id)"), {"channel": CHANNEL, "id": str(request_id)})
    note(session, request, "cancel_plan", actor=actor, now=now)
    return request


def _requested(session: Session, request_id: int, actor: Actor) -> PlanRequest:
    """Return a request the actor may steer; its row is locked, since the run writes progress into it all the time."""
    request = session.scalars(
        select(PlanRequest)
        .where(PlanRequest.id == request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if request is None:
        raise NotFound("There is no such planning run.")
    territories = session.scalars(select(PlanScope.territory_id).where(PlanScope.plan_request_id == request_id)).all()
    for territory_id in set(territories):
        actor.require(Right.PLAN_RUN, territory_id, what="planning run")
    return request
