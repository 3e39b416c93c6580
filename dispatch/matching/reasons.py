"""Why a visit is left out, as data: nobody can, nobody can then, or other visits have the time."""

from collections import Counter
from functools import cached_property
from typing import NamedTuple

import numpy as np

from dispatch.matching import constraints
from dispatch.matching.constraint import Flags, Whole
from dispatch.matching.plan import Reason, ReasonCode
from dispatch.matching.problem import CrewSlot, Visit
from dispatch.matching.solvers import asking
from dispatch.matching.solvers.crews import end_of, slots_of
from dispatch.matching.solvers.insertion import price_everywhere
from dispatch.matching.solvers.kernels import displacing
from dispatch.matching.solvers.layout import BOND, GROUP_FROM, HOME, LINK_FROM, LINK_TO, OTHER, State
from dispatch.matching.solvers.tables import Tables, copy_state, empty_state

NEAREST_SHIFTS = 10
"""Shifts asked for a visit that stands in the way."""

IN_TIME = (asking.THEN, asking.FAR_OFF, asking.CUT_OFF)
"""Verdicts about when and where somebody works."""

Params = dict[str, str | int | float]


def refusal(tables: Tables, slot: int, shift: int) -> Reason | None:
    """Give the first must that keeps the technician of a shift from a crew slot; None if all are met."""
    for rule in constraints.EXPLAINING:
        if rule is not constraints.pins and tables.pinned[slot] and tables.data.allowed[slot, shift]:
            return None
        reason: Reason | None = rule.refusal(tables.scope, slot, shift)
        if reason is not None:
            return reason
    return None


def obstacle_reason(tables: Tables, state: State, row: int, shift: int, verdict: int) -> Reason:
    """Say why a shift that may serve a slot has no place for it, with the facts that go with the verdict of `asking`.

    ``state`` is the same before and after, and the slot is not in it.
    """
    scope, data = tables.scope, tables.data
    item, person = scope.shifts[shift], scope.technician(shift)
    params: Params = {"technician": person.id}
    match verdict:
        case asking.FULL:
            at = displacing(data, state, shift, row)
            if at < 0:
                return Reason(code=ReasonCode.DISPLACED)
            return Reason(
                code=ReasonCode.DISPLACED, params={"visit": scope.slots[int(state.sequence[shift, at])].visit.id}
            )
        case asking.CUT_OFF:
            return Reason(code=ReasonCode.UNREACHABLE)
        case asking.FAR_OFF:
            way, _ = tables.ways.way(int(data.shift[shift, HOME]), int(tables.place[row]))
            return Reason(code=ReasonCode.TOO_FAR, params={"travel_s": way, "limit_s": item.max_leg_s or 0})
        case asking.TIED:
            other = int(asking.tied(data, state, shift, row))
            links = data.relation[data.slot[row, LINK_FROM] : data.slot[row, LINK_TO]]
            same = int(links[links[:, OTHER] == other][0, BOND])
            return Reason(code=ReasonCode.LINKED, params={**params, "visit": scope.slots[other].visit.id, "same": same})
        case asking.SOLD_OUT:
            limit = int(data.relation[data.shift[shift, GROUP_FROM], BOND])
            return Reason(
                code=ReasonCode.PARTNER_FULL, params={**params, "partner": person.partner or "", "limit": limit}
            )
        case asking.ENOUGH:
            return Reason(code=ReasonCode.MOST_VISITS, params={**params, "limit": item.max_visits or 0})
        case asking.MUCH_DRIVING:
            return Reason(code=ReasonCode.MOST_DRIVING, params={**params, "limit_s": item.max_drive_s or 0})
        case asking.LONG_DAY:
            return Reason(code=ReasonCode.LONGEST_DAY, params={**params, "limit_s": item.max_length_s or 0})
        case asking.USED_UP:
            return Reason(code=ReasonCode.PARTS_USED_UP, params=params)
    return Reason(code=ReasonCode.NOT_THEN, params={"shift_start_s": item.start_s, "shift_end_s": item.end_s})


