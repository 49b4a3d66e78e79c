"""Rings for people whose inbox got something new: one reader a process, whatever the watchers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from backend.store.db import Database, is_passing
from backend.store.tables import inbox_notice

POLL_SECONDS: Final = 0.5
_MARGIN_MS: Final = 10_000
"""Ids are made before they are committed: one this much older may still turn up."""
_BATCH: Final = 500


class Bells:
    """The end of everybody's inbox, watched. Used by one event loop."""

    def __init__(self, db: Database, poll_seconds: float = POLL_SECONDS) -> None:
        self._db = db
        self._poll = poll_seconds
        self._bells: dict[str, set[asyncio.Event]] = {}
        self._task: asyncio.Task[None] | None = None
        self._listens = asyncio.Event()

    @contextmanager
    def watch(self, person_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when something new lies in that person's inbox; clear it yourself.
        To be entered on the event loop."""
        bell = asyncio.Event()
        self._bells.setdefault(person_id, set()).add(bell)
        if self._task is None or self._task.done():
            self._listens = asyncio.Event()
            self._task = asyncio.create_task(self._run())
        try:
            yield bell
        finally:
            mine = self._bells[person_id]
            mine.discard(bell)
            if not mine:
                del self._bells[person_id]

    async def listening(self) -> None:
        """Wait until whatever is written from now on is heard by those who watch."""
        await self._listens.wait()

    async def _run(self) -> None:
        try:
            await self._look()
        finally:
            self._listens.set()  # nobody waits for what has ended

    async def _look(self) -> None:
        floor: str | None = None
        seen: set[str] | None = None
        while self._bells:
            try:
                if floor is None:
                    floor = _before(await asyncio.to_thread(self._newest))
                rows = await asyncio.to_thread(self._read, floor)
            except DBAPIError as error:
                if not is_passing(error):
                    raise
                rows = []  # away for a moment
            else:
                if seen is not None:
                    self._ring(person_id for one, person_id in rows if one not in seen)
                seen = {one for one, _ in rows}
                self._listens.set()
                if rows:
                    # Too many for one look: what came first is not looked at twice.
                    last = rows[-1][0]
                    floor = last if len(rows) == _BATCH else _before(last)
            if len(rows) < _BATCH:
                await asyncio.sleep(self._poll)

    def _ring(self, people: Iterable[str]) -> None:
        for person_id in set(people):
            for bell in self._bells.get(person_id, ()):
                bell.set()

    def _newest(self) -> str:
        with self._db.read() as conn:
            return conn.execute(select(func.max(inbox_notice.c.id))).scalar() or ""

    def _read(self, after: str) -> list[tuple[str, str]]:
        query = (
            select(inbox_notice.c.id, inbox_notice.c.person_id)
            .where(inbox_notice.c.id > after)
            .order_by(inbox_notice.c.id)
            .limit(_BATCH)
        )
        with self._db.read() as conn:
            return [(row.id, row.person_id) for row in conn.execute(query)]


def _before(notice_id: str) -> str:
    """The lowest UUIDv7 (RFC 9562 §5.7) of the margin before this one."""
    if not notice_id:
        return ""
    ms = max(0, int(notice_id.replace("-", "")[:12], 16) - _MARGIN_MS)
    digits = f"{ms:012x}"
    return f"{digits[:8]}-{digits[8:]}"
