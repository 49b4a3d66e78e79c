"""A seal's clean imprint: enrolled by photograph at commissioning, renewed, retired."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import File, Form, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from backend.api.deps import service
from backend.api.settings import MAX_UPLOAD
from backend.domain.actor import Role
from backend.domain.errors import DomainError
from backend.services.imprints import MAX_PICTURES, ImprintService
from backend.store import standing
from backend.web.admin import admin_of
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, go, page, pages, showable

GOOD: Final = 0.97
"""From this share of the ring on an imprint is called clear."""

Imprints = Annotated[ImprintService, service(ImprintService)]

router = pages()


@router.get("/admin/seals/{seal_id}/imprint")
def imprint_page(
    request: Request,
    who: Concerned,
    web: WebPort,
    imprints: Imprints,
    seal_id: str,
    done: str = "",
) -> Response:
    """What is enrolled, how good it is, and what was before."""
    return _show(request, web, who, imprints, seal_id, done=done)


@router.post("/admin/seals/{seal_id}/imprint", max_body_size=MAX_UPLOAD)
def enrol(
    request: Request,
    who: Concerned,
    web: WebPort,
    imprints: Imprints,
    seal_id: str,
    pictures: Annotated[list[UploadFile], File(max_length=MAX_PICTURES)],
) -> Response:
    """Enrol from photographs of one clean imprint each; the one before is retired."""
    try:
        imprints.enrol(who.actor, seal_id, [one.file.read() for one in pictures])
    except DomainError as error:
        showable(error)
        return _show(request, web, who, imprints, seal_id, error=error)
    return go(f"/admin/seals/{seal_id}/imprint?done=enrol")


@router.post("/admin/seals/{seal_id}/imprint/retire")
def retire(
    request: Request,
    who: Concerned,
    web: WebPort,
    imprints: Imprints,
    seal_id: str,
    reason: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Nothing is compared with it any more."""
    try:
        imprints.retire(who.actor, seal_id, reason)
    except DomainError as error:
        showable(error)
        return _show(request, web, who, imprints, seal_id, error=error)
    return go(f"/admin/seals/{seal_id}/imprint?done=retire")


def _show(
    request: Request,
    web: Web,
    who: Concerned,
    imprints: ImprintService,
    seal_id: str,
    *,
    done: str = "",
    error: DomainError | None = None,
) -> Response:
    admin = admin_of(web)
    seal = admin.seals.get(who.actor, seal_id)
    found = imprints.find(who.actor, seal_id)
    with web.context.db.read() as conn:
        names = standing.names(conn, [one.enrolled_by for one in found])
    values = {
        "org": admin.organisations.get(who.actor, seal.org_id),
        "tab": "people",
        "seal": seal,
        "now_held": next((one for one in found if one.retired_at is None), None),
        "before": [one for one in found if one.retired_at is not None],
        "names": names,
        "good": GOOD,
        "most": MAX_PICTURES,
        "may": who.actor.may(Role.ADMIN, seal.org_path) and seal.status != "destroyed",
        "done": done if done in ("enrol", "retire") else "",
        "error": error,
    }
    return page(request, web, who, "imprint.html", values, 422 if error else 200)
