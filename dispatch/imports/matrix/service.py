"""Import of a skill matrix: what it would do, doing it once, and taking it back within a day."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.core.models import ImportBatch, ImportState
from dispatch.imports.engine import Fate, Report, Run, run_import
from dispatch.imports.matrix.match import Match
from dispatch.imports.matrix.people import People, load_people
from dispatch.imports.matrix.plan import CellFate, Plan, Said, plan_cells
from dispatch.imports.matrix.proposing import propose
from dispatch.imports.matrix.table import read_matrix
from dispatch.imports.reader import Table
from dispatch.skills.models import Evidence
from dispatch.skills.ratings import SOURCE, Rating, record_ratings, withdraw_ratings
from dispatch.skills.taxonomy import Taxonomy, load_taxonomy
from dispatch.workforce.models import Technician

KIND = "skill_matrix"
UNDO_FOR = timedelta(hours=24)
LONGEST_NAME = 60
MOST_LEVELS = 100_000
_LOCK = 0x5C112
_FATES = {CellFate.NEW: Fate.NEW, CellFate.CHANGED: Fate.CHANGED, CellFate.SAME: Fate.SAME}


def clean_source(name: str) -> str:
    """Return the name of the system a file comes from; levels of one system replace its earlier ones."""
    found = " ".join(name.split())
    if not found:
        return KIND
    if len(found) > LONGEST_NAME or any(not character.isprintable() for character in found):
        raise Invalid(f"A name of at most {LONGEST_NAME} plain characters is needed here.", field="source")
    return found


def plan_matrix(
    session: Session,
    table: Table,
    match: Match,
    *,
    source: str,
    actor: Actor,
    now: datetime,
    people: People | None = None,
    taxonomy: Taxonomy | None = None,
) -> Plan:
    """Return what an import would do now, and change nothing."""
    actor.require(Right.IMPORT)
    match.check(table)
    levels = sum(bool(cell) for cell in match.level_cells(table))
    if levels > MOST_LEVELS:
        raise Invalid(f"The file has {levels:,} levels; at most {MOST_LEVELS:,} come in at once. Split it.", "file")
    people = load_people(session) if people is None else people
    taxonomy = load_taxonomy(session) if taxonomy is None else taxonomy
    check_skills(match, taxonomy)
    mine = select(Technician.id).where(Technician.user_id == actor.user_id, Technician.user_id.is_not(None))
    own: int | None = session.scalar(mine)
    return plan_cells(
        table,
        match,
        find=lambda row: people.find(row, match),
        spoken=_spoken(session, source, taxonomy),
        own=own,
        now=now,
    )


def levels_known(session: Session, source: str) -> int:
    """Return how many levels this source gave, each person and skill once."""
    given = (
        select(Evidence.technician_id, Evidence.skill_id)
        .where(Evidence.source == SOURCE, Evidence.withdrawn_at.is_(None), Evidence.facts["system"].astext == source)
        .distinct()
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(given)) or 0


def import_matrix(
    session: Session,
    *,
    file_name: str,
    data: bytes,
    match: Match | None = None,
    source: str = KIND,
    expected: str | None = None,
    dry_run: bool,
    confirmed: bool = False,
    actor: Actor,
    now: datetime,
) -> Report:
    """Import a skill matrix as ``match`` says, or as it proposes itself.

    ``expected`` is the :func:`print_of` a plan that somebody looked at; where it would do something else by now,
    nothing is done.
    """
    return run_import(
        session,
        kind=KIND,
        source=clean_source(source),
        file_name=file_name,
        data=data,
        work=partial(_work, match=match, expected=expected),
        dry_run=dry_run,
        confirmed=confirmed,
        actor=actor,
        now=now,
        read=read_matrix,
    )


def print_of(plan: Plan) -> str:
    """Return a short print of what a plan does, the same as long as it does the same."""
    lines = [
        f"{cell.technician_id}:{cell.skill_id}:{cell.day}:{cell.level:g}:{cell.fate.value}:{cell.before}"
        for cell in plan.cells
    ]
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]


def undo_matrix(session: Session, *, batch_id: int, actor: Actor, now: datetime) -> int:
    """Take an import back within a day: its facts are withdrawn, levels are as if it had never been.

    Of two imports of one source the later one goes first: it found as they were the levels that the earlier one gave.
    """
    actor.require(Right.IMPORT)
    batch = session.get(ImportBatch, batch_id)
    if batch is None or batch.kind != KIND or batch.state is ImportState.CHECKED:
        raise NotFound("There is no such import.")
    _wait_for(session, batch.source)
    session.refresh(batch)
    if batch.state is ImportState.UNDONE:
        raise Conflict("This import has been taken back already.")
    if now - batch.at > UNDO_FOR:
        raise Conflict("An import can be taken back for 24 hours; correct single levels on the people's pages now.")
    later = session.scalar(
        select(ImportBatch.id).where(
            ImportBatch.kind == KIND,
            ImportBatch.source == batch.source,
            ImportBatch.state == ImportState.DONE,
            ImportBatch.id > batch.id,
        )
    )
    if later is not None:
        raise Conflict("A later import of the same source builds on this one; take that one back first.")
    taken = withdraw_ratings(session, batch_id=batch.id, actor=actor, now=now)
    batch = session.get_one(ImportBatch, batch_id)
    batch.state, batch.undone_at, batch.undone_by_id = ImportState.UNDONE, now, actor.user_id
    session.flush()
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="undo_import",
            entity="import_batch",
            entity_id=str(batch.id),
            after={"kind": batch.kind, "levels": taken},
        ),
    )
    return taken


def undoable_until(batch: ImportBatch) -> datetime:
    """Return until when an import can be taken back."""
    return batch.at + UNDO_FOR


def _work(run: Run, *, match: Match | None, expected: str | None) -> None:
    _wait_for(run.session, run.source)
    taxonomy = load_taxonomy(run.session)
    if match is None:
        match = propose(run.session, run.table, taxonomy)
    plan = plan_matrix(
        run.session, run.table, match, source=run.source, actor=run.actor, now=run.now, taxonomy=taxonomy
    )
    if expected is not None and print_of(plan) != expected:
        raise Conflict("Something changed since you looked: this import would do something else now. Look again.")
    tally = run.tally
    tally.known = levels_known(run.session, run.source)
    tally.faults = list(plan.faults)
    tally.read = len(plan.cells) + plan.left_out + len(plan.faults)
    for cell in plan.cells:
        tally.count(_FATES[cell.fate])
    tally.notes += _notes(match, plan, taxonomy)
    ratings = [
        Rating(
            technician_id=cell.technician_id,
            skill_id=cell.skill_id,
            at=cell.at,
            facts={"level": int(cell.level) if cell.level.is_integer() else cell.level, "system": run.source}
            | ({"by_self": True} if match.by_self else {}),
            outside_key=f"{KIND}:{run.batch_id}:{cell.technician_id}:{cell.skill_id}:{cell.day or ''}",
        )
        for cell in plan.cells
        if cell.fate is not CellFate.SAME
    ]
    record_ratings(run.session, ratings, batch_id=run.batch_id, actor=run.actor, now=run.now)


def _notes(match: Match, plan: Plan, taxonomy: Taxonomy) -> list[str]:
    """Say what was taken for what, where names differ."""
    notes = [
        f"{word} is read as {taxonomy.nodes[skill].name}."
        for word, skill in match.skills.items()
        if skill and word.casefold() != taxonomy.nodes[skill].name.casefold()
    ]
    if plan.left_out:
        notes.append(f"{plan.left_out:,} cells are left out: their row or their word was chosen not to count.")
    return notes


def _wait_for(session: Session, source: str) -> None:
    """Let imports of one source go one after the other, so that the second one sees what the first one did."""
    session.execute(text("SELECT pg_advisory_xact_lock(:space, hashtext(:source))"), {"space": _LOCK, "source": source})


def check_skills(match: Match, taxonomy: Taxonomy) -> None:
    """Refuse a choice of a skill that nobody can have."""
    for word, skill in match.skills.items():
        node = taxonomy.nodes.get(skill)
        if skill and (node is None or not node.assignable or node.retired):
            raise Invalid(f"The skill chosen for {word} is not in use any more; choose another.", field="skills")


def _spoken(session: Session, source: str, taxonomy: Taxonomy) -> dict[tuple[int, int], Sequence[Said]]:
    """Return every level this source gave and that was not taken back, the latest last."""
    rows = session.execute(
        select(Evidence.technician_id, Evidence.skill_id, Evidence.at, Evidence.facts)
        .where(Evidence.source == SOURCE, Evidence.withdrawn_at.is_(None), Evidence.facts["system"].astext == source)
        .order_by(Evidence.at, Evidence.id)
    )
    found: dict[tuple[int, int], list[Said]] = defaultdict(list)
    for person, skill, at, facts in rows:
        found[person, taxonomy.current(skill)].append(
            Said(at=at, level=float(facts["level"]), by_self=bool(facts.get("by_self")))
        )
    return dict(found)
