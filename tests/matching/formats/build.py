"""VROOM inputs in one line: one vehicle at row 0 of a matrix, a job at each other row."""

import json
from typing import Any

from dispatch.matching import check, solve
from dispatch.matching.formats import vroom

DURATIONS = [[0, 100, 200], [110, 0, 150], [210, 160, 0]]


def document(
    *, job: dict[str, Any] | None = None, vehicle: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """An input with job 10 at row 1 and job 11 at row 2; ``job`` changes the first, ``vehicle`` the only vehicle."""
    given = {
        "vehicles": [{"id": 1, "start_index": 0, "end_index": 0} | (vehicle or {})],
        "jobs": [{"id": 10, "location_index": 1} | (job or {}), {"id": 11, "location_index": 2}],
        "matrices": {"car": {"durations": DURATIONS}},
    }
    return given | changes


def text(*, job: dict[str, Any] | None = None, vehicle: dict[str, Any] | None = None, **changes: Any) -> str:
    return json.dumps(document(job=job, vehicle=vehicle, **changes))


def vehicles(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Vehicles 1, 2, ... at row 0."""
    return [{"id": number, "start_index": 0, "end_index": 0} | one for number, one in enumerate(changes, start=1)]


def jobs(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Jobs 10, 11, ... at rows 1 and 2 in turn."""
    return [{"id": 10 + number, "location_index": 1 + number % 2} | one for number, one in enumerate(changes)]


def solved(given: dict[str, Any], steps: int = 50) -> dict[str, Any]:
    """The solution of an input, which the checker must find good when it is read again."""
    asked, names = vroom.read(json.dumps(given))
    plan = solve(asked, time_limit_s=None, step_limit=steps)
    assert check(asked, plan) == ()
    answer = vroom.write(asked, plan, names)
    again = vroom.read_solution(json.dumps(answer), asked)
    assert [item.message for item in check(asked, again) if "without a reason" not in item.message] == []
    return answer


def served(answer: dict[str, Any]) -> dict[int, list[int]]:
    """Jobs in order, by vehicle."""
    return {
        route["vehicle"]: [step["id"] for step in route["steps"] if step["type"] == "job"] for route in answer["routes"]
    }
