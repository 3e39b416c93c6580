"""Pure: work that history lets one expect, week by week with bands, and how far off such expectations have been.

Every series of weeks is filtered by a small dynamic linear model (West and Harrison, *Bayesian Forecasting and Dynamic
Models*, chapters 4 and 8) on the square root of its seconds, where the noise of counts is even: a level that wanders, a
damped slope and two waves a year. Which of a few settings of it a series follows is chosen by how likely each made the
weeks that came. Bands are quantiles of errors that the model has really made at the same distance, of the series itself
and of all of them, so bursts widen them as bursts do.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from dispatch.coverage.expectation import LEAST_WEEKS, Forecast, TrackRecord

Key = TypeVar("Key", bound=Hashable)
Floats: TypeAlias = NDArray[np.float64]

TESTED_WEEKS = 8
"""Weeks whose expectations are replayed for the track record."""
LEAD_WEEKS = (1, 2, 3, 4)
YEAR_WEEKS = 52
PROBABILITIES = (0.10, 0.25, 0.75, 0.90)
"""Borders of the 80 % band outside and of the 50 % band inside."""

_YEAR_DAYS = 365.2425
_WAVES = 2
_DAMPING = 0.95
_LEVEL_NOISE = (0.002, 0.02, 0.1)
"""Variance by which the level wanders in a week; like all others in units of a week's own noise."""
_SLOPE_SD = (0.0, 0.15)
_WAVE_SD = (0.0, 1.0, 4.0)
_SLOPE_COST = 1.5
_WAVE_COST = 4.0
"""How much likelier (natural logarithm) the past must be with a slope, with waves, before they are believed."""
_WIDE = 1e4
_LEARNT_FROM = 52
"""Past errors that bands are read from."""
_OWN_WEIGHT = 30
"""With this many errors of its own, a series trusts them as much as those of all series together."""
_GIVEN_WEIGHT = 12
_GIVEN_FREEDOM = 5
"""As many errors of a Student distribution with so many degrees of freedom stand in while there are few real ones."""


def forecast(histories: Mapping[Key, Sequence[int]], *, first: date, weeks: int) -> dict[Key, Forecast]:
    """Expect the weeks that follow.

    Parameters
    ----------
    histories
        Seconds of work by complete week, oldest first; all series of the same length.
    first
        Monday of the oldest week, which says where in the year each stands.
    weeks
        How many weeks to look ahead.

    Returns
    -------
    Empty when there are fewer than eight weeks of history.

    Raises
    ------
    ValueError
        If series differ in length.
    """
    work = _matrix(histories)
    if work.shape[1] < LEAST_WEEKS or weeks < 1:
        return {}
    (seen,) = _filtered(work, first, weeks, [work.shape[1] - 1])
    mean, borders = _expected(seen)
    whole = np.rint(mean).astype(int), np.rint(borders).astype(int)
    return {key: Forecast(mean_s=tuple(whole[0][i].tolist()), **_named(whole[1][i])) for i, key in enumerate(histories)}


def track_record(histories: Mapping[Key, Sequence[int]], *, first: date) -> TrackRecord | None:
    """Replay the last eight weeks: expect each from one to four weeks before and compare with what came.

    Each expectation and its bands use only what was known then. None when history is too short or nothing came.
    """
    work = _matrix(histories)
    length = work.shape[1]
    origins = range(max(LEAST_WEEKS - 1, length - TESTED_WEEKS - max(LEAD_WEEKS)), length - 1)
    tested: set[int] = set()
    off = bias = naive = real = 0.0
    inside, asked = np.zeros(2), 0
    for seen in _filtered(work, first, max(LEAD_WEEKS), origins):
        origin = seen.origin
        mean, borders = _expected(seen)
        for lead in LEAD_WEEKS:
            week = origin + lead
            if not length - TESTED_WEEKS <= week < length:
                continue
            came, said = work[:, week], mean[:, lead - 1]
            plain = work[:, week - YEAR_WEEKS] if week >= YEAR_WEEKS else work[:, origin]
            tested.add(week)
            off += float(np.abs(said - came).sum())
            bias += float((said - came).sum())
            naive += float(np.abs(plain - came).sum())
            real += float(came.sum())
            low80, low50, high50, high80 = borders[:, lead - 1].T
            inside += (_within(came, low50, high50), _within(came, low80, high80))
            asked += len(came)
    if not tested or real <= 0:
        return None
    return TrackRecord(
        weeks=len(tested),
        off_percent=100 * off / real,
        bias_percent=100 * bias / real,
        naive_percent=100 * naive / real,
        inside50_percent=100 * float(inside[0]) / asked,
        inside80_percent=100 * float(inside[1]) / asked,
    )


def _within(came: Floats, low: Floats, high: Floats) -> int:
    # Borders are told in whole seconds, so half a second outside is inside.
    return int(((came >= low - 0.5) & (came <= high + 0.5)).sum())


