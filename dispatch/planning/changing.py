"""The one way committed assignments change: by hand, by publishing, by undo, by an absence.

Who asks has checked the rules; here the rows change together or not at all, visits and jobs follow, the change log
gets what was, what is and the way back, and a double booking becomes a sentence that names the holder.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, insert, select, text, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, NotFound
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import CrewSlot, Job, Visit
from dispatch.planning.drafts import Believed, believed, hold_back
from dispatch.planning.models import Assignment, AssignmentState
from dispatch.planning.retries import BUSY, Busy, constraint, sqlstate
from dispatch.planning.rows import live
from dispatch.planning.snapshot import LOCKED_STATES
from dispatch.planning.telling import tell_changes
from dispatch.planning.words import crew_sentence, hold_sentence, holder_sentence

FIND_A_TIME_WITHIN = timedelta(hours=4)
FIND_A_TIME = "Find a time and a technician"
CARRY_OUT = "Carry out the visit"
MOVED_S = 900  # a start that moves by more asks for a new answer of the technician
BUSY_CODES = frozenset({"40001", "40P01", "55P03"})


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Who serves a crew slot, when and from where; ``assignment_id`` brings an earlier row back to life."""

    technician_id: int
    shift_id: int | None
    start: datetime
    end: datetime
    travel_s: int = 0
    travel_m: int = 0
    travel_source: str = "great_circle"
    why: Mapping[str, Any] = field(default_factory=dict)
    plan_id: int | None = None
    state: AssignmentState = AssignmentState.PLANNED
    assignment_id: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Give plain JSON values for the change log."""
        return {
            **vars(self),
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "why": dict(self.why),
            "state": self.state.value,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Placement":
        """Read what `as_dict` wrote."""
        return cls(
            **{
                **values,
                "start": datetime.fromisoformat(values["start"]),
                "end": datetime.fromisoformat(values["end"]),
                "state": AssignmentState(values["state"]),
            }
        )


@dataclass(frozen=True, kw_only=True)
class SlotChange:
    """What one crew slot becomes; None frees it.

    ``expect`` is the live row that the caller decided on, as (id, version); None where nobody had it.
    """

    visit_id: int
    crew_slot_id: int
    to: Placement | None
    expect: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What became of one crew slot: the live row before and after."""

    visit_id: int
    crew_slot_id: int
    before: Placement | None
    after: Placement | None
    after_version: int | None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How a group of changes enters the change log.

    With ``draft`` what concerns later days only is told when those are published; ``overridden`` are the objections
    that whoever makes it knows of. ``beliefs`` are for an undo: what people believed of crew slots that the step took
    out of a draft, which becomes one again.
    """

    action: str
    actor: Actor
    now: datetime
    reason: str | None = None
    entity: str = "visit"
    entity_id: str | None = None
    undoes_seq: int | None = None
    note: Mapping[str, Any] = field(default_factory=dict)
    undoable: bool = True
    draft: bool = False
    overridden: tuple[str, ...] = ()
    beliefs: Mapping[int, Believed] = field(default_factory=dict)


def change_slots(session: Session, changes: Sequence[SlotChange], entry: Entry) -> list[Changed]:
    """Make all changes or none; raises Conflict with a readable reason. The visits concerned get a new version."""
    session.flush()
    try:
        with session.begin_nested():
            visits = lock_visits(session, [item.visit_id for item in changes])
            current = live_slots(session, [item.crew_slot_id for item in changes], lock=True)
            _refuse_changed(session, changes, current)
            changed = _apply(session, changes, current, entry)
            _follow(session, visits, changed, entry.now)
            session.execute(text("SET CONSTRAINTS ex_assignment_one_place IMMEDIATE"))
    except DBAPIError as error:
        raise conflict_of(session, error, changes) from error
    before = believed(session, [item.crew_slot_id for item in changed])
    heard = hold_back(session, changed, before, visits, entry)
    waits = believed(session, before) if before else {}
    _log(session, changed, visits, entry, heard, {slot: each for slot, each in before.items() if slot not in waits})
    tell_changes(session, heard, visits, entry)
    return changed


def lock_visits(session: Session, ids: Iterable[int], *, lock: bool = True) -> dict[int, Any]:
    """Lock visits in the order of their ids, or only look, and return them with their jobs; raises NotFound."""
    wanted = sorted(set(ids))
    query = (
        select(Visit.id, Visit.version, Visit.state, Visit.territory_id, Visit.job_id, Job.state.label("job_state"))
        .join(Job, Job.id == Visit.job_id)
        .where(Visit.id.in_(wanted))
        .order_by(Visit.id)
    )
    found = {row.id: row for row in session.execute(query.with_for_update(of=Visit) if lock else query)}
    if len(found) != len(wanted):
        raise NotFound("There is no such visit.")
    return found


def live_slots(session: Session, slots: Collection[int], *, lock: bool = False) -> dict[int, Any]:
    """Return the live assignment of each crew slot that has one."""
    query = select(Assignment.__table__).where(Assignment.crew_slot_id.in_(slots), live()).order_by(Assignment.id)
    return {row.crew_slot_id: row for row in session.execute(query.with_for_update() if lock else query)}


def placement_of(row: Any) -> Placement:
    """Return an assignment row as a placement that can be restored."""
    return Placement(
        technician_id=row.technician_id,
        shift_id=row.shift_id,
        start=row.during.lower,
        end=row.during.upper,
        travel_s=row.travel_s,
        travel_m=row.travel_m,
        travel_source=row.travel_source,
        why=row.why,
        plan_id=row.plan_id,
        state=AssignmentState(row.state),
        assignment_id=row.id,
    )


def _refuse_changed(session: Session, changes: Sequence[SlotChange], current: Mapping[int, Any]) -> None:
    for item in changes:
        row = current.get(item.crew_slot_id)
        if (None if row is None else (row.id, row.version)) != item.expect:
            raise Conflict(crew_sentence(session, item.crew_slot_id))
        if row is not None and row.state in LOCKED_STATES:
            raise Conflict("The technician is on the way or has been there. Call them first; the plan stays as it is.")


def _apply(session: Session, changes: Sequence[SlotChange], current: Mapping[int, Any], entry: Entry) -> list[Changed]:
    """Cancel, change, revive and insert in this order, with the exclusion judged when everything is in place."""
    session.execute(text("SET CONSTRAINTS ex_assignment_one_place DEFERRED"))
    cancel: list[int] = []
    rewrite: list[dict[str, Any]] = []
    fresh: list[dict[str, Any]] = []
    changed: list[Changed] = []
    for item in changes:
        row, to = current.get(item.crew_slot_id), item.to
        before = None if row is None else placement_of(row)
        keeps = (
            row is not None
            and to is not None
            and (to.assignment_id == row.id or (to.assignment_id is None and to.technician_id == row.technician_id))
        )
        if row is not None and not keeps:
            cancel.append(row.id)
        after, version = to, None
        if to is not None and keeps:
            assert row is not None
            after, version = _kept(to, row), row.version + 1
            rewrite.append({"row_id": row.id, **_values(after, entry)})
        elif to is not None and to.assignment_id is not None:
            rewrite.append({"row_id": to.assignment_id, **_values(to, entry)})
        elif to is not None:
            fresh.append({"visit_id": item.visit_id, "crew_slot_id": item.crew_slot_id, **_values(to, entry)})
        changed.append(
            Changed(
                visit_id=item.visit_id,
                crew_slot_id=item.crew_slot_id,
                before=before,
                after=after,
                after_version=version,
            )
        )
    _write(session, cancel, rewrite, fresh, entry)
    return _with_rows(session, changed)


def _write(
    session: Session, cancel: list[int], rewrite: list[dict[str, Any]], fresh: list[dict[str, Any]], entry: Entry
) -> None:
    table = cast("Table", Assignment.__table__)
    if cancel:
        session.execute(
            update(Assignment)
            .where(Assignment.id.in_(cancel))
            .values(state=AssignmentState.CANCELLED, version=Assignment.version + 1, decided_at=entry.now)
            .execution_options(synchronize_session="fetch")
        )
    if rewrite:
        names = [name for name in rewrite[0] if name != "row_id"]
        session.connection().execute(
            update(table)
            .where(table.c.id == bindparam("row_id"))
            .values({name: bindparam(f"new_{name}") for name in names} | {"version": table.c.version + 1}),
            [{"row_id": row["row_id"], **{f"new_{name}": row[name] for name in names}} for row in rewrite],
        )
    if fresh:
        session.execute(insert(Assignment), fresh)
    session.expire_all()


def _with_rows(session: Session, changed: Sequence[Changed]) -> list[Changed]:
    """Fill in the ids and versions the database gave."""
    rows = live_slots(session, [item.crew_slot_id for item in changed])
    made = []
    for item in changed:
        row = rows.get(item.crew_slot_id)
        after = None if row is None else placement_of(row)
        version = None if row is None else row.version
        made.append(
            Changed(
                visit_id=item.visit_id,
                crew_slot_id=item.crew_slot_id,
                before=item.before,
                after=after,
                after_version=version,
            )
        )
    return made


def _kept(to: Placement, row: Any) -> Placement:
    """Keep the technician's answer when their own work hardly moves."""
    if to.assignment_id is not None or row.state != AssignmentState.ACCEPTED:
        return to
    moved = abs((to.start - row.during.lower).total_seconds()) > MOVED_S
    return to if moved else Placement(**{**vars(to), "state": AssignmentState.ACCEPTED})


