"""A skill matrix between the steps of its import: kept for a day for whoever sent it, imported once, then emptied."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, defer

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.models import User
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.core.models import ImportBatch, ImportState, ImportUpload
from dispatch.imports.matrix.match import Match
from dispatch.imports.matrix.proposing import complete, propose
from dispatch.imports.matrix.service import KIND, check_skills, clean_source, import_matrix
from dispatch.imports.matrix.table import read_matrix
from dispatch.imports.reader import Table
from dispatch.skills.taxonomy import Taxonomy, load_taxonomy

KEPT_FOR = timedelta(hours=24)
MOST_WAITING = 10
LARGEST_MATRIX = 4 * 1024 * 1024
LARGEST_UNPACKED = 64 * 1024 * 1024
LONGEST_FILE_NAME = 120
LISTED = 50
MOST_CELLS = 1_000_000
ASKED = "asked"
PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """An upload that was read: the table, and how it is understood so far."""

    upload: ImportUpload
    table: Table
    match: Match
    source: str


def keep_upload(session: Session, *, file_name: str, data: bytes, actor: Actor, now: datetime) -> ImportUpload:
    """Keep a file that can be read, with what it most likely says; what is over is cleared away."""
    actor.require(Right.IMPORT)
    if actor.user_id is None:
        raise Invalid("Somebody who is signed in sends a file here.", field="file")
    forget_uploads(session, now=now)
    waiting = select(func.count()).where(ImportUpload.made_by_id == actor.user_id, ImportUpload.batch_id.is_(None))
    if (session.scalar(waiting) or 0) >= MOST_WAITING:
        raise Invalid(f"{MOST_WAITING} files wait already; import or discard one of them first.", field="file")
    if len(data) > LARGEST_MATRIX:
        raise Invalid(f"The file is larger than {LARGEST_MATRIX // 1024 // 1024} MB; split it.", field="file")
    _refuse_bomb(data)
    table = read_matrix(data, file_name)
    if not table.rows:
        raise Invalid("The file has a head and no rows.", field="file")
    if len(table.rows) * len(table.columns) > MOST_CELLS:
        raise Invalid(f"The file has more than {MOST_CELLS:,} cells; split it.", field="file")
    match = propose(session, table, load_taxonomy(session))
    upload = ImportUpload(
        kind=KIND,
        file_name=_plain_name(file_name),
        data=data,
        choices={"match": match.as_dict(), "source": KIND},
        made_by_id=actor.user_id,
        made_at=now,
        expires_at=now + KEPT_FOR,
    )
    session.add(upload)
    session.flush()
    return upload


def read_upload(session: Session, upload_id: int, *, actor: Actor, now: datetime) -> Waiting:
    """Return one's own upload that waits, read anew."""
    upload = get_upload(session, upload_id, actor=actor, now=now)
    _refuse_running(upload)
    if upload.batch_id is not None:
        raise NotFound("This file has been imported already.")
    table = read_matrix(upload.data, upload.file_name)
    return Waiting(
        upload=upload,
        table=table,
        match=Match.from_dict(upload.choices["match"]),
        source=upload.choices["source"],
    )


def get_upload(session: Session, upload_id: int, *, actor: Actor, now: datetime, lock: bool = False) -> ImportUpload:
    """Return one's own upload; others' files are nobody else's business."""
    actor.require(Right.IMPORT)
    query = select(ImportUpload).where(
        ImportUpload.id == upload_id, ImportUpload.made_by_id == actor.user_id, ImportUpload.expires_at > now
    )
    found = session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)
    if found is None:
        raise NotFound("There is no such file; files that were not imported are kept for a day.")
    return found


def choose(
    session: Session, waiting: Waiting, match: Match, *, source: str, taxonomy: Taxonomy, whole: bool = True
) -> Match:
    """Keep how a file is to be understood; what is certain of the rest is decided.

    ``whole`` says that nothing is left to ask, so that a choice that is missing is refused.
    """
    match = complete(session, waiting.table, match, taxonomy)
    check_skills(match, taxonomy)
    if whole:
        match.check(waiting.table)
    waiting.upload.choices = {"match": match.as_dict(), "source": clean_source(source)}
    session.flush()
    return match


