"""A throw-away installation for a bench: sleeves with keys, grants, a broker, a gateway."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event, insert

from backend.ledger.log import Log
from backend.services.mqtt_passwords import SALT_BYTES, mosquitto_hash
from backend.store.db import Database
from backend.store.journal import Journal
from backend.store.keyring import KeyRing
from backend.store.pictures import PictureStore
from backend.store.tables import device, device_key, metadata, use_grant
from gateway.broker.embedded import EmbeddedMosquitto, free_port
from gateway.broker.mosquitto import GATEWAY_USER, Account, Listener
from gateway.checks import Asked, Finding
from gateway.link import Link, LinkSettings
from gateway.protocol import cose
from gateway.service import Gateway, Parts, connect
from zhiyin.running.settled import settle

ORG: Final = "/330109/330109103/330109103201/"
LOAD_USER: Final = "bench-load"


def wall_ms() -> int:
    """Now, ms UTC."""
    return time.time_ns() // 1_000_000


class NobodyChecks:
    """A matcher for benches in which no face is looked at."""

    def match(
        self,
        burst: Sequence[bytes],
        templates: Mapping[str, Sequence[bytes]],
        expected: set[str],
        asked: Asked,
    ) -> Finding:
        """Always unchecked."""
        return Finding("unchecked")


@dataclass(slots=True)
class Sleeve:
    """A sleeve of the bench: its id and key, and where its chain stands."""

    id: str
    signer: cose.Ed25519Signer
    counter: int = 0
    prev: bytes = bytes(32)


@dataclass(frozen=True, slots=True)
class Site:
    """A running installation."""

    folder: Path
    db: Database
    broker: EmbeddedMosquitto
    gateway: Gateway
    link: Link
    keys: KeyRing
    sleeves: tuple[Sleeve, ...]
    password: str
    journal: Journal


def say(text: str) -> None:
    """Progress, on stderr: the last line of stdout is the result."""
    print(text, file=sys.stderr, flush=True)


def slow_down(db: Database, commit_s: float) -> None:
    """Let each commit take at least so many seconds more, as on a disk that is slower to sync."""
    if commit_s:
        event.listen(db.engine, "commit", lambda _: time.sleep(commit_s))


def enrol(db: Database, count: int, grants_each: int) -> tuple[Sleeve, ...]:
    """Register ``count`` sleeves, each with ``grants_each`` live grants of many stamps."""
    made = tuple(
        Sleeve(f"ZY{number:06}", cose.Ed25519Signer(os.urandom(32))) for number in range(count)
    )
    now = wall_ms()
    with db.write() as conn:
        conn.execute(
            insert(device),
            [
                {
                    "id": item.id,
                    "org_id": "330109103201",
                    "org_path": ORG,
                    "seal_id": f"seal-{item.id}",
                    "status": "active",
                    "tip": bytes(32),
                    "enrolled_at": now,
                }
                for item in made
            ],
        )
        conn.execute(
            insert(device_key),
            [
                {
                    "device_id": item.id,
                    "kid": item.signer.public.kid,
                    "alg": item.signer.public.alg,
                    "public": item.signer.public.raw,
                    "created_at": now,
                }
                for item in made
            ],
        )
    rows: list[dict[str, Any]] = [
        {
            "id": f"grant-{item.id}-{number}",
            "application_id": f"application-{item.id}-{number}",
            "org_path": ORG,
            "device_id": item.id,
            "seal_id": f"seal-{item.id}",
            "operator_id": "operator",
            "alternates": [],
            "job": f"{number:08}",
            "stamps": 999,
            "title": "土地承包合同",
            "not_before": 0,
            "not_after": now + 86_400_000,
            "policy": {},
            "state": "issued",
            "issued_at": now,
        }
        for item in made
        for number in range(grants_each)
    ]
    for start in range(0, len(rows), 20_000):
        with db.write() as conn:
            conn.execute(insert(use_grant), rows[start : start + 20_000])
    return made


@contextmanager
def running(
    count: int,
    grants_each: int = 1,
    url: str | None = None,
    committed: Callable[[], None] = lambda: None,
    commit_s: float = 0.0,
) -> Iterator[Site]:
    """A site with Mosquitto and a gateway, ended on leaving; ``committed`` after each batch;
    ``commit_s``: see :func:`slow_down`."""
    with tempfile.TemporaryDirectory(prefix="zhiyin-bench-") as name:
        folder = Path(name)
        db = Database(url or f"sqlite+pysqlite:///{folder / 'bench.sqlite3'}")
        metadata.create_all(db.engine)
        log = Log("bench.zhiyin/log")
        with db.write() as conn:
            log.create(conn)
        keys = KeyRing.create(folder / "keys")
        sleeves = enrol(db, count, grants_each)
        slow_down(db, commit_s)
        broker, password = open_broker(folder)
        journal = Journal(log, os.urandom)
        parts = Parts(
            db=db,
            journal=journal,
            pictures=PictureStore(keys),
            faces=NobodyChecks(),
            grant_key=keys.grant,
            grant_keys=keys.grant_keys,
            receipt_key=keys.receipt,
            pin_keys=keys.picture_wire_all,
            open_template=keys.open_template,
            now=wall_ms,
            random=os.urandom,
            committed=committed,
        )
        gateway, link = connect(
            parts,
            LinkSettings("127.0.0.1", broker.port, "bench-gateway", GATEWAY_USER, password),
        )
        settle()
        gateway.start()
        link.start()
        try:
            if not link.wait_connected(10):
                raise RuntimeError(f"no connection to the bench broker: {link.refusal}")
            yield Site(folder, db, broker, gateway, link, keys, sleeves, password, journal)
        finally:
            link.stop()
            gateway.stop()
            broker.stop()
            db.dispose()


def open_broker(folder: Path) -> tuple[EmbeddedMosquitto, str]:
    """Mosquitto on a free loopback port; accounts for the gateway and for who plays all sleeves."""
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if program is None:
        raise RuntimeError("bench ingest and unlock need Mosquitto: apt-get install mosquitto")
    password = os.urandom(12).hex()
    hashed = mosquitto_hash(password, os.urandom(SALT_BYTES))
    broker = EmbeddedMosquitto(
        program,
        folder / "broker",
        (Listener("127.0.0.1", free_port()),),
        (Account(GATEWAY_USER, hashed), Account(LOAD_USER, hashed)),
        extra_acl=(f"user {LOAD_USER}", "topic readwrite seal/v1/#", "topic readwrite floor/#"),
    )
    broker.start()
    return broker, password
