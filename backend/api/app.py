"""Puts the API together: one ordered list of routers, errors, headers, the check at start."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from backend.api import openapi, problems
from backend.api.answers import answer
from backend.api.deps import Services, check_declared, public
from backend.api.headers import Around
from backend.api.settings import MAX_BODY, ApiSettings

VERSION: Final = "1"

ROUTERS: Final[tuple[str, ...]] = (
    "health",
    "session",
    "tokens",
    "signing_keys",
    "organisations",
    "people",
    "roles",
    "faces",
    "seals",
    "sleeves",
    "matters",
    "applications",
    "grants",
    "permits",
    "register",
    "uses",
    "saved_views",
    "pictures",
    "eyes",
    "records",
    "live",
)
"""Modules of ``backend.api.routers``, in the order of the document. Each has ``router``."""


class Application(FastAPI):
    """FastAPI, with one thing around all of it: also around its own answers to what breaks."""

    around: Around | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if self.around is None:
            await super().__call__(scope, receive, send)
        else:
            await self.around(scope, receive, send)


def create_app(
    services: Services,
    settings: ApiSettings | None = None,
    *,
    routers: Iterable[APIRouter] = (),
    finish: Sequence[Callable[[FastAPI], None]] = (),
    new_id: Callable[[], str] | None = None,
) -> FastAPI:
    """The application.

    ``routers`` come after our own: those of other parts (alerts, pages). ``finish`` may add mounts
    (see :func:`backend.api.deps.mount_public`). ``new_id`` names requests.

    Raises:
        RuntimeError: when a route declares neither who may call it nor why it is public.
    """
    app = Application(
        title="智印 Zhiyin",
        version=VERSION,
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url=None,
        max_body_size=MAX_BODY,
    )
    app.state.services = services
    app.state.settings = settings or ApiSettings()
    problems.install(app)
    for router in (*(_router(name) for name in ROUTERS), *routers):
        # As they are: `include_router` would build each a second time, a second's work.
        app.router.routes.extend(router.routes)

    @app.get(
        "/api/v1/openapi.json",
        dependencies=[public("the contract is published; it holds nothing of anybody")],
        include_in_schema=False,
    )
    def document() -> Response:
        return answer(openapi.build(app))

    for step in finish:
        step(app)
    app.around = Around(super(Application, app).__call__, app.state.settings, new_id or _request_id)
    check_declared(app)
    return app


def _router(name: str) -> APIRouter:
    found: APIRouter = import_module(f"backend.api.routers.{name}").router
    return found


def _request_id() -> str:
    return str(uuid.UUID(bytes=os.urandom(16), version=4))
