"""Errors as problem details (RFC 9457), Chinese and English, with nothing of our insides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from sqlalchemy.exc import DataError, DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.websockets import WebSocket

from backend.domain.application_checks import Incomplete
from backend.domain.errors import DomainError
from backend.store.db import is_passing

MEDIA_TYPE: Final = "application/problem+json"

_STATUS: Final[Mapping[str, int]] = {
    "invalid": 422,
    "denied": 403,
    "missing": 404,
    "conflict": 409,
    "unauthenticated": 401,
    "throttled": 429,
}

_HTTP: Final[Mapping[int, tuple[str, str, str]]] = {
    400: ("bad_request", "请求格式不正确", "the request is malformed"),
    404: ("not_found", "没有这个地址", "there is nothing at this address"),
    405: ("method_not_allowed", "此地址不支持该操作", "this address does not take that method"),
    413: ("too_large", "提交的内容过大", "the request is too large"),
    415: ("unsupported_media_type", "不支持这种内容格式", "this media type is not taken"),
}

_FIELD_ZH: Final[Mapping[str, str]] = {
    "missing": "必填",
    "extra_forbidden": "没有这个字段",
    "string_too_short": "太短",
    "string_too_long": "太长",
    "string_pattern_mismatch": "格式不正确",
    "too_short": "数量太少",
    "too_long": "数量太多",
    "greater_than": "数值太小",
    "greater_than_equal": "数值太小",
    "less_than": "数值太大",
    "less_than_equal": "数值太大",
    "enum": "不在可选范围内",
    "literal_error": "不在可选范围内",
    "json_invalid": "不是有效的 JSON",
}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field of the request."""

    field: Annotated[str, Field(description="字段 · where, dotted")]
    zh: Annotated[str, Field(description="中文说明 · in Chinese")]
    en: Annotated[str, Field(description="英文说明 · in English")]


@dataclass(frozen=True, slots=True)
class Problem:
    """Problem details (RFC 9457). ``code`` is stable, for programs."""

    type: Annotated[str, Field(description="问题类型 · urn:zhiyin:problem:<code>")]
    title: Annotated[str, Field(description="给人看的说明 · in the asker's language")]
    status: Annotated[int, Field(description="HTTP 状态码 · HTTP status")]
    code: Annotated[str, Field(description="稳定代码 · stable code")]
    zh: Annotated[str, Field(description="中文说明 · in Chinese")]
    en: Annotated[str, Field(description="英文说明 · in English")]
    instance: Annotated[str, Field(description="本次请求的编号 · id of this request")]
    errors: Annotated[tuple[FieldProblem, ...], Field(description="逐项说明 · one by one")] = ()


def problem(
    request: Request,
    status: int,
    code: str,
    zh: str,
    en: str,
    *,
    errors: tuple[FieldProblem, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem response in the asker's language, naming the request but not its content."""
    found = Problem(
        type=f"urn:zhiyin:problem:{code}",
        title=zh if speaks_chinese(request.headers.get("accept-language", "")) else en,
        status=status,
        code=code,
        zh=zh,
        en=en,
        instance=f"urn:uuid:{request.scope.get('request_id', '')}",
        errors=errors,
    )
    return Response(
        msgspec.json.encode(found), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def too_large(request: Request) -> Response:
    """The problem of a request beyond the limit."""
    return problem(request, 413, *_HTTP[413])


def speaks_chinese(accept_language: str) -> bool:
    """Whether Chinese is wanted: unless the header asks for English before any Chinese."""
    for part in accept_language.lower().split(","):
        tag = part.split(";")[0].strip()
        if tag.startswith("zh"):
            return True
        if tag.startswith("en"):
            return False
    return True


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem."""
    app.add_exception_handler(DomainError, _domain)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(Exception, _unexpected)


async def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    connection: object = request
    if isinstance(connection, WebSocket):
        # Before it was accepted this is a plain 403; Starlette ignores what we return.
        await connection.close(1008, error.code)
        return Response()
    status = _STATUS.get(error.kind, 422)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    errors: tuple[FieldProblem, ...] = ()
    if isinstance(error, Incomplete):
        errors = tuple(FieldProblem(one.field, one.zh, one.en) for one in error.problems)
    return problem(request, status, error.code, error.zh, error.en, errors=errors, headers=headers)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = tuple(_field(one) for one in error.errors()[:20])
    named = "、".join(one.field for one in errors)[:120]
    return problem(
        request,
        422,
        "bad_request",
        f"提交的内容有误：{named}",
        f"something in the request does not fit: {named}",
        errors=errors,
    )


def _field(error: Mapping[str, Any]) -> FieldProblem:
    where = ".".join(str(part) for part in error["loc"])[:100]
    return FieldProblem(where, _FIELD_ZH.get(error["type"], "格式不正确"), str(error["msg"])[:200])


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, zh, en = _HTTP.get(error.status_code, ("http_error", "请求无法处理", "not possible"))
    return problem(request, error.status_code, code, zh, en, headers=error.headers)


async def _database(request: Request, error: Exception) -> Response:
    if isinstance(error, DataError):
        return problem(
            request,
            422,
            "bad_value",
            "提交的内容含有无法保存的字符或数值",
            "the request holds a character or number that cannot be stored",
        )
    if is_passing(error):
        _log.warning("database away", error=type(error).__name__)
        return problem(
            request,
            503,
            "database_away",
            "数据库暂时无法访问，请稍后再试",
            "the database is away for the moment; try again",
            headers={"Retry-After": "5"},
        )
    return await _unexpected(request, error)


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("unexpected error", request=request.scope.get("request_id"), exc_info=error)
    return problem(
        request,
        500,
        "internal",
        "系统内部错误，请把编号告诉管理员",
        "an error on our side; tell the administrator the id of this request",
    )
