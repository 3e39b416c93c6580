"""The skill tree as stored: broader and narrower, what a skill needs first, what it includes, and what it is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import literal, select
from sqlalchemy.orm import Session, aliased

from dispatch.skills.catalogue import Catalogue, SkillSpec
from dispatch.skills.models import RelationKind, Skill, SkillAlias, SkillRelation
from dispatch.skills.needing import NeedRules, closed


@dataclass(frozen=True)
class Node:
    """One skill with its names. Skills that are not assignable are trades or groups."""

    id: int
    code: str
    name: str
    parent_id: int | None
    assignable: bool
    critical: bool
    half_life_days: int
    retired: bool
    merged_into: int | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Taxonomy:
    """All skills and how they hang together; every answer comes in the order of names."""

    nodes: Mapping[int, Node]
    relations: Mapping[tuple[RelationKind, int], frozenset[int]] = field(default_factory=dict)

    @cached_property
    def _children(self) -> dict[int | None, list[int]]:
        children: dict[int | None, list[int]] = {}
        for node in sorted(self.nodes.values(), key=lambda node: (node.name.casefold(), node.id)):
            children.setdefault(node.parent_id, []).append(node.id)
        return children

    @cached_property
    def _by_word(self) -> dict[str, list[int]]:
        words: dict[str, list[int]] = {}
        for node in sorted(self.nodes.values(), key=lambda node: (node.retired, node.id)):
            for word in dict.fromkeys(_fold(word) for word in (node.code, node.name, *node.aliases)):
                words.setdefault(word, []).append(node.id)
        return words

    def current(self, skill: int) -> int:
        """Return the skill that a merged one lives on in; every other one is its own."""
        node = self.nodes.get(skill)
        while node is not None and node.merged_into is not None:
            skill, node = node.merged_into, self.nodes.get(node.merged_into)
        return skill

    def trades(self) -> tuple[int, ...]:
        """Return the top of the tree."""
        return self.children(None)

    def children(self, skill: int | None) -> tuple[int, ...]:
        """Return the skills directly below one; below None those at the top."""
        return tuple(self._children.get(skill, ()))

    def broader(self, skill: int) -> tuple[int, ...]:
        """Return the ancestors of a skill, nearest first."""
        found: list[int] = []
        parent = self.nodes[skill].parent_id
        while parent is not None:
            found.append(parent)
            parent = self.nodes[parent].parent_id
        return tuple(found)

    def narrower(self, skill: int) -> tuple[int, ...]:
        """Return everything below a skill, each branch from the top down."""
        found: list[int] = []
        waiting = list(reversed(self.children(skill)))
        while waiting:
            current = waiting.pop()
            found.append(current)
            waiting.extend(reversed(self.children(current)))
        return tuple(found)

    def in_use_below(self, skill: int) -> tuple[int, ...]:
        """Return the skills below one that people can have now."""
        below = (self.nodes[each] for each in self.narrower(skill))
        return tuple(node.id for node in below if node.assignable and not node.retired)

    def trade(self, skill: int) -> int:
        """Return the top ancestor, which for a trade is itself."""
        return (skill, *self.broader(skill))[-1]

    def prerequisites(self, skill: int) -> frozenset[int]:
        """Return what must be known before, directly or through another prerequisite."""
        return self.closure(RelationKind.PREREQUISITE, skill)

    def implied(self, skill: int) -> frozenset[int]:
        """Return what a skill includes, directly or through another included skill."""
        return self.closure(RelationKind.IMPLIES, skill)

    def named(self, text: str) -> tuple[int, ...]:
        """Return the skills with exactly this code, name or alias (case and spaces aside), retired ones last."""
        return tuple(self._by_word.get(_fold(text), ()))

    def closure(self, kind: RelationKind, skill: int) -> frozenset[int]:
        """Return everything reached from a skill by following one kind of relation, itself only if there is a loop."""
        found: set[int] = set()
        waiting = [skill]
        while waiting:
            fresh = self.relations.get((kind, waiting.pop()), frozenset()) - found
            found |= fresh
            waiting.extend(fresh)
        return frozenset(found)


def load_taxonomy(session: Session) -> Taxonomy:
    """Read the whole tree in three statements."""
    aliases: dict[int, list[str]] = {}
    for skill_id, alias in session.execute(select(SkillAlias.skill_id, SkillAlias.alias).order_by(SkillAlias.id)):
        aliases.setdefault(skill_id, []).append(alias)
    relations: dict[tuple[RelationKind, int], set[int]] = {}
    related = session.execute(select(SkillRelation.kind, SkillRelation.skill_id, SkillRelation.other_id))
    for kind, skill_id, other_id in related:
        relations.setdefault((kind, skill_id), set()).add(other_id)
    rows = session.execute(
        select(
            Skill.id,
            Skill.code,
            Skill.name,
            Skill.parent_id,
            Skill.assignable,
            Skill.critical,
            Skill.half_life_days,
            Skill.retired_at.is_not(None),
            Skill.merged_into_id,
        )
    )
    return Taxonomy(
        nodes={row[0]: Node(*row, tuple(aliases.get(row[0], ()))) for row in rows},
        relations={key: frozenset(others) for key, others in relations.items()},
    )


def catalogue_of(taxonomy: Taxonomy) -> Catalogue:
    """Return what the model needs of the tree, retired skills included because old facts speak about them."""
    return _checked(
        tuple(
            SkillSpec(skill=node.id, parent=node.parent_id, half_life_days=node.half_life_days, critical=node.critical)
            for _, node in sorted(taxonomy.nodes.items())
        )
    )


@lru_cache(maxsize=2)
def _checked(specs: tuple[SkillSpec, ...]) -> Catalogue:
    """Keep the tree as it was last: it is checked and laid out once, not with every fact."""
    return Catalogue.of(specs)


def load_need_rules(session: Session) -> NeedRules:
    """Read what the catalogue says of needs; one statement."""
    other = aliased(Skill)
    merged = select(literal("merged"), Skill.id, Skill.merged_into_id).where(Skill.merged_into_id.is_not(None))
    related = (
        select(SkillRelation.kind, SkillRelation.skill_id, SkillRelation.other_id)
        .join(other, other.id == SkillRelation.other_id)
        .where(other.retired_at.is_(None) | other.merged_into_id.is_not(None))
    )
    rows: Sequence[Any] = session.execute(merged.union_all(related)).all()
    current = {skill: into for kind, skill, into in rows if kind == "merged"}
    direct: dict[str, dict[int, set[int]]] = {kind.value: {} for kind in RelationKind}
    for kind, skill, reached in rows:
        if kind != "merged":
            direct[kind].setdefault(current.get(skill, skill), set()).add(current.get(reached, reached))
    included_in: dict[int, set[int]] = {}
    for skill, inside in closed(direct[RelationKind.IMPLIES]).items():
        for one in inside:
            included_in.setdefault(one, set()).add(skill)
    return NeedRules(
        current=current,
        included_in={skill: frozenset(others) for skill, others in included_in.items()},
        needs_first=closed(direct[RelationKind.PREREQUISITE]),
    )


def would_loop(taxonomy: Taxonomy, kind: RelationKind, skill: int, other: int) -> bool:
    """Say whether relating `skill` to `other` would make a skill need or include itself."""
    return skill == other or skill in taxonomy.closure(kind, other)


def in_trades_of(taxonomy: Taxonomy, skills: Iterable[int]) -> tuple[int, ...]:
    """Return the assignable skills of every trade that one of these skills belongs to, those themselves included."""
    given = set(skills)
    trades = {taxonomy.trade(skill) for skill in given}
    return tuple(
        sorted(
            node.id
            for node in taxonomy.nodes.values()
            if node.id in given or (node.assignable and not node.retired and taxonomy.trade(node.id) in trades)
        )
    )


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
