"""Marking on a paper, before handing in, where something will still be written: signatures, dates,
blanks. The program proposes such places; the applicant takes or leaves each."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated

import msgspec
from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from backend.domain import zones
from backend.domain.errors import DomainError
from backend.web import papers, proposing
from backend.web.apply import filled
from backend.web.i18n import reading_locale
from backend.web.site import Concerned, WebPort, go, pages, showable

router = pages()


@router.post("/applications/{application_id}/papers/{document_id}/zones")
def mark(
    request: Request,
    who: Concerned,
    web: WebPort,
    application_id: str,
    document_id: str,
    version: Annotated[int, Form(ge=0)],
    rows: Annotated[str, Form(max_length=4000, alias="zones")] = "[]",
    settled: Annotated[bool, Form()] = False,
) -> Response:
    """Keep the marks of one paper with the draft. ``settled``: the program's proposals were shown,
    and those that are not among the marks were not wanted."""
    view = web.reader.get(who.actor, application_id)
    paper = papers.paper_of(view, document_id)
    try:
        form = filled(view, {})
        marks = zones.check(_rows(rows))
        details = zones.put(form.details, paper.picture_id or "", marks, settled=settled)
        web.drafts.update(who.actor, application_id, version, replace(form, details=details))
    except DomainError as error:
        showable(error)
        return papers.show(request, web, who, view, paper, error=error)
    return go(f"/applications/{application_id}/papers/{document_id}?done=1")


@router.get("/applications/{application_id}/papers/{document_id}/proposals")
def proposed(who: Concerned, web: WebPort, application_id: str, document_id: str) -> Response:
    """Where the program proposes to sign and to stamp, as soon as the paper was read."""
    view = web.reader.get(who.actor, application_id)
    paper = papers.paper_of(view, document_id)
    found = proposing.of_draft(web, view, paper, reading_locale(who.actor.locale))
    body = msgspec.json.encode({"reading": found is None, "places": found or []})
    return Response(body, 200, {"Cache-Control": "no-store"}, "application/json")


def _rows(text: str) -> object:
    try:
        found: object = json.loads(text)
    except ValueError:
        return None
    return found
