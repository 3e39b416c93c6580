"""The search field: a page without script, a list while one types with it, and only what one may see."""

from collections.abc import Callable

import pytest

from dispatch.workforce.models import Territory
from tests.factories import make_customer, make_job, make_site
from tests.web.browser import Browser
from tests.web.conftest import Site

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
        for number in range(7):
            make_job(session, site=make_site(session, territory=north), title=f"Gutter {number}")
    page = client_for("dispatcher").get("/search?q=gutter")
    assert "6 shown, and there are more" in page.text
    assert "/jobs?q=gutter" in page.links
    assert "there are more" not in client_for("dispatcher").get("/search?q=gutter+3").text
