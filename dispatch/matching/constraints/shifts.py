"""Nobody works before the shift starts or comes home after its end and the overtime limit, or in two places at once."""

import numpy as np

from dispatch.matching.constraint import FAR, Limits, Scope


def limits(scope: Scope) -> Limits:
    """Give times and prices of each shift; overtime also ends where the same person's next shift begins."""
    last = [shift.latest_s for shift in scope.shifts]
    following: dict[str, int] = {}
    for row in sorted(range(len(scope.shifts)), key=lambda item: -scope.shifts[item].start_s):
        shift = scope.shifts[row]
        last[row] = min(last[row], max(shift.end_s, following.get(shift.technician, FAR)))
        following[shift.technician] = shift.start_s
    legs = [FAR if shift.max_leg_s is None else shift.max_leg_s for shift in scope.shifts]
    people = [scope.technician(row) for row in range(len(scope.shifts))]
    return {
        "shift_start": np.array([shift.start_s for shift in scope.shifts], dtype=np.int64),
        "shift_end": np.array([shift.end_s for shift in scope.shifts], dtype=np.int64),
        "shift_last": np.array(last, dtype=np.int64),
        "overtime_percent": np.array([shift.overtime_percent for shift in scope.shifts], dtype=np.int64),
        "max_leg": np.array(legs, dtype=np.int64),
        "cost_percent": np.array([person.cost_percent for person in people], dtype=np.int64),
        "call_out": np.array([person.call_out_cost for person in people], dtype=np.int64),
    }
