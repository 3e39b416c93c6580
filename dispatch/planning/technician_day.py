"""A technician's own day: the visits in order with what one needs to know on the way, and what changed meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from dispatch.core.clock import day_bounds
from dispatch.core.errors import NotFound
from dispatch.core.models import AuditEvent
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Asset, CrewSlot, Customer, Job, JobType, Promise, Site, SkillNeed, Visit
from dispatch.planning.drafts import told_bookings
from dispatch.planning.models import Assignment, AssignmentState, VisitReport
from dispatch.planning.promise_state import Outlook
from dispatch.planning.setting_off import may_set_off
from dispatch.planning.told import arrival, latest_promise, outlook_of
from dispatch.skills.models import Skill
from dispatch.workforce.models import Shift, Technician, Territory, TerritoryMembership

OPEN_STATES = (
    AssignmentState.PLANNED,
    AssignmentState.ACCEPTED,
    AssignmentState.ON_THE_WAY,
    AssignmentState.ON_SITE,
)
SHOWN_STATES = (*OPEN_STATES, AssignmentState.DONE, AssignmentState.NOT_DONE)
# Gate codes and telephone numbers are shown from the day before until a day after the visit, then no more.
PRIVATE_BEFORE = timedelta(days=1)
PRIVATE_AFTER = timedelta(hours=24)
LOOK_BACK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One visit of one's own."""

    assignment_id: int
    version: int
    visit_id: int
    job_id: int
    state: AssignmentState
    visit_state: VisitState
    start: datetime
    end: datetime
    travel_s: int
    travel_m: int
    travel_source: str
    why: Mapping[str, Any]
    title: str
    purpose: str
    description: str
    customer_id: int
    customer: str
    contact: str | None
    preferred_channel: str
    phone: str | None
    site: str
    address: str
    lat: float | None
    lon: float | None
    gate_code: str | None
    parking: str | None
    hazards: str | None
    care_note: str | None
    private: bool
    duration_s: int
    site_id: int
    asset_id: int | None
    asset: str | None
    asset_model: str | None
    asset_purpose: str | None
    checklist: Sequence[Any]
    expected_result: str
    zone: str
    territory_id: int
    promise: tuple[datetime, datetime] | None
    outlook: Outlook | None
    arrived_at: datetime | None
    is_near: bool

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done there."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, kw_only=True)
class WorkTime:
    """A shift of one's own, with its break."""

    start: datetime
    end: datetime
    break_at: datetime | None
    break_s: int
    start_kind: str


@dataclass(frozen=True, kw_only=True)
class MyDay:
    """A technician's local day."""

    day: date
    zone: str
    stops: tuple[Stop, ...]
    shifts: tuple[WorkTime, ...]

    @property
    def next_stop(self) -> Stop | None:
        """The visit one is at or goes to next: what is under way first, then by time."""
        under_way = (AssignmentState.ON_SITE, AssignmentState.ON_THE_WAY)
        waiting = [stop for stop in self.stops if stop.is_open]
        return min(waiting, key=lambda stop: (stop.state not in under_way, stop.start), default=None)


class ChangeKind(StrEnum):
    """What became of a visit since one last looked."""

    NEW = "new"
    MOVED = "moved"
    GONE = "gone"


@dataclass(frozen=True, kw_only=True)
class DayChange:
    """A change to one's own visits."""

    kind: ChangeKind
    visit_id: int
    title: str
    customer: str
    zone: str
    was: datetime | None
    now: datetime | None
    at: datetime


def zone_of(session: Session, technician_id: int, on: date) -> str:
    """Return the time zone a person works in on a day: of the shift, else of their territory, else UTC."""
    shift = (
        select(Territory.zone)
        .join(Shift, Shift.territory_id == Territory.id)
        .where(Shift.technician_id == technician_id, Shift.on_date >= on, ~Shift.cancelled)
        .order_by(Shift.on_date)
        .limit(1)
    )
    member = (
        select(Territory.zone)
        .join(TerritoryMembership, TerritoryMembership.territory_id == Territory.id)
        .where(TerritoryMembership.technician_id == technician_id, TerritoryMembership.during.contains(on))
        .order_by(TerritoryMembership.id)
        .limit(1)
    )
    found = session.scalar(select(func.coalesce(shift.scalar_subquery(), member.scalar_subquery())))
    return found or "UTC"


