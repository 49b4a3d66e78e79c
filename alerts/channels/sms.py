"""SMS (短信) through the operator's own gateway, by the contract in docs/channels.md.

Each place buys short messages from another company, with signatures (签名) and templates that the
carrier approved; so the product speaks one small signed HTTP contract and a bridge of a few lines
speaks to the company. Requests are signed as webhooks are; ``code == "OK"`` is success.
"""

import re

from alerts.channels.base import (
    ConfigError,
    Dead,
    Delivered,
    Description,
    Message,
    Outcome,
    Retry,
)
from alerts.channels.codes import integer, text_of
from alerts.channels.http import Caller, Reply, Runtime, json_bytes
from alerts.channels.redact import Redactor
from alerts.channels.settings import Setting, Values
from alerts.channels.signing import SECRET_HINT, decode_secret, signed_headers
from alerts.channels.text import headline

SERVICE = "短信"
SETTINGS = (
    Setting("url", "短信网关的网址（约定见 docs/channels.md）", "url"),
    Setting("secret", SECRET_HINT, "secret"),
    Setting("sign_name", "运营商批准的短信签名", default="智印"),
    Setting("template_code", "运营商批准的模板编号；网关不用模板时留空", default=""),
    Setting("max_chars", "一条短信最多多少字", "number", 300, least=60, most=1000),
    Setting("allow_http", "是否允许 http（只应在内网使用）", "flag", default=False),
    Setting("timeout_ms", "每次发送最多等多久（毫秒）", "number", 8000, least=100, most=60_000),
)
_MOBILE = re.compile(r"1[3-9]\d{9}")
_OK = "OK"
_NEVER = {
    "BAD_SIGNATURE": "网关说签名不对，请核对密钥和服务器时间",
    "BAD_REQUEST": "网关看不懂请求，请核对约定",
    "BAD_MOBILE": "手机号不对或已停机，请在人员资料里改正",
    "REFUSED": "收件人退订或在黑名单里",
    "BAD_TEMPLATE": "签名或模板未获批准，请与短信服务商核对",
    "FORBIDDEN_TEXT": "短信内容被服务商拦下",
}
_LATER = {
    "BUSY": "网关繁忙，稍后自动重发",
    "RATE_LIMIT": "发得太快被限流，稍后自动重发",
    "NO_BALANCE": "短信余额不足，请充值；稍后自动重发",
}
_NO_BALANCE_MS = 600_000


class Sms:
    """Sends one short text to a mainland mobile number."""

    def __init__(self, values: Values, runtime: Runtime) -> None:
        self._url = values.text("url")
        self._sign_name = values.text("sign_name")
        self._template = values.text("template_code")
        self._max_chars = values.number("max_chars")
        self._clock = runtime.clock
        try:
            self._key = decode_secret(values.text("secret"))
        except ValueError as error:
            raise ConfigError((f"{SERVICE}：密钥不对，{error}（{SECRET_HINT}）",)) from None
        self._redact = Redactor(values.secrets)
        self._caller = Caller(runtime, SERVICE, self._redact, values.number("timeout_ms"))

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description("sms", SERVICE, "11 位手机号", True)

    def check_config(self) -> tuple[str, ...]:
        """The contract has no request that sends nothing."""
        return ()

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        mobile = message.recipient.removeprefix("+86")
        if not _MOBILE.fullmatch(mobile):
            return Dead(f"{SERVICE}：手机号不对，请在人员资料里改正（address）", "address")
        body = json_bytes(
            {
                "id": message.dedupe_id,
                "mobile": mobile,
                "sign_name": self._sign_name,
                "template_code": self._template,
                "title": headline(message),
                "text": _short(message, self._max_chars),
                "link": message.link,
                "locale": message.locale,
            }
        )
        headers = signed_headers((self._key,), message.dedupe_id, self._clock() // 1000, body)
        reply = self._caller.call(
            "POST",
            self._url,
            headers={"Content-Type": "application/json", **headers},
            content=body,
        )
        return self._outcome(reply) if isinstance(reply, Reply) else reply

    def _outcome(self, reply: Reply) -> Outcome:
        code = text_of(reply.data, "code") if reply.data is not None else ""
        if reply.data is None or not code:
            return self._caller.judge_status(reply)
        if code == _OK:
            return Delivered(text_of(reply.data, "message_id"))
        if code in _NEVER:
            return Dead(f"{SERVICE}：{_NEVER[code]}（{code}）", f"sms:{code}")
        wait_s = integer(reply.data, "retry_after_s")
        wait_ms = wait_s * 1000 if wait_s is not None and 0 < wait_s <= 86_400 else None
        if code in _LATER:
            if wait_ms is None and code == "NO_BALANCE":
                wait_ms = _NO_BALANCE_MS
            return Retry(f"{SERVICE}：{_LATER[code]}（{code}）", f"sms:{code}", wait_ms)
        code = self._redact(code)[:40]
        said = self._redact(text_of(reply.data, "message")) or "未说明原因"
        return Retry(f"{SERVICE}：{said}，稍后自动重发（{code}）", f"sms:{code}", wait_ms)


def _short(message: Message, max_chars: int) -> str:
    text = "；".join([headline(message), *message.lines])
    if message.locale == "en":
        text = "; ".join([headline(message), *message.lines])
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"
