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

# Debug, because that is where it says why a mail was refused.
_LOG = logging.getLogger("apprise")
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


class _Ear(logging.Filter):
    """Keeps what is said in a listening thread, and lets nothing of it through to any log."""

    def __init__(self) -> None:
        super().__init__()
        self._heard = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        lines: list[str] | None = getattr(self._heard, "lines", None)
        if lines is not None:
            lines.append(record.getMessage())
        return False

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        self._heard.lines = []
        try:
            yield self._heard.lines
        finally:
            self._heard.lines = None


_EAR = _Ear()
_LOG.addFilter(_EAR)


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
    with _EAR.listening() as lines:
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
    with _EAR.listening() as lines:
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
