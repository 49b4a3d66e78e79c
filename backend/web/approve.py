"""An application on a phone: its papers first, then what may be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import Form
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.domain.organisation import ancestors
from backend.services.views import ApplicationView
from backend.store import phone
from backend.web import paper_facts
from backend.web.own_signing import OwnSigning, own_signing
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, go, page, pages, piece, showable

Version = Annotated[int, Form(ge=0)]
Reason = Annotated[str, Form(max_length=500)]

DONE: Final = (
    "submit",
    "emergency",
    "review",
    "approve",
    "reject",
    "return",
    "delegate",
    "withdraw",
    "void",
    "explain",
    "close",
)

router = pages()


@router.get("/applications/{application_id}")
def application_page(
    request: Request,
    who: Concerned,
    web: WebPort,
    application_id: str,
    done: str = "",
    more: bool = False,
) -> Response:
    """The application; a draft of one's own opens where it is filled in. ``more``: with the
    question for more stamps open."""
    view = web.reader.get(who.actor, application_id)
    if view.row.status == "draft" and "edit" in view.actions:
        return go(f"/applications/{application_id}/edit")
    return _show(request, web, who, view, done=done if done in DONE else "", more=more)


@router.get("/applications/{application_id}/state")
def application_state(
    request: Request, who: Concerned, web: WebPort, application_id: str
) -> Response:
    """What changes on the page."""
    return _state(request, web, who, web.reader.get(who.actor, application_id))


@router.post("/applications/{application_id}/approve")
def approve(
    request: Request,
    who: Concerned,
    web: WebPort,
    application_id: str,
    version: Version,
    signing: OwnSigning,
    reason: Reason = "",
) -> Response:
    """Yes, with one's own signature if there is one."""
    return _do(
        request,
        web,
        who,
        application_id,
        "approve",
        lambda: web.applications.approve(
            who.actor, application_id, version, reason=reason, signing=signing
        ),
    )


@router.post("/applications/{application_id}/reject")
def reject(
    request: Request,
    who: Concerned,
    web: WebPort,
    application_id: str,
    version: Version,
    reason: Reason = "",
) -> Response:
    """No, for a reason."""
    return _do(
        request,
        web,
        who,
        application_id,
        "reject",
        lambda: web.applications.reject(who.actor, application_id, version, reason),
    )


@router.post("/applications/{application_id}/return")
def return_for_more(
    request: Request,
    who: Concerned,
    web: WebPort,
    application_id: str,
    version: Version,
    reason: Reason = "",
) -> Response:
    """More is needed first."""
    return _do(
        request,
        web,
        who,
        application_id,
        "return",
        lambda: web.applications.return_for_more(who.actor, application_id, version, reason),
    )


@router.post("/applications/{application_id}/delegate")
def delegate(
    request: Request,
    who: Concerned,
    web: WebPort,
    application_id: str,
    version: Version,
    to: Annotated[str, Form(max_length=64)] = "",
    reason: Reason = "",
) -> Response:
    """Somebody else decides this step."""
    return _do(
        request,
        web,
        who,
        application_id,
        "delegate",
        lambda: web.applications.delegate(who.actor, application_id, version, to, reason),
    )


@router.post("/applications/{application_id}/withdraw")
def withdraw(
    request: Request,
    who: Concerned,
    web: WebPort,
    application_id: str,
    version: Version,
    reason: Reason = "",
) -> Response:
    """The applicant no longer wants it."""
    return _do(
        request,
        web,
        who,
        application_id,
        "withdraw",
        lambda: web.applications.withdraw(who.actor, application_id, version, reason),
    )


@router.post("/applications/{application_id}/void")
def void(
    request: Request,
    who: Concerned,
    web: WebPort,
    application_id: str,
    version: Version,
    reason: Reason = "",
) -> Response:
    """The approval no longer holds."""
    return _do(
        request,
        web,
        who,
        application_id,
        "void",
        lambda: web.applications.void(who.actor, application_id, version, reason),
    )


@router.post("/applications/{application_id}/explain")
def explain(
    request: Request, who: Concerned, web: WebPort, application_id: str, reason: Reason = ""
) -> Response:
    """Why fewer stamps were made than approved."""
    return _do(
        request,
        web,
        who,
        application_id,
        "explain",
        lambda: web.applications.explain(who.actor, application_id, reason),
    )


@router.post("/applications/{application_id}/close")
def close(
    request: Request, who: Concerned, web: WebPort, application_id: str, version: Version
) -> Response:
    """The stamped papers are filed."""
    return _do(
        request,
        web,
        who,
        application_id,
        "close",
        lambda: web.applications.close(who.actor, application_id, version),
    )


def _do(
    request: Request, web: Web, who: Concerned, application_id: str, name: str, act: Any
) -> Response:
    """Act, then show the page anew; what was refused stands on the page beside the buttons."""
    try:
        act()
    except DomainError as error:
        showable(error)
        view = web.reader.get(who.actor, application_id)
        if request.headers.get("hx-request"):
            return _state(request, web, who, view, error=error)
        return _show(request, web, who, view, error=error)
    if request.headers.get("hx-request"):
        return _state(request, web, who, web.reader.get(who.actor, application_id), done=name)
    return go(f"/applications/{application_id}?done={name}")


def show_refused(
    request: Request, web: Web, who: Concerned, view: ApplicationView, error: DomainError
) -> Response:
    """The page, with why more stamps were not asked for."""
    return _show(request, web, who, view, error=error, more=True)


def _show(
    request: Request,
    web: Web,
    who: Concerned,
    view: ApplicationView,
    *,
    done: str = "",
    error: DomainError | None = None,
    more: bool = False,
) -> Response:
    with web.context.db.read() as conn:
        read = paper_facts.read(conn, view.row.id)
    values = _values(web, who, view, done, error) | {
        "papers": _in_order(view),
        "read": read,
        "cursor": web.changes.head(),
        "more": more,
    }
    return page(request, web, who, "application.html", values, 422 if error else 200)


def _state(
    request: Request,
    web: Web,
    who: Concerned,
    view: ApplicationView,
    *,
    done: str = "",
    error: DomainError | None = None,
) -> Response:
    """All but the papers: what is on the screen already is not looked at again."""
    values = _values(web, who, view, done, error)
    return piece(request, web, who, "parts/application_state.html", values)


def _values(
    web: Web, who: Concerned, view: ApplicationView, done: str, error: DomainError | None
) -> dict[str, Any]:
    return {
        "view": view,
        "row": view.row,
        "done": done,
        "error": error,
        "delegates": _delegates(web, who.actor, view),
        "step": _open_step(view),
        "signing": own_signing(web, who.actor, view),
        "grant": next((one for one in reversed(view.grants)), None),
    }


def _in_order(view: ApplicationView) -> list[Any]:
    """The pages to be stamped first, then the rest."""
    return sorted(view.documents, key=lambda one: (one.kind != "page", one.position))


def _open_step(view: ApplicationView) -> Any:
    return next(
        (one for one in view.steps if one.opened_at is not None and one.decided_at is None), None
    )


def _delegates(web: Web, actor: Actor, view: ApplicationView) -> Sequence[Row[Any]]:
    step = _open_step(view)
    if step is None or "delegate" not in view.actions:
        return ()
    with web.context.db.read() as conn:
        found = phone.holders(conn, (Role.APPROVER,), ancestors(step.org_path), web.context.now())
    taking_part = {actor.person_id, view.row.applicant.id, view.row.operator.id}
    return [row for row in found if row.id not in taking_part]
