"""Small files and the calls that import them."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.imports.engine import Report
from dispatch.imports.kinds import import_file, import_request_file
from dispatch.imports.requests import Replay

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
CONTENT = (
    *("territory", "technician", "user_account", "role_grant", "job", "visit", "crew_slot", "skill_need"),
    *("certification_need", "customer", "site", "job_type", "job_type_need", "skill", "skill_alias"),
    *("certification_kind", "shift", "absence", "evidence", "outside_id", "proficiency"),
)

needs_city_data = pytest.mark.skipif(not DATA.exists(), reason="the city files are not beside this checkout")


def csv_bytes(rows: Sequence[Mapping[str, Any]], separator: str = ",", encoding: str = "utf-8") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def give(session: Session, kind: str, rows: Sequence[Mapping[str, Any]] | bytes, **options: Any) -> Report:
    data = rows if isinstance(rows, bytes) else csv_bytes(rows)
    options = {"dry_run": False} | options
    return import_file(session, kind=kind, file_name=f"{kind}.csv", data=data, actor=SYSTEM, now=NOW, **options)


def give_requests(
    session: Session, data: bytes, mapping: bytes, replay: Replay | None = None, *, dry_run: bool = False
) -> Report:
    return import_request_file(
        session,
        file_name="requests.csv",
        data=data,
        mapping=mapping,
        replay=replay or Replay(),
        dry_run=dry_run,
        actor=SYSTEM,
        now=NOW,
    )


def counts(session: Session) -> dict[str, int]:
    """Return how many rows each table has that an import may touch."""
    session.flush()
    return {table: session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in CONTENT}


def outcome(report: Report) -> tuple[Any, ...]:
    """Return what a dry run and the real run must agree on."""
    return (report.read, report.new, report.changed, report.same, report.faults, report.notes)
