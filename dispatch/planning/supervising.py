"""One solve in a process of its own, watched: a clock, a memory limit, a stop button, and the best plan kept.

The solver may hold the interpreter, abort or never come back; none of that may touch the worker. So it runs as a child
that speaks lines of JSON (``child.py``), and everything it says is read with a limit and checked again afterwards.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, Any

import psutil

from dispatch.matching.plan import Plan
from dispatch.matching.problem import Refused

CHILD = (sys.executable, "-m", "dispatch.planning.child")
SECRETS = ("DATABASE_URL", "DISPATCH_DATABASE_URL", "DISPATCH_SECRET_KEY")
LONGEST_LINE = 64 * 1024 * 1024
MOST_BYTES = 256 * 1024 * 1024
LOOK_EVERY_S = 0.1
STOP_WITHIN_S = 1.3
SLOW_START_S = 6.0
TAIL_LINES = 20


class Ended(StrEnum):
    """Why a solve is over."""

    FINISHED = "finished"
    STOPPED = "stopped"
    ABANDONED = "abandoned"
    TOO_LONG = "too_long"
    TOO_BIG = "too_big"
    GARBAGE = "garbage"
    REFUSED = "refused"
    DIED = "died"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the child is asked for; with a step limit one thread is used, so that the plan repeats.

    With a ``standing`` plan it is to be repaired, not made anew; ``repair`` is what belongs to that (`gentle.Request`).
    """

    problem: str
    time_limit_s: float
    standing: str | None = None
    repair: Mapping[str, object] | None = None
    step_limit: int | None = None
    seed: int = 1
    threads: int = 1
    construct_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When the watchdog ends a child: seconds past its limit, resident memory, seconds to get ready.

    Getting ready is slow only while nobody has compiled the kernels yet; then the limit counts from there.
    """

    grace_s: float
    memory_mb: int
    start_s: float = 240.0


@dataclass(kw_only=True)
class Outcome:
    """What a child left behind: every plan it told, the best one last, however it ended."""

    ended: Ended = Ended.DIED
    message: str = ""
    plans: list[Plan] = field(default_factory=list)
    baseline: Plan | None = None


class Ask(StrEnum):
    """What the supervisor is told when it asks whether to go on."""

    GO_ON = "go_on"
    STOP = "stop"
    ABANDON = "abandon"


def supervise(
    order: Order,
    limits: Limits,
    *,
    ask: Callable[[], Ask],
    on_progress: Callable[[Mapping[str, Any]], None],
    command: Sequence[str] = CHILD,
) -> Outcome:
    """Run one child to its end and return what it left; never raises for what the child does.

    ``ask`` is called often and must answer at once; ``on_progress`` gets each progress line as plain values.
    """
    environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    watch = _Watch(process, order, limits, on_progress)
    try:
        watch.send_order()
        watch.follow(ask)
    finally:
        watch.end()
    return watch.outcome


class _Watch:
    """The state of one supervised child."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        order: Order,
        limits: Limits,
        on_progress: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self.process, self.order, self.limits, self.on_progress = process, order, limits, on_progress
        self.outcome = Outcome()
        self.started = time.monotonic()
        self.ready: float | None = None
        self.stop_sent: float | None = None
        self.lines: queue.Queue[bytes | None] = queue.Queue(maxsize=64)
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.closing = threading.Event()
        self.readers = [
            threading.Thread(target=self._read_answers, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self.readers:
            reader.start()

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    def send_order(self) -> None:
        """Send the problem from a thread: a child that never reads must not hold the supervisor up."""
        body = self.order.problem.encode()
        standing = b"" if self.order.standing is None else self.order.standing.encode()
        head = {
            "time_limit_s": self.order.time_limit_s,
            "started": self.started,
            "step_limit": self.order.step_limit,
            "seed": self.order.seed,
            "threads": self.order.threads,
            "construct_only": self.order.construct_only,
            "bytes": len(body),
            "standing_bytes": len(standing),
            "repair": self.order.repair,
        }
        data = json.dumps(head).encode() + b"\n" + body + standing
        threading.Thread(target=self._send, args=(data,), daemon=True).start()

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.stdin.write(data)
            self.stdin.flush()

    def follow(self, ask: Callable[[], Ask]) -> None:
        """Read what the child says until it ends or has to be ended."""
        while True:
            try:
                line = self.lines.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                line = b""
            if line is None:
                return self._ended_by_itself()
            if line and not self._take(line):
                return None
            if not self._within_limits() or not self._goes_on(ask()):
                return None

    def _take(self, line: bytes) -> bool:
        """Use one line; False when the conversation is over."""
        try:
            said = json.loads(line)
            kind = said["kind"]
            if kind == "ready":
                late = time.monotonic() - self.started > SLOW_START_S
                self.ready = time.monotonic() if late else self.started
            elif kind == "progress":
                self.on_progress(said["update"])
            elif kind == "baseline":
                self.outcome.baseline = Plan.from_json(json.dumps(said["plan"]))
            elif kind == "plan":
                self.outcome.plans.append(Plan.from_json(json.dumps(said["plan"])))
            elif kind == "done":
                self._end_as(Ended.STOPPED if self.stop_sent else Ended.FINISHED, "")
                return False
            elif kind == "refused":
                self._end_as(Ended.REFUSED, str(said["message"])[:2000])
                return False
        except (ValueError, KeyError, TypeError, Refused, RecursionError):
            self._end_as(Ended.GARBAGE, "The solver answered something that is no plan.")
            return False
        return True

    def _ended_by_itself(self) -> None:
        if self.outcome.ended is not Ended.DIED or self.outcome.message:
            return
        try:
            code: int | None = self.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            code = None
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        self._end_as(Ended.DIED, f"The solver ended early ({how}).")

    def _within_limits(self) -> bool:
        allowed = self.order.time_limit_s + self.limits.grace_s
        if self.ready is None:
            allowed = max(allowed, self.limits.start_s)
        if time.monotonic() - (self.ready or self.started) > allowed:
            self._end_as(Ended.TOO_LONG, f"The solver did not answer within {allowed:.0f} s and was ended.")
            return False
        try:
            resident = psutil.Process(self.process.pid).memory_info().rss
        except psutil.Error:
            return True
        if resident > self.limits.memory_mb * 1024 * 1024:
            self._end_as(Ended.TOO_BIG, f"The solver used more than {self.limits.memory_mb} MB and was ended.")
            return False
        return True

    def _goes_on(self, answer: Ask) -> bool:
        if answer is Ask.ABANDON:
            self._end_as(Ended.ABANDONED, "The run was called off.")
            return False
        if answer is Ask.STOP and self.stop_sent is None:
            self.stop_sent = time.monotonic()
            threading.Thread(target=self._send, args=(b"stop\n",), daemon=True).start()
        if self.stop_sent is not None and time.monotonic() - self.stop_sent > STOP_WITHIN_S:
            self._end_as(Ended.STOPPED, "")
            return False
        return True

    def _end_as(self, ended: Ended, message: str) -> None:
        self.outcome.ended, self.outcome.message = ended, message

    def end(self) -> None:
        """End the child if it still runs and leave nothing of it behind."""
        self.closing.set()
        self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join(timeout=2.0)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError, ValueError):
                if stream is not None:
                    stream.close()
        if self.outcome.ended is Ended.DIED and self.tail:
            self.outcome.message = f"{self.outcome.message} Last words: {self.tail[-1][:300]}".strip()

    def _read_answers(self) -> None:
        """Read lines with a limit on each and on all; past it the child is talking nonsense."""
        stream, total = self.process.stdout, 0
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            while line := stream.readline(LONGEST_LINE):
                total += len(line)
                if total > MOST_BYTES or not line.endswith(b"\n"):
                    self._put(b"too much")
                    return
                self._put(line)
        self._put(None)

    def _put(self, line: bytes | None) -> None:
        while not self.closing.is_set():
            try:
                return self.lines.put(line, timeout=LOOK_EVERY_S)
            except queue.Full:
                continue
        return None

    def _read_errors(self) -> None:
        stream = self.process.stderr
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            while line := stream.readline(4096):
                self.tail.append(line.decode(errors="replace").strip())
