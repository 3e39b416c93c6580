"""Other engines on the same question, each in a process of its own that is ended when it overruns.

    python benchmarks/peers.py --list
    python benchmarks/peers.py pyvrp QUESTION.json --time-limit 10

This file is run by the interpreter that has the engines installed (``--peers-python``), which need not know this
project: it imports the standard library, NumPy and an engine, reads one question and prints one JSON line. The routes
are recounted by whoever asked, never taken at their word.

A question holds ``points`` (plane), ``factor`` and ``rounding`` (a way is ``floor(factor * straight + rounding)``),
``vehicles`` (start, end: number of a point; open, close, capacity, fixed, max_length), ``jobs`` (point, service, ready,
due, demand, prize: null = must be served, class: who may serve it, null = all), ``classes`` (lists of vehicles) and
``pair_cost`` (further cost  # [vehicle, job], null = none).
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MEMORY_LIMIT = 8_000_000_000
"""Bytes of matrices beyond which an engine is not tried."""

BLOCKED = 1 << 44
"""Length of a way that must not be used; as a duration, too, it keeps PyVRP 0.14 from ever stopping."""


class Unsupported(Exception):
    """The engine can not be asked this question."""


@dataclass
class Asked:
    """A question with its matrix worked out, and what is noted while it is answered."""

    file: dict[str, Any]
    limit_s: float
    seed: int
    threads: int
    setup_s: float = 0.0
    trace: list[tuple[float, float]] = field(default_factory=list)
    begun: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        import numpy as np

        points = np.asarray(self.file["points"], dtype=np.float64)
        self.ways = np.empty((len(points), len(points)), dtype=np.int64)  # [from, to]
        for number, point in enumerate(points):
            straight = np.hypot(points[:, 0] - point[0], points[:, 1] - point[1])
            self.ways[number] = np.floor(straight * self.file["factor"] + self.file["rounding"])

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """Jobs by number."""
        return list(self.file["jobs"])

    @property
    def vehicles(self) -> list[dict[str, Any]]:
        """Vehicles by number."""
        return list(self.file["vehicles"])

    def served_by(self, vehicle: int) -> frozenset[int]:
        """Classes of jobs that a vehicle may serve."""
        return frozenset(number for number, able in enumerate(self.file["classes"]) if vehicle in able)

    def set_up(self) -> None:
        """Note that the model stands: the time limit counts from here."""
        now = time.perf_counter()
        self.setup_s, self.begun = now - self.begun, now


Answer = list[list[int]]
"""Numbers of jobs in order, by vehicle."""


def ask_vroom(asked: Asked) -> Answer:
    """VROOM: skills as tokens, one for each class of jobs; it stops when it is done and may overrun its limit."""
    import numpy as np
    import vroom  # type: ignore[import-not-found, unused-ignore]

    if any(vehicle["max_length"] is not None for vehicle in asked.vehicles):
        raise Unsupported("it limits travel, not the time between leaving and coming home")
    size, prices = len(asked.ways), asked.file["pair_cost"]
    question = vroom.Input()
    ways = asked.ways.astype(np.uint32)
    if prices is None:
        question.set_durations_matrix("all", ways)
    elif len(prices) * size * size * 8 > MEMORY_LIMIT:
        raise Unsupported("one matrix for each vehicle would not fit into memory")
    at = np.array([job["point"] for job in asked.jobs])
    for number, vehicle in enumerate(asked.vehicles):
        profile = "all"
        if prices is not None:
            profile = f"vehicle {number}"
            costs = ways.copy()
            costs[:, at] += np.asarray(prices[number], dtype=np.uint32)[np.newaxis, :]
            np.fill_diagonal(costs, 0)
            question.set_durations_matrix(profile, ways)
            question.set_costs_matrix(profile, costs)
        more: dict[str, Any] = {}
        if vehicle["capacity"] is not None:
            more["capacity"] = [vehicle["capacity"]]
        if vehicle["fixed"]:
            more["costs"] = vroom.VehicleCosts(fixed=vehicle["fixed"])
        question.add_vehicle(
            vroom.Vehicle(
                number + 1,
                start=vehicle["start"],
                end=vehicle["end"],
                profile=profile,
                skills=set(asked.served_by(number)),
                time_window=vroom.TimeWindow(vehicle["open"], vehicle["close"]),
                **more,
            )
        )
    prizes = sorted({job["prize"] for job in asked.jobs if job["prize"] is not None})
    for number, job in enumerate(asked.jobs):
        more = {}
        if asked.vehicles[0]["capacity"] is not None:
            more["delivery"] = vroom.Amount([job["demand"]])
        if job["prize"] is not None:  # priorities 0..100 rank the jobs; they do not weigh against travel
            more["priority"] = 1 + 98 * prizes.index(job["prize"]) // max(1, len(prizes) - 1)
        question.add_job(
            vroom.Job(
                number + 1,
                location=job["point"],
                default_service=job["service"],
                skills=set() if job["class"] is None else {job["class"]},
                time_windows=[vroom.TimeWindow(job["ready"], job["due"])],
                **more,
            )
        )
    asked.set_up()
    answer = question.solve(exploration_level=5, nb_threads=asked.threads, timeout=timedelta(seconds=asked.limit_s))
    routes: Answer = [[] for _ in asked.vehicles]
    told = answer.routes
    for vehicle_id, kind, job_id in zip(told["vehicle_id"], told["type"], told["id"], strict=True):
        if kind == "job":
            routes[int(vehicle_id) - 1].append(int(job_id) - 1)
    return routes


def ask_pyvrp(asked: Asked) -> Answer:
    """PyVRP: one profile for each group of vehicles that may serve the same jobs at the same price."""
    import numpy as np
    import pyvrp  # type: ignore[import-not-found, unused-ignore]
    from pyvrp.stop import MaxRuntime  # type: ignore[import-not-found, unused-ignore]

    size, prices, jobs = len(asked.ways), asked.file["pair_cost"], asked.jobs
    same = ("start", "end", "open", "close", "capacity", "fixed", "max_length")
    profiles: dict[tuple[Any, ...], int] = {}
    kinds: dict[tuple[Any, ...], list[int]] = {}
    for number, vehicle in enumerate(asked.vehicles):
        key = (asked.served_by(number), None if prices is None else tuple(prices[number]))
        profile = profiles.setdefault(key, len(profiles))
        kinds.setdefault((profile, *(vehicle[name] for name in same)), []).append(number)
    if 16 * len(profiles) * size * size > MEMORY_LIMIT:
        raise Unsupported(f"{len(profiles)} profiles would take {16 * len(profiles) * size * size / 1e9:.0f} GB")
    at = np.array([job["point"] for job in jobs])
    distances, durations = [], []
    for served, price in profiles:
        distance = asked.ways.copy()
        if price is not None:
            distance[:, at] += np.asarray(price, dtype=np.int64)[np.newaxis, :]
        closed = [job["point"] for job in jobs if job["class"] is not None and job["class"] not in served]
        distance[:, closed] = BLOCKED
        np.fill_diagonal(distance, 0)
        distances.append(distance)
        durations.append(asked.ways)
    depots = sorted({vehicle[name] for vehicle in asked.vehicles for name in ("start", "end")})
    loaded = asked.vehicles[0]["capacity"] is not None
    types = []
    for (profile, start, end, opened, closed_at, capacity, fixed, longest), members in kinds.items():
        more = {} if longest is None else {"shift_duration": longest}
        types.append(
            pyvrp.VehicleType(
                len(members),
                capacity=[capacity] if loaded else [],
                start_depot=depots.index(start),
                end_depot=depots.index(end),
                fixed_cost=fixed,
                tw_early=opened,
                tw_late=closed_at,
                profile=profile,
                **more,
            )
        )
    data = pyvrp.ProblemData(
        [pyvrp.Location(x, y) for x, y in asked.file["points"]],
        [
            pyvrp.Client(
                job["point"],
                delivery=[job["demand"]] if loaded else [],
                service_duration=job["service"],
                tw_early=job["ready"],
                tw_late=job["due"],
                prize=job["prize"] or 0,
                required=job["prize"] is None,
            )
            for job in jobs
        ],
        [pyvrp.Depot(number) for number in depots],
        types,
        distances,
        durations,
    )
    del distances, durations
    asked.set_up()
    result = pyvrp.solve(data, MaxRuntime(asked.limit_s), seed=asked.seed, collect_stats=True, display=False)
    elapsed = 0.0
    for step_s, datum in zip(result.stats.runtimes, result.stats.data, strict=True):
        elapsed += step_s
        if datum.best_feas and (not asked.trace or datum.best_cost < asked.trace[-1][1]):
            asked.trace.append((elapsed, float(datum.best_cost)))
    routes: Answer = [[] for _ in asked.vehicles]
    free = [list(members) for members in kinds.values()]
    for route in result.best.routes():
        routes[free[route.vehicle_type()].pop(0)] = [stop.idx for stop in route if stop.is_client()]
    return routes


def ask_ortools(asked: Asked) -> Answer:
    """OR-Tools' routing library with guided local search."""
    return _ask_ortools(asked, iterated=False)


