"""Kernels of the bound over whole routes: the cheapest route of a shift to each of its nodes, by labels.

Arrays as in `relaxed.Relaxed`, whose columns `bound_kernels` names. Costs are search costs as floats, exact as there.
"""
# mypy: disable-error-code="no-any-return, return-value"
# Elements of arrays have no Python type; compiled they are 64-bit integers and floats.

import numpy as np

from dispatch.matching.constraint import FAR
from dispatch.matching.solvers.bound_kernels import (
    DEPOT,
    END,
    GOAL,
    HOME,
    LAST,
    MAX_LEG,
    PRICE,
    START,
    late_price,
    soonest,
)
from dispatch.matching.solvers.clock import drive
from dispatch.matching.solvers.jit import kernel
from dispatch.matching.solvers.layout import Data

# label
NODE, TIME, PARENT, PAUSE, NEXT, DEAD, QUEUED, MEMORY = range(8)
BITS = 62
"""Nodes remembered in one word of a label."""


@kernel
def ways_of_day(D: Data, site: np.ndarray, places: np.ndarray, ways: np.ndarray) -> None:
    """Least driving of one shift between places, from home (row before the last) and to its end (last column)."""
    nodes = len(places)
    for i in range(nodes + 1):
        start = places[i] if i < nodes else site[HOME]
        for j in range(nodes):
            if i == j:
                continue
            way = drive(D, start, places[j])
            if way <= site[MAX_LEG]:
                ways[i, j] = way
            if site[DEPOT] >= 0:
                ways[i, j] = min(ways[i, j], drive(D, start, site[DEPOT]) + drive(D, site[DEPOT], places[j]))
        if i < nodes:  # the depot comes before a stop, never on the way home
            ways[i, nodes + 1] = 0 if site[GOAL] < 0 else drive(D, start, site[GOAL])


