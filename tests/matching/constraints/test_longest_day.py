"""Limits of a day are read off its shift; none means no limit."""

import numpy as np

from dispatch.matching.constraint import FAR, Scope
from dispatch.matching.constraints import longest_day
from tests.matching.build import problem, shift, technician


def test_limits_of_each_shift() -> None:
    found = longest_day.limits(
        Scope.of(
            problem(
                *(technician(name) for name in ("a", "b", "c")),
                shift("a", max_drive_s=3_600),
                shift("b", max_length_s=7_200, max_visits=0),
            )
        )
    )
    assert found["max_drive"].tolist() == [3_600, FAR, FAR]
    assert found["max_length"].tolist() == [FAR, 7_200, FAR]
    assert found["max_visits"].tolist() == [FAR, 0, FAR]
    assert {values.dtype for values in found.values()} == {np.dtype(np.int64)}


def test_nobody_at_all() -> None:
    found = longest_day.limits(Scope.of(problem(technicians=(), shifts=())))
    assert [values.shape for values in found.values()] == [(0,), (0,), (0,)]
