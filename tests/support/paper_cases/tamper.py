"""Ways to alter a paper after its approval: set anew in other words, patched, or with a pen."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image, ImageDraw

from backend.vision.decode import Picture
from seal_firmware_sim.hardware.fonts import chinese_font
from tests.support.paper_cases.typeset import Glyph
from tests.support.paper_cases.words import Paper

_CAPITALS = "壹贰叁肆伍陆柒捌玖"
_FIGURES = "0123456789"
_ALIKE = ("未末", "己已", "土士", "人入", "大太", "天夫", "日曰", "干千", "于干", "免兔", "侯候")
_COMMON = "的一是在不了有和人这中为上个国我以要他时来用们生到作地出就分对成会可主发年动同工也能下过"
_NAMES = "沈来韩俞高华金孔田瞿汤傅裘倪谢丁施楼国良水根亚芬建明桂花伟强志祥小红阿毛文娟柏林永泉"
_CLAUSES = (
    "另加收管理费每年贰仟元。",
    "如有争议以甲方解释为准。",
    "期满后自动续租五年。",
    "乙方放弃一切索赔权利。",
)


class DoesNotApply(Exception):
    """This paper has nothing that could be altered this way."""


def retyped(paper: Paper, op: str, rng: random.Random) -> Paper:
    """The paper in other words, to be set anew.

    Raises:
        DoesNotApply: when the paper has no such words.
    """
    return _RETYPED[op](paper, rng)


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
    return _one_of(paper, _FIGURES, lambda _: _FIGURES, rng)


def _capital(paper: Paper, rng: random.Random) -> Paper:
    return _one_of(paper, _CAPITALS, lambda _: _CAPITALS, rng)


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
    return paper.with_paragraph(at, paper.paragraphs[at] + rng.choice(_CLAUSES))


def _dropped(paper: Paper, rng: random.Random) -> Paper:
    spots = [i for i, text in enumerate(paper.paragraphs) if text.count("，") >= 1]
    if not spots:
        raise DoesNotApply
    at = rng.choice(spots)
    parts = paper.paragraphs[at].split("，")
    del parts[rng.randrange(1, len(parts))]
    return paper.with_paragraph(at, "，".join(parts).rstrip("。") + "。")


_RETYPED: dict[str, Callable[[Paper, random.Random], Paper]] = {
    "digit": _digit,
    "capital": _capital,
    "alike": _alike,
    "sign": _sign,
    "name": _name,
    "swapped": _swapped,
    "clause": _clause,
    "dropped": _dropped,
}
RETYPED: tuple[str, ...] = tuple(_RETYPED)


def marked(sheet: Picture, glyphs: Sequence[Glyph], op: str, rng: random.Random) -> Picture:
    """A copy of a printed sheet with something patched over or written in.

    Raises:
        DoesNotApply: when the sheet has no place for it.
    """
    return _MARKED[op](sheet.copy(), glyphs, rng)


def _ink(rng: random.Random) -> tuple[int, int, int]:
    """A pen's colour, blue-green-red: black, blue-black or blue."""
    return rng.choice(((35, 30, 30), (90, 45, 35), (150, 60, 30)))


def _pick(glyphs: Sequence[Glyph], signs: str, rng: random.Random) -> int:
    spots = [i for i, glyph in enumerate(glyphs) if glyph.sign in signs]
    if not spots:
        raise DoesNotApply
    return rng.choice(spots)


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
    return height * 1.4 if glyph.sign in _FIGURES else max(height, width) * 1.08


