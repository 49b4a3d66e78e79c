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

_RUN: Final = re.compile(r"[!-~]+")
_SPLIT: Final = re.compile(r"(?<=[-_/:.@])")
_BREAK: Final = "\u200b"
_TABLE_MM: Final = 225.0
"""Width of the table on the page (GB/T 9704-2012: 297 less margins of 35 and 37 mm)."""
_SMALL_FROM: Final = 16
"""So many columns are set in the smaller size; the template says the same."""


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
        small = len(sheet.columns) >= _SMALL_FROM
        room = _room(sheet, small)
        said = {
            "title": plain_text(sheet.title),
            "font": self._family,
            "facts": [[plain_text(name), plain_text(value)] for name, value in sheet.facts],
            "warning": None if sheet.warning is None else plain_text(sheet.warning),
            "heads": [plain_text(one.title) for one in sheet.columns],
            "widths": [one.width for one in sheet.columns],
            "numbers": [one.number for one in sheet.columns],
            "small": small,
            "rows": [
                [_breakable(plain_text(cell), most) for cell, most in zip(row, room, strict=True)]
                for row in sheet.rows
            ],
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


def _room(sheet: Sheet, small: bool) -> list[int]:
    """How many Latin letters fit into a line of each column."""
    unit = _TABLE_MM / sum(one.width for one in sheet.columns)
    inset, letter = (1.6, 1.4) if small else (2.4, 1.7)
    return [max(3, int((one.width * unit - inset) / letter)) for one in sheet.columns]


def _breakable(text: str, most: int) -> str:
    """Let ids and numbers longer than ``most`` break: zero-width spaces between their parts."""

    def split(run: re.Match[str]) -> str:
        if len(run[0]) <= most:
            return run[0]
        return _BREAK.join(
            part[place : place + most]
            for part in _SPLIT.split(run[0])
            for place in range(0, len(part), most)
        )

    return _RUN.sub(split, text)


@cache
def _template() -> bytes:
    return files("backend.reports").joinpath("templates/sheet.typ").read_bytes()