def _values(to: Placement, entry: Entry) -> dict[str, Any]:
    return {
        "technician_id": to.technician_id,
        "shift_id": to.shift_id,
        "during": Range(to.start, to.end),
        "state": to.state,
        "travel_s": to.travel_s,
        "travel_m": to.travel_m,
        "travel_source": to.travel_source,
        "why": dict(to.why),
        "plan_id": to.plan_id,
        "decided_by_id": entry.actor.user_id,
        "decided_at": entry.now,
    }


def _follow(session: Session, visits: Mapping[int, Any], changed: Sequence[Changed], now: datetime) -> None:
    """Let visits and jobs follow: planned when every crew slot has somebody, open when not."""
    filled: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(
        select(CrewSlot.visit_id, Assignment.id, Assignment.during)
        .outerjoin(Assignment, (Assignment.crew_slot_id == CrewSlot.id) & live())
        .where(CrewSlot.visit_id.in_(visits))
    ):
        filled[row.visit_id].append(row)
    states: dict[VisitState | None, list[int]] = defaultdict(list)
    reopened: dict[int, datetime] = {}
    left = {item.visit_id: item.before.start for item in changed if item.before is not None}
    planned: dict[int, datetime] = {}
    for visit in visits.values():
        rows = filled[visit.id]
        complete = bool(rows) and all(row.id is not None for row in rows)
        movable = visit.state in (VisitState.OPEN, VisitState.PLANNED)
        states[(VisitState.PLANNED if complete else VisitState.OPEN) if movable else None].append(visit.id)
        if not movable or visit.job_state not in (JobState.OPEN, JobState.PLANNED, JobState.WAITING):
            continue
        if complete:
            planned[visit.job_id] = max(row.during.upper for row in rows)
        else:
            # Sooner where the time that was given up comes sooner: the customer still expects somebody then.
            reopened[visit.job_id] = min(
                now + FIND_A_TIME_WITHIN, max(now, left.get(visit.id, now + FIND_A_TIME_WITHIN))
            )
    for state, ids in states.items():
        values: dict[str, Any] = {"version": Visit.version + 1} | ({"state": state} if state else {})
        session.execute(
            update(Visit).where(Visit.id.in_(ids)).values(values).execution_options(synchronize_session=False)
        )
    steps = {job: (JobState.OPEN, FIND_A_TIME, due) for job, due in reopened.items()}
    _move_jobs(session, steps | {job: (JobState.PLANNED, CARRY_OUT, due) for job, due in planned.items()})
    session.expire_all()


