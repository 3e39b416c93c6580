"""What pages read line by line, against the same pages made in plain Python from everything that was counted."""

import json
import random
from collections.abc import Collection
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core import migrate
from dispatch.core.db import make_engine, make_sessions
from dispatch.coverage.counting import count
from dispatch.coverage.expectation import Forecast, Outline
from dispatch.coverage.flow import Cell
from dispatch.coverage.forecast_queries import ForecastPage, forecast_page
from dispatch.coverage.kept import latest_run, read_counted
from dispatch.coverage.outlook import ANYBODY, Row, RowKind
from dispatch.coverage.queries import (
    FEW_ROWS,
    MANY_ROWS,
    NamedCell,
    cell_page,
    coverage_page,
    coverage_table,
    prices_of_scope,
)
from dispatch.coverage.remedies import Remedy, RemedyKind
from dispatch.coverage.result import Counted, cell_out, lines_of, to_json, with_lines
from dispatch.coverage.service import store_coverage
from dispatch.coverage.snapshot import read_snapshot
from tests.factories import MORNING, make_certification_kind, make_skill, make_technician, make_territory

NOW = MORNING - timedelta(hours=12)
TERRITORIES, SKILLS = 7, 30


class World:
    """Names, and a count made up at random: no two runs of a property look alike, and none waits for a solve."""

    def __init__(self, session: Session, seed: int) -> None:
        self.dice = random.Random(seed)
        self.places = {make_territory(session, name=f"Place {n}").id: f"Place {n}" for n in range(TERRITORIES)}
        self.names = {ANYBODY: "Work for anybody"}
        for n in range(SKILLS):
            name = f"{self.dice.choice('aBcD')} skill {n}"
            self.names[Row(kind=RowKind.SKILL, id=make_skill(session, name=name).id)] = name
        for n in range(3):
            kind = make_certification_kind(session, name=f"Card {n}")
            self.names[Row(kind=RowKind.CERTIFICATION, id=kind.id)] = kind.name
        self.people = {make_technician(session, name=f"Person {n}").id: f"Person {n}" for n in range(9)}
        self.counted = self.made_up(count(read_snapshot(session, now=NOW)))

    def made_up(self, plain: Counted) -> Counted:
        """Fill an empty count with numbers; some rows need nothing, some have no history, some nothing but that."""
        dice = self.dice
        cells: list[Cell] = []
        helping: list[Remedy] = []
        outlines: list[Outline] = []
        for place in self.places:
            for row in dice.sample(sorted(self.names), k=dice.randint(0, len(self.names))):
                if dice.random() < 0.8:
                    outlines.append(self.outline(row, place, len(plain.weeks)))
                if dice.random() < 0.2:
                    continue
                for week in dice.sample(plain.weeks, k=dice.randint(1, len(plain.weeks))):
                    cell = self.cell(row, place, week)
                    cells.append(cell)
                    helping += [
                        Remedy(
                            kind=dice.choice(list(RemedyKind)),
                            person=person,
                            row=row,
                            territory=place,
                            week=week,
                            gained_s=dice.choice((900, 3600)),
                        )
                        for person in dice.sample(sorted(self.people), k=dice.randint(0, 3) if cell.missing_s else 0)
                    ]
        near = [cell for cell in cells if cell.week in plain.near]
        return replace(
            plain,
            cells=tuple(sorted(cells, key=lambda cell: (cell.territory, cell.week, cell.row))),
            remedies=tuple(sorted(helping, key=lambda r: (r.territory, r.week, r.row, r.kind, -r.gained_s))),
            outlines=tuple(sorted(outlines, key=lambda each: (each.territory, each.row))),
            missing_s={place: sum(c.missing_s for c in near if c.territory == place) for place in self.places},
            unmet_of={(place, week): dice.randrange(9) for place in self.places for week in plain.weeks},
            tried_from_s={plain.weeks[0]: 3600},
            history_weeks=60,
        )

    def cell(self, row: Row, place: int, week: date) -> Cell:
        dice = self.dice
        needed_s = dice.choice((0, 3600, 7200, 36_000))
        missing_s = dice.choice((0, needed_s, needed_s // 2))
        return Cell(
            row=row,
            territory=place,
            week=week,
            level=dice.randint(0, 5),
            needed_s=needed_s,
            booked_s=needed_s // 3,
            missing_s=missing_s,
            can_give_s=needed_s - missing_s if missing_s else needed_s * dice.randint(1, 5),
            nobody_s=0,
            rests_on=dice.choice((None, *self.people, 99_999)),
            able=tuple(sorted(dice.sample(sorted(self.people), k=dice.randint(0, 4)))),
            price_s=dice.choice((0, 60, 900)),
        )

    def outline(self, row: Row, place: int, weeks: int) -> Outline:
        series = {name: tuple(self.dice.randrange(4) * 3600 for _ in range(weeks)) for name in asdict(_FLAT)}
        past = tuple(self.dice.randrange(9000) for _ in range(26))
        return Outline(row=row, territory=place, past_s=past, forecast=Forecast(**series))

    def named(self, cell: Cell) -> NamedCell:
        rests_on = None if cell.rests_on is None else self.people.get(cell.rests_on, "one person")
        name, place = self.names[cell.row], self.places[cell.territory]
        return NamedCell(cell=cell, name=name, territory=place, rests_on=rests_on)

    def table(self, counted: Counted, place: int) -> list[tuple[Row, int, dict[date, NamedCell]]]:
        """Make the whole table of a territory the slow way: row, missing seconds, cells by week."""
        found: dict[Row, dict[date, NamedCell]] = {}
        for cell in counted.cells:
            if cell.territory == place and cell.needed_s:
                found.setdefault(cell.row, {})[cell.week] = self.named(cell)
        rows = [(row, sum(named.cell.missing_s for named in cells.values()), cells) for row, cells in found.items()]
        return sorted(rows, key=lambda row: (-row[1], row[0].kind, self.names[row[0]].casefold()))


_FLAT = Forecast(mean_s=(), low80_s=(), low50_s=(), high50_s=(), high80_s=())


def store(session: Session, counted: Counted) -> int:
    return store_coverage(session, counted, based_on_seq=0, seconds=1.0, actor=SYSTEM, now=NOW).id


@pytest.fixture(params=range(3))
def world(session: Session, request: pytest.FixtureRequest) -> World:
    made = World(session, request.param)
    store(session, made.counted)
    session.expire_all()
    return made


def whole(session: Session) -> Counted:
    run = latest_run(session)
    assert run is not None
    return read_counted(session, run.id)


def test_lines_put_together_are_the_count(session: Session, world: World) -> None:
    assert len(world.counted.cells) > 100
    assert whole(session) == world.counted
    assert with_lines(replace(world.counted, cells=(), remedies=(), outlines=()), lines_of(world.counted)) == (
        world.counted
    )


@pytest.mark.parametrize(("chosen", "number"), [(None, 1), (None, 2), (2, 1), (0, 1), (0, 9)])
def test_the_map_and_its_pages_agree_with_the_whole(
    session: Session, world: World, chosen: int | None, number: int
) -> None:
    counted = whole(session)
    place = None if chosen is None else list(world.places)[chosen]
    page = coverage_page(session, reach=None, chosen=place, number=number)
    assert page is not None
    rows = FEW_ROWS if chosen is None else MANY_ROWS
    first = rows * (number - 1)
    most = sorted(world.places, key=lambda each: (-counted.missing_s[each], world.places[each]))[:5]
    shown = [place] if place else [each for each in world.places if each in most]
    assert [drawn.territory for drawn in page.maps] == shown
    for drawn in page.maps:
        expected = world.table(counted, drawn.territory)
        assert [(line.row, line.name, line.missing_s) for line in drawn.lines] == [
            (row, world.names[row], missing_s) for row, missing_s, _cells in expected
        ]
        assert [(row.row, row.missing_s, dict(row.cells)) for row in drawn.rows] == expected[first : first + rows]
        assert drawn.short == sum(missing_s > 0 for _row, missing_s, _cells in expected)


@pytest.mark.parametrize("chosen", [None, 0, 3])
def test_the_file_agrees_with_the_whole(session: Session, world: World, chosen: int | None) -> None:
    counted = whole(session)
    places = list(world.places) if chosen is None else [list(world.places)[chosen]]
    found = coverage_table(session, reach=None, chosen=places[0] if chosen is not None else None)
    assert found is not None
    assert found.starts_on == counted.weeks[0]
    assert list(found.cells) == [
        named for place in places for _row, _missing, cells in world.table(counted, place) for named in cells.values()
    ]
    assert coverage_table(session, reach={places[0]}, chosen=0) is None


def test_every_cell_agrees_with_the_whole(session: Session, world: World) -> None:
    counted = whole(session)
    for cell in [*world.dice.sample(counted.cells, k=25), *(c for c in counted.cells if c.missing_s and c.able)][:40]:
        page = cell_page(session, reach=None, row=cell.row, territory=cell.territory, week=cell.week, now=NOW)
        assert page is not None
        named = world.named(cell)
        alone = None if named.rests_on is None else named.rests_on if cell.rests_on in cell.able else "one person"
        assert page.named == replace(named, rests_on=alone)
        assert page.able == tuple((who, name) for who, name in world.people.items() if who in cell.able)
        where = (cell.row, cell.territory, cell.week)
        helping = [r for r in counted.remedies if (r.row, r.territory, r.week) == where]
        helping.sort(key=lambda each: (-each.gained_s, each.kind, each.person))
        assert [each.remedy for each in page.remedies] == helping
        assert page.tried == (cell.missing_s >= counted.tried_from_s.get(cell.week, 0))
    before = counted.weeks[0] - timedelta(weeks=1)
    cell = counted.cells[0]
    assert cell_page(session, reach=None, row=cell.row, territory=cell.territory, week=before, now=NOW) is None


def test_expected_work_agrees_with_the_whole(session: Session, world: World) -> None:
    counted = whole(session)
    places, some = list(world.places), world.dice.sample(counted.outlines, k=12)
    asked: list[tuple[Collection[int] | None, int | None, Row | None]] = [
        (None, None, None),
        ({places[1], places[4]}, None, None),
        ({places[1]}, places[2], None),
        *((None, each.territory, None) for each in some),
        *((None, None, each.row) for each in some),
        *((None, each.territory, each.row) for each in some),
        *((None, places[0], each.row) for each in some),
    ]
    for reach, territory, row in asked:
        page = forecast_page(session, reach=reach, territory=territory, row=row)
        assert page is not None
        read = [
            each
            for each in counted.outlines
            if (reach is None or each.territory in reach) and territory in (None, each.territory)
        ]
        rows = sorted({each.row for each in read}, key=lambda one: world.names[one].casefold())
        assert page.rows == tuple((one, world.names[one]) for one in rows)
        fitting = [each for each in read if row in (None, each.row)]
        most = max(fitting, key=lambda each: (sum(each.forecast.mean_s), -each.territory), default=None)
        _agrees(page, most, counted)


def _agrees(page: ForecastPage, most: Outline | None, counted: Counted) -> None:
    assert (page.territory, page.row) == ((most.territory, most.row) if most else (None, None))
    assert tuple(seconds for _week, seconds in page.past) == (most.past_s if most else ())
    cells = {c.week: c for c in counted.cells if most and (c.territory, c.row) == (most.territory, most.row)}
    for number, (week, each) in enumerate(zip(counted.weeks if most else (), page.coming, strict=True)):
        assert most is not None
        cell = cells.get(week)
        assert (each.week, each.booked_s, each.can_give_s) == (
            (week, cell.booked_s, cell.can_give_s) if cell else (week, 0, None)
        )
        bands = (each.mean_s, each.low80_s, each.low50_s, each.high50_s, each.high80_s)
        assert bands == tuple(series[number] for series in asdict(most.forecast).values())


def test_prices_agree_with_the_whole(session: Session, world: World) -> None:
    counted = whole(session)
    for places in ([0], [0, 3, 5]):
        scope = [(list(world.places)[n], counted.weeks[n] + timedelta(days=n)) for n in places]
        mondays = {(place, day - timedelta(days=day.weekday())) for place, day in scope}
        found: dict[int, int] = {}
        for cell in counted.cells:
            if (cell.territory, cell.week) in mondays and cell.row.kind is RowKind.SKILL and cell.price_s:
                found[cell.row.id] = max(cell.price_s, found.get(cell.row.id, 0))
        assert prices_of_scope(session, scope) == found


# ---- after an upgrade ----------------------------------------------------------------------------------------------


def as_one_value(counted: Counted) -> dict[str, Any]:
    """Write a count the way version 6 did: all of it in one value, the table sorted by territory."""
    stored = to_json(counted)
    unmet_of = stored.pop("unmet_of")
    parts: dict[str, dict[str, list[Any]]] = {}

    def put(place: int, section: str, *line: Any) -> None:
        parts.setdefault(str(place), {}).setdefault(section, []).append(line)

    for cell in counted.cells:
        put(cell.territory, "cells", *cell_out(cell))
    for r in counted.remedies:
        where = (r.row.kind.value, r.row.id, r.territory, r.week.isoformat())
        put(r.territory, "remedies", r.kind.value, r.person, *where, r.gained_s)
    for drawn in counted.outlines:
        series = (list(drawn.past_s), asdict(drawn.forecast))
        put(drawn.territory, "outlines", drawn.row.kind.value, drawn.row.id, drawn.territory, *series)
    for place, week, seconds in unmet_of:
        for unmet_s in (seconds - seconds // 2, seconds // 2):
            put(place, "prices", place, week, [[[1, 3]], [[2, 2], [3, 4]]], 9 * seconds, unmet_s, 77)
    return {**stored, "version": 6, "parts": parts}


def keep_as_one_value(session: Session, counted: Counted, *, at: datetime, seq: int) -> None:
    asked = """
        INSERT INTO coverage_run (computed_at, based_on_seq, starts_on, weeks, seconds, result)
        VALUES (:at, :seq, :starts_on, :weeks, 1, CAST(:result AS jsonb))
    """
    stored = json.dumps(as_one_value(counted))
    weeks = {"starts_on": counted.weeks[0], "weeks": len(counted.weeks)}
    session.execute(text(asked), {"at": at, "seq": seq, "result": stored, **weeks})


def test_counts_of_the_version_before_are_read_after_an_upgrade(database_url: str) -> None:
    engine = make_engine(database_url)
    sessions = make_sessions(engine)
    with sessions() as session:
        world = World(session, 11)
        session.commit()
    migrate.downgrade(database_url, "0032_contest_certificates")
    with sessions() as session:
        for days in (3, 2, 1, 0):
            counted = replace(world.counted, merged_s=days)
            keep_as_one_value(session, counted, at=NOW - timedelta(days=days), seq=9 - days)
        session.execute(text("UPDATE coverage_run SET result = jsonb_set(result, '{version}', '5') WHERE id = 1"))
        session.commit()
    migrate.upgrade(database_url)
    with sessions() as session:
        run = latest_run(session)
        assert run is not None
        assert run.based_on_seq == 9
        assert read_counted(session, run.id) == replace(world.counted, merged_s=0)
        before = read_counted(session, run.id - 1)
        assert before == replace(world.counted, merged_s=1)
        head = read_counted(session, run.id - 2)
        assert head == replace(world.counted, merged_s=2, cells=(), remedies=(), outlines=())
        with pytest.raises(ValueError, match="version 5"):
            read_counted(session, 1)
    migrate.downgrade(database_url, "0032_contest_certificates")
    migrate.upgrade(database_url)
    with sessions() as session:
        assert latest_run(session) is None
    engine.dispose()
