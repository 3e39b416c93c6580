"""Best-qualified in one number: the chance of having to come again, times what that costs."""

import numpy as np
import numpy.typing as npt

from dispatch.matching.constraint import Prices, Scope, Whole
from dispatch.matching.levels import p_fix
from dispatch.matching.problem import SkillNeed


def prices(scope: Scope) -> Prices:
    """Price each person by (1 - p_fix) times the cost of a second visit; each distinct need is judged once."""
    policy = scope.problem.policy
    chances: dict[SkillNeed, npt.NDArray[np.float64]] = {}
    charged = scope.no_prices()
    rows: dict[tuple[tuple[SkillNeed, ...], int], Whole] = {}
    for row, slot in enumerate(scope.slots):
        needs = slot.crew.needs
        if not needs:
            continue
        cost = slot.visit.second_visit_cost
        cost = policy.second_visit_cost if cost is None else cost
        if (needs, cost) not in rows:
            chance = np.ones(len(scope.technicians), dtype=np.float64)
            for need in needs:
                if need not in chances:
                    each = [p_fix(policy, person, (need,)) for person in scope.technicians]
                    chances[need] = np.array(each, dtype=np.float64)
                chance = chance * chances[need]
            rows[needs, cost] = np.floor((1.0 - chance) * cost + 0.5).astype(np.int64)
        charged[row] = rows[needs, cost]
    return {"second_visit": charged}
