"""The solver's own process: reads one order, tells progress and plans as lines of JSON, obeys ``stop``.

It is given no database address. When its supervisor disappears it disappears too.
"""

import contextlib
import gc
import json
import os
import sys
import threading
import time
from dataclasses import replace
from typing import IO, Any

LEAST_S = 0.05
BOUND_SHARE = 0.25


class _Voice:
    """Lines to the supervisor; anything else that prints goes to the error stream and cannot disturb them."""

    def __init__(self) -> None:
        self.stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self.lock = threading.Lock()

    def say(self, kind: str, **values: Any) -> None:
        with self.lock:
            self.stream.write(json.dumps({"kind": kind, **values}) + "\n")
            self.stream.flush()


def main() -> None:
    """Serve one order."""
    voice = _Voice()
    with contextlib.suppress(OSError):
        os.nice(5)  # pages stay quick while a plan is made
    head = json.loads(sys.stdin.buffer.readline())
    body = sys.stdin.buffer.read(head["bytes"])
    standing = sys.stdin.buffer.read(head["standing_bytes"])
    stop = threading.Event()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, stop), daemon=True).start()
    if standing:
        _repair(voice, head, body, standing, stop)
    else:
        _solve(voice, head, body, stop)
    voice.say("done")
    os._exit(0)  # the threads that listen and that look for a bound need not be waited for


def _listen(stream: IO[bytes], stop: threading.Event) -> None:
    for line in stream:
        if line.strip() == b"stop":
            stop.set()
    os._exit(3)  # the supervisor is gone


def _solve(voice: _Voice, head: dict[str, Any], body: bytes, stop: threading.Event) -> None:
    """Give the greedy baseline and a first plan before anything that may take long, then improve it."""
    from dispatch.matching import Problem, Refused, baseline, is_warm, solve, warm
    from dispatch.planning.supervising import SLOW_START_S

    try:
        problem = Problem.from_json(body)
    except Refused as refused:
        voice.say("refused", message=str(refused))
        return

    gc.freeze()  # the question stays to the end: no collection need look through it again
    if not is_warm():
        warm()  # else the search loads what it needs, which is a small part of all kernels
    voice.say("ready")
    slow = time.monotonic() - float(head["started"]) > SLOW_START_S
    begin = time.monotonic() if slow else float(head["started"])

    def left() -> float:
        return max(LEAST_S, begin + float(head["time_limit_s"]) - time.monotonic())

    floor = _Floor()

    def tell(update: Any) -> None:
        voice.say("progress", update=vars_of(update, floor.value))

    first = solve(problem, time_limit_s=left(), step_limit=0, seed=head["seed"], progress=tell, should_stop=stop.is_set)
    voice.say("plan", plan=first.as_dict())
    voice.say("baseline", plan=baseline(problem).as_dict())
    if head["construct_only"] or stop.is_set():
        return
    if is_warm(bounds=True):  # else the compiler would take the processor from the search
        floor.look_for(problem, BOUND_SHARE * left())
    best = solve(
        problem,
        time_limit_s=left(),
        step_limit=head["step_limit"],
        seed=head["seed"],
        threads=1 if head["step_limit"] is not None else head["threads"],
        progress=tell,
        should_stop=stop.is_set,
        warm_start=first,
    )
    voice.say("plan", plan=floor.noted(best).as_dict())


def _repair(voice: _Voice, head: dict[str, Any], body: bytes, standing: bytes, stop: threading.Event) -> None:
    """Mend a plan that people follow already; each question has the same time, and each answer is told."""
    from dispatch.matching import Plan, Problem, Refused, is_warm, warm
    from dispatch.matching.replan import DEFAULT_TIME_LIMIT_S, replan
    from dispatch.planning.gentle import Request, questions

    try:
        problem, plan = Problem.from_json(body), Plan.from_json(standing)
    except Refused as refused:
        voice.say("refused", message=str(refused))
        return
    gc.freeze()
    if not is_warm():
        warm()
    voice.say("ready")
    voice.say("progress", update={"phase": "repair"})
    answers = questions(
        problem,
        plan,
        Request(**head["repair"]),
        replan,
        time_limit_s=DEFAULT_TIME_LIMIT_S if head["step_limit"] is None else None,
        step_limit=head["step_limit"],
        seed=head["seed"],
        should_stop=stop.is_set,
    )
    for answer in answers:
        voice.say("plan", plan=answer.as_dict())


class _Floor:
    """A cost that no plan goes under, worked out beside the search; nobody waits for it."""

    def __init__(self) -> None:
        self.value: int | None = None

    def look_for(self, problem: Any, seconds: float) -> None:
        """Begin to look; the thread may still be at work when the process ends."""
        threading.Thread(target=self._find, args=(problem, max(LEAST_S, seconds)), daemon=True).start()

    def _find(self, problem: Any, seconds: float) -> None:
        from dispatch.matching.bounds import bound_for

        self.value = bound_for(problem, seconds).value

    def noted(self, plan: Any) -> Any:
        """Give the plan with the bound among its statistics, where it is known by now."""
        known = [value for value in (self.value, plan.stats.bound) if value is not None]
        return replace(plan, stats=replace(plan.stats, bound=max(known))) if known else plan


def vars_of(update: Any, floor: int | None = None) -> dict[str, Any]:
    """Give a progress update as plain values; NumPy's whole numbers are none to JSON."""
    from dispatch.matching.bounds import gap_percent

    counts = {name: int(getattr(update, name)) for name in ("cost", "unserved", "late", "steps")}
    values = {"elapsed_s": round(float(update.elapsed_s), 2), "phase": str(update.phase), **counts}
    bounds = [int(value) for value in (update.bound, floor) if value is not None]
    if bounds:
        values |= {"bound": max(bounds), "gap_percent": round(gap_percent(counts["cost"], max(bounds)), 2)}
    return values


if __name__ == "__main__":
    main()
