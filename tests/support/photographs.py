"""Photographs of pages as a phone takes them: askew, on a table, unevenly lit."""

from __future__ import annotations

import io
import random
from functools import cache
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

CORNERS: Final = ((0.15, 0.11), (0.83, 0.14), (0.9, 0.9), (0.09, 0.86))
"""Where the page's corners lie on :func:`askew`, as fractions, from the top left clockwise."""

WOOD: Final = (120, 84, 52)
NEAR_WHITE: Final = (226, 224, 219)

_PAGE: Final = (525, 742)


@cache
def askew(
    seed: int = 1, size: tuple[int, int] = (900, 1200), table: tuple[int, int, int] = WOOD
) -> bytes:
    """A written page on a table, as a JPEG."""
    wide, high = size
    grain = 12 if table == WOOD else 3
    top = np.random.default_rng(seed).normal(table, grain, (high, wide, 3))
    sheet, corners = _sheet(seed), [(x * wide, y * high) for x, y in CORNERS]
    way = _mapping(corners)
    picture = Image.fromarray(np.clip(top, 0, 255).astype(np.uint8))
    laid = sheet.transform(size, Image.Transform.PERSPECTIVE, way, Image.Resampling.BICUBIC)
    shape = Image.new("L", _PAGE, 255).transform(size, Image.Transform.PERSPECTIVE, way)
    picture.paste(laid, (0, 0), shape)
    light = np.linspace(1.0, 0.7, wide)[None, :, None]
    picture = Image.fromarray((np.asarray(picture) * light).astype(np.uint8))
    out = io.BytesIO()
    picture.filter(ImageFilter.GaussianBlur(0.8)).save(out, "JPEG", quality=88)
    return out.getvalue()


@cache
def long_pdf(seed: int = 1) -> bytes:
    """A PDF of one noisy page: several hundred kilobytes that nothing makes smaller."""
    noise = np.random.default_rng(seed).integers(0, 255, (700, 500, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PDF", quality=95)
    return out.getvalue()


def _sheet(seed: int) -> Image.Image:
    page = Image.new("RGB", _PAGE, (250, 248, 243))
    draw, line = ImageDraw.Draw(page), random.Random(seed)
    draw.rectangle((165, 60, 360, 85), fill=(40, 40, 44))
    for row in range(26):
        top = 130 + row * 20
        draw.rectangle((60, top, 60 + line.randint(250, 405), top + 8), fill=(70, 70, 75))
    return page


def _mapping(corners: list[tuple[float, float]]) -> list[float]:
    """Pillow's eight numbers that take the photograph's points to the page's."""
    wide, high = _PAGE
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, ((0, 0), (wide, 0), (wide, high), (0, high)), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(one) for one in np.linalg.solve(np.array(rows), np.array(values))]
