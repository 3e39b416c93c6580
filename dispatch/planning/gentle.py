"""How a day is mended (pure): promises first, other people's customers always, and only then the clock.

Two questions are asked one after the other. *Firm*: promises that hold now are musts, and nobody's visit is worth less
than one that lost its place, so what is answered disturbs nobody. *Late*: what found no place may come late, but only
into time that is free. A new urgent visit that still has none may push others out; whoever that is must be asked.

Where somebody has time all of a sudden nothing has to be mended: what waits is served in it, and nobody else moves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from dispatch.matching.demand import Published, Visit, Window
from dispatch.matching.limits import MAX_COST
from dispatch.matching.plan import Plan
from dispatch.matching.problem import Problem
from dispatch.matching.replan import Repair
from dispatch.units import Seconds

Replan = Callable[..., Repair]


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
    """

    limits: Mapping[str, Seconds]
    new: str | None = None
    fill: bool = False

    def as_dict(self) -> dict[str, object]:
        """Give plain JSON values."""
        return {"limits": dict(self.limits), "new": self.new, "fill": self.fill}


def firm(problem: Problem, standing: Plan, request: Request) -> Problem:
    """Return the day in which promises are musts and what has its place keeps it against whatever lost its own."""
    most = _more_than_all_loose(problem, standing)
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


def _more_than_all_loose(problem: Problem, plan: Plan) -> int:
    """Return a penalty that leaving out everything without a place does not outweigh."""
    placed = plan.stops_by_visit
    highest = max((problem.penalty(visit) for visit in problem.visits), default=0)
    return min(MAX_COST, highest + sum(problem.penalty(visit) for visit in problem.visits if visit.id not in placed))


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


def questions(problem: Problem, standing: Plan, request: Request, replan: Replan, **options: object) -> list[Plan]:
    """Return the answers in order: what disturbs nobody, then with what comes late, then with others pushed out."""
    first = replan(firm(problem, standing, request), standing, improve=request.fill, **options).plan
    answers = [first]
    asked = {visit.visit for visit in first.unassigned} - {visit.visit for visit in standing.unassigned}
    if not asked:
        return answers
    waiting = replace(first, unassigned=tuple(each for each in first.unassigned if each.visit not in asked))
    answers.append(replan(late(problem, first), waiting, **options).plan)
    if request.new is not None and request.new in {each.visit for each in answers[-1].unassigned}:
        kept = replace(waiting, unassigned=tuple(each for each in waiting.unassigned if each.visit != request.new))
        answers.append(replan(problem, kept, **options).plan)
    return answers


def questioned(problem: Problem, standing: Plan, request: Request, answers: list[Plan]) -> list[Problem]:
    """Return for each answer the question it answers, so that it can be checked by other code."""
    asked = [firm(problem, standing, request)]
    if len(answers) > 1:
        asked.append(late(problem, answers[0]))
    if len(answers) > 2:
        asked.append(problem)
    return asked
