"""An approver's own signature on a page: what to sign with, and what the browser sends of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form
from starlette.requests import Request

from backend.api.deps import signing_origins
from backend.domain.actor import Actor
from backend.domain.errors import DomainError
from backend.ledger.personal import PASSKEY, SignatureError, decode
from backend.services.signing_keys import Signing
from backend.services.views import ApplicationView
from backend.web.ports import Web

Text = Annotated[str, Form(max_length=6000)]


@dataclass(frozen=True, slots=True)
class Own:
    """The passkeys that the reader may approve with, in one order; ``required``: without one there
    is no approval."""

    keys: tuple[str, ...]
    credentials: tuple[str, ...]
    required: bool


def own_signing(web: Web, actor: Actor, view: ApplicationView) -> Own | None:
    """With what the reader may sign this application; ``None``: nothing is offered or needed."""
    if "approve" not in view.actions or web.signing_keys is None:
        return None
    matter = web.matters.get(actor, view.row.matter.id)
    required = bool(matter.spec.get("signed")) and view.row.kind != "emergency"
    usable = [
        (one.id, one.credential)
        for one in web.signing_keys.find(actor)
        if one.revoked_at is None and one.form == PASSKEY and one.credential
    ]
    if not usable and not required:
        return None
    return Own(tuple(key for key, _ in usable), tuple(name for _, name in usable), required)


def _given(
    request: Request,
    key: Annotated[str, Form(max_length=64)] = "",
    value: Text = "",
    authenticator_data: Text = "",
    client_data: Text = "",
) -> Signing | None:
    if not value:
        return None
    try:
        given, data, client = decode(value), decode(authenticator_data), decode(client_data)
    except SignatureError as error:
        raise DomainError(
            "bad_signature", "签名不完整，请重新签名", "the signature is not whole; sign anew"
        ) from error
    origins = signing_origins(request, request.app.state.settings)
    return Signing(key, given, data, client, origins)


OwnSigning = Annotated[Signing | None, Depends(_given)]
"""The signature that came with a form, if one did."""
