"""The one change log: history, undo, live updates and stale detection all read it.

Services call :func:`record`. The rows are written when the session commits: the head row is locked, hands out
gapless sequence numbers and chains the hashes, so the lock is held for the commit only. What a savepoint rolled back
is not written. What one person changes in one transaction is one step: its first way back carries all of them.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import event, insert, select, text, update
from sqlalchemy.orm import Session, SessionTransaction

from dispatch.core.models import AuditEvent, AuditHead

CHANNEL: ContextVar[str] = ContextVar("audit_channel", default="system")
_PENDING = "audit_pending"
_MARKS = "audit_marks"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change, before it has a sequence number."""

    at: datetime
    actor_id: int | None
    action: str
    entity: str
    entity_id: str
    entity_version: int | None = None
    territory_id: int | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str | None = None
    inverse: Mapping[str, Any] | None = None
    undoes_seq: int | None = None
    channel: str = field(default_factory=CHANNEL.get)


def record(session: Session, change: Change) -> None:
    """Note a change; it is written with this session's commit, or not at all."""
    session.info.setdefault(_PENDING, []).append(change)


def is_pending(session: Session) -> bool:
    """Tell whether this session has changes to log that are not committed yet."""
    return bool(session.info.get(_PENDING))


def digest(prev: str, values: Mapping[str, Any]) -> str:
    """Return the hash of an event chained to the one before it."""
    body = json.dumps(values, sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{prev}\n{body}".encode()).hexdigest()


def _row(change: Change, seq: int) -> dict[str, Any]:
    return {
        "seq": seq,
        "at": change.at,
        "actor_id": change.actor_id,
        "channel": change.channel,
        "action": change.action,
        "entity": change.entity,
        "entity_id": change.entity_id,
        "entity_version": change.entity_version,
        "territory_id": change.territory_id,
        "before": _plain(change.before),
        "after": _plain(change.after),
        "reason": change.reason,
        "inverse": _plain(change.inverse),
        "undoes_seq": change.undoes_seq,
    }


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the values as JSON would give them back, so that a hash can be verified from the stored row."""
    return None if values is None else json.loads(json.dumps(dict(values), default=str))


def as_steps(changes: Sequence[Change]) -> list[Change]:
    """Gather the ways back of each person in the first change that has one, in the order they were made."""
    backs: dict[int, list[int]] = defaultdict(list)
    for index, change in enumerate(changes):
        if change.inverse is not None and change.actor_id is not None:
            backs[change.actor_id].append(index)
    made = list(changes)
    for first, *others in backs.values():
        if not others:
            continue
        parts = [made[index].inverse for index in (first, *others)]
        undoes = next((made[i].undoes_seq for i in (first, *others) if made[i].undoes_seq is not None), None)
        for index in others:
            made[index] = replace(made[index], inverse=None, undoes_seq=None)
        made[first] = replace(made[first], inverse={"command": "group", "parts": parts}, undoes_seq=undoes)
    return made


def write_pending(session: Session) -> None:
    """Write what :func:`record` collected; called by the session itself just before it commits."""
    changes: list[Change] = session.info.pop(_PENDING, [])
    if not changes:
        return
    session.flush()
    head = session.execute(select(AuditHead.seq, AuditHead.hash).with_for_update()).one()
    seq, prev = head.seq, head.hash
    rows = []
    for change in as_steps(changes):
        seq += 1
        row = _row(change, seq)
        row["prev"] = prev
        prev = row["hash"] = digest(prev, row | {"at": change.at.timestamp()})
        rows.append(row)
    session.execute(insert(AuditEvent), rows)
    session.execute(update(AuditHead).values(seq=seq, hash=prev))
    session.execute(text("SELECT pg_notify('changes', '')"))


def position(session: Session) -> int:
    """Return the sequence number of the latest change that is committed."""
    return session.execute(select(AuditHead.seq)).scalar_one()


def verify_chain(session: Session, *, after: int = 0) -> int | None:
    """Return the first sequence number at which the log was tampered with, or None when it is whole.

    With ``after`` only what comes later is read, and the line itself is believed: an answer while somebody waits.
    """
    seq, prev = after, ""
    if after:
        prev = session.scalar(select(AuditEvent.hash).where(AuditEvent.seq == after)) or ""
    lines = select(AuditEvent).where(AuditEvent.seq > after).order_by(AuditEvent.seq)
    with closing(session.scalars(lines.execution_options(yield_per=1000))) as log:
        for stored in log:
            seq += 1
            row = {key: getattr(stored, key) for key in _COLUMNS}
            if stored.seq != seq or stored.prev != prev:
                return seq
            prev = digest(prev, row | {"at": stored.at.timestamp()})
            if stored.hash != prev:
                return seq
    head = session.execute(select(AuditHead.seq, AuditHead.hash)).one()
    return None if (head.seq, head.hash) == (seq, prev) else seq + 1


_COLUMNS = tuple(column.key for column in AuditEvent.__table__.columns if column.key != "hash")


@event.listens_for(Session, "before_commit")
def _before_commit(session: Session) -> None:
    if not session.in_nested_transaction():
        write_pending(session)


@event.listens_for(Session, "after_transaction_create")
def _mark(session: Session, transaction: SessionTransaction) -> None:
    """Note how much was pending when a savepoint began. It ends before its rollback is told: the mark outlives it."""
    marks = session.info.setdefault(_MARKS, WeakKeyDictionary())
    marks[transaction] = len(session.info.get(_PENDING, ()))


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, previous: SessionTransaction) -> None:
    pending = session.info.get(_PENDING)
    if pending is not None:
        del pending[session.info[_MARKS].get(previous, 0) :]
