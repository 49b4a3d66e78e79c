"""Sleeves on a real broker: many connections in one thread, lost and found again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from operator import attrgetter
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.enums import CallbackAPIVersion

from gateway.protocol import cose, topics
from gateway.protocol import messages as m
from seal_firmware_sim import inputs
from seal_firmware_sim.credentials import MqttAddress
from seal_firmware_sim.hardware.senses import SimClock
from seal_firmware_sim.hub import Hub, no_delay, wall_clock
from seal_firmware_sim.session import Phase
from seal_firmware_sim.sleeve import Sleeve
from seal_firmware_sim.transport import Sent
from tests.support.mosquitto import MosquittoServer
from tests.support.ports import free_port
from tests.unit.seal_firmware_sim.model import (
    Clock,
    ModelServer,
    make_bench,
    make_grant,
    make_identity,
)

WAIT_S = 60.0


class Now(Clock):
    """The wall clock, for the model server."""

    def __call__(self) -> int:
        return wall_clock()


class Town:
    """A hub of sleeves and a lawful server for each, polled in one thread by the test."""

    def __init__(self, broker: MosquittoServer, sleeves: int) -> None:
        self.hub = Hub(dice=random.Random(3))
        self.address = MqttAddress(host=broker.host, port=broker.port)
        self.servers: dict[str, ModelServer] = {}
        self.sleeves: list[Sleeve] = []
        self.shown: list[str] = []
        for nth in range(sleeves):
            self._add(f"sleeve-{nth:04d}", nth)
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="server")
        self.client.max_inflight_messages_set(1_000)
        self.client.on_socket_open = no_delay
        self.client.on_connect = lambda client, *_: client.subscribe(
            [(topics.UP_FILTER, 1), (topics.STATE_FILTER, 1)]
        )
        self.client.on_message = self._heard
        self.client.connect(broker.host, broker.port)

    def _add(self, device: str, nth: int) -> None:
        signer = cose.Ed25519Signer(nth.to_bytes(32, "big"))
        parts = make_bench(identity=make_identity(device, signer), seed=nth).sleeve.hardware
        self.servers[device] = ModelServer(Now(), device=device, key=signer.public)
        sleeve = Sleeve(
            make_identity(device, signer),
            parts,
            self.hub.transport(self.address, device),
            clock=wall_clock,
            entropy=random.Random(nth).randbytes,
            on_change=self.hub.changed,
        )
        sleeve.hardware.clock = SimClock(wall_clock)
        self.sleeves.append(sleeve)

    def _heard(self, client: mqtt.Client, _user: object, message: mqtt.MQTTMessage) -> None:
        device = topics.parse(message.topic).device
        if device not in self.servers or not message.payload:
            return
        sent = Sent(device, message.topic, bytes(message.payload), message.retain)
        for type_, payload in self.servers[device].handle(sent):
            client.publish(topics.down(device, type_), payload, qos=1)

    def until(self, done: Callable[[], bool], wait_s: float = WAIT_S) -> None:
        """Let everything run until ``done``."""
        deadline = time.monotonic() + wait_s
        while not done():
            assert time.monotonic() < deadline, "did not happen in time"
            self.hub.poll(0.005)
            self.client.loop(0.005)
            if not self.client.is_connected() and self.client.socket() is None:
                self._reconnect()

    def _reconnect(self) -> None:
        try:
            self.client.reconnect()
        except OSError:
            return  # the broker is away; the next round tries again

    def close(self) -> None:
        self.hub.close()
        self.client.disconnect()


@pytest.fixture
def town(mosquitto: MosquittoServer) -> Iterator[Callable[[int], Town]]:
    made: list[Town] = []

    def make(sleeves: int) -> Town:
        made.append(Town(mosquitto, sleeves))
        made[-1].until(made[-1].client.is_connected)
        return made[-1]

    yield make
    for one in made:
        one.close()


def use(town: Town, sleeve: Sleeve, job: str) -> None:
    """A whole use of one stamp."""
    now = wall_clock()
    town.servers[sleeve.device].jobs[job] = make_grant(
        f"g-{job}", stamps=1, not_before=now - 1_000, not_after=now + 600_000
    )
    sleeve.do(inputs.RequestUnlock(job=job))
    town.until(lambda: sleeve.phase is Phase.COUNT)
    sleeve.do(inputs.EnterCount(1))
    sleeve.do(inputs.PresentFace())
    town.until(lambda: sleeve.phase is Phase.READY)
    sleeve.do(inputs.Press())
    sleeve.do(inputs.Release())
    town.until(lambda: sleeve.phase is Phase.IDLE)


def settled(town: Town) -> bool:
    return all(sleeve.idle() for sleeve in town.sleeves)


def test_a_use_over_a_real_broker(town: Callable[[int], Town]) -> None:
    here = town(1)
    sleeve = here.sleeves[0]
    sleeve.power_on()
    here.until(lambda: sleeve.online)
    use(here, sleeve, "123456")
    here.until(lambda: settled(here))
    server = here.servers[sleeve.device]
    assert server.types()[-1] == "use_finished"
    assert len(server.pictures) == 4
    assert server.forks == 0


def test_two_hundred_sleeves_in_one_thread(town: Callable[[int], Town]) -> None:
    here = town(200)
    for sleeve in here.sleeves:
        sleeve.power_on()
    here.until(lambda: settled(here))
    assert all(server.types() == ["boot"] for server in here.servers.values())


def test_promise_2_nothing_is_lost_when_the_broker_is_killed(
    town: Callable[[int], Town], mosquitto: MosquittoServer
) -> None:
    here = town(5)
    for sleeve in here.sleeves:
        sleeve.power_on()
    here.until(lambda: settled(here))
    mosquitto.kill()
    here.until(lambda: not any(sleeve.online for sleeve in here.sleeves))
    for sleeve in here.sleeves:
        sleeve.do(inputs.TamperSwitch("case", True))
        assert sleeve.pending().events == 1
    mosquitto.start()
    here.until(lambda: settled(here))
    for server in here.servers.values():
        assert server.types()[-1] == "tamper"
        assert server.bodies(m.Tamper) == [m.Tamper(switch="case", open=True)]


def test_the_last_will_speaks_for_a_sleeve_without_power(town: Callable[[int], Town]) -> None:
    here = town(1)
    sleeve, server = here.sleeves[0], here.servers["sleeve-0000"]
    sleeve.power_on()
    here.until(lambda: server.states == [m.State(online=True, boot=1)])
    sleeve.power_off()
    here.until(lambda: server.states[-1] == m.State(online=False, boot=1))
    sleeve.power_on()
    here.until(lambda: server.states[-1] == m.State(online=True, boot=2))


def test_a_sleeve_cut_off_and_let_on_again(town: Callable[[int], Town]) -> None:
    here = town(1)
    sleeve = here.sleeves[0]
    sleeve.power_on()
    here.until(lambda: sleeve.online)
    sleeve.set_link(reachable=False)
    assert not sleeve.online
    sleeve.do(inputs.TamperSwitch("case", True))
    assert sleeve.idle(), "cut off on purpose"
    sleeve.set_link(reachable=True)
    here.until(lambda: settled(here))
    assert here.servers[sleeve.device].types()[-1] == "tamper"


@pytest.mark.needs_mosquitto
def test_over_tls_and_only_to_the_right_broker(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "127.0.0.1")
    stranger, _ = self_signed(tmp_path / "other", "127.0.0.1")
    tls_port = free_port()
    tls = (f"listener {tls_port} 127.0.0.1", f"certfile {certificate}", f"keyfile {key}")
    with MosquittoServer(tmp_path / "broker", tls) as broker:
        hub = Hub(dice=random.Random(1))
        online = {}
        for name, trusted in (("sleeve-good", certificate), ("sleeve-bad", stranger)):
            address = MqttAddress(host=broker.host, port=tls_port, ca_file=str(trusted))
            bench = make_bench(identity=make_identity(name))
            bench.sleeve.transport = hub.transport(address, name)
            bench.camera.size = 500_000
            bench.sleeve.power_on()
            online[name] = bench.sleeve
        deadline = time.monotonic() + WAIT_S
        while not online["sleeve-good"].online:
            assert time.monotonic() < deadline
            hub.poll(0.05)
        for _ in range(20):
            hub.poll(0.05)
        assert not online["sleeve-bad"].online
        hub.close()


def self_signed(folder: Path, host: str) -> tuple[Path, Path]:
    """A certificate for ``host`` that is its own authority, and its key."""
    folder.mkdir(exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, folder.name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@pytest.mark.needs_mosquitto
def test_a_broker_that_is_not_there_is_asked_again(tmp_path: Path) -> None:
    broker = MosquittoServer(tmp_path / "broker")  # it has a port, and does not run yet
    hub = Hub(dice=random.Random(1))
    bench = make_bench(identity=make_identity("sleeve-x"))
    bench.sleeve.transport = hub.transport(
        MqttAddress(host=broker.host, port=broker.port), "sleeve-x"
    )
    bench.sleeve.power_on()
    online = attrgetter("sleeve.online")
    for _ in range(10):
        hub.poll(0.01)
    assert not online(bench)
    with broker:
        deadline = time.monotonic() + WAIT_S
        while not online(bench):
            assert time.monotonic() < deadline
            hub.poll(0.05)
        hub.close()
