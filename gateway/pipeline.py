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
        self._after = after
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
        )

    def run(self) -> None:
        """Until :meth:`stop`: take what is there, handle it, settle receipts."""
        while not self._stopping:
            self.step(timeout=0.5)

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

    def _handle(self, taken: list[Inbound]) -> None:
        pause = FIRST_PAUSE_S
        while not self._stopping:
            try:
                self._run_stages(taken)
                self.stats.waiting_since = None
                return
            except Exception as error:
                if is_passing(error):
                    self.stats.retries += 1
                    self.stats.waiting_since = self.stats.waiting_since or time.monotonic()
                    log.warning("store.away", error=type(error).__name__, retry_s=pause)
                    self._pause(pause)
                    pause = min(pause * 2, LONGEST_PAUSE_S)
                elif len(taken) > 1:
                    # One of them upsets us: handle each alone, so that the others go on.
                    log.error("batch.split", size=len(taken), exc_info=error)
                    for message in taken:
                        self._handle([message])
                    return
                else:
                    self._set_aside(taken[0], error)
                    return

    def _run_stages(self, taken: list[Inbound]) -> None:
        batch = Batch(inbound=taken, now=self._now())
        for stage in self.before_transaction:
            stage(batch)
        with self._db.write() as conn:
            for inside in self.in_transaction:
                inside(batch, conn)
        for stage in self.after_transaction:
            stage(batch)
        self.stats.batches += 1
        self.stats.events += len(batch.accepted)
        self.stats.duplicates += len(batch.duplicates)
        self.stats.parked += len(batch.to_park)
        self.stats.refused += len(batch.refused) + len(batch.forks)
        self.stats.pieces += len(batch.pieces)
        self._after(batch)

    def _set_aside(self, message: Inbound, error: Exception) -> None:
        """A message that we cannot handle is our mistake: kept, told, and the line goes on."""
        log.error("message.set_aside", topic=message.topic, exc_info=error)
        batch = Batch(inbound=[message], now=self._now())
        reason = ProtocolError(Reason.INTERNAL, f"{type(error).__name__}: {error}"[:300])
        batch.refused.append(RefusedMessage(message, reason))
        commit = self.in_transaction[-1]
        with self._db.write() as conn:
            commit(batch, conn)
        self.after_transaction[-1](batch)
