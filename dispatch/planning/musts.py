"""What speaks against one placement (pure): every rule is asked, each answer says who may overrule it.

The values come from a snapshot, so a check by hand reads rows exactly as the solver and the checker do.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dispatch.matching.problem import Point, Problem, Shift, Technician, Visit
from dispatch.planning.readings import is_absence
from dispatch.planning.terms import qualified
from dispatch.units import Metres, Seconds


class Weight(StrEnum):
    """Who may overrule an objection: nobody, who may override rules, or who may override wishes."""

    NEVER = "never"
    RULE = "rule"
    SOFT = "soft"


@dataclass(frozen=True, kw_only=True)
class Objection:
    """One thing that speaks against a placement; ``params`` are ids and lengths of time for the sentence."""

    code: str
    weight: Weight
    params: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """Another commitment of the person that day, in problem seconds."""

    visit: str
    start_s: Seconds
    end_s: Seconds
    point: Point | None


@dataclass(frozen=True, kw_only=True)
class Way:
    """Travel between two places; ``seconds`` below 0 means there is no way."""

    seconds: Seconds
    metres: Metres
    source: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """One placement to judge: crew slot ``slot`` of ``visit`` by ``technician`` in ``shift`` at ``start_s``.

    Attributes
    ----------
    neighbours
        What else the person has that day.
    safety
        Certifications that nobody overrules.
    promise
        What the customer was told.
    followers
        Visits that wait for this one and have a time.
    in_crew
        Whether the person has another place in the crew.
    pinned
        Whether a dispatcher said that somebody else or another time stays.
    takes_s
        How long the work takes there, where that differs: a set-up is shared with the stop before.
    """

    problem: Problem
    technician: Technician
    shift: Shift
    visit: Visit
    slot: int
    start_s: Seconds
    neighbours: Sequence[Neighbour]
    safety: Collection[str]
    promise: tuple[Seconds, Seconds] | None = None
    followers: Sequence[Neighbour] = ()
    in_crew: bool = False
    pinned: bool = False
    takes_s: Seconds | None = None

    @property
    def end_s(self) -> Seconds:
        """When this person would be done."""
        whole = self.technician.duration_s(self.visit.duration_s)
        return self.start_s + (whole if self.takes_s is None else self.takes_s)

    @property
    def before(self) -> Neighbour | None:
        """The commitment right before."""
        return max(
            (item for item in self.neighbours if item.start_s < self.start_s),
            key=lambda item: item.start_s,
            default=None,
        )

    @property
    def after(self) -> Neighbour | None:
        """The commitment right after."""
        return min(
            (item for item in self.neighbours if item.start_s >= self.start_s),
            key=lambda item: item.start_s,
            default=None,
        )


def objections(question: Question, ways: "WayFinder") -> list[Objection]:
    """Return everything that speaks against the placement, the gravest first."""
    found = [
        *_double_booking(question),
        *_kept(question),
        *_certifications(question),
        *_skills(question),
        *_people(question),
        *_windows(question),
        *_shift(question),
        *_travel(question, ways),
        *_rest(question, ways),
    ]
    order = list(Weight)
    return sorted(found, key=lambda item: order.index(item.weight))


def broken_promises(late: Mapping[str, Seconds]) -> list[Objection]:
    """Return what speaks against pushing other visits: by so much they would start after what was promised."""
    return [
        Objection(code="breaks_promise", weight=Weight.SOFT, params={"visit": visit, "late_s": late_s})
        for visit, late_s in late.items()
    ]


class WayFinder:
    """Travel between the places of one question, by the source the policy names."""

    def __init__(self, problem: Problem, points: Collection[Point]) -> None:
        from dispatch.matching.travel import ways_between  # loads NumPy

        self._ways = ways_between(points, problem.travel)
        self._number = {point: index for index, point in enumerate(self._ways.points)}

    def way(self, start: Point | None, end: Point | None) -> Way:
        """Return the way between two places; no time at all where one of them is not known."""
        if start is None or end is None:
            return Way(seconds=0, metres=0, source="unknown")
        seconds, metres = self._ways.way(self._number[start], self._number[end])
        return Way(seconds=seconds, metres=metres, source=self._ways.source)


def way_there(question: Question, ways: WayFinder) -> Way:
    """Return the way from the stop before, or from where the day starts."""
    before = question.before
    return ways.way(question.shift.start if before is None else before.point, question.visit.point)


def _double_booking(question: Question) -> Iterator[Objection]:
    for item in question.neighbours:
        if item.start_s < question.end_s and question.start_s < item.end_s:
            yield Objection(
                code="double_booking",
                weight=Weight.NEVER,
                params={"visit": item.visit, "start_s": item.start_s, "end_s": item.end_s},
            )


def _kept(question: Question) -> Iterator[Objection]:
    """Judge what a dispatcher or the crew has settled already."""
    if question.pinned:
        yield Objection(code="pinned", weight=Weight.NEVER)
    if question.in_crew:
        yield Objection(code="same_crew", weight=Weight.NEVER)


def _certifications(question: Question) -> Iterator[Objection]:
    shift = question.shift
    for kind in question.visit.crew[question.slot].certifications:
        held = any(
            paper.id == kind
            and (paper.valid_from_s is None or paper.valid_from_s <= shift.start_s)
            and (paper.valid_until_s is None or paper.valid_until_s >= shift.end_s)
            for paper in question.technician.certifications
        )
        if not held:
            weight = Weight.NEVER if kind in question.safety else Weight.RULE
            yield Objection(code="not_certified", weight=weight, params={"certification": kind})


def _skills(question: Question) -> Iterator[Objection]:
    policy, person = question.problem.policy, question.technician
    for need in question.visit.crew[question.slot].needs:
        if need.must and not any(qualified(policy, person, item.skill, item.level) for item in need.any_of):
            best = max(need.any_of, key=lambda item: _confidence(question, item.skill, item.level))
            known = person.proficiencies.get(best.skill)
            confidence = _confidence(question, best.skill, best.level)
            unconfirmed = known is not None and not known.confirmed and confidence >= policy.min_confidence
            yield Objection(
                code="not_confirmed" if unconfirmed else "not_qualified",
                weight=Weight.RULE,
                params={"skill": best.skill, "level": best.level, "confidence": round(confidence, 2)},
            )


def _confidence(question: Question, skill: str, level: int) -> float:
    known = question.technician.proficiencies.get(skill)
    return question.problem.policy.unknown.confidence(level) if known is None else known.confidence(level)


def _people(question: Question) -> Iterator[Objection]:
    visit, person = question.visit, question.technician
    if person.id in visit.excluded:
        yield Objection(code="excluded", weight=Weight.RULE)
    if visit.required and question.slot == 0 and person.id not in visit.required:
        yield Objection(code="not_required", weight=Weight.RULE)
    reach = {*person.territories, question.shift.territory}
    if visit.territory is not None and visit.territory not in reach:
        yield Objection(code="other_territory", weight=Weight.SOFT)


def _windows(question: Question) -> Iterator[Objection]:
    release = question.visit.release_s
    if release is not None and question.start_s < release:
        yield Objection(code="not_yet", weight=Weight.RULE, params={"start_s": release})
    for item in question.followers:
        if question.end_s > item.start_s:
            yield Objection(
                code="before_follower", weight=Weight.RULE, params={"visit": item.visit, "start_s": item.start_s}
            )
    hard = [item for item in question.visit.windows if item.hard]
    if hard and not any(item.start_s <= question.start_s <= item.end_s for item in hard):
        near = min(hard, key=lambda item: max(item.start_s - question.start_s, question.start_s - item.end_s))
        yield Objection(
            code="outside_window", weight=Weight.RULE, params={"start_s": near.start_s, "end_s": near.end_s}
        )
    if question.promise is not None:
        start, end = question.promise
        if question.start_s > end:
            yield Objection(code="after_promise", weight=Weight.SOFT, params={"late_s": question.start_s - end})
        elif question.start_s < start:
            yield Objection(code="before_promise", weight=Weight.SOFT, params={"early_s": start - question.start_s})


def _shift(question: Question) -> Iterator[Objection]:
    shift = question.shift
    if question.start_s < shift.start_s or question.end_s > shift.latest_s:
        yield Objection(
            code="outside_shift", weight=Weight.RULE, params={"start_s": shift.start_s, "end_s": shift.end_s}
        )
    for item in shift.breaks:
        if (
            is_absence(item)
            and item.earliest_s < question.end_s
            and question.start_s < item.earliest_s + item.duration_s
        ):
            yield Objection(
                code="away",
                weight=Weight.RULE,
                params={"start_s": item.earliest_s, "end_s": item.earliest_s + item.duration_s},
            )


def _travel(question: Question, ways: WayFinder) -> Iterator[Objection]:
    """Judge the ways to the place, on to the next commitment, and home."""
    before, after, shift, point = question.before, question.after, question.shift, question.visit.point
    here = way_there(question, ways)
    leaves = shift.start_s if before is None else before.end_s
    if here.seconds < 0:
        yield Objection(code="unreachable", weight=Weight.RULE)
    elif leaves + here.seconds + _away_s(shift, leaves, question.start_s) > question.start_s:
        late = leaves + here.seconds + _away_s(shift, leaves, question.start_s) - question.start_s
        yield Objection(
            code="cannot_arrive",
            weight=Weight.SOFT,
            params={"late_s": late, "travel_s": here.seconds} | ({"visit": before.visit} if before else {}),
        )
    if after is not None:
        onward = ways.way(point, after.point)
        late = question.end_s + onward.seconds + _away_s(shift, question.end_s, after.start_s) - after.start_s
        if late > 0:
            yield Objection(code="delays_next", weight=Weight.SOFT, params={"late_s": late, "visit": after.visit})
    else:
        home = 0 if shift.end is None else ways.way(point, shift.end).seconds
        over = question.end_s + home - shift.latest_s
        if over > 0 and question.end_s <= shift.latest_s:
            yield Objection(code="late_home", weight=Weight.SOFT, params={"late_s": over})


def _away_s(shift: Shift, start: Seconds, end: Seconds) -> Seconds:
    """Return how much of a gap is absence, during which nobody drives."""
    return sum(
        max(0, min(end, item.earliest_s + item.duration_s) - max(start, item.earliest_s))
        for item in shift.breaks
        if is_absence(item)
    )


def _rest(question: Question, ways: WayFinder) -> Iterator[Objection]:
    """Judge whether each movable break still has room between two commitments."""
    shift = question.shift
    day = sorted(
        [
            *((item.start_s, item.end_s, item.point) for item in question.neighbours),
            (question.start_s, question.end_s, question.visit.point),
        ],
        key=lambda item: (item[0], item[1]),
    )
    gaps = []
    free_from, place = shift.start_s, shift.start
    for start, end, point in day:
        travel = max(0, ways.way(place, point).seconds)
        gaps.append((free_from, start, travel))
        free_from, place = end, point if point is not None else place
    home = max(0, ways.way(place, shift.end).seconds) if shift.end is not None else 0
    gaps.append((free_from, shift.latest_s, home))
    for item in shift.breaks:
        if is_absence(item) or free_from + home <= item.latest_s:
            continue
        room = any(
            end - start - travel >= item.duration_s
            and max(start, item.earliest_s) <= min(end - item.duration_s, item.latest_s)
            for start, end, travel in gaps
        )
        if not room:
            yield Objection(code="no_break", weight=Weight.SOFT, params={"duration_s": item.duration_s})
