"""A day as people were told it, ready for questions: what is served may start a little later, never earlier."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dispatch.matching.explain import Candidate, Candidates, WhyNot
from dispatch.matching.plan import Plan, Reason, ReasonCode, Stop
from dispatch.matching.problem import Problem, Visit
from dispatch.matching.solvers import asking
from dispatch.matching.solvers.desk import Desk, Span
from dispatch.matching.solvers.kernels import refresh
from dispatch.matching.solvers.layout import DURATION, SETUP
from dispatch.units import Seconds

Facts = tuple[Seconds, Seconds, Seconds, Seconds]
"""Of a crew slot: first and last start, planned work and the set-up in it."""


class HeldDesk(Desk):
    """A `Desk` on which stops keep their starts until something pushes them later, within the policy's tolerance.

    Who plans anew may fill every gap; who looks for a place in a day that is known to customers may not, and wants the
    times that were told, as long as they were told. Only the visit that is asked about is free of the time it has.
    """

    def _start(self, problem: Problem, plan: Plan) -> None:
        self._free: dict[int, Facts] = {}
        self._told: dict[int, Facts] = {}
        super()._start(problem, plan)
        for route in plan.routes:
            shift = self.tables.scope.shift_index[route.shift]
            if shift not in self.broken:
                self._hold(shift, route.stops)

    def survey(self, visit: str | Visit, *, slot: int = 0) -> Candidates:
        """Tell for everybody what sending them means, or why not: as `everybody`, by the kernels' own account."""
        with self._lock:
            row = self.row(visit, slot)
            able = self._inquire(row, len(self._names))
            chosen, details = self._sheet.best[:able].tolist(), self._sheet.detail[:able].tolist()
            ranked, there = [], set()
            for number, worker in enumerate(chosen):
                if details[number][asking.AT] < 0:
                    continue
                shift = int(self._sheet.chosen[worker])
                ranked.append(self._detailed(row, shift, details[number], self._sheet.moved[number]))
                there.add(worker)
            ranked.sort(key=lambda item: (item.cost.total, item.technician))
            with self._without(row):
                excluded = tuple(
                    WhyNot(technician=name, reason=self._kept_away(row, worker))
                    for worker, name in enumerate(self._names)
                    if worker not in there
                )
            visit_id = self.tables.scope.slots[row].visit.id
            return Candidates(visit=visit_id, slot=slot, ranked=tuple(ranked), excluded=excluded)

    def at(self, visit: str | Visit, technician: str, start_s: Seconds, *, slot: int = 0) -> Candidate | None:
        """Give what it means that this person starts the visit at exactly this second; None if it does not fit in.

        Raises
        ------
        KeyError
            If there is no such visit, crew slot or technician.
        """
        with self._lock:
            row = self.row(visit, slot)
            worker = self.tables.scope.technician_index[technician]
            with self._without(row):
                low, high = int(self.state.low[row]), int(self.state.high[row])
                if not low <= start_s <= high or self._colleagues(row)[worker]:
                    return None
                self.state.low[row] = self.state.high[row] = start_s
                try:
                    sheet = self._sheet
                    asking.look(
                        self.tables.data,
                        self.state,
                        self._blank,
                        row,
                        self._broken,
                        sheet.price,
                        sheet.place,
                        sheet.verdict,
                        sheet.alone,
                    )
                    own = [one for one in self._own[worker] if sheet.verdict[one] == asking.FREE]
                    if not own:
                        return None
                    shift = min(own, key=lambda one: (int(sheet.price[one]), one))
                    return self._written(row, shift, int(sheet.place[shift]))
                finally:
                    self.state.low[row], self.state.high[row] = low, high

    def why(self, visit: str | Visit, technician: str, *, slot: int = 0) -> Reason | None:
        """Give the first must that keeps this person away all day; None if there is a place at some time."""
        with self._lock:
            row = self.row(visit, slot)
            worker = self.tables.scope.technician_index[technician]
            self._inquire(row, 0)
            if self._sheet.chosen[worker] >= 0:
                return None
            with self._without(row):
                return self._obstacle(row, worker)

    def bounds(self, row: int) -> Span:
        """Earliest and latest start that links leave, and where some of the crew have a time already that time."""
        low, high = super().bounds(row)
        crew = [self._start_of(other) for other in self._rows(self.tables.scope.slots[row].visit) if other != row]
        for start in crew:
            if start is not None:
                low, high = max(low, start), min(high, start)
        return low, high

    def _kept_away(self, row: int, worker: int) -> Reason:
        """Say what keeps somebody away; who has a place that cannot be carried out has none then."""
        if self._sheet.chosen[worker] >= 0:
            return Reason(code=ReasonCode.NOT_THEN)
        return self._obstacle(row, worker)

    def _hold(self, shift: int, stops: Sequence[Stop]) -> None:
        """Let the stops of a route start no earlier than told and little later; a route that cannot is broken."""
        rows = [self.tables.scope.slot_index[stop.visit, stop.slot] for stop in stops]
        person = self.tables.scope.technicians[int(self.tables.worker[shift])]
        later = self.problem.policy.retime_tolerance_s
        for row, stop in zip(rows, stops, strict=True):
            low, high, _, _ = self._free[row] = self._facts(row)
            if not self.tables.linked[row]:
                low, high = max(low, stop.start_s), min(high, stop.start_s + later)
            planned = max(0, -((50 - 100 * (stop.end_s - stop.start_s)) // person.pace_percent))
            self._told[row] = low, high, planned, 0
            self._state(row, self._told[row])
        if refresh(self.tables.data, self.state, shift):
            return
        for row in rows:
            self._told.pop(row)
            self._state(row, self._free.pop(row))
        self.state.route_of[rows] = -1
        self.state.size[shift] = 0
        refresh(self.tables.data, self.state, shift)
        self.broken.add(shift)
        self._broken[shift] = True

    def _facts(self, row: int) -> Facts:
        slot = self.tables.data.slot[row]
        return int(self.state.low[row]), int(self.state.high[row]), int(slot[DURATION]), int(slot[SETUP])

    def _state(self, row: int, facts: Facts) -> None:
        slot = self.tables.data.slot[row]
        self.state.low[row], self.state.high[row], slot[DURATION], slot[SETUP] = facts

    def _inquire(self, row: int, top: int) -> int:
        if row not in self._free:
            return super()._inquire(row, top)
        self._state(row, self._free[row])
        try:
            return super()._inquire(row, top)
        finally:
            self._state(row, self._told[row])
            refresh(self.tables.data, self.state, int(self.state.route_of[row]))

    @contextmanager
    def _without(self, row: int) -> Iterator[None]:
        if row not in self._free:
            with super()._without(row):
                yield
            return
        with super()._without(row):
            self._state(row, self._free[row])
            try:
                yield
            finally:
                self._state(row, self._told[row])
