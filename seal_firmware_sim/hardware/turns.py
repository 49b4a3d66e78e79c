"""A head that turns, and a photograph that is turned: made from one flat picture of a face.

A head gets a shape (an egg with a nose, placed by where eyes and nose lie in the picture) and is
turned under its picture; what it then hides is hidden. A sheet stays a plane, or a piece of a
cylinder when bent, seen in perspective. Both are stand-ins: figures measured on them are stated as
such.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Field = NDArray[np.float64]

_FAR = 5.0
"""Distance of the camera from a held-up sheet, in sheet widths."""

# A head's shape, in eye distances (about 63 mm): half width, half height and half depth of the
# egg, and how far below the eyes its middle lies.
_EGG = (1.25, 2.0, 1.5)
_EGG_BELOW = 0.35
_EGG_RIM = 0.12
_BRIDGE, _TIP = 0.10, 0.45
"""How far the nose stands out of the egg: between the eyes, and at its tip."""
_NOSE_WIDTH = (0.13, 0.20)
_ACROSS = 8
_FINE = 3


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a face lies in its picture, in pixels, image-left eye first."""

    left: tuple[float, float]
    right: tuple[float, float]
    nose: tuple[float, float]


def head(face: Picture, marks: Marks, degrees: float) -> Picture:
    """``face`` with the head turned by ``degrees``, positive towards the person's own left."""
    height, width = face.shape[:2]
    middle = np.add(marks.left, marks.right) / 2
    unit = float(np.hypot(*np.subtract(marks.right, marks.left)))
    tip = max((marks.nose[1] - float(middle[1])) / unit, 0.2)
    # Columns are taken finer than pixels, so that no gap opens where the head turns to us.
    columns, rows = np.meshgrid(
        (np.arange(width * _ACROSS) + 0.5) / _ACROSS - 0.5, np.arange(height)
    )
    down = (rows - middle[1]) / unit
    axis = middle[0] + (marks.nose[0] - middle[0]) * np.clip(down / tip, 0, 1.3)
    across = (columns - axis) / unit
    deep = _depth(across, down, tip)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    seen = axis + (across * cosine + deep * sine) * unit
    near = deep * cosine - across * sine
    # Far points first: the nearer ones then lie over them.
    order = np.argsort(near, axis=None, kind="stable")
    column = np.rint((seen.ravel()[order] + 0.5) * _FINE - 0.5).astype(np.int64)
    row = rows.ravel()[order]
    shown = (column >= 0) & (column < width * _FINE)
    source = cv2.resize(face, (width * _ACROSS, height), interpolation=cv2.INTER_CUBIC)
    turned = np.full((height, width * _FINE), -1, np.int16)
    turned[row[shown], column[shown]] = source.ravel()[order][shown]
    places = np.arange(width * _FINE)
    for line in turned:
        there = np.flatnonzero(line >= 0)
        line[:] = np.interp(places, there, line[there])
    return cv2.resize(
        turned.astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA
    ).astype(np.uint8)


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


def _depth(across: Field, down: Field, tip: float) -> Field:
    """How far each point stands out before the eyes, all in eye distances."""
    wide, high, thick = _EGG

    def egg(x: Field, y: Field) -> Field:
        inside = 1 - (x / wide) ** 2 - ((y - _EGG_BELOW) / high) ** 2
        return np.asarray(thick * np.sqrt(np.clip(inside, _EGG_RIM, 1)))

    along = np.clip(down / tip, 0, 1)
    fades = np.where(down < 0, np.exp(-((down / 0.12) ** 2)), 1.0)
    ends = np.where(down > tip, np.exp(-(((down - tip) / 0.13) ** 2)), 1.0)
    stands = (_BRIDGE + (_TIP - _BRIDGE) * along) * fades * ends
    width = _NOSE_WIDTH[0] + (_NOSE_WIDTH[1] - _NOSE_WIDTH[0]) * along
    nose = stands * np.exp(-((across / width) ** 2))
    eyes = egg(np.array(0.5), np.array(0.0))
    return np.asarray(egg(across, down) + nose - eyes)
