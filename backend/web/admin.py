"""Administration of a branch: organisations, seals, people and their terms of office, matters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.domain.matter import SealKind
from backend.services.organisations import NewOrganisation
from backend.services.people import NewPerson
from backend.services.roles import NewRole
from backend.services.seals import NewSeal
from backend.web import formats, places
from backend.web.ports import Admin, Web
from backend.web.site import Concerned, Viewer, WebPort, go, page, pages, showable

_MOST: Final = 200
_ROLES: Final = frozenset(Role)
_SEAL_KINDS: Final = frozenset(SealKind)

Name = Annotated[str, Form(max_length=100)]
Code = Annotated[str, Form(max_length=64)]
Day = Annotated[str, Form(max_length=10)]

router = pages()


@router.get("/admin")
def admin_page(request: Request, who: Viewer, web: WebPort) -> Response:
    """The tree of one's branches."""
    values = {
        "places": places.below(web, who.actor),
        "imports": bool(who.actor.branches(Role.ADMIN)),
    }
    return page(request, web, who, "admin.html", values)


@router.get("/admin/orgs/{org_id}")
def org_page(request: Request, who: Concerned, web: WebPort, org_id: str) -> Response:
    """One organisation with its seals and people."""
    return _show(request, web, who, org_id)


@router.post("/admin/orgs/{org_id}/below")
def add_below(
    request: Request,
    who: Concerned,
    web: WebPort,
    org_id: str,
    code: Code = "",
    name: Name = "",
) -> Response:
    """Enter an organisation below this one."""
    return _do(
        request,
        web,
        who,
        org_id,
        lambda admin: admin.organisations.create(
            who.actor, NewOrganisation(org_id, code.strip(), name)
        ),
    )


@router.post("/admin/orgs/{org_id}/people")
def add_person(
    request: Request,
    who: Concerned,
    web: WebPort,
    org_id: str,
    name: Name = "",
    phone: Name = "",
    login: Name = "",
) -> Response:
    """Enter a person."""
    new = NewPerson(org_id, name, phone.strip() or None, login.strip() or None)
    return _do(request, web, who, org_id, lambda _admin: web.people.create(who.actor, new))


@router.post("/admin/orgs/{org_id}/roles")
def grant_role(
    request: Request,
    who: Concerned,
    web: WebPort,
    org_id: str,
    person: Code = "",
    role: Code = "",
    title: Name = "",
    ends: Day = "",
) -> Response:
    """Give a role at this organisation; ``ends`` is the last day of the term."""
    end = formats.from_local(ends) if ends else None

    def act(admin: Admin) -> object:
        new = NewRole(
            person,
            org_id,
            _role(role),
            title.strip() or None,
            None,
            None if end is None else end + formats.DAY_MS,
        )
        return admin.roles.grant(who.actor, new)

    return _do(request, web, who, org_id, act)


@router.post("/admin/orgs/{org_id}/roles/{role_id}/end")
def end_role(request: Request, who: Concerned, web: WebPort, org_id: str, role_id: str) -> Response:
    """The term is over: authority ends at once (C33)."""
    return _do(request, web, who, org_id, lambda admin: admin.roles.end(who.actor, role_id))


@router.post("/admin/orgs/{org_id}/seals")
def add_seal(
    request: Request,
    who: Concerned,
    web: WebPort,
    org_id: str,
    kind: Code = "",
    name: Name = "",
    custodian: Code = "",
) -> Response:
    """Register a seal."""

    def act(admin: Admin) -> object:
        if kind not in _SEAL_KINDS:
            raise DomainError("bad_kind", "请选择印章种类", "choose the kind of seal")
        return admin.seals.register(
            who.actor, NewSeal(org_id, SealKind(kind), name, custodian or None)
        )

    return _do(request, web, who, org_id, act)


@router.post("/admin/orgs/{org_id}/seals/{seal_id}/custodian")
def entrust(
    request: Request,
    who: Concerned,
    web: WebPort,
    org_id: str,
    seal_id: str,
    custodian: Code = "",
) -> Response:
    """Name who keeps the seal."""
    return _do(
        request,
        web,
        who,
        org_id,
        lambda admin: admin.seals.entrust(who.actor, seal_id, custodian or None),
    )


