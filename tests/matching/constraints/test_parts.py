"""Vans, depots, parts and tools: what arrays say, who is refused, and why."""

from dataclasses import replace
from typing import Any

import pytest

from dispatch.matching import solve
from dispatch.matching.constraint import Scope
from dispatch.matching.constraints import parts
from dispatch.matching.problem import Pin
from tests.matching.build import BASE, at, codes, crew, problem, shift, technician, visit


def test_kinds_and_tools_are_those_that_visits_ask_for() -> None:
    asked = problem(
        *(technician(name) for name in ("a", "b")),
        shift("a", parts={"valve": 3, "rivet": 9, "belt": 1}, tools=("saw", "pump")),
        shift("b", depot=at(1), depot_s=450),
        visit("one", parts={"valve": 2, "belt": 0}, tools=("pump", "ladder"), crew=crew((), ())),
        visit("two", parts={"hose": 1}),
    )
    found = parts.limits(Scope.of(asked))
    assert found["need"].tolist() == [[0, 2], [0, 0], [1, 0]]  # hose, valve; only the first of the crew brings them
    assert found["stock"].tolist() == [[0, 3], [0, 0]]
    assert found["tool_need"].tolist() == [[1, 1], [0, 0], [0, 0]]  # ladder, pump
    assert found["tool_held"].tolist() == [[0, 1], [0, 0]]
    assert found["depot_s"].tolist() == [0, 450]


def test_where_nobody_needs_anything_there_are_no_columns() -> None:
    found = parts.limits(Scope.of(problem(shift(parts={"valve": 3}, tools=("saw",)), visit())))
    assert [found[name].shape for name in ("need", "stock", "tool_need", "tool_held")] == [(1, 0)] * 4


@pytest.mark.parametrize(
    ("needs", "van", "missing"),
    [
        ({}, {}, None),
        ({"parts": {"valve": 0}}, {}, None),
        ({"parts": {"valve": 2}}, {"parts": {"valve": 2}}, None),
        ({"parts": {"valve": 2}}, {"parts": {"valve": 1}}, {"part": "valve", "needed": 2, "held": 1}),
        ({"parts": {"valve": 2}}, {"parts": {"hose": 2}}, {"part": "valve", "needed": 2, "held": 0}),
        ({"parts": {"valve": 2}}, {"depot": BASE}, None),
        ({"tools": ("pump",)}, {"tools": ("pump",)}, None),
        ({"tools": ("pump",)}, {"tools": ("saw",)}, {"tool": "pump", "needed": 1, "held": 0}),
        ({"tools": ("pump",)}, {"depot": BASE}, None),
        ({"tools": ("pump",), "parts": {"valve": 1}}, {}, {"tool": "pump", "needed": 1, "held": 0}),
        ({"parts": {"valve": 1, "hose": 5}}, {}, {"part": "hose", "needed": 5, "held": 0}),
    ],
)
def test_who_is_refused(needs: dict[str, Any], van: dict[str, Any], missing: dict[str, Any] | None) -> None:
    scope = Scope.of(problem(shift(**van), visit(**needs)))
    assert parts.forbids(scope).tolist() == [[missing is not None]]
    reason = parts.refusal(scope, 0, 0)
    if missing is None:
        assert reason is None
        return
    assert reason is not None
    assert (str(reason.code), reason.params) == ("not_equipped", {"technician": "t1", **missing})


def test_helpers_of_a_crew_bring_nothing() -> None:
    scope = Scope.of(problem(visit(tools=("pump",), crew=crew((), ()))))
    assert parts.forbids(scope).tolist() == [[True], [False]]
    assert parts.refusal(scope, 1, 0) is None


def test_a_visit_that_nobody_is_equipped_for_says_so_unless_it_is_pinned() -> None:
    asked = problem(visit(tools=("pump",)))
    plan = solve(asked, time_limit_s=None, step_limit=0)
    assert codes(plan) == {"v1": ["nobody_qualified", "not_equipped"]}
    assert plan.unassigned[0].reasons[0].params["not_equipped"] == 1
    pinned = replace(asked, pins=(Pin(visit="v1", technician="t1"),))
    plan = solve(pinned, time_limit_s=None, step_limit=0)
    assert (codes(plan), [item.visit for item in plan.violations]) == ({}, ["v1"])
