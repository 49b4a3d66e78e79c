"""What the server says unasked: grants pushed ahead, revocations, locks, configuration, new keys.

Said once when it is new, and again whenever the sleeve comes back or stays silent about it, until
an event of the sleeve confirms it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import or_, select

from backend.store import sleeves
from backend.store.db import Database
from backend.store.tables import device, downlink
from gateway.protocol import topics
from gateway.stages.answer import Publisher

AGAIN_MS: Final = 30_000
AT_ONCE: Final = 200


class Downlinks:
    """Publishes open downlinks. One call of :meth:`tick` looks once."""

    def __init__(self, db: Database, publisher: Publisher, now: Callable[[], int]) -> None:
        self._db = db
        self._publisher = publisher
        self._now = now

    def tick(self) -> bool:
        """Send what is due to sleeves that are on line; whether anything was."""
        now = self._now()
        due = (
            select(downlink)
            .join(device, device.c.id == downlink.c.device_id)
            .where(
                downlink.c.confirmed_at.is_(None),
                device.c.online.is_(True),
                or_(downlink.c.sent_at.is_(None), downlink.c.sent_at < now - AGAIN_MS),
            )
            .order_by(downlink.c.id)
            .limit(AT_ONCE)
        )
        with self._db.read() as conn:
            rows = conn.execute(due).all()
        if not rows:
            return False
        for row in rows:
            self._publisher.publish(topics.down(row.device_id, row.type), row.payload)
        with self._db.write() as conn:
            sleeves.mark_sent(conn, [row.id for row in rows], now)
        return True
