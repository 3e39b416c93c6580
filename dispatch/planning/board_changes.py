"""What changed on a board since a position of the change log, read anew, in a constant number of statements.

The log says which visits and people were touched; what they look like now is read as the board itself reads it. So a
reader who applies the same stretch of the log twice, or reads past it, ends with the truth all the same.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.models import User
from dispatch.core import audit
from dispatch.core.clock import day_bounds
from dispatch.core.models import AuditEvent
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Job, Visit
from dispatch.planning.board import Board, Part, Scope, read_board
from dispatch.planning.models import Assignment
from dispatch.workforce.models import Absence, Shift

MOST_CHANGES = 2000
MOST_VISITS = 400
# They may touch everything on a board, and happen seldom: whoever looks at one loads it anew.
WHOLE = frozenset({"import_batch", "organisation", "partner", "territory"})
_AHEAD = (VisitState.OPEN, VisitState.PLANNED, VisitState.UNDER_WAY)


@dataclass(frozen=True, kw_only=True)
class Noted:
    """One change of the log, with the visits and people of it that a board may show."""

    seq: int
    entity: str
    entity_id: str
    version: int | None
    actor_id: int | None
    by: str | None
    visits: frozenset[int]
    people: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Touched:
    """A stretch of the log: all of it after one position, up to another."""

    after: int
    to: int
    whole: bool = False
    noted: tuple[Noted, ...] = ()
    territory_of: Mapping[int, int]  # visit -> territory
    holders_of: Mapping[int, frozenset[int]]  # visit -> everybody who has or had it


@dataclass(frozen=True, kw_only=True)
class BoardDelta:
    """What one board must draw anew: everything it shows of ``visits`` and ``people`` is in ``board`` or gone.

    ``rows`` are people whose day got fuller or emptier while the rest of it stayed; ``whole`` asks to load anew.
    """

    whole: bool = False
    noted: tuple[Noted, ...] = ()
    visits: frozenset[int] = frozenset()
    people: frozenset[int] = frozenset()
    rows: frozenset[int] = frozenset()
    board: Board | None = None


def touched_since(session: Session, after: int) -> Touched:
    """Read what the log says since a position; too long a stretch, or a position it never had, touches everything."""
    rows = session.execute(
        select(
            AuditEvent.seq,
            AuditEvent.entity,
            AuditEvent.entity_id,
            AuditEvent.entity_version,
            AuditEvent.actor_id,
            User.name.label("by"),
        )
        .outerjoin(User, User.id == AuditEvent.actor_id)
        .where(AuditEvent.seq > after)
        .order_by(AuditEvent.seq)
        .limit(MOST_CHANGES + 1)
    ).all()
    to = rows[-1].seq if 0 < len(rows) <= MOST_CHANGES else audit.position(session)
    if len(rows) > MOST_CHANGES or after > to or any(row.entity in WHOLE for row in rows):
        return Touched(after=after, to=to, whole=True, territory_of={}, holders_of={})
    visits, territory_of = _visits_of(session, rows)
    people = _people_of(session, rows)
    return Touched(
        after=after,
        to=to,
        noted=tuple(_noted(row, visits, people) for row in rows),
        territory_of=territory_of,
        holders_of=_holders(session, territory_of),
    )


def delta_for(session: Session, touched: Touched, scope: Scope, now: datetime) -> BoardDelta | None:
    """Return what a stretch of the log means for one board; None when it means nothing."""
    if touched.whole:
        return BoardDelta(whole=True)
    if not touched.noted:
        return None
    own = {visit for visit, territory in touched.territory_of.items() if territory in scope.territories}
    holders: set[int] = set().union(*(touched.holders_of.get(visit, ()) for visit in own))
    named = {person for noted in touched.noted for person in noted.people}
    others = {person for visit, people in touched.holders_of.items() if visit not in own for person in people}
    here = _here(session, scope, (named | others) - holders) | holders
    visits = own | {visit for visit, people in touched.holders_of.items() if not here.isdisjoint(people)}
    people = frozenset(named & here)
    if not visits and not people:
        return None
    if len(visits) > MOST_VISITS:
        return BoardDelta(whole=True)
    asked = Part(visits=frozenset(visits), people=frozenset(here))
    return BoardDelta(
        noted=tuple(
            _within(each, touched, scope)
            for each in touched.noted
            if not (each.visits.isdisjoint(visits) and each.people.isdisjoint(here))
        ),
        visits=asked.visits,
        people=people,
        rows=asked.people,
        board=read_board(session, scope, now, asked),
    )


def _within(noted: Noted, touched: Touched, scope: Scope) -> Noted:
    """Keep to oneself who changed what lies out of reach: there only the time is told."""
    places = {touched.territory_of[visit] for visit in noted.visits}
    seen = scope.reach is None or bool(noted.people) or not places.isdisjoint(scope.reach)
    return noted if seen else replace(noted, by=None)


def _noted(row: Any, visits: Mapping[tuple[str, str], set[int]], people: Mapping[tuple[str, str], set[int]]) -> Noted:
    key = (row.entity, row.entity_id)
    return Noted(
        seq=row.seq,
        entity=row.entity,
        entity_id=row.entity_id,
        version=row.entity_version,
        actor_id=row.actor_id,
        by=row.by,
        visits=frozenset(visits.get(key, ())),
        people=frozenset(people.get(key, ())),
    )


def _visits_of(session: Session, rows: Sequence[Any]) -> tuple[dict[tuple[str, str], set[int]], dict[int, int]]:
    """Return the visits behind the entities of the log, and the territory of each; one statement."""
    parts: list[Select[*tuple[Any, ...]]] = []
    for entity, start, column in (
        ("visit", select(Visit), Visit.id),
        ("job", select(Visit), Visit.job_id),
        ("site", select(Visit).join(Job, Job.id == Visit.job_id).where(Visit.state.in_(_AHEAD)), Job.site_id),
        (
            "customer",
            select(Visit).join(Job, Job.id == Visit.job_id).where(Visit.state.in_(_AHEAD)),
            Job.customer_id,
        ),
    ):
        ids = _numbers(rows, entity)
        if ids:
            parts.append(
                start.where(column.in_(ids)).with_only_columns(
                    literal(entity).label("entity"),
                    column.label("entity_id"),
                    Visit.id.label("visit_id"),
                    Visit.territory_id,
                )
            )
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    territory_of: dict[int, int] = {}
    if parts:
        statement = union_all(*parts) if len(parts) > 1 else parts[0]
        for row in session.execute(statement):
            found[row.entity, str(row.entity_id)].add(row.visit_id)
            territory_of[row.visit_id] = row.territory_id
    return found, territory_of


def _people_of(session: Session, rows: Sequence[Any]) -> dict[tuple[str, str], set[int]]:
    """Return the people behind the entities of the log."""
    found = {("technician", str(number)): {number} for number in _numbers(rows, "technician")}
    absences = _numbers(rows, "absence")
    if absences:
        for row in session.execute(select(Absence.id, Absence.technician_id).where(Absence.id.in_(absences))):
            found["absence", str(row.id)] = {row.technician_id}
    return found


def _holders(session: Session, visits: Collection[int]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    if visits:
        for row in session.execute(
            select(Assignment.visit_id, Assignment.technician_id).where(Assignment.visit_id.in_(visits)).distinct()
        ):
            found[row.visit_id].add(row.technician_id)
    return {visit: frozenset(people) for visit, people in found.items()}


def _here(session: Session, scope: Scope, people: Collection[int]) -> set[int]:
    """Return which of some people have a row on a board: by a shift of that day, even one called off, or by work."""
    if not people:
        return set()
    day = Range(*day_bounds(scope.day, scope.zone))
    shifts = select(Shift.technician_id).where(
        Shift.technician_id.in_(people),
        Shift.territory_id.in_(scope.territories),
        or_(Shift.on_date == scope.day, Shift.during.op("&&")(day)),
    )
    work = (
        select(Assignment.technician_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(
            Assignment.technician_id.in_(people),
            Assignment.during.op("&&")(day),
            Visit.territory_id.in_(scope.territories),
        )
    )
    return set(session.scalars(shifts.union(work)))


def _numbers(rows: Iterable[Any], entity: str) -> set[int]:
    return {int(row.entity_id) for row in rows if row.entity == entity and row.entity_id.isdecimal()}
