"""Tells open pages that something new stands in the journal.

One reader a process looks at the journal's end a few times a second, whatever the number of pages;
each page is woken only by records that it may see (promise 6) and then reads for itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from backend.store.db import Database, is_passing
from backend.store.tables import record

POLL_SECONDS: Final = 0.25
KEPT: Final = 4000
_BATCH: Final = 500
_IDLE_POLLS: Final = 240
"""With nobody watching, the reading ends after so many looks; the next page begins it again."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a page needs to know of a new record to decide whether it cares."""

    seq: int
    kind: str
    org_path: str
    use_id: str | None
    application: str | None
    device: str | None
    person: str | None


Sees = Callable[[Head], bool]


@dataclass(frozen=True, slots=True)
class News:
    """What came since a cursor. ``cursor`` is where to go on; ``missed``: more came than is kept,
    so the page is to be loaded anew."""

    cursor: int
    heads: Sequence[Head] = ()
    missed: bool = False


class Changes:
    """The end of the journal, watched. Used by one event loop."""

    def __init__(self, db: Database, poll_seconds: float = POLL_SECONDS) -> None:
        self._db = db
        self._poll = poll_seconds
        self._heads: deque[Head] = deque(maxlen=KEPT)
        self._next = -1
        self._first = 0
        self._woken = asyncio.Event()
        self._starting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._watchers = 0
        self._closed = False

    def head(self) -> int:
        """The number that the next record will have."""
        with self._db.read() as conn:
            last = conn.execute(select(func.max(record.c.seq))).scalar()
        return 0 if last is None else int(last) + 1

    async def wait_changes(self, cursor: int, sees: Sees, seconds: float) -> News:
        """Wait until there is a record from ``cursor`` on that ``sees`` wants, at most this many
        ``seconds``; then all that are there. Without any, ``heads`` is empty."""
        self._watchers += 1
        try:
            async with asyncio.timeout(seconds):
                await self._start()
                while not self._closed:
                    woken = self._woken
                    if cursor < self._first:
                        return News(self._next, missed=True)
                    heads = self._since(cursor, sees)
                    cursor = max(cursor, self._next)
                    if heads:
                        return News(cursor, heads)
                    await woken.wait()
        except TimeoutError:
            pass
        finally:
            self._watchers -= 1
        return News(cursor)

    def _since(self, cursor: int, sees: Sees) -> list[Head]:
        """From the end back: every watcher looks at what is new, not at all that is kept."""
        found: list[Head] = []
        for one in reversed(self._heads):
            if one.seq < cursor:
                break
            if sees(one):
                found.append(one)
        found.reverse()
        return found

    async def close(self) -> None:
        """Let every waiting page go."""
        self._closed = True
        self._woken.set()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    @property
    def closed(self) -> bool:
        """Whether pages are to end their streams."""
        return self._closed

    async def _start(self) -> None:
        async with self._starting:
            if self._task is not None and not self._task.done():
                return
            if self._next < 0:
                end = await asyncio.to_thread(self.head)
                back = await asyncio.to_thread(self._read, max(0, end - KEPT), KEPT)
                self._take(back)
                self._next = max(self._next, end)
                self._first = self._heads[0].seq if self._heads else end
            self._woken = asyncio.Event()  # of this loop, should the server have begun anew
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        idle = 0
        while not self._closed and idle < _IDLE_POLLS:
            try:
                heads = await asyncio.to_thread(self._read, self._next, _BATCH)
            except DBAPIError as error:
                if not is_passing(error):
                    raise
                heads = []  # away for a moment; the pages keep what they have
            if heads:
                self._take(heads)
                woken, self._woken = self._woken, asyncio.Event()
                woken.set()
            idle = 0 if self._watchers else idle + 1
            if len(heads) < _BATCH:
                await asyncio.sleep(self._poll)

    def _take(self, heads: Sequence[Head]) -> None:
        if heads:
            self._heads.extend(heads)
            self._next = heads[-1].seq + 1
            self._first = self._heads[0].seq

    def _read(self, seq: int, limit: int) -> list[Head]:
        r = record.c
        query = (
            select(r.seq, r.kind, r.org_path, r.use_id, r.application, r.device, r.person)
            .where(r.seq >= seq)
            .order_by(r.seq)
            .limit(limit)
        )
        with self._db.read() as conn:
            return [Head(*row) for row in conn.execute(query)]
