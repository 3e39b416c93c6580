"""Task 4: learn why a given person was not proposed, in two steps; by pointer, by keyboard and on a narrow screen."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.dialects.postgresql import Range

from dispatch.core import clock
from dispatch.jobs.models import Visit
from dispatch.workforce.models import Territory
from tests import factories as make
from tests.e2e.conftest import Installation, SitDown
from tests.e2e.looking import NARROWEST, overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page_of_a_job(installation: Installation) -> str:
    """Add somebody who cannot do the work of tomorrow's first visit, and give the page of its candidates."""
    east = installation.east
    with installation.session() as session:
        tomorrow = east.today + timedelta(days=1)
        territory = session.get_one(Territory, east.territory)
        person = make.make_technician(session, territory=territory, name="Lars Neuling")
        begin = clock.instant(tomorrow, clock.now().time().replace(hour=8, minute=0), east.zone)
        during = Range(begin, begin + timedelta(hours=9))
        make.make_shift(session, technician=person, territory=territory, on_date=tomorrow, during=during)
        visit = session.get_one(Visit, east.tomorrow[0])
        return f"/jobs/{visit.job_id}/candidates?visit={visit.id}&date={tomorrow}"


def told(page: Page) -> None:
    answer = page.locator("#answer")
    expect(answer.get_by_role("heading", name="Why not Lars Neuling?")).to_be_visible()
    expect(answer).to_contain_text("Nothing is known about Lars Neuling in Gas boilers of the East")
    expect(answer).to_contain_text("A test or an assessment shows that Lars Neuling reaches level 3")
    assert violations(page) == []
    assert overflow(page) == []


def test_by_pointer_in_two_steps(page_of_a_job: str, sit_down: SitDown) -> None:
    page = sit_down("ines").open(page_of_a_job)
    assert violations(page) == []
    page.get_by_label("Why not …?").fill("lars")  # one: typing counts as one
    page.get_by_role("button", name="Answer").click()  # two
    told(page)


def test_by_keyboard_alone(page_of_a_job: str, sit_down: SitDown) -> None:
    page = sit_down("ines").open(page_of_a_job)
    page.keyboard.press("e")
    page.keyboard.type("lars")
    page.keyboard.press("Enter")
    told(page)
    assert "name=lars" in page.url, "the answer can be sent to a colleague as a link"


def test_at_320_pixels_without_script(page_of_a_job: str, sit_down: SitDown) -> None:
    page = sit_down("ines", viewport=NARROWEST, java_script_enabled=False).open(page_of_a_job)
    page.get_by_label("Why not …?").fill("lars")
    page.get_by_role("button", name="Answer").click()
    expect(page.locator("#answer")).to_contain_text("Nothing is known about Lars Neuling")
    page.get_by_role("link", name="Try small changes").click()
    expect(page.locator("#answer")).to_contain_text("A test or an assessment shows that Lars Neuling reaches level 3")


def test_at_320_pixels(page_of_a_job: str, sit_down: SitDown) -> None:
    page = sit_down("ines", viewport=NARROWEST).open(page_of_a_job)
    assert overflow(page) == []
    page.get_by_label("Why not …?").fill("lars")
    page.get_by_role("button", name="Answer").click()
    told(page)


def test_compared_and_sent_by_keys(page_of_a_job: str, sit_down: SitDown) -> None:
    page = sit_down("ines").open(page_of_a_job)
    page.keyboard.press("j")
    page.keyboard.press("Space")
    page.keyboard.press("j")
    page.keyboard.press("Space")
    page.get_by_role("button", name="Compare those ticked").press("Enter")
    table = page.locator("#compared")
    expect(table).to_contain_text("Ana Ruiz")
    expect(table).to_contain_text("Ben Oduya")
    assert "compare=" in page.url
    assert violations(page) == []
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Booked.")).to_be_visible()
    page.locator(".toast, #messages").get_by_role("button", name="Undo").first.click()
    expect(page.get_by_text("Taken back")).to_be_visible()
