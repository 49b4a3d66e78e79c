"""Promises that every channel keeps, each tried on all of them."""

import gzip
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from alerts.channels.base import Dead, Delivered, Outcome, Retry, Severity
from alerts.channels.registry import CHANNELS, build_channels
from alerts.channels.standin import Standin, settings_for
from tests.support.channel_bench import (
    RECIPIENTS,
    TurnedClock,
    channel_over,
    channel_to,
    message_to,
    runtime_over,
)

_CHINESE = re.compile(r"[一-鿿]")
each_channel = pytest.mark.parametrize("name", RECIPIENTS)
Responder = Callable[[httpx.Request], httpx.Response]


def _send(name: str, answer: Responder, clock: TurnedClock) -> Outcome:
    """One message to a service that gives `answer`; tokens are given out as the stand-in does."""
    standin = Standin(clock)

    def serve(request: httpx.Request) -> httpx.Response:
        if "token" in request.url.path:
            return standin.transport().handle_request(request)
        return answer(request)

    channel = channel_over(name, httpx.MockTransport(serve), clock)
    return channel.send(message_to(RECIPIENTS[name]))


def _visible(outcome: Outcome) -> None:
    """What the ledger needs of a failure: a Chinese sentence that ends with a stable code."""
    assert isinstance(outcome, Retry | Dead), outcome
    assert _CHINESE.search(outcome.reason)
    assert re.search(r"（[^（）]*[\w:]+）$", outcome.reason), outcome.reason
    assert re.fullmatch(r"[a-z]+:[\w-]+|address", outcome.code), outcome.code


def test_all_channels_deliver_over_a_real_connection(clock: TurnedClock) -> None:
    with Standin(clock) as standin:
        runtime = runtime_over(None, clock)
        lines: list[str] = []
        object.__setattr__(runtime, "write_line", lines.append)
        channels = build_channels(settings_for(standin.base_url), runtime)
        for name, recipient in {**RECIPIENTS, "console": "值班室", "ntfy": "village-1"}.items():
            assert isinstance(channels[name].send(message_to(recipient)), Delivered), name
        runtime.client.close()
        took = {one.channel: one for one in standin.received()}
    assert set(took) == {*RECIPIENTS, "ntfy"}
    for name, one in took.items():
        assert "未经审批盖章：云水村 村委会章" in one.title, name
        assert "盖章人：王小明" in one.text, name
        assert "紧急" in one.title or name == "webhook", name
    assert took["feishu_person"].recipient == "open_id:ou_7d8a6e6df7621556"
    assert took["sms"].recipient == "13800001234"
    assert json.loads(lines[0])["title"] == "未经审批盖章：云水村 村委会章"


@each_channel
def test_describe_holds_no_secret(name: str, standin: Standin, clock: TurnedClock) -> None:
    channel = channel_to(name, standin, clock)
    told = channel.describe()
    assert told.name == name
    assert told.title == CHANNELS[name].title
    assert "standin-" not in repr(told)
    assert channel.check_config() == ()


@each_channel
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"<html>please sign in</html>"),
        httpx.Response(200, content=b""),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, content=b'{"errcode":'),
        httpx.Response(200, json={"errcode": None, "code": None, "success": None}),
        httpx.Response(200, json={"errcode": 99, "code": 99, "StatusCode": 99, "success": False}),
    ],
    ids=["html", "empty", "list", "nothing", "cut", "nulls", "unknown"],
)
def test_http_200_alone_is_no_success(
    name: str, answer: httpx.Response, clock: TurnedClock
) -> None:
    outcome = _send(name, lambda _: answer, clock)
    if name == "webhook":
        # Its contract is the status alone.
        assert outcome == Delivered()
    else:
        assert isinstance(outcome, Retry)
        _visible(outcome)


@each_channel
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_http_failures_are_tried_again(name: str, status: int, clock: TurnedClock) -> None:
    outcome = _send(name, lambda _: httpx.Response(status, headers={"Retry-After": "17"}), clock)
    _visible(outcome)
    assert isinstance(outcome, Retry)
    assert outcome.code == f"http:{status}"
    assert outcome.after_ms == 17_000


@each_channel
@pytest.mark.parametrize("value", ["Sun, 01 Mar 2026 00:00:00 GMT", "-1", "1e3", "", "٣"])
def test_a_retry_after_that_is_no_number_is_ignored(
    name: str, value: str, clock: TurnedClock
) -> None:
    outcome = _send(
        name,
        lambda _: httpx.Response(503, headers=[(b"Retry-After", value.encode())]),
        clock,
    )
    assert isinstance(outcome, Retry)
    assert outcome.after_ms is None


