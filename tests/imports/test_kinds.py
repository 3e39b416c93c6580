import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from dispatch.accounts.access import Actor, Grant
from dispatch.accounts.models import RoleGrant, User
from dispatch.core.errors import Conflict, Forbidden, Invalid
from dispatch.core.models import AuditEvent, ImportBatch
from dispatch.imports.kinds import KINDS, import_file
from dispatch.skills.models import CertificationKind, Evidence, Proficiency, Skill
from dispatch.workforce.models import Absence, ReportingLine, Shift, Technician, Territory, TerritoryMembership
from tests.imports.build import NOW, counts, csv_bytes, give, outcome

TERRITORIES = [{"name": "North", "zone": "Europe/Berlin", "owner": "ines@example.test"}]
USERS = [{"email": "ines@example.test", "name": "Ines", "roles": "dispatcher;manager"}]
SKILLS = [{"code": "gas", "name": "Gas", "parent": "plumbing", "aliases": "leak;smell", "critical": "yes"}]
PEOPLE = [
    {
        "id": "17",
        "name": "Ada",
        "email": "ada@example.test",
        "home_lat": "52.5",
        "home_lon": "13.4",
        "territory": "north",
        "hired": "2024-05-01",
        "reports_to": "ines@example.test",
        "skills": "gas:3",
    },
    {
        "id": "18",
        "name": "Bo",
        "email": "",
        "home_lat": "",
        "home_lon": "",
        "territory": "North",
        "hired": "",
        "reports_to": "",
        "skills": "",
    },
]
SHIFTS = [{"technician": "17", "date": "2026-03-03", "start": "7:00", "end": "15:30", "break_minutes": "45"}]
ABSENCES = [{"technician": "ada@example.test", "from": "2026-03-05", "until": "2026-03-06"}]
ROWS: dict[str, list[dict[str, str]]] = {
    "users": USERS,
    "territories": TERRITORIES,
    "skills": SKILLS,
    "certifications": [{"code": "GAS", "name": "Gas licence", "typical_validity_months": "check", "field": "gas"}],
    "technicians": PEOPLE,
    "shifts": SHIFTS,
    "absences": ABSENCES,
}


def give_all(session: Session) -> None:
    for kind, rows in ROWS.items():
        assert give(session, kind, rows).faults == ()


def test_every_kind_has_an_example_here() -> None:
    assert set(ROWS) == set(KINDS)


def test_each_kind_goes_in_once(session: Session) -> None:
    give_all(session)
    before = counts(session)
    for kind, rows in ROWS.items():
        again = give(session, kind, rows)
        assert (kind, again.new, again.changed, again.same) == (kind, 0, 0, len(rows))
    assert counts(session) == before


def test_a_dry_run_of_each_kind_says_what_the_real_run_does(session: Session) -> None:
    for kind, rows in ROWS.items():
        before = counts(session)
        dry = give(session, kind, rows, dry_run=True)
        assert counts(session) == before
        assert outcome(dry) == outcome(give(session, kind, rows))
        states = session.scalars(select(ImportBatch.state).where(ImportBatch.kind == kind).order_by(ImportBatch.id))
        assert list(states) == ["checked", "done"]


def test_what_a_file_says_about_people_is_known_afterwards(session: Session) -> None:
    give_all(session)
    ada = session.scalars(select(Technician).where(Technician.name == "Ada")).one()
    ines = session.scalars(select(User).where(User.email == "ines@example.test")).one()
    assert (ada.home_lat, ada.user_id, ada.pace) == (52.5, None, 1.0)
    member = session.scalars(select(TerritoryMembership).where(TerritoryMembership.technician_id == ada.id)).one()
    assert member.during.lower == date(2024, 5, 1)
    line = session.scalars(select(ReportingLine).where(ReportingLine.technician_id == ada.id)).one()
    assert line.manager_id == ines.id
    fact = session.scalars(select(Evidence).where(Evidence.technician_id == ada.id)).one()
    assert (fact.source, fact.facts) == ("imported_rating", {"level": 3, "system": "technicians"})
    level = session.scalars(select(Proficiency).where(Proficiency.skill_id == fact.skill_id)).one()
    assert level.confirmed
    assert level.mean > 2.5
    grants = session.scalars(
        select(RoleGrant).where(RoleGrant.user_id == ines.id).options(selectinload(RoleGrant.role))
    )
    assert {grant.role.name for grant in grants} == {"dispatcher", "manager"}
    assert session.scalars(select(Territory.owner_id)).one() == ines.id


