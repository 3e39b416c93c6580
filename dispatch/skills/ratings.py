"""Levels of an import as facts, many at once, and all of an import taken back."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.skills.models import Evidence, EvidenceContest
from dispatch.skills.recompute import recompute_all
from dispatch.skills.sources import source_named

SOURCE = "imported_rating"
TAKEN_BACK = "The import that this level came with was taken back."

# One array per column, which a server takes several times faster than row by row; an array carries JSON as text.
_WRITE = text(
    """
    INSERT INTO evidence
        (technician_id, skill_id, source, at, facts, contested, outside_key, recorded_by_id, recorded_at,
         import_batch_id)
    SELECT person, skill, :source, instant, CAST(fact AS jsonb), false, key, :actor, :now, :batch
    FROM unnest(
        CAST(:people AS int[]), CAST(:skills AS int[]), CAST(:instants AS timestamptz[]), CAST(:facts AS text[]),
        CAST(:keys AS text[])
    ) WITH ORDINALITY AS given (person, skill, instant, fact, key, place)
    ORDER BY place
    """
)


@dataclass(frozen=True, kw_only=True)
class Rating:
    """A level that an import gives a person in a skill, as of an instant; ``facts`` as its source reads them."""

    technician_id: int
    skill_id: int
    at: datetime
    facts: dict[str, Any]
    outside_key: str


def record_ratings(
    session: Session, ratings: Sequence[Rating], *, batch_id: int, actor: Actor, now: datetime
) -> tuple[int, ...]:
    """Put all levels of an import on record, with one line in the change log a person, and recompute; return whom."""
    actor.require(Right.IMPORT)
    if not ratings:
        return ()
    kind = source_named(SOURCE)
    for rating in ratings:
        kind.parse(rating.facts)
    session.execute(
        _WRITE,
        {
            "people": [rating.technician_id for rating in ratings],
            "skills": [rating.skill_id for rating in ratings],
            "instants": [rating.at for rating in ratings],
            "facts": [json.dumps(rating.facts, ensure_ascii=False) for rating in ratings],
            "keys": [rating.outside_key for rating in ratings],
            "source": SOURCE,
            "actor": actor.user_id,
            "now": now,
            "batch": batch_id,
        },
    )
    people = [rating.technician_id for rating in ratings]
    return _told(session, "import", people, batch_id=batch_id, actor=actor, now=now)


def withdraw_ratings(session: Session, *, batch_id: int, actor: Actor, now: datetime) -> int:
    """Leave out every fact of an import for good and recompute; return how many there were.

    Who saw one of them differently has what they asked for: such contests are settled with it.
    """
    actor.require(Right.IMPORT)
    people = session.scalars(
        update(Evidence)
        .where(Evidence.import_batch_id == batch_id, Evidence.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
        .returning(Evidence.technician_id)
        .execution_options(synchronize_session=False)
    ).all()
    open_contests = session.scalars(
        select(EvidenceContest)
        .join(Evidence, Evidence.id == EvidenceContest.evidence_id)
        .where(Evidence.import_batch_id == batch_id, EvidenceContest.settled_at.is_(None))
    )
    for contest in open_contests.all():
        contest.outcome, contest.answer = "withdrawn", TAKEN_BACK
        contest.settled_by_id, contest.settled_at = actor.user_id, now
    session.flush()
    session.expire_all()
    _told(session, "undo_import", people, batch_id=batch_id, actor=actor, now=now)
    return len(people)


def _told(
    session: Session, action: str, people: Sequence[int], *, batch_id: int, actor: Actor, now: datetime
) -> tuple[int, ...]:
    """Write into the change log whose levels an import touched, and estimate them again.

    Only how many there are: whoever reads a person's history need not be allowed to read their levels.
    """
    counts = Counter(people)
    for person, levels in sorted(counts.items()):
        record(
            session,
            Change(
                at=now,
                actor_id=actor.user_id,
                action=action,
                entity="technician",
                entity_id=str(person),
                after={"import_batch": batch_id, "levels": levels},
            ),
        )
    touched = tuple(sorted(counts))
    if touched:
        recompute_all(session, now=now, technician_ids=touched)
    return touched
