"""A pinned crew slot goes to nobody but the pinned person, and to that person whatever other rules say."""

import numpy as np

from dispatch.matching.constraint import FAR, Flags, Limits, Scope
from dispatch.matching.plan import Reason, ReasonCode


def pinned_to(scope: Scope) -> dict[int, str]:
    """Technician id by slot number for every pin that names a person."""
    return {
        scope.slot_index[pin.visit, pin.slot]: pin.technician
        for pin in scope.problem.pins
        if pin.technician is not None
    }


def override(scope: Scope, forbidden: Flags) -> Flags:
    """Replace what the other rules forbid in pinned rows: the pinned person may, all others may not."""
    result = forbidden.copy()
    for row, person in pinned_to(scope).items():
        result[row] = scope.technician_of != scope.technician_index[person]
    return result


def refusal(scope: Scope, slot: int, shift: int) -> Reason | None:
    """Name the person to whom the slot is pinned, if it is another one."""
    person = pinned_to(scope).get(slot)
    if person is None or person == scope.technician(shift).id:
        return None
    return Reason(
        code=ReasonCode.PINNED_ELSEWHERE, params={"technician": scope.technician(shift).id, "pinned_to": person}
    )


def limits(scope: Scope) -> Limits:
    """Give start instants of pins with a time, and places of pins among the first stops of a day; FAR = not pinned."""
    start = np.full(len(scope.slots), FAR, dtype=np.int64)
    order = np.full(len(scope.slots), FAR, dtype=np.int64)
    for pin in scope.problem.pins:
        row = scope.slot_index[pin.visit, pin.slot]
        if pin.start_s is not None:
            start[row] = pin.start_s
        if pin.order is not None:
            order[row] = pin.order
    return {"pinned_start": start, "pinned_order": order}
