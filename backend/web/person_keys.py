"""Somebody else's signing keys: an administrator revokes the one on a phone that was lost."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Role
from backend.domain.errors import DomainError, missing
from backend.web.my_keys import keys_of
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, go, page, pages, showable

router = pages()

_LEAST_WORDS = 2


@router.get("/admin/orgs/{org_id}/people/{person_id}/keys")
def keys_page(
    request: Request, who: Concerned, web: WebPort, org_id: str, person_id: str, done: str = ""
) -> Response:
    """The keys, revoked ones too."""
    return _show(request, web, who, org_id, person_id, done=done == "revoke")


@router.post("/admin/orgs/{org_id}/people/{person_id}/keys/{key_id}/revoke")
def revoke(
    request: Request,
    who: Concerned,
    web: WebPort,
    org_id: str,
    person_id: str,
    key_id: str,
    reason: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Void from now on, with the reason on record."""
    try:
        if len(reason.strip()) < _LEAST_WORDS:
            raise DomainError("reason_missing", "请写明为什么注销", "say why it is revoked")
        if key_id not in {one.id for one in keys_of(web).find(who.actor, person_id)}:
            raise missing("该签名密钥", "signing key")
        keys_of(web).revoke(who.actor, key_id, reason)
    except DomainError as error:
        showable(error)
        return _show(request, web, who, org_id, person_id, error=error)
    return go(f"/admin/orgs/{org_id}/people/{person_id}/keys?done=revoke")


def _show(
    request: Request,
    web: Web,
    who: Concerned,
    org_id: str,
    person_id: str,
    *,
    done: bool = False,
    error: DomainError | None = None,
) -> Response:
    person = web.people.get(who.actor, person_id)
    values = {
        "person": person,
        "org_id": org_id,
        "keys": keys_of(web).find(who.actor, person_id),
        "administers": who.actor.may(Role.ADMIN, person.org_path),
        "done": done,
        "error": error,
    }
    return page(request, web, who, "person_keys.html", values, 422 if error else 200)