class Reasoner:
    """Finds reasons in one state; many visits share what is costly to prepare."""

    def __init__(self, tables: Tables, state: State) -> None:
        self.tables = tables
        self.state = state
        self.known: dict[object, list[Reason]] = {}

    @cached_property
    def empty(self) -> State:
        """A plan without any stop: what would be possible if nobody had anything to do."""
        return empty_state(self.tables)

    @cached_property
    def starts(self) -> Whole:
        """When each shift starts."""
        return np.array([shift.start_s for shift in self.tables.scope.shifts], dtype=np.int64)

    @cached_property
    def trial(self) -> State:
        """A copy of the state to try things on; every trial puts it back."""
        return copy_state(self.state)

    def reasons_for(self, visit: Visit) -> tuple[Reason, ...]:
        """Say why ``visit`` is not served; the first reason is the one that decides."""
        tables, scope = self.tables, self.tables.scope
        rows = slots_of(tables, visit)
        if visit.point is None:
            return (Reason(code=ReasonCode.NO_LOCATION),)
        if not scope.shifts:
            return (Reason(code=ReasonCode.NO_CAPACITY, params={"shifts": 0}),)
        waiting = [
            Reason(code=ReasonCode.PREDECESSOR_UNSERVED, params={"visit": before.visit})
            for before in visit.predecessors
            if end_of(tables, self.state, scope.problem.visit_by_id[before.visit]) is None
        ]
        if waiting:
            return tuple(waiting)
        nobody = [self._nobody(row) for row in rows if not tables.data.allowed[row].any()]
        if nobody:
            return tuple(reason for group in nobody for reason in group)
        people = np.unique(tables.worker[tables.data.allowed[rows].any(axis=0)])
        if len(people) < len(rows):
            params: Params = {"crew_size": len(rows), "people": len(people)}
            return (Reason(code=ReasonCode.CREW_TOO_SMALL, params=params),)
        if any(tables.pinned[row] for row in rows):
            return (Reason(code=ReasonCode.PIN_CONFLICT),)
        return self._windows(visit, rows) or self._time(visit, rows)

    def _nobody(self, row: int) -> list[Reason]:
        """Count why each person is out, and name the nearest one with what is missing."""
        key = who_may(self.tables, row)
        if key not in self.known:
            first_of: dict[int, Reason] = {}
            for shift in range(len(self.tables.scope.shifts)):
                reason = refusal(self.tables, row, shift)
                if reason is not None:
                    first_of.setdefault(int(self.tables.worker[shift]), reason)
            counts: Params = dict(Counter(str(reason.code) for reason in first_of.values()))
            number = self.tables.scope.slots[row].number
            whole = Reason(code=ReasonCode.NOBODY_QUALIFIED, params={"slot": number, "people": len(first_of), **counts})
            nearest = sorted(first_of.items(), key=lambda item: (-_nearness(item[1]), item[0]))
            self.known[key] = [whole, *(reason for _, reason in nearest[:1])]
        return self.known[key]

    def _windows(self, visit: Visit, rows: list[int]) -> tuple[Reason, ...]:
        """Tell windows that are over before anybody starts, or that are too short for the work."""
        hard = [window for window in visit.windows if window.hard]
        if not hard or len(hard) < len(visit.windows):
            return ()
        may = np.any(self.tables.data.allowed[rows], axis=0)
        opening = int(self.starts[may].min())
        last = max(window.end_s for window in hard)
        if last < max(opening, opening if visit.release_s is None else visit.release_s):
            return (Reason(code=ReasonCode.WINDOW_PAST, params={"window_end_s": last, "from_s": opening}),)
        lacking = min(visit.duration_s - (window.end_s - window.start_s) for window in hard)
        if lacking > 0 and all(window.whole_visit for window in hard):
            return (Reason(code=ReasonCode.WINDOW_TOO_SHORT, params={"lacking_s": lacking}),)
        return ()

    def _time(self, visit: Visit, rows: list[int]) -> tuple[Reason, ...]:
        """Distinguish visits that fit into nobody's empty day from those for which the days are full."""
        scope = self.tables.scope
        views = {row: self._view(row) for row in rows}
        for row, view in views.items():
            if not (view.alone.any() or (view.verdict == asking.FREE).any()):
                return (self._never(row, view),)
        if len(rows) == 1 and visit.optional and (views[rows[0]].verdict == asking.FREE).any():
            return (Reason(code=ReasonCode.NOT_WORTH_IT, params={"penalty": scope.problem.penalty(visit)}),)
        return tuple(self._displaced(row, view) for row, view in views.items())

    def _never(self, row: int, view: "View") -> Reason:
        """Say what keeps away most of those who may serve a slot and have no place for it even on an empty day."""
        may = np.flatnonzero(self.tables.data.allowed[row])
        able = len(set(self.tables.worker[may].tolist()))
        commonest = Counter(view.verdict[may].tolist()).most_common(1)[0][0]
        params: Params = {"slot": self.tables.scope.slots[row].number, "qualified": able}
        if commonest in IN_TIME:
            return Reason(code=ReasonCode.NOBODY_THEN, params=params)
        shift = next(int(one) for one in may if view.verdict[one] == commonest)
        reason = obstacle_reason(self.tables, self.trial, row, shift, commonest)
        return Reason(code=reason.code, params={**params, **reason.params})

    def _displaced(self, row: int, view: "View") -> Reason:
        """Name a visit that has the time of somebody who could come, nearest people first, or the limit of that day."""
        scope = self.tables.scope
        free = view.verdict == asking.FREE
        able = np.argsort(self._prices(self.empty, row), kind="stable")
        able = able[(view.alone | free)[able]]
        params: Params = {
            "slot": scope.slots[row].number,
            "people": len(set(self.tables.worker[able].tolist())),
        }
        full = able[(free | (view.verdict == asking.FULL))[able]]
        if not len(full):
            nearest = int(able[0])
            reason = obstacle_reason(self.tables, self.trial, row, nearest, int(view.verdict[nearest]))
            return Reason(code=reason.code, params={**params, **reason.params})
        for shift in map(int, full[:NEAREST_SHIFTS]):
            at = displacing(self.tables.data, self.trial, shift, row)
            if at >= 0:
                params["visit"] = scope.slots[int(self.state.sequence[shift, at])].visit.id
                params["technician"] = scope.technician(shift).id
                break
        return Reason(code=ReasonCode.DISPLACED, params=params)

    def _view(self, row: int) -> "View":
        """Look at every shift for one slot."""
        data, shifts = self.tables.data, len(self.state.size)
        price, place, verdict = np.zeros((3, shifts), dtype=np.int64)
        broken, alone = np.zeros((2, shifts), dtype=np.bool_)
        asking.look(data, self.trial, self.empty, row, broken, price, place, verdict, alone)
        return View(verdict=verdict, alone=alone)

    def _prices(self, state: State, row: int) -> Whole:
        prices, places = np.zeros((2, len(state.size)), dtype=np.int64)
        price_everywhere(self.tables.data, state, row, prices, places)
        return prices


class View(NamedTuple):
    """What stands between each shift and one slot, and where only other visits do."""

    verdict: Whole  # [shift]
    alone: Flags  # [shift]


def who_may(tables: Tables, row: int) -> object:
    """Everything the rules about people look at, so that equal visits are judged once."""
    slot = tables.scope.slots[row]
    visit, crew = slot.visit, slot.crew
    own: tuple[int, CrewSlot, object] = (slot.number, crew, row if tables.pinned[row] else None)
    things: object = None
    if slot.number == 0 and (visit.parts or visit.tools):
        things = (tuple(sorted(visit.parts.items())), frozenset(visit.tools))
    return (*own, visit.excluded, visit.required, visit.territory, things)


def _nearness(reason: Reason) -> float:
    confidence = reason.params.get("confidence")
    if isinstance(confidence, (int, float)):
        return 1.0 + float(confidence)
    return {ReasonCode.NOT_CERTIFIED: 3.0, ReasonCode.OTHER_TERRITORY: 2.5}.get(reason.code, 0.0)
