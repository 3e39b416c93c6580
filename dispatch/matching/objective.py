"""The one currency: what each term is worth, and how the terms of a route become whole costs.

A unit of cost is one second of an ordinary technician's paid travel. The search counts in hundredths of it
(`UNIT`), so that percentages stay whole numbers inside the kernels; a finished route is priced exactly here.
"""

from dispatch.matching.constraint import FAR
from dispatch.matching.plan import Cost
from dispatch.matching.policy import Policy
from dispatch.matching.problem import Shift, Technician
from dispatch.units import SECONDS_PER_HOUR, Seconds

UNIT = 100
"""Search cost of one unit."""


def route_cost(
    *,
    policy: Policy,
    technician: Technician,
    shift: Shift,
    travel_s: Seconds,
    waiting_s: Seconds,
    work_s: Seconds,
    depot_s: Seconds,
    finish_s: Seconds,
) -> Cost:
    """Price what belongs to a route as a whole: driving, waiting, overtime, the call-out, the depot and fairness."""
    price = technician.cost_percent
    busy_s, over_s = travel_s + work_s + depot_s, max(0, finish_s - shift.end_s)
    uneven = busy_s * busy_s * policy.uneven_load_percent // max(1, shift.end_s - shift.start_s)
    long = over_s * over_s * policy.long_overtime_percent // SECONDS_PER_HOUR
    return Cost(
        travel=(travel_s * price + 50) // 100,
        waiting=(waiting_s * price * policy.waiting_percent + 5_000) // 10_000,
        overtime=(over_s * shift.overtime_percent + 50) // 100,
        call_out=technician.call_out_cost,
        depot=(depot_s * price + 50) // 100,
        fairness=(uneven + 50) // 100 + (long + 50) // 100,
    )


def retime_cost(policy: Policy, start_s: Seconds, published_s: Seconds) -> int:
    """Price of a start that moved by more than the tolerance; FAR = none was published."""
    moved = published_s != FAR and abs(start_s - published_s) > policy.retime_tolerance_s
    return policy.retime_cost if moved else 0
