"""A colleague's endorsement: seen at work, without answering for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.skills.evidence import Fact, LevelSeen, Source, Trust, check_level, level_text, read_detail


@dataclass(frozen=True, kw_only=True)
class Endorsement:
    """The level a colleague has seen, with an optional note."""

    level: float
    note: str = ""

    def __post_init__(self) -> None:
        check_level(self.level)


def parse(detail: Mapping[str, Any]) -> Endorsement:
    """Read a stored endorsement."""
    return read_detail(Endorsement, detail)


def observe(fact: Fact, trust: Trust) -> tuple[LevelSeen, ...]:
    """Each colleague counts once per skill, by their newest word."""
    said = parse(fact.detail)
    return (
        LevelSeen(
            skill=fact.skill,
            level=said.level,
            trust=trust,
            confirms=True,
            voice=fact.rater,
            sentence=f"Endorsed by a colleague: level {level_text(said.level)}",
        ),
    )


SOURCE = Source(
    name="endorsement",
    label="Endorsement",
    trust=Trust(bias=0.0, sd=0.8),
    outcome=False,
    own_word=False,
    parse=parse,
    observe=observe,
)
