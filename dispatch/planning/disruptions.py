"""Something happened to the day: the facts change at once, and a repair is asked for in the same transaction.

One situation is one disruption with one owner: reporting it again leads to the one that is open.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.changes import note
from dispatch.accounts.models import Role, RoleGrant, RoleName, User
from dispatch.core.audit import Change, record
from dispatch.core.clock import day_bounds, local_day
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Visit
from dispatch.jobs.service import change_visit
from dispatch.planning.absences import free_bookings, note_absence
from dispatch.planning.accepting import steered, watched_by, wish_well
from dispatch.planning.changing import lock_visits
from dispatch.planning.models import (
    UNSETTLED,
    Assignment,
    Disruption,
    DisruptionKind,
    DisruptionState,
    Pin,
)
from dispatch.planning.pins import note_pins, pins_of
from dispatch.planning.repairing import ask_repair
from dispatch.planning.rows import live
from dispatch.planning.snapshot import LOCKED_STATES
from dispatch.workforce.models import Absence, Shift, Territory

MOST_DAYS = 7
MOST_LATE = 240
ANSWER_WITHIN = timedelta(minutes=30)
WAIT_FOR = timedelta(minutes=15)
OF_THE_VISIT = ("duration_s", "release_at", "due_at")


def report_cannot_work(
    session: Session,
    *,
    technician_id: int,
    until: datetime,
    actor: Actor,
    now: datetime,
    kind: DisruptionKind = DisruptionKind.CANNOT_WORK,
    since: datetime | None = None,
) -> Disruption | None:
    """Note that somebody cannot work until then; None when nothing was booked in that time. Nobody asks why.

    A week of their days is repaired on one page. What is booked later waits in the queue at once, each with its owner.
    """
    since = since or now
    if until <= since:
        raise Invalid("An absence must end after it starts.", field="end")
    begin = max(since, now)
    shifts = _shifts(session, technician_id, begin, until) if begin < until else []
    first = shifts[0].on_date if shifts else None
    if first is not None and (standing := find_unsettled(session, kind, technician_id=technician_id, day=first)):
        return standing
    absence = note_absence(session, technician_id=technician_id, start=since, end=until, actor=actor, now=now)
    booked = session.execute(
        select(Assignment.visit_id, Assignment.crew_slot_id, Assignment.shift_id).where(
            Assignment.technician_id == technician_id,
            live(),
            Assignment.state.not_in(LOCKED_STATES),
            Assignment.during.op("&&")(Range(since, until)),
            func.upper(Assignment.during) > now,
        )
    ).all()
    if not booked or not shifts:
        return None
    _let_go(session, {row.visit_id for row in booked}, technician_id, actor, now)
    days = sorted({row.on_date for row in shifts})
    later = next((row.begin for row in shifts if row.on_date in days[MOST_DAYS : MOST_DAYS + 1]), None)
    facts: dict[str, Any] = {"visits": len({row.visit_id for row in booked})}
    if later is not None:
        freed = free_bookings(session, absence, start=later, end=until, actor=actor, now=now).freed
        facts["later"] = len({each.visit_id for each in freed})
    cells = sorted({(row.on_date, row.territory_id) for row in shifts if row.on_date in days[:MOST_DAYS]})
    return open_disruption(
        session,
        kind=kind,
        cells=[(territory_id, day) for day, territory_id in cells],
        day=days[0],
        technician_id=technician_id,
        absence_id=absence.id,
        facts=facts,
        actor=actor,
        now=now,
    )


def report_late(
    session: Session, *, technician_id: int, minutes: int, actor: Actor, now: datetime
) -> Disruption | None:
    """Somebody needs so much longer; None when nothing comes after. Said again, the later word counts.

    Where every promise still holds the times just follow, and nobody is alerted.
    """
    if not 1 <= minutes <= MOST_LATE:
        raise Invalid(f"Say 1 to {MOST_LATE} minutes.", field="minutes")
    shifts = _shifts(session, technician_id, now, now + timedelta(minutes=minutes))
    if not shifts:
        return None
    actor.require(Right.JOB_REPORT, shifts[0].territory_id, technician_id=technician_id, what="person")
    standing = find_unsettled(session, DisruptionKind.RUNNING_LATE, technician_id=technician_id, day=shifts[0].on_date)
    if standing is not None:
        standing.minutes = minutes
        ask_repair(session, standing)
        return standing
    return open_disruption(
        session,
        kind=DisruptionKind.RUNNING_LATE,
        cells=[(shifts[0].territory_id, shifts[0].on_date)],
        day=shifts[0].on_date,
        technician_id=technician_id,
        minutes=minutes,
        actor=actor,
        now=now,
    )


def report_emergency(session: Session, *, visit_id: int, actor: Actor, now: datetime) -> Disruption:
    """Look for a place today for a visit that cannot wait; others make room only where nothing else helps."""
    visit = lock_visits(session, [visit_id])[visit_id]
    actor.require(Right.ASSIGNMENT_EDIT, visit.territory_id, what="visit")
    standing = find_unsettled(session, DisruptionKind.EMERGENCY, visit_id=visit_id)
    if standing is not None:
        return standing
    if visit.state is not VisitState.OPEN:
        raise Conflict("Somebody has this visit already, or it is over. Move it on the board instead.")
    zone = session.scalars(select(Territory.zone).where(Territory.id == visit.territory_id)).one()
    today = local_day(now, zone)
    return open_disruption(
        session,
        kind=DisruptionKind.EMERGENCY,
        cells=[(visit.territory_id, today)],
        day=today,
        visit_id=visit_id,
        actor=actor,
        now=now,
    )


def end_of_work(session: Session, technician_id: int, day: date, zone: str) -> datetime:
    """Return when a day is over for somebody: at midnight, or when the last shift of that day ends after it."""
    last = session.scalar(
        select(func.max(func.upper(Shift.during))).where(
            Shift.technician_id == technician_id, Shift.on_date == day, ~Shift.cancelled
        )
    )
    midnight = day_bounds(day, zone)[1]
    return midnight if last is None else max(midnight, last)


def _shifts(session: Session, technician_id: int, start: datetime, end: datetime) -> Sequence[Any]:
    return session.execute(
        select(Shift.id, Shift.territory_id, Shift.on_date, func.lower(Shift.during).label("begin"))
        .where(Shift.technician_id == technician_id, ~Shift.cancelled, Shift.during.op("&&")(Range(start, end)))
        .order_by(Shift.on_date, Shift.id)
    ).all()


def find_unsettled(session: Session, kind: DisruptionKind, **about: Any) -> Disruption | None:
    """Return the disruption of this kind that is open already."""
    query = select(Disruption).where(Disruption.kind == kind, Disruption.state.in_(UNSETTLED)).filter_by(**about)
    return session.scalars(query).one_or_none()


def _let_go(session: Session, visits: Collection[int], technician_id: int, actor: Actor, now: datetime) -> None:
    """Take the pins away that hold visits to somebody who is not there."""
    held = session.execute(
        select(Pin.visit_id).where(Pin.visit_id.in_(visits), Pin.technician_id == technician_id).distinct()
    )
    for visit_id in held.scalars().all():
        before = pins_of(session, visit_id)
        session.execute(delete(Pin).where(Pin.visit_id == visit_id, Pin.technician_id == technician_id))
        note_pins(session, "unpin", visit_id, before, actor=actor, now=now)


def open_disruption(
    session: Session,
    *,
    kind: DisruptionKind,
    cells: Sequence[tuple[int, date]],
    day: date,
    actor: Actor,
    now: datetime,
    technician_id: int | None = None,
    visit_id: int | None = None,
    absence_id: int | None = None,
    minutes: int | None = None,
    freed: Sequence[int] = (),
    facts: Mapping[str, Any] | None = None,
) -> Disruption:
    """Note a situation with its owner and ask for its repair; raises Conflict where somebody else noted it just now."""
    territory_id = cells[0][0]
    repairs = actor.user_id is not None and actor.may(Right.ASSIGNMENT_EDIT, territory_id)
    disruption = Disruption(
        kind=kind,
        state=DisruptionState.OPEN,
        territory_id=territory_id,
        day=day,
        technician_id=technician_id,
        visit_id=visit_id,
        absence_id=absence_id,
        minutes=minutes,
        freed=list(freed),
        facts=dict(facts or {}),
        scope=[[territory, on.isoformat()] for territory, on in cells],
        owner_id=actor.user_id if repairs else owner_of(session, territory_id),
        due_at=now + ANSWER_WITHIN,
        reported_by_id=actor.user_id,
        reported_at=now,
        repairer_id=actor.user_id if repairs else None,
        repairing_since=now if repairs else None,
    )
    try:
        with session.begin_nested():
            session.add(disruption)
    except IntegrityError as error:
        raise Conflict("Somebody reported the same a moment ago. It stands among the alerts of the board.") from error
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="report_disruption",
            entity="disruption",
            entity_id=str(disruption.id),
            territory_id=territory_id,
            after={"kind": kind.value, "technician_id": technician_id, "visit_id": visit_id, "minutes": minutes},
        ),
    )
    ask_repair(session, disruption)
    return disruption


def owner_of(session: Session, territory_id: int) -> int:
    """Return who sees to what happens in a territory: who answers for it, else an administrator."""
    owner = session.scalar(
        select(User.id).join(Territory, Territory.owner_id == User.id).where(Territory.id == territory_id, User.active)
    ) or session.scalar(
        select(func.min(RoleGrant.user_id))
        .join(Role, Role.id == RoleGrant.role_id)
        .join(User, User.id == RoleGrant.user_id)
        .where(Role.name == RoleName.ADMINISTRATOR.value, User.active)
    )
    if owner is None:
        raise Invalid("Nobody answers for this territory. Name an owner first.")
    return owner


def take_over(session: Session, *, disruption_id: int, actor: Actor, now: datetime) -> Disruption:
    """Repair it oneself from now on; it becomes one's own among the loose ends too."""
    disruption = steered(session, disruption_id, actor)
    if disruption.state not in UNSETTLED:
        raise Conflict("This is settled already.")
    assert actor.user_id is not None
    before = watched_by(disruption, now)
    disruption.repairer_id, disruption.repairing_since = actor.user_id, now
    disruption.owner_id = actor.user_id
    session.flush()
    note(session, disruption, "take_over", actor=actor, now=now, before={"repairer_id": before})
    return disruption


