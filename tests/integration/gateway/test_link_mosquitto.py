"""The link on a real Mosquitto: restarts, redelivery, refusals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from backend.services.mqtt_passwords import SALT_BYTES, mosquitto_hash
from gateway.broker.embedded import EmbeddedMosquitto
from gateway.broker.mosquitto import GATEWAY_USER, Account, Listener
from gateway.inbox import Inbound
from gateway.link import Link, LinkSettings
from gateway.protocol import topics
from tests.support.machine import find_mosquitto
from tests.support.mosquitto import MosquittoServer
from tests.support.ports import free_port

WAIT_S = 60.0
TOPIC = topics.up("ZY0001", "moved")


class Ear:
    """Keeps what a link delivers, and lets a test wait for it."""

    def __init__(self) -> None:
        self.heard: list[Inbound] = []
        self.lost = 0
        self._changed = threading.Condition()

    def deliver(self, message: Inbound) -> None:
        with self._changed:
            self.heard.append(message)
            self._changed.notify_all()

    def lose(self) -> None:
        with self._changed:
            self.lost += 1
            self._changed.notify_all()

    def wait(self, holds: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(holds, WAIT_S)

    def payloads(self) -> list[bytes]:
        return [one.payload for one in self.heard]


@contextmanager
def linked(ear: Ear, port: int, **settings: str | None) -> Iterator[Link]:
    link = Link(
        LinkSettings("127.0.0.1", port, "gateway", **settings),  # type: ignore[arg-type]  # texts only
        ear.deliver,
        ear.lose,
    )
    link._client.reconnect_delay_set(1, 1)
    link.start()
    try:
        yield link
    finally:
        link.stop()


@contextmanager
def sleeve(
    port: int, user: str | None = None, password: str | None = None
) -> Iterator[mqtt.Client]:
    """A publisher that is connected."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="sleeve")
    if user is not None:
        client.username_pw_set(user, password)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def say(client: mqtt.Client, *payloads: bytes) -> None:
    for payload in payloads:
        client.publish(TOPIC, payload, qos=1).wait_for_publish(WAIT_S)


@pytest.mark.needs_mosquitto
def test_promise_2_what_was_not_acknowledged_comes_again_on_the_next_connection(
    mosquitto: MosquittoServer,
) -> None:
    ear = Ear()
    with linked(ear, mosquitto.port) as link:
        assert link.wait_connected(WAIT_S)
        with sleeve(mosquitto.port) as client:
            say(client, b"1", b"2", b"3")
        ear.wait(lambda: len(ear.heard) == 3)
        first = list(ear.heard)
        link.acknowledge(first[:1])
    again = Ear()
    with linked(again, mosquitto.port) as link:
        again.wait(lambda: len(again.heard) >= 2)
        assert again.payloads() == [b"2", b"3"]
        link.acknowledge(again.heard)
        # On the same connection behind the acknowledgements: when it comes back, they were taken.
        link.publish(TOPIC, b"mark")
        again.wait(lambda: b"mark" in again.payloads())
    last = Ear()
    with linked(last, mosquitto.port) as link:
        assert link.wait_connected(WAIT_S)
        with sleeve(mosquitto.port) as client:
            say(client, b"4")
        last.wait(lambda: b"4" in last.payloads())
        assert last.payloads() == [b"mark", b"4"]


@pytest.mark.needs_mosquitto
def test_promise_2_a_broker_that_restarts_is_found_again_and_delivers_what_it_kept(
    mosquitto: MosquittoServer,
) -> None:
    ear = Ear()
    with linked(ear, mosquitto.port) as link:
        assert link.wait_connected(WAIT_S)
        with sleeve(mosquitto.port) as client:
            say(client, b"1", b"2")
        ear.wait(lambda: len(ear.heard) == 2)
        old = list(ear.heard)
        mosquitto.stop()
        ear.wait(lambda: ear.lost >= 1)
        assert not link.connected
        mosquitto.start()
        ear.wait(lambda: len(ear.heard) >= 4)
        assert ear.payloads()[2:4] == [b"1", b"2"]
        link.acknowledge(old)  # of the connection before: changes nothing
        link.acknowledge(ear.heard[2:])
        assert link.wait_connected(WAIT_S)
        with sleeve(mosquitto.port) as client:
            say(client, b"3")
        ear.wait(lambda: ear.payloads()[-1:] == [b"3"])


def told_once(port: int) -> None:
    """A connection of its own that hears the newest state."""
    ear = Ear()
    with linked(ear, port) as link:
        ear.wait(lambda: len(ear.heard) >= 1)
        assert ear.payloads() == [b"new"]
        link.acknowledge(ear.heard)


@pytest.mark.needs_mosquitto
def test_retained_states_are_told_at_each_connection(mosquitto: MosquittoServer) -> None:
    with sleeve(mosquitto.port) as client:
        client.publish(topics.state("ZY0001"), b"old", qos=1, retain=True).wait_for_publish(WAIT_S)
        client.publish(topics.state("ZY0001"), b"new", qos=1, retain=True).wait_for_publish(WAIT_S)
    for _ in range(2):
        told_once(mosquitto.port)


@pytest.mark.needs_mosquitto
def test_wrong_credentials_show_and_right_ones_are_taken_when_they_come(tmp_path: Path) -> None:
    program = find_mosquitto()
    assert program is not None

    def hashed(password: str) -> str:
        return mosquitto_hash(password, b"s" * SALT_BYTES)

    broker = EmbeddedMosquitto(
        str(program),
        tmp_path / "broker",
        (Listener("127.0.0.1", free_port()),),
        [Account(GATEWAY_USER, hashed("other"))],
    )
    broker.start()
    ear = Ear()
    try:
        with linked(ear, broker.port, username=GATEWAY_USER, password="right") as link:
            ear.wait(lambda: ear.lost >= 1)
            assert not link.wait_connected(0)
            refusals = [link.refusal]
            broker.set_accounts(
                [Account(GATEWAY_USER, hashed("right")), Account("ZY0001", hashed("mine"))]
            )
            assert link.wait_connected(WAIT_S)
            refusals.append(link.refusal)
            assert "authori" in (refusals[0] or "").lower()
            assert refusals[1] is None
            with sleeve(broker.port, "ZY0001", "mine") as client:
                say(client, b"own")
                client.publish(topics.up("ZY0002", "moved"), b"another's", qos=1)
                say(client, b"end")
            ear.wait(lambda: len(ear.heard) >= 2)
            assert ear.payloads() == [b"own", b"end"]  # the access list keeps it to its own topics
    finally:
        broker.stop()


@pytest.mark.needs_mosquitto
def test_what_is_said_to_a_sleeve_arrives(mosquitto: MosquittoServer) -> None:
    got, subscribed = threading.Event(), threading.Event()
    ear = Ear()
    with linked(ear, mosquitto.port) as link, sleeve(mosquitto.port) as client:
        assert link.wait_connected(WAIT_S)
        client.on_subscribe = lambda *_args: subscribed.set()
        client.on_message = lambda _c, _u, message: got.set() if message.payload == b"g" else None
        client.subscribe(topics.down_filter("ZY0001"), qos=1)
        assert subscribed.wait(WAIT_S)
        link.publish(topics.down("ZY0001", "grant"), b"g")
        assert got.wait(WAIT_S)
