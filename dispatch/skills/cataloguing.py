"""Use cases on the skills of the catalogue: add, change, merge and retire. Every change can be taken back.

What a skill is made of (its fields, other words, what it needs and includes) changes through one function,
:func:`change_skill`; merging and retiring are such changes, and taking back is one with the old values.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain, count
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.attributes import flag_modified

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.changes import who_was_first
from dispatch.core import queue
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.skills.catalogue import ACCURACY_HALF_LIFE_DAYS
from dispatch.skills.catalogue_log import note_parts, plain
from dispatch.skills.common import note
from dispatch.skills.models import RelationKind, Skill, SkillAlias, SkillRelation
from dispatch.skills.taxonomy import Taxonomy, load_taxonomy, would_loop

TASK = "skills.recompute"  # estimates everybody's levels again
LONGEST_NAME, LONGEST_ALIAS, LONGEST_ANCHOR = 120, 100, 300
MOST_ALIASES = 100
LONGEST_HALF_LIFE_DAYS = 36_500
LEVELS = ("1", "2", "3", "4", "5")
FIELDS = (
    "name", "parent_id", "assignable", "half_life_days", "critical", "level_anchors", "retired_at", "merged_into_id",
)  # fmt: skip
LISTS = {"prerequisites": RelationKind.PREREQUISITE, "implies": RelationKind.IMPLIES}
PARTS = (*FIELDS, "aliases", *LISTS)
# Levels rest on these: whoever changes one has everybody estimated again.
_LEVELS_REST_ON = frozenset({"parent_id", "half_life_days", "merged_into_id"})


def get_skill(session: Session, skill_id: int) -> Skill:
    """Return a skill, in use or not; raises NotFound."""
    skill = session.get(Skill, skill_id)
    if skill is None:
        raise NotFound("There is no such skill.")
    return skill


def add_skill(
    session: Session,
    *,
    code: str | None = None,
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
    """Add a skill (or, when not assignable, a trade or group) to the catalogue; without a code it gets one."""
    actor.require(Right.CATALOGUE_EDIT)
    taxonomy = load_taxonomy(session)
    code = _code_for(taxonomy, name, parent_id) if code is None else code.strip()
    if not code:
        raise Invalid("A skill needs a code.", field="code")
    if session.scalar(select(Skill.id).where(Skill.code == code)) is not None:
        raise Conflict(f"There is already a skill with the code {code}.")
    skill = Skill(code=code, owner_id=owner_id)
    given = _checked(
        taxonomy,
        skill,
        {
            "name": name,
            "parent_id": parent_id,
            "assignable": assignable,
            "half_life_days": half_life_days,
            "critical": critical,
            "aliases": aliases,
            "level_anchors": level_anchors or {},
        },
    )
    skill.aliases = [SkillAlias(alias=word) for word in given.pop("aliases")]
    for key, value in given.items():
        setattr(skill, key, value)
    session.add(skill)
    session.flush()
    note(session, "add", skill, now, actor, after={"code": code, "name": skill.name, "parent_id": parent_id})
    return skill


def change_skill(
    session: Session,
    *,
    skill_id: int,
    version: int | None = None,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    action: str = "change",
    reason: str | None = None,
) -> Skill:
    """Change parts of a skill, as named in ``PARTS``; what stays the same is left alone.

    ``version`` is the row as whoever asks saw it; Conflict when it moved on since. An old name stays another word for
    the skill, so that it is still found by it.
    """
    actor.require(Right.CATALOGUE_EDIT)
    skill = _locked(session, skill_id)
    if version is not None and version != skill.version:
        raise Conflict(who_was_first(session, "skill", skill_id))
    taxonomy = load_taxonomy(session)
    before = _state(session, skill)
    after = _checked(taxonomy, skill, changes)
    if after.get("name", skill.name) != skill.name:
        words = after.get("aliases", before["aliases"])
        after["aliases"] = _words([*words, skill.name], after["name"])
    after = {key: value for key, value in after.items() if plain(value) != before[key]}
    if after:
        _put(session, skill, after)
        note_parts(session, skill, before, after, actor=actor, now=now, action=action, reason=reason)
    return skill


def put_skill_back(
    session: Session, inverse: Mapping[str, Any], *, action: str, undoes_seq: int, actor: Actor, now: datetime
) -> None:
    """Give a skill the parts it had, as long as it still has those that replaced them."""
    actor.require(Right.CATALOGUE_EDIT)
    skill = _locked(session, inverse["skill_id"])
    before = _state(session, skill)
    if any(before[key] != value for key, value in inverse["expect"].items()):
        raise Conflict("The skill is another by now.")
    after = dict(inverse["restore"])
    if after.get("retired_at"):
        after["retired_at"] = datetime.fromisoformat(after["retired_at"])
    _put(session, skill, after)
    note_parts(session, skill, before, after, actor=actor, now=now, action=action, undoes_seq=undoes_seq)


def retire_skill(
    session: Session, *, skill_id: int, version: int | None = None, reason: str, actor: Actor, now: datetime
) -> Skill:
    """Take a skill out of use; facts about it keep informing its neighbours, and needs that name it still bind."""
    actor.require(Right.CATALOGUE_EDIT)
    skill = get_skill(session, skill_id)
    if skill.retired_at is not None:
        return skill
    _refuse_children(load_taxonomy(session), skill, "retire")
    return change_skill(
        session,
        skill_id=skill_id,
        version=version,
        changes={"retired_at": now},
        action="retire",
        reason=reason,
        actor=actor,
        now=now,
    )


def merge_skill(
    session: Session, *, skill_id: int, into_id: int, version: int | None = None, actor: Actor, now: datetime
) -> Skill:
    """Let a skill live on in another one: its facts and needs count for that one, and its words find it.

    Nothing of the past is rewritten, so taking it back brings everything back as it was.
    """
    actor.require(Right.CATALOGUE_EDIT)
    skill, into = get_skill(session, skill_id), get_skill(session, into_id)
    if skill.id == into.id:
        raise Invalid("Choose another skill: one cannot be merged into itself.", field="into_id")
    if into.retired_at is not None or not into.assignable or not skill.assignable:
        raise Invalid(f"{into.name} is not a skill in use. Choose one that people can have.", field="into_id")
    if skill.merged_into_id is not None:
        raise Conflict(f"{skill.name} was merged already.")
    taxonomy = load_taxonomy(session)
    _refuse_children(taxonomy, skill, "merge")
    session.refresh(skill, ["aliases"])
    session.refresh(into, ["aliases"])
    words = [*(one.alias for one in into.aliases), skill.name, *(one.alias for one in skill.aliases)]
    merged_before = [node.id for node in taxonomy.nodes.values() if node.merged_into == skill_id]
    gone = {"merged_into_id": into_id, "retired_at": skill.retired_at or now}
    steps = [(skill_id, version, gone)]
    steps += [(other, None, {"merged_into_id": into_id}) for other in merged_before]
    steps += [(into_id, None, {"aliases": words})]
    for each, seen, changes in steps:
        change_skill(session, skill_id=each, version=seen, changes=changes, action="merge", actor=actor, now=now)
    return into


def bring_back_skill(session: Session, *, skill_id: int, version: int, actor: Actor, now: datetime) -> Skill:
    """Take a retired or merged skill into use again."""
    skill = get_skill(session, skill_id)
    parent = None if skill.parent_id is None else get_skill(session, skill.parent_id)
    if parent is not None and parent.retired_at is not None:
        raise Conflict(f"{parent.name}, which it lies below, is out of use; bring that back first.")
    changes = {"retired_at": None, "merged_into_id": None}
    return change_skill(
        session, skill_id=skill_id, version=version, changes=changes, action="bring_back", actor=actor, now=now
    )


def relate_skills(
    session: Session, *, kind: RelationKind, skill_id: int, other_id: int, actor: Actor, now: datetime
) -> None:
    """Say that a skill needs (prerequisite) or includes (implies) another; loops are refused."""
    part = next(name for name, each in LISTS.items() if each is kind)
    there = _state(session, get_skill(session, skill_id))[part]
    changes = {part: [*there, other_id]}
    change_skill(session, skill_id=skill_id, changes=changes, action="relate", actor=actor, now=now)


def _refuse_children(taxonomy: Taxonomy, skill: Skill, what: str) -> None:
    below = [taxonomy.nodes[child] for child in taxonomy.children(skill.id)]
    live = next((node.name for node in below if not node.retired), None)
    if live is not None:
        raise Conflict(f"{skill.name} still has skills in use below it, such as {live}; move or {what} those first.")


def _checked(taxonomy: Taxonomy, skill: Skill, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes as they will be stored; Invalid names the part that is wrong and what would be right."""
    unknown = set(changes) - set(PARTS)
    if unknown:
        raise Invalid(f"A skill has no {', '.join(sorted(unknown))}.")
    found = dict(changes)
    name = " ".join(str(found.get("name", skill.name)).split())
    if not name or len(name) > LONGEST_NAME:
        raise Invalid(f"A skill needs a name, of at most {LONGEST_NAME} characters.", field="name")
    if "name" in found:
        found["name"] = name
    parent_id = found.get("parent_id", skill.parent_id)
    if {"name", "parent_id"} & found.keys():
        _check_place(taxonomy, skill, name, parent_id)
    if not 1 <= found.get("half_life_days", 1) <= LONGEST_HALF_LIFE_DAYS:
        raise Invalid(
            f"The half-life of practice is at least one day and at most {LONGEST_HALF_LIFE_DAYS:,}.", "half_life_days"
        )
    if "aliases" in found:
        found["aliases"] = _words(found["aliases"], name)
    if "level_anchors" in found:
        found["level_anchors"] = _anchors(found["level_anchors"])
    for part, kind in LISTS.items():
        if part in found:
            found[part] = _related(taxonomy, skill, part, kind, found[part])
    return found


