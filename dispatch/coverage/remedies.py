"""What would help where work goes unmet: each remedy's effect is counted by solving the week again with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from dispatch.coverage.flow import Cell
from dispatch.coverage.outlook import ANYBODY, CERTIFICATION, HOUR_S, DemandClass, Need, Outlook, Person, Row, RowKind
from dispatch.coverage.what_if import WhatIf

OVERTIME_S = 4 * HOUR_S
"""Hours somebody would stay longer in a week."""
PARTNER_DAY_S = 8 * HOUR_S
"""One day of a partner's technician who has no shift that week."""
TRIED = 5
"""People tried for each kind of remedy; the likeliest first."""
KEPT = 3
MOST_CELLS = 40
WORTH_TELLING_S = 900


class RemedyKind(StrEnum):
    """What one could do."""

    TRAIN = "train"
    MOVE = "move"
    PARTNER = "partner"
    OVERTIME = "overtime"


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """One thing to do for a cell, and what it is worth.

    Attributes
    ----------
    gained_s
        Work of the whole week that would no longer go unmet; what helps one class may free hours for another.
    """

    kind: RemedyKind
    person: int
    row: Row
    territory: int
    week: date
    gained_s: int


def remedies(
    outlook: Outlook,
    cells: Iterable[Cell],
    asking: Sequence[WhatIf],
    *,
    partners: Collection[int],
    travel_s: Callable[[int, int], int | None],
) -> tuple[Remedy, ...]:
    """Find what helps most in the cells that miss most, each counted alone.

    Parameters
    ----------
    asking
        The solved weeks of the outlook.
    partners
        People of partner companies, who can be asked for a day.
    travel_s
        Seconds of travel of a person for one visit in a territory where they do not work now; None if unknown.

    Returns
    -------
    For each cell and kind up to three, greatest gain first; what gains less than a quarter of an hour is left out.
    """
    by_week = {found.model.week: found for found in asking}
    unmet_h = {week: found.unmet_h for week, found in by_week.items()}
    asked = sorted((cell for cell in cells if cell.missing_s > 0), key=lambda cell: (-cell.missing_s, cell.row))
    found: list[Remedy] = []
    for cell in asked[:MOST_CELLS]:
        model = by_week[cell.week].model
        short = [
            work
            for work, hours in zip(model.demand, unmet_h[cell.week], strict=True)
            if hours > 0 and work.territory == cell.territory and _asks(work, cell.row)
        ]
        for kind, people in _candidates(outlook, cell, short, partners, travel_s).items():
            tried = []
            for changed in people:
                gain_h = sum(unmet_h[cell.week]) - by_week[cell.week].least_unmet_as(changed)
                tried.append(
                    Remedy(
                        kind=kind,
                        person=changed.id,
                        row=cell.row,
                        territory=cell.territory,
                        week=cell.week,
                        gained_s=round(gain_h * HOUR_S),
                    )
                )
            tried = [remedy for remedy in tried if remedy.gained_s >= WORTH_TELLING_S]
            found += sorted(tried, key=lambda remedy: (-remedy.gained_s, remedy.person))[:KEPT]
    return tuple(found)


def _asks(work: DemandClass, row: Row) -> bool:
    return row in {need.row for need in work.needs} or (row == ANYBODY and not work.needs)


def _candidates(
    outlook: Outlook,
    cell: Cell,
    short: Sequence[DemandClass],
    partners: Collection[int],
    travel_s: Callable[[int, int], int | None],
) -> Mapping[RemedyKind, Sequence[Person]]:
    """People as they would be with each kind of remedy, the likeliest first."""
    found: dict[RemedyKind, list[tuple[tuple[int, ...], Person]]] = {kind: [] for kind in RemedyKind}
    for person in outlook.people:
        hours = person.hours_s.get(cell.week, 0)
        near = cell.territory in person.travel_s
        able = any(_meets(person, work.needs, cell.week) for work in short)
        if able and near and hours:
            longer = replace(person, hours_s={**person.hours_s, cell.week: hours + OVERTIME_S})
            found[RemedyKind.OVERTIME].append(((person.travel_s[cell.territory], person.id), longer))
        elif able and near and person.id in partners:
            day = replace(person, hours_s={**person.hours_s, cell.week: PARTNER_DAY_S})
            found[RemedyKind.PARTNER].append(((person.travel_s[cell.territory], person.id), day))
        elif able and hours and (way := travel_s(person.id, cell.territory)) is not None:
            moved = replace(person, travel_s={**person.travel_s, cell.territory: way})
            found[RemedyKind.MOVE].append(((way, person.id), moved))
        elif near and hours:
            for lacking, taught in _taught(person, cell, short):
                found[RemedyKind.TRAIN].append(((lacking, -hours, person.id), taught))
    return {
        kind: [person for _, person in sorted(tried, key=lambda one: one[0])[:TRIED]] for kind, tried in found.items()
    }


def _taught(person: Person, cell: Cell, short: Sequence[DemandClass]) -> Iterator[tuple[int, Person]]:
    """Yield the person with the row learnt, and the levels that takes, if some of the work then is theirs."""
    if cell.row.kind is RowKind.CERTIFICATION:
        lacking, taught = 1, replace(person, held={**person.held, cell.row.id: frozenset({cell.week})})
    elif cell.row.kind is RowKind.SKILL:
        lacking = cell.level - person.levels.get(cell.row.id, CERTIFICATION)
        taught = replace(person, levels={**person.levels, cell.row.id: max(1, cell.level)})
    else:
        return
    if lacking > 0 and any(_meets(taught, work.needs, cell.week) for work in short):
        yield lacking, taught


def _meets(person: Person, needs: Sequence[Need], week: date) -> bool:
    return all(person.meets(need, week) for need in needs)
