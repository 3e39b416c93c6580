"""Slow twins: every arrangement in turn, a plain maximum flow, and the same question put to another solver."""

from itertools import product

import numpy as np
from scipy.optimize import linprog

from dispatch.coverage.outlook import HOUR_S, Outlook


def least_unmet_hours(outlook: Outlook) -> int:
    """Try every way of giving whole hours without travel; for tiny outlooks of whole hours only."""
    people = [(p, monday, s // HOUR_S) for p in outlook.people for monday, s in sorted(p.hours_s.items())]
    needed = [work.seconds // HOUR_S for work in outlook.demand]
    units = [(p, monday) for p, monday, hours in people for _ in range(hours)]
    choices = [
        [None]
        + [
            index
            for index, work in enumerate(outlook.demand)
            if work.week == monday and work.territory in p.travel_s and all(p.meets(n, monday) for n in work.needs)
        ]
        for p, monday in units
    ]
    best = 0
    for given in product(*choices):
        served = sum(min(needed[index], given.count(index)) for index in range(len(needed)))
        best = max(best, served)
    return sum(needed) - best


def max_flow_unmet_seconds(outlook: Outlook) -> int:
    """Augment along one path at a time (Ford and Fulkerson, 1956), for outlooks without travel."""
    source, sink = ("source",), ("sink",)
    room: dict[tuple[object, object], int] = {}
    links: dict[object, set[object]] = {}

    def link(a: object, b: object, capacity: int) -> None:
        room[a, b] = capacity
        room.setdefault((b, a), 0)
        links.setdefault(a, set()).add(b)
        links.setdefault(b, set()).add(a)

    endless = sum(work.seconds for work in outlook.demand) + 1
    for index, work in enumerate(outlook.demand):
        link(("work", index), sink, work.seconds)
        for p in outlook.people:
            seconds = p.hours_s.get(work.week, 0)
            if seconds and work.territory in p.travel_s and all(p.meets(n, work.week) for n in work.needs):
                link(source, (p.id, work.week), seconds)
                link((p.id, work.week), ("work", index), endless)

    served = 0
    while True:
        came: dict[object, object] = {source: source}
        queue: list[object] = [source]
        while queue and sink not in came:
            here = queue.pop()
            for there in links.get(here, ()):
                if there not in came and room[here, there] > 0:
                    came[there] = here
                    queue.append(there)
        if sink not in came:
            return sum(work.seconds for work in outlook.demand) - served
        path: list[tuple[object, object]] = []
        node: object = sink
        while node != source:
            path.append((came[node], node))
            node = came[node]
        amount = min(room[step] for step in path)
        for a, b in path:
            room[a, b] -= amount
            room[b, a] += amount
        served += amount


def unmet_seconds_by_highs(outlook: Outlook) -> float:
    """Serve the most with travel, as one dense programme over all weeks for another solver."""
    supply = [(p, monday, s) for p in outlook.people for monday, s in p.hours_s.items()]
    edges = [
        (row, column, overhead)
        for row, (p, monday, _) in enumerate(supply)
        for column, work in enumerate(outlook.demand)
        if work.week == monday and all(p.meets(n, monday) for n in work.needs)
        if (overhead := p.overhead(work)) is not None
    ]
    needed = sum(work.seconds for work in outlook.demand)
    if not edges:
        return float(needed)
    limits = np.zeros((len(supply) + len(outlook.demand), len(edges)))
    for edge, (row, column, overhead) in enumerate(edges):
        limits[row, edge] = overhead
        limits[len(supply) + column, edge] = 1.0
    hours = [s / HOUR_S for _, _, s in supply] + [work.seconds / HOUR_S for work in outlook.demand]
    answer = linprog(-np.ones(len(edges)), A_ub=limits, b_ub=hours, method="highs")
    assert answer.fun is not None
    return needed + answer.fun * HOUR_S
