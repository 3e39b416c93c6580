"""The repair page: somebody cannot work, and three clicks later their day is looked after."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from dispatch.accounts.access import Actor, Grant
from dispatch.accounts.models import RoleName, User
from dispatch.core import clock
from dispatch.core.db import make_sessions
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import Customer, Job, Promise, PromiseState, Visit
from dispatch.jobs.models import Site as Place
from dispatch.messages.models import CallState, CallTask, MessagePart
from dispatch.planning.disruptions import report_late
from dispatch.planning.models import Assignment, AssignmentState, Disruption, DisruptionState
from dispatch.planning.repairing import Repairing, run_repair
from dispatch.planning.rows import live
from dispatch.planning.supervising import Limits
from dispatch.workforce.models import Shift, Technician, Territory
from tests import factories as make
from tests.conftest import statements
from tests.web.browser import Browser
from tests.web.conftest import STORED, Site

SignIn = Callable[[str], Browser]
LIMITS = Limits(grace_s=30.0, memory_mb=1500)


@pytest.fixture
def today(site: Site) -> Iterator[dict[str, Any]]:
    """Ana has two visits from now on, Ben is free for one of them; what the test leaves open is closed after it."""
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        north.owner_id = site.people["dispatcher"]
        now = clock.now().replace(microsecond=0)
        skill = make.make_skill(session)
        people = []
        for name in ("Ana Away", "Ben Ready"):
            person = make.make_technician(session, territory=north, name=name, phone="+49 30 77")
            during = Range(now - timedelta(hours=1), now + timedelta(hours=7))
            on = clock.local_day(now, make.ZONE)
            shift = make.make_shift(session, technician=person, territory=north, on_date=on, during=during)
            make.make_proficiency(session, technician=person, skill=skill, mean=4.0)
            people.append((person, shift))
        place = make.make_site(session, customer=make.make_customer(session, name="Hale Dental"), territory=north)
        visits = []
        for offset, width in ((1.0, 5.0), (1.5, 0.75)):
            job = make.make_job(session, site=place, state=JobState.PLANNED, title=f"Work {offset}")
            visit = make.make_visit(session, job=job, needs={skill: 3}, state=VisitState.PLANNED, duration_s=1500)
            begin = now + timedelta(hours=offset)
            make.make_promise(session, visit=visit, during=Range(begin, begin + timedelta(hours=width)))
            make.make_assignment(
                session,
                visit=visit,
                technician=people[0][0],
                shift_id=people[0][1].id,
                during=Range(begin, begin + timedelta(seconds=1500)),
            )
            visits.append(visit.id)
        busy = make.make_job(session, site=place, state=JobState.PLANNED, title="Ben's own")
        theirs = make.make_visit(session, job=busy, needs={skill: 3}, state=VisitState.PLANNED, duration_s=5400)
        begin = now + timedelta(hours=1.25)
        make.make_promise(session, visit=theirs, during=Range(begin, begin + timedelta(minutes=15)))
        make.make_assignment(
            session,
            visit=theirs,
            technician=people[1][0],
            shift_id=people[1][1].id,
            during=Range(begin, begin + timedelta(seconds=5400)),
        )
        found = {"ana": people[0][0].id, "ben": people[1][0].id, "visits": visits, "theirs": theirs.id}
    yield found
    with site.session() as session:
        for row in session.scalars(select(Assignment).where(live())):
            row.state = AssignmentState.CANCELLED
        for shift in session.scalars(select(Shift).where(~Shift.cancelled)):
            shift.cancelled = True
        for one in session.scalars(select(Disruption).where(Disruption.settled_at.is_(None))):
            one.state, one.settled_at = DisruptionState.CLOSED, clock.now()


def work(site: Site, disruption_id: int) -> None:
    """Do what the worker does."""
    run_repair(
        Repairing(sessions=make_sessions(site.engine), disruption_id=disruption_id, limits=LIMITS, step_limit=100)
    )


def reported(browser: Browser, technician_id: int) -> int:
    """Say that somebody cannot work today, and return the disruption."""
    browser.get(f"/disruptions/cannot-work?technician={technician_id}")
    address = browser.send({"until": "today"}, action="/disruptions/cannot-work")
    assert isinstance(address, str)
    return int(address.rsplit("/", 1)[1])


def proposed(site: Site, browser: Browser, technician_id: int) -> str:
    """Report somebody and let the worker make the proposal; returns its page's address."""
    disruption_id = reported(browser, technician_id)
    work(site, disruption_id)
    return f"/disruptions/{disruption_id}"


