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

    ``reach`` pixels of misfit are forgiven. Where ink was red before, fresh ink on top of it shows
    as darker in all channels; that counts too.
    """
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    was, now = redness(before), redness(after)
    fresh = now - cv2.dilate(was, kernel)
    darker = 2.0 * (cv2.erode(before[:, :, 2], kernel) - after[:, :, 2] - 0.05)
    on_top = np.where((now > 0.15) & (was > 0.15), darker, 0.0)
    return np.asarray(np.clip(np.maximum(fresh, on_top), 0.0, 1.0), np.float32)


def noise(ink: Map) -> float:
    """How far plain paper scatters: a robust standard deviation of a redness map."""
    sample = ink[::5, ::5]
    middle = float(np.median(sample))
    return 1.4826 * float(np.median(np.abs(sample - middle)))
