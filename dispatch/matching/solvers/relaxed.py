"""What a bound may count on: per slot and shift the least cost and the least time of serving one there.

Everything here is a lower limit of what a feasible plan pays, or an upper limit of the time it has:

- A visit's *share of driving* is half of the way into it and half of the way out. Over a route the halves add up to
  all driving but half of the first and half of the last leg, which are charged to the route (``open_cost``). The share
  is at least the cheapest pair of two different neighbours, or home and end place, that windows and qualification
  allow. Where a day ends at the last visit, it is all of the way in.
- *Work* is the person's own time, the set-up taken off wherever another visit at the site exists.
- *Lateness* and a *moved start* are priced at the earliest start thinkable, and as if the visit could still wait for a
  better one, so that they only grow with time. *Waiting*, *fairness* and the depot stop cost nothing here.
- A *pin* outranks rules: shifts that may have to keep one are ``loose``, they have time without end and drive for
  nothing.
- Every slot of a crew is served on its own, at its share of the penalty; who follows whom does not matter.
- A route's terms are rounded to whole units, so each route may be half a unit cheaper for each term with a fraction.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dispatch.matching.constraint import FAR, Scope, Slot, Whole
from dispatch.matching.constraints.promise_windows import HARD, PRICED, WHOLE_VISIT
from dispatch.matching.objective import UNIT
from dispatch.matching.problem import Break, Shift, Visit
from dispatch.matching.solvers.bound_kernels import count_pairs, fill_pairs, nearest
from dispatch.matching.solvers.tables import Tables

Real = npt.NDArray[np.float64]

ROUNDED_WAYS_S = 150
"""By how much a chain of ways, each rounded, may be shorter than the direct way: half a second a stop."""

NEIGHBOURS = 64
"""Nearest other slots that a way into or out of a slot is looked up among."""


class Relaxed(NamedTuple):
    """The relaxed problem; costs in search cost (hundredths of a unit), times in seconds."""

    constant: float  # cost of visits that nobody can serve
    penalty: Real  # [slot] cost of leaving it out; 0 where counted in ``constant``
    site: Whole  # [shift, column of bound_kernels]
    when: Whole  # [slot, column of bound_kernels]
    window: Whole  # [window, start end kind]
    at: Whole  # [slot + 1] first pair of each slot
    shift: npt.NDArray[np.int32]  # [pair]
    cost: Real  # [pair] price of the pair, lateness at least, and share of driving
    time: Real  # [pair] work and share of driving
    price: Real  # [pair] price of the pair alone, without lateness and driving
    work: Whole  # [pair] time of the work
    room: Real  # [shift] time before overtime
    extra: Real  # [shift] overtime allowed
    rate: Real  # [shift] price of a second of overtime
    open_cost: Real  # [shift] cost of leaving home at all; may be below 0 by rounding
    loose: npt.NDArray[np.bool_]  # [shift] time and ways do not count
    rests: tuple[tuple[Break, ...], ...]  # [shift] breaks that count, in order


def relax(tables: Tables) -> Relaxed:
    """Work out the relaxed problem; O(slots ^ 2 + slots x shifts) time, memory of the allowed pairs only."""
    scope, data = tables.scope, tables.data
    loose = _loose(tables)
    rests = tuple(ordered_rests(shift) for shift in scope.shifts)
    when, windows = _when(scope)
    site = _site(tables, loose)
    allowed = data.allowed & np.array([slot.visit.point is not None for slot in scope.slots], dtype=np.bool_)[:, None]
    people = np.packbits(allowed, axis=1)  # which shifts may serve each slot, eight to a byte
    slots, shifts = len(scope.slots), len(scope.shifts)
    ways = np.full((slots, 2, max(1, min(slots, NEIGHBOURS))), FAR, dtype=np.int64)
    other = np.full(ways.shape, -1, dtype=np.int64)
    fastest = min((person.pace_percent for person in scope.technicians), default=100)
    if slots:
        nearest(data, tables.place, when, people, fastest, windows, ways, other)
    metric = int(scope.problem.travel.matrix is None)
    place, pair = tables.place, data.pair
    at = np.zeros(slots + 1, dtype=np.int64)
    if slots and shifts:
        count_pairs(data, allowed, place, site, when, windows, ways, metric, ROUNDED_WAYS_S, at)
    size = int(at[slots])
    shift = np.zeros(size, dtype=np.int32)
    values = np.zeros((size, 3), dtype=np.float64)
    work = np.zeros(size, dtype=np.int64)
    ends = np.full((shifts, 2), FAR, dtype=np.int64)
    if size:
        near = np.zeros(6, dtype=np.int64)
        lists = (ways, other, near)
        fill_pairs(
            data,
            allowed,
            place,
            pair,
            site,
            when,
            windows,
            *lists,
            metric,
            ROUNDED_WAYS_S,
            at,
            shift,
            values,
            work,
            ends,
        )
    constant, penalty, possible = _penalties(scope, np.diff(at) > 0)
    if not possible.all():
        keep = np.repeat(possible, np.diff(at))
        shift, values, work = shift[keep], values[keep], work[keep]
        at = np.concatenate(([0], np.cumsum(np.where(possible, np.diff(at), 0)))).astype(np.int64)
    ends[(ends >= FAR) | loose[:, None]] = 0
    room, extra, rate, opening = _shifts(tables, rests, loose, ends)
    return Relaxed(
        constant=constant,
        penalty=penalty,
        site=site,
        when=when,
        window=windows,
        at=at,
        shift=shift,
        cost=np.ascontiguousarray(values[:, 0]),
        time=np.ascontiguousarray(values[:, 1]),
        price=np.ascontiguousarray(values[:, 2]),
        work=work,
        room=room,
        extra=extra,
        rate=rate,
        open_cost=opening,
        loose=loose,
        rests=rests,
    )


def ordered_rests(shift: Shift) -> tuple[Break, ...]:
    """Give the breaks that can be counted on: at fixed times, and only the first where their order is open."""
    fixed = [item for item in shift.breaks if not item.from_departure]
    fixed.sort(key=lambda item: (item.earliest_s, item.latest_s, item.id))
    if any(later.earliest_s <= earlier.latest_s for earlier, later in pairwise(fixed)):
        return tuple(fixed[:1])
    return tuple(fixed)


def _loose(tables: Tables) -> npt.NDArray[np.bool_]:
    """Shifts that may have to keep a pin."""
    scope = tables.scope
    loose = np.zeros(len(scope.shifts), dtype=np.bool_)
    for pin in scope.problem.pins:
        if pin.technician is None:
            loose |= tables.data.allowed[scope.slot_index[pin.visit, pin.slot]]
        else:
            loose |= scope.technician_of == scope.technician_index[pin.technician]
    return loose


def _when(scope: Scope) -> tuple[Whole, Whole]:
    """When work may start and what late starts cost  # [slot, column], [window, column]."""
    crowd: dict[str, int] = {}
    for visit in scope.problem.visits:
        if visit.site is not None:
            crowd[visit.site] = crowd.get(visit.site, 0) + len(visit.crew)
    rows: list[list[int]] = []
    windows: list[tuple[int, int, int]] = []
    for slot in scope.slots:
        visit = slot.visit
        first = len(windows)
        for item in visit.windows:
            kind = WHOLE_VISIT if item.whole_visit else HARD if item.hard else PRICED
            windows.append((item.start_s, item.end_s, kind))
        shared = visit.setup_s if visit.site is not None and crowd[visit.site] > 1 else 0
        told = [item.start_s for item in visit.published if item.slot == slot.number]
        policy = scope.problem.policy
        rate = policy.lateness_rate if visit.lateness_rate is None else visit.lateness_rate
        rows.append(
            [
                visit.duration_s,
                shared,
                _opens(visit),
                first,
                len(windows),
                FAR if visit.due_s is None else visit.due_s,
                rate * UNIT if slot.number == 0 else 0,
                told[0] + policy.retime_tolerance_s if told else FAR,
                policy.retime_cost * UNIT,
                _visit_number(scope, slot),
            ]
        )
    return (
        np.array(rows, dtype=np.int64).reshape(len(scope.slots), 10),
        np.array(windows, dtype=np.int64).reshape(len(windows), 3),
    )


