"""A skill matrix from file to levels and back, at a desk and on a phone, by day and by night."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from dispatch.skills.models import Evidence
from dispatch.workforce.models import Territory
from tests import factories as make
from tests.e2e.conftest import DESK, PHONE, Installation, SitDown
from tests.e2e.looking import NARROWEST, overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SHOTS = os.environ.get("DISPATCH_TEST_SHOTS")
MATRIX = """Skills of the harbour crew;;;;;;
Name;Company;Harbour valves;Harbour locks;Lock gates and seals;Welding under water;Juggling
Imke Voss;Harbour Ltd;4;expert;;80%;3
Jan Maat;Harbour Ltd;2,5;basic;x;;
Jan Maat;Harbour Ltd;3;none;;;1
Imka Voss;Harbour Ltd;1;;;;
Piet Prins;Harbour Ltd;5;wizard;;20%;
"""


def look(page: Page, name: str) -> None:
    """Look at a state at the desk by day and on a phone by night; keep pictures where they are asked for."""
    for size, scheme in ((DESK, "light"), (PHONE, "dark"), (DESK, "dark"), (PHONE, "light")):
        page.set_viewport_size(size)  # type: ignore[arg-type]  # a dictionary of the right keys
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # one of the known
        assert violations(page) == [], (name, size, scheme)
        assert overflow(page) == [], (name, size, scheme)
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{name}-{size['width']}-{scheme}.png", full_page=True)
    page.set_viewport_size(NARROWEST)  # type: ignore[arg-type]  # a dictionary of the right keys
    assert overflow(page) == [], (name, "at its narrowest")
    page.set_viewport_size(DESK)  # type: ignore[arg-type]  # a dictionary of the right keys
    page.emulate_media(color_scheme="light")


def crew(installation: Installation) -> dict[str, int]:
    """Put four people, two of one name, and their skills on record."""
    with installation.session() as session:
        east = session.get_one(Territory, installation.east.territory)
        trade = make.make_skill(session, name="Harbour works", code="harbour", assignable=False)
        for code, name in (("valves", "Harbour valves"), ("locks", "Harbour locks"), ("seals", "Lock gate seals")):
            make.make_skill(session, name=name, code=f"harbour.{code}", parent_id=trade.id)
        welding = make.make_skill(session, name="Welding below water", code="harbour.welding", parent_id=trade.id)
        partner = make.make_partner(session, name="Harbour Ltd")
        found = {"welding": welding.id}
        for key, name in (
            ("imke", "Imke Voss"),
            ("jan", "Jan Maat"),
            ("other_jan", "Jan Maat"),
            ("piet", "Piet Prins"),
        ):
            found[key] = make.make_technician(session, territory=east, name=name, partner_id=partner.id).id
        return found


def imported(installation: Installation, people: dict[str, int]) -> list[tuple[int, float]]:
    with installation.session() as session:
        rows = session.execute(
            select(Evidence.technician_id, Evidence.facts["level"].as_float())
            .where(Evidence.technician_id.in_(people.values()), Evidence.withdrawn_at.is_(None))
            .where(Evidence.source == "imported_rating")
            .order_by(Evidence.id)
        )
        return [tuple(row) for row in rows]


def test_from_a_file_to_levels_and_back(installation: Installation, sit_down: SitDown) -> None:
    people = crew(installation)
    desk = sit_down("administrator")
    page = desk.open("/skills")
    page.get_by_role("link", name="Import who can do what").click()
    look(page, "import-1-new")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "harbour crew.csv", "mimeType": "text/csv", "buffer": MATRIX.encode("utf-8-sig")}
    )
    page.get_by_role("button", name="Read the file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Match columns")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Name")
    look(page, "import-2-columns")
    page.get_by_label("Lock gates and seals", exact=True).select_option(label="Harbour works: Lock gate seals")
    page.get_by_label("Welding under water", exact=True).select_option(str(people["welding"]))
    page.get_by_label("Juggling", exact=True).select_option("Leave it out")
    page.get_by_role("button", name="See what it becomes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What it becomes")
    look(page, "import-3-check")
    page.get_by_label("Line 4: Jan Maat").select_option(str(people["jan"]))
    page.get_by_label("Line 5: Jan Maat").select_option(str(people["other_jan"]))
    page.get_by_label("Line 6: Imka Voss").select_option("Leave this row out")
    page.get_by_label("“wizard” in the file").select_option("5")
    page.get_by_role("button", name="Look again with this").click()
    expect(page.get_by_text("To correct", exact=True).locator("xpath=following-sibling::dd[1]")).to_have_text("0")
    look(page, "import-4-clear")
    assert imported(installation, people) == []
    page.get_by_role("button", name="Import 10 levels").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("harbour crew.csv")
    look(page, "import-5-report")
    assert len(imported(installation, people)) == 10
    page.get_by_role("button", name="Take this import back").click()
    expect(page.get_by_text("levels are as if this file had never come")).to_be_visible()
    look(page, "import-6-taken-back")
    assert imported(installation, people) == []
    desk.open("/imports/skills")
    look(page, "import-7-past")
    assert desk.complaints == []
