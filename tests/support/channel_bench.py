"""What tests of channels share: a clock to turn, a message to send, an HMAC of their own."""

import hashlib
from dataclasses import replace

import httpx

from alerts.channels.base import Channel, Message, Severity
from alerts.channels.http import Runtime, open_client
from alerts.channels.registry import CHANNELS
from alerts.channels.standin import Standin, settings_for

NOW = 1_772_330_000_000
BASE = "http://127.0.0.1:1"
# Each channel that speaks HTTP itself, with an address of one person or group.
RECIPIENTS = {
    "dingtalk_robot": "值班群",
    "dingtalk_person": "zhangsan",
    "wecom_robot": "值班群",
    "wecom_person": "ZhangSan",
    "feishu_robot": "值班群",
    "feishu_person": "ou_7d8a6e6df7621556",
    "zhezhengding": "10010001",
    "sms": "13800001234",
    "webhook": "值班群",
}


class TurnedClock:
    """A clock that stands still until it is turned."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def message_to(recipient: str, **changes: object) -> Message:
    """An alert in Chinese."""
    message = Message(
        title="未经审批盖章：云水村 村委会章",
        lines=("盖章人：王小明", "时间：2026-03-01 09:53:20", "请立即到现场核对所盖文件。"),
        severity=Severity.CRITICAL,
        recipient=recipient,
        dedupe_id="01980000-0000-7000-8000-000000000001",
        link="https://zhiyin.example/alerts/42",
        kind="C1",
        at=NOW - 60_000,
    )
    return replace(message, **changes)  # type: ignore[arg-type]  # whatever fields a test changes


def runtime_over(transport: httpx.BaseTransport | None, clock: TurnedClock) -> Runtime:
    """A runtime whose requests end in `transport` (None: the network)."""
    return Runtime(open_client(transport=transport), clock, nonce=lambda: "nonce-0001")


def channel_over(
    name: str,
    transport: httpx.BaseTransport | None,
    clock: TurnedClock,
    base_url: str = BASE,
    /,
    **changes: object,
) -> Channel:
    """A channel with the stand-in's settings, some of them changed."""
    settings = {**settings_for(base_url)[name], **changes}
    return CHANNELS[name](settings, runtime_over(transport, clock))


def channel_to(name: str, standin: Standin, clock: TurnedClock, **changes: object) -> Channel:
    """The same, ending in the stand-in."""
    return channel_over(name, standin.transport(), clock, BASE, **changes)


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """RFC 2104 written out, to check signatures by something that is not the code's own library."""
    if len(key) > 64:
        key = hashlib.sha256(key).digest()
    key = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + message).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).digest()
