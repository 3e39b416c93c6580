"""A shift ends early enough for the rest before the same person's next one."""

import pytest

from dispatch.matching.constraint import FAR, Scope
from dispatch.matching.constraints import rest
from tests.matching.build import HOUR, problem, shift, technician


@pytest.mark.parametrize(
    ("hours", "shifts", "last"),
    [
        (11, ((8, 16),), [None]),
        (11, ((8, 16), (32, 40)), [21, None]),
        (0, ((8, 16), (32, 40)), [32, None]),
        (20, ((8, 16), (32, 40)), [12, None]),
        (30, ((8, 16), (32, 40)), [2, None]),
        (11, ((32, 40), (56, 64), (8, 16)), [45, None, 21]),
        (11, ((8, 8), (8, 16)), [-3, None]),
    ],
)
def test_last_instant(hours: float, shifts: tuple[tuple[float, float], ...], last: list[float | None]) -> None:
    days = (shift("t1", id=f"day{n}", since=since, until=until) for n, (since, until) in enumerate(shifts))
    asked = problem(technician(min_rest_s=int(hours * HOUR)), technician("t2"), *days, shift("t2", since=17, until=20))
    found = rest.limits(Scope.of(asked))["rest_last"]
    assert found.tolist() == [*(FAR if each is None else each * HOUR for each in last), FAR]
