"""Changes of later days that nobody is told of yet: what people believe meanwhile.

A booking is committed the moment somebody makes it, whatever the day, so that no time is given away twice. What waits
until a later day is published is the telling: technicians go on seeing what they were told last, customers are neither
written to nor called. Changes that touch today are told at once, and so is whatever was agreed with somebody.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Subquery, case, cast, delete, func, or_, select
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.planning.draft_models import DraftChange
from dispatch.planning.models import Assignment
from dispatch.planning.setting_off import may_set_off
from dispatch.planning.snapshot import LOCKED_STATES
from dispatch.workforce.models import Territory

if TYPE_CHECKING:
    from dispatch.planning.changing import Changed, Entry, Placement


@dataclass(frozen=True, kw_only=True)
class Believed:
    """What people believe of a crew slot: whoever was told last, None for nobody."""

    crew_slot_id: int
    visit_id: int
    told: "Placement | None"
    overridden: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give plain JSON values for the change log."""
        return {"told": None if self.told is None else self.told.as_dict(), "overridden": list(self.overridden)}

    @classmethod
    def from_dict(cls, slot: Mapping[str, Any], values: Mapping[str, Any]) -> "Believed":
        """Read what `as_dict` wrote of a crew slot; ``slot`` names it and its visit."""
        from dispatch.planning.changing import Placement  # it calls `hold_back`

        return cls(
            crew_slot_id=slot["crew_slot_id"],
            visit_id=slot["visit_id"],
            told=None if values["told"] is None else Placement.from_dict(values["told"]),
            overridden=tuple(values["overridden"]),
        )


def hold_back(
    session: Session,
    changed: "Sequence[Changed]",
    before: Mapping[int, Believed],
    visits: Mapping[int, Any],
    entry: "Entry",
) -> "list[Changed]":
    """Keep what may wait in the draft, and return what is to be told now: from what people believe to what is.

    ``before`` is what people believe of the crew slots that are in the draft. A change back to that leaves the draft;
    one that is told at once takes the slot out of it. An undo of such a step puts the slot into the draft again, and
    what was told by the step is taken back.
    """
    waits = entry.draft or bool(entry.beliefs)
    zones = zones_of(session, {visits[item.visit_id].territory_id for item in changed}) if waits else {}
    tell: list[Changed] = []
    left: list[int] = []
    kept: list[dict[str, Any]] = []
    for item in changed:
        zone = zones.get(visits[item.visit_id].territory_id, "UTC")
        known, again = before.get(item.crew_slot_id), entry.beliefs.get(item.crew_slot_id)
        told = item.before if known is None else known.told
        if again is not None and all_later(zone, entry.now, again.told, item.after):
            if not same_to_people(told, again.told):
                tell.append(replace(item, before=told, after=again.told))
            left.append(item.crew_slot_id)
            if not same_to_people(again.told, item.after):
                kept.append(_row(again, entry))
        elif not entry.draft or not all_later(zone, entry.now, told, item.before, item.after):
            tell.append(replace(item, before=told))
            left.append(item.crew_slot_id)
        elif same_to_people(told, item.after):
            left.append(item.crew_slot_id)
        else:
            overridden = dict.fromkeys((*entry.overridden, *_stands(known, item)))
            new = Believed(crew_slot_id=item.crew_slot_id, visit_id=item.visit_id, told=told, overridden=(*overridden,))
            kept.append(_row(new, entry))
    leave_draft(session, [slot for slot in left if slot in before])
    _keep(session, kept)
    return tell


def _stands(known: Believed | None, item: "Changed") -> tuple[str, ...]:
    """Return what was overridden for the person who stays booked: moved to make room they are not judged anew."""
    if known is None or item.before is None or item.after is None:
        return ()
    return known.overridden if item.before.technician_id == item.after.technician_id else ()


def believed(session: Session, slots: Collection[int], *, lock: bool = False) -> dict[int, Believed]:
    """Return what people believe of those crew slots that are in a draft."""
    return _read(session, DraftChange.crew_slot_id.in_(slots), lock)


def believed_of(session: Session, visits: Collection[int], *, lock: bool = False) -> dict[int, Believed]:
    """Return what people believe of those visits that are in a draft, by crew slot."""
    return _read(session, DraftChange.visit_id.in_(visits), lock)


