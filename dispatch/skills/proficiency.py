"""Pure: facts about a person and a date in, the level in every skill out, each with its uncertainty.

The result depends on the set of facts only, never on the order they arrived in. Facts after the date, contested
facts and, while no agreement allows them, outcomes are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from dispatch.skills.catalogue import Catalogue
from dispatch.skills.constants import DEFAULTS, Constants
from dispatch.skills.estimate import (
    DEFAULT_RULES,
    Estimate,
    QualificationRules,
    certainty,
    expected_success,
    likely_level,
    p_fix,
    qualified,
    qualified_level,
)
from dispatch.skills.evidence import Fact, LevelSeen, Need, Observation, OutcomeSeen
from dispatch.skills.inference import LevelSite, OutcomeSite, Posterior, infer, log_evidence
from dispatch.skills.sources import source_named

__all__ = [
    "DEFAULTS",
    "DEFAULT_RULES",
    "Constants",
    "Contribution",
    "Estimate",
    "Heard",
    "Need",
    "QualificationRules",
    "certainty",
    "contributions",
    "estimate",
    "estimate_many",
    "evidence_of",
    "expected_success",
    "heard",
    "likely_level",
    "p_fix",
    "qualified",
    "qualified_level",
]


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One observation that counts, with the fact it comes from."""

    fact: Fact
    observation: Observation
    beside: bool = False  # a further thing that a fact says; the fact is counted with its first one

    @property
    def skills(self) -> frozenset[int]:
        """Return the skills this speaks about directly."""
        if isinstance(self.observation, LevelSeen):
            return frozenset((self.observation.skill,))
        return frozenset(need.skill for need in self.observation.needs)


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What some facts move in one skill: the estimate with everything, and the estimate without them."""

    facts: tuple[int, ...]
    with_facts: Estimate
    without: Estimate

    @property
    def moved(self) -> float:
        """Return by how many levels the facts raise the estimate (negative: lower it)."""
        return self.with_facts.mean - self.without.mean


def estimate(
    facts: Iterable[Fact],
    catalogue: Catalogue,
    skills: Sequence[int],
    at: datetime,
    *,
    outcomes: bool,
    constants: Constants = DEFAULTS,
) -> dict[int, Estimate]:
    """Estimate one person's level in each of `skills` as of `at`.

    Parameters
    ----------
    facts
        Everything known about the person, in any order; facts after `at` are ignored.
    catalogue
        The skill tree; every skill that a fact speaks about must be in it.
    skills
        Which skills to estimate. Skills without a fact of their own still learn from their neighbours.
    at
        Aware instant. The model's clock ticks in whole UTC days.
    outcomes
        Whether an agreement allows facts about job outcomes to count.
    constants
        The model's numbers.
    """
    counted = heard(facts, at, outcomes=outcomes, constants=constants)
    posterior = _posterior(counted, catalogue, at, constants)
    return _describe(counted, posterior, catalogue, skills, at)


def estimate_many(
    people: Mapping[int, Iterable[Fact]],
    catalogue: Catalogue,
    skills: Sequence[int],
    at: datetime,
    *,
    outcomes: bool,
    constants: Constants = DEFAULTS,
) -> dict[int, dict[int, Estimate]]:
    """Estimate many people, by person and skill; each exactly as `estimate` would alone."""
    return {
        person: estimate(facts, catalogue, skills, at, outcomes=outcomes, constants=constants)
        for person, facts in people.items()
    }


def contributions(
    facts: Iterable[Fact],
    catalogue: Catalogue,
    skill: int,
    at: datetime,
    *,
    outcomes: bool,
    constants: Constants = DEFAULTS,
    groups: Sequence[Sequence[int]] | None = None,
) -> list[Contribution]:
    """Say what facts move in one skill, by estimating again without them.

    `groups` are the keys of facts to leave out together (a month of similar jobs, say); by default each fact stands
    alone. Nothing is approximated, so the figures agree with `estimate` on the reduced facts.
    """
    all_facts = tuple(facts)
    everything = estimate(all_facts, catalogue, [skill], at, outcomes=outcomes, constants=constants)[skill]
    if groups is None:
        groups = [(fact.key,) for fact in sorted(all_facts, key=_order)]
    result = []
    for group in groups:
        left_out = frozenset(group)
        rest = [fact for fact in all_facts if fact.key not in left_out]
        without = estimate(rest, catalogue, [skill], at, outcomes=outcomes, constants=constants)[skill]
        result.append(Contribution(facts=tuple(group), with_facts=everything, without=without))
    return result


def evidence_of(
    facts: Iterable[Fact], catalogue: Catalogue, at: datetime, *, outcomes: bool, constants: Constants = DEFAULTS
) -> float:
    """Return how likely one person's facts are under some constants (logarithm of the marginal likelihood)."""
    counted = heard(facts, at, outcomes=outcomes, constants=constants)
    return log_evidence(*_sites(counted, at, constants), catalogue, constants)


