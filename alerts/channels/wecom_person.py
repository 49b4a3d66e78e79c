"""WeCom (企业微信) application message to one person.

https://developer.work.weixin.qq.com/document/path/91039 (``GET /cgi-bin/gettoken``, 7,200 s) and
/90236 (``POST /cgi-bin/message/send``): a text card (title 128 bytes, description 512 bytes, link)
or, without a link, text (2,048 bytes). A recipient outside the application's scope comes back in
`invaliduser` *beside* ``errcode 0``: that is no success. More than 30 messages a minute to one
person are dropped by the service in silence. `enable_duplicate_check` drops a repeated attempt.
"""

from alerts.channels.base import Dead, Delivered, Description, Message, Outcome, Retry
from alerts.channels.codes import WECOM, Judge, TokenRefused, integer, text_of
from alerts.channels.http import Caller, Reply, Runtime
from alerts.channels.redact import Redactor
from alerts.channels.settings import Setting, Values
from alerts.channels.text import clip, harmless, headline, open_label, plain, safe_link
from alerts.channels.tokens import Token, TokenCache, with_token

SERVICE = "企业微信应用消息"
SETTINGS = (
    Setting("corp_id", "企业微信管理后台“我的企业”里的企业 ID"),
    Setting("secret", "企业微信管理后台自建应用的 Secret", "secret"),
    Setting("agent_id", "企业微信管理后台自建应用的 AgentId（数字）", "number", most=10**12),
    Setting("base_url", "企业微信接口地址", "url", "https://qyapi.weixin.qq.com"),
    Setting("timeout_ms", "每次发送最多等多久（毫秒）", "number", 8000, least=100, most=60_000),
)
_LONGEST_TITLE = 128
_LONGEST_CARD = 512
_LONGEST_TEXT = 2048
_LONGEST_LINK = 2048
_DUPLICATE_SECONDS = 1800


class WeComPerson:
    """Sends to the person whose WeCom account (UserID) is the recipient."""

    def __init__(self, values: Values, runtime: Runtime) -> None:
        self._base = values.text("base_url").rstrip("/") + "/cgi-bin"
        self._corp_id = values.text("corp_id")
        self._secret = values.text("secret")
        self._agent_id = values.number("agent_id")
        redact = Redactor(values.secrets)
        self._caller = Caller(runtime, SERVICE, redact, values.number("timeout_ms"))
        self._judge = Judge(SERVICE, "wecom", WECOM, redact)
        self._tokens = TokenCache(self._fetch, runtime.clock, redact)

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description("wecom_person", SERVICE, "收件人的企业微信账号（UserID）", True)

    def check_config(self) -> tuple[str, ...]:
        """Asks for a token."""
        token = self._tokens.get()
        return () if isinstance(token, str) else (token.reason,)

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        # "|" parts several people and "@all" means everybody: neither is one person.
        if not message.recipient or "|" in message.recipient or "@all" in message.recipient:
            return Dead(
                f"{SERVICE}：收件人应是一个企业微信账号，请在人员资料里改正（address）", "address"
            )
        return with_token(self._tokens, lambda token: self._attempt(token, message))

    def _attempt(self, token: str, message: Message) -> Outcome | TokenRefused:
        data = self._success(
            self._caller.post_json(
                f"{self._base}/message/send",
                {
                    "touser": message.recipient,
                    "agentid": self._agent_id,
                    **_content(message),
                    "enable_duplicate_check": 1,
                    "duplicate_check_interval": _DUPLICATE_SECONDS,
                },
                params={"access_token": token},
            )
        )
        if not isinstance(data, dict):
            return data
        if text_of(data, "invaliduser"):
            return Dead(
                f"{SERVICE}：收件人不存在或不在应用的可见范围内，"
                "请在企业微信管理后台加入（invaliduser）",
                "wecom:invaliduser",
            )
        if text_of(data, "unlicenseduser"):
            return Dead(
                f"{SERVICE}：收件人没有接口许可，请在企业微信管理后台购买或分配（unlicenseduser）",
                "wecom:unlicenseduser",
            )
        return Delivered(text_of(data, "msgid"))

    def _fetch(self) -> Token | Retry | Dead | TokenRefused:
        data = self._success(
            self._caller.call(
                "GET",
                f"{self._base}/gettoken",
                params={"corpid": self._corp_id, "corpsecret": self._secret},
            )
        )
        if not isinstance(data, dict):
            return data
        token = text_of(data, "access_token")
        if not token:
            return Retry(f"{SERVICE}：取凭证的应答里没有凭证（wecom:token）", "wecom:token")
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
        return self._judge(code, text_of(reply.data, "errmsg"))


def _content(message: Message) -> dict[str, object]:
    link = safe_link(message, 2 * _LONGEST_LINK)
    if not link:
        return {"msgtype": "text", "text": {"content": plain(message, _LONGEST_TEXT)}}
    lines = "\n".join(harmless(line) for line in message.lines)
    return {
        "msgtype": "textcard",
        "textcard": {
            "title": clip(harmless(headline(message)), _LONGEST_TITLE, message.locale),
            "description": clip(lines, _LONGEST_CARD, message.locale),
            "url": link,
            "btntxt": open_label(message),
        },
    }
