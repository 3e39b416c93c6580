"""Who is irreplaceable: what would go unmet if one person were away, found by solving again without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dispatch.coverage.flow import build_weeks, people_behind
from dispatch.coverage.outlook import HOUR_S, DemandClass, Need, Outlook
from dispatch.coverage.week import WeekModel


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


def absence_risks(outlook: Outlook, models: Sequence[WeekModel] | None = None) -> tuple[AbsenceRisk, ...]:
    """Everybody's single-expert risk, greatest first; people who carry nothing in a week cost nothing there.

    An arrangement that does not use a person stays possible without them, so only those who carry hours are solved
    again, each from the basis that the last solve left.
    """
    solved = models if models is not None else build_weeks(outlook)
    lost: dict[int, dict[date, float]] = {person.id: {} for person in outlook.people}
    felt: dict[int, list[tuple[DemandClass, float]]] = {person.id: [] for person in outlook.people}
    for model in solved:
        flow = model.solve()
        for person in sorted({gift.person for gift in flow.gifts}):
            unmet = model.unmet_without([person])
            rise = sum(unmet) - flow.total_unmet_h
            if round(rise * HOUR_S) <= 0:
                continue
            lost[person][model.week] = rise
            felt[person].extend(
                (work, after - before)
                for work, before, after in zip(model.demand, flow.unmet_h, unmet, strict=True)
                if round((after - before) * HOUR_S) != 0
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
class SoleHolder:
    """A skill at a level that only one person can give in these weeks, and the work that asks for it."""

    need: Need
    person: int
    needed_s: int


def sole_holders(outlook: Outlook) -> tuple[SoleHolder, ...]:
    """Needs that exactly one person with hours can meet, those with most work first."""
    needed: dict[Need, int] = {}
    for work in outlook.demand:
        for need in work.needs:
            needed[need] = needed.get(need, 0) + work.seconds
    found = []
    for need, seconds in needed.items():
        holders = people_behind(outlook, need)
        if len(holders) == 1 and seconds > 0:
            found.append(SoleHolder(need=need, person=holders[0].id, needed_s=seconds))
    return tuple(sorted(found, key=lambda sole: (-sole.needed_s, sole.need)))
