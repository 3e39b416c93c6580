"""A practical test: the work itself, watched and marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.skills.evidence import Fact, LevelSeen, Source, Trust, check_level, level_text, read_detail


@dataclass(frozen=True, kw_only=True)
class PracticalTest:
    """The level a test showed, and which test it was."""

    level: float
    test: str = ""

    def __post_init__(self) -> None:
        check_level(self.level)


def parse(detail: Mapping[str, Any]) -> PracticalTest:
    """Read a stored practical test."""
    return read_detail(PracticalTest, detail)


def observe(fact: Fact, trust: Trust) -> tuple[LevelSeen, ...]:
    """Every test is a measurement of its own, so repeated tests all count."""
    said = parse(fact.detail)
    return (
        LevelSeen(
            skill=fact.skill,
            level=said.level,
            trust=trust,
            confirms=True,
            voice=None,
            sentence=f"Practical test: level {level_text(said.level)}",
        ),
    )


SOURCE = Source(
    name="practical_test",
    label="Practical test",
    trust=Trust(bias=0.0, sd=0.35),
    outcome=False,
    own_word=False,
    parse=parse,
    observe=observe,
)
