"""Publishing: a proposal is merged into the committed assignments, each by the version it was planned on.

What changed meanwhile is reported and left as it is. One transaction holds the leases of the scope, so publishing is
serial for each territory and day; the fencing tokens refuse a plan that a later run has overtaken.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text, tuple_, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.errors import Conflict, NotFound
from dispatch.jobs.lifecycle import VisitState
from dispatch.planning.assigning import place_visit, unassign_visit
from dispatch.planning.changing import Entry, Placement, SlotChange, change_slots, live_slots, lock_visits
from dispatch.planning.draft_publishing import PUBLISH, publish_of, publish_overlapped
from dispatch.planning.models import (
    Assignment,
    Plan,
    PlanRequest,
    PlanScope,
    PlanState,
    PlanUnserved,
    RequestState,
)
from dispatch.planning.rows import Cell, live
from dispatch.planning.snapshot import LOCKED_STATES
from dispatch.planning.store import stored_stops

_NEWER = text("""
    SELECT 1 FROM plan_scope AS mine
    JOIN plan_scope AS other ON other.territory_id = mine.territory_id AND other.day = mine.day
        AND other.token > mine.token
    JOIN plan_request AS later ON later.id = other.plan_request_id AND later.state IN ('running', 'solved')
    WHERE mine.plan_request_id = :request_id LIMIT 1
""")
_LOCK = text("""
    SELECT lease.territory_id FROM plan_lease AS lease
    JOIN plan_scope AS scope ON scope.territory_id = lease.territory_id AND scope.day = lease.day
    WHERE scope.plan_request_id = :request_id ORDER BY lease.territory_id, lease.day FOR UPDATE OF lease
