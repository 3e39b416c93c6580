"""A known face and a preferred technician are worth something to the customer; anybody may have an own price."""

from dispatch.matching.constraint import Prices, Scope


def prices(scope: Scope) -> Prices:
    """Credit people who know the customer, people the customer prefers, and price each person named with a cost."""
    policy, index = scope.problem.policy, scope.technician_index
    known, liked = scope.no_prices(), scope.no_prices()
    for row, slot in enumerate(scope.slots):
        for person in slot.visit.known_faces:
            if person in index:
                known[row, index[person]] = -policy.continuity_credit
        for person in slot.visit.preferred:
            if person in index:
                liked[row, index[person]] = -policy.preferred_credit
        for person, cost in slot.visit.person_cost.items():
            if person in index:
                liked[row, index[person]] += cost
    return {"continuity": known, "preference": liked}
