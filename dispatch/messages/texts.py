"""What messages say: the rows their sentences need, read for many messages at once."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.models import User
from dispatch.jobs.models import Customer, Job, Site, Visit
from dispatch.messages.contacts import Contact, contacts
from dispatch.messages.models import Message, MessagePart
from dispatch.messages.words import Line, Sender, compose
from dispatch.workforce.models import Territory


@dataclass(frozen=True, kw_only=True)
class Text:
    """One message ready to be read: who gets it, how, and what it says."""

    contact: Contact
    title: str
    body: str


@dataclass(frozen=True, kw_only=True)
class People:
    """The contacts of those who get messages."""

    technicians: Mapping[int, Contact]
    customers: Mapping[int, Contact]

    def of(self, message: Message) -> Contact:
        """Return the contact of whoever gets a message."""
        if message.technician_id is not None:
            return self.technicians[message.technician_id]
        assert message.customer_id is not None
        return self.customers[message.customer_id]


def texts(session: Session, messages: Sequence[Message], *, about: Collection[int] | None = None) -> dict[int, Text]:
    """Return the texts of some messages: as they were sent, or as they would be sent now.

    With ``about`` only what they say of these visits: who may see one job need not read of others.
    """
    lines = _lines(session, [message.id for message in messages], about)
    technicians = {message.technician_id for message in messages if message.technician_id is not None}
    customers = {message.customer_id for message in messages if message.customer_id is not None}
    people = People(
        technicians=contacts(session, Message.technician_id, technicians) if technicians else {},
        customers=contacts(session, Message.customer_id, customers) if customers else {},
    )
    senders = {
        row.id: Sender(name=row.name, phone=row.phone)
        for row in session.execute(
            select(User.id, User.name, User.phone).where(User.id.in_({message.owner_id for message in messages}))
        )
    }
    found = {message.id: _text(message, lines[message.id], people, senders) for message in messages}
    if about is not None:
        return found
    return {
        message.id: replace(
            found[message.id],
            title=message.title or found[message.id].title,
            body=message.body or found[message.id].body,
        )
        for message in messages
    }


def _text(
    message: Message,
    lines: Sequence[Line],
    people: People,
    senders: Mapping[int, Sender],
) -> Text:
    contact = people.of(message)
    sender = senders.get(message.owner_id or 0, Sender(name="Your dispatcher", phone=None))
    title, body = compose(
        contact.name, lines, sender, to_customer=message.customer_id is not None, again=message.maybe_sent
    )
    return Text(contact=contact, title=title, body=body)


def _lines(session: Session, ids: Collection[int], about: Collection[int] | None) -> dict[int, list[Line]]:
    found: dict[int, list[Line]] = defaultdict(list)
    wanted = [MessagePart.message_id.in_(ids)]
    if about is not None:
        wanted.append(MessagePart.visit_id.in_(about))
    for row in session.execute(
        select(
            MessagePart.message_id,
            MessagePart.kind,
            MessagePart.before,
            MessagePart.after,
            Job.title.label("job"),
            Customer.name.label("customer"),
            Site.address,
            Territory.zone,
        )
        .join(Message, Message.id == MessagePart.message_id)
        .join(Territory, Territory.id == Message.territory_id)
        .outerjoin(Visit, Visit.id == MessagePart.visit_id)
        .outerjoin(Job, Job.id == Visit.job_id)
        .outerjoin(Customer, Customer.id == Job.customer_id)
        .outerjoin(Site, Site.id == Job.site_id)
        .where(*wanted)
        .order_by(MessagePart.message_id, MessagePart.id)
    ).mappings():
        values = dict(row)
        found[values.pop("message_id")].append(Line(**values))
    return found
