"""Single-expert risk against solving the whole outlook again without the person."""

from dataclasses import replace

from hypothesis import given, settings

from dispatch.coverage.flow import solve_flow
from dispatch.coverage.outlook import HOUR_S, Outlook
from dispatch.coverage.risk import absence_risks, sole_holders
from tests.coverage.build import GAS, NORTH, ROOFING, WIRING, need, outlook, person, week, work
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


def test_a_skill_that_nobody_asks_for_is_not_a_risk() -> None:
    assert sole_holders(outlook([person(1, 10, {GAS: 4}, travel={NORTH: 0})], [work(0, need(GAS))])) == ()
