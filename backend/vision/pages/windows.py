"""Print compared place by place: letter-wide windows along the approved page's lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.pages.ink import Ink, Mask
from backend.vision.pages.reader import Box

REACH = 4
_PAD = 2
_NARROWEST = 20
_LEAST_INK = 12.0
_LEAST_DEPTH = 0.15
"""The grain of paper, where a photograph serves as the page, is no print."""
_SPOT = 1.3


@dataclass(frozen=True, slots=True)
class Window:
    """One window.

    Attributes:
        line: index of its line.
        box: pixels of the page.
        likeness: normalised cross-correlation at the best place within ``REACH`` pixels, to a part
            of a pixel.
        extra: deepest spot of ink that the page does not have, 1 is as dark as its print.
        missing: deepest spot of print that is not there.
    """

    line: int
    box: Box
    likeness: float
    extra: float
    missing: float


def compare(ink: Ink, seen: Ink, lines: Sequence[Box], free: Mask) -> list[Window]:
    """Windows over all lines that hold any print.

    Args:
        ink: of the approved page, as soft as the photograph.
        seen: of the photograph, laid over it, its print as dark as the page's.
        lines: boxes on the page.
        free: places where nothing counts; of a window partly there the rest is compared.
    """
    height, width = ink.shape
    seen = np.where(free, ink, seen)
    framed = cv2.copyMakeBorder(seen, REACH, REACH, REACH, REACH, cv2.BORDER_REPLICATE)
    windows = []
    for number, (left, top, wide, high) in enumerate(lines):
        y0, y1 = max(0, top - _PAD), min(height, top + high + _PAD)
        step = max(_NARROWEST, high)
        if y1 - y0 < 6:
            continue
        x = left - _PAD
        while x < left + wide:
            x0, x1 = max(0, x), min(width, x + step)
            x += step // 2
            ours = ink[y0:y1, x0:x1]
            if x1 - x0 < 8 or float(ours.sum()) < _LEAST_INK or float(ours.max()) < _LEAST_DEPTH:
                continue
            around = framed[y0 : y1 + 2 * REACH, x0 : x1 + 2 * REACH]
            likeness, theirs = best(ours, np.asarray(around, np.float32))
            extra, missing = spots(ours, theirs)
            windows.append(Window(number, (x0, y0, x1 - x0, y1 - y0), likeness, extra, missing))
    return windows


def best(ours: Ink, around: Ink) -> tuple[float, Ink]:
    """How like the likest place is, and that place to a part of a pixel: untouched print that lies
    half a pixel aside looks as different as a letter does from one that resembles it."""
    found = cv2.matchTemplate(around, ours, cv2.TM_CCOEFF_NORMED)
    _, likeness, _, (x, y) = cv2.minMaxLoc(found)
    right = _between(found[y, max(0, x - 1) : x + 2])
    down = _between(found[max(0, y - 1) : y + 2, x])
    high, wide = ours.shape
    middle = (x + right + (wide - 1) / 2, y + down + (high - 1) / 2)
    theirs = np.asarray(cv2.getRectSubPix(around, (wide, high), middle), np.float32)
    return max(likeness, float(cv2.matchTemplate(theirs, ours, cv2.TM_CCOEFF_NORMED)[0, 0])), theirs


def _between(three: cv2.typing.MatLike) -> float:
    """Where a parabola through a peak and its neighbours is highest, from the middle one."""
    if three.size < 3:
        return 0.0
    before, peak, after = (float(value) for value in three)
    bend = before - 2 * peak + after
    return min(0.5, max(-0.5, (before - after) / (2 * bend))) if bend < 0 else 0.0


def spots(ours: Ink, theirs: NDArray[np.float32]) -> tuple[float, float]:
    """The deepest spots that only ``theirs`` has, and only ``ours``."""
    # Toner spreads and lenses soften: how dark print is here is taken from here.
    gain = float((ours * theirs).sum() / max(1e-6, float((ours * ours).sum())))
    apart = cv2.GaussianBlur(theirs - np.clip(gain, 0.75, 1.25) * ours, (0, 0), _SPOT)
    return float(apart.max()), float(-apart.min())
