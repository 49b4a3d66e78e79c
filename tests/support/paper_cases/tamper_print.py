"""Altered by print: set anew in other words, or corrected with white paint and printed over."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image, ImageDraw

from backend.vision.decode import Picture
from seal_firmware_sim.hardware.fonts import chinese_font
from tests.support.paper_cases.tamper_spots import CAPITALS, CLAUSES, FIGURES, DoesNotApply, pick
from tests.support.paper_cases.typeset import Glyph
from tests.support.paper_cases.words import Paper

_ALIKE = ("未末", "己已", "土士", "人入", "大太", "天夫", "日曰", "干千", "于干", "免兔", "侯候")
_COMMON = "的一是在不了有和人这中为上个国我以要他时来用们生到作地出就分对成会可主发年动同工也能下过"
_NAMES = "沈来韩俞高华金孔田瞿汤傅裘倪谢丁施楼国良水根亚芬建明桂花伟强志祥小红阿毛文娟柏林永泉"


def _one_of(paper: Paper, signs: str, others: Callable[[str], str], rng: random.Random) -> Paper:
    places: list[tuple[int, int, int]] = [
        (-1, at, i)
        for at, text in enumerate(paper.paragraphs)
        for i, sign in enumerate(text)
        if sign in signs
    ]
    places += [
        (row, at, i)
        for row, cells in enumerate(paper.rows[1:], start=1)
        for at, text in enumerate(cells)
        for i, sign in enumerate(text)
        if sign in signs
    ]
    if not places:
        raise DoesNotApply
    row, at, i = rng.choice(places)
    text = paper.paragraphs[at] if row < 0 else paper.rows[row][at]
    choices = [sign for sign in others(text[i]) if sign != text[i]]
    changed = text[:i] + rng.choice(choices) + text[i + 1 :]
    if row < 0:
        return paper.with_paragraph(at, changed)
    cells = [*paper.rows[row]]
    cells[at] = changed
    rows = [*paper.rows]
    rows[row] = tuple(cells)
    return replace(paper, rows=tuple(rows))


def _digit(paper: Paper, rng: random.Random) -> Paper:
    return _one_of(paper, FIGURES, lambda _: FIGURES, rng)


def _capital(paper: Paper, rng: random.Random) -> Paper:
    return _one_of(paper, CAPITALS, lambda _: CAPITALS, rng)


def _alike(paper: Paper, rng: random.Random) -> Paper:
    return _one_of(
        paper, "".join(_ALIKE), lambda s: "".join(pair for pair in _ALIKE if s in pair), rng
    )


def _sign(paper: Paper, rng: random.Random) -> Paper:
    signs = {s for text in paper.paragraphs for s in text if "一" <= s <= "鿿"}
    return _one_of(paper, "".join(sorted(signs)), lambda _: _COMMON, rng)


def _name(paper: Paper, rng: random.Random) -> Paper:
    text = "".join(paper.paragraphs) + "".join(c for row in paper.rows for c in row)
    names = sorted({text[i : i + 2] for i in range(len(text) - 1)} & _given())
    if not names:
        raise DoesNotApply
    old = rng.choice(names)
    new = rng.choice([name for name in sorted(_given()) if name != old])
    return replace(
        paper,
        paragraphs=tuple(p.replace(old, new) for p in paper.paragraphs),
        rows=tuple(tuple(c.replace(old, new) for c in row) for row in paper.rows),
    )


def _given() -> set[str]:
    return {_NAMES[i : i + 2] for i in range(18, len(_NAMES), 2)}


def _swapped(paper: Paper, rng: random.Random) -> Paper:
    if len(paper.rows) > 4:
        rows = [*paper.rows]
        i = rng.randrange(1, len(rows) - 2)
        rows[i], rows[i + 1] = (
            (rows[i][0], *rows[i + 1][1:]),
            (rows[i + 1][0], *rows[i][1:]),
        )
        if rows[i] != paper.rows[i]:
            return replace(paper, rows=tuple(rows))
    spots = [
        i
        for i in range(1, len(paper.paragraphs) - 1)
        if "\f" not in paper.paragraphs[i] + paper.paragraphs[i + 1]
    ]
    if not spots:
        raise DoesNotApply
    i = rng.choice(spots)
    paragraphs = [*paper.paragraphs]
    paragraphs[i], paragraphs[i + 1] = paragraphs[i + 1], paragraphs[i]
    return replace(paper, paragraphs=tuple(paragraphs))


def _clause(paper: Paper, rng: random.Random) -> Paper:
    at = rng.randrange(len(paper.paragraphs))
    return paper.with_paragraph(at, paper.paragraphs[at] + rng.choice(CLAUSES))


def _dropped(paper: Paper, rng: random.Random) -> Paper:
    spots = [i for i, text in enumerate(paper.paragraphs) if text.count("，") >= 1]
    if not spots:
        raise DoesNotApply
    at = rng.choice(spots)
    parts = paper.paragraphs[at].split("，")
    del parts[rng.randrange(1, len(parts))]
    return paper.with_paragraph(at, "，".join(parts).rstrip("。") + "。")


SET_ANEW: dict[str, Callable[[Paper, random.Random], Paper]] = {
    "digit": _digit,
    "capital": _capital,
    "alike": _alike,
    "sign": _sign,
    "name": _name,
    "swapped": _swapped,
    "clause": _clause,
    "dropped": _dropped,
}
"""Each sets a paper anew in other words."""


def _patch(sheet: Picture, glyph: Glyph, sign: str, rng: random.Random) -> Picture:
    """Corrected with white paint, another sign printed over it, not quite in the same type."""
    left, top, right, bottom = glyph.box
    size = max(14, round(_type_size(glyph)))
    x0, y0, x1, y1 = round(left) - 1, round(top) - 2, round(right) + 2, round(bottom) + 2
    cv2.rectangle(sheet, (x0, y0), (x1, y1), (253, 254, 254), -1)
    image = Image.fromarray(sheet[:, :, ::-1])
    font = chinese_font(size)
    ImageDraw.Draw(image).text(
        ((left + right) / 2 + rng.uniform(-1, 1), (top + bottom) / 2 + rng.uniform(-1, 1)),
        sign,
        (25, 25, 28),
        font,
        "mm",
    )
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def _type_size(glyph: Glyph) -> float:
    left, top, right, bottom = glyph.box
    height, width = bottom - top, right - left
    return height * 1.4 if glyph.sign in FIGURES else max(height, width) * 1.08


def _patched_digit(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    glyph = glyphs[pick(glyphs, FIGURES, rng)]
    return _patch(sheet, glyph, rng.choice(FIGURES.replace(glyph.sign, "")), rng)


def _patched_capital(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    glyph = glyphs[pick(glyphs, CAPITALS, rng)]
    return _patch(sheet, glyph, rng.choice(CAPITALS.replace(glyph.sign, "")), rng)


def _patched_sign(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    spots = [g for g in glyphs if "一" < g.sign <= "鿿"]
    glyph = rng.choice(spots)
    return _patch(sheet, glyph, rng.choice(_COMMON.replace(glyph.sign, "")), rng)


def _white(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    at = pick(glyphs, FIGURES + CAPITALS, rng)
    left, top, right, bottom = glyphs[at].box
    cv2.rectangle(
        sheet,
        (round(left) - 1, round(top) - 1),
        (round(right) + 1, round(bottom) + 1),
        (252, 254, 254),
        -1,
    )
    return sheet


PATCHED: dict[str, Callable[[Picture, Sequence[Glyph], random.Random], Picture]] = {
    "patched_digit": _patched_digit,
    "patched_capital": _patched_capital,
    "patched_sign": _patched_sign,
    "white": _white,
}
"""Each paints over something on a sheet that is handed in."""
