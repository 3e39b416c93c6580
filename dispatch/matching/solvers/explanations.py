"""Answers to single questions about a plan; each one prepares a desk of its own."""

from dispatch.matching.explain import Candidates, Kind, WhyUnassigned
from dispatch.matching.plan import Plan, ReasonCode
from dispatch.matching.problem import Problem
from dispatch.matching.reasons import Reasoner
from dispatch.matching.solvers.desk import Desk
from dispatch.matching.solvers.obstacles import Obstacles

KINDS = {
    ReasonCode.NO_LOCATION: Kind.NOT_PLANNABLE,
    ReasonCode.NO_CAPACITY: Kind.NOBODY_CAN,
    ReasonCode.NOBODY_QUALIFIED: Kind.NOBODY_CAN,
    ReasonCode.CREW_TOO_SMALL: Kind.NOBODY_CAN,
    ReasonCode.PREDECESSOR_UNSERVED: Kind.NOT_PLANNABLE,
    ReasonCode.PIN_CONFLICT: Kind.NOT_PLANNABLE,
    ReasonCode.WINDOW_PAST: Kind.NOBODY_THEN,
    ReasonCode.WINDOW_TOO_SHORT: Kind.NOBODY_THEN,
    ReasonCode.NOBODY_THEN: Kind.NOBODY_THEN,
    ReasonCode.NOT_WORTH_IT: Kind.NOT_WORTH_IT,
    ReasonCode.LINKED: Kind.NOBODY_THEN,
}


def rank(problem: Problem, plan: Plan, visit: str, slot: int) -> Candidates:
    """Rank everybody; see `dispatch.matching.explain.candidates`."""
    return Desk(problem, plan).everybody(visit, slot=slot)


def why_left_out(problem: Problem, plan: Plan, visit: str) -> WhyUnassigned:
    """Say why; see `dispatch.matching.explain.why_unassigned`."""
    wanted = problem.visit_by_id[visit]
    if visit in plan.stops_by_visit:
        raise ValueError(f"visit {visit} is served by the plan")
    desk = Desk(problem, plan)
    reasons = Reasoner(desk.tables, desk.state).reasons_for(wanted)
    obstacles = Obstacles(problem, plan, wanted, desk)
    facts = obstacles.facts()
    return WhyUnassigned(
        visit=visit,
        kind=KINDS.get(reasons[0].code, Kind.DISPLACED),
        reasons=reasons,
        facts=facts,
        relaxation=obstacles.relaxation(facts),
    )
