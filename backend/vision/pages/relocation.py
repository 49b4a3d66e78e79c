"""Lines far from all others, which the page's plane did not quite reach: single words, dates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

import cv2
import numpy as np

from backend.vision.pages.align import Shift
from backend.vision.pages.reader import Box
from backend.vision.pages.sight import Sight

_LOST = 3.0
_MOST_LOST = 0.4
_NEAREST, _SHARE, _FARTHEST = 12, 0.2, 260
_FOUND = 0.72
_LEAST = 3.0


def shifts(graded: Sequence[tuple[Box, float]], sight: Sight) -> list[Shift]:
    """Where lines that do not match at all are found nearby as they should look.

    Args:
        graded: each window's line, as its box, and grade.
        sight: what was seen.
    """
    by_line: dict[Box, list[float]] = defaultdict(list)
    for line, grade in graded:
        by_line[line].append(grade)
    lost = [line for line, grades in by_line.items() if median(grades) >= _LOST]
    if not lost or len(lost) > max(1, _MOST_LOST * len(by_line)):
        return []
    kept = [line for line in by_line if line not in lost]
    found = (_search(sight, line, _reach(line, kept)) for line in lost)
    return [shift for shift in found if shift is not None]


def _reach(box: Box, kept: Sequence[Box]) -> int:
    """How far a line may lie from its place: the farther from all that fits, the more.

    Beside lines that fit it may not: a line that changed places with its neighbour is no line that
    was laid badly.
    """
    away = min((_apart(box, other) for other in kept), default=0.0)
    return round(min(_FARTHEST, _NEAREST + _SHARE * away))


def _apart(one: Box, other: Box) -> float:
    down = max(one[1] - other[1] - other[3], other[1] - one[1] - one[3], 0)
    right = max(one[0] - other[0] - other[2], other[0] - one[0] - one[2], 0)
    return float(np.hypot(right, down))


def _search(sight: Sight, box: Box, reach: int) -> Shift | None:
    height, width = sight.page.shape
    left, top = max(0, box[0] - 4), max(0, box[1] - 4)
    right, bottom = min(width, box[0] + box[2] + 4), min(height, box[1] + box[3] + 4)
    line = sight.page[top:bottom, left:right]
    x0, y0 = max(0, left - reach), max(0, top - reach)
    around = sight.seen[y0 : bottom + reach, x0 : right + reach]
    if line.size == 0 or float(line.std()) < 0.02:
        return None
    half = (0, 0)
    small_line = cv2.resize(line, half, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    small_around = cv2.resize(around, half, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    if any(a < b for a, b in zip(small_around.shape, small_line.shape, strict=True)):
        return None
    found = cv2.matchTemplate(small_around, small_line, cv2.TM_CCOEFF_NORMED)
    _, likeness, _, (x, y) = cv2.minMaxLoc(found)
    right_by, down_by = x0 + 2 * x - left, y0 + 2 * y - top
    if likeness < _FOUND or float(np.hypot(right_by, down_by)) < _LEAST:
        return None
    return Shift(box, float(right_by), float(down_by))
