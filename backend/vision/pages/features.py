"""Which page it is: ORB features, and the plane that carries one picture's page to another's.

Same page 106 inliers or more, another page at most 16 (measured); accepted from ``MIN_INLIERS``.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.pages.ink import Ink

MIN_INLIERS = 40
_COUNT = 3000
_RATIO = 0.78
_REACH = 5.0
_MIN_MATCHES = 12


@dataclass(frozen=True, slots=True)
class Features:
    """Corners of print and what they look like.

    Attributes:
        points: n × 2, pixels.
        codes: n × 32 bytes.
    """

    points: NDArray[np.float32]
    codes: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Placed:
    """How one set of features lies on another.

    Attributes:
        inliers: matches that agree on one plane.
        plane: 3 × 3, from the first set's pixels to the second's; None below four matches.
        points: the agreeing points of the first set.
    """

    inliers: int
    plane: NDArray[np.float64] | None
    points: NDArray[np.float32]


def extract(ink: Ink, count: int = _COUNT) -> Features:
    """The strongest corners of what is written."""
    gray = (255 - np.clip(ink * 255, 0, 255)).astype(np.uint8)
    everywhere = np.full(gray.shape, 255, np.uint8)
    points, codes = cv2.ORB.create(count, fastThreshold=12).detectAndCompute(gray, everywhere)
    if not points:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8))
    return Features(
        np.array([point.pt for point in points], np.float32), np.asarray(codes, np.uint8)
    )


def place(one: Features, other: Features) -> Placed:
    """How ``one`` lies on ``other``, whichever way up."""
    nothing = Placed(0, None, np.zeros((0, 2), np.float32))
    if len(one.codes) < _MIN_MATCHES or len(other.codes) < _MIN_MATCHES:
        return nothing
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(one.codes, other.codes, 2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < _RATIO * p[1].distance]
    if len(good) < _MIN_MATCHES:
        return nothing
    ours = one.points[[match.queryIdx for match in good]]
    theirs = other.points[[match.trainIdx for match in good]]
    # The same pixels must give the same verdict: the sampler starts from the same state each time.
    cv2.setRNGSeed(1)
    found, agree = cv2.findHomography(
        ours, theirs, cv2.USAC_MAGSAC, _REACH, maxIters=3000, confidence=0.999
    )
    # None, against its declaration, where the points allow no plane.
    plane = np.asarray(found, np.float64)
    if plane.shape != (3, 3) or not _sane(plane, ours):
        return nothing
    inside = agree.ravel().astype(bool)
    return Placed(int(inside.sum()), plane, ours[inside])


def _sane(plane: NDArray[np.float64], points: NDArray[np.float32]) -> bool:
    """Not mirrored, not folded: the page's points stay on one side of the horizon."""
    if np.linalg.det(plane[:2, :2]) <= 1e-4:
        return False
    below = points @ plane[2, :2] + plane[2, 2]
    return bool(np.all(below > 0.2) and np.all(below < 5))
