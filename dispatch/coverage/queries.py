"""What the coverage pages ask; everything comes from the stored answer, so a page never waits for a solve."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Text, and_, column, func, select, true
from sqlalchemy.dialects.postgresql import JSONB, Range
from sqlalchemy.orm import Session, aliased, defer

from dispatch.core.models import AuditEvent
from dispatch.coverage.demand import read_booked
from dispatch.coverage.expectation import Forecast, TrackRecord
from dispatch.coverage.flow import Cell, worst_places
from dispatch.coverage.models import CoverageRun
from dispatch.coverage.outlook import Row, RowKind
from dispatch.coverage.remedies import Remedy
from dispatch.coverage.result import VERSION, Counted, Felt, cell_in, from_json
from dispatch.jobs.models import Customer, Job, Promise, PromiseState, Visit
from dispatch.planning.models import RELEASED_STATES, Assignment
from dispatch.skills.models import CertificationKind, Skill
from dispatch.workforce.models import Technician, Territory

TERRITORIES_AT_ONCE = 5
GONE = "somebody who left"
PARTS = ("cells", "remedies", "prices", "outlines")

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
    """A row of the table: one skill in one territory, its cells by week."""

    row: Row
    name: str
    cells: Mapping[date, NamedCell]
    missing_s: int


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """The table of one territory, rows with most hours missing first."""

    territory: int
    name: str
    rows: tuple[HeatRow, ...]

    @property
    def short(self) -> int:
        """How many rows miss something in some week."""
        return sum(row.missing_s > 0 for row in self.rows)


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
    promised: int
    alone: int


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
    maps: tuple[HeatMap, ...]
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
    """Return the answer with the newest reading that this program can read, without its numbers (`read_counted`).

    To see a version a whole answer is unpacked, so runs are lined up first and looked at from the newest on: offset 0
    keeps the database from looking at every run that is kept.
    """
    reading = (CoverageRun.based_on_seq.desc(), CoverageRun.computed_at.desc(), CoverageRun.id.desc())
    newest = select(CoverageRun).order_by(*reading).offset(0).subquery("newest")
    run = aliased(CoverageRun, newest)
    return session.scalars(
        select(run).options(defer(run.result)).where(run.result["version"].as_integer() == VERSION).limit(1)
    ).first()


def read_counted(
    session: Session, run_id: int, *, places: Collection[int] | None = None, sections: Collection[str] | None = None
) -> Counted:
    """Read the numbers of a run; of the large ones only these territories and sections, None stands for all."""
    if places is None and sections is None:
        return from_json(session.execute(select(CoverageRun.result).where(CoverageRun.id == run_id)).scalar_one())
    return from_json({**_head(session, run_id), "parts": _parts(session, run_id, places, sections or PARTS)})


def _head(session: Session, run_id: int) -> dict[str, Any]:
    found: dict[str, Any] = session.execute(
        select(CoverageRun.result.op("-")("parts")).where(CoverageRun.id == run_id)
    ).scalar_one()
    return found


def _parts(session: Session, run_id: int, places: Territories, sections: Collection[str]) -> dict[str, Any]:
    each = func.jsonb_each(CoverageRun.result["parts"])
    part = each.table_valued(column("key", Text), column("value", JSONB)).lateral("part")
    asked = (
        select(part.c.key, *(part.c.value[name] for name in sections))
        .select_from(CoverageRun)
        .join(part, true())
        .where(CoverageRun.id == run_id)
    )
    if places is not None:
        asked = asked.where(part.c.key.in_([str(place) for place in places]))
    return {
        place: {name: lines or [] for name, lines in zip(sections, found, strict=True)}
        for place, *found in session.execute(asked)
    }


def coverage_page(
    session: Session, *, reach: Territories, chosen: int | None = None, everywhere: bool = False, maps: bool = True
) -> CoveragePage | None:
    """Answer where we are short, on whom it rests and how sure that is; None before the first count.

    Seven statements. Of more than five territories the five with most hours missing are shown, unless one is
    chosen or all are asked for. Who draws no ``maps`` is spared reading the thousands of cells they are made of.
    """
    run = latest_run(session)
    if run is None:
        return None
    places = {
        number: name
        for number, name in session.execute(select(Territory.id, Territory.name).order_by(Territory.name))
        if reach is None or number in reach
    }
    head = _head(session, run.id)
    missing_s = {int(place): seconds for place, seconds in head["missing_s"].items()}
    shown = tuple(places.items()) if everywhere else _shown(places, missing_s, chosen)
    shown = shown if maps else ()
    counted = from_json({**head, "parts": _parts(session, run.id, dict(shown), ("cells",))})
    names = _names(session, counted)
    people = _people(session, counted)

    def named(cell: Cell) -> NamedCell:
        rests_on = None if cell.rests_on is None else people.get(cell.rests_on, "one person")
        return NamedCell(cell=cell, name=names[cell.row], territory=places[cell.territory], rests_on=rests_on)

    asked = places if chosen is None else {chosen} & places.keys()
    worst_first = worst_places(cell for cell in counted.worst if cell.territory in asked)
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
        changes_since=changes_since(session, run.based_on_seq),
        counted=counted,
        territories=tuple(places.items()),
        shown=shown,
        worst=tuple(tuple(named(cell) for cell in weeks) for weeks in worst_first),
        maps=tuple(
            HeatMap(
                territory=place,
                name=name,
                rows=_heat_rows([named(cell) for cell in counted.cells if cell.territory == place]),
            )
            for place, name in shown
        ),
        risks=_risks(counted, places, people, told),
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
        missing_s=sum(lost for place, lost in counted.missing_s.items() if place in places),
        without_hours=tuple(places[place] for place in counted.without_hours if place in places),
    )


@dataclass(frozen=True, kw_only=True)
class CellVisit:
    """A booked visit that a cell counts; ``at_risk`` while nobody has it and hours are missing."""

    job_id: int
    title: str
    customer: str
    seconds: int
    technician: str | None
    assigned_at: datetime | None
    promised: Range[datetime] | None
    due_at: datetime | None
    at_risk: bool


@dataclass(frozen=True, kw_only=True)
class CellPage:
    """One cell opened: the numbers, who can do the work, and the visits that ask for it."""

    computed_at: datetime
    named: NamedCell
    able: tuple[tuple[int, str], ...]
    zone: str
    visits: tuple[CellVisit, ...]
    remedies: tuple[NamedRemedy, ...]
    tried: bool


def cell_page(
    session: Session, *, reach: Territories, row: Row, territory: int, week: date, now: datetime
) -> CellPage | None:
    """Answer who, what and when behind one cell; None where nothing was counted or the reader may not look."""
    run = latest_run(session)
    if run is None or (reach is not None and territory not in reach):
        return None
    counted = read_counted(session, run.id, places={territory}, sections=("cells", "remedies"))
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
        zone=place.zone,
        tried=cell.missing_s >= counted.tried_from_s.get(week, 0),
        visits=_visits(session, [b.visit_id for b in here], short=cell.missing_s > 0),
        remedies=tuple(
            NamedRemedy(remedy=each, person=names.get(each.person, GONE))
            for each in sorted(helping, key=lambda each: (-each.gained_s, each.kind, each.person))
        ),
    )


def _visits(session: Session, ids: Collection[int], *, short: bool) -> tuple[CellVisit, ...]:
    live = and_(Assignment.visit_id == Visit.id, Assignment.state.not_in(RELEASED_STATES))
    standing = and_(Promise.visit_id == Visit.id, Promise.state == PromiseState.STANDING)
    found = session.execute(
        select(
            Job.id,
            Job.title,
            Customer.name,
            Visit.duration_s + Visit.setup_s,
            func.string_agg(Technician.name.distinct(), ", "),
            func.min(func.lower(Assignment.during)).label("assigned_at"),
            Promise.during,
            func.coalesce(Visit.due_at, Job.due_at).label("due_at"),
        )
        .join(Visit, Visit.job_id == Job.id)
        .join(Customer, Customer.id == Job.customer_id)
        .outerjoin(Assignment, live)
        .outerjoin(Technician, Technician.id == Assignment.technician_id)
        .outerjoin(Promise, standing)
        .where(Visit.id.in_(ids))
        .group_by(Job.id, Customer.name, Visit.id, Promise.id)
        .order_by(Job.priority, Job.id)
    )
    visits = [
        CellVisit(
            job_id=job,
            title=title,
            customer=customer,
            seconds=seconds,
            technician=who,
            assigned_at=assigned_at,
            promised=promised,
            due_at=due_at,
            at_risk=short and who is None,
        )
        for job, title, customer, seconds, who, assigned_at, promised, due_at in found
    ]
    return tuple(sorted(visits, key=lambda visit: not visit.at_risk))


def _risks(
    counted: Counted,
    places: Collection[int],
    people: Mapping[int, str],
    told: Callable[[Iterable[Felt]], tuple[NamedFelt, ...]],
) -> tuple[PersonRisk, ...]:
    """Give everybody whose absence is felt in these territories, in hours or in promises, most hours first."""
    promised: dict[int, list[int]] = {}
    for each in counted.promised:
        if each.territory in places:
            sums = promised.setdefault(each.person, [0, 0])
            sums[0] += each.visits
            sums[1] += each.alone
    felt = {risk.person: risk for risk in counted.risks}
    lost = {who: sum(risk.by_territory.get(place, 0) for place in places) for who, risk in felt.items()}
    wanted = {who for who in lost if lost[who] > 0} | {who for who, (_all, alone) in promised.items() if alone}
    found = [
        PersonRisk(
            person=who,
            name=people.get(who, GONE),
            lost_s=max(0, lost.get(who, 0)),
            felt=told(felt[who].felt) if who in felt else (),
            promised=promised.get(who, [0, 0])[0],
            alone=promised.get(who, [0, 0])[1],
        )
        for who in wanted
    ]
    return tuple(sorted(found, key=lambda risk: (-risk.lost_s, -risk.alone, risk.person)))


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
    asked = select(Territory.id, Territory.name).order_by(Territory.name)
    places = {number: name for number, name in session.execute(asked) if reach is None or number in reach}
    read = places if territory is None else {territory} & places.keys()
    counted = read_counted(session, run.id, places=read, sections=("outlines",))
    here = [each for each in counted.outlines if each.territory in places]
    if territory is not None:
        here = [each for each in here if each.territory == territory]
    names = _names(session, counted)
    rows = sorted({each.row for each in here if each.row in names}, key=lambda one: names[one].casefold())
    fitting = [each for each in here if each.row in names and row in (None, each.row)]
    most = max(fitting, key=lambda each: (sum(each.forecast.mean_s), -each.territory), default=None)
    cells = {cell.week: cell for cell in _cells_of(session, run.id, most.row, most.territory)} if most else {}
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


def _cells_of(session: Session, run_id: int, row: Row, territory: int) -> list[Cell]:
    """Read the cells of one row in one territory and leave the thousands beside them as they are stored."""
    return [
        cell_in(line)
        for part in _parts(session, run_id, {territory}, ("cells",)).values()
        for line in part["cells"]
        if (line[0], line[1]) == (row.kind.value, row.id)
    ]


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


def _shown(places: Mapping[int, str], missing_s: Mapping[int, int], chosen: int | None) -> tuple[tuple[int, str], ...]:
    if chosen is not None:
        return tuple((number, name) for number, name in places.items() if number == chosen)
    most = sorted(places, key=lambda place: (-missing_s.get(place, 0), places[place]))[:TERRITORIES_AT_ONCE]
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
            cells={named.cell.week: named for named in found},
            missing_s=sum(named.cell.missing_s for named in found),
        )
        for row, found in by_row.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.missing_s, row.row.kind, row.name.casefold())))


def _names(session: Session, counted: Counted) -> dict[Row, str]:
    used = {cell.row for cell in (*counted.cells, *counted.worst)}
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
    used = {cell.rests_on for cell in (*counted.cells, *counted.worst)} | {risk.person for risk in counted.risks}
    used |= {each.person for each in counted.promised if each.alone}
    used |= {sole.person for sole in counted.soles} | {person for pair in counted.pairs for person in pair.people}
    asked = select(Technician.id, Technician.name).where(Technician.id.in_(used - {None}))
    return dict(session.execute(asked).all())


def changes_since(session: Session, seq: int) -> int:
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
    near = {place for place, _week in places}
    for cell in () if run is None else read_counted(session, run.id, places=near, sections=("cells",)).cells:
        priced = cell.row.kind is RowKind.SKILL and cell.price_s > 0
        if priced and (cell.territory, cell.week) in places:
            found[cell.row.id] = max(cell.price_s, found.get(cell.row.id, 0))
    return found
