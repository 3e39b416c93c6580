"""What one stop costs and why this person (pure): the terms of `Cost` that belong to a single stop, and their names.

They are counted here from the definitions of `Cost`, for one stop that is already placed, so that a screen can show
the same reasons for a stop of a plan and for a place found by hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dispatch.matching.policy import Policy
from dispatch.matching.problem import CrewSlot, Problem, Technician, Visit
from dispatch.units import Seconds

TERM_WORDS: Mapping[str, str] = {
    "travel": "Driving",
    "waiting": "Waiting",
    "overtime": "Overtime",
    "call_out": "Call-out of the partner",
    "depot": "Time at the depot",
    "fairness": "A day longer than that of others",
    "lateness": "Being late",
    "second_visit": "Likely second visit",
    "duration": "Takes longer or shorter than planned",
    "continuity": "Known at this customer",
    "preference": "Preferred by the customer",
    "scarcity": "Rare skills that others may need",
    "changes": "Changes for people who were told",
    "unserved": "Visits left out",
}


@dataclass(frozen=True, kw_only=True)
class StopTerms:
    """Cost terms of one stop in seconds of paid travel, and the facts behind them."""

    terms: Mapping[str, int]
    p_fix: float
    known_face: bool
    preferred: bool

    @property
    def total(self) -> int:
        """The sum of the terms."""
        return sum(self.terms.values())

    def as_dict(self) -> dict[str, object]:
        """Give plain JSON values: every term that is not zero, the sum, and the facts."""
        return {
            "terms": {name: value for name, value in self.terms.items() if value},
            "total": self.total,
            "p_fix": round(self.p_fix, 3),
            "known_face": self.known_face,
            "preferred": self.preferred,
        }


def stop_terms(
    problem: Problem,
    *,
    technician: str,
    visit: str,
    slot: int,
    travel_s: Seconds,
    waiting_s: Seconds = 0,
    late_s: Seconds = 0,
    work_s: Seconds | None = None,
) -> StopTerms:
    """Count the terms of a stop; travel is the way from the stop before.

    ``work_s`` is the time this person works there, where a set-up is saved; without it, what the visit takes alone.
    """
    policy, person, work = problem.policy, problem.technician_by_id[technician], problem.visit_by_id[visit]
    chance = p_fix(policy, person, work.crew[slot])
    again = policy.second_visit_cost if work.second_visit_cost is None else work.second_visit_cost
    rate = policy.lateness_rate if work.lateness_rate is None else work.lateness_rate
    price = person.cost_percent
    own_s = person.duration_s(work.duration_s) if work_s is None else work_s
    known, liked = technician in work.known_faces, technician in work.preferred
    return StopTerms(
        terms={
            "travel": (travel_s * price + 50) // 100,
            "waiting": (waiting_s * price * policy.waiting_percent + 5_000) // 10_000,
            "lateness": late_s * rate if slot == 0 else 0,
            "second_visit": int((1.0 - chance) * again + 0.5),
            "duration": (own_s * price + 50) // 100 - work.duration_s,
            "continuity": -policy.continuity_credit if known else 0,
            "preference": -policy.preferred_credit if liked else 0,
            "scarcity": _scarcity(policy, person, work, slot),
        },
        p_fix=chance,
        known_face=known,
        preferred=liked,
    )


def p_fix(policy: Policy, person: Technician, slot: CrewSlot) -> float:
    """Return the expected chance that this person fixes the work at the first visit."""
    chance = 1.0
    for need in slot.needs:
        chance *= max(
            person.proficiencies.get(item.skill, policy.unknown).success(
                item.level, slope=policy.fix_slope, offset=policy.fix_offset
            )
            for item in need.any_of
        )
    return chance


def _scarcity(policy: Policy, person: Technician, work: Visit, slot: int) -> int:
    """Price of rare skills that the person holds and this work does not need, for the planned time."""
    used = {item.skill for need in work.crew[slot].needs for item in need.any_of}
    price = sum(
        per_hour
        for skill, per_hour in policy.scarcity_per_hour.items()
        if skill not in used and qualified(policy, person, skill, policy.scarcity_level)
    )
    return (price * work.duration_s + 1_800) // 3_600


def qualified(policy: Policy, person: Technician, skill: str, level: int) -> bool:
    """Whether the estimate reaches the level surely enough and is confirmed, or a claim counts at this level."""
    known = person.proficiencies.get(skill)
    if known is None or known.confidence(level) < policy.min_confidence:
        return False
    return known.confirmed or (level <= policy.claims_count_to and skill not in policy.critical_skills)


def in_minutes(terms: Sequence[tuple[str, int]], total_s: int) -> tuple[list[tuple[str, int]], int]:
    """Return terms in whole minutes that still add up to the total: the largest remainders are rounded up."""
    total = round(total_s / 60)
    floors = [value // 60 for _, value in terms]
    by_remainder = sorted(range(len(floors)), key=lambda index: -(terms[index][1] % 60))
    for index in by_remainder[: total - sum(floors)]:
        floors[index] += 1
    return [(TERM_WORDS[name], minutes) for (name, _), minutes in zip(terms, floors, strict=True)], total
