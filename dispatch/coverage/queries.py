"""What the coverage pages ask; everything comes from the stored answer, so a page never waits for a solve."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias

from sqlalchemy import ColumnElement, Integer, and_, any_, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, Range
from sqlalchemy.orm import InstrumentedAttribute, Session

from dispatch.core.models import AuditEvent
from dispatch.coverage.demand import read_booked
from dispatch.coverage.flow import Cell, worst_places
from dispatch.coverage.kept import latest_run, line_of, read_head, read_lines
from dispatch.coverage.models import CoverageLine
from dispatch.coverage.outlook import Row, RowKind
from dispatch.coverage.remedies import Remedy
from dispatch.coverage.result import Counted, Felt
from dispatch.jobs.models import Customer, Job, Promise, PromiseState, Visit
from dispatch.planning.models import RELEASED_STATES, Assignment
from dispatch.skills.models import CertificationKind, Skill
from dispatch.workforce.models import Technician, Territory

TERRITORIES_AT_ONCE = 5
GONE = "somebody who left"
FEW_ROWS, MANY_ROWS = 12, 60
"""Rows of a territory shown beside others, and on its own."""

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
class NamedLine:
    """A row of a territory's table without its cells."""

    row: Row
    name: str
    missing_s: int


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """The table of one territory, rows with most hours missing first: all its lines, and those shown with cells."""

    territory: int
    name: str
    lines: tuple[NamedLine, ...]
    rows: tuple[HeatRow, ...]

    @property
    def short(self) -> int:
        """How many rows miss something in some week."""
        return sum(line.missing_s > 0 for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class NamedFelt:
    """Where somebody's absence would be felt."""

    felt: Felt
    name: str
    territory: str


@dataclass(frozen=True, kw_only=True)
class PersonRisk:
    """What would go unmet without one person, in the territories of the reader; and where most of all."""

    person: int
    name: str
    lost_s: int
    felt_most: NamedFelt | None
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
    first: int
    at_once: int
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


def coverage_page(
    session: Session, *, reach: Territories, chosen: int | None = None, maps: bool = True, number: int = 1
) -> CoveragePage | None:
    """Answer where we are short, on whom it rests and how sure that is; None before the first count.

    Nine statements. Of more than five territories the five with most hours missing are shown, unless one is chosen; of
    their rows those on this page. Who draws no ``maps`` is spared reading the table.
    """
    run = latest_run(session)
    if run is None:
        return None
    places = territories_in(session, reach)
    counted = read_head(session, run.id)
    shown = _shown(places, counted.missing_s, chosen) if maps else ()
    at_once = MANY_ROWS if chosen is not None or len(places) == 1 else FEW_ROWS
    first = at_once * (max(1, number) - 1)
    sums = _sums(session, run.id, dict(shown))
    names = row_names(session, _rows_of(counted) | {row for _place, row, _missing in sums})
    lines = _in_order(sums, names)
    drawn = {place: here[first : first + at_once] for place, here in lines.items()}
    keys = [(place, line.row.kind, line.row.id) for place, here in drawn.items() for line in here]
    key = tuple_(CoverageLine.territory_id, CoverageLine.kind, CoverageLine.number)
    read = read_lines(session, run.id, key.in_(keys), lists=("cells",)) if keys else ()
    people = _people(session, counted, [cell for line in read for cell in line.cells])
    cells = {(line.territory, line.row): line.cells for line in read}

    def named(cell: Cell) -> NamedCell:
        rests_on = None if cell.rests_on is None else people.get(cell.rests_on, "one person")
        return NamedCell(cell=cell, name=names[cell.row], territory=places[cell.territory], rests_on=rests_on)

    asked = places if chosen is None else {chosen} & places.keys()
    worst_first = worst_places(cell for cell in counted.worst if cell.territory in asked)
    lost = {risk.person: risk.lost_in(places) for risk in counted.risks}

    def told(felt: Iterable[Felt]) -> Iterator[NamedFelt]:
        return (
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
        first=first,
        at_once=at_once,
        worst=tuple(tuple(named(cell) for cell in weeks) for weeks in worst_first),
        maps=tuple(
            HeatMap(
                territory=place,
                name=name,
                lines=tuple(lines.get(place, ())),
                rows=tuple(_heat_row(line, cells.get((place, line.row), ()), named) for line in drawn.get(place, ())),
            )
            for place, name in shown
        ),
        risks=_risks(counted, places, people, told),
        pairs=_pairs(counted, places, people),
        stress_felt=tuple(told(counted.stress.felt)),
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


def _heat_row(line: NamedLine, cells: Iterable[Cell], named: Callable[[Cell], NamedCell]) -> HeatRow:
    needed = {cell.week: named(cell) for cell in cells if cell.needed_s}
    return HeatRow(row=line.row, name=line.name, cells=needed, missing_s=line.missing_s)


@dataclass(frozen=True, kw_only=True)
class CoverageTable:
    """Every cell that needs something, territory by territory, for a file; rows as on the page."""

    starts_on: date
    cells: Iterator[NamedCell]


def coverage_table(session: Session, *, reach: Territories, chosen: int | None = None) -> CoverageTable | None:
    """Give the whole table, or that of one territory; None before the first count and where the reader may not look.

    A territory is read when its turn comes, so that a large organisation is never in memory at once.
    """
    run = latest_run(session)
    places = territories_in(session, reach)
    if run is None or (chosen is not None and chosen not in places):
        return None
    shown = places if chosen is None else {chosen: places[chosen]}
    sums = _sums(session, run.id, shown)
    names = row_names(session, {row for _place, row, _missing in sums})
    lines = _in_order(sums, names)
    people = dict(session.execute(select(Technician.id, Technician.name)).all())

    def cells() -> Iterator[NamedCell]:
        for place, territory in shown.items():
            read = read_lines(session, run.id, CoverageLine.territory_id == place, lists=("cells",))
            found = {line.row: line.cells for line in read}
            for line in lines.get(place, ()):
                for cell in found[line.row]:
                    if cell.needed_s:
                        rests_on = None if cell.rests_on is None else people.get(cell.rests_on, "one person")
                        yield NamedCell(cell=cell, name=line.name, territory=territory, rests_on=rests_on)

    return CoverageTable(starts_on=run.starts_on, cells=cells())


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
    counted = read_head(session, run.id, large=False)
    lines = read_lines(session, run.id, *line_of(row, territory), lists=("cells", "remedies"))
    cell = next((cell for line in lines for cell in line.cells if cell.week == week), None)
    place = session.execute(select(Territory.name, Territory.zone).where(Territory.id == territory)).one_or_none()
    if cell is None or place is None:
        return None
    helping = [each for line in lines for each in line.remedies if each.week == week]
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
            name=row_names(session, {row})[row],
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
    told: Callable[[Iterable[Felt]], Iterator[NamedFelt]],
) -> tuple[PersonRisk, ...]:
    """Give everybody whose absence is felt in these territories, in hours or in promises, most hours first."""
    promised: dict[int, list[int]] = {}
    for each in counted.promised:
        if each.territory in places:
            sums = promised.setdefault(each.person, [0, 0])
            sums[0] += each.visits
            sums[1] += each.alone
    felt = {risk.person: risk for risk in counted.risks}
    lost = {who: risk.lost_in(places) for who, risk in felt.items()}
    wanted = {who for who in lost if lost[who] > 0} | {who for who, (_all, alone) in promised.items() if alone}
    found = [
        PersonRisk(
            person=who,
            name=people.get(who, GONE),
            lost_s=max(0, lost.get(who, 0)),
            felt_most=next(told(felt[who].felt), None) if who in felt else None,
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


def _shown(places: Mapping[int, str], missing_s: Mapping[int, int], chosen: int | None) -> tuple[tuple[int, str], ...]:
    if chosen is not None:
        return tuple((number, name) for number, name in places.items() if number == chosen)
    most = sorted(places, key=lambda place: (-missing_s.get(place, 0), places[place]))[:TERRITORIES_AT_ONCE]
    return tuple((number, name) for number, name in places.items() if number in most)


def territories_in(session: Session, reach: Territories) -> dict[int, str]:
    """Return the territories that a reader may look at, by name."""
    asked = select(Territory.id, Territory.name).order_by(Territory.name)
    return {number: name for number, name in session.execute(asked) if reach is None or number in reach}


def _sums(session: Session, run_id: int, places: Collection[int]) -> list[tuple[int, Row, int]]:
    """Give territory, row and missing seconds of every line in which anything is needed."""
    if not places:
        return []
    found = session.execute(
        select(CoverageLine.territory_id, CoverageLine.kind, CoverageLine.number, CoverageLine.missing_s).where(
            CoverageLine.run_id == run_id, CoverageLine.territory_id.in_(places), CoverageLine.needed_s > 0
        )
    )
    return [(place, Row(kind=kind, id=number), missing_s) for place, kind, number, missing_s in found]


def _in_order(sums: Iterable[tuple[int, Row, int]], names: Mapping[Row, str]) -> dict[int, list[NamedLine]]:
    """Put the lines of each territory in the order in which they are shown."""
    found: dict[int, list[NamedLine]] = {}
    for place, row, missing_s in sums:
        found.setdefault(place, []).append(NamedLine(row=row, name=names[row], missing_s=missing_s))
    for lines in found.values():
        lines.sort(key=lambda line: (-line.missing_s, line.row.kind, line.name.casefold(), line.row.id))
    return found


def _rows_of(counted: Counted) -> set[Row]:
    """Give the rows that a page names beside those of its table."""
    used = {cell.row for cell in counted.worst} | {felt.row for risk in counted.risks for felt in risk.felt}
    return used | {sole.row for sole in counted.soles} | {felt.row for felt in counted.stress.felt}


def row_names(session: Session, rows: Iterable[Row]) -> dict[Row, str]:
    """Return how rows of the table are called."""
    used = list(rows)
    skills = [row.id for row in used if row.kind is RowKind.SKILL]
    kinds = [row.id for row in used if row.kind is RowKind.CERTIFICATION]
    found = {Row(kind=RowKind.ANYBODY): "Work for anybody"}
    for number, name in session.execute(select(Skill.id, Skill.name).where(_among(Skill.id, skills))):
        found[Row(kind=RowKind.SKILL, id=number)] = name
    asked = select(CertificationKind.id, CertificationKind.name).where(_among(CertificationKind.id, kinds))
    for number, name in session.execute(asked):
        found[Row(kind=RowKind.CERTIFICATION, id=number)] = name
    return found


def _people(session: Session, counted: Counted, cells: Iterable[Cell]) -> dict[int, str]:
    used = {cell.rests_on for cell in (*cells, *counted.worst)} | {risk.person for risk in counted.risks}
    used |= {each.person for each in counted.promised if each.alone}
    used |= {sole.person for sole in counted.soles} | {person for pair in counted.pairs for person in pair.people}
    asked = select(Technician.id, Technician.name).where(_among(Technician.id, used - {None}))
    return dict(session.execute(asked).all())


def _among(column: InstrumentedAttribute[int], ids: Iterable[int | None]) -> ColumnElement[bool]:
    """Say that a number is one of many: as one array, since a statement with thousands of places is slow."""
    return column == any_(bindparam(None, list(ids), type_=ARRAY(Integer)))


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
    where = (CoverageLine.territory_id.in_(near), CoverageLine.kind == RowKind.SKILL)
    lines = () if run is None else read_lines(session, run.id, *where, lists=("cells",))
    for cell in (cell for line in lines for cell in line.cells):
        if cell.price_s > 0 and (cell.territory, cell.week) in places:
            found[cell.row.id] = max(cell.price_s, found.get(cell.row.id, 0))
    return found
