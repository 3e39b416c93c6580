"""The board with 500 people and 5,000 visits stays inside its budgets of bytes, elements and statements.

Times are shown by ``python -m benchmarks.board_page``; what is here repeats exactly and fails the build.
"""

import gzip
import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from benchmarks import large_board
from dispatch import frontend
from dispatch.app import create_app
from dispatch.core import clock
from dispatch.core.config import Settings
from dispatch.core.db import make_engine, make_sessions
from dispatch.demo.people import MAIL, PASSWORD, SIGN_INS
from tests.conftest import statements
from tests.web.browser import Browser, bars_of
from tests.web.conftest import Site

KB = 1000
MOST_ELEMENTS, MOST_PAGE = 3000, 170 * KB


@pytest.fixture(scope="module")
def large(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give an application with the large day."""
    owner = make_engine(module_database_url)
    with make_sessions(owner)() as session, session.begin():
        large_board.load(session, now=clock.now())
    owner.dispose()
    engine = make_engine(module_database_url, role="dispatch_app", pool_size=4)
    app = create_app(
        Settings(
            database_url=module_database_url,
            data_dir=Path(tmp_path_factory.mktemp("data")),
            secret_key="not a secret, only for the tests of this module",
            mail_backend="locmem",
        ),
        engine=engine,
        TESTING=True,
    )
    yield Site(app=app, engine=engine)
    app.extensions["dispatch_streams"].close()
    engine.dispose()


@pytest.fixture
def dispatcher(large: Site) -> Browser:
    """Give a browser of somebody who sees all territories."""
    browser = large.browser()
    browser.sign_in(SIGN_INS["dispatcher"] + MAIL, PASSWORD)
    return browser


def fetched(dispatcher: Browser, path: str) -> str:
    """Return a page as it is sent; the careful reading of tests/web/test_board.py would take minutes at this size."""
    answer = dispatcher.client.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.mark.parametrize("query", ["", "?show=on_track", "?queue=all", "?people=250", "?territory=1"])
def test_a_page_of_the_board_is_small_whatever_the_day(large: Site, dispatcher: Browser, query: str) -> None:
    with statements(large.engine) as sent:
        page = fetched(dispatcher, f"/board{query}")
    assert len(re.findall("<[a-z]", page)) <= MOST_ELEMENTS
    assert len(page.encode()) <= MOST_PAGE, "pages are sent as they are, see dispatch/app.py"
    assert sent.count <= 14


def test_a_very_long_queue_says_how_long_it_is_and_where_the_rest_is(dispatcher: Browser) -> None:
    page = fetched(dispatcher, "/board?queue=all")
    assert page.count("data-queue-visit=") == 100
    total = len(dispatcher.data("/board/data")["queue"])
    assert f"The most urgent 100 of {total}." in page
    assert 'href="/jobs?state=open"' in page


def test_the_first_load_is_small(dispatcher: Browser) -> None:
    frontend.install()
    frontend.build()
    page = len(fetched(dispatcher, "/board").encode())
    names = ("app.js", "board.js", "app.css", "board.css")
    paths = [*(frontend.DIST / name for name in names), *frontend.DIST.glob("chunk-*.js")]
    assert page + sum(len(gzip.compress(path.read_bytes(), 6)) for path in paths) <= 250 * KB


def test_the_data_is_small_and_asked_in_few_statements(large: Site, dispatcher: Browser) -> None:
    with statements(large.engine) as sent:
        answer = dispatcher.client.get("/board/data", headers={"Accept-Encoding": "gzip"})
    assert len(answer.data) <= 230 * KB
    assert answer.headers["Content-Encoding"] == "gzip"
    assert sent.count <= 14
    day = dispatcher.data("/board/data")
    assert len(day["technicians"]) == large_board.TECHNICIANS
    with large.session() as session:
        live = "SELECT count(*) FROM assignment WHERE state NOT IN ('declined', 'cancelled', 'not_done')"
        assert len(bars_of(day)) == session.scalar(text(live)) > 4500


def test_the_list_goes_on_where_its_page_ended(dispatcher: Browser) -> None:
    people = {str(person["id"]) for person in dispatcher.data("/board/data")["technicians"]}
    seen: list[str] = []
    path = "/board"
    for _ in range(3):
        page = fetched(dispatcher, path)
        seen += re.findall(r'aria-labelledby="person-(\d+)"', page)
        path = html.unescape(re.findall(r'rel="next" href="([^"]+)"', page)[-1])
    last = fetched(dispatcher, "/board?people=500")
    assert 'rel="next"' not in last
    assert re.findall(r'aria-labelledby="person-(\d+)"', last)
    assert len(seen) == len(set(seen)) >= 9
    assert set(seen) < people
    assert f"people={len(seen) + 1}" in path


def test_paper_holds_everybody_and_every_territory(dispatcher: Browser) -> None:
    sheets = fetched(dispatcher, "/board/print")
    assert sheets.count('class="print-page"') == large_board.TECHNICIANS
    assert "+44 1632 960" in sheets
    by_territory = fetched(dispatcher, "/board/print?by=territory")
    assert by_territory.count('class="print-page"') == len(large_board.TERRITORIES)
