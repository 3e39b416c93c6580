"""Reads a table from a CSV or XLSX file: finds encoding and separator, keeps line numbers, collects all faults.

Nothing is guessed about the content: cells are text, without the spaces around it. A row that cannot be read is left
out with its line; the others go on.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from dispatch.core.errors import Invalid

LARGEST_BYTES = 64 * 1024 * 1024
MOST_ROWS = 200_000
MOST_COLUMNS = 2_000
SEPARATORS = (",", ";", "\t", "|")
SHOWN_CHARACTERS = 80
MOST_CELLS_ACROSS = 16_384
MOST_CELLS = 20_000_000
_PIECE = 1024 * 1024
_LONGEST_TAG = 256
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why something of a file was refused: where, what stood there, and what would be right."""

    line: int
    column: str | None
    value: str | None
    remedy: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fault as plain data for storage."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a table: texts by column name."""

    line: int
    cells: Mapping[str, str]

    def fault(self, column: str | None, remedy: str) -> Fault:
        """Return a fault of this row."""
        value = self.cells.get(column) if column else None
        return Fault(line=self.line, column=column, value=shown(value), remedy=remedy)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file that was read."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]


def read_table(data: bytes, file_name: str) -> Table:
    """Read a whole file; raises Invalid where nothing of it can be used."""
    faults: list[Fault] = []
    return _collect(read_records(data, file_name, faults), faults)


def read_records(data: bytes, file_name: str, faults: list[Fault]) -> Iterator[tuple[int, Sequence[str]]]:
    """Give each record of a file with the line it begins on; what cannot be read becomes a fault."""
    if len(data) > LARGEST_BYTES:
        raise Invalid(f"The file is larger than {LARGEST_BYTES // 1024 // 1024} MB; split it.", field="file")
    if data.startswith(b"PK\x03\x04"):
        return _spreadsheet(data, file_name)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise Invalid("This is an old Excel file (.xls); save it as .xlsx or CSV.", field="file")
    return _lines(decode(data), faults)


def decode(data: bytes) -> str:
    """Return the text of a file: by its byte order mark, else UTF-8, else the likeliest encoding."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        best = from_bytes(data).best()
        return str(best) if best is not None else data.decode("cp1252", errors="replace")


def separator_of(text: str) -> str:
    """Return the separator that splits the first line most often, quoted text aside; the comma when none does."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = "".join(first.split('"')[::2])
    return max(SEPARATORS, key=lambda each: (bare.count(each), -SEPARATORS.index(each)))


def shown(value: str | None) -> str | None:
    """Return a value short enough for a list of faults."""
    if value is None or len(value) <= SHOWN_CHARACTERS:
        return value
    return value[: SHOWN_CHARACTERS - 1] + "…"