def ask_ortools_ils(asked: Asked) -> Answer:
    """OR-Tools' routing library with its iterated local search by ruin and recreate."""
    return _ask_ortools(asked, iterated=True)


def _ask_ortools(asked: Asked, *, iterated: bool) -> Answer:
    import numpy as np
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    jobs, vehicles, prices = asked.jobs, asked.vehicles, asked.file["pair_cost"]
    size, count = len(asked.ways), len(vehicles)
    if prices is not None and count * size * size * 32 > MEMORY_LIMIT:
        raise Unsupported("one cost matrix for each vehicle would not fit into memory")
    starts, ends = ([vehicle[name] for vehicle in vehicles] for name in ("start", "end"))
    manager = pywrapcp.RoutingIndexManager(size, count, starts, ends)
    model = pywrapcp.RoutingModel(manager)
    at = np.array([job["point"] for job in jobs])
    service = np.zeros(size, dtype=np.int64)
    service[at] = [job["service"] for job in jobs]
    if prices is None:
        model.SetArcCostEvaluatorOfAllVehicles(model.RegisterTransitMatrix(asked.ways.tolist()))
    else:
        for number, row in enumerate(prices):
            further = np.zeros(size, dtype=np.int64)
            further[at] = row
            evaluator = model.RegisterTransitMatrix((asked.ways + further[np.newaxis, :]).tolist())
            model.SetArcCostEvaluatorOfVehicle(evaluator, number)
    horizon = max(vehicle["close"] for vehicle in vehicles) + 1
    clock = model.RegisterTransitMatrix((asked.ways + service[:, np.newaxis]).tolist())
    model.AddDimension(clock, horizon, horizon, False, "time")
    times = model.GetDimensionOrDie("time")
    for number, vehicle in enumerate(vehicles):
        times.CumulVar(model.Start(number)).SetRange(vehicle["open"], vehicle["close"])
        times.CumulVar(model.End(number)).SetRange(vehicle["open"], vehicle["close"])
        if vehicle["max_length"] is not None:
            times.SetSpanUpperBoundForVehicle(vehicle["max_length"], number)
        if vehicle["fixed"]:
            model.SetFixedCostOfVehicle(vehicle["fixed"], number)
    if vehicles[0]["capacity"] is not None:
        demand = np.zeros(size, dtype=np.int64)
        demand[at] = [job["demand"] for job in jobs]
        load = model.RegisterUnaryTransitVector(demand.tolist())
        model.AddDimensionWithVehicleCapacity(load, 0, [vehicle["capacity"] for vehicle in vehicles], True, "load")
    for job in jobs:
        index = manager.NodeToIndex(job["point"])
        times.CumulVar(index).SetRange(job["ready"], job["due"])
        if job["class"] is not None:  # the binding of SetAllowedVehiclesForIndex takes no list in 9.15
            model.VehicleVar(index).SetValues([-1, *asked.file["classes"][job["class"]]])
        if job["prize"] is not None:
            model.AddDisjunction([index], job["prize"])
    for node in set(range(size)) - set(at.tolist()) - set(starts) - set(ends):
        model.AddDisjunction([manager.NodeToIndex(node)], 0)
    settings = pywrapcp.DefaultRoutingSearchParameters()
    settings.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    settings.time_limit.FromMilliseconds(int(asked.limit_s * 1_000))
    if iterated:
        settings.use_iterated_local_search = True
        ruin = settings.iterated_local_search_parameters.ruin_recreate_parameters
        del ruin.ruin_strategies[:]
        sisr = ruin.ruin_strategies.add().sisr
        sisr.max_removed_sequence_size, sisr.avg_num_removed_visits, sisr.bypass_factor = 10, 10, 0.01
    else:
        metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        settings.local_search_metaheuristic = metaheuristic
    asked.set_up()

    def seen() -> None:
        cost = float(model.CostVar().Max())
        if not asked.trace or cost < asked.trace[-1][1]:
            asked.trace.append((time.perf_counter() - asked.begun, cost))

    model.AddAtSolutionCallback(seen)
    # SolveWithParameters would quietly ignore the iterated search.
    found = (model.SolveWithIteratedLocalSearch if iterated else model.SolveWithParameters)(settings)
    if found is None:
        raise Unsupported("it found no plan within the limit")
    routes: Answer = []
    number_of = {job["point"]: number for number, job in enumerate(jobs)}
    for number in range(count):
        route, index = [], found.Value(model.NextVar(model.Start(number)))
        while not model.IsEnd(index):
            route.append(number_of[manager.IndexToNode(index)])
            index = found.Value(model.NextVar(index))
        routes.append(route)
    return routes


