"""A plan that has to change: somebody is sick or late, a visit is longer, new or cancelled, a window moved.

`solve` finds the cheapest plan and does not mind whom it disturbs; `replan` keeps a standing plan and changes only what
must change. Loading this module loads neither compiler nor solver; the first call does.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dispatch.matching.plan import Plan, Reason
from dispatch.matching.problem import Problem
from dispatch.matching.solve import LONGEST_TIME_LIMIT_S
from dispatch.units import Seconds

DEFAULT_TIME_LIMIT_S = 1.0

__all__ = ["DEFAULT_TIME_LIMIT_S", "Appointment", "Lost", "Moved", "Repair", "Served", "replan"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Appointment:
    """Who comes when, for one crew slot of a visit."""

    technician: str
    start_s: Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A visit whose customer must be told: somebody else comes, or the start moved by more than the tolerance.

    ``before`` and ``after`` hold one appointment for each crew slot, in order.
    """

    visit: str
    before: tuple[Appointment, ...]
    after: tuple[Appointment, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """A visit that the standing plan did not serve and the new one does."""

    visit: str
    after: tuple[Appointment, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """A visit that the standing plan served and the new one can not, and why."""

    visit: str
    before: tuple[Appointment, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, kw_only=True)
class Repair:
    """A changed plan and the account of what changed.

    Attributes
    ----------
    plan
        The new plan. A route that nothing changed is the very object of the standing plan. Where the same stops at the
        same times have another price under the changed question (other rates, other published starts), the route is
        written anew with the new price and listed in ``repriced``.
    kept
        Visits served as before: the same people, no start moved by more than ``Policy.retime_tolerance_s``.
    moved, lost, new
        Customers to be told something else, visits given up, and visits served now but not before.
    touched
        Shifts that have another route than before: other stops, another order or other times.
    told
        Technicians whose own day differs: other visits, another order, or a start moved by more than the tolerance.
    repriced
        Shifts whose route differs in nothing but its price.
    proven
        Whether no plan that gives up as little moves fewer customers, as far as the kernels can time a route.
    phases_s
        Wall time by phase: ``tables`` (the question as arrays), ``load`` (the standing plan), ``search``, ``write``.
    """

    plan: Plan
    kept: tuple[str, ...] = ()
    moved: tuple[Moved, ...] = ()
    lost: tuple[Lost, ...] = ()
    new: tuple[Served, ...] = ()
    touched: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    repriced: tuple[str, ...] = ()
    proven: bool = False
    phases_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def vanished(self) -> tuple[str, ...]:
        """Parts of the standing plan that the question does not know any more, such as ``shift t1`` or ``visit 7``."""
        return self.plan.stats.ignored


def replan(
    problem: Problem,
    plan: Plan,
    *,
    time_limit_s: float | None = DEFAULT_TIME_LIMIT_S,
    step_limit: int | None = None,
    seed: int = 1,
    improve: bool = False,
    should_stop: Callable[[], bool] | None = None,
) -> Repair:
    """Change a standing plan as little as the changed question asks for.

    In this order it wants: the least penalty of visits left out among those that were served and those that are new;
    the fewest customers moved; the fewest routes touched; the least cost. So a new urgent visit may push out a visit of
    a lower penalty, but only when moving others does not help. Visits that the standing plan had already left out are
    not looked at, unless ``improve`` asks to use time that is free.

    A visit that is kept starts when it did, and only if that makes a place for another one up to the policy's tolerance
    earlier or later. With ``Policy.max_changes`` no more published crew slots are moved or given up than that, beyond
    those that the change itself takes from their place.

    Parameters
    ----------
    problem
        The changed question: a sick person's shift is missing, a late one's visit under way is pinned to its new time,
        a cancelled visit is missing, and so on.
    plan
        The standing plan. What the problem no longer knows is left out and listed in ``Repair.vanished``.
    time_limit_s
        Wall time for everything, kept to 0.2 s once kernels are compiled; None = until the search ends by itself.
    step_limit
        Most attempts to do better once a first repair stands. The same problem, plan, seed and steps without a time
        limit give the same repair.
    seed
        Of the random choices.
    improve
        Also serve visits that were left out before where that moves nobody.
    should_stop
        Asked between two attempts; True ends the search with the best repair so far.

    Raises
    ------
    ValueError
        If a limit is not a sensible number.
    """
    if time_limit_s is not None and not (math.isfinite(time_limit_s) and 0.0 < time_limit_s <= LONGEST_TIME_LIMIT_S):
        raise ValueError(f"time_limit_s is {time_limit_s!r}, give more than 0 and at most {LONGEST_TIME_LIMIT_S:g}")
    if step_limit is not None and not 0 <= step_limit <= 10**12:
        raise ValueError(f"step_limit is {step_limit!r}, give a whole number from 0 to 10^12")
    from dispatch.matching.solvers.replanning import repaired  # loads NumPy, Numba and their kernels

    return repaired(
        problem,
        plan,
        time_limit_s=time_limit_s,
        step_limit=step_limit,
        seed=seed,
        improve=improve,
        should_stop=should_stop,
    )
