"""Planning runs as a dispatcher sees them: start, watch, compare, publish, take back."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select

from dispatch.accounts.access import SYSTEM
from dispatch.core import clock
from dispatch.core.db import make_sessions
from dispatch.jobs.models import Job, Visit
from dispatch.jobs.models import Site as Place
from dispatch.planning.models import Plan, PlanUnserved, RequestState
from dispatch.planning.service import request_plan
from dispatch.planning.solving import Run, run_request
from dispatch.planning.supervising import Limits
from dispatch.web.plan_words import progress_words
from dispatch.workforce.models import Territory
from tests.factories import make_job, make_visit
from tests.web.browser import Browser, bars_of
from tests.web.conftest import Site
from tests.web.world import Day, make_day

SignIn = Callable[[str], Browser]


@pytest.fixture(scope="module")
def day(site: Site) -> Day:
    """Give a day with one booked and one waiting visit."""
    with site.session() as session:
        return make_day(session, session.get_one(Territory, site.north_id))


def solve(site: Site, request_id: int) -> None:
    """Do what the worker does."""
    run_request(
        Run(
            sessions=make_sessions(site.engine),
            request_id=request_id,
            limits=Limits(grace_s=60.0, memory_mb=2000),
            give_up=threading.Event(),
        )
    )


def test_a_run_is_watched_compared_published_and_taken_back(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/board?date={day.on}")
    where = str(dispatcher.send({}, button="Plan this day"))
    page = dispatcher.get(where)
    assert "Waiting for a free worker" in page.text
    request_id = int(where.split("/")[2])
    assert dispatcher.data(f"/plans/{request_id}/progress")["done"] is False
    solve(site, request_id)
    assert dispatcher.data(f"/plans/{request_id}/progress")["done"] is True
    page = dispatcher.get(where)
    for words in (
        "Nearest qualified first",
        "2 promises kept",
        "Promises broken 1 0",
        "Visits nobody has 1 0",
        "1 new",
        "None: everybody is served.",
    ):
        assert words in page.text
    review = where.replace("/run", "/publish")
    page = dispatcher.get(review)
    for words in (
        "Published and proposed",
        "1 technician gets one message.",
        "Somebody goes now (1)",
        "Radiator cold Hale Dental nobody Ana Ruiz",
    ):
        assert words in page.text
    assert "Nothing of this kind changes" in dispatcher.get(f"{review}?only=promises").text
    (messages,) = [link for link in page.links if "/outbox/plans/" in link]
    told = dispatcher.get(messages).text
    assert "Technicians told: 1. Customers told: 0." in told
    assert "New: Radiator cold" in told
    dispatcher.get(review)
    dispatcher.send({}, button="Publish")
    page = dispatcher.get(where)
    assert "Published: 1 newly assigned" in page.text
    assert "Radiator cold" in dispatcher.get(f"/board?date={day.on}").text
    assert "data-queue-none>Everything of this day has somebody." in dispatcher.get(f"/board?date={day.on}").html
    assert "Published" in dispatcher.get("/plans").text
    dispatcher.get(f"/board?date={day.on}")
    dispatcher.send({}, action="/steps/undo")
    assert "data-queue-none hidden>" in dispatcher.get(f"/board?date={day.on}").html
    with site.session() as session:
        plan = session.scalars(select(Plan).where(Plan.plan_request_id == request_id)).one()
        site_id = session.get_one(Job, day.waiting_job).site_id
        job = make_job(session, site=session.get_one(Place, site_id), title="Attic fan", priority=1)
        reasons = [{"code": "displaced", "params": {"people": 2}}]
        session.add(PlanUnserved(plan_id=plan.id, visit_id=make_visit(session, job=job).id, reasons=reasons))
    page = dispatcher.get(where)
    assert "1 Somebody could do it, but their day is full (1 urgent)" in page.text
    assert "Attic fan" not in page.text
    page = dispatcher.get(f"{where}?left_out=displaced")
    for words in (
        "Attic fan",
        "2 people could do it, but their day is full.",
        "1 to 1 of 1 visits",
        "What would change it",
    ):
        assert words in page.text


def test_a_run_can_be_called_off_and_not_be_published_twice(client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get("/plans/new")
    assert "Choose at least one" in dispatcher.send({"territories": [], "days": "99"}, button="Start", status=422).text
    dispatcher.get("/plans/new")
    where = str(dispatcher.send({"first_day": day.on.isoformat(), "days": "1", "seconds": "5"}, button="Start"))
    dispatcher.get(where)
    dispatcher.send({}, button="Call off")
    assert "Called off" in dispatcher.get(where).text
    dispatcher.post(where.replace("/run", "/publish"), status=409)
    dispatcher.get(where)
    again = dispatcher.get(str(dispatcher.send({}, button="Plan these days again")))
    assert "Waiting for a free worker" in again.text
    assert "of about 5 s" in again.text
    dispatcher.send({}, button="Call off")


def test_what_changed_since_the_run_blocks_until_it_was_seen_and_can_be_planned_anew(
    site: Site, client_for: SignIn, day: Day
) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/board?date={day.on}")
    where = str(dispatcher.send({}, button="Plan this day"))
    solve(site, int(where.split("/")[2]))
    review = where.replace("/run", "/publish")
    page = dispatcher.get(review)
    assert "Changed since the run" not in page.text
    with site.session() as session:
        session.get_one(Visit, day.waiting_visit).version += 1
    assert str(dispatcher.send({}, button="Publish")).endswith(review)
    page = dispatcher.get(review)
    for words in (
        "More was changed since you looked",
        "Changed since the run (1)",
        "Radiator cold",
        "Publish the rest",
    ):
        assert words in page.text
    again = str(dispatcher.send({}, button="Re-run with changes"))
    assert "Waiting for a free worker" in dispatcher.get(again).text
    dispatcher.send({}, button="Call off")
    dispatcher.get(review)
    dispatcher.send({}, button="Publish the rest")
    assert "1 visit was changed by somebody meanwhile" in dispatcher.get(where).text
    assert "published or set aside already" in dispatcher.get(review, 409).text


def test_progress_says_how_much_may_be_left_to_gain() -> None:
    line = {"elapsed_s": 3.0, "phase": "improve", "cost": 60_000, "unserved": 1, "late": 0}
    words = progress_words(RequestState.RUNNING, [line], None, 20.0)
    assert (words["bound"], words["bound_words"]) == (None, "not known yet")
    words = progress_words(RequestState.RUNNING, [{**line, "bound": 45_000, "gap_percent": 25.0}], None, 20.0)
    assert (words["bound"], words["bound_words"]) == (45_000, "750 min, so at most 25.0 % are left to gain")


def test_a_run_of_another_territory_is_not_there(client_for: SignIn, site: Site, day: Day) -> None:
    with site.session() as session:
        far = request_plan(session, scope=[(site.south_id, day.on)], actor=SYSTEM, now=clock.now(), time_limit_s=5).id
    dispatcher = client_for("dispatcher")
    for each in (far, 999_999):
        assert "There is nothing at this address" in dispatcher.get(f"/plans/{each}/run", 404).text
    assert f"/plans/{far}/" not in dispatcher.get("/plans").html
    assert "You need permission" in client_for("technician").get("/plans", 403).text


def test_one_change_is_taken_over_alone_and_the_rest_stays_a_proposal(site: Site, client_for: SignIn) -> None:
    with site.session() as session:
        day = make_day(session, session.get_one(Territory, site.north_id))
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/board?date={day.on}")
    where = str(dispatcher.send({}, button="Plan this day"))
    solve(site, int(where.split("/")[2]))
    review = where.replace("/run", "/publish")
    assert "Only this" in dispatcher.get(review).text
    accept = where.replace("/run", "/accept")
    page = dispatcher.get(str(dispatcher.post(accept, {"visit": day.waiting_visit})))
    assert "Taken over. The rest of the plan is as it was." in page.text
    assert "Nobody is told until that day is published." in page.text
    board = bars_of(dispatcher.data(f"/board/data?date={day.on}"))
    assert [bar["drafted"] for bar in board if bar["visit_id"] == day.waiting_visit] == [True]
    # It is as the plan says now, so publishing the plan tells of it and asks nothing more.
    for wrong, status in (("", 422), ("x", 422), ("999999", 303), (str(2**40), 422)):
        dispatcher.post(accept, {"visit": wrong}, status=status)
    dispatcher.get(review)
    dispatcher.send({}, button="Publish")
    assert "Nothing of this day waits" in dispatcher.get(f"/board/draft?date={day.on}").text
