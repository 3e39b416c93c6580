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

MAX_STEPS = 200
TOLERANCE = 1e-8  # levels


@dataclass(frozen=True, kw_only=True, order=True)
class LevelSite:
    """A Gaussian observation: `level` after removing the bias, with sd `sd`, on a day, of one skill."""

    skill: int
    day: float
    level: float
    sd: float


@dataclass(frozen=True, kw_only=True, order=True)
class OutcomeSite:
    """Counts of work on a day that needed every (skill, level) in `needs`: how often fixed, how often not."""

    needs: tuple[tuple[int, float], ...]
    day: float
    fixed: int
    failed: int


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Sites as arrays over distinct points."""

    skill: Ints  # [point], catalogue position
    day: Floats  # [point]
    precision: Floats  # [point], sum of 1 / sd^2 of levels seen
    pull: Floats  # [point], sum of (level - mean) / sd^2
    one_point: Ints  # [single], outcomes that needed one skill (or were fixed, which splits by skill)
    one_level: Floats  # [single]
    one_fixed: Floats  # [single], counts
    one_failed: Floats  # [single], counts
    joint: tuple[tuple[Ints, Floats, int], ...]  # failures of work with several needs: points, levels, count


@dataclass(frozen=True, kw_only=True)
class _Curvature:
    """Curvature W of the log-likelihood as V V' with V = [diag(scale), shared], which keeps products cheap."""

    scale: Floats  # [point]
    shared: Floats  # [point, joint failure]

    def spread(self, by_site: Floats) -> Floats:
        """V times a vector over sites."""
        points = len(self.scale)
        result: Floats = self.scale * by_site[:points] + self.shared @ by_site[points:]
        return result

    def gather(self, by_point: Floats) -> Floats:
        """V' times an array whose first axis is points."""
        scale = self.scale.reshape((-1,) + (1,) * (by_point.ndim - 1))
        return np.concatenate([scale * by_point, self.shared.T @ by_point])


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """What the facts say, ready to be asked about any skill on any day."""

    catalogue: Catalogue
    constants: Constants
    skill: Ints  # [point]
    day: Floats  # [point]
    weights: Floats  # [point]: mean at a place = prior mean + covariance with points @ weights
    curvature: _Curvature
    inner: Floats  # [site, site]: I + V' K V, which no facts can make ill-conditioned

    def at(self, skills: Ints, day: float) -> tuple[Floats, Floats]:
        """Mean and sd, in levels, of skills (catalogue positions) on one day.  # [skill]."""
        size = len(skills)
        prior_variance = self.constants.sd**2
        if not len(self.day):
            return np.full(size, self.constants.mean), np.full(size, self.constants.sd)
        days = np.full(size, day)
        cross = covariance(self.catalogue, self.constants, skills, days, self.skill, self.day)
        mean = self.constants.mean + cross @ self.weights
        seen = self.curvature.gather(cross.T)
        variance = prior_variance - np.einsum("ij,ij->j", seen, np.linalg.solve(self.inner, seen))
        return mean, np.sqrt(np.maximum(variance, 1e-12))


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
    layout = _lay_out(sorted(levels), sorted(outcomes), catalogue, constants)
    kernel = covariance(catalogue, constants, layout.skill, layout.day, layout.skill, layout.day)
    weights = np.zeros(len(layout.day))
    value = _log_posterior(layout, constants, kernel, weights)
    for _ in range(MAX_STEPS):
        target, curvature, inner = _newton_target(layout, constants, kernel, weights)
        step = 1.0
        while True:
            candidate = weights + step * (target - weights)
            new_value = _log_posterior(layout, constants, kernel, candidate)
            if new_value >= value - TOLERANCE or step < 1e-6:
                break
            step /= 2
        moved = float(np.max(np.abs(kernel @ (candidate - weights)), initial=0.0))
        weights, value = candidate, new_value
        if moved < TOLERANCE:
            break
    return Posterior(
        catalogue=catalogue,
        constants=constants,
        skill=layout.skill,
        day=layout.day,
        weights=weights,
        curvature=curvature,
        inner=inner,
    )


def _newton_target(
    layout: _Layout, constants: Constants, kernel: Floats, weights: Floats
) -> tuple[Floats, _Curvature, Floats]:
    """One full Newton step: the weights it leads to, the curvature there, and I + V' K V."""
    offset = kernel @ weights
    gradient, curvature = _slope_and_curvature(layout, constants, offset)
    pull = curvature.spread(curvature.gather(offset)) + gradient
    inner = curvature.gather(curvature.gather(kernel).T)
    inner[np.diag_indices_from(inner)] += 1.0
    solved: Floats = np.linalg.solve(inner, curvature.gather(kernel @ pull)).astype(np.float64, copy=False)
    return pull - curvature.spread(solved), curvature, inner


