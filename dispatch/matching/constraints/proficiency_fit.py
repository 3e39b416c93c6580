"""Best-qualified in one number: the chance of having to come again, times what that costs."""

import numpy as np

from dispatch.matching.constraint import Prices, Scope, Whole, half_up
from dispatch.matching.levels import p_fix
from dispatch.matching.problem import SkillNeed


def prices(scope: Scope) -> Prices:
    """Price each person by (1 - p_fix) times the cost of a second visit."""
    policy = scope.problem.policy
    chances: dict[tuple[SkillNeed, ...], list[float]] = {}
    charged = scope.no_prices()
    rows: dict[tuple[tuple[SkillNeed, ...], int], Whole] = {}
    for row, slot in enumerate(scope.slots):
        needs = slot.crew.needs
        if not needs:
            continue
        cost = slot.visit.second_visit_cost
        cost = policy.second_visit_cost if cost is None else cost
        if (needs, cost) not in rows:
            if needs not in chances:
                chances[needs] = [p_fix(policy, person, needs) for person in scope.technicians]
            rows[needs, cost] = np.array([half_up((1.0 - chance) * cost) for chance in chances[needs]], dtype=np.int64)
        charged[row] = rows[needs, cost]
    return {"second_visit": charged}
