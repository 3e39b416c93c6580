"""Visits that the problem does not have yet, such as the one of a customer on the phone, as further rows of the tables.

The rules are asked about the new visit alone; what they say is written behind the other rows, where some room is kept.
A visit that hangs together with others, or arrays that this file does not know, are left to whoever builds anew.
"""

from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from dispatch.matching.constraint import Scope, Whole
from dispatch.matching.constraints import parts
from dispatch.matching.problem import Problem, Visit
from dispatch.matching.solvers.layout import (
    NEED,
    PLACE,
    PLAIN,
    ROUTE,
    SHARED,
    SITE,
    SYMMETRIC,
    WINDOW_FROM,
    WINDOW_TO,
    Data,
    State,
)
from dispatch.matching.solvers.tables import CAPACITY, SLOT_NAMES, Tables, build, empty_state
from dispatch.matching.travel import Ways, vectors_of
from dispatch.units import EARTH_RADIUS_M

Kind = TypeVar("Kind", bound=np.generic)

ROOM = 24
"""Rows, places and windows added at a time."""

DATA_FIELDS = (
    "seconds",
    "vectors",
    "seconds_per_m",
    "slot",
    "shift",
    "window",
    "rest",
    "relation",
    "policy",
    "pair",
    "allowed",
)
COLUMNS = (
    "place",
    "duration",
    "window_from",
    "window_to",
    "due",
    "late_rate",
    "pinned_start",
    "published_start",
    "penalty",
    "site",
    "setup",
    "shared",
    "link_from",
    "link_to",
    "order",
    "told",
    "plain",
    "whole",
)
TABLE_FIELDS = ("scope", "ways", "data", "prices", "opens", "closes", "pinned", "linked")
STATE_FIELDS = ("stops", "routes", "slots", "trial")


class Guests(dict[str, Visit]):
    """Visits added to the tables of ``problem``, by id."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self._alone = problem
        self._problem = problem
        self._prepared = False
        self._places: dict[object, int] = {}
        self._windows = 0
        self._things: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self._sites: dict[str | None, tuple[int, int]] = {}

    def admit(self, visit: Visit, tables: Tables, state: State) -> tuple[Tables, State] | None:
        """Give tables and state with a row more for each crew slot of ``visit``; None if all has to be built anew.

        Raises
        ------
        ValueError
            If the travel matrix does not know the place.
        """
        if not _simple(visit, tables):
            return None
        if not self._prepared:
            self._alone = replace(self._problem, visits=(), pins=())
            self._places = {point: number for number, point in enumerate(tables.ways.points)}
            self._windows = len(tables.data.window)
            self._things = parts.asked(tables.scope)
            self._sites = _sites(tables)
            self._prepared = True
        kinds, tools = self._things
        if not (
            {part for part, pieces in visit.parts.items() if pieces} <= kinds.keys() and {*visit.tools} <= tools.keys()
        ):
            return None
        alone = replace(self._alone, visits=(visit,))
        guest = build(Scope.of(alone))
        rows = len(tables.scope.slots)
        tables, state = self._roomy(tables, state, rows + len(visit.crew), self._windows + len(visit.windows))
        place = self._place(visit, tables)
        tables = place[0]
        data, count = tables.data, len(visit.crew)
        new = np.zeros((count, data.slot.shape[1]), dtype=np.int64)
        new[:, :NEED] = guest.data.slot[:, :NEED]
        for part, pieces in visit.parts.items():
            if pieces:
                new[0, NEED + kinds[part]] = pieces
        new[0, [NEED + len(kinds) + tools[tool] for tool in visit.tools]] = 1
        if visit.site in self._sites:
            new[:, SITE], new[:, SHARED] = self._sites[visit.site]
            new[:, PLAIN] = 0
        new[:, PLACE] = place[1]
        new[:, WINDOW_FROM] += self._windows
        new[:, WINDOW_TO] += self._windows
        at = slice(rows, rows + count)
        data.slot[at], data.pair[at], data.allowed[at] = new, guest.data.pair, guest.data.allowed
        data.window[self._windows : self._windows + len(guest.data.window)] = guest.data.window
        self._windows += len(guest.data.window)
        for name, values in tables.prices.items():
            values[at] = guest.prices[name]
        for name in ("opens", "closes", "pinned", "linked"):
            getattr(tables, name)[at] = getattr(guest, name)
        state.slots[at] = empty_state(guest).slots
        scope = Scope(
            problem=tables.scope.problem,
            slots=(*tables.scope.slots, *guest.scope.slots),
            shifts=tables.scope.shifts,
            technicians=tables.scope.technicians,
        )
        self[visit.id] = visit
        return tables._replace(scope=scope), state

    def _roomy(self, tables: Tables, state: State, rows: int, windows: int) -> tuple[Tables, State]:
        """Lengthen the arrays if there is no room left."""
        data = tables.data
        if windows > len(data.window):
            data = data._replace(window=_longer(data.window, windows + ROOM))
        if rows > len(data.slot):
            more = rows + ROOM
            data = data._replace(
                slot=_longer(data.slot, more), pair=_longer(data.pair, more), allowed=_longer(data.allowed, more)
            )
            tables = tables._replace(
                prices={name: _longer(values, more) for name, values in tables.prices.items()},
                opens=_longer(tables.opens, more),
                closes=_longer(tables.closes, more),
                pinned=_longer(tables.pinned, more),
                linked=_longer(tables.linked, more),
            )
            room = min(more, CAPACITY)
            state = state._replace(
                slots=_longer(state.slots, more), stops=_wider(state.stops, room), trial=_wider(state.trial, room)
            )
            state.slots[:, ROUTE] = np.where(np.arange(more) < len(tables.scope.slots), state.slots[:, ROUTE], -1)
        return tables._replace(data=data), state

    def _place(self, visit: Visit, tables: Tables) -> tuple[Tables, int]:
        """Give the number of the visit's place, which is added if it is new."""
        point = visit.point
        if point is None:
            return tables, -1
        known = self._places.get(point)
        if known is not None:
            return tables, known
        number = len(self._places)
        ways, data = tables.ways, tables.data
        if number >= len(data.vectors):
            more = number + ROOM
            vectors = _longer(data.vectors, more)
            seconds = _square(data.seconds, more) if len(data.seconds) else data.seconds
            metres = _square(ways.metres, more) if len(ways.metres) else ways.metres
            data = data._replace(vectors=vectors, seconds=seconds)
            ways = replace(ways, vectors=vectors, seconds=seconds, metres=metres)
        data.vectors[number] = vectors_of([point], plane=ways.plane)[0]
        self._places[point] = number
        ways = replace(ways, points=(*ways.points, point))
        _measure(ways, number, self._problem)
        if len(ways.seconds) and not np.array_equal(ways.seconds[number], ways.seconds[:, number]):
            data.policy[SYMMETRIC] = 0
        return tables._replace(ways=ways, data=data), number


