"""A gateway without network and threads, and sleeves that sign for real, for tests of the line."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Self, TypeVar

from sqlalchemy import Row, Table, func, insert, select, update

from backend.domain.record import Record
from backend.ledger.log import Log
from backend.store.db import Database
from backend.store.journal import Journal, read_all
from backend.store.keyring import KeyRing
from backend.store.pictures import PictureStore
from backend.store.tables import application, device, device_key, use_grant
from gateway.checks import Asked, Finding
from gateway.inbox import Inbound, Inbox
from gateway.protocol import cose, envelope, topics
from gateway.protocol.messages import (
    Down,
    Event,
    GrantBurnt,
    Heartbeat,
    Receipt,
    State,
    UnlockRequest,
)
from gateway.service import Gateway, Parts
from tests.support.prepared import make_tables
from tests.support.world import START, Clock

VILLAGE = "/330109/330109103/330109103201/"
ORIGIN = "example.gov.cn/zhiyin-gateway-test"
HOUR = 3_600_000
DAY = 24 * HOUR
T = TypeVar("T", bound=Down)


class Crash(BaseException):
    """The process ends here; nothing catches it."""


class FakePublisher:
    """Keeps what was said to sleeves. ``broken`` is raised, once, by the next publish."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.broken: BaseException | None = None

    def publish(self, topic: str, payload: bytes) -> None:
        if self.broken is not None:
            error, self.broken = self.broken, None
            raise error
        self.sent.append((topic, payload))


class FakeFaces:
    """Answers with the findings in ``findings`` in turn, the last one for ever."""

    def __init__(self) -> None:
        self.findings: list[Finding | BaseException] = [Finding("match", 0.9, "operator")]
        self.bursts: list[list[bytes]] = []
        self.asked: list[Asked] = []
        self.seen: list[tuple[dict[str, list[bytes]], set[str]]] = []

    def match(
        self,
        burst: Sequence[bytes],
        templates: Mapping[str, Sequence[bytes]],
        expected: set[str],
        asked: Asked,
    ) -> Finding:
        self.bursts.append(list(burst))
        self.asked.append(asked)
        self.seen.append(({name: list(some) for name, some in templates.items()}, expected))
        finding = self.findings[0]
        if len(self.findings) > 1:
            self.findings.pop(0)
        if isinstance(finding, BaseException):
            raise finding
        return finding


@dataclass(slots=True)
class FakeSleeve:
    """A sleeve that signs and chains whatever it is told to say."""

    id: str
    signer: cose.Signer
    clock: Callable[[], int]
    counter: int = 0
    tip: bytes = envelope.GENESIS
    boot: int = 1
    total: int = 0
    said: dict[int, Inbound] = field(default_factory=dict)

    def say(self, body: Event, *, time: int | None = None) -> Inbound:
        """The next event of the chain."""
        self.counter += 1
        message = self.forge(body, counter=self.counter, prev=self.tip, time=time)
        self.tip = envelope.digest(message.payload)
        self.said[self.counter] = message
        return message

    def forge(
        self,
        body: Event,
        *,
        counter: int,
        prev: bytes,
        time: int | None = None,
        signer: cose.Signer | None = None,
    ) -> Inbound:
        """An event at any place, leaving the sleeve as it was."""
        raw = envelope.seal_event(
            body,
            signer or self.signer,
            device=self.id,
            boot=self.boot,
            time=self.clock() if time is None else time,
            counter=counter,
            prev=prev,
        )
        return inbound(topics.up(self.id, body.type), raw)

    def beat(
        self, *, time: int | None = None, signer: cose.Signer | None = None, **fields: Any
    ) -> Inbound:
        """A heartbeat."""
        known: dict[str, Any] = {
            "through": self.counter,
            "battery": 90,
            "temperature": 20.0,
            "firmware": "1.0",
            "clock_trusted": True,
        }
        body = Heartbeat(**known | fields)
        raw = envelope.seal_event(
            body,
            signer or self.signer,
            device=self.id,
            boot=self.boot,
            time=self.clock() if time is None else time,
        )
        return inbound(topics.up(self.id, Heartbeat.type), raw)

    def state(self, online: bool, boot: int | None = None) -> Inbound:
        """The retained state."""
        body = State(online=online, boot=self.boot if boot is None else boot)
        return inbound(topics.state(self.id), envelope.encode_state(body))

    def again(self, counters: Iterable[int]) -> list[Inbound]:
        """The same bytes once more, as new deliveries."""
        return [inbound(self.said[one].topic, self.said[one].payload) for one in counters]


_tokens = itertools.count(1)


def inbound(topic: str, payload: bytes) -> Inbound:
    """A delivery with a token of its own."""
    return Inbound(topic, payload, next(_tokens))


