"""Every break owed is taken inside its window and never during a visit."""

import numpy as np

from dispatch.matching.constraint import Limits, Scope


def limits(scope: Scope) -> Limits:
    """List breaks by shift: those of shift r are numbers ``break_at[r]`` to ``break_at[r + 1]``, in order of time."""
    at, earliest, latest, length = [0], [], [], []
    for shift in scope.shifts:
        for item in sorted(shift.breaks, key=lambda one: (one.earliest_s, one.latest_s, one.id)):
            earliest.append(item.earliest_s)
            latest.append(item.latest_s)
            length.append(item.duration_s)
        at.append(len(earliest))
    return {
        "break_at": np.array(at, dtype=np.int64),
        "break_earliest": np.array(earliest, dtype=np.int64),
        "break_latest": np.array(latest, dtype=np.int64),
        "break_length": np.array(length, dtype=np.int64),
    }
