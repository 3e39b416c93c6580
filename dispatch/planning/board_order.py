"""In which order people stand on the board's lists and on paper, and under which headings (pure).

The grid orders its rows itself while one looks at it: static/js/board/order.js is the same in the browser.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from dispatch.planning.board import BoardPerson


class Group(StrEnum):
    """What people are put under headings by."""

    NONE = "none"
    TERRITORY = "territory"
    TEAM = "team"
    SKILL = "skill"
    PARTNER = "partner"


class Order(StrEnum):
    """What people are sorted by inside their group."""

    NAME = "name"
    LOAD = "load"
    FREE = "free"
    NEAR = "near"


_OF: Mapping[Group, Callable[[BoardPerson], str | None]] = {
    Group.NONE: lambda _person: None,
    Group.TERRITORY: lambda person: person.territory,
    Group.TEAM: lambda person: person.team,
    Group.SKILL: lambda person: person.trade,
    Group.PARTNER: lambda person: person.partner,
}


def arranged(
    people: Sequence[BoardPerson], group: Group, order: Order, ways: Mapping[int, int] | None = None
) -> list[tuple[str | None, list[BoardPerson]]]:
    """Return people by group, groups by name; who belongs to none comes last under None.

    ``ways`` are seconds of travel from each person's day to the selected visit, for the order by nearness; who is not
    in it cannot come, and stands last.
    """
    of = _OF[group]
    found: dict[str | None, list[BoardPerson]] = defaultdict(list)
    for person in sorted(people, key=lambda each: _key(each, order, ways or {})):
        found[of(person)].append(person)
    return sorted(found.items(), key=lambda each: (each[0] is None, (each[0] or "").casefold()))


def _key(person: BoardPerson, order: Order, ways: Mapping[int, int]) -> tuple[Any, ...]:
    match order:
        case Order.LOAD:
            first = -person.load_s
        case Order.FREE:
            first = person.load_s - person.capacity_s
        case Order.NEAR:
            first = ways.get(person.id, 10**9)
        case Order.NAME:
            first = 0
    return first, person.name.casefold(), person.id
