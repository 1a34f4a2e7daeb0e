"""A real mail server on loopback, which keeps what it is sent."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class MailServer:
    """Mails as they arrived: addresses of the envelope, and the message. refused: addresses that it does not take."""

    port: int
    refused: frozenset[str] = frozenset()
    mails: list[tuple[tuple[str, ...], EmailMessage]] = field(default_factory=list)

    @property
    def connection(self) -> str:
        """The Airflow Connection to it, as JSON."""
        extra = {"from": "tukiverkko@alue.example", "tls": "none"}
        return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": self.port, "extra": extra})

    def take(self) -> dict[str, EmailMessage]:
        """What has arrived since the last call, by its addresses; each may have got one mail."""
        taken = {", ".join(addresses): message for addresses, message in self.mails}
        assert len(taken) == len(self.mails), "somebody got two mails"
        self.mails.clear()
        return taken

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such address"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append((tuple(envelope.rcpt_tos), message))
        return "250 OK"


@contextmanager
def mail_server(port: int = 0) -> Iterator[MailServer]:
    """A running server; on a free port unless one is given."""
    server = MailServer(port or free_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def words_of(message: EmailMessage) -> str:
    """The mail's words."""
    body = message.get_body()
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")
