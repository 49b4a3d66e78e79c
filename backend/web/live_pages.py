"""A stream for pages that only need to hear that something changed, and then ask again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response, StreamingResponse

from backend.store import inbox
from backend.web.live import News, Sees
from backend.web.ports import Web

_SIGN_OF_LIFE_SECONDS: Final = 15.0
_STREAM_SECONDS: Final = 300.0


def changed(web: Web, cursor: int, sees: Sees, person_id: str, notice: str) -> Response:
    """Server-sent events: ``changed`` for records that ``sees`` wants, ``notice`` when the person's
    inbox holds something newer than ``notice`` (an id), ``tick`` in between."""
    return StreamingResponse(
        _stream(web, cursor, sees, person_id, notice),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(
    web: Web, cursor: int, sees: Sees, person_id: str, notice: str
) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ends = loop.time() + _STREAM_SECONDS
    yield "retry: 1500\n\n"
    news_task: asyncio.Task[News] | None = None
    with web.bells.watch(person_id) as bell:
        await web.bells.listening()
        bell.set()  # what came between the page and its stream
        try:
            while loop.time() < ends and not web.changes.closed:
                if bell.is_set():
                    bell.clear()
                    newest = await asyncio.to_thread(_newest, web, person_id)
                    if newest > notice:
                        notice = newest
                        yield f"event: notice\ndata: {newest}\n\n"
                if news_task is None:
                    waits = web.changes.wait_changes(cursor, sees, _SIGN_OF_LIFE_SECONDS)
                    news_task = asyncio.create_task(waits)
                rung = asyncio.create_task(bell.wait())
                try:
                    await asyncio.wait({news_task, rung}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    rung.cancel()
                if not news_task.done():
                    continue
                news, news_task = news_task.result(), None
                cursor = news.cursor
                if news.heads or news.missed:
                    yield f"id: {cursor}\nevent: changed\ndata: {cursor}\n\n"
                else:
                    bell.set()  # now and then, so that nothing stays unseen
                yield "event: tick\ndata:\n\n"
        finally:
            if news_task is not None:
                news_task.cancel()


def _newest(web: Web, person_id: str) -> str:
    with web.context.db.read() as conn:
        return inbox.newest(conn, person_id)
