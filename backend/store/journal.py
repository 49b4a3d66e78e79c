"""Writes and reads the journal: each record is one row here and one leaf in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

import cbor2
from sqlalchemy import Connection, select

from backend.domain.copying import copy_with
from backend.domain.record import Record
from backend.ledger.entries import commitment, encode_entry
from backend.store.bulk import run_many
from backend.store.tables import record as table

SALT_BYTES: Final = 32


class AppendOnly(Protocol):
    """The part of the log that the journal needs."""

    def append(self, conn: Connection, entries: Sequence[bytes]) -> int:
        """Add entries in the caller's transaction; the index of the first."""
        ...


class Journal:
    """Appends records inside the caller's transaction.

    The log's head is the last lock that a transaction takes: call :meth:`append` after every other
    row was locked, so that two writers can never wait for each other.
    """

    def __init__(self, log: AppendOnly, random: Callable[[int], bytes]) -> None:
        self._log = log
        self._random = random

    def append(self, conn: Connection, records: Sequence[Record]) -> list[Record]:
        """Store ``records`` in order; returns them with their ``seq``."""
        if not records:
            return []
        salts = self._random(SALT_BYTES * len(records))
        rows: list[dict[str, Any]] = []
        entries: list[bytes] = []
        for index, item in enumerate(records):
            salt = salts[index * SALT_BYTES : (index + 1) * SALT_BYTES]
            body = encode_body(item)
            commit = commitment(salt, body)
            entries.append(encode_entry(item.kind, item.at, commit))
            rows.append(
                {
                    "kind": item.kind,
                    "org_path": item.org_path,
                    "at": item.at,
                    "happened_at": item.happened_at,
                    "device": item.device,
                    "counter": item.counter,
                    "seal": item.seal,
                    "application": item.application,
                    "grant_id": item.grant_id,
                    "use_id": item.use_id,
                    "person": item.person,
                    "body": body,
                    "salt": salt,
                    "commitment": commit,
                }
            )
        first = self._log.append(conn, entries)
        for index, row in enumerate(rows):
            row["seq"] = first + index
        run_many(conn, _INSERT, rows)
        return [copy_with(item, seq=first + index) for index, item in enumerate(records)]


_INSERT = table.insert()


def encode_body(item: Record) -> bytes:
    """The bytes that a record's commitment covers. Deterministic CBOR; stored verbatim."""
    body: dict[str, Any] = {
        "kind": item.kind,
        "org": item.org_path,
        "at": item.at,
        "happened_at": item.happened_at,
        "refs": {
            name: value
            for name, value in (
                ("device", item.device),
                ("counter", item.counter),
                ("seal", item.seal),
                ("application", item.application),
                ("grant", item.grant_id),
                ("use", item.use_id),
                ("person", item.person),
            )
            if value is not None
        },
        "data": item.data,
    }
    if item.evidence is not None:
        body["evidence"] = item.evidence
    return cbor2.dumps(body, canonical=True)


def from_row(row: Any) -> Record:
    """A record from its row. An erased one has empty ``data`` and no evidence."""
    body = cbor2.loads(row.body) if row.body is not None else {}
    return Record(
        kind=row.kind,
        org_path=row.org_path,
        at=row.at,
        happened_at=row.happened_at,
        device=row.device,
        counter=row.counter,
        seal=row.seal,
        application=row.application,
        grant_id=row.grant_id,
        use_id=row.use_id,
        person=row.person,
        data=body.get("data", {}),
        evidence=body.get("evidence"),
        seq=row.seq,
    )


def read_from(conn: Connection, seq: int, limit: int) -> list[Record]:
    """Up to ``limit`` records from ``seq`` on, in log order."""
    rows = conn.execute(
        select(table).where(table.c.seq >= seq).order_by(table.c.seq).limit(limit)
    ).all()
    return [from_row(row) for row in rows]


def read_all(conn: Connection, *conditions: Any, batch: int = 1000) -> Iterator[Record]:
    """Every record that meets ``conditions``, in log order."""
    seq = 0
    while True:
        rows = conn.execute(
            select(table).where(table.c.seq >= seq, *conditions).order_by(table.c.seq).limit(batch)
        ).all()
        yield from (from_row(row) for row in rows)
        if len(rows) < batch:
            return
        seq = rows[-1].seq + 1
