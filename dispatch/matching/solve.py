"""The entry: one question in, one plan out, within a budget of seconds or of search steps.

Loading this module loads neither compiler nor solver; the first call does.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from dispatch.matching.plan import Plan
from dispatch.matching.problem import Problem

DEFAULT_TIME_LIMIT_S = 10.0
LONGEST_TIME_LIMIT_S = 86_400.0
MOST_THREADS = 64
LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgressUpdate:
    """Where a search stands: the best plan so far.

    Attributes
    ----------
    elapsed_s
        Wall time since the call.
    phase
        ``construct``, ``improve``, ``recombine`` or ``finish``.
    cost, unserved, late
        Objective, visits left out, and stops that start late.
    steps
        Search steps done.
    bound
        No plan can cost less; None while no bound is known.
    """

    elapsed_s: float
    phase: str
    cost: int
    unserved: int
    late: int
    steps: int
    bound: int | None = None


Progress: TypeAlias = Callable[[ProgressUpdate], None]


def solve(
    problem: Problem,
    *,
    time_limit_s: float | None = DEFAULT_TIME_LIMIT_S,
    step_limit: int | None = None,
    seed: int = 1,
    threads: int = 1,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    warm_start: Plan | None = None,
) -> Plan:
    """Plan who goes where and when.

    Parameters
    ----------
    problem
        The question. Any well-formed one gets a plan, however impossible, with reasons for what is left out.
    time_limit_s
        Wall time for everything, kept to 0.2 s once kernels are compiled; None = until ``step_limit`` is used up.
    step_limit
        Search steps. The same problem, seed and steps give the same plan, also after re-ordering the input.
    seed
        Of the random choices.
    threads
        Searches that run at the same time; a plan repeats only with one.
    progress
        Called with the first plan and at most about twice a second after that.
    should_stop
        Asked about twenty times a second; True ends the search with the best plan so far.
    warm_start
        A plan to start from. What the problem no longer knows is left out and listed in ``Plan.stats.ignored``.

    Returns
    -------
    Plan
        Never dearer than the first plan, and no visit left out has a feasible place in it, unless it is optional and
        dearer than its penalty.

    Raises
    ------
    ValueError
        If a limit is not a sensible number or there is none at all.
    """
    if time_limit_s is None and step_limit is None:
        raise ValueError("time_limit_s and step_limit are both missing, give at least one")
    if time_limit_s is not None and not (math.isfinite(time_limit_s) and 0.0 < time_limit_s <= LONGEST_TIME_LIMIT_S):
        raise ValueError(f"time_limit_s is {time_limit_s!r}, give more than 0 and at most {LONGEST_TIME_LIMIT_S:g}")
    if step_limit is not None and not 0 <= step_limit <= 10**12:
        raise ValueError(f"step_limit is {step_limit!r}, give a whole number from 0 to 10^12")
    if not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"threads is {threads!r}, give a whole number from 1 to {MOST_THREADS}")
    if step_limit is not None and threads > 1:
        raise ValueError("step_limit goes with one thread, or the plan would not repeat")
    from dispatch.matching.solvers.engine import Engine  # loads NumPy, Numba and their kernels

    engine = Engine(
        problem=problem,
        time_limit_s=time_limit_s,
        step_limit=step_limit,
        seed=seed,
        threads=threads,
        progress=progress,
        should_stop=should_stop,
    )
    return engine.run(warm_start)


def baseline(problem: Problem) -> Plan:
    """Plan as a careful person would without a computer: urgent first, nearest qualified person; a yardstick only."""
    from dispatch.matching.solvers.engine import greedy_plan  # loads NumPy, Numba and their kernels

    return greedy_plan(problem)


def warm(*, bounds: bool = False) -> None:
    """Compile all kernels, or load them from the cache, so that no later call pays for it.

    Of several processes that start at once one compiles and the others wait for it. The kernels of
    `dispatch.matching.bounds` take as long again, so they come last and only if ``bounds`` asks for them.
    """
    from dispatch.matching.solvers.cache import alone, note
    from dispatch.matching.solvers.jit import COMPILED
    from dispatch.matching.solvers.warm import compile_bounds, compile_kernels

    for what, compile_them in (("plans", compile_kernels), ("bounds", compile_bounds)):
        if what == "plans" or bounds:
            with alone():
                compile_them()
                if COMPILED:  # a process without a compiler has filled nothing
                    note(what)


def is_warm(*, bounds: bool = False) -> bool:
    """Whether a whole `warm` has gone through for these sources, so that kernels only have to be loaded."""
    from dispatch.matching.solvers.cache import mark

    return mark("bounds" if bounds else "plans").exists()


def never_compile() -> None:
    """Keep this process from ever compiling: for one that answers people, who would wait for the compiler.

    Returns at once. What the cache does not hold is worked out in plain Python, which gives the same answers some
    hundred times slower. A thread in the background waits until another process has gone through `warm` and loads the
    kernels then.
    """
    from dispatch.matching.solvers.cache import WAYS

    if not WAYS.patient:
        WAYS.patient = True
        threading.Thread(target=_load_when_warm, name="kernels", daemon=True).start()


def _load_when_warm() -> None:
    from dispatch.matching.solvers.cache import WAYS

    WAYS.loader = threading.get_ident()
    from dispatch.matching.solvers.warm import load_for_questions  # loads NumPy and Numba beside the first requests

    while not is_warm():
        time.sleep(LOOK_AGAIN_S)
    try:
        load_for_questions()
    finally:
        WAYS.loaded.set()
