"""From the stored policy to the matcher's exchange rates, with every default written down here (pure).

A policy row holds two JSON objects. ``weights`` are exchange rates by the name of the field of `matching.Policy`;
``rules`` are the fields of `Rules`. What a row does not name keeps its default; an unknown name is refused, so that a
typing error cannot pass for a policy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from dispatch.core.errors import Invalid
from dispatch.matching.policy import Policy as Weights
from dispatch.matching.problem import Travel
from dispatch.skills.constants import DEFAULTS, Constants
from dispatch.skills.estimate import QualificationRules


class PromiseRule(StrEnum):
    """How a standing promise binds the matcher."""

    HARD = "hard"
    PRICED = "priced"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Hard rules and the readings that turn rows into a problem.

    Attributes
    ----------
    promises
        Whether a start after a promised window is impossible or costs ``promise_lateness_rate`` a second.
    promise_lateness_rate, target_lateness_rate
        Cost of each second after the promised window, and after the response target.
    overtime_percent
        Price of a second of overtime in percent of a second of travel.
    speed_kmh, detour_percent
        Straight lines are driven at this speed over so many percent of their length.
    min_rest_s
        Time between coming home and the rostered start of the next shift; the default is the 11 hours of the European
        working time directive (2003/88/EC).
    min_confidence, claims_count_to
        When somebody counts as qualified; see DESIGN on proficiency.
    """

    promises: PromiseRule = PromiseRule.PRICED
    promise_lateness_rate: int = 6
    target_lateness_rate: int = 2
    overtime_percent: int = 150
    speed_kmh: float = 40.0
    detour_percent: int = 140
    min_rest_s: int = 39_600
    min_confidence: float = 0.7
    claims_count_to: int = 0

    @property
    def travel(self) -> Travel:
        """The way travel is measured."""
        return Travel(speed_kmh=self.speed_kmh, detour_percent=self.detour_percent)

    @property
    def qualification(self) -> QualificationRules:
        """When a level is good enough for a must-have need."""
        return QualificationRules(threshold=self.min_confidence, claims_count_to=self.claims_count_to)


_FROM_RULES = ("min_confidence", "claims_count_to", "critical_skills")
# Only for problems without due times, breaks and what people were told, which no day of an organisation is.
_NOT_HERE = ("unknown", "leave_late")


def read_rules(stored: Mapping[str, Any]) -> Rules:
    """Return the rules of a policy row; raises Invalid on an unknown name."""
    _refuse_unknown(stored, {item.name for item in fields(Rules)}, "rules")
    values = dict(stored)
    if "promises" in values:
        values["promises"] = PromiseRule(values["promises"])
    return Rules(**values)


def read_weights(
    stored: Mapping[str, Any],
    rules: Rules,
    *,
    critical_skills: tuple[str, ...] = (),
    scarcity: Mapping[str, int] | None = None,
    levels: Constants = DEFAULTS,
) -> Weights:
    """Return the matcher's exchange rates of a policy row; raises Invalid on an unknown name or wild value.

    ``levels`` are the constants of the level model in force: work succeeds by the same law wherever it is asked.
    ``scarcity`` is what an hour of each skill is worth as coverage counts it; prices of the row itself outrank it.
    """
    known = {item.name for item in fields(Weights)} - {*_FROM_RULES, *_NOT_HERE}
    _refuse_unknown(stored, known, "weights")
    values: dict[str, Any] = {
        "scarcity_per_hour": dict(scarcity or {}),
        "fix_slope": levels.slope,
        "fix_offset": levels.offset,
    }
    values |= {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}
    try:
        return Weights(
            min_confidence=rules.min_confidence,
            claims_count_to=rules.claims_count_to,
            critical_skills=critical_skills,
            **values,
        )
    except (ValueError, TypeError) as error:
        raise Invalid(f"The policy cannot be used: {error}") from error


def _refuse_unknown(stored: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(stored) - known)
    if unknown:
        raise Invalid(f"The policy's {what} name {', '.join(unknown)}; known are {', '.join(sorted(known))}.")
