"""Links between visits by person go both ways and name crew slots."""

from itertools import pairwise

from dispatch.matching.constraint import Scope
from dispatch.matching.constraints import links
from tests.matching.build import crew, problem, visit

SAME, OTHER = 1, 0


def linked(*visits: object) -> list[list[tuple[int, int]]]:
    """Slots and kinds that each slot is linked to."""
    found = links.limits(Scope.of(problem(*visits)))  # type: ignore[arg-type]  # visits
    at, to, kind = (found[name].tolist() for name in ("link_at", "link_to", "link_kind"))
    return [list(zip(to[since:until], kind[since:until], strict=True)) for since, until in pairwise(at)]


def test_first_slots_are_linked_to_first_slots_for_the_same_person() -> None:
    pair = visit("b", crew=crew((), ()))
    assert linked(visit("a", same_person_as=("b",)), pair) == [[(1, SAME)], [(0, SAME)], []]


def test_every_slot_is_linked_to_every_slot_for_another_person() -> None:
    pair = visit("b", crew=crew((), ()), other_person_than=("a",))
    assert linked(visit("a"), pair) == [[(1, OTHER), (2, OTHER)], [(0, OTHER)], [(0, OTHER)]]


def test_a_link_named_from_both_sides_counts_once() -> None:
    visits = (
        visit("a", same_person_as=("b",)),
        visit("b", same_person_as=("a",), other_person_than=("c",)),
        visit("c"),
    )
    assert linked(*visits) == [[(1, SAME)], [(0, SAME), (2, OTHER)], [(1, OTHER)]]


def test_wishes_that_contradict_each_other_stand_beside_each_other() -> None:
    visits = (visit("a", same_person_as=("b",)), visit("b", other_person_than=("a",)))
    assert linked(*visits) == [[(1, OTHER), (1, SAME)], [(0, OTHER), (0, SAME)]]


def test_nothing_linked() -> None:
    assert linked() == []
    assert linked(visit("a"), visit("b")) == [[], []]