def _move_jobs(session: Session, steps: Mapping[int, tuple[JobState, str, datetime]]) -> None:
    """Give the jobs their state, next step and due time; one statement whatever their number."""
    table = cast("Table", Job.__table__)
    if steps:
        session.connection().execute(
            update(table)
            .where(table.c.id == bindparam("job_id"))
            .values(
                state=bindparam("new_state"),
                next_step=bindparam("step"),
                next_step_due_at=bindparam("due"),
                version=table.c.version + 1,
            ),
            [
                {"job_id": job_id, "new_state": state.value, "step": step, "due": due}
                for job_id, (state, step, due) in sorted(steps.items())
            ],
        )


def _log(
    session: Session,
    changed: Sequence[Changed],
    visits: Mapping[int, Any],
    entry: Entry,
    heard: Sequence[Changed],
    settled: Mapping[int, Believed],
) -> None:
    """Write one event that can be undone for the whole group, and one for the history of each other visit.

    Where people hear of something else than what changed, since a draft began or ended, that stands beside it.
    """
    slots = [inverse_of(item) | _from_draft(settled.get(item.crew_slot_id)) for item in changed]
    back: dict[str, Any] = {"command": "restore", "slots": slots}
    if entry.draft:
        back["draft"] = True
    inverse = back if entry.undoable else None
    by_visit: dict[int, list[Changed]] = defaultdict(list)
    for item in changed:
        by_visit[item.visit_id].append(item)
    leading = entry.entity_id is None
    if not leading:
        back |= {"of": [entry.entity, entry.entity_id]}
        record(session, _event(entry, entry.entity, str(entry.entity_id), None, None, inverse, entry.note))
    for visit_id, items in by_visit.items():
        record(
            session,
            _event(
                entry,
                "visit",
                str(visit_id),
                visits[visit_id],
                {"slots": [shown(item.before) for item in items]},
                inverse if leading else None,
                {"slots": [shown(item.after) for item in items]} | _otherwise_told(items, heard),
            ),
        )
        leading = False


