"""Pure: the table of a skill matrix, whose head may stand below a title or be two rows with merged groups."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from dispatch.core.errors import Invalid
from dispatch.imports.reader import MOST_COLUMNS, MOST_ROWS, Fault, Row, Table, read_records

LOOKED_AT = 20
PERSON_WORDS: Mapping[str, tuple[str, ...]] = {
    "number": (
        *(
            "number",
            "personnel number",
            "personnel no",
            "employee number",
            "employee no",
            "employee id",
            "staff number",
        ),
        *("person number", "no", "nr", "id", "technician id", "technician number", "personalnummer", "badge"),
    ),
    "mail": ("email", "e mail", "mail", "email address", "e mail address"),
    "name": ("name", "person", "full name", "employee", "employee name", "technician", "technician name", "first name"),
    "surname": ("last name", "surname", "family name"),
}
LONG_WORDS: Mapping[str, tuple[str, ...]] = {
    "skill": ("skill", "skill name", "skill code", "competence", "competency", "qualification", "ability"),
    "level": ("level", "rating", "proficiency", "score", "value", "grade", "skill level", "current level"),
    "day": ("date", "as of", "rated on", "assessed on", "assessed", "day", "valid from"),
}
OTHER_WORDS = (
    *("company", "partner", "employer", "territory", "territories", "team", "department", "site", "location", "region"),
    *("manager", "supervisor", "reports to", "role", "position", "job title", "phone", "mobile", "comment", "comments"),
    *("remarks", "notes", "note", "hired", "start date", "total", "sum", "average", "shift"),
)
Record = tuple[int, Sequence[str]]


def folded(text: str) -> str:
    """Return a text as it is compared: lower case, signs and repeated blanks as one blank."""
    return " ".join(re.sub(r"[\W_]+", " ", text.casefold()).split())


def role_of(column: str, words: Mapping[str, Sequence[str]]) -> str | None:
    """Return what a column holds by its name."""
    text = folded(column)
    return next((role for role, known in words.items() if text in known), None)


def read_matrix(data: bytes, file_name: str) -> Table:
    """Read a file whose head is found rather than asked for; raises Invalid where nothing of it can be used."""
    faults: list[Fault] = []
    records: list[Record] = []
    for line, cells in read_records(data, file_name, faults):
        texts = [cell.strip() for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        if texts:
            records.append((line, texts))
        if len(records) > MOST_ROWS:
            raise Invalid(f"The file has more than {MOST_ROWS:,} rows; split it.", field="file")
    if not records:
        raise Invalid("The file is empty.", field="file")
    first, size = _head_at(records)
    width = max(len(cells) for _, cells in records[first : first + size])
    if width > MOST_COLUMNS:
        raise Invalid(f"The file has {width} columns; at most {MOST_COLUMNS} are read.", field="file")
    columns = _columns(records, first, size, width)
    rows = []
    for line, cells in records[first + size :]:
        fault = _row_fault(line, cells, width)
        if fault is not None:
            faults.append(fault)
            continue
        padded = [*cells, *[""] * (width - len(cells))]
        rows.append(Row(line=line, cells={name: padded[place] for place, name in columns.items()}))
    used = {name for row in rows for name, cell in row.cells.items() if cell}
    named = {place: name for place, name in columns.items() if name in used or not name.startswith("Column ")}
    kept = tuple(named.values())
    return Table(
        columns=kept,
        rows=tuple(Row(line=row.line, cells={name: row.cells[name] for name in kept}) for row in rows),
        faults=tuple(sorted(faults, key=lambda fault: fault.line)),
    )


def _head_at(records: Sequence[Record]) -> tuple[int, int]:
    """Return where the head begins and how many rows it has: the first that names people's columns, else the first."""
    for place, (_, cells) in enumerate(records[:LOOKED_AT]):
        people = [index for index, cell in enumerate(cells) if role_of(cell, PERSON_WORDS)]
        if people and not any("\x00" in cell for cell in cells):
            return place, 2 if _is_second_row(records, place, people) else 1
    return 0, 1


def _is_second_row(records: Sequence[Record], place: int, people: Sequence[int]) -> bool:
    """Say whether the row below belongs to the head: nothing under the people's columns, names under groups."""
    if place + 2 >= len(records):
        return False
    head, below = records[place][1], records[place + 1][1]
    gaps = not all(head) or len(below) > len(head)
    names = [cell for cell in below if cell]
    numbers = [cell for cell in names if re.fullmatch(r"[\d.,%\s]+|[xX✓✔]", cell)]
    beneath = [below[index] for index in people if index < len(below)]
    return gaps and bool(names) and not numbers and not any(beneath)


def _columns(records: Sequence[Record], first: int, size: int, width: int) -> dict[int, str]:
    """Return the name of each column by its place; names that stand twice are told apart by their group or place."""
    lowest = _wide(records[first + size - 1][1], width)
    upper = _wide(records[first][1], width) if size == 2 else [""] * width
    groups = _carried(upper if size == 2 else _wide(records[first - 1][1], width) if first else upper)
    names = [low or up for low, up in zip(lowest, upper, strict=True)]
    twice = {name for name, count in Counter(folded(name) for name in names if name).items() if count > 1}
    found: dict[int, str] = {}
    seen: set[str] = set()
    for place, name in enumerate(names):
        shown = name or f"Column {_letters(place)}"
        if folded(name) in twice and groups[place] and lowest[place]:
            shown = f"{groups[place]} / {name}"
        if "\x00" in shown:
            raise Invalid("This is not a text file: its head contains zero bytes.", field="file")
        if shown.casefold() in seen:
            shown = f"{shown} (column {_letters(place)})"
        seen.add(shown.casefold())
        found[place] = shown
    return found


def _wide(cells: Sequence[str], width: int) -> list[str]:
    return [*cells[:width], *[""] * (width - len(cells))]


def _carried(cells: Sequence[str]) -> list[str]:
    """Fill the blanks that merging leaves with what stands before them."""
    found: list[str] = []
    for cell in cells:
        found.append(cell or (found[-1] if found else ""))
    return found


def _letters(place: int) -> str:
    text, number = "", place + 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text


def _row_fault(line: int, cells: Sequence[str], width: int) -> Fault | None:
    if len(cells) > width:
        remedy = f"This row has {len(cells)} cells, the head names {width} columns; check its separators."
        return Fault(line=line, column=None, value=None, remedy=remedy)
    if any("\x00" in cell for cell in cells):
        return Fault(line=line, column=None, value=None, remedy="The row contains a zero byte; remove it.")
    if any("\ud800" <= character <= "\udfff" for cell in cells for character in cell):
        return Fault(line=line, column=None, value=None, remedy="The row contains half a character; retype it.")
    return None
