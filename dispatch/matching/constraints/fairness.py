"""Work is shared evenly: a day pays more for each hour, the fuller it is already and the longer its overtime."""

import numpy as np

from dispatch.matching.constraint import Limits, Scope


def limits(scope: Scope) -> Limits:
    """Give the length of each shift in seconds, at least 1, against which its work is measured."""
    return {"length": np.array([max(1, shift.end_s - shift.start_s) for shift in scope.shifts], dtype=np.int64)}
