"""A problem turned into arrays: what the rules forbid, price and limit, ready for the kernels.

Rows: slots, shifts and technicians in the order of `Scope`, places in the order of `Ways`.
"""

from typing import NamedTuple

import numpy as np

from dispatch.matching import constraints
from dispatch.matching.constraint import FAR, Flags, Limits, Scope, Whole
from dispatch.matching.constraints import pins
from dispatch.matching.constraints.promise_windows import PRICED
from dispatch.matching.objective import UNIT
from dispatch.matching.problem import MAX_COST
from dispatch.matching.solvers.layout import (
    HIGH,
    LOW,
    PENALTY,
    PINNED_START,
    PLACE,
    PUBLISHED_START,
    ROUTE,
    WORKER,
    Data,
    State,
)
from dispatch.matching.travel import Ways, ways_between

CAPACITY = 250
"""Most stops of one route that the search considers."""

NEIGHBOURS = 40
NEAR_SHIFTS = 20


SLOT_COLUMNS = (
    "place",
    "duration",
    "window_from",
    "window_to",
    "due",
    "late_rate",
    "pinned_start",
    "published_start",
    "penalty",
)
"""In the order of `layout`."""

SHIFT_COLUMNS = (
    "home",
    "goal",
    "pace",
    "shift_start",
    "shift_end",
    "shift_last",
    "max_leg",
    "cost_percent",
    "overtime_percent",
    "call_out",
    "break_from",
    "break_to",
    "worker",
)
"""In the order of `layout`."""


class Tables(NamedTuple):
    """Everything a solver needs of one problem."""

    scope: Scope
    ways: Ways
    data: Data
    prices: dict[str, Whole]  # by cost term, in whole units  # [s, k]
    opens: Whole  # [s] no start before this can be feasible
    closes: Whole  # [s] no start after this can be feasible
    pinned: Flags  # [s]
    linked: Flags  # [s] crews and visits with an order between them: placed together, then fixed

    @property
    def penalty(self) -> Whole:
        """Search cost of leaving each slot out  # [slot]."""
        return self.data.slot[:, PENALTY]

    @property
    def place(self) -> Whole:
        """Place of each slot, -1 = not known  # [slot]."""
        return self.data.slot[:, PLACE]

    @property
    def worker(self) -> Whole:
        """Technician of each shift  # [shift]."""
        return self.data.shift[:, WORKER]

    @property
    def pinned_start(self) -> Whole:
        """Start each slot is pinned to, FAR = none  # [slot]."""
        return self.data.slot[:, PINNED_START]

    @property
    def published_start(self) -> Whole:
        """Start that was published for each slot, FAR = none  # [slot]."""
        return self.data.slot[:, PUBLISHED_START]


def build(scope: Scope) -> Tables:
    """Turn the rules into arrays."""
    problem = scope.problem
    limits = _limits(scope)
    forbidden = scope.no_pairs()
    for barring in constraints.FORBIDDING:
        forbidden |= barring.forbids(scope)
    forbidden = pins.override(scope, forbidden)
    prices: dict[str, Whole] = {}
    for pricing in constraints.PRICING:
        prices.update(pricing.prices(scope))
    pair = sum(prices.values(), start=scope.no_prices())
    located = [slot.visit.point for slot in scope.slots if slot.visit.point is not None]
    ends = [shift.end for shift in scope.shifts if shift.end is not None]
    ways = ways_between([*located, *ends, *(shift.start for shift in scope.shifts)], problem.travel)
    number = {point: index for index, point in enumerate(ways.points)}
    place = [-1 if slot.visit.point is None else number[slot.visit.point] for slot in scope.slots]
    forbidden[np.array(place, dtype=np.int64) < 0] = True
    slot_columns = {"place": np.array(place, dtype=np.int64), "penalty": _penalties(scope), **limits}
    shift_columns = {
        "home": np.array([number[shift.start] for shift in scope.shifts], dtype=np.int64),
        "goal": np.array([-1 if shift.end is None else number[shift.end] for shift in scope.shifts], dtype=np.int64),
        "worker": scope.technician_of,
        **limits,
    }
    policy = problem.policy
    rates = [policy.retime_cost * UNIT, policy.retime_tolerance_s, policy.waiting_percent]
    data = Data(
        seconds=ways.seconds,
        vectors=ways.vectors,
        seconds_per_m=ways.seconds_per_m,
        slot=_columns(SLOT_COLUMNS, slot_columns, len(scope.slots)),
        shift=_columns(SHIFT_COLUMNS, shift_columns, len(scope.shifts)),
        window=_columns(("window_start", "window_end", "window_kind"), limits, len(limits["window_start"])),
        rest=_columns(("break_earliest", "break_latest", "break_length"), limits, len(limits["break_length"])),
        policy=np.array(rates, dtype=np.int64),
        pair=pair * UNIT,
        allowed=~forbidden,
    )
    pinned = np.zeros(len(scope.slots), dtype=np.bool_)
    pinned[[scope.slot_index[pin.visit, pin.slot] for pin in problem.pins]] = True
    # A pin outweighs everything that is not pinned, so that no search trades it for other visits.
    data.slot[pinned, PENALTY] += MAX_COST * UNIT
    opens, closes = _spans(limits)
    return Tables(
        scope=scope,
        ways=ways,
        data=data,
        prices=prices,
        opens=opens,
        closes=closes,
        pinned=pinned,
        linked=_linked(scope),
    )


