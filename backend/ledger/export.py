"""Writes the export: one file with everything that a stranger needs to check it.

The same log, records and scope give the same bytes: no time of making, a fixed order, nothing
compressed.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select

from backend.ledger import disclosure
from backend.ledger.checkpoint import Checkpoint
from backend.ledger.disclosure import DisclosedRecord, RecordLine, Scope, SleeveKey, sleeve_line
from backend.ledger.log import Log, LogError
from backend.ledger.note import Note, VerifierKey
from backend.ledger.readme import README_TEXT
from backend.ledger.storage import entries_at, read_entries, read_tile
from backend.ledger.tables import ledger_checkpoint
from backend.ledger.tiles import (
    TILE_WIDTH,
    TileNodes,
    all_tiles,
    bundle_path,
    encode_bundle,
    tile_path,
    width,
)
from backend.ledger.tree import consistency_proof, inclusion_proof

MAX_OLDER: Final = 200
"""At most so many earlier checkpoints go into the export of a whole log, evenly chosen."""

_BATCH: Final = 500
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What went into the file."""

    size: int
    records: int
    erased: int
    sleeves: int


def export(
    conn: Connection,
    destination: Path,
    *,
    log: Log,
    scope: Scope,
    records: Iterable[DisclosedRecord],
    sleeves: Iterable[SleeveKey],
    log_keys: Sequence[VerifierKey],
    since: Sequence[int] = (),
) -> ExportSummary:
    """Write ``destination``, whole or not at all.

    ``records`` come by rising index; those beyond the newest checkpoint are left out, for nothing
    proves them yet. ``since`` names sizes of earlier checkpoints with which the receiver wants to
    compare (a whole log can be compared with any).

    Raises:
        LogError: when no checkpoint was signed yet, or a record has no leaf.
    """
    newest = log.latest_checkpoint(conn)
    if newest is None:
        raise LogError("sign a checkpoint first: an export is what a checkpoint proves")
    size = Checkpoint.parse(Note.parse(newest).body).size
    partial = destination.with_name(f".{destination.name}.part")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            writer = _Writer(conn, archive, log, size, scope.kind == "everything")
            summary = writer.write(newest, scope, records, sleeves, log_keys, since)
        os.replace(partial, destination)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
    return summary


class _Writer:
    def __init__(
        self, conn: Connection, archive: zipfile.ZipFile, log: Log, size: int, whole: bool
    ) -> None:
        self._conn = conn
        self._zip = archive
        self._log = log
        self._size = size
        self._whole = whole

    def write(
        self,
        newest: str,
        scope: Scope,
        records: Iterable[DisclosedRecord],
        sleeves: Iterable[SleeveKey],
        log_keys: Sequence[VerifierKey],
        since: Sequence[int],
    ) -> ExportSummary:
        self._add(disclosure.README, README_TEXT.encode())
        manifest = {
            "format": disclosure.FORMAT,
            "origin": self._log.origin,
            "size": self._size,
            "scope": {"kind": scope.kind, "values": list(scope.values)},
        }
        self._add(disclosure.MANIFEST, json.dumps(manifest, ensure_ascii=False).encode() + b"\n")
        self._add(disclosure.CHECKPOINT, newest.encode())
        keys = "".join(f"{key.text}\n" for key in log_keys)
        self._add(disclosure.LOG_KEYS, keys.encode())
        lines = sorted({sleeve_line(key) for key in sleeves})
        self._add(disclosure.SLEEVES, b"".join(lines))
        indexes, erased = self._records(records)
        older = self._older(indexes)
        for at, text in older.items():
            self._add(f"{disclosure.OLDER}{at}", text.encode())
        if self._whole:
            self._entries()
            self._tiles(set(all_tiles(self._size)))
        else:
            self._tiles(self._needed(indexes, [*older, *since]))
        return ExportSummary(self._size, len(indexes), erased, len(lines))

    def _records(self, records: Iterable[DisclosedRecord]) -> tuple[list[int], int]:
        indexes: list[int] = []
        erased = 0
        source = takewhile(lambda record: record.index < self._size, records)
        with self._zip.open(_member(disclosure.RECORDS), "w", force_zip64=True) as member:
            while batch := list(islice(source, _BATCH)):
                entries = entries_at(self._conn, [record.index for record in batch])
                for record in batch:
                    if record.index not in entries:
                        raise LogError(f"record {record.index} has no leaf in the log")
                    line = RecordLine(record.index, entries[record.index], record.salt, record.body)
                    member.write(line.line())
                    indexes.append(record.index)
                    erased += line.erased
        return indexes, erased

    def _older(self, indexes: Sequence[int]) -> dict[int, str]:
        """Earlier cosigned checkpoints: they bound from outside when an entry was written."""
        table = ledger_checkpoint
        cosigned = (
            select(table.c.size)
            .where(table.c.cosignatures > 0, table.c.size < self._size)
            .order_by(table.c.size)
        )
        sizes = list(self._conn.execute(cosigned).scalars())
        if self._whole:
            step = -(-len(sizes) // MAX_OLDER) or 1
            chosen = {*sizes[::step], *sizes[-1:]}
        else:
            first, last = (indexes[0], indexes[-1]) if indexes else (self._size, self._size)
            below = [size for size in sizes if size <= first]
            above = [size for size in sizes if size > last]
            chosen = {*below[-1:], *above[:1], *sizes[-1:]}
        rows = [
            self._conn.execute(select(table.c.size, table.c.note).where(table.c.size == size)).one()
            for size in sorted(chosen)
        ]
        return {row.size: row.note for row in rows}

    def _entries(self) -> None:
        for number in range((self._size + TILE_WIDTH - 1) // TILE_WIDTH):
            wide = width(self._size, 0, number)
            first = number * TILE_WIDTH
            entries = read_entries(self._conn, first, first + wide)
            self._add(bundle_path(number, wide), encode_bundle(entries))

    def _needed(self, indexes: Sequence[int], sizes: Sequence[int]) -> set[tuple[int, int, int]]:
        """The tiles that the receiver's proofs will read: found by making the same proofs."""
        needed: set[tuple[int, int, int]] = set()

        def read(level: int, number: int, wide: int) -> bytes:
            needed.add((level, number, wide))
            return read_tile(self._conn, level, number, wide)

        nodes = TileNodes(self._size, read)
        for index in indexes:
            inclusion_proof(nodes, index, self._size)
        for old in sizes:
            if old <= self._size:
                consistency_proof(nodes, old, self._size)
        return needed

    def _tiles(self, tiles: set[tuple[int, int, int]]) -> None:
        for level, number, wide in sorted(tiles):
            self._add(tile_path(level, number, wide), read_tile(self._conn, level, number, wide))

    def _add(self, name: str, data: bytes) -> None:
        self._zip.writestr(_member(name), data)


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info
