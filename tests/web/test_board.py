"""The board: one day, its queue, and every way to book, move and take back."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import joinedload

from dispatch.core import clock
from dispatch.jobs.models import Job, Promise
from dispatch.planning.board import scope_of
from dispatch.planning.board_week import week_for
from dispatch.planning.models import RELEASED_STATES, Assignment
from dispatch.workforce.models import Team, Technician, Territory
from tests.conftest import statements
from tests.web.browser import Browser, bars_of
from tests.web.conftest import Site
from tests.web.world import Day, make_day

SignIn = Callable[[str], Browser]


@pytest.fixture
def day(site: Site) -> Day:
    """Give a day of its own; other tests of the module leave theirs behind on the same board."""
    with site.session() as session:
        return make_day(session, session.get_one(Territory, site.north_id))


def holder(site: Site, visit_id: int) -> list[tuple[int, str]]:
    """Return who has a visit, and from when in UTC."""
    with site.session() as session:
        rows = session.execute(
            select(Assignment.technician_id, Assignment.during).where(
                Assignment.visit_id == visit_id, Assignment.state.not_in(RELEASED_STATES)
            )
        )
        return [(row.technician_id, f"{row.during.lower:%H:%M}") for row in rows]


def test_the_day_is_told_without_script(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    page = dispatcher.get(f"/board?date={day.on}")
    for words in ("Ana Ruiz", "Boiler leaks", "10:00–11:00", "10:00–12:00", "On track", "Radiator cold", "Urgent"):
        assert words in page.text
    with statements(site.engine) as sent:
        dispatcher.client.get(f"/board?date={day.on}")
    assert sent.count <= 14


def test_a_visit_nobody_has_is_overdue_once_its_time_is_over(site: Site, client_for: SignIn, day: Day) -> None:
    def card() -> str:
        page = client_for("dispatcher").get(f"/board?date={day.on}").html
        return page.partition(f'data-queue-visit="{day.waiting_visit}"')[2].partition("</li>")[0]

    assert "Urgent" in card()
    assert "Overdue" not in card()
    with site.session() as session:
        promise = session.scalars(select(Promise).where(Promise.visit_id == day.waiting_visit)).one()
        promise.during = Range(clock.now() - timedelta(hours=2), clock.now() - timedelta(minutes=1))
    assert "Overdue" in card()
    assert "Urgent" not in card(), "one sign is enough"


def test_a_start_between_two_minutes_is_offered_as_people_type_it(site: Site, client_for: SignIn, day: Day) -> None:
    with site.session() as session:
        booked = session.get_one(Assignment, day.assignment)
        booked.during = Range(day.at(10, 7) + timedelta(seconds=12), day.at(11))
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/board/visits/{day.booked_visit}?date={day.on}")
    assert dispatcher.form(action="/board/move").fields["starts_at"] == [day.local(10, 8).replace("T", " ") + ":00"]


def test_the_grid_reads_the_same_day_and_asks_again_for_nothing(client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    answer = dispatcher.data(f"/board/data?date={day.on}")
    bar = next(bar for bar in bars_of(answer) if bar["visit_id"] == day.booked_visit)
    assert (bar["technician_id"], bar["promise_state"], bar["travel_s"]) == (day.ana, "on_track", 600)
    assert day.waiting_visit in [item["visit_id"] for item in answer["queue"]]
    assert {day.ana, day.ben} <= {person["id"] for person in answer["technicians"]}


def test_a_form_books_and_undo_takes_it_back(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/board/visits/{day.waiting_visit}?date={day.on}")
    where = dispatcher.send({"technician_id": str(day.ben), "starts_at": day.local(10)}, button="Book")
    assert f"date={day.on}" in str(where)
    assert [who for who, _ in holder(site, day.waiting_visit)] == [day.ben]
    page = dispatcher.get(str(where))
    assert "Booked." in page.text
    dispatcher.send({}, action="/steps/undo")
    assert holder(site, day.waiting_visit) == []


def test_a_taken_time_is_refused_with_the_holder(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/board/visits/{day.waiting_visit}?date={day.on}")
    page = dispatcher.send({"technician_id": str(day.ana), "starts_at": day.local(10, 30)}, button="Book", status=409)
    assert "Ana Ruiz is booked" in page.text
    assert "Boiler leaks" in page.text
    assert "Do it all the same" not in page.text
    assert holder(site, day.waiting_visit) == []


def test_who_overrules_a_promise_has_to_say_why(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/board/visits/{day.waiting_visit}?date={day.on}")
    late = {"technician_id": str(day.ben), "starts_at": day.local(14, 30)}
    page = dispatcher.send(late, button="Book", status=409)
    assert "30 min after what we promised" in page.text
    assert "Why it should be so all the same (optional)" not in page.text
    page = dispatcher.send(late, button="Do it all the same", status=409)
    assert "Say why, then it is done all the same." in page.text
    assert holder(site, day.waiting_visit) == []
    dispatcher.send(late | {"override_reason": "They are home late"}, button="Do it all the same")
    assert [who for who, _ in holder(site, day.waiting_visit)] == [day.ben]


def test_a_script_moves_by_the_same_service(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    dispatcher.get("/board")
    headers = {"Accept": "application/json", "X-CSRFToken": dispatcher.token()}
    fields = {
        "visit_id": day.booked_visit,
        "assignment_id": day.assignment,
        "version": 1,
        "technician_id": day.ben,
        "start": day.at(10, 30).isoformat(),
    }
    answer = dispatcher.client.post(f"/board/move?date={day.on}", data=fields, headers=headers)
    assert answer.status_code == 200, answer.text
    booked = [bar for bar in answer.json["bars"] if bar["visit_id"] == day.booked_visit]
    assert [bar["technician_id"] for bar in booked] == [day.ben]
    # Another person's booking is another one: the grid is told that the old one is gone, and both rows anew.
    assert answer.json["removed"] == [day.assignment] != [bar["assignment_id"] for bar in booked]
    assert {person["id"] for person in answer.json["technicians"]} == {day.ana, day.ben}
    again = dispatcher.client.post(f"/board/move?date={day.on}", data=fields, headers=headers)
    assert again.status_code in (404, 409)
    assert "error" in again.json


def test_verdicts_tell_of_everybody(client_for: SignIn, day: Day) -> None:
    verdicts = client_for("dispatcher").data(f"/board/visits/{day.waiting_visit}/verdicts?date={day.on}")["technicians"]
    assert {day.ana, day.ben} <= {each["id"] for each in verdicts}


def test_pin_unpin_and_take_off(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    path = f"/board/visits/{day.booked_visit}?date={day.on}"
    dispatcher.get(path)
    dispatcher.send({}, action="/pin")
    dispatcher.get(path)
    dispatcher.send({}, action="/unpin")
    dispatcher.get(path)
    dispatcher.send({}, action="/unassign")
    assert holder(site, day.booked_visit) == []


def test_nothing_to_undo_is_said_kindly(client_for: SignIn, site: Site) -> None:
    browser = site.browser()
    browser.sign_in(site.emails["dispatcher"], "a long walk in the rain")
    browser.get("/board")
    said = ""
    for _ in range(30):
        said = browser.get(str(browser.send({}, action="/steps/undo"))).text
        if "nothing of yours to undo" in said:
            break
    assert "nothing of yours to undo" in said, "undo never came to its end"


@pytest.mark.parametrize("asked", ["nonsense", "2026-13-45", "9999-12-31", "0001-01-01"])
def test_a_day_that_makes_no_sense_is_today_or_refused(client_for: SignIn, asked: str) -> None:
    status = 422 if asked in ("9999-12-31", "0001-01-01") else 200
    page = client_for("dispatcher").get(f"/board?date={asked}", status)
    assert ("Something needs another look" in page.text) == (status == 422)


@pytest.mark.parametrize("role", ["technician", "manager", "administrator"])
def test_the_board_is_for_dispatchers(client_for: SignIn, role: str, day: Day) -> None:
    page = client_for(role).get("/board", 403)
    assert "You need permission" in page.text
    assert "Radiator cold" not in page.text


def test_lists_and_paper_are_grouped_and_sorted_as_the_address_says(site: Site, client_for: SignIn, day: Day) -> None:
    with site.session() as session:
        team = Team(name=f"Night crew {day.ben}")
        session.add(team)
        session.flush()
        session.get_one(Technician, day.ben).team_id = team.id
    dispatcher = client_for("dispatcher")
    for path in ("/board", "/board/print"):
        page = dispatcher.get(f"{path}?date={day.on}&group=team&sort=load")
        text = page.text[page.text.find("Night crew") :]
        assert f"Night crew {day.ben}" in text, path
        assert text.index("Ben Cole") < text.index("In no team") < text.index("Ana Ruiz"), path
    data = dispatcher.data(f"/board/data?date={day.on}")
    told = {each["id"]: (each["team"], each["territory"]) for each in data["technicians"]}
    assert told[day.ben] == (f"Night crew {day.ben}", "North")
    # What makes no sense is as usual.
    dispatcher.get(f"/board?date={day.on}&group=nonsense&sort=sideways&sel=999999999")


@pytest.mark.parametrize("by", ["person", "territory"])
def test_paper_says_where_to_go_and_whom_to_ring(site: Site, client_for: SignIn, day: Day, by: str) -> None:
    with site.session() as session:
        place = session.get_one(Job, day.booked_job, options=[joinedload(Job.site), joinedload(Job.customer)])
        place.site.address, place.customer.phone = f"{day.ana} Mill Lane", "+44 1632 960001"
    page = client_for("dispatcher").get(f"/board/print?date={day.on}&by={by}")
    assert f"{day.ana} Mill Lane" in page.text
    assert "+44 1632 960001" in page.text


def test_the_nearest_to_the_selected_visit_stand_first(client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    path = f"/board?date={day.on}&group=none&sort=near&sel={day.waiting_visit}"
    listed = re.findall(r'aria-labelledby="person-(\d+)"', dispatcher.get(path).html)
    answers = dispatcher.data(f"/board/visits/{day.waiting_visit}/verdicts?date={day.on}")["technicians"]
    way = {each["id"]: each["place"]["travel_s"] for each in answers if each["place"]}
    ways = [way.get(int(number), 10**9) for number in listed]
    assert len(set(ways)) > 1
    assert ways == sorted(ways)


def test_a_week_shows_how_full_each_day_is_and_a_day_opens(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    first = day.on - timedelta(days=3)
    page = dispatcher.get(f"/board/week?date={first}&group=partner&sort=load")
    assert "Our own people" in page.text
    with statements(site.engine) as sent:
        dispatcher.client.get(f"/board/week?date={first}")
    assert sent.count <= 9
    opened = [link for link in page.links if f"person={day.ana}&" in f"{link}&" and f"date={day.on}" in link]
    assert len(opened) == 1, "one day with work, and it opens with the person in sight"
    with site.session() as session:
        week = week_for(session, scope_of([session.get_one(Territory, site.north_id)], first, None))
    cell = week.of[day.ana][3]
    assert (cell.visits, cell.load_s, cell.capacity_s, cell.away) == (1, 3600 + 600, 8 * 3600, False)
    assert all(other.idle for index, other in enumerate(week.of[day.ana]) if index != 3)
    assert "of people" not in page.text
    assert dispatcher.get(f"/board/week?date={first}&people=2").text
