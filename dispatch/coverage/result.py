"""Pure: a counted outlook as it is stored, and read back for pages; row numbers only, names belong to the reader.

The table is stored in lines, one for each row and territory; what speaks of all of them together is the head.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from dispatch.coverage.expectation import Forecast, Outline, TrackRecord
from dispatch.coverage.flow import Cell
from dispatch.coverage.outlook import ANYBODY, DemandClass, Row, RowKind
from dispatch.coverage.promised import Promised
from dispatch.coverage.remedies import Remedy, RemedyKind
from dispatch.coverage.risk import AbsenceRisk, Loss, PairRisk, SoleHolder, StressedWeek, StressTest

VERSION = 7
NEAR_WEEKS = 4
"""Weeks that "where are we short" and "if somebody were away" speak of; the weeks after them are in the heat map."""
LARGE = ("worst", "risks", "pairs", "soles", "promised", "known")
"""What speaks of people: large in a large organisation, and only some pages show it."""
FELT = 5
"""Places a person's absence is felt most; further ones are in the sum only."""


@dataclass(frozen=True, kw_only=True)
class Felt:
    """Work that would go unmet without a person."""

    row: Row
    territory: int
    week: date
    lost_s: int


@dataclass(frozen=True, kw_only=True)
class Risk:
    """What the weeks would lose without a person, and where."""

    person: int
    lost_s: int
    by_territory: Mapping[int, int]
    felt: tuple[Felt, ...]

    def lost_in(self, places: Collection[int]) -> int:
        """How much of it is lost in these territories."""
        return sum(seconds for place, seconds in self.by_territory.items() if place in places)


@dataclass(frozen=True, kw_only=True)
class Stress:
    """The stress test with where it is felt most."""

    away_percent: float
    draws: int
    weeks: tuple[StressedWeek, ...]
    felt: tuple[Felt, ...]


@dataclass(frozen=True, kw_only=True)
class Sole:
    """A skill at a level, or a certification, that one person alone can give; with the work that asks for it."""

    row: Row
    level: int
    person: int
    needed_s: int
    territories: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Known:
    """A site or a piece of equipment where one person made all visits of a year; ``open_visits`` wait there."""

    kind: str
    id: int
    person: int
    territory: int
    visits: int
    open_visits: int


