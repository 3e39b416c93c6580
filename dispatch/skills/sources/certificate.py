"""A certificate that speaks about a level, such as a trade examination; permissions to work are kept elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.skills.evidence import Fact, LevelSeen, Source, Trust, check_level, level_text, read_detail


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The level a document stands for; `title` and `issuer` tell one document from another."""

    level: float
    title: str = ""
    issuer: str = ""

    def __post_init__(self) -> None:
        check_level(self.level)


def parse(detail: Mapping[str, Any]) -> Certificate:
    """Read a stored certificate."""
    return read_detail(Certificate, detail)


def observe(fact: Fact, trust: Trust) -> tuple[LevelSeen, ...]:
    """Let a renewed certificate replace the one it renews."""
    said = parse(fact.detail)
    return (
        LevelSeen(
            skill=fact.skill,
            level=said.level,
            trust=trust,
            confirms=True,
            voice=f"document:{said.title}|{said.issuer}" if said.title else None,
            sentence=f"Certificate {said.title or 'without a title'}: level {level_text(said.level)}",
        ),
    )


SOURCE = Source(
    name="certificate",
    label="Certificate",
    trust=Trust(bias=0.0, sd=0.6),
    outcome=False,
    own_word=False,
    parse=parse,
    observe=observe,
)
