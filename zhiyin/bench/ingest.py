"""``zhiyin bench ingest``: signed events through Mosquitto until they are committed and receipted.

The floor is the same loop with only paho, CBOR decoding and a batch insert. What is written first
(:mod:`zhiyin.bench.naive`) does all our duties on our tables, but in the paho callback, with ORM
objects and a commit a message. All three in one run, on one machine.
"""

from __future__ import annotations

import queue
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from sqlalchemy import BigInteger, LargeBinary, String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from backend.store.db import Database
from backend.store.tables import metadata, record
from gateway.protocol import cbor, cose, envelope
from zhiyin.bench import load, naive
from zhiyin.bench.site import LOAD_USER, Site, enrol, open_broker, running, say, wall_ms

SLEEVES: Final = 100
SLOW_COMMIT_S: Final = 0.0035
"""What SQLite's FULL commit takes on a plain disk (279 a second) beyond what it takes on a server's
cached one: there, the number of commits is everything."""


class _Base(DeclarativeBase):
    pass


class _Row(_Base):
    __tablename__ = "bench_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(String(64))
    counter: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(48))
    at: Mapped[int] = mapped_column(BigInteger)
    happened_at: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


def cpu_s() -> float:
    """CPU of this process so far, s: user and system, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(*, quick: bool) -> dict[str, Any]:
    """Measure; keys as docs/performance.md explains them."""
    events, few, rounds = (6_000, 600, 2) if quick else (30_000, 2_000, 3)
    ours: list[tuple[float, float]] = []
    floor: list[float] = []
    slow: list[float] = []
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}: gateway, {events} events from {SLEEVES} sleeves …")
        ours.append(_ours(events))
        say(f"  {ours[-1][0]:,.0f} events/s, {ours[-1][1]:.0f} µs CPU an event; floor …")
        floor.append(_floor(events))
        say(f"  {floor[-1]:,.0f} events/s; one ORM commit a message …")
        slow.append(naive.run(lambda sleeves: _messages(sleeves, few), SLEEVES))
        say(f"  {slow[-1]:,.0f} events/s")
    say(f"once more, each commit {SLOW_COMMIT_S * 1000} ms slower …")
    slower_ours, _ = _ours(events, SLOW_COMMIT_S)
    slower_naive = naive.run(lambda sleeves: _messages(sleeves, few), SLEEVES, SLOW_COMMIT_S)
    rate = statistics.median(item[0] for item in ours)
    base = statistics.median(floor)
    return {
        "bench": "ingest",
        "events": events,
        "sleeves": SLEEVES,
        "rounds": rounds,
        "events_per_s": round(rate),
        "floor_events_per_s": round(base),
        "ratio": round(rate / base, 3),
        "naive_events_per_s": round(statistics.median(slow)),
        "times_naive": round(rate / statistics.median(slow), 1),
        "slow_commit_ms": SLOW_COMMIT_S * 1000,
        "slow_commit_events_per_s": round(slower_ours),
        "slow_commit_naive_events_per_s": round(slower_naive),
        "slow_commit_times_naive": round(slower_ours / slower_naive, 1),
        "core_us_per_event": round(statistics.median(item[1] for item in ours)),
    }


def _messages(site_sleeves: Any, events: int) -> list[tuple[str, bytes]]:
    stamps = max(1, events // len(site_sleeves) - 3)
    queues = [load.signed(sleeve, load.use_events(0, stamps, sleeve.id)) for sleeve in site_sleeves]
    # Interleaved, as many sleeves at once are.
    return [row[index] for index in range(stamps + 3) for row in queues]


def _ours(events: int, commit_s: float = 0.0) -> tuple[float, float]:
    with running(SLEEVES, commit_s=commit_s) as site:
        messages = _messages(site.sleeves, events)
        publisher = load.start(site.broker.port, LOAD_USER, site.password, messages)
        cpu = cpu_s()
        pipeline = site.gateway.pipeline
        took = load.timed(
            publisher, lambda: pipeline.stats.events >= len(messages) and site.gateway.idle
        )
        used = cpu_s() - cpu
        _check(site, len(messages))
        return len(messages) / took, used / len(messages) * 1e6


def _check(site: Site, expected: int) -> None:
    with site.db.read() as conn:
        count = conn.execute(
            select(func.count()).select_from(record).where(record.c.kind.like("event.%"))
        ).scalar_one()
    if count != expected:
        raise RuntimeError(f"the journal holds {count} of {expected} events")


def _floor(events: int) -> float:
    with tempfile.TemporaryDirectory(prefix="zhiyin-bench-") as name:
        folder = Path(name)
        broker, password = open_broker(folder)
        db = Database(f"sqlite+pysqlite:///{folder / 'floor.sqlite3'}")
        _Base.metadata.create_all(db.engine)
        taken: queue.SimpleQueue[Any] = queue.SimpleQueue()
        client = load.connect(broker.port, LOAD_USER, password, "bench-floor")
        client.manual_ack_set(True)
        client.on_message = lambda _client, _data, message: taken.put(message)
        client.subscribe("seal/v1/+/up/+", 1)
        sleeves = _unregistered(folder)
        messages = _messages(sleeves, events)
        publisher = load.start(broker.port, LOAD_USER, password, messages)
        begun = time.perf_counter()
        publisher.go()
        done = 0
        while done < len(messages):
            batch = [taken.get(timeout=30)]
            while len(batch) < 256 and not taken.empty():
                batch.append(taken.get())
            rows = [_row(message.payload) for message in batch]
            with db.write() as conn:
                conn.execute(_Row.__table__.insert(), rows)  # type: ignore[attr-defined]  # Core
            for message in batch:
                client.ack(message.mid, 1)
            done += len(batch)
        took = time.perf_counter() - begun
        publisher.join(20)
        client.disconnect()
        client.loop_stop()
        broker.stop()
        db.dispose()
        return done / took


def _unregistered(folder: Path) -> Any:
    db = Database(f"sqlite+pysqlite:///{folder / 'keys.sqlite3'}")
    metadata.create_all(db.engine)
    made = enrol(db, SLEEVES, 1)
    db.dispose()
    return made


def _row(raw: bytes) -> dict[str, Any]:
    payload = cbor.decode(cose.parse(raw).payload)
    return {
        "device": payload["device"],
        "counter": payload["counter"],
        "kind": payload["type"],
        "at": wall_ms(),
        "happened_at": payload["time"],
        "digest": envelope.digest(raw),
        "raw": raw,
    }
