"""一屏: a committee's branch on one screen, from district to town to village to seal to use.

The address says where one stands. What changes is asked for anew when the console's socket says so;
those who look at the same place at the same moment share one answer.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Actor
from backend.store import alert_lists, overview
from backend.store.tables import alert
from backend.web import formats, render
from backend.web.alert_texts import alert_texts
from backend.web.i18n import reading_locale
from backend.web.overview_numbers import (
    DAYS,
    STEP_SOON_MS,
    Node,
    Overview,
    find,
)
from backend.web.ports import Web
from backend.web.site import Viewer, WebPort, frame, page, pages

_NEWEST_ALERTS: Final = 4

Text = Annotated[str, Query(max_length=200)]

router = pages()


def _draw(request: Request, web: Web, actor: Actor, org: str, seal: str) -> tuple[Node, str, int]:
    """Where one stands, the drawn figures, and the number that the next record will have, read
    before the rest, so that nothing falls between.

    Raises:
        DomainError: ``denied``, ``not_found``.
    """
    cursor = web.changes.head()
    locale = reading_locale(actor.locale)
    with web.context.db.read() as conn:
        node = find(conn, actor, org, seal)
        key = (node.part.branches, node.path, node.part.seal_id, locale)
        around = frame(request, web, locale)
        html = web.drawn.get(key, cursor, lambda: _make(conn, web, node, around))
    return node, html, cursor


def _make(conn: Connection, web: Web, node: Node, around: dict[str, Any]) -> str:
    now = around["now"]
    found = web.counting.overview(conn, node, now)
    rows = alert_lists.rows(
        conn,
        node.part.has(alert.c.org_path, alert.c.seal),
        alert_lists.AlertFilter(stages=alert_lists.OPEN_STAGES),
        None,
        _NEWEST_ALERTS,
    )
    values = {
        "found": found,
        "node": node,
        "alerts": alert_texts(conn, rows, web.alert_words, around["locale"]),
        "trend": Trend(found),
        "today": formats.day(now),
        "month_ago": formats.day(found.trend[0].at),
        "paper_ms": web.paper_approval_ms,
    }
    return render.fragment("parts/overview.html", around | values)


class Trend:
    """The last days as bars of a drawing :data:`WIDE` by :data:`HIGH`."""

    WIDE: Final = 900
    HIGH: Final = 100

    def __init__(self, found: Overview) -> None:
        self.days = found.trend
        self.most_uses = max(day.uses for day in found.trend)
        self.most_alerts = max(day.alerts for day in found.trend)
        step = self.WIDE / len(found.trend)
        self.step = round(step, 2)
        self.bars = [
            {
                "day": day,
                "x": round(place * step, 2),
                "uses": self._height(day.uses, self.most_uses),
                "alerts": self._height(day.alerts, max(self.most_alerts, self.most_uses)),
            }
            for place, day in enumerate(found.trend)
        ]

    def _height(self, number: int, most: int) -> float:
        return 0.0 if not number else max(2.0, round(self.HIGH * number / most, 1))


@router.get("/overview")
def overview_page(
    request: Request, who: Viewer, web: WebPort, org: Text = "", seal: Text = ""
) -> Response:
    """The whole screen."""
    node, html, cursor = _draw(request, web, who.actor, org, seal)
    values = {"node": node, "parts": html, "cursor": cursor, "asked": {"org": org, "seal": seal}}
    return page(request, web, who, "overview.html", values)


@router.get("/overview/parts")
def overview_parts(
    request: Request, who: Viewer, web: WebPort, org: Text = "", seal: Text = ""
) -> Response:
    """What changes on it."""
    _node, html, _cursor = _draw(request, web, who.actor, org, seal)
    return render.respond(request, html)


@router.get("/overview/applications")
def applications_page(
    request: Request,
    who: Viewer,
    web: WebPort,
    org: Text = "",
    seal: Text = "",
    which: Annotated[str, Query(pattern="^(waiting|over|soon|approved)$")] = "waiting",
) -> Response:
    """The applications behind a figure."""
    now = web.context.now()
    from_at = formats.local_midnight(now) - (DAYS - 1) * formats.DAY_MS
    with web.context.db.read() as conn:
        node = find(conn, who.actor, org, seal)
        rows = overview.applications(conn, node.part, which, now, STEP_SOON_MS, from_at)
    values = {
        "node": node,
        "rows": rows,
        "which": which,
        "most": overview.MOST,
        "asked": {"org": node.path, "seal": seal},
    }
    return page(request, web, who, "overview_applications.html", values)
