"""The linear programme of one week, kept alive so that "what if" questions start from the last answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from dispatch.coverage.outlook import HOUR_S, DemandClass, Need, Person

UNMET_COST = 1e5
"""Cost of an unmet hour in the first programme, far above travel and spread: unmet hours are the least possible."""
SPREAD_COST = 10.0
"""Each further quarter of a class left unmet costs this much more, so shortage is shared by those who compete."""
SPREAD_STEPS = 4
GROWTH_REWARD = 1e3
"""Worth of an hour of added work when asking how far demand could grow; above travel."""
GROWTH_LIMIT = 4.0
"""Growth beyond five times the demand is not looked for: the cell is ample."""
TIE_HOURS = 1e-6
"""Added to every demand when prices are read: where the price of the last and the next hour differ, the next counts."""
DUST_HOURS = 1e-6


@dataclass(frozen=True, kw_only=True)
class Gift:
    """Hours of one person that go to one demand class: work at the site, and the same with travel."""

    person: int
    demand: DemandClass
    work_h: float
    spent_h: float


@dataclass(frozen=True, kw_only=True)
class WeekFlow:
    """How the hours of a week go to its work; tuples run along `demand`.

    Attributes
    ----------
    unmet_h
        Hours of work that no arrangement serves; their sum is the least possible.
    price_s
        Scarcity price: cost of one more hour of this work, in seconds of paid travel.
    hour_price_s
        Person to what one more hour of theirs would save, seconds of paid travel; 0 for those with hours left.
    """

    week: date
    demand: tuple[DemandClass, ...]
    unmet_h: tuple[float, ...]
    price_s: tuple[float, ...]
    hour_price_s: dict[int, float]
    gifts: tuple[Gift, ...]

    @cached_property
    def spent_h(self) -> dict[int, float]:
        """Person to the hours they spend, travel included; who gives nothing is left out."""
        spent: dict[int, float] = {}
        for gift in self.gifts:
            spent[gift.person] = spent.get(gift.person, 0.0) + gift.spent_h
        return spent

    @property
    def total_unmet_h(self) -> float:
        """All hours of the week that stay unmet."""
        return sum(self.unmet_h)


class WeekModel:
    """One week's people and classes as a linear programme that can be asked again with small changes.

    Hours x of a person on a class, at least 0, and unmet hours u of a class:

        sum over classes of overhead * x  <=  hours of the person
        sum over people of x  +  u        =   hours of the class

    Hours are not additive: one hour of a person serves one class. Solved by OR-Tools GLOP; each further question is a
    dual simplex from the last basis, some twenty pivots instead of hundreds.
    """

    def __init__(self, week: date, people: Iterable[Person], demand: Iterable[DemandClass], unmet_price_s: int) -> None:
        self.week = week
        self.unmet_price_s = unmet_price_s
        self.demand: tuple[DemandClass, ...] = tuple(
            sorted((work for work in demand if work.week == week), key=lambda work: work.key)
        )
        self.people: tuple[Person, ...] = tuple(
            sorted((p for p in people if p.hours_s.get(week, 0) > 0), key=lambda person: person.id)
        )
        self._place = {person.id: index for index, person in enumerate(self.people)}
        self._able: dict[Need, frozenset[int]] = {}
        self._having: dict[int, list[Person]] = {}
        for person in self.people:
            for skill in {*person.levels, *person.held}:
                self._having.setdefault(skill, []).append(person)
        self._near: dict[int, frozenset[int]] = {
            territory: frozenset(p.id for p in self.people if territory in p.travel_s)
            for territory in {work.territory for work in self.demand}
        }
        self._build()

    def able(self, needs: Sequence[Need]) -> frozenset[int]:
        """People with hours this week who meet all of the needs, wherever they work."""
        found = frozenset(self._place) if not needs else None
        for need in needs:
            if need not in self._able:
                asked = [person for option in need.any_of for person in self._having.get(option.skill, ())]
                self._able[need] = frozenset(p.id for p in asked if p.meets(need, self.week))
            found = self._able[need] if found is None else found & self._able[need]
        return found or frozenset()

    def overheads(self, demand: DemandClass, needs: Sequence[Need]) -> dict[int, float]:
        """Give person to hours spent per hour of this work, for those who meet `needs` and reach the territory."""
        reached = {person.id: person.overhead(demand) for person in self.near(demand.territory, needs)}
        return {person: factor for person, factor in reached.items() if factor is not None}

    def near(self, territory: int, needs: Sequence[Need]) -> list[Person]:
        """List those with hours this week who serve a territory and meet the needs, by id."""
        found = self._near.get(territory, frozenset()) & self.able(needs)
        return [self.people[self._place[person]] for person in sorted(found)]

    @cached_property
    def reach(self) -> tuple[dict[int, float], ...]:
        """Per class, who can serve it and at what overhead."""
        return tuple(self.overheads(work, work.needs) for work in self.demand)

    def hours(self, person: int) -> float:
        """Hours a person has this week; 0 for people who are not there."""
        place = self._place.get(person)
        return 0.0 if place is None else self.people[place].hours_s[self.week] / HOUR_S

    def _build(self) -> None:
        # Loaded here because only the worker solves; pages read stored results and never pay for this import.
        from ortools.linear_solver import pywraplp

        solver: Any = pywraplp.Solver.CreateSolver("GLOP")
        infinity = solver.infinity()
        goal = solver.Objective()
        self._supply = [solver.RowConstraint(-infinity, self.hours(p.id), "") for p in self.people]
        self._need: list[Any] = []
        self._unmet: list[list[Any]] = []
        self._flow: list[tuple[int, int, float, Any]] = []
        for index, work in enumerate(self.demand):
            hours = work.seconds / HOUR_S
            row = solver.RowConstraint(hours, hours, "")
            self._need.append(row)
            parts = add_unmet(solver, row, hours)
            price_unmet(goal, parts)
            self._unmet.append(parts)
            for person, overhead in self.reach[index].items():
                given = solver.NumVar(0.0, infinity, "")
                row.SetCoefficient(given, 1.0)
                self._supply[self._place[person]].SetCoefficient(given, overhead)
                goal.SetCoefficient(given, overhead - 1.0)
                self._flow.append((person, index, overhead, given))
        self._more: dict[tuple[int, int], Any] = {}
        self._newcomers: dict[int, Any] = {}
        self._growth = solver.NumVar(0.0, 0.0, "")
        self._most: tuple[Any, float] | None = None
        goal.SetMinimization()
        self._solver = solver
        self._ok = pywraplp.Solver.OPTIMAL
        self._from(primal=True)

    def _from(self, *, primal: bool) -> None:
        """Choose the simplex that can start from the last basis: primal after a new goal, dual after new limits."""
        rule = "false" if primal else "true"
        self._solver.SetSolverSpecificParametersAsString(f"use_dual_simplex:{rule} use_preprocessing:false")

    def _solve(self) -> None:
        status = self._solver.Solve()
        if status != self._ok:
            # Unmet hours make every week solvable, so this is a fault of ours and must not become a number on a page.
            raise RuntimeError(f"coverage of week {self.week}: the linear programme ended with status {status}")

    def _unmet_hours(self) -> list[float]:
        return [unmet_of(parts) for parts in self._unmet]

    def solve(self) -> WeekFlow:
        """Serve as many hours as possible, shortage shared, with the least travel; then price one more hour of each."""
        self._from(primal=True)
        self._solve()
        unmet = self._unmet_hours()
        gifts = tuple(
            Gift(person=person, demand=self.demand[index], work_h=given, spent_h=given * overhead)
            for person, index, overhead, variable in self._flow
            if (given := variable.solution_value()) > DUST_HOURS
        )
        price, hour_price = self._prices()
        return WeekFlow(
            week=self.week,
            demand=self.demand,
            unmet_h=tuple(unmet),
            price_s=tuple(price),
            hour_price_s=hour_price,
            gifts=gifts,
        )

    def _prices(self) -> tuple[list[float], dict[int, float]]:
        """Read the dual values of the second programme: same hours, one price for every unmet hour, plus travel."""
        goal = self._solver.Objective()
        price_h = self.unmet_price_s / HOUR_S
        for row, parts, work in zip(self._need, self._unmet, self.demand, strict=True):
            hours = work.seconds / HOUR_S + TIE_HOURS
            row.SetBounds(hours, hours)
            for part in parts:
                goal.SetCoefficient(part, price_h)
        self._solve()
        price = [max(0.0, row.dual_value()) * HOUR_S for row in self._need]
        rows = zip(self.people, self._supply, strict=True)
        hour_price = {person.id: max(0.0, -row.dual_value()) * HOUR_S for person, row in rows}
        for row, parts, work in zip(self._need, self._unmet, self.demand, strict=True):
            hours = work.seconds / HOUR_S
            row.SetBounds(hours, hours)
            price_unmet(goal, parts)
        return price, hour_price

    def priced_cost(self) -> float:
        """Give the least cost of the week at the stated price, hours of paid travel; scarcity prices are its slopes."""
        goal = self._solver.Objective()
        for parts in self._unmet:
            for part in parts:
                goal.SetCoefficient(part, self.unmet_price_s / HOUR_S)
        self._from(primal=True)
        self._solve()
        cost = float(goal.Value())
        for parts in self._unmet:
            price_unmet(goal, parts)
        return cost

    def unmet_without(self, people: Iterable[int]) -> tuple[float, ...]:
        """Unmet hours per class if these people gave nothing this week."""
        rows = [(self._supply[self._place[p]], self.hours(p)) for p in people if p in self._place]
        self._from(primal=False)
        for row, _ in rows:
            row.SetUb(0.0)
        self._solve()
        unmet = tuple(self._unmet_hours())
        for row, hours in rows:
            row.SetUb(hours)
        return unmet

    def unmet_as(self, changed: Person) -> tuple[float, ...]:
        """Unmet hours per class if one person could do more than now: more hours, higher levels, further places.

        What the person can do already stays possible; a person without hours this week may come new.
        """
        row = self._supply_of(changed.id)
        row.SetUb(max(self.hours(changed.id), changed.hours_s.get(self.week, 0) / HOUR_S))
        opened = [
            self._link(changed.id, index, overhead)
            for index, work in enumerate(self.demand)
            if changed.id not in self.reach[index]
            and (overhead := changed.overhead(work)) is not None
            and all(changed.meets(need, self.week) for need in work.needs)
        ]
        for variable in opened:
            variable.SetUb(self._solver.infinity())
        self._from(primal=True)
        self._solve()
        unmet = tuple(self._unmet_hours())
        for variable in opened:
            variable.SetUb(0.0)
        row.SetUb(self.hours(changed.id))
        return unmet

    def _supply_of(self, person: int) -> Any:
        place = self._place.get(person)
        if place is not None:
            return self._supply[place]
        if person not in self._newcomers:
            self._newcomers[person] = self._solver.RowConstraint(-self._solver.infinity(), 0.0, "")
        return self._newcomers[person]

    def _link(self, person: int, index: int, overhead: float) -> Any:
        """Make hours of a person on a class possible, shut until asked for; the overhead of one asked before is set."""
        goal = self._solver.Objective()
        if (person, index) not in self._more:
            given = self._solver.NumVar(0.0, 0.0, "")
            self._need[index].SetCoefficient(given, 1.0)
            self._more[person, index] = given
        given = self._more[person, index]
        self._supply_of(person).SetCoefficient(given, overhead)
        goal.SetCoefficient(given, overhead - 1.0)
        return given

    def growth(self, classes: Sequence[int]) -> float:
        """How far these classes (by position) could grow together, as a share, before anything more goes unmet."""
        weight = sum(self.demand[index].seconds for index in classes) / HOUR_S
        if weight <= 0:
            return 0.0
        # Growth must leave no further hour unmet, however much it makes possible: the reward alone would trade some.
        most, least_h = self._most = self._most or self._count_unmet()
        most.SetUb(least_h)
        goal = self._solver.Objective()
        for index in classes:
            self._need[index].SetCoefficient(self._growth, -self.demand[index].seconds / HOUR_S)
        self._growth.SetUb(GROWTH_LIMIT)
        goal.SetCoefficient(self._growth, -GROWTH_REWARD * weight)
        self._from(primal=True)
        self._solve()
        grown = float(self._growth.solution_value())
        for index in classes:
            self._need[index].SetCoefficient(self._growth, 0.0)
        self._growth.SetUb(0.0)
        goal.SetCoefficient(self._growth, 0.0)
        most.SetUb(self._solver.infinity())
        return grown

    def _count_unmet(self) -> tuple[Any, float]:
        """Add a row that counts all unmet hours, and tell how many there are at least."""
        self._from(primal=True)
        self._solve()
        least_h = sum(self._unmet_hours()) + DUST_HOURS / 10
        row = self._solver.RowConstraint(-self._solver.infinity(), self._solver.infinity(), "")
        for part in (part for parts in self._unmet for part in parts):
            row.SetCoefficient(part, 1.0)
        return row, least_h


def add_unmet(solver: Any, row: Any, hours: float) -> list[Any]:
    """Let hours of a class stay unmet, in parts of which each can be dearer than the one before."""
    parts = []
    for step in range(SPREAD_STEPS):
        last = step == SPREAD_STEPS - 1
        part = solver.NumVar(0.0, solver.infinity() if last else hours / SPREAD_STEPS, "")
        row.SetCoefficient(part, 1.0)
        parts.append(part)
    return parts


def unmet_of(parts: Sequence[Any]) -> float:
    """Read the hours of a class that stay unmet; only the first part is asked where it is empty, as it is cheapest."""
    if parts[0].solution_value() <= DUST_HOURS / SPREAD_STEPS:
        return 0.0
    hours = sum(float(part.solution_value()) for part in parts)
    return hours if hours > DUST_HOURS else 0.0


def price_unmet(goal: Any, parts: Sequence[Any]) -> None:
    """Make unmet hours dearer than anything else, and each further part a little dearer."""
    for step, part in enumerate(parts):
        goal.SetCoefficient(part, UNMET_COST + SPREAD_COST * step)
