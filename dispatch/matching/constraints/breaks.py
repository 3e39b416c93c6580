"""Every break owed is taken inside its window and never during a visit."""

import numpy as np

from dispatch.matching.constraint import Limits, Scope
from dispatch.matching.problem import Break, Shift
from dispatch.units import Seconds


def limits(scope: Scope) -> Limits:
    """List breaks by shift: those of shift r are numbers ``break_at[r]`` to ``break_at[r + 1]``, in order of time.

    Breaks with ``break_relative`` 1 count from departure. Their place among fixed ones is as if the day left when the
    shift starts; a day that leaves later takes them in the same order.
    """
    at, listed = [0], []
    for shift in scope.shifts:
        listed += sorted(shift.breaks, key=lambda item: order(shift, item))
        at.append(len(listed))
    return {
        "break_at": np.array(at, dtype=np.int64),
        "break_earliest": np.array([item.earliest_s for item in listed], dtype=np.int64),
        "break_latest": np.array([item.latest_s for item in listed], dtype=np.int64),
        "break_length": np.array([item.duration_s for item in listed], dtype=np.int64),
        "break_relative": np.array([item.from_departure for item in listed], dtype=np.int64),
    }


def order(shift: Shift, item: Break) -> tuple[Seconds, Seconds, str]:
    """Place a break among the others of its shift."""
    since_s = shift.start_s if item.from_departure else 0
    return since_s + item.earliest_s, since_s + item.latest_s, item.id
