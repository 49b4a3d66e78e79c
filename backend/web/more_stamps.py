"""还要多盖几个: more stamps for papers that were approved before, by an approval of their own."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from backend.domain import zones
from backend.domain.errors import DomainError
from backend.services.application_drafts import ApplicationForm
from backend.services.views import ApplicationView
from backend.web import approve
from backend.web.numbers import Number, whole
from backend.web.site import Concerned, WebPort, go, pages, showable

MOST: Final = 99

router = pages()


@router.post("/applications/{application_id}/more")
def ask_for_more(
    request: Request,
    who: Concerned,
    web: WebPort,
    application_id: str,
    stamps: Number = "",
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Hand it in at once; what is missing is asked for where applications are filled in."""
    view = web.reader.get(who.actor, application_id)
    row = view.row
    try:
        if not reason.strip():
            raise DomainError(
                "reason_missing", "请写明为什么还要多盖", "say why more stamps are needed"
            )
        made = web.drafts.create(
            who.actor,
            ApplicationForm(
                matter_id=row.matter.id,
                seal_id=row.seal.id,
                operator_id=row.operator.id,
                title=row.title,
                purpose=view.purpose,
                copies=_wanted(stamps),
                stamps_per_copy=1,
                alternates=tuple(one.id for one in view.alternates),
                beneficiary=view.beneficiary,
                counterparty=view.counterparty,
                amount_fen=row.amount_fen,
                resolution=view.resolution,
                extends_id=row.id,
                details={"more": reason.strip()} | _marks(view),
            ),
        )
    except DomainError as error:
        showable(error)
        return approve.show_refused(request, web, who, view, error)
    try:
        web.applications.submit(who.actor, made.row.id, made.row.version)
    except DomainError:
        return go(f"/applications/{made.row.id}/edit?tried=1")
    return go(f"/applications/{made.row.id}?done=submit")


def _marks(view: ApplicationView) -> dict[str, Any]:
    """The papers come along, and so does what is marked on them."""
    return zones.approved(view.details)


def _wanted(text: str) -> int:
    found = whole(text)
    if found is None or not 1 <= found <= MOST:
        raise DomainError(
            "bad_stamps", f"请写明还要盖几个章（1到{MOST}）", f"say how many more, 1 to {MOST}"
        )
    return found
