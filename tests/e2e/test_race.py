"""Two dispatchers want one gap at the same moment, twenty times: one has it, the other reads who and what is next."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from dispatch.accounts.access import SYSTEM
from dispatch.core import clock
from dispatch.planning.models import Assignment
from dispatch.planning.rows import live
from dispatch.planning.service import unassign_visit
from tests.e2e.conftest import Installation, SitDown
from tests.e2e.quay import DISPATCHERS, Quay

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROUNDS = 20
TAKE_AT = "(at) => setTimeout(() => document.querySelector('#board-panel .places button').click(), at - Date.now())"


def board(page: Page, address: str, day: str) -> Page:
    page.goto(f"{address}/board?date={day}")
    page.locator("#gantt.is-ready").wait_for()
    return page


def select_visit(page: Page, visit_id: int) -> str:
    """Select a visit and return its best place in words."""
    card = page.locator(f'[data-queue-visit="{visit_id}"] [data-select-visit]')
    card.click()
    first = page.locator(f'#board-panel form[data-visit="{visit_id}"] strong').first
    expect(first).to_be_visible()
    return first.inner_text()


def bookings(installation: Installation, quay: Quay) -> dict[int, tuple[int, object]]:
    with installation.session() as session:
        rows = session.execute(
            select(Assignment.visit_id, Assignment.technician_id, Assignment.during).where(
                Assignment.visit_id.in_(quay.racing), live()
            )
        ).all()
    return {row.visit_id: (row.technician_id, row.during.lower) for row in rows}


def test_of_two_who_want_one_gap_one_has_it_and_the_other_takes_the_next_best_with_one_key(
    installation: Installation, sit_down: SitDown, quay: Quay
) -> None:
    day = (quay.today + timedelta(days=1)).isoformat()
    pages = {box: board(sit_down(box).page, installation.address, day) for box in DISPATCHERS}
    wins = dict.fromkeys(DISPATCHERS, 0)
    for number in range(ROUNDS):
        wanted = {select_visit(page, visit) for page, visit in zip(pages.values(), quay.racing, strict=True)}
        assert len(wanted) == 1, "both want the same gap"
        at = pages["rita"].evaluate("Date.now() + 60")
        for page in pages.values():
            page.evaluate(TAKE_AT, at)
        refused = {box: page.locator(".toast.problem") for box, page in pages.items()}
        expect(refused["rita"].or_(pages["rita"].locator(".toast.good")).first).to_be_visible()
        expect(refused["sven"].or_(pages["sven"].locator(".toast.good")).first).to_be_visible()
        lost = [box for box, toast in refused.items() if toast.count()]
        assert len(lost) == 1, f"round {number}: one of two wins"
        [loser] = lost
        winner = next(box for box in DISPATCHERS if box != loser)
        wins[winner] += 1
        assert len(bookings(installation, quay)) == 1

        problem = refused[loser]
        expect(problem).to_contain_text(f"by {DISPATCHERS[winner]}")
        expect(problem).to_contain_text("Next best: ")
        expect(problem.get_by_role("button", name=re.compile("^Take "))).to_be_focused()
        pages[loser].keyboard.press("Enter")
        expect(pages[loser].locator(".toast.good").last).to_contain_text("Booked.")
        places = bookings(installation, quay)
        assert len(places) == len({*places.values()}) == 2

        with installation.session() as session:
            for visit in quay.racing:
                unassign_visit(session, visit_id=visit, actor=SYSTEM, now=clock.now())
        for page in pages.values():
            page.mouse.move(5, 5)  # nothing changes under the pointer
            page.evaluate("document.activeElement.blur()")
            expect(page.locator(f'[data-queue-visit="{quay.racing[0]}"]')).to_have_count(1)
            expect(page.locator(f'[data-queue-visit="{quay.racing[1]}"]')).to_have_count(1)
            for close in page.locator(".toast").get_by_role("button", name="Close").all():
                close.click()
            expect(page.locator(".toast")).to_have_count(0)
    assert sum(wins.values()) == ROUNDS