def import_upload(
    session: Session, upload_id: int, *, expected: str, confirmed: bool, actor: Actor, now: datetime
) -> int:
    """Import an upload as it was looked at and return the number of the import; sent again it gives the same number."""
    upload = get_upload(session, upload_id, actor=actor, now=now, lock=True)
    if upload.batch_id is not None:
        return upload.batch_id
    with session.begin_nested():  # a refused import leaves nothing, though its answer is a page
        report = import_matrix(
            session,
            file_name=upload.file_name,
            data=upload.data,
            match=Match.from_dict(upload.choices["match"]),
            source=upload.choices["source"],
            expected=expected,
            dry_run=False,
            confirmed=confirmed,
            actor=actor,
            now=now,
        )
    upload = session.get_one(ImportUpload, upload_id)
    upload.batch_id, upload.data, upload.choices = report.batch_id, b"", {}
    session.flush()
    return report.batch_id


def forget_uploads(session: Session, *, now: datetime) -> None:
    """Forget the files whose day is over."""
    session.execute(delete(ImportUpload).where(ImportUpload.expires_at <= now))


def discard_upload(session: Session, upload_id: int, *, actor: Actor, now: datetime) -> None:
    """Forget a file that waits."""
    _refuse_running(get_upload(session, upload_id, actor=actor, now=now))
    upload = get_upload(session, upload_id, actor=actor, now=now, lock=True)
    _refuse_running(upload)
    session.delete(upload)
    session.flush()


def uploads_waiting(session: Session, *, actor: Actor, now: datetime) -> Sequence[ImportUpload]:
    """Return one's own files that are not imported yet, the newest first, without what is in them."""
    return session.scalars(
        select(ImportUpload)
        .options(defer(ImportUpload.data, raiseload=True))
        .where(ImportUpload.made_by_id == actor.user_id, ImportUpload.batch_id.is_(None), ImportUpload.expires_at > now)
        .order_by(ImportUpload.id.desc())
    ).all()


def past_imports(session: Session) -> Sequence[tuple[ImportBatch, str | None]]:
    """Return the last imports of skill matrices with whose they were, the newest first."""
    rows = session.execute(
        select(ImportBatch, User.name)
        .outerjoin(User, User.id == ImportBatch.actor_id)
        .options(defer(ImportBatch.faults, raiseload=True))
        .where(ImportBatch.kind == KIND, ImportBatch.state != ImportState.CHECKED)
        .order_by(ImportBatch.id.desc())
        .limit(LISTED)
    )
    return [(batch, name) for batch, name in rows]


def get_import(session: Session, batch_id: int, *, actor: Actor) -> ImportBatch:
    """Return an import of a skill matrix that was carried out."""
    actor.require(Right.IMPORT)
    batch = session.get(ImportBatch, batch_id)
    if batch is None or batch.kind != KIND or batch.state is ImportState.CHECKED:
        raise NotFound("There is no such import.")
    return batch


def is_running(upload: ImportUpload) -> bool:
    """Whether the import of a file was asked for and has not ended."""
    return upload.batch_id is None and ASKED in upload.choices


def _refuse_running(upload: ImportUpload) -> None:
    if is_running(upload):
        raise Conflict("This file is being imported just now; wait for its outcome.")


def with_meanings(match: Match, *, people: dict[str, int], scale: dict[str, int]) -> Match:
    """Return a match that also knows what a person said about rows and words."""
    return replace(match, people={**match.people, **people}, scale={**match.scale, **scale})


def _refuse_bomb(data: bytes) -> None:
    """Refuse a small spreadsheet that declares to unpack to far more than a matrix has."""
    if not data.startswith(b"PK\x03\x04"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise Invalid("The file is damaged: it begins like a spreadsheet and does not end like one.", "file") from error
    if size > LARGEST_UNPACKED:
        raise Invalid("The spreadsheet unpacks to more than we read; keep the one sheet that matters.", field="file")


def _plain_name(file_name: str) -> str:
    found = "".join(character for character in file_name if character.isprintable()).strip()
    return found[-LONGEST_FILE_NAME:] or "matrix"
