"""Collects rows of many tables and loads them with COPY; numbers are handed out here, so rows can name each other."""

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import JSONB, Range
from sqlalchemy.orm import Session

from dispatch.models import Base

BLOCK_ROWS = 2000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Book:
    """Rows waiting to be loaded, by table; each keeps the columns of its table's first row."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._columns: dict[str, tuple[str, ...]] = {}
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._next: dict[str, int] = {}
        self._numbered: dict[str, bool] = {}

    def add(self, table: str, **values: Any) -> int:
        """Note a row and return its number (0 in tables without one); numbers go on after those in the database."""
        if table not in self._columns:
            self._open(table, tuple(values))
        columns = self._columns[table]
        if len(values) + self._numbered[table] != len(columns):
            raise ValueError(f"a row of {table} needs exactly {', '.join(columns)}")
        number = 0
        if self._numbered[table]:
            number = self._next[table]
            self._next[table] = number + 1
            values["id"] = number
        self._rows[table].append(tuple([values[column] for column in columns]))
        return number

    def count(self, table: str) -> int:
        """Return how many rows of a table are waiting."""
        return len(self._rows.get(table, ()))

    def load(self) -> dict[str, int]:
        """Load everything, parents before children, and let the database number on from there."""
        connection = self._session.connection().connection.driver_connection
        if not isinstance(connection, psycopg.Connection):
            raise TypeError("rows are loaded through psycopg")
        counts = {}
        with connection.cursor() as cursor:
            for table in (each.name for each in Base.metadata.sorted_tables):
                rows = self._rows.pop(table, None)
                if not rows:
                    continue
                copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
                    sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, self._columns[table]))
                )
                with cursor.copy(copy) as stream:
                    for block in _blocks(rows, self._is_json(table)):
                        stream.write(block)
                counts[table] = len(rows)
                if self._numbered[table]:
                    cursor.execute(
                        "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", (table, self._next[table] - 1)
                    )
        self._columns.clear()
        return counts

    def _open(self, table: str, columns: tuple[str, ...]) -> None:
        described = Base.metadata.tables[table]
        numbered = "id" in described.c and "id" not in columns
        self._numbered[table] = numbered
        self._columns[table] = (*columns, "id") if numbered else columns
        self._rows[table] = []
        if numbered:
            last = self._session.scalar(select(func.max(described.c.id))) or 0
            self._next[table] = last + 1

    def _is_json(self, table: str) -> tuple[bool, ...]:
        described = Base.metadata.tables[table]
        return tuple(isinstance(described.c[column].type, JSONB) for column in self._columns[table])


def _blocks(rows: list[tuple[Any, ...]], as_json: tuple[bool, ...]) -> Iterator[str]:
    for start in range(0, len(rows), BLOCK_ROWS):
        yield "".join(_line(row, as_json) for row in rows[start : start + BLOCK_ROWS])


def _line(row: Iterable[Any], as_json: tuple[bool, ...]) -> str:
    return "\t".join([_field(value, json_too) for value, json_too in zip(row, as_json, strict=True)]) + "\n"


def _field(value: Any, as_json: bool) -> str:
    """Write a value the way COPY's text format reads it."""
    if value is None:
        return "\\N"
    if as_json:
        return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Range):
        return f"[{_bound(value.lower)},{_bound(value.upper)})"
    return str(value)


def _bound(value: Any) -> str:
    return "" if value is None else value.isoformat()
