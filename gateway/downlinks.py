"""What the server says unasked: grants pushed ahead, revocations, locks, configuration, new keys.

Said once when it is new, and again whenever the sleeve comes back or stays silent about it, until
an event of the sleeve confirms it. Once a sleeve has the server's new keys, what the old one signed
is signed anew; until then the old signature is the one that it believes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Row, or_, select

from backend.store import sleeves
from backend.store.db import Database
from backend.store.tables import device, downlink
from gateway.protocol import topics
from gateway.protocol.messages import Keys
from gateway.signing_anew import SignAnew
from gateway.stages.answer import Publisher

AGAIN_MS: Final = 30_000
AT_ONCE: Final = 200


class Downlinks:
    """Publishes open downlinks. One call of :meth:`tick` looks once."""

    def __init__(
        self,
        db: Database,
        publisher: Publisher,
        sign_anew: SignAnew,
        now: Callable[[], int],
    ) -> None:
        self._db = db
        self._publisher = publisher
        self._sign_anew = sign_anew
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
        anew = self._signed_anew(rows, now)
        if anew:
            with self._db.write() as conn:
                sleeves.replace_payloads(conn, anew)
        for row in rows:
            payload = anew.get(row.id, row.payload)
            self._publisher.publish(topics.down(row.device_id, row.type), payload)
        with self._db.write() as conn:
            sleeves.mark_sent(conn, [row.id for row in rows], now)
        return True

    def _signed_anew(self, rows: Sequence[Row[Any]], now: int) -> dict[int, bytes]:
        # Each list of keys is said under every generation: that is how a sleeve gets to the newest.
        old = [row for row in rows if row.type != Keys.type and self._sign_anew.is_old(row.payload)]
        if not old:
            return {}
        with self._db.read() as conn:
            told = sleeves.with_newest_keys(conn, {row.device_id for row in old})
        return {
            row.id: self._sign_anew.again(row.device_id, row.payload, now)
            for row in old
            if row.device_id in told
        }
