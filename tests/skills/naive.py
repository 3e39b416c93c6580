"""A slow plain twin of the estimate: scalar loops, and a general-purpose optimiser.

It shares no code with the model beyond reading the evidence sources, pools nothing, and works with the inverse of
the prior covariance of facts and question together.
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
    for one in facts:
        day = one.at.astimezone(UTC).date().toordinal()
        source = source_named(one.source)
        for seen in source.observe(one, source.trust):
            if isinstance(seen, LevelSeen):
                terms.append(("level", (number((seen.skill, day)), seen.level - seen.trust.bias, seen.trust.sd)))
            else:
                needs = [(number((need.skill, day)), need.level) for need in seen.needs]
                terms.append(("outcome", (needs, seen.success)))
    prior = np.array([[kernel(catalogue, a, b) for b in places] for a in places])
    inverse = np.linalg.inv(prior)

    def minus_log_posterior(theta: np.ndarray) -> float:
        gap = theta - MEAN
        total = 0.5 * gap @ inverse @ gap
        for kind, body in terms:
            if kind == "level":
                index, level, sd = body
                total += 0.5 * ((level - theta[index]) / sd) ** 2
            else:
                needs, success = body
                log_all = sum(-math.log1p(math.exp(-SLOPE * (theta[i] - d + OFFSET))) for i, d in needs)
                total -= log_all if success else math.log(-math.expm1(log_all))
        return float(total)

    # In the whitened space of the prior the problem is well scaled, which a general optimiser needs.
    root = np.linalg.cholesky(prior)
    found = minimize(lambda z: minus_log_posterior(MEAN + root @ z), np.zeros(len(places)), method="BFGS",
                     options={"gtol": 1e-7, "maxiter": 5000})  # fmt: skip
    theta = MEAN + root @ found.x
    curvature = inverse.copy()
    for kind, body in terms:
        if kind == "level":
            index, _, sd = body
            curvature[index, index] += 1 / sd**2
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
