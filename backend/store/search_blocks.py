"""The blocks of the index: for a term and a chapter of 65,536 uses, which of them have it.

A block is a sorted list of 16-bit places while that is smaller, else a bitmap of 8 KiB: about two
bytes for each term of a use. What a question costs is bounded by the number of chapters (153 for
ten million uses) whatever it asks, on every database alike (docs/decisions/0090).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Select, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from backend.domain.search import EVERY, Clause
from backend.store.bulk import CHUNK
from backend.store.tables import search_block

CHAPTER: Final = 1 << 16
"""Uses in a chapter."""

_BITMAP_BYTES: Final = CHAPTER // 8
_LISTED: Final = _BITMAP_BYTES // 2
Flags = npt.NDArray[np.bool_]


def encode(places: Sequence[int] | npt.NDArray[Any]) -> bytes:
    """A block of ``places``: ascending, each once."""
    if len(places) < _LISTED:
        return np.asarray(places, "<u2").tobytes()
    flags = np.zeros(CHAPTER, np.bool_)
    flags[np.asarray(places)] = True
    return np.packbits(flags).tobytes()


def decode(block: bytes) -> Flags:
    """For each place of the chapter, whether it is in the block."""
    if len(block) == _BITMAP_BYTES:
        return np.unpackbits(np.frombuffer(block, np.uint8)).view(np.bool_)
    flags = np.zeros(CHAPTER, np.bool_)
    if block:
        flags[np.frombuffer(block, "<u2")] = True
    return flags


# ── asking ───────────────────────────────────────────────────────────────────────────────────────

# Terms that few uses have are fetched first, so that of the others only what can matter is read.
_COMMON: Final = frozenset("oi*")
_WINDOWS: Final = (2, 8, 32)


def find(
    conn: Connection, asked: Sequence[Clause], first: int, last: int, *, newest_first: bool
) -> Iterator[int]:
    """Places in the log from ``first`` to ``last`` whose uses meet every clause, by the blocks
    alone, in order. Read as far as the caller goes on."""
    if last < first:
        return
    asked = list(asked)
    if not any(one.wanted for one in asked):
        asked.append(Clause(frozenset({EVERY})))
    rare = [one for one in asked if one.wanted and not _is_common(one)]
    common = [one for one in asked if one not in rare]
    for chapters in _windows(first // CHAPTER, last // CHAPTER, newest_first):
        for chapter, flags in _chapters(conn, rare, common, chapters, newest_first):
            base = chapter * CHAPTER
            places = np.flatnonzero(flags)
            places = places[(places >= first - base) & (places <= last - base)]
            for place in places[::-1] if newest_first else places:
                yield base + int(place)


def _is_common(one: Clause) -> bool:
    return all(name[0] in _COMMON for name in one.terms)


def _windows(low: int, high: int, newest_first: bool) -> Iterator[tuple[int, int]]:
    sizes = iter(_WINDOWS)
    while low <= high:
        size = next(sizes, high - low + 1)
        if newest_first:
            yield max(low, high - size + 1), high
            high -= size
        else:
            yield low, min(high, low + size - 1)
            low += size


def _chapters(
    conn: Connection,
    rare: Sequence[Clause],
    common: Sequence[Clause],
    chapters: tuple[int, int],
    newest_first: bool,
) -> list[tuple[int, Flags]]:
    """What is left of each chapter of the window, without those in which nothing is."""
    left: dict[int, Flags] | None = None
    for group in (rare, common):
        if group:
            left = _narrow(conn, group, chapters, left)
            if not left:
                return []
    return sorted((left or {}).items(), key=lambda item: item[0], reverse=newest_first)


def _narrow(
    conn: Connection,
    group: Sequence[Clause],
    chapters: tuple[int, int],
    left: Mapping[int, Flags] | None,
) -> dict[int, Flags]:
    terms = sorted({name for one in group for name in one.terms})
    blocks: dict[int, dict[str, bytes]] = {}
    span = chapters if left is None else (min(left), max(left))
    for start in range(0, len(terms), CHUNK):
        for row in conn.execute(
            _READ, {"terms": terms[start : start + CHUNK], "low": span[0], "high": span[1]}
        ):
            blocks.setdefault(row.chapter, {})[row.term] = row.docs
    found: dict[int, Flags] = {}
    for chapter in blocks if left is None else left:
        flags = None if left is None else left[chapter]
        flags = _meet(group, blocks.get(chapter, {}), flags)
        if flags is not None and flags.any():
            found[chapter] = flags
    return found


_READ: Final[Select[Any]] = select(search_block).where(
    search_block.c.term.in_(bindparam("terms", expanding=True)),
    search_block.c.chapter.between(bindparam("low"), bindparam("high")),
)


def _meet(
    group: Sequence[Clause], blocks: Mapping[str, bytes], flags: Flags | None
) -> Flags | None:
    if any(one.wanted and blocks.keys().isdisjoint(one.terms) for one in group):
        return None
    for one in sorted(group, key=lambda one: not one.wanted):
        either: Flags | None = None
        for name in one.terms & blocks.keys():
            block = decode(blocks[name])
            either = block if either is None else either | block
        if either is None:
            continue
        if not one.wanted:
            either = ~either
        flags = either if flags is None else flags & either
    return flags


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


def merge(
    conn: Connection,
    chapter: int,
    added: Mapping[str, Sequence[int]],
    cleared: Mapping[str, Sequence[int]],
) -> None:
    """Put places of a chapter into the blocks of their terms; take ``cleared`` ones out before."""
    terms = sorted(added.keys() | cleared.keys())
    rows = []
    for start in range(0, len(terms), CHUNK):
        some = terms[start : start + CHUNK]
        there = {
            row.term: row.docs
            for row in conn.execute(_READ, {"terms": some, "low": chapter, "high": chapter})
        }
        for name in some:
            before = there.get(name, b"")
            block = _changed(before, added.get(name, ()), cleared.get(name, ()))
            if block != before:
                rows.append({"term": name, "chapter": chapter, "docs": block})
    write(conn, rows)


def _changed(block: bytes, added: Sequence[int], cleared: Sequence[int]) -> bytes:
    if len(block) < _BITMAP_BYTES:
        few = set(np.frombuffer(block, "<u2").tolist()) if block else set()
        return encode(sorted(few.difference(cleared).union(added)))
    flags = decode(block)
    flags[list(cleared)] = False
    flags[list(added)] = True
    return encode(np.flatnonzero(flags))


def write(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store blocks, each instead of the one that is there."""
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(search_block)
    statement = insert.on_conflict_do_update(
        index_elements=[search_block.c.term, search_block.c.chapter],
        set_={"docs": insert.excluded.docs},
    )
    for start in range(0, len(rows), CHUNK):
        conn.execute(statement, list(rows[start : start + CHUNK]))
