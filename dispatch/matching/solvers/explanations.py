"""Works out explanations on the kernels of the search, so that they can not disagree with it."""

import numpy as np

from dispatch.matching.constraint import Scope
from dispatch.matching.explain import Candidate, Candidates, Kind, KnockOn, WhyNot, WhyUnassigned
from dispatch.matching.levels import p_fix
from dispatch.matching.plan import Cost, Plan, Reason, ReasonCode, Route
from dispatch.matching.problem import Problem
from dispatch.matching.reasons import Reasoner, refusal
from dispatch.matching.solvers.crews import slots_of
from dispatch.matching.solvers.insertion import price_everywhere
from dispatch.matching.solvers.kernels import IMPOSSIBLE, displacing, put, refresh, take
from dispatch.matching.solvers.layout import HOME, State
from dispatch.matching.solvers.tables import Tables, build, empty_state
from dispatch.matching.solvers.warm_start import load
from dispatch.matching.timetable import route_of

KINDS = {
    ReasonCode.NO_LOCATION: Kind.NOT_PLANNABLE,
    ReasonCode.NO_CAPACITY: Kind.NOBODY_CAN,
    ReasonCode.NOBODY_QUALIFIED: Kind.NOBODY_CAN,
    ReasonCode.CREW_TOO_SMALL: Kind.NOBODY_CAN,
    ReasonCode.PREDECESSOR_UNSERVED: Kind.NOT_PLANNABLE,
    ReasonCode.PIN_CONFLICT: Kind.NOT_PLANNABLE,
    ReasonCode.WINDOW_PAST: Kind.NOBODY_THEN,
    ReasonCode.WINDOW_TOO_SHORT: Kind.NOBODY_THEN,
    ReasonCode.NOBODY_THEN: Kind.NOBODY_THEN,
    ReasonCode.NOT_WORTH_IT: Kind.NOT_WORTH_IT,
}


def rank(problem: Problem, plan: Plan, visit: str, slot: int) -> Candidates:
    """Rank everybody; see `dispatch.matching.explain.candidates`."""
    tables = build(Scope.of(problem))
    row = tables.scope.slot_index[visit, slot]
    state, broken = load(tables, plan)
    _take_out(tables, state, row)
    shifts = len(tables.scope.shifts)
    prices, places = np.full(shifts, IMPOSSIBLE, dtype=np.int64), np.zeros(shifts, dtype=np.int64)
    if shifts:
        price_everywhere(tables.data, state, row, prices, places)
    crew = {int(state.route_of[other]) for other in slots_of(tables, problem.visit_by_id[visit]) if other != row}
    colleagues = {int(tables.worker[shift]) for shift in crew if shift >= 0}
    ranked: list[Candidate] = []
    excluded: list[WhyNot] = []
    for number, person in enumerate(tables.scope.technicians):
        own = [shift for shift in range(shifts) if tables.worker[shift] == number]
        usable = [shift for shift in own if prices[shift] < IMPOSSIBLE and shift not in broken]
        if usable and number not in colleagues:
            best = min(usable, key=lambda shift: (int(prices[shift]), shift))
            ranked.append(_candidate(tables, state, row, best, int(places[best])))
        else:
            reason = _obstacle(tables, state, row, own, broken, is_colleague=number in colleagues)
            excluded.append(WhyNot(technician=person.id, reason=reason))
    ranked.sort(key=lambda item: (item.cost.total, item.technician))
    return Candidates(visit=visit, slot=slot, ranked=tuple(ranked), excluded=tuple(excluded))


def why_left_out(problem: Problem, plan: Plan, visit: str) -> WhyUnassigned:
    """Say why; see `dispatch.matching.explain.why_unassigned`."""
    wanted = problem.visit_by_id[visit]
    if visit in plan.stops_by_visit:
        raise ValueError(f"visit {visit} is served by the plan")
    tables = build(Scope.of(problem))
    state, _ = load(tables, plan)
    reasons = Reasoner(tables, state).reasons_for(wanted)
    return WhyUnassigned(visit=visit, kind=KINDS.get(reasons[0].code, Kind.DISPLACED), reasons=reasons)


def _take_out(tables: Tables, state: State, row: int) -> None:
    shift = int(state.route_of[row])
    if shift < 0:
        return
    at = int(np.flatnonzero(state.sequence[shift, : state.size[shift]] == row)[0])
    take(state, shift, at)
    refresh(tables.data, state, shift)
    if not tables.linked[row]:
        fresh = empty_state(tables)
        state.low[row], state.high[row] = fresh.low[row], fresh.high[row]


