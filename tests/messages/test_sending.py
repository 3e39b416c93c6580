"""Sending: each message leaves once, however many workers run; a killed worker's says that it may be the second."""

import logging
import smtplib
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from dispatch.accounts.access import SYSTEM
from dispatch.accounts.models import RoleName
from dispatch.core import mail as way_out
from dispatch.core.config import Settings
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict
from dispatch.jobs.models import Visit
from dispatch.messages.lifecycle import Topic
from dispatch.messages.models import Message, MessagePart, MessageState
from dispatch.messages.sending import claim_next, note_sent, send_due, take_back_lost
from dispatch.messages.service import News, recall_message, send_now, span, tell
from dispatch.messages.transports import Letter, Mailer, Refused, note_in_log
from dispatch.planning.models import AssignmentState
from dispatch.planning.telling import driving
from dispatch.workforce.models import Technician
from tests import factories as make

NOW = make.MORNING
DUE = NOW + timedelta(seconds=20)
NINE, TEN, NOON = (span(make.hours(start, start + 1)) for start in (2, 3, 5))


class World:
    """A database of its own with one technician and one visit; every step in a session of its own."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = make_engine(url, poolclass=NullPool)
        self.sessions: Callable[[], Session] = make_sessions(self.engine)
        with self.sessions() as session:
            make.make_user(session, RoleName.ADMINISTRATOR)
            territory = make.make_territory(session)
            ana = make.make_technician(session, territory=territory, name="Ana", email="ana@example.test")
            site = make.make_site(session, territory=territory)
            visits = [make.make_visit(session, job=make.make_job(session, site=site)) for _ in range(2)]
            self.territory_id, self.ana_id = territory.id, ana.id
            self.visit_id, self.other_id = (visit.id for visit in visits)
            session.commit()

    def tell(self, before: Any, after: Any, *, now: datetime = NOW, visit_id: int | None = None) -> None:
        visit_id = visit_id or self.visit_id
        news = News(
            topic=Topic.WORK,
            number=visit_id,
            visit_id=visit_id,
            technician_id=self.ana_id,
            territory_id=self.territory_id,
            before=before,
            after=after,
        )
        with self.sessions() as session:
            tell(session, [news], actor=SYSTEM, now=now)
            session.commit()

    def send(self, transport: Callable[[Letter], None], now: datetime = DUE) -> int:
        return send_due(self.sessions, transport, lambda: now, driving=driving())

    def messages(self) -> list[Message]:
        with self.sessions() as session:
            return list(session.scalars(select(Message).order_by(Message.id)))

    def states(self) -> list[str]:
        return [message.state.value for message in self.messages()]

    def parts(self, message_id: int) -> list[tuple[Any, Any]]:
        with self.sessions() as session:
            rows = session.scalars(
                select(MessagePart).where(MessagePart.message_id == message_id).order_by(MessagePart.id)
            )
            return [(row.before, row.after) for row in rows]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.engine.dispose()


def unreachable(_letter: Letter) -> None:
    raise ConnectionRefusedError


def test_what_is_due_leaves_once_and_what_waits_does_not(world: World) -> None:
    world.tell(None, NINE)
    letters: list[Letter] = []
    assert world.send(letters.append, DUE - timedelta(seconds=1)) == 0
    assert world.send(letters.append) == 1
    assert world.send(letters.append) == 0  # the same task again
    (message,) = world.messages()
    assert (message.state, message.sent_at, message.attempts) == (MessageState.SENT, DUE, 1)
    assert [(letter.address, letter.body) for letter in letters] == [("ana@example.test", message.body)]


def test_two_workers_at_once_never_send_the_same_message(world: World) -> None:
    for number in range(12):
        with world.sessions() as session:
            person = make.make_technician(session, email=f"p{number}@example.test")
            news = News(
                topic=Topic.WORK,
                number=world.visit_id,
                visit_id=world.visit_id,
                technician_id=person.id,
                territory_id=world.territory_id,
                after=NINE,
            )
            tell(session, [news], actor=SYSTEM, now=NOW)
            session.commit()
    letters: list[int] = []
    workers = [
        threading.Thread(target=world.send, args=(lambda letter: letters.append(letter.message_id),)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(letters) == [message.id for message in world.messages()]
    assert set(world.states()) == {"sent"}


def test_a_recall_and_a_sending_meet_and_one_of_them_wins(world: World) -> None:
    world.tell(None, NINE)
    (message,) = world.messages()
    with world.sessions() as worker, world.sessions() as person:
        letter = claim_next(worker, now=DUE)
        assert letter is not None
        refused: list[str] = []

        def recall() -> None:
            try:
                recall_message(person, message_id=message.id, version=None, actor=SYSTEM, now=DUE)
            except Conflict as conflict:
                refused.append(conflict.message)

        waiting = threading.Thread(target=recall)
        waiting.start()
        worker.commit()
        waiting.join()
    assert refused == ["This message is being sent at this moment. Look again in a few seconds."]
    with world.sessions() as session:
        assert note_sent(session, letter, now=DUE)
        session.commit()
    assert world.states() == ["sent"]


def test_what_is_being_recalled_is_not_claimed(world: World) -> None:
    world.tell(None, NINE)
    with world.sessions() as person:
        recall_message(person, message_id=world.messages()[0].id, version=None, actor=SYSTEM, now=DUE)
        assert world.send(unreachable) == 0
        person.commit()
    assert world.send(unreachable) == 0
    assert world.states() == ["recalled"]


class TestAKilledWorker:
    def claimed(self, world: World) -> Letter:
        with world.sessions() as session:
            letter = claim_next(session, now=DUE)
            session.commit()
        assert letter is not None
        return letter

    def test_its_message_is_tried_again_after_the_lease_and_says_so(self, world: World) -> None:
        world.tell(None, NINE)
        first = self.claimed(world)
        letters: list[Letter] = []
        assert world.send(letters.append, DUE + timedelta(seconds=59)) == 0
        assert world.send(letters.append, DUE + timedelta(seconds=61)) == 0  # given back, its pause begins
        assert world.states() == ["held"]
        assert world.send(letters.append, DUE + timedelta(seconds=122)) == 1
        assert "You may have had this message before" in letters[0].body
        assert letters[0].key == first.key
        assert letters[0].attempt_id != first.attempt_id

    def test_the_late_worker_does_not_note_its_attempt_any_more(self, world: World) -> None:
        world.tell(None, NINE)
        letter = self.claimed(world)
        with world.sessions() as session:
            assert take_back_lost(session, now=DUE + timedelta(seconds=61)) == 1
            session.commit()
        with world.sessions() as session:
            assert note_sent(session, letter, now=DUE + timedelta(seconds=62)) is False
        assert world.states() == ["held"]

    def test_newer_news_corrects_what_may_have_left(self, world: World) -> None:
        world.tell(None, NINE)
        self.claimed(world)
        world.tell(NINE, None)
        world.send(unreachable, DUE + timedelta(seconds=61))
        old, newer = world.messages()
        assert (old.state, newer.maybe_sent) == (MessageState.RECALLED, True)
        assert world.parts(newer.id) == [(NINE, None)]


class TestAFailure:
    def test_it_is_tried_four_times_with_longer_pauses_then_somebody_sees_to_it(self, world: World) -> None:
        world.tell(None, NINE)
        moment, pauses = DUE, []
        for _ in range(3):
            world.send(unreachable, moment)
            (message,) = world.messages()
            assert message.state is MessageState.HELD
            pauses.append(message.hold_until - moment)
            moment = message.hold_until
        world.send(unreachable, moment)
        (message,) = world.messages()
        assert [pause.total_seconds() for pause in pauses] == [60, 300, 900]
        assert (message.state, message.attempts) == (MessageState.FAILED, 4)
        assert message.problem == "The mail server could not be reached. Call them, or try again."
        assert message.owner_id is not None
        assert message.due_at == moment + timedelta(minutes=30)

    def test_a_refused_address_is_not_tried_again(self, world: World) -> None:
        def refuse(_letter: Letter) -> None:
            raise Refused("No such address.")

        world.tell(None, NINE)
        world.send(refuse)
        (message,) = world.messages()
        assert (message.state, message.attempts, message.problem) == (MessageState.FAILED, 1, "No such address.")

    def test_it_can_be_tried_again_by_hand(self, world: World) -> None:
        self.test_a_refused_address_is_not_tried_again(world)
        with world.sessions() as session:
            send_now(session, message_id=world.messages()[0].id, version=None, actor=SYSTEM, now=DUE)
            session.commit()
        assert world.send(note_in_log) == 1

    def test_later_news_goes_with_it_instead_of_beside_it(self, world: World) -> None:
        self.test_a_refused_address_is_not_tried_again(world)
        world.tell(NINE, TEN, now=DUE)
        (message,) = world.messages()
        assert (message.state, message.problem) == (MessageState.HELD, None)
        assert world.parts(message.id) == [(None, TEN)]

    @pytest.mark.parametrize(
        "news, states, parts",
        [
            ([(NINE, TEN)], ["recalled", "held"], [(None, TEN)]),
            ([(NINE, None)], ["recalled", "recalled"], [(NINE, None)]),
        ],
    )
    def test_news_that_came_while_it_was_tried_takes_it_over(
        self, world: World, news: list[tuple[Any, Any]], states: list[str], parts: list[tuple[Any, Any]]
    ) -> None:
        world.tell(None, NINE)

        def fail_meanwhile(_letter: Letter) -> None:
            for before, after in news:
                world.tell(before, after)
            raise ConnectionRefusedError

        world.send(fail_meanwhile)
        assert world.states() == states
        assert world.parts(world.messages()[1].id) == parts

    def test_what_the_newer_message_does_not_speak_of_is_added(self, world: World) -> None:
        world.tell(None, NINE)

        def fail_meanwhile(_letter: Letter) -> None:
            world.tell(None, TEN, visit_id=world.other_id)
            raise ConnectionRefusedError

        world.send(fail_meanwhile)
        assert world.parts(world.messages()[1].id) == [(None, TEN), (None, NINE)]

    def test_who_lost_the_address_meanwhile_is_not_sent_into_nowhere(self, world: World) -> None:
        world.tell(None, NINE)
        with world.sessions() as session:
            session.get_one(Technician, world.ana_id).email = None
            session.commit()
        assert world.send(unreachable) == 0
        assert world.states() == ["failed"]


def test_two_sessions_tell_the_same_person_at_once(world: World) -> None:
    with world.sessions() as first:
        tell(first, [one(world, world.visit_id, NINE)], actor=SYSTEM, now=NOW)
        other = threading.Thread(target=world.tell, args=(None, TEN), kwargs={"visit_id": world.other_id})
        other.start()
        other.join(0.3)
        assert other.is_alive()  # it waits for the message that is being written
        first.commit()
        other.join()
    (message,) = world.messages()
    assert sorted(after["start"] for _, after in world.parts(message.id)) == [NINE["start"], TEN["start"]]


def one(world: World, visit_id: int, after: Any) -> News:
    return News(
        topic=Topic.WORK,
        number=visit_id,
        visit_id=visit_id,
        technician_id=world.ana_id,
        territory_id=world.territory_id,
        after=after,
    )


@pytest.mark.parametrize("after, states", [(span(make.hours(5, 6)), ["held"]), (span(make.hours(1, 2)), ["sent"])])
def test_a_driver_is_disturbed_only_by_what_is_urgent(world: World, after: Any, states: list[str]) -> None:
    with world.sessions() as session:
        visit, ana = session.get_one(Visit, world.other_id), session.get_one(Technician, world.ana_id)
        make.make_assignment(session, visit=visit, technician=ana, state=AssignmentState.ON_THE_WAY)
        session.commit()
    world.tell(None, after)
    world.send(note_in_log)
    assert world.states() == states


def letter(**changes: Any) -> Letter:
    values: dict[str, Any] = {
        "message_id": 7,
        "attempt_id": uuid.uuid4(),
        "key": uuid.UUID(int=1),
        "attempt": 1,
        "channel": "mail",
        "address": "ana@example.test",
        "title": "Your work has changed",
        "body": "Hello Ana, über 9:00",
    }
    return Letter(**{**values, **changes})


class TestTransports:
    def test_the_log_names_no_person_and_no_words(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, logger="dispatch.messages"):
            note_in_log(letter())
        assert "message sent id=7 attempt=1" in caplog.text
        assert "ana@" not in caplog.text
        assert "Hello" not in caplog.text

    def mailer(self, tmp_path: Path, **changes: Any) -> Mailer:
        return Mailer(Settings(data_dir=tmp_path, message_transport="mail", **changes))

    def test_a_mail_carries_the_number_of_its_message(self, tmp_path: Path) -> None:
        self.mailer(tmp_path)(letter())
        (path,) = (tmp_path / "mail").iterdir()
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert (mail["To"], mail["Subject"]) == ("ana@example.test", "Your work has changed")
        assert mail["Message-ID"] == "<00000000-0000-0000-0000-000000000001@localhost>"
        assert mail.get_content().strip() == "Hello Ana, über 9:00"

    def test_a_title_with_line_breaks_makes_no_second_header(self, tmp_path: Path) -> None:
        self.mailer(tmp_path)(letter(title="Hello\r\nBcc: all@example.test"))
        (path,) = (tmp_path / "mail").iterdir()
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert mail["Bcc"] is None
        assert mail["Subject"] == "Hello Bcc: all@example.test"

    @pytest.mark.parametrize("address", ["nobody", "a@b\r\nBcc: c@d", "", "a b@c"])
    def test_an_impossible_address_is_refused_with_what_to_do(self, tmp_path: Path, address: str) -> None:
        with pytest.raises(Refused, match="cannot be right"):
            self.mailer(tmp_path)(letter(address=address))

    def test_a_text_message_cannot_go_by_mail(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match="Only mails"):
            self.mailer(tmp_path)(letter(channel="text"))

    @pytest.mark.parametrize("code, error", [(550, Refused), (451, smtplib.SMTPRecipientsRefused)])
    def test_a_server_that_refuses_for_good_is_believed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
    ) -> None:
        class Server(smtplib.SMTP):
            def __init__(self, *_: Any, **__: Any) -> None: ...

            def __exit__(self, *_: Any) -> None: ...

            def send_message(self, *_: Any, **__: Any) -> Any:
                raise smtplib.SMTPRecipientsRefused({"ana@example.test": (code, b"no")})

        monkeypatch.setattr(way_out.smtplib, "SMTP", Server)
        with pytest.raises(error):
            self.mailer(tmp_path, mail_backend="smtp")(letter())
