"""Children that misbehave, as real processes: each is a few lines of Python given to ``python -c``; and none at all."""

import json
import sys
from typing import Any

from dispatch.matching.plan import Plan
from dispatch.matching.problem import Problem
from dispatch.matching.replan import replan
from dispatch.planning.gentle import Request, questions
from dispatch.planning.supervising import Ended, Order, Outcome

READ = "import json, os, signal, sys, time\nhead = json.loads(sys.stdin.readline()); sys.stdin.read(head['bytes'])\n"
PLAN = json.dumps({"kind": "plan", "plan": Plan().as_dict()})
SAY_READY = 'print(\'{"kind": "ready"}\', flush=True)\n'
SAY_PLAN = f"print({PLAN!r}, flush=True)\n"
DONE = 'print(\'{"kind": "done"}\', flush=True)\n'


def child(code: str) -> tuple[str, ...]:
    """Return the command of a child that reads its order and then runs ``code``."""
    return (sys.executable, "-c", READ + code)


CRASHES = child("os.kill(os.getpid(), signal.SIGSEGV)\n")
CRASHES_AFTER_A_PLAN = child(SAY_PLAN + "time.sleep(0.3); os.kill(os.getpid(), signal.SIGKILL)\n")
FREEZES = child("os.kill(os.getpid(), signal.SIGSTOP)\n")
FREEZES_AFTER_A_PLAN = child(SAY_PLAN + "os.kill(os.getpid(), signal.SIGSTOP)\n")
EATS_MEMORY = child("kept = []\nwhile True:\n    kept.append(bytearray(8_000_000)); time.sleep(0.001)\n")
BABBLES = child("print('the answer is 42', flush=True); time.sleep(60)\n")
TALKS_FOR_EVER = child("line = 'x' * 1_000_000\nwhile True:\n    sys.stdout.write(line)\n")
SAYS_NOTHING = child("")
NEVER_STOPS = child(SAY_PLAN + "time.sleep(60)\n")
NEVER_READS = (sys.executable, "-c", "import time; time.sleep(60)")


def repaired_here(order: Order, *_limits: Any, **_options: Any) -> Outcome:
    """Do what the child does with a repair, in this process: for tests of what is asked and what comes of it."""
    assert order.standing is not None
    problem, standing = Problem.from_json(order.problem), Plan.from_json(order.standing)
    request = Request(**dict(order.repair or {}))  # type: ignore[arg-type]  # as it went through JSON
    answers = questions(problem, standing, request, replan, time_limit_s=None, step_limit=order.step_limit, seed=1)
    return Outcome(ended=Ended.FINISHED, plans=answers)
