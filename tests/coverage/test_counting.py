"""The stored count on a real database, its questions, and what each reader may see."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Actor, Grant
from dispatch.core.audit import Change, record, write_pending
from dispatch.core.errors import Forbidden
from dispatch.core.models import AuditEvent
from dispatch.coverage import counting, snapshot
from dispatch.coverage.certificates import expiring_certificates
from dispatch.coverage.counting import count, solve_coverage, solve_coverage_apart
from dispatch.coverage.kept import latest_run, read_counted
from dispatch.coverage.models import CoverageLine, CoverageRun
from dispatch.coverage.outlook import Row, RowKind
from dispatch.coverage.queries import cell_page, coverage_page, coverage_table, scarcity_prices
from dispatch.coverage.result import Counted, from_json, lines_of, to_json, with_lines
from dispatch.coverage.service import refresh_due, request_count
from dispatch.coverage.snapshot import Snapshot, read_snapshot
from dispatch.jobs.lifecycle import VisitState
from dispatch.skills.models import CertificationKind, DocumentState, Skill
from dispatch.workforce.models import Technician, Territory
from tests.factories import (
    DAY,
    MORNING,
    hours,
    make_assignment,
    make_certification,
    make_certification_kind,
    make_job,
    make_proficiency,
    make_shift,
    make_site,
    make_skill,
    make_technician,
    make_territory,
    make_visit,
)

HOUR = 3600
MONDAY = DAY - timedelta(days=DAY.weekday())
NOW = MORNING - timedelta(hours=12)


class World:
    """Gas work of twelve hours in the North, and one person with eight hours for it; in the South all is well."""

    def __init__(self, session: Session) -> None:
        self.north, self.south = make_territory(session, name="North"), make_territory(session, name="South")
        self.gas, self.wiring = make_skill(session, name="Gas"), make_skill(session, name="Wiring")
        self.ana = self.add_person(session, "Ana", self.north, self.gas)
        self.ben = self.add_person(session, "Ben", self.south, self.wiring)
        self.cem = self.add_person(session, "Cem", self.south, self.wiring)
        self.gas_job = make_job(session, site=make_site(session, territory=self.north), title="Boiler")
        make_visit(session, job=self.gas_job, needs={self.gas: 3}, duration_s=12 * HOUR)
        wiring_job = make_job(session, site=make_site(session, territory=self.south))
        make_visit(session, job=wiring_job, needs={self.wiring: 2}, duration_s=2 * HOUR)

    def add_person(self, session: Session, name: str, place: Territory, skill: Skill) -> Technician:
        """Add somebody who works on the day and knows one skill."""
        who = make_technician(session, territory=place, name=name, home_lat=None, home_lon=None)
        make_shift(session, technician=who, territory=place)
        make_proficiency(session, technician=who, skill=skill)
        return who


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def test_a_count_is_kept_and_read_back_whole(session: Session, world: World) -> None:
    counted = count(read_snapshot(session, now=NOW))
    assert with_lines(from_json(to_json(counted)), lines_of(counted)) == counted
    run = solve_coverage(session, actor=SYSTEM, now=NOW)
    stored = read_counted(session, run.id)
    assert stored == counted
    assert latest_run(session) is run
    # A visit of twelve hours with a quarter of an hour of travel: eight hours serve 7 h 50 min of it.
    assert stored.unmet_s == pytest.approx(12 * HOUR - 8 * HOUR * 12 / 12.25, abs=1)
    write_pending(session)
    action = session.scalars(select(AuditEvent.action).order_by(AuditEvent.seq.desc()).limit(1)).one()
    assert action == "coverage.solve"


def test_old_counts_go(session: Session, world: World) -> None:
    solve_coverage(session, actor=SYSTEM, now=NOW - timedelta(days=36))
    solve_coverage(session, actor=SYSTEM, now=NOW - timedelta(days=34))
    solve_coverage(session, actor=SYSTEM, now=NOW)
    assert session.scalar(select(func.count()).select_from(CoverageRun)) == 2


def test_of_one_day_the_last_count_stays_and_the_one_that_may_be_read_just_now(session: Session, world: World) -> None:
    for day, minutes in ((-2, 0), (-2, 5), (-1, 0), (-1, 5), (0, 0), (0, 5), (0, 10)):
        solve_coverage(session, actor=SYSTEM, now=NOW + timedelta(days=day, minutes=minutes))
    kept = session.execute(select(CoverageRun.id, CoverageRun.computed_at).order_by(CoverageRun.computed_at)).all()
    last = [(-2, 5), (-1, 5), (0, 5), (0, 10)]
    assert [at for _run, at in kept] == [NOW + timedelta(days=day, minutes=minutes) for day, minutes in last]
    with_table = session.scalars(select(CoverageLine.run_id).distinct().order_by(CoverageLine.run_id)).all()
    assert with_table == [run for run, _at in kept[-2:]]


def test_a_page_that_began_before_a_newer_count_reads_on(session: Session, world: World) -> None:
    run = solve_coverage(session, actor=SYSTEM, now=NOW)
    whole = read_counted(session, run.id)
    solve_coverage(session, actor=SYSTEM, now=NOW + timedelta(minutes=5))
    assert whole.cells
    assert read_counted(session, run.id) == whole


def test_a_refresh_counts_the_weeks_that_changed_and_gives_what_a_whole_count_gives(
    session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    solve_coverage(session, actor=SYSTEM, now=NOW)
    due = MORNING + timedelta(weeks=7)
    later = make_job(session, site=make_site(session, territory=world.north), due_at=due)
    make_visit(session, job=later, needs={world.gas: 2}, duration_s=5 * HOUR)
    solved: list[date] = []
    real = counting.build_weeks
    monkeypatch.setattr(counting, "build_weeks", lambda asked: (solved.extend(asked.weeks), real(asked))[1])
    run = solve_coverage(session, actor=SYSTEM, now=NOW, anew=False)
    assert solved == [MONDAY + timedelta(weeks=7)]
    assert read_counted(session, run.id) == count(read_snapshot(session, now=NOW))


def test_a_refresh_without_a_change_only_says_that_it_looked(session: Session, world: World) -> None:
    run = solve_coverage(session, actor=SYSTEM, now=NOW)
    again = solve_coverage(session, actor=SYSTEM, now=NOW + timedelta(minutes=5), anew=False)
    assert again is run
    assert run.computed_at == NOW + timedelta(minutes=5)


def test_while_it_is_solved_no_connection_is_held(
    session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[str] = []
    while_solving: list[list[str]] = []

    @contextmanager
    def sessions() -> Iterator[Session]:
        held.append("a connection")
        yield session
        held.pop()

    real_merge, real_count = snapshot.merge_rare, counting.count
    monkeypatch.setattr(snapshot, "merge_rare", lambda d: (while_solving.append(held[:]), real_merge(d))[1])
    monkeypatch.setattr(counting, "count", lambda *a: (while_solving.append(held[:]), real_count(*a))[1])
    solve_coverage_apart(sessions, actor=SYSTEM, now=NOW)
    solve_coverage_apart(sessions, actor=SYSTEM, now=NOW + timedelta(minutes=5), anew=False)
    assert while_solving == [[], [], [], []]
    (run,) = session.scalars(select(CoverageRun)).all()
    assert run.computed_at == NOW + timedelta(minutes=5)
    assert read_counted(session, run.id) == count(read_snapshot(session, now=NOW))


def test_to_find_that_a_count_still_holds_does_not_overtake_a_newer_one(
    session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    solve_coverage(session, actor=SYSTEM, now=NOW)
    real = counting.count

    def count_while_another_does(asked: Snapshot, before: Counted | None) -> Counted:
        monkeypatch.setattr(counting, "count", real)
        solve_coverage(session, actor=SYSTEM, now=NOW + timedelta(minutes=7))
        return real(asked, before)

    monkeypatch.setattr(counting, "count", count_while_another_does)
    solve_coverage_apart(lambda: nullcontext(session), actor=SYSTEM, now=NOW + timedelta(minutes=5), anew=False)
    newest = latest_run(session)
    assert newest is not None
    assert newest.computed_at == NOW + timedelta(minutes=7)


def test_a_refresh_is_due_when_the_log_went_on(session: Session, world: World) -> None:
    assert not refresh_due(session)
    solve_coverage(session, actor=SYSTEM, now=NOW)
    write_pending(session)
    assert not refresh_due(session)
    record(session, Change(at=NOW, actor_id=None, action="edit", entity="visit", entity_id="1", after={"a": 1}))
    write_pending(session)
    assert refresh_due(session)


def test_a_count_of_another_version_is_not_read(session: Session, world: World) -> None:
    run = solve_coverage(session, actor=SYSTEM, now=NOW)
    run.result = {**run.result, "version": 0}
    session.flush()
    assert latest_run(session) is None
    assert coverage_page(session, reach=None) is None
    with pytest.raises(ValueError, match="version 0"):
        from_json(run.result)


def test_only_who_may_solve_may_ask(session: Session) -> None:
    dispatcher = Actor(user_id=1, name="Ines", grants=(Grant(role="dispatcher"),))
    with pytest.raises(Forbidden, match="manager"):
        request_count(session, actor=dispatcher)
    manager = Actor(user_id=1, name="Mara", grants=(Grant(role="manager"),))
    assert request_count(session, actor=manager)
    assert not request_count(session, actor=manager)


def test_the_page_says_what_is_short_and_whom_it_rests_on(session: Session, world: World) -> None:
    assert coverage_page(session, reach=None) is None
    solve_coverage(session, actor=SYSTEM, now=NOW)
    page = coverage_page(session, reach=None)
    assert page is not None
    ((first, *_), *rest) = page.worst
    assert (first.name, first.territory, first.rests_on) == ("Gas", "North", "Ana")
    assert first.cell.missing_s == page.missing_s > 4 * HOUR
    assert [weeks[0].name for weeks in rest] == ["Wiring"]
    assert [(sole.name, sole.level, sole.person_name, sole.needed_s) for sole in page.soles] == [
        ("Gas", 3, "Ana", 12 * HOUR)
    ]
    (risk,) = page.risks
    assert risk.felt_most is not None
    assert (risk.name, risk.felt_most.name, risk.felt_most.territory) == ("Ana", "Gas", "North")
    assert risk.lost_s == 12 * HOUR - page.missing_s
    assert {each.name: [row.name for row in each.rows] for each in page.maps} == {"North": ["Gas"], "South": ["Wiring"]}
    assert page.maps[1].rows[0].cells[MONDAY].cell.people == 2


def test_a_reader_sees_their_territories_only(session: Session, world: World) -> None:
    solve_coverage(session, actor=SYSTEM, now=NOW)
    page = coverage_page(session, reach={world.south.id})
    assert page is not None
    assert [row.name for each in page.maps for row in each.rows] == ["Wiring"]
    assert (page.risks, page.soles, page.missing_s) == ((), (), 0)
    assert page.territories == ((world.south.id, "South"),)
    week, row = MONDAY, Row(kind=RowKind.SKILL, id=world.gas.id)
    assert cell_page(session, reach={world.south.id}, row=row, territory=world.north.id, week=week, now=NOW) is None
    found = cell_page(session, reach=None, row=row, territory=world.north.id, week=week, now=NOW)
    assert found is not None
    assert found.able == ((world.ana.id, "Ana"),)
    assert [(visit.title, visit.technician) for visit in found.visits] == [("Boiler", None)]


def test_of_many_territories_the_shortest_five_are_shown(session: Session, world: World) -> None:
    for number in range(5):
        place = make_territory(session, name=f"West {number}")
        make_visit(session, job=make_job(session, site=make_site(session, territory=place)), needs={world.gas: 5})
    solve_coverage(session, actor=SYSTEM, now=NOW)
    page = coverage_page(session, reach=None)
    assert page is not None
    assert len(page.territories) == 7
    assert len(page.shown) == 5
    assert "North" in dict(page.shown).values()
    assert "South" not in dict(page.shown).values()
    assert page.without_hours == tuple(f"West {number}" for number in range(5))
    without = coverage_page(session, reach=None, maps=False)
    assert page.maps
    assert without == replace(page, maps=(), shown=())
    everything = coverage_table(session, reach=None)
    assert everything is not None
    assert len({named.territory for named in everything.cells}) == 7
    one = coverage_page(session, reach=None, chosen=world.south.id)
    assert one is not None
    assert [weeks[0].territory for weeks in one.worst] == ["South"]


def test_the_page_costs_a_constant_number_of_statements(session: Session, world: World) -> None:
    solve_coverage(session, actor=SYSTEM, now=NOW)
    session.flush()
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    coverage_page(session, reach=None)
    expiring_certificates(session, reach=None, today=DAY)
    assert len(statements) == 10


def test_changes_since_the_count_are_told(session: Session, world: World) -> None:
    solve_coverage(session, actor=SYSTEM, now=NOW)
    write_pending(session)
    page = coverage_page(session, reach=None)
    assert page is not None
    assert page.changes_since == 0


def test_scarcity_prices_are_of_a_place_and_a_week(session: Session, world: World) -> None:
    assert scarcity_prices(session, territory=world.north.id, week=MONDAY) == {}
    solve_coverage(session, actor=SYSTEM, now=NOW)
    # As long as nobody else has hours in the North, hours are scarce there and not the skill.
    assert scarcity_prices(session, territory=world.north.id, week=MONDAY) == {}
    world.add_person(session, "Dan", world.north, world.wiring)
    solve_coverage(session, actor=SYSTEM, now=NOW + timedelta(minutes=1))
    travel_s = 15 * 60 / 12
    prices = scarcity_prices(session, territory=world.north.id, week=MONDAY)
    assert set(prices) == {world.gas.id}
    assert prices[world.gas.id] == pytest.approx(4 * HOUR - travel_s, abs=1)
    assert scarcity_prices(session, territory=world.south.id, week=MONDAY) == {}
    assert scarcity_prices(session, territory=world.north.id, week=MONDAY + timedelta(weeks=1)) == {}


# ---- certificates --------------------------------------------------------------------------------------------------


@pytest.fixture
def kind(session: Session) -> CertificationKind:
    return make_certification_kind(session, name="Gas card")


def held(session: Session, who: Technician, kind: CertificationKind, last: date, **changes: Any) -> None:
    valid = Range(last - timedelta(days=365), last + timedelta(days=1))
    make_certification(session, technician=who, kind=kind, valid=valid, **changes)


@pytest.mark.parametrize(
    ("days_left", "listed"), [(-31, False), (-30, True), (-1, True), (0, True), (60, True), (61, False)]
)
def test_certificates_are_listed_from_sixty_days_before_to_thirty_after(
    session: Session, kind: CertificationKind, days_left: int, listed: bool
) -> None:
    held(session, make_technician(session, name="Ana"), kind, DAY + timedelta(days=days_left))
    found = expiring_certificates(session, reach=None, today=DAY)
    assert [(each.technician, each.kind, each.days_left) for each in found] == (
        [("Ana", "Gas card", days_left)] if listed else []
    )


def test_a_successor_or_no_end_takes_a_certificate_off_the_list(session: Session, kind: CertificationKind) -> None:
    ana, ben, cem = (make_technician(session) for _ in range(3))
    soon = DAY + timedelta(days=10)
    held(session, ana, kind, soon)
    held(session, ana, kind, soon + timedelta(days=400))
    held(session, ben, kind, soon)
    make_certification(session, technician=ben, kind=kind, valid=Range(soon + timedelta(days=1), None))
    held(session, cem, kind, soon)
    held(session, cem, kind, soon + timedelta(days=400), state=DocumentState.CLAIMED)
    found = expiring_certificates(session, reach=None, today=DAY)
    assert [each.technician_id for each in found] == [cem.id]


def test_an_expiry_counts_what_it_stops_and_who_could_step_in(session: Session, kind: CertificationKind) -> None:
    north, south = make_territory(session), make_territory(session)
    ana, ben, gone = (make_technician(session, territory=north) for _ in range(3))
    gone.retired_at = MORNING
    far = make_technician(session, territory=south)
    last = DAY + timedelta(days=3)
    held(session, ana, kind, last)
    for other in (ben, gone, far):
        held(session, other, kind, DAY + timedelta(days=100))
    held(session, make_technician(session, territory=north), kind, last - timedelta(days=1))
    site = make_site(session, territory=north)
    for days, certificates in ((0, (kind,)), (4, (kind,)), (5, (kind,)), (6, ())):
        day = DAY + timedelta(days=days)
        visit = make_visit(session, job=make_job(session, site=site), certifications=certificates)
        make_assignment(session, visit=visit, technician=ana, during=hours(2, 3, day=day))
    make_visit(session, job=make_job(session, site=site), certifications=(kind,), crew=2)
    make_visit(session, job=make_job(session, site=site), certifications=(kind,), state=VisitState.DONE)
    make_visit(session, job=make_job(session, site=make_site(session, territory=south)), certifications=(kind,))
    (found,) = [each for each in expiring_certificates(session, reach=None, today=DAY) if each.technician_id == ana.id]
    assert (found.last_day, found.days_left, found.blocked, found.open_there, found.others) == (last, 3, 2, 4, 1)


def test_certificates_of_other_territories_and_of_people_who_left_are_not_shown(
    session: Session, kind: CertificationKind
) -> None:
    north, south = make_territory(session), make_territory(session)
    ana, ben = make_technician(session, territory=north), make_technician(session, territory=south)
    for who in (ana, ben, make_technician(session, territory=north, retired_at=MORNING)):
        held(session, who, kind, DAY + timedelta(days=5))
    assert [each.technician_id for each in expiring_certificates(session, reach={north.id}, today=DAY)] == [ana.id]
