"""What an alert shows: the place on the approved page and on the sheet, side by side, marked."""

from __future__ import annotations

import cv2
import numpy as np

from backend.domain.eyes import Mark
from backend.vision.decode import Picture
from backend.vision.pages.sight import pixels

_ROOM = 60
_LEAST = (360, 140)
_MOST = (1100, 700)
_FRAME = (40, 40, 220)
_QUALITY = 85


def pair(mark: Mark, approved: Picture, found: Picture) -> tuple[bytes, bytes]:
    """The marked place as two JPEG files of the same size: approved, found.

    Args:
        mark: its box in shares of both pictures.
        approved: the approved page (or the sheet before the press).
        found: the sheet, laid over it.

    Raises:
        ValueError: when the pictures are not of one size.
    """
    if approved.shape != found.shape:
        raise ValueError("both pictures of a place are of one size")
    size = (approved.shape[1], approved.shape[0])
    left, top, wide, high = pixels(mark.box, size)
    x0, x1 = _span(left, wide, size[0], _LEAST[0], _MOST[0])
    y0, y1 = _span(top, high, size[1], _LEAST[1], _MOST[1])
    first, second = (
        _framed(picture[y0:y1, x0:x1], (left - x0, top - y0, wide, high))
        for picture in (approved, found)
    )
    return first, second


def whole(picture: Picture, marks: tuple[Mark, ...], width: int = 900) -> bytes:
    """A page with all its marks framed, as a JPEG file ``width`` pixels wide."""
    scale = width / picture.shape[1]
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    out = np.ascontiguousarray(small, np.uint8)
    size = (out.shape[1], out.shape[0])
    for mark in marks:
        left, top, wide, high = pixels(mark.box, size)
        cv2.rectangle(out, (left - 3, top - 3), (left + wide + 3, top + high + 3), _FRAME, 3)
    return _jpeg(out)


def _span(start: int, length: int, whole: int, least: int, most: int) -> tuple[int, int]:
    wanted = min(most, max(least, length + 2 * _ROOM), whole)
    first = min(max(0, start + length // 2 - wanted // 2), whole - wanted)
    return first, first + wanted


def _framed(part: Picture, box: tuple[int, int, int, int]) -> bytes:
    out = np.ascontiguousarray(part)
    left, top, wide, high = box
    cv2.rectangle(out, (left - 4, top - 4), (left + wide + 4, top + high + 4), _FRAME, 2)
    return _jpeg(out)


def _jpeg(picture: Picture) -> bytes:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes()
