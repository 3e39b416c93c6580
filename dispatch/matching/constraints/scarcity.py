"""A rare skill spent on work that does not need it costs its price for the planned time."""

from dispatch.matching.constraint import Prices, Scope
from dispatch.matching.levels import qualified
from dispatch.matching.problem import SkillLevel
from dispatch.units import SECONDS_PER_HOUR


def prices(scope: Scope) -> Prices:
    """Price each skill that a person holds and the crew slot does not name."""
    policy = scope.problem.policy
    charged = scope.no_prices()
    for skill, price in sorted(policy.scarcity_per_hour.items()):
        level = SkillLevel(skill=skill, level=policy.scarcity_level)
        holders = [row for row, person in enumerate(scope.technicians) if qualified(policy, person, level)]
        if not holders:
            continue
        for row, slot in enumerate(scope.slots):
            if all(wanted.skill != skill for need in slot.crew.needs for wanted in need.any_of):
                half = SECONDS_PER_HOUR // 2
                charged[row, holders] += (price * slot.visit.duration_s + half) // SECONDS_PER_HOUR
    return {"scarcity": charged}