""")


class ChangedSince(Conflict):
    """What a plan rests on changed after whoever publishes it looked."""


@dataclass(frozen=True, kw_only=True)
class PublishReport:
    """What publishing did, by visit.

    Attributes
    ----------
    changed
        Visits that somebody changed, began or closed since the plan was made; they stay as they are.
    taken
        Visits whose planned time is not free any more; they stay as they are.
    """

    plan_id: int
    assigned: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()
    freed: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    taken: tuple[int, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all of the plan could be published."""
        return not self.changed and not self.taken

    def as_dict(self) -> dict[str, Any]:
        """Give plain JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


def publish_plan(
    session: Session, *, plan_id: int, actor: Actor, now: datetime, agreed: Collection[int] | None = None
) -> PublishReport:
    """Commit a proposal. What changed since it was made is reported, never overwritten.

    ``agreed`` are the visits of which the actor has seen that they changed and stay as they are: where it is given and
    more have changed by now, nothing is published.
    """
    plan = session.get(Plan, plan_id, with_for_update=True, populate_existing=True)
    if plan is None:
        raise NotFound("There is no such plan.")
    cells = _cells(session, plan.plan_request_id)
    for territory_id, _day in cells:
        actor.require(Right.PLAN_PUBLISH, territory_id, what="plan")
    if plan.state not in (PlanState.PROPOSED, PlanState.DRAFT):
        raise Conflict(f"This plan is {plan.state.value}. Start a new run to change the day again.")
    session.execute(_LOCK, {"request_id": plan.plan_request_id})
    if session.execute(_NEWER, {"request_id": plan.plan_request_id}).first():
        raise Conflict("A later run covers the same day. Publish that one, or call it off first.")
    merge = _Merge(session, plan)
    changes, report = merge.plan_changes()
    unseen = {*report.changed, *report.taken} - set(report.changed + report.taken if agreed is None else agreed)
    if unseen:
        raise ChangedSince("More was changed since you looked. Nothing is published yet: look at what changed.")
    if changes:
        change_slots(
            session,
            changes,
            Entry(
                action="publish",
                actor=actor,
                now=now,
                entity="plan",
                entity_id=str(plan_id),
                note={name: len(value) for name, value in report.as_dict().items() if isinstance(value, list)},
            ),
        )
    # what hands changed and the plan keeps is published with it
    settled = [*report.assigned, *report.moved, *report.freed, *report.kept]
    publish_of(session, settled, Entry(action=PUBLISH, actor=actor, now=now))
    publish_overlapped(session, settled, actor=actor, now=now)
    _supersede(session, plan)
    plan = session.get_one(Plan, plan_id)
    plan.state, plan.published_at, plan.published_by_id = PlanState.PUBLISHED, now, actor.user_id
    plan.publish_report = report.as_dict()
    session.flush()
    return report


def accept_change(session: Session, *, plan_id: int, visit_id: int, actor: Actor, now: datetime) -> None:
    """Make of one visit what a proposal makes of it, by the rules and with the words of a booking by hand.

    The rest of the proposal stays one. Raises Conflict where the visit was changed since, or where its time is free in
    the proposal only because others move too.
    """
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise NotFound("There is no such plan.")
    if plan.state not in (PlanState.PROPOSED, PlanState.DRAFT):
        raise Conflict(f"This plan is {plan.state.value}. Start a new run to change the day again.")
    changes, _report, standing = would_change(session, plan)
    mine = [item for item in changes if item.visit_id == visit_id]
    if not mine:
        raise Conflict("This visit was changed since the run, or it is as the plan says already.")
    with session.begin_nested():
        for item in mine:
            if item.to is None:
                unassign_visit(
                    session, visit_id=visit_id, crew_slot_id=item.crew_slot_id, actor=actor, now=now, draft=True
                )
                continue
            row = standing.get(item.crew_slot_id)
            place_visit(
                session,
                visit_id=visit_id,
                technician_id=item.to.technician_id,
                start=item.to.start,
                assignment_id=None if row is None else row.id,
                crew_slot_id=item.crew_slot_id,
                actor=actor,
                now=now,
                draft=True,
            )


def would_change(session: Session, plan: Plan) -> tuple[list[SlotChange], PublishReport, Mapping[int, Any]]:
    """Return what publishing would do now, and the bookings it would change by crew slot; nothing is locked."""
    merge = _Merge(session, plan, lock=False)
    changes, report = merge.plan_changes()
    standing = {row.crew_slot_id: row for rows in merge.standing.values() for row in rows}
    return changes, report, {**standing, **merge.current}


def _cells(session: Session, request_id: int) -> list[Cell]:
    return [
        (row.territory_id, row.day)
        for row in session.execute(
            select(PlanScope.territory_id, PlanScope.day)
            .where(PlanScope.plan_request_id == request_id)
            .order_by(PlanScope.territory_id, PlanScope.day)
        )
    ]


def _supersede(session: Session, plan: Plan) -> None:
    """Set older plans of the same days aside, so that nobody publishes them over this one."""
    mine = select(PlanScope.territory_id, PlanScope.day).where(PlanScope.plan_request_id == plan.plan_request_id)
    overlapping = (
        select(PlanScope.plan_request_id)
        .join(PlanRequest, PlanRequest.id == PlanScope.plan_request_id)
        .where(
            tuple_(PlanScope.territory_id, PlanScope.day).in_(mine),
            PlanRequest.state == RequestState.SOLVED,
            PlanScope.plan_request_id != plan.plan_request_id,
        )
    )
    session.execute(
        update(Plan)
        .where(Plan.plan_request_id.in_(overlapping), Plan.state != PlanState.SUPERSEDED)
        .values(state=PlanState.SUPERSEDED, version=Plan.version + 1)
        .execution_options(synchronize_session=False)
    )


class _Merge:
    """Compares a stored plan with what is committed now and finds what of it can be committed."""

    def __init__(self, session: Session, plan: Plan, *, lock: bool = True) -> None:
        self.session = session
        self.plan = plan
        self.stops: dict[int, list[Any]] = defaultdict(list)
        for stop in stored_stops(session, plan.id):
            self.stops[stop.visit_id].append(stop)
        left_out: Mapping[str, int] = plan.stats.get("unserved_versions", {})
        named = session.scalars(select(PlanUnserved.visit_id).where(PlanUnserved.plan_id == plan.id))
        self.unserved = {visit: left_out[str(visit)] for visit in named if str(visit) in left_out}
        concerned = [*self.stops, *self.unserved]
        self.visits = lock_visits(session, concerned, lock=lock)
        slots = [stop.crew_slot_id for stops in self.stops.values() for stop in stops]
        self.current = live_slots(session, slots, lock=lock)
        self.standing: dict[int, list[Any]] = defaultdict(list)
        for row in self._standing_of(self.unserved, lock):
            self.standing[row.visit_id].append(row)

    def _standing_of(self, visits: Collection[int], lock: bool) -> Sequence[Any]:
        query = select(Assignment.__table__).where(Assignment.visit_id.in_(visits), live())
        return self.session.execute(query.with_for_update() if lock else query).all()

    def plan_changes(self) -> tuple[list[SlotChange], PublishReport]:
        """Return the changes to make and the report; a visit is committed whole or not at all."""
        changed: list[int] = []
        kept: list[int] = []
        wanted: dict[int, list[SlotChange]] = {}
        for visit_id, stops in self.stops.items():
            if all(self._is_as_planned(stop) for stop in stops):
                kept.append(visit_id)
            elif self._was_changed(visit_id, stops[0].visit_version, [self.current.get(s.crew_slot_id) for s in stops]):
                changed.append(visit_id)
            else:
                wanted[visit_id] = [self._change(stop) for stop in stops]
        for visit_id, version in self.unserved.items():
            rows = self.standing[visit_id]
            if rows and self._was_changed(visit_id, version, rows):
                changed.append(visit_id)
            elif rows:
                wanted[visit_id] = [
                    SlotChange(visit_id=visit_id, crew_slot_id=row.crew_slot_id, to=None, expect=(row.id, row.version))
                    for row in rows
                ]
        taken = self._drop_collisions(wanted)
        done = {visit_id: self._kind(items) for visit_id, items in wanted.items()}
        return (
            [item for items in wanted.values() for item in items],
            PublishReport(
                plan_id=self.plan.id,
                assigned=tuple(sorted(visit for visit, kind in done.items() if kind == "assigned")),
                moved=tuple(sorted(visit for visit, kind in done.items() if kind == "moved")),
                freed=tuple(sorted(visit for visit, kind in done.items() if kind == "freed")),
                kept=tuple(sorted(kept)),
                changed=tuple(sorted(changed)),
                taken=tuple(sorted(taken)),
            ),
        )

    def _is_as_planned(self, stop: Any) -> bool:
        row = self.current.get(stop.crew_slot_id)
        return (
            row is not None
            and row.technician_id == stop.technician_id
            and (row.during == stop.during or row.state in LOCKED_STATES)
        )

    def _was_changed(self, visit_id: int, version: int, rows: Sequence[Any]) -> bool:
        visit = self.visits[visit_id]
        return (
            visit.version != version
            or visit.state not in (VisitState.OPEN, VisitState.PLANNED)
            or any(row is not None and row.state in LOCKED_STATES for row in rows)
        )

    def _change(self, stop: Any) -> SlotChange:
        row = self.current.get(stop.crew_slot_id)
        return SlotChange(
            visit_id=stop.visit_id,
            crew_slot_id=stop.crew_slot_id,
            expect=None if row is None else (row.id, row.version),
            to=Placement(
                technician_id=stop.technician_id,
                shift_id=stop.shift_id,
                start=stop.during.lower,
                end=stop.during.upper,
                travel_s=stop.travel_s,
                travel_m=stop.travel_m,
                travel_source=stop.travel_source,
                why=stop.terms,
                plan_id=self.plan.id,
            ),
        )

    def _kind(self, items: Sequence[SlotChange]) -> str:
        if all(item.to is None for item in items):
            return "freed"
        return "moved" if any(item.expect is not None for item in items) else "assigned"

    def _drop_collisions(self, wanted: dict[int, list[SlotChange]]) -> set[int]:
        """Give up visits whose time somebody else took, until what is left collides with nothing that stays."""
        taken: set[int] = set()
        people = {item.to.technician_id for items in wanted.values() for item in items if item.to is not None}
        spans = [item.to for items in wanted.values() for item in items if item.to is not None]
        if not spans:
            return taken
        first, last = min(item.start for item in spans), max(item.end for item in spans)
        others = self.session.execute(
            select(Assignment.id, Assignment.crew_slot_id, Assignment.technician_id, Assignment.during).where(
                Assignment.technician_id.in_(people), live(), Assignment.during.op("&&")(Range(first, last))
            )
        ).all()
        while True:
            leaving = {item.crew_slot_id for items in wanted.values() for item in items}
            staying: dict[int, list[Any]] = defaultdict(list)
            for row in others:
                if row.crew_slot_id not in leaving:
                    staying[row.technician_id].append(row.during)
            collides = {
                visit_id
                for visit_id, items in wanted.items()
                for item in items
                if item.to is not None
                and any(
                    during.lower < item.to.end and item.to.start < during.upper
                    for during in staying[item.to.technician_id]
                )
            }
            if not collides:
                return taken
            taken |= collides
            for visit_id in collides:
                del wanted[visit_id]
