"""Who is irreplaceable: what would go unmet if one person were away, found by solving again without them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from dispatch.coverage.flow import people_behind
from dispatch.coverage.outlook import HOUR_S, DemandClass, Need, Outlook
from dispatch.coverage.what_if import WhatIf, ask_weeks

PAIRED = 8
"""People missed most alone who are also tried two by two."""
DUOS = 30
WORTH_TELLING_S = 900
STRESSED_WEEKS = 2
FEWEST_DRAWS, MOST_DRAWS = 40, 400
DRAWN_EDGES = 2_000_000
"""Draws times edges solved in a stress test; some seconds of processor time."""
STRESS_SEED = 1


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Work of one demand class that would additionally go unmet; below zero where others' hours move in its favour."""

    demand: DemandClass
    lost_s: int


@dataclass(frozen=True, kw_only=True)
class AbsenceRisk:
    """What the weeks of an outlook would lose without one person.

    Attributes
    ----------
    lost_s
        Rise of the least possible unmet work, seconds, over all weeks.
    by_week
        The same per week, weeks without loss left out.
    losses
        Where it is felt, largest first.
    """

    person: int
    lost_s: int
    by_week: tuple[tuple[date, int], ...]
    losses: tuple[Loss, ...]


def absence_risks(outlook: Outlook, asking: Sequence[WhatIf] | None = None) -> tuple[AbsenceRisk, ...]:
    """Everybody's single-expert risk, greatest first; people who carry nothing in a week cost nothing there.

    An arrangement that does not use a person stays possible without them, so only those who carry hours are solved
    again, each in the part of the week that feels it.
    """
    lost: dict[int, dict[date, float]] = {person.id: {} for person in outlook.people}
    felt: dict[int, list[tuple[DemandClass, float]]] = {person.id: [] for person in outlook.people}
    for week in ask_weeks(outlook) if asking is None else asking:
        model = week.model
        for person in week.carriers():
            rises = {index: unmet - week.unmet_h[index] for index, unmet in week.unmet_without([person]).items()}
            rise = sum(rises.values())
            if round(rise * HOUR_S) <= 0:
                continue
            lost[person][model.week] = lost[person].get(model.week, 0.0) + rise
            felt[person].extend(
                (model.demand[index], hours) for index, hours in sorted(rises.items()) if round(hours * HOUR_S) != 0
            )
    risks = [_risk(person, lost[person], felt[person]) for person in lost]
    return tuple(sorted(risks, key=lambda risk: (-risk.lost_s, risk.person)))


def _risk(person: int, lost: dict[date, float], felt: list[tuple[DemandClass, float]]) -> AbsenceRisk:
    losses = [Loss(demand=work, lost_s=round(hours * HOUR_S)) for work, hours in felt]
    return AbsenceRisk(
        person=person,
        lost_s=round(sum(lost.values()) * HOUR_S),
        by_week=tuple((week, round(hours * HOUR_S)) for week, hours in sorted(lost.items())),
        losses=tuple(sorted(losses, key=lambda loss: (-loss.lost_s, loss.demand.key))),
    )


@dataclass(frozen=True, kw_only=True)
class PairRisk:
    """What two people away at once would lose beyond what each alone would: they stand in for each other.

    `beyond` gives the seconds by territory; `lost_s` is all that would go unmet without both.
    """

    people: tuple[int, int]
    lost_s: int
    beyond: Mapping[int, int]

    @property
    def beyond_s(self) -> int:
        """What is lost only because both are away."""
        return sum(self.beyond.values())


def pair_risks(
    outlook: Outlook, risks: Sequence[AbsenceRisk], asking: Sequence[WhatIf] | None = None
) -> tuple[PairRisk, ...]:
    """Pairs whose absence together costs more than their absences one by one, greatest excess first.

    Tried are the only two holders of a need, most work first, and pairs of the people who are missed most alone; the
    first find those who are no risk alone because the other is there.
    """
    weeks = ask_weeks(outlook) if asking is None else asking
    alone = {risk.person: _by_territory(risk.losses) for risk in risks}
    most = [risk.person for risk in risks if risk.lost_s > 0][:PAIRED]
    tried = dict.fromkeys([*_only_two(outlook)[:DUOS], *(tuple(sorted(pair)) for pair in combinations(most, 2))])
    found = []
    for one, other in tried:
        losses = [
            Loss(demand=week.model.demand[index], lost_s=round((after - week.unmet_h[index]) * HOUR_S))
            for week in weeks
            for index, after in week.unmet_without([one, other]).items()
        ]
        both = _by_territory(losses)
        beyond = {
            place: lost - alone.get(one, {}).get(place, 0) - alone.get(other, {}).get(place, 0)
            for place, lost in both.items()
        }
        pair = PairRisk(people=(one, other), lost_s=sum(both.values()), beyond=beyond)
        if pair.beyond_s >= WORTH_TELLING_S:
            found.append(pair)
    return tuple(sorted(found, key=lambda pair: (-pair.beyond_s, pair.people)))


