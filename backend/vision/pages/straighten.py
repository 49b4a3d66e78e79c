"""Uploaded scans and photographs of a page, laid straight at the size of a drawn page."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain.eyes import Box
from backend.vision.decode import Picture
from backend.vision.pages.errors import PaperError
from backend.vision.pages.ink import flatten, red_channel
from backend.vision.pages.reader import Reader
from backend.vision.pages.settings import SourceLimits

A4 = (1240, 1754)
"""Pixels of A4 at ``settings.DPI``."""

_SMALL = 600
_MIN_SHARE = 0.35
_TURN = 15.0


def upright(picture: Picture, reader: Reader, limits: SourceLimits) -> Picture:
    """The page alone, straight, A4's width in pixels (its height where it lies on its side).

    Raises:
        PaperError: ``paper_too_small``.
    """
    corners = sheet_corners(picture)
    wide = _length(corners) if corners is not None else float(min(picture.shape[:2]))
    if wide < limits.min_width:
        raise PaperError(
            "paper_too_small",
            "图片太小，字看不清，请靠近重新拍摄或上传扫描件。",
            "The picture is too small to read; take it again from nearer, or send a scan.",
        )
    if corners is not None:
        return _flattened(picture, corners)
    return _scaled(_turned(picture))


def along(picture: Picture, boxes: Sequence[Box]) -> list[Box]:
    """Where ``boxes`` of an uploaded picture (fractions of it) lie on the page that
    :func:`upright` makes of it; what hangs over the page's edge is cut off. The few degrees by
    which a scan is turned are left out: they are less than a hand's marking is exact."""
    plane = _to_page(picture)
    moved = boxes if plane is None else [_moved(box, plane) for box in boxes]
    return [box for box in moved if box[2] > 0 and box[3] > 0]


def back(picture: Picture, boxes: Sequence[Box]) -> list[Box]:
    """Where ``boxes`` of the page that :func:`upright` makes of an uploaded picture lie on that
    picture: the other way of :func:`along`, one for each."""
    plane = _to_page(picture)
    if plane is None:
        return list(boxes)
    other_way = np.asarray(np.linalg.inv(plane), np.float64)
    return [_moved(box, other_way) for box in boxes]


def _to_page(picture: Picture) -> NDArray[np.float64] | None:
    """From shares of an uploaded picture to shares of its page; None where it is the page."""
    corners = sheet_corners(picture)
    if corners is None:
        return None
    height, width = picture.shape[:2]
    unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    placed = np.asarray(corners / np.array([width, height]), np.float32)
    return np.asarray(cv2.getPerspectiveTransform(placed, unit), np.float64)


def _moved(box: Box, plane: NDArray[np.float64]) -> Box:
    left, top, wide, high = box
    ends = [(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)]
    points = np.clip(cv2.perspectiveTransform(np.array([ends], np.float64), plane)[0], 0, 1)
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x0, y0, x1 - x0, y1 - y0


def sheet_corners(picture: Picture) -> NDArray[np.float32] | None:
    """The corners of a bright sheet on something darker, from upper left clockwise; None if none.

    A scan, whose sheet fills the picture, has none.
    """
    shrink = _SMALL / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    gray = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (0, 0), 2)
    closed = cv2.morphologyEx(gray, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    _, bright = cv2.threshold(closed, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    outlines, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return None
    sheet = max(outlines, key=cv2.contourArea)
    area = cv2.contourArea(sheet)
    whole = small.shape[0] * small.shape[1]
    if not _MIN_SHARE * whole < area < 0.97 * whole:
        return None
    shape = cv2.approxPolyDP(cv2.convexHull(sheet), 0.02 * cv2.arcLength(sheet, True), True)
    if len(shape) != 4 or not cv2.isContourConvex(shape):
        return None
    points = shape.reshape(4, 2).astype(np.float32)
    if area < 0.9 * cv2.contourArea(points):
        return None
    middle = points.mean(axis=0)
    order = np.argsort(np.arctan2(points[:, 1] - middle[1], points[:, 0] - middle[0]))
    return points[order] / np.float32(shrink)


def _length(corners: NDArray[np.float32]) -> float:
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    return float(min(sides[0] + sides[2], sides[1] + sides[3]) / 2)


def _flattened(picture: Picture, corners: NDArray[np.float32]) -> Picture:
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    width, height = A4 if sides[1] + sides[3] >= sides[0] + sides[2] else A4[::-1]
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    plane = cv2.getPerspectiveTransform(corners, target)
    flat = cv2.warpPerspective(picture, plane, (width, height), flags=cv2.INTER_AREA)
    return _white(np.asarray(flat, np.uint8))


def _turned(picture: Picture) -> Picture:
    """Turn a scan by the few degrees that make its rows of ink narrowest."""
    gray = red_channel(picture)
    shrink = min(1.0, _SMALL / max(gray.shape))
    small = cv2.resize(gray, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    ink = flatten(np.asarray(small, np.uint8), small.shape[1] / 210).ink
    height, width = ink.shape
    best, angle = -1.0, 0.0
    for tried in np.arange(-5, 5.01, 0.5):
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(tried), 1.0)
        rows = cv2.warpAffine(ink, matrix, (width, height)).sum(axis=1)
        sharp = float(np.square(np.diff(rows)).sum())
        if sharp > best:
            best, angle = sharp, float(tried)
    if abs(angle) < 0.25:
        return picture
    height, width = gray.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    return np.asarray(
        cv2.warpAffine(
            picture,
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def _scaled(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    scale = (A4[0] if height >= width else A4[1]) / width
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how)
    return np.asarray(scaled, np.uint8)


def _white(picture: Picture) -> Picture:
    """Even out the light of a photograph, so that its paper is white as a drawn page's."""
    planes = []
    for channel in range(3):
        plane = np.ascontiguousarray(picture[:, :, channel])
        ink = flatten(plane, picture.shape[1] / 210).ink
        planes.append(((1 - ink) * 255).astype(np.uint8))
    return np.asarray(cv2.merge(planes), np.uint8)
