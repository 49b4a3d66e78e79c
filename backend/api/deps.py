"""Who may come in: every route declares its roles and its scope, or says why it is public.

A route without a declaration stops the start (see :func:`check_declared`): deny by default.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, FastAPI, Query
from fastapi.routing import iter_route_contexts
from starlette.requests import HTTPConnection

from backend.api.settings import ApiSettings
from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, denied
from backend.services.identity import Authenticated, IdentityService

T = TypeVar("T")

ANY: Final = tuple(Role)
"""Whoever holds any role."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PREFIX: Final = "bearer "


class Scope(StrEnum):
    """How a route keeps to the asker's branch of the tree (promise 6)."""

    OWN = "own"
    """It concerns the asker only."""

    OBJECT = "object"
    """The service checks the path of the one thing named; elsewhere it does not exist."""

    BRANCH = "branch"
    """The list is narrowed to the branches for which the asker holds a role."""


class Services:
    """What routes work with, looked up by type. Others add their own without our knowing."""

    def __init__(self, *instances: object) -> None:
        self._by_type: dict[type, object] = {type(one): one for one in instances}

    def add(self, instance: object, kind: type | None = None) -> None:
        """Offer ``instance``, as its own type or as ``kind``."""
        self._by_type[kind or type(instance)] = instance

    def get(self, kind: type[T]) -> T:
        """The instance of ``kind``.

        Raises:
            LookupError: when the installation was wired without it.
        """
        found = self._by_type.get(kind)
        if found is None:
            raise LookupError(f"no {kind.__name__} was wired")
        return found  # type: ignore[return-value]  # stored under its own type

    def has(self, kind: type) -> bool:
        """Whether there is one."""
        return kind in self._by_type


def service(kind: type[T]) -> Any:
    """The service of this type: ``people: Annotated[PeopleService, service(PeopleService)]``."""

    async def give(connection: HTTPConnection) -> T:
        services: Services = connection.app.state.services
        return services.get(kind)

    return Depends(give)


# ── declarations ─────────────────────────────────────────────────────────────────────────────────


