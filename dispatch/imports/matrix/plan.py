"""Pure: what each cell of a skill matrix becomes, or why it is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum

from dispatch.imports.cells import day as read_day
from dispatch.imports.matrix.levels import read_level
from dispatch.imports.matrix.match import LEFT_OUT, Layout, Match
from dispatch.imports.matrix.people import Found
from dispatch.imports.reader import Fault, Row, Table

OWN = "Nobody rates their own skill; let somebody else import this row."


class CellFate(StrEnum):
    """What becomes of a cell that says a level."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, kw_only=True)
class Said:
    """A level that this source gave a person in a skill before."""

    at: datetime
    level: float
    by_self: bool


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell that says a level: where it stands, about whom, which skill, what it becomes, what was known before."""

    line: int
    column: str
    value: str
    technician_id: int
    skill_id: int
    level: float
    at: datetime
    day: date | None
    fate: CellFate
    before: float | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an import would do.

    ``left_out`` are cells that say something which was chosen not to count; whole columns are not among them.
    """

    cells: tuple[Cell, ...]
    faults: tuple[Fault, ...]
    unclear: tuple[tuple[Row, Found], ...]
    left_out: int
    empty: int
    undecided: tuple[str, ...]

    def count(self, fate: CellFate) -> int:
        """Return how many cells have a fate."""
        return sum(cell.fate is fate for cell in self.cells)


Spoken = Mapping[tuple[int, int], Sequence[Said]]


@dataclass(kw_only=True)
class _Draft:
    cells: list[Cell]
    faults: list[Fault]
    unclear: list[tuple[Row, Found]]
    left_out: int = 0
    empty: int = 0


def plan_cells(
    table: Table,
    match: Match,
    *,
    find: Callable[[Row], Found],
    spoken: Spoken,
    own: int | None,
    now: datetime,
) -> Plan:
    """Return what each cell becomes. ``own`` is whoever imports, where they are a person of the inventory too."""
    draft = _Draft(cells=[], faults=list(table.faults), unclear=[])
    seen: dict[tuple[int, int, date | None], Cell] = {}
    undecided: dict[str, None] = {}
    for row in table.rows:
        words = list(_words(row, match, table))
        if not any(value for _, _, value in words):
            draft.empty += len(words)
            continue
        found = find(row)
        if found.person is None:
            if found.skipped:
                draft.left_out += sum(bool(value) and match.skills.get(word) != LEFT_OUT for word, _, value in words)
                continue
            draft.unclear.append((row, found))
            draft.faults.append(row.fault(found.column, found.remedy))
            continue
        if found.person == own:
            draft.faults.append(row.fault(next(iter(match.person.values())), OWN))
            continue
        on = _day_of(row, match, now, draft)
        if on is _FAULTY:
            continue
        for word, column, value in words:
            if not value:
                draft.empty += 1
                continue
            skill = match.skills.get(word)
            if skill is None:
                undecided.setdefault(word)
                continue
            if skill == LEFT_OUT:
                draft.left_out += match.layout is Layout.LONG
                continue
            _read(row, column, value, found.person, skill, on, match, spoken, seen, draft, now)
    for word in undecided:
        column = match.skill_column or word
        remedy = f"Which skill is {word}? Choose one, leave it out, or add it to the catalogue first."
        draft.faults.append(Fault(line=_line_of(table, match, word), column=column, value=None, remedy=remedy))
    return Plan(
        cells=tuple(draft.cells),
        faults=tuple(sorted(draft.faults, key=lambda fault: (fault.line, fault.column or ""))),
        unclear=tuple(draft.unclear),
        left_out=draft.left_out,
        empty=draft.empty,
        undecided=tuple(undecided),
    )


_FAULTY = object()


def _words(row: Row, match: Match, table: Table) -> Iterator[tuple[str, str, str]]:
    """Give what stands for a skill, the column of its level, and the cell."""
    if match.layout is Layout.LONG:
        yield row.cells[match.skill_column], match.level_column, row.cells[match.level_column]
        return
    for column in match.skill_columns(table):
        yield column, column, row.cells[column]


def _line_of(table: Table, match: Match, word: str) -> int:
    if match.layout is Layout.WIDE:
        return 1
    return next((row.line for row in table.rows if row.cells[match.skill_column] == word), 1)


def _day_of(row: Row, match: Match, now: datetime, draft: _Draft) -> date | object | None:
    """Return the day a row's levels are of; a faulty one is noted."""
    text = row.cells[match.day_column] if match.day_column else ""
    if not text:
        return match.day()
    try:
        found = read_day(text)
        if found > now.astimezone(UTC).date():
            raise ValueError("This day has not come yet; write the day somebody judged this.")
    except ValueError as error:
        draft.faults.append(row.fault(match.day_column, str(error)))
        return _FAULTY
    return found


def _read(
    row: Row,
    column: str,
    value: str,
    person: int,
    skill: int,
    on: date | object | None,
    match: Match,
    spoken: Spoken,
    seen: dict[tuple[int, int, date | None], Cell],
    draft: _Draft,
    now: datetime,
) -> None:
    """Read one cell into the draft."""
    day = on if isinstance(on, date) else None
    try:
        level = read_level(value, match.scale, shares=match.shares)
    except ValueError as error:
        draft.faults.append(row.fault(column, str(error)))
        return
    if level is None:
        draft.left_out += 1
        return
    twin = seen.get((person, skill, day))
    if twin is not None:
        if twin.level != level:
            remedy = f"Line {twin.line} says level {twin.level:g} for the same person and skill; keep one of them."
            draft.faults.append(row.fault(column, remedy))
        return
    at = now if day is None else min(now, datetime.combine(day, time(23, 59, 59), tzinfo=UTC))
    fate, before = _fate(level, at, day, spoken.get((person, skill), ()), by_self=match.by_self)
    cell = Cell(
        line=row.line,
        column=column,
        value=value,
        technician_id=person,
        skill_id=skill,
        level=level,
        at=at,
        day=day,
        fate=fate,
        before=before,
    )
    seen[(person, skill, day)] = cell
    draft.cells.append(cell)


def _fate(
    level: float, at: datetime, day: date | None, said: Sequence[Said], *, by_self: bool
) -> tuple[CellFate, float | None]:
    """Compare with what this source said before, the latest last.

    Without a day the latest word decides; with one, the same level on the same day was imported already.
    """
    if not said:
        return CellFate.NEW, None
    latest = said[-1]
    if day is None:
        same = latest.level == level and latest.by_self == by_self
    else:
        on_day = [one for one in said if one.at.astimezone(UTC).date() == at.astimezone(UTC).date()]
        same = bool(on_day) and on_day[-1].level == level and on_day[-1].by_self == by_self
    return (CellFate.SAME if same else CellFate.CHANGED), latest.level


def by_person(cells: Sequence[Cell]) -> Mapping[int, list[Cell]]:
    """Return the cells of each person."""
    found: dict[int, list[Cell]] = defaultdict(list)
    for cell in cells:
        found[cell.technician_id].append(cell)
    return found
