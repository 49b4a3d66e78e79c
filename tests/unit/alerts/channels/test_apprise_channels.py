"""E-mail and ntfy through Apprise: delivered, refused, unreachable; nothing of it in a log."""

import logging
import socket
from collections.abc import Iterator

import pytest

from alerts.channels.base import Channel, Dead, Delivered, Retry
from alerts.channels.registry import CHANNELS
from alerts.channels.standin import Standin, StandinSmtp, settings_for
from tests.support.channel_bench import TurnedClock, message_to, runtime_over

_PASSWORD = "correct-horse-battery"


@pytest.fixture
def smtp() -> Iterator[StandinSmtp]:
    with StandinSmtp() as server:
        yield server


@pytest.fixture
def live(clock: TurnedClock) -> Iterator[Standin]:
    with Standin(clock) as server:
        yield server


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _email(port: int, clock: TurnedClock, **changes: object) -> Channel:
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "seal@example.com",
        **changes,
    }
    return CHANNELS["email"](settings, runtime_over(None, clock))


def test_a_mail_arrives_as_plain_text(smtp: StandinSmtp, clock: TurnedClock) -> None:
    assert _email(smtp.port, clock).send(message_to("li@example.com")) == Delivered()
    (mail,) = smtp.mails
    assert mail.recipient == "li@example.com"
    assert mail.sender == "seal@example.com"
    assert mail.subject == "【紧急】未经审批盖章：云水村 村委会章"
    assert "盖章人：王小明" in mail.text
    assert "https://zhiyin.example/alerts/42" in mail.text


def test_several_mails_do_not_wait_for_each_other(
    smtp: StandinSmtp, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_sleep(_: float) -> None:
        raise AssertionError("a channel slept")

    monkeypatch.setattr("time.sleep", no_sleep)
    channel = _email(smtp.port, clock)
    for _ in range(3):
        assert channel.send(message_to("li@example.com")) == Delivered()


def test_an_unknown_mailbox_ends_it(smtp: StandinSmtp, clock: TurnedClock) -> None:
    smtp.refuse_next("550 no such user")
    outcome = _email(smtp.port, clock).send(message_to("li@example.com"))
    assert isinstance(outcome, Dead)
    assert outcome.code == "smtp:550"
    assert smtp.mails == []


def test_greylisting_is_tried_again(smtp: StandinSmtp, clock: TurnedClock) -> None:
    smtp.refuse_next("450 try again later")
    outcome = _email(smtp.port, clock).send(message_to("li@example.com"))
    assert isinstance(outcome, Retry)
    assert outcome.code == "smtp:450"


def test_a_mail_server_that_is_down_is_tried_again(closed_port: int, clock: TurnedClock) -> None:
    outcome = _email(closed_port, clock).send(message_to("li@example.com"))
    assert isinstance(outcome, Retry)
    assert outcome.code == "smtp:connect"


def test_ntfy_gets_the_topic(live: Standin, clock: TurnedClock) -> None:
    settings = settings_for(live.base_url)["ntfy"]
    channel = CHANNELS["ntfy"](settings, runtime_over(None, clock))
    assert channel.send(message_to("village-1")) == Delivered()
    (one,) = live.received("ntfy")
    assert one.recipient == "village-1"
    assert one.title == "【紧急】未经审批盖章：云水村 村委会章"


def test_ntfy_refusals_are_told_apart(live: Standin, closed_port: int, clock: TurnedClock) -> None:
    runtime = runtime_over(None, clock)
    wrong = CHANNELS["ntfy"]({"url": live.base_url, "token": "tk_wrong"}, runtime)
    outcome = wrong.send(message_to("village-1"))
    assert isinstance(outcome, Dead)
    assert "令牌" in outcome.reason
    right = CHANNELS["ntfy"](settings_for(live.base_url)["ntfy"], runtime)
    live.fail_next("ntfy", {"code": 42901, "http": 429, "error": "limit reached"}, status=429)
    assert isinstance(right.send(message_to("village-1")), Retry)
    live.fail_next("ntfy", {}, status=503)
    assert isinstance(right.send(message_to("village-1")), Retry)
    live.fail_next("ntfy", {}, status=302, headers={"Location": "http://169.254.169.254/"})
    assert isinstance(right.send(message_to("village-1")), Dead)
    down = CHANNELS["ntfy"]({"url": f"http://127.0.0.1:{closed_port}"}, runtime)
    assert isinstance(down.send(message_to("village-1")), Retry)
    assert live.received() == []


def test_neither_password_nor_token_reaches_a_log_or_an_outcome(
    smtp: StandinSmtp,
    live: Standin,
    clock: TurnedClock,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    mail = _email(smtp.port, clock, user="seal", password=_PASSWORD)
    # The stand-in offers no login, so the attempt fails and is talked about.
    outcomes = [mail.send(message_to("li@example.com"))]
    live.fail_next("ntfy", {"error": "Bearer tk_standin0ntfy0token"}, status=500)
    ntfy = CHANNELS["ntfy"](settings_for(live.base_url)["ntfy"], runtime_over(None, clock))
    outcomes.append(ntfy.send(message_to("village-1")))
    written = capfd.readouterr()
    for text in (caplog.text, repr(outcomes), written.out, written.err):
        assert _PASSWORD not in text
        assert "tk_standin0ntfy0token" not in text
    assert not any(isinstance(outcome, Delivered) for outcome in outcomes)
