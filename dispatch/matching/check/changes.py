"""No more published crew slots change than the policy allows, beyond those that have to."""

from collections.abc import Iterator, Mapping

from dispatch.matching.check.certifications import holds
from dispatch.matching.check.parts import lacking
from dispatch.matching.check.shifts import own_s
from dispatch.matching.check.skills import counts_as
from dispatch.matching.check.territory import inside
from dispatch.matching.check.travel import way
from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import UNREACHABLE, Policy, Problem, Published, Shift, Technician, Visit
from dispatch.units import Seconds

RULE = "changes"


def kept(policy: Policy, told: Published, technician: str, start_s: Seconds) -> bool:
    """Tell whether people find what they were told: the same technician, about the same start."""
    return technician == told.technician and abs(start_s - told.start_s) <= policy.retime_tolerance_s


def changed(problem: Problem, plan: Plan) -> Mapping[tuple[str, int], Published]:
    """Return the published crew slots that another person serves, that start at another time, or that nobody serves."""
    found: dict[tuple[str, int], Published] = {}
    for visit in problem.visits:
        if not visit.published:
            continue
        served = {stop.slot: (route, stop) for route, stop in plan.stops_by_visit.get(visit.id, ())}
        for told in visit.published:
            if told.slot in served:
                route, stop = served[told.slot]
                if kept(problem.policy, told, route.technician, stop.start_s):
                    continue
            found[visit.id, told.slot] = told
    return found


def could_stay(problem: Problem, visit: Visit, told: Published) -> bool:
    """Tell whether the person could keep a published crew slot as the only visit of a day without breaks."""
    return any(
        _fits(problem, visit, told, shift)
        for shift in problem.shifts
        if shift.technician == told.technician and may_serve(problem, visit, shift, told.slot)
    )


def may_serve(problem: Problem, visit: Visit, shift: Shift, slot: int = 0) -> bool:
    """Tell whether the person of a shift may serve a crew slot at all, time left aside."""
    person: Technician = problem.technician_by_id[shift.technician]
    pinned_to = [pin.technician for pin in problem.pins if (pin.visit, pin.slot) == (visit.id, slot) and pin.technician]
    if pinned_to:
        return person.id in pinned_to
    crew = visit.crew[slot]
    return (
        all(any(counts_as(problem.policy, person, each) for each in need.any_of) for need in crew.needs if need.must)
        and all(holds(person, certification, shift) for certification in crew.certifications)
        and person.id not in visit.excluded
        and (slot != 0 or not visit.required or person.id in visit.required)
        and inside(person, shift, visit)
        and (shift.depot is not None or not any(lacking(shift, [(visit, slot)], None)))
    )


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield a plan that changes too much of what was published."""
    most = problem.policy.max_changes
    if most is None:
        return
    found = changed(problem, plan)
    free = [key for key, told in found.items() if could_stay(problem, problem.visit_by_id[key[0]], told)]
    if len(free) > most:
        words = (
            f"{len(free)} published visits get another person or time or are left out, at most {most} may,"
            f" beside {len(found) - len(free)} that have to."
        )
        yield Violation(rule=RULE, message=words)


def _fits(problem: Problem, visit: Visit, told: Published, shift: Shift) -> bool:
    if visit.point is None:
        return False
    there_s = way(problem.travel, shift.start, visit.point)[0]
    home_s = 0 if shift.end is None else way(problem.travel, visit.point, shift.end)[0]
    if UNREACHABLE in (there_s, home_s) or (shift.max_leg_s is not None and there_s > shift.max_leg_s):
        return False
    person, tolerance_s = problem.technician_by_id[shift.technician], problem.policy.retime_tolerance_s
    work_s = own_s(person, visit, shared=True)
    first_s = max(told.start_s - tolerance_s, shift.start_s + there_s)
    last_s = min(told.start_s + tolerance_s, shift.end_s + shift.overtime_limit_s - home_s - work_s)
    pinned = [pin.start_s for pin in problem.pins if (pin.visit, pin.slot) == (visit.id, told.slot)]
    for start_s in pinned:
        if start_s is not None:
            return first_s <= start_s <= last_s
    first_s = first_s if visit.release_s is None else max(first_s, visit.release_s)
    spans = [
        (item.start_s, last_s if not item.hard else item.end_s - (work_s if item.whole_visit else 0))
        for item in visit.windows
    ]
    return any(max(first_s, opens) <= min(last_s, closes) for opens, closes in spans or [(first_s, last_s)])
