"""The whole count: read, solve, keep. Loaded by the worker; pages only ask for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime
from time import perf_counter
from typing import TypeAlias

from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.coverage.flow import Cell, Flow, build_weeks, solve_flow, worst_places
from dispatch.coverage.kept import latest_run, read_counted
from dispatch.coverage.models import CoverageRun
from dispatch.coverage.outlook import HOUR_S, Outlook
from dispatch.coverage.promised import promises_by_person
from dispatch.coverage.remedies import MOST_CELLS, Remedy, remedies
from dispatch.coverage.result import (
    NEAR_WEEKS,
    Counted,
    summed_risk,
    summed_sole,
    summed_stress,
)
from dispatch.coverage.risk import absence_risks, pair_risks, sole_holders, stress_test
from dispatch.coverage.service import confirm_coverage, store_coverage
from dispatch.coverage.snapshot import Facts, Snapshot, read_facts, snapshot_of
from dispatch.coverage.what_if import WhatIf, ask_weeks

Sessions: TypeAlias = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, kw_only=True)
class _Weeks:
    """What single weeks gave, solved now or kept from the count before."""

    cells: tuple[Cell, ...]
    remedies: tuple[Remedy, ...]
    unmet_of: Mapping[tuple[int, date], int]


def count(snapshot: Snapshot, before: Counted | None = None) -> Counted:
    """Solve an outlook and everything the pages ask of it; needs no database.

    Weeks do not touch each other, so a week whose facts are those of the count before keeps its answers; what speaks of
    the next four weeks together is kept only while all four are the same.
    """
    digests = {week: _digest(snapshot, week) for week in snapshot.weeks}
    kept = {} if before is None else {week: d for week, d in before.digests.items() if digests.get(week) == d}
    old = _kept(before, kept)
    new = _solved(snapshot, [week for week in snapshot.weeks if week not in kept])
    found = _Weeks(
        cells=tuple(sorted((*old.cells, *new.cells), key=lambda cell: (cell.territory, cell.week, cell.row))),
        remedies=tuple(
            sorted((*old.remedies, *new.remedies), key=lambda r: (r.territory, r.week, r.row, r.kind, -r.gained_s))
        ),
        unmet_of=dict(sorted((*old.unmet_of.items(), *new.unmet_of.items()))),
    )
    expectation = snapshot.expectation
    near = snapshot.weeks[:NEAR_WEEKS]
    missing_s: dict[int, int] = {}
    for (place, week), unmet_s in found.unmet_of.items():
        if week in near:
            missing_s[place] = missing_s.get(place, 0) + unmet_s
    same = before is not None and before.near == near and set(near) <= set(kept)
    together = before if before and same and before.stress.away_percent == 100 * snapshot.away else _near(snapshot)
    return replace(
        together,
        weeks=snapshot.weeks,
        digests=digests,
        worst=_worst(cell for cell in found.cells if cell.week in near),
        unmet_of=found.unmet_of,
        missing_s=missing_s,
        merged_s=snapshot.merged_s,
        tried_from_s=_tried_from(found.cells),
        cells=found.cells,
        remedies=found.remedies,
        promised=promises_by_person(snapshot.outlook.people, snapshot.promised),
        known=snapshot.known,
        booked_s=snapshot.booked_s,
        expected_s=expectation.expected_s,
        recurring_s=expectation.recurring_s,
        unmet_s=sum(found.unmet_of.values()),
        later_s=snapshot.later_s,
        history_weeks=expectation.history_weeks,
        by_territory=expectation.by_territory,
        by_kind=expectation.by_kind,
        by_row=expectation.by_row,
        outlines=tuple(sorted(expectation.outlines, key=lambda each: (each.territory, each.row))),
        without_hours=snapshot.territories_without_hours,
        overbooked=snapshot.overbooked,
    )


def _digest(snapshot: Snapshot, week: date) -> str:
    """Everything the answers of a week rest on, as one short text; equal facts give equal texts."""
    outlook, staff = snapshot.outlook, snapshot.staff
    told = hashlib.sha256(repr((outlook.unmet_price_s, sorted(staff.partners))).encode())
    for p in sorted(outlook.people, key=lambda person: person.id):
        held = sorted(kind for kind, weeks in p.held.items() if week in weeks)
        hours_s = p.hours_s.get(week, 0)
        told.update(repr((p.id, hours_s, held, sorted(p.levels.items()), sorted(p.travel_s.items()))).encode())
    for work in outlook.demand:
        if work.week == week:
            told.update(repr((work.key, work.booked_s, work.expected_s, work.visit_s)).encode())
    return told.hexdigest()


def part_of(outlook: Outlook, weeks: Iterable[date]) -> Outlook:
    """Return the outlook of some weeks only."""
    chosen = frozenset(weeks)
    return replace(
        outlook,
        people=tuple(
            replace(p, hours_s={week: seconds for week, seconds in p.hours_s.items() if week in chosen})
            for p in outlook.people
        ),
        demand=tuple(work for work in outlook.demand if work.week in chosen),
    )


def _kept(before: Counted | None, weeks: Iterable[date]) -> _Weeks:
    chosen = frozenset(weeks)
    if before is None or not chosen:
        return _Weeks(cells=(), remedies=(), unmet_of={})
    return _Weeks(
        cells=tuple(cell for cell in before.cells if cell.week in chosen),
        remedies=tuple(remedy for remedy in before.remedies if remedy.week in chosen),
        unmet_of={place: unmet_s for place, unmet_s in before.unmet_of.items() if place[1] in chosen},
    )


def _solved(snapshot: Snapshot, weeks: Iterable[date]) -> _Weeks:
    """Solve some weeks one after the other, so that only one programme is in memory at a time."""
    cells: list[Cell] = []
    helping: list[Remedy] = []
    unmet_of: dict[tuple[int, date], int] = {}
    ways_s = snapshot.staff.ways_s
    for week in weeks:
        outlook = part_of(snapshot.outlook, [week])
        models = build_weeks(outlook)
        flow: Flow = solve_flow(outlook, models=models)
        cells += flow.cells
        for solved in flow.weeks:
            for work, unmet_h in zip(solved.demand, solved.unmet_h, strict=True):
                place = (work.territory, solved.week)
                unmet_of[place] = unmet_of.get(place, 0) + round(unmet_h * HOUR_S)
        helping += remedies(
            outlook,
            flow.cells,
            [WhatIf(model, solved) for model, solved in zip(models, flow.weeks, strict=True)],
            partners=snapshot.staff.partners,
            travel_s=lambda person, territory: ways_s.get((person, territory)),
        )
    return _Weeks(cells=tuple(cells), remedies=tuple(helping), unmet_of=unmet_of)


def _near(snapshot: Snapshot) -> Counted:
    """Solve what the next four weeks say together: who is missed, alone, in pairs and by chance."""
    outlook = part_of(snapshot.outlook, snapshot.weeks[:NEAR_WEEKS])
    asking = ask_weeks(outlook)
    risks = absence_risks(outlook, asking)
    return Counted(
        weeks=(),
        digests={},
        worst=(),
        unmet_of={},
        missing_s={},
        merged_s=0,
        tried_from_s={},
        cells=(),
        risks=tuple(summed_risk(risk) for risk in risks if risk.lost_s > 0),
        pairs=pair_risks(outlook, risks, asking),
        stress=summed_stress(stress_test(outlook, snapshot.away, asking)),
        remedies=(),
        soles=tuple(summed_sole(sole, outlook.demand) for sole in sole_holders(outlook)),
        promised=(),
        known=(),
        booked_s=0,
        expected_s=0,
        recurring_s=0,
        unmet_s=0,
        later_s=0,
        history_weeks=0,
        by_territory=None,
        by_kind=None,
        by_row=None,
        outlines=(),
        without_hours=(),
        overbooked=(),
    )


def _worst(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Keep every cell of the worst places of each territory, as a reader of any territories asks for them."""
    by_territory: dict[int, list[Cell]] = {}
    for cell in cells:
        by_territory.setdefault(cell.territory, []).append(cell)
    found: list[Cell] = []
    for _place, here in sorted(by_territory.items()):
        rows = {weeks[0].row for weeks in worst_places(here)}
        found += [cell for cell in here if cell.row in rows]
    return tuple(found)


