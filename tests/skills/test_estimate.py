"""Conclusions from an estimate: chances, words, expected success."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from dispatch.skills.evidence import Need
from dispatch.skills.proficiency import (
    Estimate,
    QualificationRules,
    certainty,
    expected_success,
    likely_level,
    p_fix,
    qualified_level,
)
from tests.skills.build import START

KNOWN = Estimate(
    skill=1, on=START.date(), mean=3.2, sd=0.4, confirmed=True, claimed=False, critical=False, facts=1,
    last_used=None, last_fact=None,
)  # fmt: skip


@pytest.mark.parametrize("mean, sd, level", [(3.0, 0.5, 3.0), (1.0, 1.0, 5.0), (4.5, 0.05, 2.0), (2.5, 1.0, 3.0)])
def test_expected_success_is_the_integral(mean: float, sd: float, level: float) -> None:
    exact, _ = integrate.quad(
        lambda x: stats.norm.pdf(x, mean, sd) / (1 + np.exp(-(x - level + 1.5))), mean - 10 * sd, mean + 10 * sd
    )
    assert float(expected_success(np.array(mean), np.array(sd), np.array(level))) == pytest.approx(exact, abs=1e-7)


def test_at_exactly_the_needed_level_four_of_five_jobs_are_fixed() -> None:
    sure = replace(KNOWN, mean=3.0, sd=1e-6)
    assert p_fix({1: sure}, [Need(skill=1, level=3)]) == pytest.approx(0.8176, abs=1e-4)


def test_all_needs_must_hold() -> None:
    two = {1: KNOWN, 2: replace(KNOWN, skill=2, mean=2.0)}
    single = [p_fix(two, [Need(skill=skill, level=3)]) for skill in (1, 2)]
    assert p_fix(two, [Need(skill=1, level=3), Need(skill=2, level=3)]) == pytest.approx(single[0] * single[1])
    assert p_fix(two, []) == 1.0
    with pytest.raises(ValueError, match="skill 7"):
        p_fix(two, [Need(skill=7, level=3)])


def test_p_fix_is_a_batch_away() -> None:
    mean, level = np.array([[1.0], [3.0], [5.0]]), np.array([[2.0, 4.0]])
    chance = expected_success(mean, np.full((3, 1), 0.5), level)
    assert chance.shape == (3, 2)
    assert (np.diff(chance, axis=0) > 0).all(), "better people fix more"
    assert (np.diff(chance, axis=1) < 0).all(), "harder work is fixed less"


@pytest.mark.parametrize(
    "mean, sd, words",
    [
        (3.0, 0.3, "very sure"),
        (3.4, 0.6, "very sure"),
        (3.0, 0.6, "quite sure"),
        (2.52, 0.2, "not sure"),  # hardly any spread, and yet as likely below
        (2.7, 0.7, "not sure"),
        (4.9, 1.0, "little known"),
    ],
)
def test_certainty_in_words_is_about_the_level_that_is_shown(mean: float, sd: float, words: str) -> None:
    assert certainty(replace(KNOWN, mean=mean, sd=sd)) == words


@pytest.mark.parametrize("mean, level", [(0.2, 1), (2.49, 2), (2.5, 3), (7.0, 5)])
def test_the_likely_level_stays_on_the_scale(mean: float, level: int) -> None:
    assert likely_level(replace(KNOWN, mean=mean)) == level


def test_the_qualified_level_is_the_highest_that_holds() -> None:
    assert qualified_level(KNOWN) == 3
    assert qualified_level(replace(KNOWN, confirmed=False)) == 0
    assert qualified_level(replace(KNOWN, mean=0.0)) == 0
    assert qualified_level(replace(KNOWN, confirmed=False, claimed=True), QualificationRules(claims_count_to=2)) == 2


@pytest.mark.parametrize("changes", [{"threshold": 0.4}, {"threshold": 1.0}, {"claims_count_to": 3}])
def test_impossible_rules_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        QualificationRules(**changes)  # type: ignore[arg-type]  # the wrong values are the point
