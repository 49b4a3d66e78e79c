"""The broker that we keep: it comes back by itself, and knows who may sign in now."""

import os
import signal
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from backend.domain.errors import DomainError
from backend.services.mqtt_passwords import mosquitto_hash
from gateway.broker.embedded import EmbeddedIotcore, embedded
from gateway.broker.mosquitto import Account, Listener
from tests.support.machine import find_mosquitto
from tests.support.ports import free_port
from zhiyin.running.broker import BrokerKeeper
from zhiyin.running.certificates import make_server
from zhiyin.wall import wall_clock

PASSWORD = "correct-horse-9"
SLEEVE = Account("YQ01", mosquitto_hash(PASSWORD, bytes(12)))
OTHER = Account("YQ02", mosquitto_hash(PASSWORD, bytes(12)))


def _until(done: Callable[[], bool], limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class _Client:
    """A sleeve's connection, as far as these tests look at it."""

    def __init__(self, port: int, name: str, ca_file: Path | None = None) -> None:
        self.refusals = 0
        self.losses = 0
        self.connected = threading.Event()
        self.got: list[str] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        self._client.username_pw_set(name, PASSWORD)
        if ca_file is not None:
            self._client.tls_set(ca_certs=str(ca_file), tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = lambda _c, _d, message: self.got.append(message.topic)
        self._client.connect_async("localhost", port)
        self._client.loop_start()

    def _on_connect(self, client: mqtt.Client, _d: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            self.refusals += 1
        else:
            client.subscribe("seal/v1/#", 1)
            self.connected.set()

    def _on_disconnect(self, *_: Any) -> None:
        self.losses += 1
        self.connected.clear()

    def publish(self, topic: str) -> None:
        self._client.publish(topic, b"x", qos=1).wait_for_publish(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class _Site:
    """A kept broker whose accounts a test changes."""

    def __init__(self, folder: Path, beyond: Listener | None = None) -> None:
        self.accounts = [SLEEVE]
        self.port = free_port()
        broker = embedded(
            folder,
            self.port,
            self.accounts,
            "python",
            find=lambda _name: str(find_mosquitto()),
            beyond=beyond,
        )
        self.keeper = BrokerKeeper(
            broker, self.accounts, lambda: self.accounts, watch_s=0.02, accounts_s=0.05
        )
        self.keeper.start()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[_Site]:
    made = _Site(tmp_path / "broker")
    yield made
    made.keeper.stop()


@pytest.mark.needs_mosquitto
def test_a_killed_broker_is_started_again_on_the_same_port(site: _Site) -> None:
    client = _Client(site.port, "YQ01")
    assert client.connected.wait(5)
    before = site.keeper.broker.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    _until(lambda: site.keeper.restarts == 1 and site.keeper.alive)
    _until(lambda: client.losses == 1 and client.connected.is_set())
    assert site.keeper.broker.pid != before
    client.close()


@pytest.mark.needs_mosquitto
def test_an_enrolled_sleeve_may_sign_in_at_once_and_a_revoked_one_is_out(site: _Site) -> None:
    stays, comes = _Client(site.port, "YQ01"), _Client(site.port, "YQ02")
    assert stays.connected.wait(5)
    _until(lambda: comes.refusals > 0)
    site.accounts = [SLEEVE, OTHER]
    assert comes.connected.wait(10)
    assert stays.losses == 0, "nobody else is disturbed"
    site.accounts = [SLEEVE]
    _until(lambda: comes.losses > 0 and not comes.connected.is_set())
    before = comes.refusals
    _until(lambda: comes.refusals > before)
    assert stays.connected.is_set()
    stays.close()
    comes.close()


@pytest.mark.needs_mosquitto
def test_a_sleeve_elsewhere_comes_by_tls_and_reaches_its_own_topics_only(tmp_path: Path) -> None:
    make_server(tmp_path, "mqtt", ["localhost"], wall_clock())
    beyond = Listener("127.0.0.1", free_port(), tmp_path / "mqtt.crt", tmp_path / "mqtt.key")
    site = _Site(tmp_path / "broker", beyond)
    try:
        site.accounts = [SLEEVE, OTHER]
        one = _Client(beyond.port, "YQ01", tmp_path / "ca.crt")
        assert one.connected.wait(10)
        two = _Client(beyond.port, "YQ02", tmp_path / "ca.crt")
        assert two.connected.wait(10)
        plain = _Client(beyond.port, "YQ01")
        two.publish("seal/v1/YQ01/down/grant")  # a sleeve that plays the server
        two.publish("seal/v1/YQ01/up/boot")  # and one that plays another
        assert not plain.connected.wait(0.5)
        assert one.got == two.got == []
        for client in (one, two, plain):
            client.close()
    finally:
        site.keeper.stop()


def test_a_listener_for_others_without_tls_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DomainError) as caught:
        embedded(tmp_path, free_port(), (), "python", beyond=Listener("0.0.0.0", 8883))
    assert caught.value.code == "listener_without_tls"


def test_a_listener_for_others_without_mosquitto_is_refused(tmp_path: Path) -> None:
    beyond = Listener("0.0.0.0", 8883, tmp_path / "crt", tmp_path / "key")
    with pytest.raises(DomainError) as caught:
        embedded(tmp_path, free_port(), (), "python", find=lambda _name: None, beyond=beyond)
    assert caught.value.code == "broker_needs_mosquitto"
    assert "apt-get install mosquitto" in caught.value.zh
    on_loopback = embedded(tmp_path, free_port(), (), "python", find=lambda _name: None)
    assert isinstance(on_loopback, EmbeddedIotcore)


@pytest.mark.needs_mosquitto
def test_somebody_elses_listener_is_not_taken_for_ours(site: _Site, tmp_path: Path) -> None:
    second = embedded(
        tmp_path / "second", site.port, (), "python", find=lambda _name: str(find_mosquitto())
    )
    with pytest.raises(DomainError) as caught:
        second.start()
    assert caught.value.code == "port_taken"
    assert str(site.port) in caught.value.zh
