"""No day drives longer, lasts longer or serves more visits than its shift allows."""

import numpy as np

from dispatch.matching.constraint import FAR, Limits, Scope


def limits(scope: Scope) -> Limits:
    """Give the most seconds of driving, seconds away and visits of each shift; FAR = no limit."""
    most = [(shift.max_drive_s, shift.max_length_s, shift.max_visits) for shift in scope.shifts]
    columns = np.array([[FAR if value is None else value for value in row] for row in most], dtype=np.int64)
    columns = columns.reshape(len(most), 3)
    return {"max_drive": columns[:, 0], "max_length": columns[:, 1], "max_visits": columns[:, 2]}
