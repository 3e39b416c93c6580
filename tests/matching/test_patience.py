"""A process that answers people never compiles: it works in plain Python until the kernels are in the cache."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dispatch.matching import is_warm, solve, warm
from dispatch.matching.explain import desk
from tests.matching.test_solve import town

ROOT = Path(__file__).resolve().parents[2]
QUICK_S = 2.0

# Told on one line: what the compiler was asked for, how many kernels are loaded, the seconds taken, and the answer.
PATIENT = """
import json, sys, threading, time
from dispatch.matching import Plan, Problem, never_compile
from dispatch.matching.explain import desk
never_compile()
asked, plan, visit, wait = (json.loads(line) for line in sys.stdin)
problem, plan = Problem.from_json(json.dumps(asked)), Plan.from_json(json.dumps(plan))
from dispatch.matching.solvers import asking, desk as _, insertion, kernels
from dispatch.matching.solvers.cache import WAYS
from numba.core import event
compiled = []
class Listener(event.Listener):
    def on_start(self, happened): compiled.append(str(happened.data["dispatcher"]))
    def on_end(self, happened): pass
event.register("numba:compile", Listener())
assert not wait or WAYS.loaded.wait(wait)
began = time.monotonic()
found = desk(problem, plan).everybody(visit)
took = time.monotonic() - began
print(json.dumps({
    "compiled": compiled,
    "loaded": sum(
        len(getattr(one, "signatures", ())) for module in (asking, insertion, kernels) for one in vars(module).values()
    ),
    "seconds": took,
    "answer": [[each.technician, each.cost.total, each.start_s] for each in found.ranked],
}))
"""


def ask(cache: Path | None, monkeypatch: pytest.MonkeyPatch, *, wait_s: float = 0.0) -> dict[str, Any]:
    """Let a patient process answer a question about a day; the answer is compared with the one of compiled kernels."""
    problem = town(people=6, visits=30)
    plan = solve(problem, time_limit_s=None, step_limit=200)
    visit = problem.visits[0].id
    if cache is not None:
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(cache))
    lines = (problem.to_json(), plan.to_json(), json.dumps(visit), json.dumps(wait_s))
    done = subprocess.run(
        [sys.executable, "-c", PATIENT], input="\n".join(lines), capture_output=True, text=True, cwd=ROOT, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    expected = desk(problem, plan).everybody(visit)
    assert told["answer"] == [[each.technician, each.cost.total, each.start_s] for each in expected.ranked]
    return told


def test_without_a_cache_a_question_is_answered_at_once_and_nothing_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ask(tmp_path, monkeypatch)
    assert told["compiled"] == []
    assert told["loaded"] == 0
    assert told["seconds"] < QUICK_S
    assert list(tmp_path.rglob("*.nbi")) == [], "nothing was compiled behind our back"


def test_once_the_cache_is_complete_the_process_takes_its_kernels_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warm()
    assert is_warm()
    told = ask(None, monkeypatch, wait_s=60.0)
    assert told["compiled"] == []
    assert told["loaded"] > 0


def test_a_mark_without_kernels_does_not_make_it_compile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine of another kind that shares the folder."""
    with monkeypatch.context() as there:
        there.setenv("NUMBA_CACHE_DIR", str(tmp_path))
        from dispatch.matching.solvers.cache import alone, note

        with alone():
            note("plans")
    told = ask(tmp_path, monkeypatch, wait_s=60.0)
    assert told["loaded"] == 0
    assert list(tmp_path.rglob("*.nbi")) == []
