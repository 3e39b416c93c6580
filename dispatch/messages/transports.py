"""How a message leaves: noted in the log, or as a mail. A transport is a function that returns or raises.

It raises `Refused` where trying again cannot help; any other error of the way is worth another try. A mail carries the
message's own number as its id, so that a repeated one can be recognised.
"""

import logging
import smtplib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from dispatch.core.config import Settings

log = logging.getLogger("dispatch.messages")
TIMEOUT_S = 10


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
        mail = self._mail(letter)
        if self.settings.mail_backend == "smtp":
            self._by_smtp(mail)
        else:
            folder = self.settings.data_dir / "mail"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"message-{letter.message_id}-{letter.key}.eml").write_bytes(mail.as_bytes())

    def _mail(self, letter: Letter) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        try:
            mail["To"] = Address(addr_spec=letter.address)
        except (ValueError, IndexError) as error:
            raise Refused("The mail address cannot be right. Mend it, then try again.") from error
        mail["From"] = self.settings.mail_sender
        mail["Subject"] = " ".join(letter.title.split())
        mail["Date"] = formatdate(localtime=False)
        mail["Message-ID"] = f"<{letter.key}@{self.settings.mail_sender.rpartition('@')[2] or 'localhost'}>"
        mail.set_content(letter.body)
        return mail

    def _by_smtp(self, mail: EmailMessage) -> None:
        try:
            with smtplib.SMTP(self.settings.mail_server, self.settings.mail_port, timeout=TIMEOUT_S) as server:
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _words in error.recipients.values()}
            if all(code >= 500 for code in codes):
                raise Refused("The mail server does not know this address. Mend it, then try again.") from error
            raise
