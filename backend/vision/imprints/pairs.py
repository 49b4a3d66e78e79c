"""What one press left: two pictures of one sheet, before and after, and the ink between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.decode import Picture
from backend.vision.imprints import ink as inks
from backend.vision.imprints import sheet as sheets
from backend.vision.imprints.rings import Ring, find_rings
from backend.vision.imprints.settings import DEFAULT_SETTINGS, ImprintSettings
from backend.vision.imprints.sheet import Matrix

_PX_PER_MM = 4.0
_CANVAS_MM = 300.0
_REACH_MM = 0.5
_CROP_PX_PER_MM = 8.0
_OLD_INK = 0.15
_LETTERS = (0.55, 0.92)
"""Of the radius."""
CROP_SHARE = 1.08
"""A crop reaches that far, in radii."""


@dataclass(frozen=True, slots=True)
class Imprint:
    """One imprint on a sheet.

    Attributes:
        ring: where, in mm on the sheet.
        ink: red ink around it, square, ``CROP_SHARE`` radii to each side of its middle.
        box: left, top, width, height in fractions of the picture it was found on.
        paper: 1 where the sheet is, 0 beyond its edge; like ``ink``.
        px_per_mm: how finely the picture shows it.
        crop: the same place as it looks, blue-green-red, for people and for reading.
        clear: share of the place of its letters where no other imprint or older red ink lies.
    """

    ring: Ring
    ink: inks.Map = field(repr=False)
    paper: inks.Map = field(repr=False)
    crop: Picture = field(repr=False)
    box: tuple[float, float, float, float]
    px_per_mm: float
    clear: float


@dataclass(frozen=True, slots=True)
class Difference:
    """What is between two pictures.

    Attributes:
        imprints: new ones, the clearest first.
        other_ink_mm2: new red that belongs to no imprint (a thumb, a smear), square millimetres.
        reasons: why it cannot be said; codes of ``backend.domain.eyes.RETAKE_REASONS``. Empty when
            ``imprints`` can be relied on.
        same_sheet: False when both pictures are good and do not fit on each other; None when it
            could not be told.
        inliers: points on which the two agree.
    """

    imprints: tuple[Imprint, ...] = ()
    other_ink_mm2: float = 0.0
    reasons: tuple[str, ...] = ()
    same_sheet: bool | None = None
    inliers: int = 0


def difference(
    before: Picture,
    after: Picture,
    *,
    to_page: Matrix | None = None,
    settings: ImprintSettings = DEFAULT_SETTINGS,
) -> Difference:
    """New imprints of one press.

    Args:
        before, after: decoded pictures of one sheet, in whichever position each.
        to_page: pixels of ``before`` → millimetres on the page, when the page is known; else the
            sheet's outline serves.
        settings: limits.
    """
    reasons = tuple(dict.fromkeys((*quality(before, settings), *quality(after, settings))))
    if reasons:
        return Difference(reasons=reasons)
    aligned = sheets.align(before, after, settings.min_inliers)
    onto = aligned.matrix
    if onto is None:
        onto = _by_outlines(before, after)
        if aligned.features >= settings.few_features or onto is None:
            same = False if aligned.features >= settings.few_features else None
            return Difference(reasons=("unreadable",), same_sheet=same, inliers=aligned.inliers)
    page = to_page if to_page is not None else _page(before, after, onto)
    return _looked(before, after, page, onto, aligned.inliers, settings)


def find(
    picture: Picture,
    *,
    to_page: Matrix | None = None,
    settings: ImprintSettings = DEFAULT_SETTINGS,
) -> tuple[Imprint, ...]:
    """All imprints on one picture of a sheet, the clearest first.

    One picture tells two imprints in one place apart only badly: count with ``difference``.
    """
    page = to_page
    if page is None:
        seen = sheets.outline(picture)
        page = seen.matrix if seen is not None else sheets.fitted(picture)
    view, paper = _laid(picture, page)
    over = inks.flat(view)
    red = np.clip(inks.redness(over), 0, 1).astype(np.float32)
    floor = max(settings.ink_floor, 4 * inks.noise(inks.redness(over)))
    rings = find_rings(red, paper, _PX_PER_MM, floor, settings)
    return tuple(_imprint(ring, rings, paper, None, picture, page, page) for ring in rings)


def quality(picture: Picture, settings: ImprintSettings = DEFAULT_SETTINGS) -> tuple[str, ...]:
    """Why a picture of a sheet has to be taken again; empty when it is good enough."""
    scale = 900 / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    bright = float(np.percentile(grey, 75))
    if bright < settings.min_brightness:
        return ("dark",)
    if float(grey.std()) < 6:
        return ("covered",)
    unit = grey.astype(np.float32) * np.float32(200 / bright)
    edges = cv2.Laplacian(cv2.GaussianBlur(unit, (0, 0), 0.8), cv2.CV_32F)
    # The sharpest places: paper is mostly empty, and an empty place is not a blurred one.
    strongest = float(np.percentile(np.abs(edges), 99.5))
    return ("blurred",) if strongest < settings.min_sharpness else ()


def _page(before: Picture, after: Picture, onto: Matrix) -> Matrix:
    """Where the sheet lies in ``before``, by the picture that shows more of its edges."""
    page, other = sheets.outline(before), None
    if page is None or not page.whole:
        other = sheets.outline(after)
    if other is not None and (page is None or other.whole):
        return other.matrix @ np.linalg.inv(onto)
    return page.matrix if page is not None else sheets.fitted(before)


def _looked(
    before: Picture,
    after: Picture,
    page: Matrix,
    onto: Matrix,
    inliers: int,
    settings: ImprintSettings,
) -> Difference:
    view_before, paper = _laid(before, page)
    after_page = page @ onto
    view_after, paper_after = _laid(after, after_page)
    flat_before, flat_after = inks.flat(view_before), inks.flat(view_after)
    fresh = inks.new_ink(flat_before, flat_after, max(1, round(_REACH_MM * _PX_PER_MM)))
    change = inks.redness(flat_after) - inks.redness(flat_before)
    floor = max(settings.ink_floor, 4 * inks.noise(change))
    both = (paper & paper_after).astype(np.uint8)
    rings = find_rings(fresh, both, _PX_PER_MM, floor, settings)
    left = np.where(both > 0, fresh, 0)
    for ring in rings:
        middle = (round(ring.x * _PX_PER_MM), round(ring.y * _PX_PER_MM))
        cv2.circle(left, middle, round((ring.radius + 1.5) * _PX_PER_MM), 0.0, -1)
    strokes = cv2.morphologyEx(
        (left > max(0.15, floor)).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)
    )
    return Difference(
        tuple(_imprint(ring, rings, both, before, after, page, after_page) for ring in rings),
        float(strokes.sum()) / _PX_PER_MM**2,
        (),
        True,
        inliers,
    )


def _laid(picture: Picture, page: Matrix) -> tuple[Picture, NDArray[np.uint8]]:
    """The sheet at working size, and where it is: inside the picture and inside its own edges."""
    side = round(_CANVAS_MM * _PX_PER_MM)
    matrix = sheets.to_pixels(_PX_PER_MM) @ page
    view = cv2.warpPerspective(
        picture, matrix, (side, side), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    inside = cv2.warpPerspective(
        np.full(picture.shape[:2], 255, np.uint8), matrix, (side, side), flags=cv2.INTER_NEAREST
    )
    # What is much darker than paper all over is the desk, not the sheet.
    dim = cv2.GaussianBlur(view[:, :, 2], (0, 0), 2.0)
    level, _ = cv2.threshold(dim, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    bright = (dim > 0.9 * level).astype(np.uint8)
    sheet = cv2.morphologyEx(bright, cv2.MORPH_CLOSE, np.ones((41, 41), np.uint8))
    sheet = cv2.erode(sheet, np.ones((13, 13), np.uint8), borderValue=0)
    return view.astype(np.uint8), np.where(inside > 0, sheet, 0).astype(np.uint8)


def _imprint(
    ring: Ring,
    all_rings: Sequence[Ring],
    paper: NDArray[np.uint8],
    before: Picture | None,
    after: Picture,
    page: Matrix,
    after_page: Matrix,
) -> Imprint:
    shape = after.shape if before is None else before.shape
    half = ring.radius * CROP_SHARE
    draw = sheets.to_pixels(_CROP_PX_PER_MM, (-half, -half)) @ _straight(ring)
    side = round(2 * half * _CROP_PX_PER_MM)
    crop = _view(after, draw @ after_page, side)
    foreign = np.zeros((side, side), np.uint8)
    for other in all_rings:
        if other is not ring:
            x, y = draw[:2, :2] @ (other.x, other.y) + draw[:2, 2]
            reach = round((other.radius + 1) * _CROP_PX_PER_MM)
            cv2.circle(foreign, (round(x), round(y)), reach, 1, -1)
    if before is None:
        ink = np.clip(inks.redness(inks.flat(crop)), 0, 1).astype(np.float32)
    else:
        reach = max(1, round(_REACH_MM * 0.6 * _CROP_PX_PER_MM))
        was = _view(before, draw @ page, side)
        flat = inks.flat(was)
        ink = inks.new_ink(flat, inks.flat(crop), reach)
        foreign |= (inks.redness(flat) > _OLD_INK).astype(np.uint8)
    # What the sheet has lost must not look like letters.
    there = cv2.warpPerspective(
        paper,
        draw @ np.linalg.inv(sheets.to_pixels(_PX_PER_MM)),
        (side, side),
        flags=cv2.INTER_NEAREST,
    )
    ink[there == 0] = 0
    back = np.linalg.inv(page)
    corners = np.array(
        [[(ring.x + dx * half, ring.y + dy * half)] for dx in (-1, 1) for dy in (-1, 1)], np.float64
    )
    seen = cv2.perspectiveTransform(corners, back).reshape(-1, 2) / (shape[1], shape[0])
    low, high = np.clip(seen.min(axis=0), 0, 1), np.clip(seen.max(axis=0), 0, 1)
    return Imprint(
        ring,
        ink,
        (there > 0).astype(np.float32),
        crop,
        (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])),
        _fineness(ring, after_page),
        1 - float(foreign[_letters(side)].mean()),
    )


@lru_cache(maxsize=16)
def _letters(side: int) -> NDArray[np.bool_]:
    """Where the letters of an imprint are in its crop."""
    across = (np.arange(side) + 0.5) / side * 2 - 1
    far = np.hypot(across[:, None], across[None, :]) * CROP_SHARE
    return np.asarray((far > _LETTERS[0]) & (far < _LETTERS[1]), np.bool_)


def _straight(ring: Ring) -> Matrix:
    """Millimetres on the sheet → the same from the ring's middle, the ring a circle."""
    matrix = np.eye(3)
    matrix[:2, :2] = np.linalg.inv(ring.stretch)
    matrix[:2, 2] = -matrix[:2, :2] @ (ring.x, ring.y)
    return matrix


def _fineness(ring: Ring, page: Matrix) -> float:
    ends = np.array([[(ring.x - ring.radius, ring.y), (ring.x + ring.radius, ring.y)]], np.float64)
    seen = cv2.perspectiveTransform(ends, np.linalg.inv(page))[0]
    return float(np.hypot(*(seen[1] - seen[0]))) / (2 * ring.radius)


def _view(picture: Picture, matrix: Matrix, side: int) -> Picture:
    view = cv2.warpPerspective(
        picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return view.astype(np.uint8)


def _by_outlines(before: Picture, after: Picture) -> Matrix | None:
    first, second = sheets.outline(before), sheets.outline(after)
    if first is None or second is None:
        return None
    return np.asarray(np.linalg.inv(first.matrix) @ second.matrix, np.float64)
