"""The link without a broker: which acknowledgements leave, and which must not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.inbox import Inbound
from gateway.link import Link, LinkSettings


class Client:
    """What the link asks of its MQTT client."""

    def __init__(self) -> None:
        self.acked: list[tuple[int, int]] = []
        self.subscribed: list[list[tuple[str, int]]] = []
        self.published: list[str] = []

    def ack(self, mid: int, qos: int) -> None:
        self.acked.append((mid, qos))

    def subscribe(self, filters: list[tuple[str, int]]) -> tuple[int, int]:
        self.subscribed.append(filters)
        return 0, 1

    def publish(self, topic: str, _payload: bytes, *, qos: int) -> None:
        self.published.append(f"{topic} {qos}")


class Message:
    """A message as the client hands it over."""

    def __init__(self, mid: int, qos: int = 1, topic: str = "seal/v1/ZY0001/up/moved") -> None:
        self.mid, self.qos, self.payload = mid, qos, b"x"
        self._topic = topic

    @property
    def topic(self) -> str:
        if not self._topic:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
        return self._topic


class Rig:
    """A link on a fake client, driven by its callbacks."""

    def __init__(self, shared: str | None = None) -> None:
        self.delivered: list[Inbound] = []
        self.lost = 0
        settings = LinkSettings("127.0.0.1", 1, "gateway", shared_group=shared)
        self.link = Link(settings, self.delivered.append, self._lose)
        self.client = Client()
        self.link._client = self.client  # type: ignore[assignment]  # as far as it is used

    def _lose(self) -> None:
        self.lost += 1

    def connect(self, failure: bool = False, refused: bool = False) -> None:
        reason = _Reason(failure)
        self.link._on_connect(self.client, None, None, reason, None)  # type: ignore[arg-type]
        if not failure:
            codes = [_Reason(refused), _Reason(False)]
            self.link._on_subscribe(self.client, None, 1, codes, None)  # type: ignore[arg-type]

    def disconnect(self) -> None:
        self.link._on_disconnect(self.client, None, None, "gone", None)  # type: ignore[arg-type]

    def receive(self, message: Any) -> Inbound:
        self.link._on_message(self.client, None, message)  # type: ignore[arg-type]
        return self.delivered[-1]


class _Reason(SimpleNamespace):
    def __init__(self, failure: bool) -> None:
        super().__init__(is_failure=failure)

    def __str__(self) -> str:
        return "Not authorized" if self.is_failure else "Success"


@pytest.mark.parametrize("mid", [1, 2, 255, 256, 32_768, 65_534, 65_535])
@pytest.mark.parametrize("sessions", [1, 2, 70_000])
def test_acknowledgements_carry_the_number_of_their_message(mid: int, sessions: int) -> None:
    rig = Rig()
    rig.link._session = sessions
    rig.connect()
    rig.link.acknowledge([rig.receive(Message(mid))])
    assert rig.client.acked == [(mid, 1)]


def test_qos_0_is_not_acknowledged() -> None:
    rig = Rig()
    rig.connect()
    rig.link.acknowledge([rig.receive(Message(0, qos=0)), rig.receive(Message(9, qos=0))])
    assert rig.client.acked == []


def test_promise_2_what_came_on_an_older_connection_is_not_acknowledged_on_a_newer_one() -> None:
    """There the same number names another message, which would be lost."""
    rig = Rig()
    rig.connect()
    old = rig.receive(Message(7))
    rig.disconnect()
    rig.link.acknowledge([old])  # not yet connected again, yet the packet would wait and leave
    rig.connect()
    new = rig.receive(Message(7))
    rig.link.acknowledge([old])
    assert rig.client.acked == []
    rig.link.acknowledge([new])
    assert rig.client.acked == [(7, 1)]


def test_a_lost_connection_is_told_and_shows() -> None:
    rig = Rig()
    rig.connect()
    connected = [rig.link.connected]
    rig.disconnect()
    connected.append(rig.link.connected)
    assert connected == [True, False]
    assert rig.lost == 1


def test_a_refusal_shows_until_it_is_over() -> None:
    rig = Rig()
    rig.connect(failure=True)
    assert (rig.link.connected, rig.link.refusal) == (False, "Not authorized")
    assert rig.client.subscribed == []
    rig.connect()
    assert (rig.link.connected, rig.link.refusal) == (True, None)


def test_a_subscription_that_is_refused_shows_and_is_asked_for_again() -> None:
    rig = Rig()
    rig.connect(refused=True)
    assert not rig.link.connected
    assert rig.link.refusal == "subscription refused: Not authorized"
    assert rig.link._again is not None
    rig.link._again.cancel()
    rig.link._again.function()
    assert len(rig.client.subscribed) == 2


def test_several_gateways_share_a_subscription() -> None:
    rig = Rig(shared="gateways")
    rig.connect()
    assert rig.client.subscribed == [
        [("$share/gateways/seal/v1/+/up/+", 1), ("$share/gateways/seal/v1/+/state", 1)]
    ]


def test_a_topic_that_is_no_text_is_handed_on_to_be_set_aside() -> None:
    rig = Rig()
    rig.connect()
    assert rig.receive(Message(3, topic="")).topic == "?"


def test_what_is_said_to_sleeves_goes_out_at_least_once() -> None:
    rig = Rig()
    rig.link.publish("seal/v1/ZY0001/down/grant", b"x")
    assert rig.client.published == ["seal/v1/ZY0001/down/grant 1"]