@each_channel
def test_redirects_are_not_followed(name: str, clock: TurnedClock) -> None:
    asked: list[str] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(307, headers={"Location": "http://169.254.169.254/latest"})

    outcome = _send(name, redirect, clock)
    assert isinstance(outcome, Dead)
    _visible(outcome)
    assert asked == ["127.0.0.1"]


@each_channel
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused"), "net:connect"),
        (httpx.ConnectTimeout("timed out"), "net:timeout"),
        (httpx.ReadTimeout("timed out"), "net:timeout"),
        (httpx.RemoteProtocolError("peer closed connection"), "net:broken"),
    ],
)
def test_network_failures_are_tried_again(
    name: str, error: httpx.HTTPError, code: str, clock: TurnedClock
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    outcome = _send(name, fail, clock)
    _visible(outcome)
    assert isinstance(outcome, Retry)
    assert outcome.code == code


@each_channel
def test_an_endless_answer_is_cut(name: str, clock: TurnedClock) -> None:
    read = 0

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            nonlocal read
            while True:
                read += 1
                yield b"x" * 8192

    outcome = _send(name, lambda _: httpx.Response(500, stream=Endless()), clock)
    assert isinstance(outcome, Retry)
    assert read < 100


@each_channel
def test_a_compressed_answer_is_not_unpacked(name: str, clock: TurnedClock) -> None:
    small = gzip.compress(b" " * 50_000_000)
    read: list[int] = []

    class Bomb(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            read.append(len(small))
            yield small

    outcome = _send(
        name,
        lambda _: httpx.Response(500, headers={"Content-Encoding": "gzip"}, stream=Bomb()),
        clock,
    )
    assert isinstance(outcome, Retry)
    assert read == []


@each_channel
def test_an_answer_that_trickles_ends_at_the_timeout(name: str, clock: TurnedClock) -> None:
    class Trickle(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            while True:
                clock.now += 1000
                yield b" "

    outcome = _send(name, lambda _: httpx.Response(200, stream=Trickle()), clock)
    assert isinstance(outcome, Retry)
    assert outcome.code == "net:timeout"


def _secrets(settings: Mapping[str, object]) -> set[str]:
    secrets: set[str] = set()
    for name, value in settings.items():
        if isinstance(value, Mapping):
            secrets |= _secrets(value)
        elif name in ("access_token", "secret", "app_secret", "key", "hook"):
            secrets.add(str(value))
    return secrets


@each_channel
def test_no_secret_reaches_an_outcome_or_a_log(
    name: str, clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = _secrets(settings_for("http://127.0.0.1:1")[name]) | {"standin-token-000001"}

    def echo(request: httpx.Request) -> str:
        return f"{request.url} {request.headers} {request.read().decode()}"

    def as_code(request: httpx.Request) -> httpx.Response:
        said = echo(request)
        return httpx.Response(
            200,
            json={
                "errcode": 7, "errmsg": said, "code": 7, "msg": said, "message": said,
                "success": False, "errorCode": said, "errorMsg": said,
            },
        )  # fmt: skip

    def as_page(request: httpx.Request) -> httpx.Response:
        return httpx.Response(502, content=echo(request).encode())

    def as_error(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"cannot reach {echo(request)}")

    def as_token(_: httpx.Request) -> httpx.Response:
        said = "standin-token-000001 is not known"
        return httpx.Response(200, json={"errcode": 7, "errmsg": said, "code": 7, "msg": said})

    answers: list[Responder] = [as_code, as_page, as_error]
    if name in ("dingtalk_person", "wecom_person", "feishu_person"):
        answers.append(as_token)
    texts = [repr(_send(name, answer, clock)) for answer in answers]
    standin = Standin(clock)
    texts.append(repr(channel_to(name, standin, clock).send(message_to(RECIPIENTS[name]))))
    for secret in secrets:
        assert secret not in caplog.text
        for text in texts:
            assert secret not in text, text
    # A mobile number echoed by a service is personal data.
    assert not any("13800001234" in text for text in texts)


@pytest.mark.parametrize("name", ["dingtalk_person", "wecom_person", "feishu_person"])
def test_no_secret_reaches_the_outcome_of_a_refused_token(name: str, clock: TurnedClock) -> None:
    secrets = _secrets(settings_for("http://127.0.0.1:1")[name])

    def refuse(request: httpx.Request) -> httpx.Response:
        said = f"{request.url} {request.read().decode()}"
        return httpx.Response(200, json={"errcode": 7, "errmsg": said, "code": 7, "msg": said})

    channel = channel_over(name, httpx.MockTransport(refuse), clock)
    texts = [repr(channel.send(message_to(RECIPIENTS[name]))), *channel.check_config()]
    assert not [secret for secret in secrets if any(secret in text for text in texts)]


@pytest.mark.parametrize(
    ("name", "recipient"),
    [
        ("dingtalk_person", "a,b"),
        ("dingtalk_person", ""),
        ("wecom_person", "@all"),
        ("wecom_person", "a|b"),
        ("wecom_person", ""),
        ("feishu_person", ""),
        ("feishu_person", "13800001234"),
        ("zhezhengding", "1,2"),
        ("sms", "1380000123"),
        ("sms", "13800001234,13800001235"),
        ("sms", "12345"),
        ("email", "a@example.com, b@example.com"),
        ("email", "nobody"),
        ("ntfy", "../admin"),
    ],
)
def test_an_address_that_is_not_one_person_is_never_sent_to(
    name: str, recipient: str, standin: Standin, clock: TurnedClock
) -> None:
    settings: dict[str, object] = dict(settings_for("http://127.0.0.1:1").get(name, {}))
    if name == "email":
        settings = {"host": "127.0.0.1", "sender": "seal@example.com"}
    channel = CHANNELS[name](settings, runtime_over(standin.transport(), clock))
    outcome = channel.send(message_to(recipient))
    _visible(outcome)
    assert isinstance(outcome, Dead)
    assert outcome.code == "address"
    assert standin.received() == []


@pytest.mark.parametrize("name", ["dingtalk_robot", "wecom_robot", "feishu_robot", "webhook"])
def test_targets_are_chosen_by_name_only(name: str, standin: Standin, clock: TurnedClock) -> None:
    channel = channel_to(name, standin, clock)
    assert channel.describe().targets == ("值班群",)
    assert isinstance(channel.send(message_to("")), Delivered)
    for stranger in ("别的群", "http://169.254.169.254/", "https://evil.example/hook"):
        outcome = channel.send(message_to(stranger))
        assert isinstance(outcome, Dead)
        assert outcome.code == "config:target"
        assert stranger not in outcome.reason
    assert len(standin.received()) == 1


@each_channel
def test_markup_in_names_stays_text(name: str, standin: Standin, clock: TurnedClock) -> None:
    evil = "[点这里](http://evil.example) <@all> <a href='http://evil.example'>x</a>"
    message = message_to(RECIPIENTS[name], title=evil, lines=(evil, "# 大标题"))
    assert isinstance(channel_to(name, standin, clock).send(message), Delivered)
    one = standin.received()[0]
    # Feishu's is structured, a webhook's and an SMS's are text; the rest read markup.
    if name not in ("feishu_robot", "feishu_person", "webhook", "sms"):
        assert "](http://evil" not in one.text
        assert "<" not in one.text
    assert "点这里" in one.text


@each_channel
def test_very_long_messages_are_cut_to_what_the_service_takes(
    name: str, standin: Standin, clock: TurnedClock
) -> None:
    message = message_to(RECIPIENTS[name], title="长" * 300, lines=("很长的一行" * 40,) * 60)
    assert isinstance(channel_to(name, standin, clock).send(message), Delivered)
    assert len(standin.received()) == 1


@each_channel
def test_english_and_quiet_messages_go_too(name: str, standin: Standin, clock: TurnedClock) -> None:
    message = message_to(
        RECIPIENTS[name],
        title="Use finished",
        lines=("Stamps: 1",),
        locale="en",
        severity=Severity.INFO,
        link="",
        kind="",
        at=None,
    )
    assert isinstance(channel_to(name, standin, clock).send(message), Delivered)
    one = standin.received()[0]
    assert one.title.endswith("Use finished")
    assert "URGENT" not in one.title


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, "号", "a.b", "a\nb"])
def test_a_dedupe_id_must_be_fit_for_headers(bad: str) -> None:
    with pytest.raises(ValueError, match="dedupe_id"):
        message_to("x", dedupe_id=bad)


@each_channel
def test_promise_7_a_failure_to_tell_is_visible(name: str, clock: TurnedClock) -> None:
    """Whatever a service answers, the ledger gets a delivery or a reason, no exception."""
    for status in range(200, 600, 7):
        for body in (b"", b"{}", b'{"errcode":1,"code":"1","success":false}', b"\xff\xfe"):
            answer = httpx.Response(status, content=body)
            outcome = _send(name, lambda _, answer=answer: answer, clock)  # type: ignore[misc]
            if not isinstance(outcome, Delivered):
                _visible(outcome)
