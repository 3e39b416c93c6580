"""The same work with scripts switched off: board, new job, planning run, the technician's day."""

import re
from datetime import time

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from dispatch.core import clock
from tests.e2e.conftest import PHONE, Installation, SitDown

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_dispatcher_books_plans_and_moves(installation: Installation, sit_down: SitDown) -> None:
    page = sit_down("omar", java_script_enabled=False).open("/jobs/new?q=Corner+Bakery")
    page.get_by_role("link", name=re.compile("Main site|Corner Bakery")).first.click()
    page.get_by_label("What is to be done").fill("Oven hood rattles")
    page.get_by_label("What work is it").or_(page.locator("select[name=job_type_id]")).first.select_option(index=1)
    page.get_by_role("button", name="Book the job").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Oven hood rattles")

    page.goto(f"{installation.address}/board")
    page.get_by_role("button", name="Plan this day").click()
    expect(page.locator("[data-progress-url], table").first).to_be_visible()
    for _ in range(30):
        if page.get_by_role("table", name="In numbers").is_visible():
            break
        page.wait_for_timeout(1000)
    expect(page.get_by_role("table", name="In numbers")).to_be_visible()

    day = installation.east.today.isoformat()
    page.goto(f"{installation.address}/board?date={day}")
    expect(page.get_by_role("heading", level=3, name="Ben Oduya")).to_be_visible()
    expect(page.locator("#gantt")).to_be_empty()


def test_a_technician_works_a_day(installation: Installation, sit_down: SitDown) -> None:
    east = installation.east
    with installation.session() as session:
        still = "SELECT max(id) FROM visit WHERE id = ANY(:ids) AND state IN ('open', 'planned')"
        visit_id = session.scalar(text(still), {"ids": list(east.waiting)})
        booked = """
            SELECT DISTINCT t.name FROM assignment a JOIN technician t ON t.id = a.technician_id
            WHERE a.visit_id <> :visit AND a.state IN ('planned', 'accepted')
            AND a.during && tstzrange(:at - interval '30 min', :at + interval '90 min')"""
        busy = set(
            session.scalars(text(booked), {"visit": visit_id, "at": clock.instant(east.today, time(15), east.zone)})
        )
    box, name = next(who for who in reversed(east.people) if who[1] not in busy)
    page = sit_down("omar", java_script_enabled=False).open(f"/board/visits/{visit_id}")
    page.get_by_label("Who goes").select_option(label=name)
    page.get_by_label("Starts").fill(east.at(15))
    page.get_by_role("button", name=re.compile("^(Book|Move)$")).click()
    expect(page.get_by_text("Booked.")).to_be_visible()

    page = sit_down(box, viewport=PHONE, java_script_enabled=False).open("/my/day")
    page.get_by_role("button", name="On my way").click()
    expect(page.get_by_text("Have a safe trip.")).to_be_visible()
    page.get_by_role("button", name="Arrived").click()
    expect(page.get_by_text("Arrival kept.")).to_be_visible()
    page.get_by_role("link", name="Could not do").click()
    page.get_by_label("Nobody was there").check()
    page.get_by_label("In your words").fill("Rang twice, called once")
    page.locator("main").get_by_role("button").last.click()
    page.wait_for_url("**/my/day")
