"""Why a visit is left out, as data: nobody can, nobody can then, or other visits have the time."""

from collections import Counter

import numpy as np

from dispatch.matching import constraints
from dispatch.matching.plan import Reason, ReasonCode
from dispatch.matching.problem import Visit
from dispatch.matching.solvers.crews import end_of, slots_of
from dispatch.matching.solvers.kernels import IMPOSSIBLE, best_place, displacing
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.tables import Tables, copy_state, empty_state

NEAREST_SHIFTS = 10
"""Shifts asked for a visit that stands in the way."""


def refusal(tables: Tables, slot: int, shift: int) -> Reason | None:
    """Give the first must that keeps the technician of a shift from a crew slot; None if all are met."""
    for rule in constraints.EXPLAINING:
        if rule is not constraints.pins and tables.pinned[slot] and tables.data.allowed[slot, shift]:
            return None
        reason: Reason | None = rule.refusal(tables.scope, slot, shift)
        if reason is not None:
            return reason
    return None


def reasons_for(tables: Tables, state: State, visit: Visit) -> tuple[Reason, ...]:
    """Say why ``visit`` is not served in ``state``; the first reason is the one that decides."""
    scope, data = tables.scope, tables.data
    rows = slots_of(tables, visit)
    if visit.point is None:
        return (Reason(code=ReasonCode.NO_LOCATION),)
    if not scope.shifts:
        return (Reason(code=ReasonCode.NO_CAPACITY, params={"shifts": 0}),)
    waiting = [
        Reason(code=ReasonCode.PREDECESSOR_UNSERVED, params={"visit": before.visit})
        for before in visit.predecessors
        if end_of(tables, state, scope.problem.visit_by_id[before.visit]) is None
    ]
    if waiting:
        return tuple(waiting)
    nobody = [_nobody(tables, row) for row in rows if not data.allowed[row].any()]
    if nobody:
        return tuple(reason for group in nobody for reason in group)
    people = {int(tables.worker[shift]) for row in rows for shift in np.flatnonzero(data.allowed[row])}
    if len(people) < len(rows):
        return (Reason(code=ReasonCode.CREW_TOO_SMALL, params={"crew_size": len(rows), "people": len(people)}),)
    if any(tables.pinned[row] for row in rows):
        return (Reason(code=ReasonCode.PIN_CONFLICT),)
    return _no_time(tables, state, visit, rows)


def _nobody(tables: Tables, row: int) -> list[Reason]:
    """Count why each person is out, and name the nearest one with what is missing."""
    refused = [refusal(tables, row, shift) for shift in range(len(tables.scope.shifts))]
    first_of: dict[int, Reason] = {}
    for shift, reason in enumerate(refused):
        if reason is not None:
            first_of.setdefault(int(tables.worker[shift]), reason)
    counts: dict[str, str | int | float] = dict(Counter(str(reason.code) for reason in first_of.values()))
    slot = tables.scope.slots[row]
    whole = Reason(code=ReasonCode.NOBODY_QUALIFIED, params={"slot": slot.number, "people": len(first_of), **counts})
    nearest = max(first_of.items(), key=lambda item: (_nearness(item[1]), -item[0]))[1] if first_of else None
    return [whole] if nearest is None else [whole, nearest]


def _nearness(reason: Reason) -> float:
    confidence = reason.params.get("confidence")
    if isinstance(confidence, (int, float)):
        return 1.0 + float(confidence)
    return {ReasonCode.NOT_CERTIFIED: 3.0, ReasonCode.OTHER_TERRITORY: 2.5}.get(reason.code, 0.0)


def _no_time(tables: Tables, state: State, visit: Visit, rows: list[int]) -> tuple[Reason, ...]:
    """Distinguish windows that nobody can meet even with an empty day from days that are full."""
    scope, data = tables.scope, tables.data
    hard = [window for window in visit.windows if window.hard]
    if hard and len(hard) == len(visit.windows):
        opening = min(int(scope.shifts[shift].start_s) for row in rows for shift in np.flatnonzero(data.allowed[row]))
        if max(window.end_s for window in hard) < max(opening, visit.release_s or opening):
            last = max(window.end_s for window in hard)
            return (Reason(code=ReasonCode.WINDOW_PAST, params={"window_end_s": last, "from_s": opening}),)
        lacking = min(visit.duration_s - (window.end_s - window.start_s) for window in hard)
        if lacking > 0 and all(window.whole_visit for window in hard):
            return (Reason(code=ReasonCode.WINDOW_TOO_SHORT, params={"lacking_s": lacking}),)
    empty = empty_state(tables)
    alone = {
        row: [best_place(data, empty, shift, row, IMPOSSIBLE)[0] for shift in range(len(scope.shifts))] for row in rows
    }
    for row in rows:
        if min(alone[row]) >= IMPOSSIBLE:
            able = len({int(tables.worker[shift]) for shift in np.flatnonzero(data.allowed[row])})
            return (Reason(code=ReasonCode.NOBODY_THEN, params={"slot": scope.slots[row].number, "qualified": able}),)
    if len(rows) == 1 and visit.optional:
        fits = any(
            best_place(data, state, shift, rows[0], IMPOSSIBLE)[0] < IMPOSSIBLE for shift in range(len(scope.shifts))
        )
        if fits:
            return (Reason(code=ReasonCode.NOT_WORTH_IT, params={"penalty": scope.problem.penalty(visit)}),)
    return _displaced(tables, state, rows, alone)


def _displaced(tables: Tables, state: State, rows: list[int], alone: dict[int, list[int]]) -> tuple[Reason, ...]:
    """Name the visits that have the time of the people who could come, nearest people first."""
    trial = copy_state(state)
    found: list[Reason] = []
    for row in rows:
        shifts = sorted(range(len(alone[row])), key=lambda shift: alone[row][shift])
        able = [shift for shift in shifts if alone[row][shift] < IMPOSSIBLE]
        people = len({int(tables.worker[shift]) for shift in able})
        for shift in able[:NEAREST_SHIFTS]:
            at = displacing(tables.data, trial, shift, row)
            if at >= 0:
                visit = tables.scope.slots[int(state.sequence[shift, at])].visit
                params: dict[str, str | int | float] = {
                    "slot": tables.scope.slots[row].number,
                    "visit": visit.id,
                    "technician": tables.scope.technician(shift).id,
                    "people": people,
                }
                found.append(Reason(code=ReasonCode.DISPLACED, params=params))
                break
        else:
            params = {"slot": tables.scope.slots[row].number, "people": people}
            found.append(Reason(code=ReasonCode.DISPLACED, params=params))
    return tuple(found)
