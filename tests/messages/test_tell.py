"""How news becomes messages: merged per person, compared with what was told last, withdrawn when nothing is left."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Actor, Grant
from dispatch.accounts.models import RoleName
from dispatch.core.errors import Conflict, NotFound
from dispatch.jobs.models import Customer, Job, Site, Visit
from dispatch.messages.lifecycle import MESSAGE_MOVES, Topic
from dispatch.messages.models import Kind, Message, MessagePart, MessageState
from dispatch.messages.service import News, recall_message, send_now, span, tell
from dispatch.messages.texts import texts
from dispatch.workforce.models import Technician
from tests import factories as make

NOW = make.MORNING
NINE, TEN, NOON = (span(make.hours(start, start + 1)) for start in (2, 3, 5))


@pytest.fixture
def ana(session: Session) -> Technician:
    make.make_user(session, RoleName.ADMINISTRATOR)
    return make.make_technician(session, territory=make.make_territory(session), name="Ana Ruiz", phone="+49 1")


@pytest.fixture
def visit(session: Session, ana: Technician) -> Visit:
    return make.make_visit(session, job=make.make_job(session, title="Boiler"))


def work(ana: Technician, visit: Visit, before: Any, after: Any) -> News:
    return News(
        topic=Topic.WORK,
        number=visit.id,
        visit_id=visit.id,
        technician_id=ana.id,
        territory_id=visit.territory_id,
        before=before,
        after=after,
    )


def promised(customer: Customer, visit: Visit, before: Any, after: Any) -> News:
    return News(
        topic=Topic.PROMISE,
        number=visit.id,
        visit_id=visit.id,
        customer_id=customer.id,
        territory_id=visit.territory_id,
        before=before,
        after=after,
    )


def messages(session: Session) -> list[Message]:
    return list(session.scalars(select(Message).order_by(Message.id).execution_options(populate_existing=True)))


def parts(session: Session, message: Message) -> list[tuple[Kind, Any, Any]]:
    rows = session.scalars(select(MessagePart).where(MessagePart.message_id == message.id).order_by(MessagePart.id))
    return [(row.kind, row.before, row.after) for row in rows.all()]


def sent(session: Session, message: Message) -> None:
    """Let a message have been sent, as a worker does."""
    session.execute(
        text(
            "UPDATE message SET state = 'sending', attempt_id = gen_random_uuid(), lease_until = now(), title = 't',"
            " body = 'b', version = version + 1 WHERE id = :id"
        ),
        {"id": message.id},
    )
    done = (
        "UPDATE message SET state = 'sent', lease_until = NULL, sent_at = now(), version = version + 1 WHERE id = :id"
    )
    session.execute(text(done), {"id": message.id})


def test_the_moves_are_those_the_database_allows(session: Session) -> None:
    stored = session.execute(text("SELECT from_state, to_state FROM state_move WHERE entity = 'message'")).all()
    assert {tuple(row) for row in stored} == {
        (before.value, after.value) for before, afters in MESSAGE_MOVES.items() for after in afters
    }


def test_news_waits_twenty_seconds_and_has_its_task(session: Session, ana: Technician, visit: Visit) -> None:
    told = tell(session, [work(ana, visit, None, NINE)], actor=SYSTEM, now=NOW)
    (message,) = messages(session)
    assert (told.held, message.state, message.channel) == (1, MessageState.HELD, "text")
    assert message.hold_until == NOW + timedelta(seconds=20)
    assert parts(session, message) == [(Kind.BOOKED, None, NINE)]
    tasks = session.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'messages.send'"))
    assert tasks.scalar() == 1


def test_news_of_several_visits_is_one_message(session: Session, ana: Technician, visit: Visit) -> None:
    other = make.make_visit(session, job=make.make_job(session, site=visit_site(session, visit)))
    tell(session, [work(ana, visit, None, NINE)], actor=SYSTEM, now=NOW)
    tell(session, [work(ana, other, None, TEN)], actor=SYSTEM, now=NOW + timedelta(seconds=15))
    (message,) = messages(session)
    assert len(parts(session, message)) == 2
    assert message.hold_until == NOW + timedelta(seconds=35)


def visit_site(session: Session, visit: Visit) -> Site:
    return session.get_one(Site, session.get_one(Job, visit.job_id).site_id)


def test_a_second_change_replaces_the_first(session: Session, ana: Technician, visit: Visit) -> None:
    tell(session, [work(ana, visit, NINE, TEN)], actor=SYSTEM, now=NOW)
    tell(session, [work(ana, visit, TEN, NOON)], actor=SYSTEM, now=NOW)
    (message,) = messages(session)
    assert parts(session, message) == [(Kind.MOVED, NINE, NOON)]


def test_a_change_taken_back_withdraws_the_message(session: Session, ana: Technician, visit: Visit) -> None:
    tell(session, [work(ana, visit, NINE, TEN)], actor=SYSTEM, now=NOW)
    told = tell(session, [work(ana, visit, TEN, NINE)], actor=SYSTEM, now=NOW)
    (message,) = messages(session)
    assert (told.withdrawn, told.held, message.state) == (1, 0, MessageState.RECALLED)
    assert parts(session, message) == [(Kind.MOVED, NINE, TEN)]  # what would have been said stays readable


def test_one_of_two_changes_taken_back_leaves_the_other(session: Session, ana: Technician, visit: Visit) -> None:
    other = make.make_visit(session, job=make.make_job(session, site=visit_site(session, visit)))
    tell(session, [work(ana, visit, None, NINE), work(ana, other, None, TEN)], actor=SYSTEM, now=NOW)
    tell(session, [work(ana, visit, NINE, None)], actor=SYSTEM, now=NOW)
    (message,) = messages(session)
    assert (message.state, parts(session, message)) == (MessageState.HELD, [(Kind.BOOKED, None, TEN)])


def test_what_was_sent_counts_as_told_and_the_next_change_starts_from_there(
    session: Session, ana: Technician, visit: Visit
) -> None:
    tell(session, [work(ana, visit, None, NINE)], actor=SYSTEM, now=NOW)
    sent(session, messages(session)[0])
    tell(session, [work(ana, visit, NINE, TEN)], actor=SYSTEM, now=NOW)
    recall_message(session, message_id=messages(session)[1].id, version=None, actor=SYSTEM, now=NOW)
    tell(session, [work(ana, visit, TEN, NOON)], actor=SYSTEM, now=NOW)  # of ten o'clock they never heard
    assert parts(session, messages(session)[2]) == [(Kind.MOVED, NINE, NOON)]
    tell(session, [work(ana, visit, NOON, NINE)], actor=SYSTEM, now=NOW)
    assert [each.state.value for each in messages(session)] == ["sent", "recalled", "recalled"]


def test_publishing_holds_longer_and_a_change_on_the_board_does_not_shorten_it(
    session: Session, ana: Technician, visit: Visit
) -> None:
    tell(session, [work(ana, visit, None, NINE)], actor=SYSTEM, now=NOW, hold_s=60)
    tell(session, [work(ana, visit, NINE, TEN)], actor=SYSTEM, now=NOW + timedelta(seconds=5))
    assert messages(session)[0].hold_until == NOW + timedelta(seconds=60)


def test_at_night_a_message_waits_for_the_morning(session: Session, ana: Technician, visit: Visit) -> None:
    late = datetime(2026, 3, 2, 21, 0, tzinfo=NOW.tzinfo)  # ten in the evening in Berlin
    tell(session, [work(ana, visit, None, NOON)], actor=SYSTEM, now=late)
    assert messages(session)[0].hold_until == datetime(2026, 3, 3, 5, 0, tzinfo=NOW.tzinfo)


def test_each_territory_has_its_own_message_so_nobody_reads_of_others(
    session: Session, ana: Technician, visit: Visit
) -> None:
    elsewhere = make.make_visit(session)
    tell(session, [work(ana, visit, None, NINE), work(ana, elsewhere, None, TEN)], actor=SYSTEM, now=NOW)
    assert {each.territory_id for each in messages(session)} == {visit.territory_id, elsewhere.territory_id}


def test_without_any_address_it_fails_at_once_with_an_owner_and_a_due_time(session: Session, visit: Visit) -> None:
    nobody = make.make_technician(session)
    owner = make.make_user(session, RoleName.DISPATCHER)
    actor = Actor(user_id=owner.id, name=owner.name, grants=(Grant(role="dispatcher"),))
    tell(session, [work(nobody, visit, None, NINE)], actor=actor, now=NOW)
    (message,) = messages(session)
    assert (message.state, message.owner_id) == (MessageState.FAILED, owner.id)
    assert message.due_at == NOW + timedelta(minutes=30)
    assert message.problem == "There is neither phone number nor address. Add one, then try again."
    with pytest.raises(Conflict, match="neither phone number nor address"):
        send_now(session, message_id=message.id, version=None, actor=actor, now=NOW)
    nobody.email = "nobody@example.test"
    send_now(session, message_id=message.id, version=None, actor=actor, now=NOW)
    assert (message.state, message.channel, message.hold_until) == (MessageState.HELD, "mail", NOW)


@pytest.mark.parametrize(
    "likes, phone, email, expected",
    [
        ("mail", "+49 1", "p@example.test", "mail"),
        ("text", "+49 1", "p@example.test", "text"),
        ("text", None, "p@example.test", "mail"),
        ("mail", "+49 1", None, "text"),
        ("call", "+49 1", "p@example.test", None),
    ],
)
def test_customers_get_it_the_way_they_like_and_who_wants_calls_gets_no_text(
    session: Session, visit: Visit, likes: str, phone: str | None, email: str | None, expected: str | None
) -> None:
    priya = make.make_customer(session, preferred_channel=likes, phone=phone, email=email)
    tell(session, [promised(priya, visit, None, NINE)], actor=SYSTEM, now=NOW)
    assert [each.channel for each in messages(session)] == ([] if expected is None else [expected])


def test_the_text_names_who_can_be_asked(session: Session, ana: Technician, visit: Visit) -> None:
    ines = make.make_user(session, RoleName.DISPATCHER, name="Ines Weber", phone="+49 30 1")
    actor = Actor(user_id=ines.id, name=ines.name, grants=(Grant(role="dispatcher"),))
    tell(session, [work(ana, visit, None, NINE)], actor=actor, now=NOW)
    (message,) = messages(session)
    found = texts(session, [message])[message.id]
    assert "New: Boiler at " in found.body
    assert found.body.endswith("Call Ines Weber on +49 30 1.")


class TestRecalling:
    def test_it_is_not_sent_and_says_by_whom(self, session: Session, ana: Technician, visit: Visit) -> None:
        tell(session, [work(ana, visit, None, NINE)], actor=SYSTEM, now=NOW)
        message = recall_message(session, message_id=messages(session)[0].id, version=1, actor=SYSTEM, now=NOW)
        assert (message.state, message.problem) == (MessageState.RECALLED, "Recalled by Extramile")
        with pytest.raises(Conflict, match="recalled already"):
            recall_message(session, message_id=message.id, version=None, actor=SYSTEM, now=NOW)

    def test_what_changed_since_one_looked_is_not_recalled_unread(
        self, session: Session, ana: Technician, visit: Visit
    ) -> None:
        tell(session, [work(ana, visit, None, NINE)], actor=SYSTEM, now=NOW)
        tell(session, [work(ana, visit, NINE, TEN)], actor=SYSTEM, now=NOW)
        with pytest.raises(Conflict, match="says something else since you looked"):
            recall_message(session, message_id=messages(session)[0].id, version=1, actor=SYSTEM, now=NOW)

    def test_another_territory_s_message_does_not_exist(self, session: Session, ana: Technician, visit: Visit) -> None:
        tell(session, [work(ana, visit, None, NINE)], actor=SYSTEM, now=NOW)
        stranger = Actor(
            user_id=None, name="S", grants=(Grant(role="dispatcher", territory_id=visit.territory_id + 1),)
        )
        with pytest.raises(NotFound):
            recall_message(session, message_id=messages(session)[0].id, version=None, actor=stranger, now=NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE message SET body = 'other', version = version + 1",
        "UPDATE message SET state = 'held', sent_at = NULL, version = version + 1",
        "DELETE FROM message",
        "UPDATE message_part SET after = '{}'",
        "DELETE FROM message_part",
        "INSERT INTO message_part (message_id, subject, kind, after) SELECT id, 'work:0', 'booked', '{}' FROM message",
    ],
)
def test_what_was_sent_never_changes(session: Session, ana: Technician, visit: Visit, statement: str) -> None:
    tell(session, [work(ana, visit, None, NINE)], actor=SYSTEM, now=NOW)
    sent(session, messages(session)[0])
    with pytest.raises(DBAPIError, match=r"stay|cannot go from sent"), session.begin_nested():
        session.execute(text(statement))


def test_one_message_of_a_person_is_open_at_a_time(session: Session, ana: Technician, visit: Visit) -> None:
    tell(session, [work(ana, visit, None, NINE)], actor=SYSTEM, now=NOW)
    second = insert(Message).values(
        technician_id=ana.id, territory_id=visit.territory_id, hold_until=NOW, created_at=NOW, changed_at=NOW
    )
    with pytest.raises(DBAPIError, match="uq_message_open_technician"), session.begin_nested():
        session.execute(second)
