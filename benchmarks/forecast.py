"""Whether bands of expected work hold what they say: ``python -m benchmarks.forecast [--seed N]``.

Streams of visits are drawn around rates that are flat, grow or shrink, follow the year, drift, burst, or do all of it
at once; thirteen weeks are expected and compared with what came. One line for each length of history and kind.
"""

from __future__ import annotations

import argparse
import time
from datetime import date

import numpy as np
from numpy.typing import NDArray

from dispatch.coverage.forecast import YEAR_WEEKS, forecast

FIRST = date(2023, 1, 2)
AHEAD = 13
SERIES = 150
HISTORIES = (9, 16, 30, 60, 110, 156)
KINDS = ("flat", "trend", "season", "drift", "bursts", "all")


def stream(kind: str, dice: np.random.Generator, weeks: int) -> list[int]:
    """Draw seconds of work by week: overdispersed counts of visits, each about an hour long."""
    week = np.arange(weeks)
    rate = np.full(weeks, np.exp(dice.uniform(0.0, np.log(60.0))))
    if kind in ("trend", "all"):
        rate = rate * np.exp(dice.normal(0, 0.006) * week)
    if kind in ("season", "all"):
        rate = rate * np.exp(0.5 * dice.uniform(0.3, 1) * np.cos(2 * np.pi * (week / 52.18 - dice.uniform())))
    if kind == "drift":
        rate = rate * np.exp(np.cumsum(dice.normal(0, 0.05, weeks)))
    if kind in ("bursts", "all"):
        rate = np.where(dice.random(weeks) < 0.05, rate * dice.uniform(2, 4, weeks), rate)
    visits = dice.poisson(rate * dice.gamma(20, 1 / 20, weeks))
    return [int(dice.gamma(4, 900, count).sum()) for count in visits]


def measure(kind: str, weeks: int, dice: np.random.Generator) -> str:
    """Expect and compare one kind of stream."""
    streams = [stream(kind, dice, weeks + AHEAD) for _ in range(SERIES)]
    start = time.process_time()
    found = forecast({number: each[:weeks] for number, each in enumerate(streams)}, first=FIRST, weeks=AHEAD)
    seconds = time.process_time() - start
    came = np.array(streams)[:, weeks:]
    said = {
        name: np.array([getattr(found[number], name) for number in range(SERIES)])
        for name in ("mean_s", "low80_s", "low50_s", "high50_s", "high80_s")
    }
    past = np.array(streams)[:, :weeks]
    naive = past[:, weeks - YEAR_WEEKS :][:, :AHEAD] if weeks >= YEAR_WEEKS else np.repeat(past[:, -1:], AHEAD, axis=1)

    def inside(low: NDArray[np.int_], high: NDArray[np.int_]) -> float:
        return float(((low <= came) & (came <= high)).mean())

    def off(guess: NDArray[np.int_]) -> float:
        return float(100 * np.abs(guess - came).sum() / came.sum())

    return (
        f"{weeks:4d} weeks {kind:7s} inside 50 %: {inside(said['low50_s'], said['high50_s']):.2f}"
        f"  inside 80 %: {inside(said['low80_s'], said['high80_s']):.2f}"
        f"  off {off(said['mean_s']):.0f} % (seasonal naive {off(naive):.0f} %)  {seconds:.2f} s of processor time"
    )


def main() -> None:
    """Print every line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    dice = np.random.default_rng(parser.parse_args().seed)
    for weeks in HISTORIES:
        for kind in KINDS:
            print(measure(kind, weeks, dice), flush=True)


if __name__ == "__main__":
    main()
