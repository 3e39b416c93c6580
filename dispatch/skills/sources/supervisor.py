"""A supervisor's assessment: somebody who answers for the work puts a level on the person."""

from dataclasses import dataclass

from dispatch.skills.evidence import StatedLevel, Trust, level_source


@dataclass(frozen=True, kw_only=True)
class SupervisorAssessment(StatedLevel):
    """The level a supervisor gives, with an optional note."""

    note: str = ""


SOURCE = level_source(
    name="supervisor",
    label="Supervisor",
    counts="A supervisor's newer word replaces their earlier one; two supervisors both count.",
    trust=Trust(bias=0.0, sd=0.5, shared=0.3),
    shape=SupervisorAssessment,
    voice=lambda fact, _said: fact.rater,
    words=lambda _said: "Supervisor:",
)
