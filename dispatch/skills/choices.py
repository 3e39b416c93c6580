"""What a form offers: skills by trade, certificates by name."""

from collections.abc import Collection

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from dispatch.skills.models import CertificationKind, Skill
from dispatch.skills.taxonomy import Taxonomy


def skill_choices(session: Session, *, also: Collection[int] = ()) -> list[tuple[int, str]]:
    """Return the skills one can ask for, as (id, "Trade: skill"), by trade and name; ``also`` some out of use."""
    trade = aliased(Skill)
    rows = session.execute(
        select(Skill.id, Skill.name, trade.name.label("trade"))
        .outerjoin(trade, trade.id == Skill.parent_id)
        .where(or_(and_(Skill.assignable, Skill.retired_at.is_(None)), Skill.id.in_(also)))
    )
    words = [(row.id, f"{row.trade}: {row.name}" if row.trade else row.name) for row in rows]
    return sorted(words, key=lambda choice: choice[1].casefold())


def certification_choices(session: Session) -> list[tuple[int, str]]:
    """Return the kinds of certificates, by name."""
    rows = session.execute(
        select(CertificationKind.id, CertificationKind.name).where(CertificationKind.retired_at.is_(None))
    )
    return sorted(((row.id, row.name) for row in rows), key=lambda choice: choice[1].casefold())


def group_choices(taxonomy: Taxonomy) -> list[tuple[int, str]]:
    """Return what a skill can lie below, each as its path from the top, in the order of the tree."""
    found: list[tuple[int, str]] = []
    waiting = [(top, "") for top in reversed(taxonomy.trades())]
    while waiting:
        number, above = waiting.pop()
        node = taxonomy.nodes[number]
        if node.retired:
            continue
        words = f"{above} › {node.name}" if above else node.name
        found.append((number, words))
        waiting.extend((child, words) for child in reversed(taxonomy.children(number)))
    return found
