"""Near slots against sorting all of them in plain NumPy."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from dispatch.matching import Problem
from dispatch.matching.constraint import FAR, Scope
from dispatch.matching.solvers.clock import drive
from dispatch.matching.solvers.layout import Data
from dispatch.matching.solvers.near import IN_SPACE, TIME_SHARE, find_near, people_words
from dispatch.matching.solvers.tables import Tables, build
from tests.matching.build import at, problem, shift, technician, visit
from tests.matching.random_days import day


def crowd(seed: int) -> Problem:
    """Give a day with many more visits than a list of near ones holds."""
    rng = random.Random(seed)
    places = [at(rng.uniform(-20, 20), rng.uniform(-20, 20)) for _ in range(60)]
    visits = [visit(f"v{number}", place=place) for number, place in enumerate(places)]
    return problem(technician(), shift(), *visits)


@pytest.mark.parametrize("make", [day, crowd])
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("most", [2, 5, 50])
def test_the_nearest_are_those_that_sorting_everybody_puts_first(
    make: Callable[[int], Problem], seed: int, most: int
) -> None:
    tables = build(Scope.of(make(seed)))
    if seed % 4 < 2:  # large problems have no table of ways
        tables = tables._replace(data=tables.data._replace(seconds=np.zeros((0, 0), dtype=np.int32)))
    slots = len(tables.scope.slots)
    movable = np.flatnonzero(np.arange(slots) % 7 != seed % 7).astype(np.int64)
    # Half of the time nobody has to wait for anybody: then both kinds are near in driving time alone.
    opens, closes = np.random.default_rng(seed).integers(0, 9_000, (2, slots)) * (seed % 2)
    near = np.full((2, slots, most), -1, dtype=np.int64)
    people = people_words(tables.data.allowed)
    find_near(tables.data, movable, tables.place, opens, closes, people, np.zeros((2, most)), near)
    for slot in range(slots):
        for kind in range(2):
            listed = near[kind, slot].tolist()
            if slot not in movable:
                assert listed == [-1] * most
                continue
            expected = sorted(movable.tolist(), key=lambda other: measure(tables, kind, slot, other, opens, closes))
            expected = [other for other in expected if measure(tables, kind, slot, other, opens, closes)[0] < np.inf]
            assert listed == (expected[:most] + [-1] * most)[:most], (kind, slot)


def measure(
    tables: Tables, kind: int, slot: int, other: int, opens: np.ndarray, closes: np.ndarray
) -> tuple[float, int]:
    if slot == other:
        return -1.0, slot
    data: Data = tables.data
    ways = [
        drive(data, *pair)
        for pair in ((tables.place[slot], tables.place[other]), (tables.place[other], tables.place[slot]))
    ]
    if max(ways) >= FAR or not (data.allowed[slot] & data.allowed[other]).any():
        return np.inf, other
    apart = max(0, opens[other] - closes[slot], opens[slot] - closes[other])
    return sum(ways) / 2.0 + (0.0 if kind == IN_SPACE else TIME_SHARE * apart), other


def test_two_slots_share_a_word_exactly_when_somebody_may_serve_both() -> None:
    allowed = np.random.default_rng(5).random((30, 131)) < 0.02
    words = people_words(allowed)
    shared = (words[:, None] & words[None]).any(axis=2)
    assert (shared == (allowed[:, None] & allowed[None]).any(axis=2)).all()
    assert words.shape == (30, 3)