def who_has(site: Site) -> dict[int, int]:
    """Return who has each visit."""
    with site.session() as session:
        return {
            row.visit_id: row.technician_id
            for row in session.execute(select(Assignment.visit_id, Assignment.technician_id).where(live()))
        }


def test_three_clicks_look_after_the_day(site: Site, client_for: SignIn, today: dict[str, Any]) -> None:
    browser = client_for("dispatcher")
    disruption_id = reported(browser, today["ana"])
    where = f"/disruptions/{disruption_id}"
    assert "within ten seconds" in browser.get(where).text
    assert browser.data(f"{where}/progress") == {
        "phase": "Waiting for a free worker",
        "done": False,
        "expected_s": 6.0,
        "summary": "Waiting for a free worker",
    }
    work(site, disruption_id)
    page = browser.get(where)
    assert "Needs the customer" in page.text or "Needs you" in page.text
    assert browser.send(button="Accept all that keep the promise (1)") == where
    assert "1 booked, 1 to call." in browser.get(where).text
    has = who_has(site)
    assert has[today["visits"][0]] == today["ben"]
    assert today["visits"][1] not in has
    assert has[today["theirs"]] == today["ben"], "who is not concerned keeps what they have"
    with site.session() as session:
        calls = session.scalars(select(CallTask.visit_id).where(CallTask.state == CallState.OPEN)).all()
    assert calls == [today["visits"][1]]


def test_one_situation_is_one_alert_with_an_owner_and_one_thing_to_do(
    site: Site, client_for: SignIn, today: dict[str, Any]
) -> None:
    browser = client_for("dispatcher")
    where = proposed(site, browser, today["ana"])
    assert reported(browser, today["ana"]) == int(where.rsplit("/", 1)[1])
    board = browser.get("/board")
    assert board.text.count("Ana Away cannot work") >= 1
    assert where in board.links
    assert "1 kept" in board.text
    assert "Dispatcher North sees to it" in board.text
    assert "Repair: cannot work" in browser.get("/loose-ends?whose=all").text
    browser.get(where)
    browser.send(button="It did not happen")
    assert "Ana Away cannot work" not in browser.get("/disruptions/alerts", part=True).text


def test_undo_puts_everything_back_in_one_step(site: Site, client_for: SignIn, today: dict[str, Any]) -> None:
    browser = client_for("dispatcher")
    before = who_has(site)
    where = proposed(site, browser, today["ana"])
    browser.get(where)
    browser.send(button="Accept all that keep the promise")
    assert who_has(site) != before
    browser.get(where)
    browser.send(action="/steps/undo", button="Undo")
    assert who_has(site) == before
    assert "within ten seconds" in browser.get(where).text, "a new proposal is on its way"


def test_a_colleague_sees_who_repairs_and_can_take_over(site: Site, client_for: SignIn, today: dict[str, Any]) -> None:
    browser = client_for("dispatcher")
    where = proposed(site, browser, today["ana"])
    with site.session() as session:
        make.make_user(session, RoleName.DISPATCHER, name="Cem Other", email="cem@example.test", password=STORED)
    site.emails["second"] = "cem@example.test"
    second = client_for("second")
    page = second.get(where)
    assert "Dispatcher North is repairing this since" in page.text
    assert "Accept all" not in page.text
    refused = second.post(f"{where}/accept", {"attempt": 1})
    assert refused == where
    assert "A colleague is repairing this" in second.get(where).text
    second.send(button="Take over")
    assert "Accept all that keep the promise (1)" in second.get(where).text
    assert "Cem Other is repairing this" in browser.get(where).text


