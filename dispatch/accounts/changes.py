"""One way to change a row: compare the version that was read, note before and after, keep the way back."""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.accounts.models import User
from dispatch.core.audit import Change, record
from dispatch.core.db import Base
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
) -> bool:
    """Set the fields that differ; False when nothing did. Raises Conflict when the row moved on since ``version``."""
    unknown = set(changes) - set(allowed)
    if unknown:
        raise Invalid(f"These fields cannot be changed here: {', '.join(sorted(unknown))}.")
    entity, row_id = row.__tablename__, row.id  # type: ignore[attr-defined]  # every versioned table has both
    current: int = row.version  # type: ignore[attr-defined]  # see above
    if version != current:
        raise Conflict(_who_was_first(session, entity, row_id))
    before = {key: getattr(row, key) for key, value in changes.items() if getattr(row, key) != value}
    if not before:
        return False
    after = {key: changes[key] for key in before}
    for key, value in after.items():
        setattr(row, key, value)
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="change",
            entity=entity,
            entity_id=str(row_id),
            entity_version=current + 1,
            before=_plain(before),
            after=_plain(after),
            reason=reason,
        ),
    )
    return True


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value.value if isinstance(value, Enum) else value.isoformat() if isinstance(value, datetime) else value
        for key, value in values.items()
    }


def _who_was_first(session: Session, entity: str, row_id: int) -> str:
    found = session.execute(
        select(User.name, AuditEvent.at)
        .join(User, User.id == AuditEvent.actor_id)
        .where(AuditEvent.entity == entity, AuditEvent.entity_id == str(row_id))
        .order_by(AuditEvent.seq.desc())
        .limit(1)
    ).first()
    who = f"{found.name} changed this at {found.at:%H:%M} UTC" if found else "Somebody changed this"
    return f"{who} while you had it open. Your entries are still here: compare with what is saved, then save again."
