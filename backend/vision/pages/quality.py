"""When a photograph cannot be compared: reasons as in ``backend.domain.eyes.RETAKE_REASONS``."""

from __future__ import annotations

import cv2
import numpy as np

from backend.vision.decode import Picture
from backend.vision.pages.ink import flatten, red_channel
from backend.vision.pages.reference import DOTS_PER_MM
from backend.vision.pages.settings import PageSettings
from backend.vision.pages.straighten import A4, sheet_corners

_COVERED = 9.0
_BURNT = 252
_BURNT_SHARE = 0.25
_EDGE = 0.16


def whole(photo: Picture, settings: PageSettings) -> str | None:
    """A reason that the picture as a whole gives, None if it gives none."""
    small = cv2.resize(photo, (160, 200), interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    if float(np.percentile(gray, 95)) < settings.dark:
        return "dark"
    if float(gray.std()) < _COVERED and float(gray.mean()) < 200 and _empty(photo):
        return "covered"
    if float((gray >= _BURNT).mean()) > _BURNT_SHARE:
        return "glare"
    return None


def _empty(photo: Picture) -> bool:
    return letters(photo) == 0


def letters(photo: Picture) -> int:
    """How many letter-like marks stand on the sheet (or the picture, where no sheet's edge shows).

    A blank sheet has at most 3, a written page at least 172 (measured).
    """
    ink = flatten(red_channel(_sheet(photo)), DOTS_PER_MM).ink
    height, width = ink.shape
    margin = round(0.05 * width)
    inner = cv2.GaussianBlur(ink, (0, 0), 0.8)[margin : height - margin, margin : width - margin]
    marks = (inner > 0.22).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(marks)
    sizes = stats[1:count]
    high, wide, area = sizes[:, 3], sizes[:, 2], sizes[:, 4]
    fit = (high >= 6) & (high <= 90) & (wide >= 3) & (wide <= 120) & (area >= 14)
    return int(fit.sum())


def blurred(photo: Picture) -> bool:
    """Whether no edge of print is steep: for a picture that fits no page."""
    ink = flatten(red_channel(_sheet(photo)), DOTS_PER_MM).ink
    across = cv2.Sobel(ink, cv2.CV_32F, 1, 0, ksize=3) / 8
    along = cv2.Sobel(ink, cv2.CV_32F, 0, 1, ksize=3) / 8
    steep = cv2.magnitude(across, along)
    margin = round(0.05 * ink.shape[1])
    inner = slice(margin, -margin)
    dark = cv2.dilate(ink, np.ones((5, 5), np.uint8))[inner, inner]
    if int((dark > 0.2).sum()) < 100:
        return False
    # Thin print is pale: an edge's steepness counts against the depth beside it.
    relative = steep[inner, inner][dark > 0.2] / dark[dark > 0.2]
    return float(np.percentile(relative, 90)) < _EDGE


def _sheet(photo: Picture) -> Picture:
    corners = sheet_corners(photo)
    if corners is None:
        scale = A4[0] / min(photo.shape[:2])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=how), np.uint8)
    target = np.array([(0, 0), (A4[0], 0), A4, (0, A4[1])], np.float32)
    plane = cv2.getPerspectiveTransform(corners, target)
    return np.asarray(cv2.warpPerspective(photo, plane, A4, flags=cv2.INTER_AREA), np.uint8)