def _check_place(taxonomy: Taxonomy, skill: Skill, name: str, parent_id: int | None) -> None:
    parent = None if parent_id is None else taxonomy.nodes.get(parent_id)
    if parent_id is not None and parent is None:
        raise Invalid(f"There is no skill {parent_id} to put this one under.", field="parent_id")
    if parent is not None and parent.retired and parent_id != skill.parent_id:
        raise Invalid(f"{parent.name} is out of use; put this under one that is in use.", field="parent_id")
    if parent_id is not None and skill.id in (parent_id, *taxonomy.broader(parent_id)):
        raise Invalid("A skill cannot lie below itself; choose a place outside of it.", field="parent_id")
    same = next(
        (
            node
            for child in taxonomy.children(parent_id)
            if (node := taxonomy.nodes[child]).id != skill.id
            and not node.retired
            and node.name.casefold() == name.casefold()
        ),
        None,
    )
    if same is not None:
        where = "at the top" if parent is None else f"under {parent.name}"
        raise Invalid(f"There is already “{same.name}” {where}. Give it another name, or merge the two.", field="name")


def _code_for(taxonomy: Taxonomy, name: str, parent_id: int | None) -> str:
    """Make a code of the name, below that of the parent, that nothing has yet."""
    above = taxonomy.nodes.get(parent_id or 0)
    plain = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:40] or "skill"
    wanted = f"{above.code}.{plain}" if above is not None else plain
    taken = {node.code for node in taxonomy.nodes.values()}
    return next(code for code in chain([wanted], (f"{wanted}_{n}" for n in count(2))) if code not in taken)


