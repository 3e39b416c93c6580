"""How a job went. Performance data, so it counts only under a recorded agreement.

Three things are read off a finished visit:

- whether it was fixed at the first visit, which is what the model's likelihood of work speaks about;
- at a later visit of the same trouble, whether it was fixed then: the diagnosis is known and the parts are there, so
  the work counts as half a level easier;
- how long it took against what such work takes. Each level makes work about 15 % quicker, while the same work by the
  same person varies by about 40 %, so one visit says little (an sd of 2.7 levels) and a hundred say something. Only
  fixed work counts, and only where one skill carries it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dispatch.skills.evidence import (
    LOWEST_LEVEL,
    Fact,
    LevelSeen,
    Need,
    Observation,
    OutcomeSeen,
    Source,
    Trust,
    level_text,
    read_detail,
)

EASIER_LATER = 0.5  # levels
QUICKER_A_LEVEL = 0.15  # logarithm of time
VARIES_BY = 0.4  # logarithm of time
SLOWEST = 3.0  # times what was expected; what took longer, or a third and less, had other reasons
TIME_TRUST = Trust(  # of the time alone; whether work was fixed enters through the model's likelihood of work
    bias=0.0, sd=VARIES_BY / QUICKER_A_LEVEL
)


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

    Without a cause a failure counts: only a stated cause outside the person's hands takes it out. `nth` is 2 and more
    where somebody had been there for the same trouble; `taken_s` and `expected_s` are seconds on site.
    """

    needs: tuple[Need, ...]
    fixed: bool
    named: int | None = None
    cause: Cause | None = None
    job: int | None = None
    visit: int | None = None
    nth: int = 1
    taken_s: int | None = None
    expected_s: int | None = None

    def __post_init__(self) -> None:
        if not self.needs:
            raise ValueError("needs must name at least one skill and level")
        if not isinstance(self.fixed, bool):
            raise ValueError(f"fixed must be true or false, not {self.fixed!r}")
        if _whole(self.nth) < 1:
            raise ValueError(f"nth must be 1 for a first visit, 2 for a second and so on, not {self.nth!r}")
        if (self.taken_s is None) != (self.expected_s is None):
            raise ValueError("taken_s and expected_s belong together")
        for seconds in (self.taken_s, self.expected_s):
            if seconds is not None and _whole(seconds) < 1:
                raise ValueError(f"times on site are whole seconds above 0, not {seconds!r}")


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


def observe(fact: Fact, trust: Trust) -> tuple[Observation, ...]:
    """Return what the outcome says about the needed skills."""
    outcome = parse(fact.detail)
    if not outcome.fixed and outcome.cause not in (None, Cause.SKILL):
        return ()
    named = tuple(need for need in outcome.needs if need.skill == outcome.named)
    needs = named or outcome.needs
    hardest = level_text(max(need.level for need in needs))
    visit = "the first visit" if outcome.nth == 1 else "a later visit"
    result = f"Fixed at {visit}" if outcome.fixed else f"Not fixed at {visit}"
    easier = 0.0 if outcome.nth == 1 else EASIER_LATER
    asked = tuple(Need(skill=need.skill, level=max(LOWEST_LEVEL, need.level - easier)) for need in needs)
    seen = OutcomeSeen(needs=asked, success=outcome.fixed, sentence=f"{result}: level {hardest} work")
    return (seen, *_time(outcome, needs, trust))


def _time(outcome: JobOutcome, needs: tuple[Need, ...], trust: Trust) -> tuple[LevelSeen, ...]:
    """Return what the time on site says, where it can be said of one skill."""
    if outcome.taken_s is None or outcome.expected_s is None or not outcome.fixed or len(needs) != 1:
        return ()
    ratio = outcome.taken_s / outcome.expected_s
    if not 1 / SLOWEST < ratio < SLOWEST:
        return ()
    (need,) = needs
    return (
        LevelSeen(
            skill=need.skill,
            level=need.level - math.log(ratio) / QUICKER_A_LEVEL,
            trust=trust,
            confirms=False,
            voice=None,
            sentence=f"Took {round(100 * ratio)} % of the expected time: level {level_text(need.level)} work",
        ),
    )


def _whole(number: object) -> int:
    """Return a stored whole number; 0 for anything else, which no field here may be."""
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def _is_pair(pair: object) -> bool:
    return (
        isinstance(pair, Sequence) and len(pair) == 2 and isinstance(pair[0], int) and isinstance(pair[1], int | float)
    )


SOURCE = Source(
    name="job_outcome",
    label="Job outcome",
    counts="A named skill takes the whole outcome, else all needs together; a later visit counts as easier work, time"
    " on site a little; causes other than skill say nothing.",
    trust=TIME_TRUST,
    outcome=True,
    own_word=False,
    parse=parse,
    observe=observe,
)
