"""Importing a skill matrix on the pages: every step, sent twice, by others, and taken back."""

import io
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from dispatch.core import clock
from dispatch.core.models import ImportBatch, ImportUpload, OutsideId
from dispatch.imports.matrix import running
from dispatch.skills.models import Evidence, Skill
from dispatch.workforce.models import Technician
from tests.factories import make_evidence, make_proficiency, make_skill, make_technician
from tests.web.browser import Browser, Page
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]
MATRIX = b"Name,Company,Boilers,Pump works,Whistling\nAda Lind,Us,3,good,4\nBo Berg,Us,,5,\nAda Lindt,Us,2,,\n"


@pytest.fixture
def shop(site: Site) -> dict[str, int]:
    """Two people and two skills, anew for each test."""
    with site.session() as session:
        session.execute(text("DELETE FROM import_upload"))
        gone = "SET retired_at = now(), version = version + 1 WHERE retired_at IS NULL"
        session.execute(text(f"UPDATE technician {gone} AND id <> :mine"), {"mine": site.technician_id})
        session.execute(text(f"UPDATE skill {gone}"))
        return {
            "ada": make_technician(session, name="Ada Lind").id,
            "bo": make_technician(session, name="Bo Berg").id,
            "boilers": make_skill(session, name="Boilers").id,
            "pumps": make_skill(session, name="Pumps").id,
        }


def sent(admin: Browser, data: bytes = MATRIX, name: str = "matrix.csv") -> str:
    admin.get("/imports/skills")
    return admin.send({"file": (io.BytesIO(data), name)}, button="Read the file")


def levels(site: Site) -> list[tuple[int, int, float]]:
    with site.session() as session:
        rows = session.execute(
            select(Evidence.technician_id, Evidence.skill_id, Evidence.facts["level"].as_float())
            .where(Evidence.source == "imported_rating", Evidence.withdrawn_at.is_(None))
            .order_by(Evidence.id)
        )
        return [tuple(row) for row in rows]


def test_a_file_goes_in_step_by_step_and_comes_out_again(client_for: SignIn, site: Site, shop: dict[str, int]) -> None:
    admin, before = client_for("administrator"), levels(site)
    where = sent(admin)
    page = admin.get(where)
    assert "same name" in page.text
    values = {"skill-0": "0", "skill-1": str(shop["boilers"]), "skill-2": str(shop["pumps"]), "skill-3": "0"}
    where = admin.send(values, button="See what it becomes")
    page = admin.get(where)
    assert "Did you mean Ada Lind?" in page.text
    assert "Import 3 levels" in page.text
    assert levels(site) == before
    admin.send({"person-4": str(shop["ada"])}, button="Look again with this")
    page = admin.get(where)
    assert "Line 2 says level 3 for the same person and skill" in page.text
    where = admin.send({}, button="Import 3 levels")
    report = admin.get(where)
    assert "Imported" in report.text
    new = levels(site)[len(before) :]
    assert new == [
        (shop["ada"], shop["boilers"], 3.0),
        (shop["ada"], shop["pumps"], 3.0),
        (shop["bo"], shop["pumps"], 5.0),
    ]
    admin.send({}, button="Take this import back")
    assert levels(site) == before
    assert "as if this file had never come" in admin.get(where).text


def ready(admin: Browser, shop: dict[str, int], data: bytes = b"Name,Boilers\nAda Lind,3\nBo Berg,2\n") -> str:
    """Send a file that is clear and stop before the import."""
    admin.get(sent(admin, data))
    where = admin.send({}, button="See what it becomes")
    admin.get(where)
    return where


def test_a_button_pressed_twice_imports_once(client_for: SignIn, site: Site, shop: dict[str, int]) -> None:
    admin, before = client_for("administrator"), levels(site)
    where = ready(admin, shop)
    form = admin.form(button="Import 2 levels")
    values = {name: value[0] for name, value in form.fields.items()}
    others = [client_for("administrator") for _ in range(3)]
    for other in others:
        values_of = {**values, "csrf_token": other.token()}
        other.ready = values_of  # type: ignore[attr-defined]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda other: other.client.post(f"{where}/import", data=other.ready), others))
    assert [answer.status_code for answer in answers] == [303] * 3
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert len(levels(site)) == len(before) + 2
    with site.session() as session:
        kept = session.scalars(select(ImportUpload)).one()
        assert (kept.data, kept.choices) == (b"", {})
    assert admin.get(where, follow=True).headings == ["matrix.csv"]


