"""Hours against demand: supply is not additive, so every week is solved as a flow before anything is counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from dispatch.coverage.outlook import ANYBODY, HOUR_S, MAX_OVERHEAD, DemandClass, Need, Outlook, Person, Row
from dispatch.coverage.parts import Parts
from dispatch.coverage.week import WeekFlow, WeekModel

RESTS_SHARE = 0.5
"""From this share of a cell's work on, what only one person can do makes the cell rest on that person."""
TIE_S = 1e-3
"""Prices closer than this (seconds per hour) count as equal when a cause is named."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One skill or certification in one territory in one week, in whole seconds; rows do not add up.

    Attributes
    ----------
    level
        Highest level that this work asks for; 0 for a certification.
    needed_s, booked_s
        Work that asks for the skill, and how much of it is booked rather than expected.
    missing_s
        Work left unmet because of this skill, in the arrangement that leaves the least unmet overall.
    can_give_s
        Work that qualified people can really give while all other work is served as well as before: `needed_s` less
        what is missing or, where nothing is missing, as far as this demand could grow, at most five times; in a very
        large week as far as unused hours alone could serve it.
    nobody_s
        Work for which nobody with hours this week is qualified and in reach.
    rests_on
        The one person without whom half of this work or more can not be done at all; None when there is no such one.
    able
        Everybody with hours this week who can do at least some of this work.
    price_s
        What the skill itself adds to the price of one more hour: seconds of paid travel, weighted by hours.
    """

    row: Row
    territory: int
    week: date
    level: int
    needed_s: int
    booked_s: int
    missing_s: int
    can_give_s: int
    nobody_s: int
    rests_on: int | None
    able: tuple[int, ...]
    price_s: int

    @property
    def people(self) -> int:
        """How many people can do at least some of this work."""
        return len(self.able)

    @property
    def ratio(self) -> float | None:
        """Hours that can be given for each hour needed; None where nothing is needed."""
        return self.can_give_s / self.needed_s if self.needed_s else None


@dataclass(frozen=True, kw_only=True)
class Flow:
    """The solved outlook: one flow per week and the table that people read."""

    weeks: tuple[WeekFlow, ...]
    cells: tuple[Cell, ...]

    @property
    def total_unmet_s(self) -> int:
        """All work of all weeks that stays unmet."""
        return round(sum(week.total_unmet_h for week in self.weeks) * HOUR_S)


def build_weeks(outlook: Outlook) -> tuple[WeekModel, ...]:
    """One programme per week: work is due in its week and hours can not be saved up, so weeks do not touch."""
    return tuple(WeekModel(week, outlook.people, outlook.demand, outlook.unmet_price_s) for week in outlook.weeks)