def heard(facts: Iterable[Fact], at: datetime, *, outcomes: bool, constants: Constants = DEFAULTS) -> tuple[Heard, ...]:
    """Return the observations that count at a date, oldest first, each voice's newest word only."""
    if at.tzinfo is None:
        raise ValueError("an estimate needs an instant with a time zone")
    spoken: dict[tuple[object, ...], Heard] = {}
    for fact in sorted(facts, key=_order):
        source = source_named(fact.source)
        if fact.contested or fact.at > at or (source.outcome and not outcomes):
            continue
        try:
            observations = source.observe(fact, constants.trust.get(source.name, source.trust))
        except ValueError as error:
            raise ValueError(f"fact {fact.key} ({fact.source}) cannot be read: {error}") from error
        for number, observation in enumerate(observations):
            who: tuple[object, ...] = (fact.key, number)
            if isinstance(observation, LevelSeen) and observation.voice is not None:
                who = (source.name, observation.skill, observation.voice)
            spoken[who] = Heard(fact=fact, observation=observation, beside=number > 0)
    return tuple(spoken.values())


def _order(fact: Fact) -> tuple[datetime, int]:
    return (fact.at, fact.key)


def _posterior(counted: Sequence[Heard], catalogue: Catalogue, at: datetime, constants: Constants) -> Posterior:
    return infer(*_sites(counted, at, constants), catalogue, constants)


def _sites(counted: Sequence[Heard], at: datetime, constants: Constants) -> tuple[list[LevelSite], list[OutcomeSite]]:
    """Turn what was heard into sites; outcomes of past months become counts in the middle of their month."""
    levels: list[LevelSite] = []
    counts: Counter[tuple[tuple[tuple[int, float], ...], float, bool]] = Counter()
    for item in counted:
        seen = item.observation
        if isinstance(seen, LevelSeen):
            unbiased = seen.level - seen.trust.bias
            # What was read off work is counted by month like the work itself.
            measured = source_named(item.fact.source).outcome
            worked = _outcome_day(item.fact.at, at, constants.single_outcome_days)
            levels.append(
                LevelSite(
                    skill=seen.skill,
                    day=worked if measured else _day(item.fact.at),
                    level=unbiased,
                    sd=seen.trust.sd,
                    shared=0.0 if seen.voice is None else seen.trust.shared,
                    voice=f"{item.fact.source}:{seen.voice}",
                )
            )
        else:
            day = _outcome_day(item.fact.at, at, constants.single_outcome_days)
            needs = tuple((need.skill, need.level) for need in seen.needs)
            # Fixed work says the same about each need on its own, so it is counted by skill and level.
            for part in [(need,) for need in needs] if seen.success else [needs]:
                counts[part, day, seen.success] += 1
    places = {(needs, day) for needs, day, _ in counts}
    outcome_sites = [
        OutcomeSite(needs=needs, day=day, fixed=counts[needs, day, True], failed=counts[needs, day, False])
        for needs, day in places
    ]
    return levels, outcome_sites


def _outcome_day(happened: datetime, at: datetime, single_days: int) -> float:
    """Return the model day of an outcome: its own while recent, else the middle of its month."""
    on = happened.astimezone(UTC).date()
    next_month = date(on.year + on.month // 12, on.month % 12 + 1, 1)
    if _day(at) - next_month.toordinal() < single_days:
        return float(on.toordinal())
    return float(on.replace(day=15).toordinal())


def _day(instant: datetime) -> float:
    return float(instant.astimezone(UTC).date().toordinal())


def _describe(
    counted: Sequence[Heard], posterior: Posterior, catalogue: Catalogue, skills: Sequence[int], at: datetime
) -> dict[int, Estimate]:
    """Put the posterior of each skill beside what is known about its facts."""
    means, sds = posterior.at(catalogue.positions(skills), _day(at))
    confirmed: set[int] = set()
    claimed: set[int] = set()
    facts: Counter[int] = Counter()
    used: dict[int, date] = {}
    latest: dict[int, date] = {}
    for item in counted:
        if item.beside:
            continue
        on = item.fact.at.astimezone(UTC).date()
        for skill in item.skills:
            facts[skill] += 1
            latest[skill] = max(on, latest.get(skill, on))
            if isinstance(item.observation, OutcomeSeen):
                used[skill] = max(on, used.get(skill, on))
        if isinstance(item.observation, OutcomeSeen):
            # Work that failed is heard, but it does not confirm that somebody can do it.
            confirmed |= item.skills if item.observation.success else frozenset()
        elif item.observation.confirms:
            confirmed |= item.skills
        else:
            claimed |= item.skills
    return {
        skill: Estimate(
            skill=skill,
            on=at.astimezone(UTC).date(),
            mean=float(mean),
            sd=float(sd),
            confirmed=skill in confirmed,
            claimed=skill in claimed,
            critical=catalogue.spec(skill).critical,
            facts=facts[skill],
            last_used=used.get(skill),
            last_fact=latest.get(skill),
        )
        for skill, mean, sd in zip(skills, np.asarray(means), np.asarray(sds), strict=True)
    }
