"""A small installation for tests of the log: journal, sleeves, witnesses, and an attacker.

Time, randomness and keys are fixed, so that a world built twice is the same byte for byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select

from backend.domain.record import Record
from backend.ledger.checkpoint import WitnessPolicy
from backend.ledger.disclosure import Scope
from backend.ledger.entries import commitment, encode_entry
from backend.ledger.export import ExportSummary
from backend.ledger.log import Log
from backend.ledger.note import COSIGNATURE, Ed25519Signer, Note, cosign
from backend.ledger.records import export_scope
from backend.ledger.report import Report
from backend.ledger.tables import ledger_checkpoint, ledger_entry, ledger_head, ledger_tile
from backend.ledger.verify import verify
from backend.store.db import Database
from backend.store.journal import Journal, encode_body
from backend.store.tables import device_key, record
from gateway.protocol import cbor, cose
from tests.support.prepared import make_tables

ORIGIN = "seals.example.gov.cn/zhiyin"
START = 1_791_600_000_000
MINUTE = 60_000


class Dice:
    """Bytes that look random and are the same in every run."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._drawn = 0

    def __call__(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            out += hashlib.sha256(f"{self._seed}/{self._drawn}".encode()).digest()
            self._drawn += 1
        return out[:count]


class Sleeve:
    """Signs a chain of events as a real one does."""

    def __init__(self, name: str, signer: cose.Signer | None = None) -> None:
        self.name = name
        self.signer = signer or cose.Ed25519Signer(Dice(name)(32))
        self.counter = 0
        self.prev = bytes(32)

    def sign(self, kind: str, time: int, body: dict[str, Any] | None = None) -> bytes:
        """The next event, signed."""
        self.counter += 1
        payload = {
            "v": 1,
            "device": self.name,
            "boot": 1,
            "counter": self.counter,
            "prev": self.prev,
            "time": time,
            "type": kind,
            "body": body or {},
        }
        evidence = cose.sign(cbor.encode(payload), self.signer)
        self.prev = hashlib.sha256(evidence).digest()
        return evidence

    def event(self, kind: str, time: int, **fields: Any) -> Record:
        """The next event as a record."""
        evidence = self.sign(kind, time)
        shown = Record(
            kind=f"event.{kind}",
            org_path="/330109/330109103/330109103201/",
            at=time,
            happened_at=time,
            device=self.name,
            counter=self.counter,
            evidence=evidence,
        )
        return replace(shown, **fields)


@dataclass
class Row:
    """A record as it lies in the database, in the hands of who owns the database."""

    kind: str
    at: int
    values: dict[str, Any]

    @property
    def commit(self) -> bytes:
        """What its leaf commits to."""
        return bytes(self.values["commitment"])

    def put(self, item: Record, salt: bytes) -> Row:
        """Another record in its place, consistent in itself."""
        body = encode_body(item)
        changed = {"body": body, "salt": salt, "commitment": commitment(salt, body)}
        return Row(item.kind, item.at, self.values | changed | {"at": item.at, "kind": item.kind})


class LedgerWorld:
    """A log with its journal, three witnesses of whom two must sign, and a clock."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = START
        self.log = Log(ORIGIN)
        self.signer = Ed25519Signer(ORIGIN, Dice("log")(32))
        self.witnesses = [
            Ed25519Signer(f"witness.example/w{n}", Dice(f"w{n}")(32), COSIGNATURE) for n in range(3)
        ]
        self.policy = WitnessPolicy.of([one.key for one in self.witnesses], 2)
        self._dice = Dice("salt")
        self.journal = Journal(self.log, self._dice)
        make_tables(database)

    def add(self, *records: Record) -> list[Record]:
        """Append records in one transaction, a minute after the last."""
        self.now += MINUTE
        with self.database.write() as conn:
            return self.journal.append(conn, records)

    def decide(self, count: int = 1, **fields: Any) -> list[Record]:
        """Append decisions of people, a minute apart."""
        made: list[Record] = []
        for _ in range(count):
            item = Record(
                kind="application.approved",
                org_path="/330109/330109103/330109103201/",
                at=self.now,
                happened_at=self.now,
                data={"note": f"决定 {self.now}"},
            )
            made += self.add(replace(item, **fields))
        return made

    def enrol(self, sleeve: Sleeve) -> None:
        """Register a sleeve's key, in the journal as well."""
        key = sleeve.signer.public
        with self.database.write() as conn:
            conn.execute(
                insert(device_key),
                {
                    "device_id": sleeve.name,
                    "kid": key.kid,
                    "alg": key.alg,
                    "public": key.raw,
                    "from_counter": sleeve.counter + 1,
                    "created_at": self.now,
                },
            )
        self.decide(kind="device.enrolled", device=sleeve.name, data={"public": key.raw})

    def stamp(self, sleeve: Sleeve, count: int = 1, **fields: Any) -> list[Record]:
        """Append events of a sleeve, a minute apart."""
        made: list[Record] = []
        for _ in range(count):
            made += self.add(sleeve.event("stamped", self.now, **fields))
        return made

    def checkpoint(self, witnesses: int = 2) -> str:
        """Sign the newest state and have it cosigned."""
        with self.database.write() as conn:
            text = self.log.sign_checkpoint(conn, self.signer, self.now)
        return self.cosigned(text, witnesses)

    def cosigned(self, text: str, witnesses: int) -> str:
        """Have a checkpoint cosigned by the first so many witnesses; the result is stored."""
        note = Note.parse(text)
        signatures = [cosign(note, one, self.now) for one in self.witnesses[:witnesses]]
        seen = Note(note.body, (*note.signatures, *signatures)).text
        with self.database.write() as conn:
            keys = [one.key for one in self.witnesses]
            return self.log.add_cosignatures(conn, seen, keys)

    def export(
        self, path: Path, scope: Scope | None = None, since: Sequence[int] = ()
    ) -> ExportSummary:
        """Export to ``path``; the whole log by default."""
        with self.database.read() as conn:
            return export_scope(
                conn,
                path,
                scope or Scope.everything(),
                log=self.log,
                log_keys=[self.signer.key],
                since=since,
            )

    def verify(self, path: Path, **options: Any) -> Report:
        """Verify as an outsider who got the keys of log and witnesses elsewhere."""
        known: dict[str, Any] = {"log_keys": [self.signer.key], "policy": self.policy}
        return verify(path, **known | options)

    def rows(self) -> list[Row]:
        """The journal as its owner can read it."""
        with self.database.read() as conn:
            found = conn.execute(select(record).order_by(record.c.seq)).mappings().all()
        return [Row(row["kind"], row["at"], dict(row)) for row in found]

    def erase(self, index: int) -> None:
        """Destroy body and salt of one record."""
        with self.database.write() as conn:
            conn.execute(record.update().where(record.c.seq == index).values(body=None, salt=None))

    def rewrite(self, edit: Callable[[list[Row]], None]) -> None:
        """What somebody with the database and the log's key can do: make a whole other log.

        Everything fits together afterwards; only the witnesses' signatures can not be made again.
        """
        rows = self.rows()
        edit(rows)
        with self.database.write() as conn:
            for table in (record, ledger_checkpoint, ledger_tile, ledger_entry, ledger_head):
                conn.execute(delete(table))
            self.log.append(conn, [encode_entry(row.kind, row.at, row.commit) for row in rows])
            values = [row.values | {"seq": seq} for seq, row in enumerate(rows)]
            conn.execute(insert(record), values)
        with self.database.write() as conn:
            self.log.sign_checkpoint(conn, self.signer, self.now)


@contextmanager
def ledger_world(url: str) -> Iterator[LedgerWorld]:
    """A world on a fresh database, closed afterwards."""
    database = Database(url)
    try:
        yield LedgerWorld(database)
    finally:
        database.dispose()
