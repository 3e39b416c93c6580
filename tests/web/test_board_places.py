"""Select a visit and the board answers; whatever takes a place books it with the same person, start, end and travel."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from dispatch.planning.models import RELEASED_STATES, Assignment
from dispatch.workforce.models import Technician, Territory
from tests.conftest import statements
from tests.factories import (
    ZONE,
    make_job,
    make_proficiency,
    make_site,
    make_skill,
    make_visit,
)
from tests.web.browser import Browser
from tests.web.conftest import Site
from tests.web.world import Day, make_day

SignIn = Callable[[str], Browser]


@pytest.fixture
def day(site: Site) -> Day:
    with site.session() as session:
        return make_day(session, session.get_one(Territory, site.north_id))


def headers(browser: Browser) -> dict[str, str]:
    browser.get("/board")
    return {"Accept": "application/json", "X-CSRFToken": browser.token()}


def booked(site: Site, visit_id: int) -> list[tuple[int, str, str, int]]:
    with site.session() as session:
        rows = session.scalars(
            select(Assignment).where(Assignment.visit_id == visit_id, Assignment.state.not_in(RELEASED_STATES))
        )
        return [
            (row.technician_id, row.during.lower.isoformat(), row.during.upper.isoformat(), row.travel_s)
            for row in rows
        ]


def test_every_row_has_a_verdict_and_the_best_places_are_numbered(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    answer = dispatcher.data(f"/board/visits/{day.waiting_visit}/verdicts?date={day.on}")
    rows = {row["id"] for row in dispatcher.data(f"/board/data?date={day.on}")["technicians"]}
    told = {each["id"]: each for each in answer["technicians"]}
    assert rows <= set(told)
    assert all(each["words"] for each in told.values())
    assert told[day.ben]["verdict"] == "fits"
    assert "to spare" in told[day.ben]["words"]
    assert {place["technician_id"] for place in answer["places"]} == {
        each["id"] for each in told.values() if each["place"]
    }
    with statements(site.engine) as sent:
        dispatcher.client.get(f"/board/visits/{day.waiting_visit}/verdicts?date={day.on}")
    assert sent.count <= 32


def test_all_doors_book_a_place_the_same_way(site: Site, client_for: SignIn, day: Day) -> None:
    """Script, list in the drawer, candidate list and typed form: one outcome."""
    dispatcher = client_for("dispatcher")
    place = dispatcher.data(f"/board/visits/{day.waiting_visit}/verdicts?date={day.on}")["places"][0]
    fields = {"visit_id": day.waiting_visit, "technician_id": place["technician_id"], "start": place["start"]}
    outcomes = []

    def outcome() -> None:
        outcomes.append(booked(site, day.waiting_visit))
        dispatcher.get("/board")
        dispatcher.send({}, action="/steps/undo")
        assert booked(site, day.waiting_visit) == []

    dispatcher.client.post(f"/board/move?date={day.on}", data=fields, headers=headers(dispatcher))
    outcome()
    dispatcher.get(f"/board/visits/{day.waiting_visit}?date={day.on}")
    dispatcher.send({}, button=f"{place['name']}, ")
    outcome()
    dispatcher.get(f"/jobs/{day.waiting_job}/candidates?date={day.on}")
    dispatcher.send({}, button=f"Send {place['name']}")
    outcome()
    dispatcher.get(f"/board/visits/{day.waiting_visit}?date={day.on}")
    local = datetime.fromisoformat(place["start"]).astimezone(ZoneInfo(ZONE))
    if local.second == 0:
        dispatcher.send(
            {"technician_id": str(place["technician_id"]), "starts_at": f"{local:%Y-%m-%dT%H:%M}"}, button="Book"
        )
        outcome()
    assert len({str(each) for each in outcomes}) == 1
    (found,) = outcomes[0]
    begin, end = (datetime.fromisoformat(each) for each in found[1:3])
    assert (begin, end) == (datetime.fromisoformat(place["start"]), datetime.fromisoformat(place["end"]))
    assert found[3] == place["travel_s"]


def test_a_refused_time_comes_with_the_next_best_place_ready_to_take(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    fields = {"visit_id": day.waiting_visit, "technician_id": day.ana, "start": day.at(10, 30).isoformat()}
    told = headers(dispatcher)
    refused = dispatcher.client.post(f"/board/move?date={day.on}", data=fields, headers=told)
    assert refused.status_code == 409
    assert "Ana Ruiz is booked" in refused.json["error"]
    assert "Next best: " in refused.json["error"]
    instead = refused.json["instead"]
    fields |= {
        "technician_id": instead["technician_id"],
        "start": instead["start"],
        "pushing": ",".join(str(each) for each in instead["pushing"]),
    }
    taken = dispatcher.client.post(f"/board/move?date={day.on}", data=fields, headers=told)
    assert taken.status_code == 200, taken.text
    assert [row[0] for row in booked(site, day.waiting_visit)] == [instead["technician_id"]]


def test_a_place_that_needs_others_to_make_room_moves_them_and_says_so(
    site: Site, client_for: SignIn, day: Day
) -> None:
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        skill = make_skill(session)
        make_proficiency(session, technician=session.get_one(Technician, day.ana), skill=skill, mean=4.0)
        job = make_job(session, site=make_site(session, territory=north), title="Alarm rings")
        visit_id = make_visit(session, job=job, needs={skill: 3}, window=Range(day.at(9, 6), day.at(9, 7))).id
    dispatcher = client_for("dispatcher")
    (place,) = dispatcher.data(f"/board/visits/{visit_id}/verdicts?date={day.on}")["places"]
    assert place["pushing"] == [day.assignment]
    assert "Hale Dental starts 6 min later, at 10:06" in place["knock_on"][0]
    told = headers(dispatcher)
    fields = {"visit_id": visit_id, "technician_id": day.ana, "start": place["start"]}
    refused = dispatcher.client.post(f"/board/move?date={day.on}", data=fields, headers=told)
    assert refused.status_code == 409  # nobody saw that somebody has to make room
    fields["pushing"] = str(day.assignment)
    made = dispatcher.client.post(f"/board/move?date={day.on}", data=fields, headers=told)
    assert made.json["message"].startswith("Booked. Hale Dental now starts at 10:06.")
    assert booked(site, day.booked_visit)[0][1] == day.at(10, 6).astimezone(UTC).isoformat()
    dispatcher.get("/board")
    dispatcher.send({}, action="/steps/undo")
    assert booked(site, day.booked_visit)[0][1] == day.at(10).astimezone(UTC).isoformat()
    assert booked(site, visit_id) == []


def test_the_first_of_the_crew_and_the_second_are_asked_about_by_their_booking(
    site: Site, client_for: SignIn, day: Day
) -> None:
    with site.session() as session:
        place = make_site(session, territory=session.get_one(Territory, site.north_id))
        visit_id = make_visit(session, job=make_job(session, site=place, title="Heavy lift"), crew=2).id
    dispatcher = client_for("dispatcher")
    url = f"/board/visits/{visit_id}/verdicts?date={day.on}"
    first = dispatcher.data(url)
    told = headers(dispatcher)
    place = first["places"][0]
    fields = {"visit_id": visit_id, "technician_id": place["technician_id"], "start": place["start"]}
    made = dispatcher.client.post(f"/board/move?date={day.on}", data=fields, headers=told)
    assert made.status_code == 200, made.text
    second = dispatcher.data(url)
    assert second["crew_slot_id"] != first["crew_slot_id"]
    assert {each["start"] for each in second["places"]} <= {place["start"]}
    assert place["technician_id"] not in {each["technician_id"] for each in second["places"]}
    booking = next(bar for bar in made.json["bars"] if bar["visit_id"] == visit_id)["assignment_id"]
    mine = dispatcher.data(f"{url}&assignment_id={booking}")
    assert (mine["crew_slot_id"], mine["assignment_id"]) == (first["crew_slot_id"], booking)


def test_the_form_of_a_visit_that_nobody_has_proposes_the_best_place(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    best = dispatcher.data(f"/board/visits/{day.waiting_visit}/verdicts?date={day.on}")["places"][0]
    page = dispatcher.get(f"/board/visits/{day.waiting_visit}?date={day.on}")
    form = next(each for each in page.forms if each.action.endswith("/board/move"))
    assert form.fields["technician_id"] == [str(best["technician_id"])]
    start = datetime.fromisoformat(best["start"])
    start = (start + timedelta(seconds=-start.timestamp() % 60)).astimezone(ZoneInfo(ZONE))
    assert form.fields["starts_at"] == [f"{start:%Y-%m-%d %H:%M}:00"]
