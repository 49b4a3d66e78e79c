"""Finishes picture uploads beside the ordered pipeline: decrypting takes milliseconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, select

from backend.store import uploads
from backend.store.db import Database
from backend.store.pictures import PictureStore
from backend.store.tables import picture
from gateway.protocol import topics
from gateway.protocol.messages import Down, PiecesHeld
from gateway.stages.answer import Publisher

AT_ONCE: Final = 8
"""Pictures in one transaction, so that an unlock never waits behind many."""


class Uploads:
    """Takes full uploads, stores them, tells the sleeve, releases the checks that wait for them."""

    def __init__(
        self,
        *,
        db: Database,
        store: PictureStore,
        release: Callable[[Connection, Sequence[str]], None],
        sign: Callable[[str, Down, int], bytes],
        publisher: Publisher,
        now: Callable[[], int],
    ) -> None:
        self._db = db
        self._store = store
        self._release = release
        self._sign = sign
        self._publisher = publisher
        self._now = now
        self._full: dict[str, None] = {}
        self._lock = threading.Lock()

    def add(self, picture_ids: Iterable[str]) -> None:
        """All pieces of these are held."""
        with self._lock:
            self._full.update(dict.fromkeys(picture_ids))

    def find_left_over(self) -> None:
        """After a start: uploads that were full when the gateway before us ended."""
        with self._db.read() as conn:
            waiting = conn.execute(
                select(picture.c.id).where(picture.c.state == uploads.ANNOUNCED)
            ).scalars()
            found = uploads.uploads(conn, list(waiting))
        self.add(name for name, upload in found.items() if upload.full)

    @property
    def idle(self) -> bool:
        """Whether no full upload waits."""
        with self._lock:
            return not self._full

    def tick(self) -> bool:
        """Store up to :data:`AT_ONCE` pictures; whether there was one."""
        with self._lock:
            names = list(self._full)[:AT_ONCE]
        if not names:
            return False
        now = self._now()
        with self._db.write() as conn:
            done = self._store.complete_many(conn, names, now)
            self._release(conn, names)
            rows = conn.execute(
                select(picture.c.id, picture.c.device_id).where(picture.c.id.in_(names))
            ).all()
        with self._lock:
            for name in names:
                self._full.pop(name, None)
        for row in rows:
            upload = done[row.id]
            body = PiecesHeld(
                commit=bytes.fromhex(row.id),
                complete=upload.state == uploads.COMPLETE,
                missing=list(upload.missing),
                failure=upload.failure if upload.state == uploads.BROKEN else "",
            )
            payload = self._sign(row.device_id, body, now)
            self._publisher.publish(topics.down(row.device_id, body.type), payload)
        return True
