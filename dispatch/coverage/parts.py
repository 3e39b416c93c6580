"""Parts of a week that do not touch: people and classes that no chain of edges links do not feel each other.

A question about one part is asked of that part alone; small programmes answer much faster than one large.
"""

from __future__ import annotations

from collections.abc import Sequence

from dispatch.coverage.outlook import HOUR_S
from dispatch.coverage.week import DUST_HOURS, GROWTH_LIMIT, WeekFlow, WeekModel

LARGE_EDGES = 4000
"""In a part with more edges growth is what unused hours could serve: a programme for each cell would take minutes."""
HALVINGS = 12


class Parts:
    """One week cut into programmes of its own, each built when it is asked for; a week of one part stays as it is."""

    def __init__(self, model: WeekModel) -> None:
        self._model = model
        self._part_of = _linked(model)
        self._classes: dict[int, list[int]] = {}
        for index, part in enumerate(self._part_of):
            self._classes.setdefault(part, []).append(index)
        self._edges = {part: sum(len(model.reach[index]) for index in found) for part, found in self._classes.items()}
        self._built: dict[int, WeekModel] = {}

    def growth(self, classes: Sequence[int], flow: WeekFlow) -> float:
        """Return how far these classes (by position in the week) could grow together before anything more goes unmet.

        Where several parts grow together the tightest decides. In a large part hours are not dealt out anew for it, so
        that growth is at least what is said; `flow` then says which hours are unused.
        """
        parts: dict[int, list[int]] = {}
        for index in classes:
            if self._model.demand[index].seconds:
                parts.setdefault(self._part_of[index], []).append(index)
        shares = []
        for part, found in parts.items():
            if self._edges[part] > LARGE_EDGES:
                shares.append(self._unused(found, flow))
                continue
            places = {index: place for place, index in enumerate(self._classes[part])}
            shares.append(self._of(part).growth([places[index] for index in found]))
        return min(shares, default=0.0)

    def _unused(self, classes: Sequence[int], flow: WeekFlow) -> float:
        """Return how far unused hours alone let classes grow together, found by halving."""
        low, high = 0.0, GROWTH_LIMIT
        if self._fits(classes, flow, high):
            return high
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._fits(classes, flow, middle) else (low, middle)
        return low

    def _fits(self, classes: Sequence[int], flow: WeekFlow, share: float) -> bool:
        free: dict[int, float] = {}
        for index in classes:
            more_h = share * self._model.demand[index].seconds / HOUR_S
            for person, overhead in self._model.reach[index].items():
                left = free.setdefault(person, self._model.hours(person) - flow.spent_h.get(person, 0.0))
                given = min(more_h, max(0.0, left) / overhead)
                free[person] = left - given * overhead
                more_h -= given
                if more_h <= DUST_HOURS:
                    break
            if more_h > DUST_HOURS:
                return False
        return True

    def _of(self, part: int) -> WeekModel:
        if len(self._classes) == 1:
            return self._model
        if part not in self._built:
            demand = [self._model.demand[index] for index in self._classes[part]]
            able = {person for index in self._classes[part] for person in self._model.reach[index]}
            people = [person for person in self._model.people if person.id in able]
            self._built[part] = WeekModel(self._model.week, people, demand, self._model.unmet_price_s)
        return self._built[part]


def _linked(model: WeekModel) -> list[int]:
    """Give each class the number of its part: those that share people, directly or by a chain of others, have one."""
    root: dict[int, int] = {}

    def find(person: int) -> int:
        while root.setdefault(person, person) != person:
            root[person] = root[root[person]]
            person = root[person]
        return person

    for reach in model.reach:
        for person in reach:
            root[find(person)] = find(next(iter(reach)))
    return [find(next(iter(reach))) if reach else -1 - index for index, reach in enumerate(model.reach)]
