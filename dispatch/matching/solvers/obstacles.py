"""Why nobody serves a visit, to the last fact: a smallest set of facts that exclude it, and the cheapest way out.

The set is found by a deletion filter (Chinneck 1997, doi 10.1007/978-1-4615-6103-3_14) that lifts many facts at a
time where it can (after QuickXplain, Junker 2004): everything that can be lifted without giving the visit a place is
not among the reasons. What is left is irreducible: lift any one of it as well, and there is a place.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from dispatch.matching.changes import (
    AddShift,
    AllowOvertime,
    Change,
    GiveAway,
    LiftExclusion,
    Locate,
    Raise,
    StartEarlier,
    Unpin,
    WidenWindow,
    effort,
    without_visits,
)
from dispatch.matching.check import unforced
from dispatch.matching.explain import Candidate, Effect, Fact, Part, Remedy
from dispatch.matching.limits import MAX_COST
from dispatch.matching.plan import Cost, Plan, Route
from dispatch.matching.problem import Point, Problem, Technician, Visit
from dispatch.matching.solvers import asking
from dispatch.matching.solvers.crews import place_unit
from dispatch.matching.solvers.desk import Desk
from dispatch.matching.solvers.remedies import Search, extra_shift, rigid_visits, trial
from dispatch.matching.timetable import routes_of, unserved_cost
from dispatch.matching.waivers import (
    AcceptAnybody,
    AnyTime,
    BringNothing,
    DoNotWait,
    IgnoreTerritory,
    LongerDays,
    NoQuota,
    NoWork,
    SmallerCrew,
    Unlink,
    WaiveCertification,
    WaiveNeed,
)

MOST_PEOPLE = 12
"""People for whom the way out is searched, the likeliest first."""

LOOKED_AT_AGAIN = 200
"""Most visits of a problem in which every fact is tested a second time."""

STEPS_MINUTES = (15, 30, 60, 120, 240, 480, 720)
"""By how much times are widened for a crew, whose people are chosen together."""


class Obstacles:
    """Finds the facts that keep one visit out of one plan.

    Parameters
    ----------
    problem, plan
        The plan leaves the visit out.
    """

    def __init__(self, problem: Problem, plan: Plan, visit: Visit, desk: Desk) -> None:
        self.problem, self.plan, self.visit, self.desk = problem, plan, visit, desk
        self.rigid = rigid_visits(problem)
        bound = (
            visit.same_person_as
            or visit.other_person_than
            or any(one.visits_a_day is not None for one in problem.partners)
        )
        bound = bound or any(visit.id in (*one.same_person_as, *one.other_person_than) for one in problem.visits)
        # Only what is in the way within the route of who comes can be found route by route.
        self.simple = len(visit.crew) == 1 and not desk.tables.linked[desk.row(visit.id)] and not bound

    def facts(self) -> tuple[Fact, ...]:
        """Give an irreducible set of facts that exclude the visit; empty if it has a place as things are."""
        others = self._others()
        base = self._base(others)
        if servable(trial(base, self._plan_of(base), (), self.rigid), self.visit.id):
            return ()
        universe = [*self._fixed(), *others, *self._when(), *self._who()]
        order = list(Part)
        found = self._filter(base, universe)
        # Lifting more may once in a while leave fewer places: moments to start a crew are sampled, and without a stop
        # a leg may be too long. So each fact is looked at once more, on the whole problem.
        unsure = not self.simple or len(self.problem.visits) <= LOOKED_AT_AGAIN
        while unsure:
            needless = next((fact for fact in found if self.excluded(found, lifted=fact)), None)
            found = [fact for fact in found if fact is not needless]
            unsure = needless is not None
        return tuple(sorted(found, key=lambda fact: order.index(fact.part)))

    def excluded(self, facts: Iterable[Fact], *, lifted: Fact | None = None) -> bool:
        """Whether ``facts`` alone keep the visit out, everything else lifted; and ``lifted`` as well, if given."""
        kept = [fact for fact in facts if fact != lifted]
        others = self._all_others()
        universe = [*self._fixed(), *others, *self._when(), *self._who()]
        changes = [change for fact in universe if fact not in kept for change in fact.lift]
        return not servable(trial(self.problem, self.plan, changes), self.visit.id)

    # What there is

    def _fixed(self) -> list[Fact]:
        """Give what is hardly ever the reason."""
        name, found = self.visit.id, []
        if not self.problem.shifts:
            place = self.visit.point or Point(lat=0.0, lon=0.0)
            somebody = next(iter(self.problem.technicians), None)
            new = Technician(id="somebody") if somebody is None else None
            worker = somebody or new
            assert worker is not None
            extra = extra_shift(self.problem, replace(self.visit, point=place), worker.id)
            lift = (AddShift(shift=extra, person=new), Locate(visit=name, point=place))
            found.append(Fact(part=Part.WHO, name="no_shifts", params={}, lift=lift))
        else:
            start = min(self.problem.shifts, key=lambda shift: shift.id).start
            lift_place = (Locate(visit=name, point=start),)
            known = int(self.visit.point is not None)
            found.append(Fact(part=Part.WHO, name="place", params={"known": known}, lift=lift_place))
        work = {"duration_s": self.visit.duration_s}
        found.append(Fact(part=Part.WHEN, name="duration", params=work, lift=(NoWork(visit=name),)))
        return found

    def _when(self) -> list[Fact]:
        visit, found = self.visit, []
        found.append(Fact(part=Part.WHEN, name="hours", params={}, lift=(LongerDays(),)))
        if visit.windows or visit.release_s is not None:
            params: dict[str, str | int | float] = {"windows": len(visit.windows)}
            if visit.windows:
                params["start_s"] = min(window.start_s for window in visit.windows)
                params["end_s"] = max(window.end_s for window in visit.windows)
            if visit.release_s is not None:
                params["release_s"] = visit.release_s
            found.append(Fact(part=Part.WHEN, name="windows", params=params, lift=(AnyTime(visit=visit.id),)))
        for before in visit.predecessors:
            served = int(before.visit in self.plan.stops_by_visit)
            found.append(
                Fact(
                    part=Part.WHEN,
                    name="waits_for",
                    params={"visit": before.visit, "served": served},
                    lift=(DoNotWait(visit=visit.id, before=before.visit),),
                )
            )
        return found

    def _who(self) -> list[Fact]:
        visit, found = self.visit, []

        def add(name: str, lift: Change, **params: str | int | float) -> None:
            found.append(Fact(part=Part.WHO, name=name, params=params, lift=(lift,)))

        if any(partner.visits_a_day is not None for partner in self.problem.partners):
            add("quota", NoQuota())
        linked = {visit.id} & {
            other for one in self.problem.visits for other in (*one.same_person_as, *one.other_person_than)
        }
        if linked or visit.same_person_as or visit.other_person_than:
            add("linked", Unlink(visit=visit.id))
        if visit.parts or visit.tools:
            add("parts", BringNothing(visit=visit.id))
        if visit.territory is not None:
            add("territory", IgnoreTerritory(visit=visit.id), territory=visit.territory)
        for person in sorted(set(visit.excluded) & set(self.problem.technician_by_id)):
            add("excluded", LiftExclusion(visit=visit.id, technician=person), technician=person)
        if visit.required:
            add("required", AcceptAnybody(visit=visit.id), required=", ".join(sorted(visit.required)))
        for number, crew in enumerate(visit.crew):
            for wanted in dict.fromkeys(crew.certifications):
                lift = WaiveCertification(visit=visit.id, slot=number, certification=wanted)
                add("certification", lift, slot=number, certification=wanted)
            for need in dict.fromkeys(need for need in crew.needs if need.must):
                words = " or ".join(f"{one.skill} {one.level}" for one in need.any_of)
                add("need", WaiveNeed(visit=visit.id, slot=number, skills=need.any_of), slot=number, any_of=words)
        if len(visit.crew) > 1:
            add("crew", SmallerCrew(visit=visit.id), people=len(visit.crew))
        for pin in self.problem.pins:
            if pin.visit == visit.id:
                add("pin", Unpin(visit=visit.id, slot=pin.slot), slot=pin.slot)
        return found

    def _others(self) -> list[Fact]:
        """Give the visits that may be in the way; for a simple visit exactly those that are."""
        desk = self.desk
        if not self.simple or desk.broken:
            return self._all_others()
        row = desk.row(self.visit.id)
        kept = np.zeros(len(desk.state.slots), dtype=np.bool_)
        state = type(desk.state)(*(values.copy() for values in desk.state))
        desk.able(self.visit.id)
        for shift in desk.full():
            asking.blocking(desk.tables.data, state, shift, row, kept)
        slots = desk.tables.scope.slots
        return [self._other(slots[one].visit.id) for one in np.flatnonzero(kept).tolist()]

    def _all_others(self) -> list[Fact]:
        return [self._other(name) for name in sorted(self.plan.stops_by_visit)]

    def _other(self, name: str) -> Fact:
        stops = self.plan.stops_by_visit[name]
        params = {"visit": name, "technician": ", ".join(route.technician for route, _ in stops)}
        lift = GiveAway(visit=name, technician=None, more=0)
        return Fact(part=Part.OTHERS, name="served", params=params, lift=(lift,))

    def _base(self, others: list[Fact]) -> Problem:
        """Leave out all visits that can not be in the way."""
        if not self.simple or self.desk.broken:
            return self.problem
        kept = {str(fact.params["visit"]) for fact in others} | {self.visit.id}
        return without_visits(self.problem, {visit.id for visit in self.problem.visits} - kept)

    def _plan_of(self, base: Problem) -> Plan:
        routes: list[Route] = []
        for route in self.plan.routes:
            stops = tuple(stop for stop in route.stops if stop.visit in base.visit_by_id)
            if stops:
                routes.append(replace(route, stops=stops, depot=None))
        return Plan(routes=tuple(routes))

    def _filter(self, base: Problem, universe: Sequence[Fact]) -> list[Fact]:
        """Lift what can be lifted without giving the visit a place."""
        plan = self._plan_of(base)
        lifted: list[Change] = []
        kept: list[Fact] = []

        def lift(facts: Sequence[Fact]) -> None:
            changes = [change for fact in facts for change in fact.lift]
            if not servable(trial(base, plan, [*lifted, *changes], self.rigid), self.visit.id):
                lifted.extend(changes)
            elif len(facts) == 1:
                kept.extend(facts)
            else:
                middle = len(facts) // 2
                lift(facts[:middle])
                lift(facts[middle:])

        for _, group in _grouped(universe):
            lift(group)
        return kept

    # The way out

    def relaxation(self, facts: Sequence[Fact]) -> Remedy | None:
        """Give the cheapest change found with which the visit is served, and every rule is kept."""
        if not facts:
            return self._worth()
        distinct = {repr(changes): changes for changes in self._ways_out(facts)}
        found = sorted(distinct.values(), key=lambda item: (effort(item), len(item), repr(item)))
        for changes in found:
            remedy = self._served(changes)
            if remedy is not None:
                return remedy
        universe = [*self._who(), *self._when(), *self._all_others(), *self._fixed()]
        lasting = self._correcting(sorted(universe, key=lambda fact: (effort(fact.lift), fact.name)))
        return None if lasting is None else self._served(lasting)

    def _worth(self) -> Remedy | None:
        """Say from which penalty on a visit with a place would be worth it."""
        best = self.desk.candidates(self.visit.id, top=1).best if len(self.visit.crew) == 1 else ()
        penalty = self.problem.penalty(self.visit)
        if not best or not self.visit.optional or best[0].cost.total <= penalty:
            return self._served(())
        asked = best[0].cost.total
        if asked > MAX_COST:
            return None
        return self._served((Raise(visit=self.visit.id, penalty=asked, more=asked - penalty),))

    def _ways_out(self, facts: Sequence[Fact]) -> Iterator[tuple[Change, ...]]:
        if len(self.visit.crew) == 1:
            for person in self._likely():
                search = Search(self.problem, self.plan, self.desk, self.visit, 0, person)
                yield from search.enabling()
        else:
            yield from self._for_crews()
        for fact in facts:
            if not isinstance(fact.lift[0], (LongerDays, NoWork, Locate)):
                yield fact.lift

    def _likely(self, slot: int = 0) -> list[str]:
        """Choose people for whom little is missing."""
        desk = self.desk
        row = desk.row(self.visit.id, slot)
        desk.able(self.visit.id, slot=slot)
        verdicts = desk.verdicts()
        order = {
            asking.FREE: 0,
            asking.FULL: 0,
            asking.THEN: 1,
            asking.FAR_OFF: 1,
            asking.ENOUGH: 1,
            asking.USED_UP: 1,
            asking.MUCH_DRIVING: 1,
            asking.LONG_DAY: 1,
            asking.TIED: 2,
            asking.SOLD_OUT: 2,
            asking.BARRED: 2,
            asking.BROKEN: 3,
            asking.ABSENT: 4,
        }
        found: list[tuple[int, int, str]] = []
        for worker, verdict in enumerate(verdicts):
            if verdict in order:
                found.append((order[verdict], desk.away(row, worker), desk.tables.scope.technicians[worker].id))
        found.sort()
        if len(found) <= MOST_PEOPLE:
            return [name for _, _, name in found]
        chosen: list[str] = []
        for kind in range(5):
            chosen += [name for one, _, name in found if one == kind][: MOST_PEOPLE // 3]
        return chosen[:MOST_PEOPLE]

    def _for_crews(self) -> Iterator[tuple[Change, ...]]:
        visit = self.visit
        ladders: list[list[Change]] = []
        for number, window in enumerate(visit.windows):
            if window.hard:
                ladders.append([WidenWindow(visit=visit.id, window=number, later_s=60 * n) for n in STEPS_MINUTES])
                ladders.append([WidenWindow(visit=visit.id, window=number, earlier_s=60 * n) for n in STEPS_MINUTES])
        if len(self.problem.shifts) <= MOST_PEOPLE:
            for shift in self.problem.shifts:
                ladders.append([AllowOvertime(shift=shift.id, more_s=60 * n) for n in STEPS_MINUTES])
                ladders.append([StartEarlier(shift=shift.id, earlier_s=60 * n) for n in STEPS_MINUTES])
        yield from self._for_members()
        for ladder in ladders:
            for change in ladder:
                if servable(trial(self.problem, self.plan, (change,)), visit.id):
                    yield (change,)
                    break

    def _for_members(self) -> Iterator[tuple[Change, ...]]:
        """Give what single people would need to fill each place of the crew that nobody can fill, or that some can."""
        lacking: list[tuple[Change, ...]] = []
        for number in range(len(self.visit.crew)):
            found: list[tuple[Change, ...]] = []
            for person in self._likely(number):
                search = Search(self.problem, self.plan, self.desk, self.visit, number, person)
                found += [changes for changes in search.qualifying() if changes]
            found.sort(key=lambda item: (effort(item), repr(item)))
            yield from found
            if found and not self.desk.tables.data.allowed[self.desk.row(self.visit.id, number)].any():
                lacking.append(found[0])
        if len(lacking) > 1:
            yield tuple({repr(change): change for changes in lacking for change in changes}.values())

    def _correcting(self, universe: Sequence[Fact]) -> tuple[Change, ...] | None:
        """Lift facts, the easiest first, until there is a place, and take back what was not needed."""
        chosen: list[Fact] = []

        def place(facts: Sequence[Fact]) -> bool:
            desk = trial(self.problem, self.plan, [change for fact in facts for change in fact.lift])
            # A route that loses a stop may be left with a way that is too long; that is no way out.
            broken = set() if desk is None else desk.broken_shifts() - self.desk.broken_shifts()
            return not broken and servable(desk, self.visit.id)

        for fact in universe:
            chosen.append(fact)
            if place(chosen):
                break
        else:
            return None
        for fact in sorted(chosen, key=lambda item: -effort(item.lift)):
            fewer = [other for other in chosen if other != fact]
            if place(fewer):
                chosen = fewer
        return tuple(change for fact in chosen for change in fact.lift)

    def _served(self, changes: tuple[Change, ...]) -> Remedy | None:
        """Make the changes, serve the visit, and let the checker look for anything that this breaks."""
        made = served(self.problem, self.plan, changes, self.visit.id)
        if made is None:
            return None
        desk, plan, people = made
        known = {(item.rule, item.visit, item.shift) for item in unforced(self.problem, self.plan)}
        if any((item.rule, item.visit, item.shift) not in known for item in unforced(desk.problem, plan)):
            return None
        return Remedy(changes=changes, effect=Effect.SERVED, candidates=people)


def servable(desk: Desk | None, name: str) -> bool:
    """Whether a visit that is in no route has a place, its whole crew together."""
    if desk is None or name not in desk.problem.visit_by_id:
        return False
    visit = desk.problem.visit_by_id[name]
    if visit.point is None:
        return False
    if len(visit.crew) == 1:
        return desk.able(name) > 0
    return _crew(desk, visit)


def served(
    problem: Problem, plan: Plan, changes: Sequence[Change], name: str
) -> tuple[Desk, Plan, tuple[Candidate, ...]] | None:
    """Make the changes, put the visit into its cheapest place and write the plan out; None if it has no place."""
    desk = trial(problem, plan, changes)
    if desk is None or name not in desk.problem.visit_by_id:
        return None
    visit = desk.problem.visit_by_id[name]
    if visit.point is None:
        return None
    if len(visit.crew) == 1:
        best = desk.candidates(name, top=1).best
        if not best or not desk.seat(name, best[0].technician):
            return None
        return desk, written_plan(desk, plan), best
    if not _crew(desk, visit):
        return None
    whole = written_plan(desk, plan)
    people = []
    for route, stop in whole.stops_by_visit[name]:
        person = desk.price(name, route.technician, slot=stop.slot)
        if person is not None:
            people.append(person)
    return desk, whole, tuple(people)


def written_plan(desk: Desk, before: Plan) -> Plan:
    """Write out what lies on a desk: routes without a timetable as they were given, reasons as they were told."""
    tables, scope = desk.tables, desk.tables.scope
    broken = {scope.shifts[shift].id for shift in desk.broken}
    placed = {(slot.visit.id, slot.number) for row, slot in enumerate(scope.slots) if desk.state.route_of[row] >= 0}
    given = [route for route in desk.plan.routes if route.shift in broken]
    stays = [tuple(stop for stop in route.stops if (stop.visit, stop.slot) not in placed) for route in given]
    kept = [replace(route, stops=stops) for route, stops in zip(given, stays, strict=True) if stops]
    routes = tuple(sorted((*routes_of(tables, desk.state), *kept), key=lambda route: route.shift))
    in_routes = {stop.visit for route in routes for stop in route.stops}
    left_out = [visit for visit in desk.problem.visits if visit.id not in in_routes]
    told = {item.visit: item for item in before.unassigned}
    return Plan(
        routes=routes,
        unassigned=tuple(told[visit.id] for visit in left_out if visit.id in told),
        cost=Cost.summed([*(route.cost for route in routes), *(unserved_cost(tables, visit) for visit in left_out)]),
    )


def _crew(desk: Desk, visit: Visit) -> bool:
    """Place the whole crew, if that is possible."""
    rows = [desk.row(visit.id, number) for number in range(len(visit.crew))]
    for shift in desk.broken:
        desk.tables.data.allowed[rows, shift] = False
    return place_unit(desk.tables, desk.state, visit, forced=True)


def _grouped(universe: Sequence[Fact]) -> list[tuple[str, list[Fact]]]:
    """Put the facts that are lifted together side by side; other visits first, in halves."""
    groups: dict[str, list[Fact]] = {}
    for number, fact in enumerate(universe):
        groups.setdefault("others" if fact.part is Part.OTHERS else str(number), []).append(fact)
    return list(groups.items())
