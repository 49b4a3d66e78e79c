"""Error codes in HTTP 200: later, never, or once more with a fresh token."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from alerts.channels.base import Dead, Delivered, Outcome, Retry
from alerts.channels.standin import Standin
from tests.support.channel_bench import (
    RECIPIENTS,
    TurnedClock,
    channel_over,
    channel_to,
    message_to,
)

_TOKEN_ROUTES = {
    "dingtalk_person": "dingtalk_token",
    "wecom_person": "wecom_token",
    "feishu_person": "feishu_token",
}
with_tokens = pytest.mark.parametrize("name", _TOKEN_ROUTES)


def _answered(
    name: str,
    body: Mapping[str, object],
    standin: Standin,
    clock: TurnedClock,
    **how: object,
) -> Outcome:
    standin.fail_next(name, body, **how)  # type: ignore[arg-type]  # status, headers or times
    outcome = channel_to(name, standin, clock).send(message_to(RECIPIENTS[name]))
    assert standin.received() == []
    return outcome


@pytest.mark.parametrize(
    ("name", "body", "after_ms"),
    [
        ("dingtalk_robot", {"errcode": 130101, "errmsg": "send too fast"}, 600_000),
        ("dingtalk_robot", {"errcode": 410100, "errmsg": "发送速度太快而限流"}, 600_000),
        ("dingtalk_robot", {"errcode": -1, "errmsg": "系统繁忙"}, None),
        ("dingtalk_robot", {"status": 1111, "wait": 5, "source": "x5", "punish": "deny"}, 5000),
        ("dingtalk_robot", {"errcode": 130101, "wait": 5, "punish": "deny"}, 5000),
        ("dingtalk_person", {"errcode": 143104, "errmsg": "QPM"}, 60_000),
        ("dingtalk_person", {"errcode": 88, "sub_code": "90018", "sub_msg": "x"}, 300_000),
        ("wecom_robot", {"errcode": 45009, "errmsg": "api freq out of limit"}, 60_000),
        ("wecom_person", {"errcode": 45009, "errmsg": "api freq out of limit"}, 60_000),
        ("wecom_person", {"errcode": -1, "errmsg": "system error"}, None),
        ("feishu_robot", {"code": 11232, "msg": "frequency limited"}, 60_000),
        ("feishu_robot", {"code": 9499, "msg": "too many request"}, 60_000),
        ("feishu_robot", {"StatusCode": 11232, "StatusMessage": "x"}, 60_000),
        ("sms", {"code": "RATE_LIMIT", "retry_after_s": 30}, 30_000),
        ("sms", {"code": "NO_BALANCE"}, 600_000),
        ("sms", {"code": "SOMETHING_NEW", "message": "?"}, None),
        ("zhezhengding", {"success": True, "content": {"success": False}}, None),
        # A code that nobody listed must not lose the alert.
        ("dingtalk_robot", {"errcode": 987654, "errmsg": "new"}, None),
        ("wecom_person", {"errcode": 987654, "errmsg": "new"}, None),
        ("feishu_person", {"code": 987654, "msg": "new"}, None),
    ],
)
def test_passing_codes_are_tried_again(
    name: str,
    body: Mapping[str, object],
    after_ms: int | None,
    standin: Standin,
    clock: TurnedClock,
) -> None:
    outcome = _answered(name, body, standin, clock)
    assert isinstance(outcome, Retry)
    assert outcome.after_ms == after_ms


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("dingtalk_robot", {"errcode": 310000, "errmsg": "sign not match"}, "加签"),
        ("dingtalk_robot", {"errcode": 310000, "errmsg": "keywords not in content"}, "关键词"),
        ("dingtalk_robot", {"errcode": 310000, "errmsg": "ip 1.2.3.4 not in whitelist"}, "IP"),
        ("dingtalk_robot", {"errcode": 310000, "errmsg": "invalid timestamp"}, "服务器时间"),
        ("dingtalk_robot", {"errcode": 310000, "errmsg": "?"}, "安全校验"),
        ("dingtalk_robot", {"errcode": 300005, "errmsg": "token is not exist"}, "access_token"),
        ("dingtalk_robot", {"errcode": 400102, "errmsg": "bot is stopped"}, "启用"),
        ("dingtalk_person", {"errcode": 33012, "errmsg": "无效的USERID"}, "UserID"),
        ("dingtalk_person", {"errcode": 88, "sub_code": "60011"}, "权限"),
        ("wecom_robot", {"errcode": 93000, "errmsg": "invalid webhook url"}, "key"),
        ("wecom_person", {"errcode": 81013, "errmsg": "all invalid"}, "可见范围"),
        ("wecom_person", {"errcode": 60020, "errmsg": "not allow to access"}, "IP"),
        ("wecom_person", {"errcode": 0, "invaliduser": "zhangsan"}, "可见范围"),
        ("wecom_person", {"errcode": 0, "unlicenseduser": "zhangsan"}, "许可"),
        ("feishu_robot", {"code": 19021, "msg": "sign match fail"}, "签名"),
        ("feishu_robot", {"code": 19024, "msg": "Key Words Not Found"}, "关键词"),
        ("feishu_robot", {"code": 9499, "msg": "Bad Request"}, "格式"),
        ("feishu_robot", {"StatusCode": 0, "code": 19001}, "Webhook"),
        ("feishu_robot", {"StatusCode": 19022, "code": 0}, "IP"),
        ("feishu_person", {"code": 230013, "msg": "no availability"}, "可用范围"),
        ("sms", {"code": "BAD_MOBILE"}, "手机号"),
        ("sms", {"code": "BAD_SIGNATURE"}, "密钥"),
    ],
)
def test_lasting_codes_end_it_and_say_what_to_change(
    name: str, body: Mapping[str, object], says: str, standin: Standin, clock: TurnedClock
) -> None:
    outcome = _answered(name, body, standin, clock)
    assert isinstance(outcome, Dead)
    assert says in outcome.reason


@pytest.mark.parametrize("body", [{"StatusCode": 0, "StatusMessage": "success"}, {"code": 0}])
def test_feishu_robots_old_and_new_success(
    body: Mapping[str, object], standin: Standin, clock: TurnedClock
) -> None:
    assert _answered("feishu_robot", body, standin, clock) == Delivered()


@pytest.mark.parametrize("status", [429, 400])
def test_feishu_says_in_a_header_how_long_to_wait(
    status: int, standin: Standin, clock: TurnedClock
) -> None:
    outcome = _answered(
        "feishu_person",
        {"code": 99991400, "msg": "request trigger frequency limit"},
        standin,
        clock,
        status=status,
        headers={"x-ogw-ratelimit-reset": "52"},
    )
    assert isinstance(outcome, Retry)
    assert outcome.after_ms == 52_000


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Dead), (410, Dead), (413, Dead), (422, Dead), (401, Retry), (404, Retry), (500, Retry)],
)
def test_webhook_receivers_decide_by_status(
    status: int, kind: type[Outcome], standin: Standin, clock: TurnedClock
) -> None:
    outcome = _answered("webhook", {}, standin, clock, status=status)
    assert isinstance(outcome, kind)


def test_zhezhengding_refused_credentials_end_it(standin: Standin, clock: TurnedClock) -> None:
    outcome = channel_to("zhezhengding", standin, clock, app_secret="not the secret").send(
        message_to("1001")
    )
    assert isinstance(outcome, Dead)
    assert "app_secret" in outcome.reason


def test_the_limits_of_robots_come_as_they_really_come(clock: TurnedClock) -> None:
    standin = Standin(clock, limits=True)
    for name, most in (("dingtalk_robot", 20), ("wecom_robot", 20), ("feishu_robot", 5)):
        channel = channel_to(name, standin, clock)
        message = message_to(RECIPIENTS[name])
        assert all(isinstance(channel.send(message), Delivered) for _ in range(most))
        assert isinstance(channel.send(message), Retry)
        clock.now += 61_000
        assert isinstance(channel.send(message), Delivered)


@with_tokens
def test_a_token_serves_many_messages_and_is_renewed_before_its_end(
    name: str, standin: Standin, clock: TurnedClock
) -> None:
    channel = channel_to(name, standin, clock)
    message = message_to(RECIPIENTS[name])
    for _ in range(3):
        assert isinstance(channel.send(message), Delivered)
    assert standin.calls(_TOKEN_ROUTES[name]) == 1
    clock.now += 7200 * 1000 - 300_001
    assert isinstance(channel.send(message), Delivered)
    assert standin.calls(_TOKEN_ROUTES[name]) == 1
    clock.now += 1
    assert isinstance(channel.send(message), Delivered)
    assert standin.calls(_TOKEN_ROUTES[name]) == 2
    assert standin.calls(name) == 5


@with_tokens
def test_a_refused_token_is_renewed_once_and_the_message_goes(
    name: str, standin: Standin, clock: TurnedClock
) -> None:
    channel = channel_to(name, standin, clock)
    message = message_to(RECIPIENTS[name])
    assert isinstance(channel.send(message), Delivered)
    standin.revoke_tokens()
    assert isinstance(channel.send(message), Delivered)
    assert standin.calls(_TOKEN_ROUTES[name]) == 2
    assert len(standin.received(name)) == 2


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("dingtalk_person", {"errcode": 88, "sub_code": "40014", "sub_msg": "x"}),
        ("dingtalk_person", {"errcode": 42001, "errmsg": "x"}),
        ("wecom_person", {"errcode": 42001, "errmsg": "x"}),
        ("wecom_person", {"errcode": 40014, "errmsg": "x"}),
        ("feishu_person", {"code": 99991663, "msg": "x"}),
    ],
)
def test_a_token_refused_twice_is_left_for_later(
    name: str, body: Mapping[str, object], standin: Standin, clock: TurnedClock
) -> None:
    outcome = _answered(name, body, standin, clock, times=2)
    assert isinstance(outcome, Retry)
    assert standin.calls(name) == 2
    assert standin.calls(_TOKEN_ROUTES[name]) == 2


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("dingtalk_person", {"app_secret": "wrong-secret"}),
        ("wecom_person", {"secret": "wrong-secret"}),
        ("wecom_person", {"corp_id": "ww0000"}),
        ("feishu_person", {"app_secret": "wrong-secret"}),
    ],
)
def test_wrong_credentials_are_found_by_check_config(
    name: str, wrong: dict[str, str], standin: Standin, clock: TurnedClock
) -> None:
    channel = channel_to(name, standin, clock, **wrong)
    (problem,) = channel.check_config()
    assert next(iter(wrong)).replace("_", "") in problem.replace("_", "").lower()
    outcome = channel.send(message_to(RECIPIENTS[name]))
    assert isinstance(outcome, Dead)
    assert standin.calls(name) == 0


@with_tokens
def test_a_busy_token_service_is_tried_again(
    name: str, standin: Standin, clock: TurnedClock
) -> None:
    channel = channel_to(name, standin, clock)
    standin.fail_next(_TOKEN_ROUTES[name], {"errcode": -1, "code": 1500, "errmsg": "busy"})
    assert isinstance(channel.send(message_to(RECIPIENTS[name])), Retry)
    standin.fail_next(_TOKEN_ROUTES[name], {"errcode": 0, "code": 0})
    assert isinstance(channel.send(message_to(RECIPIENTS[name])), Retry)
    assert isinstance(channel.send(message_to(RECIPIENTS[name])), Delivered)


@with_tokens
def test_threads_share_one_token(name: str, standin: Standin, clock: TurnedClock) -> None:
    fetching = threading.Event()
    others_wait = threading.Event()

    def slow_tokens(request: httpx.Request) -> httpx.Response:
        if "token" in request.url.path:
            fetching.set()
            # Released once the others have had to ask as well.
            assert others_wait.wait(timeout=60)
        return standin.transport().handle_request(request)

    channel = channel_over(name, httpx.MockTransport(slow_tokens), clock)
    message = message_to(RECIPIENTS[name])
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(channel.send, message)
        assert fetching.wait(timeout=60)
        fetching.clear()
        others = [pool.submit(channel.send, message) for _ in range(7)]
        # Another fetch would show at once; a shared one never does.
        assert not fetching.wait(timeout=0.2)
        others_wait.set()
        sent = [one.result() for one in [first, *others]]
    assert all(isinstance(outcome, Delivered) for outcome in sent)
    assert standin.calls(_TOKEN_ROUTES[name]) == 1


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("dingtalk_person", "zhangsan"),
        ("wecom_person", "ZhangSan"),
        ("sms", "13800001234"),
    ],
)
def test_a_person_who_is_gone_ends_it(
    name: str, gone: str, standin: Standin, clock: TurnedClock
) -> None:
    standin.forget_person(gone)
    outcome = channel_to(name, standin, clock).send(message_to(gone))
    assert isinstance(outcome, Dead)
    assert standin.received() == []


@pytest.mark.parametrize(
    ("address", "kind"),
    [("ou_1", "open_id"), ("on_1", "union_id"), ("a@b.cn", "email"), ("e33ggbyz", "user_id")],
)
def test_feishu_knows_an_address_by_its_look(
    address: str, kind: str, standin: Standin, clock: TurnedClock
) -> None:
    channel = channel_to("feishu_person", standin, clock)
    assert isinstance(channel.send(message_to(address)), Delivered)
    assert standin.received()[0].recipient == f"{kind}:{address}"


def test_repeated_attempts_carry_the_same_id(standin: Standin, clock: TurnedClock) -> None:
    """At least once: services that can drop a second copy must be able to."""
    seen: list[tuple[str, str]] = []

    def look(request: httpx.Request) -> httpx.Response:
        body = request.read().decode()
        if "im/v1" in request.url.path:
            seen.append(("feishu_person", body.split('"uuid":"')[1].split('"')[0]))
        elif request.url.path == "/webhook":
            seen.append(("webhook", request.headers["webhook-id"]))
        return standin.transport().handle_request(request)

    for name in ("feishu_person", "webhook"):
        channel = channel_over(name, httpx.MockTransport(look), clock)
        for _ in range(2):
            channel.send(message_to(RECIPIENTS[name]))
            clock.now += 1000
        channel.send(message_to(RECIPIENTS[name], dedupe_id="another"))
        ids = [one for kind, one in seen if kind == name]
        assert ids[0] == ids[1] != ids[2]
