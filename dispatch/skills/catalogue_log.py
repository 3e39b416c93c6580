"""What the log keeps of a changed part of the catalogue, with the way back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.core.audit import Change, record
from dispatch.skills.models import CertificationKind, Skill


def note_parts(
    session: Session,
    row: Skill | CertificationKind,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
    action: str,
    reason: str | None = None,
    undoes_seq: int | None = None,
) -> None:
    """Note which parts of a skill or a kind of certificate became what; ``before`` holds all parts as the log does."""
    entity, key = ("skill", "skill_id") if isinstance(row, Skill) else ("certification_kind", "kind_id")
    was, becomes = {part: before[part] for part in after}, {part: plain(value) for part, value in after.items()}
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action=action,
            entity=entity,
            entity_id=str(row.id),
            entity_version=row.version,
            before=was,
            after=becomes,
            reason=reason,
            inverse={"command": entity, key: row.id, "expect": becomes, "restore": was},
            undoes_seq=undoes_seq,
        ),
    )


def plain(value: Any) -> Any:
    """Return a part as the log keeps it: instants as texts, pairs as lists."""
    if isinstance(value, tuple) or (isinstance(value, list) and value and isinstance(value[0], tuple)):
        return [list(pair) if isinstance(pair, tuple) else pair for pair in value]
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
