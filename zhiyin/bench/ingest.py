"""``zhiyin bench ingest``: signed events through Mosquitto until they are committed and receipted.

The floor is the same loop with only paho, CBOR decoding and a batch insert; the naive version does
all our duties, but in the paho callback, with ORM objects and a commit a message. All three in one
run, on one machine.
"""

from __future__ import annotations

import os
import queue
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, LargeBinary, String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from backend.ledger.entries import encode_entry
from backend.ledger.log import Log
from backend.store.db import Database
from backend.store.tables import metadata, record
from gateway.protocol import cbor, cose, envelope, topics
from gateway.protocol.messages import GrantBurnt, Receipt, Stamped, UnlockRequest
from zhiyin.bench import load
from zhiyin.bench.site import LOAD_USER, Site, enrol, open_broker, running, say, wall_ms

SLEEVES = 100


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


class _Sleeve(_Base):
    __tablename__ = "bench_sleeve"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    public: Mapped[bytes] = mapped_column(LargeBinary)
    counter: Mapped[int] = mapped_column(BigInteger)
    tip: Mapped[bytes] = mapped_column(LargeBinary)


class _Grant(_Base):
    __tablename__ = "bench_grant"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    sleeve: Mapped[str] = mapped_column(String(64))
    stamps: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(32))


class _Use(_Base):
    __tablename__ = "bench_use"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant: Mapped[str] = mapped_column(String(64))
    pressed: Mapped[int] = mapped_column(BigInteger)


def cpu_s() -> float:
    """CPU of this process so far, s: user and system, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(*, quick: bool) -> dict[str, Any]:
    """Measure; keys as docs/performance.md explains them."""
    events, naive, rounds = (6_000, 300, 2) if quick else (30_000, 1_000, 3)
    ours: list[tuple[float, float]] = []
    floor: list[float] = []
    slow: list[float] = []
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}: gateway, {events} events from {SLEEVES} sleeves …")
        ours.append(_ours(events))
        say(f"  {ours[-1][0]:,.0f} events/s, {ours[-1][1]:.0f} µs CPU an event; floor …")
        floor.append(_floor(events))
        say(f"  {floor[-1]:,.0f} events/s; one ORM commit a message …")
        slow.append(_naive(naive))
        say(f"  {slow[-1]:,.0f} events/s")
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
        "core_us_per_event": round(statistics.median(item[1] for item in ours)),
    }


def _messages(site_sleeves: Any, events: int) -> list[tuple[str, bytes]]:
    stamps = max(1, events // len(site_sleeves) - 3)
    queues = [load.signed(sleeve, load.use_events(0, stamps, sleeve.id)) for sleeve in site_sleeves]
    # Interleaved, as many sleeves at once are.
    return [row[index] for index in range(stamps + 3) for row in queues]


def _ours(events: int) -> tuple[float, float]:
    with running(SLEEVES) as site:
        messages = _messages(site.sleeves, events)
        publisher = load.start(site.broker.port, LOAD_USER, site.password, messages)
        begun, cpu = time.perf_counter(), cpu_s()
        publisher.go()
        _until(lambda: site.gateway.pipeline.stats.events >= len(messages) and site.gateway.idle)
        took, used = time.perf_counter() - begun, cpu_s() - cpu
        publisher.join(20)
        _check(site, len(messages))
        return len(messages) / took, used / len(messages) * 1e6


def _check(site: Site, expected: int) -> None:
    with site.db.read() as conn:
        count = conn.execute(
            select(func.count()).select_from(record).where(record.c.kind.like("event.%"))
        ).scalar_one()
    if count != expected:
        raise RuntimeError(f"the journal holds {count} of {expected} events")


def _until(done: Callable[[], bool], limit_s: float = 180.0) -> None:
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError("the bench did not finish in time")
        time.sleep(0.005)


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


def _naive(events: int) -> float:
    """The same duties, written straightforwardly: in the paho callback each message is verified,
    ordered and judged with ORM objects, logged, committed and receipted, one at a time."""
    with tempfile.TemporaryDirectory(prefix="zhiyin-bench-") as name:
        folder = Path(name)
        broker, password = open_broker(folder)
        db = Database(f"sqlite+pysqlite:///{folder / 'naive.sqlite3'}")
        _Base.metadata.create_all(db.engine)
        metadata.create_all(db.engine)
        log = Log("bench.zhiyin/naive")
        with db.write() as conn:
            log.create(conn)
        sleeves = _unregistered(folder)
        receipt_key = cose.Ed25519Signer(os.urandom(32))
        with Session(db.engine) as session:
            for sleeve in sleeves:
                raw = sleeve.signer.public.raw
                session.add(_Sleeve(id=sleeve.id, public=raw, counter=0, tip=bytes(32)))
                session.add(
                    _Grant(id=f"grant-{sleeve.id}-0", sleeve=sleeve.id, stamps=999, state="issued")
                )
            session.commit()
        done = 0

        def on_message(client: Any, _data: Any, message: Any) -> None:
            nonlocal done
            opened = envelope.open_event(message.payload)
            with Session(db.engine) as session:
                sleeve = session.get_one(_Sleeve, opened.device)
                opened.signed.verify(cose.PublicKey(cose.EDDSA, sleeve.public))
                if opened.counter != sleeve.counter + 1 or opened.prev != sleeve.tip:
                    raise RuntimeError("out of order")
                _judge(session, opened)
                sleeve.counter, sleeve.tip = opened.counter, opened.hash
                session.add(_Row(**_row(message.payload)))
                entry = encode_entry(opened.body.type, wall_ms(), opened.hash)
                log.append(session.connection(), [entry])
                session.commit()
            receipt = Receipt(through=opened.counter, tip=opened.hash, time=wall_ms())
            client.publish(
                topics.down(opened.device, receipt.type),
                envelope.seal_down(receipt, receipt_key, device=opened.device, time=receipt.time),
                qos=1,
            )
            done += 1

        client = load.connect(broker.port, LOAD_USER, password, "bench-naive")
        client.on_message = on_message
        client.subscribe("seal/v1/+/up/+", 1)
        messages = _messages(sleeves, events)
        publisher = load.start(broker.port, LOAD_USER, password, messages)
        begun = time.perf_counter()
        publisher.go()
        _until(lambda: done >= len(messages))
        took = time.perf_counter() - begun
        publisher.join(20)
        client.disconnect()
        client.loop_stop()
        broker.stop()
        db.dispose()
        return len(messages) / took


def _judge(session: Session, opened: envelope.Message) -> None:
    """Whether the grant is good and how many stamps there were, by ORM objects."""
    body = opened.body
    if isinstance(body, UnlockRequest):
        grant = session.get_one(_Grant, body.grant or "")
        grant.state = "unlocked"
        use = f"{opened.device}:{opened.counter}"
        session.add(_Use(id=use, grant=grant.id, pressed=0))
    elif isinstance(body, GrantBurnt):
        session.get_one(_Grant, body.grant).state = "burnt"
    elif isinstance(body, Stamped):
        found = session.get_one(_Use, f"{opened.device}:{body.use}")
        found.pressed += 1
        if found.pressed > session.get_one(_Grant, found.grant).stamps:
            raise RuntimeError("more stamps than granted")


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
