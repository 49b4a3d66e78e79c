"""Entries and tiles in the database: what the tree reads and the log writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, insert, select, text

from backend.ledger.tables import ledger_entry, ledger_tile
from backend.ledger.tiles import FULL_TILE_BYTES, TILE_WIDTH, TileNodes, pyramid
from backend.ledger.tree import HASH_BYTES, leaf_hash
from backend.store.bulk import run_many

_CHUNK = 10_000
_MAX_IN = 500  # below SQLite's limit on bound parameters

_INSERT_ENTRY = insert(ledger_entry)
# One statement instead of one message a row takes half the time.
_UNNEST = text(
    "INSERT INTO ledger_entry (seq, entry)"
    " SELECT :first + place - 1, entry"
    " FROM unnest(CAST(:entries AS bytea[])) WITH ORDINALITY AS given (entry, place)"
)


def read_entries(conn: Connection, begin: int, end: int) -> list[bytes]:
    """Entries ``[begin, end)`` as far as they are there."""
    rows = conn.execute(
        select(ledger_entry.c.entry)
        .where(ledger_entry.c.seq >= begin, ledger_entry.c.seq < end)
        .order_by(ledger_entry.c.seq)
    )
    return list(rows.scalars())


def entries_at(conn: Connection, indexes: Sequence[int]) -> dict[int, bytes]:
    """The entries with these indexes, as far as they are there."""
    found: dict[int, bytes] = {}
    for start in range(0, len(indexes), _MAX_IN):
        rows = conn.execute(
            select(ledger_entry.c.seq, ledger_entry.c.entry).where(
                ledger_entry.c.seq.in_(indexes[start : start + _MAX_IN])
            )
        )
        found |= {row.seq: row.entry for row in rows}
    return found


def iterate_entries(conn: Connection, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    """``(index, entry)`` in order, read in pieces so that a long log fits into memory."""
    while begin < end:
        rows = conn.execute(
            select(ledger_entry.c.seq, ledger_entry.c.entry)
            .where(ledger_entry.c.seq >= begin, ledger_entry.c.seq < end)
            .order_by(ledger_entry.c.seq)
            .limit(_CHUNK)
        ).all()
        if not rows:
            return
        yield from ((row.seq, row.entry) for row in rows)
        begin = rows[-1].seq + 1


def read_tile(conn: Connection, level: int, number: int, wide: int) -> bytes:
    """The first ``wide`` hashes of a tile; fewer when the database holds fewer."""
    if wide == 0:
        return b""
    stored = conn.execute(
        select(ledger_tile.c.hashes).where(
            ledger_tile.c.level == level, ledger_tile.c.number == number
        )
    ).scalar()
    if stored is not None:
        return bytes(stored[: wide * HASH_BYTES])
    first = number * TILE_WIDTH
    if level == 0:
        return b"".join(map(leaf_hash, read_entries(conn, first, first + wide)))
    return b"".join(_roots(conn, level - 1, first, first + wide))


def stored_nodes(conn: Connection, size: int) -> TileNodes:
    """The tree of the first ``size`` leaves, read from the database as needed."""
    return TileNodes(size, lambda level, number, wide: read_tile(conn, level, number, wide))


def write_entries(conn: Connection, first: int, entries: Sequence[bytes]) -> None:
    """Insert entries from index ``first`` on."""
    if conn.dialect.name == "postgresql":
        conn.execute(_UNNEST, {"first": first, "entries": list(entries)})
        return
    rows = [{"seq": seq, "entry": entry} for seq, entry in enumerate(entries, first)]
    run_many(conn, _INSERT_ENTRY, rows)


def write_tiles(conn: Connection, old_size: int, leaves: Sequence[bytes]) -> None:
    """Insert the tiles that become full when ``leaves`` (hashes) follow the first ``old_size``.

    Entries must be written before.
    """
    new_size = old_size + len(leaves)
    for number in range(old_size // TILE_WIDTH, new_size // TILE_WIDTH):
        begin = number * TILE_WIDTH
        earlier = [leaf_hash(entry) for entry in read_entries(conn, begin, old_size)]
        at = max(begin - old_size, 0)
        later = leaves[at : begin + TILE_WIDTH - old_size]
        _write_tile(conn, 0, number, [*earlier, *later])


def _write_tile(conn: Connection, level: int, number: int, hashes: list[bytes]) -> None:
    packed = b"".join(hashes)
    if len(packed) != FULL_TILE_BYTES:
        raise ValueError(f"tile {level}/{number} can not be filled: rows below it are missing")
    root = pyramid(hashes)[-1][0]
    conn.execute(
        insert(ledger_tile), {"level": level, "number": number, "hashes": packed, "root": root}
    )
    above, place = divmod(number + 1, TILE_WIDTH)
    if place == 0:
        first = number + 1 - TILE_WIDTH
        _write_tile(conn, level + 1, above - 1, _roots(conn, level, first, number + 1))


def _roots(conn: Connection, level: int, begin: int, end: int) -> list[bytes]:
    rows = conn.execute(
        select(ledger_tile.c.root)
        .where(
            ledger_tile.c.level == level,
            ledger_tile.c.number >= begin,
            ledger_tile.c.number < end,
        )
        .order_by(ledger_tile.c.number)
    )
    return list(rows.scalars())


def stored_tile(conn: Connection, level: int, number: int) -> tuple[bytes, bytes] | None:
    """Hashes and root of a full tile as they are stored, for a check of the log."""
    row = conn.execute(
        select(ledger_tile.c.hashes, ledger_tile.c.root).where(
            ledger_tile.c.level == level, ledger_tile.c.number == number
        )
    ).one_or_none()
    return None if row is None else (bytes(row.hashes), bytes(row.root))
