"""The own inventory on a phone: every change is worth a few taps, counted here."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from sqlalchemy.dialects.postgresql import Range

from dispatch.core import clock
from dispatch.planning.models import AssignmentState
from dispatch.skills.models import DocumentState
from dispatch.workforce.models import Technician, Territory
from tests import factories as make
from tests.e2e.conftest import DESK, PHONE, Installation, SitDown
from tests.e2e.looking import NARROWEST, overflow, turning, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SHOTS = os.environ.get("DISPATCH_TEST_SHOTS")


class Taps:
    """Counts what a person does; typing a value counts as one."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def tap(self, what: Locator) -> None:
        what.click()
        self.count += 1

    def press(self, what: Locator) -> None:
        what.focus()
        self.page.keyboard.press("Enter")
        self.count += 1

    def type(self, what: Locator, words: str) -> None:
        what.fill(words)
        self.count += 1


def look(page: Page, name: str) -> None:
    """Check what every state of every page is checked for; keep a picture where one is asked for."""
    assert violations(page) == [], name
    assert overflow(page) == [], name
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def with_work(installation: Installation) -> None:
    """Give Ben six finished visits with a skill nobody has spoken about, and put some into the catalogue to claim."""
    now = clock.now()
    with installation.session() as session:
        ben = session.get_one(Technician, installation.east.ben)
        east = session.get_one(Territory, installation.east.territory)
        trade = make.make_skill(session, name="Heat of the East", assignable=False)
        pumps = make.make_skill(session, name="Heat pump commissioning", code="east.pumps", parent_id=trade.id)
        make.make_skill(session, name="Heat exchanger cleaning", code="east.exchangers", parent_id=trade.id)
        make.make_skill(
            session,
            name="Sprinkler tank inspection",
            code="east.tanks",
            parent_id=trade.id,
            level_anchors={"3": "inspects tanks of any size alone"},
        )
        site = make.make_site(session, territory=east)
        for days in (200, 150, 100, 60, 40, 20):
            start = now - timedelta(days=days)
            make.make_assignment(
                session,
                visit=make.make_visit(session, job=make.make_job(session, site=site), needs={pumps: 2}),
                technician=ben,
                state=AssignmentState.DONE,
                during=Range(start, start + timedelta(hours=1)),
            )


def photo_of_a_paper(folder: Path) -> Path:
    """Take a photo as large as phones take them."""
    path = folder / "IMG_2041.jpg"
    Image.effect_noise((3000, 2000), 60).convert("RGB").save(path, quality=92)
    return path


