"""Entering organisations, people and seals from a workbook: looked through first, row by row, then
all of it or nothing."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from fastapi import File, Form, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from backend.api.deps import Scope, require_session, service
from backend.api.settings import MAX_UPLOAD
from backend.domain.actor import Role
from backend.domain.errors import DomainError
from backend.reports import xlsx
from backend.reports.import_template import write_template
from backend.reports.workbook import MAX_BYTES, MAX_ROWS, read_workbook
from backend.services.identity import Authenticated
from backend.services.import_book import SHEETS, Line, check_line, read_lines
from backend.services.imports import ImportService, Outcome
from backend.web.ports import Web
from backend.web.site import WebPort, page, pages

_MOST_UNPACKED: Final = 16 * 1024 * 1024
_SHOWN: Final = 200

Imports = Annotated[ImportService, service(ImportService)]
Keeper = Annotated[Authenticated, require_session(Role.ADMIN, scope=Scope.BRANCH)]

router = pages()


@router.get("/admin/import")
def import_page(request: Request, who: Keeper, web: WebPort) -> Response:
    """Where a workbook is chosen."""
    return _show(request, web, who)


@router.get("/admin/import/template.xlsx")
def template(who: Keeper) -> Response:
    """The workbook to fill in."""
    return Response(
        write_template(),
        media_type=xlsx.MIME,
        headers={"Content-Disposition": 'attachment; filename="zhiyin-import.xlsx"'},
    )


@router.post("/admin/import", max_body_size=MAX_UPLOAD)
def check(
    request: Request,
    who: Keeper,
    web: WebPort,
    imports: Imports,
    book: Annotated[UploadFile, File()],
) -> Response:
    """Look through a workbook and say what is wrong with each row; nothing changes."""
    try:
        lines, problems = read_lines(read_workbook(book.file.read(MAX_BYTES + 1)))
    except DomainError as error:
        return _show(request, web, who, error=error)
    outcome = Outcome(problems=problems) if problems else imports.run(who.actor, lines, dry=True)
    return _show(request, web, who, outcome=outcome, rows=_pack(lines), name=book.filename or "")


@router.post("/admin/import/run", max_body_size=MAX_UPLOAD)
def run(
    request: Request,
    who: Keeper,
    web: WebPort,
    imports: Imports,
    rows: Annotated[str, Form()] = "",
) -> Response:
    """Enter what was looked through."""
    return _show(request, web, who, outcome=imports.run(who.actor, _unpack(rows), dry=False))


def _pack(lines: Sequence[Line]) -> str:
    return base64.b64encode(zlib.compress(msgspec.json.encode(lines))).decode()


def _unpack(rows: str) -> list[Line]:
    """What :func:`_pack` gave, or something like it: it is only ever what its sender could have
    sent as a workbook.

    Raises:
        DomainError: ``bad_workbook``.
    """
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(rows, validate=True), _MOST_UNPACKED)
        lines = msgspec.json.decode(data, type=list[Line])
    except (binascii.Error, zlib.error, msgspec.MsgspecError, ValueError) as error:
        raise _again() from error
    if len(lines) > MAX_ROWS * len(SHEETS) or any(check_line(one) for one in lines):
        raise _again()
    return lines


def _again() -> DomainError:
    return DomainError(
        "bad_workbook", "请重新选择文件检查一遍再导入", "choose the file again and check it first"
    )


def _show(
    request: Request,
    web: Web,
    who: Keeper,
    *,
    outcome: Outcome | None = None,
    rows: str = "",
    name: str = "",
    error: DomainError | None = None,
) -> Response:
    wrong = error is not None or (outcome is not None and bool(outcome.problems))
    values = {
        "outcome": outcome,
        "problems": outcome.problems[:_SHOWN] if outcome is not None else [],
        "rows": rows,
        "name": name,
        "error": error,
    }
    return page(request, web, who, "import.html", values, 422 if wrong else 200)
