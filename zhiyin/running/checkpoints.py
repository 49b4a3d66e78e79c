"""Signs a checkpoint of the log every few seconds, when the log grew."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from backend.ledger.log import Log, LogError
from backend.ledger.note import Signer
from backend.store.db import Database

log = structlog.get_logger(__name__)


class CheckpointSigner:
    """One step of the signer. Any number of processes may run it: one checkpoint a size."""

    def __init__(self, db: Database, ledger: Log, signer: Signer, now: Callable[[], int]) -> None:
        self._db = db
        self._ledger = ledger
        self._signer = signer
        self._now = now
        self._size = -1
        self.failure: str | None = None
        """Why the log may not be signed: it was tampered with. Stays until a restart."""

    def tick(self) -> bool:
        """Sign if the log grew; whether it did.

        Raises:
            Exception: whatever the database says.
        """
        with self._db.read() as conn:
            size = self._ledger.size(conn)
        if size == self._size:
            return False
        try:
            with self._db.write() as conn:
                self._ledger.sign_checkpoint(conn, self._signer, self._now())
        except LogError as error:
            self.failure = str(error)
            log.critical("log.not_signed", reason=str(error))
        self._size = size
        return True
