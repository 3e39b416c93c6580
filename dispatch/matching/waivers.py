"""Changes that ask for less, whoever comes: a demand of a visit is waived, or a limit of the days is lifted.

With these it is found out what keeps everybody away. Some are only tried, to see whether time or work stands in the
way at all, and are never proposed.
"""

from dataclasses import dataclass, replace

from dispatch.matching.changes import FACT_EFFORT, SKILL_EFFORT, Change, with_crew, with_visit
from dispatch.matching.problem import Certification, CrewSlot, Problem, Shift, SkillLevel, SkillNeed, Visit
from dispatch.units import SECONDS_PER_DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class WaiveNeed(Change):
    """Crew slot ``slot`` of ``visit`` does without must-have ``skills`` at these levels; they become wishes."""

    visit: str
    slot: int
    skills: tuple[SkillLevel, ...]

    @property
    def effort(self) -> int:
        """Risk the work."""
        return 3 * SKILL_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Turn the need into a wish."""

        def waived(crew: CrewSlot) -> CrewSlot:
            wish = SkillNeed(any_of=self.skills, must=False)
            return replace(crew, needs=tuple(wish if need.any_of == self.skills else need for need in crew.needs))

        return with_visit(problem, self.visit, lambda visit: with_crew(visit, self.slot, waived))


@dataclass(frozen=True, kw_only=True, slots=True)
class WaiveCertification(Change):
    """Crew slot ``slot`` of ``visit`` does without ``certification``."""

    visit: str
    slot: int
    certification: str

    @property
    def effort(self) -> int:
        """Ask who demands it."""
        return 3 * SKILL_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Remove the demand."""

        def waived(crew: CrewSlot) -> CrewSlot:
            return replace(crew, certifications=tuple(one for one in crew.certifications if one != self.certification))

        return with_visit(problem, self.visit, lambda visit: with_crew(visit, self.slot, waived))


@dataclass(frozen=True, kw_only=True, slots=True)
class AcceptAnybody(Change):
    """The customer of ``visit`` insists on nobody any more."""

    visit: str

    @property
    def effort(self) -> int:
        """Ask for more than one further person."""
        return 2 * FACT_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Empty the list of those required."""
        return with_visit(problem, self.visit, lambda visit: replace(visit, required=()))


@dataclass(frozen=True, kw_only=True, slots=True)
class IgnoreTerritory(Change):
    """Anybody may serve ``visit``, whatever their territory."""

    visit: str

    @property
    def effort(self) -> int:
        """Need a signature."""
        return 2 * FACT_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Take the visit out of its territory."""
        return with_visit(problem, self.visit, lambda visit: replace(visit, territory=None))


@dataclass(frozen=True, kw_only=True, slots=True)
class AnyTime(Change):
    """``visit`` may start at any time: no windows, and no release."""

    visit: str

    @property
    def effort(self) -> int:
        """Ask for another day."""
        return SECONDS_PER_DAY

    def apply(self, problem: Problem) -> Problem:
        """Remove the windows and the release."""
        return with_visit(problem, self.visit, lambda visit: replace(visit, windows=(), release_s=None))


@dataclass(frozen=True, kw_only=True, slots=True)
class SmallerCrew(Change):
    """``visit`` is done by one person, who brings what the first crew slot asks for."""

    visit: str

    @property
    def effort(self) -> int:
        """Change the work."""
        return 3 * SKILL_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Keep the first crew slot only."""
        pins = tuple(pin for pin in problem.pins if pin.visit != self.visit or pin.slot == 0)

        def alone(visit: Visit) -> Visit:
            told = tuple(item for item in visit.published if item.slot == 0)
            return replace(visit, crew=visit.crew[:1], published=told)

        return with_visit(replace(problem, pins=pins), self.visit, alone)


@dataclass(frozen=True, kw_only=True, slots=True)
class DoNotWait(Change):
    """``visit`` does not wait for visit ``before`` any more."""

    visit: str
    before: str

    @property
    def effort(self) -> int:
        """Change the order of work."""
        return SKILL_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Remove the predecessor."""

        def freed(visit: Visit) -> Visit:
            return replace(visit, predecessors=tuple(one for one in visit.predecessors if one.visit != self.before))

        return with_visit(problem, self.visit, freed)