def test_two_people_with_the_same_file_do_not_import_it_twice(
    client_for: SignIn, site: Site, shop: dict[str, int]
) -> None:
    one, two = client_for("administrator"), client_for("administrator")
    ready(one, shop)
    where = ready(two, shop)
    before = levels(site)
    one.send({}, button="Import 2 levels")
    page = two.send({}, button="Import 2 levels", status=409)
    assert isinstance(page, Page)
    assert "Look again" in page.text
    assert "There is nothing to import" in page.text
    assert len(levels(site)) == len(before) + 2
    with site.session() as session:
        batches = session.scalars(select(ImportBatch).where(ImportBatch.kind == "skill_matrix")).all()
        assert all(batch.rows_new + batch.rows_changed for batch in batches), "a refused import leaves nothing"
    two.get(where)
    two.send({}, button="Discard the file")
    two.get(where, status=404)


def test_two_people_at_the_same_moment_import_the_same_file_once(
    client_for: SignIn, site: Site, shop: dict[str, int]
) -> None:
    pairs = []
    for _ in range(2):
        admin = client_for("administrator")
        where = ready(admin, shop)
        values = {name: value[0] for name, value in admin.form(button="Import 2 levels").fields.items()}
        pairs.append((admin, where, values))
    before = levels(site)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: one[0].client.post(f"{one[1]}/import", data=one[2]), pairs))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert len(levels(site)) == len(before) + 2


