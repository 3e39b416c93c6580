"""Pure: the posterior of a Gaussian process over (skill, day), given levels seen and work outcomes.

The process is ``theta_s(t) ~ N(mean, K)`` with

    K((s, t), (s', t')) = sd^2 [ w rho(s, s') 2^(-|t - t'| / H) + (1 - w) [s = s'] 2^(-|t - t'| / h_s) ].

Everything happens in the space of the m distinct (skill, day) points that facts speak about, never in the space of
all skills. Levels seen are Gaussian and handled exactly. Outcomes are Bernoulli and enter through Laplace's
approximation at the joint mode, found by Newton steps (Rasmussen and Williams, Gaussian Processes for Machine
Learning, 2006, section 3.4) with one extension: work that needed several skills and failed couples their points.
Its log-likelihood is not concave, so its curvature is taken as the expected (Fisher) information, which is positive
and equals the observed one when a single skill was needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dispatch.skills.catalogue import Catalogue, Floats, Ints
from dispatch.skills.constants import Constants
from dispatch.skills.likelihood import Curvature, LevelSite, Likelihood, OutcomeSite, lay_out
from dispatch.skills.losses import Losses, find_losses

__all__ = ["LevelSite", "OutcomeSite", "Posterior", "covariance", "infer", "log_evidence"]

MAX_STEPS = 200
TOLERANCE = 1e-8  # levels


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """What the facts say, ready to be asked about any skill on any day."""

    catalogue: Catalogue
    constants: Constants
    skill: Ints  # [point]
    day: Floats  # [point]
    weights: Floats  # [unknown]: mean at a place = prior mean + covariance with points @ weights
    curvature: Curvature
    inner: Floats  # [site, site]: I + V' K V, which no facts can make ill-conditioned
    losses: Losses

    def at(self, skills: Ints, day: float) -> tuple[Floats, Floats]:
        """Mean and sd, in levels, of skills (catalogue positions) on one day.  # [skill]."""
        size, points = len(skills), len(self.day)
        if not points:
            return np.full(size, self.constants.mean), np.full(size, self.constants.sd)
        cross = np.zeros((size, len(self.weights)))
        days = np.full(size, day)
        cross[:, :points] = covariance(self.catalogue, self.constants, skills, days, self.skill, self.day)
        seen = self.curvature.gather(cross.T)
        solved: Floats = np.linalg.solve(self.inner, seen).astype(np.float64, copy=False)
        mean = self.constants.mean + cross @ self.weights
        variance = self.constants.sd**2 - np.einsum("ij,ij->j", seen, solved)
        if len(self.losses.skill):
            explained = self.curvature.spread(solved)[:points]  # [point, asked skill]
            lost, doubt = self.losses.at(skills, explained)
            mean, variance = mean + lost, variance + doubt
        return mean, np.sqrt(np.maximum(variance, 1e-12))


@dataclass(frozen=True, kw_only=True)
class _Mode:
    """The joint mode of all unknowns, and the curvature there."""

    weights: Floats  # [unknown]
    distance: Floats  # [unknown]
    curvature: Curvature
    inner: Floats  # [site, site]


def covariance(
    catalogue: Catalogue, constants: Constants, skill_a: Ints, day_a: Floats, skill_b: Ints, day_b: Floats
) -> Floats:
    """Prior covariance between two lists of (catalogue position, day) places, in squared levels.  # [a, b]."""
    apart = np.abs(day_a[:, None] - day_b[None, :])
    distinct, inverse = np.unique(skill_b, return_inverse=True)
    rho = constants.likeness(catalogue, skill_a, distinct)[:, inverse]
    lasting = rho * np.exp2(-apart / constants.lasting_half_life_days)
    same = skill_a[:, None] == skill_b[None, :]
    practice = same * np.exp2(-apart / catalogue.half_life_days[skill_b][None, :])
    result: Floats = constants.sd**2 * (constants.lasting * lasting + (1 - constants.lasting) * practice)
    return result


def infer(
    levels: Sequence[LevelSite], outcomes: Sequence[OutcomeSite], catalogue: Catalogue, constants: Constants
) -> Posterior:
    """Find the joint mode and curvature; the same sites in any order give the same numbers, bit for bit."""
    likelihood = lay_out(levels, outcomes, catalogue, constants)
    mode = _find_mode(likelihood, _prior(likelihood, catalogue, constants))
    return Posterior(
        catalogue=catalogue,
        constants=constants,
        skill=likelihood.skill,
        day=likelihood.day,
        weights=mode.weights,
        curvature=mode.curvature,
        inner=mode.inner,
        losses=find_losses(likelihood, constants, mode.weights, mode.curvature, mode.inner),
    )


def log_evidence(
    levels: Sequence[LevelSite], outcomes: Sequence[OutcomeSite], catalogue: Catalogue, constants: Constants
) -> float:
    """Logarithm of the marginal likelihood of one person's facts: exact for levels seen, Laplace's for outcomes."""
    likelihood = lay_out(levels, outcomes, catalogue, constants)
    mode = _find_mode(likelihood, _prior(likelihood, catalogue, constants))
    losses = find_losses(likelihood, constants, mode.weights, mode.curvature, mode.inner)
    spread = float(np.linalg.slogdet(mode.inner)[1])
    return likelihood.value(mode.distance) - 0.5 * float(mode.weights @ mode.distance) - 0.5 * spread + losses.gain


def _prior(likelihood: Likelihood, catalogue: Catalogue, constants: Constants) -> Floats:
    """Prior covariance of the unknowns: the process at the points, independent leanings.  # [unknown, unknown]."""
    points = len(likelihood.day)
    kernel = np.zeros((likelihood.unknowns, likelihood.unknowns))
    kernel[:points, :points] = covariance(
        catalogue, constants, likelihood.skill, likelihood.day, likelihood.skill, likelihood.day
    )
    behind = np.arange(points, likelihood.unknowns)
    kernel[behind, behind] = likelihood.leanings**2
    return kernel


def _find_mode(likelihood: Likelihood, kernel: Floats) -> _Mode:
    """Newton's method with a step that is halved until the posterior no longer falls."""
    weights = np.zeros(likelihood.unknowns)
    distance = kernel @ weights
    value = likelihood.value(distance)
    for _ in range(MAX_STEPS):
        target, curvature, inner = _newton_target(likelihood, kernel, distance)
        step = 1.0
        while True:
            candidate = weights + step * (target - weights)
            there = kernel @ candidate
            new_value = likelihood.value(there) - 0.5 * float(candidate @ there)
            if new_value >= value - TOLERANCE or step < 1e-6:
                break
            step /= 2
        moved = float(np.max(np.abs(there - distance), initial=0.0))
        weights, distance, value = candidate, there, new_value
        if moved < TOLERANCE:
            break
    return _Mode(weights=weights, distance=distance, curvature=curvature, inner=inner)


def _newton_target(likelihood: Likelihood, kernel: Floats, distance: Floats) -> tuple[Floats, Curvature, Floats]:
    """One full Newton step: the weights it leads to, the curvature here, and I + V' K V."""
    gradient, curvature = likelihood.slope_and_curvature(distance)
    pull = curvature.spread(curvature.gather(distance)) + gradient
    inner = curvature.gather(curvature.gather(kernel).T)
    inner[np.diag_indices_from(inner)] += 1.0
    solved: Floats = np.linalg.solve(inner, curvature.gather(kernel @ pull)).astype(np.float64, copy=False)
    return pull - curvature.spread(solved), curvature, inner