def _visit_number(scope: Scope, slot: Slot) -> int:
    return scope.slot_index[slot.visit.id, 0]


def _opens(visit: Visit) -> int:
    release = -FAR if visit.release_s is None else visit.release_s
    return max(release, min((item.start_s for item in visit.windows), default=-FAR))


def _site(tables: Tables, loose: npt.NDArray[np.bool_]) -> Whole:
    """Where and when each shift works  # [shift, column]."""
    scope = tables.scope
    number = {point: index for index, point in enumerate(tables.ways.points)}
    rows = []
    for row, shift in enumerate(scope.shifts):
        person = scope.technician(row)
        rows.append(
            [
                number[shift.start],
                -1 if shift.end is None else number[shift.end],
                # A depot that is no place of the ways can only make ways longer there, or there is no depot stop yet.
                -1 if shift.depot is None else number.get(shift.depot, -1),
                shift.start_s,
                shift.end_s,
                shift.latest_s,
                int(scope.technician_of[row]),
                person.pace_percent,
                person.cost_percent,
                int(loose[row]),
                FAR if shift.max_leg_s is None or shift.depot is not None else shift.max_leg_s,
            ]
        )
    return np.array(rows, dtype=np.int64).reshape(len(scope.shifts), 11)


def _penalties(scope: Scope, served: npt.NDArray[np.bool_]) -> tuple[float, Real, npt.NDArray[np.bool_]]:
    """Cost of visits that can not be served at all, penalties of the slots of the others, and which those are."""
    policy = scope.problem.policy
    constant, penalty = 0.0, np.zeros(len(scope.slots), dtype=np.float64)
    possible = np.ones(len(scope.slots), dtype=np.bool_)
    pinned = {pin.visit for pin in scope.problem.pins}
    for visit in scope.problem.visits:
        rows = [scope.slot_index[visit.id, number] for number in range(len(visit.crew))]
        told = len(visit.published) * (policy.reassign_cost + policy.retime_cost)
        cost = (scope.problem.penalty(visit) + told) * float(UNIT)
        if served[rows].all() or (visit.id in pinned and served[rows].any()):
            penalty[rows] = cost / len(rows)
        else:
            constant += cost
            possible[rows] = False
    return constant, penalty, possible


