"""People differ in pace and price: what the work costs with this person beyond what was planned."""

import numpy as np

from dispatch.matching.constraint import Limits, Prices, Scope


def prices(scope: Scope) -> Prices:
    """Price the person's own time for the work less the planned time; each distinct length is worked out once."""
    each = np.array([slot.visit.duration_s for slot in scope.slots], dtype=np.int64)
    lengths, kind = np.unique(each, return_inverse=True)
    planned = lengths[:, None]
    pace = np.array([person.pace_percent for person in scope.technicians], dtype=np.int64)[None, :]
    price = np.array([person.cost_percent for person in scope.technicians], dtype=np.int64)[None, :]
    own = (planned * pace + 50) // 100
    return {"duration": ((own * price + 50) // 100 - planned)[kind.reshape(-1)]}


def limits(scope: Scope) -> Limits:
    """Planned seconds of each slot, and the pace of each shift's technician in percent."""
    return {
        "duration": np.array([slot.visit.duration_s for slot in scope.slots], dtype=np.int64),
        "pace": np.array([scope.technician(row).pace_percent for row in range(len(scope.shifts))], dtype=np.int64),
    }
