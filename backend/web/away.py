"""While an approver is away: who decides in their place, and until when."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.errors import DomainError
from backend.web import formats
from backend.web.ports import Web
from backend.web.site import Viewer, WebPort, go, page, pages

router = pages()


@router.get("/away")
def away_page(request: Request, who: Viewer, web: WebPort, done: str = "") -> Response:
    """Who stands in, and the form."""
    return _show(request, web, who, done=done in ("begin", "end"))


@router.post("/away")
def begin(
    request: Request,
    who: Viewer,
    web: WebPort,
    to: Annotated[str, Form(max_length=64)] = "",
    from_at: Annotated[str, Form(max_length=20)] = "",
    until_at: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Let somebody stand in."""
    start, end = formats.from_local(from_at), formats.from_local(until_at)
    try:
        web.standing_in.begin(who.actor, to, start, end or 0)
    except DomainError as error:
        if error.kind == "unauthenticated":
            raise
        return _show(request, web, who, error=error)
    return go("/away?done=begin")


@router.post("/away/{role_id}/end")
def end(who: Viewer, web: WebPort, role_id: str) -> Response:
    """Back again."""
    web.standing_in.end(who.actor, role_id)
    return go("/away?done=end")


def _show(
    request: Request,
    web: Web,
    who: Viewer,
    *,
    done: bool = False,
    error: DomainError | None = None,
) -> Response:
    now = web.context.now()
    values = {
        "given": web.standing_in.find(who.actor),
        "candidates": web.standing_in.candidates(who.actor),
        "lends": bool(web.standing_in.seats(who.actor)),
        "from_at": now,
        "until_at": now + 3 * formats.DAY_MS,
        "done": done,
        "error": error,
    }
    return page(request, web, who, "away.html", values, 422 if error else 200)