def test_times_are_local_to_the_territory(session: Session) -> None:
    give_all(session)
    shift = session.scalars(select(Shift)).one()
    assert (shift.during.lower, shift.break_s, shift.start_lat) == (datetime(2026, 3, 3, 6, tzinfo=UTC), 2700, 52.5)
    absence = session.scalars(select(Absence)).one()
    assert absence.during.lower == datetime(2026, 3, 4, 23, tzinfo=UTC)
    assert absence.during.upper == datetime(2026, 3, 6, 23, tzinfo=UTC)  # the last day is included


def test_a_changed_row_changes_what_it_became(session: Session) -> None:
    give_all(session)
    give(session, "shifts", [SHIFTS[0] | {"end": "14:00"}])
    give(session, "absences", [ABSENCES[0] | {"until": "2026-03-09"}])
    give(session, "skills", [SKILLS[0] | {"name": "Gas work"}])
    moved = give(session, "technicians", [PEOPLE[0] | {"skills": "gas:4", "name": "Ada L."}, PEOPLE[1]])
    assert (moved.changed, moved.same) == (1, 1)
    assert session.scalars(select(Shift)).one().during.upper == datetime(2026, 3, 3, 13, tzinfo=UTC)
    standing = session.scalars(select(Absence).where(Absence.cancelled.is_(False))).one()
    assert standing.during.upper == datetime(2026, 3, 9, 23, tzinfo=UTC)
    assert session.scalar(select(Skill.name).where(Skill.code == "gas")) == "Gas work"
    assert session.scalar(select(func.count()).select_from(Evidence)) == 2
    # The earlier absence was taken back, and coming again in the same file changes nothing more.
    assert give(session, "absences", [ABSENCES[0] | {"until": "2026-03-09"}]).same == 1
    assert session.scalar(select(func.count()).select_from(Absence)) == 2


@pytest.mark.parametrize(
    ("kind", "change", "column", "says"),
    [
        ("territories", {"zone": "Europe/Atlantis"}, "zone", "time zone"),
        ("territories", {"owner": "nobody@example.test"}, "owner", "no such user"),
        ("users", {"roles": "dispatchr"}, "roles", "Did you mean dispatcher"),
        ("users", {"email": "ines"}, "email", "e-mail"),
        ("skills", {"half_life_days": "0"}, "half_life_days", "whole number"),
        ("skills", {"critical": "perhaps"}, "critical", "yes or no"),
        ("skills", {"parent": "gas"}, "parent", "own group"),
        ("certifications", {"name": ""}, "name", "needed"),
        ("technicians", {"territory": "Nroth"}, "territory", "Did you mean North"),
        ("technicians", {"home_lat": "95"}, "home_lat", "-90 to 90"),
        ("technicians", {"home_lon": ""}, "home_lon", "both"),
        ("technicians", {"skills": "gaz:3"}, "skills", "Did you mean gas"),
        ("technicians", {"skills": "gas:7"}, "skills", "code:level"),
        ("technicians", {"hired": "1.5.2024"}, "hired", "year-month-day"),
        ("shifts", {"technician": "99"}, "technician", "no such technician"),
        ("shifts", {"technician": "18"}, "technician", "home"),
        ("shifts", {"start": "25:00"}, "start", "07:30"),
        ("shifts", {"end": "7:00"}, "end", "another time"),
        ("shifts", {"date": "2026-02-30"}, "date", "2026-03-14"),
        ("absences", {"until": "2026-03-01"}, "until", "before it begins"),
        ("absences", {"from": "5 March"}, "from", "2012-11-20"),
    ],
)
def test_a_faulty_cell_is_named_with_what_would_be_right(
    session: Session, kind: str, change: dict[str, str], column: str, says: str
) -> None:
    give_all(session)
    before = counts(session)
    fresh = {"technicians": {"id": "77"}, "territories": {"name": "South"}}.get(kind, {})
    report = give(session, kind, [ROWS[kind][0] | fresh | change])
    assert [(fault.line, fault.column) for fault in report.faults] == [(2, column)]
    assert says.casefold() in report.faults[0].remedy.casefold()
    assert counts(session) == before


