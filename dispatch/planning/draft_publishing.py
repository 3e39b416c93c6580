"""Publishing the draft of a later day: whoever is concerned hears of it, or the changes are taken back.

The bookings of a draft are committed already; what is published is that people know. Between looking and publishing
somebody may have changed more, and what was fit when it was booked may not be any more: both stop it with a list.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Select, and_, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, aliased

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.models import User
from dispatch.core.audit import Change, record
from dispatch.core.clock import day_bounds
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.models import Customer, Job, Visit
from dispatch.planning.changing import (
    Changed,
    Entry,
    Placement,
    SlotChange,
    change_slots,
    live_slots,
    lock_visits,
    placement_of,
    shown,
)
from dispatch.planning.draft_models import DraftChange
from dispatch.planning.drafts import (
    Believed,
    all_later,
    believed,
    believed_of,
    leave_draft,
    put_in_draft,
    zones_of,
)
from dispatch.planning.judging import judge, read_days
from dispatch.planning.models import Assignment, ReportKind, VisitReport
from dispatch.planning.rows import live
from dispatch.planning.setting_off import SET_OFF_BEFORE
from dispatch.planning.snapshot import FINISHED
from dispatch.planning.telling import tell_changes
from dispatch.workforce.models import Technician, Territory

PUBLISH = "publish_draft"
TAKE_BACK = "take_back"
GONE = frozenset({"away", "outside_shift"})  # whoever was told does not work then any more


class DraftChanged(Conflict):
    """Somebody changed or published some of it since whoever asks looked."""


class MovedOn(Conflict):
    """A booking is not what was published any more."""

    def __init__(self, visit_id: int) -> None:
        super().__init__("The same bookings were changed since. Nothing was taken back: look at them as they are now.")
        self.visit_id = visit_id


class Blocked(Conflict):
    """Something speaks against what was fit when it was booked."""


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """One visit of a draft: what people believe, what is committed, and who changed it last; the whole crew.

    ``version`` is the visit's, by which whoever looked says what they saw.
    """

    visit_id: int
    version: int
    told: tuple[Placement, ...]
    now: tuple[Placement, ...]
    by: str | None
    at: datetime


def drafted(session: Session, *, territories: Collection[int], day: date, zone: str) -> list[Drafted]:
    """Return the visits of some territories that a day's draft holds, the latest change first; two statements.

    A visit that goes from one day to another is in the draft of both.
    """
    asked = _visits_of(territories, day, zone)
    rows = session.execute(
        select(DraftChange, Visit.version, User.name)
        .join(Visit, Visit.id == DraftChange.visit_id)
        .outerjoin(User, User.id == DraftChange.made_by_id)
        .where(DraftChange.visit_id.in_(asked))
        .order_by(DraftChange.made_at.desc(), DraftChange.crew_slot_id)
    ).all()
    by_visit: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_visit[row.DraftChange.visit_id].append(row)
    crews: dict[int, list[Any]] = defaultdict(list)
    crew = select(Assignment.__table__).where(Assignment.visit_id.in_(by_visit), live())
    for booked in session.execute(crew.order_by(Assignment.crew_slot_id)):
        crews[booked.visit_id].append(booked)
    found = []
    for visit_id, parts in by_visit.items():
        changed = {part.DraftChange.crew_slot_id for part in parts}
        stays = tuple(placement_of(each) for each in crews[visit_id] if each.crew_slot_id not in changed)
        told = tuple(Placement.from_dict(part.DraftChange.told) for part in parts if part.DraftChange.told)
        found.append(
            Drafted(
                visit_id=visit_id,
                version=parts[0].version,
                told=(*told, *stays),
                now=tuple(placement_of(each) for each in crews[visit_id]),
                by=parts[0].name,
                at=parts[0].DraftChange.made_at,
            )
        )
    return found


def count_drafted(session: Session, *, territories: Collection[int], day: date, zone: str) -> int:
    """Count the visits of a day's draft."""
    return session.scalar(select(func.count()).select_from(_visits_of(territories, day, zone).subquery())) or 0


def first_drafted(session: Session, *, territories: Collection[int]) -> datetime | None:
    """Return the first time that a draft of these territories is about."""
    found: datetime | None = session.scalar(
        select(func.min(func.least(func.lower(DraftChange.during), func.lower(Assignment.during))))
        .join(Visit, Visit.id == DraftChange.visit_id)
        .outerjoin(Assignment, (Assignment.crew_slot_id == DraftChange.crew_slot_id) & live())
        .where(Visit.territory_id.in_(territories))
    )
    return found


