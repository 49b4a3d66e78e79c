"""Notices in the app itself, and how each person wants to be told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import Form, Query
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.errors import DomainError
from backend.services.paging import decode_cursor
from backend.services.paging import page as keyset_page
from backend.store import inbox
from backend.web.i18n import reading_locale
from backend.web.ports import NoticeDesk, Web, Wishes
from backend.web.site import Myself, WebPort, go, page, pages

_SHOWN: Final = 30
_MOST_CHANNELS: Final = 8

router = pages()


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as it is read."""

    row: Row[Any]
    title: str
    lines: list[str]


@router.get("/inbox")
def inbox_page(
    request: Request,
    who: Myself,
    web: WebPort,
    after: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """Newest first."""
    before = None if after is None else str(decode_cursor(after, (str,))[0])
    with web.context.db.read() as conn:
        rows = inbox.notices(conn, who.actor.person_id, before, _SHOWN + 1)
    found = keyset_page(rows, _SHOWN, lambda row: (row.id,))
    notices = [_notice(web, row, who.actor.locale) for row in found.items]
    values = {"notices": notices, "next": found.next}
    return page(request, web, who, "inbox.html", values)


@router.post("/inbox/read")
def read_all(who: Myself, web: WebPort) -> Response:
    """All of them were seen; on every device."""
    with web.context.db.write() as conn:
        inbox.mark_read(conn, who.actor.person_id, web.context.now())
    return go("/inbox")


@router.get("/inbox/preferences")
def preferences_page(request: Request, who: Myself, web: WebPort, sent: str = "") -> Response:
    """Channels, quiet hours, what may be muted."""
    return _preferences(request, web, who, _desk(web).wishes(who.actor), None, sent=bool(sent))


@router.post("/inbox/preferences")
def save_preferences(
    request: Request,
    who: Myself,
    web: WebPort,
    quiet_from: Annotated[str, Form(max_length=5)] = "",
    quiet_until: Annotated[str, Form(max_length=5)] = "",
    channel: Annotated[list[str] | None, Form(max_length=_MOST_CHANNELS)] = None,
    address: Annotated[list[str] | None, Form(max_length=_MOST_CHANNELS)] = None,
    wanted: Annotated[list[str] | None, Form(max_length=20)] = None,
) -> Response:
    """Keep them."""
    old = _desk(web).wishes(who.actor)
    pairs = zip(channel or [], address or [], strict=False)
    new = replace(
        old,
        channels=tuple((name, place.strip()) for name, place in pairs if name and place.strip()),
        muted=frozenset(old.mutable) - set(wanted or []),
        quiet_from=quiet_from or old.quiet_from,
        quiet_until=quiet_until or old.quiet_until,
    )
    try:
        _desk(web).save(who.actor, new)
    except DomainError as error:
        return _preferences(request, web, who, new, error)
    return go("/inbox/preferences?sent=saved")


@router.post("/inbox/test")
def send_test(request: Request, who: Myself, web: WebPort) -> Response:
    """A test message to oneself."""
    try:
        _desk(web).send_test(who.actor)
    except DomainError as error:
        return _preferences(request, web, who, _desk(web).wishes(who.actor), error)
    return go("/inbox/preferences?sent=test")


@router.get("/inbox/{notice_id}")
def open_notice(who: Myself, web: WebPort, notice_id: str) -> Response:
    """Mark it read and go where it speaks of."""
    with web.context.db.write() as conn:
        row = inbox.notice(conn, who.actor.person_id, notice_id)
        if row is None:
            raise DomainError("not_found", "找不到这条消息", "no such notice", "missing")
        inbox.mark_read(conn, who.actor.person_id, web.context.now(), notice_id)
    return go(target(row))


def target(row: Row[Any]) -> str:
    """The page that a notice speaks of."""
    if row.alert_id:
        return f"/alerts/{row.alert_id}"
    if row.use_id:
        return f"/uses/{row.use_id}"
    if row.application_id:
        return f"/applications/{row.application_id}"
    return "/inbox"


def _notice(web: Web, row: Row[Any], locale: str) -> Notice:
    title, lines = web.alert_words.notice(row.kind, row.message, reading_locale(locale))
    return Notice(row, title, lines)


def _desk(web: Web) -> NoticeDesk:
    if web.notice_desk is None:
        raise DomainError(
            "notices_elsewhere",
            "本系统没有启用通知服务，请联系管理员",
            "notices are not served here; ask the administrator",
            "missing",
        )
    return web.notice_desk


def _preferences(
    request: Request,
    web: Web,
    who: Myself,
    wishes: Wishes,
    error: DomainError | None,
    *,
    sent: bool = False,
) -> Response:
    rows = [*wishes.channels, ("", ""), ("", "")][:_MOST_CHANNELS]
    values = {"wishes": wishes, "rows": rows, "error": error, "sent": sent}
    return page(request, web, who, "preferences.html", values, 422 if error else 200)
