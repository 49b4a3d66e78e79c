"""E-mail and ntfy by Apprise, with the reason of a failure got out of it.

Apprise says only yes or no; the why goes to its log, and at debug level so do passwords. So its log
is cut off from ours, and each call reads its own thread's lines of it. A new sender object for each
call also keeps Apprise from sleeping between messages.

Apprise serves these two only. For the group robots of DingTalk, WeCom and Feishu it signs wrongly
or takes an error in an HTTP 200 for success.
"""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from apprise import AppriseAsset, NotifyFormat, NotifyType
from apprise.exception import AppriseException
from apprise.plugins.email import NotifyEmail
from apprise.plugins.ntfy import NotifyNtfy

_LOG = logging.getLogger("apprise")
_LOG.propagate = False
_LOG.addHandler(logging.NullHandler())
_LOG.setLevel(logging.DEBUG)

# Typed packages whose constructors are not.
_Email: Callable[..., Any] = NotifyEmail
_Ntfy: Callable[..., Any] = NotifyNtfy

_SMTP_CODE = re.compile(r"\(([45]\d\d), b['\"]|refused: ([45]\d\d) ")
_HTTP_CODE = re.compile(r"error=(\d{3,5})\.")
_SECURITY = {"ssl": "ssl", "starttls": "starttls", "none": "insecure"}


@dataclass(frozen=True, slots=True)
class Told:
    """Whether it was sent; else the code that the server gave, and what was said (unredacted)."""

    sent: bool
    code: int | None = None
    said: str = ""


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._thread = threading.get_ident()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.lines.append(record.getMessage())


@contextmanager
def _listening() -> Iterator[list[str]]:
    handler = _Lines()
    _LOG.addHandler(handler)
    try:
        yield handler.lines
    finally:
        _LOG.removeHandler(handler)


def _asset() -> AppriseAsset:
    return AppriseAsset(app_id="zhiyin", app_desc="智印", app_url="", http_redirects=False)


def send_email(
    *,
    host: str,
    port: int,
    security: str,
    user: str,
    password: str,
    sender: str,
    timeout_s: int,
    recipient: str,
    title: str,
    body: str,
) -> Told:
    """One plain-text mail. `security` is ``ssl``, ``starttls`` or ``none``."""
    with _listening() as lines:
        try:
            plugin = _Email(
                asset=_asset(),
                host=host,
                smtp_host=host,
                port=port,
                user=user or None,
                password=password or None,
                secure=security != "none",
                secure_mode=_SECURITY[security],
                from_addr=f"智印 <{sender}>",
                targets=[recipient],
                format=NotifyFormat.TEXT,
            )
            plugin.socket_connect_timeout = timeout_s
            sent = bool(
                plugin.notify(
                    body=body,
                    title=title,
                    notify_type=NotifyType.INFO,
                    body_format=NotifyFormat.TEXT,
                )
            )
        except (AppriseException, TypeError, ValueError) as error:
            return Told(False, None, str(error))
    return Told(True) if sent else _failure(lines, _SMTP_CODE)


def send_ntfy(
    *,
    host: str,
    port: int | None,
    secure: bool,
    token: str,
    timeout_s: int,
    topic: str,
    priority: str,
    click: str,
    title: str,
    body: str,
) -> Told:
    """One message to one topic of the server at `host`."""
    with _listening() as lines:
        try:
            plugin = _Ntfy(
                asset=_asset(),
                host=host,
                port=port,
                secure=secure,
                mode="private",
                auth="token" if token else None,
                token=token or None,
                targets=[topic],
                priority=priority,
                click=click or None,
                include_image=False,
                redirect="no",
                format=NotifyFormat.TEXT,
            )
            plugin.socket_connect_timeout = timeout_s
            plugin.socket_read_timeout = timeout_s
            sent = bool(
                plugin.notify(
                    body=body,
                    title=title,
                    notify_type=NotifyType.INFO,
                    body_format=NotifyFormat.TEXT,
                )
            )
        except (AppriseException, TypeError, ValueError) as error:
            return Told(False, None, str(error))
    return Told(True) if sent else _failure(lines, _HTTP_CODE)


def _failure(lines: list[str], pattern: re.Pattern[str]) -> Told:
    telling = [line for line in lines if "Exception" in line or pattern.search(line)]
    for line in telling:
        found = pattern.search(line)
        if found:
            return Told(False, int(next(group for group in found.groups() if group)), line)
    return Told(False, None, telling[-1] if telling else "原因不明")
