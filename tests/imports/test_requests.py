from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, selectinload

from dispatch.accounts.models import RoleName
from dispatch.core.errors import Invalid
from dispatch.imports.requests import Replay
from dispatch.jobs.models import CertificationNeed, CrewSlot, Customer, Job, SkillNeed, Visit
from dispatch.skills.models import Skill
from dispatch.workforce.models import Territory
from tests.factories import make_user
from tests.imports.build import DATA, counts, csv_bytes, give, give_requests, needs_city_data, outcome

DAY = date(2026, 6, 2)
MAPPING = {
    "city": "New York",
    "request_type": "Leak",
    "descriptor": "Ceiling",
    "bundle": "leak",
    "trade": "plumbing",
    "required_skills": "plumbing.leak_repair:3;building.general:1",
    "suggested_certifications": "",
    "priority": "2",
    "onsite_min_low": "20",
    "onsite_min_typical": "45",
    "onsite_min_high": "90",
    "crew_size": "2",
}
REQUEST = {
    "request_id": "R1",
    "city": "New York",
    "request_type": "Leak",
    "descriptor": "Ceiling",
    "agency": "HPD",
    "status": "Closed (Duplicate)",
    "created": "2012-11-20T09:15:00",
    "due": "2012-11-22T12:00:00",
    "closed": "2012-11-21T10:00:00",
    "block": "100 BLOCK ELM ST",
    "zip": "10030",
    "neighborhood": "BRONX",
    "lat": "40.85",
    "lon": "-73.88",
}
SKILLS = [
    {"code": "plumbing.leak_repair", "name": "Leaks", "parent": "plumbing"},
    {"code": "building.general", "name": "General", "parent": "building"},
]
MOVED = Replay(day=date(2012, 11, 20), shift_to=DAY)


@pytest.fixture
def ready(session: Session) -> Session:
    make_user(session, RoleName.DISPATCHER)
    give(session, "skills", SKILLS)
    return session


def mapped(**changes: str) -> bytes:
    return csv_bytes([MAPPING | changes])


def asked(*changes: dict[str, str]) -> bytes:
    return csv_bytes([REQUEST | change for change in changes or ({},)])


def test_a_request_becomes_an_open_job_that_lacks_nothing(ready: Session) -> None:
    report = give_requests(ready, asked(), mapped(), MOVED)
    assert (report.new, report.faults) == (1, ())
    loaded = selectinload(Job.visits).selectinload(Visit.slots)
    job = ready.scalars(
        select(Job).options(
            selectinload(Job.customer),
            selectinload(Job.site),
            selectinload(Job.job_type),
            loaded.selectinload(CrewSlot.needs).selectinload(SkillNeed.skill),
        )
    ).one()
    zone = ZoneInfo("America/New_York")
    assert job.created_at == datetime(2026, 6, 2, 9, 15, tzinfo=zone)
    assert job.due_at == datetime(2026, 6, 4, 12, 0, tzinfo=zone)
    assert (job.state, job.priority, job.customer.name) == ("open", 2, "HPD (New York)")
    assert None not in (job.owner_id, job.next_step, job.next_step_due_at)
    assert job.history is not None
    assert job.history["duplicate"] is True
    assert job.history["closed"] == REQUEST["closed"]
    assert (job.site.lat, job.site.name, job.job_type.duration_s) == (40.85, "100 Block Elm St", 2700)
    lead, helper = job.visits[0].slots
    assert {(need.skill.code, need.must_level) for need in lead.needs} == {
        ("plumbing.leak_repair", 3),
        ("building.general", 1),
    }
    assert [(need.skill.code, need.must_level) for need in helper.needs] == [("plumbing.leak_repair", 2)]
    territory = ready.get_one(Territory, job.visits[0].territory_id)
    assert (territory.name, territory.zone, territory.owner_id) == (
        "New York: Bronx",
        "America/New_York",
        job.owner_id,
    )


def test_local_time_of_day_stays_over_a_clock_change(ready: Session) -> None:
    give_requests(ready, asked({"created": "2012-11-20T09:15:00"}), mapped(), MOVED)
    moved = ready.scalars(select(Job.created_at)).one()
    assert moved == datetime(2026, 6, 2, 13, 15, tzinfo=UTC)  # 9:15 in summer time, which November does not have


def test_requests_of_other_days_are_left_alone(ready: Session) -> None:
    other = {"request_id": "R2", "created": "2012-11-21T09:00:00", "due": "", "closed": ""}
    report = give_requests(ready, asked({}, other), mapped(), MOVED)
    assert (report.new, report.faults) == (1, ())
    assert "1 requests of other days were left alone." in report.notes


def test_importing_twice_changes_nothing(ready: Session) -> None:
    give_requests(ready, asked(), mapped(), MOVED)
    before = counts(ready)
    again = give_requests(ready, asked(), mapped(), MOVED)
    assert (again.new, again.changed, again.same) == (0, 0, 1)
    assert counts(ready) == before


def test_a_changed_request_changes_history_and_nothing_we_decided(ready: Session) -> None:
    give_requests(ready, asked(), mapped(), MOVED)
    job = ready.scalars(select(Job)).one()
    job.priority = 1
    ready.flush()
    again = give_requests(ready, asked({"status": "Reopened"}), mapped(), MOVED)
    ready.refresh(job)
    assert (again.changed, again.new) == (1, 0)
    assert job.history is not None
    assert (job.history["status"], job.history["duplicate"], job.priority) == ("Reopened", False, 1)


