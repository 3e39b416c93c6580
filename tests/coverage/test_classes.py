"""Rare demand classes are counted in stricter ones: nothing gets lost, and no gap is hidden."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.coverage.classes import merge_rare
from dispatch.coverage.flow import solve_flow
from dispatch.coverage.outlook import HOUR_S, DemandClass, Outlook
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
