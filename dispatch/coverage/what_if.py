"""What one person does to a week, away or able to do more, solved in the part that feels it; equal to the whole week.

A few people and classes around somebody are solved anew while everything else stays as it was. That leaves the least
possible unmet in the whole week as well when the new prices of the part and the old prices around it fit together: no
edge between them could save an hour, and those that carry hours save none (complementary slackness). Where one does not
fit, the part grows there and is solved again; a part that grows too large gives way to the whole week's programme.
These prices are of unmet hours alone. Once the part is known, its shortage is shared out as in every week.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from itertools import product
from typing import Any

from dispatch.coverage.flow import build_weeks
from dispatch.coverage.outlook import HOUR_S, Outlook, Person
from dispatch.coverage.week import DUST_HOURS, WeekFlow, WeekModel, add_unmet, price_unmet, unmet_of

FITS = 1e-6
"""Unmet hours by which an edge may miss for each hour it could carry."""
LARGEST_SHARE = 0.3
"""A part with more of the week's classes is not worth solving on its own."""
FEWEST_CLASSES = 24
"""Weeks this small are solved whole."""


def ask_weeks(outlook: Outlook) -> tuple[WhatIf, ...]:
    """Solve every week of an outlook, ready to be asked."""
    return tuple(WhatIf(model) for model in build_weeks(outlook))


class WhatIf:
    """Answers what goes unmet without some people of a week, one question after the other.

    Takes the answer of the week where it was solved before.
    """

    def __init__(self, model: WeekModel, flow: WeekFlow | None = None, *, fewest: int = FEWEST_CLASSES) -> None:
        self.model = self._model = model
        self._small = len(model.demand) < fewest
        self._reached: dict[int, list[int]] = {}
        for index, reach in enumerate(model.reach):
            for person in reach:
                self._reached.setdefault(person, []).append(index)
        self._asking: dict[tuple[int, int | None], list[int]] = {}
        for index, work in enumerate(model.demand):
            for skill in {option.skill for option in work.needs[0].any_of} if work.needs else (None,):
                self._asking.setdefault((work.territory, skill), []).append(index)
        flow = flow or model.solve()
        places = {work.key: index for index, work in enumerate(model.demand)}
        self.unmet_h = flow.unmet_h
        self._total_h = math.fsum(flow.unmet_h)
        self._given = {(gift.person, places[gift.demand.key]): gift.work_h for gift in flow.gifts}

    def carriers(self) -> list[int]:
        """Everybody who gives any hours, in order of id: without the others nothing changes."""
        return sorted({person for person, _index in self._given})

    def unmet_without(self, people: Iterable[int]) -> Mapping[int, float]:
        """Return the unmet hours of the classes that may change, by their position, if these people gave nothing.

        None of them changes where no more goes unmet: then others have room for what these people give.
        """
        gone = frozenset(people)
        classes = {index for person in gone for index in self._reached.get(person, ())}
        while not self._small and len(classes) <= LARGEST_SHARE * len(self._model.demand):
            part = _Part(self._model, classes, self._left(classes, gone))
            wider = self._misfits(part)
            if not wider:
                lost = part.least_h - sum(self.unmet_h[index] for index in classes)
                return part.shared() if lost > DUST_HOURS else {}
            classes |= wider
        return dict(enumerate(self._model.unmet_without(gone)))

    def least_unmet_as(self, changed: Person) -> float:
        """Return the hours of the week that go unmet at least if one person could do more than now.

        As in `WeekModel.unmet_as` what they can do already stays possible, and they may come new.
        """
        model = self._model
        opened: dict[int, float] = {
            index: overhead
            for territory, skill in product(changed.travel_s, {None, *changed.levels, *changed.held})
            for index in self._asking.get((territory, skill), ())
            if changed.id not in model.reach[index]
            and all(changed.meets(need, model.week) for need in model.demand[index].needs)
            and (overhead := changed.overhead(model.demand[index])) is not None
        }
        classes = {*opened, *self._reached.get(changed.id, ())}
        hours = max(model.hours(changed.id), changed.hours_s.get(model.week, 0) / HOUR_S)
        while not self._small and len(classes) <= LARGEST_SHARE * len(model.demand):
            left = {**self._left(classes, ()), changed.id: hours}
            part = _Part(model, classes, left, {index: (changed.id, overhead) for index, overhead in opened.items()})
            wider = self._misfits(part)
            if not wider:
                before_h: float = sum(self.unmet_h[index] for index in classes)
                return self._total_h + part.least_h - before_h
            classes |= wider
        return math.fsum(model.unmet_as(changed))

    def _left(self, classes: Collection[int], gone: Collection[int]) -> dict[int, float]:
        """Give everybody who can serve any of some classes with the hours that the others leave them."""
        able = {person for index in classes for person in self._model.reach[index]}
        return {
            person: 0.0
            if person in gone
            else max(
                0.0,
                self._model.hours(person)
                - sum(
                    self._given.get((person, index), 0.0) * self._model.reach[index][person]
                    for index in self._reached[person]
                    if index not in classes
                ),
            )
            for person in sorted(able)
        }

    @cached_property
    def _price(self) -> dict[int, float]:
        """What one more hour of each class would leave unmet, with everybody there."""
        everything = range(len(self._model.demand))
        return _Part(self._model, everything, {p.id: self._model.hours(p.id) for p in self._model.people}).price

    def _misfits(self, part: _Part) -> set[int]:
        """Return the classes outside a part that it has to take in.

        Everybody who can serve a class of the part is in it, so that edges leave it on the side of people only.
        """
        found = set()
        for person, hour_price in part.hour_price.items():
            for index in self._reached.get(person, ()):
                if index in part.classes:
                    continue
                cost = self._model.reach[index][person] * hour_price - self._price[index]
                if cost < -FITS or (cost > FITS and (person, index) in self._given):
                    found.add(index)
        return found