def _by_territory(losses: Sequence[Loss]) -> dict[int, int]:
    found: dict[int, int] = {}
    for loss in losses:
        found[loss.demand.territory] = found.get(loss.demand.territory, 0) + loss.lost_s
    return found


def _only_two(outlook: Outlook) -> list[tuple[int, int]]:
    """Pairs who alone can meet a need that is asked for, those behind most work first."""
    behind: dict[tuple[int, int], int] = {}
    asked = _asked(outlook)
    for need, holders in people_behind(outlook, asked).items():
        seconds = asked[need]
        if len(holders) == 2 and seconds > 0:
            pair = (holders[0].id, holders[1].id)
            behind[pair] = behind.get(pair, 0) + seconds
    return sorted(behind, key=lambda pair: (-behind[pair], pair))


@dataclass(frozen=True, kw_only=True)
class StressedWeek:
    """Unmet work of a week: with everybody there, and how much it is when people are away at random.

    `half_s`, `fifth_s`, `twentieth_s`: in one case of two, of five, of twenty it is at least this much.
    """

    week: date
    all_there_s: int
    half_s: int
    fifth_s: int
    twentieth_s: int


@dataclass(frozen=True, kw_only=True)
class StressTest:
    """The next weeks with as many absences as usual, drawn again and again.

    Attributes
    ----------
    away_percent
        How often somebody is away in a week; the chance that each draw uses for everybody.
    felt
        Where most more goes unmet on average, greatest first.
    """

    away_percent: float
    draws: int
    weeks: tuple[StressedWeek, ...]
    felt: tuple[Loss, ...]


def stress_test(
    outlook: Outlook, away: float, asking: Sequence[WhatIf] | None = None, *, weeks: int = STRESSED_WEEKS
) -> StressTest:
    """Let everybody be away with the same chance in each of the next weeks and count what goes unmet.

    Parameters
    ----------
    away
        Chance between 0 and 1 that a person is away in a week.

    Raises
    ------
    ValueError
        If it is no chance.
    """
    # Pages read stored results through this module; only the worker draws.
    import numpy as np

    if not 0 <= away <= 1:
        raise ValueError(f"away {away} is no chance: give a number from 0 to 1")
    asked = (ask_weeks(outlook) if asking is None else asking)[:weeks]
    edges = sum(len(reach) for week in asked for reach in week.model.reach)
    draws = max(FEWEST_DRAWS, min(MOST_DRAWS, DRAWN_EDGES // max(1, edges)))
    dice = np.random.default_rng(STRESS_SEED)
    stressed: list[StressedWeek] = []
    felt: list[Loss] = []
    for week in asked:
        model = week.model
        totals, rises = [], [0.0] * len(model.demand)
        for _ in range(draws):
            gone = dice.random(len(model.people)) < away
            unmet = model.unmet_without([person.id for person, out in zip(model.people, gone, strict=True) if out])
            totals.append(sum(unmet))
            rises = [rise + after - before for rise, after, before in zip(rises, unmet, week.unmet_h, strict=True)]
        totals.sort()
        half, fifth, twentieth = (totals[min(draws - 1, math.ceil(draws * share) - 1)] for share in (0.5, 0.8, 0.95))
        stressed.append(
            StressedWeek(
                week=model.week,
                all_there_s=round(sum(week.unmet_h) * HOUR_S),
                half_s=round(half * HOUR_S),
                fifth_s=round(fifth * HOUR_S),
                twentieth_s=round(twentieth * HOUR_S),
            )
        )
        felt += [
            Loss(demand=work, lost_s=round(rise / draws * HOUR_S))
            for work, rise in zip(model.demand, rises, strict=True)
        ]
    return StressTest(
        away_percent=100 * away,
        draws=draws,
        weeks=tuple(stressed),
        felt=tuple(
            sorted((loss for loss in felt if loss.lost_s > 0), key=lambda loss: (-loss.lost_s, loss.demand.key))
        ),
    )


@dataclass(frozen=True, kw_only=True)
class SoleHolder:
    """A skill at a level that only one person can give in these weeks, and the work that asks for it."""

    need: Need
    person: int
    needed_s: int


def sole_holders(outlook: Outlook) -> tuple[SoleHolder, ...]:
    """Needs that exactly one person with hours can meet, those with most work first."""
    asked = _asked(outlook)
    found = [
        SoleHolder(need=need, person=holders[0].id, needed_s=asked[need])
        for need, holders in people_behind(outlook, asked).items()
        if len(holders) == 1 and asked[need] > 0
    ]
    return tuple(sorted(found, key=lambda sole: (-sole.needed_s, sole.need)))


def _asked(outlook: Outlook) -> dict[Need, int]:
    """Seconds of work that ask for each need."""
    needed: dict[Need, int] = {}
    for work in outlook.demand:
        for need in work.needs:
            needed[need] = needed.get(need, 0) + work.seconds
    return needed
