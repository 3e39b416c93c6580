"""Which skills the text of a job needs: what skills are called, and what jobs and kinds of work like it needed."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatch.skills.reading import PastText, Sureness, Vocabulary, needed_words, read_text, words_in
from dispatch.skills.stems import stems_of
from dispatch.skills.taxonomy import load_taxonomy

MOST_PAST = 60
FEWEST_SCORE = 0.25
"""Below this a suggestion costs more to read than it helps."""


@dataclass(frozen=True, kw_only=True)
class Understood:
    """A skill that a job seems to need: how sure, the words of the text that say so, through which name if any.

    Without ``because`` it is jobs like this one that say so; their own words stay with them.
    """

    skill_id: int
    name: str
    trade: str
    sureness: Sureness
    words: tuple[str, ...]
    because: str | None


def understand(session: Session, words: str, *, limit: int = 5) -> list[Understood]:
    """Return the skills that a text seems to need, the most likely first; a handful of statements for any text."""
    taxonomy = load_taxonomy(session)
    own = stems_of(session, words_in(words))
    past = [
        PastText(text=one.text, skills=tuple(dict.fromkeys(taxonomy.current(skill) for skill in one.skills)))
        for one in past_texts(session, {stem for stem in own.values() if stem})
    ]
    stems = stems_of(session, needed_words(words, taxonomy, past))
    read = read_text(words, Vocabulary(taxonomy, stems), stems, past=past, limit=limit)
    return [
        Understood(
            skill_id=one.skill_id,
            name=taxonomy.nodes[one.skill_id].name,
            trade=taxonomy.nodes[taxonomy.trade(one.skill_id)].name,
            sureness=one.sureness,
            words=one.words,
            because=one.because,
        )
        for one in read
        if one.score >= FEWEST_SCORE
    ]


def past_texts(session: Session, stems: Collection[str]) -> list[PastText]:
    """Return kinds of work and past jobs that hold some of the stems, with the skills they needed; one statement."""
    asked = " | ".join(f"'{stem}'" for stem in sorted(stems) if stem.isalnum())
    if not asked:
        return []
    rows = session.execute(_PAST, {"asked": asked, "most": MOST_PAST})
    return [PastText(text=words, skills=tuple(skills)) for words, skills in rows]


# The expression on job is that of its index. Ranked are the newest of the jobs that hold a word, since a common word is
# in most of them.
_PAST = text(
    """
    WITH asked AS MATERIALIZED (SELECT CAST(:asked AS tsquery) AS words),
    held AS (
        SELECT job.id, job.title || ' ' || job.description AS words
        FROM job, asked
        WHERE to_tsvector('english', job.title || ' ' || job.description) @@ asked.words
        ORDER BY job.id DESC LIMIT 2000
    ),
    likest AS (
        SELECT held.id, held.words FROM held, asked
        ORDER BY ts_rank(to_tsvector('english', held.words), asked.words) DESC, held.id DESC LIMIT :most
    )
    SELECT likest.words, array_agg(DISTINCT need.skill_id)
    FROM likest
    JOIN visit ON visit.job_id = likest.id
    JOIN crew_slot slot ON slot.visit_id = visit.id
    JOIN skill_need need ON need.crew_slot_id = slot.id
    GROUP BY likest.id, likest.words
    UNION ALL
    SELECT kind.name, array_agg(DISTINCT need.skill_id)
    FROM job_type kind CROSS JOIN asked JOIN job_type_need need ON need.job_type_id = kind.id
    WHERE kind.retired_at IS NULL AND to_tsvector('english', kind.name) @@ asked.words
    GROUP BY kind.id, kind.name
    """
)
