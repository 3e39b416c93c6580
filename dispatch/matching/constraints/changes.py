"""People who were told something else: another technician, or another time, than what was published."""

import numpy as np

from dispatch.matching.constraint import FAR, Limits, Prices, Scope


def prices(scope: Scope) -> Prices:
    """Price everybody but the published technician."""
    charged = scope.no_prices()
    for row, slot in enumerate(scope.slots):
        for told in slot.visit.published:
            if told.slot == slot.number:
                charged[row] = scope.problem.policy.reassign_cost
                if told.technician in scope.technician_index:
                    charged[row, scope.technician_index[told.technician]] = 0
    return {"changes": charged}


def limits(scope: Scope) -> Limits:
    """Give the published start of each slot; FAR = none was published."""
    start = np.full(len(scope.slots), FAR, dtype=np.int64)
    for row, slot in enumerate(scope.slots):
        for told in slot.visit.published:
            if told.slot == slot.number:
                start[row] = told.start_s
    return {"published_start": start}
