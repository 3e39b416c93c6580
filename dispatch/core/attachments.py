"""Files that belong to a row: kept in the data folder under a random id, with a row that says what they are.

A file is written before its row is committed, so a row never lacks its file; a file whose row never came is swept.
"""

import hashlib
import uuid
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.core.errors import Invalid, NotFound
from dispatch.core.models import Attachment

FOLDER = "attachments"
GRACE = timedelta(hours=1)


def keep_file(
    session: Session,
    data_dir: Path,
    *,
    entity: str,
    entity_id: int,
    name: str,
    media_type: str,
    data: bytes,
    user_id: int | None,
    now: datetime,
) -> Attachment:
    """Keep a file of a row; raises Invalid where the disk takes nothing."""
    number = uuid.uuid4()
    target = data_dir / FOLDER / number.hex
    half = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        half.touch(mode=0o600)
        half.write_bytes(data)
        half.replace(target)
    except OSError as error:
        with suppress(OSError):
            half.unlink(missing_ok=True)
        raise Invalid("The file could not be kept: the disk takes nothing just now. Try again later.") from error
    row = Attachment(
        id=number,
        entity=entity,
        entity_id=str(entity_id),
        name=name,
        media_type=media_type,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        uploaded_by_id=user_id,
        uploaded_at=now,
    )
    session.add(row)
    session.flush()
    return row


def read_file(session: Session, data_dir: Path, *, entity: str, entity_id: int) -> tuple[Attachment, bytes]:
    """Return the newest file of a row; whoever calls has seen to it that the reader may see the row."""
    row = session.scalar(
        select(Attachment)
        .where(Attachment.entity == entity, Attachment.entity_id == str(entity_id))
        .order_by(Attachment.uploaded_at.desc(), Attachment.id)
        .limit(1)
    )
    if row is None:
        raise NotFound("There is no such file.")
    try:
        data = (data_dir / FOLDER / row.id.hex).read_bytes()
    except FileNotFoundError:
        raise NotFound("The file is missing.") from None
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise NotFound("The file is damaged.")
    return row, data


def with_files(session: Session, entity: str, ids: Collection[int]) -> frozenset[int]:
    """Return which of some rows have a file; one statement."""
    if not ids:
        return frozenset()
    found = session.scalars(
        select(Attachment.entity_id)
        .where(Attachment.entity == entity, Attachment.entity_id.in_([str(one) for one in ids]))
        .distinct()
    )
    return frozenset(int(one) for one in found)


def sweep_files(session: Session, data_dir: Path, *, now: datetime) -> int:
    """Remove files that no row speaks of an hour after they were written; return how many."""
    folder = data_dir / FOLDER
    if not folder.is_dir():
        return 0
    old = [one for one in folder.iterdir() if one.stat().st_mtime < (now - GRACE).timestamp()]
    ids = {one: _number(one) for one in old}
    known = set(
        session.scalars(select(Attachment.id).where(Attachment.id.in_([each for each in ids.values() if each])))
    )
    strays = [one for one, number in ids.items() if number not in known]
    for one in strays:
        one.unlink(missing_ok=True)
    return len(strays)


def _number(path: Path) -> uuid.UUID | None:
    try:
        return uuid.UUID(hex=path.name)
    except ValueError:
        return None
