"""What the services' own error codes mean: pass, ask for a fresh token, try later, or give up.

All of them answer HTTP 200 (or 400, Feishu) with the truth in the body, so success is only what
says so in so many words. A code that is not listed here counts as temporary (see `base`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from alerts.channels.base import Dead, Retry
from alerts.channels.redact import Redactor


class Verdict(Enum):
    """What to do about a code."""

    LATER = "later"
    NEVER = "never"
    FRESH_TOKEN = "fresh token"


@dataclass(frozen=True, slots=True)
class Meaning:
    """A code's verdict, and what a person reads. `after_ms`: the service's own pause."""

    verdict: Verdict
    text: str
    after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """The access token is not (or no longer) good: fetch another and try once more."""

    reason: str
    code: str


Table = Mapping[int, Meaning]


def later(text: str, after_ms: int | None = None) -> Meaning:
    """A passing condition."""
    return Meaning(Verdict.LATER, text, after_ms)


def never(text: str) -> Meaning:
    """A lasting one; `text` says what to change."""
    return Meaning(Verdict.NEVER, text)


def fresh_token(text: str) -> Meaning:
    """The token must be renewed."""
    return Meaning(Verdict.FRESH_TOKEN, text)


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns one service's codes into outcomes. `prefix` begins the stable code (`wecom:45009`)."""

    service: str
    prefix: str
    table: Table
    redact: Redactor

    def __call__(
        self, code: int, said: str, after_ms: int | None = None
    ) -> Retry | Dead | TokenRefused:
        """Judge a code that is not success. `said` is the service's own text; `after_ms`, when
        given, overrides the table's pause."""
        stable = f"{self.prefix}:{code}"
        meaning = self.table.get(code)
        if meaning is None:
            text = self.redact(said) or "未说明原因"
            return Retry(f"{self.service}：{text}，稍后自动重发（错误码 {code}）", stable, after_ms)
        reason = f"{self.service}：{meaning.text}（错误码 {code}）"
        if meaning.verdict is Verdict.FRESH_TOKEN:
            return TokenRefused(reason, stable)
        if meaning.verdict is Verdict.NEVER:
            return Dead(reason, stable)
        return Retry(reason, stable, meaning.after_ms if after_ms is None else after_ms)


def integer(data: Mapping[str, object], name: str) -> int | None:
    """An integer field, also when written as text of digits; None when absent or anything else."""
    value = data.get(name)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.removeprefix("-").isascii():
        digits = value.removeprefix("-")
        return int(value) if digits.isdigit() and len(digits) < 12 else None
    return None


def text_of(data: Mapping[str, object], *names: str) -> str:
    """The first of the fields that holds text or a number."""
    for name in names:
        value = data.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
    return ""


_MINUTE = 60_000
_NETWORK_HINT = "请在管理后台把本服务器的出口 IP 加入可信名单"

# A robot that sent more than 20 messages in a minute is shut for ten (DingTalk, custom robots,
# "open.dingtalk.com/document/robots/custom-robot-access"; codes: "open.dingtalk.com/document/
# orgapp/custom-bot-send-message-type" and the table in Aliyun's alerting documentation). A wrong
# token answered 300005 when others tried it against the real service; older tables say 300001.
DINGTALK_ROBOT: Table = {
    -1: later("钉钉系统繁忙"),
    130101: later("群机器人每分钟最多 20 条，发得太快被限流，稍后自动重发", 10 * _MINUTE),
    410100: later("群机器人发得太快被限流，稍后自动重发", 10 * _MINUTE),
    300001: never("机器人的 access_token 不存在，请在群设置里重新复制 Webhook 地址"),
    300005: never("机器人的 access_token 不存在，请在群设置里重新复制 Webhook 地址"),
    400101: never("机器人的 access_token 不存在，请在群设置里重新复制 Webhook 地址"),
    400013: never("钉钉群已解散，请换一个群的机器人"),
    400102: never("机器人已停用，请在群设置里启用"),
    400106: never("机器人不存在，请在群里重新添加"),
    400105: never("不支持这种消息类型，请升级本系统"),
    40035: never("请求缺少参数，请检查 access_token 设置"),
    43004: never("请求头不正确，请检查中间的代理服务器"),
    430101: never("消息里有钉钉认为不安全的外链，请检查系统网址设置"),
    430102: never("消息文字被钉钉判为不合适"),
    430104: never("消息内容被钉钉判为不合适"),
    460101: never("消息太长（超过 20000 字节）"),
}

# One code, three causes; the text tells them apart (same sources).
DINGTALK_ROBOT_REFUSED = 310000

