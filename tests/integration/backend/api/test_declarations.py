"""Deny by default: a route says who may call it, or why everybody may, or there is no start."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.routing import iter_route_contexts
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from backend.api.app import create_app
from backend.api.deps import (
    ANY,
    Public,
    Require,
    Scope,
    Services,
    declaration_of,
    mount_public,
    public,
    require,
    undeclared,
)
from backend.domain.actor import Actor, Role
from tests.support.api import Api


def test_every_route_declares_role_and_scope_or_a_reason(api: Api) -> None:
    assert undeclared(api.app) == []
    routes = list(iter_route_contexts(api.app.routes))
    assert len(routes) > 50
    for route in routes:
        declared = declaration_of(route)
        if isinstance(declared, Public):
            assert len(declared.reason) > 20, route.path
        else:
            assert isinstance(declared, Require), route.path
            assert declared.roles or declared.scope is Scope.OWN, route.path


def test_only_these_routes_are_open_to_everybody(api: Api) -> None:
    open_routes = {
        f"{'/'.join(sorted(route.methods or ()))} {route.path}"
        for route in iter_route_contexts(api.app.routes)
        if isinstance(declaration_of(route), Public)
    }
    assert open_routes == {
        "GET /healthz",
        "GET /readyz",
        "POST /api/v1/session",
        "GET /api/v1/log/checkpoint",
        "GET /api/v1/log/consistency",
        "GET /api/v1/openapi.json",
    }


def _plain(router: APIRouter) -> None:
    @router.get("/forgotten")
    def forgotten() -> None: ...


def _socket(router: APIRouter) -> None:
    @router.websocket("/forgotten")
    async def forgotten(websocket: WebSocket) -> None: ...


def _starlette(router: APIRouter) -> None:
    router.routes.append(Route("/forgotten", lambda request: PlainTextResponse("x")))


def _nested(router: APIRouter) -> None:
    inner = APIRouter(prefix="/deep")
    _plain(inner)
    router.include_router(inner)


@pytest.mark.parametrize("forget", [_plain, _socket, _starlette, _nested])
def test_a_forgotten_declaration_stops_the_start(forget: Any) -> None:
    router = APIRouter()
    forget(router)

    with pytest.raises(RuntimeError, match="forgotten"):
        create_app(Services(), routers=[router])


def test_a_mount_without_a_reason_stops_the_start() -> None:
    def mount(app: FastAPI) -> None:
        app.mount("/static", PlainTextResponse("x"))

    with pytest.raises(RuntimeError, match="/static"):
        create_app(Services(), finish=[mount])
    with pytest.raises(ValueError, match="why"):
        mount_public(FastAPI(), "/static", PlainTextResponse("x"), "")


def test_declared_routes_sockets_and_mounts_start() -> None:
    router = APIRouter()

    @router.websocket("/ws")
    async def socket(
        websocket: WebSocket, actor: Annotated[Actor, require(*ANY, scope=Scope.BRANCH)]
    ) -> None: ...

    @router.get("/open", dependencies=[public("for the test only, it tells nothing")])
    def opened() -> None: ...

    create_app(
        Services(),
        routers=[router],
        finish=[lambda app: mount_public(app, "/static", PlainTextResponse("x"), "style sheets")],
    )


def test_a_role_must_be_named_unless_it_is_about_oneself() -> None:
    with pytest.raises(ValueError, match="name the roles"):
        require(scope=Scope.BRANCH)
    require(scope=Scope.OWN)
    require(Role.ADMIN, scope=Scope.OBJECT)


def test_nobody_gets_anything_without_signing_in(api: Api) -> None:
    client = api.client()
    tried = 0
    for route in iter_route_contexts(api.app.routes):
        if not isinstance(declaration_of(route), Require):
            continue
        assert route.path is not None
        path = route.path
        for name in ("seq", "version"):
            path = path.replace(f"{{{name}}}", "1")
        path = path.replace("{", "").replace("}", "")
        for method in route.methods or ():
            response = client.request(method, path)
            # Nothing of the request is looked at before the asker is known.
            assert response.status_code == 401, (method, path, response.text)
            tried += 1
    assert tried > 50