def _shifts(
    tables: Tables, rests: tuple[tuple[Break, ...], ...], loose: npt.NDArray[np.bool_], ends: Whole
) -> tuple[Real, Real, Real, Real]:
    """Time of each shift before overtime and in it, price of overtime, and cost of leaving home  # [shift] each."""
    scope = tables.scope
    size = len(scope.shifts)
    room, extra, rate, opening = (np.zeros(size, dtype=np.float64) for _ in range(4))
    for row, shift in enumerate(scope.shifts):
        person = scope.technician(row)
        half_ends = float(ends[row].sum()) / 2.0
        usual, whole = time_until(shift, rests[row], shift.end_s), time_until(shift, rests[row], shift.latest_s)
        if shift.max_length_s is not None:
            usual, whole = min(usual, shift.max_length_s), min(whole, shift.max_length_s)
        room[row] = max(0.0, usual - half_ends)
        extra[row] = max(0.0, whole - half_ends) - room[row]
        rate[row] = shift.overtime_percent
        opening[row] = person.call_out_cost * UNIT + half_ends * person.cost_percent
        opening[row] -= rounding(shift, person.cost_percent)
    room[loose] = float(FAR)
    return room, extra, rate, opening


def rounding(shift: Shift, cost_percent: int) -> int:
    """Search cost that rounding to whole units may take off driving and overtime of one route; a half is rounded up."""
    fractions = (cost_percent % 100, shift.overtime_percent % 100 if shift.overtime_limit_s else 0)
    return sum(UNIT // 2 for fraction in fractions if fraction not in (0, 50))


def time_until(shift: Shift, rests: tuple[Break, ...], finish_s: int) -> int:
    """Most driving and work of a route that ends by ``finish_s``: a break is owed only if it runs on after its latest.

    The more breaks are taken, the later the route may end.
    """
    most, taken = 0, 0
    for item in rests:
        most = max(most, min(item.latest_s, finish_s) - shift.start_s - taken)
        taken += item.duration_s
    return max(0, most, finish_s - shift.start_s - taken)
