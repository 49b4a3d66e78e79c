"""今日: what happens right now in one's branch: uses, alerts, counters, sleeves; live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Form, Header, Query
from sqlalchemy import Connection, Row
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from backend.domain.actor import Actor
from backend.domain.application_actions import READERS
from backend.domain.organisation import within
from backend.services.register import seen_uses
from backend.store import alert_lists, today
from backend.store.scope import in_branches
from backend.store.tables import alert, device
from backend.web import formats, looks, render
from backend.web.alert_texts import AlertText, alert_texts
from backend.web.i18n import reading_locale
from backend.web.live import Head
from backend.web.ports import Web
from backend.web.site import Viewer, WebPort, frame, go, page, pages, piece
from backend.web.sleeves import Health, health

SHOWN_USES: Final = 40
SHOWN_ALERTS: Final = 12
SHOWN_SLEEVES: Final = 400
_ADDRESS: Final = 8000
"""Characters of an address with the filter of the log in it, percent-encoded twice."""

_TICK_SECONDS: Final = 15.0
_DEMO_TICK_SECONDS: Final = 1.0
_STREAM_SECONDS: Final = 300.0
"""A stream ends after this and the browser comes again: so whoever lost a role loses the view."""

router = pages()


@dataclass(frozen=True, slots=True)
class UseCard:
    """A use on the page: its row, the pictures that tell most, the alerts about it."""

    row: Row[Any]
    tiles: Sequence[looks.Tile]
    alerts: Sequence[Row[Any]]
    new: bool = False


@dataclass(frozen=True, slots=True)
class Counters:
    """The numbers on top."""

    uses: int
    stamps: int
    critical: int
    major: int
    minor: int
    sleeves: int
    online: int

    @property
    def alerts(self) -> int:
        """Alerts of every severity."""
        return self.critical + self.major + self.minor


@router.get("/today")
def today_page(request: Request, who: Viewer, web: WebPort) -> Response:
    """The page. The cursor is read before the rest, so that nothing falls between."""
    looks.begin_stated(web, who.actor)
    cursor = web.changes.head()
    with web.context.db.read() as conn:
        values = _state(conn, web, who.actor)
        values["cards"] = _cards(conn, web, who.actor)
    values |= {
        "cursor": cursor,
        "day_words": formats.long_day(web.context.now(), reading_locale(who.actor.locale)),
    }
    return page(request, web, who, "today.html", values)


@router.post("/review")
def state_reason(
    who: Viewer,
    web: WebPort,
    reason: Annotated[str, Form(max_length=400)],
    back: Annotated[str, Form(max_length=_ADDRESS)] = "/today",
) -> Response:
    """Say once, for a review, why pictures are looked at."""
    looks.begin(web, who.actor, reason)
    return go(back if back.startswith(("/today", "/uses", "/alerts")) else "/today")


@router.get("/today/sleeves")
def sleeves_piece(request: Request, who: Viewer, web: WebPort) -> Response:
    """Telemetry is no record, so the strip of sleeves is asked for now and then."""
    with web.context.db.read() as conn:
        values = {"sleeves": _sleeves(conn, web, who.actor)}
    return piece(request, web, who, "parts/sleeve_strip.html", values)


@router.get("/live/today")
async def live_today(
    request: Request,
    who: Viewer,
    web: WebPort,
    cursor: Annotated[int, Query(ge=0)],
    last_event_id: Annotated[int | None, Header()] = None,
) -> Response:
    """The page's stream (server-sent events): changed cards, alerts and counters as HTML."""
    first = last_event_id if last_event_id is not None else cursor
    return StreamingResponse(
        _stream(request, web, who, first, cursor),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(
    request: Request, web: Web, who: Viewer, cursor: int, loaded: int
) -> AsyncIterator[str]:
    actor = who.actor
    around = frame(request, web, reading_locale(actor.locale))
    pace = _DEMO_TICK_SECONDS if around["demo_clock"] else _TICK_SECONDS
    loop = asyncio.get_running_loop()
    ends = loop.time() + _STREAM_SECONDS
    sent: set[str] = set()
    yield "retry: 1500\n\n"
    while loop.time() < ends and not web.changes.closed:
        news = await web.changes.wait_changes(cursor, lambda head: sees(actor, head), pace)
        cursor = news.cursor
        if news.missed:
            yield _event("reload", "", cursor)
            return
        if news.heads:
            html = await asyncio.to_thread(
                _render_news, web, actor, around, news.heads, loaded, sent
            )
            yield _event("today", html, cursor)
        around["now"] = web.context.now()
        yield _event("tick", formats.clock(around["now"], seconds=True), cursor)


def sees(actor: Actor, head: Head) -> bool:
    """Whether a record may concern what the actor's page shows; the queries then narrow exactly."""
    return head.person == actor.person_id or any(
        within(head.org_path, held.org_path) for held in actor.roles
    )


def _render_news(
    web: Web,
    actor: Actor,
    around: dict[str, Any],
    heads: Sequence[Head],
    loaded: int,
    sent: set[str],
) -> str:
    """``sent``: cards that this stream has put on the page; they stay where they are."""
    ids = {head.use_id for head in heads if head.use_id is not None}
    with web.context.db.read() as conn:
        values = _state(conn, web, actor)
        values["cards"] = _changed(conn, web, actor, ids, loaded, sent)
    return render.fragment("parts/today_news.html", around | values | {"now": web.context.now()})


def _event(name: str, data: str, cursor: int) -> str:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"id: {cursor}\nevent: {name}\n{lines}\n"


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def _state(conn: Connection, web: Web, actor: Actor) -> dict[str, Any]:
    now = web.context.now()
    midnight = formats.local_midnight(now)
    seen = in_branches(conn, alert.c.org_path, actor.branches(*READERS))
    rows = alert_lists.rows(
        conn, seen, alert_lists.AlertFilter(stages=_SHOWN_STAGES), None, SHOWN_ALERTS
    )
    texts: list[AlertText] = alert_texts(conn, rows, web.alert_words, reading_locale(actor.locale))
    sleeves = _sleeves(conn, web, actor)
    counts = today.alert_counts(conn, seen, midnight)
    uses, stamps = today.totals(conn, seen_uses(conn, actor), midnight)
    return {
        "alerts": texts,
        "sleeves": sleeves,
        "reviews": looks.open_reviews(conn, web, actor),
        "may_look": bool(actor.branches(*looks.LOOKERS)),
        "counters": Counters(
            uses=uses,
            stamps=stamps,
            critical=counts.get("critical", 0),
            major=counts.get("major", 0),
            minor=counts.get("minor", 0),
            sleeves=len(sleeves),
            online=sum(1 for one in sleeves if one.row.online),
        ),
        "may_watch": bool(actor.branches(*READERS)),
    }


_SHOWN_STAGES: Final = (*alert_lists.OPEN_STAGES, "closed")


def _sleeves(conn: Connection, web: Web, actor: Actor) -> list[Health]:
    seen = in_branches(conn, device.c.org_path, actor.branches(*READERS))
    now = web.context.now()
    return [health(row) for row in today.sleeves(conn, seen, now, SHOWN_SLEEVES)]


def _cards(conn: Connection, web: Web, actor: Actor) -> list[UseCard]:
    now = web.context.now()
    midnight = formats.local_midnight(now)
    rows = today.uses(conn, seen_uses(conn, actor), midnight, midnight + formats.DAY_MS, SHOWN_USES)
    return _with_pictures(conn, web, actor, rows, ())


def _changed(
    conn: Connection, web: Web, actor: Actor, ids: Collection[str], loaded: int, sent: set[str]
) -> list[UseCard]:
    rows = today.uses_by_id(conn, seen_uses(conn, actor), ids)
    new = {row.id for row in rows if row.first_seq >= loaded} - sent
    sent |= new
    return _with_pictures(conn, web, actor, rows, new)


def _with_pictures(
    conn: Connection, web: Web, actor: Actor, rows: Sequence[Row[Any]], new: Collection[str]
) -> list[UseCard]:
    ids = [row.id for row in rows]
    taken = today.pictures_of(conn, ids)
    alerts = today.alerts_of_uses(conn, ids) if actor.branches(*READERS) else {}
    open_now = looks.open_reviews(conn, web, actor)
    return [
        UseCard(
            row=row,
            tiles=looks.few(looks.tiles(taken.get(row.id, ()), actor, open_now)),
            alerts=alerts.get(row.id, ()),
            new=row.id in new,
        )
        for row in rows
    ]
