"""Small repairs searched through: every route of every shift, then the best way to divide the visits among the shifts.

A dynamic programme over sets of visits; the routes of one shift are all orders that a timetable allows, each stop
either held near its old start or at any time. It compares like the search beside it, by (penalty left out, customers
moved, routes touched, cost), so that its answer is the true minimum.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from dispatch.matching.constraint import FAR
from dispatch.matching.solvers.improve import total_cost
from dispatch.matching.solvers.standing import Standing

MOST_VISITS = 8
MOST_SHIFTS = 8
MOST_TRIALS = 40_000
"""Most routes timed before a case counts as too large."""


class Day(NamedTuple):
    """One route of one shift; compares by customers moved, whether it is touched, and cost."""

    moved: int
    touched: int
    cost: int
    rows: tuple[int, ...]
    held: tuple[int, ...]


class Best(NamedTuple):
    """The best repair: its key as in `replanning`, and for each shift the stops and those of them that are held."""

    key: tuple[int, int, int, int]
    routes: tuple[tuple[tuple[int, ...], frozenset[int]], ...]


@dataclass(kw_only=True)
class Enumeration:
    """All routes of the shifts, the best one for each set of visits."""

    standing: Standing
    rows: list[int]
    over: Callable[[], bool]
    trials: int = field(init=False, default=0)

    def days(self, shift: int) -> dict[int, Day] | None:
        """Best route of one shift by the set of visits it serves (one bit each); None if there are too many."""
        standing = self.standing
        before = standing.sequence[shift]
        found = {0: Day(0, int(bool(before)), 0, (), ())}
        bit = {row: 1 << number for number, row in enumerate(self.rows)}
        allowed = [row for row in self.rows if standing.tables.data.allowed[row, shift]]
        stack: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = [(0, (), ())]
        while stack:
            visits, rows, held = stack.pop()
            for row in allowed:
                if visits & bit[row] or not self._may_follow(rows, row):
                    continue
                for holding in (True, False):
                    if holding and (standing.shift[row] != shift or not standing.can_stay(row)):
                        continue
                    self.trials += 1
                    if self.trials > MOST_TRIALS or (self.trials % 500 == 0 and self.over()):
                        return None
                    kept = (*held, row) if holding else held
                    day = self._time(shift, (*rows, row), kept)
                    if day is None:
                        continue
                    visited = visits | bit[row]
                    found[visited] = min(found.get(visited, day), day)
                    stack.append((visited, day.rows, kept))
        return found

    def _may_follow(self, rows: tuple[int, ...], row: int) -> bool:
        """Pins in their order come first and next to each other."""
        order = self.standing.order
        mine = order.get(row, FAR)
        return all(order.get(other, FAR) <= mine for other in rows)

    def _time(self, shift: int, rows: tuple[int, ...], held: tuple[int, ...]) -> Day | None:
        """Time one route; None if no timetable allows it."""
        standing, state = self.standing, self.standing.state
        for row in rows:
            if row in held:
                standing.hold(row, wide=True)
            else:
                standing.open(row)
        if not standing.write(shift, rows):
            return None
        moved = 0
        person = standing.tables.scope.technician(shift).id
        for at, row in enumerate(rows):
            if row not in held and standing.start[row] != FAR:
                away = abs(int(state.start[shift, at]) - int(standing.start[row])) > standing.tolerance_s
                moved += away or person != standing.person[row]
        touched = list(rows) != standing.sequence[shift] or moved > 0
        return Day(moved, int(touched), int(state.cost[shift]), rows, held)


def small(standing: Standing, visits: int) -> bool:
    """Whether so many visits and shifts are worth searching through."""
    return visits <= MOST_VISITS and len(standing.sequence) <= MOST_SHIFTS


def best_repair(standing: Standing, rows: list[int], over: Callable[[], bool]) -> Best | None:
    """Find the best of all repairs of ``rows``; None if there are too many. The routes are in disorder afterwards."""
    shifts = len(standing.sequence)
    tables, state = standing.tables, standing.state
    search = Enumeration(standing=standing, rows=rows, over=over)
    partial: dict[int, tuple[int, int, int]] = {0: (0, 0, 0)}
    chosen: list[dict[int, tuple[int, Day]]] = []
    for shift in range(shifts):
        days = search.days(shift)
        standing.write(shift, ())
        if days is None:
            return None
        further: dict[int, tuple[int, int, int]] = {}
        step: dict[int, tuple[int, Day]] = {}
        for visits, (moved, touched, cost) in sorted(partial.items()):
            for more, day in sorted(days.items()):
                if visits & more:
                    continue
                value = (moved + day.moved, touched + day.touched, cost + day.cost)
                if visits | more not in further or value < further[visits | more]:
                    further[visits | more] = value
                    step[visits | more] = (visits, day)
        partial = further
        chosen.append(step)
    state.route_of[rows] = -1
    other = total_cost(tables, state) - int(tables.penalty[rows].sum())
    best: tuple[tuple[int, int, int, int], int] | None = None
    for visits, (moved, touched, cost) in sorted(partial.items()):
        lost = sum(int(tables.penalty[row]) for number, row in enumerate(rows) if not visits >> number & 1)
        found = ((lost, moved, touched, cost + lost + other), visits)
        best = found if best is None else min(best, found)
    if best is None:
        return None
    key, visits = best
    routes: list[tuple[tuple[int, ...], frozenset[int]]] = []
    for step in reversed(chosen):
        visits, day = step[visits]
        routes.append((day.rows, frozenset(day.held)))
    return Best(key, tuple(reversed(routes)))