def test_a_second_shift_in_the_same_time_is_refused_and_the_rest_goes_in(session: Session) -> None:
    give_all(session)
    rows = [
        SHIFTS[0] | {"technician": "ada@example.test", "start": "9:00"},
        SHIFTS[0] | {"technician": "ada@example.test", "date": "2026-03-04"},
    ]
    report = give(session, "shifts", rows)
    assert (report.new, [fault.line for fault in report.faults]) == (1, [2])
    assert session.scalar(select(func.count()).select_from(Shift)) == 2


def test_missing_columns_are_named_together(session: Session) -> None:
    with pytest.raises(Invalid, match="id, territory"):
        give(session, "technicians", [{"name": "Ada", "mail": "x"}])
    with pytest.raises(Invalid, match="nothing we import"):
        give(session, "dragons", [{"name": "x"}])


def test_a_spreadsheet_does_what_the_same_csv_does(session: Session) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(SKILLS[0]))
    sheet.append(list(SKILLS[0].values()))
    out = io.BytesIO()
    book.save(out)
    assert give(session, "skills", out.getvalue()).new == 1
    assert give(session, "skills", SKILLS).same == 1


def test_changing_much_of_what_is_known_needs_a_confirmation(session: Session) -> None:
    rows = [{"code": f"s{number}", "name": f"Skill {number}"} for number in range(60)]
    give(session, "skills", rows)
    renamed = [row | {"name": row["name"] + "!"} for row in rows]
    before = counts(session)
    with pytest.raises(Conflict, match="60 of 60"):
        give(session, "skills", renamed)
    assert counts(session) == before
    assert session.scalar(select(Skill.name).where(Skill.code == "s1")) == "Skill 1"
    assert give(session, "skills", renamed, confirmed=True).changed == 60


def test_importing_needs_the_right_and_leaves_a_mark_in_the_log(session: Session) -> None:
    dispatcher = Actor(user_id=None, name="x", grants=(Grant(role="dispatcher"),))
    with pytest.raises(Forbidden):
        import_file(
            session,
            kind="skills",
            file_name="x",
            data=csv_bytes(SKILLS),
            dry_run=True,
            actor=dispatcher,
            now=NOW,
        )
    give(session, "certifications", ROWS["certifications"])
    kind = session.scalars(select(CertificationKind).where(CertificationKind.code == "GAS")).one()
    assert (kind.usual_validity_months, kind.safety) == (None, True)
    session.commit()
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "import")).one()
    assert event.after == {"kind": "certifications", "new": 1, "changed": 0}


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
SKILL_ROW: Any = st.fixed_dictionaries(
    {
        "code": st.sampled_from(["a", "b", "c", "a.b", ""]),
        "name": NAMES,
        "parent": st.sampled_from(["", "a", "z"]),
        "half_life_days": st.sampled_from(["", "30", "-1", "many"]),
        "critical": st.sampled_from(["", "yes", "no", "?"]),
    }
)


@settings(max_examples=25, deadline=timedelta(seconds=20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(SKILL_ROW, min_size=1, max_size=8))
def test_dry_run_real_run_and_repetition_agree_on_any_file(session: Session, rows: list[dict[str, str]]) -> None:
    nested = session.begin_nested()
    data = csv_bytes(rows)
    dry = give(session, "skills", data, dry_run=True)
    real = give(session, "skills", data)
    assert outcome(dry) == outcome(real)
    again = give(session, "skills", data)
    assert (again.new, again.changed, again.same) == (0, 0, real.new)
    assert again.faults == real.faults
    nested.rollback()
    session.expire_all()
