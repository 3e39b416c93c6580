"""Single-expert risk against solving the whole outlook again without the person."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.coverage_flow import make_outlook
from dispatch.coverage.flow import build_weeks, people_behind, solve_flow
from dispatch.coverage.outlook import HOUR_S, Outlook
from dispatch.coverage.risk import absence_risks, pair_risks, sole_holders, stress_test
from dispatch.coverage.what_if import WhatIf
from tests.coverage.build import GAS, LIFT_CARD, NORTH, ROOFING, WIRING, need, outlook, person, week, work
from tests.coverage.test_flow import full


@given(full)
@settings(max_examples=120, deadline=None)
def test_equals_solving_again_without_the_person(question: Outlook) -> None:
    everything = solve_flow(question).total_unmet_s
    for risk in absence_risks(question):
        without = tuple(p for p in question.people if p.id != risk.person)
        again = solve_flow(replace(question, people=without)).total_unmet_s
        assert abs(risk.lost_s - (again - everything)) <= 2


def test_a_person_whose_work_others_take_over_is_no_risk() -> None:
    people = [person(1, 10, {GAS: 3}), person(2, 10, {GAS: 3, WIRING: 3}), person(3, 10, {WIRING: 3})]
    question = outlook(people, [work(8, need(GAS)), work(8, need(WIRING))])
    assert [risk.lost_s for risk in absence_risks(question)] == [0, 0, 0]


def test_the_only_expert_comes_first_with_what_would_be_lost_and_when() -> None:
    people = [
        person(1, 10, {GAS: 3}, weeks=2),
        person(2, 10, {WIRING: 3}, weeks=2),
        person(3, 10, {WIRING: 3}, weeks=2),
    ]
    demand = [
        work(8, need(GAS)),
        work(3, need(GAS), monday=week(1)),
        work(12, need(WIRING)),
        work(5, need(WIRING), monday=week(1)),
    ]
    first, second, third = absence_risks(outlook(people, demand))
    assert (first.person, first.lost_s) == (1, 11 * HOUR_S)
    assert first.by_week == ((week(0), 8 * HOUR_S), (week(1), 3 * HOUR_S))
    assert [loss.lost_s for loss in first.losses] == [8 * HOUR_S, 3 * HOUR_S]
    # Either wiring person leaves ten hours for twelve.
    assert [(risk.lost_s, risk.by_week) for risk in (second, third)] == [(2 * HOUR_S, ((week(0), 2 * HOUR_S),))] * 2


def test_skills_that_rest_on_one_person() -> None:
    people = [person(1, 10, {GAS: 4, WIRING: 3}), person(2, 10, {GAS: 3, WIRING: 3}), person(3, 0, {GAS: 5})]
    question = outlook(
        people, [work(2, need(GAS, 4)), work(5, need(GAS, 3)), work(1, need(ROOFING)), work(3, need(WIRING))]
    )
    (sole,) = sole_holders(question)
    assert (sole.need, sole.person, sole.needed_s) == (need(GAS, 4), 1, 2 * HOUR_S)


@given(full)
@settings(max_examples=120, deadline=None)
def test_who_is_behind_a_need_is_found_by_skill_as_by_asking_everybody(question: Outlook) -> None:
    needs = {each for asked in question.demand for each in asked.needs} | {need(GAS, 4, (WIRING, 2), (LIFT_CARD, 0))}
    for asked, behind in people_behind(question, needs).items():
        plain = [p for p in question.people if any(s > 0 and p.meets(asked, monday) for monday, s in p.hours_s.items())]
        assert list(behind) == sorted(plain, key=lambda p: p.id)


def test_a_skill_that_nobody_asks_for_is_not_a_risk() -> None:
    assert sole_holders(outlook([person(1, 10, {GAS: 4}, travel={NORTH: 0})], [work(0, need(GAS))])) == ()


# ---- two at once ---------------------------------------------------------------------------------------------------


@given(full)
@settings(max_examples=60, deadline=None)
def test_pairs_equal_solving_again_without_both(question: Outlook) -> None:
    everything = solve_flow(question).total_unmet_s
    risks = absence_risks(question)
    alone = {risk.person: risk.lost_s for risk in risks}
    for pair in pair_risks(question, risks):
        without = tuple(p for p in question.people if p.id not in pair.people)
        again = solve_flow(replace(question, people=without)).total_unmet_s
        assert abs(pair.lost_s - (again - everything)) <= 2
        # Losses are rounded class by class, their sum is rounded once.
        assert abs(pair.beyond_s - (pair.lost_s - alone[pair.people[0]] - alone[pair.people[1]])) <= 4


def test_two_who_stand_in_for_each_other_are_a_risk_only_together() -> None:
    people = [person(1, 10, {GAS: 3}), person(2, 10, {GAS: 3}), person(3, 10, {WIRING: 3})]
    question = outlook(people, [work(8, need(GAS)), work(8, need(WIRING))])
    risks = absence_risks(question)
    (pair,) = pair_risks(question, risks)
    assert {risk.person: risk.lost_s for risk in risks} == {1: 0, 2: 0, 3: 8 * HOUR_S}
    assert (pair.people, pair.lost_s, pair.beyond_s) == ((1, 2), 8 * HOUR_S, 8 * HOUR_S)


def test_experts_of_different_things_are_no_worse_together() -> None:
    people = [person(1, 10, {GAS: 3}), person(2, 10, {WIRING: 3})]
    question = outlook(people, [work(8, need(GAS)), work(8, need(WIRING))])
    assert pair_risks(question, absence_risks(question)) == ()


# ---- many at random ------------------------------------------------------------------------------------------------


def test_with_nobody_away_nothing_changes_and_with_all_away_nothing_is_served() -> None:
    people = [person(1, 10, {GAS: 3}, weeks=3), person(2, 10, {WIRING: 3}, weeks=3)]
    demand = [work(12, need(GAS)), work(8, need(WIRING)), work(6, need(WIRING), monday=week(1))]
    question = outlook(people, demand)
    here = stress_test(question, 0.0)
    assert [(each.week, each.all_there_s, each.half_s, each.twentieth_s) for each in here.weeks] == [
        (week(0), 2 * HOUR_S, 2 * HOUR_S, 2 * HOUR_S),
        (week(1), 0, 0, 0),
    ]
    assert here.felt == ()
    gone = stress_test(question, 1.0)
    assert [(each.half_s, each.twentieth_s) for each in gone.weeks] == [(20 * HOUR_S, 20 * HOUR_S), (6 * HOUR_S,) * 2]
    assert [(loss.demand.needs, loss.lost_s) for loss in gone.felt] == [
        ((need(GAS),), 10 * HOUR_S),
        ((need(WIRING),), 8 * HOUR_S),
        ((need(WIRING),), 6 * HOUR_S),
    ]


def test_how_often_it_is_worse_is_counted_over_the_draws() -> None:
    # One person of whom everything depends is away in three weeks of ten.
    question = outlook([person(1, 10, {GAS: 3})], [work(8, need(GAS))])
    found = stress_test(question, 0.3)
    (only,) = found.weeks
    assert (only.all_there_s, only.half_s, only.fifth_s, only.twentieth_s) == (0, 0, 8 * HOUR_S, 8 * HOUR_S)
    assert found.felt[0].lost_s == pytest.approx(0.3 * 8 * HOUR_S, rel=0.15)
    assert found == stress_test(question, 0.3), "the same question has the same answer"


@given(full)
@settings(max_examples=30, deadline=None)
def test_absences_never_help(question: Outlook) -> None:
    for each in stress_test(question, 0.2).weeks:
        assert each.all_there_s - 2 <= each.half_s <= each.fifth_s <= each.twentieth_s


@pytest.mark.parametrize("away", [-0.1, 1.1, float("nan")])
def test_what_is_no_chance_is_refused(away: float) -> None:
    with pytest.raises(ValueError, match="is no chance: give a number from 0 to 1"):
        stress_test(outlook([], []), away)


# ---- one absence in the part of the week that feels it --------------------------------------------------------------


@given(full, st.integers(0, 2))
@settings(max_examples=150, deadline=None)
def test_the_part_that_feels_an_absence_loses_what_the_whole_week_does(question: Outlook, others: int) -> None:
    for model in build_weeks(question):
        week_of = WhatIf(model, fewest=0)
        for number, first in enumerate(model.people):
            gone = [first.id, *(each.id for each in model.people[number + 1 : number + 1 + others])]
            found = week_of.unmet_without(gone)
            rise = sum(hours - week_of.unmet_h[index] for index, hours in found.items())
            whole = sum(build_weeks(question)[question.weeks.index(model.week)].unmet_without(gone))
            assert abs(rise - (whole - sum(week_of.unmet_h))) < 1e-5


def test_most_of_a_large_week_is_left_alone() -> None:
    (model,) = build_weeks(make_outlook(150, 40, 4, 1, 160, breadth=10))
    week_of = WhatIf(model)
    small = 0
    for person_id in week_of.carriers():
        found = week_of.unmet_without([person_id])
        small += len(found) < len(model.demand)
        rise = sum(hours - week_of.unmet_h[index] for index, hours in found.items())
        assert abs(rise - (sum(model.unmet_without([person_id])) - sum(week_of.unmet_h))) < 1e-5
    assert len(week_of.carriers()) > 100
    assert small > 50