def my_day(session: Session, technician_id: int, *, day: date, zone: str, now: datetime) -> MyDay:
    """Return a technician's visits and shifts of a local day; two statements."""
    start, end = day_bounds(day, zone)
    told = told_bookings().c
    stops = _stops(
        session,
        told,
        and_(
            told.technician_id == technician_id,
            told.state.in_(SHOWN_STATES),
            told.during.op("&&")(Range(start, end)),
        ),
        now,
    )
    shifts = session.execute(
        select(Shift.during, Shift.break_from, Shift.break_s, Shift.start_kind)
        .where(Shift.technician_id == technician_id, ~Shift.cancelled, Shift.during.op("&&")(Range(start, end)))
        .order_by(func.lower(Shift.during))
    )
    return MyDay(
        day=day,
        zone=zone,
        stops=tuple(stops),
        shifts=tuple(
            WorkTime(
                start=row.during.lower,
                end=row.during.upper,
                break_at=row.break_from if row.break_s else None,
                break_s=row.break_s,
                start_kind=row.start_kind.value,
            )
            for row in shifts
        ),
    )


def my_visit(session: Session, technician_id: int, visit_id: int, *, now: datetime) -> Stop:
    """Return one's own visit, also one that was taken away since; others' do not exist here."""
    told = told_bookings().c
    mine = and_(told.technician_id == technician_id, told.visit_id == visit_id)
    found = _stops(session, told, mine, now, newest=True)
    if not found or (found[0].state not in SHOWN_STATES and not ever_told(session, technician_id, visit_id)):
        raise NotFound("There is no such visit.")
    return found[0]


def ever_told(session: Session, technician_id: int, visit_id: int) -> bool:
    """Whether somebody heard that a visit was theirs: what came and went within a draft they know nothing of."""
    events = session.execute(
        select(AuditEvent.before, AuditEvent.after).where(
            AuditEvent.entity == "visit",
            AuditEvent.entity_id == str(visit_id),
            or_(AuditEvent.before.has_key("slots"), AuditEvent.after.has_key("slots")),
        )
    ).all()
    drafted = [event for event in events if "told" in (event.after or {})]
    return not drafted or any(
        _is_of(slot, technician_id) for event in events for side in _sides(event) for slot in side
    )


def crew_of(session: Session, visit_id: int, *, besides: int) -> list[tuple[str, str | None]]:
    """Return name and telephone of the others of a visit's crew."""
    told = told_bookings().c
    rows = session.execute(
        select(Technician.name, Technician.phone)
        .join(told.id.table, told.technician_id == Technician.id)
        .where(told.visit_id == visit_id, told.state.in_(OPEN_STATES), Technician.id != besides)
        .order_by(Technician.name)
    )
    return [(row.name, row.phone) for row in rows]


def skills_asked(session: Session, assignment_id: int) -> list[tuple[int, str]]:
    """Return the skills one's own place in the crew needs, for the close-out question."""
    rows = session.execute(
        select(Skill.id, Skill.name)
        .join(SkillNeed, SkillNeed.skill_id == Skill.id)
        .join(Assignment, Assignment.crew_slot_id == SkillNeed.crew_slot_id)
        .where(Assignment.id == assignment_id)
        .distinct()
        .order_by(Skill.name)
    )
    return [(row.id, row.name) for row in rows]


def reports_of(session: Session, visit_id: int, technician_id: int) -> Sequence[VisitReport]:
    """Return what a person reported about a visit, in the order it happened."""
    return session.scalars(
        select(VisitReport)
        .where(VisitReport.visit_id == visit_id, VisitReport.technician_id == technician_id)
        .order_by(VisitReport.happened_at, VisitReport.received_at)
    ).all()


