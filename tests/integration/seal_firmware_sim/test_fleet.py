"""A fleet under load on a real broker, against a lawful server in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway.protocol import cose, topics
from seal_firmware_sim import fleet
from seal_firmware_sim.credentials import (
    Credentials,
    Home,
    Job,
    MqttAddress,
    ServerKey,
    ServerKeys,
)
from seal_firmware_sim.hub import no_delay, wall_clock
from seal_firmware_sim.transport import Sent
from tests.support.mosquitto import MosquittoServer
from tests.unit.seal_firmware_sim.model import (
    GRANT_KEY,
    PICTURE_KEY,
    RECEIPT_KEY,
    Clock,
    ModelServer,
    make_grant,
)


class Now(Clock):
    """The wall clock, for the model server."""

    def __call__(self) -> int:
        return wall_clock()


class Servers:
    """A model server for each sleeve, heard and answered in one thread."""

    def __init__(self, broker: MosquittoServer, sleeves: int, jobs: int) -> None:
        self.models: dict[str, ModelServer] = {}
        self.credentials = [self._enrol(broker, nth, jobs) for nth in range(sleeves)]
        self._ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="server")
        self._client.max_inflight_messages_set(1_000)
        self._client.on_socket_open = no_delay
        self._client.on_connect = lambda client, *_: client.subscribe([(topics.UP_FILTER, 1)])
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._heard
        self._client.connect(broker.host, broker.port)

    def _enrol(self, broker: MosquittoServer, nth: int, jobs: int) -> Credentials:
        device, secret = f"sleeve-{nth:04d}", (nth + 1).to_bytes(32, "big")
        signer = cose.Ed25519Signer(secret)
        server = ModelServer(Now(), device=device, key=signer.public)
        now = wall_clock()
        for job in range(jobs):
            server.jobs[f"{100_000 + job}"] = make_grant(
                f"{device}-{job}", stamps=1, not_before=now - 1_000, not_after=now + 600_000
            )
        self.models[device] = server
        return Credentials(
            device=device,
            org="330109",
            seal=f"seal-{nth}",
            alg="EdDSA",
            private_key=secret.hex(),
            mqtt=MqttAddress(host=broker.host, port=broker.port),
            server=ServerKeys(
                grant_keys=[ServerKey.of(GRANT_KEY.public)],
                receipt_keys=[ServerKey.of(RECEIPT_KEY.public)],
                picture_key=PICTURE_KEY.hex(),
            ),
            home=Home(lat=30.09, lon=120.24),
            jobs=[Job(job=f"{100_000 + job}") for job in range(jobs)],
        )

    def _heard(self, client: mqtt.Client, _user: object, message: mqtt.MQTTMessage) -> None:
        device = topics.parse(message.topic).device
        sent = Sent(device, message.topic, bytes(message.payload), message.retain)
        for type_, payload in self.models[device].handle(sent):
            client.publish(topics.down(device, type_), payload, qos=1)

    def __enter__(self) -> Self:
        self._client.loop_start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[MosquittoServer]:
    # Writing the whole of its data after each change is no load for many sleeves at once.
    calm = ("autosave_on_changes false", "autosave_interval 1800")
    with MosquittoServer(tmp_path / "broker", calm) as server:
        yield server


@pytest.fixture
def servers(broker: MosquittoServer) -> Iterator[Servers]:
    with Servers(broker, sleeves=40, jobs=3) as running:
        yield running


pytestmark = pytest.mark.needs_mosquitto

PLAN = fleet.Plan(seconds=2.0, rate=30.0, connects=0.0, picture_bytes=2_000)


def test_a_fleet_uses_up_its_jobs_and_loses_nothing(servers: Servers) -> None:
    said: list[str] = []
    outcome = fleet.run(servers.credentials, PLAN, said.append)
    report = outcome.report(1)
    assert (report["sleeves"], report["connected"]) == (40, 40)
    assert (report["missing_receipts"], report["missing_pictures"]) == (0, 0)
    assert report["uses_done"] >= 20
    assert report["uses_done"] == sum(
        server.types().count("use_finished") for server in servers.models.values()
    )
    assert report["stamps"] == sum(
        server.types().count("stamped") for server in servers.models.values()
    )
    assert all(
        report[name]["p50"] <= report[name]["p99"] <= report[name]["max"]
        for name in ("connect_ms", "unlock_ms", "use_ms", "receipt_ms")
    )
    assert said == ["已连接 40/40 台套筒"]


def test_a_fleet_in_two_processes(servers: Servers) -> None:
    outcome, processes = fleet.run_spread(
        servers.credentials, PLAN, lambda _line: None, processes=2
    )
    assert processes == 2
    assert (outcome.sleeves, outcome.connected, outcome.missing_receipts) == (40, 40, 0)
    assert outcome.tally.done >= 20


def test_without_jobs_every_request_is_refused(broker: MosquittoServer) -> None:
    with Servers(broker, sleeves=3, jobs=0) as servers:
        outcome = fleet.run(servers.credentials, PLAN, lambda _line: None)
    assert outcome.tally.done == 0
    assert outcome.tally.refused >= 20
    assert outcome.missing_receipts == 0
