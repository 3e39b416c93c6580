"""Why this person, why not that one, why nobody: recomputed from the problem and the plan, never narrated.

Everything here is data; screens make sentences of it. Loading this module loads no solver; the first call does.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from dispatch.matching.plan import Cost, Plan, Reason
from dispatch.matching.problem import Problem
from dispatch.units import Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class KnockOn:
    """What serving one more visit does to another stop of the same route; instants in problem seconds."""

    visit: str
    start_before_s: Seconds
    start_after_s: Seconds
    late_before_s: Seconds
    late_after_s: Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A person who could serve the visit, at the best place of the person's day.

    Attributes
    ----------
    position
        Number of stops of the route that come before.
    after_visit
        The stop before, None = straight from the start place.
    travel_s
        From the stop before; ``detour_s`` is what the whole route drives more, the way home included.
    arrive_s, start_s, end_s, late_s
        Of this visit.
    p_fix
        Chance to fix the work at the first visit.
    knock_on
        Stops whose start or lateness changes.
    overtime_s
        Overtime of the route with this visit.
    cost
        What the plan costs more, by cause; the terms add up to the total by which candidates are ranked. The penalty of
        leaving the visit out is the same for all and not in it.
    """

    technician: str
    shift: str
    position: int
    after_visit: str | None
    travel_s: Seconds
    detour_s: Seconds
    arrive_s: Seconds
    start_s: Seconds
    end_s: Seconds
    late_s: Seconds
    p_fix: float
    knock_on: tuple[KnockOn, ...]
    overtime_s: Seconds
    cost: Cost


@dataclass(frozen=True, kw_only=True, slots=True)
class WhyNot:
    """A person who can not serve the visit, with the first must that fails."""

    technician: str
    reason: Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidates:
    """Everybody of the problem, either ranked (cheapest first) or with a reason; together they are the whole scope."""

    visit: str
    slot: int
    ranked: tuple[Candidate, ...]
    excluded: tuple[WhyNot, ...]

    @property
    def scope(self) -> int:
        """How many people were looked at."""
        return len(self.ranked) + len(self.excluded)

    @property
    def excluded_by(self) -> Mapping[str, int]:
        """How many people each reason keeps away."""
        return dict(Counter(str(item.reason.code) for item in self.excluded))


class Kind(StrEnum):
    """What kind of obstacle keeps a visit out of the plan."""

    NOT_PLANNABLE = "not_plannable"
    NOBODY_CAN = "nobody_can"
    NOBODY_THEN = "nobody_then"
    DISPLACED = "displaced"
    NOT_WORTH_IT = "not_worth_it"


@dataclass(frozen=True, kw_only=True, slots=True)
class WhyUnassigned:
    """Why a visit is left out: the kind of obstacle, and the reasons as data, the deciding one first."""

    visit: str
    kind: Kind
    reasons: tuple[Reason, ...]


def candidates(problem: Problem, plan: Plan, visit: str, *, slot: int = 0) -> Candidates:
    """Rank everybody for one crew slot of a visit, the rest of the plan left as it is.

    A visit that the plan serves is taken out first, so the person who has it is ranked like all others. Of a larger
    crew the others stay, and so does its start.

    Raises
    ------
    KeyError
        If the problem has no such visit or crew slot.
    """
    from dispatch.matching.solvers.explanations import rank  # loads NumPy, Numba and their kernels

    return rank(problem, plan, visit, slot)


def why_not(problem: Problem, plan: Plan, visit: str, technician: str, *, slot: int = 0) -> Candidate | WhyNot:
    """Say what sending this person would cost, or which must forbids it.

    Raises
    ------
    KeyError
        If the problem has no such visit, crew slot or technician.
    """
    found = candidates(problem, plan, visit, slot=slot)
    people: tuple[Candidate | WhyNot, ...] = (*found.ranked, *found.excluded)
    for item in people:
        if item.technician == technician:
            return item
    raise KeyError(technician)


def why_unassigned(problem: Problem, plan: Plan, visit: str) -> WhyUnassigned:
    """Say why the plan leaves a visit out: nobody can, nobody can then, or which visits have the time.

    Raises
    ------
    KeyError
        If the problem has no such visit.
    ValueError
        If the plan serves it.
    """
    from dispatch.matching.solvers.explanations import why_left_out  # loads NumPy, Numba and their kernels

    return why_left_out(problem, plan, visit)
