"""Does the estimate tell the truth? Synthetic people whose true levels are known."""

import numpy as np

from dispatch.skills.estimate import expected_success
from dispatch.skills.inference import covariance
from dispatch.skills.proficiency import DEFAULTS, estimate
from tests.skills.build import BOILER, CATALOGUE, LEAK, LIGHTS, METER, after, claim, outcome, supervisor

SKILLS = [BOILER, METER, LEAK, LIGHTS]
MONTHS = 18
PEOPLE = 60


def test_predictions_beat_claims_and_intervals_hold() -> None:
    """True levels drift as the model assumes; what is judged is the next month's work, never seen before."""
    rng = np.random.default_rng(7)
    positions = CATALOGUE.positions(SKILLS)
    skill = np.repeat(positions, MONTHS + 1)
    day = np.tile(np.arange(MONTHS + 1) * 30.4375, len(SKILLS))
    root = np.linalg.cholesky(covariance(CATALOGUE, DEFAULTS, skill, day, skill, day) + 1e-9 * np.eye(len(day)))
    predicted, by_claim, by_truth, happened, z = [], [], [], [], []
    for _ in range(PEOPLE):
        truth = (2.5 + root @ rng.standard_normal(len(day))).reshape(len(SKILLS), MONTHS + 1)
        said = np.clip(np.round(truth[:, 0] + 0.5 + rng.standard_normal(len(SKILLS))), 1, 5)
        facts = [claim(float(level), skill=number) for number, level in zip(SKILLS, said, strict=True)]
        judged = float(np.clip(np.round(2 * (truth[0, 0] + 0.5 * rng.standard_normal())) / 2, 1, 5))
        facts.append(supervisor(judged, skill=BOILER))
        for month in range(1, MONTHS):
            for row, number in enumerate(SKILLS):
                for _ in range(int(rng.integers(0, 3))):
                    need = int(rng.integers(1, 5))
                    fixed = rng.random() < 1 / (1 + np.exp(-(truth[row, month] - need + 1.5)))
                    facts.append(outcome(after(months=month), needs=((number, need),), fixed=bool(fixed)))
        found = estimate(facts, CATALOGUE, SKILLS, after(months=MONTHS), outcomes=True)
        for row, number in enumerate(SKILLS):
            one = found[number]
            z.append((truth[row, MONTHS] - one.mean) / one.sd)
            for need in (1, 2, 3, 4):
                chance = 1 / (1 + np.exp(-(truth[row, MONTHS] - need + 1.5)))
                happened.append(rng.random() < chance)
                by_truth.append(chance)
                by_claim.append(1 / (1 + np.exp(-(said[row] - 0.5 - need + 1.5))))
                predicted.append(float(expected_success(np.array(one.mean), np.array(one.sd), np.array(need))))
    actual = np.array(happened, dtype=float)
    brier = {
        name: float(np.mean((np.array(values) - actual) ** 2))
        for name, values in (("model", predicted), ("claims", by_claim), ("truth", by_truth))
    }
    assert brier["truth"] < brier["model"] < brier["claims"]
    assert (brier["claims"] - brier["model"]) / (brier["claims"] - brier["truth"]) > 0.6, brier
    inside = float(np.mean(np.abs(z) < 1.645))
    assert 0.85 <= inside <= 0.95, inside
    assert abs(float(np.mean(predicted)) - float(actual.mean())) < 0.02