def _read(session: Session, asked: ColumnElement[bool], lock: bool) -> dict[int, Believed]:
    query = select(DraftChange.__table__).where(asked).order_by(DraftChange.crew_slot_id)
    return {
        row.crew_slot_id: Believed.from_dict(row._asdict(), row._asdict())
        for row in session.execute(query.with_for_update() if lock else query)
    }


def drafted_at(session: Session, moment: datetime, actor: Actor) -> bool:
    """Whether what somebody did at this moment went into a draft."""
    mine = DraftChange.made_at == moment, DraftChange.made_by_id == actor.user_id
    return session.scalar(select(DraftChange.crew_slot_id).where(*mine).limit(1)) is not None


def put_in_draft(session: Session, beliefs: Sequence[Believed], entry: "Entry") -> None:
    """Make crew slots a draft again, with what people believed before they were published."""
    _keep(session, [_row(each, entry) for each in beliefs])


def leave_draft(session: Session, slots: Collection[int]) -> None:
    """Take crew slots out of the draft: what is committed and what people believe are the same from now on."""
    if slots:
        session.execute(delete(DraftChange).where(DraftChange.crew_slot_id.in_(slots)))


def told_bookings() -> Subquery:
    """Select bookings as people know them: columns of `Assignment`, with what a draft changes left out.

    Released bookings are in it too, as in the table.
    """
    unchanged = DraftChange.crew_slot_id.is_(None)
    columns = {column.name: column for column in Assignment.__table__.columns}
    columns["during"] = func.coalesce(DraftChange.during, Assignment.during).label("during")
    for name in ("travel_s", "travel_m", "travel_source"):
        columns[name] = func.coalesce(_told(name, columns[name]), columns[name]).label(name)
    changed = DraftChange.told.is_not(None)
    told_shift = case((changed, _told("shift_id", Assignment.shift_id)), else_=Assignment.shift_id)
    columns["shift_id"] = told_shift.label("shift_id")
    columns["why"] = case((changed, DraftChange.told["why"]), else_=Assignment.why).label("why")
    under_way = Assignment.state.in_(LOCKED_STATES)  # what really happens is not a matter of belief
    believed_state = func.coalesce(_told("state", Assignment.state), Assignment.state)
    columns["state"] = case((under_way, Assignment.state), else_=believed_state).label("state")
    return (
        select(*columns.values())
        .outerjoin(DraftChange, DraftChange.crew_slot_id == Assignment.crew_slot_id)
        .where(or_(unchanged, DraftChange.assignment_id == Assignment.id))
        .subquery("told_booking")
    )


def same_to_people(one: "Placement | None", other: "Placement | None") -> bool:
    """Whether two placements say the same to whoever hears of them."""
    if one is None or other is None:
        return one is other
    return (one.technician_id, one.start, one.end) == (other.technician_id, other.start, other.end)


def _told(name: str, column: Any) -> ColumnElement[Any]:
    return cast(DraftChange.told[name].astext, column.type)


def all_later(zone: str, now: datetime, *sides: "Placement | None") -> bool:
    """Whether nobody may set off for any of it yet: what touches today, or the night that comes, is told at once."""
    return not any(may_set_off(each.start, now, zone) for each in sides if each is not None)


def zones_of(session: Session, territories: Collection[int]) -> dict[int, str]:
    """Return the time zones of territories."""
    return dict(session.execute(select(Territory.id, Territory.zone).where(Territory.id.in_(territories))).all())


def _row(each: Believed, entry: "Entry") -> dict[str, Any]:
    told = each.told
    return {
        "crew_slot_id": each.crew_slot_id,
        "visit_id": each.visit_id,
        "assignment_id": None if told is None else told.assignment_id,
        "during": None if told is None else Range(told.start, told.end),
        "told": None if told is None else told.as_dict(),
        "overridden": list(each.overridden),
        "made_by_id": entry.actor.user_id,
        "made_at": entry.now,
    }


def _keep(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Add to the draft; what is in it already keeps what people believe."""
    if rows:
        made = insert(DraftChange)
        latest = {name: made.excluded[name] for name in ("overridden", "made_by_id", "made_at")}
        session.execute(made.on_conflict_do_update(index_elements=["crew_slot_id"], set_=latest), list(rows))
