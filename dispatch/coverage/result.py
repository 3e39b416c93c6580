"""Pure: a counted outlook as it is stored, and read back for pages; row numbers only, names belong to the reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from dispatch.coverage.expectation import Forecast, Outline, TrackRecord
from dispatch.coverage.flow import Cell, Flow
from dispatch.coverage.outlook import ANYBODY, HOUR_S, Need, Row, RowKind, SkillLevel
from dispatch.coverage.remedies import Remedy, RemedyKind
from dispatch.coverage.risk import AbsenceRisk, Loss, PairRisk, SoleHolder, StressedWeek, StressTest

VERSION = 3
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
class ClassPrice:
    """Scarcity price of one demand class: what one more hour would cost, seconds of paid travel."""

    territory: int
    week: date
    needs: tuple[Need, ...]
    needed_s: int
    unmet_s: int
    price_s: int


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Everything a page shows of one solved outlook."""

    weeks: tuple[date, ...]
    cells: tuple[Cell, ...]
    risks: tuple[Risk, ...]
    pairs: tuple[PairRisk, ...]
    stress: Stress
    remedies: tuple[Remedy, ...]
    soles: tuple[Sole, ...]
    prices: tuple[ClassPrice, ...]
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


def class_prices(flow: Flow) -> tuple[ClassPrice, ...]:
    """Read the price of every demand class off the solved weeks."""
    return tuple(
        ClassPrice(
            territory=work.territory,
            week=week.week,
            needs=work.needs,
            needed_s=work.seconds,
            unmet_s=round(unmet * HOUR_S),
            price_s=round(price),
        )
        for week in flow.weeks
        for work, unmet, price in zip(week.demand, week.unmet_h, week.price_s, strict=True)
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


def summed_sole(sole: SoleHolder, flow: Flow) -> Sole:
    """Say where the work lies that asks for what one person alone can give."""
    where = {work.territory for week in flow.weeks for work in week.demand if sole.need in work.needs and work.seconds}
    return Sole(
        row=sole.need.row,
        level=sole.need.any_of[0].level,
        person=sole.person,
        needed_s=sole.needed_s,
        territories=tuple(sorted(where)),
    )


# ---- as JSON -------------------------------------------------------------------------------------------------------


def to_json(counted: Counted) -> dict[str, Any]:
    """Return what is stored."""
    return {
        "version": VERSION,
        "weeks": [week.isoformat() for week in counted.weeks],
        "cells": [_cell_out(cell) for cell in counted.cells],
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
        "remedies": [
            [each.kind.value, each.person, *_row_out(each.row), each.territory, each.week.isoformat(), each.gained_s]
            for each in counted.remedies
        ],
        "soles": [
            [*_row_out(sole.row), sole.level, sole.person, sole.needed_s, list(sole.territories)]
            for sole in counted.soles
        ],
        "prices": [
            [p.territory, p.week.isoformat(), _needs_out(p.needs), p.needed_s, p.unmet_s, p.price_s]
            for p in counted.prices
        ],
        "booked_s": counted.booked_s,
        "expected_s": counted.expected_s,
        "recurring_s": counted.recurring_s,
        "unmet_s": counted.unmet_s,
        "later_s": counted.later_s,
        "history_weeks": counted.history_weeks,
        "by_territory": _record_out(counted.by_territory),
        "by_kind": _record_out(counted.by_kind),
        "by_row": _record_out(counted.by_row),
        "outlines": [
            [*_row_out(each.row), each.territory, list(each.past_s), asdict(each.forecast)] for each in counted.outlines
        ],
        "without_hours": list(counted.without_hours),
    }


def from_json(stored: Mapping[str, Any]) -> Counted:
    """Read what was stored; raises ValueError on another version, which is then counted anew."""
    if stored.get("version") != VERSION:
        raise ValueError(f"coverage is stored as version {stored.get('version')}, this program reads {VERSION}")
    return Counted(
        weeks=tuple(date.fromisoformat(week) for week in stored["weeks"]),
        cells=tuple(_cell_in(cell) for cell in stored["cells"]),
        risks=tuple(
            Risk(
                person=risk["person"],
                lost_s=risk["lost_s"],
                by_territory={int(place): lost for place, lost in risk["by_territory"].items()},
                felt=_felt_in(risk["felt"]),
            )
            for risk in stored["risks"]
        ),
        pairs=tuple(
            PairRisk(
                people=(one, other), lost_s=lost, beyond={int(place): seconds for place, seconds in beyond.items()}
            )
            for one, other, lost, beyond in stored["pairs"]
        ),
        stress=Stress(
            away_percent=stored["stress"]["away_percent"],
            draws=stored["stress"]["draws"],
            weeks=tuple(
                StressedWeek(
                    week=date.fromisoformat(week), all_there_s=there, half_s=half, fifth_s=fifth, twentieth_s=twentieth
                )
                for week, there, half, fifth, twentieth in stored["stress"]["weeks"]
            ),
            felt=_felt_in(stored["stress"]["felt"]),
        ),
        remedies=tuple(
            Remedy(
                kind=RemedyKind(remedy),
                person=person,
                row=_row_in(kind, number),
                territory=place,
                week=date.fromisoformat(week),
                gained_s=gained,
            )
            for remedy, person, kind, number, place, week, gained in stored["remedies"]
        ),
        soles=tuple(
            Sole(row=_row_in(kind, number), level=level, person=person, needed_s=needed, territories=tuple(places))
            for kind, number, level, person, needed, places in stored["soles"]
        ),
        prices=tuple(
            ClassPrice(
                territory=place,
                week=date.fromisoformat(week),
                needs=_needs_in(needs),
                needed_s=needed,
                unmet_s=unmet,
                price_s=price,
            )
            for place, week, needs, needed, unmet, price in stored["prices"]
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
        outlines=tuple(
            Outline(
                row=_row_in(kind, number),
                territory=place,
                past_s=tuple(past),
                forecast=Forecast(**{name: tuple(values) for name, values in ahead.items()}),
            )
            for kind, number, place, past, ahead in stored["outlines"]
        ),
        without_hours=tuple(stored["without_hours"]),
    )


def _felt_out(felt: Felt) -> list[Any]:
    return [*_row_out(felt.row), felt.territory, felt.week.isoformat(), felt.lost_s]


def _felt_in(stored: Sequence[Sequence[Any]]) -> tuple[Felt, ...]:
    return tuple(
        Felt(row=_row_in(kind, number), territory=place, week=date.fromisoformat(week), lost_s=lost)
        for kind, number, place, week, lost in stored
    )


def _row_out(row: Row) -> tuple[str, int]:
    return row.kind.value, row.id


def _row_in(kind: str, number: int) -> Row:
    return Row(kind=RowKind(kind), id=number)


def _cell_out(cell: Cell) -> list[Any]:
    seconds = (cell.needed_s, cell.booked_s, cell.missing_s, cell.can_give_s)
    where = (cell.territory, cell.week.isoformat(), cell.level)
    return [*_row_out(cell.row), *where, *seconds, cell.nobody_s, cell.rests_on, list(cell.able), cell.price_s]


def _cell_in(stored: Sequence[Any]) -> Cell:
    kind, number, place, week, level, needed, booked, missing, can_give, nobody, rests_on, able, price = stored
    return Cell(
        row=_row_in(kind, number),
        territory=place,
        week=date.fromisoformat(week),
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


def _needs_out(needs: Sequence[Need]) -> list[list[list[int]]]:
    return [[[option.skill, option.level] for option in need.any_of] for need in needs]


def _needs_in(stored: Sequence[Sequence[Sequence[int]]]) -> tuple[Need, ...]:
    return tuple(Need(any_of=tuple(SkillLevel(skill=skill, level=at) for skill, at in need)) for need in stored)


def _record_out(record: TrackRecord | None) -> dict[str, float] | None:
    return None if record is None else asdict(record)


def _record_in(stored: Mapping[str, Any] | None) -> TrackRecord | None:
    return None if stored is None else TrackRecord(**stored)
