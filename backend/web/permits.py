"""Taking a sleeve outside (外带用印): asked for, decided, carried out, brought back, by phone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Form, Query
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.domain.permit import LONGEST_MS, PermitState
from backend.services.permits import ASKERS, PermitFilter, PermitForm
from backend.services.views import PermitView
from backend.store import phone
from backend.store.scope import in_branches
from backend.store.tables import seal
from backend.web import formats
from backend.web.ports import Web
from backend.web.site import Concerned, Viewer, WebPort, go, holds, page, pages, showable
from backend.web.words import PERMIT, Word

DECIDERS: Final = (Role.APPROVER, Role.SUPERVISOR)
DONE: Final = ("want", "approve", "reject", "out", "back")
_AWAY: Final = (PermitState.APPROVED, PermitState.OUT, PermitState.OVERDUE)
_TERM_MS: Final = 8 * formats.HOUR_MS

router = pages()

Reason = Annotated[str, Form(max_length=500)]


@dataclass(frozen=True, slots=True)
class PermitCard:
    """A permit with the names of what it is about, and what the reader may do with it."""

    view: PermitView
    seal: str
    place: str
    word: Word
    actions: tuple[str, ...]


@router.get("/permits")
def permits_page(
    request: Request,
    who: Viewer,
    web: WebPort,
    after: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """Newest first: those of one's branch, and one's own."""
    found = web.permits.list(who.actor, after=after)
    values = {
        "permits": cards(web, who.actor, found.items),
        "next": found.next,
        "may_ask": holds(who.actor, *ASKERS),
    }
    return page(request, web, who, "permits.html", values)


@router.get("/permits/new")
def new_permit(request: Request, who: Viewer, web: WebPort) -> Response:
    """Ask for one."""
    return _form(request, web, who, {})


@router.post("/permits")
def want(
    request: Request,
    who: Viewer,
    web: WebPort,
    device: Annotated[str, Form(max_length=64)] = "",
    purpose: Annotated[str, Form(max_length=500)] = "",
    place: Annotated[str, Form(max_length=200)] = "",
    from_at: Annotated[str, Form(max_length=20)] = "",
    until_at: Annotated[str, Form(max_length=20)] = "",
    carrier: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Hand it in."""
    begin, end = formats.from_local(from_at), formats.from_local(until_at)
    sent = {
        "device": device,
        "purpose": purpose,
        "place": place,
        "from_at": begin,
        "until_at": end,
        "carrier": carrier,
    }
    try:
        if begin is None or end is None:
            raise DomainError(
                "permit_window", "请填写外带和归还的时间", "say when it leaves and comes back"
            )
        made = web.permits.want(
            who.actor,
            PermitForm(
                device_id=device,
                purpose=purpose,
                place=place,
                from_at=begin,
                until_at=end,
                carrier_id=carrier or None,
            ),
        )
    except DomainError as error:
        if error.kind == "unauthenticated":
            raise
        return _form(request, web, who, sent, error)
    return go(f"/permits/{made.id}?done=want")


@router.get("/permits/{permit_id}")
def permit_page(
    request: Request, who: Concerned, web: WebPort, permit_id: str, done: str = ""
) -> Response:
    """One permit with what may be done."""
    view = web.permits.get(who.actor, permit_id)
    return _show(request, web, who, view, done=done if done in DONE else "")


@router.post("/permits/{permit_id}/approve")
def approve(request: Request, who: Concerned, web: WebPort, permit_id: str) -> Response:
    """Yes."""
    return _do(
        request, web, who, permit_id, "approve", lambda: web.permits.approve(who.actor, permit_id)
    )


@router.post("/permits/{permit_id}/reject")
def reject(
    request: Request, who: Concerned, web: WebPort, permit_id: str, reason: Reason = ""
) -> Response:
    """No, for a reason."""
    return _do(
        request,
        web,
        who,
        permit_id,
        "reject",
        lambda: web.permits.reject(who.actor, permit_id, reason),
    )


@router.post("/permits/{permit_id}/out")
def take_out(request: Request, who: Concerned, web: WebPort, permit_id: str) -> Response:
    """The carrier leaves."""
    return _do(
        request, web, who, permit_id, "out", lambda: web.permits.take_out(who.actor, permit_id)
    )


