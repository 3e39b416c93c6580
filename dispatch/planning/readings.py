"""How single rows read as values of a problem (pure): times, places, needs, windows, shifts with absences."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from dispatch.core.clock import day_bounds
from dispatch.matching.limits import MAX_COST, MAX_RATE, MAX_TIME_S
from dispatch.matching.policy import Policy as Weights
from dispatch.matching.problem import Break, Shift, SkillLevel, SkillNeed, Visit, Window
from dispatch.planning.policy import PromiseRule, Rules
from dispatch.skills.needing import NeedRules
from dispatch.units import SECONDS_PER_DAY, Point, Seconds

AWAY = "away-"
NOBODY = "nobody"  # a stranger among the people required never matches, so the visit is explained, not served


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Instants to problem seconds and back."""

    start: datetime

    def seconds(self, moment: datetime) -> Seconds:
        """Whole seconds since the problem's start, kept within the documented range."""
        return max(-MAX_TIME_S, min(MAX_TIME_S, round((moment - self.start).total_seconds())))

    def instant(self, seconds: Seconds) -> datetime:
        """Return the moment a number of seconds after the problem's start."""
        return self.start + timedelta(seconds=seconds)

    def day(self, day: date, zone: str) -> Seconds:
        """Return the beginning of a local day."""
        return self.seconds(day_bounds(day, zone)[0])


