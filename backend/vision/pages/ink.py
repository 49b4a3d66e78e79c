"""Ink on paper as a number from 0 (bare) to 1 (black), whatever light fell on it.

The red channel is what is looked at: in it a red seal nearly vanishes, while black print, blue and
black pens stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.decode import Picture

Gray = NDArray[np.uint8]
Ink = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SHRINK = 8
_REACH_MM = 9
_RED = 0.25
_LEAST_RED = 200
_MORE = 1.25
_MOST_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Lit:
    """A picture with its light taken away.

    Attributes:
        ink: 0…1 per pixel.
        light: brightness of the bare paper around each place, 0…255, an eighth of the size.
    """

    ink: Ink
    light: NDArray[np.float32]


def red_channel(picture: Picture) -> Gray:
    """The channel in which red ink is bright."""
    return np.ascontiguousarray(picture[:, :, 2])


def flatten(gray: Gray, dots_per_mm: float) -> Lit:
    """Divide by the light: the brightest neighbourhood within some letters' reach is bare paper."""
    height, width = gray.shape
    small = cv2.resize(
        gray,
        (max(1, width // _SHRINK), max(1, height // _SHRINK)),
        interpolation=cv2.INTER_AREA,
    )
    reach = max(3, round(_REACH_MM * dots_per_mm / _SHRINK)) | 1
    brightest = cv2.dilate(small, np.ones((reach, reach), np.uint8))
    light = cv2.GaussianBlur(cv2.erode(brightest, np.ones((reach, reach), np.uint8)), (0, 0), 4)
    # The mean of a dilated noisy picture lies above the paper's; a hundredth of ink does no harm.
    bare = np.maximum(light.astype(np.float32), 1.0)
    full = cv2.resize(bare, (width, height), interpolation=cv2.INTER_LINEAR)
    ink = 1.0 - gray.astype(np.float32) / full
    return Lit(np.clip(ink, 0.0, 1.0, out=ink), bare)


def without_seals(picture: Picture, lit: Lit, dots_per_mm: float) -> tuple[Ink, Ink]:
    """The ink without what red stamp ink adds to it, and how red each place is, 0…1.

    Stamp ink over paper darkens green and blue far more than red; over print it changes nothing.
    How much it darkens red differs from pad to pad and from light to light, and is taken from the
    picture itself.
    """
    green = flatten(np.ascontiguousarray(picture[:, :, 1]), dots_per_mm).ink
    blue = flatten(np.ascontiguousarray(picture[:, :, 0]), dots_per_mm).ink
    red = np.maximum(np.minimum(green, blue) - lit.ink, 0.0)
    strong = red > _RED
    if int(strong.sum()) < _LEAST_RED:
        return lit.ink, red
    share = float(np.median(lit.ink[strong] / red[strong]))
    share = min(share * _MORE, _MOST_SHARE)
    return np.maximum(lit.ink - share * red, 0.0), red
