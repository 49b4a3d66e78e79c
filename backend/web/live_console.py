"""The console's socket (RFC 6455): tells an open page that something changed in its branch.

The page then asks again, as whoever it is. Nobody has a queue of their own: each watcher holds a
place in the journal, the last records are shared (:mod:`backend.web.live`), and who is too far
behind is told to ask for everything. So a slow watcher costs what a quick one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Final

import msgspec
import structlog
from fastapi import Query
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from backend.api.deps import authenticate
from backend.domain.actor import Actor
from backend.domain.errors import DomainError
from backend.web import formats
from backend.web.live import Head, Sees
from backend.web.ports import Web
from backend.web.site import Viewer, WebPort, by_demo_clock, pages
from backend.web.today import sees

BEAT_S: Final = 15.0
"""Something is said at least this often, so that a page notices a dead line."""

DEMO_BEAT_S: Final = 1.0
RECHECK_S: Final = 60.0
"""Whoever watches is recognised anew this often: the socket ends with session and term."""

SEND_S: Final = 10.0
"""A watcher who takes nothing for so long is let go."""

GONE: Final = 4401
"""Close code: sign in again."""

AWAY: Final = 1001
"""Close code (RFC 6455 §7.4.1): the server stops; come again."""

SILENT: Final = 1003
"""Close code (RFC 6455 §7.4.1): a watcher has nothing to say."""

_log = structlog.get_logger(__name__)

router = pages()


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message. ``kind``: ``hello``, ``news`` or ``tick``; ``cursor`` is where to go on after a
    lost line; ``kinds`` of the new records, empty when more came than is kept: ask for all."""

    kind: str
    cursor: int
    clock: str
    kinds: tuple[str, ...] = ()


@router.websocket("/live/console")
async def console(
    socket: WebSocket, who: Viewer, web: WebPort, cursor: Annotated[int, Query(ge=0)]
) -> None:
    """Watch from record ``cursor`` on."""
    await socket.accept()
    telling = asyncio.create_task(_tell(socket, web, who.actor, cursor))
    try:
        await _listen(socket)
    finally:
        telling.cancel()
        (failed,) = await asyncio.gather(telling, return_exceptions=True)
        if isinstance(failed, Exception):  # the page comes again by itself
            _log.error("console socket", exc_info=failed)


async def _listen(socket: WebSocket) -> None:
    """Until the page has gone. It has nothing to say to us."""
    if (await socket.receive())["type"] == "websocket.receive":
        await socket.close(SILENT)


async def _tell(socket: WebSocket, web: Web, actor: Actor, cursor: int) -> None:
    """Until there is nothing more to say; then the socket is closed."""
    code = AWAY
    try:
        code = await _news(socket, web, actor, cursor)
    except (WebSocketDisconnect, TimeoutError):
        pass  # gone, or as good as
    finally:
        with suppress(RuntimeError, WebSocketDisconnect):  # closed in between
            await socket.close(code)


async def _news(socket: WebSocket, web: Web, actor: Actor, cursor: int) -> int:
    """Say what there is to say; the code to close with."""
    loop = asyncio.get_running_loop()
    pace = DEMO_BEAT_S if by_demo_clock(web) else BEAT_S
    checked = loop.time()
    end = await run_in_threadpool(web.changes.head)
    if cursor > end:
        # The journal is another one (a demo begun anew): everything is news.
        await _say(socket, web, "news", end)
        cursor = end
    else:
        await _say(socket, web, "hello", cursor)
    while socket.client_state is WebSocketState.CONNECTED and not web.changes.closed:
        if loop.time() - checked >= RECHECK_S:
            again = await _recognise(socket)
            if again is None or not again.roles:
                return GONE
            actor, checked = again, loop.time()
        news = await web.changes.wait_changes(cursor, _seen_by(actor), pace)
        cursor = news.cursor
        if news.heads or news.missed:
            await _say(socket, web, "news", cursor, news.heads)
        else:
            await _say(socket, web, "tick", cursor)
    return AWAY


def _seen_by(actor: Actor) -> Sees:
    return lambda head: sees(actor, head)


async def _say(
    socket: WebSocket, web: Web, kind: str, cursor: int, heads: Sequence[Head] = ()
) -> None:
    said = Said(
        kind=kind,
        cursor=cursor,
        clock=formats.clock(web.context.now(), seconds=True),
        kinds=tuple(sorted({head.kind for head in heads})),
    )
    async with asyncio.timeout(SEND_S):
        await socket.send_text(msgspec.json.encode(said).decode())


async def _recognise(socket: WebSocket) -> Actor | None:
    try:
        who = await run_in_threadpool(authenticate, socket)
    except DomainError:
        return None
    return who.actor if who is not None else None