def changes_since(session: Session, technician_id: int, *, since: datetime, now: datetime) -> list[DayChange]:
    """Return what others changed about one's visits from now on, newest first; one statement.

    Read from the change log, several changes to a visit folded into one: what it was when one looked, what it is. What
    nobody was told of yet is not in it.
    """
    mine = select(cast(Assignment.visit_id, String)).where(
        Assignment.technician_id == technician_id, func.upper(Assignment.during) > now - LOOK_BACK
    )
    rows = session.execute(
        select(
            AuditEvent.entity_id,
            AuditEvent.before,
            AuditEvent.after,
            AuditEvent.at,
            Job.title,
            Customer.name.label("customer"),
            Territory.zone,
        )
        .join(Visit, cast(Visit.id, String) == AuditEvent.entity_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .where(
            AuditEvent.entity == "visit",
            AuditEvent.entity_id.in_(mine),
            AuditEvent.at > since,
            or_(AuditEvent.before.has_key("slots"), AuditEvent.after.has_key("slots")),
        )
        .order_by(AuditEvent.seq)
    ).all()
    by_visit: dict[str, list[Any]] = {}
    for row in rows:
        by_visit.setdefault(row.entity_id, []).append(row)
    changes = [_folded(technician_id, events, now) for events in by_visit.values()]
    return sorted((change for change in changes if change is not None), key=lambda each: each.at, reverse=True)


def _folded(technician_id: int, events: Sequence[Any], now: datetime) -> DayChange | None:
    sides = [(event, *_sides(event)) for event in events]
    about = [one for one in sides if any(_is_of(slot, technician_id) for side in one[1:] for slot in side)]
    if not about:  # only others of the crew changed, or nobody was told
        return None
    was, then, last = _start_of(about[0][1], technician_id), _start_of(about[-1][2], technician_id), about[-1][0]
    if was == then or max(was or then or now, then or was or now) < now:
        return None
    kind = ChangeKind.NEW if was is None else ChangeKind.GONE if then is None else ChangeKind.MOVED
    return DayChange(
        kind=kind,
        visit_id=int(last.entity_id),
        title=last.title,
        customer=last.customer,
        zone=last.zone,
        was=was,
        now=then,
        at=last.at,
    )


def _sides(event: Any) -> tuple[list[Any], list[Any]]:
    """Return what people believed before and after a change, slot by slot."""
    before, after = event.before or {}, event.after or {}
    if "told" in after:
        return [each["before"] for each in after["told"]], [each["after"] for each in after["told"]]
    return before.get("slots", []), after.get("slots", [])


def _is_of(slot: Mapping[str, Any] | None, technician_id: int) -> bool:
    return slot is not None and slot.get("technician_id") == technician_id


def _start_of(slots: Sequence[Any], technician_id: int) -> datetime | None:
    return next((datetime.fromisoformat(slot["start"]) for slot in slots if _is_of(slot, technician_id)), None)


def _stops(
    session: Session,
    told: ReadOnlyColumnCollection[str, Any],
    wanted: ColumnElement[bool],
    now: datetime,
    *,
    newest: bool = False,
) -> list[Stop]:
    query = (
        select(
            *told,
            Visit.state.label("visit_state"),
            Visit.duration_s,
            Visit.territory_id,
            Job.id.label("job_id"),
            Job.title,
            Job.purpose,
            Job.description,
            JobType.checklist,
            JobType.expected_result,
            Customer.id.label("customer_id"),
            Customer.name.label("customer"),
            Customer.contact_name.label("contact"),
            Customer.preferred_channel,
            Customer.phone,
            Customer.care_note,
            Site.id.label("site_id"),
            Site.name.label("site"),
            Site.address,
            Site.lat,
            Site.lon,
            Site.gate_code,
            Site.parking,
            Site.hazards,
            Asset.id.label("asset_id"),
            Asset.name.label("asset"),
            Asset.model.label("asset_model"),
            Asset.purpose.label("asset_purpose"),
            Territory.zone,
            Promise.during.label("promise"),
            arrival().label("arrived_at"),
        )
        .join(Visit, Visit.id == told.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(JobType, JobType.id == Job.job_type_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Site, Site.id == Job.site_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .join(CrewSlot, CrewSlot.id == told.crew_slot_id)
        .outerjoin(Asset, Asset.id == Job.asset_id)
        .outerjoin(Promise, Promise.id == latest_promise())
        .where(wanted)
        .order_by(*((told.id.desc(),) if newest else (func.lower(told.during), told.id)))
    )
    return [_stop(row, now) for row in session.execute(query.limit(1) if newest else query)]


def _stop(row: Any, now: datetime) -> Stop:
    start, end = row.during.lower, row.during.upper
    released = row.state not in SHOWN_STATES
    private = not released and start - PRIVATE_BEFORE <= now <= end + PRIVATE_AFTER
    return Stop(
        assignment_id=row.id,
        version=row.version,
        visit_id=row.visit_id,
        job_id=row.job_id,
        state=row.state,
        visit_state=row.visit_state,
        start=start,
        end=end,
        travel_s=row.travel_s,
        travel_m=row.travel_m,
        travel_source=row.travel_source,
        why=row.why,
        title=row.title,
        purpose=row.purpose,
        description=row.description,
        customer_id=row.customer_id,
        customer=row.customer,
        contact=row.contact,
        preferred_channel=row.preferred_channel,
        phone=row.phone if private else None,
        site=row.site,
        address=row.address,
        lat=row.lat,
        lon=row.lon,
        gate_code=row.gate_code if private else None,
        parking=row.parking,
        hazards=row.hazards,
        care_note=row.care_note,
        private=private,
        duration_s=row.duration_s,
        site_id=row.site_id,
        asset_id=row.asset_id,
        asset=row.asset,
        asset_model=row.asset_model,
        asset_purpose=row.asset_purpose,
        checklist=row.checklist,
        expected_result=row.expected_result,
        zone=row.zone,
        territory_id=row.territory_id,
        promise=None if row.promise is None else (row.promise.lower, row.promise.upper),
        outlook=outlook_of(row, now),
        arrived_at=row.arrived_at,
        is_near=may_set_off(start, now, row.zone),
    )
