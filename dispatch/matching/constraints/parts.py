"""Parts and tools are on the van when the shift starts, or are picked up at the depot before they are needed."""

import numpy as np

from dispatch.matching.constraint import Flags, Limits, Scope, Whole
from dispatch.matching.plan import Reason, ReasonCode
from dispatch.matching.problem import Visit


def limits(scope: Scope) -> Limits:
    """Give parts and tools that the first crew slots need and the shifts hold, and the time at the depot.

    ``need`` [slot, kind] and ``stock`` [shift, kind] count pieces, ``tool_need`` [slot, tool] and ``tool_held``
    [shift, tool] are 0 or 1. Kinds and tools are those that some visit asks for, by name.
    """
    kinds, tools = asked(scope)
    needed = np.zeros((len(scope.slots), len(kinds) + len(tools)), dtype=np.int64)
    for row, slot in enumerate(scope.slots):
        if slot.number == 0 and (slot.visit.parts or slot.visit.tools):
            for part, pieces in slot.visit.parts.items():
                if pieces:
                    needed[row, kinds[part]] = pieces
            needed[row, [len(kinds) + tools[tool] for tool in slot.visit.tools]] = 1
    held = np.zeros((len(scope.shifts), len(kinds) + len(tools)), dtype=np.int64)
    for row, shift in enumerate(scope.shifts):
        for part in shift.parts.keys() & kinds.keys():
            held[row, kinds[part]] = shift.parts[part]
        held[row, [len(kinds) + tools[tool] for tool in shift.tools if tool in tools]] = 1
    middle = len(kinds)
    return {
        "need": needed[:, :middle],
        "tool_need": needed[:, middle:],
        "stock": held[:, :middle],
        "tool_held": held[:, middle:],
        "depot_s": np.array([shift.depot_s for shift in scope.shifts], dtype=np.int64),
    }


def forbids(scope: Scope) -> Flags:
    """Forbid vans without a depot that lack a tool, or hold fewer pieces than this visit alone needs."""
    stuck = np.array([shift.depot is None for shift in scope.shifts], dtype=np.bool_)
    lacking: dict[tuple[str, int], Flags] = {}
    forbidden = scope.no_pairs()
    for row, slot in enumerate(scope.slots):
        if slot.number:
            continue
        for item in _needs(slot.visit):
            if item not in lacking:
                lacking[item] = stuck & (_held(scope, item[0]) < item[1])
            forbidden[row] |= lacking[item]
    return forbidden


def refusal(scope: Scope, slot: int, shift: int) -> Reason | None:
    """Name the first thing that is not on the van, with the pieces needed and held, where there is no depot."""
    van, person = scope.shifts[shift], scope.technician(shift)
    if van.depot is not None or scope.slots[slot].number:
        return None
    for name, pieces in _needs(scope.slots[slot].visit):
        kind, _, thing = name.partition(" ")
        held = van.parts.get(thing, 0) if kind == "part" else int(thing in van.tools)
        if held < pieces:
            return Reason(
                code=ReasonCode.NOT_EQUIPPED,
                params={"technician": person.id, kind: thing, "needed": pieces, "held": held},
            )
    return None


def asked(scope: Scope) -> tuple[dict[str, int], dict[str, int]]:
    """Return the numbers of the kinds of parts and of the tools that visits ask for."""
    visits = scope.problem.visits
    kinds = sorted({part for visit in visits for part, pieces in visit.parts.items() if pieces})
    tools = sorted({tool for visit in visits for tool in visit.tools})
    return {name: index for index, name in enumerate(kinds)}, {name: index for index, name in enumerate(tools)}


def _needs(visit: Visit) -> list[tuple[str, int]]:
    """List what one visit needs, tools first: "tool x" once, "part y" in pieces."""
    found = [(f"tool {name}", 1) for name in sorted(visit.tools)]
    return found + [(f"part {name}", pieces) for name, pieces in sorted(visit.parts.items()) if pieces]


def _held(scope: Scope, name: str) -> Whole:
    """Count the pieces of one thing on each van  # [shift]."""
    kind, _, thing = name.partition(" ")
    if kind == "part":
        return np.array([shift.parts.get(thing, 0) for shift in scope.shifts], dtype=np.int64)
    return np.array([thing in shift.tools for shift in scope.shifts], dtype=np.int64)
