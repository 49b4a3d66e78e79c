"""The first page on a phone: what waits for me, what I can stamp, what my seals are doing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Header, Query
from sqlalchemy import Connection, or_
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Actor, Role
from backend.services.application_drafts import ASKERS
from backend.services.register import seen_uses
from backend.services.views import ApplicationRow
from backend.store import alert_lists, today
from backend.store.application_lists import ApplicationFilter
from backend.store.scope import in_branches
from backend.store.tables import alert, device, seal
from backend.web import formats, permits
from backend.web.alert_texts import AlertText, alert_texts
from backend.web.i18n import reading_locale
from backend.web.live import Head
from backend.web.live_pages import changed
from backend.web.ports import Web
from backend.web.site import Viewer, WebPort, holds, page, pages, piece
from backend.web.sleeves import Health, health
from backend.web.today import sees

_SHOWN: Final = 20
_SHOWN_SEALS: Final = 30
_SOON_MS: Final = 2 * formats.HOUR_MS

router = pages()


@dataclass(frozen=True, slots=True)
class Waiting:
    """An application with how its time limit stands: ``ok``, ``warn`` (soon), ``bad`` (over)."""

    row: ApplicationRow
    tone: str
    left_ms: int | None


@router.get("/home")
def home_page(request: Request, who: Viewer, web: WebPort) -> Response:
    """The whole page."""
    cursor = web.changes.head()
    return page(request, web, who, "home.html", _values(web, who.actor) | {"cursor": cursor})


@router.get("/home/parts")
def home_parts(request: Request, who: Viewer, web: WebPort) -> Response:
    """What changes on it."""
    return piece(request, web, who, "parts/home.html", _values(web, who.actor))


@router.get("/live/home")
async def live_home(
    who: Viewer,
    web: WebPort,
    cursor: Annotated[int, Query(ge=0)],
    notice: Annotated[str, Query(max_length=64)] = "",
    last_event_id: Annotated[int | None, Header()] = None,
) -> Response:
    """Says that something changed in one's branch."""
    actor = who.actor

    def wanted(head: Head) -> bool:
        return head.kind.startswith(_KINDS) and sees(actor, head)

    start = last_event_id if last_event_id is not None else cursor
    return changed(web, start, wanted, actor.person_id, notice)


_KINDS: Final = (
    "application.",
    "permit.",
    "grant.",
    "event.grant_burnt",
    "event.use_finished",
    "alert.",
)


def _values(web: Web, actor: Actor) -> dict[str, Any]:
    now = web.context.now()
    decides = holds(actor, Role.APPROVER, Role.SUPERVISOR)
    with web.context.db.read() as conn:
        cases = _cases(conn, web, actor)
        kept = _sleeves(conn, web, actor)
        midnight = formats.local_midnight(now)
        uses = today.uses(conn, seen_uses(conn, actor), midnight, midnight + formats.DAY_MS, 3)
    mine = web.reader.list(actor, ApplicationFilter(mine=True, statuses=_MINE), limit=_SHOWN).items
    todo = (
        web.reader.list(actor, ApplicationFilter(todo=True), limit=_SHOWN).items if decides else ()
    )
    return {
        "todo": [_waiting(row, now) for row in todo],
        "ready": [row for row in mine if row.status in ("approved", "in_use")],
        "answer": [row for row in mine if row.status in ("returned", "finished_early")],
        "drafts": [row for row in mine if row.status == "draft"],
        "running": [_waiting(row, now) for row in mine if row.status == "submitted"],
        "cases": cases,
        "sleeves": kept,
        "uses": uses,
        "may_apply": holds(actor, *ASKERS),
        "permits": permits.to_decide(web, actor) if decides else [],
        "carried": permits.carried(web, actor),
        "to_review": _to_review(web, actor),
        "decides": holds(actor, Role.APPROVER),
    }


_MINE: Final = ("draft", "returned", "finished_early", "submitted", "approved", "in_use")


def _waiting(row: ApplicationRow, now: int) -> Waiting:
    if row.due_at is None:
        return Waiting(row, "mute", None)
    left = row.due_at - now
    return Waiting(row, "bad" if left < 0 else "warn" if left < _SOON_MS else "ok", left)


def _to_review(web: Web, actor: Actor) -> Sequence[ApplicationRow]:
    """Emergencies that nobody has looked at."""
    if not holds(actor, Role.SUPERVISOR):
        return []
    return web.reader.list(actor, ApplicationFilter(unreviewed=True), limit=_SHOWN).items


def _cases(conn: Connection, web: Web, actor: Actor) -> list[AlertText]:
    """Alerts that were given to me."""
    rows = alert_lists.rows(
        conn,
        alert.c.assignee_id == actor.person_id,
        alert_lists.AlertFilter(stages=alert_lists.OPEN_STAGES),
        None,
        _SHOWN,
    )
    return alert_texts(conn, rows, web.alert_words, reading_locale(actor.locale))


def _sleeves(conn: Connection, web: Web, actor: Actor) -> list[Health]:
    """Sleeves of the seals that I keep."""
    kept = or_(
        in_branches(conn, device.c.org_path, actor.branches(Role.CUSTODIAN)),
        seal.c.custodian_id == actor.person_id,
    )
    now = web.context.now()
    return [health(row) for row in today.sleeves(conn, kept, now, _SHOWN_SEALS)]
