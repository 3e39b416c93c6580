"""Pure: outcome figures of groups; none of a small group is shown or can be computed from what is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key")

LEAST_PEOPLE = 5
"""A figure is shown when it is about at least so many people."""


@dataclass(frozen=True, kw_only=True)
class Group(Generic[Key]):
    """What happened in one group: how many visits, how many of them went wrong, and the people behind them."""

    key: Key
    visits: int
    wrong: int
    people: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Shown(Generic[Key]):
    """A table that may be shown beside its total.

    Attributes
    ----------
    rows
        The groups in the order given; None beside a key whose figures stay hidden.
    withheld
        Nothing of the table may be shown, not even which groups there are.
    """

    rows: tuple[tuple[Key, Group[Key] | None], ...]
    withheld: bool = False

    @property
    def hidden(self) -> int:
        """How many groups stay hidden."""
        return sum(group is None for _key, group in self.rows)


def shown(groups: Iterable[Group[Key]]) -> Shown[Key]:
    """Hide groups of fewer than five people, and as many more as it takes that differences tell nothing about them.

    The total of the table is known to the reader, so what is hidden is known in sum. One hidden group alone could be
    computed, and a sum over fewer than five people is itself a small group's; where all hidden visits went wrong, or
    none, each of them would be known although the reader can not count them. So the smallest shown group is hidden,
    too, until at least two are, about at least five people, with visits of both kinds. A table in which no visit went
    wrong at all, or every one, says so by its total; there the visits alone are what is protected.
    """
    every = tuple(group for group in groups if group.visits)
    wrong = sum(group.wrong for group in every)
    mixed = 0 < wrong < sum(group.visits for group in every)
    hidden = {group.key for group in every if len(group.people) < LEAST_PEOPLE}
    while hidden and not _safe([group for group in every if group.key in hidden], mixed):
        rest = [group for group in every if group.key not in hidden]
        if not rest:
            return Shown(rows=(), withheld=True)
        hidden.add(min(rest, key=lambda group: (len(group.people), group.visits)).key)
    return Shown(rows=tuple((group.key, None if group.key in hidden else group) for group in every))


def _safe(hidden: list[Group[Key]], mixed: bool) -> bool:
    people = frozenset[int]().union(*(group.people for group in hidden))
    wrong, visits = sum(group.wrong for group in hidden), sum(group.visits for group in hidden)
    return len(hidden) > 1 and len(people) >= LEAST_PEOPLE and (not mixed or 0 < wrong < visits)


def enough(groups: Iterable[Group[Key]]) -> bool:
    """Say whether even the total is about enough people to be shown."""
    return len(frozenset[int]().union(*(group.people for group in groups))) >= LEAST_PEOPLE
