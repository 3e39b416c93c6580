"""What the coverage pages ask; everything comes from the stored answer, so a page never waits for a solve."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from dispatch.core.models import AuditEvent
from dispatch.coverage.demand import read_booked
from dispatch.coverage.expectation import Forecast, TrackRecord
from dispatch.coverage.flow import Cell, worst_places
from dispatch.coverage.models import CoverageRun
from dispatch.coverage.outlook import Row, RowKind
from dispatch.coverage.remedies import Remedy
from dispatch.coverage.result import VERSION, Counted, Felt, from_json
from dispatch.jobs.models import Customer, Job, Visit
from dispatch.planning.models import RELEASED_STATES, Assignment
from dispatch.skills.models import CertificationKind, Skill
from dispatch.workforce.models import Technician, Territory

TERRITORIES_AT_ONCE = 5
GONE = "somebody who left"

Territories: TypeAlias = Collection[int] | None
"""None stands for all of them."""


@dataclass(frozen=True, kw_only=True)
class NamedCell:
    """A cell with the words a reader needs."""

    cell: Cell
    name: str
    territory: str
    rests_on: str | None


@dataclass(frozen=True, kw_only=True)
class HeatRow:
    """A row of the table: one skill, its cells by (territory, week)."""

    row: Row
    name: str
    cells: Mapping[tuple[int, date], NamedCell]
    missing_s: int


@dataclass(frozen=True, kw_only=True)
class NamedFelt:
    """Where somebody's absence would be felt."""

    felt: Felt
    name: str
    territory: str


@dataclass(frozen=True, kw_only=True)
class PersonRisk:
    """What would go unmet without one person, in the territories of the reader."""

    person: int
    name: str
    lost_s: int
    felt: tuple[NamedFelt, ...]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two people who stand in for each other, and what would go unmet only because both are away."""

    people: tuple[tuple[int, str], tuple[int, str]]
    beyond_s: int


@dataclass(frozen=True, kw_only=True)
class NamedRemedy:
    """Something to do, with the person's name."""

    remedy: Remedy
    person: str


@dataclass(frozen=True, kw_only=True)
class SoleSkill:
    """What only one person can give, and the work that asks for it."""

    row: Row
    name: str
    level: int
    person: int
    person_name: str
    needed_s: int
    lost_s: int


@dataclass(frozen=True, kw_only=True)
class CoveragePage:
    """Everything on the coverage page."""

    run_id: int
    computed_at: datetime
    seconds: float
    changes_since: int
    counted: Counted
    territories: tuple[tuple[int, str], ...]
    shown: tuple[tuple[int, str], ...]
    worst: tuple[tuple[NamedCell, ...], ...]
    rows: tuple[HeatRow, ...]
    risks: tuple[PersonRisk, ...]
    pairs: tuple[Pair, ...]
    stress_felt: tuple[NamedFelt, ...]
    soles: tuple[SoleSkill, ...]
    missing_s: int
    without_hours: tuple[str, ...]

    @property
    def short(self) -> bool:
        """Whether any hours are missing where the reader looks."""
        return self.missing_s > 0


def latest_run(session: Session) -> CoverageRun | None:
    """Return the newest answer that this program can read."""
    return session.scalars(
        select(CoverageRun)
        .where(CoverageRun.result["version"].as_integer() == VERSION)
        .order_by(CoverageRun.computed_at.desc(), CoverageRun.id.desc())
        .limit(1)
    ).first()


def coverage_page(
    session: Session, *, reach: Territories, chosen: int | None = None, everywhere: bool = False
) -> CoveragePage | None:
    """Answer where we are short, on whom it rests and how sure that is; None before the first count.

    Seven statements. Of more than five territories the five with most hours missing are shown, unless one is
    chosen or all are asked for.
    """
    run = latest_run(session)
    if run is None:
        return None
    counted = from_json(run.result)
    places = {
        number: name
        for number, name in session.execute(select(Territory.id, Territory.name).order_by(Territory.name))
        if reach is None or number in reach
    }
    cells = [cell for cell in counted.cells if cell.territory in places]
    names = _names(session, counted)
    people = _people(session, counted)

    def named(cell: Cell) -> NamedCell:
        rests_on = None if cell.rests_on is None else people.get(cell.rests_on, "one person")
        return NamedCell(cell=cell, name=names[cell.row], territory=places[cell.territory], rests_on=rests_on)

    shown = tuple(places.items()) if everywhere else _shown(places, cells, chosen)
    worst_first = worst_places(cell for cell in cells if chosen is None or cell.territory == chosen)
    lost = {risk.person: sum(risk.by_territory.get(place, 0) for place in places) for risk in counted.risks}

    def told(felt: Iterable[Felt]) -> tuple[NamedFelt, ...]:
        return tuple(
            NamedFelt(felt=each, name=names[each.row], territory=places[each.territory])
            for each in felt
            if each.territory in places
        )

    return CoveragePage(
        run_id=run.id,
        computed_at=run.computed_at,
        seconds=run.seconds,
        changes_since=_changes_since(session, run.based_on_seq),
        counted=counted,
        territories=tuple(places.items()),
        shown=shown,
        worst=tuple(tuple(named(cell) for cell in weeks) for weeks in worst_first),
        rows=_heat_rows([named(cell) for cell in cells if cell.territory in dict(shown)]),
        risks=tuple(
            PersonRisk(
                person=risk.person,
                name=people.get(risk.person, GONE),
                lost_s=lost[risk.person],
                felt=told(risk.felt),
            )
            for risk in sorted(counted.risks, key=lambda risk: (-lost[risk.person], risk.person))
            if lost[risk.person] > 0
        ),
        pairs=_pairs(counted, places, people),
        stress_felt=told(counted.stress.felt),
        soles=tuple(
            SoleSkill(
                row=sole.row,
                name=names[sole.row],
                level=sole.level,
                person=sole.person,
                person_name=people.get(sole.person, GONE),
                needed_s=sole.needed_s,
                lost_s=lost.get(sole.person, 0),
            )
            for sole in counted.soles
            if any(place in places for place in sole.territories)
        ),
        missing_s=sum(price.unmet_s for price in counted.prices if price.territory in places),
        without_hours=tuple(places[place] for place in counted.without_hours if place in places),
    )


