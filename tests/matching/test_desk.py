"""A desk answers quickly what the slow way answers, also about visits that nobody has heard of before."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dispatch.matching import Problem, candidates, solve
from dispatch.matching.explain import Merit, Option, desk
from dispatch.matching.plan import Plan, ReasonCode
from dispatch.matching.problem import Matrix, Policy, Predecessor, Travel
from dispatch.matching.solvers.desk import Desk
from tests.matching.build import HOUR, at, crew, need, problem, shift, table, technician, visit, window
from tests.matching.strategies import pinned, problems

relaxed = settings(
    max_examples=60, deadline=None, phases=(Phase.generate,), suppress_health_check=[HealthCheck.too_slow]
)
PRICED = Policy(waiting_percent=50, second_visit_cost=3_600)


@relaxed
@given(st.one_of(problems(), pinned(), problems(extras=True)))
def test_the_short_list_is_the_head_of_the_full_one_and_counts_the_rest(asked: Problem) -> None:
    asked = replace(asked, policy=replace(asked.policy, waiting_percent=50, second_visit_cost=3_600))
    plan = solve(asked, time_limit_s=None, step_limit=10)
    prepared = desk(asked, plan)
    for item in asked.visits:
        for slot in range(len(item.crew)):
            short, full = prepared.candidates(item.id, slot=slot), prepared.everybody(item.id, slot=slot)
            assert full == candidates(asked, plan, item.id, slot=slot)  # a fresh desk: nothing was left changed
            assert short.best == full.ranked[:5]
            assert short.others == len(full.ranked) - len(short.best)
            assert {str(code): count for code, count in short.excluded_by.items()} == full.excluded_by
            assert short.scope == full.scope == len(asked.technicians)


@relaxed
@given(st.one_of(problems(links=False), problems(links=False, extras=True)), st.data())
def test_a_visit_added_later_is_ranked_as_if_it_had_always_been_there(asked: Problem, data: st.DataObject) -> None:
    if not asked.visits:
        return
    new = data.draw(st.sampled_from(asked.visits))
    before = replace(asked, visits=tuple(item for item in asked.visits if item != new))
    plan = solve(before, time_limit_s=None, step_limit=10)
    prepared = desk(before, plan)
    for slot in range(len(new.crew)):
        added = prepared.candidates(new, slot=slot, top=9)
        assert added == desk(asked, plan).candidates(new.id, slot=slot, top=9)
        assert prepared.candidates(new, slot=slot, top=9) == added  # asked twice, added once
    for item in before.visits:
        assert prepared.everybody(item.id) == candidates(before, plan, item.id)


def test_many_new_visits_with_a_given_matrix() -> None:
    places = [at(north) for north in range(40)]
    known = problem(visit("v1", place=places[0]), travel=table([*places, at(0)], seconds=700))
    prepared = desk(known, solve(known, time_limit_s=None, step_limit=0))
    for number, place in enumerate(places):
        found = prepared.candidates(visit(f"new-{number}", place=place))
        assert found.best[0].travel_s == (0 if number == 0 else 700)
    with pytest.raises(ValueError, match="travel matrix"):
        prepared.candidates(visit("elsewhere", place=at(99)))
    assert isinstance(known.travel.matrix, Matrix)


def test_a_new_visit_that_waits_for_another_one_is_bounded_by_it() -> None:
    known = problem(visit("first", windows=(window(9, 9),), minutes=60), technician("a"), technician("b"))
    prepared = desk(known, solve(known, time_limit_s=None, step_limit=0))
    new = visit("second", predecessors=(Predecessor(visit="first", gap_s=1_800),))
    assert {item.start_s for item in prepared.candidates(new).best} == {int(10.5 * HOUR)}


def test_what_does_not_fit_the_problem_is_refused() -> None:
    known = problem(visit("v1"))
    prepared = desk(known, Plan())
    with pytest.raises(ValueError, match="already in the problem"):
        prepared.candidates(visit("v1", minutes=5))
    for wrong in ({"visit": "none"}, {"visit": "v1", "slot": 1}, {"visit": visit("new"), "slot": 2}):
        with pytest.raises(KeyError):
            prepared.candidates(**wrong)


def test_without_shifts_or_people_everybody_is_counted() -> None:
    idle = problem(technician("a"), technician("b"), visit("v1"), shifts=())
    assert desk(idle, Plan()).candidates("v1").excluded_by == {ReasonCode.NO_SHIFT: 2}
    nobody = replace(idle, technicians=())
    assert desk(nobody, Plan()).candidates("v1").scope == 0
    assert desk(nobody, Plan()).options("v1") == ()


def test_a_route_that_no_timetable_allows_is_left_alone() -> None:
    known = problem(technician("a"), technician("b"), visit("v1", windows=(window(9, 9),)), visit("v2"))
    plan = solve(known, time_limit_s=None, step_limit=0)
    late = replace(known, shifts=tuple(replace(item, start_s=10 * HOUR) for item in known.shifts))
    holder = plan.stops_by_visit["v1"][0][0].technician
    found = desk(late, plan).candidates("v2")
    assert found.excluded_by == {ReasonCode.ROUTE_BROKEN: 1}
    assert [item.technician for item in found.best] == [name for name in "ab" if name != holder]


def test_why_not_is_the_first_must_or_the_difference_term_by_term() -> None:
    known = problem(
        technician("near", skills={"gas": 4}),
        technician("far", skills={"gas": 4}),
        technician("novice"),
        shift("near"),
        shift("far", start=at(9), end=at(9)),
        shift("novice"),
        visit("v1", needs=(need("gas"),)),
        shifts=(shift("near"), shift("far", start=at(9), end=at(9)), shift("novice")),
    )
    prepared = desk(known, solve(known, time_limit_s=None, step_limit=20))
    far = prepared.why_not("v1", "far")
    assert far.holder is not None
    assert far.holder.technician == "near"
    assert far.difference is not None
    assert far.candidate is not None
    assert far.difference.terms()["travel"] == far.difference.total == far.candidate.cost.total > 0
    novice = prepared.why_not("v1", "novice")
    assert novice.reason is not None
    assert novice.reason.code is ReasonCode.NOT_QUALIFIED
    assert (novice.candidate, novice.difference) == (None, None)


def test_of_a_crew_the_others_stay() -> None:
    known = problem(*(technician(name) for name in "abc"), visit(crew=crew((), ()), windows=(window(9, 12),)))
    plan = solve(known, time_limit_s=None, step_limit=0)
    found = desk(known, plan).candidates("v1", slot=1)
    assert found.excluded_by == {ReasonCode.SAME_CREW: 1}
    assert {item.start_s for item in found.best} == {plan.stops_by_visit["v1"][1][1].start_s}


# Offers


def day(number: int) -> tuple[int, int]:
    return number * 24 * HOUR, (number + 1) * 24 * HOUR - 1


def two_days() -> Problem:
    """A known face who is free tomorrow only, and somebody near today, after a long visit."""
    return problem(
        technician("today"),
        technician("tomorrow"),
        visit("busy", place=at(1), required=("today",), minutes=120, windows=(window(8, 8.5),)),
        shifts=(shift("today"), shift("tomorrow", since=32, until=40, start=at(3), end=at(3))),
        horizon_s=2 * 24 * HOUR,
    )


def test_options_differ_for_a_reason() -> None:
    known = two_days()
    plan = solve(known, time_limit_s=None, step_limit=0)
    new = visit("new", place=at(1), minutes=60, known_faces=("tomorrow",), due_s=60 * HOUR)
    found = desk(known, plan).options(new)
    assert [(item.span, item.candidate.technician) for item in found] == [(0, "today"), (1, "tomorrow")]
    assert {Merit.SOONEST, Merit.NEARBY} <= set(found[0].merits)
    assert Merit.KNOWN_FACE in found[1].merits
    assert desk(known, plan).options(new, [day(1)])[0].candidate.technician == "tomorrow"
    assert len(desk(known, plan).options(new, count=1)) == 1
    assert desk(known, plan).options(new, [day(7)]) == ()


def test_the_margin_is_what_the_start_can_slip_before_anything_is_late() -> None:
    known = problem(
        visit("next", minutes=60, windows=(window(12, 13, hard=False),)),
        shifts=(shift("t1"),),
    )
    prepared = desk(known, solve(known, time_limit_s=None, step_limit=0))
    alone = prepared.options(visit("new", minutes=60, windows=(window(8, 10),)))
    assert alone[0].margin_s == 2 * HOUR
    follower = prepared.options(visit("new", minutes=60, windows=(window(8, 12.5),)))
    assert follower[0].margin_s == 4 * HOUR  # work from 12:00 to 13:00, then the next one is just in time


@relaxed
@given(st.one_of(problems(), problems(extras=True)), st.data())
def test_no_option_is_dominated_and_the_merits_are_deserved(asked: Problem, data: st.DataObject) -> None:
    plan = solve(asked, time_limit_s=None, step_limit=10)
    prepared = Desk(asked, plan)
    for item in asked.visits:
        found = prepared.options(item.id, [(0, 10 * HOUR), (10 * HOUR + 1, 24 * HOUR)])
        assert len(found) <= 4
        assert all(option.merits for option in found)
        assert [option.candidate.start_s for option in found] == sorted(option.candidate.start_s for option in found)
        for one in found:
            assert not any(_beats(other, one) for other in found if other is not one)
            first, last = ((0, 10 * HOUR), (10 * HOUR + 1, 24 * HOUR))[one.span]
            assert first <= one.candidate.start_s <= last
        assert prepared.everybody(item.id) == candidates(asked, plan, item.id)


def _beats(one: Option, other: Option) -> bool:
    def measures(option: Option) -> tuple[int, ...]:
        item = option.candidate
        return item.cost.total, item.start_s, option.spread_s, item.detour_s, -option.margin_s, -option.known

    return all(a <= b for a, b in zip(measures(one), measures(other), strict=True))


def test_uncertainty_grows_with_what_comes_before() -> None:
    known = problem(visit("first", place=at(5), windows=(window(8, 9),)), shifts=(shift("t1"),))
    prepared = desk(known, solve(known, time_limit_s=None, step_limit=0))
    [option] = prepared.options(visit("new", place=at(5), windows=(window(10, 12),)))
    drive = 5 * 126
    assert option.spread_s == pytest.approx(0.25 * (drive**2 + HOUR**2) ** 0.5, abs=3)


def test_a_new_visit_has_a_place_on_a_flat_map_too() -> None:
    known = problem(visit("v1"), travel=Travel(plane=True))
    prepared = desk(known, solve(known, time_limit_s=None, step_limit=0))
    both = desk(replace(known, visits=(*known.visits, visit("new", place=at(2)))), prepared.plan)
    assert prepared.candidates(visit("new", place=at(2))) == both.candidates("new")
