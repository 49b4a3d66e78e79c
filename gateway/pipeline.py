"""The way of every message through the gateway. **This list is the architecture.**

==============  ===================================================================================
decode          bytes → messages; what breaks the contract is set aside
authenticate    signature by the key that the sleeve had at that counter
order           each sleeve's events in their own order; early ones parked, forks told apart
decide          what each event means (pure: backend.domain.use)
commit          events, state, records and log leaves in one transaction
answer          grant, refusal, time; then receipts
acknowledge     PUBACK to the broker: only now may it forget
==============  ===================================================================================

Order, decide and commit share one transaction. Whatever fails before its end is tried again:
nothing is acknowledged that is not durable (promise 2).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy import Connection

from backend.store.db import Database, is_passing
from gateway.batch import Batch, RefusedMessage
from gateway.inbox import Inbound, Inbox
from gateway.protocol.errors import ProtocolError, Reason
from gateway.stages.answer import Answer
from gateway.stages.authenticate import Authenticate
from gateway.stages.commit import Commit
from gateway.stages.decide import Decide
from gateway.stages.decode import decode
from gateway.stages.order import order

log = structlog.get_logger(__name__)

MAX_EVENTS: Final = 256
MAX_PIECES: Final = 16
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0


@dataclass(slots=True)
class Stats:
    """Counts since the start, for health pages and benches."""

    batches: int = 0
    events: int = 0
    duplicates: int = 0
    parked: int = 0
    refused: int = 0
    pieces: int = 0
    retries: int = 0
    waiting_since: float | None = field(default=None)


class Pipeline:
    """Runs batches through the stages, for ever, in one thread."""

    def __init__(
        self,
        *,
        db: Database,
        inbox: Inbox,
        authenticate: Authenticate,
        decide: Decide,
        commit: Commit,
        answer: Answer,
        acknowledge: Callable[[list[Inbound]], None],
        now: Callable[[], int],
        after: Callable[[Batch], None] = lambda _batch: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._db = db
        self._inbox = inbox
        self._now = now
        self._answer = answer
        self._pause = pause
        self._stopping = False
        self.stats = Stats()
        self.before_transaction: tuple[Callable[[Batch], None], ...] = (decode, authenticate)
        self.in_transaction: tuple[Callable[[Batch, Connection], None], ...] = (
            order,
            decide,
            commit,
        )
        self.after_transaction: tuple[Callable[[Batch], None], ...] = (
            answer,
            lambda batch: acknowledge(batch.inbound),
            after,
        )

    def run(self) -> None:
        """Until :meth:`stop`: take what is there, handle it, settle receipts."""
        while not self._stopping:
            try:
                self.step(timeout=0.5)
            except Exception as error:  # the line must go on; what was in hand comes again
                log.error("pipeline.failed", exc_info=error)
                self._pause(FIRST_PAUSE_S)

    def stop(self) -> None:
        """End :meth:`run` after the batch in hand; what was not handled stays with the broker."""
        self._stopping = True
        self._inbox.close()

    def step(self, timeout: float | None) -> int:
        """Handle one batch; returns how many messages it had."""
        # With receipts owed, do not wait: they are due as soon as nothing else is.
        wait = 0.0 if self._answer.owes else timeout
        taken = self._inbox.take(events=MAX_EVENTS, pieces=MAX_PIECES, timeout=wait)
        if taken:
            try:
                self._handle(taken)
            finally:
                self._inbox.done(len(taken))
        self._answer.settle(idle=self._inbox.waiting == 0)
        return len(taken)

    @property
    def owes(self) -> bool:
        """Whether a receipt is still to be sent."""
        return self._answer.owes

    def apply(self, batch: Batch) -> None:
        """Run a batch that no message caused through the stages; may be called from any thread.

        Raises whatever the store raises; nothing has happened then.
        """
        with self._db.write() as conn:
            for stage in self.in_transaction:
                stage(batch, conn)
        self._committed(batch)

    def _handle(self, taken: list[Inbound]) -> None:
        try:
            batch = self._durably(lambda: self._commit(taken))
        except Exception as error:
            if len(taken) == 1:
                self._set_aside(taken[0], error)
                return
            # One of them upsets us: halve until it stands alone, so that the others go on.
            log.error("batch.split", size=len(taken), exc_info=error)
            half = len(taken) // 2
            self._handle(taken[:half])
            self._handle(taken[half:])
            return
        if batch is not None:
            self._committed(batch)

    def _durably(self, work: Callable[[], Batch]) -> Batch | None:
        """The committed batch; tries for as long as the store is away. None when told to stop."""
        pause = FIRST_PAUSE_S
        while not self._stopping:
            try:
                batch = work()
            except Exception as error:
                if not is_passing(error):
                    raise
                self.stats.retries += 1
                self.stats.waiting_since = self.stats.waiting_since or time.monotonic()
                log.warning("store.away", error=type(error).__name__, retry_s=pause)
                self._pause(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                self.stats.waiting_since = None
                return batch
        return None

    def _commit(self, taken: list[Inbound]) -> Batch:
        batch = Batch(inbound=taken, now=self._now())
        for stage in self.before_transaction:
            stage(batch)
        with self._db.write() as conn:
            for inside in self.in_transaction:
                inside(batch, conn)
        return batch

    def _committed(self, batch: Batch) -> None:
        """It is durable: whatever fails from here on must not undo or repeat it."""
        for stage in self.after_transaction:
            try:
                stage(batch)
            except Exception as error:
                log.error("answer.failed", exc_info=error)
        stats = self.stats
        stats.batches += 1
        stats.events += len(batch.accepted) + len(batch.found)
        stats.duplicates += len(batch.duplicates)
        stats.parked += len(batch.to_park)
        stats.refused += len(batch.refused) + len(batch.forks)
        stats.pieces += len(batch.pieces)

    def _set_aside(self, message: Inbound, error: Exception) -> None:
        """A message that we cannot handle is our mistake: kept, told, and the line goes on."""
        log.error("message.set_aside", topic=message.topic, exc_info=error)
        reason = ProtocolError(Reason.INTERNAL, f"{type(error).__name__}: {error}"[:300])
        refused = RefusedMessage(message, reason)

        def keep() -> Batch:
            batch = Batch(inbound=[message], now=self._now(), refused=[refused])
            with self._db.write() as conn:
                self.in_transaction[-1](batch, conn)
            return batch

        try:
            batch = self._durably(keep)
        except Exception as failure:
            # Not even that: it stays unacknowledged, and comes again when we are started anew.
            log.critical("message.not_kept", topic=message.topic, exc_info=failure)
            return
        if batch is not None:
            self._committed(batch)
