"""Pure: what facts say about the unknowns of a person: their value, slope and curvature.

The unknowns are the levels at the distinct (skill, day) points that facts speak about, as distances from the prior
mean, and behind them one leaning for each voice that spoke more than once: who claims one skill too high claims the
next one too high as well, so the words of a voice have that part in common.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dispatch.skills.catalogue import Catalogue, Floats, Ints
from dispatch.skills.constants import Constants

_LOG_TAU = float(np.log(2 * np.pi))


@dataclass(frozen=True, kw_only=True, order=True)
class LevelSite:
    """A Gaussian observation: `level` after removing the bias, with sd `sd`, on a day, of one skill.

    `shared` is the part of the sd that all words of `voice` have in common (see `Trust`).
    """

    skill: int
    day: float
    level: float
    sd: float
    shared: float = 0.0
    voice: str = ""


@dataclass(frozen=True, kw_only=True, order=True)
class OutcomeSite:
    """Counts of work on a day that needed every (skill, level) in `needs`: how often fixed, how often not."""

    needs: tuple[tuple[int, float], ...]
    day: float
    fixed: int
    failed: int


@dataclass(frozen=True, kw_only=True)
class Curvature:
    """Curvature W of the log-likelihood as V V' with V = [diag(scale), shared], which keeps products cheap."""

    scale: Floats  # [unknown]
    shared: Floats  # [unknown, word of a leaning voice or joint failure]

    def spread(self, by_site: Floats) -> Floats:
        """V times an array whose first axis is sites."""
        unknowns = len(self.scale)
        scale = self.scale.reshape((-1,) + (1,) * (by_site.ndim - 1))
        result: Floats = scale * by_site[:unknowns] + self.shared @ by_site[unknowns:]
        return result

    def gather(self, by_unknown: Floats) -> Floats:
        """V' times an array whose first axis is unknowns."""
        scale = self.scale.reshape((-1,) + (1,) * (by_unknown.ndim - 1))
        return np.concatenate([scale * by_unknown, self.shared.T @ by_unknown])


@dataclass(frozen=True, kw_only=True)
class _Words:
    """Levels seen that share a leaning."""

    point: Ints  # [word]
    leaning: Ints  # [word], unknown
    level: Floats  # [word], distance from the prior mean
    precision: Floats  # [word], 1 / own sd^2


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """All sites as arrays over unknowns."""

    skill: Ints  # [point], catalogue position
    day: Floats  # [point]
    facts: Ints  # [point], how many facts speak about it
    leanings: Floats  # [voice], prior sd of each leaning
    slope: float
    margin: float  # mean + offset of the constants: what a distance of 0 has in hand over level 0
    precision: Floats  # [unknown], sum of 1 / sd^2 of levels seen
    pull: Floats  # [unknown], sum of distance / sd^2
    words: _Words
    one_point: Ints  # [single], outcomes that needed one skill (or were fixed, which splits by skill)
    one_level: Floats  # [single]
    one_fixed: Floats  # [single], counts
    one_failed: Floats  # [single], counts
    joint: tuple[tuple[Ints, Floats, int], ...]  # failures of work with several needs: points, levels, count
    constant: float  # the part of the log-likelihood that the unknowns do not change

    @property
    def unknowns(self) -> int:
        """Return how many there are: points, then leanings."""
        return len(self.day) + len(self.leanings)

    def value(self, distance: Floats) -> float:
        """Log-likelihood at distances from the prior mean (of leanings: from 0).  # [unknown]."""
        words = self.words
        missed = words.level - distance[words.point] - distance[words.leaning]
        margin = self._margin(distance[self.one_point], self.one_level)
        value = self.constant + float(self.pull @ distance - 0.5 * self.precision @ distance**2)
        value -= float(0.5 * words.precision @ missed**2)
        value -= float(self.one_fixed @ np.logaddexp(0.0, -margin) + self.one_failed @ np.logaddexp(0.0, margin))
        for points, levels, failed in self.joint:
            log_all = -np.logaddexp(0.0, -self._margin(distance[points], levels)).sum()
            value += failed * float(np.log(-np.expm1(log_all)))
        return value

    def slope_and_curvature(self, distance: Floats) -> tuple[Floats, Curvature]:
        """Gradient of the log-likelihood and its curvature at some distances.  # [unknown]."""
        words = self.words
        gradient = self.pull - self.precision * distance
        missed = words.precision * (words.level - distance[words.point] - distance[words.leaning])
        np.add.at(gradient, words.point, missed)
        np.add.at(gradient, words.leaning, missed)
        diagonal = self.precision.copy()
        chance = _sigmoid(self._margin(distance[self.one_point], self.one_level))
        count = self.one_fixed + self.one_failed
        np.add.at(gradient, self.one_point, self.slope * (self.one_fixed - count * chance))
        np.add.at(diagonal, self.one_point, self.slope**2 * count * chance * (1 - chance))
        spoken = len(words.point)
        shared = np.zeros((len(distance), spoken + len(self.joint)))
        shared[words.point, np.arange(spoken)] = np.sqrt(words.precision)
        shared[words.leaning, np.arange(spoken)] = np.sqrt(words.precision)
        for number, (points, levels, failed) in enumerate(self.joint):
            margin = self._margin(distance[points], levels)
            short = _sigmoid(-margin)  # chance of failing each need
            log_all = -np.logaddexp(0.0, -margin).sum()
            odds = np.exp(log_all) / -np.expm1(log_all)  # chance all hold over chance some does not
            gradient[points] -= failed * self.slope * odds * short
            shared[points, spoken + number] = self.slope * np.sqrt(failed * odds) * short
        return gradient, Curvature(scale=np.sqrt(diagonal), shared=shared)

    def _margin(self, distance: Floats, level: Floats) -> Floats:
        """Argument of the logistic at some distances from the prior mean, against needed levels."""
        return self.slope * (self.margin + distance - level)


