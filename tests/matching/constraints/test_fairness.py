"""The length against which a day's work is measured is never 0."""

from dispatch.matching.constraint import Scope
from dispatch.matching.constraints import fairness
from tests.matching.build import HOUR, problem, shift, technician


def test_lengths() -> None:
    asked = problem(technician("a"), technician("b"), shift("a"), shift("b", since=8, until=8))
    assert fairness.limits(Scope.of(asked))["length"].tolist() == [8 * HOUR, 1]
