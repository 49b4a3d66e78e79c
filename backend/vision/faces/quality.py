"""Whether a frame says anything about who is there, measured before anybody is compared."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.decode import Picture
from backend.vision.faces import reasons
from backend.vision.faces.engine import DetectedFace
from backend.vision.faces.reasons import Reason
from backend.vision.faces.settings import QualityLimits

Grey = NDArray[np.float32]

# Regions of the aligned 112×112 crop: rows, columns.
_FACE = (slice(30, 104), slice(22, 90))
_SHARP = (slice(26, 108), slice(18, 94))
_EYES = (slice(40, 60), slice(26, 86))
_NOSE = (slice(60, 80), slice(40, 72))
_MOUTH = (slice(80, 104), slice(34, 78))
_BURNT = 250
_PROBE = (160, 120)


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured on one aligned crop; see ``QualityLimits`` for the meaning of each."""

    brightness: float
    contrast: float
    saturated: float
    sharpness: float
    lower_face: float


def measure(crop: Picture) -> Quality:
    """Measure an aligned crop (112×112 blue-green-red)."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY).astype(np.float32)
    face = grey[_FACE]
    unit = (grey - grey.mean()) / max(float(grey.std()), 1e-3)
    # A light smoothing first: sensor noise is sharp too.
    smooth = cv2.GaussianBlur(unit, (0, 0), 0.7).astype(np.float32)
    across = cv2.Sobel(smooth, cv2.CV_32F, 2, 0)[_SHARP]
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 2)[_SHARP]
    edges = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    eyes = max(float(edges[_EYES].mean()), 1e-6)
    lower = (float(edges[_NOSE].mean()) + float(edges[_MOUTH].mean())) / 2
    return Quality(
        brightness=float(face.mean()),
        contrast=float(face.std()),
        saturated=float((face >= _BURNT).mean()),
        sharpness=min(float(across.var()), float(down.var())),
        lower_face=lower / eyes,
    )


def refuse_geometry(
    picture: Picture, faces: list[DetectedFace], limits: QualityLimits
) -> tuple[Reason, ...]:
    """Reasons that do not need the crop: how many faces, how large, where, which way.

    ``faces`` are those above the confidence limit, the largest first.
    """
    if not faces:
        return (_without_face(picture, limits),)
    main = faces[0]
    if any(other.width >= limits.other_face_share * main.width for other in faces[1:]):
        return (reasons.TWO_FACES,)
    refusals = []
    if main.width < limits.min_face_width:
        refusals.append(reasons.TOO_SMALL)
    if _margin(picture, main) < limits.min_margin:
        refusals.append(reasons.OUT_OF_FRAME)
    if abs(main.turn) > limits.max_turn:
        refusals.append(reasons.TURNED_AWAY)
    return tuple(refusals)


def refuse_quality(seen: Quality, limits: QualityLimits) -> tuple[Reason, ...]:
    """Reasons from the crop. Bad light hides the rest, so it is said alone."""
    if seen.brightness < limits.min_brightness:
        return (reasons.TOO_DARK,)
    if seen.brightness > limits.max_brightness or seen.saturated > limits.max_saturated:
        return (reasons.TOO_BRIGHT,)
    if seen.contrast < limits.min_contrast:
        return (reasons.LOW_CONTRAST,)
    if seen.sharpness < limits.min_sharpness:
        return (reasons.BLURRED,)
    if seen.lower_face < limits.min_lower_face:
        return (reasons.OCCLUDED,)
    return ()


def _without_face(picture: Picture, limits: QualityLimits) -> Reason:
    # Averaged to a small picture, so that noise does not pass for something to see.
    small = cv2.resize(picture, _PROBE, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    mean, spread = float(grey.mean()), float(grey.std())
    if mean < limits.dark_frame:
        return reasons.TOO_DARK
    if mean > limits.bright_frame:
        return reasons.TOO_BRIGHT
    return reasons.CAMERA_COVERED if spread < limits.flat_frame else reasons.NO_FACE


def _margin(picture: Picture, face: DetectedFace) -> float:
    """Distance of the outermost landmark to the picture's border, in eye distances.

    Boxes do not tell: detectors guess them from what they see. A cut face has eyes at the border.
    """
    height, width = picture.shape[:2]
    left, right = face.landmarks[:2]
    distance = max(float(np.hypot(*(right - left))), 1e-6)
    inward = (face.landmarks, np.array([width, height], np.float32) - face.landmarks)
    return min(float(side.min()) for side in inward) / distance
