"""Everything the dispatch board shows of one day, in a constant number of statements.

The people with a shift or a visit that day, the committed visits with promise and outlook, and what nobody has yet.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.dialects.postgresql import Range, aggregate_order_by
from sqlalchemy.orm import Session, aliased

from dispatch.core.clock import day_bounds
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import CrewSlot, Customer, Job, Promise, PromiseState, Site, SkillNeed, Visit
from dispatch.jobs.models import VisitWindow as WindowRow
from dispatch.planning.draft_models import DraftChange
from dispatch.planning.models import RELEASED_STATES, Assignment, AssignmentState, Pin
from dispatch.planning.promise_state import Outlook
from dispatch.planning.told import arrival, latest_promise, outlook_of
from dispatch.skills.models import Proficiency, Skill
from dispatch.workforce.models import Absence, Partner, Shift, Team, Technician, Territory

URGENT_WITHIN = timedelta(hours=4)
Span = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class BoardPerson:
    """A row of the board."""

    id: int
    name: str
    partner: str | None
    team: str | None
    trade: str | None  # what most of their skills belong to
    territory: str | None  # of the shift that day; None for people who only have work here
    phone: str | None
    start_place: str | None
    last_contact_at: datetime | None
    shifts: tuple[Span, ...]
    breaks: tuple[Span, ...]
    absences: tuple[Span, ...]
    load_s: int
    capacity_s: int


@dataclass(frozen=True, kw_only=True)
class BoardBar:
    """A committed visit of one person; of one out of reach (``elsewhere``) only the time is told."""

    assignment_id: int
    version: int
    visit_id: int
    job_id: int
    territory_id: int
    crew_slot_id: int
    technician_id: int
    start: datetime
    end: datetime
    travel_s: int
    travel_source: str
    title: str
    customer: str
    state: AssignmentState
    promise: Span | None
    outlook: Outlook | None
    pinned: bool
    drafted: bool  # nobody was told of it yet
    lat: float | None
    lon: float | None
    order: int  # in the person's day, from 1
    elsewhere: bool = False


@dataclass(frozen=True, kw_only=True)
class QueuedVisit:
    """A visit that still needs people."""

    visit_id: int
    job_id: int
    title: str
    customer: str
    site: str
    territory_id: int
    lat: float | None
    lon: float | None
    duration_s: int
    priority: int
    missing: int
    crew_size: int
    window: Span | None
    due_at: datetime | None
    promise: Span | None
    skills: tuple[str, ...]
    urgent: bool
    overdue: bool

    @property
    def begin_by(self) -> datetime | None:
        """When the work must begin at the latest; None when nothing was promised and nothing is due."""
        deadline = self.promise[1] if self.promise else self.due_at
        return None if deadline is None else deadline - timedelta(seconds=self.duration_s)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What one board shows: a local day of some territories, and the reach of whoever looks (None: everywhere)."""

    day: date
    zone: str
    territories: tuple[int, ...]
    reach: frozenset[int] | None


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some visits and people of a board, where the rest of it is known."""

    visits: frozenset[int]
    people: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Board:
    """One day of some territories."""

    day: date
    zone: str
    day_start: datetime
    day_end: datetime
    people: tuple[BoardPerson, ...]
    bars: tuple[BoardBar, ...]
    queue: tuple[QueuedVisit, ...]

    def counts(self) -> dict[str, int]:
        """Return how many promises stand how, and how many visits nobody has."""
        found: dict[str, int] = defaultdict(int)
        seen: set[int] = set()
        for bar in self.bars:
            if bar.outlook is not None and bar.visit_id not in seen:
                seen.add(bar.visit_id)
                found[bar.outlook.state.value] += 1
        found["unassigned"] = len(self.queue)
        return dict(found)


def board_for(
    session: Session,
    *,
    territories: Sequence[Territory],
    day: date,
    now: datetime,
    reach: Collection[int] | None = None,
) -> Board:
    """Return the board of some territories on a local day; seven statements whatever the size.

    ``reach`` are the territories whose work the reader may see, None for all: people there may work elsewhere too.
    """
    return read_board(session, scope_of(territories, day, reach), now)


def scope_of(territories: Sequence[Territory], day: date, reach: Collection[int] | None) -> Scope:
    """Return what one board shows: a local day of territories that share a clock."""
    return Scope(
        day=day,
        zone=territories[0].zone if territories else "UTC",
        territories=tuple(territory.id for territory in territories),
        reach=None if reach is None else frozenset(reach),
    )


def read_board(session: Session, scope: Scope, now: datetime, part: Part | None = None) -> Board:
    """Return the board, or the part of it that is about some visits and people."""
    start, end = day_bounds(scope.day, scope.zone)
    shifts = _shifts(session, scope, part)
    bars = _bars(session, scope, Range(start, end), now, part)
    shifts_of, bars_of = _by_person(shifts), _by_person(bars)
    people_ids = shifts_of.keys() | bars_of.keys()
    people = people_rows(session, people_ids)
    absences = _absences(session, people_ids, Range(start, end))
    return Board(
        day=scope.day,
        zone=scope.zone,
        day_start=start,
        day_end=end,
        people=tuple(
            _person(row, shifts_of.get(row.id, []), absences.get(row.id, []), bars_of.get(row.id, [])) for row in people
        ),
        bars=tuple(bars),
        queue=tuple(read_queue(session, scope, now, None if part is None else part.visits)),
    )


def _by_person(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.technician_id].append(row)
    return found


def _shifts(session: Session, scope: Scope, part: Part | None) -> Sequence[Any]:
    return session.execute(
        select(
            Shift.technician_id,
            Shift.during,
            Shift.break_s,
            Shift.break_from,
            Shift.start_kind,
            Territory.name.label("territory"),
        )
        .join(Territory, Territory.id == Shift.territory_id)
        .where(Shift.territory_id.in_(scope.territories), Shift.on_date == scope.day, ~Shift.cancelled)
        .where(true() if part is None else Shift.technician_id.in_(part.people))
        .order_by(Shift.technician_id, func.lower(Shift.during))
    ).all()


def people_rows(session: Session, ids: Collection[int]) -> Sequence[Any]:
    """Read people by name, with what they are grouped by; one statement."""
    return session.execute(
        select(
            Technician.id,
            Technician.name,
            Partner.name.label("partner"),
            Team.name.label("team"),
            _trade(),
            Technician.phone,
            Technician.start_area,
            Technician.last_contact_at,
        )
        .outerjoin(Partner, Partner.id == Technician.partner_id)
        .outerjoin(Team, Team.id == Technician.team_id)
        .where(Technician.id.in_(ids))
        .order_by(func.lower(Technician.name), Technician.id)
    ).all()


def _trade() -> ColumnElement[str]:
    """Select the group of skills in which a person has the most, confirmed ones first; levels play no part."""
    group = aliased(Skill)
    return (
        select(group.name)
        .select_from(Proficiency)
        .join(Skill, Skill.id == Proficiency.skill_id)
        .join(group, group.id == func.coalesce(Skill.parent_id, Skill.id))
        .where(Proficiency.technician_id == Technician.id, Proficiency.fact_count > 0)
        .group_by(group.id, group.name)
        .order_by(func.count().filter(Proficiency.confirmed).desc(), func.count().desc(), group.name)
        .limit(1)
        .correlate(Technician)
        .scalar_subquery()
        .label("trade")
    )


def _absences(session: Session, ids: Collection[int], day: Range[datetime]) -> Mapping[int, list[Span]]:
    found: dict[int, list[Span]] = defaultdict(list)
    rows = session.execute(
        select(Absence.technician_id, (Absence.during * day).label("during"))
        .where(Absence.technician_id.in_(ids), ~Absence.cancelled, Absence.during.op("&&")(day))
        .order_by(func.lower(Absence.during))
    )
    for row in rows:
        found[row.technician_id].append((row.during.lower, row.during.upper))
    return found


def _bars(session: Session, scope: Scope, day: Range[datetime], now: datetime, part: Part | None) -> list[BoardBar]:
    here = select(Shift.technician_id).where(
        Shift.territory_id.in_(scope.territories), Shift.during.op("&&")(day), ~Shift.cancelled
    )
    asked: ColumnElement[bool] = true()
    if part is not None:
        asked = or_(Assignment.visit_id.in_(part.visits), Assignment.technician_id.in_(part.people))
    rows = session.execute(
        select(
            Assignment.id.label("assignment_id"),
            Assignment.version,
            Assignment.visit_id,
            Assignment.crew_slot_id,
            Assignment.technician_id,
            Assignment.during,
            Assignment.travel_s,
            Assignment.travel_source,
            Assignment.state,
            Visit.territory_id,
            Job.id.label("job_id"),
            Job.title,
            Customer.name.label("customer"),
            Site.lat,
            Site.lon,
            Promise.during.label("promise"),
            arrival().label("arrived_at"),
            Pin.id.is_not(None).label("pinned"),
            DraftChange.crew_slot_id.is_not(None).label("drafted"),
        )
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Site, Site.id == Job.site_id)
        .outerjoin(Promise, Promise.id == latest_promise())
        .outerjoin(Pin, Pin.crew_slot_id == Assignment.crew_slot_id)
        .outerjoin(DraftChange, DraftChange.crew_slot_id == Assignment.crew_slot_id)
        .where(
            Assignment.during.op("&&")(day),
            Assignment.state.not_in(RELEASED_STATES),
            or_(Visit.territory_id.in_(scope.territories), Assignment.technician_id.in_(here)),
            asked,
        )
        .order_by(Assignment.technician_id, func.lower(Assignment.during))
    )
    orders: dict[int, int] = defaultdict(int)
    bars = []
    for row in rows:
        orders[row.technician_id] += 1
        bar = _bar(row, orders[row.technician_id], now)
        bars.append(bar if scope.reach is None or bar.territory_id in scope.reach else _hidden(bar))
    return bars


def _bar(row: Any, order: int, now: datetime) -> BoardBar:
    start, end = row.during.lower, row.during.upper
    return BoardBar(
        assignment_id=row.assignment_id,
        version=row.version,
        visit_id=row.visit_id,
        job_id=row.job_id,
        territory_id=row.territory_id,
        crew_slot_id=row.crew_slot_id,
        technician_id=row.technician_id,
        start=start,
        end=end,
        travel_s=row.travel_s,
        travel_source=row.travel_source,
        title=row.title,
        customer=row.customer,
        state=row.state,
        promise=None if row.promise is None else (row.promise.lower, row.promise.upper),
        outlook=outlook_of(row, now),
        pinned=row.pinned,
        drafted=row.drafted,
        lat=row.lat,
        lon=row.lon,
        order=order,
    )


def _hidden(bar: BoardBar) -> BoardBar:
    """Keep of a visit out of reach that the time is taken, with the number by which changes name it."""
    return replace(
        bar,
        version=0,
        job_id=0,
        territory_id=0,
        crew_slot_id=0,
        state=AssignmentState.PLANNED,
        pinned=False,
        drafted=False,
        title="Busy elsewhere",
        customer="Another territory",
        promise=None,
        outlook=None,
        lat=None,
        lon=None,
        elsewhere=True,
    )


def _person(row: Any, shifts: Sequence[Any], away: Sequence[Span], bars: Sequence[BoardBar]) -> BoardPerson:
    spans = [(shift.during.lower, shift.during.upper) for shift in shifts]
    working_s = sum((end - start).total_seconds() for start, end in spans) - sum(shift.break_s for shift in shifts)
    working_s -= sum(_overlap_s(span, gone) for span in spans for gone in away)
    return BoardPerson(
        id=row.id,
        name=row.name,
        partner=row.partner,
        team=row.team,
        trade=row.trade,
        territory=shifts[0].territory if shifts else None,
        phone=row.phone,
        start_place=shifts[0].start_kind.value if shifts else None,
        last_contact_at=row.last_contact_at,
        shifts=tuple(spans),
        breaks=tuple(
            (shift.break_from, shift.break_from + timedelta(seconds=shift.break_s)) for shift in shifts if shift.break_s
        ),
        absences=tuple(away),
        load_s=round(sum((bar.end - bar.start).total_seconds() + bar.travel_s for bar in bars)),
        capacity_s=max(0, round(working_s)),
    )


def _overlap_s(one: Span, other: Span) -> float:
    return max(0.0, (min(one[1], other[1]) - max(one[0], other[0])).total_seconds())


def read_queue(
    session: Session, scope: Scope, now: datetime, visits: Collection[int] | None = None
) -> list[QueuedVisit]:
    """Return what nobody has yet on a board, the most urgent first; with ``visits`` only what is still so of these."""
    _, day_end = day_bounds(scope.day, scope.zone)
    filled = (
        select(func.count())
        .where(Assignment.visit_id == Visit.id, Assignment.state.not_in(RELEASED_STATES))
        .correlate(Visit)
        .scalar_subquery()
    )
    size = select(func.count()).where(CrewSlot.visit_id == Visit.id).correlate(Visit).scalar_subquery()
    window = (
        select(func.min(func.lower(WindowRow.during)), func.max(func.upper(WindowRow.during)))
        .where(WindowRow.visit_id == Visit.id)
        .correlate(Visit)
        .lateral("told")
    )
    skills = (
        select(func.array_agg(aggregate_order_by(Skill.name.distinct(), Skill.name.asc())))
        .select_from(SkillNeed)
        .join(CrewSlot, CrewSlot.id == SkillNeed.crew_slot_id)
        .join(Skill, Skill.id == SkillNeed.skill_id)
        .where(CrewSlot.visit_id == Visit.id)
        .correlate(Visit)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            Visit.id.label("visit_id"),
            Job.id.label("job_id"),
            Job.title,
            Customer.name.label("customer"),
            Site.name.label("site"),
            Visit.territory_id,
            Site.lat,
            Site.lon,
            Visit.duration_s,
            Job.priority,
            size.label("crew_size"),
            (size - filled).label("missing"),
            window.c[0].label("window_start"),
            window.c[1].label("window_end"),
            Visit.due_at,
            Promise.during.label("promise"),
            skills.label("skills"),
        )
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Site, Site.id == Job.site_id)
        .outerjoin(Promise, and_(Promise.visit_id == Visit.id, Promise.state == PromiseState.STANDING))
        .join(window, func.coalesce(True))
        .where(
            Visit.state.in_((VisitState.OPEN, VisitState.PLANNED)),
            Visit.territory_id.in_(scope.territories),
            true() if visits is None else Visit.id.in_(visits),
            or_(Visit.release_at.is_(None), Visit.release_at < day_end),
            or_(window.c[0].is_(None), window.c[0] < day_end),
            or_(Promise.id.is_(None), func.lower(Promise.during) < day_end),
            size > filled,
        )
    )
    return sorted((_queued(row, now) for row in rows), key=lambda item: _urgency(item, now))


def _queued(row: Any, now: datetime) -> QueuedVisit:
    promise = None if row.promise is None else (row.promise.lower, row.promise.upper)
    deadline = promise[1] if promise else row.due_at
    return QueuedVisit(
        visit_id=row.visit_id,
        job_id=row.job_id,
        title=row.title,
        customer=row.customer,
        site=row.site,
        territory_id=row.territory_id,
        lat=row.lat,
        lon=row.lon,
        duration_s=row.duration_s,
        priority=row.priority,
        missing=row.missing,
        crew_size=row.crew_size,
        window=None if row.window_start is None else (row.window_start, row.window_end),
        due_at=row.due_at,
        promise=promise,
        skills=tuple(row.skills or ()),
        overdue=deadline is not None and deadline < now,
        urgent=row.priority == 1 or (deadline is not None and deadline - now <= URGENT_WITHIN),
    )


def _urgency(item: QueuedVisit, now: datetime) -> tuple[bool, datetime, int, int]:
    """Sort by what must begin soonest: the deadline less the work, then the priority."""
    latest = item.begin_by or now + timedelta(days=3660)
    return (not item.urgent, latest, item.priority, item.visit_id)