def _patched_digit(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    glyph = glyphs[_pick(glyphs, _FIGURES, rng)]
    return _patch(sheet, glyph, rng.choice(_FIGURES.replace(glyph.sign, "")), rng)


def _patched_capital(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    glyph = glyphs[_pick(glyphs, _CAPITALS, rng)]
    return _patch(sheet, glyph, rng.choice(_CAPITALS.replace(glyph.sign, "")), rng)


def _patched_sign(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    spots = [g for g in glyphs if "一" < g.sign <= "鿿"]
    glyph = rng.choice(spots)
    return _patch(sheet, glyph, rng.choice(_COMMON.replace(glyph.sign, "")), rng)


def _white(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    at = _pick(glyphs, _FIGURES + _CAPITALS, rng)
    left, top, right, bottom = glyphs[at].box
    cv2.rectangle(
        sheet,
        (round(left) - 1, round(top) - 1),
        (round(right) + 1, round(bottom) + 1),
        (252, 254, 254),
        -1,
    )
    return sheet


def _squeezed(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    """A nought between the last figure and what follows: 5万 → 50万."""
    ends = [
        i
        for i in range(len(glyphs) - 1)
        if glyphs[i].sign in "123456789" and glyphs[i + 1].sign not in _FIGURES
    ]
    if not ends:
        raise DoesNotApply
    _, top, right, bottom = glyphs[rng.choice(ends)].box
    high = (bottom - top) * rng.uniform(0.85, 1.1)
    wide = high * rng.uniform(0.30, 0.5)
    middle = (round(right + wide * 0.75), round((top + bottom) / 2 + rng.uniform(-2, 2)))
    axes = (max(3, round(wide / 2)), max(5, round(high / 2)))
    cv2.ellipse(
        sheet,
        middle,
        axes,
        rng.uniform(-12, 12),
        0,
        rng.uniform(345, 365),
        _ink(rng),
        rng.choice((2, 3)),
        cv2.LINE_AA,
    )
    return sheet


def _led(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    """A one before the first figure: 50,000 → 150,000."""
    starts = [
        i
        for i in range(1, len(glyphs))
        if glyphs[i].sign in _FIGURES and glyphs[i - 1].sign not in _FIGURES + ",."
    ]
    if not starts:
        raise DoesNotApply
    left, top, _, bottom = glyphs[rng.choice(starts)].box
    x = left - rng.uniform(5, 9)
    lean = rng.uniform(-2, 3)
    cv2.line(
        sheet,
        (round(x + lean), round(top - 1)),
        (round(x), round(bottom + 1)),
        _ink(rng),
        rng.choice((2, 3)),
        cv2.LINE_AA,
    )
    return sheet


def _tenfold(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    """拾 by hand, small, over the gap between two capitals: 伍万 → 伍拾万."""
    at = _pick(glyphs, _CAPITALS, rng)
    _, top, right, bottom = glyphs[at].box
    size = max(16, round((bottom - top) * rng.uniform(0.6, 0.8)))
    return _written(sheet, rng.choice("拾佰"), (right, top - size * 0.35), size, rng)


def _struck(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    at = rng.randrange(max(1, len(glyphs) - 4))
    first = glyphs[at].box
    last = first
    for glyph in glyphs[at : at + rng.randint(2, 5)]:
        if abs(glyph.box[1] - first[1]) < 20:
            last = glyph.box
    y = (first[1] + first[3]) / 2
    cv2.line(
        sheet,
        (round(first[0] - 3), round(y + rng.uniform(-3, 3))),
        (round(last[2] + 3), round(y + rng.uniform(-3, 3))),
        _ink(rng),
        rng.choice((2, 3)),
        cv2.LINE_AA,
    )
    return sheet


def _penned(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    """A clause by hand below a line of print, or after a paragraph's end."""
    ends = [g for g in glyphs if g.sign == "。"]
    if not ends:
        raise DoesNotApply
    glyph = rng.choice(ends)
    text = rng.choice(_CLAUSES)
    size = rng.randint(28, 40)
    room = sheet.shape[1] * 0.88 - glyph.box[2]
    if room < size * len(text):
        return _written(sheet, text, (sheet.shape[1] * 0.2, glyph.box[3] + 4), min(size, 26), rng)
    return _written(sheet, text, (glyph.box[2] + 12, glyph.box[3] - size), size, rng)


def _written(
    sheet: Picture, text: str, at: tuple[float, float], size: int, rng: random.Random
) -> Picture:
    image = Image.fromarray(sheet[:, :, ::-1])
    draw = ImageDraw.Draw(image)
    blue, green, red = _ink(rng)
    x, y = at
    for sign in text:
        font = chinese_font(max(10, size + rng.randint(-2, 2)))
        draw.text((x, y + rng.uniform(-2, 2)), sign, (red, green, blue), font)
        x += size * rng.uniform(0.9, 1.05)
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


_MARKED: dict[str, Callable[[Picture, Sequence[Glyph], random.Random], Picture]] = {
    "patched_digit": _patched_digit,
    "patched_capital": _patched_capital,
    "patched_sign": _patched_sign,
    "white": _white,
    "squeezed_nought": _squeezed,
    "leading_one": _led,
    "tenfold": _tenfold,
    "struck": _struck,
    "penned_clause": _penned,
}
MARKED: tuple[str, ...] = tuple(_MARKED)
