"""A practical test: the work itself, watched and marked."""

from dataclasses import dataclass

from dispatch.skills.evidence import StatedLevel, Trust, level_source


@dataclass(frozen=True, kw_only=True)
class PracticalTest(StatedLevel):
    """The level a test showed, and which test it was."""

    test: str = ""


SOURCE = level_source(
    name="practical_test",
    label="Practical test",
    counts="Every test is a measurement of its own, so repeated tests all count.",
    trust=Trust(bias=0.0, sd=0.35),
    shape=PracticalTest,
    voice=lambda _fact, _said: None,
    words=lambda _said: "Practical test:",
)
