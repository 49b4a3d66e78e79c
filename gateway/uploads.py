"""Finishes picture uploads beside the ordered pipeline: decrypting takes milliseconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog
from sqlalchemy import Connection, select

from backend.store import uploads
from backend.store.db import Database, is_passing
from backend.store.pictures import PictureStore
from backend.store.tables import picture
from gateway.protocol import topics
from gateway.protocol.fields import short
from gateway.protocol.limits import MAX_RANGES
from gateway.protocol.messages import Down, PiecesHeld
from gateway.stages.answer import Publisher

log = structlog.get_logger(__name__)

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
        self._searched = True
        self._lock = threading.Lock()

    def add(self, picture_ids: Iterable[str]) -> None:
        """All pieces of these are held."""
        with self._lock:
            self._full.update(dict.fromkeys(picture_ids))

    def find_left_over(self) -> None:
        """Look, at the next :meth:`tick`, for uploads that were full when a gateway ended."""
        with self._lock:
            self._searched = False

    @property
    def idle(self) -> bool:
        """Whether no full upload waits."""
        with self._lock:
            return not self._full

    def tick(self) -> bool:
        """Store up to :data:`AT_ONCE` pictures; whether there was one."""
        if not self._searched:
            self._search()
        with self._lock:
            names = list(self._full)[:AT_ONCE]
        if not names:
            return False
        try:
            self._store_all(names)
        except Exception as error:
            if is_passing(error):
                raise
            # One of them upsets us: each alone, so that the others go on.
            log.error("uploads.split", size=len(names), exc_info=error)
            for name in names:
                self._store_alone(name)
        return True

    def _search(self) -> None:
        with self._db.read() as conn:
            waiting = conn.execute(
                select(picture.c.id).where(picture.c.state == uploads.ANNOUNCED)
            ).scalars()
            found = uploads.uploads(conn, list(waiting))
        with self._lock:
            self._searched = True
        self.add(name for name, upload in found.items() if upload.full)

    def _store_alone(self, name: str) -> None:
        try:
            self._store_all([name])
        except Exception as error:
            if is_passing(error):
                raise
            log.error("upload.given_up", picture=name, exc_info=error)
            with self._db.write() as conn:
                uploads.give_up(conn, name, "internal")
            self._store_all([name])  # as what it is now: tells the sleeve, releases the check

    def _store_all(self, names: Sequence[str]) -> None:
        now = self._now()
        with self._db.write() as conn:
            done = self._store.complete_many(conn, names, now)
            self._release(conn, names)
        with self._lock:
            for name in names:
                self._full.pop(name, None)
        for name, upload in done.items():
            if upload.device_id is None:
                continue
            body = PiecesHeld(
                commit=bytes.fromhex(name),
                complete=upload.state == uploads.COMPLETE,
                missing=list(upload.missing)[:MAX_RANGES],
                failure=short(upload.failure),
            )
            payload = self._sign(upload.device_id, body, now)
            self._publisher.publish(topics.down(upload.device_id, body.type), payload)
