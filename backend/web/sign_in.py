"""Signing in and out, one's own password, language and look."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from backend.api.deps import authenticate, comes_from_us, public, require_session, service
from backend.api.settings import ApiSettings
from backend.domain.actor import Role
from backend.domain.errors import DomainError
from backend.services.credentials import CredentialService
from backend.services.identity import Authenticated, IdentityService
from backend.web import render
from backend.web.i18n import ENGLISH
from backend.web.site import (
    VIEW_COOKIE,
    Myself,
    WebPort,
    frame,
    go,
    guest_locale,
    holds,
    look,
    own_address,
    page,
    pages,
)

_YEAR_SECONDS: Final = 365 * 86_400

Identity = Annotated[IdentityService, service(IdentityService)]
Credentials = Annotated[CredentialService, service(CredentialService)]
Newcomer = Annotated[Authenticated, require_session(with_temporary_password=True)]

router = pages()


@router.get("/", dependencies=[public("leads on to a page that asks who you are")])
def front_door(request: Request) -> Response:
    """To the page that this person needs first."""
    try:
        who = authenticate(request)
    except DomainError:
        who = None
    if who is None:
        return go("/sign-in")
    if holds(who.actor, Role.SUPERVISOR):
        return go("/overview")
    return go("/today" if holds(who.actor, Role.ADMIN) else "/home")


@router.get("/sign-in", dependencies=[public("nobody is signed in before they sign in")])
def sign_in_page(request: Request, web: WebPort, next: str = "") -> Response:
    """The form."""
    return _form(request, web, {"next": next, "login": "", "error": None}, 200)


@router.post(
    "/sign-in", dependencies=[public("nobody is signed in before they sign in; throttled")]
)
def sign_in(
    request: Request,
    web: WebPort,
    identity: Identity,
    login: Annotated[str, Form(max_length=60)] = "",
    password: Annotated[str, Form(max_length=128)] = "",
    next: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Begin a session, then on to where the person wanted to go."""
    settings: ApiSettings = request.app.state.settings
    address = request.client.host if request.client is not None else "unknown"
    values: dict[str, Any] = {"next": next, "login": login}
    if not comes_from_us(request, settings):
        # Otherwise another site could sign a person in as somebody else.
        return _form(request, web, values | {"error": _other_origin()}, 403)
    try:
        made = identity.sign_in(login, password, address)
    except DomainError as error:
        return _form(request, web, values | {"error": error}, _STATUS.get(error.kind, 422))
    wanted = own_address(next, "/")
    response = go("/password" if made.authenticated.must_change_password else wanted)
    response.set_cookie(
        settings.cookie,
        made.cookie,
        max_age=(made.session.expires_at - made.session.issued_at) // 1000,
        path="/",
        secure=settings.https,
        httponly=True,
        samesite="lax",
    )
    return response


_STATUS: Final = {"unauthenticated": 401, "throttled": 429}


def _other_origin() -> DomainError:
    return DomainError(
        "other_origin",
        "请求来自其他网站，已拒绝；请在本页重新登录",
        "the request came from another site; sign in here",
        "denied",
    )


def _form(request: Request, web: WebPort, values: dict[str, Any], status: int) -> Response:
    around = frame(request, web, guest_locale(request))
    return render.respond(request, render.fragment("sign_in.html", around | values), status)


@router.post("/sign-out")
def sign_out(request: Request, who: Newcomer, identity: Identity) -> Response:
    """End this session; a copy of its cookie is void too."""
    settings: ApiSettings = request.app.state.settings
    if who.session is not None:
        identity.sign_out(who.session)
    response = go("/sign-in")
    response.delete_cookie(
        settings.cookie, path="/", secure=settings.https, httponly=True, samesite="lax"
    )
    return response


@router.get("/password")
def password_page(request: Request, who: Newcomer, web: WebPort) -> Response:
    """Choose one's own password: must be done first with a temporary one."""
    return page(
        request, web, who, "password.html", {"error": None, "forced": who.must_change_password}
    )


@router.post("/password")
def change_password(
    request: Request,
    who: Newcomer,
    web: WebPort,
    credentials: Credentials,
    old: Annotated[str, Form(max_length=128)] = "",
    new: Annotated[str, Form(max_length=128)] = "",
    again: Annotated[str, Form(max_length=128)] = "",
) -> Response:
    """Every session ends with it; the person signs in again with the new one."""
    error = None
    if new != again:
        error = DomainError(
            "not_the_same", "两次输入的新口令不一致", "the new passwords are not the same"
        )
    else:
        try:
            credentials.change_password(who.actor, old, new)
        except DomainError as refused:
            error = refused
    if error is None:
        return go("/sign-in?changed=1")
    values = {"error": error, "forced": who.must_change_password}
    return page(request, web, who, "password.html", values, 422)


@router.get("/me")
def me_page(request: Request, who: Myself, web: WebPort) -> Response:
    """Who I am here, my roles, how pages look to me."""
    info = web.people.get(who.actor, who.actor.person_id)
    signs = web.signing_keys is not None and holds(who.actor, Role.APPROVER)
    return page(
        request, web, who, "me.html", {"info": info, "held": who.actor.roles, "signs": signs}
    )


@router.post("/me/language")
def language(
    who: Myself, web: WebPort, locale: Annotated[str, Form(max_length=10)] = ""
) -> Response:
    """One's own language, on every device."""
    chosen = ENGLISH if locale == ENGLISH else "zh_CN"
    web.people.change(who.actor, who.actor.person_id, {"locale": chosen})
    return go("/me")


@router.post(
    "/me/look", dependencies=[public("changes how this browser shows pages, nothing else")]
)
def change_look(
    request: Request,
    size: Annotated[str, Form(max_length=10)] = "",
    theme: Annotated[str, Form(max_length=10)] = "",
    back: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Large type, light or dark; kept in this browser."""
    chosen = set(look(request))
    if size:
        chosen.discard("large")
        chosen |= {"large"} & {size}
    if theme:
        chosen -= {"dark", "light"}
        chosen |= {"dark", "light"} & {theme}
    settings: ApiSettings = request.app.state.settings
    response = RedirectResponse(own_address(back, "/me"), 303)
    response.set_cookie(
        VIEW_COOKIE,
        ".".join(sorted(chosen)),
        max_age=_YEAR_SECONDS,
        path="/",
        secure=settings.https,
        httponly=True,
        samesite="lax",
    )
    return response
