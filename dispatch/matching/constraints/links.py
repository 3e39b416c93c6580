"""Some visits must have the same first technician, and some must have nobody in common."""

import numpy as np

from dispatch.matching.constraint import Limits, Scope

OTHER, SAME = 0, 1


def limits(scope: Scope) -> Limits:
    """Link slots: those linked to slot i are ``link_to[link_at[i]]`` up to ``link_to[link_at[i + 1]]``, both ways.

    ``link_kind`` 1 = the same person (first crew slot with first crew slot), 0 = another one (each with each).
    """
    row = scope.slot_index
    links: set[tuple[int, int, int]] = set()
    for visit in scope.problem.visits:
        for name in visit.same_person_as:
            links.add((row[visit.id, 0], row[name, 0], SAME))
        for name in visit.other_person_than:
            theirs = range(len(scope.problem.visit_by_id[name].crew))
            for number in range(len(visit.crew)):
                links |= {(row[visit.id, number], row[name, other], OTHER) for other in theirs}
    links |= {(theirs, own, kind) for own, theirs, kind in links}
    listed = np.array(sorted(links), dtype=np.int64).reshape(len(links), 3)
    counts = np.bincount(listed[:, 0], minlength=len(scope.slots))
    return {
        "link_at": np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        "link_to": listed[:, 1],
        "link_kind": listed[:, 2],
    }
