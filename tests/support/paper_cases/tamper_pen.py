"""Altered by pen: figures and words written in, words struck through."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw

from backend.vision.decode import Picture
from seal_firmware_sim.hardware.fonts import chinese_font
from tests.support.paper_cases.tamper_spots import CAPITALS, CLAUSES, FIGURES, DoesNotApply, pick
from tests.support.paper_cases.typeset import Glyph


def _ink(rng: random.Random) -> tuple[int, int, int]:
    """A pen's colour, blue-green-red: black, blue-black or blue."""
    return rng.choice(((35, 30, 30), (90, 45, 35), (150, 60, 30)))


def _squeezed(sheet: Picture, glyphs: Sequence[Glyph], rng: random.Random) -> Picture:
    """A nought between the last figure and what follows: 5万 → 50万."""
    ends = [
        i
        for i in range(len(glyphs) - 1)
        if glyphs[i].sign in "123456789" and glyphs[i + 1].sign not in FIGURES
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
        if glyphs[i].sign in FIGURES and glyphs[i - 1].sign not in FIGURES + ",."
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
    at = pick(glyphs, CAPITALS, rng)
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
    text = rng.choice(CLAUSES)
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


WRITTEN: dict[str, Callable[[Picture, Sequence[Glyph], random.Random], Picture]] = {
    "squeezed_nought": _squeezed,
    "leading_one": _led,
    "tenfold": _tenfold,
    "struck": _struck,
    "penned_clause": _penned,
}
"""Each writes on a sheet that is handed in."""
