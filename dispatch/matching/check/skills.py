"""Whoever serves a crew slot meets each of its must-have needs, surely enough and confirmed."""

from collections.abc import Iterator
from statistics import NormalDist

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Policy, Problem, Proficiency, SkillLevel, Technician

RULE = "skills"


def confidence(estimate: Proficiency, level: int) -> float:
    """Return P(theta >= level - 0.5) of an estimate."""
    if estimate.at_least:
        return estimate.at_least[level - 1]
    if estimate.sd == 0:
        return float(estimate.mean >= level - 0.5)
    return 1.0 - NormalDist(estimate.mean, estimate.sd).cdf(level - 0.5)


def counts_as(policy: Policy, technician: Technician, wanted: SkillLevel) -> bool:
    """Tell whether a technician counts as having a skill at a level."""
    estimate = technician.proficiencies.get(wanted.skill, policy.unknown)
    if not estimate.confirmed and (wanted.level > policy.claims_count_to or wanted.skill in policy.critical_skills):
        return False
    return confidence(estimate, wanted.level) >= policy.min_confidence


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield stops whose technician lacks a must-have skill."""
    for route in plan.routes:
        person = problem.technician_by_id[route.technician]
        for stop in route.stops:
            for need in problem.visit_by_id[stop.visit].crew[stop.slot].needs:
                if need.must and not any(counts_as(problem.policy, person, each) for each in need.any_of):
                    wanted = " or ".join(f"{each.skill} at level {each.level}" for each in need.any_of)
                    yield Violation(
                        rule=RULE,
                        message=f"{person.name or person.id} does not count as having {wanted}.",
                        visit=stop.visit,
                        shift=route.shift,
                    )
