"""E-mail, through Apprise's SMTP client."""

import re

from alerts.channels.base import ConfigError, Dead, Delivered, Description, Message, Outcome, Retry
from alerts.channels.http import Runtime
from alerts.channels.redact import Redactor
from alerts.channels.settings import Setting, Values, is_loopback
from alerts.channels.text import headline, plain

SERVICE = "电子邮件"
SETTINGS = (
    Setting("host", "发件服务器（SMTP）"),
    Setting("port", "端口，一般 ssl 为 465、starttls 为 587", "number", 465, most=65_535),
    Setting("security", "加密方式", default="ssl", choices=("ssl", "starttls", "none")),
    Setting("sender", "发件人邮箱地址"),
    Setting("user", "登录用户名；服务器不要求登录时留空", default=""),
    Setting("password", "登录密码或授权码；服务器不要求登录时留空", "secret", default=""),
    Setting("timeout_ms", "每次发送最多等多久（毫秒）", "number", 15_000, least=1000, most=60_000),
)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]+(\.[\w-]+)+", re.ASCII)
_LONGEST = 20_000


class Email:
    """Sends plain text to one address."""

    def __init__(self, values: Values, runtime: Runtime) -> None:
        self._values = values
        self._redact = Redactor(values.secrets)
        problems = []
        if not _ADDRESS.fullmatch(values.text("sender")):
            problems.append(f"{SERVICE}：设置 sender 应是一个邮箱地址")
        if (
            values.text("security") == "none"
            and values.text("password")
            and not is_loopback(values.text("host"))
        ):
            problems.append(f"{SERVICE}：不能明文发送密码，请把 security 改为 ssl 或 starttls")
        if problems:
            raise ConfigError(tuple(problems))

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description("email", SERVICE, "邮箱地址", True)

    def check_config(self) -> tuple[str, ...]:
        """A server shows what is wrong only when a message is sent."""
        return ()

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        if not _ADDRESS.fullmatch(message.recipient):
            return Dead(f"{SERVICE}：邮箱地址不对，请在人员资料里改正（address）", "address")
        # Apprise takes a third of a second and 12 MB to import: only for who uses it.
        from alerts.channels.apprise_send import send_email

        values = self._values
        told = send_email(
            host=values.text("host"),
            port=values.number("port"),
            security=values.text("security"),
            user=values.text("user"),
            password=values.text("password"),
            sender=values.text("sender"),
            timeout_s=values.number("timeout_ms") // 1000,
            recipient=message.recipient,
            title=headline(message),
            body=plain(message, _LONGEST, with_title=False),
        )
        if told.sent:
            return Delivered()
        said = self._redact(told.said)
        code = f"smtp:{told.code}" if told.code else "smtp:connect"
        if told.code in (530, 534, 535):
            return Dead(f"{SERVICE}：登录失败，请检查用户名和授权码（{code}）", code)
        if told.code is not None and 500 <= told.code < 600:
            return Dead(f"{SERVICE}：服务器拒收，请核对收件人地址：{said}（{code}）", code)
        return Retry(f"{SERVICE}：没有发出，稍后自动重发：{said}（{code}）", code)
