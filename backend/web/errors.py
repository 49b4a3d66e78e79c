"""Errors as pages: what is wrong and what to do, in the reader's language; the API has its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from backend.api.deps import Services
from backend.domain.errors import DomainError
from backend.services.identity import Authenticated
from backend.store.db import is_passing
from backend.web import render
from backend.web.i18n import mark, reading_locale, say
from backend.web.ports import Web
from backend.web.site import frame, go, guest_locale

Handler = Callable[[Request, Exception], Awaitable[Response]]

_STATUS: Final = {
    "invalid": 422,
    "denied": 403,
    "missing": 404,
    "conflict": 409,
    "unauthenticated": 401,
    "throttled": 429,
}

_TITLES: Final = {
    401: mark("请先登录"),
    403: mark("没有权限"),
    404: mark("找不到"),
    409: mark("情况有变"),
    422: mark("内容需要修改"),
    429: mark("请稍等"),
    503: mark("暂时无法访问"),
}
_ADVICE: Final = {
    403: mark("如确需办理，请联系镇街的系统管理员调整您的角色。"),
    404: mark("可能已被撤回，或不在您的管理范围内。请返回首页重新进入。"),
    409: mark("请返回刷新，看看最新情况再办理。"),
    503: mark("正在恢复，请一分钟后刷新本页；已提交的内容不会丢失。"),
}


def install(app: FastAPI) -> None:
    """Answer errors of pages as pages; what asks for data goes on to the handlers already there.
    Given to the application as a finishing step."""
    for kind in (DomainError, RequestValidationError, HTTPException, DBAPIError, Exception):
        before: Any = app.exception_handlers.get(kind)
        app.add_exception_handler(kind, _handler(before))


def _handler(before: Handler | None) -> Handler:
    async def answer(request: Request, error: Exception) -> Response:
        if not wants_page(request) and before is not None:
            return await before(request, error)
        if before is not None and not isinstance(error, _OURS):
            await before(request, error)  # it writes the log
        return _page(request, error)

    return answer


_OURS: Final = (DomainError, RequestValidationError, HTTPException)


def wants_page(request: Request) -> bool:
    """Whether a person looks at the answer; nobody does at a socket's."""
    return (
        request.scope["type"] == "http"
        and not request.url.path.startswith("/api/")
        and "text/html" in request.headers.get("accept", "")
    )


def _page(request: Request, error: Exception) -> Response:
    if isinstance(error, DomainError) and error.code == "sign_in_needed":
        back = request.url.path if request.method == "GET" else "/"
        if request.url.query and request.method == "GET":
            back += f"?{request.url.query}"
        return go(f"/sign-in?next={quote(back)}")
    if isinstance(error, DomainError) and error.code == "change_password_first":
        return go("/password")
    who: Authenticated | None = getattr(request.state, "authenticated", None)
    locale = guest_locale(request) if who is None else reading_locale(who.actor.locale)
    services: Services = request.app.state.services
    web = services.get(Web) if services.has(Web) else None
    status, message = _say(error, locale)
    values = frame(request, web, locale) | {
        "status": status,
        "title": _TITLES.get(status, mark("系统内部错误")),
        "message": message,
        "advice": _ADVICE.get(status),
        "request_id": request.scope.get("request_id", ""),
    }
    return render.respond(request, render.fragment("error.html", values), status)


def _say(error: Exception, locale: str) -> tuple[int, str]:
    if isinstance(error, DomainError):
        text = error.en if locale == "en" else error.zh
        return _STATUS.get(error.kind, 422), text
    if isinstance(error, RequestValidationError):
        return 422, say(mark("提交的内容有误，请返回检查后重新提交。"), locale)
    if isinstance(error, HTTPException):
        return error.status_code, say(mark("没有这个页面。"), locale)
    if isinstance(error, DBAPIError) and is_passing(error):
        return 503, say(mark("数据库暂时无法访问。"), locale)
    return 500, say(mark("请把下面的编号告诉系统管理员。"), locale)
