"""Every kind of evidence the model understands, in the order a profile explains them."""

from __future__ import annotations

from dispatch.skills.evidence import Source
from dispatch.skills.sources import (
    certificate,
    endorsement,
    imported_rating,
    job_outcome,
    practical_test,
    self_claim,
    supervisor,
    training,
)

SOURCES: tuple[Source, ...] = (
    self_claim.SOURCE,
    endorsement.SOURCE,
    supervisor.SOURCE,
    training.SOURCE,
    certificate.SOURCE,
    practical_test.SOURCE,
    job_outcome.SOURCE,
    imported_rating.SOURCE,
)

BY_NAME: dict[str, Source] = {source.name: source for source in SOURCES}


def source_named(name: str) -> Source:
    """Return the source of that name; a `ValueError` lists the known ones."""
    try:
        return BY_NAME[name]
    except KeyError:
        raise ValueError(f"unknown evidence source {name!r}; known are {', '.join(BY_NAME)}") from None
