"""How much better a plan could still be: a cost that no plan goes under, and the gap to it.

Loading this module loads neither compiler nor solver; the first call does.
"""

import math
from dataclasses import dataclass

from dispatch.matching.problem import Problem

DEFAULT_SECONDS = 10.0
LONGEST_SECONDS = 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """A cost that no plan of a problem goes under.

    Attributes
    ----------
    value
        In whole units of cost, as in `Plan.cost`.
    cost
        The same in search cost, hundredths of a unit.
    method
        ``capacity`` (linear programme of people's time), ``columns`` (column generation) or ``exact`` (the cost of the
        best plan there is, exactly).
    seconds
        Wall time used.
    """

    value: int
    cost: int
    method: str
    seconds: float


def bound_for(problem: Problem, seconds: float = DEFAULT_SECONDS) -> Bound:
    """Bound the cost of every plan from below.

    Parameters
    ----------
    problem
        The question.
    seconds
        Wall time to spend; the capacity bound is always finished, small problems use the rest for a tighter one.

    Returns
    -------
    Bound
        See `dispatch.matching.solvers.bound` for what is relaxed and why the value holds.

    Raises
    ------
    ValueError
        If ``seconds`` is not a sensible number.
    """
    if not (math.isfinite(seconds) and 0.0 < seconds <= LONGEST_SECONDS):
        raise ValueError(f"seconds is {seconds!r}, give more than 0 and at most {LONGEST_SECONDS:g}")
    from dispatch.matching.constraint import Scope  # these load NumPy, Numba and their kernels
    from dispatch.matching.solvers.bound import lower_bound
    from dispatch.matching.solvers.tables import build

    return lower_bound(build(Scope.of(problem)), seconds=seconds)


def gap_percent(cost: int, bound: int) -> float:
    """Give how far ``cost`` is above ``bound``, in percent of the cost; 0 where they meet."""
    if cost <= bound:
        return 0.0
    return 100.0 * (cost - bound) / max(1, abs(cost))
