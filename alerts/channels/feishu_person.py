"""Feishu (飞书) message to one person, as an application's robot.

https://open.feishu.cn/document/server-docs/authentication-management/access-token/
tenant_access_token_internal (``POST /open-apis/auth/v3/tenant_access_token/internal``, at most two
hours) and .../server-docs/im-v1/message/create (``POST /open-apis/im/v1/messages?receive_id_type``,
5 a second to one person). `uuid` (at most 50 characters) makes the service drop a repeated attempt
within an hour. Errors come as HTTP 400 with a `code`; limits as 99991400 with the seconds to wait
in ``x-ogw-ratelimit-reset``.

The address is an id of the person: ``ou_…`` is an open_id, ``on_…`` a union_id, one with ``@`` an
e-mail address, anything else a user_id. A mobile number would need the contacts permission and a
look-up in a directory that this product has no other need of; so it is not taken.
"""

import hashlib
import json
import re

from alerts.channels.base import Dead, Delivered, Description, Message, Outcome, Retry
from alerts.channels.codes import FEISHU, Judge, TokenRefused, integer, text_of
from alerts.channels.feishu_post import post
from alerts.channels.http import Caller, Reply, Runtime, seconds_header
from alerts.channels.redact import Redactor
from alerts.channels.settings import Setting, Values
from alerts.channels.tokens import Token, TokenCache, with_token

SERVICE = "飞书应用消息"
SETTINGS = (
    Setting("app_id", "飞书开发者后台自建应用的 App ID（以 cli_ 开头）"),
    Setting("app_secret", "飞书开发者后台自建应用的 App Secret", "secret"),
    Setting("base_url", "飞书接口地址", "url", "https://open.feishu.cn"),
    Setting("timeout_ms", "每次发送最多等多久（毫秒）", "number", 8000, least=100, most=60_000),
)
_LONGEST = 20_000
_MOBILE = re.compile(r"(\+?86)?1\d{10}")


def id_type(address: str) -> str | None:
    """Feishu's `receive_id_type` of an address; None when it is none that is taken."""
    if not address or not address.isprintable() or " " in address or _MOBILE.fullmatch(address):
        return None
    if address.startswith("ou_"):
        return "open_id"
    if address.startswith("on_"):
        return "union_id"
    return "email" if "@" in address else "user_id"


class FeishuPerson:
    """Sends rich text to the person with that id."""

    def __init__(self, values: Values, runtime: Runtime) -> None:
        self._base = values.text("base_url").rstrip("/") + "/open-apis"
        self._app_id = values.text("app_id")
        self._app_secret = values.text("app_secret")
        redact = Redactor(values.secrets)
        self._caller = Caller(runtime, SERVICE, redact, values.number("timeout_ms"))
        self._judge = Judge(SERVICE, "feishu", FEISHU, redact)
        self._tokens = TokenCache(self._fetch, runtime.clock, redact)

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description(
            "feishu_person", SERVICE, "收件人的飞书 user_id、open_id（ou_ 开头）或邮箱", True
        )

    def check_config(self) -> tuple[str, ...]:
        """Asks for a token."""
        token = self._tokens.get()
        return () if isinstance(token, str) else (token.reason,)

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        kind = id_type(message.recipient)
        if kind is None:
            return Dead(
                f"{SERVICE}：收件人应是飞书 user_id、open_id 或邮箱（不能是手机号），"
                "请在人员资料里改正（address）",
                "address",
            )
        return with_token(self._tokens, lambda token: self._attempt(token, kind, message))

    def _attempt(self, token: str, kind: str, message: Message) -> Outcome | TokenRefused:
        data = self._success(
            self._caller.post_json(
                f"{self._base}/im/v1/messages",
                {
                    "receive_id": message.recipient,
                    "msg_type": "post",
                    "content": json.dumps(post(message, _LONGEST), ensure_ascii=False),
                    "uuid": _uuid(message),
                },
                params={"receive_id_type": kind},
                headers={"Authorization": f"Bearer {token}"},
            )
        )
        if not isinstance(data, dict):
            return data
        inner = data.get("data")
        return Delivered(text_of(inner, "message_id") if isinstance(inner, dict) else "")

    def _fetch(self) -> Token | Retry | Dead | TokenRefused:
        data = self._success(
            self._caller.post_json(
                f"{self._base}/auth/v3/tenant_access_token/internal",
                {"app_id": self._app_id, "app_secret": self._app_secret},
            )
        )
        if not isinstance(data, dict):
            return data
        token = text_of(data, "tenant_access_token")
        if not token:
            return Retry(f"{SERVICE}：取凭证的应答里没有凭证（feishu:token）", "feishu:token")
        return Token(token, (integer(data, "expire") or 0) * 1000)

    def _success(
        self, reply: Reply | Retry | Dead
    ) -> dict[str, object] | Retry | Dead | TokenRefused:
        if not isinstance(reply, Reply):
            return reply
        code = integer(reply.data, "code") if reply.data is not None else None
        if reply.data is None or code is None:
            return self._caller.judge_status(reply)
        if code == 0:
            return dict(reply.data)
        wait_ms = seconds_header(reply, "x-ogw-ratelimit-reset")
        return self._judge(code, text_of(reply.data, "msg"), wait_ms)


def _uuid(message: Message) -> str:
    whole = f"{message.dedupe_id}\n{message.recipient}".encode()
    return hashlib.sha256(whole).hexdigest()[:48]
