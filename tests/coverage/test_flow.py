"""The flow against tables of cases, brute force, a plain maximum flow, and what must hold whatever the numbers."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.coverage import parts as parts_module
from dispatch.coverage.flow import Cell, Flow, build_weeks, solve_flow, worst_places
from dispatch.coverage.outlook import ANYBODY, HOUR_S, DemandClass, Outlook, Person, Row, RowKind
from dispatch.coverage.parts import Parts
from dispatch.coverage.week import WeekModel
from tests.coverage.build import (
    GAS,
    LIFT_CARD,
    MONDAY,
    NORTH,
    ROOFING,
    SOUTH,
    WIRING,
    need,
    outlook,
    person,
    week,
    work,
)
from tests.coverage.naive import least_unmet_hours, max_flow_unmet_seconds, unmet_seconds_by_highs


def cell(flow: Flow, skill: int, territory: int = NORTH) -> Cell:
    row = Row(kind=RowKind.SKILL, id=skill) if skill else ANYBODY
    (found,) = [c for c in flow.cells if c.row == row and c.territory == territory]
    return found


def test_one_hour_serves_one_skill() -> None:
    both = person(1, 10, {GAS: 3, WIRING: 3})
    flow = solve_flow(outlook([both], [work(10, need(GAS)), work(10, need(WIRING))]))
    assert flow.total_unmet_s == 10 * HOUR_S
    assert cell(flow, GAS).missing_s + cell(flow, WIRING).missing_s == 10 * HOUR_S


def test_shortage_is_shared_by_those_who_compete() -> None:
    both = person(1, 10, {GAS: 3, WIRING: 3})
    flow = solve_flow(outlook([both], [work(10, need(GAS)), work(10, need(WIRING))]))
    assert cell(flow, GAS).missing_s == cell(flow, WIRING).missing_s == 5 * HOUR_S


def test_the_expert_is_kept_for_what_only_the_expert_can_do() -> None:
    expert = person(1, 8, {GAS: 5, WIRING: 3}, travel={NORTH: 0})
    plain = person(2, 8, {WIRING: 3}, travel={NORTH: 900})
    flow = solve_flow(outlook([expert, plain], [work(8, need(GAS, 5)), work(6, need(WIRING))]))
    assert flow.total_unmet_s == 0
    assert {(gift.person, gift.demand.needs[0].row.id) for gift in flow.weeks[0].gifts} == {(1, GAS), (2, WIRING)}


@pytest.mark.parametrize(
    ("levels", "held", "reaches", "unmet"),
    [
        ({GAS: 3}, {LIFT_CARD: frozenset({MONDAY})}, True, 0),
        ({GAS: 4}, {LIFT_CARD: frozenset({MONDAY})}, True, 0),
        ({GAS: 2}, {LIFT_CARD: frozenset({MONDAY})}, True, 8),
        ({GAS: 3}, {LIFT_CARD: frozenset({week(1)})}, True, 8),
        ({GAS: 3}, {}, True, 8),
        ({}, {LIFT_CARD: frozenset({MONDAY})}, True, 8),
        ({GAS: 3}, {LIFT_CARD: frozenset({MONDAY})}, False, 8),
    ],
)
def test_only_qualified_people_in_reach_count(
    levels: dict[int, int], held: dict[int, frozenset[object]], reaches: bool, unmet: int
) -> None:
    who = person(1, 40, levels, held=held, travel={NORTH if reaches else SOUTH: 0})  # type: ignore[arg-type]  # plain numbers
    flow = solve_flow(outlook([who], [work(8, need(GAS), need(LIFT_CARD, 0))]))
    assert flow.total_unmet_s == unmet * HOUR_S


def test_any_of_a_need_will_do() -> None:
    flow = solve_flow(outlook([person(1, 8, {ROOFING: 4})], [work(8, need(GAS, 3, (ROOFING, 4)))]))
    assert flow.total_unmet_s == 0


def test_travel_takes_hours() -> None:
    far = person(1, 9, {GAS: 3}, travel={NORTH: HOUR_S // 2})
    flow = solve_flow(outlook([far], [work(9, need(GAS), visit_s=HOUR_S)]))
    assert flow.total_unmet_s == 3 * HOUR_S
    assert flow.weeks[0].gifts[0].spent_h == pytest.approx(9)
    assert flow.weeks[0].gifts[0].work_h == pytest.approx(6)


def test_a_place_too_far_for_the_visit_is_not_served() -> None:
    far = person(1, 40, {GAS: 3}, travel={NORTH: 4 * HOUR_S + 60})
    assert solve_flow(outlook([far], [work(1, need(GAS))])).total_unmet_s == HOUR_S


def test_hours_of_one_week_do_not_help_another() -> None:
    who = replace(person(1, 10, {GAS: 3}), hours_s={week(0): 10 * HOUR_S, week(1): 2 * HOUR_S})
    flow = solve_flow(outlook([who], [work(4, need(GAS)), work(4, need(GAS), monday=week(1))]))
    assert [round(each.total_unmet_h) for each in flow.weeks] == [0, 2]


def test_cell_counts_what_can_really_be_given() -> None:
    people = [person(1, 20, {GAS: 3, WIRING: 3}), person(2, 10, {WIRING: 3})]
    flow = solve_flow(outlook(people, [work(6, need(GAS), expected=2), work(16, need(WIRING))]))
    gas = cell(flow, GAS)
    assert (gas.needed_s, gas.booked_s, gas.missing_s) == (8 * HOUR_S, 6 * HOUR_S, 0)
    # 30 hours in all, wiring keeps its 16: gas could have 14, not the 20 that its only holder works.
    assert gas.can_give_s == 14 * HOUR_S
    assert gas.ratio == pytest.approx(14 / 8)
    assert (gas.able, gas.rests_on, gas.nobody_s) == ((1,), 1, 0)
    assert cell(flow, WIRING).rests_on is None
    assert cell(flow, WIRING).people == 2


@pytest.mark.parametrize(("rare", "common", "rests"), [(5, 5, True), (4, 6, False)])
def test_a_cell_rests_on_who_alone_can_do_half_of_it(rare: int, common: int, rests: bool) -> None:
    people = [person(1, 40, {GAS: 5}), person(2, 40, {GAS: 3})]
    flow = solve_flow(outlook(people, [work(rare, need(GAS, 5)), work(common, need(GAS, 3))]))
    assert cell(flow, GAS).rests_on == (1 if rests else None)
    assert cell(flow, GAS).people == 2


def test_gap_is_blamed_on_the_need_whose_relaxation_helps_most() -> None:
    people = [person(1, 4, {GAS: 4, WIRING: 3}), person(2, 40, {WIRING: 3})]
    flow = solve_flow(outlook(people, [work(10, need(GAS, 4), need(WIRING))]))
    assert cell(flow, GAS).missing_s == 6 * HOUR_S
    assert cell(flow, WIRING).missing_s == 0
    assert cell(flow, GAS).price_s == 4 * HOUR_S
    assert cell(flow, WIRING).price_s == 0


def test_gap_is_blamed_on_what_would_help_not_on_what_few_people_have() -> None:
    # Fewer hours stand behind roofing, but they are free: only more gas hours would help.
    people = [person(1, 10, {GAS: 4, ROOFING: 3}), person(2, 6, {ROOFING: 3}), person(3, 30, {GAS: 4})]
    busy = [work(36, need(GAS, 4)), work(6, need(GAS, 4), need(ROOFING)), work(2, need(ROOFING))]
    flow = solve_flow(outlook(people, busy))
    assert flow.total_unmet_s == 2 * HOUR_S
    assert cell(flow, GAS).missing_s == 2 * HOUR_S
    assert cell(flow, ROOFING).missing_s == 0


def test_price_of_a_skill_leaves_travel_out_that_everybody_would_have() -> None:
    people = [person(1, 40, {GAS: 4}, travel={NORTH: 900}), person(2, 40, {}, travel={NORTH: 900})]
    flow = solve_flow(outlook(people, [work(8, need(GAS, 4))]))
    assert flow.weeks[0].price_s[0] == pytest.approx(900)
    assert cell(flow, GAS).price_s == 0


def test_skill_nobody_has_and_territory_without_people() -> None:
    people = [person(1, 40, {GAS: 3})]
    flow = solve_flow(outlook(people, [work(5, need(ROOFING)), work(5, need(GAS), territory=SOUTH)]))
    for found in (cell(flow, ROOFING), cell(flow, GAS, SOUTH)):
        assert (found.missing_s, found.can_give_s, found.people, found.rests_on) == (5 * HOUR_S, 0, 0, None)
        assert found.nobody_s == 5 * HOUR_S
        assert found.price_s == 4 * HOUR_S or found.row.id == GAS


def test_nothing_at_all_is_an_answer() -> None:
    assert solve_flow(outlook([], [])) == Flow(weeks=(), cells=())
    assert solve_flow(outlook([person(1, 8)], [])).total_unmet_s == 0
    assert solve_flow(outlook([], [work(3)])).total_unmet_s == 3 * HOUR_S


def test_work_that_anybody_may_do_has_a_row_of_its_own() -> None:
    flow = solve_flow(outlook([person(1, 2), person(2, 2)], [work(6)]))
    assert cell(flow, 0).missing_s == 2 * HOUR_S


def test_a_certification_has_its_own_row_beside_a_skill_of_the_same_number() -> None:
    flow = solve_flow(outlook([person(1, 8, {GAS: 3})], [work(2, need(GAS)), work(3, need(GAS, 0))]))
    assert {(found.row.kind, found.needed_s // HOUR_S, found.missing_s // HOUR_S) for found in flow.cells} == {
        (RowKind.SKILL, 2, 0),
        (RowKind.CERTIFICATION, 3, 3),
    }


def test_absurd_demand_is_solved_and_said() -> None:
    flow = solve_flow(outlook([person(1, 40, {GAS: 3})], [work(1e6, need(GAS))]))
    assert flow.total_unmet_s == pytest.approx((1e6 - 40) * HOUR_S, abs=1)


def test_worst_are_most_missing_then_tightest_then_resting_on_one() -> None:
    people = [person(1, 10, {GAS: 3}), person(2, 10, {WIRING: 3}), person(3, 20, {ROOFING: 3}), person(4, 1, {5: 3})]
    demand = [work(12, need(GAS)), work(9, need(WIRING)), work(10, need(ROOFING)), work(9, need(5))]
    order = [found[0].row.id for found in worst_places(solve_flow(outlook(people, demand)).cells, count=4)]
    assert order == [5, GAS, WIRING, ROOFING]


def test_a_place_short_in_two_weeks_is_told_once_with_both() -> None:
    people = [replace(person(1, 8, {GAS: 3}), hours_s={week(n): 8 * HOUR_S for n in range(3)})]
    demand = [work(hours, need(GAS), monday=week(n)) for n, hours in enumerate((9, 3, 12))]
    ((first, second),) = worst_places(solve_flow(outlook(people, demand)).cells)
    assert [(found.week, found.missing_s // HOUR_S) for found in (first, second)] == [(week(0), 1), (week(2), 4)]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: work(1, monday=MONDAY + timedelta(days=1)), "does not start on a Monday"),
        (lambda: work(-1), "must not be negative"),
        (lambda: work(1, visit_s=0), "visit_s 0 must be more than 0"),
        (lambda: replace(work(1), needs=(need(WIRING), need(GAS))), "needs must be sorted"),
        (lambda: person(1, 169), "hours_s"),
        (lambda: person(1, 1, {GAS: 6}), "level 6"),
        (lambda: person(1, 1, travel={NORTH: -1}), "travel_s to territory 1 is -1"),
        (lambda: outlook([person(1, 1), person(1, 2)], []), r"people named twice: \[1\]"),
        (lambda: outlook([], [work(1), work(2)]), "two demand classes"),
        (lambda: outlook([], [], unmet_price_s=0), "unmet_price_s"),
        (lambda: need(GAS, 6), "level 6"),
    ],
)
def test_bad_values_are_refused_with_their_place(make: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()  # type: ignore[operator]  # each case is a function


# ---- whatever the numbers ------------------------------------------------------------------------------------------

skills = st.sampled_from([GAS, WIRING, ROOFING])
levels = st.dictionaries(skills, st.integers(1, 4), max_size=3)
need_sets = st.lists(st.tuples(skills, st.integers(1, 4)), max_size=2, unique_by=lambda pair: pair[0])


def _people(most: int, hours: int, travel: st.SearchStrategy[int]) -> st.SearchStrategy[list[Person]]:
    reach = st.dictionaries(st.sampled_from([NORTH, SOUTH]), travel, max_size=2)
    one = st.tuples(st.integers(0, hours), levels, reach)
    return st.lists(one, max_size=most).map(
        lambda rows: [person(number, h, has, travel=to) for number, (h, has, to) in enumerate(rows, start=1)]
    )


def _demand(most: int, hours: int) -> st.SearchStrategy[list[DemandClass]]:
    one = st.tuples(st.integers(0, hours), need_sets, st.sampled_from([NORTH, SOUTH]))
    return st.lists(one, max_size=most).map(
        lambda rows: list(
            {
                made.key: made
                for h, needs, territory in rows
                for made in [work(h, *(need(s, at) for s, at in needs), territory=territory)]
            }.values()
        )
    )


tiny = st.tuples(_people(3, 2, st.just(0)), _demand(3, 3)).map(lambda both: outlook(*both))
flat = st.tuples(_people(6, 40, st.just(0)), _demand(6, 60)).map(lambda both: outlook(*both))
full = st.tuples(_people(6, 40, st.integers(0, 4 * HOUR_S)), _demand(6, 60)).map(lambda both: outlook(*both))


@given(tiny)
@settings(max_examples=150, deadline=None)
def test_equals_brute_force(question: Outlook) -> None:
    assert solve_flow(question).total_unmet_s == least_unmet_hours(question) * HOUR_S


@given(flat)
@settings(max_examples=150, deadline=None)
def test_equals_a_plain_maximum_flow(question: Outlook) -> None:
    assert solve_flow(question).total_unmet_s == max_flow_unmet_seconds(question)


@given(full)
@settings(max_examples=100, deadline=None)
def test_equals_another_solver_with_travel(question: Outlook) -> None:
    assert solve_flow(question).total_unmet_s == pytest.approx(unmet_seconds_by_highs(question), abs=2)


@given(full)
@settings(max_examples=150, deadline=None)
def test_nobody_gives_hours_twice_and_every_hour_is_accounted_for(question: Outlook) -> None:
    by_id = {p.id: p for p in question.people}
    for flow in solve_flow(question).weeks:
        spent: dict[int, float] = {}
        served = dict.fromkeys((each.key for each in flow.demand), 0.0)
        for gift in flow.gifts:
            who = by_id[gift.person]
            assert all(who.meets(each, flow.week) for each in gift.demand.needs)
            overhead = who.overhead(gift.demand)
            assert overhead is not None
            assert gift.spent_h == pytest.approx(gift.work_h * overhead)
            spent[gift.person] = spent.get(gift.person, 0.0) + gift.spent_h
            served[gift.demand.key] += gift.work_h
        for number, hours in spent.items():
            assert hours <= by_id[number].hours_s[flow.week] / HOUR_S + 1e-5
        for each, unmet in zip(flow.demand, flow.unmet_h, strict=True):
            assert served[each.key] + unmet == pytest.approx(each.seconds / HOUR_S, abs=1e-5)


@given(full, levels, st.integers(0, 40), st.integers(0, 4 * HOUR_S))
@settings(max_examples=150, deadline=None)
def test_another_person_never_raises_unmet_hours(question: Outlook, has: dict[int, int], hours: int, s: int) -> None:
    more = replace(question, people=(*question.people, person(99, hours, has, travel={NORTH: s})))
    assert solve_flow(more).total_unmet_s <= solve_flow(question).total_unmet_s + 1


@given(full, st.data())
@settings(max_examples=100, deadline=None)
def test_more_work_never_lowers_unmet_hours(question: Outlook, data: st.DataObject) -> None:
    if not question.demand:
        return
    index = data.draw(st.integers(0, len(question.demand) - 1))
    grown = list(question.demand)
    grown[index] = replace(grown[index], expected_s=3 * HOUR_S)
    after = solve_flow(replace(question, demand=tuple(grown))).total_unmet_s
    before = solve_flow(question).total_unmet_s
    assert before - 1 <= after <= before + 3 * HOUR_S + 1


@given(full, st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_people_and_work_does_not_matter(question: Outlook, random: object) -> None:
    people, demand = list(question.people), list(question.demand)
    random.shuffle(people)  # type: ignore[attr-defined]  # a random.Random
    random.shuffle(demand)  # type: ignore[attr-defined]  # a random.Random
    assert solve_flow(replace(question, people=tuple(people), demand=tuple(demand))) == solve_flow(question)


def _cost(question: Outlook) -> float:
    (model,) = build_weeks(question)
    return model.priced_cost() * HOUR_S


@given(full, st.data())
@settings(max_examples=200, deadline=None)
def test_scarcity_price_is_the_slope_of_the_cost(question: Outlook, data: st.DataObject) -> None:
    """The price lies between what the last hour cost and what the next one costs; where they agree it is that."""
    if len(question.weeks) != 1 or not question.demand:
        return
    (model,) = build_weeks(question)
    flow = model.solve()
    index = data.draw(st.integers(0, len(flow.demand) - 1))
    here = _cost(question)

    def moved(by_s: int) -> float:
        changed = tuple(
            replace(each, booked_s=each.booked_s + by_s) if each.key == flow.demand[index].key else each
            for each in question.demand
        )
        return _cost(replace(question, demand=changed))

    step = 36
    upward = (moved(step) - here) * HOUR_S / step
    assert flow.price_s[index] <= upward + 1
    if flow.demand[index].booked_s >= step:
        downward = (here - moved(-step)) * HOUR_S / step
        assert flow.price_s[index] >= downward - 1
    assert 0 <= flow.price_s[index] <= question.unmet_price_s + 1


def test_price_of_the_next_hour_counts_where_hours_are_just_enough() -> None:
    (model,) = build_weeks(outlook([person(1, 8, {GAS: 3})], [work(8, need(GAS))]))
    assert model.solve().price_s[0] == pytest.approx(4 * HOUR_S)


def test_idle_expert_is_free_and_busy_expert_is_not() -> None:
    expert, plain = person(1, 10, {GAS: 5}), person(2, 10, {GAS: 3})
    (calm,) = build_weeks(outlook([expert, plain], [work(5, need(GAS, 5)), work(8, need(GAS))]))
    assert calm.solve().hour_price_s == {1: 0, 2: 0}
    (busy,) = build_weeks(outlook([expert, plain], [work(12, need(GAS, 5)), work(8, need(GAS))]))
    prices = busy.solve().hour_price_s
    assert prices[1] == pytest.approx(4 * HOUR_S)
    assert prices[2] == 0


@given(full)
@settings(max_examples=60, deadline=None)
def test_a_question_leaves_no_trace(question: Outlook) -> None:
    """Absences, growth and prices are asked of a live model; afterwards it must give its first answer again."""
    for model in build_weeks(question):
        first = model.solve()
        model.unmet_without([p.id for p in model.people])
        model.growth(range(len(model.demand)))
        model.priced_cost()
        again = model.solve()
        assert again.total_unmet_h == pytest.approx(first.total_unmet_h, abs=1e-5)
        assert again.price_s == pytest.approx(first.price_s, abs=0.5)


@given(full)
@settings(max_examples=60, deadline=None)
def test_growth_is_as_far_as_it_goes(question: Outlook) -> None:
    for model in build_weeks(question):
        unmet = model.solve().total_unmet_h
        everything = range(len(model.demand))
        share = model.growth(everything)
        if not any(each.seconds for each in model.demand):
            continue
        assert _unmet_at(model, question, 1 + share) <= unmet + 1e-3
        if share < 3.9:
            assert _unmet_at(model, question, 1 + share + 0.05) > unmet + 1e-4


def test_growth_is_never_paid_for_with_hours_that_go_unmet() -> None:
    """An hour less of the far work would let the large work grow by a day: it may not."""
    people = [person(1, 24), person(2, 14, travel={SOUTH: 0, 3: 11_400})]
    question = outlook(people, [work(23), work(1, territory=SOUTH), work(4, territory=3)])
    (model,) = build_weeks(question)
    assert model.solve().total_unmet_h > 0
    assert model.growth([0, 1]) == pytest.approx(0, abs=1e-5)
    assert model.growth([0]) == pytest.approx(1 / 23, abs=1e-5)


def _unmet_at(model: WeekModel, question: Outlook, factor: float) -> float:
    grown = tuple(
        replace(each, booked_s=round(each.booked_s * factor), expected_s=0)
        for each in question.demand
        if each.week == model.week
    )
    (flow,) = solve_flow(replace(question, demand=grown)).weeks or (None,)
    return 0.0 if flow is None else flow.total_unmet_h


@given(full, full)
@settings(max_examples=60, deadline=None)
def test_parts_that_do_not_touch_grow_as_the_whole_week_does(one: Outlook, other: Outlook) -> None:
    moved = {NORTH: 11, SOUTH: 12}
    apart = [
        replace(p, id=p.id + 100, travel_s={moved[place]: s for place, s in p.travel_s.items()}) for p in other.people
    ]
    far = [replace(work, territory=moved[work.territory]) for work in other.demand]
    question = Outlook(people=(*one.people, *apart), demand=(*one.demand, *far))
    for model in build_weeks(question):
        flow = model.solve()
        met = [index for index, hours in enumerate(flow.unmet_h) if hours == 0.0]
        for classes in ([index] for index in met):
            assert Parts(model).growth(classes, flow) == pytest.approx(model.growth(classes), abs=1e-6)
        assert Parts(model).growth(met, flow) == pytest.approx(model.growth(met), abs=1e-6)


@given(full)
@settings(max_examples=60, deadline=None)
def test_in_a_large_part_growth_is_never_said_too_large(question: Outlook) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts_module, "LARGE_EDGES", -1)
        for model in build_weeks(question):
            flow = model.solve()
            met = [index for index, hours in enumerate(flow.unmet_h) if hours == 0.0]
            for classes in [met, *([index] for index in met)]:
                assert Parts(model).growth(classes, flow) <= model.growth(classes) + 1e-6


def test_unused_hours_alone_are_what_a_large_part_can_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "LARGE_EDGES", -1)
    people = [person(1, 10, {GAS: 3}), person(2, 8, {WIRING: 3})]
    (gas, wiring) = solve_flow(outlook(people, [work(4, need(GAS)), work(1, need(WIRING))])).cells
    assert (gas.row.id, gas.can_give_s / HOUR_S) == (GAS, pytest.approx(10, abs=0.01))
    assert (wiring.row.id, wiring.can_give_s / HOUR_S) == (WIRING, 5)