def propose_again(session: Session, *, disruption_id: int, actor: Actor, now: datetime) -> Disruption:
    """Ask for a new proposal on the day as it is now."""
    disruption = steered(session, disruption_id, actor)
    if disruption.state is DisruptionState.CLOSED:
        raise Conflict("This is closed. Report it again if it happened again.")
    disruption.repairer_id, disruption.repairing_since = actor.user_id, now
    ask_repair(session, disruption)
    note(session, disruption, "propose_again", actor=actor, now=now)
    return disruption


def wait_and_see(session: Session, *, disruption_id: int, actor: Actor, now: datetime) -> Disruption:
    """Leave a situation alone for a while; it stays a loose end, and is an alert again after that."""
    disruption = steered(session, disruption_id, actor)
    if disruption.state not in UNSETTLED:
        raise Conflict("This is settled already.")
    disruption.quiet_until = now + WAIT_FOR
    session.flush()
    note(session, disruption, "wait_and_see", actor=actor, now=now)
    return disruption


def close_disruption(session: Session, *, disruption_id: int, actor: Actor, now: datetime) -> Disruption:
    """Leave the plan as it is; an absence that was noted with it is taken back, since it did not come to pass."""
    disruption = steered(session, disruption_id, actor)
    if disruption.state not in UNSETTLED:
        raise Conflict("This is settled already. Undo what was accepted first.")
    disruption.state, disruption.settled_at = DisruptionState.CLOSED, now
    if disruption.absence_id is not None:
        session.get_one(Absence, disruption.absence_id, with_for_update=True).cancelled = True
    _take_facts_back(session, disruption, actor, now)
    session.flush()
    note(session, disruption, "close_disruption", actor=actor, now=now)
    return disruption


