"""The papers of an application as pictures that a phone can show; each look on record first.

An approver's reason to look is the approval itself; that they looked is noted with the step (C27).
"""

from __future__ import annotations

import io
import threading
from typing import Annotated, Final

import pypdfium2
from fastapi import Query
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from backend.domain import zones
from backend.domain.actor import Actor
from backend.domain.errors import DomainError, missing
from backend.services.papers import PDF
from backend.services.views import ApplicationView, DocumentView
from backend.web import proposing
from backend.web.i18n import reading_locale
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, page, pages

_WIDE: Final = 1400
_THUMB: Final = 320
_turn = threading.Lock()
"""PDFium may be entered by one thread at a time; the same rule as at the gate for papers."""

router = pages()


@router.get("/applications/{application_id}/papers/{document_id}")
def paper_page(
    request: Request,
    who: Concerned,
    web: WebPort,
    application_id: str,
    document_id: str,
    done: bool = False,
) -> Response:
    """One paper with all its pages, to be read; whose draft it is marks it here."""
    view = web.reader.get(who.actor, application_id)
    return show(request, web, who, view, paper_of(view, document_id), done=done)


def show(
    request: Request,
    web: Web,
    who: Concerned,
    view: ApplicationView,
    paper: DocumentView,
    *,
    done: bool = False,
    error: DomainError | None = None,
) -> Response:
    """The page; ``error``: why marks were not kept."""
    count = 1
    if paper.mime == PDF:
        count = _page_count(_look(web, who.actor, view, paper))
    marking = proposing.may_mark(view, paper)
    if marking:
        proposing.have_read(web, view)
    values = {
        "view": view,
        "paper": paper,
        "count": count,
        "marks": zones.plain(view.details).get(paper.picture_id or "", []),
        "marking": marking,
        "settled": paper.picture_id in zones.settled_papers(view.details),
        "proposed": proposing.of_draft(web, view, paper, reading_locale(who.actor.locale)),
        "found": proposing.of_submitted(web, view, paper),
        "done": done,
        "error": error,
    }
    return page(request, web, who, "paper.html", values, 422 if error else 200)


@router.get("/applications/{application_id}/papers/{document_id}/{number}.jpg")
def paper_picture(
    who: Concerned,
    web: WebPort,
    application_id: str,
    document_id: str,
    number: int,
    size: Annotated[str, Query(max_length=10)] = "full",
) -> Response:
    """Page ``number`` (from 1) as a JPEG."""
    view = web.reader.get(who.actor, application_id)
    paper = paper_of(view, document_id)
    data = _look(web, who.actor, view, paper)
    image = _pdf_page(data, number) if paper.mime == PDF else Image.open(io.BytesIO(data))
    width = _THUMB if size == "thumb" else _WIDE
    return Response(_jpeg(image, width), 200, {"Cache-Control": "no-store"}, "image/jpeg")


def paper_of(view: ApplicationView, document_id: str) -> DocumentView:
    for one in view.documents:
        if one.id == document_id:
            return one
    raise missing("该文件", "document")


def _look(web: Web, actor: Actor, view: ApplicationView, paper: DocumentView) -> bytes:
    if paper.picture_id is None:
        raise missing("该文件", "document")
    number = view.row.number or "草稿"
    own = actor.person_id in (view.row.applicant.id, view.row.operator.id)
    decides = "approve" in view.actions
    why = "审批" if decides else "查看本人申请" if own else "查看申请文件"
    shown = web.pictures.view(actor, paper.picture_id, reason=f"{why} {number}")
    if decides:
        web.applications.open_pages(actor, view.row.id)
    return shown.data


def _page_count(data: bytes) -> int:
    with _turn:
        document = pypdfium2.PdfDocument(data)
        try:
            return len(document)
        finally:
            document.close()


def _pdf_page(data: bytes, number: int) -> Image.Image:
    with _turn:
        document = pypdfium2.PdfDocument(data)
        try:
            if not 1 <= number <= len(document):
                raise DomainError("not_found", "没有这一页", "there is no such page", "missing")
            found = document[number - 1]
            scale = _WIDE / max(1.0, found.get_width())
            made: Image.Image = found.render(scale=scale).to_pil()
            return made
        finally:
            document.close()


def _jpeg(image: Image.Image, width: int) -> bytes:
    made = image.convert("RGB")
    made.thumbnail((width, width * 2))
    out = io.BytesIO()
    made.save(out, "JPEG", quality=82)
    return out.getvalue()
