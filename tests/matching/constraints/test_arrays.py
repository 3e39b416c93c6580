"""Pins with an order, breaks from departure, prices of people, and the shape of everything the rules give."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from dispatch.matching import constraints
from dispatch.matching.constraint import FAR, Scope
from dispatch.matching.constraints import breaks, continuity, pace, pins, proficiency_fit, scarcity
from dispatch.matching.levels import p_fix, qualified
from dispatch.matching.policy import Policy
from dispatch.matching.problem import Break, Pin, Problem, SkillLevel
from tests.matching.build import HOUR, crew, lunch, need, problem, shift, technician, visit
from tests.matching.strategies import problems


def test_orders_of_pins() -> None:
    asked = problem(
        visit("a", crew=crew((), ())),
        visit("b"),
        pins=(Pin(visit="a", slot=1, technician="t1", order=0), Pin(visit="b", technician="t1")),
    )
    assert pins.limits(Scope.of(asked))["pinned_order"].tolist() == [FAR, 0, FAR]


def test_breaks_from_departure_stand_where_they_come_if_the_day_leaves_at_once() -> None:
    tea = Break(id="tea", earliest_s=2 * HOUR, latest_s=3 * HOUR, duration_s=900, from_departure=True)
    late = replace(tea, id="late", earliest_s=5 * HOUR, latest_s=6 * HOUR)
    asked = problem(technician("a"), technician("b"), shift("a", breaks=(late, lunch(12), tea)), shift("b"))
    found = breaks.limits(Scope.of(asked))
    assert found["break_at"].tolist() == [0, 3, 3]
    assert found["break_earliest"].tolist() == [2 * HOUR, 12 * HOUR, 5 * HOUR]
    assert found["break_latest"].tolist() == [3 * HOUR, 12 * HOUR, 6 * HOUR]
    assert found["break_length"].tolist() == [900, 1_800, 900]
    assert found["break_relative"].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("changes", "prices"),
    [
        ({}, [0, 0]),
        ({"person_cost": {"a": 70, "stranger": 5}}, [70, 0]),
        ({"person_cost": {"b": -70}, "preferred": ("b",)}, [0, -970]),
        ({"person_cost": {"a": 0}, "preferred": ("a", "b")}, [-900, -900]),
    ],
)
def test_prices_of_people(changes: dict[str, object], prices: list[int]) -> None:
    asked = problem(technician("a"), technician("b"), visit(**changes), policy=Policy(preferred_credit=900))
    assert continuity.prices(Scope.of(asked))["preference"].tolist() == [prices]


@settings(max_examples=60, deadline=None)
@given(problems(extras=True))
def test_prices_are_what_their_definition_says_for_every_pair(asked: Problem) -> None:
    policy = replace(asked.policy, scarcity_per_hour={"gas": 500, "lift": 70, "rare": 9})
    scope = Scope.of(replace(asked, policy=policy))
    fit, own, rare = (rule.prices(scope) for rule in (proficiency_fit, pace, scarcity))
    for row, slot in enumerate(scope.slots):
        for column, person in enumerate(scope.technicians):
            again = (1.0 - p_fix(policy, person, slot.crew.needs)) * policy.second_visit_cost
            assert fit["second_visit"][row, column] == int(np.floor(again + 0.5))
            work_s = person.duration_s(slot.visit.duration_s)
            assert own["duration"][row, column] == (work_s * person.cost_percent + 50) // 100 - slot.visit.duration_s
            named = {wanted.skill for each in slot.crew.needs for wanted in each.any_of}
            wasted = sum(
                (price * slot.visit.duration_s + 1_800) // 3_600
                for skill, price in policy.scarcity_per_hour.items()
                if skill not in named
                and qualified(policy, person, SkillLevel(skill=skill, level=policy.scarcity_level))
            )
            assert rare["scarcity"][row, column] == wasted


@settings(max_examples=60, deadline=None)
@given(problems(extras=True))
def test_rules_give_whole_numbers_and_say_why_exactly_what_they_forbid(asked: Problem) -> None:
    scope = Scope.of(asked)
    for rule in constraints.FORBIDDING:
        forbidden = rule.forbids(scope)
        assert (forbidden.dtype, forbidden.shape) == (np.bool_, (len(scope.slots), len(scope.shifts)))
        for row in range(len(scope.slots)):
            for column in range(len(scope.shifts)):
                assert (rule.refusal(scope, row, column) is not None) == forbidden[row, column], rule.__name__
    names: list[str] = []
    for rule in constraints.LIMITING:
        found = rule.limits(scope)
        names += found
        assert {values.dtype for values in found.values()} == {np.dtype(np.int64)}, rule.__name__
    assert len(names) == len(set(names))  # no rule writes over another


def test_a_free_second_visit_and_a_person_paid_nothing_cost_nothing() -> None:
    asked = problem(technician(cost_percent=0), visit(needs=(need("gas"),), second_visit_cost=0))
    scope = Scope.of(asked)
    assert proficiency_fit.prices(scope)["second_visit"].tolist() == [[0]]
    assert pace.prices(scope)["duration"].tolist() == [[-HOUR]]