def _visits_of(territories: Collection[int], day: date, zone: str) -> Select[int]:
    during = Range(*day_bounds(day, zone))
    return (
        select(DraftChange.visit_id)
        .distinct()
        .join(Visit, Visit.id == DraftChange.visit_id)
        .outerjoin(Assignment, (Assignment.crew_slot_id == DraftChange.crew_slot_id) & live())
        .where(
            Visit.territory_id.in_(territories),
            or_(DraftChange.during.op("&&")(during), Assignment.during.op("&&")(during)),
        )
    )


def blocked(session: Session, visits: Collection[int], *, now: datetime) -> dict[int, tuple[str, ...]]:
    """Return what speaks by now against publishing bookings of a draft together, by visit.

    What was overridden when they were booked is known. Where one of them has to wait, nobody is told of another one at
    a time at which they still believe to be there.
    """
    beliefs = believed_of(session, visits).values()
    against = _against(session, beliefs, now)
    while more := _at_two_places(session, [each for each in beliefs if each.visit_id not in against]):
        against |= more
    return against


def publish_draft(session: Session, *, seen: Mapping[int, int], actor: Actor, now: datetime) -> list[int]:
    """Tell whoever is concerned of changes of a draft; all of those or none. Returns the visits.

    ``seen`` are the visits with the versions that whoever asks looked at.
    """
    visits = _as_seen(session, seen, actor, Right.PLAN_PUBLISH)
    against = blocked(session, seen, now=now)
    if against:
        raise Blocked(f"{_together(against)} Nothing is published yet: change it, or publish the rest.")
    entry = Entry(action=PUBLISH, actor=actor, now=now)
    return _settle(session, list(believed_of(session, seen, lock=True).values()), visits, entry)


def take_draft_back(session: Session, *, seen: Mapping[int, int], actor: Actor, now: datetime) -> list[int]:
    """Put bookings back to what people believe; all of those or none. Returns the visits."""
    with session.begin_nested():
        _as_seen(session, seen, actor, Right.ASSIGNMENT_EDIT)
        beliefs = list(believed_of(session, seen, lock=True).values())
        _refuse_declined(session, beliefs)
        current = live_slots(session, [each.crew_slot_id for each in beliefs], lock=True)
        changes = [
            SlotChange(
                visit_id=each.visit_id,
                crew_slot_id=each.crew_slot_id,
                to=each.told,
                expect=(current[each.crew_slot_id].id, current[each.crew_slot_id].version)
                if each.crew_slot_id in current
                else None,
            )
            for each in beliefs
        ]
        change_slots(session, changes, Entry(action=TAKE_BACK, actor=actor, now=now, draft=True))
        against = _against(session, beliefs, now, only=GONE)
        if against:
            raise Blocked(f"{_together(against)} Nothing was taken back: move it, or publish it as it is.")
    return sorted(seen)


def _refuse_declined(session: Session, beliefs: Sequence[Believed]) -> None:
    """Refuse to give work back to somebody who said no to it meanwhile."""
    told = [each.told.assignment_id for each in beliefs if each.told is not None]
    no = VisitReport.kind == ReportKind.DECLINED, VisitReport.assignment_id.in_(told)
    who = session.scalars(
        select(Technician.name).join(VisitReport, VisitReport.technician_id == Technician.id).where(*no).limit(1)
    ).first()
    if who is not None:
        raise Blocked(f"{who} declined it meanwhile. Nothing was taken back: publish it, or give it to somebody else.")


