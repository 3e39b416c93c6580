"""All technicians of a partner together take no more visits a day than agreed."""

import numpy as np

from dispatch.matching.constraint import Limits, Scope
from dispatch.units import SECONDS_PER_DAY


def limits(scope: Scope) -> Limits:
    """Give the group of each shift, one for each limited partner and day (-1 = none), and what each group may take.

    The day is the one, counted from the problem's start, in which the shift starts. Every crew slot counts as a visit.
    """
    agreed = {item.id: item.visits_a_day for item in scope.problem.partners if item.visits_a_day is not None}
    number: dict[tuple[str, int], int] = {}
    group = np.full(len(scope.shifts), -1, dtype=np.int64)
    for row, shift in enumerate(scope.shifts):
        partner = scope.technician(row).partner
        if partner is not None and partner in agreed:
            group[row] = number.setdefault((partner, shift.start_s // SECONDS_PER_DAY), len(number))
    return {"group": group, "group_capacity": np.array([agreed[name] for name, _ in number], dtype=np.int64)}
