"""Sends mails beside the request: an answer takes no longer for an address that gets one.

By default every mail becomes a file in the data folder; nothing leaves the machine.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask, current_app
from flask_mailman import EmailMessage, Mail
from flask_security import MailUtil

from dispatch.core.config import Settings

log = logging.getLogger("dispatch.mail")
_BACKENDS = {"file": "file", "smtp": "smtp", "locmem": "locmem"}


def init_app(app: Flask, settings: Settings) -> None:
    """Set the mail backend; files go to ``mail`` in the data folder."""
    folder = settings.data_dir / "mail"
    if settings.mail_backend == "file":
        folder.mkdir(parents=True, exist_ok=True)
    app.config.update(
        MAIL_BACKEND=_BACKENDS[settings.mail_backend],
        MAIL_FILE_PATH=str(folder),
        MAIL_SERVER=settings.mail_server,
        MAIL_PORT=settings.mail_port,
        MAIL_DEFAULT_SENDER=settings.mail_sender,
        MAIL_TIMEOUT=10,
    )
    Mail(app)
    app.extensions["dispatch_mail"] = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")


def send_later(subject: str, body: str, recipient: str) -> None:
    """Hand a mail to the sending thread; a failure is logged without the address."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # the thread needs the object itself
    app.extensions["dispatch_mail"].submit(_send, app, str(subject), body, recipient)


def flush(app: Flask) -> None:
    """Wait until every mail handed over so far was sent."""
    app.extensions["dispatch_mail"].submit(lambda: None).result(timeout=30)


def _send(app: Flask, subject: str, body: str, recipient: str) -> None:
    with app.app_context():
        try:
            EmailMessage(" ".join(subject.split()), body, app.config["MAIL_DEFAULT_SENDER"], [recipient]).send()
        except Exception:  # in a thread of its own: what nobody catches here, nobody would ever hear of
            log.exception("A mail could not be sent")


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
        send_later(subject, body or "", recipient if isinstance(recipient, str) else recipient[1])

    def normalize(self, email: str) -> str:
        """Return an address as it is compared."""
        return email.strip()

    def validate(self, email: str) -> str:
        """Return an address as it is stored; registration is off, so nothing new arrives here."""
        return email.strip()
