"""A level taken over from another system or a spreadsheet: usually somebody's judgement, by whom is not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.skills.evidence import Fact, LevelSeen, Source, Trust, check_level, level_text, read_detail

OWN_CLAIM_TRUST = Trust(bias=0.5, sd=1.0)  # an imported own claim is worth what an own claim is worth


@dataclass(frozen=True, kw_only=True)
class ImportedRating:
    """The level as imported; `by_self` says that the other system only held people's own claims."""

    level: float
    system: str = ""
    by_self: bool = False

    def __post_init__(self) -> None:
        check_level(self.level)


def parse(detail: Mapping[str, Any]) -> ImportedRating:
    """Read a stored imported rating."""
    return read_detail(ImportedRating, detail)


def observe(fact: Fact, trust: Trust) -> tuple[LevelSeen, ...]:
    """Let a later import from the same system replace the earlier one; imported own claims stay own claims."""
    said = parse(fact.detail)
    kind = "Imported own claim" if said.by_self else "Imported rating"
    believed = OWN_CLAIM_TRUST if said.by_self else trust
    return (
        LevelSeen(
            skill=fact.skill,
            level=said.level,
            trust=believed,
            confirms=not said.by_self,
            voice=f"import:{said.system}",
            sentence=f"{kind} from {said.system or 'a file'}: level {level_text(said.level)}",
        ),
    )


SOURCE = Source(
    name="imported_rating",
    label="Imported rating",
    trust=Trust(bias=0.0, sd=0.7),
    outcome=False,
    own_word=False,
    parse=parse,
    observe=observe,
)
