"""The append-only log in the database: append, proofs, signed checkpoints.

Writers stand in line at the head row (``SELECT … FOR UPDATE`` on PostgreSQL; SQLite has one writer
anyway), so indexes have no gap and no fork. Everything happens in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from backend.ledger.checkpoint import Checkpoint, CheckpointError
from backend.ledger.fsck import LogCheck, check_log
from backend.ledger.note import Note, NoteError, Signer, VerifierKey, sign
from backend.ledger.proof import LogProof
from backend.ledger.storage import (
    read_entries,
    stored_nodes,
    write_entries,
    write_tiles,
)
from backend.ledger.tables import ledger_checkpoint, ledger_head
from backend.ledger.tiles import MAX_ENTRY_BYTES
from backend.ledger.tree import (
    EMPTY_ROOT,
    Frontier,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_at,
    verify_consistency,
)
from backend.store.dialect import insert_or_ignore

_HEAD = select(ledger_head)
_LOCKED_HEAD = _HEAD.with_for_update()
_MOVE_HEAD = update(ledger_head).values(
    size=bindparam("size"), root=bindparam("root"), frontier=bindparam("frontier")
)


class LogError(RuntimeError):
    """The stored log is not what it must be: another origin, or a history that does not fit."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest state of the log."""

    size: int
    root: bytes


