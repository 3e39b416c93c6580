"""Files of rows: kept whole, read back as they were, and swept when their row never came."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from dispatch.core.attachments import FOLDER, GRACE, keep_file, read_file, sweep_files, with_files
from dispatch.core.errors import Invalid, NotFound
from dispatch.core.models import Attachment
from tests.factories import MORNING

NOW = MORNING


def keep(session: Session, folder: Path, number: int, data: bytes, **changes: object) -> Attachment:
    values = {"name": "a.jpg", "media_type": "image/jpeg", "user_id": None, "now": NOW} | changes
    return keep_file(session, folder, entity="certification", entity_id=number, data=data, **values)  # type: ignore[arg-type]


def test_the_newest_file_of_a_row_is_read_as_it_was(session: Session, tmp_path: Path) -> None:
    keep(session, tmp_path, 7, b"old")
    keep(session, tmp_path, 7, b"new", now=NOW + timedelta(seconds=1))
    keep(session, tmp_path, 8, b"other")
    row, data = read_file(session, tmp_path, entity="certification", entity_id=7)
    assert (data, row.size_bytes) == (b"new", 3)
    assert with_files(session, "certification", [7, 8, 9]) == {7, 8}
    assert with_files(session, "certification", []) == frozenset()
    assert all(one.stat().st_mode & 0o077 == 0 for one in (tmp_path / FOLDER).iterdir())


def test_what_is_missing_or_damaged_is_not_found(session: Session, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_file(session, tmp_path, entity="certification", entity_id=7)
    row = keep(session, tmp_path, 7, b"whole")
    (tmp_path / FOLDER / row.id.hex).write_bytes(b"hal")
    with pytest.raises(NotFound, match="damaged"):
        read_file(session, tmp_path, entity="certification", entity_id=7)
    (tmp_path / FOLDER / row.id.hex).unlink()
    with pytest.raises(NotFound, match="missing"):
        read_file(session, tmp_path, entity="certification", entity_id=7)


def test_a_disk_that_takes_nothing_leaves_neither_row_nor_half_a_file(session: Session, tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("not a folder")
    with pytest.raises(Invalid, match="disk takes nothing"):
        keep(session, tmp_path, 7, b"whole")
    assert with_files(session, "certification", [7]) == frozenset()


def test_files_without_a_row_are_swept_after_an_hour(session: Session, tmp_path: Path) -> None:
    assert sweep_files(session, tmp_path, now=NOW) == 0
    row = keep(session, tmp_path, 7, b"whole")
    folder = tmp_path / FOLDER
    for name in ("00000000000040008000000000000000", "half.part"):
        (folder / name).write_bytes(b"stray")
    age = (NOW - GRACE - timedelta(minutes=1)).timestamp()
    for one in folder.iterdir():
        os.utime(one, (age, age))
    (folder / "fresh.part").write_bytes(b"being written")
    os.utime(folder / "fresh.part", (NOW.timestamp(), NOW.timestamp()))
    assert sweep_files(session, tmp_path, now=NOW) == 2
    assert {one.name for one in folder.iterdir()} == {row.id.hex, "fresh.part"}
