"""A red seal's imprint: ring, star, the organisation's name around, uneven ink."""

from __future__ import annotations

import math
import random
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seal_firmware_sim.hardware.fonts import chinese_font

SEAL_MM = 42
"""Outer diameter of a village's round seal."""

_PAGE_MM = 210
_RED = (0.80, 0.10, 0.12)
_SCALE = 2


def stamp(
    image: Image.Image,
    seal_text: str,
    x: int,
    y: int,
    rng: random.Random,
    *,
    turn: float | None = None,
    font_path: Path | None = None,
) -> Image.Image:
    """A copy of ``image`` with a seal pressed at (``x``, ``y``), its middle, in pixels.

    Ink is uneven, the seal a little turned, what is printed below shows through. The imprint's size
    follows from the page's width being 210 mm; what lies outside the page is not printed.

    Args:
        image: the page, RGB.
        seal_text: the organisation's name, around the star.
        x, y: the imprint's middle.
        rng: how ink and hand fall this time.
        turn: degrees; default a few to either side.
        font_path: a Chinese font file.

    Raises:
        ValueError: for an empty or far too long name.
        FontMissing: when no Chinese font is there.
    """
    if not 1 <= len(seal_text) <= 40:
        raise ValueError("a seal bears a name of 1 to 40 characters")
    side = max(48, round(image.width * SEAL_MM / _PAGE_MM))
    degrees = rng.uniform(-9, 9) if turn is None else turn
    clean = _face(seal_text, side, font_path)
    matrix = cv2.getRotationMatrix2D((side / 2 - 0.5, side / 2 - 0.5), degrees, 1.0)
    mask = cv2.warpAffine(clean, matrix, (side, side), flags=cv2.INTER_LINEAR)
    ink = mask.astype(np.float32) / 255 * _ink(side, rng)

    paper = np.array(image.convert("RGB"))
    left, top = x - side // 2, y - side // 2
    rows = slice(max(0, top), min(image.height, top + side))
    cols = slice(max(0, left), min(image.width, left + side))
    if rows.stop > rows.start and cols.stop > cols.start:
        part = ink[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
        below = paper[rows, cols].astype(np.float32)
        # Stamp ink is a filter: white paper turns red, black print stays black.
        seen = below * (1 - part[..., None] * (1 - np.array(_RED, np.float32)))
        paper[rows, cols] = seen.astype(np.uint8)
    return Image.fromarray(paper)


@lru_cache(maxsize=64)
def _face(text: str, side: int, font_path: Path | None) -> NDArray[np.uint8]:
    """The seal's rubber face as grey: 255 where it carries ink."""
    size = side * _SCALE
    face = Image.new("L", (size, size), 0)
    draw = ImageDraw.Draw(face)
    ring = size * 0.028
    draw.ellipse((1, 1, size - 2, size - 2), outline=255, width=round(ring))
    centre, star = size / 2, size * 0.15
    points = []
    for corner in range(10):
        radius = star if corner % 2 == 0 else star * 0.382
        angle = math.radians(corner * 36 - 90)
        points.append((centre + radius * math.cos(angle), centre + radius * math.sin(angle)))
    draw.polygon(points, fill=255)
    _around(face, text, font_path)
    small = face.resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(small, np.uint8)


def _around(face: Image.Image, text: str, font_path: Path | None) -> None:
    """The name clockwise along the ring, from lower left over the top to lower right."""
    size = face.width
    sweep = min(270.0, 20.0 * len(text))
    step = sweep / max(1, len(text) - 1)
    radius = size * 0.385
    # Neighbours share the arc: the letters shrink with a long name.
    height = round(min(size * 0.125, radius * math.radians(step) * 0.98))
    font = chinese_font(max(8, height), font_path)
    for at, sign in enumerate(text):
        angle = -sweep / 2 + at * step if len(text) > 1 else 0.0
        glyph = Image.new("L", (height * 2, height * 2), 0)
        ImageDraw.Draw(glyph).text(
            (height, height), sign, 255, font, "mm", stroke_width=max(1, height // 28)
        )
        turned = glyph.rotate(-angle, Image.Resampling.BICUBIC)
        x = size / 2 + radius * math.sin(math.radians(angle)) - height
        y = size / 2 - radius * math.cos(math.radians(angle)) - height
        face.paste(255, (round(x), round(y)), turned)


def _ink(side: int, rng: random.Random) -> NDArray[np.float32]:
    """How much ink reaches the paper, 0..1: uneven, thinner to one side, a few dry specks."""
    noise = np.random.default_rng(rng.getrandbits(63))
    coarse = cv2.resize(
        noise.random((9, 9), np.float32), (side, side), interpolation=cv2.INTER_CUBIC
    )
    fine = cv2.GaussianBlur(noise.random((side, side), np.float32), (0, 0), 0.8)
    lean = np.linspace(-1, 1, side, dtype=np.float32)[None, :] * rng.uniform(-0.1, 0.1)
    ink = rng.uniform(0.78, 0.94) + 0.14 * (coarse - 0.5) + lean
    ink = np.where(fine < 0.28, ink * 0.35, ink)
    return np.clip(ink, 0.0, 1.0).astype(np.float32)