def _limits(scope: Scope) -> Limits:
    limits: dict[str, Whole] = {}
    for rule in constraints.LIMITING:
        limits.update(rule.limits(scope))
    limits["window_from"], limits["window_to"] = limits["window_at"][:-1], limits["window_at"][1:]
    limits["break_from"], limits["break_to"] = limits["break_at"][:-1], limits["break_at"][1:]
    return limits


def _columns(names: tuple[str, ...], values: Limits, rows: int) -> Whole:
    """Lay named columns side by side."""
    return np.stack([values[name] for name in names], axis=1).astype(np.int64).reshape(rows, len(names))


def _spans(limits: Limits) -> tuple[Whole, Whole]:
    """First opening and last closing of each slot, its release included; FAR where lateness only has a price."""
    opens, closes = limits["release"].copy(), np.full(len(limits["release"]), FAR, dtype=np.int64)
    for row, (first, last) in enumerate(zip(limits["window_from"], limits["window_to"], strict=True)):
        if last > first:
            opens[row] = max(opens[row], limits["window_start"][first:last].min())
            if (limits["window_kind"][first:last] != PRICED).all():
                closes[row] = limits["window_end"][first:last].max()
    return opens, closes


def _penalties(scope: Scope) -> Whole:
    """Cost of each slot left out, with what people must be told if it was published."""
    problem, policy = scope.problem, scope.problem.policy
    penalty = np.zeros(len(scope.slots), dtype=np.int64)
    for row, slot in enumerate(scope.slots):
        told = any(item.slot == slot.number for item in slot.visit.published)
        cost = problem.penalty(slot.visit) // len(slot.visit.crew)
        penalty[row] = cost + (policy.reassign_cost + policy.retime_cost if told else 0)
    return penalty * UNIT


def _linked(scope: Scope) -> Flags:
    before = {item.visit for visit in scope.problem.visits for item in visit.predecessors}
    return np.array(
        [len(slot.visit.crew) > 1 or bool(slot.visit.predecessors) or slot.visit.id in before for slot in scope.slots],
        dtype=np.bool_,
    )


def empty_state(tables: Tables) -> State:
    """Give a state without any stop."""
    slots, shifts = len(tables.scope.slots), len(tables.scope.shifts)
    state = State(
        stops=np.zeros((shifts, max(1, min(slots, CAPACITY)), 6), dtype=np.int64),
        routes=np.zeros((shifts, 3), dtype=np.int64),
        slots=np.zeros((slots, 4), dtype=np.int64),
    )
    pinned = tables.pinned_start
    state.slots[:, ROUTE] = -1
    state.slots[:, LOW] = np.where(pinned != FAR, pinned, tables.opens)
    state.slots[:, HIGH] = np.where(pinned != FAR, pinned, tables.closes)
    return state


def copy_state(state: State) -> State:
    """Give an independent copy."""
    return State(*(values.copy() for values in state))
