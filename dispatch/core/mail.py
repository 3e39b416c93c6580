"""The one way out for mails, whoever writes them: to an SMTP server, or as files in the data folder."""

import smtplib
import uuid
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from dispatch.core.config import Settings

TIMEOUT_S = 10


def compose(settings: Settings, *, to: str, title: str, body: str, key: uuid.UUID | None = None) -> EmailMessage:
    """Write a mail; ``key`` lets a repeated one be recognised. Raises ValueError for an address that cannot be one."""
    key = key or uuid.uuid4()
    mail = EmailMessage(policy=SMTP)
    try:
        mail["To"] = Address(addr_spec=to)
    except IndexError as error:  # what the parser says about an empty address
        raise ValueError("an address is missing") from error
    mail["From"] = settings.mail_sender
    mail["Subject"] = " ".join(title.split())
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = f"<{key}@{settings.mail_sender.rpartition('@')[2] or 'localhost'}>"
    mail.set_content(body)
    return mail


def deliver(settings: Settings, mail: EmailMessage, *, name: str) -> None:
    """Send a mail, or write it under its name into the data folder; raises what the server or the disk says."""
    if settings.mail_backend == "smtp":
        with smtplib.SMTP(settings.mail_server, settings.mail_port, timeout=TIMEOUT_S) as server:
            server.send_message(mail)
        return
    folder = settings.data_dir / "mail"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.eml").write_bytes(mail.as_bytes())
