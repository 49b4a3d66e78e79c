"""Papers set by typst: the PDF that is uploaded, and the sheet that lies before the camera."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pypdfium2 as pdfium
import typst

from backend.vision.decode import Picture
from tests.support.paper_cases.words import Paper

SHEET_DPI = 200
"""Dots an inch of a drawn sheet; A4 is 1654 × 2339 of them."""

_ROOT = Path(__file__).parents[3]
_OWN_FONT = _ROOT / "backend" / "web" / "static" / "vendor" / "fonts"
CERTAIN_FONTS = ("Noto Serif SC", "Noto Serif CJK SC", "Noto Sans CJK SC")
"""What a machine with the pages' assets and fonts-noto-cjk has; tests ask for no other."""
MORE_FONTS = (
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "AR PL SungtiL GB",
    "AR PL KaitiM GB",
    "AR PL UMing CN",
    "AR PL UKai CN",
    "LXGW WenKai",
)

_TEMPLATE = """
#let d = json(bytes(sys.inputs.data))
#set page(paper: "a4", margin: (top: d.top * 1mm, bottom: 25mm, x: d.side * 1mm),
  footer: if d.paged { align(center, text(size: 9pt, context counter(page).display("— 1 —"))) })
#set text(font: (d.font, "Noto Serif SC"), size: d.size * 1pt, lang: "zh", region: "cn")
#set par(leading: d.leading * 1em, spacing: d.leading * 1em, justify: d.justify)
#align(center, text(size: d.title_size * 1pt, weight: "bold", d.title))
#v(0.3em)
#align(right, text(size: 0.85em, d.number))
#v(0.5em)
#let said(t) = if t.ends-with("：") { par(t) } else { par(h(2em) + t) }
#for (i, t) in d.paragraphs.enumerate() {
  if t.starts-with("\\u{c}") { pagebreak(); said(t.slice(1)) } else { said(t) }
  if i == 0 and d.rows.len() > 0 {
    table(columns: d.rows.at(0).len(), inset: (x: 6pt, y: 9pt), align: center + horizon,
      ..d.rows.flatten())
  }
}
#v(1.5em)
#for s in d.signers { block(spacing: 1.9em, s) }
#v(1em)
#align(right, block(spacing: 1em, d.signed_by + "（盖章）"))
#align(right, block(spacing: 1em, d.dated))
"""


@dataclass(frozen=True, slots=True)
class Style:
    """How a paper is set: sizes in points, margins in millimetres, leading in em."""

    font: str
    size: float
    title_size: float
    leading: float
    top: int
    side: int
    justify: bool
    paged: bool


def style(rng: random.Random, fonts: Sequence[str] = CERTAIN_FONTS) -> Style:
    """Some way in which a village office sets its papers."""
    size = rng.choice((12, 12, 14, 14, 15, 16))
    return Style(
        font=rng.choice(fonts),
        size=size,
        title_size=size + rng.choice((4, 6, 8)),
        leading=rng.choice((0.85, 1.0, 1.2)) if size < 15 else 0.85,
        top=rng.choice((25, 30, 37)),
        side=rng.choice((22, 25, 28)),
        justify=rng.random() < 0.5,
        paged=rng.random() < 0.5,
    )


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=True, font_paths=[str(_OWN_FONT)])


@lru_cache(maxsize=1)
def installed_fonts() -> tuple[str, ...]:
    """Every known font that this machine has."""
    families = set(_fonts().families())
    return tuple(name for name in (*CERTAIN_FONTS, *MORE_FONTS) if name in families)


def _inputs(paper: Paper, style: Style) -> dict[str, str]:
    data = {
        "title": paper.title,
        "number": paper.number,
        "paragraphs": paper.paragraphs,
        "rows": paper.rows,
        "signers": paper.signers,
        "signed_by": paper.signed_by,
        "dated": paper.dated,
        **{name: getattr(style, name) for name in Style.__slots__},
    }
    return {"data": json.dumps(data, ensure_ascii=False)}


def pdf(paper: Paper, style: Style) -> bytes:
    """The paper as a PDF file with a text layer."""
    made: bytes = typst.compile(
        _TEMPLATE.encode(), format="pdf", font_paths=_fonts(), sys_inputs=_inputs(paper, style)
    )
    return made


def sheets(paper: Paper, style: Style) -> list[Picture]:
    """The paper's pages as they leave the printer, ``SHEET_DPI`` dots an inch."""
    # Declared as bytes, but a list of them where there is more than one page.
    made: bytes | list[bytes] = typst.compile(
        _TEMPLATE.encode(),
        format="png",
        ppi=SHEET_DPI,
        font_paths=_fonts(),
        sys_inputs=_inputs(paper, style),
    )
    pages = [made] if isinstance(made, bytes) else made
    drawn = [cv2.imdecode(np.frombuffer(page, np.uint8), cv2.IMREAD_COLOR) for page in pages]
    return [page.astype(np.uint8) for page in drawn if page is not None]


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character of a PDF's page: box as left, top, right, bottom in sheet pixels."""

    sign: str
    box: tuple[float, float, float, float]


def glyphs(data: bytes) -> list[list[Glyph]]:
    """All visible characters of a PDF, page by page, in reading order."""
    document = pdfium.PdfDocument(data)
    scale = SHEET_DPI / 72
    found = []
    for page in document:
        height, text, signs = page.get_height(), page.get_textpage(), []
        for at in range(text.count_chars()):
            sign = text.get_text_range(at, 1)
            if not sign.strip():
                continue
            left, bottom, right, top = text.get_charbox(at)
            signs.append(
                Glyph(
                    sign,
                    (
                        left * scale,
                        (height - top) * scale,
                        right * scale,
                        (height - bottom) * scale,
                    ),
                )
            )
        found.append(signs)
    document.close()
    return found
