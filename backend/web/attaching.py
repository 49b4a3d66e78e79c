"""Papers of a draft: photographed or chosen, sent in pieces, taken out again."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, Form, Query, Request, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from backend.api.settings import MAX_UPLOAD
from backend.domain.actor import Actor
from backend.domain.application import DocumentKind
from backend.domain.errors import DomainError
from backend.services.paper_pieces import PIECE_BYTES, PaperComing
from backend.services.views import ApplicationView
from backend.web import proposing
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, go, pages, piece, showable

JSON: Final = "application/json"
_KINDS: Final = frozenset(DocumentKind)
_PIECE_BODY: Final = PIECE_BYTES + 1024

router = pages()


def _coming(
    digest: Annotated[str, Query(max_length=64)],
    size: Annotated[int, Query(ge=1)],
    kind: Annotated[str, Query(max_length=20)] = "page",
    name: Annotated[str, Query(max_length=200)] = "",
) -> PaperComing:
    chosen = DocumentKind(kind) if kind in _KINDS else DocumentKind.PAGE
    return PaperComing(chosen, name, digest, size)


def _json(found: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(found), 200, {"Cache-Control": "no-store"}, JSON)


@router.post("/applications/{application_id}/papers", max_body_size=MAX_UPLOAD)
async def attach(
    request: Request,
    who: Concerned,
    web: WebPort,
    application_id: str,
    file: UploadFile,
    kind: Annotated[str, Form(max_length=20)] = "page",
    name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Add a paper; the phone has made it small already."""
    data = await file.read()
    error = None
    try:
        view = web.drafts.attach(
            who.actor,
            application_id,
            DocumentKind(kind) if kind in _KINDS else DocumentKind.PAGE,
            name or file.filename or "",
            data,
        )
    except DomainError as refused:
        showable(refused)
        error, view = refused, web.reader.get(who.actor, application_id)
    proposing.have_read(web, view)
    if not request.headers.get("hx-request"):
        return go(f"/applications/{application_id}/edit")
    return piece(request, web, who, "parts/papers.html", paper_values(web, who.actor, view, error))


@router.get("/applications/{application_id}/papers/pieces")
def pieces_held(
    who: Concerned,
    web: WebPort,
    application_id: str,
    paper: Annotated[PaperComing, Depends(_coming)],
) -> Response:
    """Which pieces of a paper need not be sent (again)."""
    there = web.drafts.pieces_held(who.actor, application_id, paper)
    return _json({"held": there, "pieces": paper.pieces, "bytes": PIECE_BYTES})


@router.post("/applications/{application_id}/papers/pieces", max_body_size=_PIECE_BODY)
async def attach_piece(
    request: Request,
    who: Concerned,
    web: WebPort,
    application_id: str,
    position: Annotated[int, Query(ge=0)],
    paper: Annotated[PaperComing, Depends(_coming)],
) -> Response:
    """One piece of a paper; with the last the list of papers comes back."""
    data = await request.body()
    error = None
    try:
        view = await run_in_threadpool(
            web.drafts.attach_piece, who.actor, application_id, paper, position, data
        )
    except DomainError as refused:
        showable(refused)
        error, view = refused, web.reader.get(who.actor, application_id)
    if view is None:
        return _json({"more": True})
    proposing.have_read(web, view)
    return piece(request, web, who, "parts/papers.html", paper_values(web, who.actor, view, error))


@router.post("/applications/{application_id}/papers/{document_id}/remove")
def detach(
    request: Request, who: Concerned, web: WebPort, application_id: str, document_id: str
) -> Response:
    """Take a paper out again."""
    view = web.drafts.detach(who.actor, application_id, document_id)
    if not request.headers.get("hx-request"):
        return go(f"/applications/{application_id}/edit")
    return piece(request, web, who, "parts/papers.html", paper_values(web, who.actor, view))


def paper_values(
    web: Web, actor: Actor, view: ApplicationView, error: DomainError | None = None
) -> dict[str, Any]:
    """What the list of papers with its empty slots shows."""
    matter = web.matters.get(actor, view.row.matter.id)
    slots = [("page", "")]
    if matter.spec.get("resolution") or view.resolution:
        slots.append(("resolution", "会议决议"))
    slots += [("attachment", name) for name in matter.attachments]
    return {"view": view, "papers": view.documents, "slots": slots, "paper_error": error}