def publish_due(session: Session, *, actor: Actor, now: datetime) -> list[int]:
    """Publish what concerns a day that has begun, whatever speaks against it: people must know their day.

    So it is with what somebody may set off for in the evening before.
    """
    starts = func.least(func.lower(DraftChange.during), func.lower(Assignment.during))
    due = session.scalars(
        select(DraftChange.visit_id)
        .distinct()
        .join(Visit, Visit.id == DraftChange.visit_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .outerjoin(Assignment, (Assignment.crew_slot_id == DraftChange.crew_slot_id) & live())
        .where(
            or_(
                starts <= now + SET_OFF_BEFORE,
                cast(func.timezone(Territory.zone, starts), Date) <= cast(func.timezone(Territory.zone, now), Date),
            )
        )
    ).all()
    return publish_of(session, due, Entry(action=PUBLISH, actor=actor, now=now))


def publish_of(session: Session, visits: Collection[int], entry: Entry) -> list[int]:
    """Tell of whatever of these visits is a draft; nothing is asked of it."""
    drafts = session.scalars(select(DraftChange.visit_id).where(DraftChange.visit_id.in_(visits)).distinct()).all()
    if not drafts:
        return []
    locked = lock_visits(session, drafts)
    return _settle(session, list(believed_of(session, drafts, lock=True).values()), locked, entry)


def publish_overlapped(session: Session, visits: Collection[int], *, actor: Actor, now: datetime) -> None:
    """Publish what gave away the time of these visits: whoever is told of them at once is not at two places."""
    around = set(visits)
    while around:
        found = session.scalars(
            select(DraftChange.visit_id)
            .distinct()
            .join(
                Assignment,
                and_(
                    DraftChange.during.op("&&")(Assignment.during),
                    DraftChange.told["technician_id"].as_integer() == Assignment.technician_id,
                ),
            )
            .where(
                Assignment.visit_id.in_(around),
                live(),
                DraftChange.visit_id.not_in(around),
                Assignment.crew_slot_id.not_in(select(DraftChange.crew_slot_id)),
            )
        ).all()
        around = set(publish_of(session, found, Entry(action=PUBLISH, actor=actor, now=now)))


def turn_draft(session: Session, part: Mapping[str, Any], entry: Entry) -> list[int]:
    """Take a publication back, or do it again: ``part`` is what publishing left in the log for that.

    Raises MovedOn where a booking is not what was published any more.
    """
    beliefs = [Believed.from_dict(slot, slot) for slot in part["slots"]]
    visits = lock_visits(session, [each.visit_id for each in beliefs])
    slots = [each.crew_slot_id for each in beliefs]
    current = live_slots(session, slots, lock=True)
    standing = {slot: placement_of(row) for slot, row in current.items()}
    in_draft = believed(session, slots, lock=True)
    for slot in part["slots"]:
        number = slot["crew_slot_id"]
        if shown(standing.get(number)) != slot["expect"] or (number in in_draft) == part["hold"]:
            raise MovedOn(slot["visit_id"])
    if part["hold"]:
        _refuse_begun(session, beliefs, standing, visits, entry.now)
    return _settle(session, beliefs, visits, entry, hold=part["hold"])


def _refuse_begun(
    session: Session,
    beliefs: Sequence[Believed],
    standing: Mapping[int, Placement],
    visits: Mapping[int, Any],
    now: datetime,
) -> None:
    """Refuse to make a draft of a day that has begun, or of a visit that is over: people must know that as it is."""
    zones = zones_of(session, {visit.territory_id for visit in visits.values()})
    for each in beliefs:
        visit = visits[each.visit_id]
        if visit.state in FINISHED:
            raise Conflict(f"This visit is {visit.state.value.replace('_', ' ')} by now. Nothing was taken back.")
        if not all_later(zones[visit.territory_id], now, each.told, standing.get(each.crew_slot_id)):
            raise Conflict(
                "The day has begun, and people must know it. Nothing was taken back: move the visits instead."
            )


def _as_seen(session: Session, seen: Mapping[int, int], actor: Actor, right: Right) -> dict[int, Any]:
    """Lock the visits and refuse what is not as it was seen, or not the actor's to decide."""
    if not seen:
        raise Invalid("Choose at least one change.")
    visits = lock_visits(session, seen)
    for visit in visits.values():
        actor.require(right, visit.territory_id, what="visit")
    standing = set(session.scalars(select(DraftChange.visit_id).where(DraftChange.visit_id.in_(seen)).distinct()))
    if not standing:
        raise DraftChanged("Nothing of it waits any more: it was published or taken back since you looked.")
    if any(visits[visit_id].version != version or visit_id not in standing for visit_id, version in seen.items()):
        raise DraftChanged("More was changed since you looked. Nothing is published or taken back: look at it again.")
    return visits


def _against(
    session: Session, beliefs: Collection[Believed], now: datetime, *, only: Collection[str] | None = None
) -> dict[int, tuple[str, ...]]:
    """Return what speaks against the bookings that stand in these crew slots, by visit; ``only`` names objections."""
    found: dict[int, tuple[str, ...]] = {}
    current = live_slots(session, [each.crew_slot_id for each in beliefs])
    visits = {each.visit_id for each in beliefs}
    rows = {row.id: row for row in session.scalars(select(Visit).where(Visit.id.in_(visits)))}
    days = read_days(session, [row.shift_id for row in current.values() if row.shift_id is not None], now=now)
    for each in beliefs:
        booked = current.get(each.crew_slot_id)
        if booked is None:
            continue
        try:
            verdict = judge(
                session,
                visit=rows[each.visit_id],
                crew_slot_id=each.crew_slot_id,
                technician_id=booked.technician_id,
                start=booked.during.lower,
                now=now,
                days=days,
            )
        except (Conflict, Invalid) as refused:
            found[each.visit_id] = (*found.get(each.visit_id, ()), refused.message)
            continue
        pairs = zip(verdict.objections, verdict.reasons, strict=True)
        reasons = tuple(
            words
            for objection, words in pairs
            if objection.code not in each.overridden and (only is None or objection.code in only)
        )
        if reasons:
            found[each.visit_id] = (*found.get(each.visit_id, ()), *reasons)
    return found


def _at_two_places(session: Session, beliefs: Collection[Believed]) -> dict[int, tuple[str, ...]]:
    """Return which visits would be told to somebody who believes to be elsewhere then, since that stays a draft."""
    slots = [each.crew_slot_id for each in beliefs]
    if not slots:
        return {}
    there = aliased(Visit)
    rows = session.execute(
        select(Assignment.visit_id, Technician.name, Customer.name.label("customer"))
        .join(
            DraftChange,
            and_(
                DraftChange.during.op("&&")(Assignment.during),
                DraftChange.told["technician_id"].as_integer() == Assignment.technician_id,
                DraftChange.crew_slot_id.not_in(slots),
            ),
        )
        .join(Technician, Technician.id == Assignment.technician_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(there, there.id == DraftChange.visit_id)
        .join(Job, Job.id == there.job_id)
        .outerjoin(Customer, (Customer.id == Job.customer_id) & (there.territory_id == Visit.territory_id))
        .where(Assignment.crew_slot_id.in_(slots), live())
        .order_by(Assignment.visit_id, DraftChange.crew_slot_id)
    )
    found: dict[int, tuple[str, ...]] = {}
    for row in rows:
        where = "in another territory" if row.customer is None else f"with {row.customer}"
        words = f"{row.name} still believes to be {where} at that time: publish both together."
        found[row.visit_id] = (*found.get(row.visit_id, ()), words)
    return found


def _together(against: Mapping[int, Sequence[str]]) -> str:
    return " ".join(dict.fromkeys(sentence for sentences in against.values() for sentence in sentences))


def _settle(
    session: Session, beliefs: Sequence[Believed], visits: Mapping[int, Any], entry: Entry, *, hold: bool = False
) -> list[int]:
    """Take bookings out of the draft and tell of them, or with ``hold`` the other way round."""
    current = live_slots(session, [each.crew_slot_id for each in beliefs], lock=True)
    changed = []
    for each in beliefs:
        row = current.get(each.crew_slot_id)
        booked = None if row is None else placement_of(row)
        changed.append(
            Changed(
                visit_id=each.visit_id,
                crew_slot_id=each.crew_slot_id,
                before=booked if hold else each.told,
                after=each.told if hold else booked,
                after_version=None if row is None else row.version,
            )
        )
    if hold:
        put_in_draft(session, beliefs, entry)
    else:
        leave_draft(session, [each.crew_slot_id for each in beliefs])
    _touch(session, beliefs, current, entry.now)
    _note(session, beliefs, changed, visits, entry, hold=hold)
    tell_changes(session, changed, visits, entry)
    return sorted({each.visit_id for each in beliefs})


def _touch(session: Session, beliefs: Sequence[Believed], current: Mapping[int, Any], now: datetime) -> None:
    """Let what people are told count as decided now, so that they see it among what changed."""
    told = {each.told.assignment_id for each in beliefs if each.told is not None}
    for table, ids, values in (
        (Assignment, told | {row.id for row in current.values()}, {"decided_at": now}),
        (Visit, {each.visit_id for each in beliefs}, {}),
    ):
        session.execute(
            update(table)
            .where(table.id.in_(ids))
            .values(version=table.version + 1, **values)
            .execution_options(synchronize_session=False)
        )
    session.expire_all()


def _note(
    session: Session,
    beliefs: Sequence[Believed],
    changed: Sequence[Changed],
    visits: Mapping[int, Any],
    entry: Entry,
    *,
    hold: bool,
) -> None:
    """Write the history of each visit; the first line keeps the way back for all of them."""
    known = {each.crew_slot_id: each for each in beliefs}
    slots = []
    by_visit: dict[int, list[Changed]] = defaultdict(list)
    for item in changed:
        by_visit[item.visit_id].append(item)
        each = known[item.crew_slot_id]
        slots.append(
            {
                "visit_id": item.visit_id,
                "crew_slot_id": item.crew_slot_id,
                "expect": shown(item.before if hold else item.after),
                **each.as_dict(),
            }
        )
    inverse: dict[str, Any] | None = {"command": "draft", "hold": not hold, "slots": slots} if entry.undoable else None
    for visit_id, items in by_visit.items():
        record(
            session,
            Change(
                at=entry.now,
                actor_id=entry.actor.user_id,
                action=entry.action,
                entity="visit",
                entity_id=str(visit_id),
                entity_version=visits[visit_id].version + 1,
                territory_id=visits[visit_id].territory_id,
                before={"slots": [shown(item.before) for item in items]},
                after={"slots": [shown(item.after) for item in items]},
                inverse=inverse,
                undoes_seq=entry.undoes_seq if inverse is not None else None,
            ),
        )
        inverse = None
