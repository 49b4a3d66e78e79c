"""At the sleeve: the granted job, its code, what to do next, live; at the end 用印完成."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Header, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Actor
from backend.domain.record import Record
from backend.services.register import seen_uses
from backend.services.views import ApplicationView
from backend.store import today, use_story, uses
from backend.web import looks
from backend.web.i18n import mark, reading_locale, say
from backend.web.live import Head
from backend.web.live_pages import changed
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, page, pages, piece
from backend.web.story_words import CODES, code

STEPS: Final = (
    mark("在套筒上输入任务码"),
    mark("输入章数"),
    mark("正对镜头拍脸"),
    mark("放好文件，按“盖章”"),
    mark("盖完按“结束”"),
)
_LOOK: Final = 2
TURNS: Final = {
    "either": mark("正对镜头，再按提示慢慢转头"),
    "left": mark("正对镜头，然后慢慢向左转头"),
    "right": mark("正对镜头，然后慢慢向右转头"),
}
PIN: Final = mark("用章人和见证人各输密码")
_REACHED: Final = {
    "unlocked": 1,
    "open": 1,
    "counted": 2,
    "checking": 2,
    "cleared": 3,
    "stamping": 3,
    "finished": 5,
    "refused": 5,
}

router = pages()


@router.get("/applications/{application_id}/sleeve")
def sleeve_page(request: Request, who: Concerned, web: WebPort, application_id: str) -> Response:
    """The page."""
    looks.begin_stated(web, who.actor)
    cursor = web.changes.head()
    view = web.reader.get(who.actor, application_id)
    values = _values(web, who.actor, view) | {"cursor": cursor}
    return page(request, web, who, "sleeve.html", values)


@router.get("/applications/{application_id}/sleeve/progress")
def progress(request: Request, who: Concerned, web: WebPort, application_id: str) -> Response:
    """What changes on it."""
    view = web.reader.get(who.actor, application_id)
    return piece(request, web, who, "parts/progress.html", _values(web, who.actor, view))


@router.get("/live/applications/{application_id}")
async def live_application(
    who: Concerned,
    web: WebPort,
    application_id: str,
    cursor: Annotated[int, Query(ge=0)],
    notice: Annotated[str, Query(max_length=64)] = "",
    last_event_id: Annotated[int | None, Header()] = None,
) -> Response:
    """Says that something happened to this application or its use; what, the page asks for."""

    def wanted(head: Head) -> bool:
        return head.application == application_id

    start = last_event_id if last_event_id is not None else cursor
    return changed(web, start, wanted, who.actor.person_id, notice)


def _values(web: Web, actor: Actor, view: ApplicationView) -> dict[str, Any]:
    locale = reading_locale(actor.locale)
    with web.context.db.read() as conn:
        had = today.uses_of_application(conn, seen_uses(conn, actor), view.row.id)
        use = had[-1] if had else None
        open_now = looks.open_reviews(conn, web, actor)
        tiles = []
        if use is not None:
            taken = today.pictures_of(conn, [use.id]).get(use.id, [])
            tiles = looks.few(looks.tiles(taken, actor, open_now))
        refusal, again = _refusal(conn, view, locale)
        steps = _steps(conn, view, use is not None)
    grant = next((one for one in reversed(view.grants)), None)
    return {
        "view": view,
        "row": view.row,
        "grant": grant,
        "use": use,
        "reached": _REACHED.get(use.state, 0) if use is not None else 0,
        "steps": steps,
        "tiles": tiles,
        "refusal": refusal,
        "again": again,
        "reviews": open_now,
        "may_look": bool(tiles),
    }


def _steps(conn: Connection, view: ApplicationView, unlocked: bool) -> list[str]:
    """What to do, with the check of the person as the grant has it. To which side the head is to be
    turned is said once it is asked, no earlier."""
    held = uses.load_grants(conn, [one.id for one in view.grants[-1:]], lock=False)[0]
    policy = next((one.policy for one in held.values()), {})
    look = STEPS[_LOOK]
    if policy.get("check") == "pin":
        look = PIN
    elif policy.get("challenge") in TURNS:
        look = TURNS[policy["challenge"]] if unlocked else TURNS["either"]
    return [*STEPS[:_LOOK], look, *STEPS[_LOOK + 1 :]]


def _refusal(conn: Connection, view: ApplicationView, locale: str) -> tuple[str | None, str | None]:
    """Why the sleeve said no, and why the person has to be looked at again: when that is the last
    thing that was said about this application."""
    records: list[Record] = use_story.of_application(conn, view.row.id)
    told = [one for one in records if one.kind.startswith(("event.", "check."))]
    if not told:
        return None, None
    last = told[-1]
    if last.kind == "check.done":
        return None, _in_words(next(iter(last.data.get("reasons", ())), None), locale)
    reason = None
    if last.kind == "event.unlock_request":
        reason = last.data.get("verdict", {}).get("refused")
    elif last.kind == "event.attempt_refused":
        reason = last.data.get("event", {}).get("reason")
    return _in_words(reason, locale), None


def _in_words(reason: str | None, locale: str) -> str | None:
    if reason is None:
        return None
    text = code(reason)
    return say(text, locale) if text in CODES.values() else text
