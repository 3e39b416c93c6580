"""The kept counts: a head for each, and its table in lines, of which a page reads those it shows."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, select, text
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import Session, aliased, defer

from dispatch.coverage.models import CoverageLine, CoverageRun
from dispatch.coverage.outlook import Row
from dispatch.coverage.result import LARGE, VERSION, Counted, Line, from_json, line_in, line_out, with_lines

READING = (CoverageRun.based_on_seq.desc(), CoverageRun.computed_at.desc(), CoverageRun.id.desc())
"""Newest facts first: how far the log was when they were read, then when that was."""
LISTS = ("cells", "remedies", "outlines")


def latest_run(session: Session) -> CoverageRun | None:
    """Return the count with the newest reading that this program can read, without its numbers.

    To see a version a head is unpacked, so runs are lined up first and looked at from the newest on: offset 0 keeps the
    database from looking at every run that is kept.
    """
    newest = select(CoverageRun).order_by(*READING).offset(0).subquery("newest")
    run = aliased(CoverageRun, newest)
    return session.scalars(
        select(run).options(defer(run.result)).where(run.result["version"].as_integer() == VERSION).limit(1)
    ).first()


def read_head(session: Session, run_id: int, *, large: bool = True) -> Counted:
    """Read what a count says of all territories together; without what is ``large`` it takes a fraction of the time."""
    without: Sequence[str] = () if large else LARGE
    stored: dict[str, Any] = session.execute(
        select(CoverageRun.result.op("-")(cast(array(without), ARRAY(Text)))).where(CoverageRun.id == run_id)
    ).scalar_one()
    return from_json(stored)


def read_lines(
    session: Session, run_id: int, *where: ColumnElement[bool], lists: Collection[str] = LISTS
) -> tuple[Line, ...]:
    """Read lines of a count in order of territory and row: those asked for, and of them only these lists."""
    found = session.execute(
        select(
            CoverageLine.territory_id,
            CoverageLine.kind,
            CoverageLine.number,
            *(getattr(CoverageLine, name) for name in lists),
        ).where(CoverageLine.run_id == run_id, *where)
    )
    lines = [
        line_in(Row(kind=kind, id=number), territory, dict(zip(lists, stored, strict=True)))
        for territory, kind, number, *stored in found
    ]
    return tuple(sorted(lines, key=lambda line: (line.territory, line.row)))


def line_of(row: Row, territory: int) -> tuple[ColumnElement[bool], ...]:
    """Say which line is meant."""
    return (
        CoverageLine.territory_id == territory,
        CoverageLine.kind == row.kind,
        CoverageLine.number == row.id,
    )


def read_counted(session: Session, run_id: int) -> Counted:
    """Read everything that was counted."""
    return with_lines(read_head(session, run_id), read_lines(session, run_id))


_WRITE = text(
    """
    INSERT INTO coverage_line
        (run_id, territory_id, kind, number, needed_s, missing_s, expected_s, cells, remedies, outlines)
    SELECT :run_id, territory_id, kind, number, needed_s, missing_s, expected_s,
        CAST(cells AS jsonb), CAST(remedies AS jsonb), CAST(outlines AS jsonb)
    FROM unnest(
        CAST(:territory_id AS int[]), CAST(:kind AS text[]), CAST(:number AS int[]),
        CAST(:needed_s AS int8[]), CAST(:missing_s AS int8[]), CAST(:expected_s AS int8[]),
        CAST(:cells AS text[]), CAST(:remedies AS text[]), CAST(:outlines AS text[])
    ) AS line (territory_id, kind, number, needed_s, missing_s, expected_s, cells, remedies, outlines)
    """
)


def write_lines(session: Session, run_id: int, lines: Collection[Line]) -> None:
    """Keep the lines of a count: one array per column, which a server takes faster than thousands of rows."""
    if lines:
        rows = [_row(line) for line in lines]
        session.execute(_WRITE, {name: [row[name] for row in rows] for name in rows[0]} | {"run_id": run_id})


def _row(line: Line) -> dict[str, Any]:
    return {
        "territory_id": line.territory,
        "kind": line.row.kind.value,
        "number": line.row.id,
        "needed_s": sum(cell.needed_s for cell in line.cells),
        "missing_s": sum(cell.missing_s for cell in line.cells),
        "expected_s": sum(sum(drawn.forecast.mean_s) for drawn in line.outlines) if line.outlines else None,
        **{name: json.dumps(stored) for name, stored in line_out(line).items()},
    }
