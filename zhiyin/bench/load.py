"""The load of a bench, in a process of its own: signed events made beforehand, then published."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing import Process, get_context
from multiprocessing.synchronize import Event as Signal
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from gateway.link import no_delay
from gateway.protocol import envelope, topics
from gateway.protocol.messages import CountEntered, Event, GrantBurnt, Stamped, UnlockRequest
from zhiyin.bench.site import Sleeve, wall_ms

WINDOW: Final = 1500
"""Events under way at once: below the broker's in-flight window."""


def use_events(number: int, stamps: int, sleeve: str) -> list[Event]:
    """One use by grant ``number`` of a sleeve, as a gateway sees it, without pictures."""
    events: list[Event] = [
        UnlockRequest(nonce=bytes(16), grant=f"grant-{sleeve}-{number}"),
        GrantBurnt(grant=f"grant-{sleeve}-{number}", use=1),
        CountEntered(use=1, count=stamps),
    ]
    events += [
        Stamped(use=1, press=press, total=press, contact_ms=600) for press in range(1, stamps + 1)
    ]
    return events


def signed(sleeve: Sleeve, events: Sequence[Event]) -> list[tuple[str, bytes]]:
    """Topic and signed bytes of each event, continuing the sleeve's chain."""
    made: list[tuple[str, bytes]] = []
    for body in events:
        sleeve.counter += 1
        raw = envelope.seal_event(
            body,
            sleeve.signer,
            device=sleeve.id,
            boot=1,
            time=wall_ms(),
            counter=sleeve.counter,
            prev=sleeve.prev,
        )
        sleeve.prev = envelope.digest(raw)
        made.append((topics.up(sleeve.id, body.type), raw))
    return made


def start(port: int, user: str, password: str, messages: list[tuple[str, bytes]]) -> Load:
    """A process that waits for :meth:`Load.go` and then publishes ``messages`` in order."""
    context = get_context("spawn")
    ready, go = context.Event(), context.Event()
    process = context.Process(
        target=_publish, args=(port, user, password, messages, ready, go), daemon=True
    )
    process.start()
    if not ready.wait(60):
        raise RuntimeError("the load process did not get ready")
    return Load(process, go)


class Load:
    """A load process that is ready."""

    def __init__(self, process: Process | Any, go: Signal) -> None:
        self._process = process
        self._go = go

    def go(self) -> None:
        """Begin to publish."""
        self._go.set()

    def join(self, timeout: float) -> None:
        """Wait for its end, then end it."""
        self._process.join(timeout)
        if self._process.is_alive():
            self._process.terminate()


def timed(load: Load, done: Callable[[], bool], limit_s: float = 180.0) -> float:
    """Seconds from letting ``load`` go until ``done``.

    Raises:
        RuntimeError: when that takes longer than ``limit_s``.
    """
    begun = time.perf_counter()
    load.go()
    while not done():
        if time.perf_counter() - begun > limit_s:
            raise RuntimeError("the bench did not finish in time")
        time.sleep(0.005)
    took = time.perf_counter() - begun
    load.join(20)
    return took


def connect(port: int, user: str, password: str, name: str) -> mqtt.Client:
    """A paho client without Nagle's delay, its loop running."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
    client.username_pw_set(user, password)
    client.max_inflight_messages_set(WINDOW)
    client.max_queued_messages_set(0)
    client.on_socket_open = no_delay
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def _publish(
    port: int,
    user: str,
    password: str,
    messages: list[tuple[str, bytes]],
    ready: Signal,
    go: Signal,
) -> None:
    client = connect(port, user, password, "bench-load")
    window = threading.Semaphore(WINDOW)
    client.on_publish = lambda *_: window.release()
    ready.set()
    go.wait(120)
    last = None
    for topic, raw in messages:
        window.acquire()
        last = client.publish(topic, raw, qos=1)
    if last is not None:
        last.wait_for_publish(120)
    time.sleep(0.2)
    client.disconnect()
    sys.exit(0)
