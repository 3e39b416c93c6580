"""Chains the solvers within a budget: first plan, cycles of search and recombination, last sweep, plan."""

import importlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dispatch.matching.constraint import Scope
from dispatch.matching.objective import UNIT
from dispatch.matching.plan import Plan
from dispatch.matching.problem import MAX_COST, Problem
from dispatch.matching.reasons import Reasoner
from dispatch.matching.solve import Progress, ProgressUpdate
from dispatch.matching.solvers.construct import construct, mandatory, place_units, sweep
from dispatch.matching.solvers.crews import ordered_units, place_unit, remove_unit, slots_of, waiting_for
from dispatch.matching.solvers.forced import close_shifts
from dispatch.matching.solvers.greedy import nearest_qualified
from dispatch.matching.solvers.improve import LONGEST_STRING, Improver, count_changes, total_cost
from dispatch.matching.solvers.kernels import count_late, keeps_bonds, refresh
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.memory import CURRENT, MOST_CHANGES
from dispatch.matching.solvers.tables import Tables, build, copy_state
from dispatch.matching.solvers.warm_start import hold, let_go, published_state, restore
from dispatch.matching.solvers.write import written
from dispatch.matching.timetable import route_of

FIRST_SHARE = 0.5
FIRST_SHARE_MIXED = 0.3
"""Part of the time for the first cycle; less where all is served and routes are recombined, which more cycles feed."""

FIRST_S_PER_SLOT = 0.02
SHORTEST_CYCLE_S = 2.5
RECOMBINE_SLOTS = 800
"""Up to this many slots routes are recombined; above, CP-SAT finds nothing in the time that is worth it."""

CYCLE_STEPS = 120_000
CHUNK_S = 0.04
REPORT_S = 0.5
SAMPLE = 20
REHEAT = 0.25
SHARE_EVERY = 0.05
"""Part of a cycle after which several searches go on from one plan."""

TOLL_STOPS = 250.0
"""So many costs of a stop a route costs more during most of the first cycle, where visits may be left out: a hot search
opens routes for visits that do not pay in the end, and a cold one can not close them, string by string."""

TOLL_UNTIL = 0.8
"""Part of the first cycle after which routes cost what they cost."""

RECOMBINE_SHARE = 0.1
RECOMBINE_FROM_S = 3.0
RECOMBINE_FROM_STEPS = 5_000