@dataclass(frozen=True, kw_only=True)
class Overbooked:
    """A week in which a territory is asked for many times the hours of everybody who works there."""

    territory: int
    week: date
    needed_s: int
    hours_s: int


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Everything a page shows of one solved outlook.

    Cells, remedies and outlines are in order of territory; what a page does not ask for is empty.

    Attributes
    ----------
    worst
        Cells of the next four weeks of the five worst places of each territory; the five worst of any territories
        together are among them.
    unmet_of
        Unmet seconds by territory and week.
    missing_s
        Unmet seconds of the next four weeks, by territory.
    digests
        What each week was counted from, so that a week whose facts did not change need not be counted again.
    tried_from_s
        Weeks with more short cells than are tried for remedies, and from how many missing seconds on they were.
    merged_s
        Work of rare demand classes that was counted in a wider one.
    """

    weeks: tuple[date, ...]
    digests: Mapping[date, str]
    worst: tuple[Cell, ...]
    unmet_of: Mapping[tuple[int, date], int]
    missing_s: Mapping[int, int]
    merged_s: int
    tried_from_s: Mapping[date, int]
    cells: tuple[Cell, ...]
    risks: tuple[Risk, ...]
    pairs: tuple[PairRisk, ...]
    stress: Stress
    remedies: tuple[Remedy, ...]
    soles: tuple[Sole, ...]
    promised: tuple[Promised, ...]
    known: tuple[Known, ...]
    booked_s: int
    expected_s: int
    recurring_s: int
    unmet_s: int
    later_s: int
    history_weeks: int
    by_territory: TrackRecord | None
    by_kind: TrackRecord | None
    by_row: TrackRecord | None
    outlines: tuple[Outline, ...]
    without_hours: tuple[int, ...]
    overbooked: tuple[Overbooked, ...]

    @property
    def near(self) -> tuple[date, ...]:
        """The next four weeks."""
        return self.weeks[:NEAR_WEEKS]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of the table in one territory, with what a page asked for of it.

    Attributes
    ----------
    outlines
        One, or none where there is no history.
    """

    territory: int
    row: Row
    cells: tuple[Cell, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    outlines: tuple[Outline, ...] = ()


def lines_of(counted: Counted) -> tuple[Line, ...]:
    """Sort the table by territory and row, so that a page reads what it shows."""
    found: dict[tuple[int, Row], tuple[list[Cell], list[Remedy], list[Outline]]] = {}

    def line_of(one: Cell | Remedy | Outline) -> tuple[list[Cell], list[Remedy], list[Outline]]:
        return found.setdefault((one.territory, one.row), ([], [], []))

    for cell in counted.cells:
        line_of(cell)[0].append(cell)
    for remedy in counted.remedies:
        line_of(remedy)[1].append(remedy)
    for outline in counted.outlines:
        line_of(outline)[2].append(outline)
    return tuple(
        Line(territory=place, row=row, cells=tuple(cells), remedies=tuple(helping), outlines=tuple(drawn))
        for (place, row), (cells, helping, drawn) in sorted(found.items(), key=lambda item: item[0])
    )


def with_lines(head: Counted, lines: Sequence[Line]) -> Counted:
    """Put the table back, as it was counted."""
    cells = (cell for line in lines for cell in line.cells)
    helping = (remedy for line in lines for remedy in line.remedies)
    return replace(
        head,
        cells=tuple(sorted(cells, key=lambda cell: (cell.territory, cell.week, cell.row))),
        remedies=tuple(sorted(helping, key=lambda r: (r.territory, r.week, r.row, r.kind, -r.gained_s))),
        outlines=tuple(outline for line in lines for outline in line.outlines),
    )


def summed_risk(risk: AbsenceRisk) -> Risk:
    """Keep of a person's risk what pages show: the sum, its share by territory, and where it is felt most."""
    by_territory: dict[int, int] = {}
    for loss in risk.losses:
        place = loss.demand.territory
        by_territory[place] = by_territory.get(place, 0) + loss.lost_s
    return Risk(person=risk.person, lost_s=risk.lost_s, by_territory=by_territory, felt=_felt(risk.losses))


def summed_stress(stress: StressTest) -> Stress:
    """Keep of the stress test the weeks and where it is felt most."""
    return Stress(away_percent=stress.away_percent, draws=stress.draws, weeks=stress.weeks, felt=_felt(stress.felt))


def _felt(losses: Sequence[Loss]) -> tuple[Felt, ...]:
    return tuple(
        Felt(
            row=loss.demand.needs[0].row if loss.demand.needs else ANYBODY,
            territory=loss.demand.territory,
            week=loss.demand.week,
            lost_s=loss.lost_s,
        )
        for loss in losses[:FELT]
        if loss.lost_s > 0
    )


def summed_sole(sole: SoleHolder, demand: Iterable[DemandClass]) -> Sole:
    """Say where the work lies that asks for what one person alone can give."""
    where = {work.territory for work in demand if sole.need in work.needs and work.seconds}
    return Sole(
        row=sole.need.row,
        level=sole.need.any_of[0].level,
        person=sole.person,
        needed_s=sole.needed_s,
        territories=tuple(sorted(where)),
    )


# ---- as JSON -------------------------------------------------------------------------------------------------------


def to_json(counted: Counted) -> dict[str, Any]:
    """Return what is stored beside the lines."""
    return {
        "version": VERSION,
        "weeks": [week.isoformat() for week in counted.weeks],
        "digests": {week.isoformat(): digest for week, digest in counted.digests.items()},
        "worst": [cell_out(cell) for cell in counted.worst],
        "unmet_of": [[place, week.isoformat(), seconds] for (place, week), seconds in counted.unmet_of.items()],
        "missing_s": {str(place): seconds for place, seconds in counted.missing_s.items()},
        "merged_s": counted.merged_s,
        "tried_from_s": {week.isoformat(): seconds for week, seconds in counted.tried_from_s.items()},
        "risks": [
            {
                "person": risk.person,
                "lost_s": risk.lost_s,
                "by_territory": {str(place): lost for place, lost in risk.by_territory.items()},
                "felt": [_felt_out(felt) for felt in risk.felt],
            }
            for risk in counted.risks
        ],
        "pairs": [
            [*pair.people, pair.lost_s, {str(place): lost for place, lost in pair.beyond.items()}]
            for pair in counted.pairs
        ],
        "stress": {
            "away_percent": counted.stress.away_percent,
            "draws": counted.stress.draws,
            "weeks": [
                [each.week.isoformat(), each.all_there_s, each.half_s, each.fifth_s, each.twentieth_s]
                for each in counted.stress.weeks
            ],
            "felt": [_felt_out(felt) for felt in counted.stress.felt],
        },
        "soles": [
            [*_row_out(sole.row), sole.level, sole.person, sole.needed_s, list(sole.territories)]
            for sole in counted.soles
        ],
        "promised": [[each.person, each.territory, each.visits, each.alone] for each in counted.promised],
        "known": [[k.kind, k.id, k.person, k.territory, k.visits, k.open_visits] for k in counted.known],
        "booked_s": counted.booked_s,
        "expected_s": counted.expected_s,
        "recurring_s": counted.recurring_s,
        "unmet_s": counted.unmet_s,
        "later_s": counted.later_s,
        "history_weeks": counted.history_weeks,
        "by_territory": _record_out(counted.by_territory),
        "by_kind": _record_out(counted.by_kind),
        "by_row": _record_out(counted.by_row),
        "without_hours": list(counted.without_hours),
        "overbooked": [[o.territory, o.week.isoformat(), o.needed_s, o.hours_s] for o in counted.overbooked],
    }


def line_out(line: Line) -> dict[str, list[Any]]:
    """Return the columns of a stored line that hold lists."""
    return {
        "cells": [cell_out(cell) for cell in line.cells],
        "remedies": [
            [r.kind.value, r.person, *_row_out(r.row), r.territory, r.week.isoformat(), r.gained_s]
            for r in line.remedies
        ],
        "outlines": [
            [*_row_out(drawn.row), drawn.territory, list(drawn.past_s), dict(vars(drawn.forecast))]
            for drawn in line.outlines
        ],
    }


def line_in(row: Row, territory: int, stored: Mapping[str, Sequence[Any]]) -> Line:
    """Read a stored line, or some of its lists."""
    return Line(
        territory=territory,
        row=row,
        cells=tuple(cell_in(cell) for cell in stored.get("cells", ())),
        remedies=tuple(
            Remedy(
                kind=RemedyKind(remedy),
                person=person,
                row=_row_in(kind, number),
                territory=place,
                week=_week_in(week),
                gained_s=gained,
            )
            for remedy, person, kind, number, place, week, gained in stored.get("remedies", ())
        ),
        outlines=tuple(
            Outline(
                row=_row_in(kind, number),
                territory=place,
                past_s=tuple(past),
                forecast=Forecast(**{name: tuple(values) for name, values in ahead.items()}),
            )
            for kind, number, place, past, ahead in stored.get("outlines", ())
        ),
    )


def from_json(stored: Mapping[str, Any]) -> Counted:
    """Read what was stored, all of it or without some of `LARGE`; raises ValueError on another version."""
    if stored.get("version") != VERSION:
        raise ValueError(f"coverage is stored as version {stored.get('version')}, this program reads {VERSION}")
    return Counted(
        weeks=tuple(date.fromisoformat(week) for week in stored["weeks"]),
        digests={date.fromisoformat(week): digest for week, digest in stored["digests"].items()},
        worst=tuple(cell_in(cell) for cell in stored.get("worst", ())),
        unmet_of={(place, _week_in(week)): seconds for place, week, seconds in stored["unmet_of"]},
        missing_s={int(place): seconds for place, seconds in stored["missing_s"].items()},
        merged_s=stored["merged_s"],
        tried_from_s={date.fromisoformat(week): seconds for week, seconds in stored["tried_from_s"].items()},
        cells=(),
        risks=tuple(
            Risk(
                person=risk["person"],
                lost_s=risk["lost_s"],
                by_territory={int(place): lost for place, lost in risk["by_territory"].items()},
                felt=_felt_in(risk["felt"]),
            )
            for risk in stored.get("risks", ())
        ),
        pairs=tuple(
            PairRisk(
                people=(one, other), lost_s=lost, beyond={int(place): seconds for place, seconds in beyond.items()}
            )
            for one, other, lost, beyond in stored.get("pairs", ())
        ),
        stress=_stress_in(stored["stress"]),
        remedies=(),
        soles=tuple(
            Sole(row=_row_in(kind, number), level=level, person=person, needed_s=needed, territories=tuple(places))
            for kind, number, level, person, needed, places in stored.get("soles", ())
        ),
        promised=tuple(
            Promised(person=person, territory=place, visits=visits, alone=alone)
            for person, place, visits, alone in stored.get("promised", ())
        ),
        known=tuple(
            Known(kind=kind, id=number, person=person, territory=place, visits=visits, open_visits=waiting)
            for kind, number, person, place, visits, waiting in stored.get("known", ())
        ),
        booked_s=stored["booked_s"],
        expected_s=stored["expected_s"],
        recurring_s=stored["recurring_s"],
        unmet_s=stored["unmet_s"],
        later_s=stored["later_s"],
        history_weeks=stored["history_weeks"],
        by_territory=_record_in(stored["by_territory"]),
        by_kind=_record_in(stored["by_kind"]),
        by_row=_record_in(stored["by_row"]),
        outlines=(),
        without_hours=tuple(stored["without_hours"]),
        overbooked=tuple(
            Overbooked(territory=place, week=date.fromisoformat(week), needed_s=needed, hours_s=hours)
            for place, week, needed, hours in stored["overbooked"]
        ),
    )


def _stress_in(stored: Mapping[str, Any]) -> Stress:
    return Stress(
        away_percent=stored["away_percent"],
        draws=stored["draws"],
        weeks=tuple(
            StressedWeek(
                week=date.fromisoformat(week), all_there_s=there, half_s=half, fifth_s=fifth, twentieth_s=twentieth
            )
            for week, there, half, fifth, twentieth in stored["weeks"]
        ),
        felt=_felt_in(stored["felt"]),
    )


def _felt_out(felt: Felt) -> list[Any]:
    return [*_row_out(felt.row), felt.territory, felt.week.isoformat(), felt.lost_s]


def _felt_in(stored: Sequence[Sequence[Any]]) -> tuple[Felt, ...]:
    return tuple(
        Felt(row=_row_in(kind, number), territory=place, week=_week_in(week), lost_s=lost)
        for kind, number, place, week, lost in stored
    )


def _row_out(row: Row) -> tuple[str, int]:
    return row.kind.value, row.id


@lru_cache(maxsize=8192)
def _row_in(kind: str, number: int) -> Row:
    return Row(kind=RowKind(kind), id=number)


@lru_cache(maxsize=256)
def _week_in(text: str) -> date:
    return date.fromisoformat(text)


def cell_out(cell: Cell) -> list[Any]:
    """Return a cell as it is stored."""
    seconds = (cell.needed_s, cell.booked_s, cell.missing_s, cell.can_give_s)
    where = (cell.territory, cell.week.isoformat(), cell.level)
    return [*_row_out(cell.row), *where, *seconds, cell.nobody_s, cell.rests_on, list(cell.able), cell.price_s]


def cell_in(stored: Sequence[Any]) -> Cell:
    """Read a stored cell."""
    kind, number, place, week, level, needed, booked, missing, can_give, nobody, rests_on, able, price = stored
    return Cell(
        row=_row_in(kind, number),
        territory=place,
        week=_week_in(week),
        level=level,
        needed_s=needed,
        booked_s=booked,
        missing_s=missing,
        can_give_s=can_give,
        nobody_s=nobody,
        rests_on=rests_on,
        able=tuple(able),
        price_s=price,
    )


def _record_out(record: TrackRecord | None) -> dict[str, float] | None:
    return None if record is None else asdict(record)


def _record_in(stored: Mapping[str, Any] | None) -> TrackRecord | None:
    return None if stored is None else TrackRecord(**stored)
