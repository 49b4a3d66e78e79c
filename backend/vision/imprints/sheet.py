"""Where the sheet lies in a picture, and two pictures of one sheet laid on each other."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.decode import Picture
from backend.vision.imprints.settings import PAGE_MM

Matrix = NDArray[np.float64]
"""3×3 homography."""

_OUTLINE_SIDE = 480
_BORDER_PX = 8
_CLOSED = 15
_MATCH_SIDES = (1100, 1700)
"""Two soft pictures of small print agree on too few points at the first; the second is asked then.
Two other sheets agree on 25 points at most at the first, on 19 at the second."""
_FEATURES = 2500


@dataclass(frozen=True, slots=True)
class Aligned:
    """How the second picture lies on the first.

    Attributes:
        matrix: pixels of the second → pixels of the first, None when they do not fit.
        inliers: matched points that agree.
        features: points found in the poorer picture.
    """

    matrix: Matrix | None
    inliers: int
    features: int


@dataclass(frozen=True, slots=True)
class Outline:
    """Where a sheet lies.

    Attributes:
        matrix: pixels → millimetres on an A4 sheet.
        whole: whether all its corners lie inside the picture. One on the picture's border may well
            be where the picture cuts the sheet, and millimetres off.
    """

    matrix: Matrix
    whole: bool


def outline(picture: Picture) -> Outline | None:
    """The sheet by its edges; None when they are not seen.

    A sheet that reaches over one side of the picture is found by its other three: the fourth
    follows from A4's proportions only roughly, which the search for rings allows for.
    """
    height, width = picture.shape[:2]
    scale = _OUTLINE_SIDE / max(height, width)
    size = (round(width * scale), round(height * scale))
    # The red channel: an imprint is no hole in the sheet there.
    small = cv2.resize(picture[:, :, 2], size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 1.5)
    _, mask = cv2.threshold(small, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    # Desk beyond the border, else closing would draw a sheet near it up to it.
    mask = cv2.copyMakeBorder(mask, _CLOSED, _CLOSED, _CLOSED, _CLOSED, cv2.BORDER_CONSTANT)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((_CLOSED, _CLOSED), np.uint8))
    mask = mask[_CLOSED:-_CLOSED, _CLOSED:-_CLOSED]
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))
    area = cv2.contourArea(hull)
    if area < 0.3 * size[0] * size[1]:
        return None
    corners = _four(hull)
    if corners is None or cv2.contourArea(corners) < 0.9 * area:
        return None
    points = corners.reshape(4, 2).astype(np.float32) / np.float32(scale)
    page = _to_page(points)
    if page is None:
        return None
    inside = (points > _BORDER_PX) & (points < np.array([width, height]) - _BORDER_PX)
    return Outline(page, bool(inside.all()))


def align(first: Picture, second: Picture, min_inliers: int) -> Aligned:
    """Lay ``second`` on ``first`` by what is printed on the sheet (ORB points, MAGSAC).

    The red channel only: an imprint that is in one of them does not disturb.
    """
    aligned = _aligned(first, second, min_inliers, _MATCH_SIDES[0])
    if aligned.matrix is None and min(max(first.shape), max(second.shape)) > _MATCH_SIDES[0]:
        finer = _aligned(first, second, min_inliers, _MATCH_SIDES[1])
        return max(aligned, finer, key=lambda one: (one.matrix is not None, one.inliers))
    return aligned


def _aligned(first: Picture, second: Picture, min_inliers: int, side: int) -> Aligned:
    scales = [min(1.0, side / max(one.shape[:2])) for one in (first, second)]
    seen = [_points(one, scale) for one, scale in zip((first, second), scales, strict=True)]
    features = min(len(one[0]) for one in seen)
    if features < 12:
        return Aligned(None, 0, features)
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    pairs = matcher.knnMatch(seen[1][1], seen[0][1], k=2)
    good = [
        pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < 0.8 * pair[1].distance
    ]
    if len(good) < 12:
        return Aligned(None, len(good), features)
    source = np.array([seen[1][0][match.queryIdx] for match in good], np.float32)
    target = np.array([seen[0][0][match.trainIdx] for match in good], np.float32)
    cv2.setRNGSeed(1)
    matrix, mask = _homography(source, target)
    inliers = int(mask.sum()) if mask is not None else 0
    if matrix is None or inliers < min_inliers or not _sane(matrix):
        return Aligned(None, inliers, features)
    return Aligned(_scaled(1 / scales[0]) @ matrix @ _scaled(scales[1]), inliers, features)


def to_pixels(px_per_mm: float, origin_mm: tuple[float, float] = (0.0, 0.0)) -> Matrix:
    """Millimetres → pixels of a drawing that starts at ``origin_mm``."""
    shift = np.array([[1, 0, -origin_mm[0]], [0, 1, -origin_mm[1]], [0, 0, 1]], np.float64)
    return np.asarray(_scaled(px_per_mm) @ shift, np.float64)


def fitted(picture: Picture) -> Matrix:
    """Pixels → millimetres when nothing better is known: the sheet fills the picture's width."""
    return _scaled(PAGE_MM[0] / picture.shape[1])


def _scaled(factor: float) -> Matrix:
    return np.diag([factor, factor, 1.0])


def _points(picture: Picture, scale: float) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    grey: cv2.typing.MatLike = picture[:, :, 2]
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    finder = cv2.ORB.create(nfeatures=_FEATURES, fastThreshold=12)
    keys, rows = finder.detectAndCompute(grey, None)
    found: cv2.typing.MatLike | None = rows
    if found is None or not keys:
        return np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8)
    return np.array([key.pt for key in keys], np.float32), found.astype(np.uint8)


def _homography(
    source: NDArray[np.float32], target: NDArray[np.float32]
) -> tuple[cv2.typing.MatLike | None, cv2.typing.MatLike | None]:
    # None where nothing fits, whatever the stubs say.
    return cv2.findHomography(source, target, cv2.USAC_MAGSAC, 2.5)


def _sane(matrix: cv2.typing.MatLike) -> bool:
    """No mirror, no fold, no more than doubled or halved."""
    scale = float(np.linalg.det(matrix[:2, :2]))
    return 0.25 < scale < 4 and abs(matrix[2, 0]) < 2e-3 and abs(matrix[2, 1]) < 2e-3


def _four(hull: cv2.typing.MatLike) -> NDArray[np.float32] | None:
    length = cv2.arcLength(hull, True)
    for share in (0.01, 0.02, 0.03, 0.05, 0.08):
        corners = cv2.approxPolyDP(hull, share * length, True)
        if len(corners) == 4:
            return corners.astype(np.float32)
    return None


def _to_page(corners: NDArray[np.float32]) -> Matrix | None:
    middle = corners.mean(axis=0)
    angle = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    ordered = corners[np.argsort(angle)]  # clockwise on the screen, from upper left
    start = int(np.argmin(ordered.sum(axis=1)))
    ordered = np.roll(ordered, -start, axis=0)
    sides = np.linalg.norm(ordered - np.roll(ordered, -1, axis=0), axis=1)
    across, down = (sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2
    width, height = PAGE_MM if down >= across else PAGE_MM[::-1]
    # Another proportion: the sheet is cut by the picture, or it is no sheet.
    if not 0.88 < (down / across) / (height / width) < 1.14:
        return None
    page = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(ordered, page), np.float64)
