"""DingTalk (钉钉) group robot.

Signature (https://open.dingtalk.com/document/robots/customize-robot-security-settings): with the
robot's secret as key, HMAC-SHA256 over ``timestamp + "\\n" + secret``, base64; `timestamp` (ms, at
most an hour off) and `sign` go into the query, URL-encoded once. Encoded twice it is refused.

Every answer is HTTP 200; only ``errcode == 0`` is success. A throttled robot may also answer
``{"status":1111,"wait":5,"punish":"deny"}`` with no errcode at all.
"""

import base64
import hashlib
import hmac

from alerts.channels.base import Dead, Delivered, Description, Message, Outcome, Retry
from alerts.channels.codes import (
    DINGTALK_ROBOT,
    DINGTALK_ROBOT_REFUSED,
    Judge,
    TokenRefused,
    integer,
    text_of,
)
from alerts.channels.http import Caller, Reply, Runtime
from alerts.channels.redact import Redactor
from alerts.channels.settings import Setting, Values
from alerts.channels.targets import choose
from alerts.channels.text import headline, markdown

SERVICE = "钉钉群机器人"
SETTINGS = (
    Setting(
        "robots",
        "群机器人，每个取一个名字；在钉钉群“设置→机器人→自定义”里添加，安全设置选“加签”",
        "table",
        fields=(
            Setting("access_token", "Webhook 地址里 access_token= 后面的部分", "secret"),
            Setting("secret", "“加签”给出的以 SEC 开头的密钥", "secret"),
        ),
    ),
    Setting("base_url", "钉钉接口地址", "url", "https://oapi.dingtalk.com"),
    Setting("timeout_ms", "每次发送最多等多久（毫秒）", "number", 8000, least=100, most=60_000),
)
# The service's limit is 20,000 bytes for the whole body.
_LONGEST = 16_000


def sign(timestamp_ms: int, secret: str) -> str:
    """The signature, base64, *not* URL-encoded."""
    text = f"{timestamp_ms}\n{secret}".encode()
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


class DingTalkRobot:
    """Posts markdown to the group whose robot the recipient names."""

    def __init__(self, values: Values, runtime: Runtime) -> None:
        self._robots = values.table("robots")
        self._url = values.text("base_url").rstrip("/") + "/robot/send"
        self._clock = runtime.clock
        redact = Redactor(values.secrets)
        self._caller = Caller(runtime, SERVICE, redact, values.number("timeout_ms"))
        self._judge = Judge(SERVICE, "dingtalk", DINGTALK_ROBOT, redact)

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description(
            "dingtalk_robot", SERVICE, "设置里群机器人的名字", False, tuple(self._robots)
        )

    def check_config(self) -> tuple[str, ...]:
        """Nothing to ask without posting to the group."""
        return ()

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        robot = choose(self._robots, message.recipient, SERVICE)
        if isinstance(robot, Dead):
            return robot
        now = self._clock()
        reply = self._caller.post_json(
            self._url,
            {
                "msgtype": "markdown",
                "markdown": {
                    "title": headline(message),
                    "text": markdown(message, _LONGEST, gap="\n\n"),
                },
            },
            params={
                "access_token": robot.text("access_token"),
                "timestamp": str(now),
                "sign": sign(now, robot.text("secret")),
            },
        )
        return self._outcome(reply) if isinstance(reply, Reply) else reply

    def _outcome(self, reply: Reply) -> Outcome:
        data = reply.data
        if data is None:
            return self._caller.judge_status(reply)
        code = integer(data, "errcode")
        wait = integer(data, "wait")
        wait_ms = wait * 1000 if wait is not None and 0 < wait < 3600 else None
        if code == 0:
            return Delivered(text_of(data, "messageId"))
        if code is None:
            if data.get("punish") is not None:
                return Retry(
                    f"{SERVICE}：发得太快被限流，稍后自动重发（status 1111）",
                    "dingtalk:1111",
                    wait_ms,
                )
            return self._caller.judge_status(reply)
        said = text_of(data, "errmsg")
        if code == DINGTALK_ROBOT_REFUSED:
            return Dead(f"{SERVICE}：{_refusal(said)}（错误码 {code}）", f"dingtalk:{code}")
        judged = self._judge(code, said, wait_ms)
        # Robots have no token to renew; their table names none.
        assert not isinstance(judged, TokenRefused)
        return judged


def _refusal(said: str) -> str:
    said = said.lower()
    if "keyword" in said or "关键词" in said:
        return "机器人要求消息里有关键词，请把它的安全设置改为“加签”"
    if "timestamp" in said or "时间" in said:
        return "签名时间不对，请校准服务器时间"
    if "sign" in said or "签名" in said:
        return "签名不对，请重新复制机器人的加签密钥并校准服务器时间"
    if "ip" in said or "白名单" in said:
        return "本服务器的 IP 不在机器人的白名单里，请加入或改用“加签”"
    return "机器人的安全校验未通过，请检查加签密钥、关键词和 IP 白名单"