@dataclass(kw_only=True)
class Engine:
    """One run on one problem."""

    problem: Problem
    time_limit_s: float | None
    step_limit: int | None
    seed: int
    threads: int = 1
    progress: Progress | None = None
    should_stop: Callable[[], bool] | None = None
    begun: float = field(init=False, default_factory=time.monotonic)
    tables: Tables = field(init=False)
    reserve_s: float = field(init=False, default=0.0)
    reported: float = field(init=False, default=-1.0)
    stopped: bool = field(init=False, default=False)
    closed: dict[int, list[int]] = field(init=False, default_factory=dict)
    loader: threading.Thread = field(init=False)
    first: State = field(init=False)
    cheapest: State = field(init=False)
    team: list[Improver] = field(init=False, default_factory=list)
    given: bool = field(init=False, default=False)
    tolled: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.tables = build(Scope.of(self.problem))
        # OR-Tools takes a second or two to load; the kernels run meanwhile, they do not hold the interpreter lock.
        name = "dispatch.matching.solvers.assign"
        self.loader = threading.Thread(target=importlib.import_module, args=(name,), daemon=True)

    def run(self, warm_start: Plan | None) -> Plan:
        """Solve; see `dispatch.matching.solve.solve`."""
        state, ignored = restore(self.tables, warm_start)
        capped = self.problem.policy.max_changes is not None
        if capped and warm_start is None:
            state = published_state(self.tables)
        if capped:
            hold(self.tables, state)
        first = construct(self.tables, state)
        self.closed = close_shifts(self.tables, first)
        if self.closed:
            construct(self.tables, first)
        sweep(self.tables, first)
        if capped:
            let_go(self.tables, first)
        self.report("construct", first, 0, always=True)
        self.reserve_s = self._finishing_time(first)
        self.first = self.cheapest = first
        begun = self.step_limit != 0 and not self.over()
        final = self._searched(capped or warm_start is not None) if begun else copy_state(first)
        if capped:
            hold(self.tables, final)
        sweep(self.tables, final)
        if total_cost(self.tables, final) > total_cost(self.tables, self.cheapest):
            final = self.cheapest
        self.report("finish", final, self.steps, always=True)
        return written(
            self.tables,
            final,
            closed=self.closed,
            seconds=self.elapsed_s(),
            steps=self.steps,
            seed=self.seed,
            repeatable=self.step_limit is not None and not self.stopped,
            first_cost=self._shown_cost(first),
            ignored=ignored,
        )

    def _searched(self, given: bool) -> State:
        """Give the best plan found from the first one on, or from a full one where nobody gave a plan to keep to."""
        self.given = given
        self.team = self._gather(self.first if given else self._filled())
        if self.lead.movable:
            self._improve()
        return self.lead.best_state()

    def _filled(self) -> State:
        """Give a plan to start from with every visit in it that fits, even what does not pay there.

        Leaving out what does not pay is easy to find; which visits make a day pay that nobody has begun is not.
        """
        if mandatory(self.tables)[self.first.route_of < 0].all():
            return self.first
        return construct(self.tables, copy_state(self.first), at_any_cost=True)

    def _best(self) -> State:
        """Give the cheapest plan so far, and keep it: under toll a search may leave it for a dearer one."""
        best = self.lead.best_state()
        if total_cost(self.tables, best) < total_cost(self.tables, self.cheapest):
            self.cheapest = best
        return self.cheapest

    def _gather(self, first: State) -> list[Improver]:
        """Give one search for all threads where it divides the plan among them, else one each with its own seed."""
        alone = Improver(tables=self.tables, state=copy_state(first), seed=self.seed, threads=self.threads)
        if self.threads == 1 or alone.divided or not alone.movable:
            return [alone]
        return [
            Improver(tables=self.tables, state=copy_state(first), seed=self.seed + 1_000_003 * number)
            for number in range(self.threads)
        ]

    def elapsed_s(self) -> float:
        """Wall time since the call."""
        return time.monotonic() - self.begun

    def left_s(self) -> float:
        """Wall time left for searching."""
        if self.time_limit_s is None:
            return float("inf")
        return self.time_limit_s - self.elapsed_s() - self.reserve_s

    def over(self) -> bool:
        """Whether the clock or the caller ends the search."""
        if not self.stopped and (self.left_s() <= 0.0 or (self.should_stop is not None and self.should_stop())):
            self.stopped = True
        return self.stopped

    def report(self, phase: str, state: State, steps: int, *, always: bool = False) -> None:
        """Tell the caller where the search stands, not more often than it can be looked at."""
        if self.progress is None or not (always or self._due()):
            return
        now = self.elapsed_s()
        self.reported = now
        self.progress(
            ProgressUpdate(
                elapsed_s=now,
                phase=phase,
                cost=self._shown_cost(state),
                unserved=unserved_visits(self.tables, state),
                late=int(count_late(self.tables.data, state)),
                steps=steps,
            )
        )

    def _due(self) -> bool:
        """Whether the caller has not been told anything for a while."""
        return self.progress is not None and self.elapsed_s() - self.reported >= REPORT_S

    def _shown_cost(self, state: State) -> int:
        """Cost in whole units, without the weight that keeps the search from trading pins away."""
        penalty = self.tables.penalty
        lost = self.tables.pinned & (state.route_of < 0) & (penalty >= MAX_COST * UNIT)
        return total_cost(self.tables, state) // UNIT - MAX_COST * int(np.count_nonzero(lost))

    def _finishing_time(self, state: State) -> float:
        """Time to set aside for the last sweep and for writing the plan, from doing a part of it once."""
        if self.time_limit_s is None:
            return 0.0
        before = time.monotonic()
        sweep(self.tables, copy_state(state))
        swept = time.monotonic()
        used = np.flatnonzero(state.size)[:SAMPLE]
        for shift in used:
            route_of(self.tables, state, int(shift))
        routed = time.monotonic()
        reasoner = Reasoner(self.tables, state)
        left_out = [slot.visit for row, slot in enumerate(self.tables.scope.slots) if state.route_of[row] < 0]
        for visit in left_out[:1]:
            reasoner.reasons_for(visit)  # prepares what the others share
        prepared = time.monotonic()
        for visit in left_out[1:SAMPLE]:
            reasoner.reasons_for(visit)
        explained = time.monotonic()
        whole = swept - before + prepared - routed
        whole += (routed - swept) * max(1.0, np.count_nonzero(state.size) / SAMPLE)
        whole += (explained - prepared) * max(1.0, len(left_out) / SAMPLE)
        return min(0.4 * self.time_limit_s, 0.05 + 1.2 * whole)

    def _improve(self) -> None:
        """Search in cycles: hot once, then warm; after each cycle recombine routes and try linked visits elsewhere."""
        if self._may_recombine():
            self.loader.start()
        hot = self.lead.hot()
        toll = int(TOLL_STOPS * self.lead.stop_cost() / UNIT) if self._opens_too_many() else 0
        for share in self._cycles():
            self._cycle(hot, share, toll)
            toll = 0
            if self.over():
                break
            self._recombine(share[0] * RECOMBINE_SHARE)
            if not self.over():
                self._move_units()
            self._share_best()
            hot = self.lead.hot() * REHEAT
        while self.step_limit is None and not self.over():
            # What recombining left over of its time.
            self._cycle(2.0 * self.lead.cold(), (self.left_s(), 10**15))

    @property
    def lead(self) -> Improver:
        """The search with the best plan so far."""
        return min(self.team, key=lambda improver: improver.best_cost)

    def _cycles(self) -> list[tuple[float, int]]:
        """Seconds and steps of each cycle, both at most; the first is the longest."""
        if self.step_limit is not None:
            count = max(1, round(self.step_limit / CYCLE_STEPS))
            bounds = np.linspace(0, self.step_limit, count + 1).astype(int)
            return [(float("inf"), int(size)) for size in np.diff(bounds)]
        left = self.left_s()
        if left < 2.0 * SHORTEST_CYCLE_S:
            return [(left, 10**15)]
        share = FIRST_SHARE_MIXED if self._may_recombine() and self.lead.serves_all else FIRST_SHARE
        first = min(left, max(left * share, len(self.tables.scope.slots) * FIRST_S_PER_SLOT))
        if left - first < SHORTEST_CYCLE_S / 2.0:
            return [(left, 10**15)]
        count = max(1, round((left - first) / max(SHORTEST_CYCLE_S, first / 2.0)))
        return [(first, 10**15), *[((left - first) / count, 10**15)] * count]

    def _cycle(self, hot: float, share: tuple[float, int], toll: int = 0) -> None:
        seconds, steps = share
        usable = min(seconds * (1.0 - RECOMBINE_SHARE) if self._may_recombine() else seconds, self.left_s())
        begun, done, chunk, shared = time.monotonic(), 0, 100, 0.0
        ratio = self.lead.cold() / hot
        self._toll(toll)
        while done < steps and not self.over():
            at = time.monotonic()
            size = min(chunk, steps - done)
            part = done / steps if self.step_limit is not None else (at - begun) / usable
            if part >= 1.0:
                break
            if toll and part > TOLL_UNTIL:
                toll = self._toll(0)
            ahead = size / steps if self.step_limit is not None else min(1.0 - part, CHUNK_S / usable)
            self._run(size, hot * ratio**part, hot * ratio ** min(1.0, part + ahead))
            done += size
            took = time.monotonic() - at
            if self.step_limit is not None:
                chunk = 500
            else:
                chunk = max(1, min(20_000, int(chunk * min(4.0, CHUNK_S / max(1e-6, took)))))
            if self._may_recombine():
                if part > 0.5 and not toll:
                    for improver in self.team:
                        improver.collect()
            elif part - shared > SHARE_EVERY and not toll:
                shared = part  # under toll two ways to few routes are worth more than one that both follow
                self._share_current()
            if self._due():
                self.report("improve", self._best(), self.steps)
        if toll:
            for improver in self.team:
                improver.adopt(improver.best_state())
            self._toll(0)

    def _opens_too_many(self) -> bool:
        """Whether visits may be left out of routes that no single step empties, and nobody gave a plan to keep to."""
        if self.given or mandatory(self.tables).all():
            return False
        size = self.lead.state.size
        return bool(size.sum() > LONGEST_STRING * np.count_nonzero(size))

    def _toll(self, toll: int) -> int:
        """Let routes cost so much more in every search, if that is another price than now; gives it back."""
        if toll != self.tolled:
            self.tolled = toll
            for improver in self.team:
                improver.toll(toll)
        return toll

    def _run(self, steps: int, hot: float, cold: float) -> None:
        """Let everybody of the team search for a while."""
        if len(self.team) == 1:
            self.team[0].run(steps, hot, cold)
            return
        tasks = [threading.Thread(target=improver.run, args=(steps, hot, cold)) for improver in self.team]
        for task in tasks:
            task.start()
        for task in tasks:
            task.join()

    @property
    def steps(self) -> int:
        """Search steps done by the whole team."""
        return sum(improver.steps for improver in self.team)

    def _share_best(self) -> None:
        """Let everybody go on from the best plan."""
        if len(self.team) > 1:
            best = self.lead.best_state()
            for improver in self.team:
                improver.adopt(best)

    def _share_current(self) -> None:
        """Let everybody wander on from where the cheapest plan of the moment is.

        Where routes are recombined everybody stays apart instead, to see more of them.
        """
        ahead = min(self.team, key=lambda improver: int(improver.work.totals[CURRENT]))
        for improver in self.team:
            if improver is not ahead:
                improver.adopt(ahead.state)

    def _may_recombine(self) -> bool:
        if len(self.tables.scope.slots) > RECOMBINE_SLOTS or not self.lead.movable:
            return False
        if self.step_limit is not None:
            return self.step_limit >= RECOMBINE_FROM_STEPS
        return self.time_limit_s is not None and self.time_limit_s >= RECOMBINE_FROM_S

    def _recombine(self, seconds: float) -> None:
        if not self._may_recombine():
            return
        self.loader.join(None if self.step_limit is not None else max(0.0, self.left_s() - 0.3))
        if self.loader.is_alive():
            return
        from dispatch.matching.solvers.assign import Column, recombine  # loaded by now

        lead = self.lead
        best = lead.best_state()
        columns = [
            Column(shift=key[0], stops=stops, cost=cost)
            for improver in self.team
            for key, (cost, stops) in improver.pool.items()
        ]
        repeatable = self.step_limit is not None
        seconds = 1.0 if repeatable else min(seconds, self.left_s() - 0.2)
        if seconds <= 0.1:
            return
        chosen = recombine(
            self.tables,
            best,
            columns,
            seconds=seconds,
            seed=self.seed,
            repeatable=repeatable,
            workers=self.threads,
            should_stop=None if repeatable and self.should_stop is None else self.over,
        )
        if chosen is not None:
            mixed = copy_state(best)
            mixed.size[:] = 0
            mixed.route_of[:] = -1
            for column in chosen:
                mixed.size[column.shift] = len(column.stops)
                mixed.sequence[column.shift, : len(column.stops)] = column.stops
                mixed.route_of[list(column.stops)] = column.shift
            timed = [refresh(self.tables.data, mixed, shift) for shift in range(len(mixed.size))]
            if all(timed) and keeps_bonds(self.tables.data, mixed) and self._bearable(mixed):
                best = mixed
        lead.adopt(best)
        self.report("recombine", best, self.steps)

    def _bearable(self, state: State) -> bool:
        """Whether no more published slots change than may."""
        return count_changes(self.tables, state) <= int(self.lead.work.totals[MOST_CHANGES])

    def _move_units(self) -> None:
        """Try crews that nothing else waits for at another moment, and linked visits left out once more."""
        state = self.lead.best_state()
        before = copy_state(state)
        changed = place_units(self.tables, state) > 0
        if changed and not self._bearable(state):
            state, changed = before, False
        for visit in ordered_units(self.tables):
            if self.over():
                break
            served = state.route_of[slots_of(self.tables, visit)[0]] >= 0
            if not served or visit.predecessors or waiting_for(self.tables, visit):
                continue
            trial = copy_state(state)
            if (
                remove_unit(self.tables, trial, visit)
                and place_unit(self.tables, trial, visit, forced=True)
                and (total_cost(self.tables, trial) < total_cost(self.tables, state))
                and self._bearable(trial)
            ):
                state, changed = trial, True
        if changed:
            for improver in self.team:
                improver.restart(state)


def greedy_plan(problem: Problem) -> Plan:
    """Give the nearest-qualified plan; see `dispatch.matching.solve.baseline`."""
    tables = build(Scope.of(problem))
    return written(tables, nearest_qualified(tables), solver="nearest qualified")


def unserved_visits(tables: Tables, state: State) -> int:
    """Count the visits left out."""
    return sum(slot.number == 0 and state.route_of[row] < 0 for row, slot in enumerate(tables.scope.slots))
