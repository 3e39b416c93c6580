"""People stay in their territories; naming none means everywhere."""

import pytest

from dispatch.matching import solve
from tests.matching.build import problem, shift, technician, visit


@pytest.mark.parametrize(
    ("own", "of_shift", "wanted", "served"),
    [
        ((), None, "north", True),
        ((), None, None, True),
        (("south",), None, "north", False),
        (("south",), None, None, True),
        (("south", "north"), None, "north", True),
        ((), "north", "north", True),
        ((), "south", "north", False),
        (("north",), "south", "north", True),
        (("south",), "north", "north", True),
    ],
)
def test_where(own: tuple[str, ...], of_shift: str | None, wanted: str | None, served: bool) -> None:
    asked = problem(technician(territories=own), shift(territory=of_shift), visit(territory=wanted))
    plan = solve(asked, time_limit_s=None, step_limit=0)
    assert bool(plan.routes) is served
    assert served or plan.unassigned[0].reasons[1].code == "other_territory"
