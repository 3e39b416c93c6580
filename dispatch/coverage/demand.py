"""Demand from the database: work that is booked, and work that history lets one expect on top of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias, TypeVar

from sqlalchemy.orm import Session

from dispatch.core.clock import local_day
from dispatch.coverage import rows
from dispatch.coverage.classes import Piece, monday, needs_from, still_expected
from dispatch.coverage.expectation import Expectation, Outline
from dispatch.coverage.forecast import forecast, track_record
from dispatch.coverage.outlook import ANYBODY, Need, Row
from dispatch.coverage.rows import Record, grouped
from dispatch.jobs.recurrence import Recurrence
from dispatch.skills.taxonomy import load_need_rules

HISTORY_WEEKS = 156
"""Three years, so that a season is seen twice before it is believed."""
DRAWN_WEEKS = 26
"""Past weeks kept beside what is expected, to be drawn before it."""

Key = TypeVar("Key")
TypeKey: TypeAlias = tuple[int, int]
"""A territory and a kind of work: the series that history is kept by."""


@dataclass(frozen=True, kw_only=True)
class Booked:
    """A place in the crew of an open visit; `first` marks one of them, so that a visit is counted once.

    `technician` is who has the place; `promised` says whether the customer was told a window.
    """

    piece: Piece
    visit_id: int
    job_type_id: int
    first: bool
    technician: int | None
    promised: bool


def read_booked(
    session: Session, zones: Mapping[int, str], mondays: Sequence[date], now: datetime
) -> tuple[list[Booked], int]:
    """Give the places in open crews that are due in these weeks, and the seconds of those due later."""
    meaning = load_need_rules(session)
    skills = grouped(rows.open_needs(session, zones), lambda row: row.crew_slot_id)
    permits = grouped(rows.open_certification_needs(session, zones), lambda row: row.crew_slot_id)
    places: list[Booked] = []
    later_s = 0
    seen: set[int] = set()
    for slot in rows.open_slots(session, now, zones):
        week = max(monday(local_day(_when(slot, now), zones[slot.territory_id])), mondays[0])
        if week > mondays[-1]:
            later_s += slot.seconds
            continue
        piece = Piece(
            needs=needs_from(
                ((row.any_of, row.skill_id, row.must_level) for row in skills.get(slot.id, ())),
                (row.kind_id for row in permits.get(slot.id, ())),
                meaning,
            ),
            territory=slot.territory_id,
            week=week,
            seconds=slot.seconds,
            visits=1.0,
            booked=True,
        )
        first = slot.visit_id not in seen
        places.append(
            Booked(
                piece=piece,
                visit_id=slot.visit_id,
                job_type_id=slot.job_type_id,
                first=first,
                technician=slot.technician_id,
                promised=slot.promised_at is not None,
            )
        )
        seen.add(slot.visit_id)
    return places, later_s


def _when(slot: Record, now: datetime) -> datetime:
    """When the work is due: as assigned, else as promised, else its next window, else its due time, else at once."""
    told: tuple[datetime | None, ...] = (
        slot.assigned_at,
        slot.promised_at,
        slot.window_at,
        slot.due_at,
        slot.release_at,
    )
    first: datetime = next((moment for moment in told if moment is not None), now)
    return max(now, first)


@dataclass(frozen=True, kw_only=True)
class Past:
    """What was read to tell what is usual, before anything is made of it.

    Attributes
    ----------
    history
        Seconds served by series and complete week.
    begin
        Monday of the first of these weeks.
    length
        How many there are.
    to_come
        The share of this week's usual work that its remaining days have.
    visit_s
        Mean length of a visit by series.
    recurring
        Visits of recurring work that are not made yet: series, week, seconds.
    crews
        What every place in the usual crew of a kind of work must have.
    """

    history: Mapping[TypeKey, Sequence[int]]
    begin: date
    length: int
    to_come: float
    visit_s: Mapping[TypeKey, float]
    recurring: Sequence[tuple[TypeKey, date, int]]
    crews: Mapping[int, list[tuple[Need, ...]]]


def read_past(session: Session, zones: Mapping[int, str], mondays: Sequence[date], today: date) -> Past:
    """Read served and recurring work.

    Weeks are compared by when work is done, on both sides: served work of past weeks, booked work of coming ones.
    """
    first = mondays[0] - timedelta(weeks=HISTORY_WEEKS)
    history, length, to_come, visit_s = _read_history(session, zones, first, mondays[0], today)
    return Past(
        history=history,
        begin=mondays[0] - timedelta(weeks=length),
        length=length,
        to_come=to_come,
        visit_s=visit_s,
        recurring=read_recurring(session, zones, mondays, today),
        crews=_crews(session),
    )


def expected_beyond(past: Past, mondays: Sequence[date], booked: Iterable[Booked]) -> tuple[list[Piece], Expectation]:
    """Give work that is not booked yet but recurs or is usual, with how far such expectations have been off.

    Takes seconds in a large organisation, so it is asked when all is read.
    """
    history, crews = past.history, past.crews
    known_s: dict[TypeKey, dict[date, int]] = {}
    for place in booked:
        if place.first:
            _count(known_s, (place.piece.territory, place.job_type_id), place.piece.week, place.piece.seconds)
    pieces: list[Piece] = []
    recurring_s = 0
    for key, week, seconds in past.recurring:
        _count(known_s, key, week, seconds)
        pieces += _pieces(key, week, seconds, 1.0, crews)
        recurring_s += seconds * len(crews.get(key[1], ()))
    usual = forecast(history, first=past.begin, weeks=len(mondays))
    shares = {mondays[0]: past.to_come}
    expected_s = 0
    for key, found in sorted(usual.items()):
        coming = dict(zip(mondays, found.mean_s, strict=True))
        for week, seconds in still_expected(coming, known_s.get(key, {}), shares).items():
            pieces += _pieces(key, week, seconds, seconds / past.visit_s[key], crews)
            expected_s += seconds * len(crews.get(key[1], ()))
    by_row = _by_row(history, crews)
    ahead = forecast(by_row, first=past.begin, weeks=len(mondays))
    return pieces, Expectation(
        history_weeks=past.length,
        by_territory=track_record(_by_territory(history), first=past.begin),
        by_kind=track_record(history, first=past.begin),
        by_row=track_record(by_row, first=past.begin),
        expected_s=expected_s,
        recurring_s=recurring_s,
        outlines=tuple(
            Outline(row=row, territory=territory, past_s=tuple(series[-DRAWN_WEEKS:]), forecast=ahead[territory, row])
            for (territory, row), series in sorted(by_row.items())
            if ahead
        ),
    )


def read_recurring(
    session: Session, zones: Mapping[int, str], mondays: Sequence[date], today: date
) -> list[tuple[TypeKey, date, int]]:
    """Give the visits of recurring work that fall into these weeks and are not made yet: kind, week, seconds.

    Where days count from when the last job was closed, only the next one can be known.
    """
    last = mondays[-1] + timedelta(days=6)
    found: list[tuple[TypeKey, date, int]] = []
    for row in rows.recurring(session, last):
        if row.territory_id not in zones:
            continue
        rule, day = Recurrence(every=row.every, unit=row.unit), row.next_on
        while day <= last and (row.last_on is None or day <= row.last_on):
            week = max(monday(max(day, today)), mondays[0])
            found.append(((row.territory_id, row.job_type_id), week, row.seconds))
            if row.from_completion:
                break
            day = rule.after(row.first_on, day)
    return found


def _count(per_key: dict[TypeKey, dict[date, int]], key: TypeKey, week: date, seconds: int) -> None:
    per_week = per_key.setdefault(key, {})
    per_week[week] = per_week.get(week, 0) + seconds


def _pieces(
    key: TypeKey, week: date, seconds: int, visits: float, crews: Mapping[int, list[tuple[Need, ...]]]
) -> list[Piece]:
    """One piece for each place of the usual crew; a kind of work that is retired has none."""
    return [
        Piece(needs=needs, territory=key[0], week=week, seconds=seconds, visits=visits, booked=False)
        for needs in crews.get(key[1], ())
        if seconds
    ]


def _by_territory(history: Mapping[TypeKey, Sequence[int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for (territory, _kind), series in history.items():
        _add(found, territory, series)
    return found


def _by_row(
    history: Mapping[TypeKey, Sequence[int]], crews: Mapping[int, list[tuple[Need, ...]]]
) -> dict[tuple[int, Row], list[int]]:
    """Work by row of the table: every place of a crew counts for each row that its needs stand in."""
    found: dict[tuple[int, Row], list[int]] = {}
    for (territory, kind), series in history.items():
        for needs in crews.get(kind, ()):
            for row in {need.row for need in needs} or {ANYBODY}:
                _add(found, (territory, row), series)
    return found


def _add(found: dict[Key, list[int]], key: Key, series: Sequence[int]) -> None:
    so_far = found.setdefault(key, [0] * len(series))
    found[key] = [a + b for a, b in zip(so_far, series, strict=True)]


def _read_history(
    session: Session, zones: Mapping[int, str], first: date, before: date, today: date
) -> tuple[dict[TypeKey, list[int]], int, float, dict[TypeKey, float]]:
    """Read what was served in each complete week since the first visit.

    Gives seconds by series and week, the number of weeks, the share of a week's work that is still to come after the
    days of this week that are over, and the mean length of a visit by series.
    """
    found = [row for row in rows.served(session, first, before) if row.territory_id in zones]
    if not found:
        return {}, 0, 1.0, {}
    earliest = monday(min(row.day for row in found))
    # A first week that history entered in its middle would look like a quiet one.
    start = earliest if min(row.day for row in found) <= earliest + timedelta(days=1) else earliest + timedelta(weeks=1)
    length = (before - start).days // 7
    series: dict[TypeKey, list[int]] = {}
    visits: dict[TypeKey, list[int]] = {}
    to_come = everything = 0
    for row in found:
        index = (row.day - start).days // 7
        if index < 0:
            continue
        key = (row.territory_id, row.job_type_id)
        series.setdefault(key, [0] * length)[index] += int(row.seconds)
        counted = visits.setdefault(key, [0, 0])
        counted[0] += int(row.seconds)
        counted[1] += row.visits
        everything += int(row.seconds)
        if row.day.weekday() >= today.weekday():
            to_come += int(row.seconds)
    lengths = {key: seconds / count for key, (seconds, count) in visits.items()}
    return series, length, to_come / everything if everything else 1.0, lengths


def _crews(session: Session) -> dict[int, list[tuple[Need, ...]]]:
    """Return for each kind of work what every place in its usual crew must have."""
    meaning = load_need_rules(session)
    skills = grouped(rows.job_type_needs(session), lambda row: row.job_type_id)
    permits = grouped(rows.job_type_certifications(session), lambda row: row.job_type_id)
    return {
        kind.id: [
            needs_from(
                (
                    (row.any_of, row.skill_id, row.must_level)
                    for row in skills.get(kind.id, ())
                    if row.crew_position in (None, place)
                ),
                (row.kind_id for row in permits.get(kind.id, ()) if row.crew_position in (None, place)),
                meaning,
            )
            for place in range(1, kind.crew_size + 1)
        ]
        for kind in rows.job_types(session)
    }
