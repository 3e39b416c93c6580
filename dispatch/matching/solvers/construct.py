"""The first plan, quickly: pins, then what hangs together, then everything else by regret."""

import numpy as np

from dispatch.matching.constraint import Flags, Whole
from dispatch.matching.solvers.crews import ordered_units, place_unit, slots_of
from dispatch.matching.solvers.insertion import insert_by_regret, insert_in_order, ranking
from dispatch.matching.solvers.layout import DURATION, State
from dispatch.matching.solvers.tables import Tables, empty_state

REGRET_SLOTS = 1_500
"""Above this many slots to place the order is by penalty instead of regret."""


def construct(tables: Tables, state: State | None = None, *, at_any_cost: bool = False) -> State:
    """Fill ``state`` (default: an empty one) with what can be inserted; nothing already in it is moved.

    Visits that may be left out are inserted where they pay, or ``at_any_cost`` wherever they fit.
    """
    state = empty_state(tables) if state is None else state
    pinned = _single(tables, tables.pinned)
    insert_by_regret(
        tables.data, state, ranking(len(pinned), len(state.size)), pinned, np.ones(len(tables.linked), dtype=np.bool_)
    )
    place_units(tables, state)
    todo = _single(tables, ~tables.pinned)
    forced = np.ones(len(tables.linked), dtype=np.bool_) if at_any_cost else mandatory(tables)
    if len(todo) <= REGRET_SLOTS:
        insert_by_regret(tables.data, state, ranking(len(todo), len(state.size)), todo, forced)
    else:
        order = np.lexsort((todo, tables.data.slot[todo, DURATION], -tables.penalty[todo]))
        insert_in_order(tables.data, state, todo[order], forced)
    return state


def place_units(tables: Tables, state: State) -> int:
    """Place linked visits that are not served yet; gives how many found a place."""
    placed = 0
    for visit in ordered_units(tables):
        if state.route_of[slots_of(tables, visit)[0]] < 0:
            placed += place_unit(tables, state, visit, forced=not visit.optional)
    return placed


def sweep(tables: Tables, state: State) -> int:
    """Insert what still fits until nothing does: then no visit left out has a feasible place that it may take."""
    inserted = 0
    todo = _single(tables, np.ones(len(tables.linked), dtype=np.bool_))
    todo = todo[np.lexsort((todo, -tables.penalty[todo]))]
    while True:
        found = insert_in_order(tables.data, state, todo, mandatory(tables)) + place_units(tables, state)
        if not found:
            return inserted
        inserted += found


def mandatory(tables: Tables) -> Flags:
    """Slots that are served wherever that is possible, whatever it costs  # [slot]."""
    return np.array([not slot.visit.optional for slot in tables.scope.slots], dtype=np.bool_)


def _single(tables: Tables, wanted: Flags) -> Whole:
    """Rows of the wanted slots that are placed on their own and that somebody may serve."""
    return np.flatnonzero(wanted & ~tables.linked & tables.data.allowed.any(axis=1)).astype(np.int64)
