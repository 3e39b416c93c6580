"""`Plan` to rows, and plans compared in numbers; with ``snapshot.py`` the only border to the matcher's values."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.matching.codec import encode
from dispatch.matching.plan import Plan as Answer
from dispatch.matching.plan import Route, Violation
from dispatch.planning.customer_terms import Booking, DayEnd, customer_terms, disturbed_by, spots_of
from dispatch.planning.models import Plan, PlanRequest, PlanRoute, PlanState, PlanStop, PlanUnserved
from dispatch.planning.snapshot import Committed, Snapshot
from dispatch.planning.terms import stop_terms


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A plan in numbers. Times in seconds, lengths in metres, cost in seconds of paid travel."""

    served: int
    unserved: int
    late: int
    late_s: int
    travel_s: int
    travel_m: int
    overtime_s: int
    waiting_s: int
    cost: int

    def as_dict(self) -> dict[str, int]:
        """Give plain JSON values."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a plan changes against what is committed, by visit."""

    kept: tuple[int, ...]
    reassigned: tuple[int, ...]
    retimed: tuple[int, ...]
    new: tuple[int, ...]
    dropped: tuple[int, ...]
    people_disturbed: tuple[int, ...]

    def as_dict(self) -> dict[str, list[int]]:
        """Give plain JSON values."""
        return {name: list(value) for name, value in vars(self).items()}


def figures(snapshot: Snapshot, answer: Answer) -> Figures:
    """Count a plan. Lateness counts once for a visit, at its first crew slot."""
    stops = [stop for route in answer.routes for stop in route.stops]
    late = [stop.late_s for stop in stops if stop.slot == 0 and stop.late_s > 0]
    end_of = {shift.id: shift.end_s for shift in snapshot.problem.shifts}
    return Figures(
        served=len({stop.visit for stop in stops}),
        unserved=len(answer.unassigned) + len(snapshot.left_out),
        late=len(late),
        late_s=sum(late),
        travel_s=sum(stop.travel_s for stop in stops) + sum(route.home_travel_s for route in answer.routes),
        travel_m=sum(stop.travel_m for stop in stops) + sum(route.home_travel_m for route in answer.routes),
        overtime_s=sum(max(0, route.finish_s - end_of[route.shift]) for route in answer.routes),
        waiting_s=sum(stop.waiting_s for stop in stops),
        cost=answer.cost.total,
    )


def difference(snapshot: Snapshot, answer: Answer) -> Difference:
    """Compare a plan with what was committed when its problem was read, visit by visit."""
    clock, tolerance = snapshot.clock, snapshot.problem.policy.retime_tolerance_s
    before: dict[int, dict[int, Committed]] = {}
    for item in snapshot.committed.values():
        before.setdefault(item.visit_id, {})[item.crew_slot_id] = item
    sets: dict[str, list[int]] = {"kept": [], "reassigned": [], "retimed": [], "new": []}
    disturbed: set[int] = set()
    served: set[int] = set()
    for name, pairs in answer.stops_by_visit.items():
        visit = int(name)
        served.add(visit)
        kind = "kept"
        for route, stop in pairs:
            told = before.get(visit, {}).get(snapshot.slots[visit][stop.slot])
            if told is None:
                kind = "new" if kind == "kept" else kind
                disturbed.add(int(route.technician))
            elif told.technician_id != int(route.technician):
                kind = "reassigned"
                disturbed |= {told.technician_id, int(route.technician)}
            elif abs(clock.seconds(told.start) - stop.start_s) > tolerance:
                kind = "retimed" if kind == "kept" else kind
                disturbed.add(told.technician_id)
        sets[kind].append(visit)
    dropped = sorted(set(before) - served)
    disturbed |= {item.technician_id for visit in dropped for item in before[visit].values()}
    return Difference(
        kept=tuple(sorted(sets["kept"])),
        reassigned=tuple(sorted(sets["reassigned"])),
        retimed=tuple(sorted(sets["retimed"])),
        new=tuple(sorted(sets["new"])),
        dropped=tuple(dropped),
        people_disturbed=tuple(sorted(disturbed)),
    )


def _yardstick(snapshot: Snapshot, answer: Answer, now: datetime) -> dict[str, Any]:
    """Count a plan that is kept for comparison only: its routes are not stored."""
    clock, problem = snapshot.clock, snapshot.problem
    bookings = [
        Booking(
            visit_id=int(stop.visit),
            shift_id=int(route.shift),
            technician_id=int(route.technician),
            start=clock.instant(stop.start_s),
            end=clock.instant(stop.end_s),
            travel_s=stop.travel_s,
            travel_source=stop.travel_source,
            known_face=route.technician in problem.visit_by_id[stop.visit].known_faces,
        )
        for route in answer.routes
        for stop in route.stops
    ]
    ends = [
        DayEnd(
            technician_id=int(route.technician),
            home_s=route.home_travel_s,
            finish=clock.instant(route.finish_s),
            shift_end=clock.instant(problem.shift_by_id[route.shift].end_s),
        )
        for route in answer.routes
    ]
    told: dict[int, set[tuple[int, datetime]]] = defaultdict(set)
    for item in snapshot.committed.values():
        told[item.visit_id].add((item.technician_id, item.start))
    before = {visit: frozenset(spots) for visit, spots in told.items()}
    terms = customer_terms(
        bookings,
        ends,
        asked={*map(int, problem.visit_by_id), *snapshot.left_out},
        promises=snapshot.promises,
        disturbed=disturbed_by(before, spots_of(bookings), snapshot.promises),
        now=now,
    )
    return {**answer.cost.terms(), **figures(snapshot, answer).as_dict(), "terms": terms.as_dict()}


