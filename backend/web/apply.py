"""Applying: choose the matter, fill in the little that is needed, photograph the papers, hand in.

Choosing makes the draft, so that from then on everything keeps itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Form, Query, Request
from sqlalchemy import Row
from starlette.responses import Response

from backend.domain.actor import Actor
from backend.domain.amounts import from_figures, to_figures
from backend.domain.errors import DomainError, missing
from backend.domain.matter import SEAL_KIND_ZH, SealKind
from backend.services.application_drafts import ASKERS, ApplicationForm
from backend.services.views import ApplicationView, MatterView
from backend.store import phone
from backend.store.scope import in_branches
from backend.store.tables import seal
from backend.web import formats
from backend.web.attaching import paper_values
from backend.web.ports import Web
from backend.web.site import Concerned, Viewer, WebPort, go, page, pages, piece, showable

_RECENT_MS: Final = 90 * formats.DAY_MS
_OFTEN: Final = 6

router = pages()


@dataclass(frozen=True, slots=True)
class Choice:
    """The matters of a place, and the seals that there are."""

    often: Sequence[MatterView]
    groups: Mapping[str, Sequence[MatterView]]
    forbidden: Sequence[MatterView]


@router.get("/apply")
def choose_matter(
    request: Request,
    who: Viewer,
    web: WebPort,
    q: Annotated[str, Query(max_length=60)] = "",
    org: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """What is it about? Those most used first; forbidden certificates say why not, and where to
    go."""
    places = _places(web, who.actor)
    if not places:
        raise DomainError(
            "nothing_to_apply_for",
            "您的范围内没有可申请的印章",
            "there is no seal in your branch that you may apply for",
            "denied",
        )
    chosen = org if org in places else next(iter(places))
    values = {
        "q": q,
        "org": chosen,
        "places": places,
        "choice": _choice(web, who.actor, chosen, q.strip()),
    }
    if request.headers.get("hx-request"):
        return piece(request, web, who, "parts/matters.html", values)
    return page(request, web, who, "apply.html", values)


@router.post("/apply")
def begin(
    who: Viewer,
    web: WebPort,
    matter: Annotated[str, Form(max_length=100)],
    org: Annotated[str, Form(max_length=200)],
) -> Response:
    """Make the draft."""
    found = web.matters.get(who.actor, matter)
    with web.context.db.read() as conn:
        places = in_branches(conn, seal.c.org_path, who.actor.branches(*ASKERS))
        seals = [
            row
            for row in phone.seals(conn, places & (seal.c.org_path == org))
            if found.forbidden or row.kind in found.seals
        ]
        stampers = phone.stampers(conn, org, web.context.now())
    if not seals:
        raise DomainError(
            "no_seal_for_matter",
            "本单位没有可用于该事项的印章",
            "this place has no seal for that matter",
            "conflict",
        )
    operator = who.actor.person_id if who.actor.person_id in stampers else next(iter(stampers), "")
    view = web.drafts.create(
        who.actor,
        ApplicationForm(
            matter_id=matter,
            seal_id=seals[0].id,
            operator_id=operator or who.actor.person_id,
            title=found.name,
            purpose="",
        ),
    )
    return go(f"/applications/{view.row.id}/edit")


@router.get("/applications/{application_id}/edit")
def edit_page(
    request: Request, who: Concerned, web: WebPort, application_id: str, tried: bool = False
) -> Response:
    """The form with its papers. ``tried``: with what is still missing."""
    view = web.reader.get(who.actor, application_id)
    if "edit" not in view.actions:
        return go(f"/applications/{application_id}")
    return _edit(request, web, who, view, tried=tried)


@router.post("/applications/{application_id}/edit")
async def save(request: Request, who: Concerned, web: WebPort, application_id: str) -> Response:
    """Keep what is filled in so far; ``submit`` hands it in."""
    form = await request.form(max_fields=40, max_files=0)
    sent = {name: value for name, value in form.items() if isinstance(value, str)}
    view = web.reader.get(who.actor, application_id)
    quiet = bool(request.headers.get("hx-request"))
    error = None
    try:
        wanted, version = filled(view, sent), _number(sent.get("version"), 0)
        if wanted == filled(view, {}):
            # There already: by a save that was on its way when its page was left.
            version = view.row.version
        view = web.drafts.update(who.actor, application_id, version, wanted)
        if sent.get("then") == "submit":
            web.applications.submit(who.actor, application_id, view.row.version)
            return go(f"/applications/{application_id}?done=submit")
    except DomainError as refused:
        error = refused
        showable(refused)
        view = web.reader.get(who.actor, application_id)
    if quiet:
        return piece(
            request, web, who, "parts/saved.html", {"view": view, "error": error, "quiet": True}
        )
    return _edit(request, web, who, view, error, tried=sent.get("then") == "submit")


def _places(web: Web, actor: Actor) -> dict[str, str]:
    """Where the actor may ask for a seal: path → name."""
    with web.context.db.read() as conn:
        seen = in_branches(conn, seal.c.org_path, actor.branches(*ASKERS))
        return {row.org_path: row.org_name or row.org_path for row in phone.seals(conn, seen)}


def _choice(web: Web, actor: Actor, org: str, text: str) -> Choice:
    found = web.matters.catalogue(actor, org, text=text or None)
    with web.context.db.read() as conn:
        counts = phone.matter_counts(conn, org, web.context.now() - _RECENT_MS)
    open_ones = [one for one in found if not one.forbidden]
    groups: dict[str, list[MatterView]] = {}
    for one in open_ones:
        groups.setdefault(one.category, []).append(one)
    often = sorted(
        (one for one in open_ones if counts.get(one.id)), key=lambda one: -counts[one.id]
    )
    return Choice(
        often=[] if text else often[:_OFTEN],
        groups=groups,
        forbidden=[one for one in found if one.forbidden],
    )


def filled(view: ApplicationView, sent: Mapping[str, str]) -> ApplicationForm:
    """The form as it was sent; what it did not hold stays.

    Raises:
        DomainError: ``bad_amount``.
    """
    row = view.row

    def text(name: str, before: str | None) -> str | None:
        return sent[name].strip() or None if name in sent else before

    amount = row.amount_fen
    if "amount" in sent:
        amount = from_figures(sent["amount"].strip()) if sent["amount"].strip() else None
    return ApplicationForm(
        matter_id=row.matter.id,
        seal_id=sent.get("seal") or row.seal.id,
        operator_id=sent.get("operator") or row.operator.id,
        title=sent.get("title", row.title),
        purpose=sent.get("purpose", view.purpose),
        copies=_number(sent.get("copies"), row.copies),
        stamps_per_copy=_number(sent.get("stamps_per_copy"), view.stamps_per_copy),
        alternates=tuple(one.id for one in view.alternates),
        beneficiary=text("beneficiary", view.beneficiary),
        counterparty=text("counterparty", view.counterparty),
        amount_fen=amount,
        resolution=text("resolution", view.resolution),
        wanted_from=_time(sent, "wanted_from", view.wanted_from),
        wanted_until=_time(sent, "wanted_until", view.wanted_until),
        extends_id=view.extends_id,
        details=view.details,
    )


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else otherwise


def _time(sent: Mapping[str, str], name: str, before: int | None) -> int | None:
    return formats.from_local(sent[name]) if name in sent else before


def _edit(
    request: Request,
    web: Web,
    who: Concerned,
    view: ApplicationView,
    error: DomainError | None = None,
    *,
    tried: bool = False,
) -> Response:
    matter = web.matters.get(who.actor, view.row.matter.id)
    with web.context.db.read() as conn:
        here: Sequence[Row[Any]] = [
            row
            for row in phone.seals(conn, seal.c.org_path == view.row.org_path)
            if row.kind in matter.seals
        ]
        stampers = phone.stampers(conn, view.row.org_path, web.context.now())
    if not here:
        raise missing("可用的印章", "seal")
    values = paper_values(web, who.actor, view) | {
        "view": view,
        "row": view.row,
        "matter": matter,
        "seals": here,
        "seal_kinds": {kind.value: SEAL_KIND_ZH[kind] for kind in SealKind},
        "stampers": stampers | {view.row.operator.id: view.row.operator.name},
        "amount": "" if view.row.amount_fen is None else to_figures(view.row.amount_fen),
        "error": error,
        "tried": tried,
        "limits": matter.spec.get("limits", {}),
    }
    return page(request, web, who, "edit.html", values, 422 if error else 200)