def test_nothing_to_repair_is_said_so(site: Site, client_for: SignIn, today: dict[str, Any]) -> None:
    with site.session() as session:
        idle = make.make_technician(session, territory=session.get_one(Territory, site.north_id), name="Ida Idle").id
    browser = client_for("dispatcher")
    browser.get(f"/disruptions/cannot-work?technician={idle}")
    assert browser.send({"until": "today"}, action="/disruptions/cannot-work") == "/board"
    assert "Nothing was booked for Ida Idle" in browser.get("/board").text


def test_the_customer_agrees_on_the_phone(site: Site, client_for: SignIn, today: dict[str, Any]) -> None:
    """The second visit's window is too narrow for Ben; a later time is there to be offered, with words to say."""
    browser = client_for("dispatcher")
    where = proposed(site, browser, today["ana"])
    page = browser.get(where)
    assert "I am sorry: we cannot come at the time we told you." in page.text
    assert "Is that all right, or is another time better?" in page.text
    browser.send(button="Accept all that keep the promise")
    browser.get(where)
    browser.send(button="They agree: book it")
    assert "Booked, and promised to the customer." in browser.get(where).text
    late = today["visits"][1]
    assert who_has(site)[late] == today["ben"]
    with site.session() as session:
        start = session.scalars(select(Assignment.during).where(Assignment.visit_id == late, live())).one().lower
        told = session.scalars(
            select(Promise.during).where(Promise.visit_id == late, Promise.state == PromiseState.STANDING)
        ).one()
    assert told.lower <= start
    assert start + timedelta(minutes=20) <= told.upper


def test_people_of_other_territories_do_not_see_it(site: Site, client_for: SignIn, today: dict[str, Any]) -> None:
    where = proposed(site, client_for("dispatcher"), today["ana"])
    with site.session() as session:
        south = session.get_one(Territory, site.south_id)
        make.make_user(
            session, RoleName.DISPATCHER, territory=south, name="Sue", email="sue@example.test", password=STORED
        )
    site.emails["south"] = "sue@example.test"
    assert client_for("south").client.get(where).status_code == 404


def test_the_page_asks_a_constant_number_of_statements(site: Site, client_for: SignIn, today: dict[str, Any]) -> None:
    browser = client_for("dispatcher")
    where = proposed(site, browser, today["ana"])
    browser.get(where)
    with statements(site.engine) as sent:
        browser.client.get(where)
    assert sent.count <= 12


def test_a_technician_says_so_from_the_phone_and_is_asked_nothing(site: Site, client_for: SignIn) -> None:
    with site.session() as session:
        north, me = session.get_one(Territory, site.north_id), session.get_one(Technician, site.technician_id)
        north.owner_id = site.people["dispatcher"]
        now = clock.now().replace(microsecond=0)
        during = Range(now - timedelta(hours=1), now + timedelta(hours=7))
        on = clock.local_day(now, make.ZONE)
        shift = make.make_shift(session, technician=me, territory=north, on_date=on, during=during)
        visit = make.make_visit(session, state=VisitState.PLANNED)
        begin = now + timedelta(hours=2)
        during = Range(begin, begin + timedelta(hours=1))
        make.make_assignment(session, visit=visit, technician=me, shift_id=shift.id, during=during)
    phone = client_for("technician")
    phone.get("/my/day")
    phone.send(button="15 minutes later")
    assert "We look after what comes next." in phone.get("/my/day").text
    phone.send(button="I cannot work today")
    assert "Get well. Your job is looked after." in phone.get("/my/day").text
    with site.session() as session:
        found = session.scalars(select(Disruption).where(Disruption.technician_id == site.technician_id)).all()
        kinds = {each.kind.value: (each.minutes, each.owner_id) for each in found}
    owner = site.people["dispatcher"]
    assert kinds == {"running_late": (15, owner), "cannot_work": (None, owner)}


