"""The usage log: filters in the address, a keyset page at a time, cards on a phone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Actor
from backend.domain.application_actions import READERS
from backend.services.views import RegisterRow
from backend.store import today
from backend.store.register import RegisterFilter
from backend.web import formats, places
from backend.web.ports import Web
from backend.web.site import Viewer, WebPort, page, pages

_SHOWN: Final = 40

Text = Annotated[str, Query(max_length=200)]

router = pages()


FIELDS: Final = ("org", "q", "seal", "device", "from", "until", "only")
"""What the address may ask for."""


def read_filter(asked: Mapping[str, str]) -> RegisterFilter:
    """What ``asked`` (some of :data:`FIELDS`) narrows the log to; the export reads it alike."""
    from_day, until_day = asked.get("from", ""), asked.get("until", "")
    until = formats.from_local(until_day) if until_day else None
    only = asked.get("only", "")
    return RegisterFilter(
        org_path=asked.get("org") or None,
        seal_id=asked.get("seal") or None,
        device_id=asked.get("device") or None,
        text=asked.get("q", "").strip() or None,
        from_at=formats.from_local(from_day) if from_day else None,
        until_at=None if until is None else until + formats.DAY_MS,
        unstamped=True,
        unreviewed=only == "unreviewed",
        alerted=only == "alerted",
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A use in the log with the alerts about it."""

    row: RegisterRow
    alerts: list[Any]


@router.get("/uses")
def uses_page(
    request: Request,
    who: Viewer,
    web: WebPort,
    org: Text = "",
    q: Text = "",
    seal: Text = "",
    device: Text = "",
    from_day: Annotated[str, Query(alias="from", max_length=10)] = "",
    until_day: Annotated[str, Query(alias="until", max_length=10)] = "",
    only: Annotated[str, Query(max_length=20)] = "",
    after: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """One page of it. ``only``: ``alerted`` or ``unreviewed``."""
    asked = {
        "org": org,
        "q": q,
        "seal": seal,
        "device": device,
        "from": from_day,
        "until": until_day,
        "only": only,
    }
    found = web.register.list(who.actor, read_filter(asked), after=after, limit=_SHOWN)
    kept = {name: value for name, value in asked.items() if value}
    values = {
        "lines": _lines(web, who.actor, found.items),
        "asked": asked,
        "filtered": bool(kept),
        "places": places.below(web, who.actor),
        "next": None if found.next is None else f"/uses?{urlencode(kept | {'after': found.next})}",
        "first": f"/uses?{urlencode(kept)}" if after else None,
    }
    return page(request, web, who, "uses.html", values)


def _lines(web: Web, actor: Actor, rows: Any) -> list[Line]:
    if not actor.branches(*READERS):
        return [Line(row, []) for row in rows]
    with web.context.db.read() as conn:
        alerts = today.alerts_of_uses(conn, [row.id for row in rows])
    return [Line(row, alerts.get(row.id, [])) for row in rows]
