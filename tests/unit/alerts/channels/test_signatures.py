"""Signatures against values that OpenSSL gave, and against an HMAC written out in the tests."""

import base64
from urllib.parse import quote, unquote

import httpx
import pytest

from alerts.channels import dingtalk_robot, feishu_robot, zhezhengding
from alerts.channels.base import Dead, Delivered
from alerts.channels.signing import decode_secret, signed_headers
from alerts.channels.standin import Standin
from tests.support.channel_bench import (
    NOW,
    TurnedClock,
    channel_over,
    channel_to,
    hmac_sha256,
    message_to,
)


def test_dingtalk_signs_timestamp_and_secret_with_the_secret() -> None:
    assert (
        dingtalk_robot.sign(1772330000000, "SEC0123")
        == "HnPTzzS5svOVqcwPvXpJunBOiMQrQvFDbsRJ8ftHNhU="
    )
    expected = hmac_sha256(b"SECx", b"1\nSECx")
    assert base64.b64decode(dingtalk_robot.sign(1, "SECx")) == expected


def test_feishu_signs_nothing_with_timestamp_and_secret_as_the_key() -> None:
    assert (
        feishu_robot.sign(1772330000, "key0123") == "T2WBQalugkTIcDjw40ol2xh+z6vWa+epBoMaiUwgW+0="
    )
    assert base64.b64decode(feishu_robot.sign(1, "s" * 90)) == hmac_sha256(b"1\n" + b"s" * 90, b"")


def test_zhezhengding_signs_method_time_nonce_path_and_sorted_raw_parameters() -> None:
    signed = zhezhengding.sign(
        "secret0123",
        "POST",
        "2026-03-01T09:53:20.000+08:00",
        "n1",
        "/message/workNotification",
        {"b": "中", "a": "1"},
    )
    assert signed == "nmTbiNHDXYoGPqIZRDj2CD7cHFafBt0XA9TvsV/N7Is="


def test_webhook_signature_is_the_published_vector_of_standard_webhooks() -> None:
    key = decode_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(
        (key,), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_secret_is_changed_both_signatures_are_sent() -> None:
    headers = signed_headers((b"a" * 24, b"b" * 24), "id", 1, b"{}")
    both = headers["webhook-signature"].split(" ")
    assert [base64.b64decode(one.removeprefix("v1,")) for one in both] == [
        hmac_sha256(b"a" * 24, b"id.1.{}"),
        hmac_sha256(b"b" * 24, b"id.1.{}"),
    ]


@pytest.mark.parametrize(
    "secret", ["", "plain", "whsec_***", "whsec_c2hvcnQ=", "whsec_" + "A" * 120]
)
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        decode_secret(secret)


def _timestamp_whose_sign_needs_encoding() -> int:
    from alerts.channels.standin.credentials import DINGTALK_ROBOT_SECRET

    return next(
        now
        for now in range(NOW, NOW + 10_000)
        if {"+", "/"} <= set(dingtalk_robot.sign(now, DINGTALK_ROBOT_SECRET))
    )


def test_the_dingtalk_sign_is_url_encoded_exactly_once() -> None:
    clock = TurnedClock(_timestamp_whose_sign_needs_encoding())
    standin = Standin(clock)
    seen: list[str] = []

    def look(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.query.decode("ascii"))
        return standin.transport().handle_request(request)

    outcome = channel_over("dingtalk_robot", httpx.MockTransport(look), clock).send(
        message_to("值班群")
    )
    raw = dict(pair.split("=", 1) for pair in seen[0].split("&"))
    assert "%25" not in raw["sign"]
    assert "+" not in raw["sign"]
    assert "%2B" in raw["sign"]
    assert base64.b64decode(unquote(raw["sign"]), validate=True)
    assert outcome == Delivered()
    assert len(standin.received("dingtalk_robot")) == 1


def test_the_stand_in_refuses_a_sign_that_was_encoded_twice() -> None:
    clock = TurnedClock(_timestamp_whose_sign_needs_encoding())
    standin = Standin(clock)

    def encode_again(request: httpx.Request) -> httpx.Response:
        query = request.url.query.decode("ascii")
        head, _, sign = query.partition("sign=")
        url = request.url.copy_with(query=f"{head}sign={quote(sign, safe='')}".encode())
        return standin.transport().handle_request(
            httpx.Request("POST", url, headers=request.headers, content=request.read())
        )

    outcome = channel_over("dingtalk_robot", httpx.MockTransport(encode_again), clock).send(
        message_to("值班群")
    )
    assert isinstance(outcome, Dead)
    assert outcome.code == "dingtalk:310000"
    assert "加签密钥" in outcome.reason
    assert standin.received() == []


@pytest.mark.parametrize("name", ["dingtalk_robot", "feishu_robot", "zhezhengding", "webhook"])
def test_a_clock_that_is_off_is_told(name: str, standin: Standin, clock: TurnedClock) -> None:
    slow = TurnedClock(clock.now - 2 * 3_600_000)
    outcome = channel_to(name, standin, slow).send(
        message_to("值班群" if name != "zhezhengding" else "1")
    )
    assert not isinstance(outcome, Delivered)
    assert standin.received() == []
