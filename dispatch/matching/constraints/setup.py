"""Work at the site of the stop before needs no second set-up."""

import numpy as np

from dispatch.matching.constraint import Limits, Scope


def limits(scope: Scope) -> Limits:
    """Give the seconds of set-up of each slot, and the number of its site (-1 = a site where nobody sets anything up).

    A visit without set-up carries the number too: whoever comes from it has already set up.
    """
    visits = scope.problem.visits
    names = sorted({visit.site for visit in visits if visit.setup_s and visit.site is not None})
    number: dict[str | None, int] = {name: index for index, name in enumerate(names)}
    return {
        "site": np.array([number.get(slot.visit.site, -1) for slot in scope.slots], dtype=np.int64),
        "setup": np.array([slot.visit.setup_s for slot in scope.slots], dtype=np.int64),
    }
