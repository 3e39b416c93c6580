"""What would help, against solving the whole outlook again with the person as they would be."""

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given, settings

from benchmarks.coverage_flow import make_outlook
from dispatch.coverage.flow import build_weeks, solve_flow
from dispatch.coverage.outlook import HOUR_S, Outlook, Person
from dispatch.coverage.remedies import OVERTIME_S, PARTNER_DAY_S, Remedy, RemedyKind, remedies
from dispatch.coverage.what_if import WhatIf, ask_weeks
from tests.coverage.build import GAS, LIFT_CARD, MONDAY, NORTH, ROOFING, SOUTH, WIRING, need, outlook, person, work
from tests.coverage.test_flow import full

WAY_S = 600


def found(question: Outlook, partners: Iterable[int] = ()) -> tuple[Remedy, ...]:
    cells = solve_flow(question).cells
    return remedies(
        question, cells, ask_weeks(question), partners=set(partners), travel_s=lambda _person, _place: WAY_S
    )


def with_remedy(one: Person, remedy: Remedy) -> Person:
    match remedy.kind:
        case RemedyKind.OVERTIME:
            return replace(one, hours_s={**one.hours_s, remedy.week: one.hours_s[remedy.week] + OVERTIME_S})
        case RemedyKind.PARTNER:
            return replace(one, hours_s={**one.hours_s, remedy.week: PARTNER_DAY_S})
        case RemedyKind.MOVE:
            return replace(one, travel_s={**one.travel_s, remedy.territory: WAY_S})
        case RemedyKind.TRAIN:
            return replace(one, levels={**one.levels, remedy.row.id: 5})


@given(full)
@settings(max_examples=80, deadline=None)
def test_a_gain_equals_solving_the_week_again(question: Outlook) -> None:
    for remedy in found(question, partners=[p.id for p in question.people]):
        if remedy.kind is RemedyKind.TRAIN:
            continue  # taught to the level of the cell, which the next test knows
        week = tuple(work for work in question.demand if work.week == remedy.week)
        before = solve_flow(replace(question, demand=week)).total_unmet_s
        people = tuple(with_remedy(p, remedy) if p.id == remedy.person else p for p in question.people)
        after = solve_flow(replace(question, people=people, demand=week)).total_unmet_s
        assert abs(remedy.gained_s - (before - after)) <= 2


def test_each_kind_is_found_with_what_it_is_worth() -> None:
    people = [
        person(1, 10, {GAS: 3}),
        person(2, 6, {GAS: 2}),
        person(3, 3, {GAS: 3}, travel={SOUTH: 0}),
        person(4, 0, {GAS: 4}),
        person(5, 9, {WIRING: 3}, travel={SOUTH: 0}),
    ]
    question = outlook(people, [work(30, need(GAS))])
    gains = {(remedy.kind, remedy.person): remedy.gained_s for remedy in found(question, partners=[4])}
    travelled = HOUR_S / (HOUR_S + WAY_S)
    assert gains == {
        (RemedyKind.OVERTIME, 1): OVERTIME_S,
        (RemedyKind.TRAIN, 2): 6 * HOUR_S,
        (RemedyKind.MOVE, 3): round(3 * HOUR_S * travelled),
        (RemedyKind.PARTNER, 4): PARTNER_DAY_S,
    }


def test_a_remedy_counts_what_it_frees_elsewhere() -> None:
    # Teaching the second person gas lets the first do the wiring that goes unmet.
    people = [person(1, 10, {GAS: 3, WIRING: 3}), person(2, 10, {GAS: 2})]
    question = outlook(people, [work(10, need(GAS)), work(10, need(WIRING))])
    assert max(remedy.gained_s for remedy in found(question) if remedy.kind is RemedyKind.TRAIN) == 10 * HOUR_S


def test_a_certificate_can_be_learnt_too() -> None:
    people = [person(1, 10, {GAS: 3})]
    question = outlook(people, [work(5, need(GAS), need(LIFT_CARD, 0))])
    (remedy,) = found(question)
    assert (remedy.kind, remedy.person, remedy.row.id, remedy.week) == (RemedyKind.TRAIN, 1, LIFT_CARD, MONDAY)
    assert remedy.gained_s == 5 * HOUR_S


def test_where_nothing_is_missing_nothing_is_proposed() -> None:
    assert found(outlook([person(1, 10, {GAS: 3})], [work(5, need(GAS))])) == ()


def test_the_programme_is_as_before_afterwards() -> None:
    people = [person(1, 10, {GAS: 3}), person(2, 6, {GAS: 2}), person(4, 0, {GAS: 4})]
    question = outlook(people, [work(30, need(GAS))])
    cells, asking = solve_flow(question).cells, ask_weeks(question)
    first = remedies(question, cells, asking, partners={4}, travel_s=lambda _person, _place: None)
    assert first == remedies(question, cells, asking, partners={4}, travel_s=lambda _person, _place: None)
    assert asking[0].model.solve().total_unmet_h == 20
    assert NORTH in people[0].travel_s


@given(full)
@settings(max_examples=100, deadline=None)
def test_the_part_that_feels_more_hours_or_skills_gains_what_the_whole_week_does(question: Outlook) -> None:
    for model in build_weeks(question):
        asking = WhatIf(model, fewest=0)
        for who in question.people:
            hours = {week: seconds + 4 * HOUR_S for week, seconds in who.hours_s.items()}
            levels = {**dict.fromkeys((GAS, WIRING, ROOFING), 5), **dict.fromkeys(who.levels, 5)}
            for changed in (
                replace(who, hours_s=hours),
                replace(who, levels=levels),
                replace(who, travel_s={NORTH: 600, SOUTH: 900, **who.travel_s}),
                replace(who, levels=levels, travel_s={NORTH: 600, SOUTH: 900, **who.travel_s}, hours_s=hours),
            ):
                assert abs(asking.least_unmet_as(changed) - sum(model.unmet_as(changed))) < 1e-5


def test_in_a_large_week_a_part_answers_as_the_whole_does() -> None:
    question = make_outlook(150, 40, 4, 1, 160, breadth=10)
    (model,) = build_weeks(question)
    asking = WhatIf(model)
    assert sum(asking.unmet_h) > 0
    for who in question.people[::3]:
        changed = replace(who, levels={**who.levels, who.id % 40: 5, (who.id + 1) % 40: 5})
        assert abs(asking.least_unmet_as(changed) - sum(model.unmet_as(changed))) < 1e-5
