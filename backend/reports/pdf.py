"""A sheet as a PDF, typeset by Typst. What people wrote goes in as data and is shown, never run."""

from __future__ import annotations

import json
import re
import threading
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Final

import typst

from backend.domain.errors import DomainError
from backend.reports.sheet import Sheet, plain_text

MIME: Final = "application/pdf"
FAMILY: Final = "Noto Serif SC"

_LONG: Final = re.compile(r"[!-~]{11,}")
_PART: Final = re.compile(r"[^-_/:.@]{1,12}[-_/:.@]*|[-_/:.@]+")


class Typesetter:
    """Typesets with the face in one folder: Noto Serif SC, or an office's own."""

    def __init__(self, fonts: Path) -> None:
        self._folder = fonts
        self._turn = threading.Lock()  # typesetting is short and takes a whole core

    def pdf(self, sheet: Sheet) -> bytes:
        """The PDF's bytes.

        Raises:
            DomainError: ``no_font`` when the folder has none, for blanks are worse than no paper.
        """
        said = {
            "title": plain_text(sheet.title),
            "font": self._family,
            "facts": [[plain_text(name), plain_text(value)] for name, value in sheet.facts],
            "warning": None if sheet.warning is None else plain_text(sheet.warning),
            "heads": [plain_text(one.title) for one in sheet.columns],
            "widths": [one.width for one in sheet.columns],
            "numbers": [one.number for one in sheet.columns],
            "rows": [[_breakable(plain_text(cell)) for cell in row] for row in sheet.rows],
            "signs": [plain_text(one) for one in sheet.sign_offs],
        }
        with self._turn:
            made: bytes = typst.compile(
                _template(),
                font_paths=self._fonts,
                sys_inputs={"sheet": json.dumps(said, ensure_ascii=False)},
                format="pdf",
                timestamp=0,
            )
        return made

    @cached_property
    def _fonts(self) -> typst.Fonts:
        return typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[str(self._folder)],
        )

    @property
    def _family(self) -> str:
        families = self._fonts.families() if self._folder.is_dir() else []
        if FAMILY in families:
            return FAMILY
        if not families:
            raise DomainError(
                "no_font",
                "服务器上没有中文字体，暂时不能生成PDF；请改用Excel，并请系统管理员检查字体目录",
                "the server has no Chinese font for a PDF; take the workbook, and ask whoever runs"
                " the system to look at fonts_dir",
            )
        return families[0]


def _breakable(text: str) -> str:
    """Long ids may break within a narrow column: zero-width spaces between their parts."""
    return _LONG.sub(lambda run: "\u200b".join(_PART.findall(run[0])), text)


@cache
def _template() -> bytes:
    return files("backend.reports").joinpath("templates/sheet.typ").read_bytes()
