"""Whom the customer refuses is never sent; whom the customer insists on leads the crew."""

import numpy as np

from dispatch.matching.constraint import Flags, Scope
from dispatch.matching.plan import Reason, ReasonCode


def forbids(scope: Scope) -> Flags:
    """Forbid excluded people, and everybody but the required ones in the first crew slot."""
    forbidden = scope.no_pairs()
    index, worker = scope.technician_index, scope.technician_of
    for row, slot in enumerate(scope.slots):
        for person in slot.visit.excluded:
            if person in index:
                forbidden[row] |= worker == index[person]
        if slot.visit.required and slot.number == 0:
            others = np.ones(len(scope.technicians), dtype=np.bool_)
            others[[index[person] for person in slot.visit.required if person in index]] = False
            forbidden[row] |= others[worker]
    return forbidden


def refusal(scope: Scope, slot: int, shift: int) -> Reason | None:
    """Say that the customer refuses this person, or insists on somebody else."""
    visit, person = scope.slots[slot].visit, scope.technician(shift)
    if person.id in visit.excluded:
        return Reason(code=ReasonCode.EXCLUDED, params={"technician": person.id})
    if visit.required and scope.slots[slot].number == 0 and person.id not in visit.required:
        required = ", ".join(sorted(visit.required))
        return Reason(code=ReasonCode.NOT_REQUIRED, params={"technician": person.id, "required": required})
    return None
