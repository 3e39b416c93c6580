"""A slow plain twin of the estimate: scalar loops, and a general-purpose optimiser.

It shares no code with the model beyond reading the evidence sources, pools nothing, works with the inverse of
the prior covariance of facts and question together, and knows of no sudden losses.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from scipy.optimize import minimize

from dispatch.skills.catalogue import Catalogue
from dispatch.skills.evidence import Fact, LevelSeen
from dispatch.skills.sources import source_named

MEAN, SD, LASTING, LASTING_DAYS = 2.5, 1.0, 0.9, 20 * 365.25
SLOPE, OFFSET = 1.0, 1.5
LOSS_A_YEAR, LOSS_SIZE, LOSS_SPREAD = 0.02, 1.5, 0.6

Place = tuple[int, int]


def kernel(catalogue: Catalogue, a: Place, b: Place) -> float:
    """Prior covariance of two (skill, day) places."""
    apart = abs(a[1] - b[1])
    if a[0] == b[0]:
        likeness = 1.0
    else:
        shared = sum(1 for x, y in zip(catalogue.path(a[0]), catalogue.path(b[0]), strict=False) if x == y)
        likeness = 0.1 if shared == 0 else 1 - 0.5**shared
    practice = 0.5 ** (apart / catalogue.spec(a[0]).half_life_days) if a[0] == b[0] else 0.0
    return SD**2 * (LASTING * likeness * 0.5 ** (apart / LASTING_DAYS) + (1 - LASTING) * practice)


def naive_estimate(facts: Sequence[Fact], catalogue: Catalogue, skill: int, at: datetime) -> tuple[float, float]:
    """Mean and sd of one skill; outcomes count, and every voice must speak once only (no replacing here)."""
    places: list[Place] = [(skill, at.astimezone(UTC).date().toordinal())]

    def number(place: Place) -> int:
        if place not in places:
            places.append(place)
        return places.index(place)

    terms: list[tuple[str, Any]] = []
    leanings: list[str] = []
    leaning_sd: dict[str, float] = {}
    for one in facts:
        day = one.at.astimezone(UTC).date().toordinal()
        source = source_named(one.source)
        for seen in source.observe(one, source.trust):
            if isinstance(seen, LevelSeen):
                voice = f"{one.source} {seen.voice}" if seen.voice is not None and seen.trust.shared else None
                if voice is not None and voice not in leanings:
                    leanings.append(voice)
                    leaning_sd[voice] = seen.trust.shared
                own = seen.trust.sd if voice is None else math.sqrt(seen.trust.sd**2 - seen.trust.shared**2)
                terms.append(("level", (number((seen.skill, day)), voice, seen.level - seen.trust.bias, own)))
            else:
                needs = [(number((need.skill, day)), need.level) for need in seen.needs]
                terms.append(("outcome", (needs, seen.success)))
    size = len(places) + len(leanings)
    prior = np.zeros((size, size))
    prior[: len(places), : len(places)] = [[kernel(catalogue, a, b) for b in places] for a in places]
    for number_of, voice in enumerate(leanings, start=len(places)):
        prior[number_of, number_of] = leaning_sd[voice] ** 2
    centre = np.array([MEAN] * len(places) + [0.0] * len(leanings))
    inverse = np.linalg.inv(prior)

    def minus_log_posterior(theta: np.ndarray) -> float:
        gap = theta - centre
        total = 0.5 * gap @ inverse @ gap
        for kind, body in terms:
            if kind == "level":
                index, voice, level, sd = body
                lean = theta[len(places) + leanings.index(voice)] if voice is not None else 0.0
                total += 0.5 * ((level - theta[index] - lean) / sd) ** 2
            else:
                needs, success = body
                log_all = sum(-math.log1p(math.exp(-SLOPE * (theta[i] - d + OFFSET))) for i, d in needs)
                total -= log_all if success else math.log(-math.expm1(log_all))
        return float(total)

    # In the whitened space of the prior the problem is well scaled, which a general optimiser needs.
    root = np.linalg.cholesky(prior)
    found = minimize(lambda z: minus_log_posterior(centre + root @ z), np.zeros(size), method="BFGS",
                     options={"gtol": 1e-7, "maxiter": 5000})  # fmt: skip
    theta = centre + root @ found.x
    curvature = inverse.copy()
    for kind, body in terms:
        if kind == "level":
            index, voice, _, sd = body
            both = [index] if voice is None else [index, len(places) + leanings.index(voice)]
            curvature[np.ix_(both, both)] += 1 / sd**2
        else:
            needs, success = body
            chance = {i: 1 / (1 + math.exp(-SLOPE * (theta[i] - d + OFFSET))) for i, d in needs}
            together = math.prod(chance.values())
            for i in chance:
                for j in chance:
                    if success:
                        curvature[i, j] += SLOPE**2 * chance[i] * (1 - chance[i]) if i == j else 0.0
                    else:
                        information = together / (1 - together) * (1 - chance[i]) * (1 - chance[j])
                        curvature[i, j] += SLOPE**2 * information
    return float(theta[0]), math.sqrt(float(np.linalg.inv(curvature)[0, 0]))


def exact_single_skill(
    levels: Sequence[tuple[float, float]], works: Sequence[tuple[float, bool]]
) -> tuple[float, float]:
    """Mean and sd by summing the true posterior on a fine grid; everything on one day in one skill.

    `levels` are (unbiased level, sd), `works` are (needed level, fixed).
    """
    grid = np.linspace(-4.5, 9.5, 28001)
    log_density = -0.5 * ((grid - MEAN) / SD) ** 2
    for level, sd in levels:
        log_density -= 0.5 * ((level - grid) / sd) ** 2
    for needed, fixed in works:
        margin = SLOPE * (grid - needed + OFFSET)
        log_density -= np.logaddexp(0, -margin if fixed else margin)
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    mean = float(density @ grid)
    return mean, math.sqrt(float(density @ (grid - mean) ** 2))


def with_losses(tests: Sequence[tuple[int, float, float]], day: int, half_life_days: float) -> tuple[float, float]:
    """Mean and sd of one skill from Gaussian facts (day, level, sd), when a level may be lost at once.

    Every explanation is spelled out: nothing lost, or lost between two facts, by an amount on a fine grid, for each
    rate at which somebody may lose; each is a plain Gaussian regression, and all are mixed by how well they explain the
    facts. Lost is only what two facts after it speak against.
    """
    days = np.array([each[0] for each in tests] + [day], dtype=float)
    seen, noise = np.array([each[1] for each in tests]), np.array([each[2] for each in tests])
    apart = np.abs(days[:, None] - days[None, :])
    prior = SD**2 * (LASTING * 0.5 ** (apart / LASTING_DAYS) + (1 - LASTING) * 0.5 ** (apart / half_life_days))
    facts, ask = prior[:-1, :-1] + np.diag(noise**2), prior[-1, :-1]
    solve = np.linalg.inv(facts)
    amounts = np.linspace(-6.5, 3.5, 4001)
    by_amount = np.exp(-0.5 * ((amounts + LOSS_SIZE) / LOSS_SPREAD) ** 2)
    by_amount /= by_amount.sum()
    explanations: list[tuple[float, float, int]] = []
    lower = solve @ (seen - MEAN) < 0
    firsts = [first for first in range(1, len(seen)) if lower[first:].sum() >= 2]
    steps = [-3.5 + 0.875 * number for number in range(9)]
    usual = [math.exp(-0.5 * (step / 2) ** 2) for step in steps]
    for step, rate_weight in zip(steps, usual, strict=True):
        rate = LOSS_A_YEAR * math.exp(step)
        chances = [1 - math.exp(-rate * (days[first] - days[first - 1]) / 365.25) for first in firsts]
        nothing = max(1 - sum(chances), min(chances, default=0))
        explanations.append((rate_weight * nothing, 0.0, len(seen)))
        for first, chance in zip(firsts, chances, strict=True):
            explanations += [
                (rate_weight * chance * w, a, first) for a, w in zip(amounts, by_amount, strict=True) if w > 1e-12
            ]
    weights, means = [], []
    variance = SD**2 - ask @ solve @ ask
    for chance, amount, first in explanations:
        shift = np.where(np.arange(len(seen)) >= first, amount, 0.0)
        gap = seen - MEAN - shift
        weights.append(chance * math.exp(-0.5 * gap @ solve @ gap))
        means.append(MEAN + ask @ solve @ gap + amount)
    mixed, values = np.array(weights) / sum(weights), np.array(means)
    mean = float(mixed @ values)
    return mean, math.sqrt(variance + float(mixed @ (values - mean) ** 2))