def _otherwise_told(items: Sequence[Changed], heard: Sequence[Changed]) -> dict[str, Any]:
    slots = {item.crew_slot_id for item in items}
    said = [item for item in heard if item.crew_slot_id in slots]
    if said == list(items):
        return {}
    return {"told": [{"before": shown(item.before), "after": shown(item.after)} for item in said]}


def _from_draft(left: Believed | None) -> dict[str, Any]:
    return {} if left is None else {"believed": left.as_dict()}


def _event(
    entry: Entry,
    entity: str,
    entity_id: str,
    visit: Any,
    before: Mapping[str, Any] | None,
    inverse: Mapping[str, Any] | None,
    after: Mapping[str, Any],
) -> Change:
    return Change(
        at=entry.now,
        actor_id=entry.actor.user_id,
        action=entry.action,
        entity=entity,
        entity_id=entity_id,
        entity_version=None if visit is None else visit.version + 1,
        territory_id=None if visit is None else visit.territory_id,
        before=before,
        after=after,
        reason=entry.reason,
        inverse=inverse,
        undoes_seq=entry.undoes_seq if inverse is not None else None,
    )


def inverse_of(item: Changed) -> dict[str, Any]:
    """Return the command that takes one change back, with what must still be there for it to make sense."""
    return {
        "visit_id": item.visit_id,
        "crew_slot_id": item.crew_slot_id,
        "expect": shown(item.after),
        "restore": None if item.before is None else item.before.as_dict(),
    }


def shown(placement: Placement | None) -> dict[str, Any] | None:
    """Return what of a placement people see: two that show the same are the same to them."""
    if placement is None:
        return None
    return {
        "technician_id": placement.technician_id,
        "start": placement.start.isoformat(),
        "end": placement.end.isoformat(),
        "state": placement.state.value,
    }


def conflict_of(session: Session, error: DBAPIError, changes: Sequence[SlotChange]) -> Exception:
    """Turn what the database refused into a sentence; what is no conflict is returned as it is."""
    code = sqlstate(error)
    if code in BUSY_CODES:
        return Busy(BUSY)
    if constraint(error) == "held_time":
        wanted = [(item.visit_id, item.to.technician_id, item.to.start, item.to.end) for item in changes if item.to]
        return Conflict(hold_sentence(session, wanted))
    if code == "23P01" or constraint(error) == "uq_assignment_slot_live":
        for item in changes:
            if item.to is not None:
                sentence = holder_sentence(
                    session,
                    item.to.technician_id,
                    item.to.start,
                    item.to.end,
                    seen_from=item.visit_id,
                    besides=item.crew_slot_id,
                )
                if sentence:
                    return Conflict(sentence)
        return Conflict("Somebody was booked for this time a moment ago. Your visit is as it was before.")
    return error
