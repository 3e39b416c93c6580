"""How a job went: fixed at the first visit or not. Performance data, so it counts only under a recorded agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dispatch.skills.evidence import Fact, Need, OutcomeSeen, Source, Trust, level_text, read_detail


class Cause(StrEnum):
    """Why a job was not fixed at the first visit; only the first says something about skill."""

    SKILL = "skill"
    PARTS = "parts"
    TOOLS = "tools"
    ACCESS = "access"
    CUSTOMER = "customer"
    TIME = "time"
    WEATHER = "weather"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class JobOutcome:
    """What was needed, whether it was fixed, the skill the close-out named, and the cause when it was not fixed.

    Without a cause a failure counts: only a stated cause outside the person's hands takes it out.
    """

    needs: tuple[Need, ...]
    fixed: bool
    named: int | None = None
    cause: Cause | None = None
    job: int | None = None
    visit: int | None = None

    def __post_init__(self) -> None:
        if not self.needs:
            raise ValueError("needs must name at least one skill and level")
        if not isinstance(self.fixed, bool):
            raise ValueError(f"fixed must be true or false, not {self.fixed!r}")


def parse(detail: Mapping[str, Any]) -> JobOutcome:
    """Read a stored outcome; needs are stored as pairs of skill id and level."""
    pairs = detail.get("needs")
    if not isinstance(pairs, Sequence) or isinstance(pairs, str) or not all(_is_pair(pair) for pair in pairs):
        raise ValueError("needs must be a list of [skill id, level] pairs")
    highest: dict[int, float] = {}
    for skill, level in pairs:
        # Two needs for one skill (alternatives, crew slots) are as hard as the harder one.
        highest[skill] = max(level, highest.get(skill, level))
    needs = tuple(Need(skill=skill, level=level) for skill, level in sorted(highest.items()))
    cause = detail.get("cause")
    if cause is not None and cause not in set(Cause):
        raise ValueError(f"cause must be one of {', '.join(Cause)}, not {cause!r}")
    return read_detail(JobOutcome, {**detail, "needs": needs, "cause": None if cause is None else Cause(cause)})


def observe(fact: Fact, trust: Trust) -> tuple[OutcomeSeen, ...]:
    """Return what the outcome says about the needed skills."""
    outcome = parse(fact.detail)
    if not outcome.fixed and outcome.cause not in (None, Cause.SKILL):
        return ()
    named = tuple(need for need in outcome.needs if need.skill == outcome.named)
    needs = named or outcome.needs
    hardest = level_text(max(need.level for need in needs))
    result = "Fixed at the first visit" if outcome.fixed else "Not fixed at the first visit"
    return (OutcomeSeen(needs=needs, success=outcome.fixed, sentence=f"{result}: level {hardest} work"),)


def _is_pair(pair: object) -> bool:
    return (
        isinstance(pair, Sequence) and len(pair) == 2 and isinstance(pair[0], int) and isinstance(pair[1], int | float)
    )


SOURCE = Source(
    name="job_outcome",
    label="Job outcome",
    counts="A named skill takes the whole outcome, else all needs together; causes other than skill say nothing.",
    # The level need not be read off an outcome: the likelihood in the model does that, so this is never used.
    trust=Trust(bias=0.0, sd=1.0),
    outcome=True,
    own_word=False,
    parse=parse,
    observe=observe,
)