def planned_for(taken_s: Seconds, pace_percent: int) -> Seconds:
    """Return the least planned time that takes a person of this pace at least ``taken_s``.

    The inverse of ``Technician.duration_s``; where no planned time gives exactly ``taken_s`` it is a second more.
    """
    return max(0, -((50 - 100 * taken_s) // pace_percent))


def point(lat: float | None, lon: float | None) -> Point | None:
    """Return a place, or None where none is known; 0/0 is the mark of a missing one."""
    return None if lat is None or lon is None or (lat == 0.0 and lon == 0.0) else Point(lat=lat, lon=lon)


def needs_of(found: Sequence[Any], rules: NeedRules) -> tuple[SkillNeed, ...]:
    """Return the needs of one crew slot: rows with the same ``any_of`` number are alternatives of each other.

    The rules say what a need means besides: what includes a skill will do, what it needs first is needed too.
    """
    groups: dict[tuple[bool, int], list[Any]] = defaultdict(list)
    for index, row in enumerate(found):
        groups[(True, index) if row.any_of is None else (False, row.any_of)].append(row)
    must = [[(row.skill_id, row.must_level) for row in group if row.must_level] for group in groups.values()]
    wish = [
        [
            (row.skill_id, row.preferred_level)
            for row in group
            if row.preferred_level and row.preferred_level > (row.must_level or 0)
        ]
        for group in groups.values()
    ]
    return (
        *(SkillNeed(any_of=_levels(group)) for group in rules.meant(group for group in must if group)),
        *(SkillNeed(any_of=_levels(rules.widened(group)), must=False) for group in wish if group),
    )


def _levels(group: Sequence[tuple[int, int]]) -> tuple[SkillLevel, ...]:
    return tuple(SkillLevel(skill=str(skill), level=level) for skill, level in group)


@dataclass(frozen=True, kw_only=True)
class Times:
    """When a visit may start, from when it is late against a promise, and what a late second costs at least."""

    windows: tuple[Window, ...]
    due: datetime | None
    rate: int


def windows_of(found: Sequence[Any], promise: Any, rules: Rules, clock: Clock, *, locked: bool) -> Times:
    """Windows of a visit together with its promise.

    A hard promise cuts every window; a priced one moves their beginning and makes lateness count from its end. What is
    under way has no window: it happens when it happens.
    """
    if locked:
        return Times(windows=(), due=None if promise is None else promise.upper, rate=0)
    spans = [(row.during.lower, row.during.upper, row.hard) for row in found]
    rate = max((round(row.lateness_cost) for row in found if row.lateness_cost), default=0)
    due = None
    if promise is not None:
        hard = rules.promises is PromiseRule.HARD
        due = None if hard else promise.upper
        spans = [
            (max(start, promise.lower), min(end, promise.upper) if hard else end, firm)
            for start, end, firm in spans
            if max(start, promise.lower) <= (min(end, promise.upper) if hard else end)
        ] or [(promise.lower, promise.upper, hard)]
    return Times(
        windows=tuple(
            Window(start_s=clock.seconds(start), end_s=clock.seconds(end), hard=firm) for start, end, firm in spans
        ),
        due=due,
        rate=min(MAX_RATE, rate),
    )


def late_if_left_out(visit: Visit, weights: Weights, end_s: Seconds) -> Visit:
    """Price leaving a visit out with the lateness it has then: at least until what is planned ends.

    Else whoever waits longest would be left out, since serving them late costs more than not serving them at all.
    """
    late_from = [] if visit.due_s is None else [visit.due_s]
    if visit.windows and not any(each.hard for each in visit.windows):
        late_from.append(max(each.end_s for each in visit.windows))
    late_s = max(0, end_s - min(late_from, default=end_s))
    rate = weights.lateness_rate if visit.lateness_rate is None else visit.lateness_rate
    if late_s * rate == 0:
        return visit
    lost = weights.unserved_cost(visit.priority, visit.age_s) + late_s * rate
    return replace(visit, unserved_penalty=min(MAX_COST, lost))


def links_of(found: Sequence[Any], site_id: int) -> Mapping[str, tuple[str, ...]]:
    """Return the people a customer likes, insists on, refuses or knows, at this site; a refusal outranks everything."""
    people: dict[str, set[str]] = defaultdict(set)
    for row in found:
        if row.site_id in (None, site_id):
            people[str(row.kind)].add(str(row.technician_id))
    excluded = people["excluded"]
    required = people["required"]
    return {
        "preferred": tuple(sorted(people["preferred"] - excluded)),
        "required": tuple(sorted(required - excluded)) or ((NOBODY,) if required else ()),
        "excluded": tuple(sorted(excluded)),
        "known": tuple(sorted(people["known"] - excluded)),
    }


def shift_of(
    row: Any, away: Sequence[tuple[datetime, datetime]], clock: Clock, rules: Rules, *, not_before: datetime
) -> Shift | None:
    """Make a shift without its absences: those at its edges shorten it, those inside become breaks at a fixed time.

    It ends early enough for the rest before the person's next shift, its overtime first. None when nothing is left.
    """
    start, end = clock.seconds(max(row.during.lower, not_before)), clock.seconds(row.during.upper)
    overtime = row.overtime_limit_s
    if row.next_start is not None:
        home_by = clock.seconds(row.next_start) - rules.min_rest_s
        end, overtime = min(end, home_by), max(0, min(overtime, home_by - end))
    gone = [(clock.seconds(lower), clock.seconds(upper)) for lower, upper in sorted(away)]
    inside: list[tuple[Seconds, Seconds]] = []
    for lower, upper in gone:
        if upper <= start or lower >= end + overtime:
            continue
        if lower <= start:
            start = upper
        elif upper >= end:
            end, overtime = min(end, lower), max(0, min(overtime, lower - end))
        else:
            inside.append((lower, upper))
    if start >= end:
        return None
    breaks = [
        Break(id=f"{AWAY}{index}", earliest_s=lower, latest_s=lower, duration_s=min(upper - lower, SECONDS_PER_DAY))
        for index, (lower, upper) in enumerate(inside)
    ]
    rest = _rest(row, start, end, inside, clock)
    begin, finish = point(row.start_lat, row.start_lon), point(row.end_lat, row.end_lon)
    if begin is None:
        return None
    return Shift(
        id=str(row.id),
        technician=str(row.technician_id),
        territory=str(row.territory_id),
        start_s=start,
        end_s=end,
        start=begin,
        end=finish,
        overtime_limit_s=overtime,
        overtime_percent=rules.overtime_percent,
        breaks=tuple(breaks) + ((rest,) if rest else ()),
    )


def is_absence(item: Break) -> bool:
    """Tell an absence in the middle of a shift from a break that is owed."""
    return item.id.startswith(AWAY)


def _rest(
    row: Any, start: Seconds, end: Seconds, away: Sequence[tuple[Seconds, Seconds]], clock: Clock
) -> Break | None:
    """Place the shift's own break in the longest part of its window without absence; a long absence is rest enough."""
    if not row.break_s or any(upper - lower >= row.break_s for lower, upper in away):
        return None
    low, high = max(start, clock.seconds(row.break_from)), min(end, clock.seconds(row.break_until))
    parts: list[tuple[Seconds, Seconds]] = []
    for lower, upper in away:
        if low < upper and lower < high:
            parts.append((low, lower))
            low = upper
    parts.append((low, high))
    low, high = max(parts, key=lambda part: part[1] - part[0])
    if high - low < row.break_s:
        return None
    return Break(id="break", earliest_s=low, latest_s=high - row.break_s, duration_s=row.break_s)
