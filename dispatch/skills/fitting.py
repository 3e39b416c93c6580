"""Pure: the constants of the level model, fitted to what an organisation has on record.

Each constant is moved in turn, on a scale where steps compare, as long as the facts of many people become likelier
(marginal likelihood) by more than the constant moves away from its default (a normal prior on that scale): what the
facts say nothing about stays where it is. A fifth of the people are not shown; on them the report says whether the new
constants explain facts better, and how well outcomes of the last part of their record are foretold from the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from dispatch.skills.catalogue import Catalogue
from dispatch.skills.constants import DEFAULTS, Constants
from dispatch.skills.estimate import p_fix
from dispatch.skills.evidence import Fact, OutcomeSeen, Trust
from dispatch.skills.proficiency import estimate, evidence_of, heard
from dispatch.skills.sources import SOURCES

FEWEST_PEOPLE, FEWEST_FACTS, FACTS_EACH = 20, 300, 5
MOST_PEOPLE = 150  # more only take longer: the constants are few
ROUNDS = 3
ENOUGH = 0.2  # gain of a round below which it ends, in units of log-likelihood
HELD_OUT = 5  # every fifth person


@dataclass(frozen=True, kw_only=True)
class _Dial:
    """One number that may be moved: how to read and set it, and how far a usual step goes on its scale."""

    name: str
    read: Callable[[Constants], float]
    set: Callable[[Constants, float], Constants]
    scale: str  # "log" for what is positive, "logit" for a share, "plain"
    spread: float  # sd of the prior around the default, on the scale


@dataclass(frozen=True, kw_only=True)
class Foretold:
    """How well outcomes were foretold that the estimate had not seen."""

    outcomes: int
    brier: float
    calibration: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """What fitting found: for each constant the old and new value, and what it gains."""

    people: int
    facts: int
    held_out: int
    moved: tuple[tuple[str, float, float], ...]
    gain: float  # of the log-likelihood of those it learned from
    gain_held_out: float
    before: Foretold
    after: Foretold
    constants: Constants


def fit_constants(
    people: Mapping[int, Sequence[Fact]],
    catalogue: Catalogue,
    at: datetime,
    *,
    outcomes: bool,
    start: Constants = DEFAULTS,
) -> Report:
    """Fit the constants to the facts of many people, by person.

    Raises
    ------
    ValueError
        With a sentence that says how much there is and how much it takes, when there is too little to learn from.
    """
    known = {who: list(heard(facts, at, outcomes=outcomes)) for who, facts in people.items()}
    full = sorted(who for who, counted in known.items() if len(counted) >= FACTS_EACH)
    facts = sum(len(known[who]) for who in full)
    if len(full) < FEWEST_PEOPLE or facts < FEWEST_FACTS:
        raise ValueError(
            f"{len(full)} people have {FACTS_EACH} facts or more on record, {facts} together; fitting takes"
            f" {FEWEST_PEOPLE} people and {FEWEST_FACTS} facts. The constants stay as they are"
        )
    chosen = full[:: math.ceil(len(full) / MOST_PEOPLE)]
    held = chosen[::HELD_OUT]
    learn = [who for who in chosen if who not in set(held)]

    def likelihood(who: Sequence[int], constants: Constants) -> float:
        return sum(evidence_of(people[one], catalogue, at, outcomes=outcomes, constants=constants) for one in who)

    found = _climb(lambda constants: likelihood(learn, constants), _dials(known, learn), start)
    return Report(
        people=len(chosen),
        facts=sum(len(known[who]) for who in chosen),
        held_out=len(held),
        moved=tuple((dial.name, dial.read(start), dial.read(found)) for dial in _dials(known, learn)),
        gain=likelihood(learn, found) - likelihood(learn, start),
        gain_held_out=likelihood(held, found) - likelihood(held, start),
        before=_foretell(people, held, catalogue, at, outcomes, start),
        after=_foretell(people, held, catalogue, at, outcomes, found),
        constants=found,
    )


def _climb(value: Callable[[Constants], float], dials: Sequence[_Dial], start: Constants) -> Constants:
    """Move one dial after the other to the top of a parabola through three points, while that gains."""
    origin = {dial.name: _to_scale(dial, dial.read(DEFAULTS)) for dial in dials}

    def worth(constants: Constants) -> float:
        away = sum(((_to_scale(d, d.read(constants)) - origin[d.name]) / d.spread) ** 2 for d in dials)
        return value(constants) - 0.5 * away

    here, best = start, worth(start)
    for round_ in range(ROUNDS):
        began = best
        for dial in dials:
            middle, step = _to_scale(dial, dial.read(here)), dial.spread * 0.5 ** (round_ + 1)
            tries = {at: dial.set(here, _from_scale(dial, at)) for at in (middle - step, middle + step)}
            down, up = (worth(each) for each in tries.values())
            bend = down - 2 * best + up
            if bend < 0:
                top = middle + float(np.clip(0.5 * step * (down - up) / bend, -2 * step, 2 * step))
                tries[top] = dial.set(here, _from_scale(dial, top))
            for each in tries.values():
                if (reached := worth(each)) > best:
                    here, best = each, reached
        if best - began < ENOUGH:
            break
    return here


def _dials(known: Mapping[int, Sequence[object]], who: Sequence[int]) -> list[_Dial]:
    """Return what may be moved: the process, the likelihood of work, and the trust in each source that was heard."""
    sources = {item.fact.source for one in who for item in known[one]}  # type: ignore[attr-defined]  # heard facts
    dials = [
        _plain("mean", "plain", 0.5),
        _plain("sd", "log", 0.3),
        _plain("lasting", "logit", 0.7),
        _plain("slope", "log", 0.3),
        _plain("offset", "plain", 0.5),
        _plain("loss_a_year", "log", 1.0),
    ]
    for source in SOURCES:
        if source.name in sources and not source.outcome:
            dials += [_trusted(source.name, source.trust, "bias"), _trusted(source.name, source.trust, "sd")]
    return dials


def _plain(name: str, scale: str, spread: float) -> _Dial:
    return _Dial(
        name=name,
        read=lambda constants: float(getattr(constants, name)),
        set=lambda constants, value: replace(constants, **{name: value}),  # type: ignore[arg-type]  # by name
        scale=scale,
        spread=spread,
    )


def _trusted(source: str, usual: Trust, part: str) -> _Dial:
    def put(constants: Constants, value: float) -> Constants:
        trust = constants.trust.get(source, usual)
        if part == "bias":
            changed = replace(trust, bias=value)
        else:
            changed = Trust(bias=trust.bias, sd=value, shared=trust.shared * value / trust.sd)
        return replace(constants, trust={**constants.trust, source: changed})

    return _Dial(
        name=f"{source} {part}",
        read=lambda constants: float(getattr(constants.trust.get(source, usual), part)),
        set=put,
        scale="plain" if part == "bias" else "log",
        spread=0.3,
    )


def _to_scale(dial: _Dial, value: float) -> float:
    if dial.scale == "log":
        return math.log(value)
    return math.log(value / (1 - value)) if dial.scale == "logit" else value


def _from_scale(dial: _Dial, value: float) -> float:
    if dial.scale == "log":
        return math.exp(value)
    return 1 / (1 + math.exp(-value)) if dial.scale == "logit" else value


def _foretell(
    people: Mapping[int, Sequence[Fact]],
    who: Sequence[int],
    catalogue: Catalogue,
    at: datetime,
    outcomes: bool,
    constants: Constants,
) -> Foretold:
    """Foretell the last fifth of each person's outcomes from what was on record before."""
    chances: list[float] = []
    happened: list[float] = []
    for one in who:
        work = [each for each in heard(people[one], at, outcomes=outcomes) if isinstance(each.observation, OutcomeSeen)]
        if len(work) < HELD_OUT:
            continue
        cut = work[-(len(work) // HELD_OUT)].fact.at
        earlier = [fact for fact in people[one] if fact.at < cut]
        asked = [each.observation for each in work if each.fact.at >= cut]
        needs = {need.skill for seen in asked for need in seen.needs}  # type: ignore[union-attr]  # outcomes only
        found = estimate(earlier, catalogue, sorted(needs), cut, outcomes=outcomes, constants=constants)
        for seen in asked:
            chances.append(p_fix(found, seen.needs, constants))  # type: ignore[union-attr]  # outcomes only
            happened.append(float(seen.success))  # type: ignore[union-attr]  # outcomes only
    if not chances:
        return Foretold(outcomes=0, brier=0.0, calibration=0.0)
    said, was = np.array(chances), np.array(happened)
    bins = np.minimum((said * 5).astype(int), 4)
    off = sum((bins == b).mean() * abs(said[bins == b].mean() - was[bins == b].mean()) for b in np.unique(bins))
    return Foretold(outcomes=len(said), brier=float(np.mean((said - was) ** 2)), calibration=float(off))
