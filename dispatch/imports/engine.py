"""One way to import a file: read, check, change, count; a dry run does the same and takes it back.

What a row became is kept by (source, outside id) with a fingerprint of the row, so importing a file twice changes
nothing and an edited row changes only what it names. Faults never stop the good rows.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Actor, Right
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Invalid
from dispatch.core.models import ImportBatch, ImportState, OutsideId
from dispatch.imports.reader import Fault, Table, read_table

FREE_CHANGES = 20
LARGEST_SHARE_CHANGED = 0.1


class Fate(StrEnum):
    """What a row does to the database."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(kw_only=True)
class Tally:
    """Counts of an import while it runs."""

    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(Fate, 0))
    read: int | None = None
    known: int | None = None
    """Where not rows but cells are counted: how many the file has, and how many this source gave before."""

    def count(self, fate: Fate) -> None:
        """Count a row."""
        self.counts[fate] += 1


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an import did, or would do."""

    kind: str
    source: str
    file_name: str
    dry_run: bool
    read: int
    new: int
    changed: int
    same: int
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    batch_id: int


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a kind of import is given: the table, where to count, who acts (with the rights to), and when."""

    session: Session
    table: Table
    source: str
    tally: Tally
    actor: Actor
    now: datetime
    batch_id: int

    def columns(self, known: Mapping[str, Sequence[str]], needed: Collection[str]) -> dict[str, str]:
        """Match the file's columns to ours by name or other name; Invalid names every needed one that is missing."""
        folded = {name.casefold().replace(" ", "_"): name for name in self.table.columns}
        found = {}
        for name, others in known.items():
            hit = next((folded[each] for each in (name, *others) if each in folded), None)
            if hit is not None:
                found[name] = hit
        missing = [name for name in needed if name not in found]
        if missing:
            there = ", ".join(self.table.columns[:20])
            raise Invalid(f"These columns are missing: {', '.join(missing)}. The file has: {there}.", field="file")
        return found


class Ledger:
    """Which rows of a source are known already, for one kind of thing."""

    def __init__(self, session: Session, source: str, entity: str) -> None:
        self._session = session
        self._source = source
        self._entity = entity
        rows = session.scalars(select(OutsideId).where(OutsideId.source == source, OutsideId.entity == entity))
        self._known = {row.outside_id: row for row in rows}

    def find(self, outside_id: str) -> int | None:
        """Return the number of our row, None when there is none."""
        known = self._known.get(outside_id)
        return None if known is None else known.entity_id

    def fate(self, outside_id: str, content: Mapping[str, Any]) -> Fate:
        """Compare a row with what it was when it came last."""
        known = self._known.get(outside_id)
        if known is None:
            return Fate.NEW
        return Fate.SAME if known.row_hash == fingerprint(content) else Fate.CHANGED

    def note(self, outside_id: str, entity_id: int, content: Mapping[str, Any]) -> None:
        """Remember what a row became."""
        known = self._known.get(outside_id)
        if known is not None:
            known.row_hash, known.entity_id = fingerprint(content), entity_id
            return
        row = OutsideId(
            source=self._source,
            entity=self._entity,
            outside_id=outside_id,
            entity_id=entity_id,
            row_hash=fingerprint(content),
            batch_id=self._session.info.get(_BATCH),
        )
        self._session.add(row)
        self._known[outside_id] = row


_BATCH = "import_batch_id"


def run_import(
    session: Session,
    *,
    kind: str,
    source: str,
    file_name: str,
    data: bytes,
    work: Callable[[Run], None],
    dry_run: bool,
    actor: Actor,
    now: datetime,
    confirmed: bool = False,
    read: Callable[[bytes, str], Table] = read_table,
) -> Report:
    """Run one kind of import over a file and keep its report.

    Above a tenth of what is known (and twenty rows) changing known things needs ``confirmed``, since that is rarely
    what somebody meant to do.
    """
    actor.require(Right.IMPORT)
    table = read(data, file_name)
    batch = ImportBatch(
        kind=kind,
        source=source,
        file_name=file_name,
        sha256=hashlib.sha256(data).hexdigest(),
        state=ImportState.CHECKED if dry_run else ImportState.DONE,
        rows_read=len(table.rows) + len(table.faults),
        rows_new=0,
        rows_changed=0,
        rows_same=0,
        faults=[],
        actor_id=actor.user_id,
        at=now,
    )
    session.add(batch)
    session.flush()
    tally = Tally(faults=list(table.faults))
    known = _known(session, source)
    savepoint = session.begin_nested()
    session.info[_BATCH] = batch.id
    try:
        # The services used below check rights of their own; whoever may import may do all an import does.
        able = replace(SYSTEM, user_id=actor.user_id, name=actor.name, channel="import")
        work(Run(session=session, table=table, source=source, tally=tally, actor=able, now=now, batch_id=batch.id))
        session.flush()
        if not dry_run and not confirmed:
            _refuse_upheaval(tally.counts[Fate.CHANGED], known if tally.known is None else tally.known)
    except BaseException:
        savepoint.rollback()
        raise
    finally:
        session.info.pop(_BATCH, None)
    if dry_run:
        savepoint.rollback()
    else:
        savepoint.commit()
    return _close(session, batch, tally, dry_run=dry_run, actor=actor, now=now)


def fingerprint(content: Mapping[str, Any]) -> str:
    """Return a short hash of a row's content, whatever the order of its columns."""
    body = json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(body.encode("utf-8", errors="surrogatepass")).hexdigest()[:32]


def _known(session: Session, source: str) -> int:
    return session.scalar(select(func.count()).select_from(OutsideId).where(OutsideId.source == source)) or 0


def is_upheaval(changed: int, known: int) -> bool:
    """Say whether an import changes so much of what is known that somebody has to confirm it."""
    return changed > max(FREE_CHANGES, LARGEST_SHARE_CHANGED * known)


def _refuse_upheaval(changed: int, known: int) -> None:
    if is_upheaval(changed, known):
        raise Conflict(
            f"This file would change {changed} of {known} rows that came from this source. "
            "Look at a dry run; if that is meant, import again and confirm the changes."
        )


def _close(session: Session, batch: ImportBatch, tally: Tally, *, dry_run: bool, actor: Actor, now: datetime) -> Report:
    faults = tuple(sorted(tally.faults, key=lambda fault: (fault.line, fault.column or "")))
    batch.rows_read = batch.rows_read if tally.read is None else tally.read
    batch.rows_new = tally.counts[Fate.NEW]
    batch.rows_changed = tally.counts[Fate.CHANGED]
    batch.rows_same = tally.counts[Fate.SAME]
    batch.faults = [fault.as_dict() for fault in faults]
    session.flush()
    if not dry_run:
        record(
            session,
            Change(
                at=now,
                actor_id=actor.user_id,
                action="import",
                entity="import_batch",
                entity_id=str(batch.id),
                after={"kind": batch.kind, "new": batch.rows_new, "changed": batch.rows_changed},
            ),
        )
    return Report(
        kind=batch.kind,
        source=batch.source,
        file_name=batch.file_name,
        dry_run=dry_run,
        read=batch.rows_read,
        new=batch.rows_new,
        changed=batch.rows_changed,
        same=batch.rows_same,
        faults=faults,
        notes=tuple(tally.notes),
        batch_id=batch.id,
    )
