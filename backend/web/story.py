"""One use, one page: its whole story in the order in which it happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import Form
from sqlalchemy import Connection, Row
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Actor, Role
from backend.domain.application_actions import READERS
from backend.domain.errors import DomainError
from backend.domain.record import Record
from backend.services.views import ApplicationView, RegisterRow
from backend.store import alert_lists, inbox, standing, today, use_story
from backend.store.scope import in_branches
from backend.store.tables import alert, seal_use
from backend.web import looks
from backend.web.alert_texts import AlertText, alert_texts
from backend.web.i18n import reading_locale, say
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, go, page, pages
from backend.web.story_words import CODES, Said, tell

_LATE_MS: Final = 60_000
_PICTURES: Final = ("event.face_captured", "event.page_captured")

router = pages()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the story. ``happened_at`` is the sleeve's time where it differs from ours."""

    at: int
    text: str
    tone: str
    icon: str
    seq: int | None
    who: str | None = None
    happened_at: int | None = None
    tiles: Sequence[looks.Tile] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody saw a picture."""

    at: int
    who: str
    kind: str
    reason: str
    seq: int


@router.get("/uses/{use_id}")
def use_page(request: Request, who: Concerned, web: WebPort, use_id: str) -> Response:
    """The story. Whoever may not see the use finds nothing here."""
    actor = who.actor
    row = web.register.get(actor, use_id)
    looks.begin_stated(web, actor)
    values = use_values(web, actor, row)
    return page(request, web, who, "use.html", values)


@router.post("/uses/{use_id}/question")
def question(
    who: Concerned, web: WebPort, use_id: str, reason: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """“This was not so”: on record, and told to those who watch."""
    web.register.question(who.actor, use_id, reason)
    return go(f"/uses/{use_id}?questioned=1#story")


@router.post("/uses/{use_id}/reviewed")
def reviewed(
    who: Concerned, web: WebPort, use_id: str, remarks: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """A supervisor has looked at it."""
    web.register.review(who.actor, use_id, remarks)
    return go(f"/uses/{use_id}")


def use_values(web: Web, actor: Actor, row: RegisterRow) -> dict[str, Any]:
    """Everything that the page shows."""
    locale = reading_locale(actor.locale)
    application = _application(web, actor, row.application_id)
    with web.context.db.read() as conn:
        (use,) = today.uses_by_id(conn, seal_use.c.id == row.id, [row.id])
        open_now = looks.open_reviews(conn, web, actor)
        taken = today.pictures_of(conn, [row.id]).get(row.id, [])
        tiles = looks.tiles(taken, actor, open_now)
        watches = actor.may_any(READERS, row.org_path)
        records = use_story.of_use(conn, row.id, row.application_id, use.grant_id)
        if not watches:
            records = [one for one in records if one.kind.startswith(_FOR_ALL)]
        return {
            "row": row,
            "use": use,
            "application": application,
            "entries": entries(conn, records, tiles, locale),
            "looks": _looks(conn, records) if watches else [],
            "alerts": _alerts(conn, web, actor, row.id, locale) if watches else [],
            "deliveries": inbox.deliveries_of_use(conn, row.id) if watches else [],
            "tiles": tiles,
            "reviews": open_now,
            "may_look": bool(tiles),
            "watches": watches,
            "may_review": _may_review(actor, row, use),
        }


_FOR_ALL: Final = ("application.", "grant.", "event.", "check.", "use.")


def entries(
    conn: Connection, records: Sequence[Record], tiles: Sequence[looks.Tile], locale: str
) -> list[Entry]:
    """Records as lines, each with its pictures; looks at pictures have a list of their own."""
    people = standing.names(conn, (one.person for one in records))
    left = list(tiles)
    found = []
    for one in records:
        if one.kind == "picture.viewed":
            continue
        said = tell(one)
        apart = abs(one.at - one.happened_at) > _LATE_MS
        found.append(
            Entry(
                at=one.at,
                text=say(said.text, locale, **_values(said, locale)),
                tone=said.tone,
                icon=said.icon,
                seq=one.seq,
                who=None if one.person is None else people.get(one.person),
                happened_at=one.happened_at if apart else None,
                tiles=_belonging(one, left),
            )
        )
    return found


def _values(said: Said, locale: str) -> dict[str, Any]:
    return {
        name: say(value, locale) if isinstance(value, str) and value in _WORDS else value
        for name, value in said.values.items()
    }


_WORDS: Final = frozenset(CODES.values())


def _belonging(one: Record, left: list[looks.Tile]) -> list[looks.Tile]:
    """Take the pictures of this event out of those that are left: by its counter, else a burst of
    faces goes with the first capture, a page with its press and stage."""
    if one.kind not in _PICTURES:
        return []
    named = [tile for tile in left if tile.counter == one.counter]
    if one.counter is not None and named:
        found = named
    elif one.kind == "event.face_captured":
        found = [tile for tile in left if tile.kind == "face"]
    else:
        event = one.data.get("event", {})
        kind = f"page_{event.get('stage', 'before')}"
        found = [tile for tile in left if tile.kind == kind and tile.press == event.get("press")]
    for tile in found:
        left.remove(tile)
    return found


def _looks(conn: Connection, records: Sequence[Record]) -> list[Look]:
    viewed = [one for one in records if one.kind == "picture.viewed"]
    people = standing.names(conn, (one.person for one in viewed))
    return [
        Look(
            one.at,
            people.get(one.person or "", "—"),
            str(one.data.get("kind", "")),
            str(one.data.get("reason", "")),
            one.seq,
        )
        for one in viewed
    ]


def _alerts(conn: Connection, web: Web, actor: Actor, use_id: str, locale: str) -> list[AlertText]:
    seen = in_branches(conn, alert.c.org_path, actor.branches(*READERS))
    return alert_texts(conn, alert_lists.of_use(conn, seen, use_id), web.alert_words, locale)


def _application(web: Web, actor: Actor, application_id: str | None) -> ApplicationView | None:
    if application_id is None:
        return None
    try:
        return web.reader.get(actor, application_id)
    except DomainError:
        return None  # who took part in the use need not see the application


def _may_review(actor: Actor, row: RegisterRow, use: Row[Any]) -> bool:
    part = {use.operator_id, use.stamped_by, use.witness_id, use.applicant_id}
    return (
        use.reviewed_at is None
        and actor.may(Role.SUPERVISOR, row.org_path)
        and actor.person_id not in part
    )
