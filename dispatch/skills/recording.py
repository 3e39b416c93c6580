"""Putting one fact about a person on record: the one way in for every kind of evidence."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.errors import Forbidden, Invalid, NotFound
from dispatch.skills.cataloguing import get_skill
from dispatch.skills.common import note, require_over
from dispatch.skills.models import Evidence
from dispatch.skills.recompute import recompute_proficiency
from dispatch.skills.sources import source_named
from dispatch.workforce.models import Technician

_CLOCK_SLACK = timedelta(minutes=5)

# Who may put which kind of fact on record. Everything not listed here is a judgement and needs SKILL_CONFIRM.
_RIGHTS = {
    "self_claim": Right.SKILL_CLAIM,
    "endorsement": Right.SKILL_CLAIM,
    "job_outcome": Right.JOB_REPORT,
    "imported_rating": Right.IMPORT,
}


def record_evidence(
    session: Session,
    *,
    technician_id: int,
    skill_id: int,
    source: str,
    facts: Mapping[str, Any],
    at: datetime | None = None,
    visit_id: int | None = None,
    outside_key: str | None = None,
    actor: Actor,
    now: datetime,
    recompute: bool = True,
) -> Evidence:
    """Put one fact on record and recompute the person's levels.

    `outside_key` makes it safe to repeat: a fact with a key on record is returned as it stands. Callers that add many
    facts pass `recompute=False` and call :func:`recompute_all` at the end.
    """
    try:
        kind = source_named(source)
        kind.parse(facts)
    except ValueError as error:
        raise Invalid(f"This is not a fact we can use: {error}.", field="facts") from error
    at = now if at is None else at
    if at.tzinfo is None or at > now + _CLOCK_SLACK:
        raise Invalid("A fact needs a date with a time zone, and not one in the future.", field="at")
    skill = get_skill(session, skill_id)
    if not skill.assignable:
        raise Invalid(f"{skill.name} is a group of skills; choose one of those below it.", field="skill_id")
    _require_recorder(session, actor, source, technician_id, now)
    if outside_key is not None:
        known = session.scalar(select(Evidence).where(Evidence.outside_key == outside_key))
        if known is not None:
            return known
    fact = Evidence(
        technician_id=technician_id,
        skill_id=skill_id,
        source=source,
        at=at,
        facts=dict(facts),
        visit_id=visit_id,
        outside_key=outside_key,
        recorded_by_id=actor.user_id,
        recorded_at=now,
    )
    session.add(fact)
    session.flush()
    shown = {"technician_id": technician_id, "skill_id": skill_id, "source": source}
    # What an outcome says is personal performance data: the log names the fact, the fact itself is read elsewhere.
    note(session, "record", fact, now, actor, after=shown if kind.outcome else shown | {"facts": dict(facts)})
    if recompute:
        recompute_proficiency(session, technician_id, now=now)
    return fact


def _require_recorder(session: Session, actor: Actor, source: str, technician_id: int, now: datetime) -> None:
    """Refuse whoever may not put this kind of fact on record about this person."""
    right = _RIGHTS.get(source, Right.SKILL_CONFIRM)
    own = actor.technician_id == technician_id
    if source == "endorsement":
        actor.require(right)
        if session.get(Technician, technician_id) is None:
            raise NotFound("There is no such person.")
    else:
        require_over(session, actor, right, technician_id, now)
    if own and source not in ("self_claim", "job_outcome"):
        raise Forbidden("Nobody confirms their own skill; ask your manager or a colleague.")
