"""A mail server that takes mail over and sends it nowhere."""

import socketserver
import threading
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from types import TracebackType
from typing import Self

_LARGEST_MAIL = 1024 * 1024
_IDLE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail taken over."""

    sender: str
    recipient: str
    subject: str
    text: str


class StandinSmtp:
    """An SMTP server (RFC 5321, no TLS) on a free loopback port; a context manager."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self._refusals: list[bytes] = []
        self._server: socketserver.ThreadingTCPServer | None = None

    @property
    def port(self) -> int:
        """The port it listens on, at 127.0.0.1."""
        if self._server is None:
            raise RuntimeError("the mail stand-in is not running")
        return int(self._server.server_address[1])

    def refuse_next(self, reply: str) -> None:
        """Answer the next recipient with `reply`, such as ``550 no such user``."""
        self._refusals.append(reply.encode())

    def refusal(self) -> bytes | None:
        """The refusal ordered for this recipient, if any."""
        return self._refusals.pop(0) if self._refusals else None

    def __enter__(self) -> Self:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _session_class(self))
        self._server.daemon_threads = True
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def _session_class(standin: StandinSmtp) -> type[socketserver.StreamRequestHandler]:
    class Session(socketserver.StreamRequestHandler):
        timeout = _IDLE_SECONDS

        def handle(self) -> None:
            self._say(b"220 standin")
            sender = recipient = ""
            while line := self.rfile.readline(1024):
                verb = line.strip().upper()
                if verb.startswith((b"EHLO", b"HELO", b"RSET", b"NOOP")):
                    self._say(b"250 standin")
                elif verb.startswith(b"MAIL FROM:"):
                    sender = _address(line)
                    self._say(b"250 ok")
                elif verb.startswith(b"RCPT TO:"):
                    recipient = _address(line)
                    self._say(standin.refusal() or b"250 ok")
                elif verb == b"DATA":
                    self._say(b"354 go on")
                    standin.mails.append(_mail(sender, recipient, self._data()))
                    self._say(b"250 taken")
                elif verb == b"QUIT":
                    self._say(b"221 bye")
                    return
                else:
                    self._say(b"502 not here")

        def _data(self) -> bytes:
            data = b""
            while (line := self.rfile.readline(4096)) and line != b".\r\n":
                if len(data) < _LARGEST_MAIL:
                    data += line[1:] if line.startswith(b"..") else line
            return data

        def _say(self, reply: bytes) -> None:
            self.wfile.write(reply + b"\r\n")

    return Session


def _address(line: bytes) -> str:
    return line.partition(b"<")[2].partition(b">")[0].decode(errors="replace")


def _mail(sender: str, recipient: str, data: bytes) -> Mail:
    message = message_from_bytes(data)
    part = next((one for one in message.walk() if one.get_content_type() == "text/plain"), message)
    body = part.get_payload(decode=True)
    text = body.decode(errors="replace") if isinstance(body, bytes) else ""
    subject = str(make_header(decode_header(message.get("Subject", ""))))
    return Mail(sender, recipient, subject, text)
