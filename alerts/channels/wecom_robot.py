"""WeCom (企业微信) group robot.

https://developer.work.weixin.qq.com/document/path/91770: ``POST /cgi-bin/webhook/send?key=…`` with
markdown of at most 4,096 bytes, at most 20 messages a minute (then 45009). There is no signature:
the key is the secret. Every answer is HTTP 200; only ``errcode == 0`` is success.
"""

from alerts.channels.base import Dead, Delivered, Description, Message, Outcome, Retry
from alerts.channels.codes import WECOM, Judge, TokenRefused, integer, text_of
from alerts.channels.http import Caller, Reply, Runtime
from alerts.channels.redact import Redactor
from alerts.channels.settings import Setting, Values
from alerts.channels.targets import choose
from alerts.channels.text import markdown

SERVICE = "企业微信群机器人"
SETTINGS = (
    Setting(
        "robots",
        "群机器人，每个取一个名字；在企业微信群“添加群机器人”",
        "table",
        fields=(Setting("key", "Webhook 地址里 key= 后面的部分", "secret"),),
    ),
    Setting("base_url", "企业微信接口地址", "url", "https://qyapi.weixin.qq.com"),
    Setting("timeout_ms", "每次发送最多等多久（毫秒）", "number", 8000, least=100, most=60_000),
)
_LONGEST = 4096


class WeComRobot:
    """Posts markdown to the group whose robot the recipient names."""

    def __init__(self, values: Values, runtime: Runtime) -> None:
        self._robots = values.table("robots")
        self._url = values.text("base_url").rstrip("/") + "/cgi-bin/webhook/send"
        redact = Redactor(values.secrets)
        self._caller = Caller(runtime, SERVICE, redact, values.number("timeout_ms"))
        self._judge = Judge(SERVICE, "wecom", WECOM, redact)

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description(
            "wecom_robot", SERVICE, "设置里群机器人的名字", False, tuple(self._robots)
        )

    def check_config(self) -> tuple[str, ...]:
        """Nothing to ask without posting to the group."""
        return ()

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        robot = choose(self._robots, message.recipient, SERVICE)
        if isinstance(robot, Dead):
            return robot
        reply = self._caller.post_json(
            self._url,
            {
                "msgtype": "markdown",
                "markdown": {"content": markdown(message, _LONGEST, gap="\n")},
            },
            params={"key": robot.text("key")},
        )
        if not isinstance(reply, Reply):
            return reply
        code = integer(reply.data, "errcode") if reply.data is not None else None
        if reply.data is None or code is None:
            return self._caller.judge_status(reply)
        if code == 0:
            return Delivered()
        judged = self._judge(code, text_of(reply.data, "errmsg"))
        if isinstance(judged, TokenRefused):
            # A robot has no token to renew: its key was mangled on the way.
            return Retry(judged.reason, judged.code)
        return judged
