"""What a person wants of work in a skill, and suggestions from their own work that they turned down."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.errors import Invalid
from dispatch.skills.cataloguing import get_skill
from dispatch.skills.common import note, require_over
from dispatch.skills.models import Skill, SkillWish, Wish


def wish_for(
    session: Session, *, technician_id: int, skill_id: int, wish: str, actor: Actor, now: datetime
) -> SkillWish:
    """Note whether a person would like more work in a skill, has enough, or would like less; the last word holds."""
    try:
        said = Wish(wish)
    except ValueError:
        raise Invalid("Choose more, enough or less.", field="wish") from None
    return _keep(session, technician_id, skill_id, {"wish": said}, actor, now)


def turn_down(session: Session, *, technician_id: int, skill_id: int, actor: Actor, now: datetime) -> SkillWish:
    """Note that work done so far is no reason to add a skill; only what is done from now on suggests it again."""
    return _keep(session, technician_id, skill_id, {"declined_at": now}, actor, now)


def wishes_of(session: Session, technician_id: int) -> dict[int, Wish]:
    """Return a person's wishes by skill; one statement."""
    rows = session.execute(
        select(SkillWish.skill_id, SkillWish.wish).where(
            SkillWish.technician_id == technician_id, SkillWish.wish.is_not(None)
        )
    )
    return {row.skill_id: row.wish for row in rows}


def wishes_among(session: Session, people: Collection[int], skills: Collection[int]) -> dict[int, list[SkillWish]]:
    """Return who of some people said what they want of work in some skills, by person and name of the skill."""
    if not people or not skills:
        return {}
    found: dict[int, list[SkillWish]] = {}
    rows = session.scalars(
        select(SkillWish)
        .join(Skill, Skill.id == SkillWish.skill_id)
        .where(SkillWish.technician_id.in_(people), SkillWish.skill_id.in_(skills), SkillWish.wish.is_not(None))
        .order_by(Skill.name, Skill.id)
    )
    for row in rows:
        found.setdefault(row.technician_id, []).append(row)
    return found


def _keep(
    session: Session, technician_id: int, skill_id: int, values: dict[str, Any], actor: Actor, now: datetime
) -> SkillWish:
    require_over(session, actor, Right.SKILL_CLAIM, technician_id, now)
    get_skill(session, skill_id)
    values = values | {"changed_at": now}
    kept = session.scalars(
        insert(SkillWish)
        .values(technician_id=technician_id, skill_id=skill_id, **values)
        .on_conflict_do_update(index_elements=["technician_id", "skill_id"], set_=values)
        .returning(SkillWish),
        execution_options={"populate_existing": True},
    ).one()
    shown = {"technician_id": technician_id, "skill_id": skill_id, "wish": kept.wish and str(kept.wish)}
    note(session, "change", kept, now, actor, after=shown)
    return kept
