"""A rare skill spent on work that does not need it costs its price for the planned time."""

import numpy as np

from dispatch.matching.constraint import Prices, Scope
from dispatch.matching.levels import qualified
from dispatch.matching.problem import SkillLevel
from dispatch.units import SECONDS_PER_HOUR


def prices(scope: Scope) -> Prices:
    """Price each skill that a person holds and the crew slot does not name."""
    policy = scope.problem.policy
    charged = scope.no_prices()
    planned = np.array([slot.visit.duration_s for slot in scope.slots], dtype=np.int64)
    named: dict[str, list[int]] = {}
    for row, slot in enumerate(scope.slots):
        for need in slot.crew.needs:
            for wanted in need.any_of:
                named.setdefault(wanted.skill, []).append(row)
    for skill, price in sorted(policy.scarcity_per_hour.items()):
        level = SkillLevel(skill=skill, level=policy.scarcity_level)
        holds = np.array([qualified(policy, person, level) for person in scope.technicians], dtype=np.bool_)
        wasted = (price * planned + SECONDS_PER_HOUR // 2) // SECONDS_PER_HOUR
        wasted[named.get(skill, [])] = 0
        if price and holds.any():
            charged += wasted[:, None] * holds[None, :]
    return {"scarcity": charged}
