"""Keep the cached proficiencies equal to what the evidence says.

Whoever changes a fact calls :func:`recompute_proficiency` in the same transaction. Levels also fade by themselves, so
:func:`recompute_all` runs every night.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.orm import Session

from dispatch.accounts.models import Agreement, AgreementKind
from dispatch.skills.catalogue import Catalogue
from dispatch.skills.constants import Constants
from dispatch.skills.constants_in_force import constants_in_force
from dispatch.skills.estimate import Estimate
from dispatch.skills.evidence import Fact
from dispatch.skills.models import Evidence, Proficiency
from dispatch.skills.proficiency import estimate
from dispatch.skills.taxonomy import Taxonomy, catalogue_of, in_trades_of, load_taxonomy
from dispatch.workforce.models import Technician

_LOCK_SPACE = 0x5C111  # first half of the advisory lock keys that stand for "the cached levels of a person"
_EVERYBODY = 0
_ROWS_AT_ONCE = 20_000


def outcomes_agreed(session: Session, at: datetime) -> bool:
    """Say whether a recorded agreement allows outcomes to count on that day."""
    on = at.astimezone(UTC).date()
    found = session.scalar(
        select(Agreement.id)
        .where(Agreement.kind == AgreementKind.OUTCOME_EVIDENCE, Agreement.valid.contains(on))
        .limit(1)
    )
    return found is not None


def facts_of(session: Session, technician_id: int, taxonomy: Taxonomy) -> tuple[Fact, ...]:
    """Return everything on record about one person, contested facts included and marked.

    Facts of an import that was taken back are not among them. What was said about a skill that was merged into
    another one counts as said about that one.
    """
    return next((facts for _, facts in _facts_by_person(session, [technician_id], taxonomy)), ())


def facts_by_person(session: Session) -> dict[int, tuple[Fact, ...]]:
    """Return everything on record about everybody who is still sent."""
    ids = session.scalars(select(Technician.id).where(Technician.retired_at.is_(None))).all()
    return dict(_facts_by_person(session, ids, load_taxonomy(session)))


def recompute_proficiency(session: Session, technician_id: int, *, now: datetime) -> dict[int, Estimate]:
    """Estimate one person again and store the result, in the caller's transaction; return it by skill.

    Runs for the same person wait for each other, so the one that commits last has seen all facts.
    """
    session.flush()
    _lock(session, _EVERYBODY, shared=True)
    _lock(session, technician_id)
    taxonomy = load_taxonomy(session)
    catalogue = catalogue_of(taxonomy)
    facts, agreed = facts_of(session, technician_id, taxonomy), outcomes_agreed(session, now)
    constants = constants_in_force(session)
    found = _estimate(facts, taxonomy, catalogue, now, outcomes=agreed, constants=constants)
    session.execute(delete(Proficiency).where(Proficiency.technician_id == technician_id))
    _write(session, [_row(technician_id, one) for one in found.values()], now)
    return found


def recompute_all(session: Session, *, now: datetime, technician_ids: Sequence[int] | None = None) -> int:
    """Estimate everybody (or those given) again with one read and one bulk write; return how many levels were stored.

    Waits for running single updates and keeps new ones waiting, since it replaces what they would store.
    """
    session.flush()
    _lock(session, _EVERYBODY)
    taxonomy = load_taxonomy(session)
    catalogue = catalogue_of(taxonomy)
    outcomes, constants = outcomes_agreed(session, now), constants_in_force(session)
    if technician_ids is None:
        session.execute(delete(Proficiency))
        technician_ids = session.scalars(select(Technician.id).where(Technician.retired_at.is_(None))).all()
    else:
        session.execute(delete(Proficiency).where(Proficiency.technician_id.in_(technician_ids)))
    stored = 0
    waiting: list[dict[str, object]] = []
    for person, facts in _facts_by_person(session, technician_ids, taxonomy):
        found = _estimate(facts, taxonomy, catalogue, now, outcomes=outcomes, constants=constants)
        waiting.extend(_row(person, one) for one in found.values())
        stored += len(found)
        if len(waiting) >= _ROWS_AT_ONCE:
            _write(session, waiting, now)
            waiting = []
    _write(session, waiting, now)
    return stored


def _estimate(
    facts: Sequence[Fact],
    taxonomy: Taxonomy,
    catalogue: Catalogue,
    now: datetime,
    *,
    outcomes: bool,
    constants: Constants,
) -> dict[int, Estimate]:
    """Estimate the skills that are stored for a person: those of every trade a fact speaks about."""
    skills = in_trades_of(taxonomy, {fact.skill for fact in facts})
    if not skills:
        return {}
    return estimate(facts, catalogue, skills, now, outcomes=outcomes, constants=constants)


def _facts_by_person(
    session: Session, technician_ids: Iterable[int], taxonomy: Taxonomy
) -> Iterator[tuple[int, tuple[Fact, ...]]]:
    """Give each person who has facts once, with all of them."""
    rows = session.execute(
        select(
            Evidence.technician_id,
            Evidence.id,
            Evidence.skill_id,
            Evidence.at,
            Evidence.source,
            Evidence.facts,
            Evidence.recorded_by_id,
            Evidence.contested,
        )
        .where(Evidence.technician_id == text("ANY(:people)").bindparams(bindparam("people", list(technician_ids))))
        .where(Evidence.withdrawn_at.is_(None))
        .order_by(Evidence.technician_id, Evidence.id)
        .execution_options(yield_per=5000)
    )
    person: int | None = None
    facts: list[Fact] = []
    for row in rows:
        if row.technician_id != person:
            if person is not None:
                yield person, tuple(facts)
            person, facts = row.technician_id, []
        facts.append(
            Fact(
                key=row.id,
                skill=taxonomy.current(row.skill_id),
                at=row.at,
                source=row.source,
                detail=_as_of_today(row.facts, taxonomy),
                rater=None if row.recorded_by_id is None else str(row.recorded_by_id),
                contested=row.contested,
            )
        )
    if person is not None:
        yield person, tuple(facts)


def _as_of_today(detail: Mapping[str, Any], taxonomy: Taxonomy) -> Mapping[str, Any]:
    """Return what an outcome says with the skills that its needs live on in."""
    needs = detail.get("needs")
    if not needs or all(taxonomy.current(skill) == skill for skill, _ in needs):
        return detail
    named = detail.get("named")
    return {
        **detail,
        "needs": [[taxonomy.current(skill), level] for skill, level in needs],
        "named": named if named is None else taxonomy.current(named),
    }


def _row(technician_id: int, one: Estimate) -> dict[str, object]:
    used = None if one.last_used is None else datetime.combine(one.last_used, time(0), tzinfo=UTC)
    return {
        "technician_id": technician_id,
        "skill_id": one.skill,
        "mean": one.mean,
        "sd": one.sd,
        "confirmed": one.confirmed,
        "last_used_at": used,
        "fact_count": one.facts,
    }


_WRITE = text(
    """
    INSERT INTO proficiency
        (technician_id, skill_id, mean, sd, confirmed, last_used_at, fact_count, as_of)
    SELECT *, CAST(:as_of AS timestamptz) FROM unnest(
        CAST(:technician_id AS int[]), CAST(:skill_id AS int[]), CAST(:mean AS float8[]), CAST(:sd AS float8[]),
        CAST(:confirmed AS bool[]), CAST(:last_used_at AS timestamptz[]), CAST(:fact_count AS int[])
    )
    """
)


def _write(session: Session, rows: Sequence[dict[str, object]], now: datetime) -> None:
    """Send many rows as one array per column, which a server takes far faster than single rows."""
    if rows:
        session.execute(_WRITE, {name: [row[name] for row in rows] for name in rows[0]} | {"as_of": now})


def _lock(session: Session, key: int, *, shared: bool = False) -> None:
    """Hold an advisory lock to the end of the transaction."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    session.execute(text(f"SELECT {function}(:space, :key)"), {"space": _LOCK_SPACE, "key": key})
