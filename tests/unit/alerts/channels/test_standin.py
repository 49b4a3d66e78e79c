"""The stand-in refuses what the services refuse: otherwise it would prove nothing."""

import json
import socket

import httpx
import pytest

from alerts.channels.base import Delivered
from alerts.channels.standin import Standin
from alerts.channels.standin.book import Request
from tests.support.channel_bench import RECIPIENTS, TurnedClock, channel_over, message_to

_SIGNED = ("dingtalk_robot", "feishu_robot", "zhezhengding", "sms", "webhook")
_SECRET = "whsec_d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmc="
_ROBOT = {"access_token": "standin-dingtalk-robot", "secret": "SECwrong"}
_WRONG: dict[str, dict[str, object]] = {
    "dingtalk_robot": {"robots": {"值班群": _ROBOT}},
    "wecom_robot": {"robots": {"值班群": {"key": "wrong-key"}}},
    "feishu_robot": {"robots": {"值班群": {"hook": "standin-feishu-hook", "secret": "wrong"}}},
    "zhezhengding": {"app_secret": "wrong-secret"},
    "sms": {"secret": _SECRET},
    "webhook": {"targets": {"值班群": {"url": "http://127.0.0.1:1/webhook", "secret": _SECRET}}},
}


@pytest.mark.parametrize("name", _WRONG)
def test_wrong_keys_are_refused(name: str, standin: Standin, clock: TurnedClock) -> None:
    channel = channel_over(name, standin.transport(), clock, **_WRONG[name])
    assert not isinstance(channel.send(message_to(RECIPIENTS[name])), Delivered)
    assert standin.received() == []


@pytest.mark.parametrize("name", ["zhezhengding", "sms", "webhook"])
def test_a_body_changed_on_the_way_is_refused(
    name: str, standin: Standin, clock: TurnedClock
) -> None:
    def change(request: httpx.Request) -> httpx.Response:
        body = request.read().replace(b"10010001", b"10010002").replace(b"0001234", b"0009999")
        body = body.replace("王小明".encode(), "王大明".encode())
        changed = httpx.Request(
            "POST",
            request.url,
            headers={k: v for k, v in request.headers.items() if k != "content-length"},
            content=body,
        )
        return standin.transport().handle_request(changed)

    channel = channel_over(name, httpx.MockTransport(change), clock)
    assert not isinstance(channel.send(message_to(RECIPIENTS[name])), Delivered)
    assert standin.received() == []


@pytest.mark.parametrize("name", _SIGNED)
def test_a_request_recorded_and_sent_again_later_is_refused(
    name: str, standin: Standin, clock: TurnedClock
) -> None:
    recorded: list[httpx.Request] = []

    def record(request: httpx.Request) -> httpx.Response:
        request.read()
        recorded.append(request)
        return standin.transport().handle_request(request)

    channel_over(name, httpx.MockTransport(record), clock).send(message_to(RECIPIENTS[name]))
    assert len(standin.received()) == 1
    clock.now += 3_700_000
    standin.transport().handle_request(recorded[-1])
    assert len(standin.received()) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/robot/send?access_token=standin-dingtalk-robot&timestamp=x&sign=%ff", b"{"),
        ("/open-apis/bot/v2/hook/standin-feishu-hook", b'{"content": 1}'),
        ("/open-apis/bot/v2/hook/", b""),
        ("/message/workNotification", b"\xff=\xfe"),
        ("/sms/send", b"[]"),
        ("/webhook", b""),
        ("/", b"null"),
        ("/nowhere", b""),
    ],
)
def test_junk_is_answered_and_not_taken(path: str, body: bytes, standin: Standin) -> None:
    client = httpx.Client(transport=standin.transport(), base_url="http://127.0.0.1:1")
    answer = client.post(path, content=body)
    assert answer.status_code < 500
    assert standin.received() == []


def test_what_was_received_can_be_read_in_a_browser(clock: TurnedClock) -> None:
    with Standin(clock) as standin:
        channel = channel_over("wecom_robot", None, clock, standin.base_url)
        assert channel.send(message_to("值班群")) == Delivered()
        answer = httpx.get(f"{standin.base_url}/_received", trust_env=False)
        shown = answer.json()["received"]
        assert [one["channel"] for one in shown] == ["wecom_robot"]
        assert "盖章人：王小明" in shown[0]["text"]
    with pytest.raises(RuntimeError):
        _ = standin.base_url


def test_a_request_that_is_too_large_is_refused_unread(clock: TurnedClock) -> None:
    with Standin(clock) as standin:
        port = int(standin.base_url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(b"POST /webhook HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")
            assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


def test_old_messages_make_room(clock: TurnedClock) -> None:
    standin = Standin(clock, keep=3)
    channel = channel_over("wecom_robot", standin.transport(), clock)
    for _ in range(5):
        channel.send(message_to("值班群"))
    assert len(standin.received()) == 3


def test_handle_needs_no_server(standin: Standin) -> None:
    answer = standin.handle(Request("GET", "/_received", {}, {}, b""))
    assert json.loads(answer.encoded()) == {"received": []}
