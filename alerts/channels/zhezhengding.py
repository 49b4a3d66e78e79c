"""浙政钉 (Zhejiang's government DingTalk, a 专有钉钉) work notice to one person.

The platform's own documents need a government account; what is used here is what public clients of
``/message/workNotification`` agree on, written down in docs/channels.md as the contract. A place
whose platform differs puts a bridge in between that speaks it.

Each request is a form, signed: headers ``apiKey``, ``X-Hmac-Auth-Timestamp`` (ISO 8601, +08:00),
``X-Hmac-Auth-Version: 1.0``, ``X-Hmac-Auth-Nonce`` and ``X-Hmac-Auth-Signature`` = base64 of
HMAC-SHA256 with the application's secret over method, timestamp, nonce, path and the parameters
(``name=value``, raw, sorted, joined by ``&``), each on a line of its own. Success needs ``success``
true outside and, where there is one, inside `content`.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

from alerts.channels.base import Dead, Delivered, Description, Message, Outcome, Retry
from alerts.channels.codes import text_of
from alerts.channels.http import Caller, Reply, Runtime
from alerts.channels.redact import Redactor
from alerts.channels.settings import Setting, Values
from alerts.channels.text import plain

SERVICE = "浙政钉工作通知"
SETTINGS = (
    Setting("base_url", "平台接口地址（浙政钉管理员提供）", "url"),
    Setting("app_key", "应用的 App Key"),
    Setting("app_secret", "应用的 App Secret", "secret"),
    Setting("tenant_id", "租户 ID（数字）"),
    Setting("allow_http", "是否允许 http（只应在政务网内使用）", "flag", default=False),
    Setting("timeout_ms", "每次发送最多等多久（毫秒）", "number", 8000, least=100, most=60_000),
)
PATH = "/message/workNotification"
_CHINA = timezone(timedelta(hours=8))
_LONGEST = 1500
_REFUSED = frozenset({401, 403})


def sign(
    secret: str, method: str, timestamp: str, nonce: str, path: str, params: Mapping[str, str]
) -> str:
    """The signature, base64. `params` are the raw values, before URL encoding."""
    pairs = "&".join(sorted(f"{name}={value}" for name, value in params.items()))
    text = "\n".join([method, timestamp, nonce, path, *([pairs] if pairs else [])])
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class Zhezhengding:
    """Sends text to the person whose account id on the platform is the recipient."""

    def __init__(self, values: Values, runtime: Runtime) -> None:
        self._base = values.text("base_url").rstrip("/")
        self._app_key = values.text("app_key")
        self._secret = values.text("app_secret")
        self._tenant = values.text("tenant_id")
        self._runtime = runtime
        self._redact = Redactor(values.secrets)
        self._caller = Caller(runtime, SERVICE, self._redact, values.number("timeout_ms"))

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description("zhezhengding", SERVICE, "收件人的浙政钉账号 ID（accountId）", True)

    def check_config(self) -> tuple[str, ...]:
        """The contract has no request that sends nothing."""
        return ()

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        if not message.recipient or "," in message.recipient:
            return Dead(
                f"{SERVICE}：收件人应是一个浙政钉账号 ID，请在人员资料里改正（address）", "address"
            )
        text = {"msgtype": "text", "text": {"content": plain(message, _LONGEST)}}
        params = {
            "bizMsgId": message.dedupe_id,
            "msg": json.dumps(text, ensure_ascii=False, separators=(",", ":")),
            "receiverIds": message.recipient,
            "tenantId": self._tenant,
        }
        at = datetime.fromtimestamp(self._runtime.clock() / 1000, _CHINA)
        timestamp = at.isoformat(timespec="milliseconds")
        nonce = self._runtime.nonce()
        reply = self._caller.call(
            "POST",
            self._base + PATH,
            headers={
                "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
                "apiKey": self._app_key,
                "X-Hmac-Auth-Timestamp": timestamp,
                "X-Hmac-Auth-Version": "1.0",
                "X-Hmac-Auth-Nonce": nonce,
                "X-Hmac-Auth-Signature": sign(self._secret, "POST", timestamp, nonce, PATH, params),
            },
            content=urlencode(params).encode(),
        )
        return self._outcome(reply) if isinstance(reply, Reply) else reply

    def _outcome(self, reply: Reply) -> Outcome:
        data = reply.data
        if data is None or "success" not in data:
            return self._caller.judge_status(reply)
        content = data.get("content")
        inner: Mapping[str, object] = content if isinstance(content, dict) else {}
        if data["success"] is True and inner.get("success", True) is True:
            return Delivered(text_of(inner, "data") or text_of(data, "data"))
        code = (
            text_of(inner, "responseCode", "bizErrorCode")
            or text_of(data, "bizErrorCode", "responseCode", "errorCode", "Code")
            or str(reply.status)
        )
        code = self._redact(code)[:40]
        if reply.status in _REFUSED:
            return Dead(
                f"{SERVICE}：平台拒绝，请核对 app_key、app_secret、服务器时间和 IP 白名单"
                f"（{code}）",
                f"zhezhengding:{code}",
            )
        said = text_of(inner, "responseMessage") or text_of(
            data, "responseMessage", "errorMsg", "Message"
        )
        said = self._redact(said) or "未说明原因"
        return Retry(f"{SERVICE}：{said}，稍后自动重发（{code}）", f"zhezhengding:{code}", None)
