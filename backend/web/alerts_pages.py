"""Alerts and their handling: seen, given to somebody, put right, closed or a false alarm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Form, Query
from sqlalchemy import ColumnElement, Connection
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Actor, Role
from backend.domain.application_actions import READERS
from backend.domain.errors import DomainError, missing
from backend.domain.organisation import ancestors
from backend.services.paging import decode_cursor
from backend.services.paging import page as keyset_page
from backend.store import alert_lists, phone
from backend.store.scope import in_branches
from backend.store.tables import alert
from backend.web import formats, places
from backend.web.alert_texts import alert_texts
from backend.web.i18n import reading_locale
from backend.web.overview_numbers import CASE_SOON_MS
from backend.web.ports import CaseDesk, Web
from backend.web.site import Concerned, Viewer, WebPort, go, page, pages

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

Text = Annotated[str, Query(max_length=200)]
Words = Annotated[str, Form(max_length=1000)]

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
    kept = {name: value for name, value in asked.items() if value}
    values = {
        "alerts": texts,
        "asked": asked,
        "places": places.below(web, who.actor),
        "next": None if found.next is None else _link(kept | {"after": found.next}),
        "first": _link(kept) if after else None,
    }
    return page(request, web, who, "alerts.html", values)


@router.get("/alerts/{alert_id}")
def alert_page(request: Request, who: Concerned, web: WebPort, alert_id: str) -> Response:
    """One alert with everything about it."""
    return _show(request, web, who, alert_id)


@router.post("/alerts/{alert_id}/acknowledge")
def acknowledge(request: Request, who: Concerned, web: WebPort, alert_id: str) -> Response:
    """“I have seen it.”"""
    return _do(request, web, who, alert_id, lambda desk: desk.acknowledge(who.actor, alert_id))


@router.post("/alerts/{alert_id}/assign")
def assign(
    request: Request,
    who: Concerned,
    web: WebPort,
    alert_id: str,
    to: Annotated[str, Form(max_length=64)] = "",
    due: Annotated[str, Form(max_length=20)] = "",
    note: Words = "",
) -> Response:
    """Give it to somebody, with a deadline."""
    due_at = formats.from_local(due) if due else None
    return _do(
        request,
        web,
        who,
        alert_id,
        lambda desk: desk.assign(who.actor, alert_id, to, due_at=due_at, note=note),
    )


@router.post("/alerts/{alert_id}/rectify")
def rectify(
    request: Request, who: Concerned, web: WebPort, alert_id: str, text: Words = ""
) -> Response:
    """Say what is being done."""
    return _do(request, web, who, alert_id, lambda desk: desk.rectify(who.actor, alert_id, text))


@router.post("/alerts/{alert_id}/comment")
def comment(
    request: Request, who: Concerned, web: WebPort, alert_id: str, text: Words = ""
) -> Response:
    """Add words."""
    return _do(request, web, who, alert_id, lambda desk: desk.comment(who.actor, alert_id, text))


@router.post("/alerts/{alert_id}/close")
def close(
    request: Request, who: Concerned, web: WebPort, alert_id: str, text: Words = ""
) -> Response:
    """It is put right."""
    return _do(request, web, who, alert_id, lambda desk: desk.close(who.actor, alert_id, text))


@router.post("/alerts/{alert_id}/false-alarm")
def false_alarm(
    request: Request, who: Concerned, web: WebPort, alert_id: str, text: Words = ""
) -> Response:
    """It was none."""
    return _do(
        request, web, who, alert_id, lambda desk: desk.false_alarm(who.actor, alert_id, text)
    )


def _do(
    request: Request,
    web: Web,
    who: Concerned,
    alert_id: str,
    act: Callable[[CaseDesk], object],
) -> Response:
    try:
        act(_desk(web))
    except DomainError as error:
        if error.kind in ("missing", "unauthenticated"):
            raise
        return _show(request, web, who, alert_id, error)
    return go(f"/alerts/{alert_id}")


def _desk(web: Web) -> CaseDesk:
    if web.case_desk is None:
        raise missing("预警处理服务", "case service")
    return web.case_desk


def _show(
    request: Request,
    web: Web,
    who: Concerned,
    alert_id: str,
    error: DomainError | None = None,
) -> Response:
    actor = who.actor
    with web.context.db.read() as conn:
        row = alert_lists.one(conn, may_see(conn, actor), alert_id)
        if row is None:
            raise missing("该预警", "alert")
        (text,) = alert_texts(conn, [row], web.alert_words, reading_locale(actor.locale))
        values: dict[str, Any] = {
            "one": text,
            "notes": alert_lists.notes(conn, alert_id),
            "evidence": alert_lists.evidence(conn, alert_id),
            "people": phone.holders(
                conn,
                (Role.SUPERVISOR, Role.APPROVER, Role.CUSTODIAN),
                ancestors(row.org_path),
                web.context.now(),
            ),
            "error": error,
        }
    supervises = actor.may(Role.SUPERVISOR, row.org_path)
    values |= {
        "open": row.closed_at is None and web.case_desk is not None,
        "supervises": supervises,
        "handles": supervises or row.assignee_id == actor.person_id,
    }
    return page(request, web, who, "alert.html", values, 422 if error else 200)


def _link(kept: dict[str, str]) -> str:
    return f"/alerts?{urlencode(kept)}"
