"""Typeset pages of invented village documents, as the sleeve's page camera would see them.

``render`` sets a page, ``stamp`` puts a red seal on it (hardware.imprint), ``photograph`` takes a
picture of it (hardware.photographs). All sizes follow from A4: 210 × 297 mm over the width.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from seal_firmware_sim.hardware.fonts import FontMissing, chinese_font
from seal_firmware_sim.hardware.imprint import stamp
from seal_firmware_sim.hardware.photographs import photograph
from seal_firmware_sim.hardware.village_texts import (
    DocumentKind,
    Wording,
    invented_fields,
    words_of,
)

__all__ = [
    "DocumentKind",
    "FontMissing",
    "Page",
    "Placed",
    "invented_fields",
    "jpeg",
    "photograph",
    "render",
    "stamp",
]

PAGE_MM = (210, 297)

_MARGIN_MM, _TOP_MM = 27, 30
_TITLE_MM, _TEXT_MM, _SMALL_MM = 8.4, 5.3, 4.4
_LINE = 1.75
_PAPER, _INK = (252, 251, 247), (28, 27, 30)
_NOT_FIRST = "，。；：、！？）》〉〕”’"
_NOT_LAST = "（《〈〔“‘￥"


SIGN_HERE = "签字："
"""What stands before the place of a signature."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A line and where it stands: ``left`` and ``top`` in pixels, ``size`` of its letters."""

    text: str
    left: float
    top: float
    size: int


@dataclass(frozen=True, slots=True)
class Page:
    """A typeset page.

    Attributes:
        image: RGB.
        placed: the text line by line, as set.
        seal_at: pixel where the middle of the seal belongs, over the signing organisation's name.
        seal_text: the organisation that signs: what its seal says.
    """

    image: Image.Image
    placed: tuple[Placed, ...]
    seal_at: tuple[int, int]
    seal_text: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The text line by line, without its indentation."""
        return tuple(line.text.strip("　") for line in self.placed)

    def jpeg(self, quality: int = 70) -> bytes:
        """The page as a JPEG file."""
        return jpeg(self.image, quality)


def jpeg(image: Image.Image, quality: int = 70) -> bytes:
    """Any picture as a JPEG file."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def render(
    kind: DocumentKind | str,
    fields: Mapping[str, str] | None = None,
    seed: int = 0,
    *,
    width: int = 900,
    font_path: Path | None = None,
) -> Page:
    """Set one A4 page of ``kind``; what ``fields`` leaves open is invented from ``seed``.

    Args:
        kind: one of ``DocumentKind``.
        fields: any of the keys of ``invented_fields``, for instance ``village`` or ``amount``.
        seed: the same seed and fields give the same page.
        width: pixels across the page; 1240 is 150 dots an inch.
        font_path: a Chinese font file; default the simulator's own or an installed one.

    Raises:
        ValueError: for an unknown kind or field, or a width below 300.
        FontMissing: when no Chinese font is there.
    """
    if width < 300:
        raise ValueError("a page narrower than 300 pixels cannot be read")
    filled = invented_fields(seed)
    unknown = set(fields or ()) - set(filled)
    if unknown:
        raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
    filled.update(fields or {})
    return _Setter(width, font_path).set(words_of(DocumentKind(kind), filled))


class _Setter:
    """Sets one page from top to bottom."""

    def __init__(self, width: int, font_path: Path | None) -> None:
        self._unit = width / PAGE_MM[0]
        self._image = Image.new("RGB", (width, round(self._unit * PAGE_MM[1])), _PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self._font_path = font_path
        self._margin = round(_MARGIN_MM * self._unit)
        self._y = _TOP_MM * self._unit
        self._placed: list[Placed] = []

    def set(self, words: Wording) -> Page:
        width = self._image.width
        self._line(words.title, _TITLE_MM, middle=width / 2, bold=True, step=2.1)
        self._line(words.number, _SMALL_MM, right=width - self._margin, step=2.2)
        for at, paragraph in enumerate(words.paragraphs):
            addressed = at == 0 and paragraph.endswith("：")
            self._paragraph(paragraph if addressed else "　　" + paragraph)
        self._y += 6 * self._unit
        top = self._y
        for signer in words.signers:
            text = f"{signer}　{SIGN_HERE}＿＿＿＿＿＿"
            self._line(text, _SMALL_MM, left=self._margin, step=2.4)
        self._y = max(self._y, top) + 8 * self._unit
        seal_y = self._y
        organisation = self._font(_TEXT_MM).getlength(words.signed_by)
        right = width - self._margin
        self._line(f"{words.signed_by}", _TEXT_MM, right=right)
        self._line(words.dated, _TEXT_MM, right=right)
        seal_x = right - min(organisation, 80 * self._unit) / 2
        return Page(
            self._image,
            tuple(self._placed),
            (round(seal_x), round(seal_y + _TEXT_MM * self._unit)),
            words.signed_by,
        )

    def _font(self, millimetres: float) -> ImageFont.FreeTypeFont:
        return chinese_font(round(millimetres * self._unit), self._font_path)

    def _line(
        self,
        text: str,
        millimetres: float,
        *,
        left: float | None = None,
        right: float | None = None,
        middle: float | None = None,
        bold: bool = False,
        step: float = _LINE,
    ) -> None:
        font = self._font(millimetres)
        x, anchor = (left, "la") if left is not None else (right, "ra")
        if middle is not None:
            x, anchor = middle, "ma"
        thick = round(0.12 * self._unit) if bold else 0
        self._draw.text((x or 0, self._y), text, _INK, font, anchor, stroke_width=thick)
        start = (x or 0) - font.getlength(text) * {"la": 0.0, "ma": 0.5, "ra": 1.0}[anchor]
        self._placed.append(Placed(text, start, self._y, round(millimetres * self._unit)))
        self._y += millimetres * step * self._unit

    def _paragraph(self, text: str) -> None:
        font = self._font(_TEXT_MM)
        room = self._image.width - 2 * self._margin
        for line in _wrapped(text, font, room):
            self._line(line, _TEXT_MM, left=self._margin)


def _wrapped(text: str, font: ImageFont.FreeTypeFont, room: float) -> list[str]:
    """Lines within ``room``; no closing mark starts a line, no opening one ends it."""
    lines, line = [], ""
    for at, sign in enumerate(text):
        following = text[at + 1 : at + 2]
        needed = line + sign + (following if following in _NOT_FIRST else "")
        if line and font.getlength(needed) > room and sign not in _NOT_FIRST:
            carried = ""
            while len(line) > 1 and line[-1] in _NOT_LAST:
                line, carried = line[:-1], line[-1] + carried
            lines.append(line)
            line = carried
        line += sign
    return [*lines, line] if line else lines
