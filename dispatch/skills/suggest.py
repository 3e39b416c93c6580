"""From words to skills of the catalogue, by what skills are called; no other person's text is looked at."""

from sqlalchemy.orm import Session

from dispatch.skills.reading import Reading, Vocabulary, needed_words, read_text
from dispatch.skills.stems import stems_of
from dispatch.skills.taxonomy import Taxonomy


def suggest_skills(session: Session, taxonomy: Taxonomy, words: str, *, limit: int = 8) -> list[Reading]:
    """Return the skills in use that words speak of, the most likely first; one statement at most."""
    stems = stems_of(session, needed_words(words, taxonomy, ()))
    return read_text(words, Vocabulary(taxonomy, stems), stems, limit=limit)
