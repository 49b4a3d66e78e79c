"""One's own signing keys: registered on the device that holds them, retired when it is lost."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.errors import DomainError
from backend.services.signing_keys import SigningKeyService
from backend.web.ports import Web
from backend.web.site import Myself, WebPort, go, page, pages, showable

router = pages()


@router.get("/me/keys")
def keys_page(request: Request, who: Myself, web: WebPort, done: str = "") -> Response:
    """The keys; registering one is the browser's work, with the API's two calls."""
    return _show(request, web, who, done=done)


@router.post("/me/keys/{key_id}/revoke")
def revoke(
    request: Request,
    who: Myself,
    web: WebPort,
    key_id: str,
    reason: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Void from now on; what it signed stays good."""
    try:
        keys_of(web).revoke(who.actor, key_id, reason)
    except DomainError as error:
        showable(error)
        return _show(request, web, who, error=error)
    return go("/me/keys?done=revoke")


def keys_of(web: Web) -> SigningKeyService:
    """The service of keys.

    Raises:
        DomainError: ``not_served``.
    """
    if web.signing_keys is None:
        raise DomainError("not_served", "本系统没有启用本人签名", "not served here", "missing")
    return web.signing_keys


def _show(
    request: Request,
    web: Web,
    who: Myself,
    *,
    done: str = "",
    error: DomainError | None = None,
) -> Response:
    values = {
        "keys": keys_of(web).find(who.actor),
        "info": web.people.get(who.actor, who.actor.person_id),
        "done": done if done in ("add", "revoke") else "",
        "error": error,
    }
    return page(request, web, who, "my_keys.html", values, 422 if error else 200)
