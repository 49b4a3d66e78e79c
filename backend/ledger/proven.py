"""The tree that an export proves, whole or in part, held against its checkpoint."""

from __future__ import annotations

from typing import Protocol

from backend.ledger.checkpoint import Checkpoint
from backend.ledger.disclosure import ExportError, ExportFile
from backend.ledger.findings import Findings
from backend.ledger.tiles import TILE_WIDTH, TileNodes, all_tiles, pyramid
from backend.ledger.tree import (
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_at,
    verify_consistency,
    verify_inclusion,
)


class ProvenTree(Protocol):
    """What can be asked of an export's tree. ``checkpoint`` is what it is held against."""

    checkpoint: Checkpoint

    def includes(self, index: int, entry: bytes) -> bool:
        """Whether this entry is proven to stand at ``index``."""
        ...

    def extends(self, older: Checkpoint) -> bool | None:
        """Whether the log begins with ``older``; ``None`` when the export can not tell."""
        ...

    def entries(self) -> list[bytes] | None:
        """All entries in order, when the export holds them."""
        ...


class WholeTree:
    """Every entry is in the export: everything is computed again."""

    def __init__(self, checkpoint: Checkpoint, export: ExportFile, findings: Findings) -> None:
        self.checkpoint = checkpoint
        self._entries = list(export.entries(checkpoint.size))
        self._levels = _levels([leaf_hash(entry) for entry in self._entries])
        self._nodes = TileNodes(checkpoint.size, self._tile)
        self._sound = root_at(self._nodes, checkpoint.size) == checkpoint.root
        if not self._sound:
            findings.add("root_wrong")
        for level, number, wide in all_tiles(checkpoint.size):
            if export.tile(level, number, wide) != self._tile(level, number, wide):
                findings.add("tile_wrong", tile=f"{level}/{number}")

    def includes(self, index: int, entry: bytes) -> bool:
        """Whether this entry stands at ``index`` of a sound log."""
        return self._sound and index < len(self._entries) and self._entries[index] == entry

    def extends(self, older: Checkpoint) -> bool | None:
        """Whether the first ``older.size`` entries have its root."""
        if older.size > len(self._entries):
            return False
        nodes = TileNodes(older.size, self._tile)
        return self._sound and root_at(nodes, older.size) == older.root

    def entries(self) -> list[bytes] | None:
        """All entries in order."""
        return self._entries

    def _tile(self, level: int, number: int, wide: int) -> bytes:
        first = number * TILE_WIDTH
        return b"".join(self._levels[level][first : first + wide])


class PartTree:
    """Only the tiles are there that the disclosed records need."""

    def __init__(self, checkpoint: Checkpoint, export: ExportFile) -> None:
        self.checkpoint = checkpoint
        self._nodes = TileNodes(checkpoint.size, export.tile)

    def includes(self, index: int, entry: bytes) -> bool:
        """Whether the tiles prove this entry at ``index``."""
        size, root = self.checkpoint.size, self.checkpoint.root
        try:
            proof = inclusion_proof(self._nodes, index, size)
            verify_inclusion(leaf_hash(entry), index, size, proof, root)
        except ValueError:
            return False
        return True

    def extends(self, older: Checkpoint) -> bool | None:
        """Whether the tiles prove that the log begins with ``older``."""
        old, new = older.size, self.checkpoint.size
        if old > new:
            return False
        try:
            proof = consistency_proof(self._nodes, old, new)
            verify_consistency(old, new, older.root, self.checkpoint.root, proof)
        except ExportError:
            return None
        except ProofError:
            return False
        return True

    def entries(self) -> list[bytes] | None:
        """Never known: the export is a selection."""
        return None


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    """The hashes of each tile level."""
    levels = [leaves]
    while len(levels[-1]) >= TILE_WIDTH:
        row = levels[-1]
        full = len(row) - len(row) % TILE_WIDTH
        levels.append(
            [pyramid(row[at : at + TILE_WIDTH])[-1][0] for at in range(0, full, TILE_WIDTH)]
        )
    return levels
