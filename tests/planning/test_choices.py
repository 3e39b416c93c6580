"""Which lines of a mended day belong to one visit, and which of several people is the gentlest."""

from datetime import UTC, datetime

import pytest

from dispatch.planning.choices import gentlest, together_with
from dispatch.planning.models import AssignmentState
from dispatch.planning.proposals import Line
from dispatch.planning.snapshot import Committed

AT = datetime(2030, 1, 7, 9, tzinfo=UTC)


def line(visit: int, before: int | None, after: int | None) -> Line:
    """A visit that one person had and another one, or nobody, would have."""
    had = () if before is None else (committed(visit, before),)
    has = () if after is None else ({"technician_id": after, "crew_slot_id": visit},)
    return Line(visit_id=visit, before=had, after=has)


def committed(visit: int, person: int) -> Committed:
    return Committed(
        id=visit,
        version=1,
        visit_id=visit,
        crew_slot_id=visit,
        technician_id=person,
        shift_id=person,
        start=AT,
        end=AT,
        state=AssignmentState.PLANNED,
    )


@pytest.mark.parametrize(
    ("others", "named"),
    [
        ([], [1]),
        ([(2, 7, 7)], [1, 2]),
        ([(2, 8, 8)], [1]),
        ([(2, 7, 8), (3, 8, 9), (4, 9, 9)], [1, 2, 3, 4]),
        ([(4, 9, 9), (3, 9, 8), (2, 8, 7)], [1, 4, 3, 2]),
        ([(2, 7, None), (3, 5, None), (4, 5, 6)], [1, 2]),
    ],
)
def test_only_what_hangs_together_by_people_is_its_matter(
    others: list[tuple[int, int | None, int | None]], named: list[int]
) -> None:
    own = line(1, None, 7)
    lines = [own, *(line(*each) for each in others)]
    assert [each.visit_id for each in together_with(own, lines)] == named


def test_the_gentlest_asks_fewest_customers_and_of_equals_arrives_first() -> None:
    kept, asked = {"part": "kept"}, {"part": "customer"}
    assert gentlest([{"items": [asked]}, {"items": [kept, kept]}, {"items": [kept]}]) == 1
    assert gentlest([{"items": [asked]}, {"items": [asked, kept]}]) == 0
