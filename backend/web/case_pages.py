"""One alert: what it is about, what was done, and every step that may be taken with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Form, UploadFile
from sqlalchemy import Connection, Row
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from backend.api.settings import MAX_UPLOAD
from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, missing
from backend.domain.organisation import ancestors
from backend.store import alert_lists, case_pictures, phone
from backend.store.tables import picture
from backend.web import eyes_seen, formats, held_up, looks
from backend.web.alert_texts import alert_texts
from backend.web.alerts_pages import may_see
from backend.web.i18n import reading_locale
from backend.web.ports import CaseDesk, Web
from backend.web.site import Concerned, WebPort, go, page, pages, showable

Words = Annotated[str, Form(max_length=1000)]
Days = Annotated[int, Form(ge=0, le=366)]

router = pages()


@dataclass(frozen=True, slots=True)
class Proof:
    """Something put to a case, and its picture if it has one."""

    row: Row[Any]
    tile: looks.Tile | None


@router.get("/alerts/{alert_id}")
def alert_page(request: Request, who: Concerned, web: WebPort, alert_id: str) -> Response:
    """One alert with everything about it."""
    looks.begin_stated(web, who.actor)
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
    request: Request,
    who: Concerned,
    web: WebPort,
    alert_id: str,
    text: Words = "",
    days: Days = 0,
) -> Response:
    """It was none; for so many days the like of it is not told."""
    until = silent_until(web, days)
    return _do(
        request,
        web,
        who,
        alert_id,
        lambda desk: desk.false_alarm(who.actor, alert_id, text, suppress_until=until),
    )


@router.post("/alerts/{alert_id}/evidence", max_body_size=MAX_UPLOAD)
async def evidence(
    request: Request,
    who: Concerned,
    web: WebPort,
    alert_id: str,
    file: UploadFile,
    name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Upload proof of what was done."""
    data = await file.read()
    called = name or file.filename or ""
    return await run_in_threadpool(
        _do,
        request,
        web,
        who,
        alert_id,
        lambda desk: desk.attach(who.actor, alert_id, called, data),
    )


def _do(
    request: Request,
    web: Web,
    who: Concerned,
    alert_id: str,
    act: Callable[[CaseDesk], object],
) -> Response:
    try:
        act(desk_of(web))
    except DomainError as error:
        showable(error)
        return _show(request, web, who, alert_id, error)
    return go(f"/alerts/{alert_id}")


def silent_until(web: Web, days: int) -> int | None:
    """The end (ms UTC) of a silence of so many days; ``None`` for none."""
    return web.context.now() + days * formats.DAY_MS if days else None


def desk_of(web: Web) -> CaseDesk:
    """Who handles alerts here.

    Raises:
        DomainError: ``not_found`` where alerts run elsewhere.
    """
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
        open_now = looks.open_reviews(conn, web, actor)
        values: dict[str, Any] = {
            "one": text,
            "notes": alert_lists.notes(conn, alert_id),
            "evidence": _evidence(conn, actor, alert_id, open_now),
            "pair": _pair(conn, actor, row, open_now),
            "held_up": held_up.of_alert(conn, row, actor, open_now),
            "seen_here": eyes_seen.of_alert(conn, row, actor, open_now),
            "reviews": open_now,
            "may_look": bool(actor.branches(*looks.LOOKERS)),
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


def _evidence(
    conn: Connection, actor: Actor, alert_id: str, open_now: Sequence[looks.OpenReview]
) -> list[Proof]:
    rows = alert_lists.evidence(conn, alert_id)
    ids = [row.picture_id for row in rows if row.picture_id is not None]
    kept = conn.execute(picture.select().where(picture.c.id.in_(ids))).all() if ids else []
    shown = {one.id: one for one in looks.tiles(kept, actor, open_now)}
    return [Proof(row, shown.get(row.picture_id)) for row in rows]


def _pair(
    conn: Connection, actor: Actor, row: Row[Any], open_now: Sequence[looks.OpenReview]
) -> list[tuple[str, looks.Tile | None]]:
    """Two pictures side by side, for whoever may look at them."""
    found: list[tuple[str, looks.Tile | None]] = []
    for kind, one in case_pictures.pair(conn, row):
        tiles = [] if one is None else looks.tiles([one], actor, open_now)
        if one is None or tiles:
            found.append((kind, tiles[0] if tiles else None))
    return found if any(tile is not None for _kind, tile in found) else []