class _Part:
    """Some people and classes of a week with the least possible unmet, while the rest stays as it was."""

    def __init__(
        self,
        model: WeekModel,
        classes: Collection[int],
        left_h: Mapping[int, float],
        opened: Mapping[int, tuple[int, float]] | None = None,
    ) -> None:
        # Loaded here because only the worker solves.
        from ortools.linear_solver import pywraplp

        self.classes = frozenset(classes)
        self._solver: Any = pywraplp.Solver.CreateSolver("GLOP")
        self._ok = pywraplp.Solver.OPTIMAL
        infinity = self._solver.infinity()
        goal = self._solver.Objective()
        goal.SetMinimization()
        supply = {person: self._solver.RowConstraint(-infinity, hours, "") for person, hours in left_h.items()}
        self._unmet: dict[int, Any] = {}
        self._given: list[tuple[Any, float]] = []
        self._need: dict[int, Any] = {}
        for index in sorted(self.classes):
            hours = model.demand[index].seconds / HOUR_S
            self._need[index] = row = self._solver.RowConstraint(hours, hours, "")
            self._unmet[index] = unmet = self._solver.NumVar(0.0, infinity, "")
            row.SetCoefficient(unmet, 1.0)
            goal.SetCoefficient(unmet, 1.0)
            more = (opened[index],) if opened and index in opened else ()
            for person, overhead in (*model.reach[index].items(), *more):
                given = self._solver.NumVar(0.0, infinity, "")
                row.SetCoefficient(given, 1.0)
                supply[person].SetCoefficient(given, overhead)
                self._given.append((given, overhead))
        self._solve()
        self.least_h: float = goal.Value()
        self.price = {index: row.dual_value() for index, row in self._need.items()}
        self.hour_price = {person: max(0.0, -row.dual_value()) for person, row in supply.items()}

    def _solve(self) -> None:
        if self._solver.Solve() != self._ok:
            raise RuntimeError("coverage: a part of a week was not solved")

    def shared(self) -> dict[int, float]:
        """Return unmet hours by class, the shortage shared by those who compete, with the least travel."""
        goal = self._solver.Objective()
        parts = {}
        for index, unmet in self._unmet.items():
            unmet.SetUb(0.0)
            row = self._need[index]
            parts[index] = add_unmet(self._solver, row, row.ub())
            price_unmet(goal, parts[index])
        for given, overhead in self._given:
            goal.SetCoefficient(given, overhead - 1.0)
        self._solve()
        return {index: unmet_of(each) for index, each in parts.items()}
