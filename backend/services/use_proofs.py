"""The proof of one use: its records, their paths in the log and the signed checkpoint, in one file
that anybody checks off line with ``zhiyin verify``."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from backend.domain.actor import Actor, Role
from backend.domain.errors import conflict, missing
from backend.ledger.checkpoint import Checkpoint
from backend.ledger.disclosure import Scope
from backend.ledger.log import Log, LogError
from backend.ledger.note import Note
from backend.ledger.records import export_scope
from backend.ledger.tables import ledger_checkpoint
from backend.services.context import ServiceContext
from backend.services.recording import write_down
from backend.store.keyring import KeyRing
from backend.store.tables import record, seal_use

PROVERS: Final = (Role.SUPERVISOR, Role.ADMIN)
"""Who may take the proof of a use of their branch away: it discloses the records."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the log is signed. ``size`` records under the checkpoint of ``at`` (ms UTC), whose
    root is ``root`` (hex); ``newest`` is the use's last record, covered or not."""

    size: int
    at: int
    root: str
    cosignatures: int
    newest: int

    @property
    def covered(self) -> bool:
        """Whether every record of the use is under the checkpoint."""
        return self.newest < self.size


class UseProofService:
    """Tells how a use is proven, and hands out the proof."""

    def __init__(self, context: ServiceContext, log: Log, keys: KeyRing) -> None:
        self._context = context
        self._log = log
        self._keys = keys

    def standing(self, actor: Actor, use_id: str) -> Standing | None:
        """Under which checkpoint the use stands; ``None`` before the first.

        Raises:
            DomainError: ``not_found``, also outside the actor's branch.
        """
        self._path(actor, use_id)
        newest = select(func.max(record.c.seq)).where(record.c.use_id == use_id)
        signed = select(ledger_checkpoint).order_by(ledger_checkpoint.c.size.desc()).limit(1)
        with self._context.db.read() as conn:
            last = conn.execute(newest).scalar()
            row = conn.execute(signed).one_or_none()
        if row is None:
            return None
        checkpoint = Checkpoint.parse(Note.parse(row.note).body)
        return Standing(
            checkpoint.size,
            row.at,
            checkpoint.root.hex(),
            row.cosignatures,
            -1 if last is None else int(last),
        )

    def file(self, actor: Actor, use_id: str) -> bytes:
        """The proof as a zip; that it was taken away is on record before it is handed over.

        Raises:
            DomainError: ``not_found``, ``not_signed_yet``.
        """
        path = self._path(actor, use_id)
        origin = self._log.origin
        with tempfile.TemporaryDirectory(prefix="zhiyin-proof-") as folder:
            file = Path(folder) / "proof.zip"
            try:
                with self._context.db.snapshot() as conn:
                    made = export_scope(
                        conn,
                        file,
                        Scope.use(use_id),
                        log=self._log,
                        log_keys=self._keys.log_keys(origin),
                    )
            except LogError as error:
                raise conflict(
                    "not_signed_yet",
                    "日志还没有签过存证点，请稍后再试",
                    "no checkpoint was signed yet; try again in a moment",
                ) from error
            data = file.read_bytes()
        with self._context.db.write() as conn:
            said = {"what": "proof", "use": use_id, "rows": made.records, "size": made.size}
            write_down(self._context, conn, actor, "export.made", path, said)
        return data

    def _path(self, actor: Actor, use_id: str) -> str:
        with self._context.db.read() as conn:
            path = conn.execute(select(seal_use.c.org_path).where(seal_use.c.id == use_id)).scalar()
        if path is None or not actor.may_any(PROVERS, path):
            raise missing("该次用印", "use")
        return str(path)
