"""A problem turned into arrays: what the rules forbid, price and limit, ready for the kernels.

Rows: slots, shifts and technicians in the order of `Scope`, places in the order of `Ways`.
"""

from typing import NamedTuple

import numpy as np

from dispatch.matching import constraints
from dispatch.matching.constraint import FAR, Flags, Limits, Scope, Whole
from dispatch.matching.constraints import pins
from dispatch.matching.constraints.promise_windows import HARD, PRICED, WHOLE_VISIT
from dispatch.matching.objective import UNIT
from dispatch.matching.policy import Policy
from dispatch.matching.problem import MAX_COST
from dispatch.matching.solvers.laying import NOT_TOLD
from dispatch.matching.solvers.layout import (
    DEPOT_STAYS,
    FINISH,
    HIGH,
    LONG_OVERTIME,
    LOW,
    PARTS,
    PENALTY,
    PINNED_START,
    PLACE,
    PLANE,
    PUBLISHED_START,
    RETIME_COST,
    RETIME_TOLERANCE,
    ROUTE,
    ROUTE_COLUMNS,
    SHIFT_START,
    SLOT_COLUMNS,
    SYMMETRIC,
    TOOLS,
    UNEVEN,
    USED,
    WAITING_PERCENT,
    WORKER,
    Data,
    State,
)
from dispatch.matching.travel import Ways, ways_between

CAPACITY = 250
"""Most stops of one route that the search considers."""

NEIGHBOURS = 40
NEAR_SHIFTS = 20


