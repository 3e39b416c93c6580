"""Why the people of a plan can not come: counted by reason for everybody at once, or told for one person.

What a rule about people says is looked up by what it looks at, so that visits with the same needs are worked out once.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dispatch.matching import constraints
from dispatch.matching.constraint import Slot, Whole
from dispatch.matching.constraints import certifications, parts, people, pins, skills, territory
from dispatch.matching.plan import Reason, ReasonCode
from dispatch.matching.problem import Visit
from dispatch.matching.reasons import obstacle_reason, refusal
from dispatch.matching.solvers import asking
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.tables import Tables

PREPARED = 400
"""Most kinds of needs, certificates and territories whose refusals are worked out before the first question."""

CODES = tuple(ReasonCode)
CODE_NUMBER = {code: number for number, code in enumerate(CODES)}
VERDICT_CODE = {
    asking.BROKEN: ReasonCode.ROUTE_BROKEN,
    asking.FULL: ReasonCode.DISPLACED,
    asking.THEN: ReasonCode.NOT_THEN,
    asking.FAR_OFF: ReasonCode.TOO_FAR,
    asking.CUT_OFF: ReasonCode.UNREACHABLE,
    asking.ABSENT: ReasonCode.NO_SHIFT,
    asking.COLLEAGUE: ReasonCode.SAME_CREW,
    asking.TIED: ReasonCode.LINKED,
    asking.SOLD_OUT: ReasonCode.PARTNER_FULL,
    asking.ENOUGH: ReasonCode.MOST_VISITS,
    asking.USED_UP: ReasonCode.PARTS_USED_UP,
    asking.MUCH_DRIVING: ReasonCode.MOST_DRIVING,
    asking.LONG_DAY: ReasonCode.LONGEST_DAY,
}

SHARED: Mapping[Any, Callable[[Slot], object]] = {
    people: lambda slot: (slot.visit.excluded, slot.visit.required, slot.number),
    skills: lambda slot: slot.crew.needs,
    certifications: lambda slot: slot.crew.certifications,
    parts: lambda slot: _things(slot.visit) if slot.number == 0 else None,
    territory: lambda slot: slot.visit.territory,
}
"""What a rule about people looks at in a crew slot: equal slots are refused for equal reasons."""


class Refusals:
    """What keeps people away from crew slots, remembered from question to question.

    Tables are handed over each time, since they grow by visits that are only asked about; people and shifts stay.

    Parameters
    ----------
    own
        Rows of the shifts of each technician, first one first.
    """

    def __init__(self, own: list[list[int]]) -> None:
        self._own = own
        self._known: dict[tuple[Any, object], Whole] = {}

    def prepare(self, tables: Tables) -> None:
        """Work out what many questions share."""
        first: dict[tuple[Any, object], int] = {}
        for row, slot in enumerate(tables.scope.slots):
            for rule, key in SHARED.items():
                if rule is not people:
                    first.setdefault((rule, key(slot)), row)
        for (rule, _), row in list(first.items())[:PREPARED]:
            self._codes_of(tables, rule, row)

    def counts(self, tables: Tables, row: int, sheet: asking.Sheet) -> dict[ReasonCode, int]:
        """Count people by the reason that keeps them away, from the verdicts on the sheet."""
        person = sheet.person
        told: dict[ReasonCode, int] = {}
        for verdict, count in enumerate(np.bincount(person, minlength=1).tolist()):
            if count and verdict in VERDICT_CODE:
                told[VERDICT_CODE[verdict]] = count
        barred = np.flatnonzero(person == asking.BARRED)
        if len(barred):
            if tables.scope.slots[row].visit.point is None:
                told[ReasonCode.NO_LOCATION] = len(barred)
                return told
            for number, count in enumerate(np.bincount(self._codes(tables, row)[barred]).tolist()):
                if count:
                    told[CODES[number]] = told.get(CODES[number], 0) + count
        return told

    def _codes(self, tables: Tables, row: int) -> Whole:
        """Give the number of the reason that each person's first shift is refused for  # [technician]."""
        codes = self._codes_of(tables, pins, row)
        for rule in constraints.EXPLAINING[1:]:
            own = self._codes_of(tables, rule, row)
            codes = np.where(codes >= 0, codes, own)
        return np.where(codes >= 0, codes, CODE_NUMBER[ReasonCode.NOT_THEN])

    def _codes_of(self, tables: Tables, rule: Any, row: int) -> Whole:
        slot = tables.scope.slots[row]
        shared = SHARED.get(rule)
        key = shared(slot) if shared is not None else row if rule is not pins or tables.pinned[row] else None
        known = self._known.get((rule, key))
        if known is None:
            known = np.full(len(self._own), -1, dtype=np.int64)
            if key is not None or rule is not pins:
                for worker, own in enumerate(self._own):
                    reason = rule.refusal(tables.scope, row, own[0]) if own else None
                    if reason is not None:
                        known[worker] = CODE_NUMBER[reason.code]
            if shared is not None or key is None:
                self._known[rule, key] = known
        return known

    def obstacle(self, tables: Tables, state: State, sheet: asking.Sheet, row: int, worker: int) -> Reason:
        """Give the first must that keeps one person away, over all shifts of that person; the slot must be out."""
        verdict = int(sheet.person[worker])
        own = self._own[worker]
        if verdict == asking.ABSENT:
            return Reason(code=ReasonCode.NO_SHIFT)
        if verdict == asking.COLLEAGUE:
            return Reason(code=ReasonCode.SAME_CREW)
        if tables.scope.slots[row].visit.point is None:
            return Reason(code=ReasonCode.NO_LOCATION)
        may = [shift for shift in own if tables.data.allowed[row, shift]]
        if verdict == asking.BARRED:
            return refusal(tables, row, own[0]) or Reason(code=ReasonCode.NOT_THEN)
        if verdict == asking.BROKEN:
            return Reason(code=ReasonCode.ROUTE_BROKEN, params={"shift": tables.scope.shifts[may[0]].id})
        shift = next(one for one in may if sheet.verdict[one] == verdict)
        return obstacle_reason(tables, state, row, shift, verdict)


def _things(visit: Visit) -> object:
    """Parts and tools of a visit, as something that can be looked up; None where it needs none."""
    return (tuple(sorted(visit.parts.items())), frozenset(visit.tools)) if visit.parts or visit.tools else None
