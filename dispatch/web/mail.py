"""Sends mails beside the request: an answer takes no longer for an address that gets one.

By default every mail becomes a file in the data folder; nothing leaves the machine.
"""

import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Any

from flask import Flask, current_app
from flask_security import MailUtil

from dispatch.core.config import Settings
from dispatch.core.mail import compose, deliver

log = logging.getLogger("dispatch.mail")
_KEY = "dispatch_mail"


class Sender:
    """A thread that sends one mail after the other; with the backend ``locmem`` they stay in ``kept``, for tests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.kept: list[EmailMessage] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")

    def send_later(self, title: str, body: str, to: str) -> None:
        """Hand a mail to the thread; a failure is logged without the address."""
        self._thread.submit(self._send, title, body, to)

    def flush(self) -> None:
        """Wait until every mail handed over so far was sent."""
        self._thread.submit(lambda: None).result(timeout=30)

    def _send(self, title: str, body: str, to: str) -> None:
        try:
            key = uuid.uuid4()
            mail = compose(self.settings, to=to, title=title, body=body, key=key)
            if self.settings.mail_backend == "locmem":
                self.kept.append(mail)
            else:
                deliver(self.settings, mail, name=f"account-{key}")
        except Exception:  # in a thread of its own: what nobody catches here, nobody would ever hear of
            log.exception("A mail could not be sent")


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its sender."""
    app.extensions[_KEY] = Sender(settings)


def sender(app: Flask) -> Sender:
    """Return the sender of an application."""
    found: Sender = app.extensions[_KEY]
    return found


class Post(MailUtil):
    """What Flask-Security calls to send and to normalise."""

    def send_mail(
        self,
        template: str,
        subject: str,
        recipient: str | tuple[str, str],
        sender: str | tuple[str, str],
        body: str | None,
        html: str | None,
        **_context: Any,
    ) -> None:
        """Send in the thread."""
        to = recipient if isinstance(recipient, str) else recipient[1]
        current_app.extensions[_KEY].send_later(str(subject), body or "", to)

    def normalize(self, email: str) -> str:
        """Return an address as it is compared."""
        return email.strip()

    def validate(self, email: str) -> str:
        """Return an address as it is stored; registration is off, so nothing new arrives here."""
        return email.strip()
