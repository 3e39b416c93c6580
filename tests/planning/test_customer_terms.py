"""Plans in the terms of customers: what is kept, what is broken, who would hear of a change."""

from datetime import timedelta
from typing import Any

import pytest

from dispatch.planning.customer_terms import Booking, DayEnd, Disturbed, Spots, customer_terms, disturbed_by, spots_of
from tests.factories import MORNING

NOW = MORNING - timedelta(hours=12)
MINUTE = timedelta(minutes=1)
WINDOW = (MORNING + 60 * MINUTE, MORNING + 120 * MINUTE)
ANA, BEN = 1, 2


def booked(visit_id: int, minute: int, *, person: int = ANA, travel_s: int = 600, known: bool = False) -> Booking:
    start = MORNING + minute * MINUTE
    return Booking(
        visit_id=visit_id,
        shift_id=person,
        technician_id=person,
        start=start,
        end=start + 30 * MINUTE,
        travel_s=travel_s,
        travel_source="matrix",
        known_face=known,
    )


def test_promises_are_kept_at_risk_or_broken_and_add_up() -> None:
    """The 80th percentile of 10 min of driving is 5 min and 90 s later; what nobody has breaks its promise too."""
    plan = [booked(1, 60), booked(2, 118, person=BEN), booked(3, 121, person=3), booked(4, 200, person=4)]
    promises = dict.fromkeys((1, 2, 3, 5), WINDOW)
    terms = customer_terms(plan, [], asked={1, 2, 3, 4, 5, 6}, promises=promises, disturbed=Disturbed(), now=NOW)
    assert (terms.kept, terms.at_risk, terms.broken) == (1, 1, 2)
    assert terms.kept + terms.at_risk + terms.broken == len(promises)
    assert (terms.served, terms.unserved) == (4, 2)
    late_by = 300 + 90
    assert terms.margin_s == (60 * 60 + 2 * 60 - 2 * late_by) // 2


def test_a_crew_is_one_visit_and_as_late_as_its_last() -> None:
    plan = [booked(1, 60), booked(1, 130, person=BEN)]
    terms = customer_terms(plan, [], asked={1}, promises={1: WINDOW}, disturbed=Disturbed(), now=NOW)
    assert (terms.served, terms.kept, terms.broken) == (1, 0, 1)


def test_days_count_driving_overtime_known_faces_and_near_starts() -> None:
    plan = [
        booked(1, 0, travel_s=900, known=True),
        booked(2, 60, travel_s=100),
        booked(3, 0, person=BEN, travel_s=901),
        booked(4, 90, person=BEN, travel_s=60, known=True),
    ]
    ends = [
        DayEnd(technician_id=ANA, home_s=300, finish=MORNING + 95 * MINUTE, shift_end=MORNING + 480 * MINUTE),
        DayEnd(technician_id=BEN, home_s=200, finish=MORNING + 500 * MINUTE, shift_end=MORNING + 480 * MINUTE),
    ]
    terms = customer_terms(plan, ends, asked=set(), promises={}, disturbed=Disturbed(), now=NOW)
    assert terms.travel_s == 900 + 100 + 901 + 60 + 300 + 200
    assert (terms.overtime_s, terms.most_overtime_s) == (20 * 60, 20 * 60)
    assert (terms.known_faces, terms.near_starts, terms.margin_s) == (2, 1, None)


IN, OUT, LATER = MORNING + 70 * MINUTE, MORNING + 180 * MINUTE, MORNING + 100 * MINUTE


@pytest.mark.parametrize(
    ("was", "becomes", "promised", "customer", "people"),
    [
        ({(ANA, IN)}, {(ANA, IN)}, True, False, set()),
        ({(ANA, IN)}, {(BEN, IN)}, True, False, {ANA, BEN}),
        ({(ANA, IN)}, {(ANA, LATER)}, True, False, {ANA}),
        ({(ANA, IN)}, {(ANA, IN + 10 * MINUTE)}, True, False, set()),
        ({(ANA, IN)}, {(ANA, OUT)}, True, True, {ANA}),
        ({(ANA, OUT)}, {(BEN, OUT)}, True, False, {ANA, BEN}),
        ({(ANA, IN)}, set(), True, True, {ANA}),
        (set(), {(ANA, IN)}, True, False, {ANA}),
        (set(), {(ANA, OUT)}, True, True, {ANA}),
        (set(), {(ANA, IN)}, False, True, {ANA}),
        ({(ANA, IN)}, {(ANA, LATER)}, False, True, {ANA}),
        ({(ANA, IN)}, {(BEN, IN)}, False, False, {ANA, BEN}),
        ({(ANA, IN)}, set(), False, True, {ANA}),
    ],
)
def test_who_hears_of_a_change(
    was: set[Any], becomes: set[Any], promised: bool, customer: bool, people: set[int]
) -> None:
    before: Spots = {7: frozenset(was)} if was else {}
    after: Spots = {7: frozenset(becomes)} if becomes else {}
    hear = disturbed_by(before, after, {7: WINDOW} if promised else {})
    assert (hear.customers == {7}, hear.technicians) == (customer, people)


def test_spots_gather_the_people_of_a_crew() -> None:
    spots = spots_of([booked(1, 60), booked(1, 60, person=BEN), booked(2, 90)])
    assert spots[1] == {(ANA, MORNING + 60 * MINUTE), (BEN, MORNING + 60 * MINUTE)}
    assert set(spots) == {1, 2}
