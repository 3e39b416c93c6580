"""A supervisor's assessment: somebody who answers for the work puts a level on the person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.skills.evidence import Fact, LevelSeen, Source, Trust, check_level, level_text, read_detail


@dataclass(frozen=True, kw_only=True)
class SupervisorAssessment:
    """The level a supervisor gives, with an optional note."""

    level: float
    note: str = ""

    def __post_init__(self) -> None:
        check_level(self.level)


def parse(detail: Mapping[str, Any]) -> SupervisorAssessment:
    """Read a stored supervisor."""
    return read_detail(SupervisorAssessment, detail)


def observe(fact: Fact, trust: Trust) -> tuple[LevelSeen, ...]:
    """Let a supervisor's newer word replace their earlier one; two supervisors both count."""
    said = parse(fact.detail)
    return (
        LevelSeen(
            skill=fact.skill,
            level=said.level,
            trust=trust,
            confirms=True,
            voice=fact.rater,
            sentence=f"Supervisor: level {level_text(said.level)}",
        ),
    )


SOURCE = Source(
    name="supervisor",
    label="Supervisor",
    trust=Trust(bias=0.0, sd=0.5),
    outcome=False,
    own_word=False,
    parse=parse,
    observe=observe,
)
