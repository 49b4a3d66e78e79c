"""The usage log: filters in the address, leaves in both directions, views that people keep, marking
several as reviewed; cards on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import Form, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Actor, Role
from backend.domain.application_actions import READERS
from backend.domain.errors import DomainError
from backend.services.register import Leaf
from backend.services.saved_views import FIELDS, SavedViewService, kept_filter
from backend.services.views import RegisterRow
from backend.store import log_choices, standing, today
from backend.store.register import RegisterFilter
from backend.web import formats, places
from backend.web.site import Concerned, Viewer, WebPort, go, page, pages

_SHOWN: Final = 40

Filter = Annotated[str, Form(max_length=2000)]

router = pages()


def read_filter(asked: Mapping[str, str]) -> RegisterFilter:
    """What ``asked`` (some of :data:`FIELDS`) narrows the log to; the export reads it alike.

    ``state`` is one of :data:`backend.domain.search.STATES`, ``alert`` the code of a rule,
    ``only``: ``alerted``, ``unreviewed`` or ``reviewed``.
    """
    from_day, until_day = asked.get("from", ""), asked.get("until", "")
    until = formats.from_local(until_day) if until_day else None
    only = asked.get("only", "")
    return RegisterFilter(
        org_path=asked.get("org") or None,
        seal_id=asked.get("seal") or None,
        device_id=asked.get("device") or None,
        matter_id=asked.get("matter") or None,
        person_id=asked.get("person") or None,
        text=asked.get("q", "").strip() or None,
        from_at=formats.from_local(from_day) if from_day else None,
        until_at=None if until is None else until + formats.DAY_MS,
        unstamped=True,
        unreviewed=only == "unreviewed",
        reviewed=only == "reviewed",
        alerted=only == "alerted",
        alert_code=asked.get("alert") or None,
        state=asked.get("state") or None,
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
    older: Annotated[str | None, Query(max_length=400)] = None,
    newer: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """One leaf of it. A search that cannot be made says why and shows nothing."""
    kept = kept_filter(request.url.query)
    query = urlencode(kept)
    error: DomainError | None = None
    try:
        leaf = web.register.leaf(
            who.actor,
            read_filter(kept),
            older_than=older,
            newer_than=newer,
            limit=_SHOWN,
            brief=True,
        )
    except DomainError as refused:
        if refused.code != "search_too_short":
            raise
        error, leaf = refused, Leaf([], None, None, False)

    def to(**cursor: str) -> str:
        return f"/uses?{urlencode(kept | cursor)}" if kept or cursor else "/uses"

    with web.context.db.read() as conn:
        around = _around(conn, who.actor, leaf.items, kept)
    values = {
        "asked": {name: kept.get(name, "") for name in FIELDS},
        "filtered": bool(kept),
        "query": query,
        "here": request.url.query,
        "older": None if leaf.older is None else to(older=leaf.older),
        "newer": None if leaf.newer is None else to(newer=leaf.newer),
        "first": to() if leaf.newer is not None else None,
        "behind": leaf.behind,
        "error": error,
        "views": SavedViewService(web.context).of(who.actor),
        "marked": request.query_params.get("marked", ""),
        "may_review": bool(who.actor.branches(Role.SUPERVISOR)),
        **around,
    }
    return page(request, web, who, "uses.html", values)


@router.post("/uses/views")
def save_view(
    who: Viewer, web: WebPort, name: Annotated[str, Form(max_length=200)], query: Filter = ""
) -> Response:
    """Keep the filter that is shown, under a name."""
    made = SavedViewService(web.context).save(who.actor, name, query)
    return go(f"/uses?{made.query}")


@router.post("/uses/views/{view_id}/delete")
def delete_view(who: Viewer, web: WebPort, view_id: str, query: Filter = "") -> Response:
    """Forget a view."""
    SavedViewService(web.context).delete(who.actor, view_id)
    return go(f"/uses?{urlencode(kept_filter(query))}")


@router.post("/uses/reviewed")
def mark_reviewed(
    who: Concerned,
    web: WebPort,
    remarks: Annotated[str, Form(max_length=500)] = "",
    use: Annotated[list[str] | None, Form(max_length=100)] = None,
    back: Filter = "",
) -> Response:
    """Mark those that were chosen; what may not be marked (again) stays as it is."""
    marked = web.register.review_several(who.actor, use or [], remarks)
    return go(f"/uses?{_back(back, marked)}")


def _back(query: str, marked: int) -> str:
    given = dict(parse_qsl(query))
    cursor = {name: given[name] for name in ("older", "newer") if given.get(name)}
    return urlencode(kept_filter(query) | cursor | {"marked": str(marked)})


def _around(
    conn: Connection, actor: Actor, rows: Sequence[RegisterRow], kept: Mapping[str, str]
) -> dict[str, Any]:
    """The lines with the alerts about them, and what the filters offer. Whom the log is narrowed to
    is named where what is shown is theirs: then their name stands in it."""
    branches = actor.branches(*READERS)
    alerts = today.alerts_of_uses(conn, [row.id for row in rows]) if branches else {}
    return {
        "lines": [Line(row, alerts.get(row.id, [])) for row in rows],
        "places": places.listed(conn, actor),
        "seals": log_choices.seals(conn, branches, kept.get("org")),
        "matters": log_choices.matters(conn),
        "person_name": _name(conn, kept["person"]) if rows and "person" in kept else "—",
    }


def _name(conn: Connection, person_id: str) -> str:
    return standing.names(conn, [person_id]).get(person_id) or "—"
