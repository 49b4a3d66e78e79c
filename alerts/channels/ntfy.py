"""ntfy (https://docs.ntfy.sh/publish/), through Apprise: push without an account, self-hosted."""

import re
from urllib.parse import urlsplit

from alerts.channels.base import Dead, Delivered, Description, Message, Outcome, Retry, Severity
from alerts.channels.http import Runtime
from alerts.channels.redact import Redactor
from alerts.channels.settings import Setting, Values
from alerts.channels.text import headline, plain, safe_link

SERVICE = "ntfy"
SETTINGS = (
    Setting("url", "ntfy 服务器的网址，不带主题名", "url"),
    Setting("token", "访问令牌（tk_ 开头）；服务器不要求时留空", "secret", default=""),
    Setting("allow_http", "是否允许 http（只应在内网使用）", "flag", default=False),
    Setting("timeout_ms", "每次发送最多等多久（毫秒）", "number", 8000, least=1000, most=60_000),
)
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST = 3500
_LONGEST_LINK = 4000
_PRIORITY = {Severity.INFO: "default", Severity.WARNING: "high", Severity.CRITICAL: "max"}
_TEMPORARY = frozenset({408, 429})


class Ntfy:
    """Publishes to the topic that is the recipient."""

    def __init__(self, values: Values, runtime: Runtime) -> None:
        self._values = values
        self._url = urlsplit(values.text("url"))
        self._redact = Redactor(values.secrets)

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description("ntfy", SERVICE, "主题名（字母、数字、- 和 _）", True)

    def check_config(self) -> tuple[str, ...]:
        """The service has no request that proves a token without publishing."""
        return ()

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        if not _TOPIC.fullmatch(message.recipient):
            return Dead(f"{SERVICE}：主题名不对，请在人员资料里改正（address）", "address")
        # Apprise takes a third of a second and 12 MB to import: only for who uses it.
        from alerts.channels.apprise_send import send_ntfy

        told = send_ntfy(
            host=self._url.hostname or "",
            port=self._url.port,
            secure=self._url.scheme == "https",
            token=self._values.text("token"),
            timeout_s=self._values.number("timeout_ms") // 1000,
            topic=message.recipient,
            priority=_PRIORITY[message.severity],
            click=safe_link(message, _LONGEST_LINK),
            title=headline(message),
            body=plain(message, _LONGEST, with_title=False),
        )
        if told.sent:
            return Delivered()
        code = f"ntfy:{told.code}" if told.code else "ntfy:connect"
        # ntfy's own codes are the HTTP status with two digits more (40301, 42901).
        status = told.code
        while status is not None and status > 599:
            status //= 10
        if status in (401, 403):
            return Dead(f"{SERVICE}：没有发布权限，请检查令牌和主题（{code}）", code)
        if status is not None and 300 <= status < 500 and status not in _TEMPORARY:
            return Dead(f"{SERVICE}：服务器拒绝，请检查网址和主题（{code}）", code)
        return Retry(
            f"{SERVICE}：没有发出，稍后自动重发：{self._redact(told.said)}（{code}）", code
        )
