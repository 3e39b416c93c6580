"""What the use cases of this feature share: who may act on whom, and the line in the change log."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.core.errors import Forbidden, NotFound
from dispatch.skills.models import Certification, CertificationKind, Evidence, EvidenceContest, Skill, SkillWish
from dispatch.workforce.models import Technician, TerritoryMembership


def user_of(actor: Actor) -> int:
    """Return the signed-in user behind an action that a system cannot take."""
    if actor.user_id is None:
        raise Forbidden("Only a person who is signed in can do this.")
    return actor.user_id


def may_over(session: Session, actor: Actor, right: Right, technician_id: int, now: datetime) -> bool:
    """Say whether the actor holds a right over this person: their own, or in a territory the person belongs to."""
    return any(actor.may(right, place, technician_id=technician_id) for place in _places(session, technician_id, now))


def require_over(session: Session, actor: Actor, right: Right, technician_id: int, now: datetime) -> None:
    """Refuse where :func:`may_over` says no: somebody out of reach is answered like somebody who does not exist."""
    if session.get(Technician, technician_id) is None:
        raise NotFound("There is no such person.")
    if not may_over(session, actor, right, technician_id, now):
        actor.require(right, _places(session, technician_id, now)[0], technician_id=technician_id, what="person")


def _places(session: Session, technician_id: int, now: datetime) -> tuple[int | None, ...]:
    """Return the territories a person belongs to that day; one `None` for somebody who belongs nowhere."""
    today = now.astimezone(UTC).date()
    places = session.scalars(
        select(TerritoryMembership.territory_id).where(
            TerritoryMembership.technician_id == technician_id, TerritoryMembership.during.contains(today)
        )
    ).all()
    return tuple(places) or (None,)


def note(
    session: Session,
    action: str,
    row: Skill | CertificationKind | Evidence | EvidenceContest | Certification | SkillWish,
    now: datetime,
    actor: Actor,
    *,
    after: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Write one line of the change log about a row that was flushed."""
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action=action,
            entity=row.__tablename__,
            entity_id=str(row.id),
            entity_version=getattr(row, "version", None),
            before=before,
            after=after,
            reason=reason,
        ),
    )
