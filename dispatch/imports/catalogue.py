"""Skills and kinds of certification from a file."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from dispatch.imports.cells import Cells, whole, yes_no
from dispatch.imports.engine import Fate, Ledger, Run
from dispatch.skills.catalogue import ACCURACY_HALF_LIFE_DAYS
from dispatch.skills.models import CertificationKind, Skill, SkillAlias, SkillLink

SKILL_COLUMNS: dict[str, tuple[str, ...]] = {
    "code": ("skill", "skill_code"),
    "name": (),
    "parent": ("trade_group", "trade", "group"),
    "half_life_days": (),
    "critical": (),
    "aliases": ("alias",),
    "esco_uri": (),
    "esco_label": (),
    "onet_soc": (),
}
PAPER_COLUMNS: dict[str, tuple[str, ...]] = {
    "code": ("certification",),
    "name": (),
    "issuer": (),
    "months": ("typical_validity_months", "validity_months"),
    "field": ("trade",),
    "safety": (),
}
SAFETY_FIELDS = frozenset({"safety", "gas", "electrical", "refrigerant", "asbestos", "lead"})


def import_skills(run: Run) -> None:
    """Add or change skills by their code; a parent that is not there yet becomes a group."""
    names = run.columns(SKILL_COLUMNS, ("code", "name"))
    ledger = Ledger(run.session, run.source, "skill")
    known = {skill.code: skill for skill in run.session.scalars(select(Skill))}
    seen: set[str] = set()
    for row in run.table.rows:
        cells = Cells(row, names)
        code, name = cells.text("code"), cells.text("name")
        for needed in ("code", "name"):
            cells.read(needed, str, needed=True)
        half_life = cells.read("half_life_days", whole(1, 100_000))
        critical = cells.read("critical", yes_no)
        parent = cells.text("parent")
        if code in seen:
            cells.refuse("code", "This code stands in the file twice; keep one line.")
        if parent and parent == code:
            cells.refuse("parent", "A skill cannot be its own group.")
        run.tally.faults += cells.faults
        if cells.faults:
            continue
        seen.add(code)
        fate = ledger.fate(code, row.cells)
        run.tally.count(fate)
        if fate is Fate.SAME:
            continue
        skill = known.get(code)
        if skill is None:
            skill = known[code] = Skill(code=code, name=name, half_life_days=half_life or ACCURACY_HALF_LIFE_DAYS)
            run.session.add(skill)
        skill.name = name
        skill.parent_id = _group(run, known, parent) if parent else skill.parent_id
        skill.half_life_days = half_life or skill.half_life_days
        skill.critical = skill.critical if critical is None else critical
        run.session.flush()
        _say(run, skill, cells)
        ledger.note(code, skill.id, row.cells)


def _group(run: Run, known: dict[str, Skill], code: str) -> int:
    group = known.get(code)
    if group is None:
        name = code.replace("_", " ").capitalize()
        group = known[code] = Skill(
            code=code, name=name, assignable=False, half_life_days=ACCURACY_HALF_LIFE_DAYS, critical=False
        )
        run.session.add(group)
        run.session.flush()
    return group.id


def _say(run: Run, skill: Skill, cells: Cells) -> None:
    """Add what is new of the other words for a skill and of its places in other catalogues."""
    words = [word.strip() for word in cells.text("aliases").split(";") if word.strip()]
    if words:
        there = {
            alias.casefold()
            for alias in run.session.scalars(select(SkillAlias.alias).where(SkillAlias.skill_id == skill.id))
        }
        run.session.add_all(SkillAlias(skill_id=skill.id, alias=word) for word in words if word.casefold() not in there)
    links: list[tuple[str, str, str | None]] = [
        ("esco", cells.text("esco_uri"), cells.text("esco_label") or None),
        ("onet", cells.text("onet_soc"), None),
    ]
    for scheme, outside_id, label in links:
        if not outside_id:
            continue
        link = run.session.scalar(
            select(SkillLink).where(
                SkillLink.scheme == scheme, SkillLink.outside_id == outside_id, SkillLink.skill_id == skill.id
            )
        )
        if link is None:
            run.session.add(SkillLink(skill_id=skill.id, scheme=scheme, outside_id=outside_id, label=label))


def import_certifications(run: Run) -> None:
    """Add or change kinds of certification by their code; validity that is not a number of months stays open."""
    names = run.columns(PAPER_COLUMNS, ("code", "name"))
    ledger = Ledger(run.session, run.source, "certification_kind")
    known = {kind.code: kind for kind in run.session.scalars(select(CertificationKind))}
    for row in run.table.rows:
        cells = Cells(row, names)
        values = _paper(cells)
        run.tally.faults += cells.faults
        if cells.faults:
            continue
        code = cells.text("code")
        fate = ledger.fate(code, row.cells)
        run.tally.count(fate)
        if fate is Fate.SAME:
            continue
        kind = known.get(code)
        if kind is None:
            kind = known[code] = CertificationKind(code=code, **values)
            run.session.add(kind)
        for name, value in values.items():
            setattr(kind, name, value)
        run.session.flush()
        ledger.note(code, kind.id, row.cells)


def _paper(cells: Cells) -> Mapping[str, Any]:
    cells.read("code", str, needed=True)
    name = cells.read("name", str, needed=True)
    months = cells.text("months")
    safety = cells.read("safety", yes_no)
    area = cells.text("field")
    return {
        "name": name,
        "issuer": cells.text("issuer") or None,
        "usual_validity_months": int(months) if months.isdigit() and int(months) > 0 else None,
        "field": area or None,
        # Which papers nobody may override is said in the file or, failing that, follows from their field.
        "safety": area in SAFETY_FIELDS if safety is None else safety,
    }