def _words(given: Sequence[str], name: str) -> list[str]:
    """Return other words for a skill: each once, without its name."""
    words = {word.casefold(): word for word in (" ".join(alias.split()) for alias in given) if word}
    words.pop(name.casefold(), None)
    too_long = next((word for word in words.values() if len(word) > LONGEST_ALIAS), None)
    if too_long is not None:
        raise Invalid(f"“{too_long[:40]}…” is too long; a word has at most {LONGEST_ALIAS} characters.", "aliases")
    if len(words) > MOST_ALIASES:
        raise Invalid(f"These are {len(words)} words; at most {MOST_ALIASES} are kept. Leave some out.", "aliases")
    return sorted(words.values(), key=str.casefold)


def _anchors(given: Mapping[str, str]) -> dict[str, str]:
    found = {str(level): " ".join(str(text).split()) for level, text in given.items()}
    if set(found) - set(LEVELS):
        raise Invalid("Levels go from 1 to 5.", field="level_anchors")
    if any(len(text) > LONGEST_ANCHOR for text in found.values()):
        raise Invalid(f"A sentence for a level has at most {LONGEST_ANCHOR} characters.", field="level_anchors")
    return {level: text for level, text in sorted(found.items()) if text}


def _related(taxonomy: Taxonomy, skill: Skill, part: str, kind: RelationKind, given: Sequence[int]) -> list[int]:
    there = taxonomy.relations.get((kind, skill.id), frozenset())
    wanted = sorted(set(given))
    for other in wanted:
        node = taxonomy.nodes.get(other)
        if node is None or not node.assignable or (node.retired and other not in there):
            raise Invalid("Choose skills that are in use.", field=part)
        if other not in there and would_loop(taxonomy, kind, skill.id, other):
            raise Invalid(
                f"{node.name} already needs or includes {skill.name}; this would go round in a circle.", field=part
            )
    return wanted


