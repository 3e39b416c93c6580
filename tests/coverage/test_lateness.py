"""Why a promise was missed: a table of cases, and the same facts read from the database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.coverage.lateness import (
    BETWEEN,
    EARLIER_LONGER,
    MOVED,
    NO_CAUSE,
    PLANNED_LATE,
    RUNNING_LATE,
    SET_OUT,
    TRAVEL,
    Earlier,
    Heard,
    Late,
    cause_of,
)
from dispatch.coverage.outcomes import month_of
from dispatch.jobs.models import PromiseState
from dispatch.planning.models import (
    AssignmentState,
    Disruption,
    DisruptionKind,
    DisruptionState,
    ReportKind,
    VisitReport,
)
from dispatch.web.promises import CAUSES
from tests import factories as make


def at(hours: int, minutes: int = 0) -> datetime:
    return datetime(2026, 5, 12, hours, minutes, tzinfo=UTC)


def mins(minutes: int) -> timedelta:
    return timedelta(minutes=minutes)


def before(begin: datetime | None, end: datetime, planned: int) -> Earlier:
    return Earlier(arrived_at=begin, left_at=end, planned=mins(planned))


def heard(kind: str, when: datetime, *, this_visit: bool = False) -> Heard:
    return Heard(kind=DisruptionKind(kind), at=when, this_visit=this_visit)


# The window was 10 to 12, they came at 12:40; it was planned for 11:30, twenty minutes' travel away.
LATE = Late(
    window_ends=at(12),
    promised_at=at(0),
    arrived_at=at(12, 40),
    travel=mins(20),
    planned_at=at(11, 30),
    decided_at=at(0),
)
PLANNED_TO_TIME = (before(at(9), at(11), 120),)
THREE_LONGER = tuple(before(at(hour, 0), at(hour, 50), 30) for hour in (8, 9, 10))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        # Nothing is known.
        ({}, NO_CAUSE),
        ({"earlier": (before(None, at(12, 20), 60),)}, NO_CAUSE),
        # The visit before.
        ({"earlier": (before(at(9), at(12, 18), 120),)}, EARLIER_LONGER),
        ({"earlier": (before(at(9), at(10), 30), before(at(10, 20), at(12, 20), 90))}, EARLIER_LONGER),
        ({"earlier": (*THREE_LONGER, before(at(12), at(12, 20), 20))}, EARLIER_LONGER),
        # What one lost another made up for, so the day was not longer.
        ({"earlier": (before(at(8), at(10), 60), before(at(10, 20), at(12, 18), 180))}, NO_CAUSE),
        # On the way.
        ({"earlier": PLANNED_TO_TIME, "set_out_at": at(11, 10)}, TRAVEL),
        ({"set_out_at": at(11, 12)}, TRAVEL),
        ({"earlier": PLANNED_TO_TIME, "set_out_at": at(11, 44)}, TRAVEL),
        ({"earlier": PLANNED_TO_TIME, "set_out_at": at(11, 46)}, SET_OUT),
        ({"earlier": PLANNED_TO_TIME, "set_out_at": at(12, 18)}, SET_OUT),
        ({"set_out_at": at(12, 20)}, SET_OUT),
        # Setting out late because the visit before took longer is the visit before.
        ({"earlier": (before(at(9), at(12, 18), 120),), "set_out_at": at(12, 19)}, EARLIER_LONGER),
        # Nobody said when they set out: travel and a pause cannot be told apart.
        ({"earlier": PLANNED_TO_TIME}, BETWEEN),
        ({"on_duty_at": at(8)}, BETWEEN),
        ({"on_duty_at": at(12, 18)}, NO_CAUSE),
        # A plan that was not kept apart from what happened is not asked; the window then says when it had to be.
        ({"planned_at": None, "earlier": PLANNED_TO_TIME}, BETWEEN),
        ({"planned_at": None, "earlier": PLANNED_TO_TIME, "set_out_at": at(11, 36)}, TRAVEL),
        # The plan itself.
        ({"planned_at": at(12, 30), "by_person": True, "decided_at": at(8)}, MOVED),
        ({"planned_at": at(12, 30), "by_person": False, "decided_at": at(8)}, PLANNED_LATE),
        ({"planned_at": at(12, 30), "by_person": True, "promised_at": at(9), "decided_at": at(8)}, PLANNED_LATE),
        ({"planned_at": at(12), "by_person": True, "decided_at": at(8)}, NO_CAUSE),
        (
            {
                "planned_at": at(12, 30),
                "by_person": True,
                "decided_at": at(11),
                "heard": (heard("running_late", at(9)),),
            },
            RUNNING_LATE,
        ),
        # What was reported.
        ({"heard": (heard("running_late", at(11)),)}, RUNNING_LATE),
        ({"heard": (heard("running_late", at(11)),), "earlier": (before(at(9), at(12, 18), 120),)}, EARLIER_LONGER),
        ({"heard": (heard("vehicle", at(11)),), "earlier": (before(at(9), at(12, 18), 120),)}, "vehicle"),
        ({"heard": (heard("vehicle", at(12, 41)),)}, NO_CAUSE),
        ({"heard": (heard("vehicle", at(11)), heard("emergency", at(9)))}, "emergency"),
        ({"heard": (heard("part_missing", at(11), this_visit=True), heard("emergency", at(9)))}, "part_missing"),
        ({"heard": (heard("no_access", at(9)),)}, "no_access"),
        ({"heard": (heard("longer", at(9)),)}, EARLIER_LONGER),
        ({"heard": (heard("cannot_work", at(9)),)}, "cannot_work"),
        ({"heard": (heard("cancellation", at(9)),)}, NO_CAUSE),
        ({"heard": (heard("not_done", at(9)),)}, NO_CAUSE),
    ],
)
def test_the_cause_of_a_late_arrival(changes: dict[str, Any], cause: str) -> None:
    assert cause_of(replace(LATE, **changes)) == cause


def test_every_cause_has_words() -> None:
    for cause in (TRAVEL, SET_OUT, BETWEEN, MOVED, PLANNED_LATE, NO_CAUSE):
        assert CAUSES[cause]
    assert {kind.value for kind in DisruptionKind} - {"cancellation", "not_done"} <= CAUSES.keys()


def test_causes_of_a_month_are_read_from_reports_plans_and_disruptions(session: Session) -> None:
    """Seven people each come forty minutes late for one reason; each reason is there five times."""
    north = make.make_territory(session, zone="UTC")
    for number in range(5):
        day = at(0) + timedelta(days=number % 2)
        _late(session, north, day, reports=(("arrived", 9), ("done", 12.3)))
        _late(session, north, day, reports=(("arrived", 9), ("done", 11)), set_out=11.2)
        _late(session, north, day, reports=(("arrived", 9), ("done", 11)), set_out=12.3)
        _late(session, north, day, reports=(("arrived", 9), ("done", 11)))
        _late(session, north, day, planned=12.5)
        _late(session, north, day, kind=DisruptionKind.VEHICLE)
        _late(session, north, day)
    found = month_of(session, reach=None, today=datetime(2026, 6, 3, tzinfo=UTC).date(), chosen=None)
    assert found is not None
    told = {cause: group.visits for cause, group in found.promises.by_cause.rows if group}
    assert told == dict.fromkeys((EARLIER_LONGER, TRAVEL, SET_OUT, BETWEEN, MOVED, "vehicle", NO_CAUSE), 5)


def _late(
    session: Session,
    territory: Any,
    day: datetime,
    *,
    reports: tuple[tuple[str, float], ...] = (),
    set_out: float | None = None,
    planned: float = 11.5,
    kind: DisruptionKind | None = None,
) -> None:
    who = make.make_technician(session, territory=territory)
    by = make.make_user(session)
    site = make.make_site(session, territory=territory)

    def visit(begin: float, end: float, **changes: Any) -> Any:
        made = make.make_visit(session, job=make.make_job(session, site=site), duration_s=int((end - begin) * 3600))
        make.make_assignment(
            session,
            visit=made,
            technician=who,
            during=Range(day + timedelta(hours=begin), day + timedelta(hours=end)),
            state=AssignmentState.DONE,
            **changes,
        )
        return made

    def report(of: Any, what: str, hour: float) -> None:
        happened = day + timedelta(hours=hour)
        session.add(
            VisitReport(
                visit_id=of.id,
                technician_id=who.id,
                kind=ReportKind(what),
                happened_at=happened,
                received_at=happened,
            )
        )

    late = visit(planned, planned + 1, travel_s=1200, decided_by_id=by.id, decided_at=day + timedelta(hours=1))
    make.make_promise(
        session,
        visit=late,
        during=Range(day + timedelta(hours=10), day + timedelta(hours=12)),
        state=PromiseState.MISSED,
        missed_by_s=2400,
        made_at=day,
    )
    if set_out is not None:
        report(late, "on_the_way", set_out)
    report(late, "arrived", 12 + 2 / 3)
    if reports:
        earlier = visit(9, 11)
        for what, hour in reports:
            report(earlier, what, hour)
    if kind is not None:
        heard_at = day + timedelta(hours=11)
        session.add(
            Disruption(
                kind=kind,
                state=DisruptionState.CLOSED,
                territory_id=territory.id,
                technician_id=who.id,
                day=day.date(),
                scope=[],
                owner_id=by.id,
                due_at=heard_at,
                reported_at=heard_at,
                settled_at=heard_at,
            )
        )
    session.flush()
