"""Every must-have need of the crew slot is met: sure enough of the level, and not on the person's own word alone."""

import numpy as np

from dispatch.matching.constraint import Flags, Scope
from dispatch.matching.levels import met
from dispatch.matching.plan import Reason, ReasonCode
from dispatch.matching.problem import SkillNeed


def forbids(scope: Scope) -> Flags:
    """Forbid who lacks a must-have need; needs repeat a lot, so each distinct one is judged once per technician."""
    lacking: dict[SkillNeed, Flags] = {}
    forbidden = scope.no_pairs()
    for row, slot in enumerate(scope.slots):
        for need in slot.crew.needs:
            if not need.must:
                continue
            if need not in lacking:
                each = [not met(scope.problem.policy, person, need) for person in scope.technicians]
                lacking[need] = np.array(each, dtype=np.bool_)[scope.technician_of]
            forbidden[row] |= lacking[need]
    return forbidden


def refusal(scope: Scope, slot: int, shift: int) -> Reason | None:
    """Name the first need that is not met, by the alternative that comes closest."""
    policy, person = scope.problem.policy, scope.technician(shift)
    for need in scope.slots[slot].crew.needs:
        if not need.must or met(policy, person, need):
            continue
        estimates = {wanted: person.proficiencies.get(wanted.skill, policy.unknown) for wanted in need.any_of}
        nearest = max(need.any_of, key=lambda wanted: estimates[wanted].confidence(wanted.level))
        estimate = estimates[nearest]
        confidence = estimate.confidence(nearest.level)
        known = nearest.skill in person.proficiencies
        unsure = confidence < policy.min_confidence
        return Reason(
            code=ReasonCode.NOT_QUALIFIED if unsure or not known else ReasonCode.NOT_CONFIRMED,
            params={
                "technician": person.id,
                "skill": nearest.skill,
                "level": nearest.level,
                "confidence": round(confidence, 4),
                "needed_confidence": policy.min_confidence,
                "known": int(known),
            },
        )
    return None
