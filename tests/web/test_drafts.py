"""Later days on the board: kept as a draft, looked at, published or taken back."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from dispatch.jobs.models import Visit
from dispatch.messages.models import Message, MessageState
from dispatch.planning.draft_models import DraftChange
from dispatch.web import drafts
from dispatch.workforce.models import Shift, Territory
from tests.web.browser import Browser, Page, bars_of
from tests.web.conftest import Site
from tests.web.world import Day, make_day

SignIn = Callable[[str], Browser]


@pytest.fixture
def day(site: Site) -> Day:
    """Give a day of its own."""
    with site.session() as session:
        session.query(DraftChange).delete()
        return make_day(session, session.get_one(Territory, site.north_id))


def move(dispatcher: Browser, day: Day) -> Any:
    """Book the waiting visit for Ben at noon, as the board does."""
    fields = {"visit_id": day.waiting_visit, "technician_id": day.ben, "start": day.at(12).isoformat()}
    headers = {"Accept": "application/json", "X-CSRFToken": dispatcher.token()}
    return dispatcher.client.post(f"/board/move?date={day.on}", data=fields, headers=headers)


def decide(dispatcher: Browser, day: Day, what: str, seen: list[str]) -> str:
    """Publish or take back, and return what the next page says."""
    address = dispatcher.post(f"/board/draft/{what}", {"seen": seen, "date": str(day.on)})
    assert isinstance(address, str)
    return dispatcher.get(address).text


def ticked(page: Page) -> list[str]:
    return re.findall(r'name="seen" value="(\d+:\d+)"', page.html)


def waiting_messages(site: Site, day: Day) -> int:
    with site.session() as session:
        query = select(Message.id).where(
            Message.state == MessageState.HELD, Message.technician_id.in_([day.ana, day.ben])
        )
        return len(session.scalars(query).all())


def test_a_booking_of_a_later_day_is_marked_and_told_to_nobody(client_for: SignIn, site: Site, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    answer = move(dispatcher, day)
    assert "Nobody is told until that day is published." in answer.json["message"]
    bars = [
        bar for bar in bars_of(dispatcher.data(f"/board/data?date={day.on}")) if bar["visit_id"] == day.waiting_visit
    ]
    assert [bar["drafted"] for bar in bars] == [True]
    assert waiting_messages(site, day) == 0
    board = dispatcher.get(f"/board?date={day.on}")
    assert "1 change of this day is not published" in board.text
    assert "Not published" in board.text
    assert "is not published" in dispatcher.get(f"/disruptions/alerts?date={day.on}", part=True).text
    assert "Not published: changes of later days" in dispatcher.get("/loose-ends?whose=all").text


def test_it_is_looked_at_and_published(client_for: SignIn, site: Site, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    move(dispatcher, day)
    page = dispatcher.get(f"/board/draft?date={day.on}")
    assert "nobody" in page.text
    assert "Ben Cole" in page.text
    assert "1 technician gets one message." in page.text
    assert "Ben Cole" in dispatcher.get(f"/board/draft/messages?date={day.on}").text
    assert waiting_messages(site, day) == 0, "reading sends nothing"
    page = dispatcher.get(f"/board/draft?date={day.on}")
    done = decide(dispatcher, day, "publish", ticked(page))
    assert "1 change is published." in done
    assert waiting_messages(site, day) == 1
    assert "Nothing of this day waits" in dispatcher.get(f"/board/draft?date={day.on}").text
    again = decide(dispatcher, day, "publish", ticked(page))
    assert "Nothing of it waits any more: it was published or taken back since you looked." in again
    assert waiting_messages(site, day) == 1, "sent twice it is told once"


def test_a_list_cut_short_says_how_many_more_there_are(
    client_for: SignIn, day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = client_for("dispatcher")
    move(dispatcher, day)
    assert "when these are done" not in dispatcher.get(f"/board/draft?date={day.on}").text
    dispatcher.post(f"/board/visits/{day.booked_visit}/unassign", {"date": str(day.on)})
    monkeypatch.setattr(drafts, "MOST", 1)
    page = dispatcher.get(f"/board/draft?date={day.on}")
    assert len(ticked(page)) == 1
    assert "1 more change comes when these are done." in page.text


def test_it_is_taken_back(client_for: SignIn, site: Site, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    move(dispatcher, day)
    page = dispatcher.get(f"/board/draft?date={day.on}")
    done = decide(dispatcher, day, "take-back", ticked(page))
    assert "1 change is taken back." in done
    with site.session() as session:
        assert session.scalars(select(DraftChange.crew_slot_id)).all() == []
        assert session.get_one(Visit, day.waiting_visit).state == "open"
    assert waiting_messages(site, day) == 0


def test_what_does_not_fit_any_more_is_listed_and_not_ticked(client_for: SignIn, site: Site, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    move(dispatcher, day)
    with site.session() as session:
        session.scalars(select(Shift).where(Shift.technician_id == day.ben)).one().cancelled = True
    page = dispatcher.get(f"/board/draft?date={day.on}")
    assert "Does not fit any more (1)" in page.text
    assert "no shift" in page.text
    assert "checked" not in page.html.split('name="seen"')[1].split(">")[0]
    assert "0 technicians get one message each." in page.text, "what is not ticked is told to nobody"
    refused = decide(dispatcher, day, "publish", ticked(page))
    assert "Nothing is published yet" in refused
    assert "Read the messages" in page.text
    assert "Nobody has to be told" in dispatcher.get(f"/board/draft/messages?date={day.on}").text


@pytest.mark.parametrize("seen", ["", "x:1", "1", "1:x", "999999999999:1", "4:-1", "٣:1"])
def test_bad_input_is_said_so(client_for: SignIn, day: Day, seen: str) -> None:
    told = decide(client_for("dispatcher"), day, "publish", [seen] if seen else [])
    assert "Choose at least one change." in told or "This is no change of the draft." in told


def test_another_territorys_visit_is_not_there(client_for: SignIn, site: Site, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    move(dispatcher, day)
    seen = ticked(dispatcher.get(f"/board/draft?date={day.on}"))
    with site.session() as session:
        session.get_one(Visit, day.waiting_visit).territory_id = site.south_id
    dispatcher.post("/board/draft/publish", {"seen": seen, "date": str(day.on)}, status=404)
    with site.session() as session:
        assert len(session.scalars(select(DraftChange.crew_slot_id)).all()) == 1


@pytest.mark.parametrize("by", ["person", "territory"])
def test_paper_says_what_is_not_published(client_for: SignIn, day: Day, by: str) -> None:
    dispatcher = client_for("dispatcher")
    address = f"/board/print?date={day.on}&by={by}"
    assert "ot published" not in dispatcher.get(address).text
    move(dispatcher, day)
    page = dispatcher.get(address).text
    assert "1 change of this day is not published: who goes does not know of it yet." in page
    assert "Not published" in page
