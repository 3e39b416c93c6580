"""Pure: sudden losses, which a process that only drifts would take years to believe.

New equipment, a changed rule or an injury can take a level away at once. For each skill and each stretch between two
of its facts there is one more explanation: from here on the level is lower by ``delta ~ N(-size, spread^2)``, with a
prior chance that grows with the length of the stretch. Around the mode of the drifting process the likelihood of a
shift is Gaussian, so each explanation is weighed and fitted in closed form: with ``B = K + W^-1`` and ``h`` marking
the points after the stretch, ``log p(facts | delta) = const + delta h'B^-1(y - mean) - delta^2 h'B^-1 h / 2``, where
``B^-1(y - mean)`` are the weights of the mode. The explanations of one skill exclude each other; their mixture is
summed up by its mean and variance. Losses in several skills are weighed in turn, each against what the others are
expected to explain (mean field). Nothing is supposed after the last fact: what is unseen only fades.

How often somebody loses something differs from person to person and is not known: their own facts weigh it, over
rates around the constant, and the explanations under each rate are mixed by how likely they make the facts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dispatch.skills.catalogue import Floats, Ints
from dispatch.skills.constants import DAYS_PER_YEAR, Constants
from dispatch.skills.likelihood import Curvature, Likelihood

TINY = 1e-300
SWEEPS = 20  # of weighing the losses of each skill against those of the others
RATE_STEPS = np.linspace(-3.5, 3.5, 9)  # logarithm of a person's rate over the usual one
RATE_PRIOR = np.exp(-0.5 * (RATE_STEPS / 2) ** 2)  # normal around the usual rate
RATE_PRIOR /= RATE_PRIOR.sum()


@dataclass(frozen=True, kw_only=True)
class Losses:
    """The explanations of all skills, weighed."""

    skill: Ints  # [explanation], catalogue position
    first: Ints  # [explanation], the first point after the loss
    last: Ints  # [explanation], the last point of that skill
    chance: Floats  # [explanation]; over those of one skill the rest to 1 is "nothing was lost"
    shift: Floats  # [explanation], levels
    variance: Floats  # [explanation], levels squared
    gain: float  # by how much they raise the logarithm of the marginal likelihood

    def at(self, skills: Ints, explained: Floats) -> tuple[Floats, Floats]:
        """Say what losses add to the mean and to the variance of asked skills.  # [asked skill].

        `explained` is B^-1 times the prior covariance with each asked place  # [point, asked skill]: the part of a
        shift that the facts had pulled into the estimate already.
        """
        sums = np.vstack([np.zeros(explained.shape[1]), np.cumsum(explained, axis=0)])
        reach = (self.skill[:, None] == skills[None, :]) - (sums[self.last + 1] - sums[self.first])
        mean = (self.chance * self.shift)[:, None] * reach  # [explanation, asked skill]
        square = (self.chance * (self.shift**2 + self.variance))[:, None] * reach**2
        starts = np.unique(self.skill, return_index=True)[1]
        by_skill = np.add.reduceat(mean, starts, axis=0)
        doubt = np.add.reduceat(square, starts, axis=0) - by_skill**2
        return by_skill.sum(axis=0), doubt.sum(axis=0)


NONE = Losses(
    skill=np.zeros(0, dtype=np.int64),
    first=np.zeros(0, dtype=np.int64),
    last=np.zeros(0, dtype=np.int64),
    chance=np.zeros(0),
    shift=np.zeros(0),
    variance=np.zeros(0),
    gain=0.0,
)


def find_losses(
    likelihood: Likelihood, constants: Constants, weights: Floats, curvature: Curvature, inner: Floats
) -> Losses:
    """Weigh every explanation; points come sorted by skill and day, so those after a stretch stand in a row."""
    points = len(likelihood.day)
    first = _stretches(likelihood, weights[:points])
    if not len(first):
        return NONE
    skill = likelihood.skill[first]
    last = np.searchsorted(likelihood.skill, skill, side="right") - 1
    sums = np.concatenate([[0.0], np.cumsum(weights[:points])])
    pull, hold = sums[last + 1] - sums[first], _hold(curvature, inner, first, last)
    years = (likelihood.day[first] - likelihood.day[first - 1]) / DAYS_PER_YEAR
    rates = constants.loss_a_year * np.exp(RATE_STEPS)
    chances, shifts, variance, gains = _weighed(skill, pull, hold, -np.expm1(-rates[:, None] * years), constants)
    log_weight = np.log(RATE_PRIOR) + gains
    gain = np.logaddexp.reduce(log_weight)
    weight = np.exp(log_weight - gain)[:, None]
    # Of each explanation the chance, and mean and variance of its shift, over all rates.
    chance = (weight * chances).sum(axis=0)
    share = weight * chances / np.maximum(chance, TINY)
    shift = (share * shifts).sum(axis=0)
    variance = variance + (share * (shifts - shift) ** 2).sum(axis=0)
    return Losses(skill=skill, first=first, last=last, chance=chance, shift=shift, variance=variance, gain=float(gain))


def _weighed(
    skill: Ints, pull: Floats, hold: Floats, prior: Floats, constants: Constants
) -> tuple[Floats, Floats, Floats, Floats]:
    """Weigh the explanations under each rate.

    Takes the prior chances # [rate, explanation]; returns chances and shifts # [rate, explanation], the variance of
    the shifts # [explanation], and by how much the logarithm of the marginal likelihood rises # [rate].
    """
    starts, of_skill = np.unique(skill, return_index=True, return_inverse=True)[1:]
    nothing = np.maximum(1 - np.add.reduceat(prior, starts, axis=1), prior.min(axis=1, keepdims=True))
    others = np.where(of_skill[:, None] == of_skill, 0.0, hold)
    size, spread = -constants.loss_size, constants.loss_spread
    variance = 1 / (np.diag(hold) + spread**-2)
    expected = np.zeros(prior.shape)
    for _ in range(SWEEPS):
        # What losses in the other skills explain need not be explained by one in this skill.
        shift = variance * (pull - expected @ others + size * spread**-2)
        log_ratio = 0.5 * (np.log(variance / spread**2) + shift**2 / variance - (size / spread) ** 2)
        odds = prior * np.exp(np.minimum(log_ratio, 500.0))
        total = nothing + np.add.reduceat(odds, starts, axis=1)
        chance = odds / total[:, of_skill]
        expected = chance * shift
    # The sum over skills counts what two skills explain together twice.
    gain = np.log(total).sum(axis=1) + 0.5 * ((expected @ others) * expected).sum(axis=1)
    return chance, shift, variance, gain


def _stretches(likelihood: Likelihood, weights: Floats) -> Ints:
    """Return the points before which something may have been lost: two facts or more after it speak for less.

    One bad day is no loss, and one failure must not end a qualification.
    """
    before = np.concatenate([[0], np.cumsum(np.where(weights < 0, likelihood.facts, 0))])
    last = np.searchsorted(likelihood.skill, likelihood.skill, side="right") - 1
    against = before[last + 1] - before[:-1]
    later = np.concatenate([[False], likelihood.skill[1:] == likelihood.skill[:-1]])
    return np.flatnonzero(later & (against >= 2))


def _hold(curvature: Curvature, inner: Floats, first: Ints, last: Ints) -> Floats:
    """Curvature of the log-likelihood in the sizes of the shifts.  # [explanation, explanation]."""
    rows = np.arange(len(curvature.scale))[:, None]
    seen = curvature.gather(((rows >= first) & (rows <= last)).astype(np.float64))
    hold: Floats = seen.T @ np.linalg.solve(inner, seen)
    return hold
