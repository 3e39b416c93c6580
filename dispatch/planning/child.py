"""The solver's own process: reads one order, tells progress and plans as lines of JSON, obeys ``stop``.

It is given no database address. When its supervisor disappears it disappears too.
"""

import contextlib
import json
import os
import sys
import threading
import time
from typing import IO, Any

LEAST_S = 0.05


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
    stop = threading.Event()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, stop), daemon=True).start()
    _solve(voice, head, body, stop)
    voice.say("done")


def _listen(stream: IO[bytes], stop: threading.Event) -> None:
    for line in stream:
        if line.strip() == b"stop":
            stop.set()
    os._exit(3)  # the supervisor is gone


def _solve(voice: _Voice, head: dict[str, Any], body: bytes, stop: threading.Event) -> None:
    """Give the greedy baseline and a first plan before anything that may take long, then improve it."""
    from dispatch.matching import Problem, Refused, baseline, solve, warm
    from dispatch.planning.supervising import SLOW_START_S

    try:
        problem = Problem.from_json(body)
    except Refused as refused:
        voice.say("refused", message=str(refused))
        return

    warm()
    voice.say("ready")
    slow = time.monotonic() - float(head["started"]) > SLOW_START_S
    begin = time.monotonic() if slow else float(head["started"])

    def left() -> float:
        return max(LEAST_S, begin + float(head["time_limit_s"]) - time.monotonic())

    def tell(update: Any) -> None:
        voice.say("progress", update=vars_of(update))

    first = solve(problem, time_limit_s=left(), step_limit=0, seed=head["seed"], should_stop=stop.is_set)
    voice.say("plan", plan=first.as_dict())
    voice.say("baseline", plan=baseline(problem).as_dict())
    if head["construct_only"] or stop.is_set():
        return
    best = solve(
        problem,
        time_limit_s=left(),
        step_limit=head["step_limit"],
        seed=head["seed"],
        progress=tell,
        should_stop=stop.is_set,
        warm_start=first,
    )
    voice.say("plan", plan=best.as_dict())


def vars_of(update: Any) -> dict[str, Any]:
    """Give a progress update as plain values; NumPy's whole numbers are none to JSON."""
    counts = {name: int(getattr(update, name)) for name in ("cost", "unserved", "late", "steps")}
    return {"elapsed_s": round(float(update.elapsed_s), 2), "phase": str(update.phase), **counts}


if __name__ == "__main__":
    main()
