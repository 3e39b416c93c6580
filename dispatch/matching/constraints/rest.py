"""Between coming home and the rostered start of the same person's next shift there is enough rest."""

import numpy as np

from dispatch.matching.constraint import FAR, Limits, Scope


def limits(scope: Scope) -> Limits:
    """Give the last instant at which each shift may end: the next shift's start less the rest; FAR = no next shift."""
    last = np.full(len(scope.shifts), FAR, dtype=np.int64)
    following: dict[str, int] = {}
    in_time = sorted(range(len(scope.shifts)), key=lambda row: (scope.shifts[row].start_s, scope.shifts[row].end_s))
    for row in reversed(in_time):
        person = scope.technician(row)
        if person.id in following:
            last[row] = following[person.id] - person.min_rest_s
        following[person.id] = scope.shifts[row].start_s
    return {"rest_last": last}
