"""Every term of the objective, counted again from the definition in `plan.Cost`."""

import math
from collections.abc import Iterator

from dispatch.matching.check.longest_day import driven_s
from dispatch.matching.check.promise_windows import lateness
from dispatch.matching.check.shifts import work_of
from dispatch.matching.check.skills import counts_as
from dispatch.matching.plan import Cost, Plan, Route, Stop, Violation
from dispatch.matching.problem import Policy, Problem, SkillLevel, SkillNeed, Technician, Visit
from dispatch.units import SECONDS_PER_HOUR, Seconds

RULE = "costs"


def chance_to_fix(policy: Policy, technician: Technician, needs: tuple[SkillNeed, ...]) -> float:
    """Return the expected chance to fix the work at the first visit."""
    chance = 1.0
    for need in needs:
        best = 0.0
        for wanted in need.any_of:
            estimate = technician.proficiencies.get(wanted.skill, policy.unknown)
            flatter = 1.0 / math.sqrt(1.0 + math.pi / 8.0 * (policy.fix_slope * estimate.sd) ** 2)
            logit = policy.fix_slope * (estimate.mean - wanted.level + policy.fix_offset) * flatter
            best = max(best, 1.0 / (1.0 + math.exp(-logit)))
        chance *= best
    return chance


def count(problem: Problem, plan: Plan) -> Cost:
    """Count the cost of a plan again."""
    cost = Cost.summed(count_route(problem, route) for route in plan.routes)
    left_out = [visit for visit in problem.visits if visit.id not in plan.stops_by_visit]
    policy = problem.policy
    told = sum(len(visit.published) for visit in left_out)
    return cost + Cost(
        unserved=sum(penalty(problem, visit) for visit in left_out),
        changes=told * (policy.reassign_cost + policy.retime_cost),
    )


def penalty(problem: Problem, visit: Visit) -> int:
    """Return what leaving a visit out costs."""
    if visit.unserved_penalty is not None:
        return visit.unserved_penalty
    days = visit.age_s // 86_400
    policy = problem.policy
    return min(1_000_000_000, policy.priority_penalty[visit.priority - 1] + days * policy.age_penalty_per_day)


def count_route(problem: Problem, route: Route) -> Cost:
    """Count the cost of one route: what belongs to the day as a whole and to each stop."""
    person, shift, policy = problem.technician_by_id[route.technician], problem.shift_by_id[route.shift], problem.policy
    drive_s, work = driven_s(route), work_of(problem, route)
    depot_s = 0 if route.depot is None else shift.depot_s
    waited_s = sum(stop.waiting_s for stop in route.stops)
    late_s = max(0, route.finish_s - shift.end_s)
    busy_s, length_s = drive_s + sum(work) + depot_s, max(1, shift.end_s - shift.start_s)
    uneven = _half_up(busy_s * busy_s * policy.uneven_load_percent // length_s, 100)
    long = _half_up(late_s * late_s * policy.long_overtime_percent // SECONDS_PER_HOUR, 100)
    cost = Cost(
        travel=_half_up(drive_s * person.cost_percent, 100),
        waiting=_half_up(waited_s * person.cost_percent * policy.waiting_percent, 10_000),
        overtime=_half_up(late_s * shift.overtime_percent, 100),
        call_out=person.call_out_cost,
        depot=_half_up(depot_s * person.cost_percent, 100),
        fairness=uneven + long,
    )
    for stop, own_s in zip(route.stops, work, strict=True):
        cost = cost + count_stop(problem, person, stop, own_s)
    return cost


def count_stop(problem: Problem, person: Technician, stop: Stop, own_s: Seconds) -> Cost:
    """Count what belongs to one stop, at which this person works for ``own_s``."""
    policy, visit = problem.policy, problem.visit_by_id[stop.visit]
    crew = visit.crew[stop.slot]
    rate = policy.lateness_rate if visit.lateness_rate is None else visit.lateness_rate
    again = policy.second_visit_cost if visit.second_visit_cost is None else visit.second_visit_cost
    late_s = lateness(visit, stop.start_s, stop.end_s)
    liked = -policy.preferred_credit if person.id in visit.preferred else 0
    return Cost(
        lateness=(stop.late_s if late_s is None else late_s) * rate if stop.slot == 0 else 0,
        second_visit=math.floor((1.0 - chance_to_fix(policy, person, crew.needs)) * again + 0.5),
        duration=_half_up(own_s * person.cost_percent, 100) - visit.duration_s,
        continuity=-policy.continuity_credit if person.id in visit.known_faces else 0,
        preference=liked + visit.person_cost.get(person.id, 0),
        scarcity=_scarcity(policy, person, visit, stop.slot),
        changes=_changes(policy, visit, person, stop),
    )


def _scarcity(policy: Policy, person: Technician, visit: Visit, slot: int) -> int:
    named = {wanted.skill for need in visit.crew[slot].needs for wanted in need.any_of}
    return sum(
        _half_up(price * visit.duration_s, SECONDS_PER_HOUR)
        for skill, price in policy.scarcity_per_hour.items()
        if skill not in named and counts_as(policy, person, SkillLevel(skill=skill, level=policy.scarcity_level))
    )


def _changes(policy: Policy, visit: Visit, person: Technician, stop: Stop) -> int:
    cost = 0
    for told in visit.published:
        if told.slot == stop.slot:
            cost += policy.reassign_cost if told.technician != person.id else 0
            cost += policy.retime_cost if abs(stop.start_s - told.start_s) > policy.retime_tolerance_s else 0
    return cost


def _half_up(product: int, whole: int) -> int:
    return (product + whole // 2) // whole


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield terms that were counted otherwise; a stop's chance to fix may round one unit apart."""
    slack = sum(len(route.stops) for route in plan.routes)
    for route in plan.routes:
        yield from _differences(route.cost, count_route(problem, route), len(route.stops), route.shift)
    yield from _differences(plan.cost, count(problem, plan), slack, None)


def _differences(stated: Cost, true: Cost, slack: int, shift: str | None) -> Iterator[Violation]:
    for name, value in true.terms().items():
        allowed = slack if name == "second_visit" else 0
        if abs(stated.terms()[name] - value) > allowed:
            words = f"The cost for {name.replace('_', ' ')} is {value}, the plan says {stated.terms()[name]}."
            yield Violation(rule=RULE, message=words, shift=shift)
