"""A plan laid out for questions: who could take this visit, when can we come, why not that one.

What a question needs is prepared once; after that each one costs microseconds, since the search's kernels look at every
place of everybody and only the best few are worked out in detail.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from dispatch.matching.constraint import FAR, Flags, Scope, Whole
from dispatch.matching.explain import (
    Candidate,
    Candidates,
    Comparison,
    KnockOn,
    Option,
    Shortlist,
    WhyNot,
)
from dispatch.matching.levels import p_fix
from dispatch.matching.plan import Cost, Plan, Reason, ReasonCode
from dispatch.matching.problem import Problem, Visit
from dispatch.matching.solvers import asking
from dispatch.matching.solvers.guests import Guests
from dispatch.matching.solvers.kernels import put, refresh, take
from dispatch.matching.solvers.layout import HOME, ROUTE, State
from dispatch.matching.solvers.offers import worth_offering
from dispatch.matching.solvers.refusals import Refusals
from dispatch.matching.solvers.tables import Tables, build, empty_state
from dispatch.matching.solvers.warm_start import load
from dispatch.matching.solvers.written_candidates import written_candidate
from dispatch.matching.timetable import route_of
from dispatch.units import Seconds

MOST_MARGIN_S = 86_400
"""Longest margin that is told."""

SPREAD_PERCENT = 25
"""By how much drives and work are off."""

Span = tuple[Seconds, Seconds]
"""First and last start."""


class Desk:
    """One plan, ready for questions.

    Parameters
    ----------
    problem, plan
        The plan may break rules; routes that no timetable allows are left alone, and nobody on them is a candidate.
    rigid
        Visits that keep their start, besides crews and visits that wait for each other.

    Raises
    ------
    KeyError
        If the plan names shifts or visits that the problem does not know.
    """

    def __init__(self, problem: Problem, plan: Plan, *, rigid: frozenset[str] = frozenset()) -> None:
        self._lock = threading.RLock()
        self._rigid = rigid
        self._given = problem
        self._added: dict[str, Visit] = {}
        self._start(problem, plan)

    def _start(self, problem: Problem, plan: Plan) -> None:
        self.problem, self.plan = problem, plan
        self.tables = build(Scope.of(problem))
        scope = self.tables.scope
        for row, slot in enumerate(scope.slots) if self._rigid else ():
            self.tables.linked[row] |= slot.visit.id in self._rigid
        self.state, self.broken = load(self.tables, plan)
        shifts, workers = len(scope.shifts), len(scope.technicians)
        self._blank = _blank(self.tables)
        self._broken = np.zeros(shifts, dtype=np.bool_)
        self._broken[list(self.broken)] = True
        self._nobody = np.zeros(workers, dtype=np.bool_)
        self._own: list[list[int]] = [[] for _ in range(workers)]
        for shift, worker in enumerate(self.tables.worker.tolist()):
            self._own[worker].append(shift)
        self._names = [person.id for person in scope.technicians]
        self._sheet = self._paper(0)
        self._refusals = Refusals(self._own)
        self._fixing: dict[tuple[object, int], float] = {}
        self._followers: dict[str, list[Visit]] = {}
        for visit in problem.visits:
            for before in visit.predecessors:
                self._followers.setdefault(before.visit, []).append(visit)
        self._guests = Guests(problem)

    def prepare(self) -> None:
        """Work out what many questions share, so that not even the first one has to wait for it."""
        scope = self.tables.scope
        self._refusals.prepare(self.tables)
        if scope.slots and scope.shifts:
            slot = scope.slots[0]
            self.candidates(slot.visit.id, slot=slot.number)
            self.options(slot.visit.id, slot=slot.number)

    def candidates(self, visit: str | Visit, *, slot: int = 0, top: int = 5) -> Shortlist:
        """Name the ``top`` cheapest people for one crew slot, the rest of the plan left as it is.

        A visit that the plan serves is taken out first, so the person who has it is ranked like all others. Of a larger
        crew the others stay, and so does its start. ``visit`` may be one that the problem does not have yet.

        Raises
        ------
        KeyError
            If there is no such visit or crew slot.
        ValueError
            If a new visit has the id of another one, or a place that the travel matrix does not know.
        """
        with self._lock:
            row = self.row(visit, slot)
            able = self._inquire(row, top)
            sheet = self._sheet
            best: list[Candidate] = []
            failed = 0
            details, chosen = sheet.detail[:top].tolist(), sheet.best[: min(top, able)].tolist()
            for number, worker in enumerate(chosen):
                detail = details[number]
                if detail[asking.AT] < 0:
                    failed += 1
                    continue
                shift = int(sheet.chosen[worker])
                best.append(self._detailed(row, shift, detail, sheet.moved[number]))
            best.sort(key=lambda item: (item.cost.total, item.technician))
            counts = self._refusals.counts(self.tables, row, self._sheet)
            if failed:
                counts[ReasonCode.NOT_THEN] = counts.get(ReasonCode.NOT_THEN, 0) + failed
            return Shortlist(
                visit=self.tables.scope.slots[row].visit.id,
                slot=slot,
                best=tuple(best),
                others=able - len(chosen),
                excluded_by=counts,
            )

    def everybody(self, visit: str | Visit, *, slot: int = 0) -> Candidates:
        """Rank everybody, or say why not, in full detail."""
        with self._lock:
            row = self.row(visit, slot)
            able = self._inquire(row, 0)
            ranked: list[Candidate] = []
            excluded: list[WhyNot] = []
            with self._without(row):
                for worker, name in enumerate(self._names):
                    shift = int(self._sheet.chosen[worker])
                    if shift >= 0:
                        ranked.append(self._written(row, shift, int(self._sheet.place[shift])))
                    else:
                        excluded.append(WhyNot(technician=name, reason=self._obstacle(row, worker)))
            assert len(ranked) == able
            ranked.sort(key=lambda item: (item.cost.total, item.technician))
            return Candidates(
                visit=self.tables.scope.slots[row].visit.id, slot=slot, ranked=tuple(ranked), excluded=tuple(excluded)
            )

    def why_not(self, visit: str | Visit, technician: str, *, slot: int = 0) -> Comparison:
        """Compare one person with the one who has the visit, or with the cheapest one if nobody has it.

        Raises
        ------
        KeyError
            If there is no such visit, crew slot or technician.
        """
        with self._lock:
            row = self.row(visit, slot)
            worker = self.tables.scope.technician_index[technician]
            has_it = int(self.state.route_of[row])
            self._inquire(row, 2)
            chosen = self._sheet.chosen.tolist()
            if has_it >= 0:
                other = int(self.tables.worker[has_it])
            else:
                other = next((one for one in self._sheet.best[:2].tolist() if one >= 0 and one != worker), -1)
            with self._without(row):
                found = {
                    one: self._written(row, chosen[one], int(self._sheet.place[chosen[one]]))
                    for one in {worker, other} - {-1}
                    if chosen[one] >= 0
                }
                reason = None if worker in found else self._obstacle(row, worker)
            candidate, holder = found.get(worker), found.get(other)
            return Comparison(
                visit=self.tables.scope.slots[row].visit.id,
                technician=technician,
                candidate=candidate,
                reason=reason,
                holder=holder,
                difference=candidate.cost - holder.cost if candidate is not None and holder is not None else None,
            )

    def options(
        self, visit: str | Visit, days: Sequence[Span] | None = None, *, slot: int = 0, count: int = 4
    ) -> tuple[Option, ...]:
        """Give up to ``count`` starts worth offering, each the best in something and none dominated by another.

        Parameters
        ----------
        visit
            One of the problem (taken out first if the plan serves it) or a new one.
        days
            Spans of first and last start to choose from, such as days or windows; None = each day of the horizon.
        count
            Most options.

        Returns
        -------
        tuple of Option
            By start. For each span and each shift the cheapest place is considered; an option dominates another one of
            the same or a lower cost, start, spread and detour, of the same or a greater margin, with a known face
            unless the other has none.

        Raises
        ------
        KeyError
            If there is no such visit or crew slot.
        """
        spans = self._days() if days is None else list(days)
        with self._lock:
            row = self.row(visit, slot)
            found: list[Option] = []
            with self._without(row):
                low, high = int(self.state.low[row]), int(self.state.high[row])
                try:
                    for number, (first, last) in enumerate(spans):
                        self.state.low[row], self.state.high[row] = max(low, first), min(high, last)
                        if max(low, first) <= min(high, last):
                            found += self._options(row, number)
                finally:
                    self.state.low[row], self.state.high[row] = low, high
        return worth_offering(found, count)

    def price(self, visit: str | Visit, technician: str, *, slot: int = 0) -> Candidate | None:
        """Give what sending this person means; None if it is not possible."""
        with self._lock:
            row = self.row(visit, slot)
            self._inquire(row, 0)
            shift = int(self._sheet.chosen[self.tables.scope.technician_index[technician]])
            if shift < 0:
                return None
            with self._without(row):
                return self._written(row, shift, int(self._sheet.place[shift]))

    def able(self, visit: str | Visit, *, slot: int = 0) -> int:
        """How many people have a place for a crew slot."""
        with self._lock:
            return self._inquire(self.row(visit, slot), 0)

    def verdicts(self) -> list[int]:
        """Give what stood between each person and the visit asked about last, as numbers of `asking`."""
        return [int(verdict) for verdict in self._sheet.person]

    def full(self) -> list[int]:
        """Shifts in which the visit asked about last would have a place if they were empty, and has none."""
        return [int(shift) for shift in np.flatnonzero(self._sheet.alone)]

    def broken_shifts(self) -> set[str]:
        """Give the shifts whose route no timetable allows."""
        return {self.tables.scope.shifts[shift].id for shift in self.broken}

    def away(self, row: int, worker: int) -> Seconds:
        """Seconds from where a person starts to a visit; FAR where that is not known."""
        own, place = self._own[worker], int(self.tables.place[row])
        if not own or place < 0:
            return FAR
        way, _ = self.tables.ways.way(int(self.tables.data.shift[own[0], HOME]), place)
        return FAR if way < 0 else way

    def can(self, visit: str | Visit, technician: str, *, slot: int = 0) -> bool:
        """Whether this person has a place for the visit."""
        with self._lock:
            self._inquire(self.row(visit, slot), 0)
            return bool(self._sheet.chosen[self.tables.scope.technician_index[technician]] >= 0)

    def seat(self, visit: str | Visit, technician: str, *, slot: int = 0) -> bool:
        """Put a visit, maybe a new one, for good into the best place of a person; False if there is none."""
        with self._lock:
            row = self.row(visit, slot)
            self._inquire(row, 0)
            shift = int(self._sheet.chosen[self.tables.scope.technician_index[technician]])
            if shift < 0:
                return False
            tables, state = self.tables, self.state
            linked = bool(tables.linked[row])
            home, was, whole = asking.withdraw(tables.data, state, row)
            if not whole:
                put(tables.data, state, home, was, row)  # without this stop a way is too long: it has to stay
                return False
            if linked and state.low[row] != state.high[row]:
                low, high = self.bounds(row)
                state.low[row], state.high[row] = max(int(state.low[row]), low), min(int(state.high[row]), high)
            at = int(self._sheet.place[shift])
            if not put(tables.data, state, shift, at, row):
                return False
            if linked:
                state.low[row] = state.high[row] = state.start[shift, at]
                state.fixed[row] = 1
            return True

    def row(self, visit: str | Visit, slot: int = 0) -> int:
        """Find the row of a crew slot; a visit that the problem does not have is added to the tables first.

        A visit added before that says something else now is added once more, and counts in its new form.
        """
        if isinstance(visit, str):
            return self.tables.scope.slot_index[visit, slot]
        if not 0 <= slot < len(visit.crew):
            raise KeyError((visit.id, slot))
        known = self._given.visit_by_id.get(visit.id)
        if known is not None and known != visit:
            raise ValueError(f"visit {visit.id} is already in the problem and says something else")
        if known is None and self._added.get(visit.id) != visit:
            self._admit(visit)
        return self.tables.scope.slot_index[visit.id, slot]

    def bounds(self, row: int) -> Span:
        """Earliest and latest start that what a visit waits for, and what waits for it, leave it."""
        visit = self.tables.scope.slots[row].visit
        low, high = -FAR, FAR
        for before in visit.predecessors:
            end = self._end_of(before.visit)
            if end is None:
                return FAR, -FAR
            low = max(low, end + before.gap_s)
            if before.max_gap_s is not None:
                high = min(high, end + before.max_gap_s)
        slowest = max((person.duration_s(visit.duration_s) for person in self.tables.scope.technicians), default=0)
        for after in self._followers.get(visit.id, ()):
            starts = [start for start in map(self._start_of, self._rows(after)) if start is not None]
            gap = next(before.gap_s for before in after.predecessors if before.visit == visit.id)
            if starts:
                high = min(high, *(start - gap - slowest for start in starts))
        return low, high

    # How a question is answered

    def _inquire(self, row: int, top: int) -> int:
        """Fill the sheet for one crew slot; gives how many people could come."""
        tables, state = self.tables, self.state
        if len(self._sheet.best) < top:
            self._sheet = self._paper(top)
        self._sheet.best[:] = -1
        colleagues = self._nobody
        if tables.linked[row]:
            colleagues = self._colleagues(row)
            if state.route_of[row] < 0:
                low, high = self.bounds(row)
                kept = int(state.low[row]), int(state.high[row])
                state.low[row], state.high[row] = max(kept[0], low), min(kept[1], high)
                try:
                    return asking.inquire(
                        tables.data, state, self._blank, row, self._broken, colleagues, self._sheet, top
                    )
                finally:
                    state.low[row], state.high[row] = kept
        return asking.inquire(tables.data, state, self._blank, row, self._broken, colleagues, self._sheet, top)

    @contextmanager
    def _without(self, row: int) -> Iterator[None]:
        """Take a crew slot out of its route for a while, and bound an unserved one by its links."""
        shift, at, whole = asking.withdraw(self.tables.data, self.state, row)
        if not whole:
            self._broken[shift] = True
        kept = int(self.state.low[row]), int(self.state.high[row])
        if shift < 0 and self.tables.linked[row]:
            low, high = self.bounds(row)
            self.state.low[row], self.state.high[row] = max(kept[0], low), min(kept[1], high)
        try:
            yield
        finally:
            self.state.low[row], self.state.high[row] = kept
            if not whole:
                self._broken[shift] = False
            if shift >= 0:
                put(self.tables.data, self.state, shift, at, row)

    def _colleagues(self, row: int) -> Flags:
        flags = self._nobody.copy()
        for other in self._rows(self.tables.scope.slots[row].visit):
            shift = int(self.state.route_of[other])
            if other != row and shift >= 0:
                flags[self.tables.worker[shift]] = True
        return flags

    def _detailed(self, row: int, shift: int, detail: list[int], moved: Whole) -> Candidate:
        """Make a candidate of what the kernel wrote down."""
        tables = self.tables
        if not detail[asking.EXACT]:
            with self._without(row):
                return self._written(row, shift, detail[asking.AT])
        scope, worker = tables.scope, int(tables.worker[shift])
        person = scope.technicians[worker]
        terms = {name: int(values[row, worker]) for name, values in tables.prices.items()}
        if detail[asking.RETIMED]:
            retimed = detail[asking.RETIMED] * scope.problem.policy.retime_cost
            terms["changes"] = terms.get("changes", 0) + retimed
        if detail[asking.CREDIT]:
            terms["duration"] -= detail[asking.CREDIT]
        cost = Cost(
            travel=detail[asking.TRAVEL],
            waiting=detail[asking.WAITED],
            overtime=detail[asking.OVER],
            call_out=0 if self.state.size[shift] > self._only(row, shift) else person.call_out_cost,
            depot=detail[asking.AT_DEPOT],
            fairness=detail[asking.FAIRNESS],
            lateness=detail[asking.LATENESS],
            **terms,
        )
        before = detail[asking.BEFORE]
        return Candidate(
            technician=person.id,
            shift=scope.shifts[shift].id,
            position=detail[asking.AT],
            after_visit=scope.slots[before].visit.id if before >= 0 else None,
            travel_s=detail[asking.WAY],
            detour_s=detail[asking.DRIVEN],
            arrive_s=detail[asking.ARRIVE],
            start_s=detail[asking.BEGIN],
            end_s=detail[asking.END],
            late_s=detail[asking.LATE],
            p_fix=self._p_fix(row, worker),
            knock_on=tuple(
                KnockOn(
                    visit=scope.slots[who].visit.id,
                    start_before_s=start_before,
                    start_after_s=start_after,
                    late_before_s=late_before,
                    late_after_s=late_after,
                )
                for who, start_before, start_after, late_before, late_after in moved[: detail[asking.MOVED]].tolist()
            ),
            overtime_s=detail[asking.OVER_S],
            cost=cost,
        )

    def _only(self, row: int, shift: int) -> int:
        """How many stops of a shift are the visit asked about itself, which counts as taken out."""
        return 1 if self.state.route_of[row] == shift else 0

    def _p_fix(self, row: int, worker: int) -> float:
        needs = self.tables.scope.slots[row].crew.needs
        known = self._fixing.get((needs, worker))
        if known is None:
            known = p_fix(self.problem.policy, self.tables.scope.technicians[worker], needs)
            self._fixing[needs, worker] = known
        return known

    def _written(self, row: int, shift: int, at: int) -> Candidate:
        """Put the slot in, write the route out before and after, and take it out again; the slot must be out."""
        tables, state = self.tables, self.state
        before = route_of(tables, state, shift) if state.size[shift] else None
        if not put(tables.data, state, shift, at, row):
            raise RuntimeError(f"the place {at} of shift {tables.scope.shifts[shift].id} was promised and is none")
        after = route_of(tables, state, shift)
        take(state, shift, at)
        refresh(tables.data, state, shift)
        return written_candidate(
            before, after, at, tables.scope.shifts[shift], self._p_fix(row, int(tables.worker[shift]))
        )

    def _obstacle(self, row: int, worker: int) -> Reason:
        return self._refusals.obstacle(self.tables, self.state, self._sheet, row, worker)

    # Offers

    def _days(self) -> list[Span]:
        days = range(0, max(1, self.problem.horizon_s), 86_400)
        return [(day, day + 86_399) for day in days]

    def _options(self, row: int, span: int) -> list[Option]:
        """Price the cheapest place of each shift for one span; the slot must be out and bounded."""
        tables, sheet, data = self.tables, self._sheet, self.tables.data
        asking.look(
            data, self.state, self._blank, row, self._broken, sheet.price, sheet.place, sheet.verdict, sheet.alone
        )
        colleagues = self._colleagues(row)
        visit = tables.scope.slots[row].visit
        found: list[Option] = []
        for shift in np.flatnonzero(sheet.verdict == asking.FREE).tolist():
            if colleagues[tables.worker[shift]]:
                continue
            at = int(sheet.place[shift])
            detail, moved = sheet.detail[0], sheet.moved[0]
            if not asking.trial(data, self.state, shift, at, row, sheet.scratch, detail, moved):
                continue
            candidate = self._detailed(row, shift, detail.tolist(), moved)
            found.append(
                Option(
                    merits=(),
                    span=span,
                    margin_s=int(asking.slack(data, self.state, shift, at, row, MOST_MARGIN_S, sheet.scratch)),
                    spread_s=int(asking.spread(data, self.state, shift, at, row, SPREAD_PERCENT)),
                    known=candidate.technician in visit.known_faces or candidate.technician in visit.preferred,
                    candidate=candidate,
                )
            )
        return found

    # Rows

    def _admit(self, visit: Visit) -> None:
        extended = self._guests.admit(visit, self.tables, self.state)
        if extended is None:
            added = {**self._added, visit.id: visit}
            self._start(replace(self._given, visits=(*self._given.visits, *added.values())), self.plan)
            self._added = added
            return
        self._added[visit.id] = visit
        self.tables, self.state = extended
        if len(self._sheet.scratch) < self.state.sequence.shape[1] + 3:
            self._sheet = self._paper(len(self._sheet.best))
        if len(self._blank.slots) < len(self.state.slots):
            nowhere = self.state.slots.copy()
            nowhere[:, ROUTE] = -1
            self._blank = self._blank._replace(slots=nowhere)

    def _paper(self, top: int) -> asking.Sheet:
        shifts, workers, stops = len(self.tables.scope.shifts), len(self._own), self.state.sequence.shape[1]
        lines = max(5, top)
        return asking.Sheet(
            price=np.zeros(shifts, dtype=np.int64),
            place=np.zeros(shifts, dtype=np.int64),
            verdict=np.zeros(shifts, dtype=np.int64),
            alone=np.zeros(shifts, dtype=np.bool_),
            chosen=np.full(workers, -1, dtype=np.int64),
            person=np.zeros(workers, dtype=np.int64),
            best=np.full(lines, -1, dtype=np.int64),
            detail=np.zeros((lines, asking.DETAILS), dtype=np.int64),
            moved=np.zeros((lines, stops + 1, asking.MOVES), dtype=np.int64),
            scratch=np.zeros((stops + 3, asking.ACCOUNT), dtype=np.int64),
        )

    def _rows(self, visit: Visit) -> list[int]:
        return [self.tables.scope.slot_index[visit.id, number] for number in range(len(visit.crew))]

    def _position(self, row: int) -> tuple[int, int] | None:
        shift = int(self.state.route_of[row])
        if shift < 0:
            return None
        return shift, int(np.flatnonzero(self.state.sequence[shift, : self.state.size[shift]] == row)[0])

    def _start_of(self, row: int) -> Seconds | None:
        found = self._position(row)
        return None if found is None else int(self.state.start[found])

    def _end_of(self, visit: str) -> Seconds | None:
        """When the last crew member finishes a visit; None while it is not served in whole."""
        ends = []
        for row in self._rows(self.problem.visit_by_id[visit]):
            found = self._position(row)
            if found is None:
                return None
            ends.append(int(self.state.leave[found]))
        return max(ends)


def _blank(tables: Tables) -> State:
    """Give a state without stops and with room for one."""
    empty = empty_state(tables)
    return empty._replace(stops=empty.stops[:, :1].copy(), trial=empty.trial[:, :1].copy())