def test_all_faults_of_all_rows_come_at_once_with_line_column_and_value(ready: Session) -> None:
    wrong = [
        {},
        {"request_id": "R2", "lat": "north", "due": "2012-11-01T00:00:00"},
        {"request_id": "R3", "request_type": "Dragon"},
        {"request_id": "R1"},
        {"request_id": "", "city": "New Yrok"},
        {"request_id": "R6", "lat": "0", "lon": "0"},
        {"request_id": "R7", "lat": "-73.88", "lon": "40.85"},
        {"request_id": "R8", "created": "20 Nov 2012"},
    ]
    report = give_requests(ready, asked(*wrong), mapped(), Replay(shift_to=DAY))
    assert report.new == 2  # the swapped coordinates are a place on earth, if an icy one
    assert [(fault.line, fault.column) for fault in report.faults] == [
        (3, "due"),
        (3, "lat"),
        (4, "request_type"),
        (5, "request_id"),
        (6, "city"),
        (6, "request_id"),
        (7, "lat"),
        (9, "created"),
    ]
    by_line = {(fault.line, fault.column): fault for fault in report.faults}
    assert by_line[3, "lat"].value == "north"
    assert "New York" in by_line[6, "city"].remedy
    assert "Line 2" in by_line[5, "request_id"].remedy


def test_a_skill_that_no_catalogue_has_is_a_fault_of_the_row(ready: Session) -> None:
    report = give_requests(ready, asked(), mapped(required_skills="plumbing.leak_repairs:3"), MOVED)
    assert report.new == 0
    assert "plumbing.leak_repair?" in report.faults[0].remedy
    assert counts(ready)["territory"] == 0


@pytest.mark.parametrize(
    "changes",
    [{"required_skills": "plumbing.gas"}, {"priority": "9"}, {"onsite_min_typical": "-5"}, {"crew_size": "x"}],
)
def test_a_faulty_mapping_stops_everything(ready: Session, changes: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="line 2"):
        give_requests(ready, asked(), mapped(**changes), MOVED)


def test_without_anybody_to_answer_for_jobs_nothing_is_imported(session: Session) -> None:
    give(session, "skills", SKILLS)
    session.execute(text("UPDATE user_account SET active = false, version = version + 1"))
    with pytest.raises(Invalid, match="answers for them"):
        give_requests(session, asked(), mapped(), MOVED)


def test_a_dry_run_says_the_same_and_leaves_nothing(ready: Session) -> None:
    data = asked({}, {"request_id": "R2", "lat": "x"}, {"request_id": "R3"})
    before = counts(ready)
    dry = give_requests(ready, data, mapped(), MOVED, dry_run=True)
    assert counts(ready) == before
    assert outcome(dry) == outcome(give_requests(ready, data, mapped(), MOVED))


@needs_city_data
@pytest.mark.parametrize(
    ("name", "day", "rows", "refused", "territories"),
    [
        ("nyc_311_2012-11-20.csv", date(2012, 11, 20), 629, 1, 5),
        ("baltimore_311.csv", None, 1127, 0, 1),
        ("stlouis_csb_2018-01-01_04.csv", None, 255, 0, 1),
    ],
)
def test_a_whole_city_file_is_imported(
    session: Session, name: str, day: date | None, rows: int, refused: int, territories: int
) -> None:
    make_user(session, RoleName.DISPATCHER)
    for kind, file in (("skills", "skills_catalogue.csv"), ("certifications", "certifications.csv")):
        assert give(session, kind, (DATA / "mapping" / file).read_bytes()).faults == ()
    data, mapping = (DATA / "requests" / name).read_bytes(), (DATA / "mapping/request_type_mapping.csv").read_bytes()
    replay = Replay(day=day, shift_to=DAY)
    dry = give_requests(session, data, mapping, replay, dry_run=True) if rows < 1000 else None
    real = give_requests(session, data, mapping, replay)
    assert dry is None or outcome(dry) == outcome(real)
    assert (real.read, real.new, len(real.faults)) == (rows, rows - refused, refused)
    if refused:
        assert (real.faults[0].column, real.faults[0].value) == ("request_type", "Asbestos")
    assert session.scalar(select(func.count()).select_from(Territory)) == territories
    assert session.scalar(select(func.count()).select_from(Job)) == rows - refused
    late = session.scalar(select(func.count()).where(Job.due_at.is_not(None), Job.due_at <= Job.created_at))
    assert late == 0
    needless = select(func.count()).select_from(CrewSlot).where(~CrewSlot.needs.any())
    assert session.scalar(needless) == 0
    assert session.scalar(select(func.count()).select_from(Customer)) == len(
        set(session.scalars(select(Customer.name)))
    )
    assert (session.scalar(select(func.count()).select_from(CertificationNeed)) or 0) > 0
    assert session.scalar(select(func.count()).select_from(Skill).where(Skill.assignable)) == 64
    span = session.execute(select(func.min(Job.created_at), func.max(Job.created_at))).one()
    assert span[1] - span[0] < timedelta(hours=25)
    before = counts(session)
    again = give_requests(session, data, mapping, replay)
    assert (again.new, again.changed, again.same) == (0, 0, rows - refused)
    assert counts(session) == before
