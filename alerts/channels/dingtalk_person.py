"""DingTalk (钉钉) work message to one person.

https://open.dingtalk.com/document/orgapp/asynchronous-sending-of-enterprise-session-messages:
``GET /gettoken?appkey&appsecret`` gives a token for 7,200 s; ``POST /topapi/message/
corpconversation/asyncsend_v2?access_token`` takes it and answers a `task_id`. The service drops a
second message of the same text to the same person on the same day, so texts carry their time.
A whole message may have 2,048 bytes. ``errcode 88`` wraps the real code in `sub_code`.
"""

from alerts.channels.base import Dead, Delivered, Description, Message, Outcome, Retry
from alerts.channels.codes import DINGTALK_PERSON, Judge, TokenRefused, integer, text_of
from alerts.channels.http import Caller, Reply, Runtime
from alerts.channels.redact import Redactor
from alerts.channels.settings import Setting, Values
from alerts.channels.text import clip, headline, markdown
from alerts.channels.tokens import Token, TokenCache, with_token

SERVICE = "钉钉工作通知"
SETTINGS = (
    Setting("app_key", "钉钉开发者后台应用的 AppKey（Client ID）"),
    Setting("app_secret", "钉钉开发者后台应用的 AppSecret（Client Secret）", "secret"),
    Setting("agent_id", "钉钉开发者后台应用的 AgentId（数字）", "number", least=1, most=10**15),
    Setting("base_url", "钉钉接口地址", "url", "https://oapi.dingtalk.com"),
    Setting("timeout_ms", "每次发送最多等多久（毫秒）", "number", 8000, least=100, most=60_000),
)
_LONGEST_TITLE = 64 * 3
_LONGEST = 1500
_WRAPPED = 88


class DingTalkPerson:
    """Sends markdown to the person whose DingTalk UserID is the recipient."""

    def __init__(self, values: Values, runtime: Runtime) -> None:
        self._base = values.text("base_url").rstrip("/")
        self._app_key = values.text("app_key")
        self._app_secret = values.text("app_secret")
        self._agent_id = values.number("agent_id")
        redact = Redactor(values.secrets)
        self._caller = Caller(runtime, SERVICE, redact, values.number("timeout_ms"))
        self._judge = Judge(SERVICE, "dingtalk", DINGTALK_PERSON, redact)
        self._tokens = TokenCache(self._fetch, runtime.clock, redact)

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description("dingtalk_person", SERVICE, "收件人的钉钉 UserID", True)

    def check_config(self) -> tuple[str, ...]:
        """Asks for a token."""
        token = self._tokens.get()
        return () if isinstance(token, str) else (token.reason,)

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        # The service takes a list: a comma would make one notice many.
        if not message.recipient or "," in message.recipient:
            return Dead(
                f"{SERVICE}：收件人应是一个钉钉 UserID，请在人员资料里改正（address）", "address"
            )
        return with_token(self._tokens, lambda token: self._attempt(token, message))

    def _attempt(self, token: str, message: Message) -> Outcome | TokenRefused:
        reply = self._caller.post_json(
            f"{self._base}/topapi/message/corpconversation/asyncsend_v2",
            {
                "agent_id": self._agent_id,
                "userid_list": message.recipient,
                "msg": {
                    "msgtype": "markdown",
                    "markdown": {
                        "title": clip(headline(message), _LONGEST_TITLE, message.locale),
                        "text": markdown(message, _LONGEST, gap="\n\n"),
                    },
                },
            },
            params={"access_token": token},
        )
        data = self._success(reply)
        return Delivered(text_of(data, "task_id")) if isinstance(data, dict) else data

    def _fetch(self) -> Token | Retry | Dead | TokenRefused:
        reply = self._caller.call(
            "GET",
            f"{self._base}/gettoken",
            params={"appkey": self._app_key, "appsecret": self._app_secret},
        )
        data = self._success(reply)
        if not isinstance(data, dict):
            return data
        token = text_of(data, "access_token")
        if not token:
            return Retry(f"{SERVICE}：取凭证的应答里没有凭证（dingtalk:token）", "dingtalk:token")
        return Token(token, (integer(data, "expires_in") or 0) * 1000)

    def _success(
        self, reply: Reply | Retry | Dead
    ) -> dict[str, object] | Retry | Dead | TokenRefused:
        if not isinstance(reply, Reply):
            return reply
        code = integer(reply.data, "errcode") if reply.data is not None else None
        if reply.data is None or code is None:
            return self._caller.judge_status(reply)
        if code == 0:
            return dict(reply.data)
        said = text_of(reply.data, "errmsg")
        if code == _WRAPPED:
            code = integer(reply.data, "sub_code") or code
            said = text_of(reply.data, "sub_msg", "errmsg")
        return self._judge(code, said)
