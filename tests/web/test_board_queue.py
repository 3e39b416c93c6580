"""The queue of a full day: the most urgent first, the true number, and a way to the rest."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.dialects.postgresql import Range

from dispatch.web import board
from dispatch.workforce.models import Territory
from tests.factories import make_job, make_promise, make_site, make_visit
from tests.web.browser import Browser
from tests.web.conftest import Site
from tests.web.world import make_day


def test_a_long_queue_shows_its_most_urgent_and_how_many_there_are(
    site: Site, client_for: Callable[[str], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "QUEUE_SHOWN", 2)
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        day = make_day(session, north)
        for title in ("Gutter drips", "Lamp is out"):
            visit = make_visit(session, job=make_job(session, site=make_site(session, territory=north), title=title))
            make_promise(session, visit=visit, during=Range(day.at(10), day.at(16)))
    dispatcher = client_for("dispatcher")
    page = dispatcher.get(f"/board?date={day.on}")
    assert "The most urgent 2 of 3." in page.text
    assert page.html.count("data-queue-visit") == 2
    assert "Radiator cold" in page.text
    more = next(link for link in page.links if "queue=all" in link)
    page = dispatcher.get(more.partition("#")[0])
    assert page.html.count("data-queue-visit") == 3
    assert "The most urgent" not in page.text


def test_a_promise_of_another_day_says_of_which(site: Site, client_for: Callable[[str], Browser]) -> None:
    """What was promised for yesterday and still waits must not read as a promise of today."""
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        day = make_day(session, north)
        visit = make_visit(session, job=make_job(session, site=make_site(session, territory=north), title="Overdue"))
        make_promise(session, visit=visit, during=Range(day.at(10) - timedelta(days=1), day.at(12) - timedelta(days=1)))
        before = day.at(10) - timedelta(days=1)
    page = client_for("dispatcher").get(f"/board?date={day.on}&queue=all")
    card = page.text[page.text.index("Overdue") :][:200]
    assert f"promised {before:%a}" in card
