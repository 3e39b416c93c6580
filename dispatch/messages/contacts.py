"""Who can be reached, and how: contacts of technicians and customers, and the channel a text to them takes."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from dispatch.accounts.models import User
from dispatch.core.config import settings
from dispatch.jobs.models import Customer
from dispatch.messages.models import Channel, Message
from dispatch.workforce.models import Technician

CARRIED = {"log": (Channel.TEXT, Channel.MAIL), "mail": (Channel.MAIL,)}
Recipients = InstrumentedAttribute[int | None]  # Message.technician_id or Message.customer_id


@dataclass(frozen=True, kw_only=True)
class Contact:
    """How somebody is called and reached."""

    name: str
    phone: str | None
    email: str | None
    preferred: str

    @property
    def channel(self) -> Channel | None:
        """The way a text to them takes: the one they like where it is open, else any; None when there is none."""
        open_ways = [way for way in CARRIED[settings().message_transport] if self.address(way)]
        return next((way for way in open_ways if way.value == self.preferred), next(iter(open_ways), None))

    def address(self, channel: str) -> str | None:
        """Where a text of a channel goes."""
        return self.email if channel == Channel.MAIL else self.phone

    def problem(self) -> str:
        """Say why nothing can be sent and what to do."""
        if self.phone:
            return f"There is no address to write to. Call {self.phone}, or add one and try again."
        return "There is neither phone number nor address. Add one, then try again."


def contacts(session: Session, recipients: Recipients, ids: Collection[int]) -> dict[int, Contact]:
    """Return the contacts of some technicians or customers, whichever the column is of."""
    if recipients is Message.technician_id:
        query: Any = (
            select(
                Technician.id,
                Technician.name,
                Technician.phone,
                func.coalesce(Technician.email, User.email).label("email"),
            )
            .outerjoin(User, User.id == Technician.user_id)
            .where(Technician.id.in_(ids))
        )
        return {
            row.id: Contact(name=row.name, phone=row.phone, email=row.email, preferred=Channel.TEXT.value)
            for row in session.execute(query)
        }
    return {
        row.id: Contact(
            name=row.contact_name or row.name, phone=row.phone, email=row.email, preferred=row.preferred_channel
        )
        for row in session.execute(
            select(
                Customer.id,
                Customer.name,
                Customer.contact_name,
                Customer.phone,
                Customer.email,
                Customer.preferred_channel,
            ).where(Customer.id.in_(ids))
        )
    }
