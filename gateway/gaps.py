"""When it is certain that an event is lost, a recorded gap entry lets the journal move on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, select, update

from backend.domain.record import Record
from backend.store import sleeves
from backend.store.db import Database
from backend.store.journal import Journal
from backend.store.tables import device
from gateway.protocol import envelope


class Gaps:
    """Gives up on events that a sleeve cannot deliver any more; never silently."""

    def __init__(
        self, db: Database, journal: Journal, now: Callable[[], int], give_up_ms: int
    ) -> None:
        self._db = db
        self._journal = journal
        self._now = now
        self._give_up_ms = give_up_ms

    def tick(self) -> list[str]:
        """Close gaps that have stood too long; returns the sleeves, whose parked events then follow
        as soon as the sleeve sends anything again."""
        limit = self._now() - self._give_up_ms
        with self._db.read() as conn:
            names = list(
                conn.execute(select(device.c.id).where(device.c.gap_since < limit)).scalars()
            )
        return [name for name in names if self.close(name)]

    def close(self, name: str) -> bool:
        """Record that the events before the first parked one are lost, and go on behind them."""
        now = self._now()
        with self._db.write() as conn:
            row: Row[Any] | None = sleeves.lock_sleeves(conn, [name]).get(name)
            parked = sleeves.load_parked(conn, [name])
            if row is None or not parked:
                return False
            first = envelope.open_event(parked[0].raw)
            conn.execute(
                update(device)
                .where(device.c.id == name)
                # What follows must chain to the event that the sleeve says came before it.
                .values(counter=first.counter - 1, tip=first.prev)
            )
            self._journal.append(
                conn,
                [
                    Record(
                        kind="gap.closed",
                        org_path=row.org_path,
                        at=now,
                        happened_at=now,
                        device=name,
                        seal=row.seal_id,
                        data={"first": row.counter + 1, "last": first.counter - 1},
                    )
                ],
            )
        return True