def test_a_large_file_goes_on_in_the_background_and_its_page_follows(
    client_for: SignIn, site: Site, shop: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LEVELS_AT_ONCE", 1)
    admin, before = client_for("administrator"), levels(site)
    where = ready(admin, shop)
    follows = admin.send({}, button="Import 2 levels")
    assert follows == f"{where}/running"
    page = admin.get(follows)
    assert "being imported" in page.text
    assert f'hx-get="{follows}"' in page.html
    assert admin.get(where, follow=True).text == page.text, "looked at again it is still under way"
    assert "being imported" in admin.get("/imports/skills").text
    admin.get(f"{where}/columns", status=409)
    admin.post(f"{where}/discard", status=409)
    assert levels(site) == before
    with site.session() as session:
        upload_id = int(where.rsplit("/", 1)[1])
        running.run_import_asked(session, upload_id, now=clock.now())
    part = admin.client.get(follows, headers={"HX-Request": "true"})
    assert part.status_code == 204
    assert part.headers["HX-Redirect"].startswith("/imports/skills/")
    report = admin.get(follows, follow=True)
    assert report.headings == ["matrix.csv"]
    assert len(levels(site)) == len(before) + 2


def test_why_a_large_file_was_not_imported_is_said_where_it_waits(
    client_for: SignIn, site: Site, shop: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LEVELS_AT_ONCE", 1)
    admin = client_for("administrator")
    where = ready(admin, shop)
    follows = str(admin.send({}, button="Import 2 levels"))
    with site.session() as session:
        session.execute(text("UPDATE technician SET name = 'Ada', version = version + 1 WHERE id = :ada"), shop)
    with site.session() as session:
        running.run_import_asked(session, int(where.rsplit("/", 1)[1]), now=clock.now())
    page = admin.get(follows, follow=True)
    assert "Something changed since you looked" in page.text
    assert "Nobody is called so" in page.text


def test_a_small_spreadsheet_that_unpacks_to_very_much_is_refused(client_for: SignIn, shop: dict[str, int]) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (65 * 1024 * 1024))
    admin = client_for("administrator")
    admin.get("/imports/skills")
    sheet = {"file": (io.BytesIO(out.getvalue()), "matrix.xlsx")}
    page = admin.send(sheet, button="Read the file", status=422)
    assert isinstance(page, Page)
    assert "unpacks to more than we read" in page.text


def test_a_very_large_change_asks_first(client_for: SignIn, site: Site, shop: dict[str, int]) -> None:
    admin = client_for("administrator")
    with site.session() as session:
        names = [make_technician(session, name=f"Person {number}").name for number in range(25)]
    data = "Name,Boilers\n" + "".join(f"{name},2\n" for name in names)
    ready(admin, shop, data.encode())
    admin.send({}, button="Import 25 levels")
    ready(admin, shop, data.replace(",2", ",5").encode())
    page = admin.send({}, button="Import 25 levels", status=409)
    assert isinstance(page, Page)
    assert "would change 25 of" in page.text
    report = admin.send({"confirm": "yes"}, button="Import 25 levels")
    assert isinstance(report, str)
    admin.get(report)
    admin.send({}, button="Take this import back")


@pytest.mark.parametrize("role", ["technician", "dispatcher", "manager"])
def test_only_who_may_import_finds_the_page(client_for: SignIn, role: str) -> None:
    client_for(role).get("/imports/skills", status=403)
    assert "Import who can do what" not in client_for(role).get("/skills").text


def test_files_of_others_and_files_of_yesterday_are_not_there(
    client_for: SignIn, site: Site, shop: dict[str, int]
) -> None:
    admin = client_for("administrator")
    where = ready(admin, shop)
    with site.session() as session:
        session.execute(text("UPDATE import_upload SET made_by_id = :other"), {"other": site.people["manager"]})
    for address in (where, f"{where}/columns", f"{where}/faults.csv"):
        admin.get(address, status=404)
    for action in ("import", "discard", "meanings"):
        admin.post(f"{where}/{action}", status=404)
    with site.session() as session:
        session.execute(
            text("UPDATE import_upload SET made_by_id = :mine, expires_at = now()"),
            {"mine": site.people["administrator"]},
        )
    admin.get(where, status=404)
    sent(admin)
    with site.session() as session:
        assert session.scalars(select(ImportUpload.file_name)).all() == ["matrix.csv"], "what is over is cleared away"


UNUSABLE = [(b"", "Choose the file"), (b"PK\x03\x04 not really", "damaged"), (b"Name,Boilers\n", "a head and no rows")]


@pytest.mark.parametrize(("data", "words"), UNUSABLE)
def test_a_file_nobody_can_use_is_refused_beside_the_field(
    client_for: SignIn, shop: dict[str, int], data: bytes, words: str
) -> None:
    admin = client_for("administrator")
    admin.get("/imports/skills")
    name = "matrix.csv" if data else ""
    page = admin.send({"file": (io.BytesIO(data), name)}, button="Read the file", status=422)
    assert isinstance(page, Page)
    assert words in page.text


def test_what_cannot_be_used_comes_as_a_file_too(client_for: SignIn, shop: dict[str, int]) -> None:
    admin = client_for("administrator")
    where = ready(admin, shop, b"Name,Boilers\nAda Lind,purple\nBo Berg,3\n")
    answer = admin.client.get(f"{where}/faults.csv")
    assert answer.get_data(as_text=True).splitlines()[1].startswith('2,Boilers,purple,"Write a level from 1 to 5')


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_table_of_who_can_do_what_can_be_sent_back(
    client_for: SignIn, site: Site, shop: dict[str, int], kind: str
) -> None:
    with site.session() as session:
        for person, mean in (("ada", 3.6), ("bo", 2.2)):
            technician, skill = session.get_one(Technician, shop[person]), session.get_one(Skill, shop["pumps"])
            make_evidence(session, technician=technician, skill=skill)
            make_proficiency(session, technician=technician, skill=skill, mean=mean)
        # The number of one is the personnel number of the other.
        session.execute(text("DELETE FROM outside_id"))
        other = OutsideId(
            source="hr", entity="technician", outside_id=str(shop["ada"]), entity_id=shop["bo"], row_hash=""
        )
        session.add(other)
    admin, before = client_for("administrator"), levels(site)
    file = admin.client.get(f"/people/skills/table.{kind}").data
    admin.get(sent(admin, file, f"skills.{kind}"))
    page = admin.get(str(admin.send({}, button="See what it becomes")))
    assert "To correct 0" in page.text
    admin.send({}, button="Import 2 levels")
    assert [one[:2] for one in levels(site)[len(before) :]] == [
        (shop["ada"], shop["pumps"]),
        (shop["bo"], shop["pumps"]),
    ]


def test_choices_without_sense_are_answered_with_a_sentence(client_for: SignIn, shop: dict[str, int]) -> None:
    admin = client_for("administrator")
    where = sent(admin, b"Name,Boilers\nAda Lind,3\n")
    admin.get(where)
    for values, words in (
        ({"name": ""}, "which column names the person"),
        ({"mail": "Name"}, "cannot be two things"),
        ({"as_of": "someday"}, "year-month-day"),
        ({"source": "x" * 61}, "at most 60"),
        ({"skill-0": "0"}, "No column stands for a skill"),
        ({"skill-0": "999999"}, "not in use any more"),
        ({"layout": "long"}, None),
    ):
        admin.get(where)
        if words is None:
            assert admin.send(values, button="See what it becomes") == where
            continue
        page = admin.send(values, button="See what it becomes", status=422)
        assert isinstance(page, Page)
        assert words in page.text
