"""What each cell of a skill matrix becomes, and that an import can be repeated and taken back."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound
from dispatch.core.models import AuditEvent, ImportBatch, ImportState, OutsideId
from dispatch.imports.engine import Report
from dispatch.imports.matrix import service
from dispatch.imports.matrix.levels import keys_in, propose_scale, read_level
from dispatch.imports.matrix.match import Layout, Match
from dispatch.imports.matrix.plan import Plan
from dispatch.imports.matrix.proposing import guess_skills, propose
from dispatch.imports.matrix.service import import_matrix, plan_matrix, undo_matrix
from dispatch.imports.matrix.table import read_matrix
from dispatch.skills.models import Evidence, EvidenceContest, Proficiency, Skill, SkillAlias
from dispatch.skills.recompute import facts_of, recompute_all
from dispatch.skills.taxonomy import load_taxonomy
from dispatch.workforce.models import Technician
from tests.factories import make_evidence, make_partner, make_skill, make_technician, make_user

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
CODES = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])


class Shop:
    """Three people, two of one name, and skills of two trades."""

    def __init__(self, session: Session) -> None:
        self.session = session
        plumbing = make_skill(session, code="plumbing", name="Plumbing", assignable=False)
        power = make_skill(session, code="electric", name="Electrical", assignable=False)
        self.gas = make_skill(session, code="plumbing.gas", name="Gas lines", parent_id=plumbing.id).id
        self.drains = make_skill(session, code="plumbing.drains", name="Drains", parent_id=plumbing.id).id
        self.panels = make_skill(session, code="electric.panels", name="Panels", parent_id=power.id).id
        session.add(SkillAlias(skill_id=self.gas, alias="Gasleitungen"))
        self.ada = make_technician(session, name="Ada Lind", email="ada@example.test").id
        self.bo = make_technician(session, name="Bo Berg", email="bo.one@example.test").id
        self.other_bo = make_technician(session, name="Bo Berg", partner_id=make_partner(session).id, email=None).id
        for number, person in (("17", self.ada), ("18", self.bo), ("19", self.other_bo)):
            session.add(OutsideId(source="hr", entity="technician", outside_id=number, entity_id=person, row_hash=""))
        session.flush()

    def plan(self, data: bytes, source: str = "skill_matrix", **changes: Any) -> Plan:
        table = read_matrix(data, "matrix.csv")
        match = replace(propose(self.session, table, load_taxonomy(self.session)), **changes)
        return plan_matrix(self.session, table, match, source=source, actor=SYSTEM, now=NOW)

    def give(self, data: bytes, **options: Any) -> Report:
        options = {"dry_run": False, "actor": SYSTEM, "now": NOW} | options
        return import_matrix(self.session, file_name="matrix.csv", data=data, **options)

    def said(self, plan: Plan) -> list[tuple[int, int, float]]:
        return [(cell.technician_id, cell.skill_id, cell.level) for cell in plan.cells]

    def levels(self) -> list[tuple[Any, ...]]:
        rows = self.session.execute(
            select(
                Proficiency.technician_id,
                Proficiency.skill_id,
                Proficiency.mean,
                Proficiency.sd,
                Proficiency.confirmed,
                Proficiency.fact_count,
            ).order_by(Proficiency.technician_id, Proficiency.skill_id)
        )
        return [tuple(row) for row in rows]

    def facts(self) -> list[Any]:
        taxonomy = load_taxonomy(self.session)
        return [facts_of(self.session, person, taxonomy) for person in (self.ada, self.bo, self.other_bo)]


@pytest.fixture
def shop(session: Session) -> Shop:
    return Shop(session)


def xlsx(rows: Sequence[Sequence[Any]], merged: Sequence[str] = ()) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    for cells in merged:
        sheet.merge_cells(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


WIDE = b"Number,Name,Gas lines,Drains,Panels\n17,Ada Lind,3,,5\n18,Bo Berg,1,2,\n"
LONG = "Person;Skill;Level;Date\nAda Lind;Gasleitungen;4;2026-02-01\nAda Lind;drains;2,5;\n".encode("utf-8-sig")
FILES: dict[str, tuple[bytes, list[tuple[str, str, float]]]] = {
    "wide by number": (
        WIDE,
        [("ada", "gas", 3), ("ada", "panels", 5), ("bo", "gas", 1), ("bo", "drains", 2)],
    ),
    "wide by mail with BOM and semicolons": (
        "E-Mail;plumbing.gas;Drains\nADA@example.test;3,5;\n".encode("utf-8-sig"),
        [("ada", "gas", 3.5)],
    ),
    "names the other way round, UTF-16": (
        "Name\tGas lines\n\"Lind, Ada\"\t4\n".encode("utf-16"),
        [("ada", "gas", 4)],
    ),
    "first and last name": (b"First name,Last name,Drains\nAda,Lind,2\n", [("ada", "drains", 2)]),
    "words of a scale": (
        b"Name,Gas lines,Drains,Panels\nAda Lind,Basic,expert,none\n",
        [("ada", "gas", 2), ("ada", "drains", 5)],
    ),
    "marks": (b"Name,Gas lines,Drains\nAda Lind,x,-\n", [("ada", "gas", 3)]),
    "percentages": (
        b"Name,Gas lines,Drains,Panels\nAda Lind,80%,81 %,0%\n",
        [("ada", "gas", 4), ("ada", "drains", 5)],
    ),
    "a title above and other columns": (
        b"Skills of the shop,,,\n,,,\nName,Company,Gas lines,Total\nAda Lind,Us,3,3\n",
        [("ada", "gas", 3)],
    ),
    "the head of our own export": (
        b"\xef\xbb\xbfPerson,Number,Company,Territories,Gas lines,Drains\r\nAda Lind,17,,North,4,\r\n",
        [("ada", "gas", 4)],
    ),
    "long with comma decimals, a date and another name of the skill": (
        LONG,
        [("ada", "gas", 4), ("ada", "drains", 2.5)],
    ),
    "long by number": (b"technician id,skill code,rating\n18,electric.panels,2\n", [("bo", "panels", 2)]),
    "spreadsheet with two rows of head": (
        xlsx(
            [
                ["Name", "Plumbing", None, "Electrical"],
                [None, "Gas lines", "Drains", "Panels"],
                ["Ada Lind", 2, None, 4],
            ],
            merged=["A1:A2", "B1:C1"],
        ),
        [("ada", "gas", 2), ("ada", "panels", 4)],
    ),
    "spreadsheet percentages": (
        xlsx([["Name", "Gas lines", "Drains"], ["Ada Lind", 0.55, 1]]),
        [("ada", "gas", 3), ("ada", "drains", 5)],
    ),
    "long spreadsheet with dates": (
        xlsx([["Person", "Skill", "Level", "Date"], ["Ada Lind", "Panels", 3, date(2026, 1, 9)]]),
        [("ada", "panels", 3)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_what_each_cell_becomes(shop: Shop, name: str) -> None:
    data, wanted = FILES[name]
    plan = shop.plan(data)
    assert plan.faults == ()
    assert shop.said(plan) == [(getattr(shop, who), getattr(shop, skill), level) for who, skill, level in wanted]


REFUSED: dict[str, tuple[bytes, int, str, str | None, str]] = {
    "two of one name": (b"Name,Drains\nBo Berg,2\n", 2, "Name", "Bo Berg", "2 people are called Bo Berg"),
    "nobody called so": (b"Name,Drains\nAda Lindt,2\n", 2, "Name", "Ada Lindt", "Did you mean Ada Lind?"),
    "number of somebody else": (b"Number,Name,Drains\n18,Ada Lind,2\n", 2, "Number", "18", "This is Bo Berg here"),
    "another number": (b"Number,Name,Drains\n77,Ada Lind,2\n", 2, "Number", "77", "has another number here"),
    "no name": (b"Name,Drains\n,2\n", 2, "Name", "", "nobody is named"),
    "a word without meaning": (b"Name,Drains\nAda Lind,purple\n", 2, "Drains", "purple", "Write a level from 1 to 5"),
    "beyond the scale": (b"Name,Drains\nAda Lind,11\n", 2, "Drains", "11", "Write a level from 1 to 5"),
    "not a number of the scale": (b"Name,Drains\nAda Lind,0.5x\n", 2, "Drains", "0.5x", "Write a level"),
    "unknown skill": (b"Name,Drains,Juggling\nAda Lind,2,3\n", 1, "Juggling", None, "Which skill is Juggling?"),
    "two rows of one person": (b"Name,Drains\nAda Lind,2\nAda Lind,3\n", 3, "Drains", "3", "Line 2 says level 2"),
    "a day to come": (b"Name,Skill,Level,Day\nAda Lind,Drains,2,2026-04-01\n", 2, "Day", "2026-04-01", "not come"),
    "no day": (b"Name,Skill,Level,Date\nAda Lind,Drains,2,soon\n", 2, "Date", "soon", "Write the day as"),
    "too many cells": (b"Name,Drains\nAda Lind,2,3\n", 2, "", None, "This row has 3 cells"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_where_and_what_would_be_right(shop: Shop, name: str) -> None:
    data, line, column, value, remedy = REFUSED[name]
    (fault,) = shop.plan(data).faults
    assert (fault.line, fault.column or "", fault.value) == (line, column, value)
    assert remedy in fault.remedy


def test_a_word_for_two_skills_is_asked_and_not_guessed(shop: Shop) -> None:
    shop.session.add(SkillAlias(skill_id=shop.panels, alias="Gasleitungen"))
    shop.session.flush()
    (guess,) = guess_skills(shop.session, load_taxonomy(shop.session), ["Gasleitungen"])
    assert (guess.skill, set(guess.may_be[:2])) == (None, {shop.gas, shop.panels})
    plan = shop.plan(b"Name,Gasleitungen,Drains\nAda Lind,2,3\n")
    assert plan.undecided == ("Gasleitungen",)
    assert shop.said(plan) == [(shop.ada, shop.drains, 3)]


def test_choices_of_a_person_decide_what_names_do_not(shop: Shop) -> None:
    data = b"Name,Pipes under the road,Drains\nBo Berg,2,ok\nAda L.,4,meh\n"
    plan = shop.plan(
        data,
        skills={"Pipes under the road": shop.gas, "Drains": shop.drains},
        people={"2": shop.other_bo, "3": 0},
        scale={"2": 2, "ok": 4},
    )
    assert plan.faults == ()
    assert shop.said(plan) == [(shop.other_bo, shop.gas, 2), (shop.other_bo, shop.drains, 4)]
    assert plan.left_out == 2


def test_two_columns_cannot_be_one_skill(shop: Shop) -> None:
    with pytest.raises(Invalid, match="same skill"):
        shop.plan(b"Name,Drains,plumbing.drains\nAda Lind,2,3\n")


def test_nobody_rates_themselves(shop: Shop) -> None:
    user = make_user(shop.session)
    technician = make_technician(shop.session, name="Cem", user_id=user.id)
    actor = replace(SYSTEM, user_id=user.id)
    data = f"Name,Drains\n{technician.name},5\nAda Lind,2\n".encode()
    report = shop.give(data, actor=actor)
    assert [fault.line for fault in report.faults] == [2]
    assert report.new == 1


def test_only_who_may_import_can(shop: Shop) -> None:
    nobody = replace(SYSTEM, grants=())
    with pytest.raises(Forbidden):
        shop.give(WIDE, actor=nobody)
    batch = shop.give(WIDE).batch_id
    with pytest.raises(Forbidden):
        undo_matrix(shop.session, batch_id=batch, actor=nobody, now=NOW)


def test_a_file_that_comes_twice_changes_nothing(shop: Shop) -> None:
    for data in (WIDE, LONG):
        first = shop.give(data)
        assert (first.same, first.faults) == (0, ())
        before, facts = shop.levels(), shop.facts()
        again = shop.give(data, now=NOW)
        assert (again.new, again.changed, again.same) == (0, 0, first.new + first.changed)
        assert (shop.levels(), shop.facts()) == (before, facts)


def test_a_dry_run_says_what_the_real_run_does_and_leaves_nothing(shop: Shop) -> None:
    before = shop.levels(), shop.facts()
    dry = shop.give(WIDE, dry_run=True)
    assert (shop.levels(), shop.facts()) == before
    real = shop.give(WIDE)
    assert (dry.read, dry.new, dry.changed, dry.same, dry.faults) == (4, 4, 0, 0, ())
    assert (real.read, real.new, real.changed, real.same, real.faults) == (4, 4, 0, 0, ())
    assert len(shop.levels()) > 0


def test_a_later_level_of_a_source_takes_the_place_of_its_earlier_one(shop: Shop) -> None:
    shop.give(b"Name,Drains\nAda Lind,1\n")
    low = shop.session.get_one(Proficiency, (shop.ada, shop.drains)).mean
    report = shop.give(b"Name,Drains\nAda Lind,5\n", now=NOW + timedelta(hours=1))
    shop.session.expire_all()
    high = shop.session.get_one(Proficiency, (shop.ada, shop.drains))
    assert (report.changed, high.fact_count) == (1, 1)
    assert high.mean > low + 1


def test_what_is_looked_at_is_what_is_imported(shop: Shop) -> None:
    with pytest.raises(Conflict, match="Look again"):
        shop.give(WIDE, expected="something else")
    assert shop.facts() == [(), (), ()]


def test_a_very_large_change_needs_a_yes(shop: Shop) -> None:
    people = [make_technician(shop.session, name=f"Person {n}").name for n in range(30)]
    data = "Name,Drains\n" + "".join(f"{name},2\n" for name in people)
    assert shop.give(data.encode()).new == 30
    turned = data.replace(",2", ",5").encode()
    with pytest.raises(Conflict, match="would change 30 of 30"):
        shop.give(turned)
    assert shop.give(turned, confirmed=True).changed == 30


def test_more_levels_than_come_in_at_once_are_refused_before_they_are_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_LEVELS", 3)
    with pytest.raises(Invalid, match="4 levels; at most 3"):
        shop.give(WIDE)
    assert shop.facts() == [(), (), ()]


WORDS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        ["Name", "Number", "Skill", "Level", "Date", "Drains", "Gas lines", "Ada Lind", "Bo Berg", "17", "18", "3", "x"]
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(WORDS, max_size=5), max_size=6), joint=st.sampled_from([",", ";", "\t"]), code=CODES)
def test_whatever_a_file_holds_it_is_read_or_refused_with_a_sentence(
    shop: Shop, rows: list[list[str]], joint: str, code: str
) -> None:
    data = "\n".join(joint.join(row) for row in rows).encode(code, errors="replace")
    try:
        plan = shop.plan(data)
    except Invalid:
        return
    assert all(fault.remedy and fault.line > 0 for fault in plan.faults)
    assert all(1 <= cell.level <= 5 for cell in plan.cells)


@given(data=st.binary(max_size=200), spreadsheet=st.booleans())
def test_bytes_that_are_no_table_are_refused(data: bytes, spreadsheet: bool) -> None:
    try:
        table = read_matrix(b"PK\x03\x04" * spreadsheet + data, "x")
    except Invalid:
        return
    assert not spreadsheet
    assert table.columns


CELLS = st.sampled_from(["", "1", "2", "3", "4", "5", "2,5", "x", "none", "80%", "nonsense"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=2), before=st.booleans())
def test_import_then_undo_is_as_before(shop: Shop, rows: list[tuple[str, str, str]], before: bool) -> None:
    savepoint = shop.session.begin_nested()
    if before:
        make_evidence(
            shop.session,
            technician=_technician(shop, shop.ada),
            skill=_skill(shop, shop.gas),
            facts={"level": 4},
        )
        shop.give(b"Number,Drains,Panels\n17,2,4\n18,3,\n", now=NOW - timedelta(days=3))
        recompute_all(shop.session, now=NOW)
    text = "Number;Gas lines;Drains;Panels\n"
    text += "".join(f"{number};{';'.join(row)}\n" for number, row in zip(("17", "18"), rows, strict=False))
    facts, levels = shop.facts(), shop.levels()
    report = shop.give(text.encode(), confirmed=True)
    changed = report.new + report.changed
    assert (shop.facts() != facts) == bool(changed)
    imported = shop.facts()
    undo_matrix(shop.session, batch_id=report.batch_id, actor=SYSTEM, now=NOW)
    assert shop.facts() == facts
    assert shop.levels() == levels
    again = shop.give(text.encode(), confirmed=True)
    assert (again.new, again.changed, again.same) == (report.new, report.changed, report.same)
    assert _plain(shop.facts()) == _plain(imported)
    savepoint.rollback()


def _plain(facts: list[Any]) -> list[Any]:
    return [[(one.skill, one.at, one.source, one.detail) for one in person] for person in facts]


def _technician(shop: Shop, person: int) -> Any:
    return shop.session.get_one(Technician, person)


def _skill(shop: Shop, skill: int) -> Any:
    return shop.session.get_one(Skill, skill)


def test_an_import_is_taken_back_once_within_a_day_and_the_later_one_first(shop: Shop) -> None:
    first = shop.give(WIDE).batch_id
    second = shop.give(b"Name,Drains\nAda Lind,5\n").batch_id
    other = shop.give(b"Name,Drains\nAda Lind,1\n", source="hr").batch_id
    with pytest.raises(Conflict, match="later import"):
        undo_matrix(shop.session, batch_id=first, actor=SYSTEM, now=NOW)
    assert undo_matrix(shop.session, batch_id=other, actor=SYSTEM, now=NOW) == 1
    assert undo_matrix(shop.session, batch_id=second, actor=SYSTEM, now=NOW + timedelta(hours=24)) == 1
    with pytest.raises(Conflict, match="taken back already"):
        undo_matrix(shop.session, batch_id=second, actor=SYSTEM, now=NOW)
    with pytest.raises(Conflict, match="24 hours"):
        undo_matrix(shop.session, batch_id=first, actor=SYSTEM, now=NOW + timedelta(hours=24, seconds=1))
    assert undo_matrix(shop.session, batch_id=first, actor=SYSTEM, now=NOW + timedelta(hours=2)) == 4
    with pytest.raises(NotFound):
        undo_matrix(shop.session, batch_id=shop.give(WIDE, dry_run=True).batch_id, actor=SYSTEM, now=NOW)
    states = dict(shop.session.execute(select(ImportBatch.id, ImportBatch.state)).all())
    assert (states[first], states[second]) == (ImportState.UNDONE, ImportState.UNDONE)


def test_taking_back_stands_in_the_change_log_and_settles_what_was_contested(shop: Shop) -> None:
    user = make_user(shop.session)
    batch = shop.give(WIDE, actor=replace(SYSTEM, user_id=user.id)).batch_id
    fact = shop.session.scalars(select(Evidence).where(Evidence.import_batch_id == batch).limit(1)).one()
    fact.contested = True
    contest = EvidenceContest(
        evidence_id=fact.id, reason="No", opened_by_id=user.id, opened_at=NOW, owner_id=user.id, due_at=NOW
    )
    shop.session.add(contest)
    shop.session.flush()
    undo_matrix(shop.session, batch_id=batch, actor=replace(SYSTEM, user_id=user.id), now=NOW)
    shop.session.commit()
    shop.session.refresh(contest)
    assert (contest.outcome, contest.settled_at) == ("withdrawn", NOW)
    told = shop.session.execute(
        select(AuditEvent.action, AuditEvent.entity, AuditEvent.entity_id).order_by(AuditEvent.seq)
    ).all()
    people = [str(shop.ada), str(shop.bo)]
    assert [tuple(row) for row in told if row.entity == "technician" and row.action != "add"] == [
        *(("import", "technician", person) for person in people),
        *(("undo_import", "technician", person) for person in people),
    ]
    assert ("undo_import", "import_batch", str(batch)) in [tuple(row) for row in told]


def test_a_withdrawn_fact_never_counts_again(shop: Shop) -> None:
    batch = shop.give(WIDE).batch_id
    undo_matrix(shop.session, batch_id=batch, actor=SYSTEM, now=NOW)
    fact = shop.session.scalars(select(Evidence).where(Evidence.import_batch_id == batch).limit(1)).one()
    fact.withdrawn_at = None
    with pytest.raises(DBAPIError, match="append-only"):
        shop.session.flush()


SCALES: list[tuple[list[str], dict[str, int]]] = [
    (["0", "1", "2", "3"], {"0": 0, "1": 1, "2": 2, "3": 3}),
    (["1", "7", "10"], {"1": 1, "7": 4, "10": 5}),
    (["1", "55"], {}),
    (["20%", "20.1 %", "100%"], {"0 to 20 %": 1, "20 to 40 %": 2, "80 to 100 %": 5}),
    (["None.", "Very  good", "huh"], {"none": 0, "very good": 4}),
]


@pytest.mark.parametrize(("cells", "wanted"), SCALES)
def test_what_a_scale_is_proposed_to_mean(cells: list[str], wanted: dict[str, int]) -> None:
    keys, _ = keys_in(cells)
    assert propose_scale(keys) == wanted


@given(text=st.text(max_size=12), shares=st.booleans())
def test_a_cell_is_a_level_or_nothing_or_refused(text: str, shares: bool) -> None:
    keys, _ = keys_in([text])
    try:
        level = read_level(text, propose_scale(keys), shares=shares) if text.strip() else None
    except ValueError:
        return
    assert level is None or 1 <= level <= 5


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (xlsx([["Name", "Drains"], ["Ada", 1]])[:-30], "damaged"),
        (b"Name\x00,Drains\nAda,1\n", "zero bytes"),
    ],
)
def test_files_nobody_can_use_are_refused_with_a_reason(data: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read_matrix(data, "matrix.xlsx")


def test_a_sheet_with_a_cell_far_outside_is_refused_before_it_fills_the_memory() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"], sheet["XFD1048576"] = "Name", "x"
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(Invalid, match="delete the cells far outside"):
        read_matrix(out.getvalue(), "matrix.xlsx")


def test_the_day_of_a_file_is_the_day_of_its_levels(shop: Shop) -> None:
    table = read_matrix(b"Name,Drains\nAda Lind,4\n", "m.csv")
    match = replace(propose(shop.session, table, load_taxonomy(shop.session)), as_of="2025-06-01", by_self=True)
    assert Match.from_dict(match.as_dict()) == match
    assert match.layout is Layout.WIDE
    report = shop.give(b"Name,Drains\nAda Lind,4\n", match=match)
    fact = shop.session.scalars(select(Evidence).where(Evidence.import_batch_id == report.batch_id)).one()
    assert (fact.at.date(), fact.facts) == (
        date(2025, 6, 1),
        {"level": 4, "system": "skill_matrix", "by_self": True},
    )
