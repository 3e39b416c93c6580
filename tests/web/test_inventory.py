"""Who can do what: people and skills side by side, what filters leave, and files that say the same as the page."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from dispatch.core import clock
from dispatch.skills.models import DocumentState, RelationKind, Skill, SkillRelation, SkillWish, Wish
from dispatch.workforce.models import Team, Technician, Territory
from tests.conftest import statements
from tests.factories import (
    make_certification,
    make_certification_kind,
    make_evidence,
    make_partner,
    make_proficiency,
    make_skill,
    make_technician,
)
from tests.web.browser import Browser
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]
TODAY = clock.now().date()


@pytest.fixture(scope="module", autouse=True)
def people(site: Site) -> None:
    """Give three people in the North and one in the South, with levels of every standing."""
    with site.session() as session:
        north, south = session.get_one(Territory, site.north_id), session.get_one(Territory, site.south_id)
        trade = make_skill(session, name="Lift work", assignable=False)
        ropes = make_skill(session, name="Lift ropes", parent_id=trade.id)
        doors = make_skill(session, name="Lift doors", parent_id=trade.id)
        lamps = make_skill(session, name="Street lamps")
        team = Team(name="Early shift")
        session.add(team)
        session.flush()
        firm = make_partner(session, name="Lifts & Co")
        vera = make_technician(session, territory=north, name="Vera Vang", team_id=team.id)
        walt = make_technician(session, territory=north, name="Walt Wern", partner_id=firm.id)
        xena = make_technician(session, territory=north, name="=Xena", team_id=None)
        yuri = make_technician(session, territory=south, name="Yuri South")
        now = clock.now()
        make_proficiency(session, technician=vera, skill=ropes, mean=4.2, sd=0.3, last_used_at=now - timedelta(days=20))
        make_proficiency(
            session, technician=vera, skill=lamps, mean=2.1, sd=0.3, last_used_at=now - timedelta(days=300)
        )
        make_proficiency(session, technician=walt, skill=ropes, mean=3.0, sd=6.0)
        make_proficiency(session, technician=xena, skill=doors, mean=3.9, sd=0.5, confirmed=False)
        make_evidence(session, technician=xena, skill=doors, source="self_claim", facts={"level": 4})
        make_proficiency(session, technician=yuri, skill=doors, mean=4.0, sd=0.3)
        licence = make_certification_kind(session, name="Lift licence")
        for person, begin, end, state in (
            (vera, -400, -5, DocumentState.CONFIRMED),
            (walt, -10, 90, DocumentState.CONFIRMED),
            (walt, -300, 30, DocumentState.CLAIMED),
            (xena, -10, 90, DocumentState.CLAIMED),
        ):
            days = Range(TODAY + timedelta(days=begin), TODAY + timedelta(days=end + 1))
            make_certification(session, technician=person, kind=licence, valid=days, state=state)


def file(browser: Browser, path: str) -> bytes:
    """Fetch a file."""
    answer = browser.client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.data


def table_of(text: str) -> dict[tuple[str, str], str]:
    """Read a wide table: what stands where a person meets a column; empty cells left out."""
    head, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    return {(row[0], name): cell for row in rows for name, cell in zip(head, row, strict=True) if cell}


def levels(browser: Browser, query: str = "q=") -> dict[tuple[str, str], str]:
    """Give the levels of the people made here, as the file has them."""
    found = table_of(file(browser, f"/people/skills/table.csv?{query}").decode())
    ours = ("Lift ropes", "Lift doors", "Street lamps")
    return {place: cell for place, cell in found.items() if place[1] in ours}


VERA_ROPES, VERA_LAMPS = ("Vera Vang", "Lift ropes"), ("Vera Vang", "Street lamps")
WALT_ROPES, XENA_DOORS = ("Walt Wern", "Lift ropes"), ("'=Xena", "Lift doors")
YURI_DOORS = ("Yuri South", "Lift doors")


def test_each_level_stands_where_person_and_skill_meet(client_for: SignIn) -> None:
    assert levels(client_for("dispatcher")) == {VERA_ROPES: "4", VERA_LAMPS: "2", WALT_ROPES: "3", XENA_DOORS: "4"}


def test_the_page_says_how_far_each_level_counts(client_for: SignIn) -> None:
    page = client_for("dispatcher").get("/people/skills?q=a").html
    assert page.index("Vera Vang") < page.index("Walt Wern")
    assert "<strong>4</strong>" in page
    assert ">3?</td>" in page.replace("\n", "")
    assert "(4)" in client_for("dispatcher").get("/people/skills?q=xena").text
    assert "Yuri South" not in page


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("level=4", {VERA_ROPES}),
        ("level=2", {VERA_ROPES, VERA_LAMPS}),
        ("standing=not_yet", {WALT_ROPES}),
        ("standing=own_word", {XENA_DOORS}),
        ("standing=relied_on", {VERA_ROPES, VERA_LAMPS}),
        ("used=3", {VERA_ROPES}),
        ("used=12", {VERA_ROPES, VERA_LAMPS}),
        ("used=3&level=5", set()),
        ("company=partners", {WALT_ROPES}),
        ("company=ours&q=v", {VERA_ROPES, VERA_LAMPS}),
        ("q=lifts", {WALT_ROPES}),
        ("standing=nonsense&level=x&used=-4&territory=x", {VERA_ROPES, VERA_LAMPS, WALT_ROPES, XENA_DOORS}),
        ("company=99999999999", {VERA_ROPES, VERA_LAMPS, WALT_ROPES, XENA_DOORS}),
    ],
)  # fmt: skip
def test_a_filter_leaves_what_it_asks_for(client_for: SignIn, query: str, left: set[tuple[str, str]]) -> None:
    assert set(levels(client_for("dispatcher"), query)) == left


def test_a_trade_and_a_team_choose_skills_and_people(client_for: SignIn, site: Site) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get("/people/skills")
    with site.session() as session:
        trade = session.scalar(select(Skill.id).where(Skill.name == "Lift work"))
        team = session.scalar(select(Team.id).where(Team.name == "Early shift"))
    assert set(levels(dispatcher, f"trade={trade}")) == {VERA_ROPES, WALT_ROPES, XENA_DOORS}
    assert set(levels(dispatcher, f"team={team}&trade={trade}")) == {VERA_ROPES}


def test_people_out_of_reach_are_in_no_file(client_for: SignIn, site: Site) -> None:
    assert YURI_DOORS not in levels(client_for("dispatcher"), f"territory={site.south_id}")
    assert YURI_DOORS in levels(client_for("administrator"))
    client_for("technician").get("/people/skills", 403)
    client_for("technician").get("/people/skills/table.csv", 403)
    client_for("technician").get("/people/skills/table.xlsx", 403)


def test_the_workbook_says_the_same_as_the_table(client_for: SignIn) -> None:
    dispatcher = client_for("dispatcher")
    data = file(dispatcher, "/people/skills/table.xlsx?q=v")
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    assert book.sheet_names == ["Skills", "Levels", "Certificates"]
    head, *rows = book.get_sheet_by_name("Skills").to_python()
    wide = {(str(row[0]), str(name)): cell for row in rows for name, cell in zip(head, row, strict=True)}
    assert wide[VERA_ROPES] == float(levels(dispatcher)[VERA_ROPES])
    details = book.get_sheet_by_name("Levels").to_python()
    assert [row[4:8] for row in details if row[0] == "Vera Vang"] == [
        ["Lift ropes", 4, 4, "dispatch relies on it"], ["Street lamps", 2, 2, "dispatch relies on it"],
    ]  # fmt: skip


def test_a_level_through_a_skill_that_includes_another_is_told_with_its_way(client_for: SignIn, site: Site) -> None:
    with site.session() as session:
        whole, part = make_skill(session, name="Escalators"), make_skill(session, name="Escalator steps")
        session.add(SkillRelation(kind=RelationKind.IMPLIES, skill_id=whole.id, other_id=part.id))
        zoe = make_technician(session, territory=session.get_one(Territory, site.north_id), name="Zoe Zet")
        make_proficiency(session, technician=zoe, skill=whole, mean=4.0, sd=0.3)
    dispatcher = client_for("dispatcher")
    page = dispatcher.get("/people/skills?q=zoe&level=3").text
    assert "through Escalators, very sure" in page
    assert "The level in a skill that includes this one: a through Escalators, very sure" in page
    wide = table_of(file(dispatcher, "/people/skills/table.csv?q=zoe&level=3").decode())
    assert wide["Zoe Zet", "Escalator steps"] == "4"
    book = CalamineWorkbook.from_filelike(io.BytesIO(file(dispatcher, "/people/skills/table.xlsx?q=zoe")))
    rows = [row for row in book.get_sheet_by_name("Levels").to_python() if row[0] == "Zoe Zet"]
    assert [(row[4], row[6], row[8], row[10]) for row in rows] == [
        ("Escalator steps", 4, "very sure", "Escalators"), ("Escalators", 4, "very sure", ""),
    ]  # fmt: skip
    assert "through Escalators" in dispatcher.get("/people/skills/find?q=escalator+steps+level+3,+North").text


def test_certificates_stand_beside_people_with_their_last_day(client_for: SignIn) -> None:
    dispatcher = client_for("dispatcher")
    found = table_of(file(dispatcher, "/people/skills/table.csv?show=certificates").decode())
    assert found["Walt Wern", "Lift licence"] == (TODAY + timedelta(days=90)).isoformat()
    assert found["Vera Vang", "Lift licence"] == (TODAY - timedelta(days=5)).isoformat()
    assert found["'=Xena", "Lift licence"] == "handed in, not confirmed"
    page = dispatcher.get("/people/skills?show=certificates&q=vera").text
    assert "ended" in page
    assert "to confirm" in dispatcher.get("/people/skills?show=certificates&q=xena").text


def test_nobody_found_says_so_and_shows_the_way_back(client_for: SignIn) -> None:
    page = client_for("dispatcher").get("/people/skills?q=zzz").text
    assert "Nobody matches this filter" in page
    assert "Clear" in page


def test_more_people_are_no_more_statements(client_for: SignIn, site: Site) -> None:
    dispatcher = client_for("dispatcher")
    file(dispatcher, "/people/skills")
    with statements(site.engine) as few:
        file(dispatcher, "/people/skills?q=vera")
    with statements(site.engine) as many:
        file(dispatcher, "/people/skills")
    assert many.count == few.count


def test_one_sentence_finds_who_can_and_says_what_was_understood(client_for: SignIn, site: Site) -> None:
    dispatcher = client_for("dispatcher")
    assert "one sentence" in dispatcher.get("/people/skills/find").text
    page = dispatcher.get("/people/skills/find?q=lift+ropes+level+3,+North").text
    assert "Lift ropes at level 3 or above" in page
    assert page.index("Vera Vang") < page.index("not enough to rely on")
    page = dispatcher.get("/people/skills/find?q=lift+ropes+tomorrow+morning,+zwibbel").text
    assert "06:00–12:00" in page
    assert "Not understood: “zwibbel”" in page
    assert "Nobody who can do this works then" in page
    with site.session() as session:
        skill, person = (
            session.scalars(select(table.id).where(table.name == name)).one()
            for table, name in ((Skill, "Lift ropes"), (Technician, "Vera Vang"))
        )
        session.add(SkillWish(technician_id=person, skill_id=skill, wish=Wish.MORE, changed_at=clock.now()))
    assert "wants more of Lift ropes" in dispatcher.get("/people/skills/find?q=lift+ropes+level+3,+North").text
    client_for("technician").get("/people/skills/find?q=lift", 403)


def test_somebody_out_of_reach_is_not_found(client_for: SignIn) -> None:
    assert "Yuri" not in client_for("dispatcher").get("/people/skills/find?q=lift+doors+level+3,+South").text
