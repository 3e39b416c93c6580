"""A level taken over from another system or a spreadsheet: usually somebody's judgement, by whom is not known."""

from dataclasses import dataclass

from dispatch.skills.evidence import StatedLevel, Trust, level_source

OWN_CLAIM_TRUST = Trust(bias=0.5, sd=1.0, shared=0.8)  # an imported own claim is worth what an own claim is worth


@dataclass(frozen=True, kw_only=True)
class ImportedRating(StatedLevel):
    """The level as imported; `by_self` says that the other system only held people's own claims."""

    system: str = ""
    by_self: bool = False


SOURCE = level_source(
    name="imported_rating",
    label="Imported rating",
    counts="A later import from the same system replaces the earlier one; imported own claims stay own claims.",
    trust=Trust(bias=0.0, sd=0.7, shared=0.4),
    shape=ImportedRating,
    voice=lambda _fact, said: f"import:{said.system}",
    words=lambda said: f"{'Imported own claim' if said.by_self else 'Imported rating'} from {said.system or 'a file'}:",
    own_word=lambda said: said.by_self,
    own_word_trust=OWN_CLAIM_TRUST,
)
