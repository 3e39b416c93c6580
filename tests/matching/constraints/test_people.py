"""Whom customers refuse, insist on, like or know."""

from dataclasses import replace

import pytest

from dispatch.matching import solve
from dispatch.matching.policy import Policy
from dispatch.matching.problem import Pin
from tests.matching.build import at, codes, crew, problem, shift, technician, visit, who


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ({}, "a"),
        ({"excluded": ("a",)}, "b"),
        ({"excluded": ("a", "b")}, None),
        ({"excluded": ("stranger",)}, "a"),
        ({"required": ("b",)}, "b"),
        ({"required": ("stranger",)}, None),
        ({"preferred": ("b",)}, "b"),
        ({"known_faces": ("b",)}, "a"),
        ({"known_faces": ("b",), "preferred": ("b",)}, "b"),
    ],
)
def test_who_comes(changes: dict[str, tuple[str, ...]], chosen: str | None) -> None:
    # b lives 3 km away, which costs 756 s there and back: a credit must be worth more than that to win.
    asked = problem(
        technician("a"),
        technician("b"),
        shift("a"),
        replace(shift("b"), start=at(3), end=at(3)),
        visit(**changes),
        policy=Policy(second_visit_cost=0, preferred_credit=900, continuity_credit=300),
    )
    plan = solve(asked, time_limit_s=None, step_limit=50)
    assert who(plan) == ({} if chosen is None else {"v1": [chosen]})


def test_a_required_person_leads_the_crew_and_anybody_helps() -> None:
    asked = problem(technician("a"), technician("b"), visit(crew=crew((), ()), required=("b",)))
    assert who(solve(asked, time_limit_s=None, step_limit=0)) == {"v1": ["b", "a"]}


def test_a_pin_outranks_a_refusal_and_says_so() -> None:
    asked = problem(technician("a"), technician("b"), visit(excluded=("a",)), pins=(Pin(visit="v1", technician="a"),))
    plan = solve(asked, time_limit_s=None, step_limit=50)
    assert who(plan) == {"v1": ["a"]}
    assert [item.rule for item in plan.violations] == ["pins"]
    assert codes(plan) == {}