# "open.dingtalk.com/document/orgapp/asynchronous-sending-of-enterprise-session-messages" and the
# global table "open.dingtalk.com/document/orgapp/server-api-error-codes-1". 88 wraps another code.
DINGTALK_PERSON: Table = {
    -1: later("钉钉系统繁忙"),
    40014: fresh_token("access_token 不合法"),
    42001: fresh_token("access_token 已过期"),
    40001: fresh_token("access_token 无效"),
    41001: fresh_token("缺少 access_token"),
    143103: later("本应用每分钟发送人次超限", _MINUTE),
    143104: later("本企业每分钟发送人次超限", _MINUTE),
    143105: later("本企业发送人次超限", _MINUTE),
    90002: later("调用频率超限", _MINUTE),
    90018: later("本企业的接口调用被暂时禁止", 5 * _MINUTE),
    90030: later("调用次数超限", _MINUTE),
    33012: never("收件人的 UserID 无效，请在人员资料里改正钉钉 UserID"),
    40003: never("收件人的 UserID 不合法，请在人员资料里改正钉钉 UserID"),
    60121: never("找不到收件人，请在人员资料里改正钉钉 UserID"),
    400002: never("参数不正确，请检查 agent_id 和收件人的钉钉 UserID"),
    40089: never("appkey 或 appsecret 不正确，请在钉钉开发者后台重新复制"),
    40078: never("appkey 或 appsecret 不正确，请在钉钉开发者后台重新复制"),
    40035: never("参数不正确，请检查 appkey、appsecret 和 agent_id"),
    60011: never("应用没有发送工作通知的权限，请在钉钉开发者后台开通"),
    60020: never(f"钉钉不允许本服务器的 IP 访问，{_NETWORK_HINT}"),
    34016: never("消息太长"),
    400006: never("agent_id 不正确，请在钉钉开发者后台查看"),
}

# "developer.work.weixin.qq.com/document/path/90313" (global codes), 91770 (robots), 90236
# (application messages: invaliduser; 81013 when nobody is left).
WECOM: Table = {
    -1: later("企业微信系统繁忙"),
    6000: later("企业微信数据冲突"),
    45009: later("发得太快被限流（群机器人每分钟最多 20 条），稍后自动重发", _MINUTE),
    45033: later("接口并发调用超限", _MINUTE),
    40014: fresh_token("access_token 不合法"),
    41001: fresh_token("缺少 access_token"),
    42001: fresh_token("access_token 已过期"),
    40001: never("secret 不正确，请在企业微信管理后台重新复制应用的 Secret"),
    40091: never("secret 不正确，请在企业微信管理后台重新复制应用的 Secret"),
    40013: never("corpid 不正确，请在企业微信管理后台“我的企业”里查看"),
    40056: never("agentid 不正确，请在企业微信管理后台的应用页查看"),
    301002: never("应用没有权限，请检查 agentid 与 secret 是否属于同一个应用"),
    48002: never("应用没有调用此接口的权限，请在企业微信管理后台开通"),
    60020: never(f"企业微信不允许本服务器的 IP 访问，{_NETWORK_HINT}"),
    40003: never("收件人的 UserID 无效，请在人员资料里改正企业微信账号"),
    60111: never("收件人不存在，请在人员资料里改正企业微信账号"),
    81013: never("收件人不存在或不在应用的可见范围内，请在企业微信管理后台加入"),
    40058: never("参数不正确，请检查设置"),
    44004: never("消息内容为空"),
    45002: never("消息太长"),
    93000: never("机器人的 key 不正确，或机器人已被移出群，请重新复制 Webhook 地址"),
    93004: never("机器人已停用，请在群里启用"),
    93008: never("机器人不在群里，请重新添加"),
}

# Robots: "open.feishu.cn/document/client-docs/bot-v3/add-custom-bot". Messages to a person:
# ".../server-docs/im-v1/message/create" and ".../server-docs/api-call-guide/generic-error-code";
# limits answer 99991400 with the header x-ogw-ratelimit-reset (".../frequency-control").
FEISHU: Table = {
    11232: later("飞书系统限流，稍后自动重发", _MINUTE),
    11233: later("飞书系统限流，稍后自动重发", _MINUTE),
    99991400: later("发得太快被限流，稍后自动重发", _MINUTE),
    230020: later("发得太快被限流，稍后自动重发", _MINUTE),
    230049: later("消息正在发送"),
    230101: later("飞书暂停了给个人发消息"),
    99991661: fresh_token("缺少 tenant_access_token"),
    99991663: fresh_token("tenant_access_token 无效"),
    99991668: fresh_token("tenant_access_token 无效"),
    99991671: fresh_token("tenant_access_token 格式不对"),
    9499: never("请求格式不对，请升级本系统"),
    19001: never("Webhook 地址无效，请在飞书群的机器人设置里重新复制"),
    19021: never("签名不对或时间差超过一小时，请检查 secret 和服务器时间"),
    19022: never("飞书不允许本服务器的 IP，请在机器人的 IP 白名单里加入"),
    19024: never("消息里没有机器人要求的关键词，请改用“签名校验”"),
    10003: never("app_id 不正确，请在飞书开发者后台查看"),
    10014: never("app_secret 不正确，请在飞书开发者后台重新复制"),
    99991672: never("应用没有发消息的权限，请在飞书开发者后台开通 im:message:send_as_bot"),
    230001: never("参数不正确，请检查收件人的飞书 ID"),
    230002: never("机器人不在会话里"),
    230006: never("应用没有开启机器人能力，请在飞书开发者后台开启并发布"),
    230013: never("收件人不在应用的可用范围内，请在飞书开发者后台加入"),
    230022: never("消息内容被飞书判为敏感"),
    230025: never("消息太长"),
    230027: never("应用缺少权限，请在飞书开发者后台开通"),
    230028: never("消息被企业的安全策略拦下"),
    230029: never("收件人已离职，请在人员资料里更换"),
    230034: never("收件人的飞书 ID 不对，请在人员资料里改正"),
    230035: never("没有给此人发消息的权限"),
    230038: never("不能给其他企业的人发消息"),
    230053: never("收件人拒收机器人的消息"),
}
