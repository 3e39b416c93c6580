"""What a form offers: skills by trade, certificates by name."""

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from dispatch.skills.models import CertificationKind, Skill


def skill_choices(session: Session) -> list[tuple[int, str]]:
    """Return the skills one can ask for, as (id, "Trade: skill"), by trade and name."""
    trade = aliased(Skill)
    rows = session.execute(
        select(Skill.id, Skill.name, trade.name.label("trade"))
        .outerjoin(trade, trade.id == Skill.parent_id)
        .where(Skill.assignable, Skill.retired_at.is_(None))
    )
    words = [(row.id, f"{row.trade}: {row.name}" if row.trade else row.name) for row in rows]
    return sorted(words, key=lambda choice: choice[1].casefold())


def certification_choices(session: Session) -> list[tuple[int, str]]:
    """Return the kinds of certificates, by name."""
    rows = session.execute(
        select(CertificationKind.id, CertificationKind.name).where(CertificationKind.retired_at.is_(None))
    )
    return sorted(((row.id, row.name) for row in rows), key=lambda choice: choice[1].casefold())
