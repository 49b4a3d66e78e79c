"""The log's own check: everything is computed again from the entries.

It finds damage and clumsy hands. Somebody with the database *and* the log key can make a log that
passes; only witnesses and kept checkpoints find that (:mod:`backend.ledger.verify`).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from backend.ledger.checkpoint import Checkpoint
from backend.ledger.entries import EntryError, decode_entry
from backend.ledger.findings import Finding, Findings
from backend.ledger.note import Note
from backend.ledger.storage import iterate_entries, stored_tile
from backend.ledger.tables import ledger_checkpoint, ledger_entry, ledger_head, ledger_tile
from backend.ledger.tiles import TILE_WIDTH, all_tiles, pyramid
from backend.ledger.tree import Frontier, leaf_hash


@dataclass(frozen=True, slots=True)
class LogCheck:
    """What was found; ``size`` and ``root`` are those that the entries give."""

    size: int
    root: bytes
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not any(finding.level == "problem" for finding in self.findings)


def check_log(conn: Connection) -> LogCheck:
    """Compute leaves, tiles, checkpoints and head again and compare (about 10 µs an entry)."""
    found = Findings()
    checkpoints = _checkpoints(conn, found)
    levels: list[list[bytes]] = []
    frontier = Frontier()
    _compare_checkpoint(checkpoints, frontier, found)
    end = conn.execute(select(func.max(ledger_entry.c.seq))).scalar()
    for seq, entry in iterate_entries(conn, 0, 0 if end is None else end + 1):
        if seq != frontier.size:
            found.add("entry_missing", frontier.size)
            # Everything after a hole has another place in the tree: nothing more can be compared.
            return LogCheck(frontier.size, frontier.root(), found.all())
        try:
            decode_entry(entry)
        except EntryError as error:
            found.add("entry_malformed", seq, why=error)
        leaf = leaf_hash(entry)
        frontier.append(leaf)
        _compare_tiles(conn, levels, leaf, frontier.size, found)
        _compare_checkpoint(checkpoints, frontier, found)
    for size in checkpoints:
        found.add("checkpoint_inconsistent", size=size)
    _compare_head(conn, frontier, found)
    return LogCheck(frontier.size, frontier.root(), found.all())


def _checkpoints(conn: Connection, found: Findings) -> dict[int, Checkpoint]:
    checkpoints = {}
    for row in conn.execute(select(ledger_checkpoint.c.size, ledger_checkpoint.c.note)):
        try:
            checkpoints[row.size] = Checkpoint.parse(Note.parse(row.note).body)
        except ValueError:
            found.add("checkpoint_inconsistent", size=row.size)
    return checkpoints


def _compare_checkpoint(
    checkpoints: dict[int, Checkpoint], frontier: Frontier, found: Findings
) -> None:
    checkpoint = checkpoints.pop(frontier.size, None)
    if checkpoint and (checkpoint.size, checkpoint.root) != (frontier.size, frontier.root()):
        found.add("checkpoint_inconsistent", size=frontier.size)


def _compare_tiles(
    conn: Connection, levels: list[list[bytes]], leaf: bytes, size: int, found: Findings
) -> None:
    """Collect hashes by level; whenever a tile is full, compare it with the stored one."""
    level, carry = 0, leaf
    while True:
        if level == len(levels):
            levels.append([])
        levels[level].append(carry)
        if len(levels[level]) < TILE_WIDTH:
            return
        root = pyramid(levels[level])[-1][0]
        number = (size >> (8 * (level + 1))) - 1
        if stored_tile(conn, level, number) != (b"".join(levels[level]), root):
            found.add("tile_wrong", tile=f"{level}/{number}")
        levels[level] = []
        level, carry = level + 1, root


def _compare_head(conn: Connection, frontier: Frontier, found: Findings) -> None:
    head = conn.execute(select(ledger_head)).one_or_none()
    if head is None:
        if frontier.size:
            found.add("head_wrong", stored=0, found=frontier.size)
        return
    if head.size != frontier.size:
        found.add("head_wrong", stored=head.size, found=frontier.size)
    elif (head.root, head.frontier) != (frontier.root(), frontier.to_bytes()):
        found.add("root_wrong")
    full = sum(1 for _, _, wide in all_tiles(frontier.size) if wide == TILE_WIDTH)
    stored = conn.execute(select(func.count()).select_from(ledger_tile)).scalar_one()
    if stored > full:
        found.add("tile_wrong", tile=f"{stored - full} extra")
