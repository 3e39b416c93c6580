"""Pure: an estimated level, and what may be concluded from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from dispatch.skills.catalogue import Floats
from dispatch.skills.constants import DEFAULTS, Constants
from dispatch.skills.evidence import HIGHEST_LEVEL, LOWEST_LEVEL, Need

# Gauss-Hermite nodes for an expectation over a standard normal; 32 leave an error below 1e-9 for the logistic here.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(32)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A person's level in one skill on one day, as a distribution.

    `confirmed`: something other than the person's own claim speaks for them in this very skill. `facts` counts what
    was heard about this very skill; `last_used` is the day of the latest outcome, `last_fact` of the latest fact.
    """

    skill: int
    on: date
    mean: float
    sd: float
    confirmed: bool
    claimed: bool
    critical: bool
    facts: int
    last_used: date | None
    last_fact: date | None

    def confidence(self, level: float) -> float:
        """Chance that the person is at least at this level; a level is a band that starts half a level below."""
        return _normal_cdf((self.mean - (level - 0.5)) / self.sd)


@dataclass(frozen=True, kw_only=True)
class QualificationRules:
    """When an estimate is good enough for a must-have need; part of the policy.

    `claims_count_to`: highest level for which a claim alone may do, 0 for never; critical skills never.
    """

    threshold: float = 0.7
    claims_count_to: int = 0

    def __post_init__(self) -> None:
        if not 0.5 <= self.threshold < 1:
            raise ValueError(f"threshold must be from 0.5 to below 1, not {self.threshold}")
        if self.claims_count_to not in (0, 1, 2):
            raise ValueError(f"claims may count up to level 2 at most, not {self.claims_count_to}")


LITTLE_KNOWN_SD = 0.8
"""Spread of a level from which on the level itself says little: nine in ten lie within 1.3 of it."""

DEFAULT_RULES = QualificationRules()


def qualified(estimate: Estimate, level: float, rules: QualificationRules = DEFAULT_RULES) -> bool:
    """Say whether a must-have need of this level is met (certifications are a separate question)."""
    if estimate.confidence(level) < rules.threshold:
        return False
    claim_is_enough = estimate.claimed and not estimate.critical and level <= rules.claims_count_to
    return estimate.confirmed or claim_is_enough


def qualified_level(estimate: Estimate, rules: QualificationRules = DEFAULT_RULES) -> int:
    """Return the highest whole level the person is qualified for, 0 for none."""
    levels = range(HIGHEST_LEVEL, LOWEST_LEVEL - 1, -1)
    return next((level for level in levels if qualified(estimate, level, rules)), 0)


def likely_level(estimate: Estimate) -> int:
    """Return the whole level nearest to the estimate, for a screen."""
    return min(HIGHEST_LEVEL, max(LOWEST_LEVEL, math.floor(estimate.mean + 0.5)))


def certainty(estimate: Estimate) -> str:
    """Return how sure it is that the person is at least at the level shown, in words: the same on every screen."""
    if estimate.sd > LITTLE_KNOWN_SD:
        return "little known"
    chance = estimate.confidence(likely_level(estimate))
    return next((words for bound, words in ((0.9, "very sure"), (0.7, "quite sure")) if chance >= bound), "not sure")


def expected_success(mean: Floats, sd: Floats, level: Floats, constants: Constants = DEFAULTS) -> Floats:
    """Chance that each single need is met by work at the estimated level.

    The logistic is integrated over the estimate's normal distribution by Gauss-Hermite quadrature; the three arrays
    broadcast against each other. Levels are on the 1 to 5 scale, the result is a chance.
    """
    centre = constants.slope * (mean - level + constants.offset)
    points = np.asarray(centre)[..., None] + constants.slope * np.asarray(sd)[..., None] * _NODES
    chance: Floats = (0.5 * (1.0 + np.tanh(0.5 * points))) @ _WEIGHTS
    return chance


def p_fix(estimates: Mapping[int, Estimate], needs: Sequence[Need], constants: Constants = DEFAULTS) -> float:
    """Chance that work with these needs is fixed at the first visit.

    All needs must hold. The skills are taken as independent given the estimates, which is slightly pessimistic
    because neighbouring skills rise and fall together. Work without needs is within everybody's reach.
    """
    missing = sorted(need.skill for need in needs if need.skill not in estimates)
    if missing:
        raise ValueError(f"no estimate for skill {missing[0]}")
    if not needs:
        return 1.0
    mean = np.array([estimates[need.skill].mean for need in needs])
    sd = np.array([estimates[need.skill].sd for need in needs])
    level = np.array([need.level for need in needs])
    return float(np.prod(expected_success(mean, sd, level, constants)))


def _normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))
