"""How a message leaves: noted in the log, or as a mail. A transport is a function that returns or raises.

It raises `Refused` where trying again cannot help; any other error of the way is worth another try. A mail carries the
message's own number as its id, so that a repeated one can be recognised.
"""

import logging
import smtplib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from dispatch.core.config import Settings
from dispatch.core.mail import compose, deliver

log = logging.getLogger("dispatch.messages")


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message on its way: one attempt to bring one text to one address."""

    message_id: int
    attempt_id: uuid.UUID
    key: uuid.UUID
    attempt: int
    channel: str
    address: str
    title: str
    body: str


class Refused(Exception):
    """The way out refused a letter for good; the sentence says what can be done."""


Transport = Callable[[Letter], None]


def transport_of(settings: Settings) -> Transport:
    """Return the transport an installation chose."""
    return note_in_log if settings.message_transport == "log" else Mailer(settings)


def note_in_log(letter: Letter) -> None:
    """Write a line without names, addresses or words; the text can be read on the outbox page."""
    log.info(
        "message sent id=%d attempt=%d key=%s channel=%s characters=%d",
        letter.message_id,
        letter.attempt,
        letter.key,
        letter.channel,
        len(letter.body),
    )


class Mailer:
    """Sends letters as mails, by the mail settings that accounts use too."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __call__(self, letter: Letter) -> None:
        """Send one letter."""
        if letter.channel != "mail":
            raise Refused("Only mails can be sent from here. Call them, or add a mail address.")
        try:
            mail = compose(self.settings, to=letter.address, title=letter.title, body=letter.body, key=letter.key)
        except ValueError as error:
            raise Refused("The mail address cannot be right. Mend it, then try again.") from error
        try:
            deliver(self.settings, mail, name=f"message-{letter.message_id}-{letter.key}")
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _words in error.recipients.values()}
            if all(code >= 500 for code in codes):
                raise Refused("The mail server does not know this address. Mend it, then try again.") from error
            raise