def _locked(session: Session, skill_id: int) -> Skill:
    skill = session.scalar(
        select(Skill)
        .where(Skill.id == skill_id)
        .options(selectinload(Skill.aliases))
        .with_for_update(of=Skill)
        .execution_options(populate_existing=True)
    )
    if skill is None:
        raise NotFound("There is no such skill.")
    return skill


def _state(session: Session, skill: Skill) -> dict[str, Any]:
    """Return all parts of a skill as the log keeps them."""
    session.refresh(skill, ["aliases"])
    related: dict[str, list[int]] = {part: [] for part in LISTS}
    for kind, other in session.execute(
        select(SkillRelation.kind, SkillRelation.other_id)
        .where(SkillRelation.skill_id == skill.id)
        .order_by(SkillRelation.other_id)
    ):
        related[next(part for part, each in LISTS.items() if each is kind)].append(other)
    words = sorted((one.alias for one in skill.aliases), key=str.casefold)
    return {**{key: plain(getattr(skill, key)) for key in FIELDS}, "aliases": words, **related}


def _put(session: Session, skill: Skill, after: Mapping[str, Any]) -> None:
    for key in FIELDS:
        if key in after:
            setattr(skill, key, after[key])
    if "aliases" in after:
        skill.aliases = [one for one in skill.aliases if one.alias in after["aliases"]]
        session.flush()  # first out, then in: two spellings of one word are not there together
        there = {one.alias for one in skill.aliases}
        skill.aliases += [SkillAlias(alias=word) for word in after["aliases"] if word not in there]
    for part, kind in LISTS.items():
        if part in after:
            mine = select(SkillRelation).where(SkillRelation.kind == kind, SkillRelation.skill_id == skill.id)
            rows = {row.other_id: row for row in session.scalars(mine)}
            for other in rows.keys() - set(after[part]):
                session.delete(rows[other])
            new = [other for other in after[part] if other not in rows]
            session.add_all(SkillRelation(kind=kind, skill_id=skill.id, other_id=other) for other in new)
    flag_modified(skill, "name")  # the row moves on even where only its words or relations did
    session.flush()
    if _LEVELS_REST_ON & after.keys():
        queue.defer(session, TASK, once=TASK)