def test_an_emergency_is_booked_and_somebody_looked_for_in_one_go(
    site: Site, client_for: SignIn, today: dict[str, Any]
) -> None:
    """The board's key X leads to where; where leads to what; booking leads to the proposal."""
    dispatcher = client_for("dispatcher")
    assert "/jobs/new?emergency=1" in dispatcher.get("/board").links
    chosen = next(link for link in dispatcher.get("/jobs/new?emergency=1&q=hale").links if "site_id=" in link)
    page = dispatcher.get(chosen)
    assert "Emergency at" in page.text
    with site.session() as session:
        kind = str(make.make_job_type(session, name="Burst pipe").id)
    dispatcher.get(chosen)
    answer = dispatcher.send({"title": "Water through the ceiling", "job_type_id": kind}, button="Book and look")
    assert isinstance(answer, str)
    assert "/disruptions/" in answer
    assert "Emergency: Water through the ceiling at Hale Dental" in dispatcher.get(answer).text
    with site.session() as session:
        made = session.scalars(select(Disruption).order_by(Disruption.id.desc())).first()
        assert made is not None
        assert made.visit_id is not None
        assert made.state is DisruptionState.OPEN


def test_a_visit_that_waits_is_made_an_emergency_from_its_job(
    site: Site, client_for: SignIn, today: dict[str, Any]
) -> None:
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        job = make.make_job(session, site=make.make_site(session, territory=north), title="No heating")
        visit_id, job_id = make.make_visit(session, job=job).id, job.id
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/jobs/{job_id}")
    first = dispatcher.send({}, button="Cannot wait")
    dispatcher.get(f"/jobs/{job_id}")
    assert dispatcher.send({}, action=f"/emergency/{visit_id}") == first, "said twice it is the same"


def test_the_people_for_an_emergency_stand_side_by_side_and_one_of_them_is_taken(
    site: Site, client_for: SignIn, today: dict[str, Any]
) -> None:
    with site.session() as session:
        known = session.get_one(Visit, today["visits"][0])
        place = session.scalars(select(Job.site_id).where(Job.id == known.job_id)).one()
        job = make.make_job(session, site=session.get_one(Place, place), title="Water everywhere")
        visit_id, job_id = make.make_visit(session, job=job, duration_s=1800).id, job.id
    dispatcher = client_for("dispatcher")
    dispatcher.get(f"/jobs/{job_id}")
    where = dispatcher.send({}, button="Cannot wait")
    assert isinstance(where, str)
    work(site, int(where.rsplit("/", 1)[1]))
    page = dispatcher.get(where)
    assert "Who goes?" in page.text
    assert "Take Ana Away" in page.text
    assert "Take Ben Ready" in page.text
    assert "disturbs nobody" in page.text
    with statements(site.engine) as sent:
        dispatcher.client.get(where)
    assert sent.count <= 18, "however many lines the people have"
    before = who_has(site)
    dispatcher.get(where)
    dispatcher.send({}, button="Take Ben Ready")
    assert who_has(site)[visit_id] == today["ben"]
    page = dispatcher.get(where)
    assert "Repaired." in page.text
    dispatcher.send({}, button="Undo")
    assert who_has(site) == before


def waiting(site: Site, today: dict[str, Any]) -> int:
    """Return a visit that nobody has yet, and that Ana could do."""
    with site.session() as session:
        known = session.get_one(Visit, today["visits"][0])
        place = session.scalars(select(Job.site_id).where(Job.id == known.job_id)).one()
        job = make.make_job(session, site=session.get_one(Place, place), title="Waits since Monday")
        return make.make_visit(session, job=job, duration_s=1200, due_at=clock.now() - timedelta(days=1)).id


def test_what_happened_to_a_visit_is_a_tile_on_one_page(site: Site, client_for: SignIn, today: dict[str, Any]) -> None:
    """From the bar and from the job to the tiles, from a tile to the repair, and the free time goes to what waits."""
    waits, visit = waiting(site, today), today["visits"][0]
    browser = client_for("dispatcher")
    tiles = f"/disruptions/visits/{visit}"
    assert any(link.startswith(tiles) for link in browser.get(f"/board/visits/{visit}").links)
    with site.session() as session:
        job = session.scalars(select(Visit.job_id).where(Visit.id == visit)).one()
    assert tiles in browser.get(f"/jobs/{job}").links
    page = browser.get(tiles)
    for words in ("Nobody there, or no way in", "A part is missing", "It takes longer", "The customer cancels"):
        assert words in page.text
    where = browser.send(button="No access")
    assert isinstance(where, str)
    browser.get(tiles)
    assert browser.send(button="No access") == where, "said twice it is the same"
    work(site, int(where.rsplit("/", 1)[1]))
    page = browser.get(where)
    assert "We were to be with you today and could not get in." in page.text
    assert browser.send(button="Use the free time") == where
    assert "1 to call." in browser.get(where).text
    assert who_has(site)[waits] == today["ana"]
    assert visit not in who_has(site)


