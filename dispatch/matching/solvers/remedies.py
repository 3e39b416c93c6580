"""What would have to change so that one person can take a visit, or is the cheapest to take it.

Candidates for a change are found on a small part of the problem (the person's own days and what hangs together with
the visit): what is missing among the musts one after the other, then how much time is missing by bisection, then which
other visit stands in the way. Every finding is made for a trial on the whole problem, and asked about again before it
is told.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations, islice
from typing import NamedTuple

from dispatch.matching.changes import (
    AddShift,
    AllowLeg,
    AllowOvertime,
    AlsoAccept,
    Change,
    ConfirmEvidence,
    ExtendCertification,
    GiveAway,
    LiftExclusion,
    NamePreferred,
    OpenTerritory,
    Prefer,
    RaiseLevel,
    ReleaseEarlier,
    StartEarlier,
    Unpin,
    WidenWindow,
    applied,
    effort,
    without_visits,
)
from dispatch.matching.explain import Candidate, Effect, Remedy
from dispatch.matching.limits import LEVELS
from dispatch.matching.plan import Plan, Reason, ReasonCode, Route
from dispatch.matching.problem import Problem, Refused, Shift, Visit
from dispatch.matching.reasons import refusal
from dispatch.matching.solvers.desk import Desk
from dispatch.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

MINUTE = 60
MOST_MINUTES = 720
"""Longest widening of a window or a shift that is thought of."""

MOST_SHIFTS = 4
"""Shifts of the person that are tried."""

MOST_MUSTS = 6
"""Musts that may be lifted for one person."""

MOST_GIVEN = 3
"""Visits that may be given away at once."""


class Dial(NamedTuple):
    """A change by so many minutes, and the most minutes that make sense."""

    make: Callable[[int], Change]
    most: int


def remedies(
    problem: Problem,
    plan: Plan,
    visit: str,
    technician: str,
    *,
    slot: int = 0,
    count: int = 3,
    desk: Desk | None = None,
    rigid: frozenset[str] = frozenset(),
    without: tuple[type[Change], ...] = (),
) -> tuple[Remedy, ...]:
    """Find what would change it; see `dispatch.matching.explain.what_would_change`."""
    desk = Desk(problem, plan) if desk is None else desk
    worker = problem.technician_by_id[technician]
    wanted = desk.tables.scope.slots[desk.row(visit, slot)].visit
    search = Search(problem, plan, desk, wanted, slot, worker.id, rigid, without)
    return tuple(islice(search.verified(), count))


def rigid_visits(problem: Problem) -> frozenset[str]:
    """Give the visits that keep their start meanwhile: crews, and what waits for something or is waited for."""
    waited_for = {before.visit for visit in problem.visits for before in visit.predecessors}
    return frozenset(
        visit.id for visit in problem.visits if len(visit.crew) > 1 or visit.predecessors or visit.id in waited_for
    )


def trial(problem: Problem, plan: Plan, changes: Sequence[Change], rigid: frozenset[str] | None = None) -> Desk | None:
    """Make the changes and lay the plan out anew; None if that is no problem any more, or nobody takes what is given.

    Visits given away leave their route and go to the best place of whom they are given to. ``rigid`` visits keep their
    start; by default those of the problem as it was, so that nothing moves only because what it waits for is gone.
    """
    kept = rigid_visits(problem) if rigid is None else rigid
    try:
        changed = applied(problem, changes)
    except Refused:
        return None
    given = [change for change in changes if isinstance(change, GiveAway)]
    desk = Desk(changed, thinned(plan, {change.visit for change in given}), rigid=kept)
    for change in given:
        if change.technician is not None and not desk.seat(change.visit, change.technician):
            return None
    return desk


def thinned(plan: Plan, names: set[str]) -> Plan:
    """Give the routes of a plan without some visits."""
    if not names:
        return plan
    routes: list[Route] = []
    for route in plan.routes:
        stops = tuple(stop for stop in route.stops if stop.visit not in names)
        if len(stops) == len(route.stops):
            routes.append(route)
        elif stops:
            routes.append(replace(route, stops=stops, depot=None))
    return Plan(routes=tuple(routes))


def around(problem: Problem, plan: Plan, visit: Visit, people: Iterable[str]) -> tuple[Problem, Plan]:
    """Cut out the part of a problem that decides whether these people can take a visit."""
    linked = _linked(problem, {visit.id})
    workers = {*people, *(route.technician for name in linked for route, _ in plan.stops_by_visit.get(name, ()))}
    workers |= {pin.technician for pin in problem.pins if pin.visit == visit.id and pin.technician is not None}
    routes = tuple(route for route in plan.routes if route.technician in workers)
    served = {stop.visit for route in routes for stop in route.stops}
    kept = _linked(problem, served | linked)
    small = without_visits(
        replace(
            problem,
            technicians=tuple(person for person in problem.technicians if person.id in workers),
            shifts=tuple(shift for shift in problem.shifts if shift.technician in workers),
            pins=tuple(pin for pin in problem.pins if pin.technician is None or pin.technician in workers),
        ),
        {item.id for item in problem.visits} - kept,
    )
    return small, Plan(routes=routes)


def _linked(problem: Problem, names: set[str]) -> set[str]:
    """Add everything that the named visits wait for, or that waits for them, over any number of steps."""
    near: dict[str, set[str]] = {}
    for item in problem.visits:
        for other in (*(before.visit for before in item.predecessors), *item.same_person_as, *item.other_person_than):
            near.setdefault(item.id, set()).add(other)
            near.setdefault(other, set()).add(item.id)
    found, pending = set(names), list(names)
    while pending:
        for other in near.get(pending.pop(), ()):
            if other not in found:
                found.add(other)
                pending.append(other)
    return found


class Search:
    """Looks for changes for one pair of visit and person."""

    def __init__(
        self,
        problem: Problem,
        plan: Plan,
        desk: Desk,
        visit: Visit,
        slot: int,
        technician: str,
        rigid: frozenset[str] = frozenset(),
        without: tuple[type[Change], ...] = (),
    ) -> None:
        self.problem, self.plan, self.desk = problem, plan, desk
        self.visit, self.slot, self.technician = visit, slot, technician
        self.small, self.part = around(problem, plan, visit, (technician,))
        self.pinned = {pin.visit for pin in problem.pins}
        self.rigid = rigid_visits(problem) | rigid
        self.without = without
        self.broken = desk.broken_shifts()

    def verified(self) -> Iterator[Remedy]:
        """Give remedies that were tried on the whole problem, smallest first."""
        if self._stuck(self.visit.id):
            return  # nothing can be said about a route without a timetable, nor about taking something out of it
        best = self.desk.candidates(self.visit.id, slot=self.slot, top=1).best
        if best and best[0].technician == self.technician:
            return
        now = self.desk.price(self.visit.id, self.technician, slot=self.slot)
        if now is None:
            found, goal = list(self.enabling()), Effect.CAN_SERVE
        else:
            found, goal = list(self._cheapening(now, best[0])), Effect.CHEAPEST
        seen: set[str] = set()
        for changes in sorted(found, key=lambda item: (effort(item), len(item), repr(item))):
            told = repr(sorted(map(repr, changes)))
            if told in seen:
                continue
            seen.add(told)
            if any(isinstance(change, self.without) for change in changes):
                continue
            candidate = confirmed(
                self.problem,
                self.plan,
                changes,
                self.visit.id,
                self.slot,
                self.technician,
                goal,
                self.broken,
                rigid=self.rigid,
            )
            if candidate is not None:
                yield Remedy(changes=changes, effect=goal, candidates=(candidate,))

    # Somebody who can not come

    def enabling(self) -> Iterator[tuple[Change, ...]]:
        """Give changes with which the person should be able to come; not yet tried on the whole problem."""
        own = [shift for shift in self.small.shifts if shift.technician == self.technician]
        if not own:
            extra = AddShift(shift=extra_shift(self.problem, self.visit, self.technician))
            yield from self._on(extra.shift, (extra,))
        for shift in self._nearest(own):
            yield from self._on(shift, ())

    def qualifying(self) -> Iterator[tuple[Change, ...]]:
        """Give what the person lacks among the musts alone, for each shift that could do."""
        for shift in self._nearest([one for one in self.small.shifts if one.technician == self.technician]):
            musts = self._musts(shift, ())
            if musts is not None:
                yield musts

    def _nearest(self, own: list[Shift]) -> list[Shift]:
        """Prefer shifts that overlap the windows most closely."""
        hard = [window for window in self.visit.windows if window.hard]

        def distance(shift: Shift) -> tuple[int, int, str]:
            gaps = [max(0, window.start_s - shift.latest_s, shift.start_s - window.end_s) for window in hard]
            return min(gaps, default=0), shift.start_s, shift.id

        return sorted(own, key=distance)[:MOST_SHIFTS]

    def _on(self, shift: Shift, before: tuple[Change, ...]) -> Iterator[tuple[Change, ...]]:
        """Give ways in which the person can come on this shift."""
        musts = self._musts(shift, before)
        if musts is None:
            return
        if self._fits(musts):
            yield musts
            return
        dials = self._dials(shift)
        single = [(*musts, change) for dial in dials if (change := self._least(musts, dial)) is not None]
        yield from single
        given = list(self._giving(musts, shift))
        yield from given
        timed = [pin for pin in self.small.pins if pin.visit == self.visit.id and pin.slot == self.slot]
        if timed and self._fits((*musts, Unpin(visit=self.visit.id, slot=self.slot))):
            yield (*musts, Unpin(visit=self.visit.id, slot=self.slot))
        if single or given:
            return
        for first, second in combinations(dials, 2):
            found = self._both(musts, first, second)
            if found is not None:
                yield (*musts, *found)
                single.append(found)
        if single:
            return
        widest = tuple(dial.make(dial.most) for dial in dials)
        for changes in self._giving((*musts, *widest), shift):
            yield self._pruned(changes, dials)

    def _musts(self, shift: Shift, before: tuple[Change, ...]) -> tuple[Change, ...] | None:
        """Lift one must after the other until the person may come on this shift; None if one can not be lifted."""
        changes = before
        for _ in range(MOST_MUSTS):
            desk = trial(self.small, self.part, changes, self.rigid)
            if desk is None:
                return None
            row = desk.row(self.visit.id, self.slot)
            column = desk.tables.scope.shift_index[shift.id]
            if desk.tables.data.allowed[row, column]:
                return changes
            reason = refusal(desk.tables, row, column)
            change = None if reason is None else self._lifting(reason, shift)
            if change is None or change in changes:
                return None
            changes = (*changes, change)
        return None

    def _lifting(self, reason: Reason, shift: Shift) -> Change | None:
        """Turn a refusal into the change that lifts it."""
        params, me, visit = reason.params, self.technician, self.visit.id
        match reason.code:
            case ReasonCode.NOT_QUALIFIED:
                known, asked = float(params["confidence"]), self.problem.policy.min_confidence
                return RaiseLevel(
                    technician=me,
                    skill=str(params["skill"]),
                    level=int(params["level"]),
                    confidence=asked,
                    lacking=max(0.0, asked - known),
                )
            case ReasonCode.NOT_CONFIRMED:
                return ConfirmEvidence(technician=me, skill=str(params["skill"]))
            case ReasonCode.NOT_CERTIFIED:
                day = SECONDS_PER_DAY
                return ExtendCertification(
                    technician=me,
                    certification=str(params["certification"]),
                    from_s=shift.start_s // day * day,
                    until_s=(shift.end_s // day + 1) * day,
                )
            case ReasonCode.OTHER_TERRITORY:
                return OpenTerritory(technician=me, territory=str(params["territory"]))
            case ReasonCode.EXCLUDED:
                return LiftExclusion(visit=visit, technician=me)
            case ReasonCode.NOT_REQUIRED:
                return AlsoAccept(visit=visit, technician=me)
            case ReasonCode.PINNED_ELSEWHERE:
                return Unpin(visit=visit, slot=self.slot)
        return None

    def _dials(self, shift: Shift) -> list[Dial]:
        """List what can be widened by minutes."""
        visit = self.visit
        dials: list[Dial] = []
        for number, window in enumerate(visit.windows):
            if window.hard:
                dials.append(Dial(partial(_later, visit.id, number), MOST_MINUTES))
                dials.append(Dial(partial(_earlier, visit.id, number), MOST_MINUTES))
        if visit.release_s is not None:
            dials.append(Dial(lambda n: ReleaseEarlier(visit=visit.id, earlier_s=n * MINUTE), MOST_MINUTES))
        others = [one for one in self.problem.shifts if one.technician == shift.technician and one.id != shift.id]
        free = min((shift.start_s - one.end_s for one in others if one.end_s <= shift.start_s), default=SECONDS_PER_DAY)
        room = min(free, 2 * SECONDS_PER_DAY - (shift.end_s - shift.start_s)) // MINUTE
        dials.append(
            Dial(lambda n: StartEarlier(shift=shift.id, earlier_s=n * MINUTE), max(0, min(MOST_MINUTES, room)))
        )
        room = (SECONDS_PER_DAY - shift.overtime_limit_s) // MINUTE
        dials.append(Dial(lambda n: AllowOvertime(shift=shift.id, more_s=n * MINUTE), min(MOST_MINUTES, room)))
        leg = shift.max_leg_s
        if leg is not None:
            dials.append(
                Dial(
                    lambda n: AllowLeg(shift=shift.id, limit_s=leg + n * MINUTE, more_s=n * MINUTE),
                    MOST_MINUTES,
                )
            )
        return [dial for dial in dials if dial.most > 0]

    def _least(self, changes: tuple[Change, ...], dial: Dial, after: tuple[Change, ...] = ()) -> Change | None:
        """Find the fewest minutes that let the person come; None if not even the most do."""
        if not self._fits((*changes, dial.make(dial.most), *after)):
            return None
        low, high = 0, dial.most
        while high - low > 1:
            middle = (low + high) // 2
            if self._fits((*changes, dial.make(middle), *after)):
                high = middle
            else:
                low = middle
        return dial.make(high)

    def _both(self, changes: tuple[Change, ...], first: Dial, second: Dial) -> tuple[Change, ...] | None:
        """Turn two dials together, the first one as little as possible."""
        one = self._least(changes, first, (second.make(second.most),))
        other = None if one is None else self._least((*changes, one), second)
        return None if one is None or other is None else (one, other)

    def _giving(self, changes: tuple[Change, ...], shift: Shift) -> Iterator[tuple[Change, ...]]:
        """Give visits of this shift away: any single one that helps, or as few as possible together."""
        route = self.part.route_by_shift.get(shift.id)
        names = [stop.visit for stop in route.stops if self._movable(stop.visit)] if route is not None else []
        found = False
        for name in names:
            if self._fits((*changes, GiveAway(visit=name, technician=None, more=0))):
                found = True
                yield (*changes, self._taker(name))
        if found or not names:
            return
        out = [GiveAway(visit=name, technician=None, more=0) for name in names]
        if not self._fits((*changes, *out)):
            return
        for one in list(out):
            fewer = [other for other in out if other is not one]
            if self._fits((*changes, *fewer)):
                out = fewer
        if len(out) <= MOST_GIVEN:
            yield (*changes, *(self._taker(one.visit) for one in out))

    def _movable(self, name: str) -> bool:
        if name == self.visit.id or name in self.pinned or self._stuck(name):
            return False
        return not self.desk.tables.linked[self.desk.tables.scope.slot_index[name, 0]]

    def _stuck(self, name: str) -> bool:
        """Whether a visit lies in a route that no timetable allows."""
        return any(route.shift in self.broken for route, _ in self.plan.stops_by_visit.get(name, ()))

    def _taker(self, name: str) -> GiveAway:
        """Find who takes a visit instead, at the least cost; nobody if all are full."""
        found = self.desk.candidates(name, top=2).best
        own = self.desk.price(name, self.technician)
        paid = 0 if own is None else own.cost.total
        for candidate in found:
            if candidate.technician != self.technician:
                return GiveAway(visit=name, technician=candidate.technician, more=candidate.cost.total - paid)
        penalty = self.problem.penalty(self.problem.visit_by_id[name])
        return GiveAway(visit=name, technician=None, more=penalty - paid)

    def _pruned(self, changes: tuple[Change, ...], dials: list[Dial]) -> tuple[Change, ...]:
        """Take back what is not needed of many changes, and turn down what is."""
        for dial in dials:
            widest = dial.make(dial.most)
            if widest not in changes:
                continue
            fewer = tuple(change for change in changes if change != widest)
            if self._fits(fewer):
                changes = fewer
            else:
                least = self._least(fewer, dial)
                changes = fewer if least is None else (*fewer, least)
        return changes

    def _fits(self, changes: tuple[Change, ...]) -> bool:
        # Whoever takes a visit may not be part of the small problem; there it is only out of the way.
        out = tuple(replace(change, technician=None) if isinstance(change, GiveAway) else change for change in changes)
        desk = trial(self.small, self.part, out, self.rigid)
        return desk is not None and desk.can(self.visit.id, self.technician, slot=self.slot)

    # Somebody who is dearer

    def _cheapening(self, now: Candidate, best: Candidate) -> Iterator[tuple[Change, ...]]:
        visit, me, policy = self.visit, self.technician, self.problem.policy
        gap = now.cost.total - best.cost.total + 1
        yield (Prefer(visit=visit.id, technician=me, credit=gap),)
        if me not in visit.preferred and policy.preferred_credit >= gap:
            yield (NamePreferred(visit=visit.id, technician=me),)
        aim = best.cost.total
        for need in visit.crew[self.slot].needs:
            for wanted in need.any_of[:1]:
                levels = (level for level in LEVELS if level >= wanted.level)
                person = self.problem.technician_by_id[me]
                known = person.proficiencies.get(wanted.skill, policy.unknown)
                for level in levels:
                    raised = RaiseLevel(
                        technician=me,
                        skill=wanted.skill,
                        level=level,
                        confidence=max(policy.min_confidence, 0.5),
                        lacking=max(0.0, policy.min_confidence - known.confidence(level)),
                    )
                    if self._costs((raised,), aim):
                        yield (raised,)
                        break
        route = self.part.route_by_shift.get(now.shift)
        for stop in route.stops if route is not None else ():
            if self._movable(stop.visit):
                away = GiveAway(visit=stop.visit, technician=None, more=0)
                if self._costs((away,), aim):
                    yield (self._taker(stop.visit),)
        shift = self.problem.shift_by_id[now.shift]
        for dial in self._dials(shift):
            if self._costs((dial.make(dial.most),), aim):
                low, high = 0, dial.most
                while high - low > 1:
                    middle = (low + high) // 2
                    if self._costs((dial.make(middle),), aim):
                        high = middle
                    else:
                        low = middle
                yield (dial.make(high),)

    def _costs(self, changes: tuple[Change, ...], most: int) -> bool:
        """Whether the person would cost at most so much."""
        desk = trial(self.small, self.part, changes, self.rigid)
        found = None if desk is None else desk.price(self.visit.id, self.technician, slot=self.slot)
        return found is not None and found.cost.total <= most


def confirmed(
    problem: Problem,
    plan: Plan,
    changes: Sequence[Change],
    visit: str,
    slot: int,
    technician: str,
    goal: Effect,
    broken: set[str],
    *,
    rigid: frozenset[str] | None = None,
) -> Candidate | None:
    """Make the changes on the whole problem and ask again: what the person then means, None if the goal is missed."""
    desk = trial(problem, plan, changes, rigid)
    if desk is None:
        return None
    if desk.broken_shifts() - broken:
        return None  # a route that loses a stop may be left with a way that is too long
    if goal is Effect.CHEAPEST:
        best = desk.candidates(visit, slot=slot, top=1).best
        found = best[0] if best and best[0].technician == technician else None
    else:
        found = desk.price(visit, technician, slot=slot)
    return found if found is not None and desk.seat(visit, technician, slot=slot) else None


def extra_shift(problem: Problem, visit: Visit, technician: str) -> Shift:
    """Think of one more shift for somebody, of eight hours around the first window, from a place where others start."""
    hard = [window for window in visit.windows if window.hard]
    usual = min(problem.shifts, key=lambda shift: (shift.start_s, shift.id), default=None)
    start = min((window.start_s for window in hard), default=8 * SECONDS_PER_HOUR if usual is None else usual.start_s)
    start -= SECONDS_PER_HOUR if hard else 0
    place = usual.start if usual is not None else visit.point
    assert place is not None
    taken = {shift.id for shift in problem.shifts}
    name = f"extra-{technician}"
    while name in taken:
        name += "+"
    hours = max(8 * SECONDS_PER_HOUR, visit.duration_s + 4 * SECONDS_PER_HOUR)
    return Shift(
        id=name,
        technician=technician,
        start_s=start,
        end_s=start + min(hours, 2 * SECONDS_PER_DAY),
        start=place,
        end=place,
    )


def _later(visit: str, window: int, minutes: int) -> Change:
    return WidenWindow(visit=visit, window=window, later_s=minutes * MINUTE)


def _earlier(visit: str, window: int, minutes: int) -> Change:
    return WidenWindow(visit=visit, window=window, earlier_s=minutes * MINUTE)