class Public:
    """A route for everybody, with the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    async def __call__(self) -> None:
        """Let everybody in."""


class Require:
    """A route for people who hold one of ``roles`` somewhere, within ``scope``. Gives the
    :class:`Authenticated`."""

    def __init__(
        self,
        roles: tuple[Role, ...],
        scope: Scope,
        *,
        session_only: bool = False,
        with_temporary_password: bool = False,
    ) -> None:
        self.roles = roles
        self.scope = scope
        self.session_only = session_only
        self.with_temporary_password = with_temporary_password

    def __call__(self, connection: HTTPConnection) -> Authenticated:
        """Refuse, or say who asks.

        Raises:
            DomainError: ``sign_in_needed``, ``other_origin``, ``change_password_first``,
                ``read_only_token``, ``session_needed``, ``denied``.
        """
        who = authenticate(connection)
        if who is None:
            raise DomainError("sign_in_needed", "请先登录", "sign in first", "unauthenticated")
        if who.must_change_password and not self.with_temporary_password:
            raise DomainError(
                "change_password_first",
                "当前是临时口令，请先设置自己的口令",
                "this password is temporary; choose your own first",
                "denied",
            )
        if not who.may_write and connection.scope.get("method") not in _SAFE:
            raise DomainError(
                "read_only_token", "该令牌只能查询", "this token may only read", "denied"
            )
        if self.session_only and who.session is None:
            raise DomainError(
                "session_needed",
                "此操作须本人登录后办理，不能使用令牌",
                "this takes a person who is signed in, not a token",
                "denied",
            )
        if self.scope is not Scope.OWN and not any(
            held.role in self.roles for held in who.actor.roles
        ):
            raise denied()
        return who


class RequireActor(Require):
    """As :class:`Require`; gives the :class:`Actor`."""

    def __call__(self, connection: HTTPConnection) -> Actor:  # type: ignore[override]  # FastAPI injects what the declared type says, nobody else calls it
        """Refuse, or say who asks; see :class:`Require`."""
        return super().__call__(connection).actor


def public(reason: str) -> Any:
    """Declare a route open to everybody: ``dependencies=[public("…")]``."""
    return Depends(Public(reason))


def require(*roles: Role, scope: Scope) -> Any:
    """Declare who may call: ``actor: Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)]``.
    Without roles: whoever is signed in, for :attr:`Scope.OWN`."""
    if not roles and scope is not Scope.OWN:
        raise ValueError("name the roles, or ANY, unless the route concerns the asker only")
    return Depends(RequireActor(roles, scope))


def require_session(
    *roles: Role, scope: Scope = Scope.OWN, with_temporary_password: bool = False
) -> Any:
    """As :func:`require`, for a signed-in person only; gives the :class:`Authenticated`."""
    return Depends(
        Require(roles, scope, session_only=True, with_temporary_password=with_temporary_password)
    )


def authenticate(connection: HTTPConnection) -> Authenticated | None:
    """Who asks, by bearer token or session cookie; ``None`` when nobody can be recognised.

    A request by cookie must come from our own pages: see :func:`comes_from_us`.

    Raises:
        DomainError: ``other_origin``.
    """
    services: Services = connection.app.state.services
    settings: ApiSettings = connection.app.state.settings
    identity = services.get(IdentityService)
    given = connection.headers.get("authorization")
    if given is not None:
        is_bearer = given[: len(_PREFIX)].lower() == _PREFIX
        who = identity.by_token(given[len(_PREFIX) :].strip()) if is_bearer else None
    else:
        cookie = connection.cookies.get(settings.cookie)
        who = identity.by_cookie(cookie) if cookie else None
        if who is not None and not comes_from_us(connection, settings):
            raise DomainError(
                "other_origin",
                "请求来自其他网站，已拒绝；请从本系统页面操作",
                "the request comes from another site; act from our own pages",
                "denied",
            )
    if who is not None:
        connection.state.authenticated = who
    return who


def comes_from_us(connection: HTTPConnection, settings: ApiSettings) -> bool:
    """Whether a request that carries a cookie was made by one of our pages, or typed in.

    Fetch metadata (W3C) where the browser sends it, else the Origin header (RFC 6454); a changing
    request with neither is refused. SameSite=Lax stands behind this, not instead of it.
    """
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    is_safe = connection.scope["type"] == "http" and connection.scope["method"] in _SAFE
    if site is not None and connection.scope["type"] == "http":
        if site in ("same-origin", "none"):
            return True
        # A link on another site may open one of our pages; nothing more.
        return is_safe and connection.headers.get("sec-fetch-mode") == "navigate"
    if origin is not None:
        return origin in {*_by_host(connection, settings), *settings.origins}
    return is_safe


def signing_origins(connection: HTTPConnection, settings: ApiSettings) -> frozenset[str]:
    """On whose pages a person may sign: the published ones; where none is set, our own as the Host
    header names it."""
    return settings.origins or _by_host(connection, settings)


def _by_host(connection: HTTPConnection, settings: ApiSettings) -> frozenset[str]:
    host = connection.headers.get("host", "")
    ours = {f"https://{host}"}
    if not settings.https:
        ours.add(f"http://{host}")
    return frozenset(ours)


# ── the check at start ───────────────────────────────────────────────────────────────────────────


def declaration_of(route: Any) -> Public | Require | None:
    """What a route declared, if anything."""
    dependant = getattr(route, "dependant", None)
    waiting = list(getattr(dependant, "dependencies", ()))
    while waiting:
        one = waiting.pop()
        if isinstance(one.call, Public | Require):
            return one.call
        waiting += one.dependencies
    return None


def undeclared(app: FastAPI) -> list[str]:
    """Paths of routes (also WebSockets, mounts) that declare neither roles nor a reason."""
    mounts: frozenset[str] = getattr(app.state, "public_mounts", frozenset())
    return [
        f"{','.join(sorted(route.methods or ())) or 'other'} {route.path}"
        for route in iter_route_contexts(app.routes)
        if declaration_of(route) is None and route.path not in mounts
    ]


def check_declared(app: FastAPI) -> None:
    """Refuse to start with a route that nobody thought about.

    Raises:
        RuntimeError: naming the routes.
    """
    found = undeclared(app)
    if found:
        raise RuntimeError(
            "routes without require(...) or public(...): " + "; ".join(sorted(found))
        )


def mount_public(app: FastAPI, path: str, inner: Any, reason: str) -> None:
    """Mount static files for everybody. ``reason`` says why, as for :func:`public`."""
    if not reason:
        raise ValueError("say why this is public")
    app.mount(path, inner)
    app.state.public_mounts = frozenset({*getattr(app.state, "public_mounts", ()), path})


# ── common parameters ────────────────────────────────────────────────────────────────────────────

Cursor = Annotated[
    str | None, Query(max_length=400, description="上一页返回的 next · `next` of the page before")
]
Limit = Annotated[int, Query(ge=1, le=200, description="每页条数 · items a page")]
Branch = Annotated[
    str | None,
    Query(max_length=200, description="只看此组织路径之下 · only below this organisation path"),
]
