"""The ingest path as one writes it first: in paho's callback, message by message, with the ORM.

It has the gateway's duties on the gateway's tables (validate, verify, order, judge, keep sleeve,
use and grant, record, log leaf, commit, receipt) and none of its design: no batch, no lock order,
no parking of early events, no second gateway, no place to set aside what is broken.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydantic
from sqlalchemy import select
from sqlalchemy.orm import Session, registry

from backend.domain.record import Record
from backend.ledger.entries import commitment, encode_entry
from backend.ledger.log import Log
from backend.store.db import Database
from backend.store.journal import SALT_BYTES, encode_body
from backend.store.tables import device, device_key, metadata, record, seal_use, use_grant
from gateway.protocol import cose, envelope, topics
from gateway.protocol.messages import Receipt
from zhiyin.bench import load
from zhiyin.bench.site import LOAD_USER, Sleeve, enrol, open_broker, slow_down, wall_ms


class _Event(pydantic.BaseModel):
    device: str
    boot: int
    counter: int
    prev: bytes
    time: int
    type: str
    body: dict[str, Any]


class _Device:
    pass


class _Key:
    pass


class _Grant:
    pass


class _Use:
    def __init__(self, **columns: Any) -> None:
        for name, value in columns.items():
            setattr(self, name, value)


class _Record(_Use):
    pass


_mapped = registry(metadata=metadata)
_mapped.map_imperatively(_Device, device)
_mapped.map_imperatively(_Key, device_key)
_mapped.map_imperatively(_Grant, use_grant)
_mapped.map_imperatively(_Use, seal_use)
_mapped.map_imperatively(_Record, record)


class Naive:
    """Its state, and what paho calls."""

    def __init__(self, db: Database) -> None:
        self.done = 0
        self._db = db
        self._log = Log("bench.zhiyin/naive")
        self._receipt_key = cose.Ed25519Signer(os.urandom(32))
        with db.write() as conn:
            self._log.create(conn)

    def on_message(self, client: Any, _data: Any, message: Any) -> None:
        """Everything for one message, then the next."""
        opened = envelope.open_event(message.payload)
        event = _Event.model_validate(
            {
                "device": opened.device,
                "boot": opened.boot,
                "counter": opened.counter,
                "prev": opened.prev,
                "time": opened.time,
                "type": opened.body.type,
                "body": dict(opened.fields),
            }
        )
        with Session(self._db.engine) as session:
            self._handle(session, opened, event)
            session.commit()
        receipt = Receipt(through=event.counter, tip=opened.hash, time=wall_ms())
        client.publish(
            topics.down(event.device, receipt.type),
            envelope.seal_down(receipt, self._receipt_key, device=event.device, time=receipt.time),
            qos=1,
        )
        self.done += 1

    def _handle(self, session: Session, opened: envelope.Message, event: _Event) -> None:
        sleeve: Any = session.get_one(_Device, event.device)
        key: Any = session.scalars(select(_Key).where(device_key.c.device_id == event.device)).one()
        opened.signed.verify(cose.PublicKey(key.alg, key.public))
        if event.counter != sleeve.counter + 1 or event.prev != sleeve.tip:
            raise RuntimeError("out of order")
        now = wall_ms()
        grant, use = _judge(session, event, sleeve, now)
        sleeve.counter, sleeve.tip, sleeve.last_event_time = event.counter, opened.hash, event.time
        sleeve.last_event_at = sleeve.last_seen_at = now
        kept = Record(
            kind=f"event.{event.type}",
            org_path=sleeve.org_path,
            at=now,
            happened_at=event.time,
            device=event.device,
            counter=event.counter,
            seal=sleeve.seal_id,
            application=grant.application_id if grant is not None else None,
            grant_id=grant.id if grant is not None else None,
            use_id=use.id if use is not None else None,
            data={"event": event.body, "boot": event.boot},
            evidence=opened.raw,
        )
        salt, body = os.urandom(SALT_BYTES), encode_body(kept)
        commit = commitment(salt, body)
        session.flush()
        seq = self._log.append(session.connection(), [encode_entry(kept.kind, kept.at, commit)])
        session.add(
            _Record(
                seq=seq,
                kind=kept.kind,
                org_path=kept.org_path,
                at=kept.at,
                happened_at=kept.happened_at,
                device=kept.device,
                counter=kept.counter,
                seal=kept.seal,
                application=kept.application,
                grant_id=kept.grant_id,
                use_id=kept.use_id,
                body=body,
                salt=salt,
                commitment=commit,
            )
        )
        if use is not None and use.first_seq < 0:
            use.first_seq = seq


def _judge(session: Session, event: _Event, sleeve: Any, now: int) -> tuple[Any, Any]:
    if event.type == "unlock_request":
        grant: Any = session.get_one(_Grant, event.body["grant"])
        grant.state = "unlocked"
        grant.use_id = f"{event.device}:{event.counter}"
        use: Any = _Use(
            id=grant.use_id,
            org_path=sleeve.org_path,
            device_id=event.device,
            seal_id=sleeve.seal_id,
            application_id=grant.application_id,
            grant_id=grant.id,
            operator_id=grant.operator_id,
            state="unlocked",
            person_check="none",
            granted=grant.stamps,
            started_at=event.time,
            recorded_at=now,
            last_event_at=event.time,
            first_seq=-1,
        )
        session.add(use)
        return grant, use
    number = event.body.get("use")
    if not number:
        return None, None
    use = session.get_one(_Use, f"{event.device}:{number}")
    grant = session.get_one(_Grant, use.grant_id)
    use.last_event_at = event.time
    if event.type == "grant_burnt":
        grant.state, grant.burnt_at = "burnt", now
    elif event.type == "stamped":
        use.pressed += 1
        use.state = "stamping"
        if use.pressed > grant.stamps:
            raise RuntimeError("more stamps than granted")
    return grant, use


def run(
    messages: Callable[[tuple[Sleeve, ...]], list[tuple[str, bytes]]],
    sleeves: int,
    commit_s: float = 0.0,
) -> float:
    """Play ``messages`` against it: how many a second it managed.

    Raises:
        RuntimeError: when they are not done in time.
    """
    with tempfile.TemporaryDirectory(prefix="zhiyin-bench-") as name:
        folder = Path(name)
        broker, password = open_broker(folder)
        db = Database(f"sqlite+pysqlite:///{folder / 'naive.sqlite3'}")
        metadata.create_all(db.engine)
        naive = Naive(db)
        sent = messages(enrol(db, sleeves, 1))
        slow_down(db, commit_s)
        client = load.connect(broker.port, LOAD_USER, password, "bench-naive")
        client.on_message = naive.on_message
        client.subscribe("seal/v1/+/up/+", 1)
        publisher = load.start(broker.port, LOAD_USER, password, sent)
        took = load.timed(publisher, lambda: naive.done >= len(sent))
        client.disconnect()
        client.loop_stop()
        broker.stop()
        db.dispose()
        return len(sent) / took
