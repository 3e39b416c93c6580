"""One run of the matcher in a process of its own, so that its peak of memory is its own and a crash harms no other."""

import inspect
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.readers import read
from benchmarks.readers.instance import Instance
from dispatch.matching import Plan, ProgressUpdate, check, solve, warm

FAULTS_SHOWN = 5
TRACE_POINTS = 200
GRACE_S = 900.0
"""Time beyond the limit for reading, compiling and recounting before a run is given up."""

Line = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What is to be measured.

    Attributes
    ----------
    trace
        Whether the line also tells cost over time.
    keep
        Folder where plans are written as JSON, None = nowhere.
    """

    family: str
    path: Path
    time_limit_s: float
    seed: int = 1
    threads: int = 1
    trace: bool = False
    keep: Path | None = None

    @property
    def label(self) -> Line:
        """What names the run in every line about it."""
        return {"instance": self.path.stem, "family": self.family, "seed": self.seed}


def isolated(
    run: Run, work: Callable[..., Line] | None = None, *arguments: object, patience_s: float | None = None
) -> Line:
    """Do a run in a fresh process; a run that fails gives a line with its ``error``.

    Parameters
    ----------
    work, arguments
        What is called there with the run and the arguments; None = `measure`.
    patience_s
        Time after which the process is ended, on top of `GRACE_S`; None = the run's limit.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(sender, work or measure, run, *arguments))
    child.start()
    sender.close()
    try:
        if not receiver.poll((run.time_limit_s if patience_s is None else patience_s) + GRACE_S):
            return run.label | {"error": f"no answer {GRACE_S:g} s after it was due"}
        line: Line = receiver.recv()
    except EOFError:
        child.join()
        line = run.label | {"error": f"the process ended with code {child.exitcode}"}
    finally:
        receiver.close()
        if child.is_alive():
            child.join(10.0)
        if child.is_alive():
            child.kill()
        child.join()
    return line


def _send(sender: Connection, work: Callable[..., Line], run: Run, *arguments: object) -> None:
    """Entry of the process."""
    try:
        line = work(run, *arguments)
    except (ValueError, OSError, KeyError, IndexError) as fault:  # a file that is not of the family
        line = run.label | {"error": f"{type(fault).__name__}: {fault}"}
    sender.send(line)
    sender.close()


def measure(run: Run) -> Line:
    """Read, solve within the limit, and recount."""
    begun = time.perf_counter()
    instance = read(run.family, run.path)
    read_s = time.perf_counter() - begun
    warm()
    told: list[ProgressUpdate] = []
    more: dict[str, Any] = {}
    if "threads" in inspect.signature(solve).parameters:
        more["threads"] = run.threads
    begun = time.perf_counter()
    plan = solve(instance.problem, time_limit_s=run.time_limit_s, seed=run.seed, progress=told.append, **more)
    seconds = time.perf_counter() - begun
    peak = peak_mb()
    if run.keep is not None:
        run.keep.mkdir(parents=True, exist_ok=True)
        target = run.keep / f"{run.family}-{run.path.stem}-{run.seed}.plan.json"
        target.write_text(plan.to_json(), encoding="utf-8")
    line = run.label | judged(instance, plan)
    line |= {
        "seconds": round(seconds, 2),
        "read_s": round(read_s, 2),
        "first_plan_s": round(told[0].elapsed_s, 2) if told else None,
        "steps": plan.stats.steps,
        "peak_mb": peak,
        "time_limit_s": run.time_limit_s,
        "threads": run.threads if more else 1,
    }
    if run.trace:
        points = [(item.elapsed_s, item.cost) for item in told] + [(seconds, plan.cost.total)]
        line["trace"] = falling([(at, cost / instance.cost_unit + instance.cost_offset) for at, cost in points])
    return line


def falling(points: list[tuple[float, float]]) -> list[list[float]]:
    """Keep the points at which the best cost so far fell, `TRACE_POINTS` at most, and the last moment."""
    kept: list[list[float]] = []
    apart_s = points[-1][0] / TRACE_POINTS if points else 0.0
    for at, cost in points:
        if kept and cost >= kept[-1][1]:
            continue
        if len(kept) > 1 and at - kept[-2][0] < apart_s:
            kept.pop()
        kept.append([round(at, 2), round(cost, 3)])
    if kept and kept[-1][0] < round(points[-1][0], 2):
        kept.append([round(points[-1][0], 2), kept[-1][1]])
    return kept


def judged(instance: Instance, plan: Plan) -> Line:
    """Recount a plan: by the file, and by the matcher's own independent checker."""
    faults = instance.faults(plan)
    faults += [f"{item.rule}: {item.message}" for item in check(instance.problem, plan)]
    return {
        "engine": "extramile",
        "visits": len(instance.problem.visits),
        "shifts": len(instance.problem.shifts),
        "served": len(plan.stops_by_visit),
    } | scored(instance, instance.objective(plan), faults, instance.details(plan))


def scored(instance: Instance, objective: float, faults: list[str], details: Line) -> Line:
    """Compare with the best known value; where vehicles count first, a gap is told only for as many of them."""
    fleet = details.get("best_known_vehicles", details.get("vehicles"))
    comparable = instance.best_known is not None and fleet == details.get("vehicles") and not faults
    line: Line = {
        "objective": round(objective, 3),
        "feasible": not faults,
        "best_known": None if instance.best_known is None else round(instance.best_known, 3),
        "gap_percent": None,
    }
    if comparable and instance.best_known:
        line["gap_percent"] = round((objective / instance.best_known - 1.0) * 100.0, 3)
    if faults:
        line["faults"] = faults[:FAULTS_SHOWN] + ([f"{len(faults)} in all"] if len(faults) > FAULTS_SHOWN else [])
    return line | details


def peak_mb() -> int:
    """Highest resident memory of this process so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # the usage of a started process begins with its parent's peak on Linux, this figure does not
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)
