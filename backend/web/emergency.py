"""Emergency use (应急用印): at once, confirmed by a second person, reviewed later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import Form, Query
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.errors import DomainError
from backend.services.application_drafts import ASKERS, ApplicationForm
from backend.services.facts import load_surroundings, rules_of
from backend.services.views import MatterView
from backend.store import phone
from backend.store.scope import in_branches
from backend.store.tables import seal
from backend.web.ports import Web
from backend.web.site import Concerned, Viewer, WebPort, go, page, pages

_MOST: Final = 99

router = pages()


@router.get("/emergency")
def emergency_page(
    request: Request,
    who: Viewer,
    web: WebPort,
    org: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """What it means, and the few things to fill in."""
    return _form(request, web, who, org, {})


@router.post("/emergency")
def open_emergency(
    request: Request,
    who: Viewer,
    web: WebPort,
    org: Annotated[str, Form(max_length=200)] = "",
    matter: Annotated[str, Form(max_length=100)] = "",
    seal_id: Annotated[str, Form(max_length=64)] = "",
    operator: Annotated[str, Form(max_length=64)] = "",
    beneficiary: Annotated[str, Form(max_length=100)] = "",
    stamps: Annotated[int, Form(ge=1, le=_MOST)] = 1,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Break glass."""
    sent = {
        "matter": matter,
        "seal_id": seal_id,
        "operator": operator,
        "beneficiary": beneficiary,
        "stamps": stamps,
        "reason": reason,
    }
    try:
        found = web.matters.get(who.actor, matter)
        view = web.drafts.open_emergency(
            who.actor,
            ApplicationForm(
                matter_id=matter,
                seal_id=seal_id or _fitting(web, who, org, found),
                operator_id=operator or who.actor.person_id,
                title=found.name,
                purpose=reason,
                beneficiary=beneficiary.strip() or None,
                copies=stamps,
            ),
            reason,
        )
    except DomainError as error:
        if error.kind == "unauthenticated":
            raise
        return _form(request, web, who, org, sent, error)
    return go(f"/applications/{view.row.id}?done=emergency")


@router.post("/applications/{application_id}/review")
def review(
    who: Concerned,
    web: WebPort,
    application_id: str,
    outcome: Annotated[str, Form(max_length=20)] = "",
    note: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """The look afterwards at an emergency."""
    web.applications.review(who.actor, application_id, outcome, note)
    return go(f"/applications/{application_id}?done=review")


def _fitting(web: Web, who: Viewer, org: str, matter: MatterView) -> str:
    fit = [row.id for row in _seals(web, who).get(org, []) if row.kind in matter.seals]
    if not fit:
        raise DomainError(
            "no_seal_for_matter",
            "本单位没有可用于该事项的印章",
            "this place has no seal for that matter",
            "conflict",
        )
    return str(fit[0])


def _seals(web: Web, who: Viewer) -> dict[str, list[Row[Any]]]:
    with web.context.db.read() as conn:
        seen = in_branches(conn, seal.c.org_path, who.actor.branches(*ASKERS))
        found: dict[str, list[Row[Any]]] = {}
        for row in phone.seals(conn, seen):
            found.setdefault(row.org_path, []).append(row)
    return found


def _form(
    request: Request,
    web: Web,
    who: Viewer,
    org: str,
    sent: dict[str, Any],
    error: DomainError | None = None,
) -> Response:
    seals = _seals(web, who)
    if not seals:
        raise DomainError(
            "nothing_to_apply_for",
            "您的范围内没有可申请的印章",
            "there is no seal in your branch that you may apply for",
            "denied",
        )
    chosen = org if org in seals else next(iter(seals))
    kinds = {row.kind for row in seals[chosen]}
    matters: Sequence[MatterView] = [
        one
        for one in web.matters.catalogue(who.actor, chosen)
        if not one.forbidden and one.spec.get("emergency", True) and kinds & set(one.seals)
    ]
    with web.context.db.read() as conn:
        stampers = phone.stampers(conn, chosen, web.context.now())
        rules = rules_of(load_surroundings(conn, chosen).settings)
    values = {
        "matter": "",
        "seal_id": "",
        "operator": who.actor.person_id if who.actor.person_id in stampers else "",
        "beneficiary": "",
        "stamps": 1,
        "reason": "",
    } | sent
    values |= {
        "org": chosen,
        "places": {path: rows[0].org_name or path for path, rows in seals.items()},
        "seals": seals[chosen],
        "matters": matters,
        "stampers": stampers,
        "most": rules.emergency_stamps,
        "confirm_ms": rules.emergency_confirm_ms,
        "error": error,
    }
    return page(request, web, who, "emergency.html", values, 422 if error else 200)