@router.post("/permits/{permit_id}/back")
def give_back(request: Request, who: Concerned, web: WebPort, permit_id: str) -> Response:
    """The sleeve is back."""
    return _do(
        request, web, who, permit_id, "back", lambda: web.permits.give_back(who.actor, permit_id)
    )


def to_decide(web: Web, actor: Actor) -> list[PermitCard]:
    """Permits that wait for the actor."""
    found = web.permits.list(actor, PermitFilter(state=PermitState.WANTED.value)).items
    return [one for one in cards(web, actor, found) if "approve" in one.actions]


def carried(web: Web, actor: Actor) -> list[PermitCard]:
    """Permits of sleeves that the actor is to take along or to bring back."""
    found = [
        one
        for state in _AWAY
        for one in web.permits.list(actor, PermitFilter(state=state.value)).items
        if one.carrier.id == actor.person_id
    ]
    return cards(web, actor, found)


def cards(web: Web, actor: Actor, found: Sequence[PermitView]) -> list[PermitCard]:
    """Permits as they are shown."""
    with web.context.db.read() as conn:
        named = phone.sleeve_names(conn, {one.device_id for one in found})
    now = web.context.now()
    return [_card(one, named, actor, now) for one in found]


def _card(view: PermitView, named: Mapping[str, Row[Any]], actor: Actor, now: int) -> PermitCard:
    row = named.get(view.device_id)
    keeps = row is not None and (
        row.custodian_id == actor.person_id or actor.sits_at(Role.CUSTODIAN, view.org_path)
    )
    own = view.carrier.id == actor.person_id
    actions = []
    decides = actor.may_any(DECIDERS, view.org_path) and not own and not keeps
    if view.state == PermitState.WANTED and decides:
        actions += ["approve", "reject"]
    if view.state == PermitState.APPROVED and own and view.from_at <= now < view.until_at:
        actions.append("out")
    if view.state in _AWAY and (own or keeps):
        actions.append("back")
    return PermitCard(
        view,
        (row.seal_name if row is not None else None) or view.device_id,
        (row.org_name if row is not None else None) or view.org_path,
        PERMIT.get(view.state, Word(view.state_zh)),
        tuple(actions),
    )


def _do(
    request: Request,
    web: Web,
    who: Concerned,
    permit_id: str,
    name: str,
    act: Callable[[], object],
) -> Response:
    try:
        act()
    except DomainError as error:
        showable(error)
        return _show(request, web, who, web.permits.get(who.actor, permit_id), error=error)
    return go(f"/permits/{permit_id}?done={name}")


def _show(
    request: Request,
    web: Web,
    who: Concerned,
    view: PermitView,
    *,
    done: str = "",
    error: DomainError | None = None,
) -> Response:
    (card,) = cards(web, who.actor, [view])
    values = {"card": card, "one": view, "done": done, "error": error}
    return page(request, web, who, "permit.html", values, 422 if error else 200)


def _form(
    request: Request,
    web: Web,
    who: Viewer,
    sent: dict[str, Any],
    error: DomainError | None = None,
) -> Response:
    now = web.context.now()
    with web.context.db.read() as conn:
        seen = in_branches(conn, seal.c.org_path, who.actor.branches(*ASKERS))
        sleeves = [row for row in phone.seals(conn, seen) if row.device_id is not None]
        carriers: dict[str, str] = {}
        for path in {row.org_path for row in sleeves}:
            carriers |= phone.stampers(conn, path, now)
    if not sleeves:
        raise DomainError(
            "nothing_to_apply_for",
            "您的范围内没有可外带的印章",
            "there is no sleeve in your branch that you may take along",
            "denied",
        )
    values = {
        "device": sleeves[0].device_id,
        "purpose": "",
        "place": "",
        "from_at": now,
        "until_at": now + _TERM_MS,
        "carrier": who.actor.person_id,
    } | sent
    values |= {
        "sleeves": sleeves,
        "places": len({row.org_path for row in sleeves}),
        "carriers": carriers,
        "longest_ms": LONGEST_MS,
        "error": error,
    }
    return page(request, web, who, "permit_new.html", values, 422 if error else 200)
