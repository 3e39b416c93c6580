"""Work starts inside a hard window; after a priced one, or after the due time, each late second has a price."""

import numpy as np

from dispatch.matching.constraint import FAR, Limits, Scope

PRICED, HARD, WHOLE_VISIT = 0, 1, 2


def limits(scope: Scope) -> Limits:
    """Windows by slot: those of slot i are numbers ``window_at[i]`` up to ``window_at[i + 1]``, earliest first.

    A slot pinned to a time has no release, and its windows only price lateness: the pin outranks them.
    """
    at, start, end, kind = [0], [], [], []
    release = np.full(len(scope.slots), -FAR, dtype=np.int64)
    due = np.full(len(scope.slots), FAR, dtype=np.int64)
    rate = np.zeros(len(scope.slots), dtype=np.int64)
    timed = {(pin.visit, pin.slot) for pin in scope.problem.pins if pin.start_s is not None}
    for row, slot in enumerate(scope.slots):
        visit = slot.visit
        for window in sorted(visit.windows, key=lambda item: (item.start_s, item.end_s, item.hard)):
            start.append(window.start_s)
            end.append(window.end_s)
            kind.append(WHOLE_VISIT if window.whole_visit else HARD if window.hard else PRICED)
        if (visit.id, slot.number) not in timed:
            release[row] = -FAR if visit.release_s is None else visit.release_s
        at.append(len(start))
        due[row] = FAR if visit.due_s is None else visit.due_s
        if slot.number == 0:
            rate[row] = scope.problem.policy.lateness_rate if visit.lateness_rate is None else visit.lateness_rate
    return {
        "window_at": np.array(at, dtype=np.int64),
        "window_start": np.array(start, dtype=np.int64),
        "window_end": np.array(end, dtype=np.int64),
        "window_kind": np.array(kind, dtype=np.int64),
        "release": release,
        "due": due,
        "late_rate": rate,
    }
