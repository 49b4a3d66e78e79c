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
from backend.store import inbox, push
from backend.web.i18n import reading_locale
from backend.web.live_pages import changed
from backend.web.ports import NoticeDesk, Web, Wishes
from backend.web.site import Myself, WebPort, go, page, pages, piece

_SHOWN: Final = 30
_SAID: Final = 3
_MOST_CHANNELS: Final = 8
PUSH: Final = "web_push"

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
    values = _values(web, who, after) | {"cursor": web.changes.head(), "first": after is None}
    return page(request, web, who, "inbox.html", values)


@router.get("/inbox/news")
def inbox_news(
    request: Request,
    who: Myself,
    web: WebPort,
    after: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """How many are unread by now, and those newer than ``after`` in a word."""
    person_id = who.actor.person_id
    with web.context.db.read() as conn:
        row = inbox.badge(conn, person_id)
        rows = inbox.notices(conn, person_id, None, _SAID)
    found = [_notice(web, one, who.actor.locale) for one in rows]
    values = {
        "unread": row.unread if row else 0,
        "newest": rows[0].id if rows else "",
        "said": [one for one in found if one.row.id > after and not one.row.read_at],
    }
    return piece(request, web, who, "parts/news.html", values)


@router.get("/inbox/list")
def inbox_list(request: Request, who: Myself, web: WebPort) -> Response:
    """The newest notices alone."""
    return piece(request, web, who, "parts/notices.html", _values(web, who, None))


@router.get("/live/inbox")
async def live_inbox(
    who: Myself,
    web: WebPort,
    cursor: Annotated[int, Query(ge=0)],
    notice: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Says that one's inbox got something."""
    return changed(web, cursor, lambda _: False, who.actor.person_id, notice)


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
    own = {PUSH: who.actor.person_id}  # where a person's browsers are, they have said
    pairs = [
        (name, own.get(name, place))
        for name, place in zip(channel or [], address or [], strict=False)
    ]
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


@router.post("/inbox/push")
def switch_on_push(
    who: Myself,
    web: WebPort,
    endpoint: Annotated[str, Form(max_length=1000)],
    p256dh: Annotated[str, Form(max_length=120)],
    auth: Annotated[str, Form(max_length=60)],
) -> Response:
    """This browser listens for push messages from now on; they go out first."""
    desk, now = _desk(web), web.context.now()
    wishes = desk.wishes(who.actor)
    if wishes.push_key is None or not endpoint.startswith("https://"):
        raise DomainError("no_push", "本系统没有启用手机推送", "push is not set up here", "missing")
    with web.context.db.write() as conn:
        device = {"endpoint": endpoint, "p256dh": p256dh, "auth": auth}
        push.add(conn, who.actor.person_id, device, now)
    if PUSH not in dict(wishes.channels):
        first = (PUSH, who.actor.person_id)
        channels = (first, *wishes.channels)[:_MOST_CHANNELS]
        desk.save(who.actor, replace(wishes, channels=channels))
    return go("/inbox/preferences?sent=saved")


@router.post("/inbox/push/off")
def switch_off_push(
    who: Myself, web: WebPort, endpoint: Annotated[str, Form(max_length=1000)]
) -> Response:
    """This browser listens no more; with the last one the channel goes too."""
    person_id = who.actor.person_id
    with web.context.db.write() as conn:
        push.drop(conn, person_id, endpoint, web.context.now())
        left = push.devices(conn, person_id)
    if not left:
        desk = _desk(web)
        wishes = desk.wishes(who.actor)
        others = tuple(one for one in wishes.channels if one[0] != PUSH)
        desk.save(who.actor, replace(wishes, channels=others))
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
    permit = row.message.get("fields", {}).get("permit")
    if permit:
        return f"/permits/{permit}"
    if row.alert_id:
        return f"/alerts/{row.alert_id}"
    if row.use_id:
        return f"/uses/{row.use_id}"
    if row.application_id:
        return f"/applications/{row.application_id}"
    return "/inbox"


def _values(web: Web, who: Myself, after: str | None) -> dict[str, Any]:
    before = None if after is None else str(decode_cursor(after, (str,))[0])
    with web.context.db.read() as conn:
        rows = inbox.notices(conn, who.actor.person_id, before, _SHOWN + 1)
    found = keyset_page(rows, _SHOWN, lambda row: (row.id,))
    notices = [_notice(web, row, who.actor.locale) for row in found.items]
    return {"notices": notices, "next": found.next}


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
