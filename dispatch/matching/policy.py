"""The exchange rates of the one currency, and the rule for who counts as qualified."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatch.matching.faults import Faults
from dispatch.matching.limits import LEVELS, MAX_COST, MAX_PERCENT, MAX_RATE, MAX_TIME_S, MAX_VISITS
from dispatch.matching.supply import Proficiency
from dispatch.units import SECONDS_PER_DAY, Seconds

UNKNOWN = Proficiency(mean=2.5, sd=1.0, confirmed=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The exchange rates: what each thing is worth in seconds of paid travel, and when somebody counts as qualified.

    Attributes
    ----------
    min_confidence
        P(level reached) from which a must-have need is met, if the estimate is confirmed.
    claims_count_to
        Highest level for which an unconfirmed estimate counts (0 = never), never for ``critical_skills``.
    fix_slope, fix_offset
        Of the chance to fix at the first visit.
    unknown
        What is believed about a person's skill that the problem does not name.
    waiting_percent
        Price of a second of waiting in percent of a second of travel. Waiting before the first visit is not paid.
    lateness_rate, second_visit_cost
        For visits that do not name their own.
    priority_penalty, age_penalty_per_day
        Cost of a visit left out, for priorities 1..5, and more of it for each whole day of age.
    continuity_credit, preferred_credit
        Taken off for a known face, and for a preferred technician.
    scarcity_per_hour
        Skill id to price of an hour of a person who holds it (at ``scarcity_level``) on work that does not need it.
    reassign_cost, retime_cost, retime_tolerance_s
        Against what was published: another technician, or a start moved by more than the tolerance. A published slot
        left out costs both.
    max_changes
        Most published crew slots that a plan may change or leave out, beyond those that have to; None = no limit.
    uneven_load_percent
        Fairness: a shift with ``b`` seconds of driving and work out of ``l`` pays this share of ``b * b / l``, so that
        the same work costs least when it is spread evenly; 0 = does not count.
    long_overtime_percent
        Fairness: ``o`` seconds of overtime pay this share of ``o * o / 3600`` beyond their price.
    leave_late
        Whether a day that waits leaves later instead: starts move as late as they can without finishing later. Only
        with one hard window at most for each visit and without breaks, due times, published starts or linked visits.
    """

    min_confidence: float = 0.7
    claims_count_to: int = 0
    critical_skills: tuple[str, ...] = ()
    fix_slope: float = 1.0
    fix_offset: float = 1.5
    unknown: Proficiency = UNKNOWN
    waiting_percent: int = 50
    lateness_rate: int = 2
    second_visit_cost: int = 7_200
    priority_penalty: tuple[int, ...] = (360_000, 180_000, 90_000, 45_000, 22_500)
    age_penalty_per_day: int = 1_800
    continuity_credit: int = 300
    preferred_credit: int = 900
    scarcity_per_hour: Mapping[str, int] = field(default_factory=dict)
    scarcity_level: int = 3
    reassign_cost: int = 1_200
    retime_cost: int = 1_800
    retime_tolerance_s: Seconds = 900
    max_changes: int | None = None
    uneven_load_percent: int = 0
    long_overtime_percent: int = 0
    leave_late: bool = False

    def __post_init__(self) -> None:
        faults = Faults("policy")
        faults.number("min_confidence", self.min_confidence, 0.0, 1.0)
        faults.whole("claims_count_to", self.claims_count_to, 0, LEVELS[-1])
        faults.whole("scarcity_level", self.scarcity_level, LEVELS[0], LEVELS[-1])
        faults.number("fix_slope", self.fix_slope, 0.0, 100.0)
        faults.number("fix_offset", self.fix_offset, -10.0, 10.0)
        faults.whole("waiting_percent", self.waiting_percent, 0, MAX_PERCENT)
        faults.whole("lateness_rate", self.lateness_rate, 0, MAX_RATE)
        faults.whole("retime_tolerance_s", self.retime_tolerance_s, 0, MAX_TIME_S)
        costs = ("second_visit_cost", "age_penalty_per_day", "continuity_credit", "preferred_credit", "reassign_cost")
        for name in (*costs, "retime_cost"):
            faults.whole(name, getattr(self, name), 0, MAX_COST)
        for name in ("uneven_load_percent", "long_overtime_percent"):
            faults.whole(name, getattr(self, name), 0, MAX_PERCENT)
        if self.max_changes is not None:
            faults.whole("max_changes", self.max_changes, 0, MAX_VISITS)
        if len(self.priority_penalty) != 5:
            faults.add("priority_penalty", self.priority_penalty, "five costs, for priorities 1 to 5")
        for cost in self.priority_penalty:
            faults.whole("priority_penalty", cost, 0, MAX_COST)
        for skill, price in self.scarcity_per_hour.items():
            faults.whole(f"scarcity_per_hour.{skill}", price, 0, MAX_COST)
        faults.raise_any()

    def unserved_cost(self, priority: int, age_s: Seconds) -> int:
        """Cost of leaving out a visit of this priority that has waited so long; whole days count."""
        return min(
            MAX_COST, self.priority_penalty[priority - 1] + self.age_penalty_per_day * (age_s // SECONDS_PER_DAY)
        )
