"""A second look at what seems to differ between two photographs of one sheet.

Two photographs are differently sharp, and a sheet that does not lie flat bends otherwise in each:
least is known of its bends beside a seal and at the end of a line, for print there is that tells
them on one side only. So a place that seems to differ is laid once more by what stands around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.pages.differences import Spot
from backend.vision.pages.ink import Ink, Mask
from backend.vision.pages.reader import Box
from backend.vision.pages.sight import SHARPEST, Sight, softened
from backend.vision.pages.windows import REACH, Window, best, spots

_AROUND, _APART = 32, 5
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)
_SMOOTH = 3
_FAR, _FURTHEST = 12, 16.0
_TURNED = 0.16
"""More than this no sheet bends within a centimetre."""
_WIDEST = 118
"""Pixels, two centimetres: print that shows beside its place is no wider than a word's strokes."""
_PRINT, _ENOUGH = 0.25, 40
"""Pixels of print in a window; beneath, its likeness is that of grain to grain."""


def evenly_sharp(sight: Sight, ink: Ink, free: Mask) -> Sight:
    """``sight`` with the later photograph as soft as the earlier one, where that is the softer.

    Args:
        sight: of the later photograph over the earlier, which was softened as far as needed.
        ink: of the earlier, as it was taken.
        free: places where nothing counts.
    """
    if sight.softness > SHARPEST:
        return sight
    softness, agreement, seen = softened(np.where(free, ink, sight.seen), ink)
    if agreement <= sight.agreement:
        return sight
    return replace(sight, page=ink, seen=seen, softness=softness, agreement=agreement)


def window(one: Window, sight: Sight, free: Mask) -> Window:
    """The window once more, laid by what is printed around it. As it was, where that print does
    not say how."""
    part = _Part.around(one.box, sight, free)
    laid = part.laid()
    if laid is None:
        return one
    ours, theirs = (np.ascontiguousarray(plane[part.inner]) for plane in (part.ours, laid))
    likeness = 1.0
    if int((ours > _PRINT).sum()) >= _ENOUGH:
        # What stands around tells the turn; where it is a few rules only, not the place to a pixel.
        rows, columns = part.inner
        framed = cv2.copyMakeBorder(laid, REACH, REACH, REACH, REACH, cv2.BORDER_REPLICATE)
        around = framed[
            rows.start : rows.stop + 2 * REACH, columns.start : columns.stop + 2 * REACH
        ]
        likeness, theirs = best(ours, np.asarray(around, np.float32))
    extra, missing = spots(ours, theirs)
    return replace(one, likeness=likeness, extra=extra, missing=missing)


def stays(
    spot: Spot, sight: Sight, free: Mask, added: Callable[[Sight, Mask], Sequence[Spot]]
) -> bool:
    """Whether there is still ink beside all print when it is laid by what is printed around it.

    Args:
        spot: where there was.
        added: such places of a sight.
    """
    if max(spot.box[2:]) > _WIDEST:
        return True
    part = _Part.around(spot.box, sight, free)
    laid = part.laid()
    if laid is None:
        return True
    cut = part.cut
    again = replace(sight, page=part.ours, seen=laid, red=sight.red[cut], sheet=sight.sheet[cut])
    rows, columns = part.inner
    return any(
        one.box[0] < columns.stop
        and columns.start < one.box[0] + one.box[2]
        and one.box[1] < rows.stop
        and rows.start < one.box[1] + one.box[3]
        for one in added(again, free[cut])
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A place and its surroundings; ``inner`` is the place within ``cut``."""

    cut: tuple[slice, slice]
    inner: tuple[slice, slice]
    ours: Ink
    theirs: Ink
    free: Mask
    counts: Mask

    @classmethod
    def around(cls, box: Box, sight: Sight, free: Mask) -> _Part:
        left, top, wide, high = box
        height, width = sight.page.shape
        x0, y0 = max(0, left - _AROUND), max(0, top - _AROUND)
        x1, y1 = min(width, left + wide + _AROUND), min(height, top + high + _AROUND)
        cut = (slice(y0, y1), slice(x0, x1))
        inner = (slice(top - y0, top - y0 + high), slice(left - x0, left - x0 + wide))
        return cls(
            cut,
            inner,
            np.ascontiguousarray(sight.page[cut]),
            np.ascontiguousarray(sight.seen[cut], np.float32),
            free[cut],
            sight.sheet[cut],
        )

    def laid(self) -> Ink | None:
        """What was seen, moved, turned and sheared a little onto the page."""
        move = self._move()
        if move is None:
            return None
        high, wide = self.ours.shape
        laid = cv2.warpAffine(
            self.theirs,
            move,
            (wide, high),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.where(self.free, self.ours, laid).astype(np.float32)

    def _move(self) -> NDArray[np.float32] | None:
        # From the likest place on whole pixels: from too far it would slide to the letter beside.
        core = self.ours[_FAR:-_FAR, _FAR:-_FAR]
        _, _, _, (right, down) = cv2.minMaxLoc(
            cv2.matchTemplate(self.theirs, core, cv2.TM_CCOEFF_NORMED)
        )
        start = np.array([[1, 0, right - _FAR], [0, 1, down - _FAR]], np.float32)
        counts = self.counts.astype(np.uint8)
        # What may have been added must not pull itself over print.
        counts[_grown(self.inner)] = 0
        try:
            _, found = cv2.findTransformECC(
                self.ours, self.theirs, start, cv2.MOTION_AFFINE, _STEPS, counts, _SMOOTH
            )
        except cv2.error:  # nothing printed there, or no end in sight
            return None
        move = np.asarray(found, np.float32)
        rows, columns = self.inner
        corners = np.array(
            [(x, y, 1) for x in (columns.start, columns.stop) for y in (rows.start, rows.stop)],
            np.float32,
        )
        away = float(np.abs(corners @ move.T - corners[:, :2]).max())
        turned = float(np.abs(move[:, :2] - np.eye(2)).max())
        return move if away <= _FURTHEST and turned <= _TURNED else None


def _grown(inner: tuple[slice, slice]) -> tuple[slice, slice]:
    rows, columns = (slice(max(0, one.start - _APART), one.stop + _APART) for one in inner)
    return rows, columns
