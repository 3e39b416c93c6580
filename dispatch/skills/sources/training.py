"""A finished training: it aims at a level, and people come out of it around that level."""

from dataclasses import dataclass

from dispatch.skills.evidence import StatedLevel, Trust, level_source


@dataclass(frozen=True, kw_only=True)
class Training(StatedLevel):
    """The level a course leads to; `course` tells one course from another."""

    course: str = ""


SOURCE = level_source(
    name="training",
    label="Training",
    counts="Attending the same course again replaces the earlier attendance.",
    trust=Trust(bias=0.0, sd=0.7),
    shape=Training,
    voice=lambda _fact, said: f"course:{said.course}" if said.course else None,
    words=lambda said: f"Finished training {said.course or 'without a name'}:",
)
