"""A stream for pages that only need to hear that something changed, and then ask again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response, StreamingResponse

from backend.web.live import Sees
from backend.web.ports import Web

_SIGN_OF_LIFE_SECONDS: Final = 15.0
_STREAM_SECONDS: Final = 300.0


def changed(web: Web, cursor: int, sees: Sees) -> Response:
    """Server-sent events: ``changed`` for records that ``sees`` wants, ``tick`` in between."""
    return StreamingResponse(
        _stream(web, cursor, sees),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(web: Web, cursor: int, sees: Sees) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ends = loop.time() + _STREAM_SECONDS
    yield "retry: 1500\n\n"
    while loop.time() < ends and not web.changes.closed:
        news = await web.changes.wait_changes(cursor, sees, _SIGN_OF_LIFE_SECONDS)
        cursor = news.cursor
        if news.heads or news.missed:
            yield f"id: {cursor}\nevent: changed\ndata: {cursor}\n\n"
        yield "event: tick\ndata:\n\n"
