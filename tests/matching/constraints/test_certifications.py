"""A certification counts if it is valid during the whole shift."""

import pytest

from dispatch.matching import solve
from dispatch.matching.problem import Certification, CrewSlot
from tests.matching.build import HOUR, codes, problem, technician, visit

ASKS = (CrewSlot(certifications=("permit",)),)


@pytest.mark.parametrize(
    ("held", "served"),
    [
        ((), False),
        ((Certification(id="other"),), False),
        ((Certification(id="permit"),), True),
        ((Certification(id="permit", valid_until_s=16 * HOUR),), True),
        ((Certification(id="permit", valid_until_s=12 * HOUR),), False),
        ((Certification(id="permit", valid_from_s=8 * HOUR),), True),
        ((Certification(id="permit", valid_from_s=9 * HOUR),), False),
        ((Certification(id="permit", valid_until_s=0), Certification(id="permit", valid_from_s=0)), True),
    ],
)
def test_validity(held: tuple[Certification, ...], served: bool) -> None:
    plan = solve(problem(technician(certifications=held), visit(crew=ASKS)), time_limit_s=None, step_limit=0)
    assert bool(plan.routes) is served


def test_an_expired_one_is_named_with_its_date() -> None:
    held = (Certification(id="permit", valid_until_s=12 * HOUR),)
    plan = solve(problem(technician(certifications=held), visit(crew=ASKS)), time_limit_s=None, step_limit=0)
    assert codes(plan) == {"v1": ["nobody_qualified", "not_certified"]}
    assert plan.unassigned[0].reasons[1].params["valid_until_s"] == 12 * HOUR