class Line:
    """One gateway, stepped by hand."""

    def __init__(self, parts: Parts) -> None:
        self.publisher = FakePublisher()
        self.inbox = Inbox()
        self.acked: list[Inbound] = []
        self.pauses: list[float] = []
        self.gateway = Gateway(parts, self.publisher, self.inbox, self.acked.extend)
        self.gateway.pipeline._pause = self.pauses.append

    def take(self, *messages: Inbound) -> None:
        """Deliver and handle, in the order given; all of it at once, as far as a batch holds it."""
        for message in messages:
            self.inbox.put(message)
        self.run()

    def one_by_one(self, *messages: Inbound) -> None:
        """Deliver and handle each alone."""
        for message in messages:
            self.take(message)

    def run(self) -> None:
        """Until nothing waits and nothing is owed."""
        while self.gateway.pipeline.step(0) or self.gateway.pipeline.owes:
            pass

    def work(self) -> None:
        """What the background does, until it has nothing to do; errors are raised."""
        tasks = self.gateway.background._tasks
        while sum(bool(task()) for task in tasks):  # each of them, every time
            self.run()

    def settled(self, *messages: Inbound) -> None:
        """Deliver, handle, and let the background finish."""
        self.take(*messages)
        self.work()


class GatewayWorld:
    """A database, keys, a clock by hand, sleeves with grants, and as many gateways as wanted."""

    def __init__(self, db: Database, ring: KeyRing, *, seed: int = 1) -> None:
        self.random = Random(seed)
        self.clock = Clock()
        self.ring = ring
        self.log = Log(ORIGIN)
        self.journal = Journal(self.log, self.random.randbytes)
        self.faces = FakeFaces()
        self.pictures = PictureStore(ring, random=self.random.randbytes)
        self.db = db

    @classmethod
    def create(cls, url: str, ring: KeyRing) -> Self:
        """On an empty database, with tables or without."""
        world = cls(Database(url), ring)
        make_tables(world.db)
        with world.db.write() as conn:
            world.log.create(conn)
        return world

    # ── parts ────────────────────────────────────────────────────────────────────────────────────

    def parts(self, **changes: Any) -> Parts:
        values: dict[str, Any] = {
            "db": self.db,
            "journal": self.journal,
            "pictures": self.pictures,
            "faces": self.faces,
            "grant_key": self.ring.grant,
            "grant_keys": self.ring.grant_keys,
            "receipt_key": self.ring.receipt,
            "pin_keys": self.ring.picture_wire_all,
            "open_template": self.ring.open_template,
            "now": self.clock,
            "random": self.random.randbytes,
        }
        return Parts(**values | changes)

    def line(self, **changes: Any) -> Line:
        """A gateway of its own on the same database."""
        return Line(self.parts(**changes))

    def sleeve(self, name: str = "ZY0001", *, alg: int = cose.EDDSA, **columns: Any) -> FakeSleeve:
        """A registered sleeve that holds seal ``seal-{name}``."""
        signer = self.signer(alg)
        with self.db.write() as conn:
            conn.execute(
                insert(device),
                {
                    "id": name,
                    "org_id": "330109103201",
                    "org_path": VILLAGE,
                    "seal_id": f"seal-{name}",
                    "status": "active",
                    "tip": envelope.GENESIS,
                    "enrolled_at": START,
                }
                | columns,
            )
            conn.execute(insert(device_key), self.key_row(name, signer))
        return FakeSleeve(name, signer, self.clock)

    def signer(self, alg: int = cose.EDDSA) -> cose.Signer:
        """A fresh key."""
        secret = self.random.randbytes(32)
        return cose.Ed25519Signer(secret) if alg == cose.EDDSA else cose.Es256Signer(secret)

    @staticmethod
    def key_row(name: str, signer: cose.Signer, **columns: Any) -> dict[str, Any]:
        key = signer.public
        return {
            "device_id": name,
            "kid": key.kid,
            "alg": key.alg,
            "public": key.raw,
            "created_at": START,
        } | columns

    def grant(self, name: str, sleeve: FakeSleeve, **columns: Any) -> str:
        """A grant for ``sleeve`` with an approved application ``application-{name}``."""
        known = {
            "id": name,
            "application_id": f"application-{name}",
            "org_path": VILLAGE,
            "device_id": sleeve.id,
            "seal_id": f"seal-{sleeve.id}",
            "operator_id": "operator",
            "alternates": [],
            "job": f"{self.random.randrange(10**8):08}",
            "stamps": 2,
            "title": "土地承包合同",
            "not_before": self.clock(),
            "not_after": self.clock() + HOUR,
            "policy": {},
            "state": "issued",
            "issued_at": self.clock(),
        } | columns
        with self.db.write() as conn:
            conn.execute(insert(use_grant), known)
            conn.execute(
                insert(application),
                {
                    "id": known["application_id"],
                    "org_path": VILLAGE,
                    "matter_id": "m",
                    "matter_version": 1,
                    "seal_id": known["seal_id"],
                    "applicant_id": "applicant",
                    "operator_id": "operator",
                    "alternates": [],
                    "status": "approved",
                    "title": "土地承包合同",
                    "purpose": "",
                    "copies": 1,
                    "stamps": known["stamps"],
                    "details": {},
                    "created_at": START,
                },
            )
        return name

    def revoke_grant(self, name: str) -> None:
        """As the services do it."""
        self.set(use_grant, name, state="revoked", ended_at=self.clock())

    def unlocked(self, line: Line, sleeve: FakeSleeve, grant: str) -> int:
        """Request, answer and burn; returns the number of the use."""
        line.take(sleeve.say(UnlockRequest(nonce=bytes(16), grant=grant)))
        number = sleeve.counter
        line.take(sleeve.say(GrantBurnt(grant=grant, use=number)))
        return number

    # ── looking ──────────────────────────────────────────────────────────────────────────────────

    def set(self, table: Table, key: str, **values: Any) -> None:
        """Change a row behind the gateway's back."""
        with self.db.write() as conn:
            conn.execute(update(table).where(table.c.id == key).values(**values))

    def row(self, table: Table, key: str) -> Row[Any]:
        """A row by its id."""
        with self.db.read() as conn:
            return conn.execute(select(table).where(table.c.id == key)).one()

    def rows(self, table: Table, *conditions: Any) -> list[Row[Any]]:
        """Rows of a table."""
        with self.db.read() as conn:
            return list(conn.execute(select(table).where(*conditions)))

    def count(self, table: Table) -> int:
        """How many rows."""
        with self.db.read() as conn:
            return int(conn.execute(select(func.count()).select_from(table)).scalar_one())

    def records(self, *kinds: str) -> list[Record]:
        """Every record of these kinds (all, when none is named), in log order."""
        with self.db.read() as conn:
            return [one for one in read_all(conn) if not kinds or one.kind in kinds]

    def counters(self, sleeve: FakeSleeve) -> list[int]:
        """Counters of the sleeve's event records, in log order."""
        return [
            one.counter
            for one in self.records()
            if one.device == sleeve.id and one.counter is not None
        ]

    def verdict(self, sleeve: FakeSleeve, counter: int | None = None) -> Mapping[str, Any]:
        """The verdict in the record of an event (the last one the sleeve said)."""
        wanted = sleeve.counter if counter is None else counter
        found = [one for one in self.records() if (one.device, one.counter) == (sleeve.id, wanted)]
        assert len(found) == 1, f"{len(found)} records of {sleeve.id}:{wanted}"
        verdict: Mapping[str, Any] = found[0].data["verdict"]
        return verdict

    def said(self, line: Line, sleeve: FakeSleeve, kind: type[T]) -> list[T]:
        """What a gateway said to a sleeve, verified as the sleeve would."""
        found: list[T] = []
        for topic, payload in line.publisher.sent:
            if topic == topics.down(sleeve.id, kind.type):
                body = envelope.open_down(
                    payload,
                    device=sleeve.id,
                    keys=self.ring.grant_keys,
                    receipt_keys=self.ring.receipt_keys,
                )
                assert isinstance(body, kind)
                found.append(body)
        return found

    def receipts(self, line: Line, sleeve: FakeSleeve) -> list[Receipt]:
        """Every receipt that a gateway gave."""
        return self.said(line, sleeve, Receipt)

    def receipt(self, line: Line, sleeve: FakeSleeve) -> Receipt:
        """The newest receipt."""
        return self.receipts(line, sleeve)[-1]

    def check(self) -> None:
        """The log is whole, and every event stands in it once."""
        with self.db.read() as conn:
            found = self.log.check(conn)
        assert not found.findings, found.findings
        assert found.size == len(self.records())

    def close(self) -> None:
        self.db.dispose()


class Stencil:
    """A SQLite database that is made once and put back, empty, for each test: making tables and
    compiling statements anew each time would take most of the time."""

    def __init__(self, folder: Path, ring: KeyRing) -> None:
        self._ring = ring
        self._empty = folder / "empty.sqlite3"
        self._file = folder / "zhiyin.sqlite3"
        world = GatewayWorld.create(f"sqlite+pysqlite:///{self._empty}", ring)
        with world.db.engine.connect() as conn:
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        world.close()
        self._db = Database(f"sqlite+pysqlite:///{self._file}")

    def world(self) -> GatewayWorld:
        """An empty installation. The one before it is gone."""
        self._db.dispose()
        for old in self._file.parent.glob("zhiyin.sqlite3-*"):
            old.unlink()
        shutil.copyfile(self._empty, self._file)
        return GatewayWorld(self._db, self._ring)
