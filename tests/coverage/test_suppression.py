"""No hidden figure can be computed: an attacker who knows the total tries every table that fits what is shown."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.coverage.suppression import LEAST_PEOPLE, Group, Shown, enough, shown


def group(key: str, visits: int, wrong: int, people: int, first: int = 0) -> Group[str]:
    return Group(key=key, visits=visits, wrong=wrong, people=frozenset(range(first, first + people)))


def keys(found: Shown[str]) -> tuple[list[str], list[str]]:
    return [key for key, each in found.rows if each], [key for key, each in found.rows if not each]


def test_groups_of_five_people_are_shown() -> None:
    found = shown([group("a", 9, 1, 5), group("b", 9, 2, 6)])
    assert keys(found) == (["a", "b"], [])


def test_one_small_group_takes_the_next_smallest_with_it() -> None:
    found = shown([group("a", 40, 4, 9), group("b", 30, 3, 8, 10), group("c", 4, 1, 2, 20)])
    assert keys(found) == (["a"], ["b", "c"])


def test_two_small_groups_of_together_too_few_people_take_a_third() -> None:
    found = shown([group("a", 40, 4, 9), group("b", 3, 1, 2), group("c", 4, 1, 2, 20)])
    assert keys(found) == ([], ["a", "b", "c"])


def test_where_no_hidden_visit_went_wrong_more_is_hidden() -> None:
    small = [group("b", 3, 0, 3), group("c", 4, 0, 3, 20)]
    found = shown([group("a", 40, 4, 9), group("d", 50, 5, 9), *small])
    assert keys(found) == (["d"], ["a", "b", "c"])


def test_where_nothing_can_be_shown_not_even_the_groups_are_named() -> None:
    found = shown([group("a", 4, 1, 4)])
    assert found == Shown(rows=(), withheld=True)
    assert not enough([group("a", 4, 1, 4)])
    assert enough([group("a", 4, 1, 4), group("b", 1, 0, 1, 9)])
    assert shown([]) == Shown(rows=())


groups = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.frozensets(st.integers(0, 11), max_size=8)).map(
        lambda drawn: (max(drawn[0] + drawn[1], len(drawn[2])), min(drawn[1], drawn[0] + drawn[1]), drawn[2])
    ),
    min_size=1,
    max_size=5,
).map(
    lambda drawn: [
        Group(key=number, visits=visits if people else 0, wrong=wrong if people else 0, people=people)
        for number, (visits, wrong, people) in enumerate(drawn)
    ]
)


@given(groups)
@settings(max_examples=300, deadline=None)
def test_every_hidden_figure_could_be_another(drawn: list[Group[int]]) -> None:
    every = [each for each in drawn if each.visits]
    found = shown(drawn)
    if found.withheld:
        assert found.rows == ()
        return
    assert [key for key, _each in found.rows] == [each.key for each in every]
    assert all(len(each.people) >= LEAST_PEOPLE for _key, each in found.rows if each)
    unknown = [each for each, (_key, told) in zip(every, found.rows, strict=True) if told is None]
    if not unknown:
        return
    total = sum(each.visits for each in every) - sum(each.visits for _key, each in found.rows if each)
    wrong = sum(each.wrong for each in every) - sum(each.wrong for _key, each in found.rows if each)
    assert len(frozenset[int]().union(*(each.people for each in unknown))) >= LEAST_PEOPLE, "their sum is shown"
    visits = _possible(len(unknown), total)
    assert all(len({fit[place] for fit in visits}) > 1 for place in range(len(unknown)))
    everything = sum(each.wrong for each in every)
    if 0 < everything < sum(each.visits for each in every):
        bad, good = _possible(len(unknown), wrong), _possible(len(unknown), total - wrong)
        for place in range(len(unknown)):
            assert len({fit[place] for fit in bad}) > 1, "how many went wrong would be known"
            assert len({fit[place] for fit in good}) > 1, "how many went well would be known"


def _possible(places: int, total: int) -> list[tuple[int, ...]]:
    """Every way of dealing out a known sum; larger sums have no fewer ways, so ten stand for all above."""
    return [fit for fit in product(range(min(total, 10) + 1), repeat=places) if sum(fit) == min(total, 10)]


@pytest.mark.parametrize("people", [4, 5])
def test_the_border_is_at_five_people(people: int) -> None:
    found = shown([group("a", 20, 2, people), group("b", 20, 2, 9, 20), group("c", 30, 2, 10, 40)])
    assert found.hidden == (0 if people == 5 else 2)