def store_plan(
    session: Session,
    *,
    request: PlanRequest,
    snapshot: Snapshot,
    answer: Answer,
    baseline: Answer | None,
    violations: Sequence[Violation],
    now: datetime,
) -> Plan:
    """Write a plan with its routes, stops and unserved visits; four statements whatever its size."""
    plan = Plan(
        plan_request_id=request.id,
        state=PlanState.PROPOSED,
        cost={**answer.cost.terms(), "total": answer.cost.total},
        baseline=None if baseline is None else _yardstick(snapshot, baseline, now),
        stats={
            **dict(encode(answer.stats)),
            "figures": figures(snapshot, answer).as_dict(),
            "difference": difference(snapshot, answer).as_dict(),
            "unserved_versions": _unserved_versions(snapshot, answer),
        },
        violations=[dict(encode(item)) for item in violations],
        created_at=now,
    )
    session.add(plan)
    session.flush()
    routes = [_route_row(plan.id, route) for route in answer.routes]
    if routes:
        made = session.execute(insert(PlanRoute).returning(PlanRoute.shift_id, PlanRoute.id), routes).all()
        route_ids = dict(made)
        stops = [row for route in answer.routes for row in stop_rows(snapshot, route, route_ids[int(route.shift)])]
        session.execute(insert(PlanStop), stops)
    unserved = list(_unserved_rows(plan.id, snapshot, answer))
    if unserved:
        session.execute(insert(PlanUnserved), unserved)
    return plan


def _unserved_versions(snapshot: Snapshot, answer: Answer) -> dict[str, int]:
    """Versions of the visits left out, so that publishing can tell whether they changed meanwhile."""
    return {item.visit: snapshot.visit_versions[int(item.visit)] for item in answer.unassigned}


def _route_row(plan_id: int, route: Route) -> dict[str, Any]:
    return {
        "plan_id": plan_id,
        "shift_id": int(route.shift),
        "technician_id": int(route.technician),
        "summary": {
            "depart_s": route.depart_s,
            "finish_s": route.finish_s,
            "home_travel_s": route.home_travel_s,
            "home_travel_m": route.home_travel_m,
            "travel_s": sum(stop.travel_s for stop in route.stops) + route.home_travel_s,
            "stops": len(route.stops),
            "breaks": [dict(encode(item)) for item in route.breaks],
            "cost": {name: value for name, value in route.cost.terms().items() if value},
        },
    }


def stop_rows(snapshot: Snapshot, route: Route, route_id: int | None = None) -> Iterable[dict[str, Any]]:
    """Give the stops of a route as rows."""
    clock = snapshot.clock
    for position, stop in enumerate(route.stops, start=1):
        visit = int(stop.visit)
        why = stop_terms(
            snapshot.problem,
            technician=route.technician,
            visit=stop.visit,
            slot=stop.slot,
            travel_s=stop.travel_s,
            waiting_s=stop.waiting_s,
            late_s=stop.late_s,
            work_s=stop.end_s - stop.start_s,
        )
        yield {
            "plan_route_id": route_id,
            "position": position,
            "visit_id": visit,
            "crew_slot_id": snapshot.slots[visit][stop.slot],
            "visit_version": snapshot.visit_versions[visit],
            "during": Range(clock.instant(stop.start_s), clock.instant(stop.end_s)),
            "arrive_at": clock.instant(stop.arrive_s),
            "travel_s": stop.travel_s,
            "travel_m": stop.travel_m,
            "travel_source": stop.travel_source,
            "terms": {**why.as_dict(), "late_s": stop.late_s, "waiting_s": stop.waiting_s},
        }


def _unserved_rows(plan_id: int, snapshot: Snapshot, answer: Answer) -> Iterable[dict[str, Any]]:
    for item in answer.unassigned:
        yield {
            "plan_id": plan_id,
            "visit_id": int(item.visit),
            "reasons": [{"code": reason.code.value, "params": dict(reason.params)} for reason in item.reasons],
        }
    for visit, waits_for in snapshot.left_out.items():
        reason = {"code": "predecessor_unserved", "params": {"visit": str(waits_for)}}
        yield {"plan_id": plan_id, "visit_id": visit, "reasons": [reason]}


def stored_stops(session: Session, plan_id: int) -> Sequence[Any]:
    """Return the stops of a stored plan with the shift and person of their route."""
    return session.execute(
        select(
            PlanStop.visit_id,
            PlanStop.crew_slot_id,
            PlanStop.visit_version,
            PlanStop.during,
            PlanStop.arrive_at,
            PlanStop.travel_s,
            PlanStop.travel_m,
            PlanStop.travel_source,
            PlanStop.terms,
            PlanStop.position,
            PlanRoute.shift_id,
            PlanRoute.technician_id,
        )
        .join(PlanRoute, PlanRoute.id == PlanStop.plan_route_id)
        .where(PlanRoute.plan_id == plan_id)
        .order_by(PlanRoute.id, PlanStop.position)
    ).all()
