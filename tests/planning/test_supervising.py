import time
from collections.abc import Mapping, Sequence
from typing import Any

import psutil
import pytest

from dispatch.matching import ProgressUpdate
from dispatch.matching.solvers.warm import tiny
from dispatch.planning.child import vars_of
from dispatch.planning.supervising import Ask, Ended, Limits, Order, Outcome, supervise
from tests.planning import fakes

ORDER = Order(problem="{}", time_limit_s=1.0)
LIMITS = Limits(grace_s=0.5, memory_mb=300, start_s=1.0)


def run(command: Sequence[str], *, order: Order = ORDER, limits: Limits = LIMITS, answer: Ask = Ask.GO_ON) -> Outcome:
    before = set(psutil.Process().children())
    outcome = supervise(order, limits, ask=lambda: answer, on_progress=lambda _line: None, command=command)
    assert set(psutil.Process().children()) <= before, "a child was left behind"
    return outcome


@pytest.mark.parametrize(
    "command, ended, plans",
    [
        (fakes.CRASHES, Ended.DIED, 0),
        (fakes.CRASHES_AFTER_A_PLAN, Ended.DIED, 1),
        (fakes.FREEZES, Ended.TOO_LONG, 0),
        (fakes.FREEZES_AFTER_A_PLAN, Ended.TOO_LONG, 1),
        (fakes.BABBLES, Ended.GARBAGE, 0),
        (fakes.SAYS_NOTHING, Ended.DIED, 0),
        (fakes.NEVER_READS, Ended.TOO_LONG, 0),
    ],
)
def test_whatever_the_child_does_the_best_plan_and_a_reason_remain(
    command: Sequence[str], ended: Ended, plans: int
) -> None:
    outcome = run(command)
    assert (outcome.ended, len(outcome.plans)) == (ended, plans)
    assert outcome.message


def test_a_child_over_its_memory_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = run(fakes.EATS_MEMORY, order=Order(problem="{}", time_limit_s=30.0))
    assert outcome.ended is Ended.TOO_BIG
    assert "300 MB" in outcome.message


def test_a_child_that_never_ends_its_line_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dispatch.planning.supervising.LONGEST_LINE", 3_000_000)
    assert run(fakes.TALKS_FOR_EVER, order=Order(problem="{}", time_limit_s=30.0)).ended is Ended.GARBAGE


def test_a_big_problem_does_not_block_on_a_child_that_never_reads() -> None:
    order = Order(problem="x" * 5_000_000, time_limit_s=0.2)
    started = time.monotonic()
    assert run(fakes.NEVER_READS, order=order).ended is Ended.TOO_LONG
    assert time.monotonic() - started < 5


def test_stop_keeps_the_plan_and_takes_at_most_two_seconds() -> None:
    started = time.monotonic()
    outcome = run(fakes.NEVER_STOPS, order=Order(problem="{}", time_limit_s=60.0), answer=Ask.STOP)
    assert outcome.ended is Ended.STOPPED
    assert time.monotonic() - started < 3


def test_calling_off_ends_the_child_at_once() -> None:
    outcome = run(fakes.NEVER_STOPS, order=Order(problem="{}", time_limit_s=60.0), answer=Ask.ABANDON)
    assert outcome.ended is Ended.ABANDONED


def test_getting_ready_may_take_longer_than_the_limit() -> None:
    slow = fakes.child("time.sleep(2.5)\n" + fakes.SAY_READY + fakes.SAY_PLAN + fakes.DONE)
    order = Order(problem="{}", time_limit_s=0.2)
    assert run(slow, order=order, limits=Limits(grace_s=0.5, memory_mb=300, start_s=30.0)).ended is not Ended.DIED


def test_the_child_is_told_how_many_cores_it_may_use() -> None:
    told = fakes.child("sys.exit(f'threads {head[\"threads\"]}')\n")
    assert "threads 3" in run(told, order=Order(problem="{}", time_limit_s=1.0, threads=3)).message


@pytest.mark.parametrize(
    "own, beside, bound, gap", [(None, None, None, None), (None, 750, 750, 25.0), (800, 750, 800, 20.0)]
)
def test_progress_tells_the_better_bound_and_how_far_the_cost_is_above_it(
    own: int | None, beside: int | None, bound: int | None, gap: float | None
) -> None:
    update = ProgressUpdate(elapsed_s=1.0, phase="improve", cost=1_000, unserved=0, late=0, steps=1, bound=own)
    told = vars_of(update, beside)
    assert (told.get("bound"), told.get("gap_percent")) == (bound, gap)


def test_a_run_tells_its_first_plan_before_it_searches_and_goes_on_telling() -> None:
    told: list[Mapping[str, Any]] = []
    order = Order(problem=tiny().to_json(), time_limit_s=8.0)
    limits = Limits(grace_s=60.0, memory_mb=2_000)
    outcome = supervise(order, limits, ask=lambda: Ask.GO_ON, on_progress=told.append)
    assert outcome.ended is Ended.FINISHED, outcome.message
    assert [plan.stats.steps > 0 for plan in outcome.plans] == [False, True]
    assert told[0]["phase"] == "construct"
    assert "improve" in [line["phase"] for line in told]


def test_the_child_is_told_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    told = fakes.child("sys.exit('leak' if 'DATABASE_URL' in os.environ else 'clean')\n")
    assert "clean" in run(told).message
