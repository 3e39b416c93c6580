"""The search field: a page without script, a list while one types with it, and only what one may see."""

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest

from dispatch.workforce.models import Territory
from tests.factories import make_customer, make_job, make_site
from tests.web.browser import Browser, bars_of
from tests.web.conftest import Site
from tests.web.world import Day, make_day

SignIn = Callable[[str], Browser]
TYPED = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def hale(site: Site) -> dict[str, int]:
    """A customer with a job in the North, and one in the South."""
    with site.session() as session:
        north, south = session.get_one(Territory, site.north_id), session.get_one(Territory, site.south_id)
        customer = make_customer(session, name="Hale Dental", phone="+49 30 555 0123")
        job = make_job(session, site=make_site(session, customer=customer, territory=north), title="Boiler leaks")
        far = make_customer(session, name="Hale Far Away", phone="+49 30 777 0123")
        make_job(session, site=make_site(session, customer=far, territory=south), title="Boiler far away")
        return {"customer": customer.id, "job": job.id}


def test_words_find_what_is_in_reach_and_lead_there(client_for: SignIn, hale: dict[str, int]) -> None:
    dispatcher = client_for("dispatcher")
    page = dispatcher.get("/search?q=boiler")
    assert f"/jobs/{hale['job']}" in page.links
    assert "far away" not in page.text.lower()
    assert f"/customers/{hale['customer']}" in dispatcher.get("/search?q=hale+dental").links


def test_the_list_while_typing_is_the_same_without_the_frame(client_for: SignIn, hale: dict[str, int]) -> None:
    answer = client_for("dispatcher").client.get("/search?q=boiler", headers=TYPED)
    assert f'href="/jobs/{hale["job"]}"' in answer.text
    assert "<html" not in answer.text


def test_a_number_that_calls_opens_the_caller_on_enter_only(client_for: SignIn, hale: dict[str, int]) -> None:
    client = client_for("dispatcher").client
    assert client.get("/search?q=030+5550123").location == f"/customers/{hale['customer']}"
    assert client.get("/search?q=030+5550123", headers=TYPED).status_code == 200
    assert client.get("/search?q=030+5559999").status_code == 200


def test_pages_and_actions_are_found_by_name_as_far_as_one_may_open_them(client_for: SignIn) -> None:
    assert "/jobs/new" in client_for("dispatcher").get("/search?q=new").links
    assert "/jobs/new" not in client_for("administrator").get("/search?q=new").links
    assert "Nothing was found" in client_for("manager").get("/search?q=qqqqqq").text


def test_technicians_have_no_search_over_others(client_for: SignIn) -> None:
    assert client_for("technician").client.get("/search?q=hale").status_code == 403


@pytest.mark.parametrize("words", ["<script>alert(1)</script>", "%25", "a" * 5_000, "☃", "' or 1=1 --"])
def test_any_words_are_answered(client_for: SignIn, words: str) -> None:
    page = client_for("dispatcher").get(f"/search?q={words}")
    assert "<script>alert" not in page.html


def test_a_list_cut_short_says_so_and_leads_to_all(client_for: SignIn, site: Site) -> None:
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        for place in ("porch", "shed", "garage", "chapel", "barn", "gable", "dormer"):
            make_job(session, site=make_site(session, territory=north), title=f"Gutter {place}")
    page = client_for("dispatcher").get("/search?q=gutter")
    assert "6 shown, and there are more" in page.text
    assert "/jobs?q=gutter" in page.links
    assert "there are more" not in client_for("dispatcher").get("/search?q=gutter+chapel").text


@pytest.fixture
def day(site: Site) -> Day:
    """Give a day of its own."""
    with site.session() as session:
        return make_day(session, session.get_one(Territory, site.north_id))


def ordered(browser: Browser, day: Day, words: str, visit: int | None = None) -> str:
    """Return what is offered for words typed with a visit selected on the board."""
    chosen = f"&sel={visit or day.waiting_visit}&date={day.on}"
    answer = browser.client.get(f"/search?q={quote(words)}{chosen}", headers=TYPED)
    assert answer.status_code == 200
    return answer.text


def test_a_booking_is_typed_for_the_visit_that_is_selected(client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    verdicts = dispatcher.data(f"/board/visits/{day.waiting_visit}/verdicts?date={day.on}")
    best = verdicts["places"][0]
    for words in ("book best", "Book 1", "assign 1"):
        told = ordered(dispatcher, day, words)
        assert f'name="technician_id" value="{best["technician_id"]}"' in told, words
        assert best["words"].split(",")[0] in told, "the words of the answer on the board"
    told = ordered(dispatcher, day, "book ben cole")
    assert f'name="technician_id" value="{day.ben}"' in told
    assert f'name="technician_id" value="{day.ben}"' in ordered(dispatcher, day, "book ben kole"), "spelled nearly so"
    # With a time it is judged by every rule before it is offered, and taken by the service of the board.
    page = dispatcher.get(f"/search?q=book+ben+13:00&sel={day.waiting_visit}&date={day.on}")
    assert "13:00 to" in page.text
    dispatcher.send({}, action=f"/board/visits/{day.waiting_visit}/book")
    booked = dispatcher.data(f"/board/data?date={day.on}")
    assert [bar["technician_id"] for bar in bars_of(booked) if bar["visit_id"] == day.waiting_visit] == [day.ben]


def test_what_cannot_be_booked_is_told_in_the_words_of_the_rules(client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    told = ordered(dispatcher, day, "book ana 10:30")
    assert "data-command" not in told
    assert "Ana Ruiz is booked" in told
    assert "Nobody of that day is called so" in ordered(dispatcher, day, "book zzzz")
    assert "Select a job on the board first" in dispatcher.client.get("/search?q=book+ana", headers=TYPED).text
    assert "data-command" not in ordered(dispatcher, day, "book best", visit=999_999)
    assert "book" in client_for("manager").client.get("/search?q=book+best", headers=TYPED).text


def test_what_one_worked_on_last_comes_first(client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get("/board")
    dispatcher.post(f"/board/visits/{day.booked_visit}/pin")
    told = dispatcher.client.get("/search", headers=TYPED).text
    assert told.index("What you worked on last") < told.index(f"/jobs/{day.booked_job}") < told.index("Pages")
    found = dispatcher.client.get("/search?q=boiler+leaks", headers=TYPED).text
    first = re.findall(r"/jobs/(\d+)", found)[0]
    assert int(first) == day.booked_job


def test_names_of_pages_may_be_spelled_nearly_so(client_for: SignIn) -> None:
    assert "/customers/new" in client_for("dispatcher").get("/search?q=new+custommer").links
