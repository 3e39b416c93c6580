"""Why this person, why not that one, why nobody: recomputed from the problem and the plan, never narrated.

Everything here is data; screens make sentences of it. Loading this module loads no solver; the first call does.
Whoever asks more than once about the same plan takes a `desk`, which answers in microseconds.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dispatch.matching.changes import Change
from dispatch.matching.plan import Cost, Plan, Reason, ReasonCode
from dispatch.matching.problem import Problem
from dispatch.units import Seconds

if TYPE_CHECKING:
    from dispatch.matching.solvers.desk import Desk
    from dispatch.matching.solvers.held_desk import HeldDesk


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortlist:
    """The few best people for one crew slot of a visit, and everybody else as counts that add up to the scope.

    Attributes
    ----------
    best
        Cheapest first, with terms and knock-on.
    others
        How many more could come.
    excluded_by
        How many people each reason keeps away.
    """

    visit: str
    slot: int
    best: tuple[Candidate, ...]
    others: int
    excluded_by: Mapping[ReasonCode, int]

    @property
    def scope(self) -> int:
        """How many people were looked at."""
        return len(self.best) + self.others + sum(self.excluded_by.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One person against the one who has the visit (or, if nobody has, the cheapest other one).

    Attributes
    ----------
    candidate, reason
        What sending this person means; or the first must that fails.
    holder
        The other one; None if there is nobody.
    difference
        What this person costs more, by cause; None if either can not come.
    """

    visit: str
    technician: str
    candidate: Candidate | None
    reason: Reason | None
    holder: Candidate | None
    difference: Cost | None


class Merit(StrEnum):
    """Why an option is worth offering: it is the best of all in this."""

    CHEAPEST = "cheapest"
    SOONEST = "soonest"
    KNOWN_FACE = "known_face"
    NARROW = "narrow"
    NEARBY = "nearby"


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """A start that can be offered; of several options none is worse than another in everything.

    Attributes
    ----------
    merits
        What it is the best in, at least one.
    span
        Number of the span of time, in the order in which they were asked for.
    margin_s
        By how much the start can slip before this visit or another of the same route becomes late.
    spread_s
        Standard deviation of the start if every drive and every work before it is off by a quarter of itself.
    known
        Whether the customer knows the person, or prefers the person.
    """

    merits: tuple[Merit, ...]
    span: int
    margin_s: Seconds
    spread_s: Seconds
    known: bool
    candidate: Candidate


class Effect(StrEnum):
    """What a remedy achieves."""

    CAN_SERVE = "can_serve"
    CHEAPEST = "cheapest"
    SERVED = "served"


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """Changes of the facts that were made for a trial, and what came of it when everything was worked out anew.

    Attributes
    ----------
    changes
        All of them are needed.
    candidates
        What it means then to send these people: one for each crew slot concerned.
    """

    changes: tuple[Change, ...]
    effect: Effect
    candidates: tuple[Candidate, ...]

    @property
    def effort(self) -> int:
        """How big the changes are together, in units of cost: a rough guide by which remedies are put in order."""
        return sum(change.effort for change in self.changes)


class Kind(StrEnum):
    """What kind of obstacle keeps a visit out of the plan."""

    NOT_PLANNABLE = "not_plannable"
    NOBODY_CAN = "nobody_can"
    NOBODY_THEN = "nobody_then"
    DISPLACED = "displaced"
    NOT_WORTH_IT = "not_worth_it"


class Part(StrEnum):
    """Which question a fact answers with no."""

    WHO = "who"
    WHEN = "when"
    OTHERS = "others"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One of the facts that together exclude a visit.

    Attributes
    ----------
    part
        Who could come at all, when somebody could come, or which other visits have the time.
    name
        What it is, such as ``need`` or ``windows``; ``params`` says more.
    lift
        What would have to be otherwise: were only this lifted and all facts that are not listed, the visit had a place.
    """

    part: Part
    name: str
    params: Mapping[str, str | int | float]
    lift: tuple[Change, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class WhyUnassigned:
    """Why a visit is left out.

    Attributes
    ----------
    kind, reasons
        The kind of obstacle, and the reasons as data, the deciding one first.
    facts
        A set of facts that excludes the visit even if everything else were otherwise; each is necessary. Empty where
        the visit has a place but is not worth its cost, or was left out by hand.
    relaxation
        The cheapest change found that lets the visit be served, tried and checked; None if there is none.
    """

    visit: str
    kind: Kind
    reasons: tuple[Reason, ...]
    facts: tuple[Fact, ...] = ()
    relaxation: Remedy | None = None


def desk(problem: Problem, plan: Plan) -> "Desk":
    """Prepare one plan for many quick questions, also about visits that the problem does not have yet.

    Raises
    ------
    KeyError
        If the plan names shifts or visits that the problem does not know.
    """
    from dispatch.matching.solvers.desk import Desk  # loads NumPy, Numba and their kernels

    prepared = Desk(problem, plan)
    prepared.prepare()
    return prepared


def held_desk(problem: Problem, plan: Plan, *, rigid: frozenset[str] = frozenset()) -> "HeldDesk":
    """Prepare a plan that people were told: nothing of it may start earlier, and ``rigid`` visits not later either.

    Everything else may start later by the policy's ``retime_tolerance_s``.

    Raises
    ------
    KeyError
        If the plan names shifts or visits that the problem does not know.
    """
    from dispatch.matching.solvers.held_desk import HeldDesk  # loads NumPy, Numba and their kernels

    return HeldDesk(problem, plan, rigid=rigid)


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


def what_would_change(
    problem: Problem,
    plan: Plan,
    visit: str,
    technician: str,
    *,
    slot: int = 0,
    count: int = 3,
    prepared: "Desk | None" = None,
    rigid: frozenset[str] = frozenset(),
    without: tuple[type[Change], ...] = (),
) -> tuple[Remedy, ...]:
    """Find up to ``count`` smallest changes with which this person can serve the visit, or is the cheapest to do so.

    Each was made for a trial, and the problem asked again with it. Empty if the person is the cheapest already, or if
    no change of the kinds in `changes` helps. ``prepared`` is a desk of the same problem and plan, if there is one.
    ``rigid`` visits keep their start meanwhile, and changes of the kinds ``without`` are not thought of.

    Raises
    ------
    KeyError
        If the problem has no such visit, crew slot or technician.
    """
    from dispatch.matching.solvers.remedies import remedies  # loads NumPy, Numba and their kernels

    return remedies(
        problem, plan, visit, technician, slot=slot, count=count, desk=prepared, rigid=rigid, without=without
    )
