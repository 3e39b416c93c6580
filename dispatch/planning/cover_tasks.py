"""Taking a step of a cover plan upon oneself or somebody else: it becomes a loose end with owner and due time."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.planning.cover_models import CoverKind, CoverTask


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is to be done, by whom and by when."""

    kind: CoverKind
    technician_id: int
    subject: str
    title: str
    next_step: str
    territory_id: int
    owner_id: int
    due_at: datetime
    helper_id: int | None = None
    certification_id: int | None = None
    visit_id: int | None = None


def take_steps(session: Session, steps: Sequence[Step], *, actor: Actor, now: datetime) -> int:
    """Write the steps down, each once while it is open; returns how many are new."""
    for place in {step.territory_id for step in steps}:
        actor.require(Right.LOOSE_END_EDIT, place, what="loose end")
    made = 0
    for step in steps:
        values = {**asdict(step), "made_by_id": actor.user_id, "made_at": now}
        new = session.scalar(insert(CoverTask).values(values).on_conflict_do_nothing().returning(CoverTask.id))
        if new is None:
            continue
        made += 1
        after = {"kind": step.kind.value, "subject": step.subject, "owner_id": step.owner_id, "due_at": step.due_at}
        record(
            session,
            Change(
                at=now,
                actor_id=actor.user_id,
                action="take_up",
                entity="cover_task",
                entity_id=str(new),
                after={**after, "technician_id": step.technician_id, "helper_id": step.helper_id},
            ),
        )
    return made


def open_steps(session: Session, subjects: Collection[str]) -> dict[tuple[CoverKind, int, str], datetime]:
    """Return which steps about these things are open, and since when: by kind, technician and subject."""
    found = session.execute(
        select(CoverTask.kind, CoverTask.technician_id, CoverTask.subject, CoverTask.made_at).where(
            CoverTask.closed_at.is_(None), CoverTask.subject.in_(subjects)
        )
    )
    return {(kind, who, subject): at for kind, who, subject, at in found}
