"""Rare demand classes are counted in stricter ones: nothing gets lost, and no gap is hidden."""

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.coverage.flow import solve_flow
from dispatch.coverage.merging import merge_rare
from dispatch.coverage.outlook import HOUR_S, DemandClass, Outlook
from tests.coverage import naive_merging
from tests.coverage.build import GAS, LIFT_CARD, NORTH, ROOFING, SOUTH, WIRING, need, outlook, person, week, work
from tests.coverage.test_flow import full


def needs_of(demand: tuple[DemandClass, ...]) -> list[tuple[int, ...]]:
    return [tuple(one.any_of[0].skill for one in each.needs) for each in demand]


def test_below_the_limit_all_stays_as_it_is() -> None:
    demand = (work(1, need(GAS)), work(2, need(WIRING)))
    assert merge_rare(demand, most=2) == (demand, 0)


def test_the_rarest_goes_where_as_much_is_asked_for_already() -> None:
    rare, same = work(1, need(GAS, 2)), work(8, need(GAS, 4))
    demand, moved_s = merge_rare([rare, same, work(9, need(WIRING, 4)), work(9, need(GAS), need(ROOFING))], most=3)
    assert moved_s == HOUR_S
    (joined,) = [each for each in demand if each.needs == same.needs]
    assert joined.booked_s == 9 * HOUR_S
    assert rare not in demand


def test_where_nothing_asks_for_as_much_two_become_one_that_asks_for_both() -> None:
    demand, moved_s = merge_rare([work(1, need(LIFT_CARD, 0)), work(8, need(GAS, 2))], most=1)
    assert needs_of(demand) == [(GAS, LIFT_CARD)]
    assert (moved_s, demand[0].seconds) == (HOUR_S, 9 * HOUR_S)


def test_a_skill_does_not_stand_for_the_certificate_that_has_its_number() -> None:
    demand, _ = merge_rare([work(1, need(GAS, 0)), work(8, need(GAS, 4))], most=1)
    assert demand[0].needs == (need(GAS, 0), need(GAS, 4))


def test_weeks_and_territories_are_not_mixed() -> None:
    demand = [work(1, need(GAS)), work(1, need(GAS), territory=SOUTH), work(1, need(GAS), monday=week(1))]
    merged, moved_s = merge_rare(demand, most=1)
    assert sorted(merged, key=lambda each: each.key) == sorted(demand, key=lambda each: each.key)
    assert moved_s == 0


@given(full, st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_no_hour_is_lost_no_gap_hidden_and_the_limit_is_kept(question: Outlook, most: int) -> None:
    asked = tuple(replace(each, visit_s=HOUR_S) for each in question.demand)
    demand, _ = merge_rare(asked, most=most)
    for monday in question.weeks:
        here = [each for each in demand if each.week == monday]
        assert len(here) <= max(most, len({each.territory for each in here}))
        for place in (NORTH, SOUTH):
            before = sum(each.seconds for each in asked if (each.week, each.territory) == (monday, place))
            assert before == sum(each.seconds for each in here if each.territory == place)
    unmet_s = solve_flow(replace(question, demand=demand)).total_unmet_s
    assert unmet_s >= solve_flow(replace(question, demand=asked)).total_unmet_s - 2


def test_merging_makes_a_gap_wider_and_says_how_much_was_moved() -> None:
    people = [person(1, 10, {GAS: 2})]
    demand = (work(1, need(GAS, 2)), work(8, need(GAS, 4)))
    merged, moved_s = merge_rare(demand, most=1)
    gaps = [solve_flow(outlook(people, list(each))).total_unmet_s // HOUR_S for each in (demand, merged)]
    assert (gaps, moved_s) == ([8, 9], HOUR_S)


options = st.tuples(st.integers(1, 6), st.integers(0, 4))
one_need = st.lists(options, min_size=1, max_size=2, unique=True).map(lambda some: need(*some[0], *some[1:]))
one_class = st.builds(
    lambda needs, seconds, territory, monday, visit_s: replace(
        work(0, *needs, territory=territory, monday=week(monday), visit_s=visit_s),
        booked_s=seconds[0],
        expected_s=seconds[1],
    ),
    st.lists(one_need, max_size=3, unique=True),
    st.tuples(st.sampled_from((0, 600, 3600, 5401)), st.sampled_from((0, 0, 1801))),
    st.sampled_from((NORTH, SOUTH)),
    st.integers(0, 1),
    st.sampled_from((600, 2700, 3600)),
)


@given(st.lists(one_class, max_size=30), st.integers(1, 8))
@settings(max_examples=400, deadline=None)
def test_finding_by_index_is_the_same_as_comparing_all(demand: list[DemandClass], most: int) -> None:
    assert merge_rare(demand, most=most) == naive_merging.merge_rare(demand, most=most)


def test_thousands_of_classes_come_down_to_the_same_ones() -> None:
    dice = random.Random(4)
    demand = [
        replace(work(0, *needs, territory=dice.randrange(4), visit_s=dice.choice((2700, 5400))), booked_s=600 * hours)
        for hours in (dice.randint(0, 40) for _ in range(1500))
        for needs in [{need(dice.randrange(80), dice.randint(0, 4)) for _ in range(dice.choice((1, 1, 1, 2)))}]
    ]
    merged, moved_s = merge_rare(demand, most=150)
    assert len(merged) == 150
    assert (merged, moved_s) == naive_merging.merge_rare(demand, most=150)
