"""How true and how fast the level model is, on synthetic people whose real levels are known.

Run ``python -m benchmarks.skills``. Every world is judged on work of the next month, which the model has not seen.
Brier: mean squared error of the predicted chance (lower is better); ``way`` is the share of the distance from own
claims to an oracle that knows the real levels. ``new`` is the error for people after their first 30 days of work,
``prior`` that of knowing nothing of them. Worlds other than ``as assumed`` break an assumption on purpose.
"""

import dispatch.skills  # noqa: F401, I001 - first, because it keeps NumPy's small matrices on one thread

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from dispatch.skills.catalogue import DAYS_PER_MONTH, Catalogue, Floats, SkillSpec
from dispatch.skills.estimate import expected_success
from dispatch.skills.evidence import Fact
from dispatch.skills.inference import covariance
from dispatch.skills.proficiency import DEFAULTS, estimate

START = datetime(2025, 1, 6, 8, tzinfo=UTC)
TRADES, SKILLS_EACH, PEOPLE, MONTHS, JOBS_A_MONTH = 6, 5, 40, 18, 8
SKILLS = [100 + number for number in range(TRADES * SKILLS_EACH)]
CATALOGUE = Catalogue.of(
    [SkillSpec(skill=1 + trade) for trade in range(TRADES)]
    + [SkillSpec(skill=skill, parent=1 + (skill - 100) // SKILLS_EACH) for skill in SKILLS]
)
POSITIONS = CATALOGUE.positions(SKILLS)

Drift = Callable[[np.random.Generator, Floats], Floats]


@dataclass(frozen=True, kw_only=True)
class World:
    """One way people and their raters may be."""

    name: str
    drift: Drift = lambda rng, levels: levels
    claim_bias: float = 0.5
    claims_everything: bool = False
    rater_bias_sd: float = 0.0


@dataclass(kw_only=True)
class Tally:
    """Predictions of one world against what happened."""

    model: list[float] = field(default_factory=list)
    claims: list[float] = field(default_factory=list)
    own_rate: list[float] = field(default_factory=list)
    oracle: list[float] = field(default_factory=list)
    happened: list[bool] = field(default_factory=list)
    inside: list[bool] = field(default_factory=list)
    new: list[float] = field(default_factory=list)
    new_prior: list[float] = field(default_factory=list)
    new_happened: list[bool] = field(default_factory=list)
    seconds: float = 0.0
    facts: int = 0


def heavy_tails(rng: np.random.Generator, levels: Floats) -> Floats:
    """Stretch every person's levels by a factor of their own, as a Student distribution does."""
    return 2.5 + (levels - 2.5) * float(np.sqrt(4 / rng.chisquare(4)))


def sudden_loss(rng: np.random.Generator, levels: Floats) -> Floats:
    """Let a third of the skills drop by a level and a half at some month, as after a change of equipment."""
    changed = levels.copy()
    for row in range(len(levels)):
        if rng.random() < 1 / 3:
            changed[row, int(rng.integers(6, MONTHS)) :] -= 1.5
    return changed


WORLDS = (
    World(name="as assumed"),
    World(name="heavy tails", drift=heavy_tails),
    World(name="sudden loss", drift=sudden_loss),
    World(name="biased raters", rater_bias_sd=0.7),
    World(name="claims everything", claims_everything=True),
)


def chance(level: Floats | float, need: float) -> Floats:
    """Return the true chance of fixing work at a needed level."""
    return np.asarray(1 / (1 + np.exp(-(np.asarray(level) - need + 1.5))))


def judge(world: World, seed: int) -> Tally:
    """Let the people of a world live, and predict their next month."""
    rng = np.random.default_rng(seed)
    months = np.arange(MONTHS + 1)
    skill, day = np.repeat(POSITIONS, MONTHS + 1), np.tile(months * DAYS_PER_MONTH, len(SKILLS))
    prior = covariance(CATALOGUE, DEFAULTS, skill, day, skill, day)
    root = np.linalg.cholesky(prior + 1e-9 * np.eye(len(day)))
    tally = Tally()
    for _ in range(PEOPLE):
        levels = world.drift(rng, (2.5 + root @ rng.standard_normal(len(day))).reshape(len(SKILLS), MONTHS + 1))
        live(world, rng, levels, tally)
    return tally


def live(world: World, rng: np.random.Generator, levels: Floats, tally: Tally) -> None:
    """Make one person's facts, estimate, and compare with the month that follows."""
    works_in = rng.choice(len(SKILLS), size=8, replace=False)
    facts: list[Fact] = []
    said: dict[int, float] = {}
    tried: dict[int, list[bool]] = {int(row): [] for row in works_in}

    def add(source: str, row: int, month: float, **detail: object) -> None:
        at = START + timedelta(days=month * DAYS_PER_MONTH)
        facts.append(Fact(key=len(facts), skill=SKILLS[row], at=at, source=source, detail=detail, rater="boss"))

    boss = rng.normal(0, world.rater_bias_sd)
    for row in map(int, works_in):
        claimed = 5.0 if world.claims_everything else levels[row, 0] + world.claim_bias + rng.normal()
        said[row] = float(np.clip(np.round(claimed), 1, 5))
        add("self_claim", row, 0, level=said[row])
        if rng.random() < 0.5:
            add(
                "supervisor",
                row,
                0,
                level=float(np.clip(np.round(2 * (levels[row, 0] + boss + rng.normal(0, 0.5))) / 2, 1, 5)),
            )
    for month in range(1, MONTHS):
        if month == 2:
            meet(facts, levels, works_in, tally)
        for _ in range(JOBS_A_MONTH):
            row = int(rng.choice(works_in))
            need = int(rng.integers(1, 5))
            fixed = bool(rng.random() < chance(levels[row, month], need))
            tried[row].append(fixed)
            add("job_outcome", row, month + rng.random() * 0.9, needs=[[SKILLS[row], need]], fixed=fixed)
    began = time.process_time()
    at = START + timedelta(days=MONTHS * DAYS_PER_MONTH)
    found = estimate(facts, CATALOGUE, SKILLS, at, outcomes=True)
    tally.seconds += time.process_time() - began
    tally.facts += len(facts)
    for row in map(int, works_in):
        one, real = found[SKILLS[row]], levels[row, MONTHS]
        tally.inside.append(abs(real - one.mean) < 1.645 * one.sd)
        for need in (1, 2, 3, 4):
            tally.oracle.append(float(chance(real, need)))
            tally.happened.append(bool(rng.random() < tally.oracle[-1]))
            tally.model.append(float(expected_success(np.array(one.mean), np.array(one.sd), np.array(need))))
            tally.claims.append(float(chance(said[row] - 0.5, need)))
            tally.own_rate.append((sum(tried[row]) + 1) / (len(tried[row]) + 2))


def meet(facts: list[Fact], levels: Floats, works_in: npt.NDArray[np.int64], tally: Tally) -> None:
    """Judge a person after their first 30 days of work, beside what is thought of somebody unknown."""
    luck = np.random.default_rng(len(tally.new))
    at = START + timedelta(days=2 * DAYS_PER_MONTH)
    found = estimate(facts, CATALOGUE, SKILLS, at, outcomes=True)
    unknown = estimate([], CATALOGUE, SKILLS, at, outcomes=True)
    for row in map(int, works_in):
        for need in (1, 2, 3, 4):
            tally.new_happened.append(bool(luck.random() < chance(levels[row, 2], need)))
            for guesses, known in ((tally.new, found), (tally.new_prior, unknown)):
                one = known[SKILLS[row]]
                guesses.append(float(expected_success(np.array(one.mean), np.array(one.sd), np.array(need))))


def brier(predicted: list[float], happened: list[bool]) -> float:
    """Mean squared error of predicted chances."""
    return float(np.mean((np.array(predicted) - np.array(happened)) ** 2))


def calibration_error(tally: Tally) -> float:
    """Mean distance between predicted and true chance over ten bins of predictions, weighted by their size."""
    predicted, true = np.array(tally.model), np.array(tally.oracle)
    bins = np.minimum((predicted * 10).astype(int), 9)
    gaps = [
        (bins == one).mean() * abs(predicted[bins == one].mean() - true[bins == one].mean()) for one in np.unique(bins)
    ]
    return float(np.sum(gaps))


def main() -> None:
    """Print one line a world."""
    print(
        f"{'world':18} {'model':>6} {'claims':>6} {'own':>6} {'oracle':>6} {'way':>5}"
        f" {'calib':>6} {'in 90%':>6} {'ms':>6} facts {'new':>6} {'prior':>6}"
    )
    for world in WORLDS:
        tally = judge(world, seed=11)
        model, claims, own, oracle = (
            brier(values, tally.happened) for values in (tally.model, tally.claims, tally.own_rate, tally.oracle)
        )
        way = (claims - model) / (claims - oracle)
        print(
            f"{world.name:18} {model:6.3f} {claims:6.3f} {own:6.3f} {oracle:6.3f} {way:5.2f}"
            f" {calibration_error(tally):6.3f} {np.mean(tally.inside):6.2f}"
            f" {1000 * tally.seconds / PEOPLE:6.1f} {tally.facts / PEOPLE:5.0f}"
            f" {brier(tally.new, tally.new_happened):6.3f} {brier(tally.new_prior, tally.new_happened):6.3f}"
        )


if __name__ == "__main__":
    main()
