"""People work in their own territories and in the one their shift belongs to; naming none means everywhere."""

import numpy as np

from dispatch.matching.constraint import Flags, Scope
from dispatch.matching.plan import Reason, ReasonCode


def _allowed(scope: Scope, shift: int) -> set[str]:
    own = scope.shifts[shift].territory
    return set(scope.technician(shift).territories) | ({own} if own is not None else set())


def forbids(scope: Scope) -> Flags:
    """Forbid visits of other territories."""
    named = sorted({slot.visit.territory for slot in scope.slots if slot.visit.territory is not None})
    allowed = [_allowed(scope, shift) for shift in range(len(scope.shifts))]
    outside = {name: np.array([bool(own) and name not in own for own in allowed], dtype=np.bool_) for name in named}
    forbidden = scope.no_pairs()
    for row, slot in enumerate(scope.slots):
        if slot.visit.territory is not None:
            forbidden[row] = outside[slot.visit.territory]
    return forbidden


def refusal(scope: Scope, slot: int, shift: int) -> Reason | None:
    """Name the visit's territory if this shift does not work there."""
    wanted, allowed = scope.slots[slot].visit.territory, _allowed(scope, shift)
    if wanted is None or not allowed or wanted in allowed:
        return None
    return Reason(
        code=ReasonCode.OTHER_TERRITORY, params={"technician": scope.technician(shift).id, "territory": wanted}
    )
