"""Tying up loose ends: an open thing is handed to a named person, put off, or closed with a reason; nothing else.

A job keeps owner and due time itself, as do a contest and a proposal; what has none gets them in a row of its own.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.changes import apply_changes
from dispatch.accounts.models import User
from dispatch.core.audit import Change, record
from dispatch.core.db import Base
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.models import Job
from dispatch.jobs.service import set_next_step
from dispatch.planning.cancelling import call_off_job
from dispatch.planning.cover_models import CoverTask
from dispatch.planning.loose_ends import LooseEnd, get_loose_end
from dispatch.planning.models import Correction, LooseEndCare
from dispatch.planning.unfit import UNFIT, UNSAFE
from dispatch.skills.models import Certification, DocumentState, EvidenceContest

HANDED = frozenset({"job", "contest", "correction", "certificate", "partner", "cover", UNFIT, UNSAFE})
CLOSED = frozenset({"job", "certificate", "partner", "cover", UNFIT})
_KEEPERS: dict[str, type[Base]] = {"contest": EvidenceContest, "correction": Correction, "cover": CoverTask}
_ENTITIES = {
    "certificate": "certification",
    "partner": "partner_document",
    "cover": "cover_task",
    UNFIT: "assignment",
    UNSAFE: "assignment",
}
REASON_FROM = 2  # the first time somebody puts a thing off needs none


@dataclass(frozen=True, kw_only=True)
class Which:
    """One open thing, and who decides about it."""

    kind: str
    key_id: int
    actor: Actor
    now: datetime


def hand_over(session: Session, which: Which, *, owner_id: int) -> LooseEnd:
    """Give an open thing to a named person who can sign in."""
    end = _mine(session, which, HANDED)
    if session.scalar(select(User.active).where(User.id == owner_id)) is not True:
        raise Invalid("Hand it to somebody who can sign in.", field="owner_id")
    _write(session, which, end, action="hand_over", owner_id=owner_id)
    return end


def put_off(session: Session, which: Which, *, due_at: datetime, reason: str) -> LooseEnd:
    """Give an open thing a later due time; from the second time on somebody must say why."""
    end = _mine(session, which, HANDED)
    if due_at <= which.now:
        raise Invalid("Choose a time that is still to come.", field="due_at")
    care = _care(session, which)
    if care.put_off + 1 >= REASON_FROM and not reason.strip():
        raise Invalid("It was put off before. Say why it waits once more.", field="reason")
    care.put_off += 1
    care.reason = reason.strip() or care.reason
    session.flush()
    _write(session, which, end, action="put_off", due_at=due_at, reason=reason.strip() or None)
    return end


def close_end(session: Session, which: Which, *, reason: str, customer_knows: bool = False) -> LooseEnd:
    """Close an open thing that will not be done, with the reason; a job is cancelled by that, see `call_off_job`."""
    end = _mine(session, which, CLOSED)
    if not reason.strip():
        raise Invalid("Say why it is closed.", field="reason")
    if which.kind == "job":
        which.actor.require(Right.JOB_EDIT, end.territory_id, what="job")
        call_off_job(
            session,
            job_id=which.key_id,
            reason=reason,
            actor=which.actor,
            now=which.now,
            customer_knows=customer_knows,
        )
        return end
    if which.kind == "certificate":
        state = session.scalar(select(Certification.state).where(Certification.id == which.key_id))
        if state == DocumentState.CLAIMED:
            raise Conflict("Somebody waits for an answer. Confirm the certificate or return it.")
    if which.kind == "cover":
        session.get_one(CoverTask, which.key_id, with_for_update=True).closed_at = which.now
    care = _care(session, which)
    care.closed_at, care.reason = which.now, reason.strip()
    session.flush()
    _note(session, which, "close", {"closed": False}, {"closed": True}, reason.strip())
    return end


def _mine(session: Session, which: Which, kinds: frozenset[str]) -> LooseEnd:
    end = get_loose_end(session, kind=which.kind, key_id=which.key_id, actor=which.actor, now=which.now)
    if which.kind not in kinds:
        raise Conflict("This is done on its own page: open it there.")
    own = which.actor.user_id is not None and end.owner_id == which.actor.user_id
    if not own:
        which.actor.require(Right.LOOSE_END_EDIT, end.territory_id, what="loose end")
    return end


def _write(
    session: Session,
    which: Which,
    end: LooseEnd,
    *,
    action: str,
    owner_id: int | None = None,
    due_at: datetime | None = None,
    reason: str | None = None,
) -> None:
    """Set owner or due time where the thing keeps them."""
    if which.kind == "job":
        job = session.get_one(Job, which.key_id)
        set_next_step(
            session,
            job_id=job.id,
            next_step=end.next_step,
            due_at=due_at or end.due_at,
            owner_id=owner_id,
            waiting=job.state == "waiting",
            actor=which.actor,
            now=which.now,
        )
        return
    changes: dict[str, Any] = {"owner_id": owner_id} if owner_id else {"due_at": due_at}
    if which.kind in _KEEPERS:
        row: Any = session.get_one(_KEEPERS[which.kind], which.key_id, with_for_update=True)
        apply_changes(
            session,
            row,
            version=row.version,
            changes=changes,
            allowed=set(changes),
            actor=which.actor,
            now=which.now,
            reason=reason,
            undoable=False,  # handed back, not taken back: the other person may have begun
        )
        session.flush()
        return
    care = _care(session, which)
    before = {key: getattr(end, key) for key in changes}
    for key, value in changes.items():
        setattr(care, key, value)
    session.flush()
    _note(session, which, action, before, changes, reason)


def _care(session: Session, which: Which) -> LooseEndCare:
    """Return the row that holds what was decided, made on the first decision; locked, whoever else decides waits."""
    session.execute(insert(LooseEndCare).values(kind=which.kind, key_id=which.key_id).on_conflict_do_nothing())
    return session.scalars(
        select(LooseEndCare)
        .where(LooseEndCare.kind == which.kind, LooseEndCare.key_id == which.key_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _note(
    session: Session, which: Which, action: str, before: dict[str, Any], after: dict[str, Any], reason: str | None
) -> None:
    entity = _ENTITIES.get(which.kind, which.kind)
    record(
        session,
        Change(
            at=which.now,
            actor_id=which.actor.user_id,
            action=action,
            entity=entity,
            entity_id=str(which.key_id),
            before=before,
            after=after,
            reason=reason,
        ),
    )