def solve_flow(outlook: Outlook, models: Sequence[WeekModel] | None = None) -> Flow:
    """Solve every week of an outlook and count the table; takes programmes that were built before."""
    weeks, cells = [], []
    for model in build_weeks(outlook) if models is None else models:
        week = model.solve()
        weeks.append(week)
        cells.extend(_cells(model, week))
    return Flow(weeks=tuple(weeks), cells=tuple(cells))


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What single needs do to a class: which one its unmet hours are due to, and what each adds to the price."""

    blamed: Need | None
    price_s: Mapping[Need, float]


def _find_cause(model: WeekModel, flow: WeekFlow, index: int, offers: _Offers) -> Cause:
    """Relax each need of a class in turn and see what one more hour would cost then.

    With a need dropped more people qualify; the next hour would come from whoever is cheapest: their travel plus
    what their own hour is worth elsewhere (the dual of their hours), or it stays unmet at the stated price. The need
    whose relaxation helps most is the cause of the gap. Ties: the need that fewest qualified hours meet, then the
    order of skills.
    """
    work = model.demand[index]
    price = flow.price_s[index]
    relaxed = {need: offers.next_hour(work, tuple(n for n in work.needs if n != need)) for need in work.needs}
    added = {need: max(0.0, price - relaxed[need]) for need in work.needs}
    if not work.needs:
        return Cause(blamed=None, price_s={})
    most = max(added.values())

    def hours_behind(need: Need) -> float:
        return sum(model.hours(person) for person in model.overheads(work, (need,)))

    level_with_most = [need for need in work.needs if added[need] >= most - TIE_S]
    if len(level_with_most) > 1:
        level_with_most.sort(key=lambda need: (hours_behind(need), need))
    return Cause(blamed=level_with_most[0], price_s=added)


class _Offers:
    """Who could give an hour to work that asked for less, and at what cost; those of a territory are kept together."""

    def __init__(self, model: WeekModel, flow: WeekFlow) -> None:
        self._model, self._flow = model, flow
        self._known: dict[tuple[int, tuple[Need, ...]], tuple[Any, Any]] = {}

    def next_hour(self, work: DemandClass, needs: tuple[Need, ...]) -> float:
        """Return what one more hour of this work would cost, in seconds of paid travel, if it asked for these needs."""
        import numpy as np  # pages read stored results through this module; only the worker counts

        if (work.territory, needs) not in self._known:
            near = self._model.near(work.territory, needs)
            self._known[work.territory, needs] = (
                np.array([person.travel_s[work.territory] for person in near], dtype=float),
                np.array([self._flow.hour_price_s[person.id] for person in near], dtype=float),
            )
        travel_s, hour_price_s = self._known[work.territory, needs]
        overhead = 1.0 + travel_s / work.visit_s
        costs = (overhead - 1.0) * HOUR_S + overhead * hour_price_s
        dearest = float(self._model.unmet_price_s)
        return float(np.min(costs, where=overhead <= MAX_OVERHEAD, initial=dearest))


def _cells(model: WeekModel, flow: WeekFlow) -> list[Cell]:
    rows: dict[tuple[int, Row], list[int]] = {}
    for index, work in enumerate(model.demand):
        for row in {need.row for need in work.needs} or {ANYBODY}:
            rows.setdefault((work.territory, row), []).append(index)
    offers = _Offers(model, flow)
    causes = {index: _find_cause(model, flow, index, offers) for index in range(len(model.demand))}
    growing = Parts(model)
    return [
        _cell(model, flow, causes, growing, row=row, territory=territory, classes=classes)
        for (territory, row), classes in sorted(rows.items(), key=lambda item: item[0])
    ]


def _cell(
    model: WeekModel,
    flow: WeekFlow,
    causes: Mapping[int, Cause],
    growing: Parts,
    *,
    row: Row,
    territory: int,
    classes: list[int],
) -> Cell:
    missing_h = 0.0
    price = 0.0
    for index in classes:
        cause = causes[index]
        blamed = ANYBODY if cause.blamed is None else cause.blamed.row
        if blamed == row:
            missing_h += flow.unmet_h[index]
        own = [value for need, value in cause.price_s.items() if need.row == row]
        price += (max(own) if own else flow.price_s[index]) * model.demand[index].seconds
    needed_s = sum(model.demand[index].seconds for index in classes)
    missing_s = min(needed_s, round(missing_h * HOUR_S))
    asked = [index for index in classes if model.demand[index].seconds] or classes
    behind = [frozenset(model.reach[index]) for index in asked]
    alone: dict[int, int] = {}
    for index, people in zip(asked, behind, strict=True):
        if len(people) == 1:
            (only,) = people
            alone[only] = alone.get(only, 0) + model.demand[index].seconds
    most_alone = max(alone, key=lambda person: (alone[person], -person), default=None)
    # Work of which some hours go unmet is left out: what another skill holds back would only hide this one.
    met = [index for index in asked if flow.unmet_h[index] == 0.0]
    growth = 0.0 if missing_s else growing.growth(met, flow)
    levels = [
        option.level
        for index in classes
        for need in model.demand[index].needs
        if need.row == row
        for option in need.any_of[:1]
    ]
    return Cell(
        row=row,
        territory=territory,
        week=model.week,
        level=max(levels, default=1),
        needed_s=needed_s,
        booked_s=sum(model.demand[index].booked_s for index in classes),
        missing_s=missing_s,
        can_give_s=needed_s - missing_s if missing_s else round(needed_s * (1.0 + growth)),
        nobody_s=sum(model.demand[i].seconds for i, people in zip(asked, behind, strict=True) if not people),
        rests_on=most_alone if most_alone is not None and alone[most_alone] >= RESTS_SHARE * needed_s > 0 else None,
        able=tuple(sorted(frozenset().union(*behind))),
        price_s=round(price / needed_s) if needed_s else 0,
    )


def worst_places(cells: Iterable[Cell], count: int = 5) -> tuple[tuple[Cell, ...], ...]:
    """Pick what a manager should read first: per skill and territory the weeks in question, worst first.

    Most hours missing come first, with the weeks that miss some; then the tightest weeks, those resting on one person
    before others.
    """
    places: dict[tuple[Row, int], list[Cell]] = {}
    for cell in cells:
        if cell.needed_s:
            places.setdefault((cell.row, cell.territory), []).append(cell)
    ranked = []
    for found in places.values():
        missing_s = sum(cell.missing_s for cell in found)
        tightest = min(cell.can_give_s / cell.needed_s for cell in found)
        asked = [c for c in found if (c.missing_s if missing_s else c.can_give_s / c.needed_s <= tightest)]
        asked.sort(key=lambda cell: cell.week)
        alone = any(cell.rests_on is not None for cell in asked)
        needed_s = sum(cell.needed_s for cell in found)
        ranked.append(((-missing_s, tightest, not alone, -needed_s, asked[0].territory, asked[0].row), tuple(asked)))
    ranked.sort(key=lambda entry: entry[0])
    return tuple(asked for _, asked in ranked[:count])


def people_behind(outlook: Outlook, needs: Iterable[Need]) -> dict[Need, tuple[Person, ...]]:
    """Give for each need everybody with hours in the outlook who meets it in at least one of its weeks, by id."""
    having: dict[int, list[Person]] = {}
    for person in sorted(outlook.people, key=lambda person: person.id):
        for skill in {*person.levels, *person.held}:
            having.setdefault(skill, []).append(person)

    def able(need: Need) -> tuple[Person, ...]:
        asked = {person.id: person for option in need.any_of for person in having.get(option.skill, ())}
        found = [
            person
            for _id, person in sorted(asked.items())
            if any(hours > 0 and person.meets(need, week) for week, hours in person.hours_s.items())
        ]
        return tuple(found)

    return {need: able(need) for need in needs}
