"""Reading a workbook that somebody sends us: bounded in every direction, nothing in it is run.

A workbook is a zip archive of XML (ECMA-376). Refused are archives that unpack to more than their
size can mean, macros, links to other files, document type definitions (entities), formulas.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from openpyxl import load_workbook

from backend.domain.errors import DomainError

MAX_BYTES: Final = 5 * 1024 * 1024
"""Largest workbook that is looked at."""
MAX_ROWS: Final = 3000
"""Most rows of a sheet."""
MAX_CELL: Final = 300
"""Most characters of a cell."""

_MAX_UNPACKED: Final = 60 * 1024 * 1024
_MAX_PARTS: Final = 300
_MAX_COLUMNS: Final = 40
_PIECE: Final = 256 * 1024
_FOREIGN: Final = (
    "vbaproject",
    "externallink",
    "activex",
    "embeddings/",
    "oleobject",
    "macrosheet",
)

Row = list[str]


def read_workbook(data: bytes) -> dict[str, list[tuple[int, Row]]]:
    """Sheets by name, each with its rows (number as the program shows it, cells as text); empty
    rows are left out.

    Raises:
        DomainError: ``bad_workbook`` with what is wrong and where.
    """
    if len(data) > MAX_BYTES:
        raise _bad(f"文件超过{MAX_BYTES // 1024 // 1024}MB", "the file is too large")
    _inspect(data)
    try:
        book = load_workbook(
            io.BytesIO(data), read_only=True, data_only=False, keep_links=False, keep_vba=False
        )
    except Exception as error:  # whatever a hostile file makes the library stumble over
        raise _bad("文件打不开，请另存为Excel工作簿（.xlsx）再试", "it is no workbook") from error
    try:
        return {sheet.title: list(_rows(sheet)) for sheet in book.worksheets[:8]}
    except DomainError:
        raise
    except Exception as error:
        raise _bad("文件内容已损坏", "its contents are damaged") from error
    finally:
        book.close()


def _inspect(data: bytes) -> None:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise _bad("这不是Excel工作簿（.xlsx）", "this is no workbook (.xlsx)") from error
    if len(parts) > _MAX_PARTS:
        raise _bad("文件里的内容太多", "it has too many parts")
    left = _MAX_UNPACKED
    for part in parts:
        name = part.filename.lower()
        if any(one in name for one in _FOREIGN):
            raise _bad(
                "文件里有宏、外部链接或嵌入的对象，请去掉后另存再试",
                "it has macros, links to other files or embedded objects",
            )
        if part.flag_bits & 1:
            raise _bad("文件设了密码，请取消密码再试", "it is encrypted")
        left = _scan(archive, part, left)


def _scan(archive: zipfile.ZipFile, part: zipfile.ZipInfo, left: int) -> int:
    """Unpack one part to nowhere: what its header says of its size may be a lie."""
    tail = b""
    try:
        with archive.open(part) as stream:
            while piece := stream.read(min(_PIECE, left + 1)):
                left -= len(piece)
                if left < 0:
                    raise _bad("文件解开后太大", "it unpacks to too much")
                seen = tail + piece
                if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen or b"\0<\0!" in seen:
                    raise _bad("文件里有不允许的内容", "it has a document type definition")
                tail = piece[-16:]
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, OSError) as error:
        raise _bad("文件内容已损坏", "its contents are damaged") from error
    except Exception as error:
        if isinstance(error, DomainError):
            raise
        raise _bad("文件内容已损坏", "its contents are damaged") from error
    return left


def _rows(sheet: Any) -> Iterator[tuple[int, Row]]:
    sheet.reset_dimensions()  # what the file says of its own size is not believed
    for number, cells in enumerate(
        sheet.iter_rows(max_row=MAX_ROWS + 2, max_col=_MAX_COLUMNS), start=1
    ):
        if number > MAX_ROWS + 1:
            raise _bad(
                f"“{sheet.title}”超过{MAX_ROWS}行，请分几次导入",
                f"{sheet.title!r} has more than {MAX_ROWS} rows",
            )
        row = [_text(cell, sheet.title, number) for cell in cells]
        while row and not row[-1]:
            row.pop()
        if row:
            yield number, row


def _text(cell: Any, sheet: str, number: int) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        raise _bad(
            f"“{sheet}”第{number}行有公式，请改成固定的内容",
            f"row {number} of {sheet!r} has a formula",
        )
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    if len(text) > MAX_CELL:
        raise _bad(
            f"“{sheet}”第{number}行有一格超过{MAX_CELL}个字",
            f"a cell of row {number} of {sheet!r} is too long",
        )
    return text


def _bad(zh: str, en: str) -> DomainError:
    return DomainError("bad_workbook", f"{zh}。", f"the workbook cannot be read: {en}")
