"""How a day is mended (pure): promises first, other people's customers always, and only then the clock.

Two questions are asked one after the other. *Firm*: promises that hold now are musts, and nobody's visit is worth less
than one that lost its place, so what is answered disturbs nobody. *Late*: what found no place may come late, but only
into time that is free. A new urgent visit that still has none may push others out; whoever that is must be asked.
Where it is known who could be there when, each of these people is such a question of its own: the urgent visit is
held at that minute, and the rest of the day is mended around it.

Where somebody has time all of a sudden nothing has to be mended: what waits is served in it, and nobody else moves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dispatch.matching.demand import Pin, Published, Visit, Window
from dispatch.matching.limits import MAX_COST
from dispatch.matching.plan import Plan, Route, Stop
from dispatch.matching.problem import Problem
from dispatch.matching.replan import Repair
from dispatch.units import Seconds

Replan = Callable[..., Repair]
Person = Sequence[Any]
"""Plain values, since they go to another process: see ``Request.people``."""
LONGEST_OF_MANY_S = 0.6
"""Wall time of one question where each of several people is asked about; together they keep the budget of a repair."""
MORE_THAN_A_DAY = 50
"""More visits than one person has on a day: what is held at its minute is given up for none of them."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What belongs to a repair beside the day.

    Attributes
    ----------
    limits
        By visit the latest start that keeps its promise for sure.
    new
        A visit that asks for a time although the day did not know it.
    fill
        Whether to serve what waits in time that is free, instead of mending anything.
    people
        Who could serve ``new`` when: (technician, shift, start, end, their own visits that give way), one answer or two
        for each.
    held
        The visit that is pinned to one of them: nothing that has its place weighs against it.
    """

    limits: Mapping[str, Seconds]
    new: str | None = None
    fill: bool = False
    people: Sequence[Person] = ()
    held: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Give plain JSON values."""
        people = [list(each) for each in self.people]
        return {"limits": dict(self.limits), "new": self.new, "fill": self.fill, "people": people}


def firm(problem: Problem, standing: Plan, request: Request) -> Problem:
    """Return the day in which promises are musts and what has its place keeps it against whatever lost its own."""
    most = _more_than_all_loose(problem, standing, besides=request.held)
    placed = {stop.visit: stop.start_s for route in standing.routes for stop in route.stops}
    return replace(
        problem,
        visits=tuple(
            _firm(
                visit if visit.id not in placed else replace(visit, unserved_penalty=most),
                request.limits.get(visit.id),
                placed.get(visit.id),
            )
            for visit in problem.visits
        ),
    )


def _more_than_all_loose(problem: Problem, plan: Plan, besides: str | None = None) -> int:
    """Return a penalty that leaving out everything without a place does not outweigh, one visit aside."""
    placed = plan.stops_by_visit
    counted = [visit for visit in problem.visits if visit.id != besides]
    highest = max((problem.penalty(visit) for visit in counted), default=0)
    return min(MAX_COST, highest + sum(problem.penalty(visit) for visit in counted if visit.id not in placed))


def _firm(visit: Visit, limit: Seconds | None, start_s: Seconds | None) -> Visit:
    """Cut the windows of a promised visit at its latest sure start; one that is late already is left as it is."""
    if limit is None or not visit.windows or (start_s is not None and start_s > limit):
        return visit
    windows = tuple(
        Window(start_s=each.start_s, end_s=min(each.end_s, limit) if each.hard else limit, hard=True)
        for each in visit.windows
        if each.start_s <= limit
    )
    return replace(visit, windows=windows) if windows else visit


def late(problem: Problem, first: Plan) -> Problem:
    """Return the day as the first answer leaves it: lateness is allowed, and what has a place is held there."""
    most = _more_than_all_loose(problem, first)
    stops = first.stops_by_visit
    return replace(
        problem,
        policy=replace(problem.policy, max_changes=0, retime_tolerance_s=0),
        visits=tuple(
            replace(visit, published=())
            if visit.id not in stops
            else replace(
                visit,
                unserved_penalty=most,
                published=tuple(
                    Published(technician=route.technician, start_s=stop.start_s, slot=stop.slot)
                    for route, stop in stops[visit.id]
                ),
            )
            for visit in problem.visits
        ),
    )


