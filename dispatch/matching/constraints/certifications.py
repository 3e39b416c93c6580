"""Every certification the crew slot asks for is valid during the whole shift."""

import numpy as np

from dispatch.matching.constraint import Flags, Scope
from dispatch.matching.plan import Reason, ReasonCode
from dispatch.matching.problem import Shift, Technician


def valid(technician: Technician, shift: Shift, wanted: str) -> bool:
    """Whether one document of ``technician`` covers the shift from start to end."""
    return any(
        held.id == wanted
        and (held.valid_from_s is None or held.valid_from_s <= shift.start_s)
        and (held.valid_until_s is None or held.valid_until_s >= shift.end_s)
        for held in technician.certifications
    )


def forbids(scope: Scope) -> Flags:
    """Forbid who lacks a certification that day."""
    missing: dict[str, Flags] = {}
    forbidden = scope.no_pairs()
    for row, slot in enumerate(scope.slots):
        for wanted in slot.crew.certifications:
            if wanted not in missing:
                each = [not valid(scope.technician(index), shift, wanted) for index, shift in enumerate(scope.shifts)]
                missing[wanted] = np.array(each, dtype=np.bool_)
            forbidden[row] |= missing[wanted]
    return forbidden


def refusal(scope: Scope, slot: int, shift: int) -> Reason | None:
    """Name the first certification that is missing, and until when it was valid if it was held at all."""
    person = scope.technician(shift)
    for wanted in scope.slots[slot].crew.certifications:
        if valid(person, scope.shifts[shift], wanted):
            continue
        ends = [held.valid_until_s for held in person.certifications if held.id == wanted]
        params: dict[str, str | int | float] = {"technician": person.id, "certification": wanted}
        if ends and ends[0] is not None:
            params["valid_until_s"] = ends[0]
        return Reason(code=ReasonCode.NOT_CERTIFIED, params=params)
    return None
