"""``zhiyin bench unlock``: unlock request → grant at the sleeve, beside a bare round trip.

A process of its own plays the sleeves: it publishes signed requests at a steady rate and notes when
the answer to each arrives. In the same run it sends messages of the same size round the broker.
"""

from __future__ import annotations

import threading
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final

from gateway.protocol import cbor, cose
from gateway.protocol.messages import Grant, UnlockRequest
from zhiyin.bench import load
from zhiyin.bench.site import LOAD_USER, Sleeve, running, say

SLEEVES: Final = 200
GRANTS: Final = 300_000
"""Approved applications among which the gateway finds the right one."""


def run(*, rate: int, quick: bool) -> dict[str, Any]:
    """Measure at ``rate`` unlocks a second; keys as docs/performance.md explains them."""
    seconds = 8 if quick else 30
    grants = 30_000 if quick else GRANTS
    say(f"registering {SLEEVES} sleeves and {grants:,} grants …")
    with running(SLEEVES, grants_each=grants // SLEEVES) as site:
        say(f"{rate} unlocks a second for {seconds} s …")
        context = get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(
            target=_play,
            args=(site.broker.port, site.password, site.sleeves, rate, seconds, there),
            daemon=True,
        )
        process.start()
        result: dict[str, Any] = here.recv()
        process.join(10)
    return {"bench": "unlock", "rate": rate, "sleeves": SLEEVES, "grants": grants, **result}


def _play(
    port: int, password: str, sleeves: tuple[Sleeve, ...], rate: int, seconds: int, out: Pipe
) -> None:
    client = load.connect(port, LOAD_USER, password, "bench-sleeves")
    answered: dict[str, float] = {}
    round_trips: dict[int, float] = {}
    subscribed = threading.Event()

    def on_message(_client: Any, _data: Any, message: Any) -> None:
        arrived = time.perf_counter()
        if message.topic.startswith("floor/"):
            round_trips[int(message.payload[:8])] = arrived
        elif message.topic.endswith(f"/{Grant.type}"):
            answered[f"{message.topic.split('/')[2]}:{_request(message.payload)}"] = arrived

    client.on_message = on_message
    client.on_subscribe = lambda *_: subscribed.set()
    client.subscribe([("seal/v1/+/down/grant", 1), ("floor/#", 1)])
    subscribed.wait(10)
    total = rate * seconds
    sent: dict[str, float] = {}
    begun = time.perf_counter()
    for number in range(total):
        sleeve = sleeves[number % len(sleeves)]
        [(topic, raw)] = load.signed(
            sleeve,
            [
                UnlockRequest(
                    nonce=number.to_bytes(16, "big"),
                    grant=f"grant-{sleeve.id}-{number // len(sleeves)}",
                )
            ],
        )
        due = begun + number / rate
        while (left := due - time.perf_counter()) > 0:
            time.sleep(left)
        sent[f"{sleeve.id}:{sleeve.counter}"] = time.perf_counter()
        client.publish(topic, raw, qos=1)
    _settle(lambda: len(answered) >= total)
    bare = _bare(client, rate, min(seconds, 10), round_trips)
    client.disconnect()
    times = sorted((answered[key] - at) * 1000 for key, at in sent.items() if key in answered)
    out.send(
        {
            "unlocks": total,
            "unanswered": total - len(times),
            "p50_ms": _percentile(times, 50),
            "p99_ms": _percentile(times, 99),
            "bare_p50_ms": _percentile(bare, 50),
            "bare_p99_ms": _percentile(bare, 99),
        }
    )


def _bare(client: Any, rate: int, seconds: int, round_trips: dict[int, float]) -> list[float]:
    sent: dict[int, float] = {}
    begun = time.perf_counter()
    for number in range(rate * seconds):
        due = begun + number / rate
        while (left := due - time.perf_counter()) > 0:
            time.sleep(left)
        sent[number] = time.perf_counter()
        client.publish("floor/round-trip", f"{number:08}".encode() + bytes(300), qos=1)
    _settle(lambda: len(round_trips) >= len(sent))
    return sorted(
        (round_trips[number] - at) * 1000 for number, at in sent.items() if number in round_trips
    )


def _request(payload: bytes) -> int:
    request: int = cbor.decode(cose.parse(payload).payload)["body"]["request"]
    return request


def _settle(done: Any, limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)


def _percentile(ordered: list[float], percent: int) -> float:
    if not ordered:
        return float("nan")
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 2)