def held_by(problem: Problem, standing: Plan, new: str, technician: str, start_s: Seconds) -> Problem:
    """Return the day on which somebody begins with the new visit at that second, whatever has to give way for it."""
    most = min(MAX_COST, _more_than_all_loose(problem, standing) * MORE_THAN_A_DAY)
    visit = replace(problem.visit_by_id[new], unserved_penalty=most)
    return replace(
        problem,
        visits=tuple(visit if each.id == new else each for each in problem.visits),
        pins=(*problem.pins, Pin(visit=new, technician=technician, start_s=start_s)),
    )


def _rounds(problem: Problem, standing: Plan, request: Request) -> list[tuple[Problem, Plan, Request]]:
    """Return the days that are asked about: the one, or one for each person who could take the new visit.

    In those the person has it, and what cannot be beside it has lost its place: the rest of their day stays.
    """
    if request.new is None or not request.people:
        return [(problem, standing, request)]
    held, found = replace(request, people=(), new=None, held=request.new), []
    for technician, shift, start_s, end_s, displaced in request.people:
        day = held_by(problem, standing, request.new, technician, start_s)
        stop = Stop(
            visit=request.new,
            slot=0,
            arrive_s=start_s,
            start_s=start_s,
            end_s=end_s,
            travel_s=0,
            travel_m=0,
            travel_source="",
        )
        found.append((day, _served(standing, shift, technician, stop, set(displaced)), held))
    return found


def _served(standing: Plan, shift: str, technician: str, stop: Stop, displaced: set[str]) -> Plan:
    """Return the plan with one more stop in a shift, without the visits that give way to it."""
    known = standing.route_by_shift.get(shift)
    stops = () if known is None else known.stops
    stops = tuple(sorted((*stops, stop), key=lambda each: each.start_s))
    finish_s = max(each.end_s for each in stops)
    route = Route(shift=shift, technician=technician, depart_s=stops[0].start_s, finish_s=finish_s, stops=stops)
    kept = []
    for each in (*(one for one in standing.routes if one.shift != shift), route):
        left = tuple(one for one in each.stops if one.visit not in displaced)
        if left:
            kept.append(each if len(left) == len(each.stops) else replace(each, stops=left))
    return Plan(routes=tuple(kept), unassigned=tuple(one for one in standing.unassigned if one.visit != stop.visit))


def _asked(answer: Plan, standing: Plan) -> set[str]:
    """Return what lost its place or has none yet, of what should have one."""
    return {visit.visit for visit in answer.unassigned} - {visit.visit for visit in standing.unassigned}


def questions(problem: Problem, standing: Plan, request: Request, replan: Replan, **options: object) -> list[Plan]:
    """Return the answers in order: what disturbs nobody, then with what comes late, then with others pushed out.

    With several people who could take a new visit these are the answers for the first of them, then for the next.
    """
    if request.people and options.get("time_limit_s") is not None:
        options = {**options, "time_limit_s": LONGEST_OF_MANY_S}
    return [
        answer
        for day, told, asked in _rounds(problem, standing, request)
        for answer in _answers(day, told, asked, replan, **options)
    ]


def _answers(problem: Problem, standing: Plan, request: Request, replan: Replan, **options: object) -> list[Plan]:
    first = replan(firm(problem, standing, request), standing, improve=request.fill, **options).plan
    answers = [first]
    asked = _asked(first, standing)
    if not asked:
        return answers
    waiting = replace(first, unassigned=tuple(each for each in first.unassigned if each.visit not in asked))
    answers.append(replan(late(problem, first), waiting, **options).plan)
    if request.new is not None and request.new in {each.visit for each in answers[-1].unassigned}:
        kept = replace(waiting, unassigned=tuple(each for each in waiting.unassigned if each.visit != request.new))
        answers.append(replan(problem, kept, **options).plan)
    return answers


def questioned(
    problem: Problem, standing: Plan, request: Request, answers: Sequence[Plan]
) -> list[list[tuple[Problem, Plan]]]:
    """Return each answer with the question it answers, so that it can be checked by other code; one list a day."""
    left = list(answers)
    found = []
    for day, told, asked in _rounds(problem, standing, request):
        if not left:
            break
        own = [(firm(day, told, asked), left.pop(0))]
        if _asked(own[0][1], told) and left:
            own.append((late(day, own[0][1]), left.pop(0)))
            if asked.new is not None and asked.new in {each.visit for each in own[-1][1].unassigned} and left:
                own.append((day, left.pop(0)))
        found.append(own)
    return found