@dataclass(frozen=True, kw_only=True)
class CellVisit:
    """A booked visit that a cell counts."""

    job_id: int
    title: str
    customer: str
    seconds: int
    technician: str | None


@dataclass(frozen=True, kw_only=True)
class CellPage:
    """One cell opened: the numbers, who can do the work, and the visits that ask for it."""

    computed_at: datetime
    named: NamedCell
    able: tuple[tuple[int, str], ...]
    visits: tuple[CellVisit, ...]
    remedies: tuple[NamedRemedy, ...]


def cell_page(
    session: Session, *, reach: Territories, row: Row, territory: int, week: date, now: datetime
) -> CellPage | None:
    """Answer who, what and when behind one cell; None where nothing was counted or the reader may not look."""
    run = latest_run(session)
    if run is None or (reach is not None and territory not in reach):
        return None
    counted = from_json(run.result)
    cell = next((c for c in counted.cells if (c.row, c.territory, c.week) == (row, territory, week)), None)
    place = session.execute(select(Territory.name, Territory.zone).where(Territory.id == territory)).one_or_none()
    if cell is None or place is None:
        return None
    helping = [each for each in counted.remedies if (each.row, each.territory, each.week) == (row, territory, week)]
    wanted = {*cell.able, *(each.person for each in helping)}
    asked = select(Technician.id, Technician.name).where(Technician.id.in_(wanted)).order_by(Technician.name)
    names = dict(session.execute(asked).all())
    able = tuple((number, name) for number, name in names.items() if number in cell.able)
    booked, _ = read_booked(session, {territory: place.zone}, counted.weeks, now)
    here = [b for b in booked if b.piece.week == week and any(need.row == row for need in b.piece.needs)]
    if row.kind is RowKind.ANYBODY:
        here = [b for b in booked if b.piece.week == week and not b.piece.needs]
    return CellPage(
        computed_at=run.computed_at,
        named=NamedCell(
            cell=cell,
            name=_names(session, counted)[row],
            territory=place.name,
            rests_on=None if cell.rests_on is None else dict(able).get(cell.rests_on, "one person"),
        ),
        able=able,
        visits=_visits(session, [b.visit_id for b in here]),
        remedies=tuple(
            NamedRemedy(remedy=each, person=names.get(each.person, GONE))
            for each in sorted(helping, key=lambda each: (-each.gained_s, each.kind, each.person))
        ),
    )


def _visits(session: Session, ids: Collection[int]) -> tuple[CellVisit, ...]:
    live = and_(Assignment.visit_id == Visit.id, Assignment.state.not_in(RELEASED_STATES))
    found = session.execute(
        select(
            Job.id,
            Job.title,
            Customer.name,
            Visit.duration_s + Visit.setup_s,
            func.string_agg(Technician.name.distinct(), ", "),
        )
        .join(Visit, Visit.job_id == Job.id)
        .join(Customer, Customer.id == Job.customer_id)
        .outerjoin(Assignment, live)
        .outerjoin(Technician, Technician.id == Assignment.technician_id)
        .where(Visit.id.in_(ids))
        .group_by(Job.id, Customer.name, Visit.id)
        .order_by(Job.priority, Job.id)
    )
    return tuple(
        CellVisit(job_id=job, title=title, customer=customer, seconds=seconds, technician=who)
        for job, title, customer, seconds, who in found
    )


