"""A day that people were told: what is committed never starts earlier, and an exact start is judged like a place."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dispatch.matching import Plan, Problem, solve
from dispatch.matching.explain import desk, held_desk
from dispatch.matching.plan import ReasonCode, Route, Stop
from tests.matching.build import HOUR, at, crew, problem, shift, technician, visit, window
from tests.matching.strategies import pinned, problems

relaxed = settings(
    max_examples=60, deadline=None, phases=(Phase.generate,), suppress_health_check=[HealthCheck.too_slow]
)
NEAR = at(5)


def told(*starts: tuple[str, float], who: str = "t1") -> Plan:
    """A plan that only says when which visits begin, an hour each."""
    stops = tuple(
        Stop(
            visit=name,
            slot=0,
            arrive_s=int(hour * HOUR),
            start_s=int(hour * HOUR),
            end_s=int(hour * HOUR) + HOUR,
            travel_s=0,
            travel_m=0,
            travel_source="",
        )
        for name, hour in starts
    )
    return Plan(routes=(Route(shift=f"{who}-day", technician=who, depart_s=0, finish_s=stops[-1].end_s, stops=stops),))


def test_what_was_told_for_the_afternoon_leaves_the_morning_free() -> None:
    asked = problem(visit("told", place=NEAR), visit("new", place=NEAR), technician())
    place = held_desk(asked, told(("told", 14))).survey("new").ranked[0]
    assert (place.start_s, place.after_visit, place.knock_on) == (int(8 * HOUR) + 630, None, ())
    plain = desk(asked, told(("told", 14))).everybody("new").ranked[0]
    assert plain.start_s != place.start_s or plain.after_visit is not None or plain.knock_on  # it moves what was told


def test_a_push_is_told_from_the_time_that_was_told() -> None:
    asked = problem(visit("told", place=NEAR), visit("new", place=NEAR, windows=(window(9.1, 9.3),)), technician())
    pushed = held_desk(asked, told(("told", 10))).survey("new").ranked[0].knock_on
    assert [(each.visit, each.start_before_s, each.start_after_s) for each in pushed] == [
        ("told", 10 * HOUR, int(10.1 * HOUR))
    ]


def test_what_takes_longer_than_planned_as_it_was_told_takes_that_long() -> None:
    asked = problem(visit("told", place=NEAR, minutes=30), visit("new", place=NEAR), technician())
    prepared = held_desk(asked, told(("told", 9)))  # an hour was told
    assert prepared.at("new", "t1", int(9.75 * HOUR)) is None
    assert prepared.at("new", "t1", 10 * HOUR) is not None
    free = prepared.at("told", "t1", 12 * HOUR)
    assert free is not None
    assert free.end_s - free.start_s == HOUR // 2  # asked anew it is as long as planned


def test_nobody_waits_longer_than_the_policy_allows() -> None:
    late = problem(visit("told", place=NEAR), visit("new", place=NEAR, windows=(window(9.5, 9.75),)), technician())
    assert held_desk(late, told(("told", 10))).survey("new").ranked == ()
    patient = replace(late, policy=replace(late.policy, retime_tolerance_s=HOUR))
    assert held_desk(patient, told(("told", 10))).survey("new").ranked[0].knock_on[0].start_after_s == 10.5 * HOUR


def test_rigid_visits_are_not_pushed() -> None:
    asked = problem(visit("told", place=NEAR), visit("new", place=NEAR, windows=(window(9.1, 9.3),)), technician())
    prepared = held_desk(asked, told(("told", 10)), rigid=frozenset({"told"}))
    assert prepared.survey("new").ranked == ()
    assert prepared.at("new", "t1", int(9.1 * HOUR)) is None


def test_the_visit_asked_about_is_free_of_its_own_time() -> None:
    asked = problem(visit("told", place=NEAR), technician())
    prepared = held_desk(asked, told(("told", 14)))
    assert prepared.survey("told").ranked[0].start_s == 8 * HOUR + 630
    moved = prepared.at("told", "t1", 9 * HOUR)
    assert moved is not None
    assert moved.start_s == 9 * HOUR
    assert prepared.at("told", "t1", 8 * HOUR) is None  # nobody is there yet
    assert prepared.survey("told") == held_desk(asked, told(("told", 14))).survey("told")


def test_a_day_that_cannot_be_as_it_was_told_is_broken_and_said_to_be() -> None:
    late = problem(visit("told", place=NEAR, windows=(window(8, 12),)), visit("new"), technician())
    found = held_desk(late, told(("told", 14))).survey("new")
    assert [each.reason.code for each in found.excluded] == [ReasonCode.ROUTE_BROKEN]
    assert held_desk(late, told(("told", 14))).why("new", "t1") is not None


def test_who_joins_a_crew_comes_when_the_others_do() -> None:
    asked = problem(visit("two", place=NEAR, crew=crew((), ())), technician("t1"), technician("t2"))
    found = held_desk(asked, told(("two", 11))).survey("two", slot=1)
    assert [(each.technician, each.start_s) for each in found.ranked] == [("t2", 11 * HOUR)]
    assert [each.reason.code for each in found.excluded] == [ReasonCode.SAME_CREW]


def test_why_not_is_told_for_who_has_no_place_only() -> None:
    asked = problem(visit("new"), technician(), technician("off"), shifts=(shift(),))
    prepared = held_desk(asked, Plan())
    assert prepared.why("new", "t1") is None
    reason = prepared.why("new", "off")
    assert reason is not None
    assert reason.code is ReasonCode.NO_SHIFT
    with pytest.raises(KeyError):
        prepared.at("new", "stranger", 0)


def _lagging(stops: tuple[Stop, ...], lag: int) -> tuple[Stop, ...]:
    first = stops[0]
    return (replace(first, start_s=first.start_s + lag, end_s=first.end_s + lag), *stops[1:])


@relaxed
@given(st.one_of(problems(), pinned(), problems(extras=True)), st.integers(0, 2 * HOUR))
def test_the_survey_is_the_slow_count_and_each_place_is_itself_at_its_start(asked: Problem, lag: int) -> None:
    asked = replace(asked, policy=replace(asked.policy, waiting_percent=50, second_visit_cost=3_600))
    plan = solve(asked, time_limit_s=None, step_limit=10)
    late = replace(plan, routes=tuple(replace(route, stops=_lagging(route.stops, lag)) for route in plan.routes))
    prepared = held_desk(asked, late)
    for item in asked.visits:
        for slot in range(len(item.crew)):
            found = prepared.survey(item.id, slot=slot)
            assert found == held_desk(asked, late).everybody(item.id, slot=slot)  # and nothing was left changed
            for place in found.ranked:
                assert prepared.at(item.id, place.technician, place.start_s, slot=slot) == place
            for other in found.excluded:
                if other.technician in prepared.tables.scope.technician_index:
                    assert prepared.at(item.id, other.technician, 10 * HOUR, slot=slot) is None
