"""The outbox: what waits is counted in the frame, read, recalled or sent; calls come before texts."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from dispatch.core import clock
from dispatch.jobs.models import Customer, Job, Promise, PromiseState
from dispatch.messages.calls import CALL_WITHIN
from dispatch.messages.hours import waits_until
from dispatch.messages.models import CallState, CallTask, Message, MessagePart, MessageState
from dispatch.messages.sending import send_due
from dispatch.messages.transports import note_in_log
from dispatch.planning.loose_ends import orphans
from dispatch.workforce.models import Technician, Territory
from tests.conftest import statements
from tests.factories import ZONE
from tests.web.browser import Browser
from tests.web.conftest import Site
from tests.web.world import Day, make_day

SignIn = Callable[[str], Browser]


@pytest.fixture
def day(site: Site) -> Day:
    with site.session() as session:
        return make_day(session, session.get_one(Territory, site.north_id))


def move(dispatcher: Browser, day: Day, hour: int, person: int | None = None) -> str:
    """Move the booked visit by the form, publish that and return the page one lands on."""
    dispatcher.get(f"/board/visits/{day.booked_visit}?date={day.on}")
    fields = {"technician_id": str(person or day.ana), "starts_at": day.local(hour)}
    dispatcher.send(fields, button="Move")
    return publish(dispatcher, day)


def publish(dispatcher: Browser, day: Day) -> str:
    """Publish what waits on the day and return the page one lands on."""
    dispatcher.get(f"/board/draft?date={day.on}")
    return dispatcher.get(str(dispatcher.send({}, button="Publish"))).text


def state_of(site: Site, technician_id: int) -> list[MessageState]:
    with site.session() as session:
        query = select(Message.state).where(Message.technician_id == technician_id).order_by(Message.id)
        return list(session.scalars(query))


def test_a_move_waits_in_the_outbox_and_undo_recalls_it(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    page = move(dispatcher, day, 11)
    assert "Messages waiting to be sent: 1." in page
    assert "Outbox:" in page
    listing = dispatcher.get("/outbox").text
    assert "Moved: Boiler leaks at Hale Dental" in listing
    assert "by text message" in listing
    dispatcher.get(f"/board?date={day.on}")
    where = dispatcher.send({}, action="/steps/undo")
    assert "Messages recalled: 1." in dispatcher.get(str(where)).text
    assert state_of(site, day.ana) == [MessageState.RECALLED]
    assert "Taken back before it was sent" in dispatcher.get("/outbox?state=recalled").text


def test_it_is_recalled_by_hand_and_the_change_stands(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    move(dispatcher, day, 11)
    path = message_path(site, day.ana)
    assert "Hello Ana Ruiz," in dispatcher.get(path).text
    where = dispatcher.send({}, action=f"{path}/recall")
    page = dispatcher.get(str(where)).text
    assert "Nobody is told; the change itself stands." in page
    assert "Recalled by Dispatcher North" in page
    assert state_of(site, day.ana) == [MessageState.RECALLED]


def message_path(site: Site, technician_id: int) -> str:
    with site.session() as session:
        query = select(Message.id).where(Message.technician_id == technician_id).order_by(Message.id.desc())
        return f"/outbox/{session.scalars(query).first()}"


def test_it_is_sent_at_once_and_cannot_be_recalled_then(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    move(dispatcher, day, 11)
    path = message_path(site, day.ana)
    dispatcher.get(path)
    where = dispatcher.send({}, action=f"{path}/send")
    assert "It goes out now." in dispatcher.get(str(where)).text
    assert send_due(site.session, note_in_log, clock.now) == 1
    token = dispatcher.token()
    dispatcher.client.post(f"{path}/recall", data={"csrf_token": token, "back": path})
    page = dispatcher.get(path).text
    assert "it cannot be called back" in page
    assert state_of(site, day.ana) == [MessageState.SENT]
    assert "Told Ana Ruiz:" in dispatcher.get(f"/jobs/{day.booked_job}").text


def test_the_timeline_of_a_job_tells_of_this_job_only(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    move(dispatcher, day, 11)
    dispatcher.get(f"/board/visits/{day.waiting_visit}?date={day.on}")
    dispatcher.send({"technician_id": str(day.ana), "starts_at": day.local(13)}, button="Book")
    publish(dispatcher, day)
    page = dispatcher.get(f"/jobs/{day.booked_job}").text
    assert "Waits to be sent to Ana Ruiz:" in page
    assert "Moved: Boiler leaks" in page
    assert "New: Radiator cold" not in page
    assert "New: Radiator cold" in dispatcher.get("/outbox").text


class TestBadNews:
    @pytest.fixture
    def call_id(self, site: Site, client_for: SignIn, day: Day) -> int:
        """Move a promised visit past its window, in spite of the promise."""
        dispatcher = client_for("dispatcher")
        dispatcher.get(f"/board/visits/{day.booked_visit}?date={day.on}")
        late = {"technician_id": str(day.ana), "starts_at": day.local(13)}
        dispatcher.send(late, button="Move", status=409)
        dispatcher.send({**late, "override_reason": "The part comes at noon"}, button="all the same")
        publish(dispatcher, day)
        with site.session() as session:
            (call,) = session.scalars(select(CallTask).where(CallTask.visit_id == day.booked_visit)).all()
            return call.id

    def test_it_is_a_call_with_owner_and_script_and_no_text(
        self, site: Site, client_for: SignIn, day: Day, call_id: int
    ) -> None:
        with site.session() as session:
            call = session.get_one(CallTask, call_id)
            job = session.get_one(Job, day.booked_job)
            assert (call.owner_id, call.state) == (job.owner_id, CallState.OPEN)
            soon = waits_until(clock.now() + CALL_WITHIN, zone=ZONE, to_customer=True)
            assert abs(call.due_at - soon) < timedelta(minutes=1)
            session.get_one(Customer, job.customer_id).phone = "+49 30 12 34"
            assert orphans(session, now=clock.now()) == 0
        dispatcher = client_for("dispatcher")
        assert "Call Hale Dental" in dispatcher.get("/loose-ends?whose=all").text
        page = dispatcher.get(f"/outbox/calls/{call_id}").text
        assert "I am sorry: we will not be with you" in page
        assert "between 13:00 and 15:00" in page
        assert "+49 30 12 34" in page
        assert "To be called before anything is written" in dispatcher.get(f"/jobs/{day.booked_job}").text

    def test_what_was_agreed_is_kept_and_confirmed_in_writing(
        self, site: Site, client_for: SignIn, day: Day, call_id: int
    ) -> None:
        with site.session() as session:
            customer = session.get_one(Customer, session.get_one(Job, day.booked_job).customer_id)
            customer.preferred_channel, customer.email = "mail", "priya@example.test"
        dispatcher = client_for("dispatcher")
        dispatcher.get(f"/outbox/calls/{call_id}")
        page = dispatcher.send({"outcome": ""}, button="They know", status=422)
        assert "Say in a few words what was agreed." in page.text
        answer = {"outcome": "Between one and three", "promise_start": day.local(13), "promise_end": day.local(15)}
        where = dispatcher.send(answer, button="They know")
        page = dispatcher.get(str(where))
        assert "Called Hale Dental: Between one and three" in page.text
        assert "The new time for Boiler leaks" in page.text
        with site.session() as session:
            standing = session.scalars(
                select(Promise).where(Promise.visit_id == day.booked_visit, Promise.state == PromiseState.STANDING)
            ).one()
            assert standing.during.lower == day.at(13)
            (part,) = session.scalars(
                select(MessagePart).where(
                    MessagePart.visit_id == day.booked_visit, MessagePart.subject.startswith("promise")
                )
            ).all()
            assert part.before is not None
        assert "Settled already" in dispatcher.get(f"/outbox/calls/{call_id}").text

    def test_a_move_back_into_the_promise_withdraws_it(
        self, site: Site, client_for: SignIn, day: Day, call_id: int
    ) -> None:
        move(client_for("dispatcher"), day, 11)
        with site.session() as session:
            assert session.get_one(CallTask, call_id).state is CallState.WITHDRAWN


def test_who_cannot_be_reached_is_a_loose_end_until_an_address_is_there(
    site: Site, client_for: SignIn, day: Day
) -> None:
    with site.session() as session:
        session.get_one(Technician, day.ana).phone = None
    dispatcher = client_for("dispatcher")
    page = move(dispatcher, day, 11)
    assert "Nobody could be written to: 1" in page
    assert "Not told yet: Ana Ruiz" in dispatcher.get("/loose-ends").text
    path = message_path(site, day.ana)
    assert "neither phone number nor address" in dispatcher.get(path).text
    with site.session() as session:
        session.get_one(Technician, day.ana).phone = "+49 30 1"
    dispatcher.send({}, action=f"{path}/send")
    assert state_of(site, day.ana) == [MessageState.HELD]
    assert "Not told yet: Ana Ruiz" not in dispatcher.get("/loose-ends").text


def test_the_counter_answers_alone_in_few_statements(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    move(dispatcher, day, 11)
    assert "waiting" in dispatcher.get("/outbox/count", part=True).text
    with statements(site.engine) as frame:
        dispatcher.client.get("/outbox/count", headers={"HX-Request": "true"})
    assert frame.count <= 5


def test_a_manager_reads_and_a_stranger_sees_nothing(site: Site, client_for: SignIn, day: Day) -> None:
    move(client_for("dispatcher"), day, 11)
    path = message_path(site, day.ana)
    page = client_for("manager").get(path)
    assert "Recall" not in [words for form in page.forms for _, _, words in form.buttons]
    client_for("technician").get(path, status=403)
