"""What a person says about themselves: quick to give, read half a level too high, and never enough alone."""

from dataclasses import dataclass

from dispatch.skills.evidence import StatedLevel, Trust, level_source


@dataclass(frozen=True, kw_only=True)
class SelfClaim(StatedLevel):
    """A claimed level in the person's own words; `still_true` marks an earlier claim said again."""

    words: str = ""
    still_true: bool = False


SOURCE = level_source(
    name="self_claim",
    label="Own claim",
    counts="Only the newest claim in a skill speaks, so saying it often adds nothing.",
    trust=Trust(bias=0.5, sd=1.0, shared=0.8),
    shape=SelfClaim,
    voice=lambda _fact, _said: "self",
    words=lambda said: "Says it is still" if said.still_true else "Own claim:",
    own_word=True,
)
