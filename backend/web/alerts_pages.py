"""The list of alerts: narrowed by its address, a keyset page at a time, live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Query
from sqlalchemy import ColumnElement, Connection, Row
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Actor, Role
from backend.domain.application_actions import READERS
from backend.domain.organisation import ancestors
from backend.services.paging import decode_cursor
from backend.services.paging import page as keyset_page
from backend.store import alert_lists, phone
from backend.store.scope import in_branches
from backend.store.tables import alert
from backend.web import formats, places
from backend.web.alert_texts import alert_texts
from backend.web.i18n import mark, reading_locale
from backend.web.overview_numbers import CASE_SOON_MS
from backend.web.ports import Web
from backend.web.site import Viewer, WebPort, page, pages

_SHOWN: Final = 40
_STAGES: Final = {
    "": alert_lists.OPEN_STAGES,
    "new": ("new",),
    "handling": ("acknowledged", "assigned", "rectifying"),
    "closed": ("closed", "false_alarm"),
    "all": (),
}

FIELDS: Final = (
    "stage",
    "severity",
    "code",
    "org",
    "seal",
    "device",
    "from",
    "until",
    "due",
    "mine",
)
"""What the address may ask for."""

ACTIONS: Final = {
    "acknowledge": mark("我知道了"),
    "assign": mark("派人处理"),
    "comment": mark("留言"),
    "false_alarm": mark("误报"),
    "close": mark("销号"),
}
"""What may be done with many at once."""

Text = Annotated[str, Query(max_length=200)]

router = pages()


def may_see(conn: Connection, actor: Actor) -> ColumnElement[bool]:
    """Alerts of one's branches, and those given to oneself."""
    return in_branches(conn, alert.c.org_path, actor.branches(*READERS)) | (
        alert.c.assignee_id == actor.person_id
    )


def read_filter(asked: Mapping[str, str], actor: Actor, now: int) -> alert_lists.AlertFilter:
    """What ``asked`` (some of :data:`FIELDS`) narrows the list to at ``now`` (ms UTC); the export
    reads it alike."""
    until = formats.from_local(asked.get("until", ""))
    due_from, due_until = _due(asked.get("due", ""), now)
    return alert_lists.AlertFilter(
        org_path=asked.get("org") or None,
        code=asked.get("code") or None,
        severity=asked.get("severity") or None,
        stages=_STAGES.get(asked.get("stage", ""), ()),
        assignee_id=actor.person_id if asked.get("mine") else None,
        seal=asked.get("seal") or None,
        device=asked.get("device") or None,
        from_at=formats.from_local(asked.get("from", "")),
        until_at=None if until is None else until + formats.DAY_MS,
        due_from=due_from,
        due_until=due_until,
    )


def _due(which: str, now: int) -> tuple[int | None, int | None]:
    """From and until when the deadline is: ``over`` has passed, ``soon`` will within a day."""
    if which == "over":
        return None, now
    return (now, now + CASE_SOON_MS) if which == "soon" else (None, None)


@router.get("/alerts")
def alerts_page(
    request: Request,
    who: Viewer,
    web: WebPort,
    stage: Text = "",
    severity: Text = "",
    code: Text = "",
    org: Text = "",
    seal: Text = "",
    device: Text = "",
    from_day: Annotated[str, Query(alias="from", max_length=10)] = "",
    until_day: Annotated[str, Query(alias="until", max_length=10)] = "",
    due: Text = "",
    mine: Text = "",
    after: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """Newest first; what is open when nothing is chosen."""
    cursor = web.changes.head()
    before = None
    if after is not None:
        at, last = decode_cursor(after, (int, str))
        before = int(at), str(last)
    asked = dict(
        zip(
            FIELDS,
            (stage, severity, code, org, seal, device, from_day, until_day, due, mine),
            strict=True,
        )
    )
    wanted = read_filter(asked, who.actor, web.context.now())
    with web.context.db.read() as conn:
        seen = may_see(conn, who.actor)
        rows = alert_lists.rows(conn, seen, wanted, before, _SHOWN + 1)
        found = keyset_page(rows, _SHOWN, lambda row: (row.raised_at, row.id))
        texts = alert_texts(conn, found.items, web.alert_words, reading_locale(who.actor.locale))
        people = _handlers(conn, web, who.actor)
    kept = {name: value for name, value in asked.items() if value}
    values = {
        "alerts": texts,
        "asked": asked,
        "here": _link(kept),
        "cursor": cursor,
        "people": people,
        "actions": ACTIONS,
        "handles": bool(people) and web.case_desk is not None,
        "places": places.below(web, who.actor),
        "next": None if found.next is None else _link(kept | {"after": found.next}),
        "first": _link(kept) if after else None,
    }
    return page(request, web, who, "alerts.html", values)


def _handlers(conn: Connection, web: Web, actor: Actor) -> Sequence[Row[Any]]:
    """Whom a supervisor may give cases of their branches to; nobody, for whoever is none."""
    paths = {one for path in actor.branches(Role.SUPERVISOR) for one in ancestors(path)}
    if not paths:
        return ()
    return phone.holders(
        conn, (Role.SUPERVISOR, Role.APPROVER, Role.CUSTODIAN), paths, web.context.now()
    )


def _link(kept: dict[str, str]) -> str:
    return f"/alerts?{urlencode(kept)}"
