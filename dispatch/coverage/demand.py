"""Demand from the database: work that is booked, and work that history lets one expect on top of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias

from sqlalchemy.orm import Session

from dispatch.core.clock import local_day
from dispatch.coverage import rows
from dispatch.coverage.classes import Piece, monday, needs_from, still_expected
from dispatch.coverage.forecast import TrackRecord, expected_s, track_record
from dispatch.coverage.outlook import Need
from dispatch.coverage.rows import Record, grouped

HISTORY_WEEKS = 52

TypeKey: TypeAlias = tuple[int, int]
"""A territory and a kind of work: the series that history is kept by."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What history said: complete weeks it covers, how far off it has been, and seconds expected on top of bookings."""

    history_weeks: int
    by_territory: TrackRecord | None
    by_kind: TrackRecord | None
    expected_s: int


@dataclass(frozen=True, kw_only=True)
class Booked:
    """A place in the crew of an open visit; `first` marks one of them, so that a visit is counted once."""

    piece: Piece
    visit_id: int
    job_type_id: int
    first: bool


def read_booked(
    session: Session, zones: Mapping[int, str], mondays: Sequence[date], now: datetime
) -> tuple[list[Booked], int]:
    """Give the places in open crews that are due in these weeks, and the seconds of those due later."""
    skills = grouped(rows.open_needs(session), lambda row: row.crew_slot_id)
    permits = grouped(rows.open_certification_needs(session), lambda row: row.crew_slot_id)
    places: list[Booked] = []
    later_s = 0
    seen: set[int] = set()
    for slot in rows.open_slots(session, now):
        if slot.territory_id not in zones:
            continue
        week = max(monday(local_day(_when(slot, now), zones[slot.territory_id])), mondays[0])
        if week > mondays[-1]:
            later_s += slot.seconds
            continue
        piece = Piece(
            needs=needs_from(
                ((row.any_of, row.skill_id, row.must_level) for row in skills.get(slot.id, ())),
                (row.kind_id for row in permits.get(slot.id, ())),
            ),
            territory=slot.territory_id,
            week=week,
            seconds=slot.seconds,
            visits=1.0,
            booked=True,
        )
        first = slot.visit_id not in seen
        places.append(Booked(piece=piece, visit_id=slot.visit_id, job_type_id=slot.job_type_id, first=first))
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


def read_expected(
    session: Session,
    zones: Mapping[int, str],
    mondays: Sequence[date],
    today: date,
    booked: Iterable[Booked],
) -> tuple[list[Piece], Expectation]:
    """Give work that a usual week has and that is not booked yet, with how far such expectations have been off.

    Weeks are compared by when work is done, on both sides: served work of past weeks, booked work of coming ones.
    """
    first = mondays[0] - timedelta(weeks=HISTORY_WEEKS)
    history, length, rest_of_week, visit_s = _read_history(session, zones, first, mondays[0], today)
    booked_s: dict[TypeKey, dict[date, int]] = {}
    for place in booked:
        if place.first:
            per_week = booked_s.setdefault((place.piece.territory, place.job_type_id), {})
            per_week[place.piece.week] = per_week.get(place.piece.week, 0) + place.piece.seconds
    crews = _crews(session)
    shares = {mondays[0]: rest_of_week}
    pieces = []
    total = 0
    for key, series in sorted(history.items()):
        usual = expected_s(series)
        if usual is None or key[1] not in crews:
            continue
        for week, seconds in still_expected(usual, booked_s.get(key, {}), mondays, shares).items():
            total += seconds * len(crews[key[1]])
            pieces += [
                Piece(
                    needs=needs,
                    territory=key[0],
                    week=week,
                    seconds=seconds,
                    visits=seconds / visit_s[key],
                    booked=False,
                )
                for needs in crews[key[1]]
                if seconds
            ]
    by_territory: dict[int, list[int]] = {}
    for (territory, _kind), series in history.items():
        so_far = by_territory.setdefault(territory, [0] * length)
        by_territory[territory] = [a + b for a, b in zip(so_far, series, strict=True)]
    return pieces, Expectation(
        history_weeks=length,
        by_territory=track_record(by_territory),
        by_kind=track_record(history),
        expected_s=total,
    )


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
            )
            for place in range(1, kind.crew_size + 1)
        ]
        for kind in rows.job_types(session)
    }
