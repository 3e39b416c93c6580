"""A certificate that speaks about a level, such as a trade examination; permissions to work are kept elsewhere."""

from dataclasses import dataclass

from dispatch.skills.evidence import StatedLevel, Trust, level_source


@dataclass(frozen=True, kw_only=True)
class Certificate(StatedLevel):
    """The level a document stands for; `title` and `issuer` tell one document from another."""

    title: str = ""
    issuer: str = ""


SOURCE = level_source(
    name="certificate",
    label="Certificate",
    counts="A renewed certificate replaces the one it renews.",
    trust=Trust(bias=0.0, sd=0.6),
    shape=Certificate,
    voice=lambda _fact, said: f"document:{said.title}|{said.issuer}" if said.title else None,
    words=lambda said: f"Certificate {said.title or 'without a title'}:",
)