def test_a_missing_part_asks_for_its_day_on_the_page_of_the_repair(
    site: Site, client_for: SignIn, today: dict[str, Any]
) -> None:
    browser = client_for("dispatcher")
    browser.get(f"/disruptions/visits/{today['visits'][0]}")
    where = browser.send(button="Wait for the part")
    assert isinstance(where, str)
    work(site, int(where.rsplit("/", 1)[1]))
    assert "Nobody knows yet when the part comes" in browser.get(where).text
    day = clock.local_day(clock.now(), make.ZONE) + timedelta(days=4)
    assert browser.send({"ready_on": day.isoformat()}, button="Keep the day") == where
    work(site, int(where.rsplit("/", 1)[1]))
    assert "The part comes on" in browser.get(where).text
    refused = browser.send({"ready_on": "2001-01-01"}, button="Keep the day", status=422)
    assert "today or later" in refused.text


def test_longer_and_cancelled_lead_to_the_same_page(site: Site, client_for: SignIn, today: dict[str, Any]) -> None:
    browser = client_for("dispatcher")
    visit = today["visits"][0]
    browser.get(f"/disruptions/visits/{visit}")
    where = browser.send({"minutes": "60"}, button="60 min longer")
    assert isinstance(where, str)
    assert "Takes 60 min longer: Work 1.0 at Hale Dental" in browser.get(where).text
    browser.get(f"/disruptions/visits/{visit}")
    assert "Say why" in browser.send(button="Cancel the job", status=422).text
    browser.get(f"/disruptions/visits/{visit}")
    where = browser.send({"reason": "Sold the house"}, button="Cancel the job")
    assert isinstance(where, str)
    assert "Cancelled: Work 1.0 at Hale Dental" in browser.get(where).text
    assert "This visit is over" in browser.get(f"/disruptions/visits/{visit}").text


def test_could_not_do_on_the_phone_is_an_alert_on_the_board(
    site: Site, client_for: SignIn, today: dict[str, Any]
) -> None:
    with site.session() as session:
        me, north = session.get_one(Technician, site.technician_id), session.get_one(Territory, site.north_id)
        for former in session.scalars(select(Shift).where(Shift.technician_id == me.id)):
            former.cancelled = True
        session.flush()
        now = clock.now().replace(microsecond=0)
        on = clock.local_day(now, make.ZONE)
        shift = make.make_shift(
            session, technician=me, territory=north, on_date=on, during=Range(now, now + timedelta(hours=6))
        )
        place = make.make_site(session, territory=north, customer=make.make_customer(session, name="Locked Door"))
        job = make.make_job(session, site=place, state=JobState.PLANNED)
        visit = make.make_visit(session, job=job, state=VisitState.PLANNED)
        during = Range(now + timedelta(hours=1), now + timedelta(hours=2))
        make.make_assignment(session, visit=visit, technician=me, shift_id=shift.id, during=during)
        visit_id = visit.id
    phone = client_for("technician")
    phone.get(f"/my/jobs/{visit_id}/could-not-do")
    assert phone.send({"reason": "Nobody was there"}, button="Send") == "/my/day"
    assert "No access: " in client_for("dispatcher").get("/board").text


def test_the_form_of_a_longer_absence_leads_to_the_same_repair(
    site: Site, client_for: SignIn, today: dict[str, Any]
) -> None:
    browser = client_for("dispatcher")
    browser.get(f"/people/{today['ana']}/absence")
    here = clock.in_zone(clock.now(), make.ZONE).replace(tzinfo=None)
    times = {"start": here.isoformat()[:16], "end": (here + timedelta(hours=9)).isoformat()[:16]}
    where = browser.send(times, button="Note it")
    assert isinstance(where, str)
    assert where.startswith("/disruptions/")
    assert "Ana Away cannot work" in browser.get(where).text
    assert who_has(site)[today["visits"][0]] == today["ana"], "nobody's day changes before it is accepted"


