"""What could be changed about a problem so that somebody can come, or comes at a better price: typed, and applicable.

A `Change` is data: it names elements of the problem by id and says what becomes of them. ``apply`` gives the problem
with the change made, so that a claim about a change can be tested by asking again.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import ceil

from dispatch.matching.policy import Policy
from dispatch.matching.problem import (
    Certification,
    CrewSlot,
    Pin,
    Point,
    Problem,
    Proficiency,
    Shift,
    SkillLevel,
    Technician,
    Visit,
)
from dispatch.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, Seconds

FACT_EFFORT = SECONDS_PER_HOUR
"""Worth of a change that is a signature or a question, such as opening a territory; in units of cost."""

SKILL_EFFORT = SECONDS_PER_DAY
"""Worth of raising somebody by one level."""


class Change(ABC):
    """One thing that could be otherwise."""

    __slots__ = ()

    @property
    @abstractmethod
    def effort(self) -> int:
        """How big the change is, in units of cost: a rough guide by which alternatives are put in order."""

    @abstractmethod
    def apply(self, problem: Problem) -> Problem:
        """Give the problem with this change made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RaiseLevel(Change):
    """``technician`` is shown to reach ``level`` of ``skill`` with the ``confidence`` that is asked for."""

    technician: str
    skill: str
    level: int
    confidence: float
    lacking: float

    @property
    def effort(self) -> int:
        """Grow with the confidence that is lacking."""
        return FACT_EFFORT + round(SKILL_EFFORT * self.lacking)

    def apply(self, problem: Problem) -> Problem:
        """Raise the estimate just far enough; a level rises by a fact only, so it counts as confirmed."""

        def raised(person: Technician) -> Technician:
            known = person.proficiencies.get(self.skill, problem.policy.unknown)
            estimate = lifted(known, self.level, self.confidence)
            return replace(person, proficiencies={**person.proficiencies, self.skill: estimate})

        return with_technician(problem, self.technician, raised)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmEvidence(Change):
    """Somebody else confirms what ``technician`` says about ``skill``."""

    technician: str
    skill: str

    @property
    def effort(self) -> int:
        """Need one talk."""
        return FACT_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Mark the estimate as confirmed."""

        def confirmed(person: Technician) -> Technician:
            known = person.proficiencies.get(self.skill, problem.policy.unknown)
            return replace(person, proficiencies={**person.proficiencies, self.skill: replace(known, confirmed=True)})

        return with_technician(problem, self.technician, confirmed)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtendCertification(Change):
    """``technician`` holds ``certification`` from ``from_s`` until ``until_s``."""

    technician: str
    certification: str
    from_s: Seconds
    until_s: Seconds

    @property
    def effort(self) -> int:
        """Need a document."""
        return 2 * FACT_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Add a document for that time."""
        document = Certification(id=self.certification, valid_from_s=self.from_s, valid_until_s=self.until_s)
        return with_technician(
            problem,
            self.technician,
            lambda person: replace(person, certifications=(*person.certifications, document)),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenTerritory(Change):
    """``technician`` may also work in ``territory``."""

    technician: str
    territory: str

    @property
    def effort(self) -> int:
        """Need a signature."""
        return FACT_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Add the territory to the person's own."""
        return with_technician(
            problem,
            self.technician,
            lambda person: replace(person, territories=(*person.territories, self.territory)),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class LiftExclusion(Change):
    """The customer of ``visit`` takes ``technician`` after all."""

    visit: str
    technician: str

    @property
    def effort(self) -> int:
        """Ask somebody who said no before."""
        return 2 * FACT_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Take the person off the list of those refused."""

        def lifted_from(visit: Visit) -> Visit:
            return replace(visit, excluded=tuple(one for one in visit.excluded if one != self.technician))

        return with_visit(problem, self.visit, lifted_from)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlsoAccept(Change):
    """The customer of ``visit``, who insists on certain people, also accepts ``technician``."""

    visit: str
    technician: str

    @property
    def effort(self) -> int:
        """Ask."""
        return FACT_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Add the person to those required."""
        return with_visit(
            problem, self.visit, lambda visit: replace(visit, required=(*visit.required, self.technician))
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpin(Change):
    """The dispatcher lets crew slot ``slot`` of ``visit`` go."""

    visit: str
    slot: int = 0

    @property
    def effort(self) -> int:
        """Take one's own word back."""
        return FACT_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Remove the pin."""
        kept = tuple(pin for pin in problem.pins if (pin.visit, pin.slot) != (self.visit, self.slot))
        return replace(problem, pins=kept)


@dataclass(frozen=True, kw_only=True, slots=True)
class WidenWindow(Change):
    """Window number ``window`` of ``visit`` opens ``earlier_s`` sooner and closes ``later_s`` later."""

    visit: str
    window: int
    earlier_s: Seconds = 0
    later_s: Seconds = 0

    @property
    def effort(self) -> int:
        """Ask the customer for so much time."""
        return self.earlier_s + self.later_s

    def apply(self, problem: Problem) -> Problem:
        """Move both ends of the window."""

        def widened(visit: Visit) -> Visit:
            window = visit.windows[self.window]
            wider = replace(window, start_s=window.start_s - self.earlier_s, end_s=window.end_s + self.later_s)
            return replace(visit, windows=(*visit.windows[: self.window], wider, *visit.windows[self.window + 1 :]))

        return with_visit(problem, self.visit, widened)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseEarlier(Change):
    """``visit`` may start ``earlier_s`` before it was to be released."""

    visit: str
    earlier_s: Seconds

    @property
    def effort(self) -> int:
        """Hurry by so much."""
        return self.earlier_s

    def apply(self, problem: Problem) -> Problem:
        """Move the release."""

        def released(visit: Visit) -> Visit:
            return visit if visit.release_s is None else replace(visit, release_s=visit.release_s - self.earlier_s)

        return with_visit(problem, self.visit, released)


@dataclass(frozen=True, kw_only=True, slots=True)
class StartEarlier(Change):
    """``shift`` starts ``earlier_s`` sooner."""

    shift: str
    earlier_s: Seconds

    @property
    def effort(self) -> int:
        """Pay the hour, and ask for it."""
        return self.earlier_s * 3 // 2

    def apply(self, problem: Problem) -> Problem:
        """Move the start of the shift."""
        return with_shift(problem, self.shift, lambda shift: replace(shift, start_s=shift.start_s - self.earlier_s))


@dataclass(frozen=True, kw_only=True, slots=True)
class AllowOvertime(Change):
    """``shift`` may run ``more_s`` longer than it may now, as overtime."""

    shift: str
    more_s: Seconds

    @property
    def effort(self) -> int:
        """Pay the hour, and ask for it."""
        return self.more_s * 3 // 2

    def apply(self, problem: Problem) -> Problem:
        """Raise the limit."""
        return with_shift(
            problem, self.shift, lambda shift: replace(shift, overtime_limit_s=shift.overtime_limit_s + self.more_s)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class AllowLeg(Change):
    """``shift`` may drive legs of up to ``limit_s``."""

    shift: str
    limit_s: Seconds
    more_s: Seconds

    @property
    def effort(self) -> int:
        """Ask for a longer drive."""
        return self.more_s

    def apply(self, problem: Problem) -> Problem:
        """Raise the limit."""
        return with_shift(problem, self.shift, lambda shift: replace(shift, max_leg_s=self.limit_s))


@dataclass(frozen=True, kw_only=True, slots=True)
class GiveAway(Change):
    """``visit``, which is in the way, goes to ``technician``, or is left out where that is None; it costs ``more``."""

    visit: str
    technician: str | None
    more: int

    @property
    def effort(self) -> int:
        """What it costs."""
        return max(0, self.more)

    def apply(self, problem: Problem) -> Problem:
        """Pin the visit to that person, or take it out of the problem."""
        if self.technician is None:
            return without_visits(problem, {self.visit})
        kept = tuple(pin for pin in problem.pins if pin.visit != self.visit)
        return replace(problem, pins=(*kept, Pin(visit=self.visit, technician=self.technician)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefer(Change):
    """``technician`` is worth ``credit`` more to the customer of ``visit`` than now."""

    visit: str
    technician: str
    credit: int

    @property
    def effort(self) -> int:
        """So much."""
        return self.credit

    def apply(self, problem: Problem) -> Problem:
        """Lower the price of this person for this visit."""

        def preferred(visit: Visit) -> Visit:
            price = visit.person_cost.get(self.technician, 0) - self.credit
            return replace(visit, person_cost={**visit.person_cost, self.technician: price})

        return with_visit(problem, self.visit, preferred)


@dataclass(frozen=True, kw_only=True, slots=True)
class NamePreferred(Change):
    """The customer of ``visit`` names ``technician`` as preferred, for the credit of the policy."""

    visit: str
    technician: str

    @property
    def effort(self) -> int:
        """Ask."""
        return FACT_EFFORT // 4

    def apply(self, problem: Problem) -> Problem:
        """Add the person to those preferred."""
        return with_visit(
            problem, self.visit, lambda visit: replace(visit, preferred=(*visit.preferred, self.technician))
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Locate(Change):
    """The place of ``visit`` becomes known: for a trial it is ``point``."""

    visit: str
    point: Point

    @property
    def effort(self) -> int:
        """Ask for the address."""
        return FACT_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Set the place."""
        return with_visit(problem, self.visit, lambda visit: replace(visit, point=self.point))


@dataclass(frozen=True, kw_only=True, slots=True)
class Raise(Change):
    """Leaving ``visit`` out costs ``penalty``, so that serving it pays."""

    visit: str
    penalty: int
    more: int

    @property
    def effort(self) -> int:
        """So much."""
        return self.more

    def apply(self, problem: Problem) -> Problem:
        """Set the penalty."""
        return with_visit(problem, self.visit, lambda visit: replace(visit, unserved_penalty=self.penalty))


@dataclass(frozen=True, kw_only=True, slots=True)
class AddShift(Change):
    """Somebody works ``shift`` in addition; with ``person`` it is somebody new."""

    shift: Shift
    person: Technician | None = None

    @property
    def effort(self) -> int:
        """Pay a whole shift."""
        return SECONDS_PER_DAY

    def apply(self, problem: Problem) -> Problem:
        """Add the shift, and the person."""
        people = problem.technicians if self.person is None else (*problem.technicians, self.person)
        return replace(problem, technicians=people, shifts=(*problem.shifts, self.shift))


def applied(problem: Problem, changes: Iterable[Change]) -> Problem:
    """Give the problem with all ``changes`` made, in their order."""
    for change in changes:
        problem = change.apply(problem)
    return problem


def effort(changes: Iterable[Change]) -> int:
    """How big several changes are together."""
    return sum(change.effort for change in changes)


def lifted(known: Proficiency, level: int, confidence: float) -> Proficiency:
    """Raise an estimate by the least that reaches ``confidence`` in ``level``, in steps of a hundredth of a level."""
    if known.at_least:
        chances = tuple(
            max(chance, confidence) if number <= level else chance for number, chance in enumerate(known.at_least, 1)
        )
        return replace(known, at_least=chances, confirmed=True)
    hundredths = ceil(known.mean * 100)
    top = 1_500
    raised = replace(known, confirmed=True)
    while raised.confidence(level) < confidence and hundredths < top:
        hundredths += 1
        raised = replace(known, mean=hundredths / 100, confirmed=True)
    return raised if raised.confidence(level) >= confidence else replace(raised, sd=0.0)


def needs_confirming(policy: Policy, known: Proficiency, wanted: SkillLevel) -> bool:
    """Whether only a fact of somebody else is missing."""
    return not known.confirmed and known.confidence(wanted.level) >= policy.min_confidence


def with_technician(problem: Problem, name: str, edit: Callable[[Technician], Technician]) -> Problem:
    """Give the problem with one technician edited."""
    people = tuple(edit(person) if person.id == name else person for person in problem.technicians)
    return replace(problem, technicians=people)


def with_shift(problem: Problem, name: str, edit: Callable[[Shift], Shift]) -> Problem:
    """Give the problem with one shift edited."""
    return replace(problem, shifts=tuple(edit(shift) if shift.id == name else shift for shift in problem.shifts))


def with_visit(problem: Problem, name: str, edit: Callable[[Visit], Visit]) -> Problem:
    """Give the problem with one visit edited."""
    return replace(problem, visits=tuple(edit(visit) if visit.id == name else visit for visit in problem.visits))


def with_crew(visit: Visit, slot: int, edit: Callable[[CrewSlot], CrewSlot]) -> Visit:
    """Give the visit with one crew slot edited, if the crew is that large."""
    if slot >= len(visit.crew):
        return visit
    return replace(visit, crew=(*visit.crew[:slot], edit(visit.crew[slot]), *visit.crew[slot + 1 :]))


def without_visits(problem: Problem, names: set[str]) -> Problem:
    """Give the problem without some visits, and without what others say about them."""

    def cleaned(visit: Visit) -> Visit:
        linked = {before.visit for before in visit.predecessors} | {*visit.same_person_as, *visit.other_person_than}
        if not linked & names:
            return visit
        return replace(
            visit,
            predecessors=tuple(one for one in visit.predecessors if one.visit not in names),
            same_person_as=tuple(one for one in visit.same_person_as if one not in names),
            other_person_than=tuple(one for one in visit.other_person_than if one not in names),
        )

    kept = tuple(cleaned(visit) for visit in problem.visits if visit.id not in names)
    return replace(problem, visits=kept, pins=tuple(pin for pin in problem.pins if pin.visit not in names))