def _tried_from(cells: Iterable[Cell]) -> dict[date, int]:
    short: dict[date, list[int]] = {}
    for cell in cells:
        if cell.missing_s:
            short.setdefault(cell.week, []).append(cell.missing_s)
    return {
        week: sorted(missing, reverse=True)[MOST_CELLS - 1]
        for week, missing in sorted(short.items())
        if len(missing) > MOST_CELLS
    }


def solve_coverage(session: Session, *, actor: Actor, now: datetime, anew: bool = True) -> CoverageRun:
    """Read, solve and keep the coverage of the coming quarter, all in the caller's transaction.

    With ``anew`` off only weeks whose facts changed since the last count are solved; where none did, that count is
    noted as still right.
    """
    asked = _read(session, actor=actor, now=now, anew=anew)
    return _keep(session, asked, _answer(asked), actor=actor, now=now)


def solve_coverage_apart(sessions: Sessions, *, actor: Actor, now: datetime, anew: bool = True) -> None:
    """Do the same, with no connection held while it is solved: that takes longer than the server lets one sit idle."""
    with sessions() as session:
        asked = _read(session, actor=actor, now=now, anew=anew)
    counted = _answer(asked)
    with sessions() as session:
        _keep(session, asked, counted, actor=actor, now=now)
        session.commit()


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What a count goes out from; `last` is the run whose numbers are `before`."""

    started: float
    last: int | None
    before: Counted | None
    facts: Facts


def _read(session: Session, *, actor: Actor, now: datetime, anew: bool) -> _Asked:
    actor.require(Right.COVERAGE_SOLVE)
    started = perf_counter()
    last = None if anew else latest_run(session)
    return _Asked(
        started=started,
        last=None if last is None else last.id,
        before=None if last is None else read_counted(session, last.id),
        facts=read_facts(session, now=now),
    )


def _answer(asked: _Asked) -> Counted:
    return count(snapshot_of(asked.facts), asked.before)


def _keep(session: Session, asked: _Asked, counted: Counted, *, actor: Actor, now: datetime) -> CoverageRun:
    """Keep a count, or note that the last one holds; returns the newest count that is kept now."""
    seq = asked.facts.based_on_seq
    if asked.last is not None and counted == asked.before:
        run = confirm_coverage(session, asked.last, based_on_seq=seq, now=now)
        if run is not None:
            return run
    seconds = perf_counter() - asked.started
    return store_coverage(session, counted, based_on_seq=seq, seconds=seconds, actor=actor, now=now)
