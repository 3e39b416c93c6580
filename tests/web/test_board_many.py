"""Several cards of the queue to their best places: proposed first, booked as one step, taken back as one."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from dispatch.core.models import AuditEvent
from dispatch.planning.models import RELEASED_STATES, Assignment
from dispatch.skills.models import Skill
from dispatch.workforce.models import Territory
from tests.factories import make_job, make_site, make_skill, make_visit
from tests.web.browser import Browser
from tests.web.conftest import Site
from tests.web.world import Day, make_day

SignIn = Callable[[str], Browser]


@pytest.fixture
def day(site: Site) -> Day:
    """Give a day of its own."""
    with site.session() as session:
        return make_day(session, session.get_one(Territory, site.north_id))


def waiting(site: Site, day: Day, crew: int = 1) -> int:
    """Make one more visit that waits, and that anybody of the day could take."""
    with site.session() as session:
        place = make_site(session, territory=session.get_one(Territory, site.north_id))
        job = make_job(session, site=place, title="Filter is dirty")
        needs = {session.get_one(Skill, day.skill): 2}
        return make_visit(session, job=job, needs=needs, duration_s=7_200, crew=crew).id


def holders(site: Site, visits: list[int]) -> int:
    """Count the live bookings of some visits."""
    with site.session() as session:
        live = Assignment.state.not_in(RELEASED_STATES)
        return session.scalar(select(func.count()).where(Assignment.visit_id.in_(visits), live)) or 0


def test_each_goes_where_the_ones_before_leave_room_and_one_undo_takes_all_back(
    site: Site, client_for: SignIn, day: Day
) -> None:
    visits = [day.waiting_visit, *(waiting(site, day) for _ in range(3))]
    dispatcher = client_for("dispatcher")
    path = f"/board/together?date={day.on}" + "".join(f"&visit={each}" for each in visits)
    page = dispatcher.get(path)
    assert "Nothing is booked yet" in page.text
    assert holders(site, visits) == 0
    places = dispatcher.form(action="/board/together").fields["place"]
    assert len(places) == len(visits)
    with site.session() as session:
        before = session.scalar(select(func.max(AuditEvent.seq))) or 0
    back = dispatcher.send({}, action="/board/together")
    assert str(back).startswith("/board?")
    assert holders(site, visits) == len(visits)
    with site.session() as session:
        ways = select(func.count()).where(AuditEvent.seq > before, AuditEvent.inverse.is_not(None))
        assert session.scalar(ways) == 1, "one step"
    page = dispatcher.get(str(back))
    assert f"{len(visits)} visits are booked." in page.text
    assert f"and {len(visits) - 1} more changes" in dispatcher.get("/steps").text
    dispatcher.get(str(back))
    dispatcher.send({}, action="/steps/undo")
    assert holders(site, visits) == 0


def taken_meanwhile(dispatcher: Browser, day: Day, visits: list[int], *, later: timedelta) -> str:
    """Ask for a proposal, give its last visit to the same person so much later, book all of it; where that leads."""
    dispatcher.get(f"/board/together?date={day.on}" + "".join(f"&visit={each}" for each in visits))
    places = dispatcher.form(action="/board/together").fields["place"]
    visit_id, technician_id, start = places[-1].split(",")
    start = (datetime.fromisoformat(start) + later).isoformat()
    taken = {"visit_id": visit_id, "technician_id": technician_id, "start": start}
    headers = {"Accept": "application/json", "X-CSRFToken": dispatcher.token()}
    assert dispatcher.client.post("/board/move", data=taken, headers=headers).status_code == 200
    return str(dispatcher.post("/board/together", {"place": places, "date": day.on.isoformat()}))


def test_when_one_is_taken_meanwhile_nothing_is_booked_and_the_proposal_is_made_anew(
    site: Site, client_for: SignIn, day: Day
) -> None:
    visits = [waiting(site, day) for _ in range(2)]
    dispatcher = client_for("dispatcher")
    back = taken_meanwhile(dispatcher, day, visits, later=timedelta(minutes=30))
    assert "/board/together" in back
    assert holders(site, visits) == 1, "the other one stays as it was"
    page = dispatcher.get(back)
    assert "Nothing was booked." in page.text
    assert "1 of those chosen has somebody by now" in page.text


def test_what_somebody_booked_just_so_is_in_nobodys_way(site: Site, client_for: SignIn, day: Day) -> None:
    visits = [waiting(site, day) for _ in range(2)]
    back = taken_meanwhile(client_for("dispatcher"), day, visits, later=timedelta(0))
    assert back.startswith("/board?")
    assert holders(site, visits) == 2


def test_what_needs_a_second_look_is_left_to_people(site: Site, client_for: SignIn, day: Day) -> None:
    pair = waiting(site, day, crew=2)
    dispatcher = client_for("dispatcher")
    page = dispatcher.get(f"/board/together?date={day.on}&visit={pair}&visit=999999&visit={day.booked_visit}")
    assert "It needs several people" in page.text
    assert "Book" not in [words for form in page.forms for _name, _value, words in form.buttons]
    assert "None of these waits" in dispatcher.get("/board/together").text


def test_what_nobody_can_take_leads_to_who_fits(site: Site, client_for: SignIn, day: Day) -> None:
    with site.session() as session:
        place = make_site(session, territory=session.get_one(Territory, site.north_id))
        job = make_job(session, site=place, title="Lift stuck")
        visit_id, job_id = make_visit(session, job=job, needs={make_skill(session, name="Lifts"): 4}).id, job.id
    page = client_for("dispatcher").get(f"/board/together?date={day.on}&visit={visit_id}")
    assert "Nobody can take it that day." in page.text
    assert f'href="/jobs/{job_id}/candidates?visit={visit_id}&amp;date={day.on}"' in page.html


@pytest.mark.parametrize("place", ["", "1", "a,b,c", "1,2,2026-11-23", "1,2,2026-11-23T10:00", "0,1,2026-11-23T10:00Z"])
def test_what_is_no_place_is_refused(client_for: SignIn, place: str) -> None:
    page = client_for("dispatcher").post("/board/together", {"place": place}, status=422)
    assert "no place of the proposal" in page.text if not isinstance(page, str) else False


def test_who_may_not_book_is_told_so(client_for: SignIn) -> None:
    page = client_for("manager").get("/board/together", 403)
    assert 'action="/board/together"' not in page.html
