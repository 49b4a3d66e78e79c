"""When it is certain that an event is lost, a recorded gap entry lets the journal move on."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from backend.store.db import Database
from backend.store.tables import device
from gateway.batch import Batch


class Gaps:
    """Gives up on events that a sleeve cannot deliver any more; never silently.

    ``apply`` runs a batch through the gateway's stages: the gap's entry and the parked events that
    follow it are one transaction, under the sleeve's lock.
    """

    def __init__(
        self,
        db: Database,
        now: Callable[[], int],
        give_up_ms: int,
        apply: Callable[[Batch], None],
    ) -> None:
        self._db = db
        self._now = now
        self._give_up_ms = give_up_ms
        self._apply = apply

    def tick(self) -> list[str]:
        """Close gaps that have stood too long; returns the sleeves whose journal moved on."""
        due = select(device.c.id, device.c.gap_since).where(
            device.c.gap_since < self._now() - self._give_up_ms, device.c.status == "active"
        )
        with self._db.read() as conn:
            found = conn.execute(due).all()
        return [row.id for row in found if self._close(row.id, row.gap_since)]

    def _close(self, name: str, since: int) -> bool:
        """Close the gap that is open since then; one that healed meanwhile is left alone."""
        batch = Batch(inbound=[], now=self._now(), give_up={name: since})
        self._apply(batch)
        return bool(batch.records)