def _simple(visit: Visit, tables: Tables) -> bool:
    """Whether the rows of this visit say everything about it, in columns that are known here."""
    links = (visit.predecessors, visit.same_person_as, visit.other_person_than, visit.setup_s)
    layout = (Data._fields, State._fields, tables._fields, SLOT_NAMES)
    known = layout == (DATA_FIELDS, STATE_FIELDS, TABLE_FIELDS, COLUMNS)
    return known and not any(links)


def _sites(tables: Tables) -> dict[str | None, tuple[int, int]]:
    """Give the number of each site where somebody sets something up, and its longest set-up."""
    slots, columns = tables.scope.slots, tables.data.slot
    return {
        slot.visit.site: (int(columns[row, SITE]), int(columns[row, SHARED]))
        for row, slot in enumerate(slots)
        if columns[row, SITE] >= 0
    }


def _measure(ways: Ways, number: int, problem: Problem) -> None:
    """Write the ways between place ``number`` and all others."""
    if not len(ways.seconds):
        return
    places = len(ways.points)
    if problem.travel.matrix is not None:
        matrix = problem.travel.matrix
        index = {point: position for position, point in enumerate(matrix.points)}
        own = index[ways.points[number]]
        others = [index[point] for point in ways.points]
        ways.seconds[number, :places] = [matrix.travel_s[own][other] for other in others]
        ways.seconds[:places, number] = [matrix.travel_s[other][own] for other in others]
        ways.metres[number, :places] = [matrix.travel_m[own][other] for other in others]
        ways.metres[:places, number] = [matrix.travel_m[other][own] for other in others]
        return
    vectors = ways.vectors[:places]
    chord = np.sqrt(np.sum((vectors - vectors[number]) ** 2, axis=1))
    metres = chord if ways.plane else 2.0 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, chord / 2.0))
    seconds = np.floor(metres * ways.seconds_per_m + 0.5)
    ways.seconds[number, :places] = seconds
    ways.seconds[:places, number] = seconds


def _longer(values: npt.NDArray[Kind], rows: int) -> npt.NDArray[Kind]:
    """Give the same values with empty rows behind."""
    longer = np.zeros((rows, *values.shape[1:]), dtype=values.dtype)
    longer[: len(values)] = values
    return longer


def _wider(stops: Whole, most: int) -> Whole:
    """Give routes with room for ``most`` stops; a small problem has no more room than it has visits."""
    if most <= stops.shape[1]:
        return stops
    wider = np.zeros((stops.shape[0], most, stops.shape[2]), dtype=stops.dtype)
    wider[:, : stops.shape[1]] = stops
    return wider


def _square(values: npt.NDArray[np.int32], size: int) -> npt.NDArray[np.int32]:
    larger = np.zeros((size, size), dtype=values.dtype)
    larger[: len(values), : len(values)] = values
    return larger
