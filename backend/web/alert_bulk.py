"""One step with many alerts: each is its own turn, and says what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Form
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Actor
from backend.domain.errors import DomainError
from backend.store import alert_lists
from backend.store.tables import alert
from backend.web import formats
from backend.web.alert_texts import AlertText, alert_texts
from backend.web.alerts_pages import ACTIONS, may_see
from backend.web.case_pages import Days, Words, desk_of, silent_until
from backend.web.i18n import reading_locale
from backend.web.ports import CaseDesk, Web
from backend.web.site import Viewer, WebPort, own_address, page, pages

MOST: Final = 100
"""Alerts in one go."""

Act = Callable[[CaseDesk, str], object]

router = pages()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one; ``error`` says why not. ``text`` is missing for one that may not be
    seen."""

    alert_id: str
    text: AlertText | None
    error: DomainError | None


@router.post("/alerts/bulk")
def bulk(
    request: Request,
    who: Viewer,
    web: WebPort,
    action: Annotated[str, Form(max_length=20)],
    ids: Annotated[list[str] | None, Form(max_length=MOST)] = None,
    text: Words = "",
    to: Annotated[str, Form(max_length=64)] = "",
    due: Annotated[str, Form(max_length=20)] = "",
    days: Days = 0,
    back: Annotated[str, Form(max_length=400)] = "/alerts",
) -> Response:
    """Take the step with each, in order; what one refuses does not hold up the others.

    Raises:
        DomainError: ``no_action``, ``nothing_chosen``; ``not_found`` where alerts run elsewhere.
    """
    actor = who.actor
    act = _act(web, actor, action, text, to, formats.from_local(due) if due else None, days)
    desk = desk_of(web)
    wanted = list(dict.fromkeys(ids or ()))
    if not wanted:
        raise DomainError("nothing_chosen", "请先勾选要处理的预警", "choose the alerts first")
    errors = {one: _try(act, desk, one) for one in wanted}
    shown = _texts(web, actor, wanted)
    outcomes = [Outcome(one, shown.get(one), errors[one]) for one in wanted]
    values = {
        "action": ACTIONS[action],
        "outcomes": outcomes,
        "done": sum(1 for one in outcomes if one.error is None),
        "back": own_address(back, "/alerts"),
    }
    return page(request, web, who, "alerts_bulk.html", values)


def _act(
    web: Web, actor: Actor, action: str, text: str, to: str, due_at: int | None, days: int
) -> Act:
    until = silent_until(web, days)
    found: dict[str, Act] = {
        "acknowledge": lambda desk, one: desk.acknowledge(actor, one),
        "assign": lambda desk, one: desk.assign(actor, one, to, due_at=due_at, note=text),
        "comment": lambda desk, one: desk.comment(actor, one, text),
        "false_alarm": lambda desk, one: desk.false_alarm(actor, one, text, suppress_until=until),
        "close": lambda desk, one: desk.close(actor, one, text),
    }
    if action not in found:
        raise DomainError("no_action", "请选择要做什么", "choose what to do")
    return found[action]


def _try(act: Act, desk: CaseDesk, alert_id: str) -> DomainError | None:
    try:
        act(desk, alert_id)
    except DomainError as error:
        return error
    return None


def _texts(web: Web, actor: Actor, ids: list[str]) -> dict[str, AlertText]:
    with web.context.db.read() as conn:
        seen = may_see(conn, actor) & alert.c.id.in_(ids)
        rows: list[Row[Any]] = list(
            alert_lists.rows(conn, seen, alert_lists.AlertFilter(), None, MOST)
        )
        locale = reading_locale(actor.locale)
        return {one.row.id: one for one in alert_texts(conn, rows, web.alert_words, locale)}