SLOT_NAMES = (
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
"""In the order of `layout`."""

SHIFT_NAMES = (
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
    "max_drive",
    "max_length",
    "max_visits",
    "group_from",
    "group_to",
    "depot",
    "depot_s",
    "length",
    "late",
    "relative",
    "bare",
)
"""In the order of `layout`."""


BREAK_COLUMNS = ("break_earliest", "break_latest", "break_length", "break_relative")
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
    depots = [shift.depot for shift in scope.shifts if shift.depot is not None]
    ways = ways_between([*located, *ends, *depots, *(shift.start for shift in scope.shifts)], problem.travel)
    number = {point: index for index, point in enumerate(ways.points)}
    place = [-1 if slot.visit.point is None else number[slot.visit.point] for slot in scope.slots]
    forbidden[np.array(place, dtype=np.int64) < 0] = True
    slot_columns = {
        "place": np.array(place, dtype=np.int64),
        "penalty": _penalties(scope),
        "told": _told(scope),
        "plain": _plain(limits).astype(np.int64),
        **limits,
    }
    shift_columns = {
        "home": np.array([number[shift.start] for shift in scope.shifts], dtype=np.int64),
        "goal": np.array([-1 if shift.end is None else number[shift.end] for shift in scope.shifts], dtype=np.int64),
        "depot": np.array(
            [-1 if shift.depot is None else number[shift.depot] for shift in scope.shifts], dtype=np.int64
        ),
        "worker": scope.technician_of,
        **limits,
    }
    relation = np.stack((limits["relation_to"], limits["relation_kind"]), axis=1)
    policy = problem.policy
    rates = {
        RETIME_COST: policy.retime_cost * UNIT,
        RETIME_TOLERANCE: policy.retime_tolerance_s,
        WAITING_PERCENT: policy.waiting_percent,
        UNEVEN: policy.uneven_load_percent,
        LONG_OVERTIME: policy.long_overtime_percent,
        PARTS: limits["need"].shape[1],
        TOOLS: limits["tool_need"].shape[1],
        PLANE: problem.travel.plane,
        DEPOT_STAYS: 0,
        SYMMETRIC: len(ways.seconds) == 0 or np.array_equal(ways.seconds, ways.seconds.T),
    }
    data = Data(
        seconds=ways.seconds,
        vectors=ways.vectors,
        seconds_per_m=ways.seconds_per_m,
        slot=np.hstack([_columns(SLOT_NAMES, slot_columns, len(scope.slots)), limits["need"], limits["tool_need"]]),
        shift=np.hstack(
            [_columns(SHIFT_NAMES, shift_columns, len(scope.shifts)), limits["stock"], limits["tool_held"]]
        ),
        window=_columns(("window_start", "window_end", "window_kind"), limits, len(limits["window_start"])),
        rest=_columns(BREAK_COLUMNS, limits, len(limits["break_length"])),
        relation=relation,
        policy=np.array([rates[column] for column in range(len(rates))], dtype=np.int64),
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
    limits["link_from"], limits["link_to_row"] = limits["link_at"][:-1], limits["link_at"][1:]
    limits["shift_last"] = np.minimum(limits["shift_last"], limits["rest_last"])
    limits["late"] = ((limits["max_length"] < FAR) | scope.problem.policy.leave_late).astype(np.int64)
    relative = [any(item.from_departure for item in shift.breaks) for shift in scope.shifts]
    limits["relative"] = np.array(relative, dtype=np.int64)
    limits["order"] = limits["pinned_order"]
    limits["bare"] = _bare(limits, scope.problem.policy).astype(np.int64)
    limits["whole"] = _one_window(limits, WHOLE_VISIT).astype(np.int64)
    limits["shared"] = _shared(limits)
    limits.update(_relations(limits))
    return limits


def _bare(limits: Limits, policy: Policy) -> Flags:
    """Shifts in which a plain stop costs what it is driven more, and nothing else depends on its place  # [shift]."""
    free = policy.waiting_percent == 0 and policy.uneven_load_percent == 0
    punctual = limits["shift_last"] <= limits["shift_end"]
    no_breaks = limits["break_from"] == limits["break_to"]
    return np.asarray(free & punctual & no_breaks & (limits["max_drive"] == FAR) & (limits["late"] == 0))


def _relations(limits: Limits) -> Limits:
    """List what slots are linked to and, behind that, for each shift of a group all shifts of it with its capacity."""
    group, capacity = limits["group"], limits["group_capacity"]
    others, bonds = [limits["link_to"]], [limits["link_kind"]]
    at = len(limits["link_to"])
    first, last = np.zeros((2, len(group)), dtype=np.int64)
    for number in range(len(capacity)):
        members = np.flatnonzero(group == number)
        others.append(members)
        bonds.append(np.full(len(members), capacity[number], dtype=np.int64))
        first[members], last[members] = at, at + len(members)
        at += len(members)
    return {
        "relation_to": np.concatenate(others),
        "relation_kind": np.concatenate(bonds),
        "group_from": first,
        "group_to": last,
        "link_to": limits["link_to_row"],
    }


def _one_window(limits: Limits, *kinds: int) -> Flags:
    """Slots with exactly one window of one of these kinds, and no pinned start  # [slot]."""
    first, last = limits["window_from"], limits["window_to"]
    kind = np.append(limits["window_kind"], -1)[np.minimum(first, len(limits["window_kind"]))]
    return np.asarray((last - first == 1) & np.isin(kind, kinds) & (limits["pinned_start"] == FAR))


def _plain(limits: Limits) -> Flags:
    """Slots whose cost does not depend on when they are served and whose times follow from one window  # [slot]."""
    timed = (limits["due"] == FAR) & (limits["published_start"] == FAR)
    none = limits["window_from"] == limits["window_to"]
    return np.asarray(timed & (limits["site"] < 0) & (none | _one_window(limits, HARD, WHOLE_VISIT)))


def _shared(limits: Limits) -> Whole:
    """Longest set-up at the site of each slot: the most that a stop there can save the stop after it  # [slot]."""
    site, setup = limits["site"], limits["setup"]
    longest = np.zeros(max(1, int(site.max(initial=-1)) + 1), dtype=np.int64)
    np.maximum.at(longest, site[site >= 0], setup[site >= 0])
    return np.where(site >= 0, longest[np.maximum(site, 0)], 0)


def _told(scope: Scope) -> Whole:
    """Technician published for each slot; -1 = somebody who is not there any more, NOT_TOLD = nobody  # [slot]."""
    told = np.full(len(scope.slots), NOT_TOLD, dtype=np.int64)
    for row, slot in enumerate(scope.slots):
        for published in slot.visit.published:
            if published.slot == slot.number:
                told[row] = scope.technician_index.get(published.technician, -1)
    return told


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
    room, columns = max(1, min(slots, CAPACITY)), USED + int(tables.data.policy[PARTS])
    state = State(
        stops=np.zeros((shifts, room, columns), dtype=np.int64),
        routes=np.zeros((shifts, ROUTE_COLUMNS), dtype=np.int64),
        slots=np.zeros((slots, SLOT_COLUMNS), dtype=np.int64),
        trial=np.zeros((1, room, columns), dtype=np.int64),
    )
    state.routes[:, FINISH] = tables.data.shift[:, SHIFT_START]
    state.depot_at[:] = -1
    pinned = tables.pinned_start
    state.slots[:, ROUTE] = -1
    state.slots[:, LOW] = np.where(pinned != FAR, pinned, tables.opens)
    state.slots[:, HIGH] = np.where(pinned != FAR, pinned, tables.closes)
    return state


def copy_state(state: State) -> State:
    """Give an independent copy."""
    return State(*(values.copy() for values in state))
