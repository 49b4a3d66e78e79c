"""Sleeves: how each one is, what it said last, and the remote lock."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Form, Query
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Role
from backend.domain.application_actions import READERS
from backend.domain.errors import DomainError, missing
from backend.store import sleeve_states, today, use_story
from backend.store.scope import in_branches
from backend.store.tables import device
from backend.web import places
from backend.web.i18n import reading_locale
from backend.web.site import Concerned, Viewer, WebPort, go, page, pages
from backend.web.sleeves import SICK, WORDS, health
from backend.web.story import entries

_SHOWN: Final = 500
_RECORDS: Final = 40
_ONLY: Final = {"sick": SICK, "offline": ("gone", "away")}
_ORDERERS: Final = (Role.ADMIN, Role.SUPERVISOR)

router = pages()


@router.get("/sleeves")
def sleeves_page(
    request: Request,
    who: Viewer,
    web: WebPort,
    org: Annotated[str, Query(max_length=200)] = "",
    only: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """All of them, or those that are so: ``only`` is ``sick``, ``offline`` or a state."""
    now = web.context.now()
    with web.context.db.read() as conn:
        seen = in_branches(conn, device.c.org_path, who.actor.branches(*READERS, Role.ADMIN))
        if org:
            seen = seen & in_branches(conn, device.c.org_path, [org])
        counts = today.sleeve_counts(conn, seen, now)
        if only:
            seen = seen & sleeve_states.state(now).in_(_ONLY.get(only, (only,)))
        found = [health(row) for row in today.sleeves(conn, seen, now, _SHOWN)]
    values = {
        "sleeves": found,
        "total": sum(counts.values()),
        "sick": sum(counts.get(state, 0) for state in SICK),
        "states": WORDS,
        "asked": {"org": org, "only": only},
        "places": places.below(web, who.actor),
    }
    return page(request, web, who, "sleeves.html", values)


@router.get("/sleeves/{device_id}")
def sleeve_page(request: Request, who: Concerned, web: WebPort, device_id: str) -> Response:
    """One sleeve."""
    actor = who.actor
    with web.context.db.read() as conn:
        seen = in_branches(conn, device.c.org_path, actor.branches(*READERS, Role.ADMIN))
        rows = today.sleeves(conn, seen & (device.c.id == device_id), web.context.now(), 1)
        if not rows:
            raise missing("该套筒", "sleeve")
        row = rows[0]
        records = (
            use_story.of_device(conn, device_id, _RECORDS)
            if actor.may_any(READERS, row.org_path)
            else []
        )
        told = entries(conn, records, (), reading_locale(actor.locale))
    values = {
        "one": health(row),
        "entries": told,
        "may_order": web.device_orders is not None and actor.may_any(_ORDERERS, row.org_path),
    }
    return page(request, web, who, "one_sleeve.html", values)


@router.post("/sleeves/{device_id}/lock")
def lock(
    who: Concerned,
    web: WebPort,
    device_id: str,
    locked: Annotated[str, Form(max_length=5)] = "yes",
    reason: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Order the remote lock, or take it back; the sleeve says when it is done."""
    if web.device_orders is None:
        raise DomainError("not_served", "本系统没有接入套筒", "no sleeves are served here")
    web.device_orders.lock(who.actor, device_id, locked == "yes", reason)
    return go(f"/sleeves/{device_id}")
