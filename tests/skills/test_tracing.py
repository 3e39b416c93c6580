"""One step ahead, from plain (skill, correct) sequences."""

import numpy as np
import pytest

from benchmarks.tracing import auc, elo, pupils
from dispatch.skills.boosting import BINS, SMOOTH, grow
from dispatch.skills.tracing import Tracing, fit

PUPILS = pupils(3, people=160, skills=12, together=True)
TRAIN, TEST = PUPILS[:120], PUPILS[120:]


@pytest.fixture(scope="module")
def learned() -> Tracing:
    return fit(TRAIN)


def test_it_tells_more_than_ratings_do(learned: Tracing) -> None:
    right = np.array([float(result) for steps in TEST for _, result in steps])
    chance = np.concatenate(learned.chances(TEST))
    assert auc(chance, right) > auc(np.concatenate(elo(TRAIN, TEST)), right) + 0.02
    assert abs(float(chance.mean() - right.mean())) < 0.03


def test_a_step_knows_only_what_came_before_it(learned: Tracing) -> None:
    steps = max(TEST, key=len)
    (whole,) = learned.chances([steps])
    for at in (1, 5, len(steps) // 2):
        turned = [(skill, right if number < at else not right) for number, (skill, right) in enumerate(steps)]
        (other,) = learned.chances([turned])
        assert (other[: at + 1] == whole[: at + 1]).all()
        (cut,) = learned.chances([steps[: at + 1]])
        assert (cut == whole[: at + 1]).all()


def test_the_answers_of_those_learned_from_are_not_told_to_themselves(learned: Tracing) -> None:
    """Where answers are pure chance nothing can be foretold, however rare the cases are."""
    rng = np.random.default_rng(5)
    noise = [[(int(rng.integers(60)), bool(rng.random() < 0.5)) for _ in range(25)] for _ in range(150)]
    right = np.array([float(result) for steps in noise[100:] for _, result in steps])
    chance = np.concatenate(fit(noise[:100]).chances(noise[100:]))
    assert abs(chance - 0.5).max() < 0.2
    assert 0.45 < auc(chance, right) < 0.55


def test_each_person_stands_alone(learned: Tracing) -> None:
    together = learned.chances(TEST[:5])
    assert all((learned.chances([steps])[0] == mine).all() for steps, mine in zip(TEST[:5], together, strict=True))


def test_skills_never_seen_and_people_without_steps_are_no_trouble(learned: Tracing) -> None:
    nothing, new = learned.chances([[], [("never seen", True), ("never seen", True)]])
    assert len(nothing) == 0
    assert ((new > 0) & (new < 1)).all()
    assert learned.chances([]) == []


def test_the_same_people_teach_the_same(learned: Tracing) -> None:
    again = fit(TRAIN)
    assert all((a == b).all() for a, b in zip(again.chances(TEST), learned.chances(TEST), strict=True))


def test_too_little_is_refused() -> None:
    with pytest.raises(ValueError, match="3 people with 6 steps are too little"):
        fit([[(1, True), (2, False)]] * 3)


def test_one_tree_of_one_cut_is_the_best_cut() -> None:
    """Against trying every cut of every feature."""
    rng = np.random.default_rng(1)
    table = rng.integers(0, 6, (400, 3)).astype(float)
    happened = (rng.random(400) < np.where(table[:, 1] > 2, 0.8, 0.3)).astype(float)
    aside = np.arange(400) % 4 == 0
    trees = grow(table, happened, aside, depth=1, step=1.0, most=1)
    learn, rate = table[~aside], happened[~aside].mean()
    gradient, curvature = rate - happened[~aside], np.full(300, rate * (1 - rate))
    gains = {}
    for column in range(3):
        for at in range(6):
            left = learn[:, column] <= at
            if all(curvature[side].sum() >= SMOOTH for side in (left, ~left)):
                gains[column, at] = sum(
                    gradient[side].sum() ** 2 / (curvature[side].sum() + SMOOTH) for side in (left, ~left)
                )
    column, at = max(gains, key=gains.__getitem__)
    assert trees.feature[0, 0] == column == 1
    assert trees.cut[0, 0] < BINS
    left = learn[:, column] <= at
    leaf = [-gradient[side].sum() / (curvature[side].sum() + SMOOTH) for side in (left, ~left)]
    start = np.log(rate / (1 - rate))
    expected = start + np.where(table[:, column] <= at, leaf[0], leaf[1])
    assert trees.logits(table) == pytest.approx(expected)