def test_what_a_customer_chooses_on_the_phone_is_booked_from_the_page(
    site: Site, client_for: SignIn, today: dict[str, Any]
) -> None:
    """Three times stand there to be read out, held; one is taken, and where none suits somebody rings again."""
    with site.session() as session:
        for ahead in (1, 2, 3):
            north = session.get_one(Territory, site.north_id)
            begin = clock.now().replace(microsecond=0) + timedelta(days=ahead)
            on = clock.local_day(begin, make.ZONE)
            during = Range(begin, begin + timedelta(hours=4))
            ben = session.get_one(Technician, today["ben"])
            make.make_shift(session, technician=ben, territory=north, on_date=on, during=during)
    browser = client_for("dispatcher")
    where = proposed(site, browser, today["ana"])
    page = browser.get(where)
    late = today["visits"][1]
    assert "Ben Ready can be with you on" in page.text
    assert "nobody else is booked then" in page.text
    browser.send(action=f"{where}/visits/{late}/hold", button="Hold 10 minutes more")
    assert "Held ten minutes more." in browser.get(where).text
    browser.send(button="New times")
    page = browser.get(where)
    [take, *_rest] = [form.action for form in page.forms if f"/visits/{late}/offers/" in form.action]
    browser.send(action=take, button="They take it")
    page = browser.get(where)
    assert "Booked, and promised to the customer." in page.text
    assert "Agreed with the customer (1)" in page.text
    assert not [form.action for form in page.forms if f"/visits/{late}/" in form.action]  # nothing is left to ask them
    assert who_has(site)[late] == today["ben"]


def test_where_none_suits_it_is_kept_who_rings_again(site: Site, client_for: SignIn, today: dict[str, Any]) -> None:
    browser = client_for("dispatcher")
    where = proposed(site, browser, today["ana"])
    late = today["visits"][1]
    browser.get(f"{where}/visits/{late}/none-suits")
    refused = browser.send({"note": ""}, button="Keep it", status=422)
    assert "what they said, so that whoever calls knows" in refused.text
    browser.get(f"{where}/visits/{late}/none-suits")
    assert browser.send({"note": "Only after Easter"}, button="Keep it") == where
    with site.session() as session:
        call = session.scalars(select(CallTask).where(CallTask.visit_id == late)).one()
        assert (call.state, call.facts["note"]) == (CallState.OPEN, "Only after Easter")
        number = call.id
    assert "Said last time: Only after Easter" in browser.get(f"/outbox/calls/{number}").text


def running_late(site: Site, today: dict[str, Any], minutes: int, **customer: Any) -> int:
    """Let Ana need longer than the promise of her second visit allows; nobody else works that day."""
    with site.session() as session:
        ben = session.scalars(select(Shift).where(Shift.technician_id == today["ben"], ~Shift.cancelled)).one()
        theirs = session.get_one(
            Assignment,
            session.scalars(select(Assignment.id).where(Assignment.visit_id == today["theirs"], live())).one(),
        )
        theirs.state = AssignmentState.CANCELLED
        ben.cancelled = True
        for visit in session.scalars(select(Visit).where(Visit.id.in_(today["visits"]))):
            job = session.get_one(Job, visit.job_id)
            for name, value in customer.items():
                setattr(session.get_one(Customer, job.customer_id), name, value)
        dispatcher = session.get_one(User, site.people["dispatcher"])
        made = report_late(
            session,
            technician_id=today["ana"],
            minutes=minutes,
            actor=Actor(user_id=dispatcher.id, name=dispatcher.name, grants=(Grant(role="dispatcher"),)),
            now=clock.now(),
        )
        assert made is not None
        found = made.id
    work(site, found)
    return found