@dataclass(frozen=True, kw_only=True, slots=True)
class LongerDays(Change):
    """Everybody works as long as days can be made, without breaks and limits; only tried, never proposed."""

    @property
    def effort(self) -> int:
        """Be out of the question."""
        return 100 * SECONDS_PER_DAY

    def apply(self, problem: Problem) -> Problem:
        """Let each shift reach half way to the one before and after; certificates that covered it still do."""
        day = SECONDS_PER_DAY
        own: dict[str, list[Shift]] = {}
        for shift in sorted(problem.shifts, key=lambda item: (item.start_s, item.id)):
            own.setdefault(shift.technician, []).append(shift)
        longer: dict[str, Shift] = {}
        documents: dict[str, list[Certification]] = {}
        for person in problem.technicians:
            shifts = own.get(person.id, [])
            for number, shift in enumerate(shifts):
                before = day if number == 0 else (shift.start_s - shifts[number - 1].end_s) // 2
                after = day if number + 1 == len(shifts) else (shifts[number + 1].start_s - shift.end_s) // 2
                room = max(0, (2 * day - (shift.end_s - shift.start_s)) // 2)
                wide = replace(
                    shift,
                    start_s=shift.start_s - min(before, room),
                    end_s=shift.end_s + min(after, room),
                    breaks=(),
                    overtime_limit_s=0,
                    max_leg_s=None,
                    max_drive_s=None,
                    max_length_s=None,
                    max_visits=None,
                )
                longer[shift.id] = wide
                documents.setdefault(person.id, []).extend(
                    Certification(id=held.id, valid_from_s=wide.start_s, valid_until_s=wide.end_s)
                    for held in person.certifications
                    if (held.valid_from_s is None or held.valid_from_s <= shift.start_s)
                    and (held.valid_until_s is None or held.valid_until_s >= shift.end_s)
                )
        people = tuple(
            replace(
                person,
                certifications=(*person.certifications, *documents.get(person.id, ())),
                min_rest_s=0,
            )
            for person in problem.technicians
        )
        return replace(problem, technicians=people, shifts=tuple(longer[shift.id] for shift in problem.shifts))


@dataclass(frozen=True, kw_only=True, slots=True)
class NoWork(Change):
    """``visit`` takes no time; only tried, never proposed."""

    visit: str

    @property
    def effort(self) -> int:
        """Be out of the question."""
        return 100 * SECONDS_PER_DAY

    def apply(self, problem: Problem) -> Problem:
        """Set the duration to nothing."""
        return with_visit(problem, self.visit, lambda visit: replace(visit, duration_s=0, setup_s=0))


@dataclass(frozen=True, kw_only=True, slots=True)
class BringNothing(Change):
    """``visit`` needs no parts and tools."""

    visit: str

    @property
    def effort(self) -> int:
        """Find another way to do the work."""
        return 3 * SKILL_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Empty both lists."""
        return with_visit(problem, self.visit, lambda visit: replace(visit, parts={}, tools=()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Unlink(Change):
    """``visit`` may have any person, whoever serves the visits that it is linked with."""

    visit: str

    @property
    def effort(self) -> int:
        """Ask."""
        return 2 * FACT_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Remove the links of both sides."""

        def free(visit: Visit) -> Visit:
            if visit.id == self.visit:
                return replace(visit, same_person_as=(), other_person_than=())
            if self.visit not in (*visit.same_person_as, *visit.other_person_than):
                return visit
            return replace(
                visit,
                same_person_as=tuple(one for one in visit.same_person_as if one != self.visit),
                other_person_than=tuple(one for one in visit.other_person_than if one != self.visit),
            )

        return replace(problem, visits=tuple(free(visit) for visit in problem.visits))


@dataclass(frozen=True, kw_only=True, slots=True)
class NoQuota(Change):
    """No partner company limits how many visits it takes a day."""

    @property
    def effort(self) -> int:
        """Ask the partners."""
        return 2 * FACT_EFFORT

    def apply(self, problem: Problem) -> Problem:
        """Remove the limits."""
        return replace(problem, partners=tuple(replace(one, visits_a_day=None) for one in problem.partners))
