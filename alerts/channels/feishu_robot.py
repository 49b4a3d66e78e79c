"""Feishu (飞书) group robot.

https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot: ``POST /open-apis/bot/v2/hook/
{hook}``. Signature: HMAC-SHA256 over *nothing*, with ``timestamp + "\\n" + secret`` as the **key**
(DingTalk's is the other way round), base64; `timestamp` in seconds, at most an hour off; both in
the body. Success is ``code == 0``; older answers have `StatusCode` instead, and either one that is
not 0 is a failure. At most 5 messages a second, 100 a minute, 20 KB each.
"""

import base64
import hashlib
import hmac

from alerts.channels.base import Dead, Delivered, Description, Message, Outcome, Retry
from alerts.channels.codes import FEISHU, Judge, TokenRefused, integer, text_of
from alerts.channels.feishu_post import post
from alerts.channels.http import Caller, Reply, Runtime, seconds_header
from alerts.channels.redact import Redactor
from alerts.channels.settings import Setting, Values
from alerts.channels.targets import choose

SERVICE = "飞书群机器人"
SETTINGS = (
    Setting(
        "robots",
        "群机器人，每个取一个名字；在飞书群“设置→群机器人→自定义机器人”里添加",
        "table",
        fields=(
            Setting("hook", "Webhook 地址里 /hook/ 后面的部分", "secret"),
            Setting("secret", "安全设置里“签名校验”的密钥", "secret"),
        ),
    ),
    Setting("base_url", "飞书接口地址", "url", "https://open.feishu.cn"),
    Setting("timeout_ms", "每次发送最多等多久（毫秒）", "number", 8000, least=100, most=60_000),
)
_LONGEST = 12_000
_BAD_REQUEST = 9499


def sign(timestamp_s: int, secret: str) -> str:
    """The signature, base64."""
    key = f"{timestamp_s}\n{secret}".encode()
    return base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()


class FeishuRobot:
    """Posts rich text to the group whose robot the recipient names."""

    def __init__(self, values: Values, runtime: Runtime) -> None:
        self._robots = values.table("robots")
        self._base = values.text("base_url").rstrip("/") + "/open-apis/bot/v2/hook/"
        self._clock = runtime.clock
        redact = Redactor(values.secrets)
        self._caller = Caller(runtime, SERVICE, redact, values.number("timeout_ms"))
        self._judge = Judge(SERVICE, "feishu", FEISHU, redact)

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description(
            "feishu_robot", SERVICE, "设置里群机器人的名字", False, tuple(self._robots)
        )

    def check_config(self) -> tuple[str, ...]:
        """Nothing to ask without posting to the group."""
        return ()

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        robot = choose(self._robots, message.recipient, SERVICE)
        if isinstance(robot, Dead):
            return robot
        now_s = self._clock() // 1000
        reply = self._caller.post_json(
            self._base + robot.text("hook"),
            {
                "timestamp": str(now_s),
                "sign": sign(now_s, robot.text("secret")),
                "msg_type": "post",
                "content": {"post": post(message, _LONGEST)},
            },
        )
        if not isinstance(reply, Reply):
            return reply
        if reply.data is None:
            return self._caller.judge_status(reply)
        codes = [integer(reply.data, name) for name in ("code", "StatusCode")]
        told = [code for code in codes if code is not None]
        if not told:
            return self._caller.judge_status(reply)
        bad = next((code for code in told if code != 0), None)
        if bad is None:
            return Delivered()
        return self._failure(bad, reply)

    def _failure(self, code: int, reply: Reply) -> Retry | Dead:
        assert reply.data is not None
        said = text_of(reply.data, "msg", "StatusMessage")
        if code == _BAD_REQUEST and "too many" in said.lower():
            return Retry(
                f"{SERVICE}：发得太快被限流，稍后自动重发（错误码 {code}）",
                f"feishu:{code}",
                60_000,
            )
        judged = self._judge(code, said, seconds_header(reply, "x-ogw-ratelimit-reset"))
        if isinstance(judged, TokenRefused):
            # A robot has no token to renew: the answer is not for us.
            return Retry(judged.reason, judged.code)
        return judged
