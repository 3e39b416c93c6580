"""What the pages of the catalogue read: one skill with its words and links, and the kinds of certificates."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from dispatch.core.errors import NotFound
from dispatch.skills.attribution import attributions
from dispatch.skills.models import CertificationKind, CertificationProof, Skill, SkillLink
from dispatch.skills.taxonomy import load_taxonomy


@dataclass(frozen=True, kw_only=True)
class SkillPage:
    """A skill with its other words, its places in outside catalogues, what it took in, and what proves it."""

    skill: Skill
    aliases: tuple[str, ...]
    links: Sequence[SkillLink]
    merged: Sequence[Skill]
    proved_by: Sequence[tuple[CertificationKind, int]]


@dataclass(frozen=True, kw_only=True)
class CertificationLine:
    """A kind of certificate in a list; ``proves`` counts the skills that it proves."""

    id: int
    code: str
    name: str
    issuer: str | None
    months: int | None
    field: str | None
    safety: bool
    retired: bool
    proves: int


def skill_page(session: Session, skill_id: int) -> SkillPage:
    """Return a skill with what its page shows; raises NotFound."""
    skill = session.scalar(select(Skill).where(Skill.id == skill_id).options(selectinload(Skill.aliases)))
    if skill is None:
        raise NotFound("There is no such skill.")
    links = session.scalars(
        select(SkillLink).where(SkillLink.skill_id == skill_id).order_by(SkillLink.scheme, SkillLink.outside_id)
    ).all()
    merged = session.scalars(select(Skill).where(Skill.merged_into_id == skill_id).order_by(Skill.name)).all()
    proofs = session.execute(
        select(CertificationKind, CertificationProof.level)
        .join(CertificationProof, CertificationProof.kind_id == CertificationKind.id)
        .where(CertificationProof.skill_id == skill_id, CertificationKind.retired_at.is_(None))
        .order_by(CertificationKind.name)
    )
    return SkillPage(
        skill=skill,
        aliases=tuple(sorted((one.alias for one in skill.aliases), key=str.casefold)),
        links=links,
        merged=merged,
        proved_by=[(kind, level) for kind, level in proofs],
    )


def certification_lines(session: Session, *, with_retired: bool = False) -> list[CertificationLine]:
    """Return the kinds of certificates by name."""
    counted = (
        select(CertificationProof.kind_id, func.count().label("proves")).group_by(CertificationProof.kind_id).subquery()
    )
    rows = session.execute(
        select(CertificationKind, func.coalesce(counted.c.proves, 0))
        .outerjoin(counted, counted.c.kind_id == CertificationKind.id)
        .where(*([] if with_retired else [CertificationKind.retired_at.is_(None)]))
        .order_by(func.lower(CertificationKind.name), CertificationKind.id)
    )
    return [
        CertificationLine(
            id=kind.id,
            code=kind.code,
            name=kind.name,
            issuer=kind.issuer,
            months=kind.usual_validity_months,
            field=kind.field,
            safety=kind.safety,
            retired=kind.retired_at is not None,
            proves=proves,
        )
        for kind, proves in rows
    ]


def catalogue_table(session: Session) -> str:
    """Return the skills in use as CSV, in the columns that the import of skills reads; sources are named at the end."""
    taxonomy = load_taxonomy(session)
    links: dict[tuple[int, str], list[str]] = {}
    for link in session.scalars(select(SkillLink).order_by(SkillLink.outside_id)):
        links.setdefault((link.skill_id, link.scheme), []).append(link.outside_id)
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["code", "name", "parent", "half_life_days", "critical", "aliases", "onet_soc", "esco_uri"])
    for node in sorted(taxonomy.nodes.values(), key=lambda node: node.code):
        if node.retired or not node.assignable:
            continue
        above = "" if node.parent_id is None else taxonomy.nodes[node.parent_id].code
        aliases = "; ".join(sorted(node.aliases, key=str.casefold))
        outside = ("; ".join(links.get((node.id, scheme), [])) for scheme in ("onet", "esco"))
        critical = "yes" if node.critical else "no"
        cells = [node.code, node.name, above, node.half_life_days, critical, aliases, *outside]
        table.writerow([_no_formula(cell) if isinstance(cell, str) else cell for cell in cells])
    for words in attributions(session):
        table.writerow([f"# {words}"])
    return out.getvalue()


def _no_formula(cell: str) -> str:
    """Keep a spreadsheet from reading a text as a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell
