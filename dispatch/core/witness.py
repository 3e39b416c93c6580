"""A second copy of the log's hash, kept beside the database: who rewrites the log from its start is found out.

Each day one line is added to a file of the data folder: number, hash and time of the latest change. The chain alone
proves that the log agrees with itself; that it agrees with what it was, only something outside can tell.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.core.models import AuditEvent, AuditHead

FILE = "audit-heads.jsonl"
STALE_AFTER = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Copy:
    """What one line of the file says the log ended with."""

    seq: int
    hash: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Whether the log is what its copies say.

    ``broken`` is the first number at which it is not. ``unreadable`` counts lines of the file that make no sense.
    """

    copies: int = 0
    last: Copy | None = None
    broken: int | None = None
    unreadable: int = 0

    def is_late(self, now: datetime) -> bool:
        """Say whether the daily copy is missing."""
        return self.last is None or now - self.last.at > STALE_AFTER


def keep_copy(session: Session, folder: Path, *, now: datetime) -> Copy:
    """Add what the log ends with to the file, on disk when this returns; nothing is ever taken out of it."""
    head = session.execute(select(AuditHead.seq, AuditHead.hash)).one()
    made = Copy(seq=head.seq, hash=head.hash, at=now)
    folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"seq": made.seq, "hash": made.hash, "at": made.at.isoformat()}) + "\n"
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return made


def check_copies(session: Session, folder: Path) -> Comparison:
    """Compare every copy with the log as it is now."""
    copies, unreadable = _copies(folder / FILE)
    held: dict[int, str] = {}
    numbers = sorted({copy.seq for copy in copies})
    for start in range(0, len(numbers), 1000):
        wanted = numbers[start : start + 1000]
        rows = session.execute(select(AuditEvent.seq, AuditEvent.hash).where(AuditEvent.seq.in_(wanted)))
        held |= {row.seq: row.hash for row in rows}
    wrong = [copy.seq for copy in copies if copy.seq and held.get(copy.seq) != copy.hash]
    return Comparison(
        copies=len(copies), last=copies[-1] if copies else None, broken=min(wrong, default=None), unreadable=unreadable
    )


def _copies(path: Path) -> tuple[list[Copy], int]:
    """Read the file; the last line may be cut short by a machine that lost its power."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return [], 0
    copies, unreadable = [], 0
    for line in lines:
        try:
            values = json.loads(line)
            copies.append(
                Copy(seq=int(values["seq"]), hash=str(values["hash"]), at=datetime.fromisoformat(values["at"]))
            )
        except (ValueError, KeyError, TypeError):
            unreadable += 1
    return copies, unreadable
