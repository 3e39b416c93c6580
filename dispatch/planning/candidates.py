"""Who could serve a visit on a day: everybody with a shift there, ranked with reasons that add up, or told why not.

The day is taken as it is committed now; the person who has the visit is ranked like all others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.jobs.models import Customer, Job, Visit
from dispatch.matching.explain import Candidate, Candidates, WhyNot
from dispatch.matching.plan import ReasonCode
from dispatch.planning.desks import PreparedDay, day_for
from dispatch.planning.promise_state import Outlook, outlook
from dispatch.planning.reason_words import names_for, sentence
from dispatch.planning.snapshot import Snapshot
from dispatch.workforce.models import Partner, Technician

WITHOUT_PAPERS = "without_papers"
SUPPOSED = 0
"""In place of a booking's number where a visit is on the day only as if it were booked."""
_NO_PAPERS = "{}'s company lacks a paper it must keep valid. Record the new one, then they can go."


@dataclass(frozen=True, kw_only=True)
class KnockOnRow:
    """A visit of the same person that would start later: which booking, when then, and by how much."""

    title: str
    assignment_id: int
    start_at: datetime
    delay_s: int
    newly_late: bool


@dataclass(frozen=True, kw_only=True)
class CandidateRow:
    """A person who could go, at the best place of their day; ``terms`` add up to ``total_s``."""

    technician_id: int
    name: str
    partner: str | None
    phone: str | None
    arrive_at: datetime
    start_at: datetime
    end_at: datetime
    after: str | None
    travel_s: int
    detour_s: int
    late_s: int
    overtime_s: int
    p_fix: float
    promise: Outlook | None
    knock_on: tuple[KnockOnRow, ...]
    terms: tuple[tuple[str, int], ...]
    total_s: int
    has_it: bool


@dataclass(frozen=True, kw_only=True)
class ExcludedRow:
    """A person who cannot go, with the first rule that keeps them away."""

    technician_id: int
    name: str
    code: str
    words: str


@dataclass(frozen=True, kw_only=True)
class CandidateList:
    """Everybody of the day: who could go, cheapest first, and who cannot."""

    visit_id: int
    slot: int
    day: date
    zone: str
    ranked: tuple[CandidateRow, ...]
    excluded: tuple[ExcludedRow, ...]

    @property
    def scope(self) -> int:
        """How many people were looked at; ranked and excluded add up to it."""
        return len(self.ranked) + len(self.excluded)


def candidates_for(
    session: Session,
    *,
    visit_id: int,
    territory_id: int,
    day: date,
    now: datetime,
    crew_position: int = 1,
    scarcity: Mapping[int, int] | None = None,
) -> CandidateList:
    """Rank the people of a (territory, day) for one place in the crew of a visit; see `read_snapshot` for scarcity."""
    prepared = day_for(session, territory_id=territory_id, day=day, now=now, visit_id=visit_id, scarcity=scarcity)
    return candidates_on(session, prepared, visit_id=visit_id, now=now, crew_position=crew_position)


def candidates_on(
    session: Session, prepared: PreparedDay, *, visit_id: int, now: datetime, crew_position: int = 1
) -> CandidateList:
    """Rank the people of a day that is ready for questions."""
    name, snapshot = prepared.require(visit_id), prepared.snapshot
    slot = min(crew_position, len(snapshot.problem.visit_by_id[name].crew)) - 1
    found = prepared.desk.survey(name, slot=slot)
    ids = [int(each.technician) for each in found.ranked] + [int(each.technician) for each in found.excluded]
    people = _people(session, ids)
    titles = _titles(session, found)
    has_it = _holder(snapshot, visit_id, slot)
    booked = {(str(each.visit_id), str(each.technician_id)): each.id for each in snapshot.committed.values()}
    excluded = _excluded(session, found, people, snapshot)
    return CandidateList(
        visit_id=visit_id,
        slot=slot,
        day=prepared.day,
        zone=prepared.zone,
        ranked=tuple(_row(each, snapshot, people, titles, visit_id, has_it, booked, now) for each in found.ranked),
        excluded=excluded,
    )