def _pairs(counted: Counted, places: Collection[int], people: Mapping[int, str]) -> tuple[Pair, ...]:
    """Give the pairs that are felt in these territories, greatest first."""
    found = [
        Pair(
            people=((one, people.get(one, GONE)), (other, people.get(other, GONE))),
            beyond_s=sum(lost for place, lost in pair.beyond.items() if place in places),
        )
        for pair in counted.pairs
        for one, other in [pair.people]
    ]
    return tuple(sorted((pair for pair in found if pair.beyond_s > 0), key=lambda pair: (-pair.beyond_s, pair.people)))


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
    counted = from_json(run.result)
    asked = select(Territory.id, Territory.name).order_by(Territory.name)
    places = {number: name for number, name in session.execute(asked) if reach is None or number in reach}
    here = [each for each in counted.outlines if each.territory in places]
    if territory is not None:
        here = [each for each in here if each.territory == territory]
    names = _names(session, counted)
    rows = sorted({each.row for each in here if each.row in names}, key=lambda one: names[one].casefold())
    fitting = [each for each in here if each.row in names and row in (None, each.row)]
    most = max(fitting, key=lambda each: (sum(each.forecast.mean_s), -each.territory), default=None)
    where = (most.row, most.territory) if most else None
    cells = {cell.week: cell for cell in counted.cells if (cell.row, cell.territory) == where}
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


def _shown(places: Mapping[int, str], cells: Iterable[Cell], chosen: int | None) -> tuple[tuple[int, str], ...]:
    if chosen is not None:
        return tuple((number, name) for number, name in places.items() if number == chosen)
    missing = dict.fromkeys(places, 0)
    for cell in cells:
        missing[cell.territory] += cell.missing_s
    most = sorted(places, key=lambda place: (-missing[place], places[place]))[:TERRITORIES_AT_ONCE]
    return tuple((number, name) for number, name in places.items() if number in most)


def _heat_rows(cells: Sequence[NamedCell]) -> tuple[HeatRow, ...]:
    by_row: dict[Row, list[NamedCell]] = {}
    for named in cells:
        if named.cell.needed_s:
            by_row.setdefault(named.cell.row, []).append(named)
    rows = [
        HeatRow(
            row=row,
            name=found[0].name,
            cells={(named.cell.territory, named.cell.week): named for named in found},
            missing_s=sum(named.cell.missing_s for named in found),
        )
        for row, found in by_row.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.missing_s, row.row.kind, row.name.casefold())))


def _names(session: Session, counted: Counted) -> dict[Row, str]:
    used = {cell.row for cell in counted.cells}
    used |= {felt.row for risk in counted.risks for felt in risk.felt} | {sole.row for sole in counted.soles}
    used |= {felt.row for felt in counted.stress.felt} | {each.row for each in counted.outlines}
    skills = [row.id for row in used if row.kind is RowKind.SKILL]
    kinds = [row.id for row in used if row.kind is RowKind.CERTIFICATION]
    found = {Row(kind=RowKind.ANYBODY): "Work for anybody"}
    for number, name in session.execute(select(Skill.id, Skill.name).where(Skill.id.in_(skills))):
        found[Row(kind=RowKind.SKILL, id=number)] = name
    asked = select(CertificationKind.id, CertificationKind.name).where(CertificationKind.id.in_(kinds))
    for number, name in session.execute(asked):
        found[Row(kind=RowKind.CERTIFICATION, id=number)] = name
    return found


def _people(session: Session, counted: Counted) -> dict[int, str]:
    used = {cell.rests_on for cell in counted.cells} | {risk.person for risk in counted.risks}
    used |= {sole.person for sole in counted.soles} | {person for pair in counted.pairs for person in pair.people}
    asked = select(Technician.id, Technician.name).where(Technician.id.in_(used - {None}))
    return dict(session.execute(asked).all())


def _changes_since(session: Session, seq: int) -> int:
    """How many changes the log has since, counts of coverage itself aside."""
    asked = select(func.count()).where(AuditEvent.seq > seq, AuditEvent.entity != "coverage_run")
    return session.scalar(asked) or 0


def scarcity_prices(session: Session, *, territory: int, week: date) -> dict[int, int]:
    """Return skill to what an hour of it is worth beyond plain work, seconds of paid travel; empty before any count."""
    return _prices(session, {(territory, week)})


def prices_of_scope(session: Session, scope: Collection[tuple[int, date]]) -> dict[int, int]:
    """Return the same for a plan of several (territory, day): of each skill its highest price there."""
    return _prices(session, {(territory, day - timedelta(days=day.weekday())) for territory, day in scope})


def _prices(session: Session, places: Collection[tuple[int, date]]) -> dict[int, int]:
    run = latest_run(session)
    found: dict[int, int] = {}
    for cell in () if run is None else from_json(run.result).cells:
        priced = cell.row.kind is RowKind.SKILL and cell.price_s > 0
        if priced and (cell.territory, cell.week) in places:
            found[cell.row.id] = max(cell.price_s, found.get(cell.row.id, 0))
    return found
