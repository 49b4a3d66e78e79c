"""Editing the catalogue: a form, a look at what would hold, then a new version. Applications that
came in under the old one keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Role
from backend.domain.errors import DomainError, missing
from backend.domain.matter import SealKind, from_plain
from backend.services.matters import MatterForm, matter_view
from backend.services.views import MatterView
from backend.web import matter_form, places
from backend.web.ports import Web
from backend.web.site import Concerned, Viewer, WebPort, go, page, pages, showable

_LONGEST: Final = 2000

router = pages()


@dataclass(frozen=True, slots=True)
class Given:
    """What was typed; a name that comes more than once counts by its last value, but seals."""

    values: Mapping[str, str]
    seals: list[str]


async def _given(request: Request) -> Given:
    form = await request.form()
    return Given(
        {name: str(value)[:_LONGEST] for name, value in form.items()},
        [str(one) for one in form.getlist("seals")],
    )


Form = Annotated[Given, Depends(_given)]


@router.get("/admin/matters")
def matters_page(
    request: Request,
    who: Viewer,
    web: WebPort,
    org: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The catalogue as it holds for a branch (the first of the actor's when none is named)."""
    branch = org or next(iter(who.actor.branches()), "/")
    found = web.matters.catalogue(who.actor, branch)
    values = {
        "matters": found,
        "branch": branch,
        "asked": {"org": branch},
        "places": places.below(web, who.actor),
        "administers": who.actor.may(Role.ADMIN, branch),
    }
    return page(request, web, who, "matters.html", values)


@router.post("/admin/matters/defaults")
def install_defaults(who: Concerned, web: WebPort, form: Form) -> Response:
    """Put what comes with the product into a catalogue; what is there already stays."""
    org = form.values.get("org", "")
    web.matters.install_defaults(who.actor, org)
    return go(f"/admin/matters?org={org}")


@router.get("/admin/matters/new")
def new_page(
    request: Request,
    who: Concerned,
    web: WebPort,
    org: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """An empty form."""
    who.actor.must(Role.ADMIN, org)
    return _show(request, web, who, None, org, matter_form.fields_of("", "", {}))


@router.post("/admin/matters/new")
def add(request: Request, who: Concerned, web: WebPort, form: Form) -> Response:
    """Look at it, then enter it."""
    org = form.values.get("org", "")
    who.actor.must(Role.ADMIN, org)
    try:
        wanted = matter_form.read(form.values, form.seals, {})
        looked = _look(wanted, None, org)
        if form.values.get("do") == "save":
            made = web.matters.add(who.actor, org, form.values.get("code", "").strip(), wanted)
            return go(f"/admin/matters/{made.id}")
    except DomainError as error:
        return _again(request, web, who, None, org, form, error)
    return _show(
        request,
        web,
        who,
        None,
        org,
        matter_form.fields_of(wanted.name, wanted.category, wanted.spec),
        looked=looked,
        code=form.values.get("code", ""),
    )


@router.get("/admin/matters/{matter_id}")
def matter_page(request: Request, who: Concerned, web: WebPort, matter_id: str) -> Response:
    """One matter: read by everybody in its branch, edited by its administrators."""
    old = web.matters.get(who.actor, matter_id)
    fields = matter_form.fields_of(old.name, old.category, old.spec)
    return _show(request, web, who, old, old.org_path, fields)


@router.post("/admin/matters/{matter_id}")
def change(request: Request, who: Concerned, web: WebPort, form: Form, matter_id: str) -> Response:
    """Look at it, then make it the next version."""
    old = web.matters.get(who.actor, matter_id)
    try:
        wanted = matter_form.read(form.values, form.seals, old.spec)
        looked = _look(wanted, old, old.org_path)
        if form.values.get("do") == "save":
            version = form.values.get("version", "")
            web.matters.change(
                who.actor, matter_id, int(version) if version.isdecimal() else 0, wanted
            )
            return go(f"/admin/matters/{matter_id}")
    except DomainError as error:
        return _again(request, web, who, old, old.org_path, form, error)
    fields = matter_form.fields_of(wanted.name, wanted.category, wanted.spec)
    return _show(request, web, who, old, old.org_path, fields, looked=looked)


@router.post("/admin/matters/{matter_id}/retire")
def retire(who: Concerned, web: WebPort, matter_id: str) -> Response:
    """Take it out of the catalogue."""
    old = web.matters.get(who.actor, matter_id)
    web.matters.retire(who.actor, matter_id)
    return go(f"/admin/matters?org={old.org_path}")


@dataclass(frozen=True, slots=True)
class Look:
    """What would hold: the matter as shown, and in which fields it differs from before."""

    matter: MatterView
    changed: list[str]
    tiers: list[tuple[int, str]]
    """From which amount (fen) which chain holds, in words."""


def _look(wanted: MatterForm, old: MatterView | None, org_path: str) -> Look:
    made = from_plain(
        wanted.spec,
        id="?" if old is None else old.id,
        version=1 if old is None else old.version + 1,
        org_path=org_path,
        name=wanted.name,
        category=wanted.category,
    )
    shown = matter_view(made)
    before: dict[str, Any] = {}
    if old is not None:
        before = {**old.spec, "name": old.name, "category": old.category}
    after = {**shown.spec, "name": shown.name, "category": shown.category}
    amounts = [0, *sorted(one.from_fen for one in made.thresholds)]
    return Look(
        shown,
        matter_form.changed(before, after) if old is not None else [],
        [(fen, " → ".join(step.name for step in made.chain_for(fen))) for fen in amounts],
    )


def _again(
    request: Request,
    web: Web,
    who: Concerned,
    old: MatterView | None,
    org: str,
    form: Given,
    error: DomainError,
) -> Response:
    showable(error)
    try:
        wanted = matter_form.read(form.values, form.seals, {} if old is None else old.spec)
        fields = matter_form.fields_of(wanted.name, wanted.category, wanted.spec)
    except DomainError:
        # What cannot be read as numbers cannot be filled in again either.
        fields = matter_form.fields_of(
            form.values.get("name", ""),
            form.values.get("category", ""),
            {} if old is None else old.spec,
        )
    code = form.values.get("code", "")
    return _show(request, web, who, old, org, fields, error=error, code=code)


def _show(
    request: Request,
    web: Web,
    who: Concerned,
    old: MatterView | None,
    org_path: str,
    fields: Mapping[str, Any],
    *,
    looked: Look | None = None,
    error: DomainError | None = None,
    code: str = "",
) -> Response:
    if not org_path:
        raise missing("该组织", "organisation")
    values = {
        "old": old,
        "org_path": org_path,
        "fields": fields,
        "looked": looked,
        "code": code,
        "seal_kinds": list(SealKind),
        "form": matter_form,
        "administers": who.actor.may(Role.ADMIN, org_path),
        "error": error,
    }
    return page(request, web, who, "matter.html", values, 422 if error else 200)
