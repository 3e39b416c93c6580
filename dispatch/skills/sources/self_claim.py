"""What a person says about themselves: quick to give, read half a level too high, and never enough alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.skills.evidence import Fact, LevelSeen, Source, Trust, check_level, level_text, read_detail


@dataclass(frozen=True, kw_only=True)
class SelfClaim:
    """A claimed level in the person's own words; `still_true` marks an earlier claim said again."""

    level: float
    words: str = ""
    still_true: bool = False

    def __post_init__(self) -> None:
        check_level(self.level)


def parse(detail: Mapping[str, Any]) -> SelfClaim:
    """Read a stored claim."""
    return read_detail(SelfClaim, detail)


def observe(fact: Fact, trust: Trust) -> tuple[LevelSeen, ...]:
    """Only the newest claim in a skill speaks, so saying it often adds nothing."""
    claim = parse(fact.detail)
    said = "Says it is still" if claim.still_true else "Own claim:"
    return (
        LevelSeen(
            skill=fact.skill,
            level=claim.level,
            trust=trust,
            confirms=False,
            voice="self",
            sentence=f"{said} level {level_text(claim.level)}",
        ),
    )


SOURCE = Source(
    name="self_claim",
    label="Own claim",
    trust=Trust(bias=0.5, sd=1.0),
    outcome=False,
    own_word=True,
    parse=parse,
    observe=observe,
)
