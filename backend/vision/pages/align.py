"""A photograph laid over the approved page: plane first, then the paper's slow bends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.decode import Picture
from backend.vision.pages.ink import Ink, Lit, Mask, flatten, red_channel

Plane = NDArray[np.float32]

_FLOW_SHRINK = 2
_FLOW_SMOOTH = 22.0
_FLOW_MOST = 14.0
_NEAR = 17
_BESIDE = 21
_EDGE = 121
_PRINT = 0.12
_ROOM = 6


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A photograph in a reference page's pixels.

    Attributes:
        picture: blue-green-red.
        lit: its ink and light.
        inside: False where the photograph does not reach.
    """

    picture: Picture
    lit: Lit
    inside: Mask


@dataclass(frozen=True, slots=True)
class Shift:
    """A line that was found elsewhere: it stands ``right`` and ``down`` pixels from ``box``."""

    box: tuple[int, int, int, int]
    right: float
    down: float

    @property
    def found(self) -> tuple[int, int, int, int]:
        """Where it was found, with a little room around."""
        left, top, wide, high = self.box
        x, y = round(left + self.right) - _ROOM, round(top + self.down) - _ROOM
        return (x, y, wide + 2 * _ROOM, high + 2 * _ROOM)


def lay(
    photo: Picture,
    plane: NDArray[np.float64],
    ink: Ink,
    dots_per_mm: float,
    free: Mask,
    shifts: Sequence[Shift] = (),
) -> Laid:
    """Lay ``photo`` over a reference page.

    Args:
        photo: as decoded.
        plane: from the photograph's pixels to the page's.
        ink: the page's.
        dots_per_mm: of the page.
        free: where anything may have been written since; nothing there pulls the paper about.
        shifts: lines that an earlier laying left beside their place.
    """
    height, width = ink.shape
    photo, plane = _shrunk(photo, plane)
    flat = _warped(photo, plane, (width, height))
    lit = flatten(red_channel(flat), dots_per_mm)
    # Signatures would pull the print beside them along. Print itself stays where it is free, too:
    # cut through, it would have edges that stand still on both sides.
    near = cv2.dilate(ink, np.ones((_BESIDE, _BESIDE), np.uint8)) > _PRINT
    seen = np.where(free & ~near, 0, lit.ink).astype(np.float32)
    moved_x, moved_y = _bends(ink, seen, free | _beyond(photo, plane, (width, height)))
    for shift in shifts:
        _pull(moved_x, moved_y, shift)
    grid_x, grid_y = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    # Straight from the photograph, so that its pixels are mixed once only.
    back = np.linalg.inv(plane).astype(np.float32)
    x, y = grid_x + moved_x, grid_y + moved_y
    below = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    from_x = (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / below
    from_y = (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / below
    picture = cv2.remap(
        photo, from_x, from_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.uint8)
    inside = (
        (from_x >= 0)
        & (from_y >= 0)
        & (from_x <= photo.shape[1] - 1)
        & (from_y <= photo.shape[0] - 1)
    )
    return Laid(picture, flatten(red_channel(picture), dots_per_mm), inside)


def scale_of(plane: NDArray[np.float64]) -> float:
    """Pixels of the page for each pixel of the photograph, in the page's middle."""
    return float(np.sqrt(abs(np.linalg.det(plane[:2, :2]))))


def _shrunk(photo: Picture, plane: NDArray[np.float64]) -> tuple[Picture, NDArray[np.float64]]:
    """A photograph much finer than the page is averaged first, else it would flicker."""
    scale = scale_of(plane)
    if scale > 0.7:
        return photo, plane
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    back = np.diag([photo.shape[1] / small.shape[1], photo.shape[0] / small.shape[0], 1.0])
    return small.astype(np.uint8), plane @ back


def _warped(photo: Picture, plane: NDArray[np.float64], size: tuple[int, int]) -> Picture:
    flat = cv2.warpPerspective(
        photo, plane, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(flat, np.uint8)


def _beyond(photo: Picture, plane: NDArray[np.float64], size: tuple[int, int]) -> Mask:
    """Where the photograph does not reach, and a centimetre more: what is cut through pulls."""
    there = cv2.warpPerspective(
        np.ones(photo.shape[:2], np.uint8), plane, size, flags=cv2.INTER_NEAREST
    )
    return np.asarray(cv2.erode(there, np.ones((_EDGE, _EDGE), np.uint8), borderValue=1) == 0)


def _bends(ink: Ink, seen: Ink, free: Mask) -> tuple[Plane, Plane]:
    """Where each place of the page lies in the photograph, relative: smooth over some lines.

    Where nothing is printed, what is printed differs, or the place is free, the neighbourhood
    decides. First coarsely, so that bends wider than a letter do not lead to the letter beside.
    """
    height, width = ink.shape
    size = (width // _FLOW_SHRINK, height // _FLOW_SHRINK)
    ours, theirs = (_soft(_sized(plane, size)) for plane in (ink, seen))
    half = (size[0] // 2, size[1] // 2)
    still = _sized((~free).astype(np.float32), size)
    coarse = _flow(_sized(ours, half), _sized(theirs, half), _sized(still, half), _FLOW_SMOOTH / 2)
    first = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) * 2 for plane in coarse]
    grid_x, grid_y = np.meshgrid(
        np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32)
    )
    brought = cv2.remap(theirs, grid_x + first[0], grid_y + first[1], cv2.INTER_LINEAR)
    second = _flow(ours, np.asarray(brought, np.float32), still, _FLOW_SMOOTH)
    moved = [
        np.asarray(cv2.resize(a + b, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
        * np.float32(_FLOW_SHRINK)
        for a, b in zip(first, second, strict=True)
    ]
    return moved[0], moved[1]


def _sized(plane: Plane, size: tuple[int, int]) -> Plane:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _soft(plane: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.2), np.float32)


def _flow(ours: Plane, theirs: Plane, counts: Plane, smooth: float) -> tuple[Plane, Plane]:
    # Signatures and seals would pull their neighbourhood along.
    near = cv2.dilate(ours, np.ones((_NEAR, _NEAR), np.uint8)) > _PRINT
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(
        (ours * 255).astype(np.uint8),
        (theirs * near * 255).astype(np.uint8),
        np.zeros((*ours.shape, 2), np.float32),
    )
    weight = cv2.GaussianBlur(np.minimum(ours, 0.5), (0, 0), 2) * counts
    weight[np.abs(flow).max(axis=2) > _FLOW_MOST] = 0
    mass = cv2.GaussianBlur(weight, (0, 0), smooth) + 1e-4
    moved = [
        np.asarray(cv2.GaussianBlur(flow[..., axis] * weight, (0, 0), smooth) / mass, np.float32)
        for axis in (0, 1)
    ]
    return moved[0], moved[1]


def _pull(x: NDArray[np.float32], y: NDArray[np.float32], shift: Shift) -> None:
    """Move a line's neighbourhood as a whole, in place, fading out around it."""
    left, top, wide, high = shift.box
    middle = (
        min(max(0, top + high // 2), x.shape[0] - 1),
        min(max(0, left + wide // 2), x.shape[1] - 1),
    )
    to_x, to_y = float(x[middle]) + shift.right, float(y[middle]) + shift.down
    share = np.zeros_like(x)
    share[max(0, top - _FADE) : top + high + _FADE, max(0, left - _FADE) : left + wide + _FADE] = 1
    share = cv2.GaussianBlur(share, (0, 0), _FADE / 3).astype(np.float32)
    x += share * (to_x - x)
    y += share * (to_y - y)


_FADE = 18
"""Pixels: less than the white between two lines."""
