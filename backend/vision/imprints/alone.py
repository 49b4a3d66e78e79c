"""A clean imprint on white paper, near or far: found by its own outline, whatever the scale."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.decode import Picture
from backend.vision.imprints import ink as inks
from backend.vision.imprints.settings import ImprintSettings

_LOOK_SIDE = 800
_CROP_SIDE = 360
_MIN_RADIUS_PX = 50


def only_imprint(
    picture: Picture, share: float, settings: ImprintSettings
) -> tuple[inks.Map, Picture] | None:
    """Ink around the one imprint on ``picture``, and the same place as it looks.

    Square, ``share`` outer radii to each side of the middle. A camera that looks on from the side
    is put right: the outline becomes a circle. None when no whole round imprint is there.
    """
    scale = min(1.0, _LOOK_SIDE / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(
        np.uint8
    )
    red = inks.redness(inks.flat(small))
    floor = max(2 * settings.ink_floor, 5 * inks.noise(red))
    mask = cv2.morphologyEx((red > floor).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2)))
    # Letters, star and ring grow together into one blob; what lies apart is something else.
    reach = max(3, round(0.02 * max(small.shape[:2])))
    joined = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    contours, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))
    if len(hull) < 5:
        return None
    (x, y), (across, down), angle = cv2.fitEllipse(hull)
    across, down = across - reach, down - reach
    if min(across, down) < 2 * _MIN_RADIUS_PX * scale or max(across, down) > 1.4 * min(
        across, down
    ):
        return None
    ellipse = np.pi * (across + reach) * (down + reach) / 4
    if abs(cv2.contourArea(hull) / ellipse - 1) > 0.06:
        return None
    matrix = _to_circle((x, y), (across, down), angle, share) @ np.diag([scale, scale, 1.0])
    crop = cv2.warpPerspective(
        picture,
        matrix,
        (_CROP_SIDE, _CROP_SIDE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.uint8)
    seen = np.clip(inks.redness(inks.flat(crop)), 0, 1).astype(np.float32)
    return seen, crop


def _to_circle(
    middle: tuple[float, float], axes: tuple[float, float], degrees: float, share: float
) -> NDArray[np.float64]:
    """From the looked-at picture to the crop: turn, stretch to a circle, turn back."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    radius = _CROP_SIDE / 2 / share
    linear = turn.T @ np.diag([2 * radius / axes[0], 2 * radius / axes[1]]) @ turn
    shift = np.array([_CROP_SIDE / 2 - 0.5] * 2) - linear @ np.array(middle)
    return np.vstack([np.column_stack([linear, shift]), [0.0, 0.0, 1.0]])
