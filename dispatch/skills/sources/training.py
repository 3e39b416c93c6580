"""A finished training: it aims at a level, and people come out of it around that level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.skills.evidence import Fact, LevelSeen, Source, Trust, check_level, level_text, read_detail


@dataclass(frozen=True, kw_only=True)
class Training:
    """The level a course leads to; `course` tells one course from another."""

    level: float
    course: str = ""

    def __post_init__(self) -> None:
        check_level(self.level)


def parse(detail: Mapping[str, Any]) -> Training:
    """Read a stored training."""
    return read_detail(Training, detail)


def observe(fact: Fact, trust: Trust) -> tuple[LevelSeen, ...]:
    """Attending the same course again replaces the earlier attendance."""
    said = parse(fact.detail)
    return (
        LevelSeen(
            skill=fact.skill,
            level=said.level,
            trust=trust,
            confirms=True,
            voice=f"course:{said.course}" if said.course else None,
            sentence=f"Finished training {said.course or 'without a name'}: level {level_text(said.level)}",
        ),
    )


SOURCE = Source(
    name="training",
    label="Training",
    trust=Trust(bias=0.0, sd=0.7),
    outcome=False,
    own_word=False,
    parse=parse,
    observe=observe,
)