ENGINES: dict[str, tuple[str, Callable[[Asked], Answer]]] = {
    "vroom": ("vroom", ask_vroom),
    "pyvrp": ("pyvrp", ask_pyvrp),
    "ortools": ("ortools", ask_ortools),
    "ortools-ils": ("ortools", ask_ortools_ils),
}
"""Name to the package that must be installed, and how it is asked."""


def installed() -> list[str]:
    """Give the engines of this interpreter."""
    return [name for name, (package, _) in ENGINES.items() if find_spec(package) is not None]


def answer(engine: str, file: dict[str, Any], limit_s: float, seed: int, threads: int) -> dict[str, Any]:
    """Ask one engine."""
    asked = Asked(file=file, limit_s=limit_s, seed=seed, threads=threads)
    try:
        routes = ENGINES[engine][1](asked)
    except Unsupported as why:
        return {"error": str(why)}
    return {
        "routes": routes,
        "seconds": round(time.perf_counter() - asked.begun, 2),
        "setup_s": round(asked.setup_s, 2),
        "peak_mb": _peak_mb(),
        "trace": [[round(at, 2), cost] for at, cost in asked.trace],
    }


def _peak_mb() -> int | None:
    """Highest resident memory of this process; None where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii", errors="replace").splitlines() if status.exists() else []
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:")), None)


def main() -> None:
    """Answer, or list the engines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=sorted(ENGINES), nargs="?")
    parser.add_argument("question", type=Path, nargs="?")
    parser.add_argument("--time-limit", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="print the engines that are installed")
    options = parser.parse_args()
    if options.list:
        print(json.dumps(installed()))
        return
    if options.question is None:
        parser.error("name an engine and a question, or --list")
    file = json.loads(options.question.read_text(encoding="utf-8"))
    line = answer(options.engine, file, options.time_limit, options.seed, options.threads)
    sys.stdout.write("\n" + json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
