"""What the page of expected work asks; like the others it reads the kept count, and of that what it shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from dispatch.coverage.expectation import Forecast, TrackRecord
from dispatch.coverage.flow import Cell
from dispatch.coverage.kept import latest_run, line_of, read_head, read_lines
from dispatch.coverage.models import CoverageLine
from dispatch.coverage.outlook import Row
from dispatch.coverage.queries import Territories, row_names, territories_in


@dataclass(frozen=True, kw_only=True)
class ExpectedWeek:
    """One coming week of a forecast, seconds of work; `can_give_s` is None where nothing was asked for."""

    week: date
    booked_s: int
    mean_s: int
    low80_s: int
    low50_s: int
    high50_s: int
    high80_s: int
    can_give_s: int | None


@dataclass(frozen=True, kw_only=True)
class ForecastPage:
    """Expected work of one row in one territory, with what can be chosen beside it; `shown` is None without history."""

    computed_at: datetime
    history_weeks: int
    record: TrackRecord | None
    territories: tuple[tuple[int, str], ...]
    rows: tuple[tuple[Row, str], ...]
    territory: int | None
    row: Row | None
    past: tuple[tuple[date, int], ...]
    coming: tuple[ExpectedWeek, ...]


def forecast_page(
    session: Session, *, reach: Territories, territory: int | None = None, row: Row | None = None
) -> ForecastPage | None:
    """Answer what work is expected; None before the first count. What is not chosen is what brings most work."""
    run = latest_run(session)
    if run is None:
        return None
    places = territories_in(session, reach)
    read = places if territory is None else {territory} & places.keys()
    counted = read_head(session, run.id, large=False)
    best = _best_outlines(session, run.id, read)
    names = row_names(session, {one for one, _territory, _expected in best})
    rows = sorted((one for one, _territory, _expected in best if one in names), key=lambda one: names[one].casefold())
    fitting = [each for each in best if each[0] in names and row in (None, each[0])]
    chosen = max(fitting, key=lambda each: (each[2], -each[1]), default=None)
    lines = () if chosen is None else read_lines(session, run.id, *line_of(*chosen[:2]), lists=("cells", "outlines"))
    most = next((drawn for line in lines for drawn in line.outlines), None)
    cells = {cell.week: cell for line in lines for cell in line.cells}
    first = counted.weeks[0]
    return ForecastPage(
        computed_at=run.computed_at,
        history_weeks=counted.history_weeks,
        record=counted.by_row,
        territories=tuple(places.items()),
        rows=tuple((one, names[one]) for one in rows),
        territory=most.territory if most else None,
        row=most.row if most else None,
        past=tuple(
            (first - timedelta(weeks=len(most.past_s) - number), seconds) for number, seconds in enumerate(most.past_s)
        )
        if most
        else (),
        coming=tuple(_expected_week(week, number, most.forecast, cells) for number, week in enumerate(counted.weeks))
        if most
        else (),
    )


def _best_outlines(session: Session, run_id: int, places: Collection[int]) -> list[tuple[Row, int, int]]:
    """Give each row with history, in order, and where it brings most: territory and expected seconds."""
    found = session.execute(
        select(CoverageLine.kind, CoverageLine.number, CoverageLine.territory_id, CoverageLine.expected_s)
        .ext(distinct_on(CoverageLine.kind, CoverageLine.number))
        .where(
            CoverageLine.run_id == run_id, CoverageLine.expected_s.is_not(None), CoverageLine.territory_id.in_(places)
        )
        .order_by(CoverageLine.kind, CoverageLine.number, CoverageLine.expected_s.desc(), CoverageLine.territory_id)
    )
    return sorted((Row(kind=kind, id=number), place, expected_s or 0) for kind, number, place, expected_s in found)


def _expected_week(week: date, number: int, ahead: Forecast, cells: Mapping[date, Cell]) -> ExpectedWeek:
    cell = cells.get(week)
    return ExpectedWeek(
        week=week,
        booked_s=cell.booked_s if cell else 0,
        mean_s=ahead.mean_s[number],
        low80_s=ahead.low80_s[number],
        low50_s=ahead.low50_s[number],
        high50_s=ahead.high50_s[number],
        high80_s=ahead.high80_s[number],
        can_give_s=cell.can_give_s if cell else None,
    )
