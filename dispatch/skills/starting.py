"""Loads the built-in catalogue: what is missing of it is added, what an organisation made of it stays."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.skills.catalogue import ACCURACY_HALF_LIFE_DAYS
from dispatch.skills.models import CertificationKind, CertificationProof, Skill, SkillAlias
from dispatch.skills.starter import CERTIFICATIONS, SKILLS, TRADES


def load_starter_catalogue(session: Session, *, actor: Actor, now: datetime) -> tuple[int, int]:
    """Add what is missing of the built-in catalogue; return how many skills and kinds of certification were added."""
    actor.require(Right.CATALOGUE_EDIT)
    known = {row.code: row.id for row in session.execute(select(Skill.code, Skill.id))}
    kinds = set(session.scalars(select(CertificationKind.code)))
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
            level_anchors=one.level_anchors,
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
    known.update((skill.code, skill.id) for skill in skills)
    proofs = {one.code: one.proves for one in CERTIFICATIONS}
    session.add_all(
        CertificationProof(kind_id=paper.id, skill_id=known[code], level=level)
        for paper in papers
        for code, level in proofs[paper.code]
    )
    session.flush()
    if trades or skills or papers:
        added = {"trades": len(trades), "skills": len(skills), "certification_kinds": len(papers)}
        change = Change(
            at=now, actor_id=actor.user_id, action="load", entity="catalogue", entity_id="starter", after=added
        )
        record(session, change)
    return len(skills), len(papers)
