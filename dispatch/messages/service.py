"""Telling people: what changes for somebody waits a moment, is merged per person, then goes out or is recalled.

``tell`` is called where something changes for a person, in the same transaction. It compares what the person was told
last with what is true now, so a change within the hold replaces the one before, and a change taken back withdraws the
message. Nobody calls it for bookings: `dispatch.planning.changing.change_slots` does, whoever changes them. Bad news
to customers does not come here first but to `dispatch.messages.calls`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.changes import note
from dispatch.accounts.models import Role, RoleGrant, RoleName, User
from dispatch.core.errors import Conflict, NotFound
from dispatch.core.queue import defer
from dispatch.messages.contacts import Contact, Recipients, contacts
from dispatch.messages.hours import waits_until
from dispatch.messages.lifecycle import Topic, kind_of, subject_of
from dispatch.messages.models import OPEN_STATES, Message, MessagePart, MessageState
from dispatch.workforce.models import Shift, Territory

TASK = "messages.send"
HOLD_S = 20
PUBLISH_HOLD_S = 60
URGENT_WITHIN = timedelta(hours=2)
SETTLE_WITHIN = timedelta(minutes=30)
UNDONE = "Taken back before it was sent"


@dataclass(frozen=True, kw_only=True)
class News:
    """What changed for one person: what they know as far as the caller knows, and what is true now.

    ``before`` and ``after`` hold ``start`` and ``end`` as ISO texts (``name`` too where somebody is on the way); None
    stands for nothing. News with None on both sides takes back what was not sent yet. ``unsaid`` news only takes back
    what waits about it: the person keeps what they know until somebody has talked to them.
    """

    topic: Topic
    number: int
    territory_id: int
    technician_id: int | None = None
    customer_id: int | None = None
    visit_id: int | None = None
    owner_id: int | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    unsaid: bool = False

    @property
    def subject(self) -> str:
        """The name under which later news replaces this."""
        return subject_of(self.topic, self.number)


@dataclass(frozen=True, kw_only=True)
class Told:
    """How many messages wait now, and how many were withdrawn."""

    held: int = 0
    withdrawn: int = 0


def span(during: Range[datetime]) -> dict[str, str]:
    """Return a stretch of time as news hold it."""
    assert during.lower is not None
    assert during.upper is not None
    return {"start": during.lower.isoformat(), "end": during.upper.isoformat()}


def tell(session: Session, news: Sequence[News], *, actor: Actor, now: datetime, hold_s: int = HOLD_S) -> Told:
    """Hold news for the people concerned, merged with what waits for them already; the same as before says nothing.

    Customers who want to be called get no text: whoever agrees something with them does so by voice.
    """
    session.flush()
    held = withdrawn = 0
    for recipients in (Message.technician_id, Message.customer_id):
        mine = [each for each in news if getattr(each, recipients.key) is not None]
        if mine:
            merge = _Merge(session, recipients, mine, actor=actor, now=now, hold_s=hold_s)
            merge.run()
            held, withdrawn = held + merge.held, withdrawn + merge.withdrawn
    return Told(held=held, withdrawn=withdrawn)


Person = tuple[int, int]  # technician or customer, territory
Part = dict[str, Any]


class _Merge:
    """Brings news to technicians, or to customers, together with their open messages."""

    def __init__(
        self,
        session: Session,
        recipients: Recipients,
        news: Sequence[News],
        *,
        actor: Actor,
        now: datetime,
        hold_s: int,
    ) -> None:
        self.session, self.recipients, self.actor, self.now, self.hold_s = session, recipients, actor, now, hold_s
        self.held = self.withdrawn = 0
        self.news: dict[Person, list[News]] = defaultdict(list)
        for each in news:
            self.news[getattr(each, recipients.key), each.territory_id].append(each)
        ids = {person for person, _territory in self.news}
        self.people = contacts(session, recipients, ids)
        self.territories = _territories(session, {territory for _person, territory in self.news})
        self.open = self._open(ids)
        self.parts = self._parts()
        self.told = self._told(ids)
        self.at_work = self._at_work(ids) if recipients is Message.technician_id else frozenset()

    def run(self) -> None:
        """Change the open messages, add the missing ones, and ask for the sending."""
        fresh: dict[Person, dict[str, Part]] = {}
        dues: set[datetime] = set()
        for person in sorted(self.news):
            contact = self.people[person[0]]
            if self.recipients is Message.customer_id and contact.preferred == "call":
                continue
            message = self.open.get(person)
            before = self.parts[message.id] if message else {}
            after = self._merged(person, before)
            if message is not None and after != {subject: _values(part) for subject, part in before.items()}:
                self._rewrite(message, before, after, contact)
                dues.add(message.hold_until)
            elif message is None and after:
                fresh[person] = after
        dues |= self._add(fresh)
        self.session.flush()
        for due in sorted(dues):
            ask_for_sending(self.session, due, self.now)

    def _merged(self, person: Person, open_parts: Mapping[str, MessagePart]) -> dict[str, Part]:
        """Return what the message says then, by subject."""
        parts = {subject: _values(part) for subject, part in open_parts.items()}
        for each in self.news[person]:
            known = (person[0], each.subject)
            if each.subject in parts:
                before = parts[each.subject]["before"]
            elif each.topic is Topic.ON_THE_WAY and known in self.told:
                continue  # they heard it once; a second member of the crew sets out
            elif known in self.told:
                before = self.told[known]
            else:
                before = None if each.before is None else dict(each.before)
            after = None if each.after is None else dict(each.after)
            if each.unsaid or before == after:
                parts.pop(each.subject, None)
            else:
                kind = kind_of(each.subject, before, after)
                parts[each.subject] = {"visit_id": each.visit_id, "kind": kind, "before": before, "after": after}
        return parts

    def _rewrite(
        self, message: Message, before: Mapping[str, MessagePart], after: Mapping[str, Part], contact: Contact
    ) -> None:
        message.changed_at = self.now
        flag_modified(message, "changed_at")  # a new version even within one moment: who read the old words must notice
        if not after:
            message.state, message.problem = MessageState.RECALLED, UNDONE
            self.withdrawn += 1
            return
        for subject, part in before.items():
            if subject not in after:
                self.session.delete(part)
        for subject, values in after.items():
            if subject not in before:
                self.session.add(MessagePart(message_id=message.id, subject=subject, **values))
            else:
                for name, value in values.items():
                    setattr(before[subject], name, value)
        # A longer hold that runs already, as after publishing, is kept; quiet hours are counted anew.
        waits = min(message.hold_until, self.now + timedelta(seconds=PUBLISH_HOLD_S))
        person = (getattr(message, self.recipients.key), message.territory_id)
        for name, value in self._standing(person, after, contact, waits).items():
            setattr(message, name, value)
        message.attempts = 0
        self.held += message.state is MessageState.HELD

    def _standing(
        self, person: Person, parts: Mapping[str, Part], contact: Contact, waits: datetime | None = None
    ) -> dict[str, Any]:
        """Return how a message with these parts stands: until when it waits, or that it cannot be sent."""
        zone = self.territories[person[1]].zone
        first = min((at for part in parts.values() for at in _moments(part) if at > self.now), default=None)
        soonest = self.now + timedelta(seconds=self.hold_s)
        channel = contact.channel
        return {
            "channel": channel and channel.value,
            "state": MessageState.HELD if channel else MessageState.FAILED,
            "problem": None if channel else contact.problem(),
            "due_at": None if channel else self.now + SETTLE_WITHIN,
            "urgent": first is not None and first < self.now + URGENT_WITHIN,
            "hold_until": waits_until(
                max(soonest, waits or soonest),
                zone=zone,
                to_customer=self.recipients is Message.customer_id,
                at_work=person[0] in self.at_work,
                first_at=first,
            ),
        }

    def _add(self, fresh: Mapping[Person, Mapping[str, Part]]) -> set[datetime]:
        """Add messages; where another session opened one in this moment, the parts go there."""
        if not fresh:
            return set()
        rows = [
            {
                self.recipients.key: person[0],
                "territory_id": person[1],
                "owner_id": self._owner(person),
                "created_at": self.now,
                "changed_at": self.now,
                **self._standing(person, parts, self.people[person[0]]),
            }
            for person, parts in fresh.items()
        ]
        new = upsert(Message)
        made = self.session.execute(
            new.on_conflict_do_update(
                index_elements=[self.recipients, Message.territory_id],
                index_where=text("state IN ('held', 'failed')"),
                set_={
                    "version": Message.version + 1,
                    "changed_at": new.excluded.changed_at,
                    "hold_until": func.greatest(Message.hold_until, new.excluded.hold_until),
                },
            ).returning(Message.id, self.recipients.label("person"), Message.territory_id, Message.hold_until),
            rows,
        ).all()
        parts = [
            {"message_id": row.id, "subject": subject, **values}
            for row in made
            for subject, values in fresh[row.person, row.territory_id].items()
        ]
        added = upsert(MessagePart)
        self.session.execute(
            added.on_conflict_do_update(
                index_elements=[MessagePart.message_id, MessagePart.subject],
                set_={"kind": added.excluded.kind, "after": added.excluded.after},
            ),
            parts,
        )
        self.held += sum(row["state"] is MessageState.HELD for row in rows)
        return {row.hold_until for row in made}

    def _owner(self, person: Person) -> int | None:
        """Whoever caused it answers for it; where the technicians themselves did, whoever has the job or territory."""
        named = next((each.owner_id for each in self.news[person] if each.owner_id is not None), None)
        acting = self.actor.user_id if self.actor.technician_id is None else None
        owner: int | None = named or acting or self.territories[person[1]].owner_id
        return owner

    def _open(self, ids: set[int]) -> dict[Person, Message]:
        rows = self.session.scalars(
            select(Message)
            .where(self.recipients.in_(ids), Message.state.in_(OPEN_STATES))
            .order_by(Message.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return {(getattr(row, self.recipients.key), row.territory_id): row for row in rows}

    def _parts(self) -> dict[int, dict[str, MessagePart]]:
        found: dict[int, dict[str, MessagePart]] = defaultdict(dict)
        ids = [message.id for message in self.open.values()]
        if ids:
            for part in self.session.scalars(
                select(MessagePart)
                .where(MessagePart.message_id.in_(ids))
                .order_by(MessagePart.id)
                .execution_options(populate_existing=True)
            ):
                found[part.message_id][part.subject] = part
        return found

    def _told(self, ids: set[int]) -> dict[tuple[int, str], Any]:
        """Return what people were told last of each subject: what is being sent counts as told."""
        subjects = {each.subject for items in self.news.values() for each in items if each.topic is not Topic.ABSENCE}
        rows = self.session.execute(
            select(self.recipients.label("person"), MessagePart.subject, MessagePart.after)
            .join(Message, Message.id == MessagePart.message_id)
            .where(
                MessagePart.subject.in_(subjects),
                self.recipients.in_(ids),
                Message.state.in_((MessageState.SENDING, MessageState.SENT)),
            )
            .order_by(MessagePart.id)
        )
        return {(row.person, row.subject): row.after for row in rows}

    def _at_work(self, ids: set[int]) -> frozenset[int]:
        return frozenset(
            self.session.scalars(
                select(Shift.technician_id).where(
                    Shift.technician_id.in_(ids), ~Shift.cancelled, Shift.during.contains(self.now)
                )
            )
        )


def ask_for_sending(session: Session, due: datetime, now: datetime) -> None:
    """Save the task that sends what is due at a moment; one task a second is enough."""
    delay = max(0, ceil((due - now).total_seconds()))
    defer(session, TASK, once=f"{TASK} {int(due.timestamp())}", delay_s=delay)


def recall_message(session: Session, *, message_id: int, version: int | None, actor: Actor, now: datetime) -> Message:
    """Keep a message from being sent; what it told about stands. Refuses when it is on its way already."""
    message = _changeable(session, message_id, version, actor)
    message.state, message.problem, message.changed_at = MessageState.RECALLED, f"Recalled by {actor.name}", now
    note(session, message, "recall", actor=actor, now=now)
    return message


def send_now(session: Session, *, message_id: int, version: int | None, actor: Actor, now: datetime) -> Message:
    """Send a message without waiting longer; one that failed gets all its tries again."""
    message = _changeable(session, message_id, version, actor)
    column = Message.technician_id if message.technician_id is not None else Message.customer_id
    contact = next(iter(contacts(session, column, [getattr(message, column.key)]).values()))
    if contact.channel is None:
        raise Conflict(contact.problem())
    message.state, message.channel, message.attempts = MessageState.HELD, contact.channel.value, 0
    message.problem = message.due_at = None
    message.hold_until, message.urgent, message.changed_at = now, True, now
    note(session, message, "send_now", actor=actor, now=now)
    ask_for_sending(session, now, now)
    return message


def _changeable(session: Session, message_id: int, version: int | None, actor: Actor) -> Message:
    """Lock a message that was not sent yet."""
    message = session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if message is None:
        raise NotFound("There is no such message.")
    actor.require(Right.MESSAGE_EDIT, message.territory_id, what="message")
    if message.state is MessageState.SENT:
        raise Conflict("This message has been sent already; it cannot be called back. Call them instead.")
    if message.state is MessageState.SENDING:
        raise Conflict("This message is being sent at this moment. Look again in a few seconds.")
    if message.state is MessageState.RECALLED:
        raise Conflict("This message was recalled already; nothing was sent.")
    if version is not None and version != message.version:
        raise Conflict("This message says something else since you looked. Read it again, then decide.")
    return message


def _territories(session: Session, ids: set[int]) -> dict[int, Any]:
    """Return zone and answering person of territories; without one of their own, an administrator."""
    administrator = (
        select(func.min(RoleGrant.user_id))
        .join(Role, Role.id == RoleGrant.role_id)
        .join(User, User.id == RoleGrant.user_id)
        .where(Role.name == RoleName.ADMINISTRATOR.value, User.active)
        .scalar_subquery()
    )
    anybody = select(func.min(User.id)).where(User.active).scalar_subquery()
    owner = func.coalesce(Territory.owner_id, administrator, anybody)
    rows = session.execute(select(Territory.id, Territory.zone, owner.label("owner_id")).where(Territory.id.in_(ids)))
    return {row.id: row for row in rows}


def _values(part: MessagePart) -> Part:
    return {"visit_id": part.visit_id, "kind": part.kind, "before": part.before, "after": part.after}


def _moments(part: Part) -> list[datetime]:
    sides = (part["before"], part["after"])
    return [datetime.fromisoformat(side["start"]) for side in sides if side and "start" in side]
