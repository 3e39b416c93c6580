"""The manager's coverage pages, fetched as a person would."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import Range

from dispatch.accounts.access import SYSTEM
from dispatch.core import clock
from dispatch.coverage import queries
from dispatch.coverage.counting import solve_coverage
from dispatch.coverage.expectation import TrackRecord
from dispatch.coverage.flow import Cell
from dispatch.coverage.forecast_queries import forecast_page
from dispatch.coverage.kept import latest_run, read_counted, read_head
from dispatch.coverage.models import CoverageLine, CoverageRun
from dispatch.coverage.outlook import HOUR_S, Row, RowKind
from dispatch.skills.models import CertificationKind, Skill
from dispatch.web import coverage as words
from dispatch.workforce.models import Territory
from tests.factories import (
    make_assignment,
    make_certification,
    make_certification_kind,
    make_job,
    make_proficiency,
    make_shift,
    make_site,
    make_skill,
    make_technician,
    make_visit,
)
from tests.web.browser import Browser, Page
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]


@dataclass(frozen=True, kw_only=True)
class Gas:
    """What the rows of this module are about."""

    skill_id: int
    monday: date


@pytest.fixture(scope="module")
def gas(site: Site) -> Gas:
    """Twenty hours of gas work this week in the North, and Ana alone with eight hours for it; roofing in the South."""
    now = clock.now()
    day = clock.local_day(now, "Europe/Berlin") + timedelta(weeks=1)
    monday = day - timedelta(days=day.weekday())
    start = datetime.combine(day, datetime.min.time(), tzinfo=UTC) + timedelta(hours=8)
    eight_hours = Range(start, start + timedelta(hours=8))
    with site.session() as session:
        north, south = session.get_one(Territory, site.north_id), session.get_one(Territory, site.south_id)
        skill = make_skill(session, name="=Gas boilers")
        ana = make_technician(session, territory=north, name="Ana Ruiz", home_lat=None, home_lon=None)
        make_shift(session, technician=ana, territory=north, on_date=day, during=eight_hours)
        make_proficiency(session, technician=ana, skill=skill)
        place = make_site(session, territory=north)
        job = make_job(session, site=place, title="Replace the boiler", due_at=start + timedelta(hours=1))
        make_visit(session, job=job, needs={skill: 3}, duration_s=20 * HOUR_S)
        far = make_job(session, site=make_site(session, territory=south), due_at=start)
        make_visit(session, job=far, needs={make_skill(session, name="Roofing"): 2})
        card = make_certification_kind(session, name="Gas card")
        today = now.date()
        make_certification(session, technician=ana, kind=card, valid=Range(date(2020, 1, 1), today + timedelta(days=5)))
        later = make_visit(session, job=make_job(session, site=place), certifications=(card,))
        make_assignment(session, visit=later, technician=ana, during=eight_hours)
    return Gas(skill_id=skill.id, monday=monday)


@pytest.fixture
def counted(site: Site, gas: Gas) -> Gas:
    with site.session() as session:
        solve_coverage(session, actor=SYSTEM, now=clock.now())
    return gas


def test_before_the_first_count_the_page_says_so_and_offers_one(client_for: SignIn, site: Site, gas: Gas) -> None:
    with site.session() as session:
        session.execute(delete(CoverageRun))
    manager = client_for("manager")
    page = manager.get("/coverage")
    assert "Nothing has been counted yet" in page.text
    where = manager.send({}, button="Count now")
    assert isinstance(where, str)
    assert "The count is under way" in manager.get(where).text
    with site.session() as session:
        tasks = session.execute(text("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'")).scalars().all()
    assert tasks == ["coverage.count"]
    manager.get("/coverage")
    again = manager.send({}, button="Count now")
    assert isinstance(again, str)
    assert "waiting already" in manager.get(again).text
    with site.session() as session:
        solve_coverage(session, actor=SYSTEM, now=clock.now())
    assert "under way" not in manager.get(where).text


def test_the_worst_comes_first_in_words(client_for: SignIn, counted: Gas) -> None:
    page = client_for("manager").get("/coverage")
    day = f"{counted.monday.day} {counted.monday:%b}"
    assert "Where we are short in the next four weeks" in page.text
    # Eight hours less a quarter of an hour of travel for each twenty hours of work leave 7 h 54 min.
    words_of_gas = f"=Gas boilers in North : 12 h cannot be served: 12 h of 20 h in the week of {day}."
    assert words_of_gas in page.text
    assert "Most of it only Ana Ruiz can do." in page.text
    assert "Roofing" not in page.text


def test_every_cell_prints_its_number_and_says_it_in_words(client_for: SignIn, counted: Gas) -> None:
    page = client_for("manager").get("/coverage")
    assert '<svg class="heatmap" width="754"' in page.html
    assert ">40%</text>" in page.html
    spoken = "North, week of"
    assert f'aria-label="=Gas boilers, {spoken}' in page.html
    assert "Most of it only Ana Ruiz can do." in page.html
    assert page.html.count('<text class="none"') >= 12
    table = client_for("manager").get("/coverage?view=table")
    assert '<span class="nowrap">40% <svg' in table.html
    assert table.html.count('class="heat heat-none"') == page.html.count('<text class="none"')


def test_the_map_the_table_and_the_file_agree_to_the_digit(client_for: SignIn, counted: Gas, site: Site) -> None:
    manager = client_for("administrator")
    drawn = manager.get("/coverage").html
    table = manager.get("/coverage?view=table").html
    answer = manager.client.get("/coverage/table.csv")
    in_map = set(re.findall(r'href="(/coverage/[^"]+)" aria-label="[^"]*" data-row.*?(\d+%\+?)</text>', drawn))
    in_table = set(re.findall(r'<a href="(/coverage/[^"]+)" aria-label="[^"]*"><span class="nowrap">(\d+%\+?)', table))
    in_file = set()
    ids = {"=Gas boilers": counted.skill_id, "North": site.north_id, "South": site.south_id}
    with site.session() as session:
        ids |= {name: number for number, name in session.execute(select(Skill.id, Skill.name))}
        ids |= {name: number for number, name in session.execute(select(CertificationKind.id, CertificationKind.name))}
    for row in csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))):
        number = 0 if row["kind"] == "anybody" else ids[row["skill"].removeprefix("'")]
        percent = f"{row['percent']}%" + ("+" if row["percent"] == "500" else "")
        in_file.add((f"/coverage/{row['kind']}/{number}/{ids[row['territory']]}/{row['week']}", percent))
    assert len(in_map) >= 3
    assert in_map == in_table == in_file


def test_pages_of_a_large_territory_leave_nothing_out(
    client_for: SignIn, counted: Gas, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MANY_ROWS", 1)
    manager = client_for("manager")
    first, second = (manager.get(f"/coverage?page={number}") for number in (1, 2))
    assert "1 to 1 of 2 skills" in first.text
    assert "2 to 2 of 2 skills" in second.text
    shown = [re.findall(r"<title>([^<]*)</title></text>", found.html) for found in (first, second)]
    assert sorted(name for found in shown for name in found) == ["=Gas boilers", "Gas card"]
    monkeypatch.setattr(queries, "FEW_ROWS", 1)
    assert "All 2 rows of North" in client_for("administrator").get("/coverage").text


def test_a_part_of_the_page_is_the_same_answer(client_for: SignIn, counted: Gas) -> None:
    manager = client_for("manager")
    part = manager.get("/coverage", part=True)
    assert "<html" not in part.html
    assert "data-grid" in part.html


def test_a_cell_opens_on_who_and_what(client_for: SignIn, counted: Gas, site: Site) -> None:
    page = client_for("manager").get(f"/coverage/skill/{counted.skill_id}/{site.north_id}/{counted.monday}")
    assert "At risk: nobody yet" in page.text
    for part in ("=Gas boilers in North", "Ana Ruiz", "Replace the boiler", "20 h", "up to level 3"):
        assert part in page.text
    client_for("manager").get(f"/coverage/skill/{counted.skill_id}/{site.south_id}/{counted.monday}", 404)
    client_for("manager").get(f"/coverage/skill/{counted.skill_id}/{site.north_id}/2026-02-31", 404)
    client_for("manager").get(f"/coverage/anybody/0/{site.north_id}/2001-01-01", 404)


def test_a_cell_says_what_would_help_and_what_it_is_worth(client_for: SignIn, counted: Gas, site: Site) -> None:
    page = client_for("manager").get(f"/coverage/skill/{counted.skill_id}/{site.north_id}/{counted.monday}")
    assert "Ana Ruiz : works four hours longer; 3 h 55 min more can be served." in page.text


def test_what_would_help_is_taken_up_in_one_click(client_for: SignIn, counted: Gas, site: Site) -> None:
    manager = client_for("manager")
    path = f"/coverage/skill/{counted.skill_id}/{site.north_id}/{counted.monday}"
    page = manager.get(path)
    assert "Take it up" in page.text
    where = manager.send({}, button="Take it up")
    assert where == path
    page = manager.get(path)
    assert "under way since" in page.text
    assert "Take it up" not in page.text
    ends = manager.get("/loose-ends").text
    assert "=Gas boilers, North, week of" in ends
    assert "Ask first, then change the shift: Ana Ruiz works four hours longer; 3 h 55 min more can be served." in ends
    ana = re.findall(r'name="person" value="(\d+)"', manager.get(path).html)
    assert ana == []
    for values in ({"what": "move", "person": "1"}, {"what": "x", "person": "y"}, {}):
        manager.post(f"{path}/take", values, 404)
    client_for("technician").post(f"{path}/take", {"what": "overtime"}, 403)
    client_for("dispatcher").post(f"{path}/take", {"what": "overtime"}, 403)
    manager.post(f"/coverage/skill/{counted.skill_id}/{site.south_id}/{counted.monday}/take", {"what": "overtime"}, 404)


def test_absences_as_usual_are_told_to_who_may_see_all_territories(client_for: SignIn, counted: Gas) -> None:
    assert "With as many away as usual" in client_for("administrator").get("/coverage").text
    assert "With as many away as usual" not in client_for("manager").get("/coverage").text


def test_a_short_history_draws_nothing_and_says_why(client_for: SignIn, counted: Gas) -> None:
    page = client_for("manager").get("/forecast")
    assert "There are 0 complete weeks of history. It takes eight before anything is expected" in page.text
    assert "<polyline" not in page.html
    for bad in ("skill", "skill-x", "tree-3", "skill-99999999999"):
        client_for("manager").get(f"/forecast?row={bad}", 404)


def test_expected_work_is_drawn_and_stands_in_numbers_beside_it(client_for: SignIn, counted: Gas, site: Site) -> None:
    with site.session() as session:
        run = latest_run(session)
        assert run is not None
        ahead = {
            "mean_s": [72_000] * 13,
            "low80_s": [36_000] * 13,
            "low50_s": [54_000] * 13,
            "high50_s": [90_000] * 13,
            "high80_s": [108_000] * 13,
        }
        record = TrackRecord(
            weeks=8, off_percent=12, bias_percent=1, naive_percent=19, inside50_percent=51, inside80_percent=79
        )
        for place, past in ((site.north_id, [3600 * n for n in range(26)]), (site.south_id, [0] * 26)):
            key = {"run_id": run.id, "territory_id": place, "kind": RowKind.SKILL, "number": counted.skill_id}
            line = session.get(CoverageLine, key) or CoverageLine(**key, needed_s=0, missing_s=0, cells=[], remedies=[])
            line.outlines = [["skill", counted.skill_id, place, past, ahead]]
            line.expected_s = 13 * 72_000
            session.add(line)
        run.result = {**run.result, "history_weeks": 60, "by_row": asdict(record)}
    page = client_for("manager").get("/forecast")
    assert "were off by 12 %, seen one to four weeks before; last year's or last week's number would have" in page.text
    assert "between 10 h and 30 h" in page.text
    assert page.html.count('<polygon class="band-') == 2
    assert "20 h 15 h – 25 h 10 h – 30 h" in page.text
    assert "South" not in page.text
    with site.session() as session:
        found = forecast_page(session, reach=None, territory=site.north_id)
        whole = read_counted(session, run.id)
    assert found is not None
    of_gas = Row(kind=RowKind.SKILL, id=counted.skill_id)
    cells = {cell.week: cell for cell in whole.cells if (cell.row, cell.territory) == (of_gas, site.north_id)}
    assert cells
    assert [(each.booked_s, each.can_give_s) for each in found.coming] == [
        (cells[week].booked_s, cells[week].can_give_s) if week in cells else (0, None) for week in whole.weeks
    ]
    assert client_for("manager").get(f"/forecast?territory={site.south_id}").html.count("<polygon") == 0
    client_for("technician").get("/forecast", 403)


def test_the_file_agrees_with_the_page_and_holds_no_formula(client_for: SignIn, counted: Gas) -> None:
    manager = client_for("manager")
    manager.get("/coverage")
    answer = manager.client.get("/coverage/table.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    (gas,) = [row for row in rows if row["kind"] == "skill"]
    assert gas["skill"] == "'=Gas boilers"
    assert (gas["needed_h"], gas["percent"], gas["rests_on"]) == ("20.00", "40", "Ana Ruiz")
    assert float(gas["can_give_h"]) + float(gas["missing_h"]) == pytest.approx(20)
    assert manager.page is not None
    assert f">{gas['percent']}%" in manager.page.html


def test_the_file_of_a_chosen_territory_holds_what_the_page_shows(client_for: SignIn, counted: Gas, site: Site) -> None:
    everywhere = client_for("administrator")

    def lines(query: str) -> list[str]:
        text = everywhere.client.get(f"/coverage/table.csv{query}").data.decode("utf-8-sig")
        return text.splitlines()[1:]

    for place, name in ((site.north_id, "North"), (site.south_id, "South")):
        link = f"/coverage/table.csv?territory={place}"
        assert f'href="{link}"' in everywhere.get(f"/coverage?territory={place}").html
        found = lines(f"?territory={place}")
        assert found
        assert found == [line for line in lines("") if f",{name}," in line]
    assert 'href="/coverage/table.csv"' in everywhere.get("/coverage").html
    client_for("manager").get(f"/coverage/table.csv?territory={site.south_id}", 404)
    everywhere.get("/coverage/table.csv?territory=0", 404)


def test_territories_out_of_reach_are_not_there(client_for: SignIn, counted: Gas, site: Site) -> None:
    manager = client_for("manager")
    assert "Roofing" not in manager.get(f"/coverage?territory={site.north_id}").text
    manager.get(f"/coverage?territory={site.south_id}", 404)
    everywhere = client_for("administrator").get("/coverage")
    assert "Roofing" in everywhere.text
    assert "There is work in South, but nobody has a shift there" in everywhere.text
    assert "Count again" not in everywhere.text


def test_coverage_is_for_managers(client_for: SignIn, site: Site, counted: Gas) -> None:
    for role in ("dispatcher", "technician"):
        client_for(role).get("/coverage", 403)
        client_for(role).get("/coverage/table.csv", 403)
    page = client_for("administrator").post("/coverage/count", {}, 403)
    assert isinstance(page, Page)
    with site.session() as session:
        assert session.scalar(select(func.count()).select_from(CoverageRun))


def a_cell(needed: int, can_give: int, missing: int = 0) -> Cell:
    return Cell(
        row=Row(kind=RowKind.SKILL, id=1),
        territory=1,
        week=date(2026, 3, 2),
        level=3,
        needed_s=needed,
        booked_s=needed,
        missing_s=missing,
        can_give_s=can_give,
        nobody_s=0,
        rests_on=None,
        able=(1, 2),
        price_s=0,
    )


@pytest.mark.parametrize(
    ("cell", "step", "printed"),
    [
        (a_cell(1000, 0, 1000), 1, "0%"),
        (a_cell(1000, 749, 251), 1, "75%"),
        (a_cell(1000, 750, 250), 2, "75%"),
        (a_cell(100_000, 99_990, 10), 2, "99%"),
        (a_cell(1000, 1000), 3, "100%"),
        (a_cell(1000, 1150), 4, "115%"),
        (a_cell(1000, 1500), 5, "150%"),
        (a_cell(1000, 5000), 5, "500%+"),
    ],
)
def test_steps_and_numbers(cell: Cell, step: int, printed: str) -> None:
    assert (words.step(cell), words.percent_words(cell)) == (step, printed)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 min"),
        (20, "5 min"),
        (5400, "90 min"),
        (9 * 3600 + 1700, "9 h 30 min"),
        (36_000, "10 h"),
        (4e6, "1,111 h"),
    ],
)
def test_amounts_of_work(site: Site, seconds: int, said: str) -> None:
    with site.app.test_request_context():
        assert words.work_hours(seconds) == said


def test_what_demand_rests_on_is_said_plainly(site: Site, counted: Gas) -> None:
    with site.session() as session:
        run = latest_run(session)
        assert run is not None
        plain = read_head(session, run.id)
    some = replace(plain, booked_s=36_000, recurring_s=7_200, expected_s=72_000, history_weeks=9, by_territory=None)
    record = TrackRecord(
        weeks=8, off_percent=4.4, bias_percent=-3.0, naive_percent=9.6, inside50_percent=49, inside80_percent=81
    )
    with site.app.test_request_context():
        assert "with 7 complete weeks of history nothing more can be expected" in words.expectation_words(
            replace(plain, history_weeks=7)
        )
        assert words.expectation_words(some) == (
            "To the booked 10 h of the coming quarter come 2 h of recurring work whose jobs are not made yet, and 20 h"
            " that history lets us expect on top."
            " There is too little history to say how far off that usually is."
        )
        told = words.expectation_words(replace(some, by_territory=record, by_kind=replace(record, off_percent=26)))
        assert "off by 4 % per territory and week, and by 26 % per kind of work; last year's or last" in told
        assert told.endswith("would have been off by 10 %.")
