"""Which of the approved pages a photograph shows, if any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.decode import Picture
from backend.vision.pages import features
from backend.vision.pages.features import Features, Placed
from backend.vision.pages.ink import flatten, red_channel
from backend.vision.pages.reference import ReferencePage
from backend.vision.pages.settings import PageSettings

_FEW = 900
_CANDIDATES = 2
_LONGEST = 2200
_ENOUGH_OUTSIDE = 300
_PAGE_MM = 210 / 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A page that was found.

    Attributes:
        page: index among the references.
        inliers: how many corners of print agree.
        plane: from the photograph's pixels to the page's.
        others: True where another page lies beside it in the same picture.
    """

    page: int
    inliers: int
    plane: NDArray[np.float64]
    others: bool


def find(
    photo: Picture, references: Sequence[ReferencePage], settings: PageSettings
) -> Found | None:
    """The reference that fits best; None if none has ``min_inliers``."""
    seen, shrink = _seen(photo)
    best: tuple[int, Placed] | None = None
    for number in _candidates(seen, references):
        placed = features.place(seen, references[number].features)
        if placed.plane is not None and (best is None or placed.inliers > best[1].inliers):
            best = (number, placed)
    if best is None or best[1].inliers < settings.min_inliers or best[1].plane is None:
        return None
    number, placed = best
    plane = best[1].plane
    outside = _outside(seen, plane, references[number].size)
    others = len(outside.codes) >= _ENOUGH_OUTSIDE and any(
        features.place(outside, reference.features).inliers >= settings.min_inliers
        for reference in (references[at] for at in _candidates(outside, references))
    )
    return Found(number, placed.inliers, plane @ np.diag([shrink, shrink, 1.0]), others)


def _seen(photo: Picture) -> tuple[Features, float]:
    shrink = min(1.0, _LONGEST / max(photo.shape[:2]))
    gray = red_channel(photo)
    if shrink < 1:
        small = cv2.resize(gray, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        gray = np.asarray(small, np.uint8)
    return features.extract(flatten(gray, min(gray.shape) / _PAGE_MM).ink), shrink


def _candidates(seen: Features, references: Sequence[ReferencePage]) -> list[int]:
    """The likeliest pages, told by some of the corners where there are many pages."""
    if len(references) <= _CANDIDATES:
        return list(range(len(references)))
    step = max(1, len(seen.points) // _FEW)
    some = Features(seen.points[::step], seen.codes[::step])
    scored = [
        (features.place(some, reference.features).inliers, -number)
        for number, reference in enumerate(references)
    ]
    return [-number for _, number in sorted(scored, reverse=True)[:_CANDIDATES]]


def _outside(seen: Features, plane: NDArray[np.float64], size: tuple[int, int]) -> Features:
    if not len(seen.points):
        return seen
    there = cv2.perspectiveTransform(seen.points[None].astype(np.float64), plane)[0]
    margin = 0.03 * size[0]
    out = (
        (there[:, 0] < -margin)
        | (there[:, 1] < -margin)
        | (there[:, 0] > size[0] + margin)
        | (there[:, 1] > size[1] + margin)
    )
    return Features(seen.points[out], seen.codes[out])
