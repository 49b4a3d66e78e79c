"""Events as they happen, as a stream of server-sent events (WHATWG HTML §9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from backend.api.deps import ANY, Scope, authenticate, require, service
from backend.api.live import Broadcaster, Subscription
from backend.domain.actor import Actor
from backend.domain.errors import DomainError

router = APIRouter(prefix="/api/v1/live", tags=["实时 Live"])

BEAT_S: Final = 15.0
"""A comment at least this often, so that proxies keep the stream open."""

RECHECK_S: Final = 60.0
"""The asker is recognised anew this often: a stream ends with session and term of office."""


@router.get(
    "",
    summary="实时事件 · Events as they happen",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "事件流 · `event: record` with ids; `event: reload` after a gap",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def live(
    request: Request,
    actor: Annotated[Actor, require(*ANY, scope=Scope.BRANCH)],
    hub: Annotated[Broadcaster, service(Broadcaster)],
) -> StreamingResponse:
    """Ids only, of the asker's branches; what they mean is asked for separately."""
    return StreamingResponse(
        stream(request, actor, hub),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def stream(request: Request, actor: Actor, hub: Broadcaster) -> AsyncIterator[bytes]:
    """The bytes of one listener's stream."""
    loop = asyncio.get_running_loop()
    checked = loop.time()
    async with hub.subscribe() as events:
        yield b": connected\n\n"
        while True:
            told = await _next(events, actor)
            if loop.time() - checked >= RECHECK_S:
                again = await _recognise(request)
                if again is None:
                    yield b"event: end\ndata: {}\n\n"
                    return
                actor, checked = again, loop.time()
            yield told


async def _next(events: Subscription, actor: Actor) -> bytes:
    """The next thing to say to ``actor``: an event of their branches, or a sign of life."""
    try:
        async with asyncio.timeout(BEAT_S):
            while True:
                event = await events.next()
                if event is None:
                    return b"event: reload\ndata: {}\n\n"
                if actor.may_any(ANY, event.org_path):
                    data = msgspec.json.encode(event)
                    return b"id: %d\nevent: record\ndata: %s\n\n" % (event.seq, data)
    except TimeoutError:
        return b": beat\n\n"


async def _recognise(request: Request) -> Actor | None:
    try:
        who = await run_in_threadpool(authenticate, request)
    except DomainError:
        return None
    return who.actor if who is not None else None
