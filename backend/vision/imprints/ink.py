"""Red ink on paper: how much there is, and how much of it is new."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.decode import Picture

Map = NDArray[np.float32]
"""One value a pixel, 0..1 of the paper's white."""

_BLOCK = 24
_CAP = 1.15
_RED = 0.15
"""From here on a pixel is red, and fresh ink shows there by its density only."""
_DARKEST = 0.05
"""Of the paper's white: below it a camera's noise outweighs what it sees."""
_STRONGER = 0.15
_SOFTER = (0.5, 0.7, 0.9, 1.2, 1.6, 2.2)
_LEAST_PRINT = 0.1
_GAIN = 0.5
"""Density in green and blue over that in red: what counts at all, and what one of it counts."""


def flat(picture: Picture) -> Map:
    """The picture over its paper: 1 is white, whatever lamp, shadow or colour cast (H×W×3)."""
    height, width = picture.shape[:2]
    cells = (max(2, width // _BLOCK), max(2, height // _BLOCK))
    small = cv2.resize(picture, (cells[0] * 4, cells[1] * 4), interpolation=cv2.INTER_AREA)
    # The brightest of a neighbourhood is paper: writing and ink only darken.
    paper = cv2.dilate(cv2.medianBlur(small, 3), np.ones((9, 9), np.uint8))
    paper = cv2.GaussianBlur(paper, (0, 0), 6).astype(np.float32)
    grown = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    over = picture.astype(np.float32) / np.maximum(grown, 12)
    return np.minimum(over, _CAP).astype(np.float32)


def redness(over: Map) -> Map:
    """R − max(G, B) of a flattened picture: red ink is high, print, pencil and shadow are 0."""
    return np.asarray(over[:, :, 2] - np.maximum(over[:, :, 0], over[:, :, 1]), np.float32)


def new_ink(before: Map, after: Map, reach: int) -> Map:
    """Red ink that is in ``after`` and not in ``before``, two flattened pictures on one grid.

    ``reach`` pixels of misfit are forgiven, half of them on what was red. Ink on ink hardly
    changes the colour, but its densities add up (Beer's law): where it was red before, what counts
    is how much more green and blue are swallowed, over how much more red is, so that black writing
    on an imprint is none.
    """
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    was, now = redness(before), redness(after)
    around = cv2.dilate(was, kernel)
    fresh = now - around
    twice = (now > _RED) & (was > _RED)
    if twice.any():
        left, top, width, height = cv2.boundingRect(twice.astype(np.uint8))
        box = slice(top, top + height), slice(left, left + width)
        # A ring's line is little wider than the whole reach.
        near = np.ones((2 * (reach // 2) + 1,) * 2, np.uint8)
        soft = _softness(before, after)
        seen = after[box]
        if soft:
            seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), soft), np.float32)
        denser = _density(seen) - _density(cv2.erode(before[box], near))
        red_only = np.minimum(denser[:, :, 0], denser[:, :, 1]) - np.maximum(denser[:, :, 2], 0)
        stronger = np.maximum(redness(seen) - around[box], _GAIN * (red_only - _STRONGER))
        fresh[box] = np.where(twice[box], stronger, fresh[box])
    return np.asarray(np.clip(fresh, 0.0, 1.0), np.float32)


def _density(over: cv2.typing.MatLike) -> Map:
    return np.asarray(-np.log(np.maximum(over, _DARKEST)), np.float32)


def _softness(soft: Map, sharp: Map) -> float:
    """The blur (pixels) that makes print of ``sharp`` as soft as that of ``soft``; 0 for none.

    A picture in focus shows every line darker than one out of focus does: that is no ink.
    """
    wanted, prints = _edges(_print(soft)), _print(sharp)
    if wanted < _LEAST_PRINT or _edges(prints) <= wanted:
        return 0.0
    for sigma in _SOFTER:
        if _edges(np.asarray(cv2.GaussianBlur(prints, (0, 0), sigma), np.float32)) <= wanted:
            return sigma
    return _SOFTER[-1]


def _print(over: Map) -> Map:
    """Print alone: in red light imprints have nearly no edges."""
    return np.ascontiguousarray(over[::2, :, 2])


def _edges(grey: Map) -> float:
    """How steep the steepest ones are, across."""
    return float(np.percentile(np.abs(grey[:, 2:] - grey[:, :-2]), 99.8))


def noise(ink: Map) -> float:
    """How far plain paper scatters: a robust standard deviation of a redness map."""
    sample = ink[::5, ::5]
    middle = float(np.median(sample))
    return 1.4826 * float(np.median(np.abs(sample - middle)))
