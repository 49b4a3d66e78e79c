"""What happens, to whoever is watching: a hub of listeners, fed from the journal.

Events name ids only: a page that wants more asks for it and is checked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool

from backend.store.db import Database
from backend.store.tables import record

QUEUE: Final = 500
"""Events kept for a slow listener; then it is told to load the page anew."""

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """Something happened in a branch. ``seq`` is its record's; ``at`` ms UTC."""

    seq: int
    kind: str
    org_path: str
    at: int
    device: str | None = None
    seal: str | None = None
    use_id: str | None = None
    application: str | None = None


class Subscription(Protocol):
    """One listener's events."""

    async def next(self) -> LiveEvent | None:
        """The next event; ``None`` when some were missed and everything should be loaded anew."""
        ...


class Broadcaster(Protocol):
    """Where events come from: :class:`LiveHub`, or one that others feed."""

    def subscribe(self) -> AbstractAsyncContextManager[Subscription]:
        """Listen as long as the context lasts."""
        ...


class _Queue:
    def __init__(self) -> None:
        self._events: asyncio.Queue[LiveEvent] = asyncio.Queue(QUEUE)
        self._missed = False

    def put(self, event: LiveEvent) -> None:
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            self._missed = True

    async def next(self) -> LiveEvent | None:
        if self._missed:
            self._missed = False
            while not self._events.empty():
                self._events.get_nowait()
            return None
        return await self._events.get()


class LiveHub:
    """Hands events to every listener of this process. Used from the event loop only."""

    def __init__(self) -> None:
        self._listeners: set[_Queue] = set()

    @property
    def listeners(self) -> int:
        """How many are listening."""
        return len(self._listeners)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        """Listen as long as the context lasts."""
        queue = _Queue()
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    def publish(self, event: LiveEvent) -> None:
        """Hand ``event`` to everybody who listens now; never waits."""
        for listener in self._listeners:
            listener.put(event)


class JournalTail:
    """Follows the journal, whichever process writes it, and publishes what is new.

    Looks every ``interval_s`` while anybody listens.
    """

    def __init__(self, db: Database, hub: LiveHub, interval_s: float = 0.5) -> None:
        self._db = db
        self._hub = hub
        self._interval_s = interval_s
        self._next: int | None = None

    async def run(self) -> None:
        """Follow until cancelled. A database that is away for a while is waited for."""
        while True:
            with suppress(DBAPIError):
                await self.step()
            await asyncio.sleep(self._interval_s)

    async def step(self) -> int:
        """Look once; how many events were published."""
        if self._hub.listeners == 0:
            self._next = None
            return 0
        events = await run_in_threadpool(self._read)
        for event in events:
            self._hub.publish(event)
        return len(events)

    def _read(self) -> list[LiveEvent]:
        with self._db.read() as conn:
            if self._next is None:
                last = conn.execute(select(func.max(record.c.seq))).scalar()
                self._next = 0 if last is None else last + 1
                return []
            rows = conn.execute(
                select(
                    record.c.seq,
                    record.c.kind,
                    record.c.org_path,
                    record.c.at,
                    record.c.device,
                    record.c.seal,
                    record.c.use_id,
                    record.c.application,
                )
                .where(record.c.seq >= self._next)
                .order_by(record.c.seq)
                .limit(_BATCH)
            ).all()
        if rows:
            self._next = rows[-1].seq + 1
        return [LiveEvent(*row) for row in rows]
