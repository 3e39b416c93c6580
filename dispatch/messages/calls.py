"""Bad news is told by voice: a call with owner and due time comes before any text to the customer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.models import User
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.jobs.models import Job, Visit
from dispatch.jobs.service import Window
from dispatch.messages.hours import waits_until
from dispatch.messages.models import CallKind, CallState, CallTask
from dispatch.messages.promising import promise_window, withdraw_window
from dispatch.workforce.models import Territory

CALL_WITHIN = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class BadNews:
    """What a customer has to hear from a person.

    ``facts`` hold what the script says: ``promise`` (start and end), ``start`` of the visit as it is planned now,
    ``reason``; each only where there is one. ``by`` is when the call must have been made at the latest.
    """

    visit_id: int
    kind: CallKind
    facts: Mapping[str, Any]
    by: datetime | None = None


def call_first(session: Session, news: Sequence[BadNews], *, now: datetime) -> int:
    """Have customers called, by the owner of the job; a call that is open already is told the newer facts."""
    if not news:
        return 0
    session.flush()
    about = {
        row.id: row
        for row in session.execute(
            select(Visit.id, Territory.zone, func.coalesce(Job.owner_id, Territory.owner_id).label("owner_id"))
            .join(Job, Job.id == Visit.job_id)
            .join(Territory, Territory.id == Visit.territory_id)
            .where(Visit.id.in_({each.visit_id for each in news}))
        )
    }
    rows = [
        {
            "visit_id": each.visit_id,
            "kind": each.kind,
            "facts": dict(each.facts),
            "owner_id": about[each.visit_id].owner_id,
            "due_at": _due(now, about[each.visit_id].zone, each.by),
            "created_at": now,
        }
        for each in sorted(news, key=lambda item: item.visit_id)
    ]
    new = upsert(CallTask)
    session.execute(
        new.on_conflict_do_update(
            index_elements=[CallTask.visit_id],
            index_where=text("state = 'open'"),
            set_={
                "version": CallTask.version + 1,
                "kind": new.excluded.kind,
                "facts": new.excluded.facts,
                "due_at": func.least(CallTask.due_at, new.excluded.due_at),
            },
        ),
        rows,
    )
    return len(rows)


def _due(now: datetime, zone: str, by: datetime | None) -> datetime:
    """Return by when to call: soon, though not at night unless the promise begins before people can be called."""
    waits = waits_until(now + CALL_WITHIN, zone=zone, to_customer=True, first_at=by)
    return waits if by is None else max(now, min(waits, by))


def call_again(
    session: Session,
    *,
    visit_id: int,
    kind: CallKind,
    note: str,
    owner_id: int,
    due_at: datetime,
    actor: Actor,
    now: datetime,
) -> None:
    """Keep that a customer is to be called again: who does it, by when, and what they said."""
    territory_id = session.scalar(select(Visit.territory_id).where(Visit.id == visit_id))
    if territory_id is None:
        raise NotFound("There is no such visit.")
    actor.require(Right.MESSAGE_EDIT, territory_id, what="call")
    if not note.strip():
        raise Invalid("Say in a few words what they said, so that whoever calls knows.", field="note")
    if due_at <= now:
        raise Invalid("Say by when they are called again; the time must lie ahead.", field="due_at")
    if session.scalar(select(User.active).where(User.id == owner_id)) is not True:
        raise Invalid("Choose somebody who can sign in.", field="owner_id")
    call_first(session, [BadNews(visit_id=visit_id, kind=kind, facts={}, by=due_at)], now=now)
    call = session.scalars(
        select(CallTask)
        .where(CallTask.visit_id == visit_id, CallTask.state == CallState.OPEN)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    call.facts = {**call.facts, "note": note.strip()}
    call.owner_id, call.due_at = owner_id, due_at
    session.flush()
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="call_again",
            entity="visit",
            entity_id=str(visit_id),
            territory_id=territory_id,
            after={"note": note.strip(), "owner_id": owner_id, "due_at": due_at.isoformat()},
        ),
    )


def withdraw_calls(
    session: Session,
    visit_ids: Sequence[int],
    *,
    why: str,
    now: datetime,
    kind: CallKind | None = CallKind.PROMISE_BROKEN,
) -> None:
    """Take back open calls that nobody needs any more: those about broken promises, of another kind, or all (None)."""
    session.execute(
        update(CallTask)
        .where(
            CallTask.visit_id.in_(visit_ids),
            literal(True) if kind is None else CallTask.kind == kind,
            CallTask.state == CallState.OPEN,
        )
        .values(state=CallState.WITHDRAWN, outcome=why, closed_at=now, version=CallTask.version + 1)
        .execution_options(synchronize_session=False)
    )


def note_told(
    session: Session,
    *,
    call_id: int,
    version: int | None,
    outcome: str,
    actor: Actor,
    now: datetime,
    window: Window | None = None,
) -> CallTask:
    """Note what was agreed in a call; what is to be written about it (a new window, or that none stands) goes out."""
    call = session.get(CallTask, call_id, with_for_update=True, populate_existing=True)
    visit = None if call is None else session.get_one(Visit, call.visit_id)
    if call is None or visit is None:
        raise NotFound("There is no such call.")
    actor.require(Right.MESSAGE_EDIT, visit.territory_id, what="call")
    if call.state is not CallState.OPEN:
        raise Conflict("This call was settled already. Its outcome stands in the history of the job.")
    if version is not None and version != call.version:
        raise Conflict("The news changed since you looked. Read it again before you call.")
    if not outcome.strip():
        raise Invalid("Say in a few words what was agreed.", field="outcome")
    if window is not None and call.kind is CallKind.CANCELLED:
        raise Invalid("The job is called off. Open it again before you agree on a new time.", field="promise_start")
    call.state, call.outcome = CallState.TOLD, outcome.strip()
    call.closed_at, call.closed_by_id = now, actor.user_id
    session.flush()
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="call_told",
            entity="visit",
            entity_id=str(call.visit_id),
            territory_id=visit.territory_id,
            after={"outcome": call.outcome},
        ),
    )
    if call.kind is CallKind.CANCELLED:
        during = call.facts.get("promise")
        withdraw_window(session, visit_id=visit.id, during=during, said=True, actor=actor, now=now)
    if window is not None:
        promise_window(
            session, visit_id=visit.id, window=window, agreed_with=None, channel="call", actor=actor, now=now
        )
    return call
