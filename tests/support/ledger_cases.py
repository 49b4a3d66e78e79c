"""What must hold for the log on any database: run on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from backend.ledger.checkpoint import Checkpoint, CheckpointError, open_checkpoint
from backend.ledger.entries import encode_entry
from backend.ledger.log import Log, LogError
from backend.ledger.note import Note
from backend.ledger.proof import LogProof
from backend.ledger.tables import ledger_checkpoint, ledger_entry, ledger_head, ledger_tile
from backend.ledger.tree import (
    EMPTY_ROOT,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.support.ledger_world import ORIGIN, LedgerWorld


def some_entries(first: int, count: int) -> list[bytes]:
    """Leaves that are all different."""
    return [encode_entry("test", n, n.to_bytes(32, "big")) for n in range(first, first + count)]


def fill(world: LedgerWorld, *batches: int) -> list[bytes]:
    """Append batches, each in its own transaction; returns all entries."""
    written: list[bytes] = []
    for count in batches:
        batch = some_entries(len(written), count)
        with world.database.write() as conn:
            assert world.log.append(conn, batch) == len(written)
        written += batch
    return written


def check_appending(world: LedgerWorld, sizes: Sequence[int]) -> None:
    """Each state between batches has the root that its entries give, and proves itself."""
    log = world.log
    written: list[bytes] = []
    roots = {0: EMPTY_ROOT}
    for count in sizes:
        batch = some_entries(len(written), count)
        with world.database.write() as conn:
            assert log.append(conn, batch) == len(written)
        written += batch
        roots[len(written)] = root_of(map(leaf_hash, written))
    with world.database.read() as conn:
        assert (log.size(conn), log.root(conn)) == (len(written), roots[len(written)])
        for old, old_root in roots.items():
            assert log.root(conn, old) == old_root
            for new in (size for size in roots if size >= old):
                proof = log.consistency_proof(conn, old, new)
                verify_consistency(old, new, old_root, roots[new], proof)
        for index in {0, len(written) // 2, len(written) - 1} if written else ():
            assert log.entry(conn, index) == written[index]
            for size in (size for size in roots if size > index):
                proof = log.inclusion_proof(conn, index, size)
                verify_inclusion(leaf_hash(written[index]), index, size, proof, roots[size])
        checked = log.check(conn)
        assert (checked.ok, checked.size, checked.root) == (True, len(written), log.root(conn))


def check_rollback(world: LedgerWorld) -> None:
    """An append that is rolled back leaves nothing."""
    written = fill(world, 300)

    def fail() -> None:
        with world.database.write() as conn:
            assert world.log.append(conn, some_entries(300, 300)) == 300
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with world.database.write() as conn:
        assert world.log.lock(conn) == 300
        assert world.log.append(conn, some_entries(300, 1)) == 300
        assert world.log.append(conn, []) == 301
    with world.database.read() as conn:
        assert world.log.root(conn) == root_of(map(leaf_hash, [*written, *some_entries(300, 1)]))
        assert world.log.check(conn).ok


def check_refusals(world: LedgerWorld) -> None:
    """What is not there, or does not fit, is refused."""
    log = world.log
    with world.database.read() as conn:
        assert log.size(conn) == 0
        assert log.latest_checkpoint(conn) is None
        assert log.check(conn).ok
    fill(world, 3)
    with world.database.write() as conn:
        with pytest.raises(ValueError, match="at most 65535 bytes"):
            log.append(conn, [bytes(65_536)])
        with pytest.raises(LogError, match="holds the log"):
            Log("other.example/log").append(conn, [b""])
        with pytest.raises(LogError, match="holds the log"):
            Log("other.example/log").size(conn)
        for index in (-1, 3):
            with pytest.raises(IndexError):
                log.entry(conn, index)
            with pytest.raises(ValueError, match="no leaf"):
                log.inclusion_proof(conn, index)
        with pytest.raises(ValueError, match="has 3 leaves"):
            log.inclusion_proof(conn, 0, 4)
        with pytest.raises(ValueError, match="has 3 leaves"):
            log.root(conn, 4)
        with pytest.raises(ValueError, match="from 3 to 2"):
            log.consistency_proof(conn, 3, 2)
        assert log.size(conn) == 3


def check_checkpoints(world: LedgerWorld) -> None:
    """One checkpoint for each size, with the cosignatures that were added."""
    log, keys = world.log, [one.key for one in world.witnesses]
    with world.database.write() as conn:
        empty = log.sign_checkpoint(conn, world.signer, world.now)
    written = fill(world, 300)
    with world.database.write() as conn, pytest.raises(LogError, match="no checkpoint covers"):
        log.proof(conn, 7)
    first = world.checkpoint(witnesses=0)
    with world.database.write() as conn:
        proof = LogProof.parse(log.proof(conn, 7).text)
        assert proof.checkpoint == first
        assert proof.verify(written[7]).root == log.root(conn)
        for beyond in (-1, 300):
            with pytest.raises(LogError, match="no checkpoint covers"):
                log.proof(conn, beyond)
        assert log.sign_checkpoint(conn, world.signer, world.now + 1) == first
        assert log.latest_checkpoint(conn) == first
        signed = open_checkpoint(first, log_keys=[world.signer.key])
        assert signed.checkpoint == Checkpoint(ORIGIN, 300, log.root(conn))
    assert Checkpoint.parse(Note.parse(empty).body).size == 0

    seen = world.cosigned(first, 2)
    assert world.cosigned(first, 3) != seen
    assert world.cosigned(first, 3) == world.cosigned(first, 2)
    with world.database.write() as conn:
        text = log.latest_checkpoint(conn)
        assert text is not None
        opened = open_checkpoint(text, log_keys=[world.signer.key], witnesses=keys)
        assert [one.witness for one in opened.cosignatures] == keys
        assert conn.execute(select(ledger_checkpoint.c.cosignatures)).scalars().all() == [0, 3]
        for wrong in ("nonsense", text.replace("\n300\n", "\n299\n")):
            with pytest.raises(CheckpointError):
                log.add_cosignatures(conn, wrong, keys)
        stranger = log.add_cosignatures(conn, text, [])
        assert stranger == text


def check_damage(world: LedgerWorld) -> None:
    """The log's own check names each kind of damage, and nothing is signed over it."""
    fill(world, 300, 300)
    world.checkpoint(witnesses=0)
    fill_more = some_entries(600, 10)
    with world.database.write() as conn:
        world.log.append(conn, fill_more)

    def codes(conn: Connection) -> set[str]:
        return {one.code for one in world.log.check(conn).findings if one.level == "problem"}

    other = encode_entry("test", 7, bytes(31) + b"\x63")
    damage = {
        "changed entry": (
            update(ledger_entry).where(ledger_entry.c.seq == 7).values(entry=other),
            {"tile_wrong", "checkpoint_inconsistent", "root_wrong"},
        ),
        "nonsense entry": (
            update(ledger_entry).where(ledger_entry.c.seq == 605).values(entry=b"x"),
            {"entry_malformed", "root_wrong"},
        ),
        "deleted entry": (
            delete(ledger_entry).where(ledger_entry.c.seq == 7),
            {"entry_missing"},
        ),
        "cut off": (
            delete(ledger_entry).where(ledger_entry.c.seq >= 590),
            {"head_wrong", "checkpoint_inconsistent"},
        ),
        "added behind the head": (
            insert(ledger_entry).values(seq=610, entry=other),
            {"head_wrong"},
        ),
        "changed tile": (
            update(ledger_tile).where(ledger_tile.c.number == 1).values(hashes=bytes(8192)),
            {"tile_wrong"},
        ),
        "short tile": (
            update(ledger_tile).where(ledger_tile.c.number == 1).values(hashes=bytes(33)),
            {"tile_wrong"},
        ),
        "deleted tile": (
            delete(ledger_tile).where(ledger_tile.c.number == 0),
            {"tile_wrong"},
        ),
        "added tile": (
            insert(ledger_tile).values(level=3, number=0, hashes=bytes(32), root=bytes(32)),
            {"tile_wrong"},
        ),
        "changed head": (update(ledger_head).values(root=bytes(32)), {"root_wrong"}),
        "deleted head": (delete(ledger_head), {"head_wrong"}),
        "changed checkpoint": (
            update(ledger_checkpoint).values(note="nonsense"),
            {"checkpoint_inconsistent"},
        ),
    }
    for name, (statement, expected) in damage.items():
        with world.database.write() as conn:
            inner = conn.begin_nested()
            conn.execute(statement)
            assert codes(conn) == expected, name
            inner.rollback()
            assert codes(conn) == set(), name


def check_no_fork_is_signed(world: LedgerWorld) -> None:
    """A log that does not extend its last checkpoint gets no signature."""
    fill(world, 20)
    kept = world.checkpoint(witnesses=0)
    other = [encode_entry("test", 1, bytes([n]) * 32) for n in range(25)]
    with world.database.write() as conn:
        for table in (ledger_entry, ledger_tile, ledger_head):
            conn.execute(delete(table))
        world.log.append(conn, other[:10])
    for _ in range(2):
        with world.database.write() as conn:
            with pytest.raises(LogError, match="does not extend its last checkpoint"):
                world.log.sign_checkpoint(conn, world.signer, world.now)
            world.log.append(conn, other[10:])
    with world.database.write() as conn:
        assert world.log.latest_checkpoint(conn) == kept
        conn.execute(delete(ledger_checkpoint))
        conn.execute(update(ledger_head).values(root=bytes(32)))
        with pytest.raises(LogError, match="does not follow from its entries"):
            world.log.sign_checkpoint(conn, world.signer, world.now)
