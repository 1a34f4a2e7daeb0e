"""E-mail: how the pipeline hands messages to a mail server, which is an Airflow Connection like any source.

`host`, `port`, `login`, `password`, `extra.from` (the sender), `extra.tls` (starttls, the default; ssl; none for a
server on this machine), `extra.ca_file`.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from connectors.connection import SourceConnection, connection_for, require
from pipeline.settings import Settings

# A night must not wait for a mail.
TIMEOUT_SECONDS = 10.0


def mail_server(settings: Settings) -> SourceConnection | None:
    """The connection that `TUKIVERKKO_MAIL_CONNECTION` names; None when it names none. Raises ConnectionMissing."""
    if not settings.mail_connection:
        return None
    source = connection_for(settings.mail_connection, settings.home)
    require(source, settings.mail_connection, "host", "extra.from")
    return source


@contextmanager
def session(source: SourceConnection) -> Iterator[smtplib.SMTP]:
    """A session with the mail server, ended with the block. Raises OSError or SMTPException when there is none."""
    kind = source.text("tls") or "starttls"
    if kind not in ("starttls", "ssl", "none"):
        raise ValueError("extra.tls is starttls, ssl or none")
    host = source.host or ""
    trusted = ssl.create_default_context(cafile=source.text("ca_file"))
    server: smtplib.SMTP
    if kind == "ssl":
        server = smtplib.SMTP_SSL(host, source.port or 465, timeout=TIMEOUT_SECONDS, context=trusted)
    else:
        server = smtplib.SMTP(host, source.port or 587, timeout=TIMEOUT_SECONDS)
    with server:
        if kind == "starttls":
            server.starttls(context=trusted)
        if source.login:
            server.login(source.login, source.password or "")
        yield server


def post(source: SourceConnection, message: EmailMessage) -> None:
    """Hands one message to the mail server."""
    with session(source) as server:
        server.send_message(message)
