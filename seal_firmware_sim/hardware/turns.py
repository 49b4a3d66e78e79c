"""A head that turns, and a photograph that is turned: made from one flat picture of a face.

A head gets a shape (an egg with a nose) and is turned under its picture; a sheet stays a plane, or
a piece of a cylinder when bent, seen in perspective. Both are stand-ins: figures measured on them
are stated as such.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Field = NDArray[np.float32]

_NOSE_AT = (0.5, 0.60)
"""Tip of the nose as a share of the portrait's width and height (ORL portraits)."""
_FAR = 5.0
"""Distance of the camera from a held-up sheet, in sheet widths."""


def head(face: Picture, degrees: float) -> Picture:
    """``face`` with the head turned by ``degrees``, positive towards the person's own left."""
    height, width = face.shape[:2]
    depth = _depth(height, width)
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    middle = width * _NOSE_AT[0]
    cosine, sine = np.float32(np.cos(np.radians(degrees))), np.float32(np.sin(np.radians(degrees)))
    # Where does each seen point come from? x' = x cos + z(x) sin, solved by going there in steps.
    source = columns.copy()
    for _ in range(12):
        deep = cv2.remap(depth, source, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        wanted = (columns - middle - deep * sine) / cosine + middle
        source = (0.5 * source + 0.5 * wanted).astype(np.float32)
    return cv2.remap(face, source, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(
        np.uint8
    )


def sheet(face: Picture, degrees: float, bend: float) -> Picture:
    """A photograph of ``face`` turned about its upright axis by ``degrees`` and bent by ``bend``
    (0 flat; ±0.5 a curve of half a width's depth), seen by a camera before it."""
    height, width = face.shape[:2]
    columns, rows = np.meshgrid(
        np.linspace(-0.5, 0.5, width, dtype=np.float32),
        np.linspace(-0.5, 0.5, height, dtype=np.float32) * height / width,
    )
    angle = np.radians(degrees)
    source = columns.copy()
    deep = np.zeros_like(columns)
    for _ in range(20):
        out = bend * (0.25 - source**2)
        deep = source * np.sin(angle) + out * np.cos(angle)
        seen = (source * np.cos(angle) - out * np.sin(angle)) * _FAR / (_FAR - deep)
        source = (source + 0.7 * (columns - seen)).astype(np.float32)
    upright = rows * (_FAR - deep) / _FAR
    across = ((source + 0.5) * (width - 1)).astype(np.float32)
    down = ((upright * width / height + 0.5) * (height - 1)).astype(np.float32)
    return cv2.remap(face, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(
        np.uint8
    )


@lru_cache(maxsize=4)
def _depth(height: int, width: int) -> Field:
    """How far each point of a head stands out, in pixels: an egg, and a nose on it."""
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32) / width, np.arange(height, dtype=np.float32) / height
    )
    x, y = columns - _NOSE_AT[0], rows - 0.52
    egg = np.sqrt(np.clip(1 - (x / 0.52) ** 2 - (y / 0.75) ** 2, 0, 1)) * 0.42
    ridge = np.exp(-((x / 0.16) ** 2)) * np.exp(-(((rows - _NOSE_AT[1]) / 0.16) ** 2)) * 0.26
    bridge = np.exp(-((x / 0.12) ** 2)) * np.exp(-(((rows - 0.48) / 0.10) ** 2)) * 0.06
    # Measured from the eyes' plane, so that the eyes stay and the nose moves.
    return ((egg + ridge + bridge - 0.36) * width).astype(np.float32)
