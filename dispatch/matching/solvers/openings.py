"""Where a visit could go in the routes of a standing plan as they are now, and what that costs.

The kernels know a route's own rules. What routes ask of each other is looked at here: colleagues of a crew, people tied
to visits of others, a partner's day that is full, and pins that keep their order at the head of a route.
"""

from collections.abc import Iterable

import numpy as np

from dispatch.matching.constraint import FAR, Flags, Whole
from dispatch.matching.problem import Problem
from dispatch.matching.solvers.crews import slots_of
from dispatch.matching.solvers.insertion import price_everywhere
from dispatch.matching.solvers.kernels import best_place, insertion
from dispatch.matching.solvers.laying import IMPOSSIBLE
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.standing import Standing
from dispatch.matching.solvers.tables import Tables, empty_state
from dispatch.units import SECONDS_PER_DAY

NEAR = 30
"""Routes in which a visit may push another one out, nearest first."""


class Openings:
    """Places for visits beside what ``standing`` holds; nothing is moved here."""

    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        scope = standing.tables.scope
        shifts = len(scope.shifts)
        self._prices, self._places = np.zeros(shifts, dtype=np.int64), np.zeros(shifts, dtype=np.int64)
        self._empty = empty_state(self.tables)
        self._alone: dict[int, list[int]] = {}
        self._links = _links(scope.problem)
        self._capped = {item.id: item.visits_a_day for item in scope.problem.partners if item.visits_a_day is not None}

    @property
    def tables(self) -> Tables:
        """The question as arrays."""
        return self.standing.tables

    @property
    def state(self) -> State:
        """Routes as they are now."""
        return self.standing.state

    @property
    def tied(self) -> bool:
        """Whether a place may depend on who serves other visits."""
        return bool(self._links or self._capped)

    def split(self, row: int, shifts: list[int]) -> tuple[Whole, list[int]]:
        """Shifts that the kernels can price alone, and those where pins in their order have to be minded."""
        if row in self.standing.order:
            return np.zeros(0, dtype=np.int64), shifts
        led = [shift for shift in shifts if self.standing.lead(shift)] if self.standing.order else []
        return np.array([shift for shift in shifts if shift not in led], dtype=np.int64), led

    def price(self, row: int, shift: int) -> tuple[int, int]:
        """Least price of a slot in a route, and the place; pins in their order stay at the head."""
        data, state = self.tables.data, self.state
        lead = self.standing.lead(shift)
        if not lead and row not in self.standing.order:
            price, at = best_place(data, state, shift, row, IMPOSSIBLE)
            return int(price), int(at)
        size = int(state.size[shift])
        places: Iterable[int] = range(lead, size + 1)
        if row in self.standing.order:
            mine = self.standing.order[row]
            places = [sum(self.standing.order.get(other, FAR) < mine for other in self.standing.stops(shift))]
        best = (IMPOSSIBLE, -1)
        for at in places if data.allowed[row, shift] and size < state.sequence.shape[1] else ():
            best = min(best, (int(insertion(data, state, shift, at, row, IMPOSSIBLE)), at))
        return best

    def prices(self, row: int) -> Whole:
        """Least price of a slot in each route; IMPOSSIBLE where it can not go  # [shift]."""
        price_everywhere(self.tables.data, self.state, row, self._prices, self._places)
        prices = self._prices.copy()
        if self.standing.order:
            for shift in {int(self.state.route_of[other]) for other in self.standing.order} - {-1}:
                prices[shift] = self.price(row, shift)[0]
        if row in self.standing.order:
            for shift in np.flatnonzero(self.tables.data.allowed[row]).tolist():
                prices[shift] = self.price(row, shift)[0]
        prices[self.barred(row)] = IMPOSSIBLE
        return prices

    def near(self, row: int) -> list[int]:
        """Shifts that could serve a slot if they had nothing else to do, cheapest first."""
        if row not in self._alone:
            low, high = int(self.state.low[row]), int(self.state.high[row])
            self._empty.low[row], self._empty.high[row] = low, high
            price_everywhere(self.tables.data, self._empty, row, self._prices, self._places)
            able = np.flatnonzero(self._prices < IMPOSSIBLE)
            order = able[np.argsort(self._prices[able], kind="stable")]
            self._alone[row] = order[:NEAR].tolist()
        return self._alone[row]

    def can_be_served(self, row: int) -> bool:
        """Whether any shift could serve a slot if it had nothing else to do."""
        return bool(self.near(row))

    def barred(self, row: int) -> Flags:
        """Shifts barred to a slot by other visits: colleagues, linked people, a partner's limit  # [shift]."""
        tables, state = self.tables, self.state
        slot = tables.scope.slots[row]
        barred = np.zeros(len(state.size), dtype=np.bool_)
        if len(slot.visit.crew) > 1:
            for other in slots_of(tables, slot.visit):
                if other != row and state.route_of[other] >= 0:
                    barred |= tables.worker == tables.worker[state.route_of[other]]
        for name, same in self._links.get(slot.visit.id, ()):
            rows = slots_of(tables, tables.scope.problem.visit_by_id[name])
            for other in rows[:1] if same else rows:
                shift = int(state.route_of[other])
                if shift >= 0 and (slot.number == 0 or not same):
                    alike = tables.worker == tables.worker[shift]
                    barred |= ~alike if same else alike
        if self._capped:
            barred |= self._full_partners(row)
        return barred

    def _full_partners(self, row: int) -> Flags:
        """Shifts of partners that have their day's visits already  # [shift]."""
        scope, state = self.tables.scope, self.state
        groups: dict[tuple[str, int], list[int]] = {}
        for shift, item in enumerate(scope.shifts):
            partner = scope.technician(shift).partner
            if partner in self._capped:
                groups.setdefault((partner, item.start_s // SECONDS_PER_DAY), []).append(shift)
        full = np.zeros(len(state.size), dtype=np.bool_)
        for (partner, _), shifts in groups.items():
            visits = {scope.slots[other].visit.id for shift in shifts for other in self.standing.stops(shift)}
            if len(visits - {scope.slots[row].visit.id}) >= self._capped[partner]:
                full[shifts] = True
        return full


def _links(problem: Problem) -> dict[str, list[tuple[str, bool]]]:
    """Visits that need the same person (True) or nobody in common (False), by visit, both ways."""
    found: dict[str, list[tuple[str, bool]]] = {}
    for visit in problem.visits:
        for same, names in ((True, visit.same_person_as), (False, visit.other_person_than)):
            for name in names:
                found.setdefault(visit.id, []).append((name, same))
                found.setdefault(name, []).append((visit.id, same))
    return found