def _take_facts_back(session: Session, disruption: Disruption, actor: Actor, now: datetime) -> None:
    """Give a visit that keeps its place the values it had before the report, where nobody has changed them since."""
    visit = None if disruption.visit_id is None else session.get(Visit, disruption.visit_id, with_for_update=True)
    fields = {
        name: values for name, values in disruption.facts.items() if name in ("duration_s", "release_at", "due_at")
    }
    if visit is None or visit.state is not VisitState.PLANNED or not fields:
        return
    read = {name: [_value(name, each) for each in values] for name, values in fields.items()}
    if all(getattr(visit, name) == after for name, (_before, after) in read.items()):
        back = {name: before for name, (before, _after) in read.items()}
        change_visit(session, visit_id=visit.id, version=visit.version, changes=back, actor=actor, now=now)


def _value(name: str, plain: Any) -> Any:
    return datetime.fromisoformat(plain) if plain is not None and name.endswith("_at") else plain


def reopen_disruption(session: Session, *, disruption_id: int, back: bool, actor: Actor, now: datetime) -> None:
    """Follow an undo of what was accepted (``back``), which asks for a new proposal, or its redo."""
    disruption = session.get_one(Disruption, disruption_id, with_for_update=True)
    wish_well(session, disruption, back=back, actor=actor, now=now)
    if back:
        ask_repair(session, disruption)
    else:
        disruption.state, disruption.settled_at = DisruptionState.ACCEPTED, now
    session.flush()
