"""A large skill matrix is imported by the worker: asked for once, seen while it runs, whole or not at all.

What was asked for is kept with the file until its outcome is there. The import, its facts and the end of the file are
one transaction, so that a worker that dies leaves the file as it was, and the next one begins anew.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.accounts.queries import actor_for, get_user
from dispatch.core.errors import Forbidden, ServiceError
from dispatch.core.models import ImportUpload
from dispatch.core.queue import defer
from dispatch.imports.matrix.uploads import ASKED, PROBLEM, get_upload, import_upload, is_running, read_upload

TASK = "imports.import_skills"
LEVELS_AT_ONCE = 5_000
"""A file with more levels than this is imported in the background; up to it the answer comes with the request."""

LOST = "The import was given up: the worker was lost several times over. Nothing was imported; start it again."
BROKE = "Something went wrong on our side and nothing was imported. Start it again; if it fails again, tell us."


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How far an import is: under way, done as ``batch_id``, or ended by a ``problem`` that changed nothing."""

    file_name: str
    running: bool
    batch_id: int | None
    problem: str | None


def start_import(
    session: Session, upload_id: int, *, expected: str, confirmed: bool, actor: Actor, now: datetime
) -> int | None:
    """Import an upload as it was looked at; None where the worker does it. Asked again it is the same import."""
    upload = get_upload(session, upload_id, actor=actor, now=now)
    if is_running(upload):
        return None
    if upload.batch_id is not None:
        return upload.batch_id
    waiting = read_upload(session, upload_id, actor=actor, now=now)
    levels = sum(bool(cell) for cell in waiting.match.level_cells(waiting.table))
    if levels <= LEVELS_AT_ONCE:
        return import_upload(session, upload_id, expected=expected, confirmed=confirmed, actor=actor, now=now)
    upload = get_upload(session, upload_id, actor=actor, now=now, lock=True)
    if upload.batch_id is not None or is_running(upload):
        return upload.batch_id
    kept = {name: value for name, value in upload.choices.items() if name != PROBLEM}
    upload.choices = {**kept, ASKED: {"print": expected, "confirmed": confirmed}}
    defer(session, TASK, once=f"{TASK} {upload_id}", upload_id=upload_id)
    return None


def run_import_asked(session: Session, upload_id: int, *, now: datetime) -> None:
    """Do an import that was asked for, as the person who asked; a refusal is kept with the file. Safe to run twice."""
    upload = session.scalar(select(ImportUpload).where(ImportUpload.id == upload_id).with_for_update())
    if upload is None or not is_running(upload):
        return
    asked = upload.choices[ASKED]
    try:
        with session.begin_nested():
            user = get_user(session, upload.made_by_id)
            if not user.active:
                raise Forbidden("Whoever sent this file cannot sign in any more.")
            import_upload(
                session,
                upload_id,
                expected=asked["print"],
                confirmed=asked["confirmed"],
                actor=actor_for(user, today=now.date(), channel="web"),
                now=now,
            )
    except ServiceError as refused:
        session.expire_all()
        end_with(session, upload_id, problem=str(refused))


def end_with(session: Session, upload_id: int, *, problem: str) -> None:
    """Note why an import that was asked for did not come about; the file waits again."""
    upload = session.scalar(select(ImportUpload).where(ImportUpload.id == upload_id).with_for_update())
    if upload is not None and is_running(upload):
        kept = {name: value for name, value in upload.choices.items() if name != ASKED}
        upload.choices = {**kept, PROBLEM: problem}
        session.flush()


def outcome_of(session: Session, upload_id: int, *, actor: Actor, now: datetime) -> Outcome:
    """Return how far the import of one's own file is."""
    upload = get_upload(session, upload_id, actor=actor, now=now)
    return Outcome(
        file_name=upload.file_name,
        running=is_running(upload),
        batch_id=upload.batch_id,
        problem=upload.choices.get(PROBLEM),
    )


def end_lost_imports(session: Session) -> int:
    """End imports that no task will take up any more; return how many."""
    lost = session.scalars(
        text(
            "SELECT id FROM import_upload WHERE batch_id IS NULL AND choices ? :asked AND NOT EXISTS ("
            " SELECT FROM procrastinate_jobs WHERE task_name = :task AND status IN ('todo', 'doing')"
            " AND args ->> 'upload_id' = CAST(import_upload.id AS text))"
            " FOR UPDATE SKIP LOCKED"
        ),
        {"asked": ASKED, "task": TASK},
    ).all()
    for upload_id in lost:
        end_with(session, upload_id, problem=LOST)
    return len(lost)
