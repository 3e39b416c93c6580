"""Short ways to write facts and a small catalogue."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.skills.catalogue import DAYS_PER_MONTH, Catalogue, SkillSpec
from dispatch.skills.evidence import Fact
from dispatch.skills.proficiency import Estimate, estimate

START = datetime(2025, 3, 3, 9, tzinfo=UTC)
GAS, ELECTRIC = 1, 2  # trades
BOILER, METER, LEAK = 10, 11, 12  # skills of the gas trade
LIGHTS = 20  # a skill of the electric trade

CATALOGUE = Catalogue.of(
    [
        SkillSpec(skill=GAS),
        SkillSpec(skill=ELECTRIC),
        SkillSpec(skill=BOILER, parent=GAS),
        SkillSpec(skill=METER, parent=GAS),
        SkillSpec(skill=LEAK, parent=GAS, critical=True),
        SkillSpec(skill=LIGHTS, parent=ELECTRIC),
    ]
)
ALL_SKILLS = [spec.skill for spec in CATALOGUE.specs]


def after(*, days: float = 0, months: float = 0) -> datetime:
    """Return an instant some time after the start."""
    return START + timedelta(days=days + months * DAYS_PER_MONTH)


_keys = iter(range(1, 10**9))


def fact(source: str, at: datetime = START, *, skill: int = BOILER, contested: bool = False, **detail: Any) -> Fact:
    """Make a fact with a fresh key."""
    return Fact(
        key=next(_keys),
        skill=skill,
        at=at,
        source=source,
        detail=detail,
        rater=detail.pop("rater", None),
        contested=contested,
    )


def supervisor(level: float, at: datetime = START, *, skill: int = BOILER, rater: str = "boss") -> Fact:
    """Make a supervisor's assessment."""
    return fact("supervisor", at, skill=skill, level=level, rater=rater)


def claim(level: float, at: datetime = START, *, skill: int = BOILER) -> Fact:
    """Make an own claim."""
    return fact("self_claim", at, skill=skill, level=level)


def outcome(
    at: datetime, *, fixed: bool, needs: Sequence[tuple[int, float]] = ((BOILER, 3),), named: int | None = None
) -> Fact:
    """Make a job outcome."""
    pairs = [list(need) for need in needs]
    return fact("job_outcome", at, skill=needs[0][0], needs=pairs, fixed=fixed, named=named)


def level_of(facts: Sequence[Fact], at: datetime, *, skill: int = BOILER, outcomes: bool = True) -> Estimate:
    """Estimate one skill."""
    return estimate(facts, CATALOGUE, [skill], at, outcomes=outcomes)[skill]
