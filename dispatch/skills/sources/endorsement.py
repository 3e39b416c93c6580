"""A colleague's endorsement: seen at work, without answering for it."""

from dataclasses import dataclass

from dispatch.skills.evidence import StatedLevel, Trust, level_source


@dataclass(frozen=True, kw_only=True)
class Endorsement(StatedLevel):
    """The level a colleague has seen, with an optional note."""

    note: str = ""


SOURCE = level_source(
    name="endorsement",
    label="Endorsement",
    counts="Each colleague counts once per skill, by their newest word.",
    trust=Trust(bias=0.0, sd=0.8, shared=0.4),
    shape=Endorsement,
    voice=lambda fact, _said: fact.rater,
    words=lambda _said: "Endorsed by a colleague:",
)