def test_the_next_customer_is_told_of_a_delay_in_one_click_from_the_alert(
    site: Site, client_for: SignIn, today: dict[str, Any]
) -> None:
    number = running_late(site, today, 180, preferred_channel="mail", email="hale@example.test")
    browser = client_for("dispatcher")
    board = browser.get("/board")
    assert "Tell Hale Dental:" in board.text
    [action] = {form.action for form in board.forms if form.action.endswith("/tell")}
    assert browser.send(action=action, button="Tell Hale Dental") == "/board"
    assert "until then the outbox can recall it" in browser.get("/board").text
    late = int(action.split("/visits/")[1].split("/")[0])
    with site.session() as session:
        start = session.scalars(select(Assignment.during).where(Assignment.visit_id == late, live())).one().lower
        told = session.scalars(
            select(Promise.during).where(Promise.visit_id == late, Promise.state == PromiseState.STANDING)
        ).one()
        assert told.lower <= start < told.upper, "the booking follows what was told"
        part = session.scalars(
            select(MessagePart).where(MessagePart.visit_id == late, MessagePart.subject == f"promise:{late}")
        ).one()
        assert part.after["start"] == told.lower.isoformat()
    browser.get("/board")
    browser.send(action=f"/disruptions/{number}/wait", button="Wait")
    assert "is running 180 min late" not in browser.get("/disruptions/alerts", part=True).text


def test_who_wants_to_be_called_is_not_written_to(site: Site, client_for: SignIn, today: dict[str, Any]) -> None:
    running_late(site, today, 180, preferred_channel="call")
    browser = client_for("dispatcher")
    board = browser.get("/board")
    [action] = {form.action for form in board.forms if form.action.endswith("/tell")}
    where = browser.send(action=action, button="Tell Hale Dental")
    assert "They want to be called." in browser.get(where).text
    with site.session() as session:
        late = int(action.split("/visits/")[1].split("/")[0])
        calls = session.scalars(select(CallTask.visit_id).where(CallTask.state == CallState.OPEN)).all()
    assert late in calls


def test_running_late_is_said_from_the_board_and_has_three_choices(
    site: Site, client_for: SignIn, today: dict[str, Any]
) -> None:
    """From the page that the key S opens: how late, and then tell, hand over or wait, on the page it leads to."""
    browser = client_for("dispatcher")
    browser.get(f"/disruptions/cannot-work?technician={today['ana']}")
    where = browser.send(button="60 min late")
    assert isinstance(where, str)
    number = int(where.rsplit("/", 1)[1])
    with site.session() as session:
        made = session.get_one(Disruption, number)
        assert (made.kind.value, made.minutes, made.technician_id) == ("running_late", 60, today["ana"])
        made.minutes = 180
    work(site, number)
    page = browser.get(where)
    assert "In one click" in page.text
    assert "Tell Hale Dental:" in page.text
    assert browser.send(action=f"/disruptions/{number}/wait", button="Wait") == "/board"
    browser.get(f"/disruptions/cannot-work?technician={today['ana']}")
    fields = browser.form(button="15 min late").fields
    answer = browser.client.post("/disruptions/cannot-work", data={**fields, "late": "7"})
    assert answer.status_code == 422, "only what is offered can be said"


def test_who_should_have_begun_and_was_not_heard_of_is_an_alert(
    site: Site, client_for: SignIn, today: dict[str, Any]
) -> None:
    """Silent while the promise holds; an alert with a call and a click once it may not; silent again once reported."""
    browser = client_for("dispatcher")
    begun = clock.now() - timedelta(minutes=30)
    for promise_ends, alert in ((timedelta(hours=3), False), (timedelta(minutes=2), True)):
        with site.session() as session:
            booking = session.scalars(select(Assignment).where(Assignment.visit_id == today["visits"][0], live())).one()
            booking.during = Range(begun, begun + timedelta(minutes=25))
            promise = session.scalars(
                select(Promise).where(Promise.visit_id == today["visits"][0], Promise.state == PromiseState.STANDING)
            ).one()
            promise.during = Range(begun, clock.now() + promise_ends)
        seen = browser.get("/disruptions/alerts", part=True).text
        assert ("Ana Away should be with Hale Dental since" in seen) is alert
    assert "Nothing was heard yet." in seen
    browser.get("/board")
    assert isinstance(browser.send(button="15 min late"), str)
    assert "should be with Hale Dental" not in browser.get("/disruptions/alerts", part=True).text
