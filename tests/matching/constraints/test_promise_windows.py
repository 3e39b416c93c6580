"""Hard windows bound the start, priced ones and due times cost; each case is one visit on an empty day from 8 to 16."""

import pytest

from dispatch.matching import solve
from dispatch.matching.problem import Window
from tests.matching.build import HOUR, codes, problem, visit, window


@pytest.mark.parametrize(
    ("windows", "changes", "start", "late"),
    [
        ((), {}, 8, 0),
        ((window(10, 12),), {}, 10, 0),
        ((window(6, 8),), {}, 8, 0),
        ((window(6, 7),), {}, None, 0),
        ((window(6, 7, hard=False),), {}, 8, 1),
        ((window(6, 7, hard=False), window(9, 10)), {}, 8, 1),
        ((window(6, 7), window(9, 10)), {}, 9, 0),
        ((window(8, 9.5, whole_visit=True),), {"minutes": 90}, 8, 0),
        ((window(8, 9, whole_visit=True),), {"minutes": 90}, None, 0),
        ((), {"release_s": 11 * HOUR}, 11, 0),
        ((window(8, 9),), {"release_s": 11 * HOUR}, None, 0),
        ((), {"due_s": 7 * HOUR}, 8, 1),
        ((window(6, 7, hard=False),), {"due_s": 6 * HOUR}, 8, 2),
    ],
)
def test_start_and_lateness(
    windows: tuple[Window, ...], changes: dict[str, int], start: float | None, late: float
) -> None:
    plan = solve(problem(visit(windows=windows, **changes)), time_limit_s=None, step_limit=0)
    if start is None:
        assert plan.routes == ()
        return
    stop = plan.routes[0].stops[0]
    assert (stop.start_s / HOUR, stop.late_s / HOUR) == (start, late)
    assert plan.cost.lateness == late * HOUR * 2


def test_a_lateness_rate_of_the_visit_wins_over_the_policy() -> None:
    asked = problem(visit(windows=(window(6, 7, hard=False),), lateness_rate=5))
    assert solve(asked, time_limit_s=None, step_limit=0).cost.lateness == 5 * HOUR


@pytest.mark.parametrize(
    ("windows", "minutes", "code", "param"),
    [
        ((window(1, 2),), 60, "window_past", {"window_end_s": 2 * HOUR, "from_s": 8 * HOUR}),
        ((window(9, 10, whole_visit=True),), 90, "window_too_short", {"lacking_s": 1_800}),
        ((window(20, 21),), 60, "nobody_then", {"slot": 0, "qualified": 1}),
    ],
)
def test_reasons(windows: tuple[Window, ...], minutes: int, code: str, param: dict[str, int]) -> None:
    plan = solve(problem(visit(windows=windows, minutes=minutes)), time_limit_s=None, step_limit=0)
    assert codes(plan) == {"v1": [code]}
    assert plan.unassigned[0].reasons[0].params == param