class Log:
    """The log with this ``origin``, a schema-less address such as ``example.gov.cn/zhiyin``."""

    def __init__(self, origin: str) -> None:
        self.origin = Checkpoint(origin, 0, EMPTY_ROOT).origin

    def create(self, conn: Connection) -> None:
        """Make the empty log if there is none. :meth:`append` does it by itself."""
        conn.execute(
            insert_or_ignore(conn, ledger_head),
            {"id": 1, "origin": self.origin, "size": 0, "root": EMPTY_ROOT, "frontier": b""},
        )

    def lock(self, conn: Connection) -> int:
        """Take the writers' place until the transaction ends; returns the size of the log.

        Who stamps entries with a time takes the place first and reads the clock then: so the
        times follow the order of the log.

        Raises:
            LogError: when the database holds a log of another origin.
        """
        return self._locked(conn)[0]

    def append(self, conn: Connection, entries: Sequence[bytes]) -> int:
        """Add entries; returns the index of the first.

        Raises:
            LogError: when the database holds a log of another origin.
            ValueError: when an entry is longer than 65,535 bytes.
        """
        size, frontier = self._locked(conn)
        if not entries:
            return size
        if max(map(len, entries)) > MAX_ENTRY_BYTES:
            raise ValueError(f"an entry has at most {MAX_ENTRY_BYTES} bytes")
        leaves = [leaf_hash(entry) for entry in entries]
        for leaf in leaves:
            frontier.append(leaf)
        write_entries(conn, size, entries)
        write_tiles(conn, size, leaves)
        conn.execute(
            _MOVE_HEAD,
            {"size": frontier.size, "root": frontier.root(), "frontier": frontier.to_bytes()},
        )
        return size

    def head(self, conn: Connection) -> Head:
        """Size and root, without a lock.

        Raises:
            LogError: when the database holds a log of another origin.
        """
        row = conn.execute(_HEAD).one_or_none()
        if row is None:
            return Head(0, EMPTY_ROOT)
        self._expect_origin(row.origin)
        return Head(row.size, row.root)

    def size(self, conn: Connection) -> int:
        """Number of leaves."""
        return self.head(conn).size

    def root(self, conn: Connection, size: int | None = None) -> bytes:
        """Root of the first ``size`` leaves, of all when not named.

        Raises:
            ValueError: when the log is shorter.
        """
        head = self.head(conn)
        if size is None or size == head.size:
            return head.root
        return root_at(stored_nodes(conn, self._within(size, head)), size)

    def entry(self, conn: Connection, index: int) -> bytes:
        """The bytes of one leaf.

        Raises:
            IndexError: when there is no such leaf.
        """
        found = read_entries(conn, index, index + 1)
        if not found:
            raise IndexError(f"the log has no leaf {index}")
        return found[0]

    def inclusion_proof(self, conn: Connection, index: int, size: int | None = None) -> list[bytes]:
        """Proof that leaf ``index`` is in the tree of ``size`` leaves (the newest by default).

        Raises:
            ValueError: when it is not, or the log is shorter.
        """
        head = self.head(conn)
        size = head.size if size is None else self._within(size, head)
        return inclusion_proof(stored_nodes(conn, size), index, size)

    def consistency_proof(self, conn: Connection, old: int, new: int | None = None) -> list[bytes]:
        """Proof that the tree of ``new`` leaves begins with that of ``old``; ``new``: see above.

        Raises:
            ValueError: when ``old > new``, or the log is shorter.
        """
        head = self.head(conn)
        new = head.size if new is None else self._within(new, head)
        return consistency_proof(stored_nodes(conn, new), old, new)

    def proof(self, conn: Connection, index: int) -> LogProof:
        """Proof of one leaf under the newest checkpoint, to be handed out as a small text file.

        Raises:
            LogError: when no checkpoint covers the leaf yet.
        """
        newest = self.latest_checkpoint(conn)
        size = 0 if newest is None else Checkpoint.parse(Note.parse(newest).body).size
        if newest is None or not 0 <= index < size:
            raise LogError(f"no checkpoint covers leaf {index} yet")
        return LogProof(index, tuple(self.inclusion_proof(conn, index, size)), newest)

    def sign_checkpoint(self, conn: Connection, signer: Signer, now: int) -> str:
        """The signed checkpoint of the newest state; made and stored once for each size.

        Call it in a transaction of its own, after the appends were committed: a signed root that
        is rolled back would be a fork. ``now`` is in ms.

        Raises:
            LogError: when the stored log does not extend its last checkpoint. Nothing is signed
                then; a witness would refuse it, too.
        """
        # In this order: on PostgreSQL another server may append and sign between the two reads.
        last = self.latest_checkpoint(conn)
        head = self.head(conn)
        checkpoint = Checkpoint(self.origin, head.size, head.root)
        if last is not None:
            before = Checkpoint.parse(Note.parse(last).body)
            if before == checkpoint:
                return last
            self._refuse_fork(conn, before, head)
        elif root_at(stored_nodes(conn, head.size), head.size) != head.root:
            raise LogError("the root of the log does not follow from its entries")
        note = sign(checkpoint.body, signer)
        conn.execute(
            insert_or_ignore(conn, ledger_checkpoint),
            {"size": head.size, "note": note.text, "at": now, "cosignatures": 0},
        )
        # Whoever was first with this size made the one checkpoint; everybody gets that.
        stored: str = conn.execute(
            select(ledger_checkpoint.c.note).where(ledger_checkpoint.c.size == head.size)
        ).scalar_one()
        return stored

    def latest_checkpoint(self, conn: Connection) -> str | None:
        """The stored checkpoint of the largest size, with the cosignatures it has by now."""
        return conn.execute(
            select(ledger_checkpoint.c.note).order_by(ledger_checkpoint.c.size.desc()).limit(1)
        ).scalar()

    def add_cosignatures(
        self, conn: Connection, note: str, witnesses: Iterable[VerifierKey]
    ) -> str:
        """Keep the signatures of ``witnesses`` on ``note``; returns the checkpoint with them.

        Raises:
            CheckpointError: when it is no stored checkpoint of this log, or a signature of a
                witness does not verify.
        """
        try:
            given = Note.parse(note)
            size = Checkpoint.parse(given.body).size
            seen = {
                (one.key.name, one.key.key_id)
                for one in given.verify(witnesses)
                if one.at is not None
            }
            kept = conn.execute(
                select(ledger_checkpoint.c.note, ledger_checkpoint.c.cosignatures)
                .where(ledger_checkpoint.c.size == size)
                .with_for_update()
            ).one_or_none()
            if kept is None:
                raise CheckpointError(f"this log has no checkpoint of size {size}")
            before = Note.parse(kept.note)
            signed = tuple(one for one in given.signatures if (one.name, one.key_id) in seen)
            merged = before.merged(Note(given.body, signed))
        except NoteError as error:
            raise CheckpointError(str(error)) from error
        added = len(merged.signatures) - len(before.signatures)
        conn.execute(
            update(ledger_checkpoint)
            .where(ledger_checkpoint.c.size == size)
            .values(note=merged.text, cosignatures=kept.cosignatures + added)
        )
        return merged.text

    def check(self, conn: Connection) -> LogCheck:
        """Compute everything again from the entries; see :func:`backend.ledger.fsck.check_log`."""
        return check_log(conn)

    def _locked(self, conn: Connection) -> tuple[int, Frontier]:
        row = conn.execute(_LOCKED_HEAD).one_or_none()
        if row is None:
            self.create(conn)
            row = conn.execute(_LOCKED_HEAD).one()
        self._expect_origin(row.origin)
        return row.size, Frontier.from_bytes(row.size, row.frontier)

    def _expect_origin(self, stored: str) -> None:
        if stored != self.origin:
            raise LogError(f"the database holds the log {stored!r}, not {self.origin!r}")

    def _refuse_fork(self, conn: Connection, before: Checkpoint, head: Head) -> None:
        try:
            if before.origin != self.origin:
                raise ProofError(f"the last checkpoint is of {before.origin!r}")
            verify_consistency(
                before.size,
                head.size,
                before.root,
                head.root,
                consistency_proof(stored_nodes(conn, head.size), before.size, head.size),
            )
        except ValueError as error:
            raise LogError(f"the log does not extend its last checkpoint: {error}") from error

    @staticmethod
    def _within(size: int, head: Head) -> int:
        if not 0 <= size <= head.size:
            raise ValueError(f"the log has {head.size} leaves, not {size}")
        return size