def _lines(text: str, faults: list[Fault]) -> Iterator[tuple[int, Sequence[str]]]:
    """Give each record with the line it begins on; a broken one becomes a fault."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            faults.append(Fault(line=line, column=None, value=None, remedy=_csv_remedy(str(error))))
            continue
        if any(cell.strip() for cell in record):
            yield line, record


def _csv_remedy(error: str) -> str:
    if "unexpected end" in error:
        return "A quotation mark is opened here and never closed; close it or double it."
    if "field larger" in error:
        return "A cell is longer than 131,072 characters; shorten it."
    return f"The line cannot be read ({error}); put texts with quotation marks in quotes and double those inside."


def _spreadsheet(data: bytes, file_name: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Give the rows of the first sheet as text; formulas count with their stored value, macros are not accepted."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = archive.infolist()
    except zipfile.BadZipFile as error:
        raise Invalid("The file is damaged: it begins like a spreadsheet and does not end like one.", "file") from error
    if any(entry.filename.lower().endswith("vbaproject.bin") for entry in inside):
        raise Invalid("This spreadsheet carries macros; save it as a plain .xlsx or CSV file.", field="file")
    if sum(entry.file_size for entry in inside) > 10 * LARGEST_BYTES:
        raise Invalid("The spreadsheet unpacks to more than we read; split it.", field="file")
    _refuse_sparse(data, file_name)
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
        rows = sheet.to_python(skip_empty_area=False)
    except (CalamineError, IndexError) as error:
        raise Invalid(f"{file_name} is no spreadsheet we can read: {error}", field="file") from error
    for number, cells in enumerate(rows, start=1):
        texts = [_cell_text(cell) for cell in cells]
        if any(texts):
            yield number, texts


def _refuse_sparse(data: bytes, file_name: str) -> None:
    """Refuse a sheet whose last cell lies so far out that the empty ones before it would not fit into memory.

    Every part is unpacked once in small pieces: one that holds more, or other bytes, than it declares is refused too.
    """
    last = re.compile(rb'<(?:\w+:)?c\s[^>]*?\br="([A-Z]{1,7})(\d{1,9})"')
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                width = height = 0
                with archive.open(entry) as part:
                    kept = b""
                    while piece := part.read(_PIECE):
                        if not entry.filename.startswith("xl/worksheets/"):
                            continue
                        for column, row in last.findall(kept + piece):
                            width, height = max(width, _column_number(column)), max(height, int(row))
                        kept = piece[-_LONGEST_TAG:]
                if width > MOST_CELLS_ACROSS or width * height > MOST_CELLS:
                    raise Invalid(
                        f"A sheet goes out to row {height:,} and column {width:,}; delete the cells far outside.",
                        "file",
                    )
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise Invalid(f"{file_name} is no spreadsheet we can read: {error}", field="file") from error


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _cell_text(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime) and cell.time() == time(0):
        return cell.date().isoformat()
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell).strip()


def _collect(lines: Iterable[tuple[int, Sequence[str]]], faults: Iterable[Fault]) -> Table:
    """Turn records into rows by the names of the first one; refuses a header that does not name columns clearly."""
    found = iter(lines)
    header_line, header = next(found, (0, ()))
    if not header:
        raise Invalid("The file is empty.", field="file")
    columns = [name.strip() for name in header]
    while columns and not columns[-1]:
        columns.pop()
    _check_header(columns, header_line)
    rows: list[Row] = []
    broken: list[Fault] = []
    for line, record in found:
        if len(rows) >= MOST_ROWS:
            raise Invalid(f"The file has more than {MOST_ROWS:,} rows; split it.", field="file")
        fault = _row_fault(line, record, columns)
        if fault is not None:
            broken.append(fault)
            continue
        padded = [cell.strip() for cell in record[: len(columns)]]
        rows.append(Row(line=line, cells=dict(zip(columns, padded, strict=True))))
    everything = sorted([*faults, *broken], key=lambda fault: fault.line)
    return Table(columns=tuple(columns), rows=tuple(rows), faults=tuple(everything))


def _check_header(columns: Sequence[str], line: int) -> None:
    if len(columns) > MOST_COLUMNS:
        raise Invalid(f"Line {line} names {len(columns)} columns; at most {MOST_COLUMNS} are read.", field="file")
    if not all(columns):
        raise Invalid(f"Line {line}: column {columns.index('') + 1} has no name; give every column one.", field="file")
    if any("\x00" in name for name in columns):
        raise Invalid("This is not a text file: the first line contains zero bytes.", field="file")
    folded = [name.casefold() for name in columns]
    twice = sorted({name for name in folded if folded.count(name) > 1}) if len(set(folded)) < len(folded) else []
    if twice:
        raise Invalid(f"Line {line}: the column {twice[0]} is there twice; rename or remove one.", field="file")


def _row_fault(line: int, record: Sequence[str], columns: Sequence[str]) -> Fault | None:
    extra = [cell for cell in record[len(columns) :] if cell.strip()]
    if len(record) < len(columns) or extra:
        remedy = f"This row has {len(record)} cells, the first line names {len(columns)} columns; check its separators."
        return Fault(line=line, column=None, value=None, remedy=remedy)
    for name, cell in zip(columns, record, strict=False):
        if "\x00" in cell:
            return Fault(line=line, column=name, value=None, remedy="The cell contains a zero byte; remove it.")
        if any("\ud800" <= character <= "\udfff" for character in cell):
            return Fault(line=line, column=name, value=None, remedy="The cell contains half a character; retype it.")
    return None
