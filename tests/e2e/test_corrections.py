"""Proposals and the living page of a job in real browsers: on the phone and at the desk, by day and by night."""

from datetime import time, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.dialects.postgresql import Range

from dispatch.core import clock
from dispatch.jobs.models import Site, Visit
from dispatch.workforce.models import Technician, Territory
from tests import factories as make
from tests.e2e.conftest import DESK, PHONE, Installation, SitDown
from tests.e2e.looking import overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def visit(installation: Installation) -> int:
    """A visit of Ben's the day after tomorrow, which no other test looks at."""
    east = installation.east
    with installation.session() as session:
        territory = session.get_one(Territory, east.territory)
        place = make.make_site(
            session, territory=territory, customer=make.make_customer(session, name="Quay Bakery"), hazards="Dog"
        )
        job = make.make_job(session, site=place, title="Oven is cold", owner_id=territory.owner_id)
        made = make.make_visit(session, job=job)
        begin = clock.instant(east.today + timedelta(days=2), time(10), east.zone)
        ben = session.get_one(Technician, east.ben)
        hours = Range(begin - timedelta(hours=3), begin + timedelta(hours=6))
        day = east.today + timedelta(days=2)
        make.make_shift(session, technician=ben, territory=territory, on_date=day, during=hours)
        make.make_assignment(session, visit=made, technician=ben, during=Range(begin, begin + timedelta(hours=1)))
        session.commit()
        return made.id


def job_page(installation: Installation, visit: int) -> str:
    with installation.session() as session:
        return f"/jobs/{session.get_one(Visit, visit).job_id}"


def looked_at(page: Page) -> list[str]:
    """Return what is wrong with a page at the desk by day and on the phone by night."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size(DESK)  # type: ignore[arg-type]  # a dictionary of the right keys
    faults = violations(page) + overflow(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a dictionary of the right keys
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return faults + violations(page) + overflow(page)


def test_a_name_is_proposed_on_the_phone_and_accepted_with_one_click(
    installation: Installation, sit_down: SitDown, visit: int
) -> None:
    ben = sit_down("ben", viewport=PHONE).open(f"/my/jobs/{visit}")
    field = ben.locator(".inline-field[id$='-name']")
    field.get_by_role("link").click()
    box = field.locator("input[name=value]")
    expect(box).to_be_focused()
    assert looked_at(ben) == []
    box.fill("Quay Bakers")
    field.get_by_role("button", name="Propose").click()
    expect(ben.locator("#messages, .toast").filter(has_text="Ines Weber answers by").first).to_be_visible()
    ines = sit_down("ines").open("/loose-ends")
    row = ines.get_by_role("listitem").filter(has_text="Proposed by Ben Oduya: name").filter(has_text="Quay Bakery")
    assert looked_at(ines) == []
    ines.set_viewport_size(DESK)  # type: ignore[arg-type]  # a dictionary of the right keys
    row.get_by_role("link").first.click()
    expect(ines.get_by_role("heading", level=1)).to_contain_text("Proposed")
    assert looked_at(ines) == []
    ines.goto(f"{installation.address}/loose-ends")
    row.get_by_role("button", name="Accept").click()
    expect(ines.get_by_text("Accepted and saved.")).to_be_visible()
    ben.goto(f"{installation.address}/loose-ends")
    answer = ben.get_by_role("listitem").filter(has_text="Answered: name")
    answer.get_by_role("button", name="Seen").click()
    expect(ben.get_by_text("Put away.")).to_be_visible()
    expect(ben.get_by_role("listitem").filter(has_text="Answered: name")).to_have_count(0)


def test_what_others_change_appears_and_what_one_types_stays(
    installation: Installation, sit_down: SitDown, visit: int
) -> None:
    path = job_page(installation, visit)
    ines, omar = sit_down("ines").open(path), sit_down("omar").open(path)
    mine = ines.locator(".inline-field[id$='-hazards']")
    mine.get_by_role("link").click()
    box = mine.locator("input[name=value]")
    box.fill("I am still typ")
    for name, value in (("hazards", "Bull"), ("parking", "Behind the oven")):
        theirs = omar.locator(f".inline-field[id$='-{name}']")
        theirs.get_by_role("link").click()
        theirs.locator("input[name=value]").fill(value)
        omar.keyboard.press("Enter")
        expect(theirs.locator(".held")).to_have_text(value)
    parking = ines.locator(".inline-field[id$='-parking']")
    expect(parking.locator(".held")).to_have_text("Behind the oven")
    expect(parking).to_have_class("inline-field changed-elsewhere")
    expect(mine.locator(".changed-note")).to_contain_text("Bull")
    expect(box).to_have_value("I am still typ")
    expect(box).to_be_focused()
    assert looked_at(ines) == []
    ines.set_viewport_size(DESK)  # type: ignore[arg-type]  # a dictionary of the right keys
    ines.keyboard.press("Enter")
    expect(mine).to_contain_text("Yours: I am still typ. Theirs: Bull.")
    with installation.session() as session:
        hazards = session.query(Site).join(Site.customer).filter(Site.hazards == "Bull").count()
    assert hazards == 1, "nothing was overwritten"


def test_a_need_is_mended_in_place_and_who_no_longer_fits_is_named(
    installation: Installation, sit_down: SitDown, visit: int
) -> None:
    page = sit_down("ines").open(job_page(installation, visit))
    new = page.locator(".inline-field[id$='-new_need']")
    new.get_by_role("link").click()
    new.locator("input[name=value]").fill("Gas boilers of the East 5")
    page.keyboard.press("Enter")
    expect(
        page.locator(".toast").filter(has_text="Ben Oduya is booked for it and does not fit any more")
    ).to_be_visible()
    page.reload()
    expect(page.get_by_text("Gas boilers of the East at level 5")).to_be_visible()
    expect(page.locator("#head")).to_contain_text("Find somebody else")
    assert looked_at(page) == []
