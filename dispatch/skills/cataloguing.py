"""Use cases on the catalogue: add, relate and retire skills, add kinds of certification, load the starter."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.skills.catalogue import ACCURACY_HALF_LIFE_DAYS
from dispatch.skills.common import note
from dispatch.skills.models import CertificationKind, RelationKind, Skill, SkillAlias, SkillRelation
from dispatch.skills.starter import CERTIFICATIONS, LEVEL_MEANINGS, SKILLS, TRADES
from dispatch.skills.taxonomy import load_taxonomy, would_loop


def get_skill(session: Session, skill_id: int) -> Skill:
    """Return a skill that is in use, or raise NotFound."""
    skill = session.get(Skill, skill_id)
    if skill is None:
        raise NotFound("There is no such skill.")
    return skill


def add_skill(
    session: Session,
    *,
    code: str,
    name: str,
    parent_id: int | None = None,
    assignable: bool = True,
    half_life_days: int = ACCURACY_HALF_LIFE_DAYS,
    critical: bool = False,
    aliases: Sequence[str] = (),
    level_anchors: Mapping[str, str] | None = None,
    owner_id: int | None = None,
    actor: Actor,
    now: datetime,
) -> Skill:
    """Add a skill (or, when not assignable, a trade or group) to the catalogue."""
    actor.require(Right.CATALOGUE_EDIT)
    code, name = code.strip(), name.strip()
    if not code or not name:
        raise Invalid("A skill needs a code and a name.", field="name" if code else "code")
    if half_life_days < 1:
        raise Invalid("The half-life of practice is at least one day.", field="half_life_days")
    if parent_id is not None and session.get(Skill, parent_id) is None:
        raise Invalid(f"There is no skill {parent_id} to put this one under.", field="parent_id")
    if session.scalar(select(Skill.id).where(Skill.code == code)) is not None:
        raise Conflict(f"There is already a skill with the code {code}.")
    words = {word.casefold(): word for word in (" ".join(alias.split()) for alias in aliases) if word}
    skill = Skill(
        code=code,
        name=name,
        parent_id=parent_id,
        assignable=assignable,
        half_life_days=half_life_days,
        critical=critical,
        level_anchors=dict(level_anchors or {}),
        owner_id=owner_id,
        aliases=[SkillAlias(alias=word) for word in words.values()],
    )
    session.add(skill)
    session.flush()
    note(session, "add", skill, now, actor, after={"code": code, "name": name, "parent_id": parent_id})
    return skill


def retire_skill(session: Session, *, skill_id: int, reason: str, actor: Actor, now: datetime) -> Skill:
    """Take a skill out of use; facts about it stay and keep informing its neighbours."""
    actor.require(Right.CATALOGUE_EDIT)
    skill = get_skill(session, skill_id)
    if skill.retired_at is not None:
        return skill
    live_child = session.scalar(
        select(Skill.name).where(Skill.parent_id == skill_id, Skill.retired_at.is_(None)).limit(1)
    )
    if live_child is not None:
        raise Conflict(f"{skill.name} still has skills in use below it, such as {live_child}; retire those first.")
    skill.retired_at = now
    session.flush()
    note(session, "retire", skill, now, actor, after={"retired_at": now.isoformat()}, reason=reason)
    return skill


def relate_skills(
    session: Session, *, kind: RelationKind, skill_id: int, other_id: int, actor: Actor, now: datetime
) -> SkillRelation:
    """Say that a skill needs (prerequisite) or includes (implies) another; loops are refused."""
    actor.require(Right.CATALOGUE_EDIT)
    skill, other = get_skill(session, skill_id), get_skill(session, other_id)
    if would_loop(load_taxonomy(session), kind, skill_id, other_id):
        raise Invalid(
            f"{other.name} already needs or includes {skill.name}; this would go round in a circle.", "other_id"
        )
    relation = session.scalar(
        select(SkillRelation).where(
            SkillRelation.kind == kind, SkillRelation.skill_id == skill_id, SkillRelation.other_id == other_id
        )
    )
    if relation is None:
        relation = SkillRelation(kind=kind, skill_id=skill_id, other_id=other_id)
        session.add(relation)
        session.flush()
        note(session, "relate", skill, now, actor, after={"kind": str(kind), "other_id": other_id})
    return relation


def add_certification_kind(
    session: Session,
    *,
    code: str,
    name: str,
    issuer: str | None = None,
    usual_validity_months: int | None = None,
    field: str | None = None,
    safety: bool = False,
    actor: Actor,
    now: datetime,
) -> CertificationKind:
    """Add a kind of certification to the catalogue."""
    actor.require(Right.CATALOGUE_EDIT)
    if not code.strip() or not name.strip():
        raise Invalid("A kind of certification needs a code and a name.", field="name" if code.strip() else "code")
    if usual_validity_months is not None and usual_validity_months < 1:
        raise Invalid("A validity lasts at least one month.", field="usual_validity_months")
    if session.scalar(select(CertificationKind.id).where(CertificationKind.code == code.strip())) is not None:
        raise Conflict(f"There is already a kind of certification with the code {code.strip()}.")
    kind = CertificationKind(
        code=code.strip(),
        name=name.strip(),
        issuer=issuer,
        usual_validity_months=usual_validity_months,
        field=field,
        safety=safety,
    )
    session.add(kind)
    session.flush()
    note(session, "add", kind, now, actor, after={"code": kind.code, "name": kind.name})
    return kind


def load_starter_catalogue(session: Session, *, actor: Actor, now: datetime) -> tuple[int, int]:
    """Add what is missing of the built-in catalogue; return how many skills and kinds of certification were added."""
    actor.require(Right.CATALOGUE_EDIT)
    known = {row.code: row.id for row in session.execute(select(Skill.code, Skill.id))}
    kinds = set(session.scalars(select(CertificationKind.code)))
    anchors = {str(level): meaning for level, meaning in LEVEL_MEANINGS.items()}
    trades = [
        Skill(code=code, name=name, assignable=False, half_life_days=ACCURACY_HALF_LIFE_DAYS, level_anchors={})
        for code, name in TRADES
        if code not in known
    ]
    session.add_all(trades)
    session.flush()
    known.update((trade.code, trade.id) for trade in trades)
    skills = [
        Skill(
            code=one.code,
            name=one.name,
            parent_id=known[one.code.partition(".")[0]],
            half_life_days=one.fading.half_life_days,
            critical=one.critical,
            level_anchors=anchors,
            aliases=[SkillAlias(alias=alias) for alias in one.aliases],
        )
        for one in SKILLS
        if one.code not in known
    ]
    papers = [
        CertificationKind(
            code=one.code,
            name=one.name,
            issuer=one.issuer,
            usual_validity_months=one.months,
            field=one.field,
            safety=one.safety,
        )
        for one in CERTIFICATIONS
        if one.code not in kinds
    ]
    session.add_all([*skills, *papers])
    session.flush()
    if trades or skills or papers:
        added = {"trades": len(trades), "skills": len(skills), "certification_kinds": len(papers)}
        change = Change(
            at=now, actor_id=actor.user_id, action="load", entity="catalogue", entity_id="starter", after=added
        )
        record(session, change)
    return len(skills), len(papers)
