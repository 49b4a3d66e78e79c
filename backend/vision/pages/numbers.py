"""A page's number: it stands far from all else, where neither plane nor bends reach exactly.

It is brought to its place by its own print and then compared like any line, so that nobody makes
"10" of a "1". Where nothing like it is seen nearby, nothing is said about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import cv2
import numpy as np

from backend.vision.pages.ink import Mask
from backend.vision.pages.reader import Box
from backend.vision.pages.reference import DOTS_PER_MM, ReferencePage
from backend.vision.pages.sight import Sight, area_of
from backend.vision.pages.windows import REACH

_REACH_MM = (22, 16)
_ROOM = 4
_SEEN = 0.45
"""Likeness from which it is the number, whatever was made of it; an untouched one has 0.9."""
_FARTHER = 0.2
"""Likeness that the farthest place has to be ahead by."""
_BESIDE = 10
"""Pixels: print that was not laid exactly hangs over its line."""
_AROUND_MM = (10, 6)

Plane = TypeVar("Plane", bound=np.ndarray)


def boxes(page: ReferencePage) -> list[Box]:
    """Where the page's number stands, in pixels of it; empty for a page without."""
    return [line.box for line in page.lines if line.is_page_number(page.size)]


def area(numbers: Sequence[Box], size: tuple[int, int]) -> Mask:
    """All that a number may lie in that was laid badly."""
    right, down = (round(side * DOTS_PER_MM) for side in _REACH_MM)
    return area_of((_wider(box, right, down) for box in numbers), size)


def settled(sight: Sight, page: ReferencePage) -> tuple[Sight, Mask]:
    """What was seen with each number brought to its place, and where nothing can be compared."""
    height, width = sight.page.shape
    unknown = np.zeros((height, width), bool)
    numbers = boxes(page)
    others = area_of(
        (_wider(line.box, _BESIDE, _BESIDE) for line in page.lines if line.box not in numbers),
        (width, height),
    )
    for box in numbers:
        found = _search(sight, box, others)
        if found is None:
            unknown |= area([box], (width, height))
        elif max(map(abs, found)) > REACH:
            right, down = found
            there = (box[0] + right, box[1] + down, box[2], box[3])
            unknown |= area_of([_wider(there, 2 * _ROOM, 2 * _ROOM)], (width, height))
            around = _wider(box, *(round(side * DOTS_PER_MM) for side in _AROUND_MM))
            unknown &= ~area_of([around], (width, height))
            sight = _pulled(sight, around, found)
    return sight, unknown


def _search(sight: Sight, box: Box, others: Mask) -> tuple[int, int] | None:
    """How far to the right and down a number was seen; None if it was not."""
    height, width = sight.page.shape
    left, top, right, bottom = _edges(_wider(box, _ROOM, _ROOM), width, height)
    print_ = sight.page[top:bottom, left:right]
    if print_.size == 0 or float(print_.std()) < 0.02:
        return None
    far = [round(side * DOTS_PER_MM) for side in _REACH_MM]
    x0, y0, x1, y1 = _edges(_wider(box, _ROOM + far[0], _ROOM + far[1]), width, height)
    around = np.where(others[y0:y1, x0:x1], np.float32(0), sight.seen[y0:y1, x0:x1])
    alike = cv2.matchTemplate(around, print_, cv2.TM_CCOEFF_NORMED)
    # Of two places that look alike the nearer one is the likelier.
    rows, columns = np.indices(alike.shape, np.float32)
    away = np.hypot((columns + x0 - left) / far[0], (rows + y0 - top) / far[1])
    _, _, _, (x, y) = cv2.minMaxLoc(alike - np.float32(_FARTHER) * away)
    return (x0 + x - left, y0 + y - top) if alike[y, x] >= _SEEN else None


def _pulled(sight: Sight, box: Box, by: tuple[int, int]) -> Sight:
    """What was seen, with ``box`` filled from ``by`` pixels right and down of it."""
    height, width = sight.page.shape
    left, top, right, bottom = _edges(box, width, height)
    columns = np.clip(np.arange(left, right) + by[0], 0, width - 1)
    rows = np.clip(np.arange(top, bottom) + by[1], 0, height - 1)

    def moved(plane: Plane) -> Plane:
        out = plane.copy()
        out[top:bottom, left:right] = plane[rows[:, None], columns]
        return out

    return replace(
        sight,
        picture=moved(sight.picture),
        seen=moved(sight.seen),
        red=moved(sight.red),
        sheet=moved(sight.sheet),
        inside=moved(sight.inside),
    )


def _wider(box: Box, right: int, down: int) -> Box:
    return (box[0] - right, box[1] - down, box[2] + 2 * right, box[3] + 2 * down)


def _edges(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    left, top, wide, high = box
    return max(0, left), max(0, top), min(width, left + wide), min(height, top + high)
