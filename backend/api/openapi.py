"""The OpenAPI document: what FastAPI knows, with who may call and how errors look."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter
from starlette.routing import BaseRoute

from backend.api.deps import Require, Scope, declaration_of
from backend.api.problems import MEDIA_TYPE, Problem

ABOUT: Final = """智印接口：用印申请、审批、授权、用印记录、预警、印章与套筒管理。

The API of Zhiyin: applications, approvals, grants, uses, alerts, seals and sleeves.

- 身份 Identity: `Authorization: Bearer zyt_…`（接口令牌），或登录后的会话 Cookie。
- 时间 Times: 自 1970 年起的毫秒（UTC）· ms since the epoch, UTC. 金额 Amounts: 分 · fen.
- 翻页 Pages: `next` 原样传回 `cursor` · pass `next` back as `cursor`.
- 错误 Errors: `application/problem+json`（RFC 9457），含中英文说明。
- 范围 Scope: 只能看到和操作自己组织范围内的内容 · nobody sees beyond their branch of the tree.
"""

_SCOPE: Final = {
    Scope.OWN: "本人 · the asker's own",
    Scope.OBJECT: "该对象须在您的组织范围内 · the thing named lies in your branch",
    Scope.BRANCH: "列表限于您的组织范围 · narrowed to your branches",
}
_ERROR: Final = {
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "请求有误或被拒绝 · refused, with the reason", **_ERROR},
    "5XX": {"description": "系统暂时无法处理 · an error on our side", **_ERROR},
}
"""Said of every route."""


def build(app: FastAPI) -> dict[str, Any]:
    """The document of ``app``, made once."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=ABOUT,
        routes=list(_with_errors(app.routes)),
        tags=app.openapi_tags,
    )
    parts = document.setdefault("components", {})
    schema = TypeAdapter(Problem).json_schema(ref_template="#/components/schemas/{model}")
    parts.setdefault("schemas", {}).update(schema.pop("$defs", {}))
    parts["schemas"]["Problem"] = schema
    parts["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "接口令牌 · API token"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": app.state.settings.cookie,
            "description": "登录会话 · session of a signed-in person",
        },
    }
    for route in iter_route_contexts(app.routes):
        declared = declaration_of(route)
        for method in route.methods or ():
            operation = document["paths"].get(route.path, {}).get(method.lower())
            if operation is not None and isinstance(declared, Require):
                _say_who(operation, declared)
    app.openapi_schema = document
    return document


def _with_errors(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            # A copy: the routes belong to every application of this process.
            route = copy.copy(route)
            route.responses = {**ERRORS, **route.responses}
        yield route


def _say_who(operation: dict[str, Any], declared: Require) -> None:
    operation["security"] = [{"session": []}]
    if not declared.session_only:
        operation["security"].insert(0, {"token": []})
    operation["x-roles"] = [str(role) for role in declared.roles]
    operation["x-scope"] = str(declared.scope)
    who = "、".join(operation["x-roles"]) or "已登录 · signed in"
    text = f"角色 Roles: {who}。范围 Scope: {_SCOPE[declared.scope]}。"
    operation["description"] = "\n\n".join(
        part for part in (operation.get("description"), text) if part
    )
