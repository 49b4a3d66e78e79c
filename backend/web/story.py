"""One use, one page: its whole story in the order in which it happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Form, Query
from sqlalchemy import Connection, Row
from starlette.requests import Request
from starlette.responses import Response

from backend.api.answers import archive
from backend.api.deps import service
from backend.domain.actor import Actor, Role
from backend.domain.application_actions import READERS
from backend.domain.errors import DomainError
from backend.domain.record import Record
from backend.services.saved_views import kept_filter
from backend.services.second_opinions import SecondOpinionService
from backend.services.use_proofs import PROVERS, UseProofService
from backend.services.uses import FOR_ALL
from backend.services.views import ApplicationView, RegisterRow
from backend.store import alert_lists, inbox, standing, today, use_story
from backend.store.scope import in_branches
from backend.store.tables import alert, seal_use
from backend.web import eyes_seen, eyes_words, looks, uses_log, words
from backend.web.alert_texts import AlertText, alert_texts
from backend.web.compare import comparison
from backend.web.i18n import mark, reading_locale, say
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, go, own_address, page, pages
from backend.web.story_words import CODES, Said, tell

_LATE_MS: Final = 60_000
_PICTURES: Final = ("event.face_captured", "event.page_captured")

router = pages()

Proofs = Annotated[UseProofService, service(UseProofService)]
Opinions = Annotated[SecondOpinionService, service(SecondOpinionService)]


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
    seen: eyes_seen.Seen | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody saw a picture."""

    at: int
    who: str
    kind: str
    reason: str
    seq: int


@router.get("/uses/{use_id}")
def use_page(
    request: Request,
    who: Concerned,
    web: WebPort,
    proofs: Proofs,
    use_id: str,
    within: Annotated[str, Query(alias="in", max_length=2000)] = "",
) -> Response:
    """The story. Whoever may not see the use finds nothing here. ``in``: the filter of the log
    from which one came, and in which one goes on."""
    actor = who.actor
    row = web.register.get(actor, use_id)
    looks.begin_stated(web, actor)
    values = use_values(web, actor, row)
    values |= _beside(web, actor, use_id, within) if values["watches"] else _ALONE
    may_prove = actor.may_any(PROVERS, row.org_path)
    values["may_prove"] = may_prove
    values["proof"] = proofs.standing(actor, use_id) if may_prove else None
    return page(request, web, who, "use.html", values)


@router.get("/uses/{use_id}/proof.zip")
def proof_file(who: Concerned, proofs: Proofs, use_id: str) -> Response:
    """The records with their proof, to be checked off line with ``zhiyin verify``."""
    return archive(proofs.file(who.actor, use_id), use_id)


_ALONE: Final[Mapping[str, Any]] = {"newer": None, "older": None, "back": "/uses", "kept": ""}


def _beside(web: Web, actor: Actor, use_id: str, within: str) -> dict[str, Any]:
    kept = kept_filter(within)
    query = urlencode(kept)
    try:
        newer, older = web.register.beside(actor, uses_log.read_filter(kept), use_id)
    except DomainError:
        newer = older = None  # not in the log yet, or a filter that cannot be read

    def to(other: str | None) -> str | None:
        return other and f"/uses/{other}" + (f"?{urlencode({'in': query})}" if query else "")

    return {
        "newer": to(newer),
        "older": to(older),
        "back": f"/uses?{query}" if query else "/uses",
        "kept": query,
    }


def _again(use_id: str, within: str, place: str, **said: str) -> str:
    """The same page in the same filter, at ``place``."""
    query = urlencode(kept_filter(within))
    asked = urlencode(said | ({"in": query} if query else {}))
    return f"/uses/{use_id}{'?' if asked else ''}{asked}#{place}"


@router.post("/uses/{use_id}/question")
def question(
    who: Concerned,
    web: WebPort,
    use_id: str,
    reason: Annotated[str, Form(max_length=500)] = "",
    within: Annotated[str, Form(alias="in", max_length=2000)] = "",
) -> Response:
    """“This was not so”: on record, and told to those who watch."""
    web.register.question(who.actor, use_id, reason)
    return go(_again(use_id, within, "story", questioned="1"))


@router.post("/uses/{use_id}/opinion")
def opinion(
    who: Concerned,
    opinions: Opinions,
    use_id: str,
    seq: Annotated[int, Form(ge=0, le=2**62)],
    agrees: Annotated[bool, Form()],
    reason: Annotated[str, Form(max_length=200)] = "",
    within: Annotated[str, Form(alias="in", max_length=2000)] = "",
) -> Response:
    """A second pair of eyes on a verdict: confirmed, or overridden with the reason."""
    opinions.give(who.actor, seq, agrees=agrees, reason=reason)
    return go(_again(use_id, within, f"seq-{seq}"))


@router.post("/uses/{use_id}/reviewed")
def reviewed(
    who: Concerned,
    web: WebPort,
    use_id: str,
    remarks: Annotated[str, Form(max_length=500)] = "",
    following: Annotated[str, Form(alias="next", max_length=2400)] = "",
) -> Response:
    """A supervisor has looked at it; on to the next one, if there is."""
    web.register.review(who.actor, use_id, remarks)
    wanted = own_address(following, "")
    return go(wanted if wanted.startswith("/uses/") else f"/uses/{use_id}")


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
            records = [one for one in records if one.kind.startswith(FOR_ALL)]
        compared = comparison(conn, actor, use, tiles, open_now)
        left = [one for one in tiles if one.id not in compared.tiles]
        told = entries(conn, records, left, locale)
        if watches:
            verdicts = eyes_seen.of_use(conn, row.id, actor, open_now)
            told = [replace(one, seen=verdicts.get(one.seq or -1)) for one in told]
        if watches:
            told = sorted([*told, *_messages(conn, row.id, locale)], key=lambda one: one.at)
        return {
            "row": row,
            "use": use,
            "application": application,
            "compared": compared,
            "entries": told,
            "looks": _looks(conn, records) if watches else [],
            "alerts": _alerts(conn, web, actor, row.id, locale) if watches else [],
            "tiles": tiles,
            "reviews": open_now,
            "may_look": bool(tiles or compared),
            "watches": watches,
            "may_review": _may_review(actor, row, use),
        }


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


def _messages(conn: Connection, use_id: str, locale: str) -> list[Entry]:
    """Who was told of it, when and how; and who could not be."""
    found = []
    for row in inbox.deliveries_of_use(conn, use_id):
        text, tone = _SENT.get(row.state, _SENT["waiting"])
        channel = say(words.CHANNEL.get(row.channel, row.channel), locale)
        name = row.person_name or "—"
        found.append(
            Entry(
                at=row.delivered_at or row.created_at,
                text=say(text, locale, name=name, channel=channel),
                tone=tone,
                icon="mail",
                seq=None,
            )
        )
    return found


_SENT: Final[Mapping[str, tuple[str, str]]] = {
    "delivered": (mark("已通知{name}（{channel}）"), "ok"),
    "dead": (mark("没能通知到{name}（{channel}）"), "bad"),
    "bundled": (mark("给{name}的通知已合并（{channel}）"), "mute"),
    "cancelled": (mark("给{name}的通知已取消（{channel}）"), "mute"),
    "waiting": (mark("正在通知{name}（{channel}）"), "run"),
}


def _values(said: Said, locale: str) -> dict[str, Any]:
    return {
        name: say(value, locale) if isinstance(value, str) and value in _WORDS else value
        for name, value in said.values.items()
    }


_WORDS: Final = frozenset({*CODES.values(), *eyes_words.WORDS})


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