def _row(
    found: Candidate,
    snapshot: Snapshot,
    people: Mapping[int, Any],
    titles: Mapping[str, str],
    visit_id: int,
    has_it: str | None,
    booked: Mapping[tuple[str, str], int],
    now: datetime,
) -> CandidateRow:
    clock, person = snapshot.clock, people[int(found.technician)]
    promise = snapshot.promises.get(visit_id)
    arrive_at = clock.instant(found.arrive_s)
    source = snapshot.problem.travel.matrix.source if snapshot.problem.travel.matrix else "great_circle"
    return CandidateRow(
        technician_id=person.id,
        name=person.name,
        partner=person.partner,
        phone=person.phone,
        arrive_at=arrive_at,
        start_at=clock.instant(found.start_s),
        end_at=clock.instant(found.end_s),
        after=None if found.after_visit is None else titles.get(found.after_visit),
        travel_s=found.travel_s,
        detour_s=found.detour_s,
        late_s=found.late_s,
        overtime_s=found.overtime_s,
        p_fix=found.p_fix,
        promise=None
        if promise is None
        else outlook(
            promise[1], planned_at=arrive_at, travel_s=found.travel_s, source=source, arrived_at=None, now=now
        ),
        knock_on=tuple(
            KnockOnRow(
                title=titles.get(each.visit, "another visit"),
                assignment_id=booked.get((each.visit, found.technician), SUPPOSED),
                start_at=clock.instant(each.start_after_s),
                delay_s=each.start_after_s - each.start_before_s,
                newly_late=each.late_before_s <= 0 < each.late_after_s,
            )
            for each in found.knock_on
            if each.start_after_s > each.start_before_s
        ),
        terms=tuple((name, value) for name, value in found.cost.terms().items() if value),
        total_s=found.cost.total,
        has_it=found.technician == has_it,
    )


def _excluded(
    session: Session, found: Candidates, people: Mapping[int, Any], snapshot: Snapshot
) -> tuple[ExcludedRow, ...]:
    """Name the first must that fails; a day taken away for want of papers is told as that."""
    kept_home = {str(person) for person in snapshot.without_papers} - {
        shift.technician for shift in snapshot.problem.shifts
    }
    reasons = [
        {
            "code": WITHOUT_PAPERS
            if each.technician in kept_home and each.reason.code is ReasonCode.NO_SHIFT
            else each.reason.code.value,
            "params": {"technician": each.technician, **each.reason.params, **_nothing_known(snapshot, each)},
        }
        for each in found.excluded
    ]
    names = names_for(session, reasons)
    rows = [
        ExcludedRow(
            technician_id=int(each.technician),
            name=people[int(each.technician)].name,
            code=str(reason["code"]),
            words=_NO_PAPERS.format(people[int(each.technician)].name)
            if reason["code"] == WITHOUT_PAPERS
            else sentence(reason, names),
        )
        for each, reason in zip(found.excluded, reasons, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: (row.code, row.name.casefold())))


def _nothing_known(snapshot: Snapshot, found: WhyNot) -> dict[str, bool]:
    """Tell a skill of which nothing is known from one that was judged: there is no estimate to speak of."""
    skill = found.reason.params.get("skill")
    if skill is None or skill in snapshot.problem.technician_by_id[found.technician].proficiencies:
        return {}
    return {"nothing_known": True}


def _holder(snapshot: Snapshot, visit_id: int, slot: int) -> str | None:
    booking = snapshot.committed.get(snapshot.slots[visit_id][slot])
    return None if booking is None else str(booking.technician_id)


def _people(session: Session, ids: Sequence[int]) -> dict[int, Any]:
    rows = session.execute(
        select(Technician.id, Technician.name, Technician.phone, Partner.name.label("partner"))
        .outerjoin(Partner, Partner.id == Technician.partner_id)
        .where(Technician.id.in_(ids))
    )
    return {row.id: row for row in rows}


def _titles(session: Session, found: Candidates) -> dict[str, str]:
    ids = {each.after_visit for each in found.ranked if each.after_visit}
    ids |= {each.visit for candidate in found.ranked for each in candidate.knock_on}
    rows = session.execute(
        select(Visit.id, Customer.name)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .where(Visit.id.in_({int(each) for each in ids}))
    )
    return {str(row.id): row.name for row in rows}