def _candidate(tables: Tables, state: State, row: int, shift: int, at: int) -> Candidate:
    """Put the slot in, compare the route before and after, and take it out again."""
    before = route_of(tables, state, shift) if state.size[shift] else None
    put(tables.data, state, shift, at, row)
    after = route_of(tables, state, shift)
    take(state, shift, at)
    refresh(tables.data, state, shift)
    person, slot, stop = tables.scope.technician(shift), tables.scope.slots[row], after.stops[at]
    return Candidate(
        technician=person.id,
        shift=after.shift,
        position=at,
        after_visit=after.stops[at - 1].visit if at > 0 else None,
        travel_s=stop.travel_s,
        detour_s=_driving(after) - (_driving(before) if before else 0),
        arrive_s=stop.arrive_s,
        start_s=stop.start_s,
        end_s=stop.end_s,
        late_s=stop.late_s,
        p_fix=p_fix(tables.scope.problem.policy, person, slot.crew.needs),
        knock_on=_knock_on(before, after) if before else (),
        overtime_s=max(0, after.finish_s - tables.scope.shifts[shift].end_s),
        cost=after.cost - (before.cost if before else Cost()),
    )


def _driving(route: Route) -> int:
    return sum(stop.travel_s for stop in route.stops) + route.home_travel_s


def _knock_on(before: Route, after: Route) -> tuple[KnockOn, ...]:
    now = {(stop.visit, stop.slot): stop for stop in after.stops}
    return tuple(
        KnockOn(
            visit=stop.visit,
            start_before_s=stop.start_s,
            start_after_s=now[stop.visit, stop.slot].start_s,
            late_before_s=stop.late_s,
            late_after_s=now[stop.visit, stop.slot].late_s,
        )
        for stop in before.stops
        if now[stop.visit, stop.slot].start_s != stop.start_s
    )


def _obstacle(
    tables: Tables, state: State, row: int, own: list[int], broken: set[int], *, is_colleague: bool
) -> Reason:
    """Give the first must that keeps one person away, over all shifts of that person."""
    visit = tables.scope.slots[row].visit
    if not own:
        return Reason(code=ReasonCode.NO_SHIFT)
    if is_colleague:
        return Reason(code=ReasonCode.SAME_CREW)
    if visit.point is None:
        return Reason(code=ReasonCode.NO_LOCATION)
    may = [shift for shift in own if tables.data.allowed[row, shift]]
    if not may:
        reason = refusal(tables, row, own[0])
        assert reason is not None
        return reason
    if broken.issuperset(may):
        return Reason(code=ReasonCode.ROUTE_BROKEN, params={"shift": tables.scope.shifts[may[0]].id})
    empty = empty_state(tables)
    empty.low[row], empty.high[row] = state.low[row], state.high[row]
    prices, places = np.zeros(len(state.size), dtype=np.int64), np.zeros(len(state.size), dtype=np.int64)
    price_everywhere(tables.data, empty, row, prices, places)
    able = [shift for shift in may if prices[shift] < IMPOSSIBLE and shift not in broken]
    if not able:
        return _never_then(tables, row, may[0])
    for shift in able:
        at = displacing(tables.data, state, shift, row)
        if at >= 0:
            other = tables.scope.slots[int(state.sequence[shift, at])].visit.id
            return Reason(code=ReasonCode.DISPLACED, params={"visit": other})
    return Reason(code=ReasonCode.DISPLACED)


def _never_then(tables: Tables, row: int, shift: int) -> Reason:
    """Distinguish ways that do not exist or are too long from times that do not meet."""
    way, _ = tables.ways.way(int(tables.data.shift[shift, HOME]), int(tables.place[row]))
    limit = tables.scope.shifts[shift].max_leg_s
    if way < 0:
        return Reason(code=ReasonCode.UNREACHABLE)
    if limit is not None and way > limit:
        return Reason(code=ReasonCode.TOO_FAR, params={"travel_s": way, "limit_s": limit})
    item = tables.scope.shifts[shift]
    return Reason(code=ReasonCode.NOT_THEN, params={"shift_start_s": item.start_s, "shift_end_s": item.end_s})
