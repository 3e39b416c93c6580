"""Pure: what a need means beside its own words, by what the catalogue says of the skills in it.

- A skill that was merged into another one is that one.
- Whoever has a skill that includes the needed one, at the needed level, will do.
- What a skill needs first is needed too, at level 2 (or at the needed level, where that is lower).

Needs are groups of alternatives, all of which must be met by one alternative each. ``A or B`` where A needs P first is
``(A or B) and (P or B)``: whoever is sent for A has P as well.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product

FIRST_LEVEL = 2
MOST_GROUPS = 64
"""Groups that alternatives may unfold to; nobody has met more than a few."""

Option = tuple[int, int]
"""A skill and the least level of it."""


@dataclass(frozen=True, kw_only=True)
class NeedRules:
    """What the catalogue says: merged to current, skill to all that include it, skill to all it needs first."""

    current: Mapping[int, int] = field(default_factory=dict)
    included_in: Mapping[int, frozenset[int]] = field(default_factory=dict)
    needs_first: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def meant(self, groups: Iterable[Sequence[Option]]) -> list[tuple[Option, ...]]:
        """Return the groups that needs really ask for, each group once and in order."""
        found: dict[tuple[Option, ...], None] = {}
        for group in groups:
            options = [(self.current.get(skill, skill), level) for skill, level in group]
            together = [[one, *self._first(one)] for one in options]
            for unfolded in islice(product(*together), MOST_GROUPS):
                found.setdefault(self.widened(unfolded))
        return list(found)

    def widened(self, group: Iterable[Option]) -> tuple[Option, ...]:
        """Return a group with everything that includes one of its skills, the skills themselves first."""
        levels: dict[int, int] = {}
        named = [(self.current.get(skill, skill), level) for skill, level in group]
        for skill, level in named:
            levels[skill] = min(level, levels.get(skill, level))
        for skill, level in named:
            for other in sorted(self.included_in.get(skill, ())):
                levels[other] = min(level, levels.get(other, level))
        return tuple(levels.items())

    def met_by(self, skill: int) -> tuple[int, ...]:
        """Return the skills of which any one will do for a skill: itself first."""
        return tuple(one for one, _level in self.widened([(skill, FIRST_LEVEL)]))

    def _first(self, option: Option) -> list[Option]:
        skill, level = option
        return [(other, min(level, FIRST_LEVEL)) for other in sorted(self.needs_first.get(skill, ()))]


PLAIN = NeedRules()
"""A catalogue that says nothing: needs mean what they say."""


def closed(direct: Mapping[int, set[int]]) -> dict[int, frozenset[int]]:
    """Follow relations to their end; a skill never reaches itself, though merges may have led there."""
    found: dict[int, frozenset[int]] = {}
    for skill in direct:
        reached: set[int] = set()
        waiting = [skill]
        while waiting:
            fresh = direct.get(waiting.pop(), set()) - reached
            reached |= fresh
            waiting.extend(fresh)
        found[skill] = frozenset(reached - {skill})
    return found