def lay_out(
    levels: Sequence[LevelSite], outcomes: Sequence[OutcomeSite], catalogue: Catalogue, constants: Constants
) -> Likelihood:
    """Collect the distinct points and everything that is said about each; the order of sites makes no difference."""
    levels, outcomes = sorted(levels), sorted(outcomes)
    places = {(site.skill, site.day) for site in levels}
    places |= {(skill, site.day) for site in outcomes for skill, _ in site.needs}
    ordered = sorted(places)
    number = {place: index for index, place in enumerate(ordered)}
    # A voice with a single word keeps its whole sd to itself, which says the same with one unknown less.
    spoken = Counter((site.voice, site.shared) for site in levels if site.shared)
    voices = {voice: len(ordered) + index for index, voice in enumerate(sorted(v for v, n in spoken.items() if n > 1))}
    precision, pull = np.zeros(len(ordered) + len(voices)), np.zeros(len(ordered) + len(voices))
    facts = np.zeros(len(ordered), dtype=np.int64)
    words: list[tuple[int, int, float, float]] = []
    constant = 0.0
    for site in levels:
        point, distance = number[site.skill, site.day], site.level - constants.mean
        facts[point] += 1
        leaning = voices.get((site.voice, site.shared))
        if leaning is None:
            precision[point] += site.sd**-2
            pull[point] += distance * site.sd**-2
            constant -= 0.5 * (_LOG_TAU + 2 * np.log(site.sd) + (distance / site.sd) ** 2)
        else:
            own = site.sd**2 - site.shared**2
            words.append((point, leaning, distance, 1 / own))
            constant -= 0.5 * (_LOG_TAU + np.log(own))
    for outcome in outcomes:
        for skill, _ in outcome.needs:
            facts[number[skill, outcome.day]] += outcome.fixed + outcome.failed
    single, joint = _outcomes(outcomes, number)
    return Likelihood(
        skill=catalogue.positions([skill for skill, _ in ordered]),
        day=np.array([day for _, day in ordered], dtype=np.float64),
        facts=facts,
        leanings=np.array([shared for _, shared in voices], dtype=np.float64),
        slope=constants.slope,
        margin=constants.mean + constants.offset,
        precision=precision,
        pull=pull,
        words=_Words(
            point=np.array([word[0] for word in words], dtype=np.int64),
            leaning=np.array([word[1] for word in words], dtype=np.int64),
            level=np.array([word[2] for word in words], dtype=np.float64),
            precision=np.array([word[3] for word in words], dtype=np.float64),
        ),
        one_point=np.array([row[0] for row in single], dtype=np.int64),
        one_level=np.array([row[1] for row in single], dtype=np.float64),
        one_fixed=np.array([row[2] for row in single], dtype=np.float64),
        one_failed=np.array([row[3] for row in single], dtype=np.float64),
        joint=joint,
        constant=float(constant),
    )


def _outcomes(
    outcomes: Sequence[OutcomeSite], number: dict[tuple[int, float], int]
) -> tuple[list[tuple[int, float, int, int]], tuple[tuple[Ints, Floats, int], ...]]:
    """Split outcomes into those about one point each, and failures that several points share."""
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
    return single, tuple(joint)


def _sigmoid(x: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * x))
