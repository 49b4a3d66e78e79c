"""A crowd of plain sleeves for checks: they sign events, and keep each until a receipt covers it.

No firmware and no pictures (see ``seal_firmware_sim`` for those): only the promise of the contract
that an event is sent again until we said, signed, that we hold it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import insert

from backend.services.mqtt_passwords import SALT_BYTES, mosquitto_hash
from backend.store.db import Database
from backend.store.tables import device, device_key, mqtt_account, use_grant
from gateway.link import no_delay
from gateway.protocol import cose, envelope, topics
from gateway.protocol.messages import (
    CountEntered,
    Event,
    GrantBurnt,
    Receipt,
    Stamped,
    UnlockRequest,
    UseFinished,
)

ORG: Final = "/330109/330109103/330109103201/"
STAMPS: Final = 3
EVENTS_A_USE: Final = 3 + STAMPS + 1
WINDOW: Final = 100
"""Uncovered events under way at a time, as the contract allows a sleeve."""
MOST_WAIT: Final = 8
DAY_MS: Final = 86_400_000


class ForeignReceipt(RuntimeError):
    """A receipt covers an event that the sleeve never sent: two histories, or a lie."""


@dataclass(slots=True)
class Waiting:
    """An event that no receipt covers; ``due`` is when to send it (again), monotonic seconds."""

    topic: str
    raw: bytes
    due: float = 0.0
    tries: int = 0


@dataclass(slots=True)
class PlainSleeve:
    """A sleeve: its key, its chain, what no receipt covers yet. Guarded by ``lock``."""

    id: str
    password: str
    signer: cose.Ed25519Signer
    counter: int = 0
    prev: bytes = bytes(32)
    total: int = 0
    uses: int = 0
    covered: int = 0
    receipted: int = 0
    answers: int = 0
    pending: dict[int, Waiting] = field(default_factory=dict)
    tips: dict[int, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def grant(self, number: int) -> str:
        """The id of its grant ``number``, from 0."""
        return f"grant-{self.id}-{number}"

    def one_use(self, now: int) -> list[int]:
        """Sign a whole use by the next grant; the new counters."""
        first = self.counter + 1
        grant = self.grant(self.uses)
        bodies: list[Event] = [
            UnlockRequest(nonce=first.to_bytes(16, "big"), grant=grant),
            GrantBurnt(grant=grant, use=first),
            CountEntered(use=first, count=STAMPS),
            *(
                Stamped(use=first, press=press, total=self.total + press, contact_ms=600)
                for press in range(1, STAMPS + 1)
            ),
            UseFinished(use=first, presses=STAMPS, reason="done"),
        ]
        self.uses += 1
        self.total += STAMPS
        return [self._sign(body, now) for body in bodies]

    def _sign(self, body: Event, now: int) -> int:
        self.counter += 1
        raw = envelope.seal_event(
            body,
            self.signer,
            device=self.id,
            boot=1,
            time=now,
            counter=self.counter,
            prev=self.prev,
        )
        self.prev = self.tips[self.counter] = envelope.digest(raw)
        self.pending[self.counter] = Waiting(topics.up(self.id, body.type), raw)
        return self.counter

    def take(self, receipt: Receipt) -> None:
        """Let go of what a receipt covers.

        Raises:
            ForeignReceipt: when it covers what this sleeve never sent.
        """
        if receipt.through and self.tips.get(receipt.through) != receipt.tip:
            raise ForeignReceipt(f"{self.id}: receipt for {receipt.through}")
        ranges = [(1, receipt.through), *receipt.ranges]
        done = [n for n in self.pending if any(first <= n <= last for first, last in ranges)]
        for number in done:
            del self.pending[number]
        self.covered = max(self.covered, receipt.through)
        self.receipted += len(done)


def enrol(
    db: Database, count: int, uses: int, now: int, random: Callable[[int], bytes]
) -> tuple[PlainSleeve, ...]:
    """Register ``count`` sleeves with accounts at the broker and ``uses`` live grants each.

    For an empty database only: it passes by every service and writes no records.
    """
    made = tuple(
        PlainSleeve(f"CHK{number:05}", random(12).hex(), cose.Ed25519Signer(random(32)))
        for number in range(count)
    )
    with db.write() as conn:
        conn.execute(insert(device), [_device(one, now) for one in made])
        conn.execute(insert(device_key), [_key(one, now) for one in made])
        conn.execute(
            insert(mqtt_account),
            [
                {
                    "username": one.id,
                    "device_id": one.id,
                    "password_hash": mosquitto_hash(one.password, random(SALT_BYTES)),
                    "created_at": now,
                }
                for one in made
            ],
        )
        conn.execute(
            insert(use_grant), [_grant(one, number, now) for one in made for number in range(uses)]
        )
    return made


class Crowd:
    """Sleeves at work over a real broker. ``resend_s``: after so long without a receipt an event
    is sent again; ``keys`` are the server's grant and receipt keys, by key id."""

    def __init__(
        self,
        sleeves: Sequence[PlainSleeve],
        host: str,
        port: int,
        keys: dict[bytes, cose.PublicKey],
        now: Callable[[], int],
        *,
        resend_s: float = 1.0,
        ca_file: Path | None = None,
    ) -> None:
        self.sleeves = sleeves
        self.sent = 0
        self.failure: Exception | None = None
        self._keys = keys
        self._now = now
        self._resend_s = resend_s
        self._stop = threading.Event()
        self._clients = [self._client(one, host, port, ca_file) for one in sleeves]
        self._thread = threading.Thread(target=self._run, name="crowd", daemon=True)
        self._pace_s = 0.0
        self._most = 0

    def start(self) -> None:
        """Connect and begin to send what there is."""
        for client in self._clients:
            client.loop_start()
        self._thread.start()

    def stop(self) -> None:
        """Be gone."""
        self._stop.set()
        self._thread.join(timeout=10)
        for client in self._clients:
            client.disconnect()
            client.loop_stop()

    def work(self, pace_s: float, most: int) -> None:
        """From now on every sleeve begins a use each ``pace_s`` seconds, up to ``most`` in all; 0:
        no more."""
        self._pace_s, self._most = pace_s, most

    @property
    def made(self) -> int:
        """Events signed so far."""
        return sum(one.counter for one in self.sleeves)

    @property
    def waiting(self) -> int:
        """Events that no receipt covers."""
        return sum(len(one.pending) for one in self.sleeves)

    @property
    def receipted(self) -> int:
        """Events that a receipt has covered."""
        # Each sleeve's own thread counts its own: one sum for all lost some of them.
        return sum(one.receipted for one in self.sleeves)

    def settle(self, limit_s: float) -> bool:
        """Wait until receipts cover everything; whether they did within ``limit_s``."""
        self.work(0, 0)
        deadline = time.monotonic() + limit_s
        while self.waiting and time.monotonic() < deadline and self.failure is None:
            time.sleep(0.02)
        return self.waiting == 0 and self.failure is None

    def _run(self) -> None:
        due = [0.0] * len(self.sleeves)
        while not self._stop.wait(0.01):
            moment = time.monotonic()
            for index, (one, client) in enumerate(zip(self.sleeves, self._clients, strict=True)):
                with one.lock:
                    ready = due[index] <= moment and len(one.pending) < WINDOW
                    if self._pace_s and one.uses < self._most and ready:
                        due[index] = moment + self._pace_s
                        one.one_use(self._now())
                    if client.is_connected():
                        self._send(one, client, moment)

    def _send(self, one: PlainSleeve, client: mqtt.Client, moment: float) -> None:
        for item in islice(one.pending.values(), WINDOW):
            if item.due > moment:
                continue
            client.publish(item.topic, item.raw, qos=1)
            # As the contract asks: the wait doubles, so that a busy server is not buried.
            item.due = moment + self._resend_s * min(2**item.tries, MOST_WAIT)
            item.tries += 1
            self.sent += 1

    def _client(self, one: PlainSleeve, host: str, port: int, ca_file: Path | None) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=one.id)
        client.username_pw_set(one.id, one.password)
        if ca_file is not None:
            client.tls_set(ca_certs=str(ca_file))
        client.reconnect_delay_set(min_delay=1, max_delay=1)
        client.max_queued_messages_set(1000)
        client.on_socket_open = no_delay

        def on_connect(sleeve: mqtt.Client, _data: Any, _flags: Any, reason: Any, _p: Any) -> None:
            if reason.is_failure:
                return
            sleeve.subscribe(topics.down_filter(one.id), 1)
            with one.lock:  # a new connection: everything uncovered goes out again
                for item in one.pending.values():
                    item.due, item.tries = 0.0, 0

        def on_message(_sleeve: mqtt.Client, _data: Any, message: Any) -> None:
            try:
                self._received(one, message.payload)
            except Exception as error:  # whatever is wrong with an answer fails the check
                self.failure = error

        client.on_connect = on_connect
        client.on_message = on_message
        client.connect_async(host, port)
        return client

    def _received(self, one: PlainSleeve, payload: bytes) -> None:
        body = envelope.open_down(payload, device=one.id, keys=self._keys)
        with one.lock:
            if isinstance(body, Receipt):
                one.take(body)
            else:
                one.answers += 1


def _device(one: PlainSleeve, now: int) -> dict[str, Any]:
    return {
        "id": one.id,
        "org_id": "330109103201",
        "org_path": ORG,
        "seal_id": f"seal-{one.id}",
        "status": "active",
        "tip": bytes(32),
        "enrolled_at": now,
    }


def _key(one: PlainSleeve, now: int) -> dict[str, Any]:
    key = one.signer.public
    return {
        "device_id": one.id,
        "kid": key.kid,
        "alg": key.alg,
        "public": key.raw,
        "created_at": now,
    }


def _grant(one: PlainSleeve, number: int, now: int) -> dict[str, Any]:
    return {
        "id": one.grant(number),
        "application_id": f"application-{one.id}-{number}",
        "org_path": ORG,
        "device_id": one.id,
        "seal_id": f"seal-{one.id}",
        "operator_id": "operator",
        "alternates": [],
        "job": f"{number:08}",
        "stamps": STAMPS,
        "title": "检查用",
        "not_before": 0,
        "not_after": now + DAY_MS,
        "policy": {},
        "state": "issued",
        "issued_at": now,
    }
