"""What every page shares: who asks, in which language and look, what the frame shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from backend.api.deps import ANY, Scope, require_session, service
from backend.domain.actor import Actor, Role
from backend.domain.application_actions import READERS
from backend.domain.errors import DomainError
from backend.services.application_drafts import ASKERS
from backend.services.identity import Authenticated
from backend.store import inbox
from backend.web import render
from backend.web.i18n import negotiate, reading_locale
from backend.web.ports import Web

VIEW_COOKIE: Final = "zhiyin_view"
_LOOKS: Final = frozenset({"large", "dark", "light"})
_DEMO_APART_MS: Final = 60_000

WebPort = Annotated[Web, service(Web)]
Viewer = Annotated[Authenticated, require_session(*ANY, scope=Scope.BRANCH)]
"""Whoever holds any role; lists are narrowed to their branches."""

Concerned = Annotated[Authenticated, require_session(*ANY, scope=Scope.OBJECT)]
"""Whoever holds any role; the service checks the one thing named."""

Myself = Annotated[Authenticated, require_session()]
"""Whoever is signed in, about themselves."""


def pages() -> APIRouter:
    """A router of pages: they are no part of the API's document."""
    return APIRouter(include_in_schema=False, default_response_class=Response)


def look(request: Request) -> frozenset[str]:
    """How this browser wants pages to look: ``large``, ``dark`` or ``light``."""
    wanted = request.cookies.get(VIEW_COOKIE, "")
    return frozenset(wanted.split(".")) & _LOOKS


def guest_locale(request: Request) -> str:
    """The language of somebody who is not signed in."""
    asked = request.query_params.get("lang")
    return reading_locale(asked) if asked else negotiate(request.headers.get("accept-language"))


def by_demo_clock(web: Web) -> bool:
    """Whether the house goes by another clock than people do."""
    return abs(web.context.now() - web.wall()) > _DEMO_APART_MS


def frame(request: Request, web: Web | None, locale: str) -> dict[str, Any]:
    """What the frame around every page shows, without anybody signed in."""
    now = web.context.now() if web is not None else 0
    path, query = request.url.path, request.url.query
    return {
        "locale": locale,
        "lang": render.html_language(locale),
        "look": look(request),
        "now": now,
        "demo_clock": web is not None and by_demo_clock(web),
        "path": path,
        "path_and_query": f"{path}?{query}" if query else path,
        "me": None,
    }


def member_frame(
    request: Request, web: Web, who: Authenticated, conn: Connection
) -> dict[str, Any]:
    """As :func:`frame`, for somebody who is signed in."""
    values = frame(request, web, reading_locale(who.actor.locale))
    row = inbox.badge(conn, who.actor.person_id)
    values["me"] = {
        "id": who.actor.person_id,
        "name": row.name if row else "",
        "org_name": row.org_name if row and row.org_name else "",
        "unread": row.unread if row else 0,
        "newest": inbox.newest(conn, who.actor.person_id),
        "applies": holds(who.actor, *ASKERS),
        "watches": holds(who.actor, *READERS),
        "administers": holds(who.actor, Role.ADMIN, Role.SUPERVISOR),
    }
    return values


def page(
    request: Request,
    web: Web,
    who: Authenticated,
    template: str,
    values: Mapping[str, Any],
    status: int = 200,
) -> Response:
    """A whole page for somebody who is signed in."""
    with web.context.db.read() as conn:
        around = member_frame(request, web, who, conn)
    return render.respond(request, render.fragment(template, around | dict(values)), status)


def piece(
    request: Request, web: Web, who: Authenticated, template: str, values: Mapping[str, Any]
) -> Response:
    """A part of a page, for htmx."""
    around = frame(request, web, reading_locale(who.actor.locale))
    return render.respond(request, render.fragment(template, around | dict(values)))


def go(address: str) -> Response:
    """On to another page after a change (RFC 9110 §15.4.4); ``address`` is one of ours."""
    return RedirectResponse(address, 303)


def showable(error: DomainError) -> DomainError:
    """``error``, for the page on which it happened to show beside its form.

    Raises:
        DomainError: the same, where no such page is to be shown: what was asked for does not
            exist for this person, or nobody is signed in.
    """
    if error.kind in ("missing", "unauthenticated"):
        raise error
    return error


def own_address(wanted: str | None, otherwise: str) -> str:
    """``wanted`` if it is an address of ours, so that nobody is led elsewhere after signing in."""
    if (
        wanted
        and wanted.startswith("/")
        and not wanted.startswith(("//", "/\\"))
        and wanted.isprintable()
        and "\\" not in wanted
    ):
        return wanted
    return otherwise


def holds(actor: Actor, *roles: Role) -> bool:
    """Whether the actor holds one of ``roles`` anywhere."""
    return any(held.role in roles for held in actor.roles)