@router.post("/admin/orgs/{org_id}/seals/{seal_id}/status")
def seal_status(
    request: Request,
    who: Concerned,
    web: WebPort,
    org_id: str,
    seal_id: str,
    status: Code = "",
    reason: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Suspend a seal or make it active again."""
    wanted = "active" if status == "active" else "suspended"
    return _do(
        request,
        web,
        who,
        org_id,
        lambda admin: admin.seals.set_status(who.actor, seal_id, wanted, reason),
    )


@router.post("/admin/orgs/{org_id}/people/{person_id}/password")
def reset_password(
    request: Request, who: Concerned, web: WebPort, org_id: str, person_id: str
) -> Response:
    """A temporary password, shown once."""
    try:
        made = admin_of(web).credentials.reset_password(who.actor, person_id)
    except DomainError as error:
        return _refused(request, web, who, org_id, error)
    return _show(request, web, who, org_id, temporary=made)


@router.post("/admin/orgs/{org_id}/people/{person_id}")
def change_person(
    request: Request,
    who: Concerned,
    web: WebPort,
    org_id: str,
    person_id: str,
    name: Name = "",
    phone: Name = "",
    login: Name = "",
) -> Response:
    """Correct a name, a phone number, a login; an empty login stays as it is."""
    changes: dict[str, Any] = {"name": name, "phone": phone.strip() or None}
    if login.strip():
        changes["login"] = login.strip()
    return _do(
        request,
        web,
        who,
        org_id,
        lambda _admin: web.people.change(who.actor, person_id, changes),
    )


@router.post("/admin/orgs/{org_id}/people/{person_id}/pin")
def set_pin(
    request: Request,
    who: Concerned,
    web: WebPort,
    org_id: str,
    person_id: str,
    pin: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """The PIN that somebody without a login types at the counter."""
    return _do(
        request,
        web,
        who,
        org_id,
        lambda admin: admin.credentials.set_pin_for(who.actor, person_id, pin),
    )


@router.post("/admin/orgs/{org_id}/people/{person_id}/leave")
def leave(request: Request, who: Concerned, web: WebPort, org_id: str, person_id: str) -> Response:
    """The person leaves: roles, sessions, PIN and face end at once."""
    return _do(request, web, who, org_id, lambda _admin: web.people.leave(who.actor, person_id))


def _do(
    request: Request, web: Web, who: Concerned, org_id: str, act: Callable[[Admin], object]
) -> Response:
    try:
        act(admin_of(web))
    except DomainError as error:
        return _refused(request, web, who, org_id, error)
    return go(f"/admin/orgs/{org_id}")


def _refused(
    request: Request, web: Web, who: Concerned, org_id: str, error: DomainError
) -> Response:
    showable(error)
    return _show(request, web, who, org_id, error=error)


def _role(text: str) -> Role:
    if text not in _ROLES:
        raise DomainError("bad_role", "请选择角色", "choose a role")
    return Role(text)


def admin_of(web: Web) -> Admin:
    """The services of administration.

    Raises:
        DomainError: ``not_served``.
    """
    if web.admin is None:
        raise DomainError("not_served", "本系统没有启用管理功能", "not served here", "missing")
    return web.admin


def _show(
    request: Request,
    web: Web,
    who: Concerned,
    org_id: str,
    *,
    error: DomainError | None = None,
    temporary: Any = None,
) -> Response:
    actor: Actor = who.actor
    admin = admin_of(web)
    org = admin.organisations.get(actor, org_id)
    here = [
        one
        for one in admin.seals.find(actor, branch=org.path, limit=_MOST).items
        if one.org_path == org.path
    ]
    people = [
        one
        for one in web.people.find(actor, branch=org.path, status="active", limit=_MOST).items
        if one.org_path == org.path
    ]
    roles = [
        one
        for one in admin.roles.find(actor, branch=org.path, limit=_MOST).items
        if one.org_path == org.path
    ]
    names = {one.id: one.name for one in people}
    values = {
        "org": org,
        "tab": "people",
        "seals": here,
        "people": people,
        "held": roles,
        "names": names,
        "roles": list(Role),
        "seal_kinds": list(SealKind),
        "administers": actor.may(Role.ADMIN, org.path),
        "imprinted": None if admin.imprints is None else admin.imprints.enrolled(actor, org.path),
        "has_below": org.level != "village",
        "error": error,
        "temporary": temporary,
    }
    return page(request, web, who, "org.html", values, 422 if error else 200)
