"""Who counts as qualified, and how likely a person fixes the work: read off the estimates by the policy's rules."""

from dispatch.matching.policy import Policy
from dispatch.matching.problem import SkillLevel, SkillNeed, Technician


def qualified(policy: Policy, technician: Technician, wanted: SkillLevel) -> bool:
    """Whether ``technician`` counts as being at least at the wanted level."""
    estimate = technician.proficiencies.get(wanted.skill, policy.unknown)
    claim_counts = wanted.level <= policy.claims_count_to and wanted.skill not in policy.critical_skills
    return (estimate.confirmed or claim_counts) and estimate.confidence(wanted.level) >= policy.min_confidence


def met(policy: Policy, technician: Technician, need: SkillNeed) -> bool:
    """Whether one of the alternatives of ``need`` is met."""
    return any(qualified(policy, technician, wanted) for wanted in need.any_of)


def p_fix(policy: Policy, technician: Technician, needs: tuple[SkillNeed, ...]) -> float:
    """Give the expected chance to fix the work at the first visit: all needs, each by its best alternative."""
    chance = 1.0
    for need in needs:
        chance *= max(
            technician.proficiencies.get(wanted.skill, policy.unknown).success(
                wanted.level, slope=policy.fix_slope, offset=policy.fix_offset
            )
            for wanted in need.any_of
        )
    return chance