@pytest.mark.parametrize(("by", "viewport"), [("taps", NARROWEST), ("keys", DESK)])
def test_a_certificate_is_five_steps_from_the_page_to_the_manager(
    installation: Installation, sit_down: SitDown, tmp_path: Path, by: str, viewport: dict[str, int]
) -> None:
    """Task 10, on the narrowest phone and by keys alone."""
    name = f"Lift permit of the East by {by}"
    with installation.session() as session:
        kind = make.make_certification_kind(session, name=name, issuer="Lift Board")
        site = make.make_site(session, territory=session.get_one(Territory, installation.east.territory))
        make.make_visit(session, job=make.make_job(session, site=site), certifications=(kind,), state="cancelled")
    page = sit_down("ben", viewport=viewport).open("/my/skills")
    taps = Taps(page)
    go = taps.tap if by == "taps" else taps.press
    with turning(page):
        go(page.get_by_role("link", name=f"Add {name}"))
    look(page, f"light-certificate-{by}")
    chosen = photo_of_a_paper(tmp_path)
    page.get_by_label("Photo of it").set_input_files(chosen)
    taps.count += 1
    page.wait_for_function("() => document.querySelector('[name=photo]').files[0].size < 3_000_000")
    taps.type(page.get_by_label("Number"), "L-2041")
    taps.type(page.get_by_label("Last valid day"), (clock.now().date() + timedelta(days=500)).isoformat())
    go(page.get_by_role("button", name="Hand it in"))
    expect(page.get_by_text("Handed in. It counts as soon as")).to_be_visible()
    assert taps.count <= 5
    look(page, f"light-handed-in-{by}")
    page.emulate_media(color_scheme="dark")
    page.goto(f"{installation.address}/my/skills/certificates/new")
    page.get_by_label("Photo of it").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"<svg/>"})
    page.get_by_role("button", name="Hand it in").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_contain_text("Enter the number.")
    look(page, f"dark-certificate-refused-{by}")

    manager = sit_down("mira").open(f"/people/{installation.east.ben}?open={installation.east.skill}")
    expect(manager.get_by_text("the level by").first).to_be_visible()
    look(manager, f"light-person-{by}")
    manager.get_by_role("link", name=f"Photo {name}").click()
    size = manager.evaluate("() => [document.images[0].naturalWidth, document.images[0].naturalHeight]")
    assert max(size) <= 2000
    assert size[0] == pytest.approx(1.5 * size[1], rel=0.01)
    assert size[1] >= 800, "what stands on a paper can be read"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_claiming_wishing_and_seeing_differently_on_a_phone(
    installation: Installation, sit_down: SitDown, scheme: str
) -> None:
    if scheme == "light":
        with_work(installation)
    page = sit_down("ben", viewport=PHONE, color_scheme=scheme).open("/my/skills")
    look(page, f"{scheme}-skills")
    if scheme == "dark":
        for name, query in (("found", "words=heat"), ("levels", "words=sprinkler+tank")):
            page.goto(f"{installation.address}/my/skills/claim?{query}")
            look(page, f"dark-claim-{name}")
        return

    taps = Taps(page)
    expect(page.get_by_text("6 visits with Heat pump commissioning since")).to_be_visible()
    taps.tap(page.get_by_role("button", name="Add Heat pump commissioning"))
    expect(page.get_by_text("Added: Heat pump commissioning, level 2.")).to_be_visible()
    assert taps.count == 1

    taps = Taps(page)
    taps.type(page.get_by_label("Add a skill in your own words"), "heat exchangr")
    taps.tap(page.get_by_role("button", name="Find it"))
    look(page, "light-claim-found")
    chosen = page.get_by_role("heading", level=1)
    if chosen.inner_text() != "Heat exchanger cleaning":
        taps.tap(page.get_by_role("link", name="Heat exchanger cleaning"))
    look(page, "light-claim-levels")
    taps.tap(page.get_by_role("button", name="does standard work alone"))
    expect(page.get_by_text("Noted. Your manager can confirm it")).to_be_visible()
    expect(page.get_by_role("heading", name="Heat exchanger cleaning")).to_be_visible()
    assert taps.count <= 4

    card = page.locator("li.card", has=page.get_by_role("heading", name="Gas boilers of the East"))
    taps = Taps(page)
    taps.tap(card.get_by_role("button", name="Still true"))
    expect(page.get_by_text("Thank you, noted")).to_be_visible()
    assert taps.count == 1
    taps.tap(card.get_by_role("button", name="More"))
    expect(page.get_by_text("Noted: you would like more of it.")).to_be_visible()
    assert taps.count == 2
    expect(card.get_by_role("button", name="More")).to_have_attribute("aria-pressed", "true")

    taps = Taps(page)
    taps.tap(card.get_by_role("link", name="What is it based on"))
    expect(card.get_by_text("the level by").first).to_be_visible()
    assert taps.count == 1
    look(page, "light-opened")
    card.get_by_role("link", name="I see it differently: Gas boilers").click()
    expect(page.get_by_text("answers by")).to_be_visible()
    look(page, "light-contest")
    page.set_viewport_size(NARROWEST)  # type: ignore[arg-type]  # a dictionary of the right keys
    assert overflow(page) == []


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "dark"), (DESK, "light")])
def test_the_queue_takes_one_click_to_approve_and_two_to_give_back(
    installation: Installation, sit_down: SitDown, viewport: dict[str, int], scheme: str
) -> None:
    with installation.session() as session:
        ben = session.get_one(Technician, installation.east.ben)
        kind = make.make_certification_kind(session, name=f"Crane permit, {scheme}")
        make.make_certification(session, technician=ben, kind=kind, state=DocumentState.CLAIMED, imported=False)
        for level, name in ((3, "Crane repair"), (5, "Crane rescue")):
            skill = make.make_skill(session, name=f"{name}, {scheme}", parent_id=make.make_skill(session).id)
            make.make_evidence(
                session,
                technician=ben,
                skill=skill,
                source="self_claim",
                facts={"level": level, "words": "cranes of all kinds"},
                at=clock.now() - timedelta(days=1),
                recorded_by_id=ben.user_id,
            )
    page = sit_down("mira", viewport=viewport, color_scheme=scheme).open("/approvals")
    look(page, f"{scheme}-approvals")
    for what in (f"Approve: Ben Oduya, Crane repair, {scheme}", f"Confirm: Ben Oduya, Crane permit, {scheme}"):
        clicks = Taps(page)
        clicks.tap(page.get_by_role("button", name=what))
        expect(page.get_by_role("button", name=what)).to_have_count(0)
        assert clicks.count == 1
    back = page.get_by_role("button", name=f"Give back: Ben Oduya, Crane rescue, {scheme}")
    back.click()
    expect(page.get_by_text("Say why, so that they know what would help.")).to_be_visible()
    look(page, f"{scheme}-approvals-refused")
    clicks = Taps(page)
    clicks.type(page.get_by_label(f"Why it goes back: Ben Oduya, Crane rescue, {scheme}"), "Show me once")
    clicks.tap(back)
    expect(back).to_have_count(0)
    assert clicks.count == 2
    page = sit_down("ben", viewport=PHONE, color_scheme=scheme).open("/my/skills")
    expect(page.get_by_text("Show me once").first).to_be_visible()
    look(page, f"{scheme}-given-back")
