"""Tiles and entry bundles of c2sp.org/tlog-tiles: 256 hashes of one level in one piece.

Tile ``number`` of tile level ``level`` holds the roots over ``256^level`` leaves each. Everything
between two tile levels is computed again from the tile below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from backend.ledger.tree import HASH_BYTES, node_hash, split_hashes

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
FULL_TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
MAX_ENTRY_BYTES: Final = 0xFFFF
"""A bundle gives the length of an entry in two bytes."""

TileReader = Callable[[int, int, int], bytes]
"""``(level, number, width)`` → the first ``width`` hashes of that tile, concatenated."""


def width(size: int, level: int, number: int) -> int:
    """How many hashes of a tile exist in a tree of ``size`` leaves, 0 to 256."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - number * TILE_WIDTH))


def all_tiles(size: int) -> Iterator[tuple[int, int, int]]:
    """``(level, number, width)`` of every tile of a tree of ``size`` leaves."""
    level = 0
    while hashes := size >> (TILE_HEIGHT * level):
        for number in range((hashes + TILE_WIDTH - 1) // TILE_WIDTH):
            yield level, number, width(size, level, number)
        level += 1


def tile_path(level: int, number: int, wide: int) -> str:
    """Where a tile lies in the static layout, such as ``tile/0/x001/234.p/17``."""
    return _path(str(level), number, wide)


def bundle_path(number: int, wide: int) -> str:
    """Where an entry bundle lies in the static layout."""
    return _path("entries", number, wide)


def _path(kind: str, number: int, wide: int) -> str:
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03}")
    partial = f".p/{wide}" if wide < TILE_WIDTH else ""
    return f"tile/{kind}/{'/'.join(parts)}{partial}"


def encode_bundle(entries: list[bytes]) -> bytes:
    """Entries with two-byte big-endian lengths before them.

    Raises:
        ValueError: when an entry is longer than :data:`MAX_ENTRY_BYTES`.
    """
    pieces = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise ValueError(f"an entry of {len(entry)} bytes is too long for the log")
        pieces += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(pieces)


def decode_bundle(data: bytes) -> list[bytes]:
    """Read :func:`encode_bundle`.

    Raises:
        ValueError: when the bytes end too early.
    """
    entries = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            raise ValueError("an entry bundle is cut short")
        entries.append(data[at + 2 : end])
        at = end
    return entries


def pyramid(hashes: list[bytes]) -> list[list[bytes]]:
    """All perfect subtrees over ``hashes``; row ``k`` holds the roots over ``2^k`` of them each."""
    rows = [hashes]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append([node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)])
    return rows


class TileNodes:
    """A :data:`~backend.ledger.tree.NodeReader` over the tiles of a tree of ``size`` leaves.

    It keeps at most ``keep`` tiles and forgets the oldest first.
    """

    def __init__(self, size: int, read: TileReader, keep: int = 64) -> None:
        self._size = size
        self._read = read
        self._keep = keep
        self._tiles: dict[tuple[int, int], list[list[bytes]]] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """Hash of one perfect subtree.

        Raises:
            ValueError: when the tile is shorter than the tree needs.
        """
        tile_level, step = divmod(level, TILE_HEIGHT)
        number, at = divmod(index << step, TILE_WIDTH)
        rows = self._tiles.get((tile_level, number))
        if rows is None:
            rows = self._load(tile_level, number)
        return rows[step][at >> step]

    def _load(self, level: int, number: int) -> list[list[bytes]]:
        wide = width(self._size, level, number)
        hashes = split_hashes(self._read(level, number, wide))
        if len(hashes) != wide:
            raise ValueError(f"tile {level}/{number} has {len(hashes)} hashes instead of {wide}")
        if len(self._tiles) >= self._keep:
            del self._tiles[next(iter(self._tiles))]
        rows = self._tiles[level, number] = pyramid(hashes)
        return rows
