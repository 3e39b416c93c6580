"""Peers asked the same question as the matcher in the same run, their routes recounted from the file."""

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.readers import read
from benchmarks.readers.instance import Instance, Trip
from benchmarks.runs import Line, Run, falling, isolated, scored

SCRIPT = Path(peers.__file__)


def engines(python: Path) -> list[str]:
    """Give the engines that an interpreter has installed."""
    told = subprocess.run([python, SCRIPT, "--list"], capture_output=True, text=True, timeout=60, check=True)
    found: list[str] = json.loads(told.stdout)
    return found


def compete(run: Run, engine: str, python: Path, kill_after_s: float) -> Line:
    """Ask one engine, in a process that only it lives in; a run that fails gives a line with its ``error``."""
    return isolated(run, _compete, engine, str(python), kill_after_s, patience_s=kill_after_s)


def _compete(run: Run, engine: str, python: str, kill_after_s: float) -> Line:
    instance = read(run.family, run.path)
    label = run.label | {"engine": engine, "time_limit_s": run.time_limit_s}
    if instance.contest is None:
        return label | {"error": "this family can not be put to peers"}
    with tempfile.TemporaryDirectory() as folder:
        question = Path(folder) / "question.json"
        question.write_text(json.dumps(instance.contest.model), encoding="utf-8")
        told = _ask(run, engine, python, question, kill_after_s)
    if "error" in told:
        return label | told
    return label | _judged(run, instance, told)


def _ask(run: Run, engine: str, python: str, question: Path, kill_after_s: float) -> dict[str, Any]:
    """Run the engine with its own interpreter, and end it with all it started when it overruns."""
    command = [python, str(SCRIPT), engine, str(question), "--time-limit", str(run.time_limit_s)]
    command += ["--seed", str(run.seed), "--threads", str(run.threads)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            output, complaints = process.communicate(timeout=kill_after_s)
        except subprocess.TimeoutExpired:
            return {"error": f"ended {kill_after_s:g} s after it was asked"}
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        last = complaints.strip().splitlines()[-1:] or [""]
        return {"error": f"ended with code {process.returncode}: {last[0][:200]}"}
    told: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return told


def _judged(run: Run, instance: Instance, told: dict[str, Any]) -> Line:
    """Recount the routes of an engine."""
    assert instance.contest is not None
    model, recount = instance.contest.model, instance.contest.recount
    trips = [
        Trip(shift=model["vehicles"][number]["id"], visits=tuple(model["jobs"][job]["id"] for job in jobs))
        for number, jobs in enumerate(told["routes"])
        if jobs
    ]
    line: Line = {"visits": len(instance.problem.visits), "served": sum(len(trip.visits) for trip in trips)}
    line |= scored(instance, recount.objective(trips), recount.faults(trips), recount.details(trips))
    line |= {name: told[name] for name in ("seconds", "setup_s", "peak_mb")}
    line["first_plan_s"] = round(told["setup_s"] + (told["trace"][0][0] if told["trace"] else told["seconds"]), 2)
    if run.trace:
        points = [(at, cost * instance.peer_unit) for at, cost in told["trace"]]
        last = line["objective"] + instance.call_out * line.get("vehicles", 0)
        line["trace"] = falling([*points, (told["seconds"], last)])
    return line


def with_ratio(line: Line, ours: Line) -> Line:
    """Add what our objective is of the peer's: below 1 = we are ahead.

    None where a plan is not feasible, or where vehicles count first and their numbers differ.
    """
    both = line.get("feasible") and ours.get("feasible") and line["objective"]
    if "best_known_vehicles" in ours and line.get("vehicles") != ours.get("vehicles"):
        both = False
    return line | {"ours_to_peer": round(ours["objective"] / line["objective"], 4) if both else None}
