"""In which order people stand on lists and paper; the grid's twin is tests/js/order.test.js."""

import pytest

from dispatch.planning.board import BoardPerson
from dispatch.planning.board_order import Group, Order, arranged


def person(number: int, name: str, **changes: object) -> BoardPerson:
    """Give somebody with a day of eight hours."""
    values: dict[str, object] = {
        "partner": None,
        "team": None,
        "trade": None,
        "territory": "North",
        "phone": None,
        "start_place": None,
        "last_contact_at": None,
        "shifts": (),
        "breaks": (),
        "absences": (),
        "load_s": 0,
        "capacity_s": 28_800,
    }
    return BoardPerson(id=number, name=name, **(values | changes))  # type: ignore[arg-type]  # a table of fields


PEOPLE = (
    person(1, "Zoe", team="Blue", trade="Gas", load_s=10),
    person(2, "ana", territory="East", team="Blue", trade="Lifts", load_s=30),
    person(3, "Ben", partner="Kestrel", trade="Gas", load_s=20),
    person(4, "Cem", territory=None, load_s=40, capacity_s=0),
)


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (Order.NAME, ["ana", "Ben", "Cem", "Zoe"]),
        (Order.LOAD, ["Cem", "ana", "Ben", "Zoe"]),
        (Order.FREE, ["Zoe", "Ben", "ana", "Cem"]),
        (Order.NEAR, ["Cem", "Zoe", "ana", "Ben"]),
    ],
)
def test_people_stand_in_the_order_asked_for(order: Order, names: list[str]) -> None:
    [(heading, people)] = arranged(PEOPLE, Group.NONE, order, ways={1: 600, 4: 60})
    assert heading is None
    assert [each.name for each in people] == names


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (Group.TERRITORY, [("East", "ana"), ("North", "Ben Zoe"), (None, "Cem")]),
        (Group.TEAM, [("Blue", "ana Zoe"), (None, "Ben Cem")]),
        (Group.SKILL, [("Gas", "Ben Zoe"), ("Lifts", "ana"), (None, "Cem")]),
        (Group.PARTNER, [("Kestrel", "Ben"), (None, "ana Cem Zoe")]),
    ],
)
def test_groups_stand_by_name_and_who_belongs_to_none_comes_last(
    group: Group, expected: list[tuple[str | None, str]]
) -> None:
    found = arranged(PEOPLE, group, Order.NAME)
    assert [(heading, " ".join(each.name for each in people)) for heading, people in found] == expected
