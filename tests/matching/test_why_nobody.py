"""Why nobody serves a visit: facts that are enough, each of them necessary, and a way out that the checker accepts."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.matching import Plan, Problem, changes, check, solve, why_unassigned
from dispatch.matching.check import unforced
from dispatch.matching.explain import Effect, Part, WhyUnassigned
from dispatch.matching.problem import Partner, Pin, Predecessor, Visit
from dispatch.matching.solvers.desk import Desk
from dispatch.matching.solvers.obstacles import Obstacles, served
from tests.matching.build import at, crew, need, problem, technician, visit, window
from tests.matching.random_days import day
from tests.matching.strategies import pinned, problems

uncapped = problems(extras=True).map(lambda asked: replace(asked, policy=replace(asked.policy, max_changes=None)))
"""Explanations look at one visit, and not at how many published ones the whole plan may change."""

relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def verify(asked: Problem, plan: Plan, wanted: Visit) -> WhyUnassigned:
    """Lift every fact that is not told: the visit stays out; lift one that is told as well: it has a place."""
    found = why_unassigned(asked, plan, wanted.id)
    obstacles = Obstacles(asked, plan, wanted, Desk(asked, plan))
    if found.facts:
        assert obstacles.excluded(found.facts), found
        for fact in found.facts:
            assert not obstacles.excluded(found.facts, lifted=fact), (fact, found)
    else:
        assert wanted.optional, found
    assert found.relaxation is not None, found
    assert found.relaxation.effect is Effect.SERVED
    made = served(asked, plan, found.relaxation.changes, wanted.id)
    assert made is not None
    changed, after, _ = made
    assert wanted.id in after.stops_by_visit
    before = {(item.rule, item.visit, item.shift) for item in unforced(asked, plan)}
    broken = [item for item in unforced(changed.problem, after) if (item.rule, item.visit, item.shift) not in before]
    assert broken == [], found
    return found


@pytest.mark.parametrize("part", range(4))
def test_nothing_stays_unexplained_in_a_thousand_problems(part: int) -> None:
    told = 0
    for seed in range(part * 250, part * 250 + 250):
        asked = day(seed)
        plan = solve(asked, time_limit_s=None, step_limit=0)
        for item in plan.unassigned[: 1 + seed % 2]:
            verify(asked, plan, asked.visit_by_id[item.visit])
            told += 1
    assert told > 150


@relaxed
@given(st.one_of(problems(), pinned(), uncapped))
def test_facts_are_enough_and_each_is_necessary(asked: Problem) -> None:
    plan = solve(asked, time_limit_s=None, step_limit=10)
    for item in plan.unassigned:
        verify(asked, plan, asked.visit_by_id[item.visit])


def explained(*parts: object, wanted: str = "v1", **more: object) -> WhyUnassigned:
    asked = problem(*parts, **more)  # type: ignore[arg-type]  # parts of a problem
    plan = solve(asked, time_limit_s=None, step_limit=0)
    return verify(asked, plan, asked.visit_by_id[wanted])


def names(found: WhyUnassigned) -> list[tuple[str, str]]:
    return [(str(fact.part), fact.name) for fact in found.facts]


@pytest.mark.parametrize(
    ("wanted", "facts", "way_out"),
    [
        (visit(needs=(need("gas"), need("lift"))), [("who", "need")], "RaiseLevel"),
        (visit(place=None), [("who", "place")], "Locate"),
        (visit(excluded=("t1",)), [("who", "excluded")], "LiftExclusion"),
        (visit(required=("boss",)), [("who", "required")], "AlsoAccept"),
        (visit(territory="south"), [("who", "territory")], "OpenTerritory"),
        (visit(windows=(window(1, 2),)), [("when", "hours"), ("when", "windows")], "WidenWindow"),
        (visit(crew=crew((), ())), [("who", "crew")], "SmallerCrew"),
    ],
)
def test_what_excludes_a_visit_for_everybody(wanted: Visit, facts: list[tuple[str, str]], way_out: str) -> None:
    found = explained(technician(skills={"lift": 4}, territories=("north",)), wanted)
    assert names(found) == facts
    assert found.relaxation is not None
    assert way_out in [type(change).__name__ for change in found.relaxation.changes]


def test_visits_that_have_the_time_are_named_and_no_others() -> None:
    found = explained(
        technician("able", skills={"gas": 4}),
        technician("other"),
        visit("long", minutes=300, required=("able",), priority=1),
        visit("short", minutes=30, required=("able",), priority=1),
        visit("elsewhere", minutes=400, required=("other",), priority=1),
        visit("v1", minutes=200, needs=(need("gas"),), priority=5),
    )
    assert [fact.params["visit"] for fact in found.facts if fact.part is Part.OTHERS] == ["long"]
    assert ("who", "need") in names(found)


def test_a_visit_that_waits_says_for_what() -> None:
    found = explained(visit("first", needs=(need("gas"),)), visit("v1", predecessors=(Predecessor(visit="first"),)))
    assert names(found) == [("when", "waits_for")]
    assert found.facts[0].params == {"visit": "first", "served": 0}


def test_a_pin_that_can_not_be_kept_is_a_fact() -> None:
    found = explained(visit("v1"), pins=(Pin(visit="v1", start_s=3_600),))
    assert ("who", "pin") in names(found)
    assert found.relaxation is not None
    assert found.relaxation.changes == (changes.Unpin(visit="v1"),)


def test_what_is_not_worth_it_says_from_when_it_would_be() -> None:
    found = explained(visit(place=at(30), optional=True, unserved_penalty=1))
    assert found.facts == ()
    assert found.relaxation is not None
    [change] = found.relaxation.changes
    assert isinstance(change, changes.Raise)
    assert change.penalty == found.relaxation.candidates[0].cost.total


def test_left_out_by_hand_nothing_has_to_change() -> None:
    asked = problem(visit("v1"))
    plan = solve(problem(visit("v1", place=None)), time_limit_s=None, step_limit=0)
    found = why_unassigned(asked, plan, "v1")
    assert found.facts == ()
    assert found.relaxation is not None
    assert found.relaxation.changes == ()


def test_without_any_shift_somebody_has_to_work() -> None:
    for people in ((technician(),), ()):
        asked = replace(problem(visit("v1")), technicians=people, shifts=())
        plan = solve(asked, time_limit_s=None, step_limit=0)
        assert names(verify(asked, plan, asked.visits[0])) == [("who", "no_shifts")]


def test_links_of_other_kinds_are_asked_about_too() -> None:
    asked = problem(
        visit("v1", windows=(window(1, 2),), other_person_than=("v2",)),
        visit("v2"),
        partners=(Partner(id="acme", visits_a_day=1),),
    )
    plan = solve(asked, time_limit_s=None, step_limit=0)
    assert names(verify(asked, plan, asked.visits[0])) == [("when", "hours"), ("when", "windows")]


def test_the_plan_stays_good_without_any_help() -> None:
    asked = day(11)
    plan = solve(asked, time_limit_s=None, step_limit=0)
    assert unforced(asked, plan) == ()
    assert check(asked, plan) == () or asked.pins