def _named(borders: NDArray[np.int_]) -> dict[str, tuple[int, ...]]:
    names = ("low80_s", "low50_s", "high50_s", "high80_s")
    return {name: tuple(borders[:, place].tolist()) for place, name in enumerate(names)}


def _matrix(histories: Mapping[Key, Sequence[int]]) -> Floats:
    lengths = {len(history) for history in histories.values()}
    if len(lengths) > 1:
        raise ValueError(f"series of {sorted(lengths)} weeks: give all of the same length")
    return np.array(list(histories.values()), dtype=float).reshape(len(histories), max(lengths, default=0))


# ---- the model, all series at once -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What the filter said about the weeks after each, as known at the end of one week of origin.

    Everything is on the root scale.

    Attributes
    ----------
    origin
        Number of the last week that is known.
    root
        What came, (series, week).
    since
        Number of the first week of the arrays below; what was expected earlier nobody asks.
    mean
        What was expected, (series, week, lead).
    scale
        Noise of one week as it was known then, (series, week).
    chosen
        Number of the setting that each series follows.
    spread
        Variance of what was expected in units of that noise, (setting, week, lead).
    """

    origin: int
    root: Floats
    since: int
    mean: Floats
    scale: Floats
    chosen: NDArray[np.int_]
    spread: Floats

    @property
    def leads(self) -> int:
        return int(self.mean.shape[2])

    def sd(self, weeks: NDArray[np.int_], leads: NDArray[np.int_]) -> Floats:
        """Give the deviations of what was expected at these weeks for so many weeks later; (series, weeks)."""
        places = weeks - self.since
        own: Floats = np.sqrt(self.spread[:, places, leads - 1])[self.chosen] * np.sqrt(self.scale[:, places])
        return own


def _waves(first: date, weeks: int) -> Floats:
    """Give what each week sees of the state: the level, and its place on the waves of the year; (weeks, state)."""
    angle = 2 * np.pi * (first.timetuple().tm_yday + 7.0 * np.arange(weeks)) / _YEAR_DAYS
    columns = [np.ones(weeks), np.zeros(weeks)]
    for wave in range(1, _WAVES + 1):
        columns += [np.cos(wave * angle), np.sin(wave * angle)]
    return np.stack(columns, axis=1)


def _filtered(work: Floats, first: date, leads: int, origins: Sequence[int]) -> list[_Seen]:
    """Filter every series under every setting and keep for each origin what the setting likeliest until then said.

    A filter looks only back, so one run over all weeks serves every origin.
    """
    root = np.sqrt(work)
    series, weeks = root.shape
    seen_by = _waves(first, weeks + leads)
    begins = [max(0, origin + 1 - _LEARNT_FROM - leads) for origin in origins]
    if not origins:
        return []
    since = begins[0]
    best = [np.full(series, -np.inf) for _ in origins]
    chosen = [np.zeros(series, dtype=int) for _ in origins]
    means = [np.zeros((series, origin + 1 - begin, leads)) for origin, begin in zip(origins, begins, strict=True)]
    scales = [np.zeros((series, origin + 1 - begin)) for origin, begin in zip(origins, begins, strict=True)]
    spreads: list[Floats] = []
    for number, setting in enumerate(product(_LEVEL_NOISE, _SLOPE_SD, _WAVE_SD)):
        likely, said, spread, noise = _one_setting(root, seen_by, leads, *setting, since=since)
        spreads.append(spread)
        cost = _SLOPE_COST * (setting[1] > 0) + _WAVE_COST * (setting[2] > 0)
        for place, (origin, begin) in enumerate(zip(origins, begins, strict=True)):
            until = likely[origin] - cost
            better = until > best[place]
            best[place][better] = until[better]
            chosen[place][better] = number
            span = slice(begin - since, origin + 1 - since)
            means[place][better], scales[place][better] = said[better, span], noise[better, span]
    return [
        _Seen(
            origin=origin,
            root=root,
            since=begin,
            mean=means[place],
            scale=scales[place],
            chosen=chosen[place],
            spread=np.stack([spread[begin - since : origin + 1 - since] for spread in spreads]),
        )
        for place, (origin, begin) in enumerate(zip(origins, begins, strict=True))
    ]


def _one_setting(
    root: Floats, seen_by: Floats, leads: int, level_noise: float, slope_sd: float, wave_sd: float, *, since: int = 0
) -> tuple[Floats, Floats, Floats, Floats]:
    """Run the filter once; its gains are those of all series, for every variance is in units of a series' own noise.

    Returns
    -------
    log likelihood of all weeks until each (weeks, series); and from the week `since` on means (series, weeks, leads),
    their variances in units of noise (weeks, leads), and the noise of one week (series, weeks).
    """
    series, weeks = root.shape
    size = seen_by.shape[1]
    step = np.eye(size)
    step[0, 1], step[1, 1] = 1.0, _DAMPING
    wander = np.diag([level_noise, (0.1 * slope_sd) ** 2] + [0.0] * (size - 2))
    spread = np.diag([_WIDE, slope_sd**2] + [wave_sd**2] * (size - 2))
    state = np.zeros((series, size))
    state[:, 0] = root[:, :LEAST_WEEKS].mean(axis=1)
    noise = 0.5 * np.square(np.diff(root[:, :LEAST_WEEKS], axis=1)).mean(axis=1) + 1e-3
    trust = 2.0
    likely = np.zeros((weeks, series))
    means, variances = np.zeros((series, weeks - since, leads)), np.ones((weeks - since, leads))
    noises = np.zeros((series, weeks - since))
    steps = np.stack([np.linalg.matrix_power(step, lead) for lead in range(leads + 1)])
    wandered = np.cumsum(steps[:-1] @ wander @ steps[:-1].transpose(0, 2, 1), axis=0)
    for week in range(weeks):
        if week:
            state, spread = state @ step.T, step @ spread @ step.T + wander
        eye = seen_by[week]
        total = float(eye @ spread @ eye) + 1.0
        error = root[:, week] - state @ eye
        squared = np.square(error) / total
        if week >= LEAST_WEEKS:
            likely[week] = likely[week - 1] + _student(squared, noise, total, trust)
        gain = spread @ eye / total
        state = state + error[:, None] * gain
        spread = spread - np.outer(gain, gain) * total
        # A series may change its ways, so what it did two years ago counts little.
        noise = (trust * noise + squared) / (trust + 1.0)
        trust = min(trust + 1.0, 2.0 * YEAR_WEEKS)
        # Earlier weeks only teach: nobody asks what was expected then.
        if week >= since:
            at = week - since
            noises[:, at] = noise
            later = seen_by[week + 1 : week + 1 + leads]
            looks = np.einsum("li,lij->lj", later, steps[1:])
            means[:, at] = state @ looks.T
            variances[at] = np.einsum("li,ij,lj->l", looks, spread, looks) + 1.0
            variances[at] += np.einsum("li,lij,lj->l", later, wandered, later)
    return likely, means, variances, noises


def _student(squared: Floats, noise: Floats, total: float, trust: float) -> Floats:
    """Log density of a standardised squared error when the noise itself is only estimated from `trust` weeks."""
    from scipy.special import gammaln

    constant = gammaln((trust + 1) / 2) - gammaln(trust / 2) - 0.5 * np.log(trust * np.pi)
    density: Floats = constant - 0.5 * np.log(noise * total) - (trust + 1) / 2 * np.log1p(squared / (trust * noise))
    return density


def _expected(seen: _Seen) -> tuple[Floats, Floats]:
    """Give means (series, leads) and borders (series, leads, 4) in seconds, as known at the end of the origin."""
    leads = np.arange(1, seen.leads + 1)
    mean = seen.mean[:, seen.origin - seen.since]
    sd = seen.sd(np.full(seen.leads, seen.origin), leads)
    borders = np.empty((*mean.shape, len(PROBABILITIES)))
    for lead in range(seen.leads):
        borders[:, lead] = mean[:, lead, None] + sd[:, lead, None] * _quantiles(seen, lead + 1)
    expected: Floats = np.square(np.maximum(mean, 0.0)) + np.square(sd) * (mean > 0)
    return expected, np.square(np.maximum(borders, 0.0))


def _quantiles(seen: _Seen, lead: int) -> Floats:
    """Quantiles of standardised errors at this distance: own ones and everybody's, weighed by how many are its own."""
    from scipy.special import stdtrit

    start = max(LEAST_WEEKS, seen.origin + 1 - _LEARNT_FROM)
    targets = np.arange(start, seen.origin + 1)
    targets = targets[targets - lead >= LEAST_WEEKS - 1]
    given = stdtrit(_GIVEN_FREEDOM, (np.arange(_GIVEN_WEIGHT) + 0.5) / _GIVEN_WEIGHT)
    if not len(targets):
        return np.broadcast_to(stdtrit(_GIVEN_FREEDOM, PROBABILITIES), (len(seen.root), len(PROBABILITIES)))
    before = targets - lead
    said, spread = seen.mean[:, before - seen.since, lead - 1], seen.sd(before, np.full(len(before), lead))
    errors = (seen.root[:, targets] - said) / spread
    pooled = np.quantile(np.concatenate([errors.ravel(), given]), PROBABILITIES)
    padded = np.concatenate([errors, np.broadcast_to(given, (len(errors), len(given)))], axis=1)
    own = np.quantile(padded, PROBABILITIES, axis=1).T
    weight = len(targets) / (len(targets) + _OWN_WEIGHT)
    blended: Floats = weight * own + (1 - weight) * pooled
    return blended