def _slope_and_curvature(layout: _Layout, constants: Constants, offset: Floats) -> tuple[Floats, _Curvature]:
    """Gradient of the log-likelihood by point, and its curvature, at level mean + offset."""
    gradient = layout.pull - layout.precision * offset
    diagonal = layout.precision.copy()
    chance = _sigmoid(_margin(constants, offset[layout.one_point], layout.one_level))
    count = layout.one_fixed + layout.one_failed
    np.add.at(gradient, layout.one_point, constants.slope * (layout.one_fixed - count * chance))
    np.add.at(diagonal, layout.one_point, constants.slope**2 * count * chance * (1 - chance))
    shared = np.zeros((len(offset), len(layout.joint)))
    for number, (points, levels, failed) in enumerate(layout.joint):
        margin = _margin(constants, offset[points], levels)
        short = _sigmoid(-margin)  # chance of failing each need
        log_all = -np.logaddexp(0.0, -margin).sum()
        odds = np.exp(log_all) / -np.expm1(log_all)  # chance all hold over chance some does not
        gradient[points] -= failed * constants.slope * odds * short
        shared[points, number] = constants.slope * np.sqrt(failed * odds) * short
    return gradient, _Curvature(scale=np.sqrt(diagonal), shared=shared)


def _log_posterior(layout: _Layout, constants: Constants, kernel: Floats, weights: Floats) -> float:
    """Log-likelihood plus log-prior at the levels the weights stand for, up to a constant."""
    offset = kernel @ weights
    value = float(layout.pull @ offset - 0.5 * layout.precision @ offset**2 - 0.5 * weights @ offset)
    margin = _margin(constants, offset[layout.one_point], layout.one_level)
    value -= float(layout.one_fixed @ np.logaddexp(0.0, -margin) + layout.one_failed @ np.logaddexp(0.0, margin))
    for points, levels, failed in layout.joint:
        log_all = -np.logaddexp(0.0, -_margin(constants, offset[points], levels)).sum()
        value += failed * float(np.log(-np.expm1(log_all)))
    return value


def _margin(constants: Constants, offset: Floats, level: Floats) -> Floats:
    """Argument of the logistic for levels `mean + offset` against needed levels."""
    return constants.slope * (constants.mean + offset - level + constants.offset)


def _sigmoid(x: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _lay_out(
    levels: Sequence[LevelSite], outcomes: Sequence[OutcomeSite], catalogue: Catalogue, constants: Constants
) -> _Layout:
    """Collect the distinct points and everything that is said about each; sites come sorted."""
    places = {(site.skill, site.day) for site in levels}
    places |= {(skill, site.day) for site in outcomes for skill, _ in site.needs}
    ordered = sorted(places)
    number = {place: index for index, place in enumerate(ordered)}
    precision, pull = np.zeros(len(ordered)), np.zeros(len(ordered))
    for site in levels:
        point = number[site.skill, site.day]
        precision[point] += site.sd**-2
        pull[point] += (site.level - constants.mean) * site.sd**-2
    single: list[tuple[int, float, int, int]] = []
    joint: list[tuple[Ints, Floats, int]] = []
    for outcome in outcomes:
        points = [number[skill, outcome.day] for skill, _ in outcome.needs]
        wanted = [level for _, level in outcome.needs]
        alone = len(points) == 1
        # "All held" is a product over needs, so its logarithm splits; "some did not hold" does not.
        failed_alone = outcome.failed if alone else 0
        single.extend((point, level, outcome.fixed, failed_alone) for point, level in zip(points, wanted, strict=True))
        if not alone and outcome.failed:
            joint.append((np.array(points, dtype=np.int64), np.array(wanted, dtype=np.float64), outcome.failed))
    return _Layout(
        skill=catalogue.positions([skill for skill, _ in ordered]),
        day=np.array([day for _, day in ordered], dtype=np.float64),
        precision=precision,
        pull=pull,
        one_point=np.array([row[0] for row in single], dtype=np.int64),
        one_level=np.array([row[1] for row in single], dtype=np.float64),
        one_fixed=np.array([row[2] for row in single], dtype=np.float64),
        one_failed=np.array([row[3] for row in single], dtype=np.float64),
        joint=tuple(joint),
    )