@kernel
def least_routes(
    site: np.ndarray,
    when: np.ndarray,
    windows: np.ndarray,
    rests: np.ndarray,
    slots: np.ndarray,
    ways: np.ndarray,
    works: np.ndarray,
    back: np.ndarray,
    price: np.ndarray,
    near: np.ndarray,
    terms: np.ndarray,
    exact: bool,
    labels: np.ndarray,
    costs: np.ndarray,
    head: np.ndarray,
    queue: np.ndarray,
    least: np.ndarray,
    ending: np.ndarray,
) -> int:
    """Find the cheapest route of one shift that ends at each node, by labels (ng-routes).

    A label is a way to start, visit nodes and be ready at the last one: cost, time, breaks taken, and which nodes it
    may not visit again. It forgets a node at the next one that is not near it (``near``), so a route may come back,
    which only makes the least cost lower. Breaks may be taken in any gap where their windows allow it. A label falls
    where another at the node is no dearer even after waiting as long, no later, has taken as many breaks and remembers
    no more; without ``exact`` what is remembered does not count, which is fast and no bound.

    ``terms`` holds the cost of leaving home, the price of a second of waiting and that of one of overtime; ``back`` the
    least time from each node to the end place. ``least`` and ``ending`` get cost and label by last node. Returns the
    number of labels, -1 if there was no room for all.

    Method: ng-routes after Baldacci, Mingozzi and Roberti (2011, doi 10.1287/opre.1110.0975).
    """
    nodes = len(slots)
    head[:] = -1
    least[:] = np.inf
    ending[:] = -1
    queue[:] = -1
    at, bucket, count = -1, 0, 0
    while True:
        if at >= 0:  # soonest first, about: later labels then meet the better ones that they give way to
            bucket = _first(labels, queue, bucket)
            if bucket == len(queue):
                break
            at = queue[bucket]
            queue[bucket] = labels[at, QUEUED]
        place = nodes if at < 0 else labels[at, NODE]
        cost = terms[0] if at < 0 else costs[at]
        since = site[START] if at < 0 else labels[at, TIME]
        taken = 0 if at < 0 else labels[at, PAUSE]
        for j in range(nodes):
            way = ways[place, j]
            if way >= FAR or (at >= 0 and (labels[at, MEMORY + j // BITS] >> (j % BITS)) & 1 == 1):
                continue
            t, left, rested = since, way, 0
            for pause in range(taken, len(rests) + 1):
                start = soonest(when, windows, slots[j], t + left, works[j])
                ready = start + works[j]
                if ready + back[j] > site[LAST]:
                    break
                if pause == len(rests) or ready <= rests[pause, 1]:
                    waiting = 0 if at < 0 else start - since - way - rested
                    value = cost + price[j] + way * float(site[PRICE]) + waiting * terms[1]
                    value += late_price(when, windows, slots[j], start, works[j])
                    if _label(at, j, value, ready, pause, terms[1], near, exact, labels, costs, head, count):
                        _queue(site, labels, queue, count)
                        _end(site, rests, ways[j, nodes + 1], terms[2], labels, costs, least, ending, count)
                        count += 1
                        if count >= len(costs):
                            return -1
                if pause < len(rests):
                    begin = max(t, rests[pause, 0])
                    if begin > rests[pause, 1]:
                        break
                    left -= min(left, begin - t)
                    t = begin + rests[pause, 2]
                    rested += rests[pause, 2]
        at = max(at, 0)
    return count


@kernel
def _first(labels: np.ndarray, queue: np.ndarray, bucket: int) -> int:
    """Find the first bucket at or after this one whose head is a label still in use; drops those that are not."""
    while bucket < len(queue):
        at = queue[bucket]
        if at < 0:
            bucket += 1
        elif labels[at, DEAD]:
            queue[bucket] = labels[at, QUEUED]
        else:
            break
    return bucket


@kernel
def _queue(site: np.ndarray, labels: np.ndarray, queue: np.ndarray, at: int) -> None:
    """Let a new label wait for its turn among those that are ready at about the same time."""
    width = (site[LAST] - site[START]) // len(queue) + 1
    due = (labels[at, TIME] - site[START]) // width
    labels[at, QUEUED] = queue[due]
    queue[due] = at


@kernel
def _end(
    site: np.ndarray,
    rests: np.ndarray,
    way: int,
    overtime: float,
    labels: np.ndarray,
    costs: np.ndarray,
    least: np.ndarray,
    ending: np.ndarray,
    at: int,
) -> None:
    """Note the route that ends after a new label if it is the cheapest of its last node."""
    j = labels[at, NODE]
    finish = _home(labels[at, TIME], way, labels[at, PAUSE], rests)
    if finish <= site[LAST]:
        value = costs[at] + (way * float(site[PRICE]) + max(0, finish - site[END]) * overtime)
        if value < least[j]:
            least[j] = value
            ending[j] = at


@kernel
def _home(t: int, way: int, pause: int, rests: np.ndarray) -> int:
    """Soonest arrival at the end place, breaks that are owed by then taken; FAR if one is missed."""
    while pause < len(rests) and t + way > rests[pause, 1]:
        begin = max(t, rests[pause, 0])
        if begin > rests[pause, 1]:
            return FAR
        way -= min(way, begin - t)
        t = begin + rests[pause, 2]
        pause += 1
    return t + way


@kernel
def _label(
    parent: int,
    j: int,
    cost: float,
    ready: int,
    pause: int,
    waiting: float,
    near: np.ndarray,
    exact: bool,
    labels: np.ndarray,
    costs: np.ndarray,
    head: np.ndarray,
    at: int,
) -> bool:
    """Keep a label at node ``j`` as number ``at`` unless another makes it needless; drop those it makes needless."""
    words = near.shape[1]
    for word in range(words):
        remembered = np.int64(0) if parent < 0 else labels[parent, MEMORY + word]
        labels[at, MEMORY + word] = remembered & near[j, word]
    labels[at, MEMORY + j // BITS] |= np.int64(1) << (j % BITS)
    before, k = -1, head[j]
    while k >= 0:
        follow = labels[k, NEXT]
        apart = ready - labels[k, TIME]
        more = labels[k, PAUSE] - pause
        if waiting > 0.0 and more != 0:  # a break to come may still save waiting
            before, k = k, follow
            continue
        if apart >= 0 and more >= 0 and costs[k] + waiting * apart <= cost:
            covered = True
            if exact:
                for word in range(words):
                    if labels[k, MEMORY + word] & ~labels[at, MEMORY + word]:
                        covered = False
            if covered:
                return False
        if apart <= 0 and more <= 0 and cost - waiting * apart <= costs[k]:
            covered = True
            if exact:
                for word in range(words):
                    if labels[at, MEMORY + word] & ~labels[k, MEMORY + word]:
                        covered = False
            if covered:
                labels[k, DEAD] = 1
                if before < 0:
                    head[j] = follow
                else:
                    labels[before, NEXT] = follow
                k = follow
                continue
        before = k
        k = follow
    labels[at, NODE] = j
    labels[at, TIME] = ready
    labels[at, PARENT] = parent
    labels[at, PAUSE] = pause
    labels[at, NEXT] = head[j]
    labels[at, DEAD] = 0
    costs[at] = cost
    head[j] = at
    return True
