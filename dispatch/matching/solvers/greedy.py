"""What a careful person does without a computer: the most urgent visit first, to the nearest qualified person.

Only a yardstick to report against. Each visit goes to the end of the day of the person who is nearest at that moment
and can still do it in time; crews are placed as everywhere else.
"""

import numpy as np

from dispatch.matching.constraint import FAR
from dispatch.matching.solvers.clock import drive
from dispatch.matching.solvers.construct import place_units
from dispatch.matching.solvers.kernels import insertion, put
from dispatch.matching.solvers.laying import IMPOSSIBLE
from dispatch.matching.solvers.layout import HOME, State
from dispatch.matching.solvers.tables import Tables, empty_state


def nearest_qualified(tables: Tables) -> State:
    """Fill the days greedily."""
    state, data = empty_state(tables), tables.data
    place_units(tables, state)
    rows = np.flatnonzero(~tables.linked)
    for row in rows[np.lexsort((rows, -tables.penalty[rows]))]:
        ways = [(_way(tables, state, int(shift), int(row)), int(shift)) for shift in np.flatnonzero(data.allowed[row])]
        for way, shift in sorted(ways):
            at = int(state.size[shift])
            if way >= FAR or at >= state.sequence.shape[1]:
                continue
            if insertion(data, state, shift, at, int(row), IMPOSSIBLE) < IMPOSSIBLE:
                put(data, state, shift, at, int(row))
                break
    return state


def _way(tables: Tables, state: State, shift: int, row: int) -> int:
    at = int(state.size[shift])
    last = int(tables.place[state.sequence[shift, at - 1]]) if at else int(tables.data.shift[shift, HOME])
    return int(drive(tables.data, last, int(tables.place[row])))
