"""One way to change a row: compare the version that was read, note before and after, keep the way back."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import Date, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.accounts.models import User
from dispatch.core.audit import Change, record
from dispatch.core.db import Base, Choice, Instant
from dispatch.core.errors import Conflict, Invalid
from dispatch.core.models import AuditEvent


def apply_changes(
    session: Session,
    row: Base,
    *,
    version: int,
    changes: Mapping[str, Any],
    allowed: Collection[str],
    actor: Actor,
    now: datetime,
    reason: str | None = None,
    undoable: bool = True,
) -> bool:
    """Set the fields that differ; False when nothing did. Raises Conflict when the row moved on since ``version``."""
    unknown = set(changes) - set(allowed)
    if unknown:
        raise Invalid(f"These fields cannot be changed here: {', '.join(sorted(unknown))}.")
    entity, row_id = row.__tablename__, row.id  # type: ignore[attr-defined]  # every versioned table has both
    current: int = row.version  # type: ignore[attr-defined]  # see above
    if version != current:
        raise Conflict(who_was_first(session, entity, row_id))
    before = {key: getattr(row, key) for key, value in changes.items() if getattr(row, key) != value}
    if not before:
        return False
    after = {key: changes[key] for key in before}
    for key, value in after.items():
        setattr(row, key, value)
    _note_fields(session, row, _plain(before), _plain(after), actor=actor, now=now, reason=reason, undoable=undoable)
    return True


def put_back(
    session: Session,
    row: Base,
    inverse: Mapping[str, Any],
    *,
    action: str,
    undoes_seq: int,
    actor: Actor,
    now: datetime,
) -> None:
    """Give fields the values that :func:`apply_changes` noted, as long as they still hold what it left there."""
    expect, restore = inverse["expect"], inverse["restore"]
    held = _plain({key: getattr(row, key) for key in expect})
    if held != expect:
        raise Conflict("The fields hold something else by now.")
    for key, value in restore.items():
        setattr(row, key, _revived(row, key, value))
    _note_fields(session, row, held, restore, actor=actor, now=now, action=action, undoes_seq=undoes_seq)


def note(
    session: Session,
    row: Base,
    action: str,
    *,
    actor: Actor,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    territory_id: int | None = None,
    reason: str | None = None,
    inverse: Mapping[str, Any] | None = None,
    undoes_seq: int | None = None,
    version: int | None = None,
) -> None:
    """Record what was done to a versioned row.

    Without ``territory_id`` the row's own is taken, if it has one; without ``version`` that which it has once it is
    written.
    """
    if version is None:
        session.flush()
        version = row.version  # type: ignore[attr-defined]  # every versioned table has one
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action=action,
            entity=row.__tablename__,
            entity_id=str(row.id),  # type: ignore[attr-defined]  # every versioned table has both
            entity_version=version,
            territory_id=getattr(row, "territory_id", None) if territory_id is None else territory_id,
            before=before,
            after=after,
            reason=reason,
            inverse=inverse,
            undoes_seq=undoes_seq,
        ),
    )


def _note_fields(
    session: Session,
    row: Base,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
    action: str = "change",
    reason: str | None = None,
    undoes_seq: int | None = None,
    undoable: bool = True,
) -> None:
    entity, row_id = row.__tablename__, row.id  # type: ignore[attr-defined]  # every versioned table has both
    way_back = {"command": "fields", "entity": entity, "id": row_id, "expect": after, "restore": before}
    note(
        session,
        row,
        action,
        actor=actor,
        now=now,
        before=before,
        after=after,
        reason=reason,
        inverse=way_back if undoable else None,
        undoes_seq=undoes_seq,
        version=row.version + 1,  # type: ignore[attr-defined]  # it is written with all else that changes of it
    )


def _revived(row: Base, key: str, value: Any) -> Any:
    """Return what a column holds from what the log keeps of it."""
    kind = row.__table__.c[key].type
    if value is None:
        return None
    if isinstance(kind, Instant):
        return datetime.fromisoformat(value)
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    return kind.kind(value) if isinstance(kind, Choice) else value


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value.value if isinstance(value, Enum) else value.isoformat() if isinstance(value, date) else value
        for key, value in values.items()
    }


def who_was_first(session: Session, entity: str, row_id: int) -> str:
    """Return the sentence for somebody whose row was changed while they had it open."""
    found = session.execute(
        select(User.name, AuditEvent.at)
        .join(User, User.id == AuditEvent.actor_id)
        .where(AuditEvent.entity == entity, AuditEvent.entity_id == str(row_id))
        .order_by(AuditEvent.seq.desc())
        .limit(1)
    ).first()
    who = f"{found.name} changed this at {found.at:%H:%M} UTC" if found else "Somebody changed this"
    return f"{who} while you had it open. Your entries are still here: compare with what is saved, then save again."
