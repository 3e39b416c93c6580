"""What the progress of a run says: the last gain, and what stopping now would cost."""

from typing import Any

from dispatch.planning.progress import falling, last_gain, lost_by_stopping


def line(elapsed_s: float, cost: int, unserved: int = 0, late: int = 0) -> dict[str, Any]:
    return {"elapsed_s": elapsed_s, "cost": cost, "unserved": unserved, "late": late}


def test_a_run_that_began_anew_goes_on_from_there() -> None:
    lines = [line(0.1, 900), line(4.0, 800), line(0.5, 800), line(1.0, 700)]
    assert [(each["elapsed_s"], each["cost"]) for each in falling(lines)] == [(0.1, 900), (0.5, 800), (1.0, 700)]


def test_the_last_gain_is_told_in_per_cent_and_seconds_ago() -> None:
    lines = [line(1, 1000), line(2, 900), line(5, 900), line(14, 900)]
    assert last_gain(lines) == (12, 10.0)
    assert last_gain(lines[:1]) is None
    assert last_gain([line(1, 900), line(2, 900)]) is None


def test_stopping_costs_what_each_doubling_of_time_still_gains() -> None:
    lines = [line(2, 900, unserved=14, late=2), line(5, 800, unserved=11, late=1), line(10, 700, unserved=9, late=1)]
    assert lost_by_stopping(lines, 40.0) == 4  # two gained from 5 s to 10 s, two doublings left
    assert lost_by_stopping(lines, 10.0) == 0
    assert lost_by_stopping(lines[:1], 40.0) is None


def test_nobody_can_lose_more_than_is_missing() -> None:
    lines = [line(1, 900, unserved=40), line(2, 100, unserved=1)]
    assert lost_by_stopping(lines, 600.0) == 1
