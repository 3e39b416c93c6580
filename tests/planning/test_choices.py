"""Which lines of a mended day belong to one visit, and which of several people is the gentlest."""

from datetime import UTC, datetime

import pytest

from dispatch.matching.plan import Plan, Route, Stop, Unassigned
from dispatch.planning.choices import gentlest
from dispatch.planning.models import AssignmentState, Disruption, DisruptionKind
from dispatch.planning.proposals import Line, as_accepted, concerned, together_with
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
    assert [each.visit_id for each in together_with([own], lines)] == named


@pytest.mark.parametrize(
    ("kind", "technician", "named"),
    [
        (DisruptionKind.CANNOT_WORK, 7, [1, 2]),
        (DisruptionKind.RUNNING_LATE, 5, [3]),
        (DisruptionKind.LONGER, 4, []),
        (DisruptionKind.CANCELLATION, 7, [1, 2, 3]),
        (DisruptionKind.EMERGENCY, None, [1, 2, 3]),
    ],
)
def test_who_is_late_anyhow_is_no_part_of_what_happened_to_somebody_else(
    kind: DisruptionKind, technician: int | None, named: list[int]
) -> None:
    lines = [line(1, 7, 8), line(2, 8, 8), line(3, 5, 5)]
    found = concerned(lines, Disruption(kind=kind, technician_id=technician, visit_id=None))
    assert [each.visit_id for each in found] == named


def test_a_day_as_accepted_keeps_the_days_of_others() -> None:
    def route(person: str, *visits: str) -> Route:
        stops = tuple(
            Stop(
                visit=visit,
                slot=0,
                arrive_s=60 * at,
                start_s=60 * at,
                end_s=60 * at + 30,
                travel_s=0,
                travel_m=0,
                travel_source="",
            )
            for at, visit in enumerate(visits)
        )
        return Route(shift=f"s{person}", technician=person, depart_s=0, finish_s=stops[-1].end_s, stops=stops)

    standing = Plan(routes=(route("7", "1", "2"), route("5", "3")))
    answer = Plan(routes=(route("8", "1"),), unassigned=(Unassigned(visit="2"), Unassigned(visit="3")))
    found = as_accepted(standing, answer, [line(1, 7, 8), line(2, 7, None)])
    assert [(each.technician, [stop.visit for stop in each.stops]) for each in found.routes] == [
        ("5", ["3"]),
        ("8", ["1"]),
    ]
    assert [each.visit for each in found.unassigned] == ["2"]


def test_the_gentlest_asks_fewest_customers_and_of_equals_arrives_first() -> None:
    kept, asked = {"part": "kept"}, {"part": "customer"}
    assert gentlest([{"items": [asked]}, {"items": [kept, kept]}, {"items": [kept]}]) == 1
    assert gentlest([{"items": [asked]}, {"items": [asked, kept]}]) == 0
