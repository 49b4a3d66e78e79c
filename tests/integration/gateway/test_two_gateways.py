"""Two gateways, one PostgreSQL, one shared subscription; one of them dies in the middle."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from backend.store.tables import device, parked_event, poison
from gateway.link import Link, LinkSettings
from gateway.protocol import envelope, topics
from gateway.protocol.messages import Moved, Receipt
from gateway.service import Gateway, connect
from tests.support.gateway_world import Crash, FakeSleeve, GatewayWorld
from tests.support.mosquitto import MosquittoServer

WAIT_S = 60.0
EVENTS = 300


class Sender:
    """Plays a sleeve: sends its events, and again whatever no receipt covers."""

    def __init__(self, world: GatewayWorld, sleeve: FakeSleeve, port: int) -> None:
        self.covered: set[int] = set()
        self.through = 0
        self._world = world
        self._sleeve = sleeve
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=sleeve.id)
        self._client.on_message = self._hear
        self._client.on_subscribe = lambda *_args: self._ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(topics.down_filter(sleeve.id), qos=1)
        self._client.loop_start()
        assert self._ready.wait(WAIT_S)

    def _hear(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        body = envelope.open_down(
            bytes(message.payload),
            device=self._sleeve.id,
            keys=self._world.ring.grant_keys,
            receipt_keys=self._world.ring.receipt_keys,
        )
        if isinstance(body, Receipt):
            with self._changed:
                self.through = max(self.through, body.through)
                self.covered |= set(range(1, body.through + 1))
                for first, last in body.ranges:
                    self.covered |= set(range(first, last + 1))
                self._changed.notify_all()

    def send(self, counters: list[int]) -> None:
        for counter in counters:
            message = self._sleeve.said[counter]
            self._client.publish(message.topic, message.payload, qos=1)

    def wait(self, holds: Callable[[], bool], seconds: float = WAIT_S) -> bool:
        with self._changed:
            return self._changed.wait_for(holds, seconds)

    def insist(self) -> None:
        """Send again, after a while each time, until everything stands in the journal."""
        everything = self._sleeve.counter
        for _ in range(20):
            if self.wait(lambda: self.through >= everything, 1.0):
                return
            left = [one for one in range(1, everything + 1) if one not in self.covered]
            # Where all is held and the journal stands still, one event again moves the receipt.
            self.send(left or [self.through + 1])
        raise AssertionError(f"only {self.through} of {everything} were receipted")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def gateways(world: GatewayWorld, port: int) -> Iterator[list[tuple[Gateway, Link]]]:
    made = []
    for name in ("one", "two"):
        settings = LinkSettings("127.0.0.1", port, f"gateway-{name}", shared_group="zhiyin")
        gateway, link = connect(world.parts(), settings)
        gateway.start()
        link.start()
        made.append((gateway, link))
    try:
        for _, link in made:
            assert link.wait_connected(WAIT_S)
        yield made
    finally:
        for gateway, link in made:
            link.stop()
            gateway.stop()


def handled(gateway: Gateway) -> int:
    stats = gateway.pipeline.stats
    return stats.events + stats.parked + stats.duplicates


@pytest.mark.needs_mosquitto
@pytest.mark.needs_postgres
def test_promise_2_events_spread_over_two_gateways_are_recorded_once_and_in_order(
    postgres_world: GatewayWorld, mosquitto: MosquittoServer
) -> None:
    world = postgres_world
    sleeves = [world.sleeve(f"ZY{number:04}") for number in range(3)]
    for one in sleeves:
        for _ in range(EVENTS):
            one.say(Moved())
    with gateways(world, mosquitto.port) as both:
        senders = [Sender(world, one, mosquitto.port) for one in sleeves]
        for start in range(1, EVENTS + 1, 20):  # interleaved
            for sender in senders:
                sender.send(list(range(start, start + 20)))
        for sender in senders:
            sender.insist()
        assert all(handled(gateway) > 0 for gateway, _ in both)
        for sender in senders:
            sender.close()
    for one in sleeves:
        assert world.counters(one) == list(range(1, EVENTS + 1))
        row = world.row(device, one.id)
        assert (row.counter, row.tip, row.gap_since) == (EVENTS, one.tip, None)
    assert world.count(parked_event) == 0
    assert world.count(poison) == 0
    world.check()


@pytest.mark.needs_mosquitto
@pytest.mark.needs_postgres
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_promise_2_a_gateway_that_dies_with_messages_in_hand_loses_none(
    postgres_world: GatewayWorld, mosquitto: MosquittoServer
) -> None:
    """Its socket is closed without an acknowledgement; the broker forgets what it had."""
    world = postgres_world
    sleeve = world.sleeve()
    for _ in range(EVENTS):
        sleeve.say(Moved())
    with gateways(world, mosquitto.port) as ((doomed, link), (_, _)):
        held, dead = threading.Event(), threading.Event()
        stages = doomed.pipeline.in_transaction

        def hang(*_args: object) -> None:
            held.set()
            dead.wait(WAIT_S)
            raise Crash  # its thread ends here, in the middle of a transaction

        sender = Sender(world, sleeve, mosquitto.port)
        sender.send(list(range(1, 51)))
        assert sender.wait(lambda: len(sender.covered) >= 20)
        doomed.pipeline.in_transaction = (*stages, hang)
        sender.send(list(range(51, EVENTS + 1)))
        assert held.wait(WAIT_S)
        sock = link._client.socket()
        assert sock is not None
        link._client.reconnect_delay_set(600, 600)  # a dead process does not come back
        sock.close()
        dead.set()
        sender.insist()
        sender.close()
    assert world.counters(sleeve) == list(range(1, EVENTS + 1))
    assert world.row(device, sleeve.id).tip == sleeve.tip
    assert world.count(parked_event) == 0
    assert world.count(poison) == 0
    world.check()
